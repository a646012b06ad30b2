//! The manifest editor: no text is ever lost, and the daemon's word is shown.

use super::{Bench, live};
use crate::console::app::msg::{Msg, Wire};
use crate::console::app::state::Overlay;
use crate::console::link::{Failure, Standing};
use crate::console::screen::Screen;
use objects::{Kind, Status};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use wire::{DryRun, Request, Response};

fn text(bench: &Bench) -> String {
    match bench.app.screen() {
        Screen::Edit(edit) => edit.editor.text(),
        _ => panic!("the editor is not shown"),
    }
}

fn object(outcome: &str, version: &str) -> Response {
    let object = json!({"kind": "Pod", "metadata": {"name": "web", "resourceVersion": version}});
    Response::Object {
        object: Box::new(object),
        warnings: vec!["spec.x has no effect yet".to_owned()],
        outcome: outcome.to_owned(),
    }
}

#[test]
fn a_new_pod_is_checked_by_the_daemon_and_then_applied() {
    let mut bench = Bench::new(80, 30);
    bench.press("space n");
    assert!(bench.shows("edit new pod") && bench.shows("● valid"), "{}", bench.picture());
    bench.press("ctrl-s");
    let Some((id, Request::Apply(apply))) = bench.asked() else { panic!("nothing was sent") };
    assert_eq!((apply.dry_run, apply.namespace.as_str()), (DryRun::Yes, "default"));
    bench.wire(Wire::Answer(id, Ok(object("created", "1"))));
    let Some((id, Request::Apply(apply))) = bench.asked() else { panic!("it was not applied") };
    assert_eq!(apply.dry_run, DryRun::No);
    bench.wire(Wire::Answer(id, Ok(object("created", "1"))));
    assert!(bench.shows("pod/web created") && bench.shows("Warning: spec.x has no effect yet"), "{}", bench.picture());
    bench.press("esc");
    assert!(bench.app.overlay.is_none(), "nothing would be lost, so nothing is asked");
}

#[test]
fn a_refusal_keeps_the_text_and_names_every_fault() {
    let mut bench = Bench::new(80, 30);
    bench.press("space n x x").press("ctrl-x d");
    let before = text(&bench);
    let Some((id, _)) = bench.asked() else { panic!("nothing was sent") };
    let cause = objects::Cause {
        reason: "FieldValueInvalid".into(),
        message: "Invalid value: \"UP\"".into(),
        field: "metadata.name".into(),
    };
    bench.wire(Wire::Answer(id, Err(Failure::Refused(Box::new(Status::invalid(Kind::Pod, "UP", vec![cause]))))));
    assert!(bench.shows("metadata.name: Invalid value"), "{}", bench.picture());
    assert_eq!(text(&bench), before);
}

#[test]
fn a_manifest_that_cannot_be_read_is_not_sent_and_says_where() {
    let mut bench = Bench::new(80, 30);
    bench.take(Msg::Read(PathBuf::from("/tmp/x.yaml"), Ok("kind: Pod\nmetadata: [\n".to_owned())));
    assert!(bench.shows("fault"), "{}", bench.picture());
    bench.press("ctrl-x a");
    assert!(bench.asked().is_none());
    assert!(bench.shows("not sent"));
}

#[test]
fn leaving_with_unsaved_text_asks_and_stays_by_default() {
    let mut bench = Bench::new(80, 30);
    bench.press("space n").write("zz").press("esc");
    assert!(bench.shows("Leave the editor?"));
    bench.press("enter");
    assert!(text(&bench).contains("zz"));
    bench.press("ctrl-x c").write("q").press("enter");
    assert!(matches!(bench.app.overlay, Some(Overlay::Dialog(..))));
    bench.press("y");
    assert!(matches!(bench.app.screen(), Screen::List(_)));
}

#[test]
fn a_lost_link_costs_no_text() {
    let mut bench = Bench::new(80, 30);
    bench.press("space n").write("zz").press("ctrl-x a");
    let Some((id, _)) = bench.asked() else { panic!("nothing was sent") };
    bench.wire(Wire::Standing(Standing::Lost { ago: Duration::ZERO, attempt: 0, error: "gone".to_owned() }));
    bench.wire(Wire::Answer(id, Err(Failure::Link("the connection to the daemon was lost".to_owned()))));
    assert!(text(&bench).contains("zz") && bench.shows("apply it again"));
    bench.effects.clear();
    bench.press("ctrl-x a");
    assert!(bench.asked().is_none() && bench.shows("no link"));
    bench.wire(Wire::Standing(live()));
    bench.press("ctrl-x a");
    assert!(bench.asked().is_some());
    bench.press("q").write(":q").press("ctrl-x q");
    assert!(bench.shows("Leave the editor?"));
}

#[test]
fn a_live_object_is_replaced_with_the_version_that_was_read() {
    let mut bench = Bench::new(80, 40);
    bench.press("j e");
    assert!(text(&bench).contains("resourceVersion: \"7\"") && !text(&bench).contains("status:"));
    bench.press("ctrl-s");
    let Some((id, Request::Replace(replace))) = bench.asked() else { panic!("nothing was sent") };
    assert_eq!(replace.object["metadata"]["resourceVersion"], "7");
    bench.wire(Wire::Answer(id, Err(Failure::Refused(Box::new(Status::stale(Kind::Pod, "bravo"))))));
    assert!(bench.shows(":w! writes over"), "{}", bench.picture());
    bench.press("ctrl-x c").write("w!").press("enter");
    let Some((id, Request::Replace(replace))) = bench.asked() else { panic!("nothing was sent") };
    assert!(replace.object["metadata"].get("resourceVersion").is_none());
    bench.wire(Wire::Answer(id, Ok(object("replaced", "8"))));
    let Some((id, _)) = bench.asked() else { panic!("it was not replaced") };
    bench.wire(Wire::Answer(id, Ok(object("replaced", "8"))));
    assert!(text(&bench).contains("resourceVersion: \"8\""), "the next change needs the new version");
    bench.press("esc");
    assert!(bench.app.overlay.is_none());
}

#[test]
fn a_pasted_manifest_goes_in_as_it_is() {
    let mut bench = Bench::new(80, 40);
    bench.take(Msg::Read(PathBuf::from("/tmp/new.yaml"), Ok(String::new())));
    bench.take(Msg::Input(crate::console::term::input::Input::Paste("a:\n  b: 1\n  # c\n".to_owned())));
    assert_eq!(text(&bench), "a:\n  b: 1\n  # c\n");
}
