//! Deployments, by cases and by seeds: whatever is changed on the way, the bounds hold at each step and the end is reached.

use super::{Decision, REVISION, SetRef, decide, not_created};
use crate::replica_set::Replica;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, ReplicaSet, ReplicaSetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};
use serde_json::{Value, json};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("the second is in range")
}

/// A Deployment with its sets, and whoever sees to the sets.
struct Cluster {
    deployment: Deployment,
    sets: Vec<ReplicaSet>,
    pods: Vec<Replica>,
    clock: i64,
    /// What was said of numbers of pods.
    told: Vec<String>,
}

impl Cluster {
    fn new(patch: &Value) -> Self {
        let mut deployment = json!({"metadata": {"name": "kubia", "namespace": "default", "uid": "d", "generation": 1}, "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "kubia"}}, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": {"app": "kubia"}}, "spec": {"containers": [{"name": "a", "image": "kubia:1"}]}}}});
        merge(&mut deployment["spec"], patch);
        let deployment = serde_json::from_value(deployment).expect("a deployment");
        Self { deployment, sets: Vec::new(), pods: Vec::new(), clock: 0, told: Vec::new() }
    }

    fn edit(&mut self, patch: &Value) {
        let mut value = serde_json::to_value(&self.deployment).expect("it is JSON");
        merge(&mut value["spec"], patch);
        self.deployment = serde_json::from_value(value).expect("a deployment");
        *self.deployment.metadata.generation.get_or_insert(0) += 1;
    }

    fn image(&mut self, image: &str) {
        self.edit(&json!({"template": {"spec": {"containers": [{"name": "a", "image": image}]}}}));
    }

    fn decided(&self) -> Decision {
        decide(&self.deployment, &self.sets, &self.pods, at(self.clock))
    }

    /// Decides and performs; whether anything was done.
    fn step(&mut self) -> bool {
        self.clock += 1;
        let decision = self.decided();
        let is_idle = decision.create.is_none() && decision.change.is_empty() && decision.delete.is_empty();
        if let Some(new) = decision.create {
            self.told.push(format!("{} 0->{}", new.name, new.replicas));
            let mut set: ReplicaSet = serde_json::from_value(new.manifest).expect("a set");
            set.metadata.uid = Some(format!("uid-{}", new.name));
            set.metadata.generation = Some(1);
            set.metadata.creation_timestamp = Some(Time(at(self.clock)));
            self.sets.push(set);
        }
        for change in decision.change {
            let set = self.sets.iter_mut().find(|set| SetRef::of(set) == change.set).expect("it is there");
            let spec = set.spec.as_mut().expect("it has one");
            assert_eq!(spec.replicas, Some(change.from));
            if change.from != change.to {
                self.told.push(format!("{} {}->{}", change.set.name, change.from, change.to));
            }
            spec.replicas = Some(change.to);
            spec.min_ready_seconds = change.min_ready_seconds.or(spec.min_ready_seconds);
            *set.metadata.generation.get_or_insert(0) += 1;
            set.metadata.annotations.get_or_insert_default().extend(change.annotations);
        }
        self.sets.retain(|set| !decision.delete.contains(&SetRef::of(set)));
        if let Some(revision) = decision.revision {
            self.deployment.metadata.annotations.get_or_insert_default().insert(REVISION.to_owned(), revision);
        }
        let is_idle = is_idle && self.deployment.status.as_ref() == Some(&decision.status);
        self.deployment.status = Some(decision.status);
        !is_idle
    }

    /// Each set has the pods it is to have, of which at most so many are available.
    fn see(&mut self, available: i32) {
        for set in &mut self.sets {
            let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            let has = |count: i32| Some(count).filter(|count| *count > 0);
            set.status = Some(ReplicaSetStatus {
                replicas: wanted,
                ready_replicas: has(wanted.min(available)),
                available_replicas: has(wanted.min(available)),
                observed_generation: set.metadata.generation,
                ..ReplicaSetStatus::default()
            });
        }
    }

    /// Until nothing more is done.
    fn settle(&mut self) {
        for _ in 0..500 {
            let did = self.step();
            self.see(i32::MAX);
            if !did && !self.step() {
                return;
            }
        }
        panic!("it does not come to an end: {:?}", self.told);
    }

    fn condition(&self, kind: &str) -> DeploymentCondition {
        let conditions = self.deployment.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
        conditions.into_iter().find(|condition| condition.type_ == kind).unwrap_or_default()
    }

    fn reason(&self, kind: &str) -> String {
        self.condition(kind).reason.unwrap_or_default()
    }

    /// How many pods the sets are to have, the oldest first.
    fn numbers(&self) -> Vec<i32> {
        self.sets.iter().map(super::replicas).collect()
    }

    fn revisions(&self) -> Vec<i64> {
        self.sets.iter().map(super::revision::of).collect()
    }
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

#[test]
fn a_new_deployment_makes_the_set_of_its_template() {
    let mut cluster = Cluster::new(&json!({"minReadySeconds": 2}));
    cluster.deployment.metadata.annotations = Some([("kubernetes.io/change-cause".to_owned(), "first".to_owned())].into());
    let new = cluster.decided().create.expect("one is missing");
    let hash = new.name.strip_prefix("kubia-").expect("it is the deployment's").to_owned();
    assert_eq!(new.replicas, 3);
    assert_eq!(new.manifest["metadata"]["labels"], json!({"app": "kubia", "pod-template-hash": hash}));
    assert_eq!(new.manifest["spec"]["selector"]["matchLabels"], new.manifest["metadata"]["labels"]);
    assert_eq!(new.manifest["spec"]["template"]["metadata"]["labels"], new.manifest["metadata"]["labels"]);
    assert_eq!(new.manifest["spec"]["minReadySeconds"], 2);
    assert_eq!(
        new.manifest["metadata"]["annotations"],
        json!({"kubernetes.io/change-cause": "first", "deployment.kubernetes.io/revision": "1",
            "deployment.kubernetes.io/desired-replicas": "3", "deployment.kubernetes.io/max-replicas": "4"})
    );
    assert_eq!(new.manifest["metadata"]["ownerReferences"][0]["uid"], "d");
    cluster.step();
    assert_eq!(cluster.reason("Progressing"), "NewReplicaSetCreated");
    assert_eq!(cluster.condition("Available").status, "False");
    cluster.settle();
    assert_eq!(
        (cluster.reason("Progressing").as_str(), cluster.condition("Available").status.as_str()),
        ("NewReplicaSetAvailable", "True")
    );
    let message = cluster.condition("Progressing").message.expect("it is told");
    assert_eq!(message, format!("ReplicaSet \"kubia-{hash}\" has successfully progressed."));
    assert_eq!(cluster.deployment.metadata.annotations.as_ref().and_then(|all| all.get(REVISION)).map(String::as_str), Some("1"));
}

#[test]
fn a_rolling_update_goes_one_by_one_and_back_again() {
    let mut cluster = Cluster::new(&json!({}));
    cluster.settle();
    cluster.told.clear();
    cluster.image("kubia:2");
    cluster.settle();
    let (old, new) = (super::name(&cluster.sets[0]).to_owned(), super::name(&cluster.sets[1]).to_owned());
    let expected = [(&new, "0->1"), (&old, "3->2"), (&new, "1->2"), (&old, "2->1"), (&new, "2->3"), (&old, "1->0")];
    assert_eq!(cluster.told, expected.map(|(set, change)| format!("{set} {change}")));
    assert_eq!((cluster.numbers(), cluster.revisions()), (vec![0, 3], vec![1, 2]));
    cluster.image("kubia:1");
    cluster.settle();
    assert_eq!((cluster.numbers(), cluster.revisions()), (vec![3, 0], vec![3, 2]));
    let history =
        cluster.sets[0].metadata.annotations.as_ref().and_then(|all| all.get("deployment.kubernetes.io/revision-history"));
    assert_eq!(history.map(String::as_str), Some("1"));
}

#[test]
fn nothing_shrinks_upon_what_was_said_of_a_set_before_it_was_changed() {
    let bounds = json!({"maxSurge": 1, "maxUnavailable": 1});
    let mut cluster = Cluster::new(&json!({"replicas": 4, "strategy": {"type": "RollingUpdate", "rollingUpdate": bounds}}));
    cluster.settle();
    cluster.image("kubia:2");
    let replicas = |cluster: &Cluster, set: usize| cluster.sets.get(set).map_or(0, super::replicas);
    while replicas(&cluster, 0) > 2 {
        cluster.see(i32::MAX);
        cluster.step();
    }
    let (old, seen) = (replicas(&cluster, 1), cluster.sets[0].status.clone().expect("it was seen"));
    assert!(old > 0 && seen.available_replicas > Some(2), "{:?}", cluster.told);
    // The first set is the new one again, and nobody has said yet that pods of it went.
    cluster.image("kubia:1");
    cluster.step();
    cluster.step();
    assert_eq!(replicas(&cluster, 1), old, "{:?}", cluster.told);
    cluster.settle();
    assert_eq!((replicas(&cluster, 0), replicas(&cluster, 1)), (4, 0));
}

#[test]
fn a_rollout_whose_pods_do_not_become_available_stops_and_is_said_to_have_failed() {
    let mut cluster = Cluster::new(&json!({"progressDeadlineSeconds": 60}));
    cluster.settle();
    cluster.image("kubia:broken");
    for _ in 0..10 {
        cluster.step();
        let old_available = cluster.sets[0].status.clone();
        cluster.see(0);
        cluster.sets[0].status = old_available;
    }
    assert_eq!(cluster.numbers(), [3, 1]);
    assert_eq!(cluster.reason("Progressing"), "ReplicaSetUpdated");
    let look_again = cluster.decided().look_again.expect("there is a deadline");
    assert!(look_again > at(cluster.clock) && look_again <= at(cluster.clock + 60));
    cluster.clock += 61;
    cluster.step();
    let condition = cluster.condition("Progressing");
    assert_eq!((condition.status.as_str(), condition.reason.as_deref()), ("False", Some("ProgressDeadlineExceeded")));
    assert!(condition.message.expect("it is told").ends_with(" has timed out progressing."));
    assert_eq!((cluster.decided().look_again, cluster.step()), (None, false));
    cluster.image("kubia:1");
    cluster.step();
    assert_eq!(cluster.condition("Progressing").status, "True", "another template fails by itself alone");
    cluster.settle();
    assert_eq!((cluster.numbers(), cluster.reason("Progressing").as_str()), (vec![3, 0], "NewReplicaSetAvailable"));
}

#[test]
fn what_is_paused_does_not_roll_and_its_deadline_does_not_run() {
    let mut cluster = Cluster::new(&json!({}));
    cluster.settle();
    cluster.edit(&json!({"paused": true}));
    cluster.image("kubia:2");
    cluster.settle();
    assert_eq!((cluster.numbers(), cluster.reason("Progressing").as_str()), (vec![3], "DeploymentPaused"));
    cluster.edit(&json!({"replicas": 5}));
    cluster.settle();
    assert_eq!(cluster.numbers(), [5]);
    cluster.edit(&json!({"paused": false}));
    cluster.settle();
    assert_eq!((cluster.numbers(), cluster.reason("Progressing").as_str()), (vec![0, 5], "NewReplicaSetAvailable"));
}

#[test]
fn what_recreates_waits_for_the_last_old_pod() {
    let mut cluster = Cluster::new(&json!({"strategy": {"type": "Recreate", "rollingUpdate": null}}));
    cluster.settle();
    let mut pod = Replica::of(&serde_json::from_value(json!({"metadata": {"name": "p"}})).expect("a pod"));
    pod.controller.clone_from(&cluster.sets[0].metadata.uid);
    pod.phase = "Running".to_owned();
    pod.is_leaving = true;
    cluster.pods.push(pod);
    cluster.image("kubia:2");
    cluster.settle();
    assert_eq!(cluster.numbers(), [0], "its last pod is not gone");
    cluster.pods[0].phase = "Failed".to_owned();
    cluster.settle();
    assert_eq!(cluster.numbers(), [0, 3]);
}

#[test]
fn another_number_in_the_midst_of_a_rollout_is_shared_out() {
    let mut cluster = Cluster::new(&json!({"replicas": 10, "strategy": {"rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}}));
    cluster.settle();
    cluster.image("kubia:2");
    cluster.step();
    cluster.step();
    // The documented example of Kubernetes: ten wanted, eight old and five new; fifteen are wanted, eleven old and seven new get them.
    assert_eq!(cluster.numbers(), [8, 3]);
    cluster.sets[1].status = Some(ReplicaSetStatus { replicas: 3, ..ReplicaSetStatus::default() });
    cluster.step();
    assert_eq!(cluster.numbers(), [8, 5]);
    cluster.edit(&json!({"replicas": 15}));
    cluster.step();
    assert_eq!(cluster.numbers(), [11, 7]);
    cluster.edit(&json!({"replicas": 0}));
    cluster.settle();
    assert_eq!(cluster.numbers(), [0, 0]);
}

#[test]
fn a_set_that_has_the_new_number_by_chance_does_not_stop_the_rollout() {
    let mut cluster = Cluster::new(&json!({"replicas": 7, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}));
    cluster.image("kubia:0");
    cluster.step();
    cluster.see(0);
    cluster.image("kubia:1");
    for _ in 0..2 {
        cluster.step();
        cluster.see(0);
    }
    assert_eq!(cluster.numbers(), [6, 0]);
    cluster.edit(&json!({"replicas": 6}));
    cluster.settle();
    assert_eq!(cluster.numbers(), [0, 6]);
}

#[test]
fn old_sets_beyond_the_limit_are_forgotten_the_oldest_first() {
    let mut cluster = Cluster::new(&json!({"revisionHistoryLimit": 2}));
    for version in 1..=5 {
        cluster.image(&format!("kubia:{version}"));
        cluster.settle();
    }
    assert_eq!((cluster.numbers(), cluster.revisions()), (vec![0, 0, 3], vec![3, 4, 5]));
}

#[test]
fn sets_are_taken_in_and_let_go_and_a_name_that_is_taken_is_passed_over() {
    let mut cluster = Cluster::new(&json!({}));
    cluster.settle();
    cluster.sets[0].metadata.owner_references = None;
    let decision = cluster.decided();
    assert_eq!((decision.adopt.len(), decision.create), (1, None));
    // It is another one's now, and has the name that the set of this template would have.
    cluster.sets[0] =
        serde_json::from_value(json!({"metadata": {"name": super::name(&cluster.sets[0]), "uid": "x"}})).expect("a set");
    cluster.step();
    assert_eq!(cluster.deployment.status.as_ref().and_then(|status| status.collision_count), Some(1));
    cluster.settle();
    assert_eq!(cluster.sets.len(), 2);
    cluster.sets[1].metadata.labels = None;
    let decision = cluster.decided();
    assert_eq!((decision.release.len(), decision.status.collision_count), (1, Some(2)));
    cluster.deployment.metadata.deletion_timestamp = Some(Time(at(0)));
    let decision = cluster.decided();
    assert!(decision.create.is_none() && decision.release.is_empty() && decision.change.is_empty());
}

#[test]
fn a_set_that_cannot_be_made_is_told_of() {
    let mut cluster = Cluster::new(&json!({}));
    let words = "Failed to create new replica set \"x\": no";
    cluster.deployment.status = Some(not_created(&cluster.deployment, words, at(0)));
    assert_eq!(
        (cluster.reason("Progressing").as_str(), cluster.condition("Progressing").message.as_deref()),
        ("ReplicaSetCreateError", Some(words))
    );
    let again = not_created(&cluster.deployment, words, at(9));
    assert_eq!(cluster.deployment.status, Some(again), "it is told once");
    cluster.settle();
    assert_eq!(cluster.reason("Progressing"), "NewReplicaSetAvailable");
}

#[derive(Debug, Clone)]
enum Happening {
    Image(u8),
    Scale(i32),
    Pause(bool),
    /// So many steps, with so many pods of each set available.
    Steps(u8, i32),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0_u8..4).prop_map(Happening::Image),
        (0_i32..12).prop_map(Happening::Scale),
        prop_oneof![Just(true), Just(false)].prop_map(Happening::Pause),
        (1_u8..6, 0_i32..12).prop_map(|(steps, available)| Happening::Steps(steps, available)),
    ]
}

proptest! {
    #[test]
    fn whatever_is_changed_on_the_way_the_last_template_has_all_pods_in_the_end(
        surge in 0_i32..4,
        unavailable in 0_i32..4,
        happenings in prop::collection::vec(happening(), 0..30),
    ) {
        let strategy = json!({"strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable.max(i32::from(surge == 0))}}});
        let mut cluster = Cluster::new(&strategy);
        for happening in happenings {
            match happening {
                Happening::Image(image) => cluster.image(&format!("kubia:{image}")),
                Happening::Scale(replicas) => cluster.edit(&json!({"replicas": replicas})),
                Happening::Pause(is_paused) => cluster.edit(&json!({"paused": is_paused})),
                Happening::Steps(steps, available) => for _ in 0..steps {
                    cluster.step();
                    cluster.see(available);
                },
            }
        }
        cluster.edit(&json!({"paused": false}));
        cluster.settle();
        let wanted = cluster.deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let new = super::set_template(cluster.sets.iter().find(|set| super::replicas(set) == wanted).expect("one has them all"));
        assert!(super::template::is_alike(new, &cluster.deployment.spec.as_ref().expect("it has one").template) || wanted == 0);
        assert_eq!(cluster.numbers().iter().sum::<i32>(), wanted);
        // From here on the bounds hold at each step.
        cluster.image("kubia:last");
        while cluster.step() {
            let available: i32 = cluster.sets.iter().map(|set| super::seen(set).available_replicas.unwrap_or(0).min(super::replicas(set))).sum();
            let total: i32 = cluster.numbers().iter().sum();
            let bounds = super::bounds(cluster.deployment.spec.as_ref().expect("it has one"), wanted);
            assert!(available >= wanted - bounds.unavailable && total <= wanted + bounds.surge, "{:?}", cluster.told);
            cluster.see(i32::MAX);
        }
    }
}
