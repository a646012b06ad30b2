//! Builds image archives for tests.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use runtime::image::Digest;
use serde_json::{Value, json};

use super::tars::Tar;

/// How a layer or an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    pub fn pack(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Packing::Plain => bytes.to_vec(),
            Packing::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Zstd => zstd::encode_all(bytes, 1).unwrap(),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Packing::Plain => "application/vnd.oci.image.layer.v1.tar",
            Packing::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Packing::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }
}

/// Files of an archive by name.
#[derive(Clone, Default)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

impl Files {
    pub fn blob(&mut self, bytes: &[u8], media_type: &str) -> Value {
        let digest = Digest::of(bytes);
        self.0.insert(format!("blobs/sha256/{}", digest.hex()), bytes.to_vec());
        json!({ "mediaType": media_type, "digest": digest.as_str(), "size": bytes.len() })
    }

    pub fn config(layers: &[Vec<u8>], architecture: &str, process: &Value) -> Vec<u8> {
        let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
        let config = json!({
            "os": "linux", "architecture": architecture, "created": "2021-02-03T04:05:06Z", "config": process,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        config.to_string().into_bytes()
    }

    /// Adds an image and gives its descriptor.
    pub fn image(&mut self, layers: &[Vec<u8>], packing: Packing, architecture: &str, process: &Value) -> Value {
        let config = Files::config(layers, architecture, process);
        let config = self.blob(&config, "application/vnd.oci.image.config.v1+json");
        let layers: Vec<Value> = layers.iter().map(|layer| self.blob(&packing.pack(layer), packing.media_type())).collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers,
        });
        self.blob(manifest.to_string().as_bytes(), "application/vnd.oci.image.manifest.v1+json")
    }

    pub fn index(entries: &[Value]) -> Vec<u8> {
        json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries })
            .to_string()
            .into_bytes()
    }

    /// The files with an index of these entries.
    pub fn with_index(mut self, entries: &[Value]) -> Files {
        self.0.insert("index.json".into(), Files::index(entries));
        self.0.insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
        self
    }

    pub fn to_tar(&self) -> Vec<u8> {
        self.0.iter().fold(Tar::default(), |tar, (name, bytes)| tar.file(name, bytes)).finish()
    }

    pub fn write_folder(&self, root: &Path) {
        for (name, bytes) in &self.0 {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}

pub fn named(mut descriptor: Value, name: &str) -> Value {
    descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    descriptor
}

/// The architecture this machine runs, in an image's words.
pub fn machine() -> String {
    runtime::image::Platform::of_this_machine().architecture
}

/// An archive of one image with these layers.
pub fn one(name: &str, layers: &[Vec<u8>], packing: Packing) -> Files {
    let mut files = Files::default();
    let descriptor = files.image(layers, packing, &machine(), &json!({ "Cmd": ["run", name] }));
    files.with_index(&[named(descriptor, name)])
}

/// A layer with one file.
pub fn layer(path: &str, data: &[u8]) -> Vec<u8> {
    Tar::default().file(path, data).finish()
}
