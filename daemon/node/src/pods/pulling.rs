//! A container's image: found on this machine, or pulled beside everything else.

use super::worker::{PullEnd, Worker};
use crate::images::{Images, InUse};
use crate::keyring::{Account, Keyring};
use crate::sources;
use control::pod::{ContainerName, EventType, ImageFailure, Input, PodEvent, PullPolicy, Pulled};
use runtime::image::{ImageRecord, Reference};

impl Worker {
    /// Finds the image, or begins to pull it beside everything else.
    pub(super) fn ensure_image(&mut self, container: ContainerName, image: String, policy: PullPolicy) -> Vec<Input> {
        if self.pulling.contains(&(container.clone(), image.clone())) {
            return vec![Input::ImagePulling { container, image }];
        }
        let failed = |container, image, reason, message| vec![Input::ImageFailed { container, image, reason, message }];
        let reference = match Images::parse(&image) {
            Ok(reference) => reference,
            Err(error) => {
                // Kubernetes' words for it.
                let message =
                    format!("Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": {error}");
                return failed(container, image, ImageFailure::InvalidImageName, message);
            }
        };
        let found = self.machinery.images.find(&reference).and_then(|record| self.machinery.images.use_image(record));
        match (found, policy) {
            (Some(found), PullPolicy::IfNotPresent | PullPolicy::Never) => {
                let image_id = image_id(&found.record);
                self.images.insert(container.clone(), found);
                vec![Input::ImageReady { container, image, image_id, pulled: None }]
            }
            (None, PullPolicy::Never) => {
                let message = format!("Container image \"{image}\" is not present with pull policy of Never");
                failed(container, image, ImageFailure::ErrImageNeverPull, message)
            }
            (_, PullPolicy::Always) | (None, PullPolicy::IfNotPresent) => {
                self.pulling.insert((container.clone(), image.clone()));
                let accounts = self.accounts_for(&reference);
                self.pulls.spawn(pull(self.machinery.images.clone(), container.clone(), image.clone(), (reference, accounts)));
                vec![Input::ImagePulling { container, image }]
            }
        }
    }

    /// A pull ended.
    pub(super) async fn pulled(&mut self, end: PullEnd) {
        let PullEnd { container, image, result } = end;
        self.pulling.remove(&(container.clone(), image.clone()));
        let input = match result {
            Ok((kept, pulled)) => {
                let image_id = image_id(&kept.record);
                self.images.insert(container.clone(), kept);
                Input::ImageReady { container, image, image_id, pulled: Some(pulled) }
            }
            Err(message) => Input::ImageFailed { container, image, reason: ImageFailure::ErrImagePull, message },
        };
        self.step(input).await;
    }

    /// The accounts that the pod's `imagePullSecrets` have for an image, and the daemon's own after them
    /// (`pkg/kubelet/kubelet_pods.go:getPullSecretsForPod`).
    fn accounts_for(&self, reference: &Reference) -> Vec<Account> {
        let pod = self.machine.pod();
        let names = pod.spec.iter().flat_map(|spec| spec.image_pull_secrets.iter().flatten()).map(|secret| secret.name.as_str());
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let (mut keyring, mut missing) = (Keyring::default(), Vec::new());
        for name in names.filter(|name| !name.is_empty()) {
            match sources::secret_of(&self.store, namespace, name) {
                Some((kind, contents)) => keyring.add(&kind, &contents.data),
                None => missing.push(name),
            }
        }
        if !missing.is_empty() {
            let names = missing.join(", ");
            let message =
                format!("Unable to retrieve some image pull secrets ({names}); attempting to pull the image may not succeed.");
            let (kind, reason) = (EventType::Warning, "FailedToRetrieveImagePullSecret");
            self.events.report_pod(pod, PodEvent { kind, reason, message, field_path: None });
        }
        let mut accounts = keyring.find(&format!("{}/{}", reference.registry(), reference.repository()));
        if !accounts.is_empty() {
            accounts.extend(self.machinery.images.own_account(reference));
        }
        accounts
    }
}

async fn pull(
    images: Images,
    container: ContainerName,
    image: String,
    (reference, accounts): (Reference, Vec<Account>),
) -> PullEnd {
    let result = images.pull(&reference, accounts, |_| {}).await.and_then(|pulled| keep(&images, &pulled));
    PullEnd { container, image, result }
}

fn keep(images: &Images, pulled: &crate::images::Pulled) -> Result<(InUse, Pulled), String> {
    let size_bytes = pulled.record.size_bytes;
    let kept = images.use_image(pulled.record.clone()).ok_or("the image was removed as soon as it was pulled")?;
    Ok((kept, Pulled { took: pulled.took, took_with_waiting: pulled.took_with_waiting, size_bytes }))
}

/// What a status shows as the image's id: a name with its digest, or for an image that has none the image's own id.
fn image_id(record: &ImageRecord) -> String {
    record.repo_digests.first().cloned().unwrap_or_else(|| record.digest.as_str().to_owned())
}
