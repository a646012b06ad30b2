//! Pulls images from registries and their mirrors.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{FutureExt, TryStreamExt, stream};
use thiserror::Error;
use tokio::sync::oneshot;

use super::config::ConfigFile;
use super::digest::Digest;
use super::layers::{self, LayerError, LayerPin, WantedLayer};
use super::load::check_config;
use super::manifest::{Descriptor, Document, ImageManifest, MAX_INDEX_DEPTH, ManifestError, choose};
use super::platform::Platform;
use super::records::NewImage;
use super::reference::Reference;
use super::registry::{Credentials, Endpoint, Mirror, Registry, RegistryError, Role};
use super::store::{ImageRecord, ImageStore, Inner, StoreError};
use progress::Reporter;
pub use progress::{PullProgress, PullStage};

mod download;
mod progress;

const DOCKER_HUB: &str = "docker.io";
const DEFAULT_PARALLEL: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");

/// Where and how to pull.
#[derive(Debug, Clone)]
pub struct PullOptions {
    /// Mirrors of a registry, by its host as it stands in image names (`docker.io`), in the order they are tried. The
    /// registry itself comes last.
    pub mirrors: BTreeMap<String, Vec<Mirror>>,
    /// Accounts by host: the registry's as it stands in image names, or a mirror's with its port. A registry's account is
    /// never shown to a mirror.
    pub credentials: BTreeMap<String, Credentials>,
    /// Registries that may be asked by plain http, by host. Loopback always may.
    pub insecure: BTreeSet<String>,
    /// How many layers are downloaded at once.
    pub parallel_layers: NonZeroUsize,
}

impl Default for PullOptions {
    fn default() -> Self {
        PullOptions {
            mirrors: BTreeMap::new(),
            credentials: BTreeMap::new(),
            insecure: BTreeSet::new(),
            parallel_layers: DEFAULT_PARALLEL,
        }
    }
}

/// What went wrong at one address.
#[derive(Debug, Error)]
pub enum PullFault {
    /// The registry's answer, or that there was none.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A manifest or index that cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The config is no JSON of the right form.
    #[error("the image's config is malformed")]
    Config(#[source] serde_json::Error),
    /// A layer cannot be unpacked.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The store cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blocking thread ended early: the program is going down.
    #[error("the pull was interrupted")]
    Interrupted,
}

impl PullFault {
    /// Another address cannot help with what is wrong here.
    fn is_ours(&self) -> bool {
        let layer_is_ours = |error: &LayerError| !matches!(error, LayerError::BlobDigest { .. } | LayerError::DiffId { .. });
        match self {
            PullFault::Store(_) | PullFault::Interrupted => true,
            PullFault::Layer(error) => layer_is_ours(error),
            PullFault::Registry(_) | PullFault::Manifest(_) | PullFault::Config(_) => false,
        }
    }
}

/// Why an image was not pulled. The text is whole: it holds the causes at every address that was tried and fits the message
/// of Kubernetes' `Failed to pull image` event.
#[derive(Debug, Error)]
#[error("failed to pull and unpack image \"{reference}\": {}", self.causes())]
pub struct PullError {
    reference: Reference,
    /// The addresses in the order they were tried.
    attempts: Vec<(String, PullFault)>,
}

impl PullError {
    /// What was wrong at each address; the registry itself comes last.
    pub fn faults(&self) -> impl Iterator<Item = &PullFault> {
        self.attempts.iter().map(|(_, fault)| fault)
    }

    /// The registry could not be reached, or was not able to answer.
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self.attempts.last(),
            Some((_, PullFault::Registry(RegistryError::Unreachable { .. } | RegistryError::Broken { .. })))
        )
    }

    /// There is no such image.
    pub fn is_not_found(&self) -> bool {
        matches!(self.attempts.last(), Some((_, PullFault::Registry(RegistryError::NotFound { .. }))))
    }

    /// The registry wants other credentials.
    pub fn is_denied(&self) -> bool {
        matches!(self.attempts.last(), Some((_, PullFault::Registry(RegistryError::Denied { .. }))))
    }

    fn causes(&self) -> String {
        let mut text = String::new();
        if let Some((_, fault)) = self.attempts.last() {
            if matches!(fault, PullFault::Registry(RegistryError::NotFound { .. })) {
                let _infallible = write!(text, "{}: ", self.reference);
            }
            text.push_str(&chain(fault));
        }
        for (endpoint, fault) in self.attempts.iter().rev().skip(1) {
            let _infallible = write!(text, "; before that {endpoint}: {}", chain(fault));
        }
        text
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _infallible = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

impl ImageStore {
    /// Pulls an image, or makes sure that the registry's image of that name is the one that is here. Layers in the store are
    /// not downloaded again, and half downloads are gone on with. `progress` is called from this future and is not to block.
    ///
    /// The future may be dropped at any time; what was downloaded until then is of use to the next pull.
    pub async fn pull(
        &self,
        reference: &Reference,
        options: &PullOptions,
        progress: impl Fn(PullProgress) + Send + Sync,
    ) -> Result<ImageRecord, PullError> {
        let reporter = Reporter::new(&progress);
        let mut attempts: Vec<(String, PullFault)> = Vec::new();
        for endpoint in endpoints(reference, options) {
            if endpoint.role == Role::SecondTry && !may_speak_https(attempts.last()) {
                continue;
            }
            let shown = endpoint.to_string();
            tracing::debug!(image = %reference, endpoint = %shown, "pulling");
            match self.pull_from(endpoint, reference, options, &reporter).await {
                Ok(record) => return Ok(record),
                Err(fault) => {
                    let is_ours = fault.is_ours();
                    attempts.push((shown, fault));
                    if is_ours {
                        break;
                    }
                }
            }
        }
        Err(PullError { reference: reference.clone(), attempts })
    }

    async fn pull_from(
        &self,
        endpoint: Endpoint,
        reference: &Reference,
        options: &PullOptions,
        reporter: &Reporter<'_>,
    ) -> Result<ImageRecord, PullFault> {
        reporter.stage(PullStage::Resolving, 0);
        let credentials = credentials(&endpoint, reference, options);
        let registry = Registry::new(endpoint, reference.repository(), credentials)?;
        let machine = Platform::of_this_machine();
        let (manifest, digests) = resolve(&registry, reference, &machine).await?;
        let config = registry.small_blob(&manifest.config.digest).await?;
        let file = ConfigFile::parse(&config).map_err(PullFault::Config)?;
        check_config(&file, manifest.layers.len(), &machine)?;

        let wanted = layers::wanted(file.diff_ids());
        let job = Job { inner: &self.inner, registry: &registry, reporter, parallel: options.parallel_layers };
        let pins = job.layers(&wanted, &manifest.layers).await?;
        let repo_digests = digests.into_iter().map(|digest| reference.with_digest(digest).to_string()).collect();
        let new = NewImage {
            digest: manifest.config.digest,
            names: vec![reference.clone()],
            repo_digests,
            created_at: file.created_at(),
            config: file.into_config(),
            layers: pins,
        };
        let inner = Arc::clone(&self.inner);
        let record = blocking(move || Ok(inner.put_image(new)?)).await?;
        reporter.stage(PullStage::Done, 0);
        Ok(record)
    }
}

/// Where to ask, in order.
fn endpoints(reference: &Reference, options: &PullOptions) -> Vec<Endpoint> {
    let registry = reference.registry();
    let mirrors = options.mirrors.get(registry).into_iter().flatten().map(|mirror| mirror.endpoint().clone());
    let is_insecure = options.insecure.contains(registry);
    mirrors.chain(Endpoint::origins(registry, is_insecure)).collect()
}

/// A registry that gave a clear answer by http, or no connection, need not be asked by https again.
fn may_speak_https(last: Option<&(String, PullFault)>) -> bool {
    let is_clear = matches!(
        last,
        Some((
            _,
            PullFault::Registry(
                RegistryError::NotFound { .. } | RegistryError::Denied { .. } | RegistryError::Unreachable { .. }
            )
        ))
    );
    !is_clear && matches!(last, Some((_, PullFault::Registry(_) | PullFault::Manifest(_))))
}

fn credentials(endpoint: &Endpoint, reference: &Reference, options: &PullOptions) -> Option<Credentials> {
    let find = |host: &str| options.credentials.get(host).cloned();
    match endpoint.role {
        Role::Mirror => find(&endpoint.host),
        // `docker login` without a host notes the account under Docker Hub's first name.
        _ if reference.registry() == DOCKER_HUB => find(DOCKER_HUB).or_else(|| find("index.docker.io")),
        _ => find(reference.registry()),
    }
}

/// The manifest for this machine, with its own digest and those of the indexes on the way to it.
async fn resolve(
    registry: &Registry,
    reference: &Reference,
    machine: &Platform,
) -> Result<(ImageManifest, Vec<Digest>), PullFault> {
    let mut name = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => digest.to_string(),
        (None, tag) => tag.unwrap_or("latest").to_owned(),
    };
    let mut digests = Vec::new();
    for _ in 0..MAX_INDEX_DEPTH {
        let (bytes, digest) = registry.manifest(&name).await?;
        digests.push(digest);
        match Document::parse(&bytes)? {
            Document::Image(manifest) => return Ok((manifest, digests)),
            Document::Index(entries) => name = choose(machine, &entries)?.digest.to_string(),
        }
    }
    Err(ManifestError::TooDeep.into())
}

/// Runs blocking work on a thread for that. If the pull is dropped the work goes on to its end, which harms nothing.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, PullFault> + Send + 'static) -> Result<T, PullFault> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(PullFault::Interrupted))
}

/// Getting the layers of one image from one address.
struct Job<'a> {
    inner: &'a Arc<Inner>,
    registry: &'a Registry,
    reporter: &'a Reporter<'a>,
    parallel: NonZeroUsize,
}

/// A layer on its way: downloaded by one half of the job, unpacked by the other.
enum Arriving {
    Here(LayerPin),
    Awaited(oneshot::Receiver<()>),
}

impl Job<'_> {
    /// Downloads what is missing, some layers at once, and unpacks each as soon as those below it are there.
    async fn layers(&self, wanted: &[WantedLayer], blobs: &[Descriptor]) -> Result<Vec<LayerPin>, PullFault> {
        let mut arriving = Vec::new();
        let mut missing = Vec::new();
        let mut total = 0_u64;
        for (index, (layer, blob)) in wanted.iter().zip(blobs).enumerate() {
            arriving.push(match self.inner.pin_layer(layer) {
                Some(pin) => Arriving::Here(pin),
                None => {
                    let (sender, receiver) = oneshot::channel();
                    total = total.saturating_add(blob.size);
                    missing.push((index, sender));
                    Arriving::Awaited(receiver)
                }
            });
        }
        self.reporter.stage(PullStage::Downloading, total);
        // Boxed as a whole, and with numbers in place of references: else the compiler does not see that the future of a pull is
        // `Send`, and no task could run it.
        let downloads = stream::iter(missing.into_iter().map(Ok))
            .try_for_each_concurrent(self.parallel.get(), |(index, sender): (usize, oneshot::Sender<()>)| async move {
                self.download(&wanted[index], &blobs[index]).await?;
                // The other half has ended with an error if nobody listens.
                let _unless_over = sender.send(());
                Ok::<(), PullFault>(())
            })
            .boxed();
        let ((), pins) = tokio::try_join!(downloads, self.unpack_all(wanted, blobs, arriving))?;
        Ok(pins)
    }

    async fn unpack_all(
        &self,
        wanted: &[WantedLayer],
        blobs: &[Descriptor],
        arriving: Vec<Arriving>,
    ) -> Result<Vec<LayerPin>, PullFault> {
        let mut pins = Vec::with_capacity(wanted.len());
        for ((layer, blob), arriving) in wanted.iter().zip(blobs).zip(arriving) {
            match arriving {
                Arriving::Here(pin) => pins.push(pin),
                Arriving::Awaited(receiver) => {
                    if receiver.await.is_err() {
                        // The download failed; its own error is the one that is told.
                        return std::future::pending().await;
                    }
                    pins = self.unpack(layer.clone(), &blob.digest, pins).await?;
                }
            }
            self.reporter.unpacked(pins.len(), wanted.len());
        }
        Ok(pins)
    }

    async fn unpack(&self, layer: WantedLayer, blob: &Digest, mut pins: Vec<LayerPin>) -> Result<Vec<LayerPin>, PullFault> {
        let inner = Arc::clone(self.inner);
        let path = part_path(&inner, blob);
        blocking(move || {
            // The part was verified when it was complete.
            let open = || File::open(&path).map_err(|source| PullFault::Store(StoreError::io("open", &path, source)));
            let unpacked = inner.ensure_layer(&layer, &pins, None, open);
            let is_no_good = matches!(&unpacked, Err(PullFault::Layer(_))) || unpacked.is_ok();
            if is_no_good && let Err(error) = fs::remove_file(&path) {
                tracing::debug!(path = %path.display(), %error, "a downloaded layer was gone already");
            }
            pins.push(unpacked?);
            Ok(pins)
        })
        .await
    }
}

fn part_path(inner: &Inner, blob: &Digest) -> PathBuf {
    inner.folders.parts().join(blob.hex())
}
