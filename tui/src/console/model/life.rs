//! A pod's life on one time axis: what each container was doing when, and the moments at which something happened.
//!
//! Nobody keeps a pod's whole history. It is put together from what its status still says of the last two instances of each
//! container, from its conditions, and from its events, which know their first and their last time. What lies between is drawn
//! as what it most likely was, and what nobody knows is left blank.

use super::row::Tone;
use jiff::Timestamp;
use objects::lookup::{at, condition, flag, list, number, text, time};
use objects::printing::{event_count, event_first_seen, event_last_seen};
use serde_json::Value;

/// What a container or a pod was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It waited: for its node, its image, its back-off.
    Waiting,
    /// It ran, and was not ready or nobody knows whether it was.
    Running,
    /// It ran and was ready.
    Ready,
    /// It ran and was known not to be ready.
    Failing,
    /// It had ended for good.
    Ended,
}

/// A stretch of time that was spent in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end; `None` lasts.
    pub until: Option<Timestamp>,
    /// What was done.
    pub stage: Stage,
}

/// What one container, or the pod, did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// The container's name; empty for the pod itself.
    pub name: String,
    /// The stretches in their order.
    pub stretches: Vec<Stretch>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// How bad it is.
    pub tone: Tone,
    /// To which container; empty for the pod itself.
    pub container: String,
    /// What: `Started`, `Unhealthy`, `exited`.
    pub what: String,
    /// In words.
    pub says: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// When it began.
    pub begins: Timestamp,
    /// The pod's own lane, then one a container.
    pub lanes: Vec<Lane>,
    /// What happened, the oldest first.
    pub moments: Vec<Moment>,
}

impl Lane {
    /// What was done at a time.
    pub fn stage_at(&self, at: Timestamp) -> Option<Stage> {
        self.stretches
            .iter()
            .rev()
            .find(|stretch| stretch.from <= at && stretch.until.is_none_or(|until| at < until))
            .map(|one| one.stage)
    }

    /// Leaves blank what lies after a time.
    fn end_at(&mut self, at: Timestamp) {
        for stretch in &mut self.stretches {
            stretch.until = Some(stretch.until.map_or(at, |until| until.min(at)));
        }
        self.stretches.retain(|stretch| stretch.until.is_none_or(|until| until > stretch.from));
    }
}

/// Since when its node is not seen; `None` where it is.
fn lost_at(pod: &Value) -> Option<Timestamp> {
    let ready = condition(pod, "Ready").filter(|_| text(pod, "/status/phase") == "Unknown")?;
    time(ready, "/lastTransitionTime")
}

/// The life of a pod; `None` where it does not say when it began.
pub fn of(pod: &Value, events: &[Value]) -> Option<Life> {
    let begins = time(pod, "/metadata/creationTimestamp")?;
    let mut moments = vec![moment(begins, Tone::Plain, "", ("created", "the daemon took it"))];
    for event in events {
        from_event(event, &mut moments);
    }
    let lost = lost_at(pod);
    let mut lanes = vec![pod_lane(pod, begins, &mut moments)];
    let kinds = [("/spec/initContainers", "/status/initContainerStatuses"), ("/spec/containers", "/status/containerStatuses")];
    for (specs, statuses) in kinds {
        for spec in list(pod, specs) {
            let status = list(pod, statuses).iter().find(|status| status.get("name") == spec.get("name"));
            let status = status.unwrap_or(&Value::Null);
            // Of a pod whose node is not seen the condition tells when that began, and nothing of its containers.
            let changed = condition(pod, "ContainersReady").filter(|_| specs == "/spec/containers" && lost.is_none());
            let changed = changed.and_then(|changed| time(changed, "/lastTransitionTime"));
            lanes.push(container_lane(text(spec, "/name"), status, (begins, changed), &mut moments));
        }
    }
    if let Some(lost) = lost {
        lanes.iter_mut().for_each(|lane| lane.end_at(lost));
    }
    if let Some(deleted) = time(pod, "/metadata/deletionTimestamp") {
        moments.push(moment(deleted, Tone::Warn, "", ("deleted", "its containers were told to end")));
    }
    moments.sort_by_key(|moment| moment.at);
    let begins = moments.first().map_or(begins, |first| first.at.min(begins));
    Some(Life { begins, lanes, moments })
}

fn moment(at: Timestamp, tone: Tone, container: &str, (what, says): (&str, &str)) -> Moment {
    Moment { at, tone, container: container.to_owned(), what: what.to_owned(), says: says.trim().to_owned() }
}

/// `spec.containers{web}` is `web`.
fn container_of(event: &Value) -> &str {
    let path = text(event, "/involvedObject/fieldPath");
    path.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}')).unwrap_or_default()
}

fn from_event(event: &Value, moments: &mut Vec<Moment>) {
    let Some(last) = event_last_seen(event) else { return };
    let tone = if text(event, "/type") == "Warning" { Tone::Warn } else { Tone::Plain };
    let (count, reason, message) = (event_count(event), text(event, "/reason"), text(event, "/message"));
    if count > 1 {
        if let Some(first) = event_first_seen(event).filter(|first| *first < last) {
            moments.push(moment(first, tone, container_of(event), (reason, message)));
        }
        let says = format!("{} (seen {count} times)", message.trim());
        moments.push(moment(last, tone, container_of(event), (reason, &says)));
    } else {
        moments.push(moment(last, tone, container_of(event), (reason, message)));
    }
}

fn pod_lane(pod: &Value, begins: Timestamp, moments: &mut Vec<Moment>) -> Lane {
    let ready = condition(pod, "Ready");
    let changed = ready.and_then(|ready| time(ready, "/lastTransitionTime"));
    let is_ready = ready.is_some_and(|ready| text(ready, "/status") == "True");
    let has_ended = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
    let after = match (has_ended, is_ready) {
        (true, _) => Stage::Ended,
        (_, true) => Stage::Ready,
        _ => Stage::Failing,
    };
    let Some(changed) = changed.filter(|changed| *changed > begins) else {
        let stage = if is_ready || has_ended { after } else { Stage::Waiting };
        return Lane { name: String::new(), stretches: vec![Stretch { from: begins, until: None, stage }] };
    };
    let is_lost = lost_at(pod).is_some();
    let word = match is_ready {
        true => ("ready", "every container is ready"),
        false if is_lost => ("not seen", "its node stopped answering; what came after nobody knows"),
        false => ("not ready", "a container stopped being ready"),
    };
    moments.push(moment(
        changed,
        if is_ready { Tone::Ok } else { Tone::Warn },
        "",
        if has_ended { ("ended", "its containers ended") } else { word },
    ));
    // Before its first container started it can only have waited; whether it was ready in between nobody kept.
    let started = moments.iter().filter(|moment| moment.what == "Started").map(|moment| moment.at).min();
    let started = started.unwrap_or(changed).clamp(begins, changed);
    let was_ready = || list(pod, "/status/containerStatuses").iter().all(|status| flag(status, "/ready"));
    let before = match is_ready {
        true => Stage::Waiting,
        false if is_lost && was_ready() => Stage::Ready,
        false => Stage::Running,
    };
    let mut stretches = vec![
        Stretch { from: begins, until: Some(started), stage: Stage::Waiting },
        Stretch { from: started, until: Some(changed), stage: before },
        Stretch { from: changed, until: None, stage: after },
    ];
    stretches.retain(|stretch| stretch.until.is_none_or(|until| until > stretch.from));
    Lane { name: String::new(), stretches }
}

/// A start or an end of a container, in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    End,
    Start,
}

/// `changed` is when all containers became ready, or not all of them were any more: before that nobody kept whether this one was.
fn container_lane(
    name: &str,
    status: &Value,
    (begins, changed): (Timestamp, Option<Timestamp>),
    moments: &mut Vec<Moment>,
) -> Lane {
    let mut turns: Vec<(Timestamp, Turn)> = Vec::new();
    for moment in moments.iter().filter(|moment| moment.container == name) {
        match moment.what.as_str() {
            "Started" => turns.push((moment.at, Turn::Start)),
            // A container that is held back does not run.
            "Killing" | "BackOff" => turns.push((moment.at, Turn::End)),
            _ => {}
        }
    }
    for pointer in ["/state/terminated", "/lastState/terminated"] {
        let Some(ended) = at(status, pointer) else { continue };
        turns.extend(time(ended, "/startedAt").map(|at| (at, Turn::Start)));
        let Some(at) = time(ended, "/finishedAt") else { continue };
        turns.push((at, Turn::End));
        let code = number(ended, "/exitCode");
        let says = match text(ended, "/reason") {
            "OOMKilled" => "killed: it took more memory than its limit".to_owned(),
            _ => format!("with code {code}"),
        };
        moments.push(moment(at, if code == 0 { Tone::Done } else { Tone::Bad }, name, ("exited", &says)));
    }
    let running = time(status, "/state/running/startedAt");
    turns.extend(running.map(|at| (at, Turn::Start)));
    turns.sort();
    // The event of a start and the status name the same start, seldom in the same second.
    turns.dedup_by(|next, kept| next.1 == kept.1 && next.0.duration_since(kept.0).as_secs() <= 2);
    let has_ended = at(status, "/state/terminated").is_some();
    let is_ready = status.get("ready") == Some(&Value::Bool(true));
    let mut stretches = Vec::new();
    let mut from = (begins, Stage::Waiting);
    let last = turns.len().saturating_sub(1);
    for (at, (when, turn)) in turns.into_iter().enumerate() {
        stretches.push(Stretch { from: from.0, until: Some(when), stage: from.1 });
        let stage = match turn {
            Turn::Start if at == last && running.is_some() && is_ready => Stage::Ready,
            Turn::Start if at == last && running.is_some() && status.get("ready").is_some() => Stage::Failing,
            Turn::Start => Stage::Running,
            Turn::End if at == last && has_ended => Stage::Ended,
            Turn::End => Stage::Waiting,
        };
        from = (when, stage);
        if let Some(changed) = changed.filter(|changed| matches!(stage, Stage::Ready | Stage::Failing) && *changed > when) {
            stretches.push(Stretch { from: when, until: Some(changed), stage: Stage::Running });
            from = (changed, stage);
        }
    }
    stretches.push(Stretch { from: from.0, until: None, stage: from.1 });
    stretches.retain(|stretch| stretch.until.is_none_or(|until| until > stretch.from));
    Lane { name: name.to_owned(), stretches }
}

#[cfg(test)]
mod tests;
