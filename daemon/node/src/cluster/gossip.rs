//! The task that runs the cluster's protocol: it carries what the engine decides between the sockets and the store.
//!
//! ```text
//!  transport ──Event──▶ Engine ──Merge──▶ store        store ──RecordChange──▶ Engine ──Datagram, Message──▶ transport
//! ```
//!
//! The engine's index of records follows the store's changes in their order, whoever made them; of a merge only what was *not* kept is
//! told apart from that. Merges are under way in a bounded number, and while there are that many no more messages are received; datagrams are.

mod steps;

use super::removed;
use super::transport::{Datagram, Event, Transport};
use super::trust::Keys;
use crate::clock;
use crate::errors::chain;
use crate::events::{About, Recorder};
use crate::shutdown::Shutdown;
use bytes::Bytes;
use control::clock::BootMs;
use control::pod::EventType;
use control::record::{RecordId, Stamp};
use control::sides::{self, Sides};
use control::version::NodeId;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use gossip::{Counters, Engine, Input, Member, Merged, Named, Outcome, Output, Standing, State};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use steps::{Sort, Step};
use store::{FellBehind, MergeOutcome, MergeReport, RecordChange, RecordChanges, Refusal, Store, StoreError};
use tokio::sync::{mpsc, watch};
use tracing::{debug, info, warn};

/// Merges under way at the most.
const MERGES: usize = 32;
/// Contact this much earlier, in ms, is counted on: what was written after it may not have arrived.
const CONTACT_MARGIN_MS: u64 = 5_000;
/// How often the time of the last contact is noted, in ms.
const CONTACT_EVERY_MS: u64 = 1_000;
/// How soon a review that the disk did not take is tried again.
const REVIEW_AGAIN: Duration = Duration::from_secs(5);
/// Names of events begin with this: they tell of changes and are none.
const EVENTS: &str = "events/";
/// Changes that are told together at the most.
const CHANGES: usize = 512;

/// All other members, as this node sees them.
pub type View = Arc<Vec<Member>>;

/// The task. See the module.
pub struct Gossip {
    engine: Engine,
    store: Store,
    transport: Transport,
    recorder: Recorder,
    datagrams: mpsc::Receiver<Datagram>,
    events: mpsc::Receiver<Event>,
    keys: watch::Receiver<Keys>,
    /// Nodes that were removed: they are no members, whatever is remembered of them.
    denied: watch::Sender<BTreeSet<NodeId>>,
    changes: RecordChanges,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
    view: watch::Sender<View>,
    counters: watch::Sender<Counters>,
    settled: watch::Sender<bool>,
    /// Whether the engine told of a member since the view was made.
    has_news: bool,
    sides: Sides,
    /// The contact that was noted last; the start counts as one, but is none.
    contact: BootMs,
}

/// What the gossip task works with.
pub struct Parts {
    /// The protocol, with an index as the store was when `changes` began.
    pub engine: Engine,
    /// The replica.
    pub store: Store,
    /// Its changes.
    pub changes: RecordChanges,
    /// The way to the others.
    pub transport: Transport,
    /// What comes from them.
    pub datagrams: mpsc::Receiver<Datagram>,
    /// What comes from them and arrives for certain.
    pub events: mpsc::Receiver<Event>,
    /// The cluster's keys, which say who was removed.
    pub keys: watch::Receiver<Keys>,
    /// Where events go.
    pub recorder: Recorder,
    /// Where the members are told.
    pub view: watch::Sender<View>,
    /// Where it is told what was counted.
    pub counters: watch::Sender<Counters>,
    /// Where it is told that this node knows what the others know.
    pub settled: watch::Sender<bool>,
    /// Where it is told who was removed.
    pub denied: watch::Sender<BTreeSet<NodeId>>,
}

/// The end of some work in the store.
enum Done {
    Merge { stamps: Vec<(RecordId, Stamp)>, result: Result<MergeReport, StoreError> },
    Review { dropped: Vec<(RecordId, Stamp)> },
}

impl Gossip {
    /// The task of these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { engine, store, changes, transport, datagrams, events, keys, recorder, view, counters, settled, denied } =
            parts;
        let (work, contact) = (FuturesUnordered::new(), engine.contact());
        denied.send_replace(removed::denied(&keys.borrow()));
        Self {
            engine,
            store,
            transport,
            recorder,
            datagrams,
            events,
            denied,
            keys,
            changes,
            work,
            view,
            counters,
            settled,
            has_news: true,
            sides: Sides::default(),
            contact,
        }
    }

    /// Runs until the shutdown signal; then takes leave of the others.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        self.step(Input::Tick);
        loop {
            self.tell_view();
            let counted = self.engine.counters();
            self.counters.send_if_modified(|told| told != counted && std::mem::replace(told, counted.clone()) != *counted);
            self.note_contact();
            self.store.set_may_forget(self.engine.may_forget(clock::now()));
            let wake = self.engine.wake_at().into_iter().chain(self.sides.wake_at().map(BootMs)).min();
            // Queues, watches and the set keep what is not taken; the timer is made anew.
            tokio::select! {
                () = shutdown.wait() => break,
                Some(done) = self.work.next(), if !self.work.is_empty() => self.done(done),
                Ok(()) = self.keys.changed() => self.deny(),
                change = self.changes.next() => self.changed(change),
                // Whoever asks whether we live is answered however much there is to merge.
                Some(Datagram { from, opened }) = self.datagrams.recv() => {
                    self.step(Input::Datagram { from, bytes: opened.payload });
                }
                event = self.events.recv(), if self.work.len() < MERGES => match event {
                    Some(event) => self.take(event),
                    None => break,
                },
                () = clock::sleep_until(wake) => {
                    self.note_side(&sides::Input::Time);
                    self.step(Input::Tick);
                }
            }
        }
        self.step(Input::Leave);
        info!("took leave of the cluster; the pods run on");
    }

    fn tell_view(&mut self) {
        let is_settled = self.engine.standing() == Standing::Settled;
        self.settled.send_if_modified(|before| std::mem::replace(before, is_settled) != is_settled);
        if std::mem::take(&mut self.has_news) {
            let members = {
                let denied = self.denied.borrow();
                let is_removed = |member: &&Member| denied.contains(&member.identity.name);
                self.engine.members().filter(|member| !is_removed(member)).cloned().collect()
            };
            self.view.send_replace(Arc::new(members));
        }
    }

    /// When others were last heard to have what this node has, which counts after a long absence.
    fn note_contact(&mut self) {
        let contact = self.engine.contact();
        if contact.since_ms(self.contact) >= CONTACT_EVERY_MS {
            self.contact = contact;
            let ago_ms = clock::now().boot.since_ms(contact);
            self.store.note_contact(self.store.now_ms().saturating_sub(ago_ms));
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Message { node, bytes } => {
                self.step(Input::Message { from: NodeId::from(&*node), bytes: bytes.into() });
            }
            Event::Unreachable { node } => self.step(Input::Unreachable { peer: NodeId::from(node.as_str()) }),
        }
    }

    /// One input, and those that its outputs are answered with at once.
    fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for output in self.engine.step(clock::now(), input) {
                inputs.extend(self.perform(output));
            }
        }
    }

    fn perform(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Datagram { to, bytes } => {
                if let Err(error) = self.transport.send_datagram(to, &bytes) {
                    debug!(error = %chain(&error), "a datagram was not sent");
                }
                None
            }
            Output::Message { to, address, bytes } => match self.transport.send(to.as_str(), address, Bytes::from(bytes)) {
                Ok(()) => None,
                Err(error) => {
                    debug!(error = %chain(&error), "a message was not sent");
                    Some(Input::Unreachable { peer: to })
                }
            },
            Output::Merge { from: _, records } => {
                self.merge(Arc::unwrap_or_clone(records));
                None
            }
            Output::Load { token, ids, max_bytes } => Some(self.load(token, ids, max_bytes)),
            Output::Review { records } => {
                self.review(records);
                None
            }
            Output::Member(member) => {
                let (name, state) = (member.identity.name.as_str(), member.state);
                info!(node = name, ?state, address = %member.identity.address, "a member of the cluster");
                if !state.is_active() {
                    self.transport.forget(name);
                }
                self.note_side(&match state {
                    State::Alive | State::Suspect => sides::Input::Seen(name),
                    State::Down => sides::Input::Apart(name),
                    State::Left => sides::Input::Gone(name),
                });
                self.has_news = true;
                None
            }
            Output::Settled => None,
        }
    }

    /// Takes note of what a split or its end is made of, and tells of nodes that are back.
    fn note_side(&mut self, input: &sides::Input<'_>) {
        if let Some(met) = self.sides.step(clock::now().boot.0, input) {
            self.recorder.report_met(&met);
        }
    }

    fn merge(&self, records: Vec<Named>) {
        let store = self.store.clone();
        let stamps = records.iter().map(|(id, record)| (id.clone(), record.stamp.clone())).collect();
        self.work.push(Box::pin(async move { Done::Merge { stamps, result: store.merge(records).await } }));
    }

    /// Reads records in their order, up to a size.
    fn load(&self, token: u64, ids: Vec<RecordId>, max_bytes: usize) -> Input {
        let (mut read, mut bytes, mut records) = (0, 0, Vec::new());
        for id in ids {
            if bytes > max_bytes {
                break;
            }
            read += 1;
            if let Some(record) = self.store.record(&id) {
                bytes += record.json().map_or(0, |json| json.len()) + id.object.len();
                records.push((id, record));
            }
        }
        Input::Loaded { token, read, records }
    }

    /// Drops what was deleted while this node was away longer than deletions are remembered.
    fn review(&self, records: Vec<(RecordId, Stamp)>) {
        let store = self.store.clone();
        // What was written just before may not have reached anybody.
        let last_contact_ms = self.store.last_contact().unwrap_or(0).saturating_sub(CONTACT_MARGIN_MS);
        self.work.push(Box::pin(async move {
            let ids: Vec<RecordId> = records.iter().map(|(id, _)| id.clone()).collect();
            // Going on without it would give back to the others what they have deleted: nothing is told of until it is done.
            loop {
                match store.drop_stale(ids.clone(), last_contact_ms).await {
                    Ok(objects) => break info!(objects, "dropped what was deleted while this node was away"),
                    Err(StoreError::Closed) => std::future::pending().await,
                    Err(error) => {
                        warn!(error = %chain(&error), "cannot drop what was deleted while this node was away; tried again")
                    }
                }
                tokio::time::sleep(REVIEW_AGAIN).await;
            }
            let is_gone = |(id, stamp): &(RecordId, Stamp)| store.record(id).is_none_or(|record| record.stamp != *stamp);
            Done::Review { dropped: records.into_iter().filter(is_gone).collect() }
        }));
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Review { dropped } => self.step(Input::Reviewed { dropped }),
            Done::Merge { stamps, result: Ok(report) } => {
                self.recorder.report_lost(&self.store, &report.lost);
                for _ in &report.lost {
                    self.note_side(&sides::Input::Lost);
                }
                let outcomes = stamps.into_iter().zip(report.outcomes);
                let merged: Vec<Merged> = outcomes.filter_map(|(named, outcome)| self.not_kept(named, &outcome)).collect();
                if !merged.is_empty() {
                    self.step(Input::Merged(merged));
                }
            }
            // The daemon ends.
            Done::Merge { result: Err(error), .. } => debug!(%error, "records were not merged"),
        }
    }

    fn not_kept(&self, (id, stamp): (RecordId, Stamp), outcome: &MergeOutcome) -> Option<Merged> {
        let outcome = match outcome {
            MergeOutcome::Kept => return None,
            MergeOutcome::Known => Outcome::Known,
            MergeOutcome::Refused(refusal) => {
                debug!(%id, %refusal, "a record was refused");
                if let Refusal::TooFarAhead { ahead_ms } = refusal {
                    self.report_skew(&stamp.version.node, *ahead_ms);
                }
                Outcome::Refused
            }
        };
        Some(Merged { id, stamp, outcome })
    }

    fn report_skew(&self, writer: &NodeId, ahead_ms: u64) {
        let message = format!(
            "Changes made on node {writer} are not taken: their time is {} s ahead of ours. Set the clocks (timedatectl, chrony)",
            ahead_ms / 1000
        );
        self.recorder.report(About::node(writer.as_str()), EventType::Warning, "ClockSkew", message);
    }

    /// Tells the engine what changed in the store, in order; what is of one sort travels together.
    fn changed(&mut self, first: Result<RecordChange, FellBehind>) {
        let mut changes = VecDeque::new();
        let mut next = first.map(Some);
        loop {
            match next {
                Ok(Some(change)) => changes.push_back(change),
                Ok(None) => break,
                Err(FellBehind) => return self.begin_again(),
            }
            if changes.len() >= CHANGES {
                break;
            }
            next = self.changes.try_next();
        }
        let mut steps: VecDeque<Step> = changes.into_iter().flat_map(Step::of).collect();
        while let Some(sort) = steps.front().map(|step| step.sort) {
            let mut run = Vec::new();
            while let Some(step) = steps.pop_front_if(|step| step.sort == sort) {
                run.push((step.id, step.stamp));
            }
            let input = match sort {
                Sort::Forgotten => Input::Forgotten(run),
                Sort::Local => Input::Changed(self.store.records(run.into_iter().map(|(id, _)| id))),
                Sort::Merged => {
                    for (id, _) in run.iter().filter(|(id, _)| !id.object.starts_with(EVENTS)) {
                        self.note_side(&sides::Input::Changed(&id.object));
                    }
                    let kept = |(id, stamp)| Merged { id, stamp, outcome: Outcome::Kept };
                    Input::Merged(run.into_iter().map(kept).collect())
                }
            };
            self.step(input);
        }
    }

    /// Changes were missed: the index is made anew. Local ones among them reach the others by reconciling.
    fn begin_again(&mut self) {
        warn!("the changes of records came faster than they were passed on; all are compared again");
        let (stamps, changes) = self.store.follow_records();
        self.changes = changes;
        self.step(Input::Held(stamps));
    }

    fn deny(&mut self) {
        let denied = removed::denied(&self.keys.borrow_and_update());
        self.has_news = true;
        self.denied.send_replace(denied.clone());
        self.step(Input::Denied(denied));
    }
}
