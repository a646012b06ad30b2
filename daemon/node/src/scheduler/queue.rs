//! The pods without a node, and when each is to be tried: what is due is found without looking at those that are not.

use control::clock::BootMs;
use control::scheduler::looks_at_others;
use k8s_openapi::api::core::v1::Pod;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::Object;

/// A pod that waits for a node.
pub struct Waiting {
    pub object: Arc<Object>,
    pub pod: Pod,
    /// Which came first.
    pub number: u64,
    /// When this node tries; `None` until something changes that may help.
    due: Option<BootMs>,
}

/// See the module.
#[derive(Default)]
pub struct Queue {
    /// By uid.
    pods: BTreeMap<String, Waiting>,
    /// Those that are to be tried, by time.
    due: BTreeSet<(BootMs, String)>,
    /// How many look at pods beside them.
    lookers: usize,
    /// How many came.
    arrived: u64,
}

impl Queue {
    /// Nobody waits any more.
    pub fn clear(&mut self) {
        let arrived = self.arrived;
        *self = Self { arrived, ..Self::default() };
    }

    pub fn get(&self, uid: &str) -> Option<&Waiting> {
        self.pods.get(uid)
    }

    /// A pod waits, or has changed while it waited: then it keeps its place in the order of those that came.
    pub fn put(&mut self, object: Arc<Object>, pod: Pod, due: Option<BootMs>) {
        let uid = object.uid().to_owned();
        let number = self.remove(&uid).map_or(self.arrived, |known| known.number);
        self.arrived += 1;
        self.insert(uid, Waiting { object, pod, number, due });
    }

    /// One that was taken out waits on until something changes.
    pub fn put_back(&mut self, uid: String, waiting: Waiting) {
        self.insert(uid, Waiting { due: None, ..waiting });
    }

    fn insert(&mut self, uid: String, waiting: Waiting) {
        self.lookers += usize::from(looks_at_others(&waiting.pod));
        self.due.extend(waiting.due.map(|due| (due, uid.clone())));
        self.pods.insert(uid, waiting);
    }

    pub fn remove(&mut self, uid: &str) -> Option<Waiting> {
        let waiting = self.pods.remove(uid)?;
        self.lookers -= usize::from(looks_at_others(&waiting.pod));
        if let Some(due) = waiting.due {
            self.due.remove(&(due, uid.to_owned()));
        }
        Some(waiting)
    }

    /// It is tried then.
    pub fn set_due(&mut self, uid: &str, at: BootMs) {
        let Some(waiting) = self.pods.get_mut(uid) else { return };
        if let Some(before) = waiting.due.replace(at) {
            self.due.remove(&(before, uid.to_owned()));
        }
        self.due.insert((at, uid.to_owned()));
    }

    /// All are tried at the time that `turn` gives for each, and never later than before: changes that do not end must not keep a pod
    /// waiting.
    pub fn bring_forward(&mut self, turn: impl Fn(&str, &Pod) -> BootMs) {
        self.due.clear();
        for (uid, waiting) in &mut self.pods {
            let turn = turn(uid, &waiting.pod);
            let due = waiting.due.map_or(turn, |due| due.min(turn));
            waiting.due = Some(due);
            self.due.insert((due, uid.clone()));
        }
    }

    /// When the next one is to be tried.
    pub fn next_due(&self) -> Option<BootMs> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Those whose time has come, first those that came first.
    pub fn take_due(&mut self, now: BootMs) -> Vec<(String, Waiting)> {
        let mut taken = Vec::new();
        while let Some((_, uid)) = self.due.first().filter(|(due, _)| *due <= now).cloned() {
            taken.extend(self.remove(&uid).map(|waiting| (uid, waiting)));
        }
        taken.sort_by_key(|(_, waiting)| waiting.number);
        taken
    }

    /// Whether any of them looks at pods beside it.
    pub const fn has_lookers(&self) -> bool {
        self.lookers > 0
    }
}

impl Waiting {
    pub const fn due(&self) -> Option<BootMs> {
        self.due
    }
}

/// Whether only the status of a pod that waits changed.
pub fn is_same_but_status(before: &Pod, after: &Pod) -> bool {
    let (old, new) = (&before.metadata, &after.metadata);
    old.labels == new.labels && old.deletion_timestamp == new.deletion_timestamp && before.spec == after.spec
}

#[cfg(test)]
mod tests {
    use super::Queue;
    use crate::api::tests::random::{Random, seeds};
    use control::clock::BootMs;
    use control::version::NodeId;
    use k8s_openapi::api::core::v1::Pod;
    use objects::Kind;
    use serde_json::json;
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use store::{Key, Object, Store};

    const UIDS: usize = 6;

    /// A pod as the store has it.
    async fn objects(store: &Store) -> Vec<Arc<Object>> {
        let mut made = Vec::new();
        for number in 0..UIDS {
            let name = format!("u{number}");
            let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "uid": name}});
            made.push(store.create(Key::new(Kind::Pod, "default", &name), pod).await.expect("it is new"));
        }
        made
    }

    /// One that looks at others, or none of them.
    fn pod(looks: bool) -> Pod {
        let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "a"}}});
        let affinity = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
        let spec = if looks { json!({"containers": [], "affinity": affinity}) } else { json!({"containers": []}) };
        serde_json::from_value(json!({"spec": spec})).expect("a pod")
    }

    /// The plain way: all are looked at.
    #[derive(Default)]
    struct Model {
        pods: BTreeMap<String, (u64, Option<BootMs>, bool)>,
        arrived: u64,
    }

    #[tokio::test]
    async fn the_queue_is_what_a_look_at_all_of_them_would_find() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, writer, _) = Store::open(folder.path(), NodeId::from("n1"), store::Settings::default()).expect("a store");
        std::thread::spawn(|| writer.run());
        let objects = objects(&store).await;
        for seed in seeds(2_000) {
            let mut random = Random::new(seed);
            let (mut queue, mut model) = (Queue::default(), Model::default());
            for _ in 0..60 {
                let object = objects[random.index(UIDS)].clone();
                let uid = object.uid().to_owned();
                let at = BootMs(random.below(20));
                match random.below(6) {
                    0 | 1 => {
                        let (looks, due) = (random.below(10) < 3, (random.below(10) < 7).then_some(at));
                        queue.put(object, pod(looks), due);
                        let number = model.pods.get(&uid).map_or(model.arrived, |known| known.0);
                        model.arrived += 1;
                        model.pods.insert(uid, (number, due, looks));
                    }
                    2 => assert_eq!(queue.remove(&uid).is_some(), model.pods.remove(&uid).is_some(), "seed {seed}"),
                    3 => {
                        queue.set_due(&uid, at);
                        model.pods.entry(uid).and_modify(|known| known.1 = Some(at));
                    }
                    4 => {
                        let turn = |uid: &str| BootMs(at.0 + u64::from(uid.as_bytes()[1]) % 3);
                        queue.bring_forward(|uid, _| turn(uid));
                        for (uid, known) in &mut model.pods {
                            known.1 = Some(known.1.map_or(turn(uid), |due| due.min(turn(uid))));
                        }
                    }
                    _ => {
                        let is_due = |known: &(u64, Option<BootMs>, bool)| known.1.is_some_and(|due| due <= at);
                        let mut wanted: Vec<(u64, String)> = model
                            .pods
                            .iter()
                            .filter(|(_, known)| is_due(known))
                            .map(|(uid, known)| (known.0, uid.clone()))
                            .collect();
                        wanted.sort();
                        let taken = queue.take_due(at);
                        let found: Vec<(u64, String)> =
                            taken.iter().map(|(uid, waiting)| (waiting.number, uid.clone())).collect();
                        assert_eq!(found, wanted, "seed {seed}");
                        for (uid, waiting) in taken {
                            model.pods.entry(uid.clone()).and_modify(|known| known.1 = None);
                            queue.put_back(uid, waiting);
                        }
                    }
                }
                assert_eq!(queue.next_due(), model.pods.values().filter_map(|known| known.1).min(), "seed {seed}");
                assert_eq!(queue.has_lookers(), model.pods.values().any(|known| known.2), "seed {seed}");
            }
        }
    }
}
