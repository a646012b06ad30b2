//! The cluster's time: a clock that was wrong and is set right, and what expires.

use super::merge::{everything, id, record, spec_of, text};
use super::{Opened, folder, key, of, pod, set_status};
use crate::{ChangeKind, Key, MergeOutcome, Origin, Preconditions, Refusal, Settings, Store};
use control::record::{Body, Part};
use objects::Kind;
use serde_json::json;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Moves the cluster's time on.
async fn go_on(store: &Store, ms: i64) {
    store.set_clock_correction(store.clock_correction() - ms).await.expect("open");
}

/// A purge comes with every correction; a write waits for it.
async fn purged(store: &Store) {
    store.flush().await.expect("on disk");
    store.flush().await.expect("on disk");
}

#[tokio::test]
async fn a_clock_that_was_an_hour_ahead_comes_back_and_its_records_are_stamped_anew() {
    let (ahead_folder, other_folder) = (folder(), folder());
    let (mut ahead, other) = (Opened::at(ahead_folder.path()), Opened::of("node2", other_folder.path(), Settings::default()));
    other.store().create(key("shared"), pod("shared", "0")).await.expect("created");
    ahead.store().merge(everything(other.store())).await.expect("open");
    ahead.store().set_clock_correction(-HOUR_MS).await.expect("open");
    let shared = ahead.store().get(&key("shared")).expect("it is there").to_value();
    ahead.store().update(key("shared"), shared, Preconditions::default()).await.expect("updated");
    ahead.store().create(key("a"), pod("a", "1")).await.expect("created");
    ahead.store().bind(key("a"), "node1", of("1")).await.expect("bound");
    set_status(ahead.store(), "a", "1", json!({"phase": "Running"})).await.expect("a status");
    ahead.store().create(key("b"), pod("b", "2")).await.expect("created");
    ahead.store().delete(key("b"), Preconditions::default()).await.expect("removed");
    let before = ahead.store().list(Kind::Pod, None).items.iter().map(|object| object.to_value()).collect::<Vec<_>>();
    let refused = other.store().merge(everything(ahead.store())).await.expect("open");
    let far = |outcome: &&MergeOutcome| matches!(outcome, MergeOutcome::Refused(Refusal::TooFarAhead { .. }));
    assert_eq!(refused.outcomes.iter().filter(far).count(), 5, "{refused:?}");

    // A restart begins with what was known of the clock.
    ahead.store().flush().await.expect("on disk");
    drop(ahead);
    ahead = Opened::at(ahead_folder.path());
    assert_eq!(ahead.store().clock_correction(), -HOUR_MS);
    let (_, mut told) = ahead.store().follow_records();
    assert_eq!(ahead.store().set_clock_correction(0).await, Ok(3));
    let told: Vec<_> = std::iter::from_fn(|| told.try_next().expect("in time")).collect();
    assert_eq!((told.len(), told.iter().all(|change| change.origin == Origin::Local && change.stamp.is_some())), (5, true));
    let mut after = ahead.store().list(Kind::Pod, None).items.iter().map(|object| object.to_value()).collect::<Vec<_>>();
    for (after, before) in after.iter_mut().zip(&before) {
        after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
    }
    assert_eq!(after, before);
    let report = other.store().merge(everything(ahead.store())).await.expect("open");
    assert!(!report.outcomes.iter().any(|outcome| matches!(outcome, MergeOutcome::Refused(_))), "{report:?}");
    assert_eq!(everything(other.store()), everything(ahead.store()));
    ahead.store().create(key("c"), pod("c", "3")).await.expect("created");
    let fresh = ahead.store().record(&id("pods/default/c", Part::Spec)).expect("it is there");
    assert!(fresh.stamp.version.wall_ms < ahead.store().now_ms() + 60_000, "the clock came back, too");
    assert_eq!(ahead.store().set_clock_correction(0).await, Ok(0));
    drop(ahead);
    assert_eq!(everything(Opened::at(ahead_folder.path()).store()).len(), everything(other.store()).len() + 2);
}

#[tokio::test]
async fn a_change_upon_a_record_of_anothers_future_stands_and_does_not_move_our_clock() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    store.set_clock_correction(-HOUR_MS).await.expect("open");
    let then = store.now_ms();
    let spec = id("pods/default/a", Part::Spec);
    store.merge(vec![(spec.clone(), record((then, then), spec_of("1")))]).await.expect("open");
    store.set_clock_correction(0).await.expect("open");
    let found = store.get(&key("a")).expect("it is there").to_value();
    store.update(key("a"), found, Preconditions::default()).await.expect("updated");
    assert!(store.record(&spec).expect("it is there").stamp.version.wall_ms >= then);
    store.create(key("b"), pod("b", "2")).await.expect("created");
    let other = store.record(&id("pods/default/b", Part::Spec)).expect("it is there");
    assert!(other.stamp.version.wall_ms < then);
}

#[tokio::test]
async fn events_go_at_whole_minutes_and_tombstones_at_whole_hours_and_neither_comes_back() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    let event = Key::new(Kind::Event, "default", "e");
    let deleted = Key::new(Kind::Event, "default", "d");
    for key in [&event, &deleted] {
        store.create(key.clone(), json!({"metadata": {"uid": "e"}})).await.expect("created");
    }
    store.delete(deleted.clone(), Preconditions::default()).await.expect("removed");
    assert!(store.knows(&deleted), "a deleted event leaves a trace as well");
    store.create(key("a"), pod("a", "1")).await.expect("created");
    store.delete(key("a"), Preconditions::default()).await.expect("removed");
    let now = store.now_ms();
    let orphan = text(&json!({"uid": "1", "status": {}}));
    store.merge(vec![(id("pods/default/orphan", Part::Status), record((now, now), orphan))]).await.expect("open");
    let kept = everything(store);
    let (_, mut watch) = store.list_and_watch(Kind::Event, None);
    let (_, mut told) = store.follow_records();

    go_on(store, HOUR_MS + 60_000).await;
    purged(store).await;
    assert_eq!(watch.next().await.expect("in time").kind, ChangeKind::Deleted);
    assert!(!store.knows(&event) && !store.knows(&deleted) && store.knows(&key("a")));
    go_on(store, 7 * DAY_MS).await;
    purged(store).await;
    assert!(store.stamps().is_empty());
    let told: Vec<_> = std::iter::from_fn(|| told.try_next().expect("in time")).collect();
    assert_eq!((told.len(), told.iter().all(|change| change.stamp.is_none())), (4, true));
    let report = store.merge(kept).await.expect("open");
    assert_eq!(report.outcomes, vec![MergeOutcome::Refused(Refusal::Expired); 4]);
}

#[tokio::test]
async fn a_node_that_was_away_forgets_no_tombstone_before_it_may() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let gone = id("pods/default/a", Part::Spec);
    opened.store().note_contact(opened.store().now_ms());
    let now = opened.store().now_ms();
    opened.store().merge(vec![(gone.clone(), record((now, now), Body::Tombstone))]).await.expect("open");
    let contact = opened.store().last_contact();
    assert!(contact.is_some());
    opened.store().note_contact(now - 1000);
    assert_eq!(opened.store().last_contact(), contact, "it does not go back");
    drop(opened);
    let opened = Opened::at(folder.path());
    let store = opened.store();
    assert_eq!(store.last_contact(), contact);
    go_on(store, 8 * DAY_MS).await;
    purged(store).await;
    assert!(store.record(&gone).is_some());
    store.set_may_forget(true);
    go_on(store, HOUR_MS).await;
    purged(store).await;
    assert!(store.record(&gone).is_none());
}
