//! The manifest editor: no text is ever lost, and the daemon's word is shown.

use super::{Bench, live};
use crate::console::app::msg::{Msg, Wire};
use crate::console::app::overlay::Overlay;
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
fn a_manifest_goes_to_the_namespace_it_names_whichever_one_is_looked_at() {
    let mut web = super::pod("web", &json!({"running": {}}), true, 0);
    web["metadata"]["namespace"] = json!("team-1");
    for looked_at in ["all", "team-1", "team-2,team-1"] {
        let mut bench = Bench::new(80, 30);
        bench.wire(Wire::Put(Kind::Pod, Box::new(super::row(Kind::Pod, &web))));
        bench.write(&format!(":ns {looked_at}")).press("enter").write(":edit pod team-1/web").press("enter ctrl-s");
        let Some((id, Request::Replace(replace))) = bench.asked() else { panic!("nothing was sent: {}", bench.picture()) };
        assert_eq!(replace.namespace, "team-1", "{looked_at}");
        // What the daemon says is there to its last word.
        let said = format!("{} and this is the end of it", "a long sentence of the daemon ".repeat(4));
        bench.wire(Wire::Answer(id, Err(Failure::Refused(Box::new(Status::bad_request(said))))));
        assert!(bench.shows("end of it"), "{}", bench.picture());
    }
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

fn newer(labels: &serde_json::Value, version: &str) -> Response {
    let mut pod = super::pods().remove(1);
    pod["metadata"]["labels"] = labels.clone();
    pod["metadata"]["resourceVersion"] = json!(version);
    Response::Object { object: Box::new(pod), warnings: Vec::new(), outcome: String::new() }
}

/// Opens the second pod, puts a comment above its text and another label in, and sends it.
fn refused(bench: &mut Bench, label: &str) -> u32 {
    bench.press("j e").write("# mine").press("enter");
    bench.press("ctrl-x /").write("app: web").press("enter end").write(label).press("ctrl-s");
    let Some((id, Request::Replace(_))) = bench.asked() else { panic!("nothing was sent:\n{}", bench.picture()) };
    bench.wire(Wire::Answer(id, Err(Failure::Refused(Box::new(Status::stale(Kind::Pod, "bravo"))))));
    let Some((id, Request::Get(get))) = bench.asked() else { panic!("the newer object is not asked for") };
    assert_eq!(get.object.name, "bravo");
    id
}

#[test]
fn both_changes_are_merged_when_the_object_changed_meanwhile() {
    let mut bench = Bench::new(100, 50);
    let id = refused(&mut bench, "  # here");
    bench.wire(Wire::Answer(id, Ok(newer(&json!({"app": "web", "team": "shop"}), "9"))));
    let merged = text(&bench);
    assert!(merged.contains("# mine\n") && merged.contains("app: web  # here") || bench.shows("whose lines?"), "{merged}");
    if bench.shows("whose lines?") {
        bench.press("down down enter");
    }
    let merged = text(&bench);
    assert!(merged.contains("# here") && merged.contains("team: shop") && merged.contains("resourceVersion: \"9\""), "{merged}");
    bench.press("ctrl-s");
    let Some((_, Request::Replace(replace))) = bench.asked() else { panic!("it was not sent again") };
    assert_eq!(replace.object["metadata"]["resourceVersion"], "9");
}

#[test]
fn a_pod_that_only_went_on_is_no_change_to_decide_about() {
    let mut bench = Bench::new(100, 50);
    let id = refused(&mut bench, "  # here");
    bench.wire(Wire::Answer(id, Ok(newer(&json!({"app": "web"}), "9"))));
    let Some((id, Request::Replace(check))) = bench.asked() else { panic!("it was not sent again: {}", bench.picture()) };
    assert_eq!((check.dry_run, &check.object["metadata"]["resourceVersion"]), (DryRun::Yes, &json!("9")));
    assert!(text(&bench).contains("app: web  # here"), "{}", text(&bench));
    bench.wire(Wire::Answer(id, Ok(object("replaced", "9"))));
    assert!(bench.shows("Replace pod/bravo?"), "and asked as ever: {}", bench.picture());
}

#[test]
fn where_both_changed_the_same_line_one_is_asked_and_may_leave_it() {
    let mut bench = Bench::new(100, 50);
    let id = refused(&mut bench, "2");
    let before = text(&bench);
    bench.wire(Wire::Answer(id, Ok(newer(&json!({"app": "shop"}), "9"))));
    assert!(bench.shows("whose lines?") && bench.shows("app: web2") && bench.shows("app: shop"), "{}", bench.picture());
    bench.press("esc");
    assert_eq!(text(&bench), before, "esc leaves the text as it was");
    bench.press("ctrl-s");
    let Some((id, Request::Replace(_))) = bench.asked() else { panic!("nothing was sent") };
    bench.wire(Wire::Answer(id, Err(Failure::Refused(Box::new(Status::stale(Kind::Pod, "bravo"))))));
    let Some((id, Request::Get(_))) = bench.asked() else { panic!("the newer object is not asked for") };
    bench.wire(Wire::Answer(id, Ok(newer(&json!({"app": "shop"}), "9"))));
    bench.press("down enter");
    let merged = text(&bench);
    assert!(merged.contains("app: shop") && !merged.contains("web2") && merged.contains("# mine"), "{merged}");
}

#[test]
fn what_differs_is_shown_before_a_live_object_is_replaced() {
    let mut bench = Bench::new(100, 50);
    bench.press("j e ctrl-x /").write("app: web").press("enter end").write("2").press("ctrl-s");
    let Some((id, Request::Replace(check))) = bench.asked() else { panic!("nothing was sent") };
    assert_eq!(check.dry_run, DryRun::Yes);
    bench.wire(Wire::Answer(id, Ok(object("replaced", "7"))));
    assert!(
        bench.shows("Replace pod/bravo?") && bench.shows("-    app: web") && bench.shows("+    app: web2"),
        "{}",
        bench.picture()
    );
    bench.press("esc");
    assert_eq!(bench.asked().map(|(last, _)| last), Some(id), "nothing was applied");
    bench.press("ctrl-s");
    let (id, _) = bench.asked().expect("it is checked again");
    bench.wire(Wire::Answer(id, Ok(object("replaced", "7"))));
    bench.press("enter");
    let Some((_, Request::Replace(replace))) = bench.asked() else { panic!("it was not replaced") };
    assert_eq!(replace.dry_run, DryRun::No);
}

#[test]
fn fields_are_completed_and_explained() {
    let mut bench = Bench::new(100, 40);
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: c\n    image: x\n";
    bench.take(Msg::Read(PathBuf::from("/tmp/x.yaml"), Ok(manifest.to_owned())));
    assert!(bench.shows("● valid"), "{}", bench.picture());
    bench.press("ctrl-x /").write("image: x").press("enter");
    assert!(bench.shows("spec.containers.image <string>"), "{}", bench.picture());
    bench.press("end enter").write("workingD").press("tab");
    assert!(text(&bench).contains("    workingDir: \n"), "{}", text(&bench));
    bench.write("/x").press("enter").write("imagePullPolicy: If").press("tab");
    assert!(text(&bench).contains("imagePullPolicy: IfNotPresent"), "{}", text(&bench));
    bench.press("enter").write("por").press("tab").write("containerPort: 80");
    assert!(text(&bench).contains("    ports:\n    - containerPort: 80"), "{}", text(&bench));
    bench.press("enter ctrl-space");
    assert!(bench.shows("hostPort") && !bench.shows("containerPort  integer"), "{}", bench.picture());
    bench.write("proto").press("enter");
    assert!(text(&bench).contains("      protocol: "), "{}", text(&bench));
}
