//! What the controllers that run on every node share: how they follow the store, when they look at an object, and what they write.
//!
//! A controller acts through the verbs, in turn with the other nodes (`turns`), and meets everybody else in the store. What it wrote itself
//! it has seen before it decides again: else it would do for a second time what it has not heard of yet.

use crate::events::{About, Recorder, Reporter};
use crate::shutdown::Shutdown;
use crate::turns::{Turns, WorkQueue};
use crate::verbs::Verbs;
use control::membership::Members;
use control::pod::EventType;
use jiff::Timestamp;
use objects::Kind;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use store::{Change, Durability, Expired, Key, Object, Preconditions, Store, Watcher};
use tokio::sync::watch;
use tracing::{debug, warn};

/// Changes come in numbers: what they come to is looked at once.
pub const SETTLE: Duration = Duration::from_millis(50);
/// How long until what is not done yet is looked at again.
pub const AGAIN: Duration = Duration::from_secs(1);
/// How long it comes to be where it fails time after time.
const AT_MOST: Duration = Duration::from_secs(60);

/// How long until the next try, after one that failed and was waited for so long.
pub fn longer(before: Option<Duration>) -> Duration {
    before.map_or(AGAIN, |wait| (wait * 2).min(AT_MOST))
}

/// What a controller works with.
pub struct Base {
    pub verbs: Arc<Verbs>,
    pub store: Store,
    pub turns: Turns,
    pub queue: WorkQueue,
    recorder: Recorder,
    reporter: Reporter,
    alive: watch::Receiver<Members>,
}

impl Base {
    /// Over the verbs, and who is alive as this node sees it; its events are this reporter's.
    pub fn new(
        verbs: Arc<Verbs>,
        store: Store,
        (recorder, reporter): (Recorder, Reporter),
        alive: watch::Receiver<Members>,
    ) -> Self {
        let turns = Turns::new(alive.clone());
        Self { verbs, store, turns, queue: WorkQueue::default(), recorder, reporter, alive }
    }

    /// The cluster's time, which the times of objects are compared with.
    pub fn now(&self) -> Timestamp {
        let now = i64::try_from(self.store.now_ms()).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        now.unwrap_or_else(Timestamp::now)
    }

    /// An object changes hands, as it is now.
    pub async fn change_owner(&self, key: &Key, uid: &str, change: impl FnOnce(Value) -> Value) {
        let Some((found, only_if)) = self.found(key, uid) else { return };
        if let Err(error) = self.store.update(key.clone(), change(found.to_value()), only_if).await {
            debug!(%key, %error, "an object did not change hands; it is tried again");
        }
    }

    /// Writes what was seen of an object.
    pub async fn write_status(&self, key: &Key, uid: &str, status: &impl Serialize) {
        let Some((_, only_if)) = self.found(key, uid) else { return };
        let Ok(status) = serde_json::to_value(status) else { return };
        if let Err(error) = self.store.update_status(key.clone(), status, only_if, Durability::Soon).await {
            warn!(%key, %error, "a status was not written; it is tried again");
        }
    }

    /// An object, if it is that one, and what a write upon it stands on.
    fn found(&self, key: &Key, uid: &str) -> Option<(Arc<Object>, Preconditions)> {
        let found = self.store.get(key).filter(|found| found.uid() == uid)?;
        let only_if = Preconditions { uid: Some(uid.to_owned()), resource_version: Some(found.resource_version()) };
        Some((found, only_if))
    }

    /// Tells of an object.
    pub fn tell(&self, key: &Key, uid: &str, kind: EventType, said: (&str, String)) {
        self.recorder.report_by(self.reporter, About::object(key, uid), kind, said);
    }
}

/// One that sees to the objects of a kind.
pub trait Controller: Send {
    /// The kinds that it follows.
    const KINDS: [Kind; 3];

    /// What it works with.
    fn base(&mut self) -> &mut Base;

    /// Knows nothing of the kinds any more: all is listed again.
    fn forget_all(&mut self);

    /// Takes an object in that is listed.
    fn learn(&mut self, object: &Object);

    /// Takes a change in.
    fn take(&mut self, change: &Change);

    /// Everything is to be looked at.
    fn look_at_all(&mut self);

    /// Does what is to be done for an object, if it is our turn.
    fn look(&mut self, key: &Key) -> impl Future<Output = ()> + Send;
}

/// Acts until the shutdown signal.
pub async fn run(mut controller: impl Controller, mut shutdown: Shutdown) {
    let mut watchers = list(&mut controller);
    let mut alive = controller.base().alive.clone();
    loop {
        let [one, two, three] = &mut watchers;
        // Watchers and the members hold positions: nothing is lost when another arm wins.
        let change = tokio::select! {
            () = shutdown.wait() => return,
            change = one.next() => Some(change),
            change = two.next() => Some(change),
            change = three.next() => Some(change),
            // Others may be gone whose turn it was.
            Ok(()) = alive.changed() => {
                controller.look_at_all();
                None
            }
            () = controller.base().queue.due() => None,
        };
        let change = change.transpose().map(|change| change.iter().for_each(|change| controller.take(change)));
        if change.and_then(|()| catch_up(&mut controller, &mut watchers)).is_err() {
            watchers = list(&mut controller);
        }
        for key in controller.base().queue.take_due() {
            controller.look(&key).await;
            // What was done for one object may concern another one.
            if catch_up(&mut controller, &mut watchers).is_err() {
                watchers = list(&mut controller);
            }
        }
    }
}

fn list<C: Controller>(controller: &mut C) -> [Watcher; 3] {
    controller.forget_all();
    let watchers = C::KINDS.map(|kind| {
        let (list, watcher) = controller.base().store.list_and_watch(kind, None);
        for object in &list.items {
            controller.learn(object);
        }
        watcher
    });
    controller.look_at_all();
    watchers
}

/// Takes in all that has happened, so that nothing is decided upon less.
fn catch_up(controller: &mut impl Controller, watchers: &mut [Watcher; 3]) -> Result<(), Expired> {
    take_all(watchers, |change| controller.take(change))
}

/// Takes in all that has happened and not been told yet.
pub fn take_all(watchers: &mut [Watcher], mut take: impl FnMut(&Change)) -> Result<(), Expired> {
    for watcher in watchers {
        while let Some(change) = watcher.try_next()? {
            take(&change);
        }
    }
    Ok(())
}
