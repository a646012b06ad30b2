//! The containers' part of the way: image, start, probes.

use super::{Lead, Step, newest_of, times};
use crate::console::model::row::Tone;
use objects::lookup::{flag, list, number, scalar, text, time};
use objects::printing::event_last_seen;
use serde_json::Value;

/// The steps of every container, init containers first.
pub fn all(pod: &Value, events: &[Value], steps: &mut Vec<Step>) {
    let mut is_held = false;
    for spec in list(pod, "/spec/initContainers") {
        let status = status(pod, "/status/initContainerStatuses", spec);
        let is_sidecar = text(spec, "/restartPolicy") == "Always";
        let word = if is_sidecar { "sidecar" } else { "init" };
        let step = one((spec, status), word, events, is_held);
        is_held |= step.tone != Tone::Ok && step.tone != Tone::Done;
        steps.push(step);
    }
    for spec in list(pod, "/spec/containers") {
        let status = status(pod, "/status/containerStatuses", spec);
        steps.push(one((spec, status), "container", events, is_held));
    }
}

fn status<'a>(pod: &'a Value, pointer: &str, spec: &Value) -> &'a Value {
    list(pod, pointer).iter().find(|status| status.get("name") == spec.get("name")).unwrap_or(&Value::Null)
}

fn one((spec, status): (&Value, &Value), word: &str, events: &[Value], is_held: bool) -> Step {
    let name = text(spec, "/name");
    let what = format!("{word} {name}");
    if let Some(running) = status.pointer("/state/running") {
        return running_step((spec, status), what, events).at(time(running, "/startedAt"));
    }
    if let Some(ended) = status.pointer("/state/terminated") {
        return ended_step(ended, what, word, name).at(time(ended, "/finishedAt"));
    }
    let reason = text(status, "/state/waiting/reason");
    let message = text(status, "/state/waiting/message");
    let image = text(spec, "/image");
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" => {
            let failed = newest_of(events, name, |reason| matches!(reason, "Failed" | "InspectFailed"));
            let says = format!("its image {image} cannot be had");
            let told = failed.map_or("", |event| text(event, "/message"));
            let step = Step::new(Tone::Bad, what, says).detail(if told.is_empty() { message } else { told });
            step.detail(advice_on_image(reason)).lead(Lead::Edit).lead(Lead::Events)
        }
        "CrashLoopBackOff" => crashing((spec, status), what, message),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            let step = Step::new(Tone::Bad, what, format!("it cannot be started: {reason}")).detail(message);
            step.lead(Lead::Edit).lead(Lead::Events)
        }
        _ if is_held => Step::new(Tone::Plain, what, "waits for the step before"),
        _ => {
            let pulling = newest_of(events, name, |reason| matches!(reason, "Pulling" | "Pulled"));
            let is_pulling = pulling.is_some_and(|event| text(event, "/reason") == "Pulling");
            let says = if is_pulling { format!("its image {image} is being pulled") } else { "is about to start".to_owned() };
            Step::new(Tone::Busy, what, says).at(pulling.and_then(event_last_seen)).detail(message)
        }
    }
}

fn advice_on_image(reason: &str) -> &'static str {
    match reason {
        "InvalidImageName" => "the name is no image reference: REGISTRY/NAME:TAG",
        "ErrImageNeverPull" => "imagePullPolicy is Never and the node has no such image: load it, or allow the pull",
        _ => "check name and tag, and whether the registry asks for credentials",
    }
}

/// Ended and waiting for its next start.
fn crashing((spec, status): (&Value, &Value), what: String, message: &str) -> Step {
    let name = text(spec, "/name");
    let last = status.pointer("/lastState/terminated").unwrap_or(&Value::Null);
    let count = number(status, "/restartCount");
    let times = if count == 1 { "1 restart".to_owned() } else { format!("{count} restarts") };
    let says = format!("it ends again and again ({times}); {}", how_it_ended(last));
    let step = Step::new(Tone::Bad, what, says).at(time(last, "/finishedAt")).detail(text(last, "/message").trim());
    let step = step.detail(meaning(last)).detail(message);
    step.lead(Lead::Log { container: name.to_owned(), is_previous: true }).lead(Lead::Edit)
}

fn ended_step(ended: &Value, what: String, word: &str, name: &str) -> Step {
    let log = Lead::Log { container: name.to_owned(), is_previous: false };
    if number(ended, "/exitCode") == 0 {
        let says = if word == "init" { "has done its work" } else { "ended well, with code 0" };
        return Step::new(Tone::Done, what, says).lead(log);
    }
    let step = Step::new(Tone::Bad, what, how_it_ended(ended)).detail(text(ended, "/message").trim()).detail(meaning(ended));
    step.lead(log).lead(Lead::Edit)
}

fn running_step((spec, status): (&Value, &Value), what: String, events: &[Value]) -> Step {
    let name = text(spec, "/name");
    let count = number(status, "/restartCount");
    let last = status.pointer("/lastState/terminated");
    let before = match last {
        Some(last) if count == 1 => format!("started once again; before, {}", how_it_ended(last)),
        Some(last) if count > 1 => format!("started {count} times again; before, {}", how_it_ended(last)),
        _ => String::new(),
    };
    let log = Lead::Log { container: name.to_owned(), is_previous: false };
    // A status without the field is of a container without such a probe.
    let is_starting = status.get("started").is_some_and(|started| started == false) && spec.get("startupProbe").is_some();
    if flag(status, "/ready") || (spec.get("readinessProbe").is_none() && !is_starting && status.get("ready").is_none()) {
        return Step::new(Tone::Ok, what, "runs and is ready").detail(before).lead(log);
    }
    let kind = if is_starting { "startupProbe" } else { "readinessProbe" };
    let Some(probe) = spec.get(kind) else {
        return Step::new(Tone::Busy, what, "runs; its node has not called it ready yet").detail(before).lead(log);
    };
    let unhealthy = newest_of(events, name, |reason| reason == "Unhealthy");
    let word = if is_starting { "startup" } else { "readiness" };
    let says = match unhealthy {
        Some(_) => format!("runs, and its {word} probe fails: {}", asks(probe)),
        None => format!("runs, and its {word} probe has not passed yet: {}", asks(probe)),
    };
    let tone = if unhealthy.is_some() { Tone::Bad } else { Tone::Busy };
    let step = Step::new(tone, what, says).detail(unhealthy.map_or("", |event| text(event, "/message")).trim());
    let step = step.detail(unhealthy.map_or_else(String::new, times)).detail(before);
    step.lead(Lead::Probes).lead(log).lead(Lead::Edit)
}

/// What a probe does, in a few words: `GET :8080/healthz`.
pub fn asks(probe: &Value) -> String {
    let port = |pointer: &str| probe.pointer(pointer).map(scalar).unwrap_or_default();
    match () {
        () if probe.get("httpGet").is_some() => {
            let scheme = if text(probe, "/httpGet/scheme") == "HTTPS" { "https" } else { "http" };
            format!("GET {scheme} :{}{}", port("/httpGet/port"), text(probe, "/httpGet/path"))
        }
        () if probe.get("tcpSocket").is_some() => format!("connect to :{}", port("/tcpSocket/port")),
        () if probe.get("grpc").is_some() => format!("grpc health check on :{}", port("/grpc/port")),
        () => {
            let words: Vec<&str> = list(probe, "/exec/command").iter().filter_map(Value::as_str).collect();
            format!("run {}", words.join(" "))
        }
    }
}

/// `exited with code 1 (Error)`.
fn how_it_ended(ended: &Value) -> String {
    let (code, reason) = (number(ended, "/exitCode"), text(ended, "/reason"));
    match reason {
        _ if ended.is_null() => "how it ended is not known".to_owned(),
        "OOMKilled" => "it took more memory than its limit and was killed".to_owned(),
        "" | "Error" | "Completed" => format!("it exited with code {code}"),
        reason => format!("it exited with code {code} ({reason})"),
    }
}

/// What an exit code says by itself (`bash(1)`, `signal(7)`).
fn meaning(ended: &Value) -> &'static str {
    if text(ended, "/reason") == "OOMKilled" {
        return "raise resources.limits.memory, or make it take less";
    }
    match number(ended, "/exitCode") {
        0 => "code 0 is a good end; a container that ends is started again by restartPolicy: Always",
        126 => "126: the program is there but may not be executed",
        127 => "127: the program was not found in the image",
        128 => "128: the runtime could not start the program",
        134 => "134: the program aborted itself (SIGABRT)",
        137 => "137: it was killed (SIGKILL): by its liveness probe, its grace period, or for memory",
        139 => "139: it reached for memory that is not its own (SIGSEGV)",
        143 => "143: it was asked to end (SIGTERM)",
        _ => "the program itself chose this code; its log says why",
    }
}
