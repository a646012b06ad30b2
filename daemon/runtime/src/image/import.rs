//! Makes an image of one layer from a root filesystem in a tar archive.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::archive::{self, ArchiveError};
use super::compression::CompressionError;
use super::config::ConfigFile;
use super::digest::{Digest, HashingReader};
use super::layers;
use super::load::LoadError;
use super::platform::Platform;
use super::records::NewImage;
use super::reference::Reference;
use super::store::{ImageRecord, ImageStore};

/// What the new image says about the process to run; what is empty is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// `ENTRYPOINT`
    pub entrypoint: Vec<String>,
    /// `CMD`
    pub cmd: Vec<String>,
    /// `ENV`, as `NAME=value`
    pub env: Vec<String>,
    /// `WORKDIR`
    pub working_dir: String,
    /// `USER`
    pub user: String,
}

impl ImageStore {
    /// Makes an image for this machine's platform from a root filesystem: a tar archive, plain, gzip or zstd.
    ///
    /// Blocking. The archive is read twice: a layer is known by its digest before it is unpacked.
    pub fn import(&self, rootfs: &Path, name: &Reference, options: &ImportOptions) -> Result<ImageRecord, LoadError> {
        if name.digest().is_some() {
            return Err(LoadError::NameHasDigest { name: name.clone() });
        }
        let mut file = archive::open_tar(rootfs, &self.inner.folders, self.inner.limits.layer_bytes.saturating_mul(2))?;
        let failed = |source| ArchiveError::Compression { path: rootfs.to_owned(), source: CompressionError::Read(source) };
        let diff_id = digest_of(&mut file).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;

        let created_at = Timestamp::now();
        let bytes = config_file(&diff_id, created_at, options);
        let wanted = layers::wanted(std::slice::from_ref(&diff_id));
        let layer = wanted.first().expect("one diff id makes one layer");
        let pin = self.inner.ensure_layer(layer, &[], None, || Ok::<_, LoadError>(file))?;
        let config = ConfigFile::parse(&bytes).map_err(|source| LoadError::Json { name: "config".into(), source })?;
        let new = NewImage {
            digest: Digest::of(&bytes),
            names: vec![name.clone()],
            repo_digests: Vec::new(),
            config: config.into_config(),
            layers: vec![pin],
            created_at: Some(created_at),
        };
        Ok(self.inner.put_image(new)?)
    }
}

fn digest_of(file: &mut File) -> io::Result<Digest> {
    let mut reader = HashingReader::new(file);
    io::copy(&mut reader, &mut io::sink())?;
    Ok(reader.finish().0)
}

fn config_file(diff_id: &Digest, created_at: Timestamp, options: &ImportOptions) -> Vec<u8> {
    let machine = Platform::of_this_machine();
    let file = json!({
        "created": created_at.to_string(),
        "architecture": machine.architecture,
        "os": machine.os,
        "config": {
            "Entrypoint": options.entrypoint,
            "Cmd": options.cmd,
            "Env": options.env,
            "WorkingDir": options.working_dir,
            "User": options.user,
        },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        "history": [{ "created": created_at.to_string(), "comment": "imported from a root filesystem" }],
    });
    file.to_string().into_bytes()
}
