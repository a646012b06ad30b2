//! Where a pod is: binding it to a node, and putting it out of one.

use super::{Verbs, key};
use objects::{Kind, Status, lookup};
use serde_json::Value;
use store::{Preconditions, StoreError};
use wire::{DeleteOptions, DeleteRequest, DryRun, ObjectRef, Response};

impl Verbs {
    /// Binds a pod to a node, as a scheduler of one's own does: a `Binding` says to which.
    ///
    /// # Errors
    /// 400 for a binding that names no node, 404, 409 where the pod is bound or another.
    pub async fn bind(&self, namespace: &str, pod: &str, binding: &Value, dry_run: DryRun) -> Result<Response, Status> {
        let (kind, node) = (lookup::text(binding, "/target/kind"), lookup::text(binding, "/target/name"));
        if !matches!(kind, "" | "Node") {
            return Err(Status::bad_request(format!("a pod is bound to a Node, and target.kind is {kind:?}")));
        }
        if node.is_empty() {
            return Err(Status::bad_request("a binding names its node in target.name"));
        }
        let key = key(Kind::Pod, namespace, pod);
        let found = self.store.get(&key).ok_or_else(|| Status::not_found(Kind::Pod, pod))?;
        let conflict = |why: &str| Status::conflict_below(Kind::Pod, "binding", pod, why);
        let value = found.to_value();
        if value.pointer("/metadata/deletionTimestamp").is_some() {
            return Err(conflict(&format!("pod {pod} is being deleted, cannot be assigned to a host")));
        }
        // The store takes the same binding twice; a client that makes it twice has made a mistake.
        let bound = lookup::text(&value, "/spec/nodeName");
        if !bound.is_empty() {
            return Err(conflict(&format!("pod {pod} is already assigned to node {bound:?}")));
        }
        let uid = Some(lookup::text(binding, "/metadata/uid")).filter(|uid| !uid.is_empty());
        let only_if = Preconditions { uid: Some(uid.unwrap_or(found.uid()).to_owned()), resource_version: None };
        if dry_run == DryRun::Yes {
            return Ok(Response::Done);
        }
        match self.store.bind(key, node, only_if).await {
            Ok(_) => Ok(Response::Done),
            Err(StoreError::AlreadyBound { node, .. }) => {
                Err(conflict(&format!("pod {pod} is already assigned to node {node:?}")))
            }
            Err(error) => Err(error.to_status()),
        }
    }

    /// Puts a pod out: deletes it, with its grace, as `kubectl drain` asks for it. There are no disruption budgets that could refuse.
    ///
    /// # Errors
    /// 400 for an eviction of another pod; as [`Verbs::delete`].
    pub async fn evict(&self, namespace: &str, pod: &str, eviction: &Value, dry_run: DryRun) -> Result<Response, Status> {
        let named = lookup::name(eviction);
        if !named.is_empty() && named != pod {
            return Err(Status::bad_request(format!(
                "name in URL does not match name in Eviction object: {pod:?} and {named:?}"
            )));
        }
        let options = eviction.get("deleteOptions").unwrap_or(&Value::Null);
        let text = |pointer: &str| Some(lookup::text(options, pointer)).filter(|text| !text.is_empty()).map(str::to_owned);
        let is_tried = lookup::list(options, "/dryRun").iter().any(|value| value == "All");
        let request = DeleteRequest {
            object: ObjectRef { kind: Kind::Pod, namespace: namespace.to_owned(), name: pod.to_owned() },
            grace_period_seconds: options.get("gracePeriodSeconds").and_then(Value::as_i64),
            uid: text("/preconditions/uid"),
            dry_run: if is_tried { DryRun::Yes } else { dry_run },
            options: DeleteOptions { resource_version: text("/preconditions/resourceVersion"), propagation: None },
        };
        self.delete(request).await.map(|_| Response::Done)
    }
}
