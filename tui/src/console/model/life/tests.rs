//! The life of a pod on one axis.

use super::{Stage, of};
use crate::console::model::row::Tone;
use jiff::Timestamp;
use serde_json::{Value, json};

fn at(second: &str) -> Timestamp {
    format!("2026-01-01T00:{second}Z").parse().expect("a time")
}

fn event(reason: &str, first: &str, last: &str, count: i64) -> Value {
    json!({"reason": reason, "message": format!("{reason}!"), "type": if reason == "BackOff" { "Warning" } else { "Normal" }, "count": count,
        "firstTimestamp": at(first).to_string(), "lastTimestamp": at(last).to_string(),
        "involvedObject": {"fieldPath": "spec.containers{web}"}})
}

fn crashing() -> Value {
    json!({
        "metadata": {"name": "web", "creationTimestamp": at("00:00").to_string()},
        "spec": {"containers": [{"name": "web"}, {"name": "side"}]},
        "status": {"phase": "Running",
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": at("05:00").to_string()}],
            "containerStatuses": [{"name": "web", "restartCount": 3, "ready": false, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 2, "startedAt": at("09:00").to_string(), "finishedAt": at("09:30").to_string()}}},
                {"name": "side", "ready": true, "state": {"running": {"startedAt": at("00:10").to_string()}}}]},
    })
}

#[test]
fn what_status_and_events_know_is_put_on_one_axis() {
    let events = [event("Started", "00:05", "09:01", 4), event("BackOff", "03:00", "09:31", 7)];
    let life = of(&crashing(), &events).expect("it began");
    let [own, web, side] = life.lanes.as_slice() else { panic!("{life:?}") };
    let stages = |second: &str| (own.stage_at(at(second)), web.stage_at(at(second)), side.stage_at(at(second)));
    assert_eq!(stages("00:02"), (Some(Stage::Waiting), Some(Stage::Waiting), Some(Stage::Waiting)));
    assert_eq!(stages("00:20"), (Some(Stage::Running), Some(Stage::Running), Some(Stage::Ready)));
    assert_eq!(stages("09:10"), (Some(Stage::Failing), Some(Stage::Running), Some(Stage::Ready)));
    assert_eq!(stages("09:40"), (Some(Stage::Failing), Some(Stage::Waiting), Some(Stage::Ready)));
    assert_eq!(web.stage_at(Timestamp::UNIX_EPOCH), None);
    let told: Vec<_> = life.moments.iter().map(|moment| (moment.what.as_str(), moment.tone)).collect();
    let expected = [
        ("created", Tone::Plain),
        ("Started", Tone::Plain),
        ("BackOff", Tone::Warn),
        ("not ready", Tone::Warn),
        ("Started", Tone::Plain),
        ("exited", Tone::Bad),
        ("BackOff", Tone::Warn),
    ];
    assert_eq!(told, expected);
    assert!(life.moments[6].says.ends_with("(seen 7 times)"), "{:?}", life.moments[6]);
}

#[test]
fn a_container_is_not_told_to_have_been_ready_before_it_was() {
    let pod = |is_ready: bool| {
        json!({
            "metadata": {"name": "web", "creationTimestamp": at("00:00").to_string()},
            "spec": {"containers": [{"name": "web"}]},
            "status": {"phase": "Running",
                "conditions": [{"type": "ContainersReady", "status": is_ready.to_string(), "lastTransitionTime": at("03:00").to_string()}],
                "containerStatuses": [{"name": "web", "ready": is_ready, "state": {"running": {"startedAt": at("00:10").to_string()}}}]},
        })
    };
    for (is_ready, since) in [(true, Stage::Ready), (false, Stage::Failing)] {
        let life = of(&pod(is_ready), &[]).expect("it began");
        let stages = ["00:05", "02:59", "03:01"].map(|second| life.lanes[1].stage_at(at(second)));
        assert_eq!(stages, [Some(Stage::Waiting), Some(Stage::Running), Some(since)]);
    }
}

#[test]
fn what_nobody_sees_is_left_blank_and_no_container_is_said_to_have_failed() {
    let lost = |kind: &str| json!({"type": kind, "status": "False", "lastTransitionTime": at("03:00").to_string()});
    let pod = json!({
        "metadata": {"name": "web", "creationTimestamp": at("00:00").to_string()},
        "spec": {"containers": [{"name": "web"}]},
        "status": {"phase": "Unknown", "conditions": [lost("Ready"), lost("ContainersReady")],
            "containerStatuses": [{"name": "web", "ready": true, "state": {"running": {"startedAt": at("00:10").to_string()}}}]},
    });
    let life = of(&pod, &[event("Started", "00:10", "00:10", 1)]).expect("it began");
    for lane in &life.lanes {
        let stages = ["00:05", "00:20", "02:59", "03:01"].map(|second| lane.stage_at(at(second)));
        assert_eq!(stages, [Some(Stage::Waiting), Some(Stage::Ready), Some(Stage::Ready), None], "{lane:?}");
    }
    let last = life.moments.last().expect("it was lost");
    assert_eq!((last.what.as_str(), last.tone), ("not seen", Tone::Warn));
}

#[test]
fn stretches_follow_each_other_without_holes() {
    let events = [event("Started", "00:05", "09:01", 4), event("Killing", "08:59", "08:59", 1)];
    for lane in of(&crashing(), &events).expect("it began").lanes {
        assert!(lane.stretches.windows(2).all(|pair| pair[0].until == Some(pair[1].from)), "{lane:?}");
        assert_eq!(lane.stretches.last().map(|last| last.until), Some(None));
    }
}

#[test]
fn a_pod_that_has_just_come_waits_and_one_without_a_time_has_no_life() {
    let new = json!({"metadata": {"creationTimestamp": at("00:00").to_string()}, "spec": {"containers": [{"name": "web"}]}});
    let life = of(&new, &[]).expect("it began");
    assert!(life.lanes.iter().all(|lane| lane.stage_at(at("00:01")) == Some(Stage::Waiting)), "{life:?}");
    assert_eq!(of(&json!({}), &[]), None);
}
