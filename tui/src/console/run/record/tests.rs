//! What a recording holds, what is taken out of it, and where it ends.

use super::{Head, Look, MAX_BYTES, Recorder, Whole, read, redact};
use crate::console::app::msg::{Msg, Wire};
use crate::console::term::caps::Depth;
use crate::console::term::input::{Gesture, Input, Mouse};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

fn redacted(mut object: Value) -> (Value, u64) {
    let count = redact::value(&mut object);
    (object, count)
}

fn text(text: &str) -> String {
    let mut out = text.to_owned();
    redact::text(&mut out);
    out
}

#[test]
fn what_is_secret_by_its_place_is_taken_out_and_nothing_else() {
    let secret = json!({"kind": "Secret", "metadata": {"name": "db"}, "type": "Opaque",
                        "data": {"user": "YWRh", "pass": "aHVudGVyMg=="}, "stringData": {"x": "hunter2"}});
    let (clean, count) = redacted(secret.clone());
    assert_eq!(count, 3);
    assert!(!clean.to_string().contains("aHVudGVyMg") && !clean.to_string().contains("hunter2"), "{clean}");
    assert!(clean["data"]["user"] == "UkVEQUNURUQ=" && clean["metadata"] == secret["metadata"] && clean["type"] == "Opaque");
    assert_eq!(redacted(clean.clone()), (clean, 0), "twice is once");
    let pod = json!({"kind": "Pod", "spec": {
        "serviceAccountName": "a", "automountServiceAccountToken": false, "imagePullSecrets": [{"name": "pull-secret"}],
        "volumes": [{"secret": {"secretName": "db"}}],
        "containers": [{"env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "HOST", "value": "db"},
                                {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "db", "key": "pass"}}}],
                        "args": ["--password=hunter2", "--verbose"]}]}});
    let (clean, count) = redacted(pod.clone());
    assert_eq!(count, 2, "{clean}");
    assert!(!clean.to_string().contains("hunter2"), "{clean}");
    assert_eq!(clean["spec"]["containers"][0]["args"][0], "--password=REDACTED");
    for place in [
        "/spec/volumes",
        "/spec/imagePullSecrets",
        "/spec/containers/0/env/1",
        "/spec/containers/0/env/2",
        "/spec/serviceAccountName",
    ] {
        assert_eq!(clean.pointer(place), pod.pointer(place), "{place}");
    }
    let applied = json!({"kind": "ConfigMap", "metadata": {"annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": secret.to_string()}}, "data": {"a": "b"}});
    let (clean, _) = redacted(applied);
    assert!(!clean.to_string().contains("aHVudGVyMg") && clean["data"]["a"] == "b", "{clean}");
    let (list, count) = redacted(json!({"items": [secret]}));
    assert!(count == 3 && !list.to_string().contains("hunter2"));
}

#[test]
fn what_is_secret_by_its_form_is_taken_out_of_texts() {
    for (before, after) in [
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer REDACTED"),
        ("token=abc123 next", "token=REDACTED next"),
        ("{\"password\": \"hunter2\", \"user\": \"ada\"}", "{\"password\": \"REDACTED\", \"user\": \"ada\"}"),
        ("postgres://ada:hunter2@db/x", "postgres://ada:REDACTED@db/x"),
        ("join with skiff1.abcdefgh.ijklmnop", "join with REDACTED"),
        ("a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln b", "a REDACTED b"),
        ("x\n-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\ny", "x\nREDACTED\ny"),
        ("-----BEGIN PRIVATE KEY-----\nMHcC", "REDACTED"),
        ("listening on :8080, 3 keys, a token bucket", "listening on :8080, 3 keys, a token bucket"),
        ("secretName: db", "secretName: db"),
    ] {
        assert_eq!(text(before), after);
        assert_eq!(text(after), after, "twice is once");
    }
    let manifest = "kind: Secret\nmetadata:\n  name: db\ndata:\n  pass: aHVudGVyMg==\n  long: |\n    aHVu\n    dGVy\ntype: Opaque\n---\nkind: ConfigMap\ndata:\n  a: b\n";
    let clean = text(manifest);
    assert!(!clean.contains("aHVu") && !clean.contains("dGVy"), "{clean}");
    assert!(clean.contains("name: db") && clean.contains("type: Opaque") && clean.contains("  a: b\n"), "{clean}");
}

#[test]
fn nothing_secret_reaches_the_file_whatever_brings_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    let head = Head::new(Timestamp::UNIX_EPOCH, (80, 24), "demo", Look::new("dark", Depth::Mono, false));
    let mut recorder = Recorder::create(&path, &Head { session: Some("password: hunter2".to_owned()), ..head }).expect("made");
    let secret = json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "db"}, "data": {"p": "aHVudGVyMg=="}});
    let row = || {
        let raw = serde_json::value::to_raw_value(&secret).expect("an object");
        crate::console::model::project::row(objects::Kind::Secret, &raw).expect("a row")
    };
    let object = Box::new(secret.clone());
    let response = wire::Response::Object { object, warnings: Vec::new(), outcome: String::new() };
    let messages = [
        Msg::Wire(Wire::Rows(objects::Kind::Secret, vec![row()])),
        Msg::Wire(Wire::Put(objects::Kind::Secret, Box::new(row()))),
        Msg::Wire(Wire::Answer(1, Ok(response))),
        Msg::Wire(Wire::Log(2, b"password=hunter2\n".to_vec())),
        Msg::Input(Input::Paste("token: hunter2".to_owned())),
        Msg::Input(Input::Mouse(Mouse { gesture: Gesture::Drag, x: 3, y: 4 })),
        Msg::Read("/a".into(), Ok("kind: Secret\nstringData:\n  a: hunter2\n".to_owned())),
    ];
    for (at, msg) in messages.iter().enumerate() {
        recorder.note(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(at as i64), msg);
    }
    let contents = recorder.finish().expect("written");
    assert_eq!((contents.redacted, contents.objects, contents.answers, contents.keys), (7, 2, 1, 2));
    let text = std::fs::read_to_string(&path).expect("read");
    assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
    let recording = read(&path).expect("read");
    assert_eq!((recording.whole, recording.events.len(), recording.contents), (Whole::Yes, 7, contents));
    for (_, event) in recording.events {
        event.into_msg().expect("it can be played");
    }
}

#[test]
fn what_a_program_in_a_pane_wrote_and_its_keys_are_played_again() {
    use crate::console::link::{Chunk, PaneEnd, PaneNews};
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    let head = Head::new(Timestamp::UNIX_EPOCH, (80, 24), "demo", Look::new("dark", Depth::Mono, false));
    let mut recorder = Recorder::create(&path, &head).expect("made");
    let key = |code, held| Msg::Input(Input::Key(KeyEvent::new(code, held)));
    let output = |bytes: &[u8]| Msg::Wire(Wire::Pane(3, PaneNews::Output(Chunk::new(bytes.to_vec(), None))));
    let messages = [
        Msg::Wire(Wire::Pane(3, PaneNews::Begun)),
        key(KeyCode::PageUp, KeyModifiers::SHIFT),
        key(KeyCode::F(5), KeyModifiers::NONE),
        key(KeyCode::Char(']'), KeyModifiers::CONTROL),
        key(KeyCode::BackTab, KeyModifiers::NONE),
        // A letter that was cut is none yet.
        output(b"\x1b[31m\xe6\x97"),
        Msg::Wire(Wire::Pane(3, PaneNews::Full)),
        Msg::Wire(Wire::Pane(3, PaneNews::Ended(PaneEnd::Exited(7)))),
        Msg::Wire(Wire::Pane(3, PaneNews::Ended(PaneEnd::Lost("reset".into())))),
    ];
    for msg in &messages {
        recorder.note(Timestamp::UNIX_EPOCH, msg);
    }
    recorder.note(Timestamp::UNIX_EPOCH, &output(b"password=hunter2\r\n"));
    assert_eq!(recorder.finish().expect("written").redacted, 1);
    let played: Vec<Msg> =
        read(&path).expect("read").events.into_iter().map(|(_, event)| event.into_msg().expect("it can be played")).collect();
    for (msg, played) in messages.iter().zip(&played) {
        assert_eq!(format!("{msg:?}"), format!("{played:?}"));
    }
    assert_eq!(played.len(), messages.len() + 1);
}

#[test]
fn a_recording_has_a_greatest_length_and_says_that_it_was_reached() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    let head = Head::new(Timestamp::UNIX_EPOCH, (80, 24), "demo", Look::new("dark", Depth::Mono, false));
    let mut recorder = Recorder::create(&path, &head).expect("made");
    let log = Msg::Wire(Wire::Log(1, vec![b'a'; 4 * 1024 * 1024]));
    for _ in 0..20 {
        recorder.note(Timestamp::UNIX_EPOCH, &log);
    }
    let contents = recorder.finish().expect("written");
    assert!(contents.full && contents.to_string().contains("64 MiB"), "{contents}");
    assert!(std::fs::metadata(&path).expect("a file").len() <= MAX_BYTES + 1024);
    assert_eq!(read(&path).expect("read").whole, Whole::Yes);
}
