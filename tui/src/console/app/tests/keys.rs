//! What keys do to the state, and what the state asks for.

use super::{Bench, live, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::Wire;
use crate::console::app::overlay::Overlay;
use crate::console::keys::file;
use crate::console::link::{Command, Failure, Standing};
use crate::console::screen::Screen;
use objects::{Kind, Status};
use serde_json::json;
use std::time::Duration;
use wire::{Request, Response};

fn current(bench: &Bench) -> String {
    match bench.app.screen() {
        Screen::List(list) => list.current(&bench.app.store).map(|row| row.key.name.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}

#[test]
fn rows_are_marked_by_number_and_from_one_to_another() {
    let mut bench = Bench::new(100, 20);
    let marks = |bench: &Bench| match bench.app.screen() {
        Screen::List(list) => list.marks.iter().map(|key| key.name[..1].to_owned()).collect::<String>(),
        _ => panic!("no list"),
    };
    bench.press("3 v");
    assert_eq!(marks(&bench), "abc");
    bench.press("u g g v j j ctrl-space");
    assert_eq!(marks(&bench), "abcd", "from the one marked last to here");
    bench.press("u G ctrl-space");
    assert_eq!(marks(&bench), "d", "where none is marked, the row alone");
    bench.press("2 k ctrl-space");
    assert_eq!(marks(&bench), "bcd");
    bench.press("u 9 v");
    assert_eq!(marks(&bench).len(), 3, "not more than there are");
}

/// What is typed before the terminal is in raw mode comes with line feeds, which are ctrl-j.
#[test]
fn a_line_feed_is_enter_where_it_is_nothing_else() {
    let mut bench = Bench::new(100, 30);
    bench.write(":pods all").press("ctrl-j");
    assert!(bench.app.overlay.is_none() && bench.line(0).contains("all namespaces"), "{}", bench.picture());
    bench.press("/").write("bravo").press("ctrl-j");
    assert!(bench.app.overlay.is_none() && bench.line(1).contains("/bravo"), "{}", bench.picture());
    bench.press("ctrl-j");
    assert!(bench.line(1).contains("pods › bravo"), "into the row: {}", bench.picture());
    bench.press("esc x f tab ctrl-j");
    assert!(bench.app.overlay.is_none() || bench.shows("is no port"), "the form is sent: {}", bench.picture());
    bench.press("esc x d tab");
    let asked = bench.effects.len();
    bench.press("ctrl-j");
    assert!(bench.app.overlay.is_none() && bench.effects.len() > asked, "the button with the focus: {}", bench.picture());
    bench.press("x d ctrl-y");
    assert!(bench.app.overlay.is_some(), "a letter with control says neither yes nor no");
    bench.press("ctrl-c ?");
    let first = bench.picture();
    bench.press("ctrl-j");
    assert_ne!(bench.picture(), first, "one line down, which it always was in such a box");
    assert!(bench.app.overlay.is_some());
}

#[test]
fn a_line_feed_can_be_given_something_else_to_do() {
    let mut bench = Bench::new(100, 30);
    let (keys, problems) = file::read("[list]\n\"ctrl-j\" = \"down\"\n\"ctrl-k\" = \"up\"\n");
    assert_eq!(problems, []);
    bench.app.keys = keys;
    bench.press("ctrl-j ctrl-j ctrl-k");
    assert_eq!(current(&bench), "bravo");
    bench.write(":nodes").press("ctrl-j");
    assert!(bench.line(1).contains("nodes"), "a line is still sent: {}", bench.picture());
}

#[test]
fn the_cursor_moves_by_rows_pages_and_counts() {
    let mut bench = Bench::new(80, 24);
    for (keys, name) in [
        ("j", "bravo"),
        ("2 j", "delta"),
        ("k", "charlie"),
        ("g g", "alpha"),
        ("G", "delta"),
        ("2 G", "bravo"),
        ("ctrl-d", "delta"),
        ("ctrl-b", "alpha"),
    ] {
        assert_eq!(
            current({
                bench.press(keys);
                &bench
            }),
            name,
            "after {keys}"
        );
    }
}

#[test]
fn the_cursor_stays_on_its_object_when_rows_come_and_go_above_it() {
    let mut bench = Bench::new(80, 24);
    bench.press("j j");
    assert_eq!(current(&bench), "charlie");
    let new = pod("aaa", &json!({"running": {}}), true, 0);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &new))));
    assert_eq!(current(&bench), "charlie");
    bench.wire(Wire::Remove(Kind::Pod, row(Kind::Pod, &super::pods()[0]).key));
    assert_eq!(current(&bench), "charlie");
    bench.wire(Wire::Remove(Kind::Pod, row(Kind::Pod, &super::pods()[2]).key));
    assert_eq!(current(&bench), "delta", "the row below takes the place of one that is gone");
}

#[test]
fn a_filter_narrows_while_it_is_typed_and_esc_takes_it_back() {
    let mut bench = Bench::new(80, 24);
    bench.press("/").write("crash");
    assert!(bench.shows("bravo") && !bench.shows("alpha"));
    bench.press("esc");
    assert!(bench.shows("alpha"));
    bench.press("/").write("!status:running").press("enter");
    assert!(!bench.shows("alpha") && bench.shows("3 of 4"), "{}", bench.picture());
    bench.press("esc");
    assert!(bench.shows("alpha"));
    bench.press("esc esc");
    assert!(bench.effects.is_empty(), "esc never leaves");
}

#[test]
fn sorting_by_a_column_and_back() {
    let mut bench = Bench::new(120, 24);
    let first = |bench: &Bench| bench.line(3).split_whitespace().nth(2).unwrap_or_default().to_owned();
    bench.press("g g l l l s");
    assert!(bench.shows("RESTARTS↑"), "{}", bench.picture());
    bench.press("s");
    assert_eq!(first(&bench), "bravo");
    bench.press("s");
    assert!(!bench.shows("↓") && first(&bench).ends_with("alpha"), "{}", bench.picture());
}

#[test]
fn a_shell_and_an_attached_container_with_the_whole_terminal_are_the_verbs() {
    use crate::console::app::rights::Rights;
    let mut bench = Bench::new(80, 24);
    let run = |bench: &mut Bench, keys: &str| {
        bench.effects.clear();
        bench.press(keys);
        bench.effects.iter().find_map(|effect| match effect {
            Effect::Run(words) => Some(words.join(" ")),
            _ => None,
        })
    };
    assert!(run(&mut bench, "j x S").is_some_and(|words| words.starts_with("exec -it bravo -n default -- sh -c ")));
    assert_eq!(run(&mut bench, "x A").as_deref(), Some("attach -it bravo -n default"));
    let inside = run(&mut bench, "enter x A").expect("a container is attached to");
    assert!(inside.starts_with("attach -it bravo -n default -c "), "{inside}");
    for rights in [Rights::new(true, false), Rights::new(true, true)] {
        bench.app.rights = rights;
        assert_eq!((run(&mut bench, "x S"), run(&mut bench, "x A")), (None, None));
    }
    // A program of the cluster is none of the machine.
    bench.app.rights = Rights::new(false, true);
    assert!(run(&mut bench, "x S").is_some() && run(&mut bench, "x A").is_some());
}

#[test]
fn deleting_asks_first_and_stands_on_cancel() {
    let mut bench = Bench::new(80, 24);
    bench.press("j x d");
    assert!(bench.shows("default/bravo") && bench.shows("[ Cancel ]"));
    bench.press("enter");
    assert!(bench.effects.is_empty() && bench.app.overlay.is_none());
    bench.press("x d tab enter");
    let Some((id, Request::Delete(request))) = bench.asked() else { panic!("nothing was asked") };
    assert_eq!(
        (request.object.name.as_str(), request.grace_period_seconds, request.uid.as_deref()),
        ("bravo", None, Some("uid-bravo"))
    );
    bench.wire(Wire::Answer(id, Err(Failure::Refused(Box::new(Status::not_found(Kind::Pod, "bravo"))))));
    assert!(bench.shows("pods \"bravo\" not found"));
}

#[test]
fn marked_pods_are_killed_together_by_one_y() {
    let mut bench = Bench::new(80, 24);
    bench.press("v v x k");
    assert!(bench.shows("Kill 2 pods?") && bench.shows("alpha") && bench.shows("bravo"));
    bench.press("y");
    let asked = bench.effects.iter().filter(|effect| matches!(effect, Effect::Link(Command::Ask { .. }))).count();
    assert_eq!(asked, 2);
    assert!(matches!(bench.asked(), Some((_, Request::Delete(request))) if request.grace_period_seconds == Some(0)));
}

#[test]
fn leaving_asks_once_and_only_on_the_first_screen() {
    let mut bench = Bench::new(80, 24);
    bench.press("enter q");
    assert!(bench.app.overlay.is_none() && bench.app.screens.len() == 1);
    bench.press("q");
    assert!(matches!(bench.app.overlay, Some(Overlay::Dialog(..))));
    bench.press("enter");
    assert!(matches!(bench.effects.as_slice(), [Effect::Quit]));
}

#[test]
fn one_goes_back_and_forward_through_screens() {
    let mut bench = Bench::new(80, 24);
    bench.press("j d");
    assert!(bench.shows("bravo describe"));
    bench.press("ctrl-o");
    assert!(!bench.shows("describe ") || bench.line(1).trim_start().starts_with("pods "));
    bench.press("]");
    assert!(bench.line(1).contains("bravo describe"));
    bench.press("D");
    assert!(bench.line(1).contains("bravo yaml") && bench.shows("kind: Pod"));
}

#[test]
fn commands_complete_and_name_namespaces() {
    let mut bench = Bench::new(80, 24);
    bench.press(":").write("nod").press("tab enter");
    assert!(bench.line(1).contains("nodes"));
    bench.write(":pods def").press("tab enter");
    assert!(bench.line(1).contains("pods in default"), "{}", bench.line(1));
    bench.write(":pods all /name:bravo").press("enter");
    assert!(bench.line(3).contains("bravo") && !bench.shows("alpha"));
    bench.write(":nonsense").press("enter");
    assert!(bench.shows("no command \"nonsense\""));
    bench.press(":").press("up up enter");
    assert!(bench.shows("/name:bravo"));
    bench.write(":theme light").press("enter");
    assert_eq!(bench.app.theme.name, "light");
}

#[test]
fn a_log_follows_pauses_and_goes_on_after_the_link_was_lost() {
    let mut bench = Bench::new(80, 10);
    bench.press("j o");
    let Some(Effect::Link(Command::Logs { id, request })) = bench.effects.pop() else { panic!("no log was asked for") };
    assert_eq!((request.pod.as_str(), request.container.as_deref(), request.follow), ("bravo", Some("web"), true));
    let line = |second: usize| format!("2026-03-01T12:00:{second:02}.000000000Z line {second}\n");
    bench.wire(Wire::Log(id, (0..30).map(line).collect::<String>().into_bytes()));
    assert!(bench.shows("line 29") && bench.shows("following"));
    bench.press("k");
    bench.wire(Wire::Log(id, line(30).into_bytes()));
    assert!(!bench.shows("line 30") && bench.shows("paused"));
    bench.wire(Wire::LogEnd(id, Some(Failure::Link("lost".to_owned()))));
    bench.wire(Wire::Standing(Standing::Lost { ago: Duration::ZERO, attempt: 0, error: String::new() }));
    bench.wire(Wire::Standing(live()));
    let Some(Effect::Link(Command::Logs { id, request })) = bench.effects.pop() else { panic!("the log does not go on") };
    assert_eq!(request.since_time.as_deref(), Some("2026-03-01T12:00:30.000000000Z"));
    bench.wire(Wire::Log(id, format!("{}{}", line(30), line(31)).into_bytes()));
    bench.press("G");
    assert!(bench.shows("32 lines") && bench.shows("line 31"), "{}", bench.picture());
    bench.press("/").write("line 2$").press("enter");
    assert!(bench.shows("line 2") && bench.shows("line 1") && bench.shows("line 3"), "a search keeps what is around");
    bench.press("t");
    assert!(bench.shows("2026-03-01T12:00:02"));
    bench.press("c");
    assert!(
        matches!(bench.effects.last(), Some(Effect::Link(Command::Logs { request, .. })) if request.container.as_deref() == Some("side"))
    );
    bench.press("q");
    assert!(matches!(bench.effects.last(), Some(Effect::Link(Command::End { .. }))));
}

#[test]
fn a_log_goes_on_when_its_container_is_started_again() {
    let mut bench = Bench::new(80, 10);
    bench.press("j o");
    let Some(Effect::Link(Command::Logs { id, .. })) = bench.effects.pop() else { panic!("no log was asked for") };
    bench.wire(Wire::Log(id, b"2026-03-01T12:00:00.000000000Z bye\n".to_vec()));
    bench.wire(Wire::LogEnd(id, None));
    assert!(bench.shows("ended"));
    let same = pod("bravo", &json!({"waiting": {"reason": "CrashLoopBackOff"}}), false, 3);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &same))));
    assert!(bench.effects.is_empty());
    let again = pod("bravo", &json!({"running": {}}), true, 4);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &again))));
    assert!(matches!(bench.effects.as_slice(), [Effect::Link(Command::Logs { request, .. })] if request.since_time.is_some()));
    assert!(bench.shows("bye") && bench.shows("following"));
}

#[test]
fn a_log_that_is_refused_is_asked_for_again_when_something_changed_and_not_at_once() {
    let mut bench = Bench::new(80, 10);
    let running = json!({"running": {}});
    let tell = |bench: &mut Bench, phase: &str| {
        let mut pod = pod("alpha", &running, true, 0);
        pod["status"]["phase"] = json!(phase);
        bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &pod))));
    };
    bench.press("g g o");
    let Some(Effect::Link(Command::Logs { id, .. })) = bench.effects.pop() else { panic!("no log was asked for") };
    bench.wire(Wire::Log(id, b"2026-03-01T12:00:00.000000000Z hello\n".to_vec()));
    // Its node falls silent: first the log's stream is refused, then everybody sees it.
    let refused = || Failure::Refused(Box::new(Status::unavailable("node oak cannot be reached")));
    bench.wire(Wire::LogEnd(id, Some(refused())));
    assert!(bench.effects.is_empty(), "not asked for again at once: {:?}", bench.effects);
    assert!(bench.shows("hello") && bench.shows("✕ cut off"), "{}", bench.picture());
    tell(&mut bench, "Running");
    tell(&mut bench, "Unknown");
    assert!(bench.effects.is_empty(), "{:?}", bench.effects);
    tell(&mut bench, "Running");
    assert!(matches!(bench.effects.as_slice(), [Effect::Link(Command::Logs { request, .. })] if request.since_time.is_some()));
    assert!(bench.shows("following"));
}

#[test]
fn a_description_follows_its_object_and_stays_when_that_is_gone() {
    let mut bench = Bench::new(80, 40);
    bench.press("g g D");
    let changed = pod("alpha", &json!({"waiting": {"reason": "Changed"}}), false, 1);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &changed))));
    assert!(bench.shows("Changed"));
    bench.wire(Wire::Remove(Kind::Pod, row(Kind::Pod, &changed).key));
    assert!(bench.shows("deleted") && bench.shows("Changed"));
}

#[test]
fn a_key_right_behind_esc_is_both_of_them() {
    let mut bench = Bench::new(80, 24);
    bench.press("d alt-j");
    assert_eq!(current(&bench), "bravo");
    bench.press("/").write("alpha").press("alt-:");
    assert!(matches!(&bench.app.overlay, Some(Overlay::Prompt(prompt)) if prompt.field.text().is_empty()));
}

#[test]
fn copying_asks_for_the_clipboard() {
    let mut bench = Bench::new(80, 24);
    bench.press("j y");
    assert!(matches!(bench.effects.last(), Some(Effect::Copy(text)) if text == "bravo"));
    bench.press("Y");
    assert!(matches!(bench.effects.last(), Some(Effect::Copy(text)) if text.contains("name: bravo")));
}

#[test]
fn the_palette_runs_what_it_finds() {
    let mut bench = Bench::new(100, 30);
    bench.press("j space space").write("yaml show").press("enter");
    assert!(bench.line(1).contains("bravo yaml"), "{}", bench.picture());
    let answer = Response::Done;
    bench.wire(Wire::Answer(999, Ok(answer)));
}

#[test]
fn labels_wake_the_console_only_when_one_changes() {
    let mut bench = Bench::new(120, 24);
    // One pod restarted 42 s ago: its label changes each second.
    let wake = bench.app.next_wake().expect("a young label");
    assert_eq!(wake.duration_since(bench.now).as_secs(), 1);
    bench.wait(3_600 * 30);
    let wake = bench.app.next_wake().expect("an old label");
    assert!(wake.duration_since(bench.now).as_secs() > 600);
    bench.wire(Wire::Rows(Kind::Pod, Vec::new()));
    assert_eq!(bench.app.next_wake(), None, "nothing on the screen, nothing to wake for");
}

#[test]
fn one_key_goes_to_what_fails() {
    let mut bench = Bench::new(80, 24);
    bench.press("n");
    assert_eq!(current(&bench), "bravo");
    bench.press("n");
    assert_eq!(current(&bench), "bravo", "it is the only one, so it goes round to it");
    bench.wire(Wire::Remove(Kind::Pod, row(Kind::Pod, &super::pods()[1]).key));
    bench.press("N");
    assert_eq!(current(&bench), "alpha", "nothing fails, so it is one to be looked at");
    bench.press("/").write("delta").press("enter n");
    assert!(bench.shows("every row is as it should be"), "{}", bench.picture());
}
