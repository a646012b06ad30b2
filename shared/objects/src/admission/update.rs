//! What may change of an object: `ValidateObjectMetaUpdate` and `ValidatePodUpdate` of Kubernetes' validation.

use super::faults::{AsJson, Faults, Path};
use super::unified_diff::unified;
use super::{Privileged, metadata, pod, scheduling};
use crate::names;
use crate::schema::{dump, printed};
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde_json::Value;

const CHANGEABLE: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
    `spec.tolerations` (only additions to existing tolerations),\
    `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Checks the change of metadata. Kubernetes does it twice, once for every kind and once for the kind itself.
pub(super) fn validate_metadata(old: &ObjectMeta, new: &ObjectMeta, faults: &mut Faults) {
    let path = Path::root("metadata");
    if old.deletion_timestamp.is_some() {
        let had = old.finalizers.as_deref().unwrap_or_default();
        let extra: Vec<&String> = new.finalizers.iter().flatten().filter(|finalizer| !had.contains(finalizer)).collect();
        if !extra.is_empty() {
            let list = extra.iter().map(|finalizer| format!("{finalizer:?}")).collect::<Vec<_>>().join(", ");
            let detail =
                format!("no new finalizers can be added if the object is being deleted, found new finalizers []string{{{list}}}");
            faults.forbidden(&path.child("finalizers"), &detail);
        }
    }
    let (generation, was) = (new.generation.unwrap_or(0), old.generation.unwrap_or(0));
    if generation < was {
        faults.invalid(&path.child("generation"), &generation, "must not be decremented");
    }
    let texts = [("name", &new.name, &old.name), ("namespace", &new.namespace, &old.namespace), ("uid", &new.uid, &old.uid)];
    for (field, new, old) in texts {
        if new != old {
            faults.invalid(&path.child(field), new.as_deref().unwrap_or_default(), "field is immutable");
        }
    }
    let times = [
        ("creationTimestamp", &new.creation_timestamp, &old.creation_timestamp),
        ("deletionTimestamp", &new.deletion_timestamp, &old.deletion_timestamp),
    ];
    for (field, new, old) in times {
        if new != old {
            faults.invalid(&path.child(field), &as_json(new.as_ref()), "field is immutable");
        }
    }
    if new.deletion_grace_period_seconds != old.deletion_grace_period_seconds {
        let shown = AsJson(new.deletion_grace_period_seconds.map_or_else(|| "null".to_owned(), |seconds| seconds.to_string()));
        faults.invalid(&path.child("deletionGracePeriodSeconds"), &shown, "field is immutable");
    }
    metadata::validate_loose(new, faults);
}

fn as_json(time: Option<&Time>) -> AsJson {
    AsJson(serde_json::to_string(&time).unwrap_or_default())
}

/// Checks the change of a pod.
pub(super) fn validate_pod(old: &Pod, new: &Pod, privileged: Privileged, faults: &mut Faults) {
    validate_metadata(&old.metadata, &new.metadata, faults);
    pod::validate(new, privileged, faults);
    let none = PodSpec::default();
    let (old, new) = (old.spec.as_ref().unwrap_or(&none), new.spec.as_ref().unwrap_or(&none));
    let path = Path::root("spec");
    let init = |spec: &PodSpec| spec.init_containers.clone().unwrap_or_default();
    if !same_containers(&old.containers, &new.containers, &path.child("containers"), faults)
        || !same_containers(&init(old), &init(new), &path.child("initContainers"), faults)
        || !deadline(old, new, &path.child("activeDeadlineSeconds"), faults)
    {
        return;
    }
    tolerations(old, new, &path.child("tolerations"), faults);
    gates(old, new, &path.child("schedulingGates"), faults);
    let munged = with_changeable_of(old, new);
    if munged != *old {
        let value = |spec: &PodSpec| serde_json::to_value(spec).unwrap_or(Value::Null);
        let shown = |spec: &PodSpec| dump::indented(&value(spec), &printed::POD_SPEC);
        let difference = unified(&shown(old), &shown(&munged));
        faults.forbidden(&path, &format!("pod updates may not change fields other than {CHANGEABLE}\n{difference}"));
    }
}

/// Whether the rest can be looked at.
fn same_containers(old: &[Container], new: &[Container], path: &Path<'_>, faults: &mut Faults) -> bool {
    if old.len() != new.len() {
        faults.forbidden(path, "pod updates may not add or remove containers");
        return false;
    }
    for (index, container) in new.iter().enumerate() {
        let image = container.image.as_deref().unwrap_or_default();
        let path = path.index(index);
        if image.is_empty() {
            faults.required(&path.child("image"), "");
        }
        if image.trim().len() != image.len() {
            faults.invalid(&path.child("image"), image, "must not have leading or trailing whitespace");
        }
    }
    true
}

fn deadline(old: &PodSpec, new: &PodSpec, path: &Path<'_>, faults: &mut Faults) -> bool {
    let highest = i64::from(i32::MAX);
    match (old.active_deadline_seconds, new.active_deadline_seconds) {
        (_, Some(seconds)) if !(0..=highest).contains(&seconds) => {
            faults.invalid(path, &seconds, &names::range_fault(0, highest));
            false
        }
        (Some(was), Some(seconds)) if was < seconds => {
            faults.invalid(path, &seconds, "must be less than or equal to previous value");
            false
        }
        (Some(_), None) => {
            faults.invalid(path, &AsJson("null".to_owned()), "must not update from a positive integer to nil value");
            true
        }
        _ => true,
    }
}

fn tolerations(old: &PodSpec, new: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let now = new.tolerations.as_deref().unwrap_or_default();
    for was in old.tolerations.iter().flatten() {
        let mut was = was.clone();
        let is_kept = now.iter().any(|now| {
            was.toleration_seconds = now.toleration_seconds;
            was == *now
        });
        if !is_kept {
            return faults.forbidden(path, "existing toleration can not be modified except its tolerationSeconds");
        }
    }
    scheduling::tolerations(now, path, faults);
}

fn gates(old: &PodSpec, new: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let was: Vec<&str> = old.scheduling_gates.iter().flatten().map(|gate| gate.name.as_str()).collect();
    for (index, gate) in new.scheduling_gates.iter().flatten().enumerate() {
        if !was.contains(&gate.name.as_str()) {
            let detail = format!("only deletion is allowed, but found new scheduling gate '{}'", gate.name);
            faults.forbidden(&path.index(index).child("name"), &detail);
        }
    }
}

/// The new specification with the old one's values where change is allowed: what still differs may not.
fn with_changeable_of(old: &PodSpec, new: &PodSpec) -> PodSpec {
    let mut munged = new.clone();
    let keep_images = |of: &mut [Container], old: &[Container]| {
        for (container, old) in of.iter_mut().zip(old) {
            container.image.clone_from(&old.image);
        }
    };
    keep_images(&mut munged.containers, &old.containers);
    if let (Some(containers), Some(old)) = (&mut munged.init_containers, &old.init_containers) {
        keep_images(containers, old);
    }
    munged.active_deadline_seconds = old.active_deadline_seconds;
    munged.scheduling_gates.clone_from(&old.scheduling_gates);
    munged.tolerations.clone_from(&old.tolerations);
    if old.termination_grace_period_seconds.is_some_and(|seconds| seconds < 0)
        && munged.termination_grace_period_seconds == Some(1)
    {
        munged.termination_grace_period_seconds = old.termination_grace_period_seconds;
    }
    munged
}
