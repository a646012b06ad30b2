//! Downloads one layer to a file, going on where an earlier download stopped, hashing what passes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::super::digest::{Digest, Hasher};
use super::super::layers::{LayerError, WantedLayer};
use super::super::manifest::Descriptor;
use super::super::registry::{BlobStart, Registry, RegistryError};
use super::super::store::StoreError;
use super::{Job, PullFault, blocking, part_path};

/// Pieces between the network and the disk; a piece has some ten kilobytes.
const QUEUE: usize = 16;
const BUFFER_BYTES: usize = 256 << 10;

/// A file that grows, with the hash of what it holds.
struct Part {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    length: u64,
}

impl Job<'_> {
    /// Makes sure that the blob lies whole and verified at its part's path, or that its layer is there already.
    pub(super) async fn download(&self, layer: &WantedLayer, blob: &Descriptor) -> Result<(), PullFault> {
        let lock = self.inner.downloading.of(&blob.digest);
        let _alone = lock.lock().await;
        if self.inner.pin_layer(layer).is_some() {
            self.reporter.downloaded(blob.size);
            return Ok(());
        }
        let path = part_path(self.inner, &blob.digest);
        let mut part = blocking(move || Ok(Part::open(path)?)).await?;
        let had_before = part.length > 0;
        self.reporter.downloaded(part.length);
        part = self.complete(part, blob).await?;
        if part.digest() == blob.digest {
            return Ok(());
        }
        if had_before {
            // What was left from before may have been damaged; only a whole download tells.
            part = self.anew(part).await?;
            part = self.complete(part, blob).await?;
        }
        let found = part.digest();
        if found == blob.digest {
            return Ok(());
        }
        part.remove();
        Err(LayerError::BlobDigest { expected: blob.digest.clone(), found }.into())
    }

    /// Fetches what is missing, again and again as long as something comes.
    async fn complete(&self, mut part: Part, blob: &Descriptor) -> Result<Part, PullFault> {
        if part.length > blob.size {
            part = self.anew(part).await?;
        }
        let mut attempt = 0;
        while part.length < blob.size {
            let before = part.length;
            let (written, result) = self.fetch(part, blob).await?;
            part = written;
            let error = match result {
                Ok(()) if part.length < blob.size => {
                    let reason = "the blob ended early".to_owned();
                    RegistryError::Broken { registry: self.registry.shown(), reason }
                }
                Ok(()) => break,
                Err(error) => error,
            };
            attempt = if part.length > before { 0 } else { attempt + 1 };
            let Some(delay) = Registry::delay_after(&error, attempt) else { return Err(error.into()) };
            tracing::debug!(blob = %blob.digest, %error, "going on with a download");
            tokio::time::sleep(delay).await;
        }
        Ok(part)
    }

    async fn anew(&self, part: Part) -> Result<Part, PullFault> {
        self.reporter.lost(part.length);
        blocking(move || Ok(part.restart()?)).await
    }

    /// One request: what comes is written until it ends or breaks off.
    async fn fetch(&self, mut part: Part, blob: &Descriptor) -> Result<(Part, Result<(), RegistryError>), PullFault> {
        let (mut response, start) = match self.registry.blob(&blob.digest, part.length).await {
            Ok(answer) => answer,
            Err(error) => return Ok((part, Err(error))),
        };
        if start == BlobStart::AtZero && part.length > 0 {
            part = self.anew(part).await?;
        }
        let mut left = blob.size - part.length;
        let (sender, receiver) = mpsc::channel(QUEUE);
        let writing = blocking(move || Ok(part.write_all(receiver)?));
        let receiving = async move {
            loop {
                let chunk = match response.chunk().await {
                    Ok(Some(chunk)) => chunk,
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(self.registry.request_error(&error)),
                };
                let length = chunk.len() as u64;
                if length > left {
                    return Err(RegistryError::TooLarge { registry: self.registry.shown(), limit: blob.size });
                }
                left -= length;
                if sender.send(chunk).await.is_err() {
                    // The disk refused; the other half says how.
                    return Ok(());
                }
                self.reporter.downloaded(length);
            }
        };
        let (received, written) = tokio::join!(receiving, writing);
        Ok((written?, received))
    }
}

impl Part {
    /// Opens or makes the file and hashes what it holds.
    fn open(path: PathBuf) -> Result<Part, StoreError> {
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(|source| StoreError::io("open", &path, source))?;
        let hashed = hash(&mut file);
        let (hasher, length) = hashed.map_err(|source| StoreError::io("read", &path, source))?;
        Ok(Part { path, file, hasher, length })
    }

    fn restart(mut self) -> Result<Part, StoreError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|source| StoreError::io("empty", &self.path, source))?;
        Ok(Part { hasher: Hasher::default(), length: 0, ..self })
    }

    fn write_all(mut self, mut chunks: mpsc::Receiver<Bytes>) -> Result<Part, StoreError> {
        while let Some(chunk) = chunks.blocking_recv() {
            self.file.write_all(&chunk).map_err(|source| StoreError::io("write", &self.path, source))?;
            self.hasher.update(&chunk);
            self.length += chunk.len() as u64;
        }
        Ok(self)
    }

    fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    fn remove(self) {
        remove(&self.path);
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "cannot remove a broken download");
    }
}

fn hash(file: &mut File) -> io::Result<(Hasher, u64)> {
    let mut hasher = Hasher::default();
    let mut length = 0;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((hasher, length)),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
