//! The subresource `ephemeralcontainers` of a pod: containers are added to it while it runs, and never changed or taken away.

use super::Verbs;
use super::admit::{context, refuse_unsupported};
use super::write::namespace_of;
use objects::admission;
use objects::{Kind, Status, lookup};
use serde_json::Value;
use wire::{ReplaceRequest, Response};

/// How often a write is tried when others write the same pod.
const TRIES: u32 = 5;

impl Verbs {
    /// Adds the ephemeral containers of the request's pod that are not there yet; nothing else of it counts.
    ///
    /// # Errors
    /// 404 where there is no such pod, 409 where it changed since it was read, 422 for containers that cannot be added.
    pub async fn replace_ephemeral(&self, request: ReplaceRequest) -> Result<Response, Status> {
        let name = lookup::name(&request.object).to_owned();
        let namespace = namespace_of(&request.object, &request.namespace);
        let names_version = !lookup::text(&request.object, "/metadata/resourceVersion").is_empty();
        let mut tries = TRIES;
        loop {
            let key = super::key(Kind::Pod, &namespace, &name);
            let live = self.store.get(&key).ok_or_else(|| Status::not_found(Kind::Pod, &name))?;
            let old: Value = live.parse().map_err(|error| super::unreadable(&error))?;
            let mut admitted = admission::admit_ephemeral(&old, request.object.clone(), &context(&request.namespace, ""))?;
            refuse_unsupported(&mut admitted)?;
            let result = self.keep_changed(&live, admitted, request.dry_run, "configured").await;
            tries -= 1;
            match result {
                // Without a version in the request, a change in between is no conflict.
                Err(status) if status.reason == "Conflict" && !names_version && tries > 0 => {}
                result => return result,
            }
        }
    }
}
