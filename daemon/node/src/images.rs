//! The node's images as its pods and users want them: found, pulled one or a few at a time, kept while they are used.

use crate::errors::chain;
use crate::keyring::Account;
use jiff::Timestamp;
use runtime::image::{
    Credentials, Digest, GcPolicy, ImageHold, ImageRecord, ImageStore, PullOptions, PullProgress, Reference, ReferenceError,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

/// Pulls at once; layers of one pull come beside each other anyway.
const PULLS: usize = 3;

/// The node's images. Clones are the same.
#[derive(Clone)]
pub struct Images {
    inner: Arc<Inner>,
}

struct Inner {
    store: ImageStore,
    options: PullOptions,
    places: Semaphore,
    /// Raised whenever images came by hand.
    changed: watch::Sender<u64>,
    /// How many containers use an image.
    used: Mutex<HashMap<Digest, usize>>,
}

/// An image that a pod uses: it is not removed as long as this lives.
pub struct InUse {
    /// The image.
    pub record: ImageRecord,
    images: Images,
    _hold: Option<ImageHold>,
}

impl Drop for InUse {
    fn drop(&mut self) {
        let inner = &self.images.inner;
        inner.store.mark_used(&self.record.digest, Timestamp::now());
        let mut used = inner.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = used.get_mut(&self.record.digest) {
            *count -= 1;
            if *count == 0 {
                used.remove(&self.record.digest);
            }
        }
    }
}

/// The daemon's options with an account of the image's registry.
fn with(options: &PullOptions, reference: &Reference, account: Account) -> PullOptions {
    let mut options = options.clone();
    let Account { username, password } = account;
    options.credentials.insert(reference.registry().to_owned(), Credentials::Basic { username, password });
    options
}

/// A pull that went well.
#[derive(Debug)]
pub struct Pulled {
    /// What came.
    pub record: ImageRecord,
    /// The pull itself.
    pub took: Duration,
    /// With the wait for other pulls.
    pub took_with_waiting: Duration,
}

impl Images {
    /// The images of a store, pulled with these options.
    pub fn new(store: ImageStore, options: PullOptions) -> Self {
        let inner = Inner {
            store,
            options,
            places: Semaphore::new(PULLS),
            changed: watch::Sender::new(0),
            used: Mutex::new(HashMap::new()),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The store itself, for what blocks.
    pub fn store(&self) -> &ImageStore {
        &self.inner.store
    }

    /// Reads a name as a manifest has it.
    ///
    /// # Errors
    /// In Kubernetes' words.
    pub fn parse(name: &str) -> Result<Reference, ReferenceError> {
        Reference::parse(name)
    }

    /// The image that a pod's container names, if it is here.
    pub fn find(&self, reference: &Reference) -> Option<ImageRecord> {
        self.inner.store.find(reference)
    }

    /// The image that a container's status names: by digest where it came from a registry, else by the image's own id.
    pub fn find_id(&self, image_id: &str) -> Option<ImageRecord> {
        match Digest::parse(image_id) {
            Ok(digest) => self.inner.store.get(&digest),
            Err(_) => self.find(&Reference::parse(image_id).ok()?),
        }
    }

    /// Keeps an image from being removed; `None` if it is gone meanwhile.
    pub fn use_image(&self, record: ImageRecord) -> Option<InUse> {
        let hold = self.inner.store.hold(&record.digest)?;
        *self.inner.used.lock().unwrap_or_else(PoisonError::into_inner).entry(record.digest.clone()).or_default() += 1;
        Some(InUse { record, images: self.clone(), _hold: Some(hold) })
    }

    /// Whether a pod uses the image.
    pub fn is_in_use(&self, digest: &Digest) -> bool {
        self.inner.used.lock().unwrap_or_else(PoisonError::into_inner).contains_key(digest)
    }

    /// Pulls from the registry or its mirrors, with each of these accounts in turn until one is let in; without any, with the daemon's
    /// own. Dropping the future stops it; what was unpacked stays for the next try.
    ///
    /// # Errors
    /// The registry's answer in one line; all of them where several accounts were tried.
    pub async fn pull(
        &self,
        reference: &Reference,
        accounts: Vec<Account>,
        progress: impl Fn(PullProgress) + Send + Sync,
    ) -> Result<Pulled, String> {
        let asked = Instant::now();
        let _place = self.inner.places.acquire().await.map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let mut refusals = Vec::new();
        let own = &self.inner.options;
        let tries = if accounts.is_empty() {
            vec![own.clone()]
        } else {
            accounts.into_iter().map(|account| with(own, reference, account)).collect()
        };
        for options in tries {
            match self.inner.store.pull(reference, &options, &progress).await {
                Ok(record) => return Ok(Pulled { record, took: begun.elapsed(), took_with_waiting: asked.elapsed() }),
                Err(error) => {
                    let is_final = !error.is_denied() && !error.is_not_found();
                    // The error's text is whole: it names the cause at every address that was tried.
                    refusals.push(error.to_string());
                    if is_final {
                        break;
                    }
                }
            }
        }
        Err(if refusals.len() == 1 { refusals.remove(0) } else { format!("[{}]", refusals.join(", ")) })
    }

    /// The account that the daemon itself has of an image's registry, tried after those of a pod.
    pub fn own_account(&self, reference: &Reference) -> Option<Account> {
        match self.inner.options.credentials.get(reference.registry())? {
            Credentials::Basic { username, password } => Some(Account { username: username.clone(), password: password.clone() }),
            Credentials::Token(_) => None,
        }
    }

    /// Tells the pods that wait for an image to look again.
    pub fn tell_changed(&self) {
        self.inner.changed.send_modify(|count| *count += 1);
    }

    /// Changes whenever images came by hand.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Makes room where the disk is nearly full. Blocks.
    pub fn collect_garbage(&self) {
        let store = &self.inner.store;
        let is_in_use = |digest: &Digest| self.is_in_use(digest);
        let collected =
            store.disk_usage().and_then(|disk| store.collect_garbage(&GcPolicy::default(), disk, Timestamp::now(), &is_in_use));
        match collected {
            Ok(None) => {}
            Ok(Some((plan, removed))) => tracing::info!(
                removed = removed.deleted.len(),
                freed_bytes = removed.freed_bytes,
                wanted_bytes = plan.wanted_bytes,
                "the disk is nearly full: images were removed"
            ),
            Err(error) => tracing::warn!(error = %chain(&error), "cannot make room by removing images"),
        }
    }
}
