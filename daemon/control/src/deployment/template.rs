//! The set of a template: how it is called, and its manifest (`sync.go:getNewReplicaSet`).

use super::{NewSet, Rollout, count, name, revision};
use crate::owner;
use crate::rollout::{self, Count};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use objects::Kind;
use serde_json::json;

/// The label that tells the pods of one template from those of another.
pub const HASH_LABEL: &str = "pod-template-hash";
/// Letters that spell no word (`apimachinery/pkg/util/rand`).
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
const FNV_OFFSET: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;
/// Characters of a name that becomes the first part of pods' names.
const MAX_NAME: usize = 63;

/// Whether two templates differ in nothing but the label (`EqualIgnoreHash`).
pub(super) fn is_alike(one: Option<&PodTemplateSpec>, other: &PodTemplateSpec) -> bool {
    one.is_some_and(|one| without_hash(one) == without_hash(other))
}

fn without_hash(template: &PodTemplateSpec) -> PodTemplateSpec {
    let mut template = template.clone();
    let mut meta = template.metadata.take().unwrap_or_default();
    let mut labels = meta.labels.take().unwrap_or_default();
    labels.remove(HASH_LABEL);
    meta.labels = Some(labels);
    meta.annotations = Some(meta.annotations.unwrap_or_default());
    template.metadata = Some(meta);
    template
}

/// The template in a few letters: FNV-1a of its JSON and of how often a name was taken. Every node comes to the same.
fn hash(template: &PodTemplateSpec, collisions: i32) -> String {
    let json = serde_json::to_vec(&without_hash(template)).unwrap_or_default();
    let collisions = if collisions > 0 { collisions.to_string() } else { String::new() };
    let bytes = json.into_iter().chain(collisions.into_bytes());
    let sum = bytes.fold(FNV_OFFSET, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(FNV_PRIME));
    let letter = |digit: u8| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()]);
    sum.to_string().bytes().map(letter).collect()
}

/// Whether the name of a new set is free.
pub(super) enum Place {
    Free(Box<NewSet>),
    /// Another set has it: the next one is tried.
    Taken,
}

/// The set of the template, with as many pods as there is room for.
pub(super) fn new_set(rollout: &Rollout<'_>, sets: &[ReplicaSet]) -> Place {
    let deployment = rollout.deployment;
    let collisions = deployment.status.as_ref().and_then(|status| status.collision_count).unwrap_or(0);
    let hash = hash(&rollout.spec.template, collisions);
    let new_name = set_name(deployment.metadata.name.as_deref().unwrap_or_default(), &hash);
    if sets.iter().any(|set| name(set) == new_name) {
        return Place::Taken;
    }
    let old: Vec<Count> = rollout.old.iter().map(|set| count(set)).collect();
    let nothing = Count { wanted: 0, available: 0 };
    let replicas = match rollout.recreates() {
        true => rollout.wanted,
        false => rollout::grow(rollout.wanted, nothing, &old, rollout.bounds),
    };
    let mut template = serde_json::to_value(&rollout.spec.template).unwrap_or_default();
    let mut selector = serde_json::to_value(&rollout.spec.selector).unwrap_or_default();
    template["metadata"]["labels"][HASH_LABEL] = hash.as_str().into();
    selector["matchLabels"][HASH_LABEL] = hash.as_str().into();
    let manifest = json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": new_name,
            "namespace": deployment.metadata.namespace,
            "labels": template["metadata"]["labels"],
            "annotations": revision::of_new(rollout),
            "ownerReferences": [owner::reference(Kind::Deployment, &deployment.metadata)],
        },
        "spec": {
            "replicas": replicas,
            "minReadySeconds": rollout.spec.min_ready_seconds.unwrap_or(0),
            "selector": selector,
            "template": template,
        },
    });
    Place::Free(Box::new(NewSet { name: new_name, manifest, replicas }))
}

fn set_name(deployment: &str, hash: &str) -> String {
    let room = MAX_NAME - hash.len() - 1;
    format!("{}-{hash}", deployment.get(..room).unwrap_or(deployment))
}

#[cfg(test)]
mod tests {
    use super::{hash, set_name};
    use k8s_openapi::api::core::v1::PodTemplateSpec;
    use serde_json::json;

    fn template(image: &str, label: &str) -> PodTemplateSpec {
        let template = json!({"metadata": {"labels": {"app": "kubia", "pod-template-hash": label}},
            "spec": {"containers": [{"name": "a", "image": image}]}});
        serde_json::from_value(template).expect("a template")
    }

    #[test]
    fn a_template_has_the_same_letters_in_every_release_and_its_own_label_is_none_of_them() {
        assert_eq!(hash(&template("kubia:1", ""), 0), hash(&template("kubia:1", "x"), 0));
        assert_ne!(hash(&template("kubia:1", ""), 0), hash(&template("kubia:2", ""), 0));
        assert_ne!(hash(&template("kubia:1", ""), 0), hash(&template("kubia:1", ""), 1));
    }

    #[test]
    fn a_long_name_is_cut_so_that_the_hash_has_room() {
        assert_eq!(set_name("kubia", "bcdf"), "kubia-bcdf");
        let long = set_name(&"x".repeat(200), "bcdfgh");
        assert_eq!((long.len(), &long[56..]), (63, "-bcdfgh"));
    }
}
