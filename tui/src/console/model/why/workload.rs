//! Why not all pods of a deployment or a replica set are available, or that they are.

use super::{Lead, Step, Why};
use crate::console::model::row::{Row, Tone};
use crate::console::model::workload::{self, Counts};
use objects::Kind;
use objects::lookup::{condition, flag, number, time};
use serde_json::Value;

/// Pods that are told one by one.
const SHOWN: usize = 8;

/// Of a deployment or a replica set, whose pods are these. `state` says how a pod stands, in a word and in a tone.
pub fn of(kind: Kind, object: &Value, pods: &[&Row], state: impl Fn(&Row) -> (String, Tone)) -> Why {
    let counts = workload::counts(kind, object);
    let created = time(object, "/metadata/creationTimestamp");
    let mut steps = vec![Step::new(Tone::Ok, "accepted", "the daemon keeps it").at(created)];
    if let Some(deleted) = time(object, "/metadata/deletionTimestamp") {
        steps.push(Step::new(Tone::Warn, "deleted", "it is being deleted").at(Some(deleted)).lead(Lead::Events));
    }
    if workload::is_unseen(object) {
        steps.push(Step::new(Tone::Busy, "controller", "no node has acted upon its newest specification yet"));
    }
    if let Some(why) = workload::failure(object) {
        steps.push(Step::new(Tone::Bad, "making pods", why).lead(Lead::Events).lead(Lead::Edit));
    }
    if kind == Kind::Deployment {
        steps.push(rollout(object, counts));
    }
    let tones = pods.iter().map(|pod| (*pod, state(pod)));
    let mut failing: Vec<(&Row, (String, Tone))> =
        tones.filter(|(_, (_, tone))| matches!(tone, Tone::Bad | Tone::Warn | Tone::Busy)).collect();
    failing.sort_by(|(one, (_, worse)), (two, (_, tone))| worse.cmp(tone).then_with(|| one.key.cmp(&two.key)));
    let more = failing.len().saturating_sub(SHOWN);
    for (pod, (says, tone)) in failing.into_iter().take(SHOWN) {
        let name = pod.key.name.to_string();
        steps.push(Step::new(tone, "pod", format!("{name}: {says}")).lead(Lead::Pod(name)));
    }
    if more > 0 {
        steps.push(Step::new(Tone::Busy, "pods", format!("{more} more are not ready")));
    }
    steps.push(available(object, counts));
    verdict(steps, counts)
}

fn rollout(object: &Value, counts: Counts) -> Step {
    let of = format!("{} of {} pods have the newest template", counts.updated, counts.wanted);
    let older = counts.all - counts.updated;
    let older = if older > 0 { format!(", {older} an older one") } else { String::new() };
    let at = condition(object, "Progressing").and_then(|progress| time(progress, "/lastUpdateTime"));
    let limit = number(object, "/spec/progressDeadlineSeconds");
    match () {
        () if flag(object, "/spec/paused") => {
            let says = format!("paused, so that changes of its template wait; {of}{older}");
            Step::new(Tone::Warn, "rollout", says).detail("xp in the list, or :resume, lets it go on")
        }
        () if workload::is_late(object) => {
            let says = format!("it has come no further for {limit}s; {of}{older}");
            let step = Step::new(Tone::Bad, "rollout", says).at(at).lead(Lead::Events).lead(Lead::Edit);
            step.detail("xu in the list, or :rollback, goes back to the template before")
        }
        () if counts.updated < counts.wanted || counts.all > counts.updated => {
            Step::new(Tone::Busy, "rollout", format!("{of}{older}")).at(at)
        }
        () => Step::new(Tone::Ok, "rollout", of).at(at),
    }
}

fn available(object: &Value, counts: Counts) -> Step {
    let says = format!("{} of {} pods are available", counts.available, counts.wanted);
    let settles = number(object, "/spec/minReadySeconds");
    let tone = if counts.available < counts.wanted { Tone::Busy } else { Tone::Ok };
    let step = Step::new(tone, "available", says);
    if tone == Tone::Busy && settles > 0 {
        step.detail(format!("a pod counts once it has been ready for {settles}s"))
    } else {
        step
    }
}

fn verdict(steps: Vec<Step>, counts: Counts) -> Why {
    // A pod that fails is why its rollout comes no further, and tells more than that it does.
    let is_pod = |step: &&Step| step.what == "pod" && step.tone == Tone::Bad;
    let worst = steps.iter().find(is_pod).or_else(|| steps.iter().find(|step| step.tone == Tone::Bad));
    let worst = worst.or_else(|| steps.iter().find(|step| step.is_cause()));
    let waits = steps.iter().find(|step| step.tone == Tone::Busy);
    let (tone, verdict) = match (worst, waits) {
        (Some(step), _) => (step.tone, format!("{}: {}", step.what, step.says)),
        (None, Some(step)) => (Tone::Busy, format!("It is on its way. {}: {}", step.what, step.says)),
        (None, None) if counts.wanted == 0 => (Tone::Done, "It is to have no pods.".to_owned()),
        (None, None) => {
            (Tone::Ok, format!("It has what it wants: {} of {} pods are available.", counts.available, counts.wanted))
        }
    };
    Why { tone, verdict, steps }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::console::model::project;
    use crate::console::model::row::{Row, Tone};
    use crate::console::model::why::Lead;
    use objects::Kind;
    use serde_json::{Value, json};

    fn pod(name: &str) -> Row {
        let object = json!({"metadata": {"name": name, "namespace": "default"}});
        project::row_of(Kind::Pod, &object).expect("it has a name")
    }

    fn deployment(updated: i64, available: i64, reason: &str) -> Value {
        json!({"spec": {"replicas": 3, "progressDeadlineSeconds": 600}, "status": {"replicas": 4, "updatedReplicas": updated,
            "availableReplicas": available, "conditions": [{"type": "Progressing", "reason": reason}]}})
    }

    #[test]
    fn a_rollout_that_is_stuck_names_the_pod_it_waits_for() {
        let (good, bad) = (pod("a"), pod("b"));
        let state = |row: &Row| match &*row.key.name {
            "a" => ("Running".to_owned(), Tone::Ok),
            _ => ("ImagePullBackOff".to_owned(), Tone::Bad),
        };
        let why = of(Kind::Deployment, &deployment(1, 3, "ProgressDeadlineExceeded"), &[&good, &bad], state);
        assert_eq!((why.tone, why.verdict.as_str()), (Tone::Bad, "pod: b: ImagePullBackOff"));
        let told: Vec<&str> = why.steps.iter().map(|step| step.says.as_str()).collect();
        let late = "it has come no further for 600s; 1 of 3 pods have the newest template, 3 an older one";
        assert_eq!(told, ["the daemon keeps it", late, "b: ImagePullBackOff", "3 of 3 pods are available"]);
        assert!(why.steps.iter().any(|step| step.leads == [Lead::Pod("b".to_owned())]));
    }

    #[test]
    fn what_is_as_it_should_be_says_so_and_so_does_what_is_paused() {
        let mut done = deployment(3, 3, "NewReplicaSetAvailable");
        done["status"]["replicas"] = json!(3);
        let ask = |object: &Value| of(Kind::Deployment, object, &[], |_| (String::new(), Tone::Ok));
        assert_eq!(ask(&done).verdict, "It has what it wants: 3 of 3 pods are available.");
        done["spec"]["paused"] = json!(true);
        assert!(ask(&done).verdict.starts_with("rollout: paused"), "{:?}", ask(&done));
        done["spec"]["replicas"] = json!(0);
        done["spec"]["paused"] = json!(false);
        assert_eq!(ask(&done).tone, Tone::Done);
        assert!(of(Kind::ReplicaSet, &deployment(0, 1, ""), &[], |_| (String::new(), Tone::Ok)).verdict.starts_with("It is on"));
    }
}
