//! `patch`, `apply --server-side`, `delete --cascade`: what is asked of the daemon.

use super::{FakeDaemon, MANIFEST, failed, out, pod};
use serde_json::{Value, json};
use wire::{Patch, Propagation, Request};

#[tokio::test]
async fn a_patch_changes_a_part_of_an_object_in_each_form() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    let patched = async |form: &str, patch: &str| daemon.run(&["patch", "pod", "a", "--type", form, "-p", patch]).await;
    assert_eq!(patched("merge", r#"{"metadata":{"labels":{"x":"1"}}}"#).await, out("pod/a patched\n"));
    assert_eq!(patched("json", r#"[{"op":"add","path":"/metadata/labels/y","value":"2"}]"#).await, out("pod/a patched\n"));
    assert_eq!(patched("strategic", "spec:\n  containers:\n  - name: main\n    image: z\n").await, out("pod/a patched\n"));
    let json: Value = serde_json::from_str(&daemon.run(&["get", "pod", "a", "-o", "json"]).await.out).expect("JSON");
    assert_eq!(json["metadata"]["labels"], json!({"app": "a", "x": "1", "y": "2"}));
    assert_eq!(json["spec"]["containers"], json!([{"name": "main", "image": "z"}]));
    let same = daemon.run(&["patch", "pod/a", "--dry-run=client", "-p", "{}"]).await;
    assert_eq!(same, out("pod/a patched (no change) (dry run)\n"));
    assert_eq!(
        daemon.run(&["patch", "pod", "a"]).await,
        failed("error: must specify --patch or --patch-file containing the contents of the patch\n")
    );
    let missing = daemon.run(&["patch", "pod", "b", "-p", "{}"]).await;
    assert_eq!(missing, failed("Error from server (NotFound): pods \"b\" not found\n"));
    assert!(daemon.run(&["patch", "pod", "a", "-p", "{{"]).await.err.starts_with("error: unable to parse \"{{\""));
}

#[tokio::test]
async fn server_side_apply_names_its_manager() {
    let daemon = FakeDaemon::start(Vec::new());
    let done = daemon.run_with(&["apply", "--server-side", "--force-conflicts", "--field-manager=me", "-f", "-"], MANIFEST).await;
    assert_eq!(done, out("pod/new serverside-applied\n"));
    let asked = daemon.requests().into_iter().find_map(|request| match request {
        Request::Patch(patch) => Some(patch),
        _ => None,
    });
    let asked = asked.expect("it was asked");
    assert_eq!((asked.field_manager.as_str(), asked.object.name.as_str()), ("me", "new"));
    assert!(matches!(asked.patch, Patch::Apply { force: true, .. }));
}

#[tokio::test]
async fn what_becomes_of_dependents_is_passed_on() {
    for (flag, expected) in [
        ("--cascade", Propagation::Background),
        ("--cascade=foreground", Propagation::Foreground),
        ("--cascade=orphan", Propagation::Orphan),
        ("--wait=false", Propagation::Background),
    ] {
        let daemon = FakeDaemon::start(vec![pod("a")]);
        assert_eq!(daemon.run(&["delete", "pod", "a", flag]).await.code, 0);
        let propagation = daemon.requests().into_iter().find_map(|request| match request {
            Request::Delete(delete) => delete.options.propagation,
            _ => None,
        });
        assert_eq!(propagation, Some(expected), "{flag}");
    }
}
