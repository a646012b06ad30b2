//! The cluster's keys as the daemon holds them: on disk first, then counted by all that hold sockets.

use crate::shutdown::Shutdown;
use pki::datagram::Moment;
use pki::tls::{Tls, TlsError};
use pki::{Authority, AuthorityError, Bundle, BundleError, Identity, KeyError, Lifetimes, Merged, NameError, NodeKey, NodeName};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

/// How often the renewal looks at the certificates.
const LOOK: Duration = Duration::from_secs(60);
/// How long each member has for making new keys that shut out who was removed, before the next one does.
const SHUT_OUT: Duration = Duration::from_secs(2);

/// Why the keys cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// What is on disk.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A bundle that came.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A key that cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The node's name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The machine was admitted with another name, which is its node's for good.
    #[error(
        "this machine is the node {known} of its cluster, not {name}: start it with --name {known}; for another name, remove that node (skiff node rm {known}) and run `skiffd reset` here first"
    )]
    Renamed {
        /// What its cluster knows it as.
        known: String,
        /// What it is to be called now.
        name: String,
    },
    /// Nobody was ever admitted with this name, so that there is nobody to deny.
    #[error("no node was admitted as {0}: `skiff node ls` shows the names that there are")]
    Unknown(String),
}

/// The keys of one moment.
#[derive(Debug, Clone)]
pub struct Keys {
    /// What the cluster shares.
    pub bundle: Arc<Bundle>,
    /// [`Bundle::digest`] of it.
    pub trust_digest: u32,
    /// What sockets use.
    pub tls: Arc<Tls>,
}

/// The keys, shared by all tasks. Clones share it.
#[derive(Debug, Clone)]
pub struct Trust {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Held while the disk is written: by blocking threads only.
    authority: Mutex<Authority>,
    key: NodeKey,
    name: NodeName,
    lifetimes: Lifetimes,
    keys: watch::Sender<Keys>,
}

impl Trust {
    /// Of keys that are on disk. Blocks for a moment.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn new(mut authority: Authority, name: &str, lifetimes: Lifetimes) -> Result<Self, TrustError> {
        let name = NodeName::parse(name)?;
        let mut bundle = authority.bundle().clone();
        if let Some(known) = bundle.members().get(&authority.identity()).filter(|known| *known != name.as_str()) {
            return Err(TrustError::Renamed { known: known.clone(), name: name.as_str().to_owned() });
        }
        if bundle.admit(authority.identity(), &name) == Merged::Changed {
            authority.replace(bundle)?;
        }
        let key = authority.key().clone();
        let keys = keys(authority.bundle().clone(), &key, &name, &lifetimes)?;
        let inner = Inner { authority: Mutex::new(authority), key, name, lifetimes, keys: watch::Sender::new(keys) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Opens the keys in a folder; `None` where this machine belongs to no cluster yet.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn open(folder: &Path, name: &str, lifetimes: Lifetimes) -> Result<Option<Self>, TrustError> {
        Authority::open(folder)?.map(|authority| Self::new(authority, name, lifetimes)).transpose()
    }

    /// Makes a cluster of one node.
    ///
    /// # Errors
    /// [`AuthorityError::Exists`] where there is one, and see [`TrustError`].
    pub fn make_cluster(folder: &Path, name: &str, lifetimes: Lifetimes) -> Result<Self, TrustError> {
        let name_of_node = NodeName::parse(name)?;
        let key = Authority::key_for_joining(folder)?;
        let mut bundle = Bundle::make(wall_ms(), &lifetimes)?;
        bundle.admit(key.identity(), &name_of_node);
        Self::new(Authority::create(folder, bundle)?, name, lifetimes)
    }

    /// The keys of now.
    #[must_use]
    pub fn keys(&self) -> Keys {
        self.inner.keys.borrow().clone()
    }

    /// Tells of every change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Keys> {
        self.inner.keys.subscribe()
    }

    /// This node.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.inner.key.identity()
    }

    /// This node's key, from which other keys of this node alone are derived.
    #[must_use]
    pub fn key(&self) -> &NodeKey {
        &self.inner.key
    }

    /// This node's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.name.as_str()
    }

    /// Takes what another node's bundle knows.
    ///
    /// # Errors
    /// See [`TrustError`]; then nothing has changed.
    pub async fn merge(&self, other: Bundle) -> Result<Merged, TrustError> {
        self.change(move |bundle, _| Ok(bundle.merge(&other)?)).await
    }

    /// Notes that a node was admitted.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub async fn admit(&self, identity: Identity, name: NodeName) -> Result<Merged, TrustError> {
        self.change(move |bundle, _| Ok(bundle.admit(identity, &name))).await
    }

    /// Removes a node with all identities that it has had: its certificate is refused from now on, and a new generation of keys makes
    /// worthless what it knows. Again changes nothing; and this node does not remove itself.
    ///
    /// # Errors
    /// [`TrustError::Unknown`] for a name that nobody was admitted with, and see [`TrustError`].
    pub async fn remove(&self, name: &str) -> Result<Merged, TrustError> {
        let (name, own) = (NodeName::parse(name)?, self.identity());
        let remove = move |bundle: &mut Bundle, lifetimes: &Lifetimes| {
            let mut gone = bundle.identities(name.as_str());
            if gone.is_empty() && !bundle.denied().values().any(|denied| denied.name == name.as_str()) {
                return Err(TrustError::Unknown(name.as_str().to_owned()));
            }
            gone.retain(|identity| *identity != own);
            Ok(bundle.remove(&gone, &name, wall_ms(), lifetimes)?)
        };
        self.change(remove).await
    }

    /// Moves to a new generation of keys.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub async fn rotate(&self) -> Result<(), TrustError> {
        let rotate = |bundle: &mut Bundle, lifetimes: &Lifetimes| {
            bundle.rotate(wall_ms(), lifetimes)?;
            Ok(Merged::Changed)
        };
        self.change(rotate).await.map(|_| ())
    }

    /// Changes the bundle: on disk first.
    async fn change<F>(&self, change: F) -> Result<Merged, TrustError>
    where
        F: FnOnce(&mut Bundle, &Lifetimes) -> Result<Merged, TrustError> + Send + 'static,
    {
        let inner = self.inner.clone();
        let work = move || {
            // A panic while it was held has left the file whole, and with it what is in memory.
            let mut authority = inner.authority.lock().unwrap_or_else(PoisonError::into_inner);
            let mut bundle = authority.bundle().clone();
            let merged = change(&mut bundle, &inner.lifetimes)?;
            if merged == Merged::Changed {
                let keys = keys(bundle.clone(), &inner.key, &inner.name, &inner.lifetimes)?;
                authority.replace(bundle)?;
                inner.keys.send_replace(keys);
            }
            Ok(merged)
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// Renews this node's certificates at two thirds of their life, and the cluster's authority at two thirds of its own; shuts out whom
    /// both sides of a split removed, once they meet.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut changes = self.watch();
        let mut look_at = Instant::now() + LOOK;
        loop {
            let turn = self.turn_to_shut_out();
            // All only wait, and are made anew.
            tokio::select! {
                () = shutdown.wait() => return,
                Ok(()) = changes.changed() => continue,
                () = tokio::time::sleep(turn.unwrap_or_default()), if turn.is_some() => {
                    match self.change(|bundle, lifetimes| Ok(bundle.shut_out(wall_ms(), lifetimes)?)).await {
                        Ok(_) => info!("nodes were removed apart from each other: the cluster's keys are new for all of them"),
                        Err(error) => warn!(error = &error as &dyn std::error::Error, "removed nodes may have the cluster's keys"),
                    }
                }
                () = tokio::time::sleep_until(look_at) => {}
            }
            if Instant::now() < look_at {
                continue;
            }
            look_at = Instant::now() + LOOK;
            if let Err(error) = self.renew().await {
                warn!(error = &error as &dyn std::error::Error, "the keys were not renewed; tried again in a minute");
            }
        }
    }

    /// How long this node leaves it to others to shut out who was removed, where that is needed: they take turns, so that not each of
    /// them makes new keys.
    fn turn_to_shut_out(&self) -> Option<Duration> {
        let bundle = self.keys().bundle;
        let members = || bundle.members().keys().filter(|identity| !bundle.is_denied(**identity));
        let place = members().position(|identity| *identity == self.identity());
        let turn = || SHUT_OUT.saturating_mul(u32::try_from(place.unwrap_or(0)).unwrap_or(u32::MAX)).min(LOOK);
        bundle.is_exposed().then(turn).filter(|_| place.is_some())
    }

    /// Renews what is due.
    async fn renew(&self) -> Result<(), TrustError> {
        let (now_ms, keys_now) = (wall_ms(), self.keys());
        let (newest, life_ms) = (keys_now.bundle.newest(), self.inner.lifetimes.authority_ms);
        // Each node has its own hour of the day for it, so that mostly one moves and the others follow.
        let turn_ms = self.identity().short() % 24 * 3_600_000 * life_ms.min(365 * 86_400_000) / (365 * 86_400_000);
        if now_ms >= newest.created_ms.saturating_add(life_ms / 3 * 2).saturating_add(turn_ms) {
            self.rotate().await?;
            info!(generation = self.keys().bundle.newest().number, "the cluster's keys are of a new generation");
        }
        // A generation whose overlap has ended is gone from the configurations then, too.
        let trusted = |ms: u64| keys_now.bundle.trusted(ms).count();
        let is_shorter = trusted(now_ms) < trusted(now_ms.saturating_sub(2 * 60_000));
        if now_ms >= self.keys().tls.renew_at_ms || is_shorter {
            let made = keys((*self.keys().bundle).clone(), &self.inner.key, &self.inner.name, &self.inner.lifetimes)?;
            self.inner.keys.send_modify(|keys| {
                // Another change may have come meanwhile, and is newer.
                if keys.bundle == made.bundle {
                    *keys = made;
                }
            });
            info!("this node's certificates were renewed");
        }
        Ok(())
    }
}

fn keys(bundle: Bundle, key: &NodeKey, name: &NodeName, lifetimes: &Lifetimes) -> Result<Keys, TrustError> {
    let bundle = Arc::new(bundle);
    let tls = Tls::make(&bundle, key, name, wall_ms(), lifetimes)?;
    Ok(Keys { trust_digest: bundle.digest(), bundle, tls: Arc::new(tls) })
}

/// The wall clock, milliseconds since the epoch.
#[must_use]
pub fn wall_ms() -> u64 {
    wall_us() / 1000
}

/// This moment on both clocks, as datagrams need it.
#[must_use]
pub fn moment() -> Moment {
    Moment { wall_us: wall_us(), boot_ms: crate::clock::now().boot.0 }
}

/// The wall clock, microseconds since the epoch.
fn wall_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
