//! Random writes on several replicas that exchange random records, from a seed: all end equal, nothing acknowledged is lost, nothing
//! deleted comes back, and watchers see what is listed.

use super::merge::everything;
use super::model::holds;
use super::{Opened, folder, key, set_status};
use crate::{Change, ChangeKind, MergeOutcome, Preconditions, Settings, StoreError, Watcher};
use control::entry::Entry;
use control::record::{Record, RecordId};
use objects::Kind;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tempfile::TempDir;

const NAMES: [&str; 3] = ["x", "y", "z"];

#[derive(Debug, Clone)]
enum Step {
    Create(usize, usize),
    Update(usize, usize),
    Status(usize, usize),
    Bind(usize, usize),
    Remove(usize, usize),
    /// Some of one's records to another, by a number that says which and in what order.
    Send(usize, usize, u64),
    /// All of them.
    SendAll(usize, usize),
    Reopen(usize),
    /// The disk is lost; all comes back from the others, which had heard of all.
    Lose(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (at, name) = (0..4_usize, 0..NAMES.len());
    prop_oneof![
        4 => (at.clone(), name.clone()).prop_map(|(at, name)| Step::Create(at, name)),
        4 => (at.clone(), name.clone()).prop_map(|(at, name)| Step::Update(at, name)),
        3 => (at.clone(), name.clone()).prop_map(|(at, name)| Step::Status(at, name)),
        2 => (at.clone(), name.clone()).prop_map(|(at, name)| Step::Bind(at, name)),
        2 => (at.clone(), name).prop_map(|(at, name)| Step::Remove(at, name)),
        8 => (at.clone(), at.clone(), any::<u64>()).prop_map(|(from, to, which)| Step::Send(from, to, which)),
        2 => (at.clone(), at.clone()).prop_map(|(from, to)| Step::SendAll(from, to)),
        1 => at.clone().prop_map(Step::Reopen),
        1 => at.prop_map(Step::Lose),
    ]
}

/// One replica, and what its watcher has seen.
struct Replica {
    node: String,
    folder: TempDir,
    opened: Option<Opened>,
    watcher: Option<Watcher>,
    seen: BTreeMap<String, Value>,
    gone: BTreeSet<String>,
}

impl Replica {
    fn new(number: usize) -> Self {
        let (seen, gone) = (BTreeMap::new(), BTreeSet::new());
        let mut replica = Self { node: format!("node{number}"), folder: folder(), opened: None, watcher: None, seen, gone };
        replica.open();
        replica
    }

    fn open(&mut self) {
        self.watcher = None;
        self.opened = None;
        let opened = Opened::of(&self.node, self.folder.path(), Settings::default());
        assert!(opened.damage.is_empty());
        let (list, watcher) = opened.store().list_and_watch(Kind::Pod, None);
        self.seen = list.items.iter().map(|object| (object.key().name.clone(), object.to_value())).collect();
        (self.opened, self.watcher) = (Some(opened), Some(watcher));
    }

    fn opened(&self) -> &Opened {
        self.opened.as_ref().expect("it is open")
    }

    /// Takes in what its watcher is told, and compares it with the list.
    fn look(&mut self) {
        let watcher = self.watcher.as_mut().expect("it is open");
        while let Some(Change { kind, object, before, .. }) = watcher.try_next().expect("in time") {
            let name = object.key().name.clone();
            assert_eq!(before.map(|before| before.to_value()), self.seen.get(&name).cloned());
            if let Some(before) =
                self.seen.remove(&name).filter(|before| kind == ChangeKind::Deleted || before["metadata"]["uid"] != object.uid())
            {
                self.gone.insert(before["metadata"]["uid"].as_str().expect("a uid").to_owned());
            }
            if kind != ChangeKind::Deleted {
                assert!(!self.gone.contains(object.uid()), "{} came back", object.uid());
                self.seen.insert(name, object.to_value());
            }
        }
        let list = self.opened().store().list(Kind::Pod, None);
        let listed: Vec<_> = list.items.iter().map(|object| object.to_value()).collect();
        assert_eq!(listed, self.seen.values().cloned().collect::<Vec<_>>());
    }
}

/// Some records, some of them twice, in an order that a number says.
fn shuffled(mut records: Vec<(RecordId, Record)>, mut which: u64) -> Vec<(RecordId, Record)> {
    let mut chosen = Vec::new();
    for _ in 0..records.len() {
        which = which.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let index = usize::try_from(which >> 33).expect("31 bits") % records.len();
        chosen.push(records[index].clone());
        if which & (1 << 32) == 0 {
            records.swap_remove(index);
        }
    }
    chosen
}

#[derive(Default)]
struct World {
    replicas: Vec<Replica>,
    /// The join of all that was acknowledged.
    expected: BTreeMap<String, Entry>,
    deleted: BTreeSet<String>,
    uids: usize,
}

impl World {
    async fn send(&mut self, from: usize, to: usize, which: Option<u64>) {
        let records = everything(self.replicas[from].opened().store());
        let records = which.map_or(records.clone(), |which| shuffled(records, which));
        let report = self.replicas[to].opened().store().merge(records).await.expect("open");
        assert!(!report.outcomes.iter().any(|outcome| matches!(outcome, MergeOutcome::Refused(_))), "{report:?}");
        assert!(report.lost.iter().all(|lost| lost.lost.stamp.version.node.as_str() == self.replicas[to].node));
    }

    async fn write(&mut self, at: usize, name: usize, step: &Step) {
        let (replica, name) = (&self.replicas[at], NAMES[name]);
        let store = replica.opened().store();
        let found = store.get(&key(name)).map(|object| object.to_value());
        let uid = found.as_ref().map_or("", |object| object["metadata"]["uid"].as_str().expect("a uid")).to_owned();
        self.uids += 1;
        let result = match step {
            Step::Create(..) => {
                let object =
                    json!({"metadata": {"name": name, "uid": self.uids.to_string()}, "spec": {}, "status": {"phase": "Pending"}});
                store.create(key(name), object).await
            }
            Step::Status(..) => set_status(store, name, &uid, json!({"x": self.uids})).await,
            Step::Bind(..) => store.bind(key(name), &replica.node, Preconditions::default()).await,
            Step::Remove(..) => store.delete(key(name), Preconditions::default()).await,
            _ => {
                let mut object = found.clone().unwrap_or_else(|| json!({"metadata": {"uid": "0"}}));
                object["spec"]["x"] = json!(self.uids);
                store.update(key(name), object, Preconditions::default()).await
            }
        };
        let is_bound = found.as_ref().is_some_and(|object| object["spec"]["nodeName"].is_string());
        match step {
            Step::Create(..) => assert_eq!(result.is_ok(), found.is_none(), "{result:?}"),
            // Bound to another node it is refused; and where a part of a later object waits it is told to read again.
            Step::Bind(..) | Step::Status(..) if is_bound || matches!(result, Err(StoreError::Stale(_))) => {}
            _ => assert_eq!(result.is_ok(), found.is_some(), "{result:?}"),
        }
        if result.is_ok() && matches!(step, Step::Remove(..)) {
            self.deleted.insert(uid);
        }
        if result.is_ok() {
            let id = |part| RecordId { object: format!("pods/default/{name}").into(), part };
            let written = store.records(control::record::Part::ALL.map(id));
            let expected = self.expected.entry(format!("pods/default/{name}")).or_default();
            written.into_iter().for_each(|(id, record)| drop(expected.merge(id.part, record)));
        }
    }

    async fn step(&mut self, step: &Step) {
        let count = self.replicas.len();
        match step {
            Step::Create(at, name)
            | Step::Update(at, name)
            | Step::Status(at, name)
            | Step::Bind(at, name)
            | Step::Remove(at, name) => {
                self.write(at % count, *name, step).await;
            }
            Step::Send(from, to, which) => self.send(from % count, to % count, Some(*which)).await,
            Step::SendAll(from, to) => self.send(from % count, to % count, None).await,
            Step::Reopen(at) => self.replicas[at % count].open(),
            Step::Lose(at) => {
                self.send(at % count, (at + 1) % count, None).await;
                let replica = &mut self.replicas[at % count];
                (replica.watcher, replica.opened, replica.folder) = (None, None, folder());
                // What it had seen deleted it does not know any more: it may hear of the object before it hears of the deletion.
                replica.gone.clear();
                replica.open();
            }
        }
    }

    async fn settle(&mut self) {
        for _ in 0..2 {
            let count = self.replicas.len();
            for pair in 0..count * count {
                self.send(pair / count, pair % count, None).await;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn replicas_end_equal_and_keep_what_was_acknowledged(count in 2..5_usize, steps in prop::collection::vec(step(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut world = World { replicas: (0..count).map(Replica::new).collect(), ..World::default() };
        for step in &steps {
            runtime.block_on(world.step(step));
            world.replicas.iter_mut().for_each(Replica::look);
        }
        runtime.block_on(world.settle());
        let expected: BTreeMap<RecordId, Record> = world.expected.iter().flat_map(|(object, entry)| {
            entry.records().map(move |(part, record)| (RecordId { object: object.as_str().into(), part }, record.clone()))
        }).collect();
        let shown = holds(world.replicas[0].opened().store());
        for replica in &mut world.replicas {
            replica.look();
            let store = replica.opened().store();
            prop_assert_eq!(&everything(store).into_iter().collect::<BTreeMap<_, _>>(), &expected);
            prop_assert_eq!(&holds(store), &shown);
            for object in store.list(Kind::Pod, None).items {
                prop_assert!(!world.deleted.contains(object.uid()), "{} is live", object.uid());
            }
        }
        // And so they are found again.
        for replica in &mut world.replicas {
            replica.open();
            prop_assert_eq!(&everything(replica.opened().store()).into_iter().collect::<BTreeMap<_, _>>(), &expected);
            prop_assert_eq!(&holds(replica.opened().store()), &shown);
        }
    }
}
