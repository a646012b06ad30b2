//! The store against a model, a reopened file, a broken file, and a process that is killed.

mod clock;
mod composed;
mod killed;
mod lost;
mod merge;
mod model;
mod replicas;

use crate::{ChangeKind, Damage, Durability, Key, Object, Preconditions, ResourceVersion, Settings, Store, StoreError};
use control::version::NodeId;
use objects::Kind;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

struct Opened {
    store: Option<Store>,
    writer: Option<JoinHandle<()>>,
    damage: Vec<Damage>,
}

impl Opened {
    fn at(folder: &Path) -> Self {
        Self::with(folder, Settings::default())
    }

    fn with(folder: &Path, settings: Settings) -> Self {
        Self::of("node1", folder, settings)
    }

    fn of(node: &str, folder: &Path, settings: Settings) -> Self {
        let (store, writer, damage) = Store::open(folder, NodeId::from(node), settings).expect("the store opens");
        let writer = std::thread::spawn(|| writer.run().expect("a timer"));
        Self { store: Some(store), writer: Some(writer), damage }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("it is open")
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.store = None;
        if let Some(writer) = self.writer.take() {
            assert!(writer.join().is_ok() || std::thread::panicking());
        }
    }
}

fn key(name: &str) -> Key {
    Key::new(Kind::Pod, "default", name)
}

fn pod(name: &str, uid: &str) -> Value {
    json!({"kind": "Pod", "metadata": {"name": name, "namespace": "default", "uid": uid}, "spec": {"x": 1}, "status": {"phase": "Pending"}})
}

fn of(uid: &str) -> Preconditions {
    Preconditions { uid: Some(uid.to_owned()), resource_version: None }
}

fn at(version: ResourceVersion) -> Preconditions {
    Preconditions { uid: None, resource_version: Some(version) }
}

async fn set_status(store: &Store, name: &str, uid: &str, status: Value) -> Result<Arc<Object>, StoreError> {
    store.update_status(key(name), status, of(uid), Durability::Soon).await
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[tokio::test]
async fn an_object_is_written_read_changed_and_removed() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    let made = store.create(key("a"), pod("a", "1")).await.expect("created");
    assert_eq!(made.to_value()["status"]["phase"], "Pending");
    assert_eq!(made.to_value()["metadata"]["resourceVersion"], made.resource_version().to_string());
    assert_eq!(store.create(key("a"), pod("a", "2")).await.expect_err("twice"), StoreError::AlreadyExists(key("a")));

    let mut changed = made.to_value();
    changed["spec"]["x"] = json!(2);
    changed["status"]["phase"] = json!("Failed");
    let updated = store.update(key("a"), changed.clone(), at(made.resource_version())).await.expect("updated");
    assert_eq!((&updated.to_value()["spec"]["x"], &updated.to_value()["status"]["phase"]), (&json!(2), &json!("Pending")));
    assert_eq!(
        store.update(key("a"), changed, at(made.resource_version())).await.expect_err("stale"),
        StoreError::Stale(key("a"))
    );

    let shown = set_status(store, "a", "1", json!({"phase": "Running"})).await.expect("a status");
    assert_eq!(shown.to_value()["status"]["phase"], "Running");
    assert!(matches!(set_status(store, "a", "9", json!({})).await, Err(StoreError::OtherUid { .. })));

    let removed = store.delete(key("a"), of("1")).await.expect("removed");
    assert!(removed.resource_version() > shown.resource_version());
    assert!(store.get(&key("a")).is_none());
    assert_eq!(store.delete(key("a"), Preconditions::default()).await.expect_err("gone"), StoreError::NotFound(key("a")));
    let again = store.create(key("a"), json!({"metadata": {"uid": "2"}, "spec": {}})).await.expect("created again");
    assert!(again.to_value().get("status").is_none(), "the status of its predecessor is not its own");
}

#[tokio::test]
async fn a_binding_is_made_once_and_survives_edits() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    store.create(key("a"), pod("a", "1")).await.expect("created");
    let bound = store.bind(key("a"), "node1", of("1")).await.expect("bound");
    assert_eq!(bound.to_value()["spec"]["nodeName"], "node1");
    store.bind(key("a"), "node1", of("1")).await.expect("bound to the same node again");
    assert!(matches!(store.bind(key("a"), "node2", of("1")).await, Err(StoreError::AlreadyBound { .. })));
    let edited = store.update(key("a"), bound.to_value(), Preconditions::default()).await.expect("updated");
    assert_eq!(edited.to_value()["spec"]["nodeName"], "node1");
}

#[tokio::test]
async fn a_watch_sees_every_change_once_and_resumes() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    store.create(key("a"), pod("a", "1")).await.expect("created");
    let (list, mut watch) = store.list_and_watch(Kind::Pod, None);
    assert_eq!(list.items.len(), 1);
    store.create(Key::new(Kind::Node, "", "n"), json!({"metadata": {"uid": "n"}})).await.expect("another kind");
    store.create(Key::new(Kind::Pod, "other", "c"), pod("c", "3")).await.expect("another namespace");
    store.create(key("b"), pod("b", "2")).await.expect("created");
    set_status(store, "b", "2", json!({"x": 1})).await.expect("a status");
    set_status(store, "b", "2", json!({"x": 1})).await.expect("the same again changes nothing");
    store.delete(key("b"), Preconditions::default()).await.expect("removed");
    assert_eq!(watch.next().await.expect("in time").object.key().namespace, "other");
    let mut resumed = store.watch(Kind::Pod, Some("default"), list.resource_version).expect("resumed");
    for watch in [&mut watch, &mut resumed] {
        for kind in [ChangeKind::Added, ChangeKind::Modified, ChangeKind::Deleted] {
            let change = watch.next().await.expect("in time");
            assert_eq!((change.kind, change.object.key().name.as_str()), (kind, "b"));
            assert_eq!(change.before.is_some(), kind != ChangeKind::Added);
        }
        assert!(watch.try_next().expect("in time").is_none());
    }
    let newest = store.list(Kind::Pod, None).resource_version;
    for wrong in
        [ResourceVersion::new(newest.epoch(), 0), newest.next(), ResourceVersion::new(newest.epoch() ^ 1, newest.sequence())]
    {
        assert!(store.watch(Kind::Pod, None, wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_told_to_list_again() {
    let folder = folder();
    let opened = Opened::with(folder.path(), Settings { ring_changes: 3, ..Settings::default() });
    let store = opened.store();
    let (_, mut watch) = store.list_and_watch(Kind::Event, None);
    for number in 0..4 {
        let object = json!({"metadata": {"uid": "e"}});
        store.create(Key::new(Kind::Event, "default", &number.to_string()), object).await.expect("created");
    }
    assert!(watch.next().await.is_err());
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_and_versions_go_on() {
    let folder = folder();
    let first = Opened::at(folder.path());
    let made = first.store().create(key("a"), pod("a", "1")).await.expect("created");
    first.store().bind(key("a"), "node1", of("1")).await.expect("bound");
    let shown = set_status(first.store(), "a", "1", json!({"phase": "Running"})).await.expect("a status");
    let epoch = first.store().epoch();
    drop(first);
    let second = Opened::at(folder.path());
    assert_eq!((second.store().epoch(), &second.damage), (epoch, &Vec::new()));
    let found = second.store().get(&key("a")).expect("it is there").to_value();
    assert_eq!((&found["spec"]["nodeName"], &found["status"]["phase"]), (&json!("node1"), &json!("Running")));
    let next = second.store().create(key("b"), pod("b", "2")).await.expect("created");
    assert!(next.resource_version() > shown.resource_version());
    assert!(second.store().watch(Kind::Pod, None, made.resource_version()).is_err(), "changes before the restart are not here");
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let folder = folder();
    let _first = Opened::at(folder.path());
    let second = Store::open(folder.path(), NodeId::from("node1"), Settings::default());
    assert!(matches!(second, Err(crate::OpenError::InUse { .. })));
}

#[tokio::test]
async fn a_broken_file_is_set_aside_and_the_store_works() {
    let folder = folder();
    std::fs::write(folder.path().join("store.redb"), "this is no database").expect("written");
    let opened = Opened::at(folder.path());
    let [Damage::Database { set_aside, .. }] = opened.damage.as_slice() else { panic!("{:?}", opened.damage) };
    assert_eq!(std::fs::read(set_aside).expect("it is kept"), b"this is no database");
    opened.store().create(key("a"), pod("a", "1")).await.expect("created");
}

#[tokio::test]
async fn a_broken_record_is_set_aside_and_the_others_stay() {
    let folder = folder();
    let first = Opened::at(folder.path());
    first.store().create(key("a"), pod("a", "1")).await.expect("created");
    first.store().create(key("b"), pod("b", "2")).await.expect("created");
    drop(first);
    let table: redb::TableDefinition<'_, &[u8], &[u8]> = redb::TableDefinition::new("records");
    let database = redb::Database::create(folder.path().join("store.redb")).expect("it opens");
    let transaction = database.begin_write().expect("a transaction");
    transaction.open_table(table).expect("a table").insert(&b"pods\0default\0a\0s"[..], &b"\x01half"[..]).expect("inserted");
    transaction.commit().expect("committed");
    drop(database);
    let second = Opened::at(folder.path());
    let [Damage::Record { key: damaged, set_aside, .. }] = second.damage.as_slice() else { panic!("{:?}", second.damage) };
    assert_eq!((damaged.as_str(), std::fs::read(set_aside).expect("it is kept")), ("pods/default/a/s", b"\x01half".to_vec()));
    assert!(second.store().get(&key("a")).is_none() && second.store().get(&key("b")).is_some());
}

#[tokio::test]
async fn a_store_of_the_first_format_is_read_and_goes_on() {
    let folder = folder();
    let record =
        |wall_ms: u64, text: &str| [&[1], &wall_ms.to_be_bytes()[..], &[0, 0, 0, 3, 0, 5], b"node1", text.as_bytes()].concat();
    let table: redb::TableDefinition<'_, &[u8], &[u8]> = redb::TableDefinition::new("records");
    let database = redb::Database::create(folder.path().join("store.redb")).expect("it opens");
    let transaction = database.begin_write().expect("a transaction");
    {
        let mut records = transaction.open_table(table).expect("a table");
        let mut put = |key: &[u8], value: Vec<u8>| drop(records.insert(key, value.as_slice()).expect("inserted"));
        put(b"pods\0default\0a\0s", record(9, "\u{1}{\"metadata\":{\"uid\":\"1\"},\"spec\":{\"x\":1}}"));
        put(b"pods\0default\0a\0b", record(7, "\u{1}{\"uid\":\"1\",\"nodeName\":\"node1\"}"));
        put(b"pods\0default\0a\0t", record(8, "\u{1}{\"uid\":\"1\",\"status\":{\"phase\":\"Running\"}}"));
    }
    transaction.commit().expect("committed");
    drop(database);
    for restart in 0..2 {
        let opened = Opened::at(folder.path());
        assert!(opened.damage.is_empty(), "{:?}", opened.damage);
        let found = opened.store().get(&key("a")).expect("it is there").to_value();
        assert_eq!((&found["spec"]["nodeName"], &found["status"]["phase"]), (&json!("node1"), &json!("Running")), "{restart}");
        let births: Vec<u64> = opened.store().stamps().iter().map(|(_, stamp)| stamp.birth.wall_ms).collect();
        assert_eq!(births, [9, 9, 9]);
        opened.store().update(key("a"), found, Preconditions::default()).await.expect("updated");
    }
}

#[tokio::test]
async fn tombstones_and_events_go_when_their_time_is_over() {
    let folder = folder();
    let settings =
        Settings { purge_every_ms: 5, tombstone_ms: 20, tombstone_step_ms: 5, event_ms: 20, lazy_ms: 5, ..Settings::default() };
    let opened = Opened::with(folder.path(), settings);
    let store = opened.store();
    let event = Key::new(Kind::Event, "default", "e");
    let (_, mut watch) = store.list_and_watch(Kind::Event, None);
    store.create(key("a"), pod("a", "1")).await.expect("created");
    store.delete(key("a"), Preconditions::default()).await.expect("removed");
    assert!(store.knows(&key("a")));
    store.create(event.clone(), json!({"metadata": {"uid": "e"}})).await.expect("created");
    for kind in [ChangeKind::Added, ChangeKind::Deleted] {
        assert_eq!(watch.next().await.expect("in time").kind, kind);
    }
    assert!(!store.knows(&event));
    while store.knows(&key("a")) {
        tokio::task::yield_now().await;
    }
    drop(opened);
    assert!(!Opened::at(folder.path()).store().knows(&key("a")));
}

#[tokio::test]
async fn many_writers_share_commits_and_none_is_lost() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let writes = (0..300).map(|number| {
        let store = opened.store().clone();
        tokio::spawn(async move { store.create(key(&format!("p{number}")), pod("p", &format!("u{number}"))).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.expect("a task").expect("created");
    }
    assert_eq!(opened.store().list(Kind::Pod, Some("default")).items.len(), 300);
    assert_eq!(opened.store().list(Kind::Pod, Some("other")).items.len(), 0);
}

#[tokio::test]
async fn a_flush_waits_for_lazy_writes_and_a_closed_store_refuses() {
    let folder = folder();
    let opened = Opened::with(folder.path(), Settings { lazy_ms: 3_600_000, ..Settings::default() });
    let event = Key::new(Kind::Event, "default", "e");
    opened.store().create(event.clone(), json!({"metadata": {"uid": "e"}})).await.expect("created");
    opened.store().flush().await.expect("on disk");
    let copy = folder.path().join("copy");
    std::fs::create_dir(&copy).expect("a folder");
    std::fs::copy(folder.path().join("store.redb"), copy.join("store.redb")).expect("copied");
    assert!(Opened::at(&copy).store().get(&event).is_some());
    opened.store().close().await;
    assert_eq!(opened.store().create(key("a"), pod("a", "1")).await.expect_err("closed"), StoreError::Closed);
}

#[tokio::test]
async fn the_past_is_told_as_far_back_as_it_is_kept() {
    let folder = folder();
    let opened = Opened::with(folder.path(), Settings { ring_changes: 3, ..Settings::default() });
    let store = opened.store();
    let began = store.past(&[Kind::Pod], usize::MAX, |_| true);
    assert!(began.changes.is_empty() && began.since_ms > 0);
    store.create(key("a"), pod("a", "1")).await.expect("created");
    store.bind(key("a"), "node1", of("1")).await.expect("bound");
    let names = |past: &crate::Past| past.changes.iter().map(|change| (change.kind, change.before.is_some())).collect::<Vec<_>>();
    let past = store.past(&[Kind::Pod], usize::MAX, |_| true);
    assert_eq!(names(&past), [(ChangeKind::Added, false), (ChangeKind::Modified, true)]);
    assert_eq!(past.since_ms, began.since_ms);
    assert!(store.past(&[Kind::Node], usize::MAX, |_| true).changes.is_empty());
    let newest = store.past(&[Kind::Pod], usize::MAX, |change| change.kind == ChangeKind::Modified);
    assert_eq!(newest.changes.len(), 1);
    // What has no room is left out from the oldest on, and the answer does not claim to reach further back than that.
    let little = store.past(&[Kind::Pod], 1, |_| true);
    assert!(little.changes.is_empty() && little.since_ms >= past.changes[1].at_ms);
    for name in ["b", "c", "d"] {
        store.create(key(name), pod(name, name)).await.expect("created");
    }
    let past = store.past(&[Kind::Pod], usize::MAX, |_| true);
    assert_eq!(past.changes.iter().map(|change| change.object.key().name.as_str()).collect::<Vec<_>>(), ["b", "c", "d"]);
    assert!(past.since_ms >= began.since_ms);
}
