//! A change that is refused in place: one box, then the object is deleted and made again; the text is never lost.

use super::{Bench, pod, row};
use crate::console::app::msg::Wire;
use crate::console::link::Failure;
use crate::console::screen::Screen;
use objects::{Cause, Kind, Status};
use serde_json::json;
use wire::{DryRun, Request, Response};

fn refusal() -> Failure {
    let message = "pod updates may not change fields other than `spec.containers[*].image`".to_owned();
    let cause = Cause { reason: "FieldValueForbidden".into(), message: message.clone(), field: "spec".into() };
    Failure::Refused(Box::new(Status::invalid(Kind::Pod, "bare", vec![cause])))
}

fn done() -> Result<Response, Failure> {
    Ok(Response::Object { object: Box::new(json!({})), warnings: vec![], outcome: "done".into() })
}

fn text(bench: &Bench) -> String {
    match bench.app.screen() {
        Screen::Edit(edit) => edit.editor.text(),
        _ => panic!("the editor is not shown:\n{}", bench.picture()),
    }
}

/// An editor of a bare pod whose change was refused.
fn refused() -> Bench {
    let mut bench = Bench::new(100, 40);
    let mut bare = pod("bare", &json!({"running": {}}), true, 0);
    bare["metadata"]["uid"] = json!("u-1");
    bare["spec"]["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &bare))));
    bench.press("/").write("bare").press("enter e");
    bench.press("ctrl-x /").write("image").press("enter").press("end").write("x");
    bench.press("ctrl-s");
    let Some((id, Request::Replace(_))) = bench.asked() else { panic!("nothing was sent:\n{}", bench.picture()) };
    bench.wire(Wire::Answer(id, Err(refusal())));
    bench
}

#[test]
fn one_key_deletes_the_pod_and_makes_it_again_from_the_text() {
    let mut bench = refused();
    for words in ["Make pod/bare again?", "cannot be changed so in place", "emptyDir volumes is lost"] {
        assert!(bench.shows(words), "{words}: {}", bench.picture());
    }
    bench.press("y");
    let Some((id, Request::Create(check))) = bench.asked() else { panic!("it was not checked first") };
    assert_eq!((check.dry_run, check.object["metadata"]["name"].as_str()), (DryRun::Yes, Some("bare-checked")));
    assert!(check.object["metadata"].get("uid").is_none() && check.object["spec"].get("nodeName").is_none());
    bench.wire(Wire::Answer(id, done()));
    let Some((id, Request::Delete(delete))) = bench.asked() else { panic!("it was not deleted") };
    assert_eq!((delete.object.name.as_str(), delete.uid.as_deref()), ("bare", Some("u-1")));
    bench.wire(Wire::Answer(id, done()));
    assert!(matches!(bench.asked(), Some((same, _)) if same == id), "it is not made while the old one ends");
    let key = bench.app.store.of(Kind::Pod).iter().find(|(_, row)| &*row.key.name == "bare").map(|(_, row)| row.key.clone());
    bench.wire(Wire::Remove(Kind::Pod, key.expect("it is there")));
    let Some((id, Request::Create(create))) = bench.asked() else { panic!("it was not made again") };
    assert_eq!((create.dry_run, create.object["metadata"]["name"].as_str()), (DryRun::No, Some("bare")));
    bench.wire(Wire::Answer(id, done()));
    assert!(bench.shows("pod/bare made again") && matches!(bench.app.screen(), Screen::List(_)), "{}", bench.picture());
}

#[test]
fn nothing_is_deleted_for_a_manifest_that_is_not_good() {
    let mut bench = refused();
    let before = text(&bench);
    bench.press("y");
    let Some((id, Request::Create(_))) = bench.asked() else { panic!("it was not checked first") };
    bench.wire(Wire::Answer(id, Err(Failure::Link("no such image: bare-checked".to_owned()))));
    assert!(bench.shows("nothing was deleted") && bench.shows("no such image: bare"), "{}", bench.picture());
    assert!(!bench.shows("bare-checked") && text(&bench) == before, "{}", bench.picture());
}

#[test]
fn whoever_cancels_has_the_text_and_the_reason() {
    let mut bench = refused();
    let before = text(&bench);
    bench.press("esc");
    assert!(text(&bench) == before && bench.shows("may not change fields"), "{}", bench.picture());
}

#[test]
fn a_text_whose_editor_was_left_comes_back_when_it_cannot_be_made() {
    let mut bench = refused();
    let before = text(&bench);
    bench.press("y");
    let (id, _) = bench.asked().expect("checked");
    bench.wire(Wire::Answer(id, done()));
    let (id, _) = bench.asked().expect("deleted");
    bench.press("esc y");
    assert!(matches!(bench.app.screen(), Screen::List(_)), "{}", bench.picture());
    let key = bench.app.store.of(Kind::Pod).iter().find(|(_, row)| &*row.key.name == "bare").map(|(_, row)| row.key.clone());
    bench.wire(Wire::Remove(Kind::Pod, key.expect("it is there")));
    bench.wire(Wire::Answer(id, done()));
    let (id, _) = bench.asked().expect("made");
    bench.wire(Wire::Answer(id, Err(Failure::Link("the link is lost".to_owned()))));
    let now = text(&bench);
    assert!(now.contains("busyboxx") || now.lines().count() + 2 >= before.lines().count(), "{now}");
    assert!(!now.contains("uid:") && bench.shows("the old one is gone"), "{}", bench.picture());
}

#[test]
fn a_pod_that_something_makes_is_not_offered_to_be_made_by_hand() {
    let mut bench = Bench::new(100, 40);
    let mut owned = pod("bare", &json!({"running": {}}), true, 0);
    owned["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u-2", "controller": true}]);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &owned))));
    bench.press("/").write("bare").press("enter e ctrl-s");
    let (id, _) = bench.asked().expect("sent");
    bench.wire(Wire::Answer(id, Err(refusal())));
    assert!(bench.app.overlay.is_none(), "{}", bench.picture());
}
