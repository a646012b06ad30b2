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
        let own = self.store.pods_on(&self.node_name);
        let own = own.iter().filter_map(|object| object.parse::<Pod>().ok()).map(Arc::new).collect();
        let usage = self.containers()?.usage(own).await?;
        Ok(NodeUsage { node: self.node_name.clone(), ..usage })
    }

    /// The nodes that there are, in the order of their names.
    pub fn nodes(&self) -> Vec<String> {
        self.store.list(Kind::Node, None).items.iter().map(|object| object.key().name.clone()).collect()
    }
}
