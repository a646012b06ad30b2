//! A connection that is kept up: reconnects with back-off, tells how it stands, and resumes watches.
//!
//! ```text
//! Connecting ──hello──▶ Connected ──lost──▶ Lost{attempt 1} ──back-off──▶ Lost{attempt 2} … ──hello──▶ Connected
//! ```

use crate::{Address, Client, ClientError, WatchStream, connect};
use objects::Kind;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use wire::{ObjectList, Request, Response, Selection, WatchEvent};

/// The wait before the first try after a loss.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How a [`Link`] stands.
#[derive(Clone)]
pub enum LinkState {
    /// The first connection is being made.
    Connecting {
        /// Tries so far.
        attempt: u32,
        /// Why the last try failed.
        error: Option<String>,
    },
    /// There is a connection.
    Connected(Client),
    /// It is gone, and another is being made.
    Lost {
        /// Since when.
        since: Instant,
        /// Tries since then.
        attempt: u32,
        /// Why it was lost, or why the last try failed.
        error: String,
    },
}

/// The way to a daemon that may come and go. Clones share it.
#[derive(Clone)]
pub struct Link {
    state: watch::Receiver<LinkState>,
}

/// Keeps a [`Link`] connected. It must run for the link to work.
#[must_use = "a link works only while its driver runs"]
pub struct LinkDriver {
    address: Address,
    agent: String,
    state: watch::Sender<LinkState>,
}

/// Prepares a link to a daemon; the driver connects when it runs.
pub fn link(address: Address, agent: &str) -> (Link, LinkDriver) {
    let (sender, state) = watch::channel(LinkState::Connecting { attempt: 0, error: None });
    (Link { state }, LinkDriver { address, agent: agent.to_owned(), state: sender })
}

impl Link {
    /// How the link stands now.
    #[must_use]
    pub fn state(&self) -> LinkState {
        self.state.borrow().clone()
    }

    /// Waits until the state differs from what this clone saw last. `false` when the driver has ended.
    pub async fn changed(&mut self) -> bool {
        self.state.changed().await.is_ok()
    }

    /// The connection, where there is one now.
    #[must_use]
    pub fn client(&self) -> Option<Client> {
        match &*self.state.borrow() {
            LinkState::Connected(client) => Some(client.clone()),
            _ => None,
        }
    }

    /// Asks over the connection of now. Nothing is asked twice: what a lost connection left undone is for the caller to decide.
    ///
    /// # Errors
    /// [`ClientError::NotConnected`] where there is none; else as [`Client::request`].
    pub async fn request(&self, request: Request) -> Result<Response, ClientError> {
        match self.client() {
            Some(client) => client.request(request).await,
            None => Err(ClientError::NotConnected),
        }
    }

    /// A watch that outlives the connection.
    #[must_use]
    pub fn watch(&self, kind: Kind, selection: Selection) -> LinkWatch {
        LinkWatch { link: self.state.clone(), kind, selection, resume_from: None, stream: None, retry: None }
    }
}

impl LinkDriver {
    /// Connects, and connects again, until the last [`Link`] and [`LinkWatch`] is gone.
    pub async fn run(self) {
        let mut wait = FIRST_WAIT;
        loop {
            let connected = tokio::select! {
                connected = connect(&self.address, &self.agent) => connected,
                // A connection half made is of no use to anybody then.
                () = self.state.closed() => return,
            };
            match connected {
                Ok((client, driver)) => {
                    wait = FIRST_WAIT;
                    self.state.send_replace(LinkState::Connected(client));
                    let error = tokio::select! {
                        error = driver.run() => error,
                        // Nobody is left who could ask anything.
                        () = self.state.closed() => return,
                    };
                    self.failed(&error);
                }
                Err(error) => self.failed(&error),
            }
            tokio::select! {
                () = tokio::time::sleep(jittered(wait)) => {}
                () = self.state.closed() => return,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn failed(&self, error: &ClientError) {
        let error = chain(error);
        self.state.send_modify(|state| {
            *state = match state {
                LinkState::Connecting { attempt, .. } => LinkState::Connecting { attempt: *attempt + 1, error: Some(error) },
                LinkState::Connected(_) => LinkState::Lost { since: Instant::now(), attempt: 0, error },
                LinkState::Lost { since, attempt, .. } => LinkState::Lost { since: *since, attempt: *attempt + 1, error },
            };
        });
    }
}

/// The error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Between half and the whole of `wait`, so that many consoles do not come back in step.
fn jittered(wait: Duration) -> Duration {
    // The hasher's keys are random for each one made, which is all the randomness that is wanted here.
    let random = std::hash::RandomState::new().build_hasher().finish();
    let half = wait / 2;
    let half_ms = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
    half + Duration::from_millis(random % half_ms)
}

/// What a [`LinkWatch`] tells.
#[derive(Debug)]
pub enum LinkWatchEvent {
    /// Forget what was known: these are the objects now; where the list says that there are more, [`LinkWatchEvent::Part`]s follow.
    Snapshot(ObjectList),
    /// More objects of the snapshot.
    Part(ObjectList),
    /// One change.
    Change(WatchEvent),
    /// The connection is gone; what is known may be out of date until the next event.
    Interrupted,
    /// The connection is back and what is known is complete again as far as it was.
    Resumed,
}

/// A watch that resumes by version after a lost connection, and lists again where that cannot be.
pub struct LinkWatch {
    link: watch::Receiver<LinkState>,
    kind: Kind,
    selection: Selection,
    resume_from: Option<String>,
    stream: Option<WatchStream>,
    retry: Option<tokio::time::Instant>,
}

impl LinkWatch {
    /// The next event. May be used in `select!`: nothing is lost.
    ///
    /// # Errors
    /// [`ClientError::Refused`] where the daemon refuses the watch for good (a selector it cannot read);
    /// [`ClientError::NotConnected`] when the link's driver has ended.
    pub async fn next(&mut self) -> Result<LinkWatchEvent, ClientError> {
        loop {
            let Some(stream) = self.stream.as_mut() else {
                match self.open().await? {
                    Some(event) => return Ok(event),
                    None => continue,
                }
            };
            let told = match stream.next_part().await {
                Ok(Some(part)) => Ok(Some(LinkWatchEvent::Part(part))),
                Ok(None) => stream.next().await.map(|event| event.map(LinkWatchEvent::Change)),
                Err(error) => Err(error),
            };
            if let Ok(Some(event)) = told {
                self.resume_from = stream.resume_from();
                return Ok(event);
            }
            self.stream = None;
            match told {
                Err(error) => self.note(error)?,
                Ok(_) => self.retry_soon(),
            }
            return Ok(LinkWatchEvent::Interrupted);
        }
    }

    /// Opens the stream on the connection of now, waiting for one; `None` where that failed and should be tried again.
    async fn open(&mut self) -> Result<Option<LinkWatchEvent>, ClientError> {
        if let Some(at) = self.retry {
            tokio::time::sleep_until(at).await;
            self.retry = None;
        }
        let client = loop {
            if let LinkState::Connected(client) = &*self.link.borrow_and_update() {
                break client.clone();
            }
            self.link.changed().await.map_err(|_| ClientError::NotConnected)?;
        };
        let opened = client.watch_in_parts(self.kind, self.selection.clone(), self.resume_from.clone()).await;
        match opened {
            Ok(mut stream) => {
                let snapshot = stream.take_snapshot();
                self.resume_from = stream.resume_from();
                self.stream = Some(stream);
                Ok(Some(snapshot.map_or(LinkWatchEvent::Resumed, LinkWatchEvent::Snapshot)))
            }
            Err(error) => {
                self.note(error)?;
                Ok(None)
            }
        }
    }

    /// Decides what a failure means: list again, try again, or give up.
    fn note(&mut self, error: ClientError) -> Result<(), ClientError> {
        match &error {
            ClientError::Refused(status) if status.code == 410 => self.resume_from = None,
            ClientError::Refused(status) if status.code < 500 && status.code != 429 => return Err(error),
            ClientError::Lost { .. } | ClientError::NotConnected => self.retry_soon(),
            _ => {
                self.resume_from = None;
                self.retry_soon();
            }
        }
        Ok(())
    }

    /// The state still says `Connected` for a moment after a stream was lost: do not spin on it.
    fn retry_soon(&mut self) {
        self.retry = Some(tokio::time::Instant::now() + jittered(FIRST_WAIT));
    }
}
