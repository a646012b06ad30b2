//! Records of other replicas come in: what is kept, what is refused, and what readers see of it.

use super::{Opened, folder, key, of, pod, set_status};
use crate::{
    ChangeKind, Key, MergeOutcome, Origin, Preconditions, RecordChange, RecordChanges, Refusal, Settings, Store, StoreError,
};
use control::record::{Ancestry, Body, Fate, Part, Record, RecordId, Stamp};
use control::version::{MAX_AHEAD_MS, Version};
use objects::Kind;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

pub fn id(object: &str, part: Part) -> RecordId {
    RecordId { object: object.into(), part }
}

pub fn at(wall_ms: u64, node: &str) -> Version {
    Version { wall_ms, counter: 0, node: node.into() }
}

/// A record of an object that was made, and of a version, at these times (ms since 1970) on node `z`.
pub fn record((birth, wall_ms): (u64, u64), body: Body) -> Record {
    let stamp = Stamp { birth: at(birth, "z"), version: at(wall_ms, "z"), fate: Fate::of(&body) };
    Record { ancestry: Ancestry::default().with(&stamp.version), stamp, body }
}

pub fn text(value: &serde_json::Value) -> Body {
    Body::Json(value.to_string().into())
}

pub fn spec_of(uid: &str) -> Body {
    text(&json!({"kind": "Pod", "metadata": {"uid": uid}, "spec": {"x": uid}}))
}

async fn merge_one(store: &Store, id: RecordId, record: Record) -> MergeOutcome {
    store.merge(vec![(id, record)]).await.expect("open").outcomes.remove(0)
}

/// All records of a store.
pub fn everything(store: &Store) -> Vec<(RecordId, Record)> {
    store.records(store.stamps().into_iter().map(|(id, _)| id))
}

fn drain(changes: &mut RecordChanges) -> Vec<RecordChange> {
    std::iter::from_fn(|| changes.try_next().expect("in time")).collect()
}

#[tokio::test]
async fn what_is_written_on_one_replica_is_merged_into_another_and_told_as_remote() {
    let (left_folder, right_folder) = (folder(), folder());
    let (left, right) = (
        Opened::of("node1", left_folder.path(), Settings::default()),
        Opened::of("node2", right_folder.path(), Settings::default()),
    );
    let (_, mut told) = left.store().follow_records();
    left.store().create(key("a"), pod("a", "1")).await.expect("created");
    left.store().bind(key("a"), "node1", of("1")).await.expect("bound");
    set_status(left.store(), "a", "1", json!({"phase": "Running"})).await.expect("a status");
    let mut sent = Vec::new();
    for change in drain(&mut told) {
        assert_eq!(change.origin, Origin::Local);
        let record = left.store().record(&change.id).expect("it is there");
        sent.push((change.id, record));
    }
    assert_eq!(sent.len(), 4);
    let (_, mut watch) = right.store().list_and_watch(Kind::Pod, None);
    let (before, mut heard) = right.store().follow_records();
    assert!(before.is_empty());
    let report = right.store().merge(sent.clone()).await.expect("open");
    assert_eq!(report.outcomes.iter().filter(|outcome| **outcome == MergeOutcome::Kept).count(), 3, "{report:?}");
    assert_eq!(right.store().merge(sent).await.expect("open").outcomes, vec![MergeOutcome::Known; 4]);
    assert!(drain(&mut heard).iter().all(|change| change.origin == Origin::Remote && change.stamp.is_some()));
    let added = watch.try_next().expect("in time").expect("a change");
    assert_eq!((added.kind, &added.object.to_value()["spec"]["nodeName"]), (ChangeKind::Added, &json!("node1")));
    assert_eq!(added.object.to_value()["status"], json!({"phase": "Running"}));
    assert!(watch.try_next().expect("in time").is_none());
    assert_eq!(everything(left.store()), everything(right.store()));
}

#[tokio::test]
async fn a_binding_and_a_status_wait_for_their_specification() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let now = opened.store().now_ms();
    let binding = text(&json!({"uid": "1", "nodeName": "z"}));
    let status = text(&json!({"uid": "1", "status": {"phase": "Running"}}));
    assert_eq!(
        merge_one(opened.store(), id("pods/default/a", Part::Status), record((now, now + 2), status)).await,
        MergeOutcome::Kept
    );
    assert_eq!(
        merge_one(opened.store(), id("pods/default/a", Part::Binding), record((now, now + 1), binding)).await,
        MergeOutcome::Kept
    );
    assert!(opened.store().get(&key("a")).is_none());
    drop(opened);
    let opened = Opened::at(folder.path());
    assert_eq!(
        merge_one(opened.store(), id("pods/default/a", Part::Spec), record((now, now), spec_of("1"))).await,
        MergeOutcome::Kept
    );
    let found = opened.store().get(&key("a")).expect("it is there").to_value();
    assert_eq!((&found["spec"]["nodeName"], &found["status"]["phase"]), (&json!("z"), &json!("Running")));
}

#[tokio::test]
async fn bad_records_are_refused_and_stop_none_of_the_others() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    let now = store.now_ms();
    let spec = |body| record((now, now), body);
    let json = |text: &str| Body::Json(text.into());
    let stamped = |change: &dyn Fn(&mut Record)| {
        let mut record = spec(spec_of("1"));
        change(&mut record);
        record
    };
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let malformed = vec![
        (id("pods/default/b", Part::Spec), spec(json("{"))),
        (id("pods/default/b", Part::Spec), spec(json(&deep))),
        (id("pods/default/b", Part::Spec), spec(json("[]"))),
        (id("pods/default/b", Part::Spec), spec(json(r#"{"metadata":[]}"#))),
        (id("pods/default/b", Part::Spec), spec(json(r#"{"metadata":{"uid":""}}"#))),
        (id("pods/default/b", Part::Spec), spec(json(r#"{"metadata":{"uid":"1"},"spec":"x"}"#))),
        (id("pods/default/b", Part::Spec), spec(json(r#"{"metadata":{"uid":"1","name":"c"}}"#))),
        (id("pods/default/b", Part::Binding), spec(json(r#"{"uid":"1"}"#))),
        (id("pods/default/b", Part::Status), spec(json(r#"{"status":{}}"#))),
        (id("pods/default/b", Part::Status), record((now, now), Body::Tombstone)),
        (id("pods/default/b", Part::Spec), stamped(&|record| record.stamp.fate = Fate::Gone)),
        (id("pods/default/b", Part::Spec), stamped(&|record| record.stamp.version.node = "".into())),
        (id("pods/default/b", Part::Spec), stamped(&|record| record.stamp.birth.node = "x".repeat(300).as_str().into())),
        (id("pods//b", Part::Spec), spec(spec_of("1"))),
        (id("pods", Part::Spec), spec(spec_of("1"))),
        (id("boats/sea/mary", Part::Spec), spec(json("no JSON"))),
    ];
    let count = malformed.len();
    let ahead = now + 2 * MAX_AHEAD_MS;
    let others = [
        (id("pods/default/c", Part::Spec), record((ahead, ahead), spec_of("1"))),
        (id("pods/default/c", Part::Spec), record((ahead, now), spec_of("1"))),
        (id("pods/default/d", Part::Spec), record((1, 1), Body::Tombstone)),
        (id("events/default/d", Part::Spec), record((1, 1), spec_of("1"))),
        (id("pods/default/d", Part::Binding), record((1, 1), json(r#"{"uid":"1","nodeName":"z"}"#))),
        (id("pods/default/a", Part::Spec), record((1, 1), spec_of("1"))),
        (id("pods/default/a", Part::Binding), record((1, 1), json(r#"{"uid":"1","nodeName":"z"}"#))),
    ];
    let report = store.merge(malformed.into_iter().chain(others).collect()).await.expect("open");
    let (bad, rest) = report.outcomes.split_at(count);
    for (index, outcome) in bad.iter().enumerate() {
        assert!(matches!(outcome, MergeOutcome::Refused(Refusal::Malformed(_))), "{index}: {outcome:?}");
    }
    assert!(rest[..2].iter().all(|outcome| matches!(outcome, MergeOutcome::Refused(Refusal::TooFarAhead { .. }))), "{rest:?}");
    assert_eq!(rest[2..5], vec![MergeOutcome::Refused(Refusal::Expired); 3]);
    assert_eq!(rest[5..], vec![MergeOutcome::Kept; 2]);
    assert_eq!(store.stamps().len(), 2);
    assert_eq!(store.get(&key("a")).expect("it is there").to_value()["spec"]["nodeName"], "z");
    store.create(key("b"), pod("b", "2")).await.expect("the store works");
}

#[tokio::test]
async fn a_change_of_this_node_that_loses_is_reported_and_so_is_one_to_an_object_that_was_deleted() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    let made = store.create(key("a"), pod("a", "1")).await.expect("created");
    let ours = store.record(&id("pods/default/a", Part::Spec)).expect("it is there");
    let elsewhere = |before: &Record, wall_ms, body: Body| {
        let version = at(wall_ms, "z");
        let stamp = Stamp { birth: before.stamp.birth.clone(), version: version.clone(), fate: Fate::of(&body) };
        Record { stamp, ancestry: before.ancestry.with(&version), body }
    };
    let after = store.now_ms() + 1000;
    let known = elsewhere(&ours, after, spec_of("1"));
    let apart = elsewhere(&ours, after + 1, spec_of("1"));
    let gone = elsewhere(&ours, after + 2, Body::Tombstone);
    let spec = id("pods/default/a", Part::Spec);
    assert!(store.merge(vec![(spec.clone(), known)]).await.expect("open").lost.is_empty(), "it knew of ours");
    store.update(key("a"), made.to_value(), Preconditions::default()).await.expect("updated");
    let mine = store.record(&spec).expect("it is there");
    assert!(mine.stamp.version.wall_ms >= after, "our clock has gone on to what it saw");
    let report = store.merge(vec![(spec.clone(), apart.clone())]).await.expect("open");
    assert_eq!((&report.lost[0].lost, &report.lost[0].winner, &report.lost[0].id), (&mine, &apart.stamp, &spec));
    store.update(key("a"), made.to_value(), Preconditions::default()).await.expect("updated");
    let report = store.merge(vec![(spec.clone(), gone)]).await.expect("open");
    assert_eq!((report.outcomes, report.lost.len()), (vec![MergeOutcome::Kept], 1));
    assert!(store.get(&key("a")).is_none());
}

#[tokio::test]
async fn watchers_see_an_object_take_anothers_place_and_a_merged_deletion() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    store.create(key("a"), pod("a", "1")).await.expect("created");
    store.bind(key("a"), "node1", of("1")).await.expect("bound");
    let (_, mut watch) = store.list_and_watch(Kind::Pod, None);
    let (_, mut told) = store.follow_records();
    let later = store.now_ms() + 1000;
    merge_one(store, id("pods/default/a", Part::Spec), record((later, later), spec_of("2"))).await;
    let change = watch.try_next().expect("in time").expect("a change");
    assert_eq!((change.kind, change.object.uid()), (ChangeKind::Modified, "2"));
    assert_eq!(change.before.expect("before").uid(), "1");
    let told = drain(&mut told);
    let forgotten: Vec<Part> = told.iter().filter(|change| change.stamp.is_none()).map(|change| change.id.part).collect();
    assert_eq!((told.len(), forgotten), (3, vec![Part::Binding, Part::Status]));
    merge_one(store, id("pods/default/a", Part::Spec), record((later, later + 1), Body::Tombstone)).await;
    let change = watch.try_next().expect("in time").expect("a change");
    assert_eq!(
        (change.kind, change.object.uid(), change.object.resource_version()),
        (ChangeKind::Deleted, "2", watch.position())
    );
}

#[tokio::test]
async fn only_the_bound_node_says_how_a_pod_is() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    let mut object = pod("a", "1");
    object["status"] =
        json!({"phase": "Pending", "qosClass": "Burstable", "conditions": [{"type": "PodScheduled", "status": "False"}]});
    store.create(key("a"), object).await.expect("created");
    let bound = store.bind(key("a"), "z", of("1")).await.expect("bound").to_value();
    assert_eq!(bound["status"], json!({"phase": "Pending", "qosClass": "Burstable"}));
    let birth = store.record(&id("pods/default/a", Part::Spec)).expect("it is there").stamp.birth;
    let status = text(&json!({"uid": "1", "status": {"phase": "Running"}}));
    let mut theirs = record((0, store.now_ms() + 1000), status);
    theirs.stamp.birth = birth;
    merge_one(store, id("pods/default/a", Part::Status), theirs.clone()).await;
    assert_eq!(store.get(&key("a")).expect("it is there").to_value()["status"], json!({"phase": "Running"}));
    set_status(store, "a", "1", json!({"phase": "Failed"})).await.expect("written, though it is not ours to say");
    assert_eq!(store.get(&key("a")).expect("it is there").to_value()["status"], json!({"phase": "Pending"}));
}

#[tokio::test]
async fn records_of_kinds_that_we_do_not_know_are_kept_and_passed_on() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let now = opened.store().now_ms();
    let boat = (id("boats/sea/mary", Part::Spec), record((now, now), Body::Json("[1]".into())));
    let (_, mut told) = opened.store().follow_records();
    assert_eq!(merge_one(opened.store(), boat.0.clone(), boat.1.clone()).await, MergeOutcome::Kept);
    assert_eq!(told.try_next().expect("in time").map(|change| change.id), Some(boat.0.clone()));
    opened.store().create(key("a"), pod("a", "1")).await.expect("created");
    drop(opened);
    let opened = Opened::at(folder.path());
    assert!(opened.damage.is_empty(), "{:?}", opened.damage);
    assert_eq!(opened.store().record(&boat.0), Some(boat.1));
    assert_eq!(opened.store().list(Kind::Pod, None).items.len(), 1);
}

#[tokio::test]
async fn a_store_that_was_lost_gets_all_back_and_its_versions_go_on() {
    let (first_folder, second_folder) = (folder(), folder());
    let first = Opened::at(first_folder.path());
    first.store().create(key("a"), pod("a", "1")).await.expect("created");
    first.store().delete(key("a"), Preconditions::default()).await.expect("removed");
    first.store().create(key("b"), pod("b", "2")).await.expect("created");
    let peers = everything(first.store());
    drop(first);
    let second = Opened::at(second_folder.path());
    let report = second.store().merge(peers.clone()).await.expect("open");
    assert!(report.outcomes.iter().all(|outcome| *outcome == MergeOutcome::Kept));
    assert_eq!(everything(second.store()), peers);
    let newest = peers.iter().map(|(_, record)| record.stamp.version.clone()).max();
    second.store().create(key("a"), pod("a", "3")).await.expect("created");
    let again = second.store().record(&id("pods/default/a", Part::Spec)).expect("it is there");
    assert!(Some(again.stamp.birth) > newest);
}

#[tokio::test]
async fn a_reader_of_records_that_is_too_slow_is_told_to_begin_again() {
    let folder = folder();
    let opened = Opened::with(folder.path(), Settings { ring_records: 2, ..Settings::default() });
    let (_, mut slow) = opened.store().follow_records();
    opened.store().create(key("a"), pod("a", "1")).await.expect("created");
    opened.store().create(key("b"), pod("b", "2")).await.expect("created");
    assert!(slow.next().await.is_err());
    let (stamps, mut again) = opened.store().follow_records();
    assert_eq!(stamps.len(), 4);
    opened.store().bind(key("a"), "node1", of("1")).await.expect("bound");
    let next = again.next().await.expect("in time");
    assert_eq!(next.id, id("pods/default/a", Part::Binding));
    assert_eq!(next.stamp, opened.store().record(&next.id).map(|record| record.stamp));
}

#[tokio::test]
async fn what_a_settled_peer_lacks_goes_unless_it_is_younger_than_the_last_contact() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    let now = store.now_ms();
    let event = Key::new(Kind::Event, "default", "e");
    store.create(event.clone(), json!({"metadata": {"uid": "e"}})).await.expect("created");
    for (name, birth) in [("old", now - 5000), ("young", now - 1000)] {
        merge_one(store, id(&format!("pods/default/{name}"), Part::Spec), record((birth, now), spec_of(name))).await;
        let birth = record((birth, birth), Body::Tombstone).stamp.birth;
        let status = text(&json!({"uid": name, "status": {}}));
        let mut status = record((0, now), status);
        status.stamp.birth = birth;
        merge_one(store, id(&format!("pods/default/{name}"), Part::Status), status).await;
    }
    let (_, mut watch) = store.list_and_watch(Kind::Pod, None);
    let all: Vec<RecordId> = store.stamps().into_iter().map(|(id, _)| id).collect();
    // A status that the peer lacks is news about an object that both have.
    let only_status = vec![id("pods/default/old", Part::Status)];
    assert_eq!(store.drop_stale(only_status, now - 2000).await, Ok(0));
    assert_eq!(store.drop_stale(all, now - 2000).await, Ok(1));
    let gone = watch.try_next().expect("in time").expect("a change");
    assert_eq!((gone.kind, gone.object.key()), (ChangeKind::Deleted, &key("old")));
    assert!(!store.knows(&key("old")) && store.get(&key("young")).is_some() && store.get(&event).is_some());
    drop(opened);
    let opened = Opened::at(folder.path());
    assert!(!opened.store().knows(&key("old")) && opened.store().get(&key("young")).is_some());
}

#[tokio::test]
async fn an_object_that_is_put_back_counts_less_than_what_others_know_of_it() {
    let (first_folder, second_folder) = (folder(), folder());
    let first = Opened::at(first_folder.path());
    for name in ["deleted", "changed", "unknown"] {
        first.store().create(key(name), pod(name, name)).await.expect("created");
    }
    let unknown = id("pods/default/unknown", Part::Spec);
    let mut changed = first.store().get(&key("changed")).expect("it is there").to_value();
    changed["spec"]["x"] = json!(2);
    first.store().update(key("changed"), changed, Preconditions::default()).await.expect("updated");
    first.store().delete(key("deleted"), Preconditions::default()).await.expect("removed");
    let peers: Vec<_> = everything(first.store()).into_iter().filter(|(id, _)| id.object != unknown.object).collect();
    drop(first);
    let second = Opened::at(second_folder.path());
    for name in ["deleted", "changed", "unknown"] {
        second.store().restore(key(name), pod(name, name)).await.expect("put back");
    }
    second.store().merge(peers).await.expect("open");
    assert!(second.store().get(&key("deleted")).is_none() && second.store().get(&key("unknown")).is_some());
    assert_eq!(second.store().get(&key("changed")).expect("it is there").to_value()["spec"]["x"], 2);
    let late = second.store().restore(key("deleted"), pod("deleted", "deleted")).await;
    assert_eq!(late.expect_err("it is known to be deleted"), StoreError::Stale(key("deleted")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_without_a_pause_is_on_disk_soon_all_the_same() {
    let folder = folder();
    let opened = Opened::with(folder.path(), Settings { lazy_ms: 50, ..Settings::default() });
    let file = folder.path().join("store.redb");
    let written = || std::fs::metadata(&file).and_then(|file| file.modified()).expect("the file is there");
    let (before, begun) = (written(), Instant::now());
    let mut flood = JoinSet::new();
    // More than share a turn of the writer, so that something always waits.
    for lane in 0..700_u64 {
        let store = opened.store().clone();
        flood.spawn(async move {
            let then_ms = store.now_ms() - 1_000_000;
            for number in 0.. {
                let record = record((then_ms, then_ms + number), spec_of("u"));
                merge_one(&store, id(&format!("pods/default/p{lane}"), Part::Spec), record).await;
            }
        });
    }
    while written() == before {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing was written while records came in");
        tokio::task::yield_now().await;
    }
    flood.shutdown().await;
}
