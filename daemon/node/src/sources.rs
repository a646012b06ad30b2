//! The ConfigMaps and Secrets that a pod takes values from, as they are at one moment; and the task that tells of their changes.

use crate::shutdown::Shutdown;
use k8s_openapi::api::core::v1::{ConfigMap, Container, Pod, Secret, Volume};
use objects::Kind;
use objects::ephemeral::as_container;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::{Key, Store};
use tokio::sync::watch;

/// Changes come in numbers: workers are told once.
const SETTLE: Duration = Duration::from_millis(100);
/// How long an object that is named is waited for: it may be on its way from another node (the kubelet waits as long for its cache).
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What one object holds, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// `data`
    pub data: BTreeMap<String, Vec<u8>>,
    /// A ConfigMap's `binaryData`.
    pub binary: BTreeMap<String, Vec<u8>>,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

/// An object that a pod names.
pub type Reference = (SourceKind, String);

/// The objects that were found.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    found: BTreeMap<Reference, Contents>,
}

/// Why a value cannot be had, in the kubelet's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is no such object.
    #[error("{} \"{}\" not found", if *kind == SourceKind::Secret { "secret" } else { "configmap" }, name)]
    NotFound {
        /// Of which kind.
        kind: SourceKind,
        /// Its name.
        name: String,
    },
    /// The object does not have the key that a variable names.
    #[error("couldn't find key {key} in {} {namespace}/{name}", if *kind == SourceKind::Secret { "Secret" } else { "ConfigMap" })]
    NoKey {
        /// Of which kind.
        kind: SourceKind,
        /// The pod's namespace.
        namespace: String,
        /// The object.
        name: String,
        /// The key.
        key: String,
    },
}

impl Sources {
    /// What was found of an object; `Ok(None)` where it is missing and may be.
    ///
    /// # Errors
    /// If it is missing and must not be.
    pub fn get(&self, kind: SourceKind, name: &str, optional: Option<bool>) -> Result<Option<&Contents>, SourceError> {
        match self.found.get(&(kind, name.to_owned())) {
            Some(contents) => Ok(Some(contents)),
            None if optional == Some(true) => Ok(None),
            None => Err(SourceError::NotFound { kind, name: name.to_owned() }),
        }
    }

    /// Reads what the store has now.
    pub fn read(store: &Store, namespace: &str, references: &BTreeSet<Reference>) -> Self {
        let read = |(kind, name): &Reference| Some(((*kind, name.clone()), contents_of(store, *kind, namespace, name)?));
        Self { found: references.iter().filter_map(read).collect() }
    }

    /// Reads what the store has, and waits a moment for what is missing.
    pub async fn await_all(store: &Store, namespace: &str, references: &BTreeSet<Reference>) -> Self {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let sources = Self::read(store, namespace, references);
            if sources.found.len() == references.len() || tokio::time::Instant::now() >= end {
                return sources;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    #[cfg(test)]
    pub fn of(found: impl IntoIterator<Item = (Reference, Contents)>) -> Self {
        Self { found: found.into_iter().collect() }
    }
}

fn contents_of(store: &Store, kind: SourceKind, namespace: &str, name: &str) -> Option<Contents> {
    let of_kind = |kind| store.get(&Key { kind, namespace: namespace.to_owned(), name: name.to_owned() });
    match kind {
        SourceKind::ConfigMap => {
            let map: ConfigMap = of_kind(Kind::ConfigMap)?.parse().ok()?;
            let data = map.data.unwrap_or_default().into_iter().map(|(key, text)| (key, text.into_bytes())).collect();
            let binary = map.binary_data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, bytes.0)).collect();
            Some(Contents { data, binary })
        }
        SourceKind::Secret => Some(secret_of(store, namespace, name)?.1),
    }
}

/// A Secret's type and data.
pub fn secret_of(store: &Store, namespace: &str, name: &str) -> Option<(String, Contents)> {
    let key = Key { kind: Kind::Secret, namespace: namespace.to_owned(), name: name.to_owned() };
    let secret: Secret = store.get(&key)?.parse().ok()?;
    let data = secret.data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, bytes.0)).collect();
    Some((secret.type_.unwrap_or_default(), Contents { data, binary: BTreeMap::new() }))
}

/// What the variables of all of the pod's containers name.
pub fn of_variables(pod: &Pod) -> BTreeSet<Reference> {
    let Some(spec) = &pod.spec else { return BTreeSet::new() };
    let own = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let mut references: BTreeSet<Reference> = own.flat_map(of_container).collect();
    let ephemeral = spec.ephemeral_containers.iter().flatten().map(as_container);
    references.extend(ephemeral.flat_map(|container| of_container(&container)));
    references
}

fn of_container(container: &Container) -> Vec<Reference> {
    let mut references = Vec::new();
    let mut note = |kind, name: &str| references.push((kind, name.to_owned()));
    for from in container.env_from.iter().flatten() {
        if let Some(map) = &from.config_map_ref {
            note(SourceKind::ConfigMap, &map.name);
        }
        if let Some(secret) = &from.secret_ref {
            note(SourceKind::Secret, &secret.name);
        }
    }
    for source in container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref()) {
        if let Some(map) = &source.config_map_key_ref {
            note(SourceKind::ConfigMap, &map.name);
        }
        if let Some(secret) = &source.secret_key_ref {
            note(SourceKind::Secret, &secret.name);
        }
    }
    references
}

/// What the pod's volumes name.
pub fn of_volumes(pod: &Pod) -> BTreeSet<Reference> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.flat_map(of_volume).collect()
}

fn of_volume(volume: &Volume) -> Vec<Reference> {
    let mut references = Vec::new();
    if let Some(map) = &volume.config_map {
        references.push((SourceKind::ConfigMap, map.name.clone()));
    }
    if let Some(secret) = &volume.secret {
        references.push((SourceKind::Secret, secret.secret_name.clone().unwrap_or_default()));
    }
    for source in volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten()) {
        references.extend(source.config_map.as_ref().map(|map| (SourceKind::ConfigMap, map.name.clone())));
        references.extend(source.secret.as_ref().map(|secret| (SourceKind::Secret, secret.name.clone())));
    }
    references
}

/// Tells whoever listens that some ConfigMap or Secret has changed, until the shutdown signal.
pub async fn follow(store: Store, changed: watch::Sender<u64>, mut shutdown: Shutdown) {
    let (_, mut config_maps) = store.list_and_watch(Kind::ConfigMap, None);
    let (_, mut secrets) = store.list_and_watch(Kind::Secret, None);
    loop {
        // Watchers hold positions: nothing is lost when another arm wins.
        let is_current = tokio::select! {
            () = shutdown.wait() => return,
            change = config_maps.next() => change.is_ok(),
            change = secrets.next() => change.is_ok(),
        };
        if !is_current {
            // Changes came faster than they were read: everybody looks at what there is now.
            (_, config_maps) = store.list_and_watch(Kind::ConfigMap, None);
            (_, secrets) = store.list_and_watch(Kind::Secret, None);
        }
        changed.send_modify(|count| *count += 1);
        tokio::time::sleep(SETTLE).await;
    }
}
