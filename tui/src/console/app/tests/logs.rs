//! Logs: several merged, filtered, as fields, from a chosen time on, with the events beside them.

use super::{Bench, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::Wire;
use crate::console::link::Command;
use crate::console::screen::Screen;
use objects::Kind;
use serde_json::json;

fn asked(bench: &Bench) -> Vec<(u32, wire::LogsRequest)> {
    let logs = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Link(Command::Logs { id, request }) => Some((*id, (**request).clone())),
        _ => None,
    });
    logs.collect()
}

fn line(second: u32, text: &str) -> Vec<u8> {
    format!("2026-03-01T12:00:{second:02}.000000000Z {text}\n").into_bytes()
}

#[test]
fn all_containers_are_merged_by_time_with_their_names() {
    let mut bench = Bench::new(90, 10);
    bench.press("j a");
    let asked = asked(&bench);
    assert_eq!(asked.iter().map(|(_, request)| request.container.as_deref()).collect::<Vec<_>>(), [Some("web"), Some("side")]);
    bench.wire(Wire::Log(asked[0].0, [line(1, "first"), line(5, "ERROR last")].concat()));
    bench.wire(Wire::Log(asked[1].0, line(3, "between")));
    insta::assert_snapshot!(bench.picture(), @r#"
    ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1                    ● live
    pods › bravo log all containers                                     3 lines  ● following
    web  │ first
    side │ between
    web  │ ERROR last




    F follow  w wrap  t times  p previous  c container  a all  & filter  / search  ? help
    "#);
    bench.effects.clear();
    bench.press("c");
    assert!(bench.line(1).contains("log web"), "{}", bench.picture());
    bench.press("c");
    assert!(bench.line(1).contains("log side"), "{}", bench.picture());
    bench.press("c");
    assert!(bench.line(1).contains("log all containers"), "{}", bench.picture());
}

#[test]
fn marked_pods_have_one_log_together() {
    let mut bench = Bench::new(110, 12);
    bench.press("v v o");
    assert_eq!(asked(&bench).len(), 4);
    assert!(bench.line(1).contains("logs of 2 pods"), "{}", bench.picture());
    let id = asked(&bench)[2].0;
    bench.wire(Wire::Log(id, line(1, "hello")));
    assert!(bench.shows("bravo/web"), "{}", bench.picture());
    bench.press("esc").write(":logs -l app=web").press("enter");
    assert!(bench.line(1).contains("logs of 4 pods"), "{}", bench.picture());
    bench.write(":logs -l app=none").press("enter");
    assert!(bench.shows("no pod has the labels"));
}

#[test]
fn a_filter_hides_lines_while_it_is_typed_and_esc_brings_them_back() {
    let mut bench = Bench::new(90, 12);
    bench.press("j o");
    let id = asked(&bench)[0].0;
    for second in 0..6 {
        bench.wire(Wire::Log(id, line(second, if second == 3 { "needle" } else { "hay" })));
    }
    bench.press("&").write("need");
    assert!(bench.shows("needle") && !bench.shows("hay"), "{}", bench.picture());
    bench.press("enter");
    assert!(bench.line(1).contains("&need  1 of 6 lines"), "{}", bench.picture());
    bench.press("C");
    assert!(bench.line(1).contains("±2  5 of 6 lines"), "{}", bench.picture());
    bench.wire(Wire::Log(id, line(9, "hay")));
    bench.press("esc");
    assert!(bench.line(1).contains("7 lines"), "{}", bench.picture());
    bench.press("&").write("!hay").press("enter");
    assert!(bench.line(1).contains("&!hay ±2  5 of 7"), "{}", bench.picture());
    bench.press("& ctrl-u").write("zzz").press("enter");
    assert!(bench.shows("no line of 7 passes the filter"), "{}", bench.picture());
}

#[test]
fn lines_that_are_json_are_chosen_by_their_fields() {
    let mut bench = Bench::new(80, 16);
    bench.press("j o");
    let id = asked(&bench)[0].0;
    for (second, level) in ["debug", "warn", "error"].into_iter().enumerate() {
        let said = format!(r#"{{"level":"{level}","msg":"said {level}"}}"#);
        bench.wire(Wire::Log(id, line(second as u32, &said)));
    }
    bench.press("&").write(".level>=warn");
    assert!(bench.shows("said warn") && bench.shows("said error") && !bench.shows("said debug"), "{}", bench.picture());
    bench.press("home").write("!").press("enter");
    assert!(!bench.shows("said warn") && bench.shows("said debug"), "{}", bench.picture());
}

#[test]
fn a_log_begins_where_one_chooses() {
    let mut bench = Bench::new(90, 12);
    bench.press("j o s");
    let last = |bench: &Bench| asked(bench).last().map(|(_, request)| (request.since_seconds, request.tail_lines.is_some()));
    assert_eq!(last(&bench), Some((Some(60), true)));
    assert!(bench.line(1).contains("last 60s"), "{}", bench.picture());
    bench.write(":since 2h").press("enter");
    assert_eq!(last(&bench), Some((Some(7_200), true)));
    bench.write(":since soon").press("enter");
    assert!(bench.shows("\"soon\" is no time"));
    bench.press("s s s");
    assert_eq!(last(&bench), Some((None, true)));
}

#[test]
fn json_is_shown_as_fields_and_a_mark_and_clearing_work() {
    let mut bench = Bench::new(90, 12);
    bench.press("j o");
    let id = asked(&bench)[0].0;
    bench.wire(Wire::Log(id, line(1, r#"{"level":"info","msg":"tick","n":3}"#)));
    bench.press("J");
    assert!(bench.shows("INFO  tick  n=3"), "{}", bench.picture());
    bench.write(":fields n,msg").press("enter");
    assert!(bench.shows("3  tick"), "{}", bench.picture());
    bench.press("M");
    assert!(bench.shows("──── 12:00:00 ────"), "{}", bench.picture());
    bench.press("K");
    assert!(!bench.shows("tick") && bench.line(1).contains("0 lines"), "{}", bench.picture());
    bench.wire(Wire::Log(id, line(2, "after")));
    bench.press("y");
    assert!(matches!(bench.effects.last(), Some(Effect::Copy(text)) if text == "after\n"), "{:?}", bench.effects.last());
}

#[test]
fn the_events_stand_beside_the_log() {
    let mut bench = Bench::new(90, 24);
    bench.press("j o E");
    assert!(bench.shows("events, newest first") && bench.shows("BackOff"), "{}", bench.picture());
    bench.press("E");
    assert!(!bench.shows("events, newest first"));
}

#[test]
fn the_container_that_fails_is_the_one_whose_log_is_opened() {
    let mut bench = Bench::new(90, 12);
    let mut failing = pod("bravo", &json!({"running": {}}), true, 0);
    let statuses = failing["status"]["containerStatuses"].as_array_mut().expect("statuses");
    statuses.push(json!({"name": "side", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 2}));
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &failing))));
    bench.press("j o");
    assert!(matches!(bench.app.screen(), Screen::Log(log) if log.container_name() == "side"), "{}", bench.picture());
}
