//! The JSON documents that tie an image together: manifests and indexes of OCI and Docker, and docker-save's list.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::config::null_is_default;
use super::digest::Digest;
use super::platform::{self, Platform};

/// Manifests, indexes and configs are read into memory, so they have a limit. Registries refuse more than 4 MiB.
pub(crate) const MAX_DOCUMENT_BYTES: u64 = 8 << 20;
/// An image may have this many layers; the kernel's overlayfs takes 500, Docker builds 127.
pub(crate) const MAX_LAYERS: usize = 256;
/// How deep indexes may point to indexes.
pub(crate) const MAX_INDEX_DEPTH: u32 = 4;

/// The `Accept` header of a manifest request.
pub(crate) const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

const CONTAINERD_NAME: &str = "io.containerd.image.name";
const OCI_NAME: &str = "org.opencontainers.image.ref.name";

/// Why a manifest or an index cannot be used.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// It is no JSON, or not of the form the specification gives.
    #[error("malformed manifest")]
    Json(#[source] serde_json::Error),
    /// Docker's schema 1, which carries no config and was dropped everywhere.
    #[error("manifest schema version {0} is not supported")]
    SchemaVersion(u32),
    /// It is neither a manifest nor an index.
    #[error("media type {0:?} is neither an image manifest nor an index")]
    MediaType(String),
    /// No entry of the index runs on this machine.
    #[error("no match for platform in manifest: this machine is {machine}, the image is for {offered}")]
    NoPlatform {
        /// What we are.
        machine: Platform,
        /// What the image offers, separated by commas.
        offered: String,
    },
    /// A layer is encrypted, or no layer at all (a chart, a signature).
    #[error("layer media type {0:?} is not supported")]
    LayerType(String),
    /// The layer's content is not in the registry.
    #[error("layer {0} is a foreign layer, whose content the registry does not keep")]
    ForeignLayer(Digest),
    /// Config and manifest disagree.
    #[error("the manifest has {layers} layers and its config {diff_ids}")]
    LayerCount {
        /// Number of layers in the manifest.
        layers: usize,
        /// Number of diff ids in the config.
        diff_ids: usize,
    },
    /// More layers than overlayfs can stack.
    #[error("the image has {0} layers; at most {MAX_LAYERS} are supported")]
    TooManyLayers(usize),
    /// Indexes that point to indexes without end.
    #[error("indexes are nested more than {MAX_INDEX_DEPTH} deep")]
    TooDeep,
}

/// A pointer to a blob.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) platform: Option<Platform>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// The name that containerd or skopeo noted beside this entry of an archive.
    pub(crate) fn name(&self) -> Option<&str> {
        let name = self.annotations.get(CONTAINERD_NAME).or_else(|| self.annotations.get(OCI_NAME))?;
        Some(name.as_str()).filter(|name| !name.is_empty())
    }

    /// Whether this is a build's attestation that stands beside the platforms of an index.
    pub(crate) fn is_attestation(&self) -> bool {
        self.annotations.contains_key("vnd.docker.reference.type")
            || self.platform.as_ref().is_some_and(|platform| platform.os == "unknown")
    }
}

/// An image for one platform.
#[derive(Debug, Clone)]
pub(crate) struct ImageManifest {
    pub(crate) config: Descriptor,
    /// Lowest first.
    pub(crate) layers: Vec<Descriptor>,
}

/// A manifest or an index.
#[derive(Debug)]
pub(crate) enum Document {
    Image(ImageManifest),
    Index(Vec<Descriptor>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDocument {
    #[serde(default)]
    schema_version: u32,
    #[serde(default, deserialize_with = "null_is_default")]
    media_type: String,
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_is_default")]
    layers: Vec<Descriptor>,
    manifests: Option<Vec<Descriptor>>,
}

impl Document {
    /// Reads a manifest or an index of either standard. What it is shows in its members; a document that could be both is
    /// refused, since two readers could see two images in it (CVE-2021-41190).
    pub(crate) fn parse(bytes: &[u8]) -> Result<Document, ManifestError> {
        let raw: RawDocument = serde_json::from_slice(bytes).map_err(ManifestError::Json)?;
        if raw.schema_version != 2 {
            return Err(ManifestError::SchemaVersion(raw.schema_version));
        }
        match (raw.config, raw.manifests) {
            (Some(config), None) => {
                let manifest = ImageManifest { config, layers: raw.layers };
                manifest.check()?;
                Ok(Document::Image(manifest))
            }
            (None, Some(manifests)) if raw.layers.is_empty() => Ok(Document::Index(manifests)),
            _ => Err(ManifestError::MediaType(raw.media_type)),
        }
    }
}

impl ImageManifest {
    fn check(&self) -> Result<(), ManifestError> {
        if self.layers.len() > MAX_LAYERS {
            return Err(ManifestError::TooManyLayers(self.layers.len()));
        }
        for layer in &self.layers {
            let media_type = layer.media_type.as_str();
            if media_type.contains("foreign") || media_type.contains("nondistributable") {
                return Err(ManifestError::ForeignLayer(layer.digest.clone()));
            }
            // The compression shows in the data itself; here only what is no layer is told apart.
            let is_layer = media_type.starts_with("application/vnd.oci.image.layer.v1.tar")
                || media_type.starts_with("application/vnd.docker.image.rootfs.diff.tar");
            if !is_layer || media_type.contains("encrypted") {
                return Err(ManifestError::LayerType(media_type.to_owned()));
            }
        }
        Ok(())
    }
}

/// The entry of an index that fits the machine best. Entries that name no platform are taken if there is nothing better.
pub(crate) fn choose<'a>(machine: &Platform, entries: &'a [Descriptor]) -> Result<&'a Descriptor, ManifestError> {
    let images: Vec<&Descriptor> = entries.iter().filter(|entry| !entry.is_attestation()).collect();
    let nowhere = Platform::default();
    let platforms = images.iter().map(|entry| entry.platform.as_ref().unwrap_or(&nowhere));
    if let Some(index) = platform::best(machine, platforms) {
        return Ok(images[index]);
    }
    if let Some(unnamed) = images.iter().find(|entry| entry.platform.is_none()) {
        return Ok(unnamed);
    }
    let offered: Vec<String> = images.iter().filter_map(|entry| entry.platform.as_ref()).map(Platform::to_string).collect();
    let offered = if offered.is_empty() { "none".into() } else { offered.join(", ") };
    Err(ManifestError::NoPlatform { machine: machine.clone(), offered })
}

/// One entry of the `manifest.json` of a docker-save archive.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SavedImage {
    pub(crate) config: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) layers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn descriptor(media_type: &str) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"{DIGEST}","size":1}}"#)
    }

    fn manifest(layer_type: &str) -> String {
        format!(r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#, descriptor("c"), descriptor(layer_type))
    }

    #[test]
    fn layers_of_both_standards_are_known_and_others_refused() {
        for known in [
            "application/vnd.oci.image.layer.v1.tar",
            "application/vnd.oci.image.layer.v1.tar+zstd",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ] {
            assert!(matches!(Document::parse(manifest(known).as_bytes()), Ok(Document::Image(_))), "{known}");
        }
        let error = |layer: &str| Document::parse(manifest(layer).as_bytes()).unwrap_err().to_string();
        assert!(error("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip").contains("foreign layer"));
        assert!(error("application/vnd.cncf.helm.chart.content.v1.tar+gzip").contains("is not supported"));
        assert!(error("application/vnd.oci.image.layer.v1.tar+gzip+encrypted").contains("is not supported"));
    }

    #[test]
    fn a_document_that_is_manifest_and_index_at_once_is_refused() {
        let both = format!(r#"{{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}}"#, descriptor("c"));
        assert!(matches!(Document::parse(both.as_bytes()), Err(ManifestError::MediaType(_))));
        assert!(matches!(Document::parse(br#"{"schemaVersion":1}"#), Err(ManifestError::SchemaVersion(1))));
        assert!(matches!(Document::parse(b"<html>"), Err(ManifestError::Json(_))));
    }

    #[test]
    fn an_index_without_our_platform_says_what_it_has() {
        let machine = Platform { os: "linux".into(), architecture: "amd64".into(), variant: "v1".into() };
        let entry = |platform: &str| -> Descriptor {
            serde_json::from_str(&format!(r#"{{"digest":"{DIGEST}","size":1,"platform":{platform}}}"#)).unwrap()
        };
        let arm = entry(r#"{"os":"linux","architecture":"arm64"}"#);
        let attestation = entry(r#"{"os":"unknown","architecture":"unknown"}"#);
        let error = choose(&machine, &[arm.clone(), attestation]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no match for platform in manifest: this machine is linux/amd64/v1, the image is for linux/arm64"
        );
        assert!(choose(&machine, &[arm, entry("null")]).unwrap().platform.is_none());
    }
}
