//! Back in time, and what changed.

use super::{Bench, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::Wire;
use crate::console::link::{Command, Failure};
use objects::{Kind, Status};
use serde_json::{Value, json};
use wire::{History, PastChange, Request, Response, WatchEventKind};

fn change(ago: i64, kind: WatchEventKind, object: &Value, before: Option<&Value>) -> PastChange {
    let raw = |object: &Value| serde_json::value::to_raw_value(object).expect("JSON");
    PastChange { at_ms: 1_000_000 - ago * 1_000, object_kind: Kind::Pod, kind, object: raw(object), before: before.map(raw) }
}

/// Four minutes ago a pod went, two minutes ago bravo began to crash.
pub fn history() -> Response {
    let gone = pod("zulu", &json!({"running": {}}), true, 0);
    let (was, is) = (pod("bravo", &json!({"running": {}}), true, 0), super::pods()[1].clone());
    let changes =
        vec![change(240, WatchEventKind::Deleted, &gone, Some(&gone)), change(120, WatchEventKind::Modified, &is, Some(&was))];
    Response::History(History { as_of_ms: 1_000_000, since_ms: 1_000_000 - 600_000, changes })
}

fn answer(bench: &mut Bench, result: Result<Response, Failure>) {
    let Some((id, Request::History(request))) = bench.asked() else { panic!("the past was not asked for") };
    assert_eq!(request.kinds, [Kind::Pod, Kind::Node]);
    bench.wire(Wire::Answer(id, result));
}

#[test]
fn one_steps_back_and_on_change_by_change() {
    let mut bench = Bench::new(110, 12);
    bench.press("<");
    answer(&mut bench, Ok(history()));
    assert!(bench.line(0).contains("◀ 11:56:00, 4m ago"), "{}", bench.picture());
    assert!(bench.line(1).contains("pod/zulu gone"), "{}", bench.picture());
    assert!(!bench.shows("CrashLoopBackOff"), "bravo ran then\n{}", bench.picture());
    bench.press("<");
    assert!(bench.shows("zulu") && bench.line(1).contains("as far back as the daemon knows"), "{}", bench.picture());
    bench.press("<");
    assert!(bench.shows("the daemon kept nothing from before this"), "{}", bench.picture());
    bench.press("> >");
    assert!(bench.shows("CrashLoopBackOff") && bench.shows("this is the present again"), "{}", bench.picture());
}

#[test]
fn a_moment_is_named_and_news_wait_for_the_present() {
    let mut bench = Bench::new(110, 14);
    bench.write(":at -3m").press("enter");
    answer(&mut bench, Ok(history()));
    assert!(bench.line(0).contains("◀ 11:57:00, 3m ago"), "{}", bench.picture());
    // Ages are those of then.
    assert!(bench.shows("57m"), "{}", bench.picture());
    let new = pod("newcomer", &json!({"running": {}}), true, 0);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &new))));
    assert!(!bench.shows("newcomer"), "{}", bench.picture());
    bench.effects.clear();
    bench.press("x d");
    assert!(bench.shows("this is the past"), "{}", bench.picture());
    bench.write(":at 11:55").press("enter");
    assert!(bench.line(0).contains("◀ 11:55:00"), "{}", bench.picture());
    bench.write(":at yesterday").press("enter");
    assert!(bench.shows("is no moment"), "{}", bench.picture());
    bench.press("esc");
    assert!(bench.shows("newcomer") && bench.shows("CrashLoopBackOff"), "{}", bench.picture());
}

#[test]
fn what_changed_is_told_field_by_field_and_leads_there() {
    let mut bench = Bench::new(110, 20);
    bench.write(":changes 3m").press("enter");
    answer(&mut bench, Ok(history()));
    assert!(bench.shows("CHANGES SINCE 11:57:00") && !bench.shows("zulu"), "{}", bench.picture());
    assert!(bench.shows("status.phase") || bench.shows("containerStatuses[web]"), "{}", bench.picture());
    bench.press("esc j H");
    answer(&mut bench, Ok(history()));
    assert!(bench.shows("CHANGES OF pod/bravo SINCE 11:50:00"), "{}", bench.picture());
    bench.effects.clear();
    bench.press("enter");
    answer(&mut bench, Ok(history()));
    assert!(bench.line(0).contains("◀ 11:58:00") && bench.line(1).contains("bravo"), "{}", bench.picture());
}

#[test]
fn a_daemon_that_knows_no_past_says_so() {
    let mut bench = Bench::new(110, 12);
    bench.press("<");
    answer(&mut bench, Err(Failure::Refused(Box::new(Status::bad_request("unknown variant")))));
    assert!(bench.shows("the past is not to be had"), "{}", bench.picture());
    bench.press(">");
    assert!(bench.shows("this is the present"), "{}", bench.picture());
    let empty = History { as_of_ms: 1_000_000, since_ms: 900_000, changes: Vec::new() };
    bench.effects.clear();
    bench.press("<");
    answer(&mut bench, Ok(Response::History(empty)));
    assert!(bench.shows("nothing changed since 11:58:20"), "{}", bench.picture());
    assert!(bench.effects.iter().all(|effect| matches!(effect, Effect::Link(Command::Ask { .. }))));
}
