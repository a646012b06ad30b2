//! The node's images: load, import, pull, list, remove, prune.

use super::Verbs;
use crate::errors::chain;
use crate::images::Images;
use crate::keyring::Account;
use objects::Status;
use runtime::image::{Digest, ImageRecord, ImportOptions, Prune, PullStage, Reference, RemoveError};
use std::path::PathBuf;
use tokio::sync::mpsc;
use wire::{ImageImportRequest, ImageLoadRequest, ImagePullRequest, ImageSummary, PullProgress, Response};

impl Verbs {
    /// All images.
    ///
    /// # Errors
    /// None today.
    pub async fn image_list(&self) -> Result<Response, Status> {
        let images = self.images.store().list();
        Ok(Response::Images { images: images.iter().map(|record| self.summary(record)).collect() })
    }

    /// Loads an archive of images.
    ///
    /// # Errors
    /// 400 with what is wrong with the archive.
    pub async fn image_load(&self, request: ImageLoadRequest) -> Result<Response, Status> {
        let path = absolute(&request.path)?;
        let records = self.on_store(move |images| images.store().load(&path).map_err(|error| refused(&chain(&error)))).await?;
        self.came(&records)
    }

    /// Makes an image of a root filesystem.
    ///
    /// # Errors
    /// 400 with what is wrong with the name or the archive.
    pub async fn image_import(&self, request: ImageImportRequest) -> Result<Response, Status> {
        let path = absolute(&request.path)?;
        let name = parse(&request.name)?;
        let options = ImportOptions {
            entrypoint: request.entrypoint,
            cmd: request.cmd,
            env: request.env,
            working_dir: request.workdir.unwrap_or_default(),
            user: request.user.unwrap_or_default(),
        };
        let record = self
            .on_store(move |images| images.store().import(&path, &name, &options).map_err(|error| refused(&chain(&error))))
            .await?;
        self.came(std::slice::from_ref(&record))
    }

    /// Pulls an image, telling how far it is.
    ///
    /// # Errors
    /// 400 for the name, 502 with the registry's answer.
    pub async fn image_pull(&self, request: ImagePullRequest, progress: mpsc::Sender<PullProgress>) -> Result<Response, Status> {
        let reference = parse(&request.image)?;
        let tell = move |step: runtime::image::PullProgress| {
            // A slow client misses some steps, never the end.
            let _ = progress.try_send(shown(step));
        };
        let accounts = request.credentials.into_iter().map(|(username, password)| Account { username, password }).collect();
        let pulled = self.images.pull(&reference, accounts, tell).await;
        let pulled = pulled.map_err(|message| Status {
            code: 502,
            reason: "BadGateway".to_owned(),
            message: format!("failed to pull image \"{}\": {message}", request.image),
            details: None,
        })?;
        self.came(std::slice::from_ref(&pulled.record))
    }

    /// Removes a name, and with its last one the image.
    ///
    /// # Errors
    /// 404; 409 while a container uses it.
    pub async fn image_remove(&self, image: String) -> Result<Response, Status> {
        self.on_store(move |images| {
            let is_in_use = |digest: &Digest| images.is_in_use(digest);
            images.store().remove(&image, &is_in_use).map(|_| Response::Done).map_err(|error| removal(&error))
        })
        .await
    }

    /// Removes every image that no container uses.
    ///
    /// # Errors
    /// 500 where the store cannot be changed.
    pub async fn image_prune(&self) -> Result<Response, Status> {
        let before = self.images.store().list();
        let removed = self
            .on_store(|images| {
                let is_in_use = |digest: &Digest| images.is_in_use(digest);
                images.store().prune(Prune::Unused, &is_in_use).map_err(|error| Status::internal(chain(&error)))
            })
            .await?;
        let gone = before.iter().filter(|record| removed.deleted.contains(&record.digest));
        Ok(Response::Images { images: gone.map(|record| self.summary(record)).collect() })
    }

    async fn on_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Images) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let images = self.images.clone();
        let done = tokio::task::spawn_blocking(move || work(&images)).await;
        done.unwrap_or_else(|_| Err(Status::internal("the work on the image store was interrupted")))
    }

    /// Images came by hand: pods may be waiting for them.
    fn came(&self, records: &[ImageRecord]) -> Result<Response, Status> {
        self.images.tell_changed();
        Ok(Response::Images { images: records.iter().map(|record| self.summary(record)).collect() })
    }

    fn summary(&self, record: &ImageRecord) -> ImageSummary {
        ImageSummary {
            digest: record.digest.as_str().to_owned(),
            names: record.names.clone(),
            size_bytes: record.size_bytes,
            created_at: record.loaded_at.as_second(),
            in_use: self.images.is_in_use(&record.digest),
        }
    }
}

fn refused(message: &str) -> Status {
    Status::bad_request(message)
}

fn parse(name: &str) -> Result<Reference, Status> {
    Images::parse(name).map_err(|error| refused(&chain(&error)))
}

fn absolute(path: &str) -> Result<PathBuf, Status> {
    let path = PathBuf::from(path);
    if path.is_absolute() { Ok(path) } else { Err(refused(&format!("{} is no absolute path", path.display()))) }
}

fn removal(error: &RemoveError) -> Status {
    let (code, reason) = match error {
        RemoveError::NotFound { .. } => (404, "NotFound"),
        RemoveError::InUse { .. } => (409, "Conflict"),
        RemoveError::Store(_) => (500, "InternalError"),
    };
    Status { code, reason: reason.to_owned(), message: chain(error), details: None }
}

fn shown(step: runtime::image::PullProgress) -> PullProgress {
    let stage = match step.stage {
        PullStage::Resolving => "Resolving",
        PullStage::Downloading => "Downloading",
        PullStage::Unpacking => "Extracting",
        PullStage::Done => "Done",
    };
    PullProgress { stage: stage.to_owned(), done_bytes: step.done, total_bytes: (step.total > 0).then_some(step.total) }
}
