//! Other resources for a pod that runs: the subresource `resize` (`pkg/registry/core/pod/strategy.go:podResizeStrategy`,
//! `ValidatePodResize`). Only cpu and memory of containers and sidecars change; whatever else differs is left as it was.

use super::faults::{Faults, Path};
use super::{Admission, Admitted, decoding, defaults, finish, metadata_of, pod, put, qos, typed, untyped};
use crate::schema::{self, normal};
use crate::{Kind, Status, lookup};
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;
use std::collections::BTreeMap;

type Amounts = BTreeMap<String, Quantity>;

/// Admits a change of a pod's resources.
///
/// # Errors
/// As [`super::admit_update`].
pub fn admit_resize(old: &Value, new: Value, context: &Admission<'_>) -> Result<Admitted, Status> {
    let kind = decoding::kind_of(&new)?;
    let new = decoding::strict(new, kind)?;
    super::check_namespace(&new, kind, context)?;
    if kind != Kind::Pod {
        return Err(Status::bad_request(format!("{} have no subresource resize: only pods have", kind.plural())));
    }
    let wanted = lookup::text(&new, "/metadata/resourceVersion");
    if !wanted.is_empty() && wanted != lookup::text(old, "/metadata/resourceVersion") {
        return Err(Status::stale(kind, lookup::name(old)));
    }
    let old = normal::normalize(old.clone(), schema::of(kind));
    let (was, asked) = (typed::<Pod>(&old), typed::<Pod>(&normal::normalize(new, schema::of(kind))));
    let mut faults = Faults::default();
    let mut resized = was.clone();
    let path = Path::root("spec");
    if let (Some(spec), Some(asked)) = (&mut resized.spec, &asked.spec) {
        take(&mut spec.containers, &asked.containers, &path.child("containers"), &mut faults);
        let init = asked.init_containers.as_deref().unwrap_or_default();
        take(spec.init_containers.as_deref_mut().unwrap_or_default(), init, &path.child("initContainers"), &mut faults);
    }
    defaults::complete(&mut resized);
    validate(&was, &resized, context, &mut faults);
    let mut object = untyped(&resized, kind);
    if old.get("spec") != object.get("spec") {
        let generation = lookup::number(&old, "/metadata/generation") + 1;
        put(metadata_of(&mut object), "generation", generation.into());
    }
    finish(object, kind, faults.into_causes())
}

/// Takes over the resources of containers of the same names.
fn take(containers: &mut [Container], asked: &[Container], path: &Path<'_>, faults: &mut Faults) {
    let names = |containers: &[Container]| containers.iter().map(|container| container.name.clone()).collect::<Vec<_>>();
    if names(containers) != names(asked) {
        return faults.forbidden(path, "containers may not be added, removed, renamed or reordered on resize");
    }
    for (container, asked) in containers.iter_mut().zip(asked) {
        container.resources.clone_from(&asked.resources);
        container.resize_policy.clone_from(&asked.resize_policy);
    }
}

fn validate(was: &Pod, now: &Pod, context: &Admission<'_>, faults: &mut Faults) {
    pod::validate(now, context.privileged, faults);
    let path = Path::root("spec");
    if qos::class(was) != qos::class(now) {
        faults.invalid(&path, qos::class(now), "Pod QOS Class may not change as a result of resizing");
    }
    let none = PodSpec::default();
    let (was, now) = (was.spec.as_ref().unwrap_or(&none), now.spec.as_ref().unwrap_or(&none));
    let pairs =
        |was: &[Container], now: &[Container]| was.iter().cloned().zip(now.iter().cloned()).enumerate().collect::<Vec<_>>();
    for (index, (was, now)) in pairs(&was.containers, &now.containers) {
        resources(&was, &now, &path.child("containers").index(index).child("resources"), faults);
    }
    let init = |spec: &PodSpec| spec.init_containers.clone().unwrap_or_default();
    for (index, (was, now)) in pairs(&init(was), &init(now)) {
        let path = path.child("initContainers");
        let path = path.index(index);
        let path = path.child("resources");
        if now.restart_policy.as_deref() != Some("Always") && was.resources != now.resources {
            faults.forbidden(&path, "resources for non-sidecar init containers are immutable");
        } else {
            resources(&was, &now, &path, faults);
        }
    }
}

fn resources(was: &Container, now: &Container, path: &Path<'_>, faults: &mut Faults) {
    let none = ResourceRequirements::default();
    let (was, now) = (was.resources.as_ref().unwrap_or(&none), now.resources.as_ref().unwrap_or(&none));
    let empty = Amounts::new();
    let lists = [("limits", &was.limits, &now.limits), ("requests", &was.requests, &now.requests)];
    for (field, was, now) in lists {
        let (was, now) = (was.as_ref().unwrap_or(&empty), now.as_ref().unwrap_or(&empty));
        if was.keys().any(|name| !now.contains_key(name)) {
            faults.forbidden(&path.child(field), &format!("resource {field} cannot be removed"));
        }
        let is_other = |name: &&String| *name != "cpu" && *name != "memory";
        if was.keys().chain(now.keys()).filter(is_other).any(|name| was.get(name) != now.get(name)) {
            faults.forbidden(&path.child(field), "only cpu and memory resources are mutable");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::admit_resize;
    use crate::admission::{Admission, Priority, Privileged};
    use serde_json::{Value, json};

    fn pod(resources: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "namespace": "default", "uid": "u", "generation": 3, "resourceVersion": "7"},
            "spec": {"containers": [{"name": "c", "image": "x", "resources": resources}],
                "initContainers": [{"name": "i", "image": "x"}]},
            "status": {"phase": "Running"}})
    }

    fn resize(old: &Value, new: Value) -> Result<Value, String> {
        let uid = "other".to_owned();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let context = Admission {
            namespace: "default",
            now,
            uid,
            name_suffix: "",
            privileged: Privileged::Allowed,
            priority: Priority::default(),
        };
        admit_resize(old, new, &context).map(|admitted| admitted.object).map_err(|status| status.message)
    }

    #[test]
    fn resources_change_and_nothing_else() {
        let old = pod(&json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}));
        let mut new = pod(&json!({"limits": {"cpu": "2", "memory": "2Gi"}, "requests": {"cpu": "1500m", "memory": "1Gi"}}));
        new["spec"]["containers"][0]["image"] = json!("other");
        new["status"]["phase"] = json!("Failed");
        let resized = resize(&old, new).expect("it is admitted");
        assert_eq!(resized["spec"]["containers"][0]["resources"]["limits"], json!({"cpu": "2", "memory": "2Gi"}));
        assert_eq!(resized["spec"]["containers"][0]["resources"]["requests"]["cpu"], "1500m");
        assert_eq!(resized["spec"]["containers"][0]["image"], "x");
        assert_eq!((&resized["metadata"]["generation"], &resized["status"]["phase"]), (&json!(4), &json!("Running")));
    }

    #[test]
    fn what_a_resize_may_not_do_is_refused() {
        let old = pod(&json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}));
        let refused = |new: Value, why: &str| {
            let said = resize(&old, new).expect_err("it is refused");
            assert!(said.contains(why), "{said}");
        };
        refused(pod(&json!({})), "Pod QOS Class may not change");
        refused(pod(&json!({"requests": {"cpu": "500m", "memory": "1Gi"}})), "resource limits cannot be removed");
        let mut more = pod(&old["spec"]["containers"][0]["resources"]);
        more["spec"]["initContainers"][0]["resources"] = json!({"requests": {"cpu": "1"}});
        refused(more, "non-sidecar init containers are immutable");
        let mut other = pod(&old["spec"]["containers"][0]["resources"]);
        other["spec"]["containers"][0]["name"] = json!("d");
        refused(other, "may not be added, removed, renamed");
        let mut stale = pod(&old["spec"]["containers"][0]["resources"]);
        stale["metadata"]["resourceVersion"] = json!("6");
        refused(stale, "the object has been modified");
    }
}
