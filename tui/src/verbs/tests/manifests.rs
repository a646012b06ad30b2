//! Manifests from files, folders and standard input: made, changed, tried, replaced.

use super::super::fake_daemon::{Done, FakeDaemon, run};
use super::{MANIFEST, failed, out, pod};
use objects::{Cause, Kind, Status};

#[tokio::test]
async fn manifests_are_created_from_files_folders_and_standard_input() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    let file = daemon.file("new.yaml", MANIFEST);
    assert_eq!(daemon.run(&["create", "-f", file.to_str().expect("UTF-8")]).await, out("pod/new created\n"));
    let again = daemon.run(&["create", "-f", file.to_str().expect("UTF-8")]).await;
    let expected = format!("Error from server (AlreadyExists): error when creating {file:?}: pods \"new\" already exists\n");
    assert_eq!(again, failed(&expected));
    let two = format!("{MANIFEST}---\n{}", MANIFEST.replace("name: new", "name: second"));
    let applied = daemon.run_with(&["apply", "-f", "-"], &two).await;
    assert_eq!(applied, out("pod/new unchanged\npod/second created\n"));
    daemon.file("folder/b.yml", &MANIFEST.replace("name: new", "name: b"));
    daemon.file("folder/inner/c.json", r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c"}}"#);
    daemon.file("folder/readme.txt", "no manifest");
    let folder = file.parent().expect("a folder").join("folder");
    let folder = folder.to_str().expect("UTF-8");
    assert_eq!(daemon.run(&["apply", "-f", folder]).await, out("pod/b created\n"));
    assert_eq!(daemon.run(&["apply", "-Rf", folder]).await, out("pod/b configured\npod/c created\n").with_any_first_line());
    assert_eq!(daemon.run(&["apply"]).await, failed("error: must specify one of -f and -k\n"));
    assert_eq!(daemon.run_with(&["apply", "-f", "-"], "").await, failed("error: no objects passed to apply\n"));
    assert_eq!(daemon.run(&["apply", "-f", "/nowhere"]).await, failed("error: the path \"/nowhere\" does not exist\n"));
}

#[tokio::test]
async fn one_document_that_fails_does_not_stop_the_next() {
    let daemon = FakeDaemon::start(Vec::new());
    let causes = vec![Cause {
        reason: "FieldValueInvalid".into(),
        message: "Invalid value".into(),
        field: "spec.containers[0].image".into(),
    }];
    daemon.refuse(Status::invalid(Kind::Pod, "new", causes));
    let two = format!("{MANIFEST}---\n{}", MANIFEST.replace("name: new", "name: second"));
    let applied = daemon.run_with(&["apply", "-f", "-"], &two).await;
    let err = "The Pod \"new\" is invalid: spec.containers[0].image: Invalid value (STDIN:8:5)\n";
    assert_eq!(applied, Done { code: 1, out: "pod/second created\n".into(), err: err.into() });
}

#[tokio::test]
async fn faults_of_a_file_are_named_with_line_and_column() {
    let daemon = FakeDaemon::start(Vec::new());
    let file = daemon.file("bad.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: [a\nspec: {}\n");
    let bad = daemon.run(&["apply", "-f", file.to_str().expect("UTF-8")]).await;
    assert_eq!((bad.code, bad.out.as_str()), (1, ""));
    let place = bad.err.strip_prefix(&format!("error: {}:", file.display())).expect("the file's name");
    assert!(place.split(':').take(2).all(|part| part.parse::<u32>().is_ok()), "{place}");
    daemon.refuse(Status::bad_request(
        "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \"spec.foo\"",
    ));
    let unknown = daemon.run_with(&["create", "-f", "-"], &format!("{MANIFEST}  foo: 1\n")).await;
    assert!(unknown.err.ends_with("strict decoding error: unknown field \"spec.foo\" (STDIN:9:3)\n"), "{}", unknown.err);
    let words = "json: cannot unmarshal bool into Go struct field Container.spec.containers.name of type string";
    daemon.refuse(Status::bad_request(format!("Pod in version \"v1\" cannot be handled as a Pod: {words}")));
    let misfit = daemon.run_with(&["create", "-f", "-"], &MANIFEST.replace("name: main", "name: yes")).await;
    assert!(misfit.err.ends_with(&format!("{words} (STDIN:7:5)\n")), "{}", misfit.err);
    let kind = daemon.run_with(&["create", "-f", "-"], "apiVersion: v1\nkind: Foo\nmetadata: {name: x}\n").await;
    assert!(kind.err.contains("no matches for kind \"Foo\" in version \"v1\""), "{}", kind.err);
    let none = daemon.run_with(&["create", "-f", "-"], "metadata: {name: x}\n").await;
    assert!(none.err.contains("apiVersion not set, kind not set"), "{}", none.err);
    let other = daemon.run_with(&["create", "-n", "a", "-f", "-"], &MANIFEST.replace("name: new", "namespace: b")).await;
    assert!(
        other.err.contains("the namespace from the provided object \"b\" does not match the namespace \"a\""),
        "{}",
        other.err
    );
}

#[tokio::test]
async fn a_dry_run_keeps_nothing() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    assert_eq!(
        daemon.run_with(&["create", "-f", "-", "--dry-run=server"], MANIFEST).await,
        out("pod/new created (server dry run)\n")
    );
    assert_eq!(daemon.run_with(&["apply", "-f", "-", "--dry-run=client"], MANIFEST).await, out("pod/new created (dry run)\n"));
    assert_eq!(
        daemon.run(&["delete", "pod", "a", "--dry-run=server"]).await,
        out("pod \"a\" deleted from default namespace (server dry run)\n")
    );
    assert_eq!(daemon.names(), ["a"]);
    // Client side, no daemon is needed.
    let local = run("/nowhere/skiffd.sock", &["create", "-f", "-", "--dry-run=client", "-o", "yaml"], MANIFEST).await;
    let expected = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: new\n  namespace: default\nspec:\n  containers:\n  - image: x\n    name: main\n";
    assert_eq!(local, out(expected));
}

#[tokio::test]
async fn replace_takes_the_place_of_what_is_there() {
    let daemon = FakeDaemon::start(vec![pod("new")]);
    assert_eq!(daemon.run_with(&["replace", "-f", "-"], MANIFEST).await, out("pod/new replaced\n"));
    let forced = daemon.run_with(&["replace", "--force", "-f", "-"], MANIFEST).await;
    assert_eq!(forced, out("pod \"new\" deleted from default namespace\npod/new replaced\n"));
}
