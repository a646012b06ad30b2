//! What this node and its pods use.

use super::Verbs;
use k8s_openapi::api::core::v1::Pod;
use objects::{Kind, Status};
use std::sync::Arc;
use wire::NodeUsage;

impl Verbs {
    /// What this node and its pods use now.
    ///
    /// # Errors
    /// 503 in a daemon that runs no pods, 500 where the machine cannot be read.
    pub async fn own_usage(&self) -> Result<NodeUsage, Status> {
        let pods = self.store.list(Kind::Pod, None).items;
        let pods = pods.iter().filter_map(|object| object.parse::<Pod>().ok());
        let is_ours = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(&self.node_name);
        let own = pods.filter(is_ours).map(Arc::new).collect();
        let usage = self.containers()?.usage(own).await?;
        Ok(NodeUsage { node: self.node_name.clone(), ..usage })
    }

    /// The nodes that there are, in the order of their names.
    pub fn nodes(&self) -> Vec<String> {
        self.store.list(Kind::Node, None).items.iter().map(|object| object.key().name.clone()).collect()
    }
}
