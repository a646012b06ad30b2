//! `skiff create` by words, `skiff edit` with an editor, against one daemon; kubectl says what a generator makes.

use end_to_end::kubectl::{Kubectl, LISTEN, programs};
use end_to_end::{World, is_skipped};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Output, Stdio};

/// Without what older kubectls write down as nothing.
fn tidy(text: &str) -> Value {
    let mut object: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|name, value| name != "creationTimestamp" || !value.is_null());
    }
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|name, value| !matches!(name.as_str(), "status" | "spec") || value != &serde_json::json!({}));
        fields.retain(|name, _| name != "status");
    }
    object
}

#[test]
fn what_words_make_is_what_kubectl_makes_of_them() {
    if is_skipped("what_words_make_is_what_kubectl_makes_of_them") {
        return;
    }
    let world = World::new(&["--listen", LISTEN]);
    let file = |name: &str, bytes: &[u8]| {
        let path = world.folder().join(name);
        std::fs::write(&path, bytes).expect("written");
        path.to_string_lossy().into_owned()
    };
    let (text, binary, env) =
        (file("greeting.txt", b"hello\n"), file("blob", &[0, 159, 146]), file("vars", b"# mine\nA=1\nB=x=y\n"));
    let (from_text, from_blob) = (format!("--from-file={text}"), format!("--from-file=data.bin={binary}"));
    let from_env = format!("--from-env-file={env}");
    let registry = ["secret", "docker-registry", "reg", "--docker-server=r.io", "--docker-username=me", "--docker-password=pw"];
    let commands: [&[&str]; 11] = [
        &["namespace", "shop"],
        &["configmap", "conf", "--from-literal=a=1", "--from-literal=b=x=y", &from_text, &from_blob],
        &["cm", "vars", &from_env],
        &["configmap", "empty", "-n", "kube-public"],
        &["secret", "generic", "pass", "--from-literal=user=me", &from_blob],
        &["secret", "generic", "typed", "--type=example.com/x", &from_env],
        &registry,
        &["serviceaccount", "robot"],
        &["priorityclass", "high", "--value=1000", "--description=for the shop", "--preemption-policy=Never"],
        &["service", "clusterip", "web", "--tcp=80:8080", "--tcp=443"],
        &["service", "clusterip", "peers", "--clusterip=None"],
    ];
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        for words in commands {
            let words = [&["create"], words, &["--dry-run=client", "-o", "json"]].concat();
            let (ours, theirs) = (world.skiff(&words).ok(), kubectl.run(&words).ok());
            assert_eq!(tidy(&ours), tidy(&theirs), "{program:?} {words:?}");
        }
    }
    for words in commands {
        let words = [&["create"], words].concat();
        let tried = world.skiff(&[&words[..], &["--dry-run=server", "-o", "yaml"]].concat()).ok();
        assert!(tried.contains("\n  uid: "), "{words:?}: {tried}");
        assert!(world.skiff(&words).ok().ends_with(" created\n"), "{words:?}");
        let again = world.skiff(&words).fails();
        assert!(again.contains("already exists"), "{words:?}: {again}");
    }
    let again = world.skiff(&["create", "configmap", "conf"]).fails();
    assert_eq!(again, "error: failed to create configmap: configmaps \"conf\" already exists\n");
    let data = world.skiff(&["get", "cm", "conf", "-o", "jsonpath={.data}"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&data).expect("JSON")["greeting.txt"], "hello\n", "{data}");
    let wrong = world.skiff(&["create", "configmap", "x", "--from-literal=novalue"]).fails();
    assert_eq!(wrong, "error: invalid literal source novalue, expected key=value\n");
    let both = world.skiff(&["create", "-f", &text, "namespace", "x"]).fails();
    assert!(both.contains("give either -f or what to create"), "{both}");
    let manifest = world.skiff(&["create", "cm", "conf", "--from-literal=a=2", "--dry-run=client", "-o", "yaml"]).ok();
    let differs = world.skiff_with(&["diff", "-f", "-"], &manifest);
    assert_eq!((differs.code, differs.stderr.as_str()), (1, ""), "{differs:?}");
    assert!(differs.stdout.contains("\n-  a: \"1\"\n+  a: \"2\"\n"), "{differs:?}");
    let _ = world.skiff_with(&["apply", "-f", "-"], &manifest).ok();
    assert_eq!(world.skiff_with(&["diff", "-f", "-"], &manifest).ok(), "");
    assert!(world.skiff(&["api-versions"]).ok().lines().any(|line| line == "scheduling.k8s.io/v1"));
    // A flag before what is made counts as well.
    assert_eq!(world.skiff(&["create", "--dry-run=client", "ns", "nothing"]).ok(), "namespace/nothing created (dry run)\n");
    assert!(world.skiff(&["get", "ns", "nothing"]).fails().contains("not found"));
}

/// A world with a ConfigMap, and editors for it.
struct Editing {
    world: World,
}

impl Editing {
    fn new() -> Self {
        let world = World::new(&[]);
        let _ = world.skiff(&["create", "configmap", "conf", "--from-literal=colour=red", "--from-literal=size=big"]).ok();
        Self { world }
    }

    /// `skiff edit` with a script for an editor: `$1` is the file, `$N` how often it was opened, `$SKIFF` this program.
    fn edit(&self, script: &str) -> Output {
        let editor = self.world.folder().join("editor");
        let count = self.world.folder().join("count");
        std::fs::write(&count, "").expect("written");
        let text = format!(
            "#!/bin/sh\nSKIFF={}\necho >>{count}\nN=$(wc -l <{count})\n{script}\n",
            self.world.skiff_path().display(),
            count = count.display()
        );
        std::fs::write(&editor, text).expect("written");
        std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        let mut command = self.world.skiff_command(&["edit", "configmap", "conf"]);
        command.env("EDITOR", &editor).env_remove("KUBE_EDITOR").env("TMPDIR", self.world.folder());
        command.output().expect("skiff runs")
    }

    fn opened(&self) -> usize {
        std::fs::read_to_string(self.world.folder().join("count")).expect("a count").lines().count()
    }

    fn data(&self, key: &str) -> String {
        self.world.skiff(&["get", "cm", "conf", "-o", &format!("jsonpath={{.data.{key}}}")]).ok()
    }
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn an_edit_changes_what_was_changed() {
    if is_skipped("an_edit_changes_what_was_changed") {
        return;
    }
    let editing = Editing::new();
    let unchanged = said(&editing.edit("true"));
    assert_eq!(unchanged, (0, String::new(), "Edit cancelled, no changes made.\n".to_owned()));
    let emptied = said(&editing.edit(": >$1"));
    assert_eq!(emptied, (0, String::new(), "Edit cancelled, no changes made.\n".to_owned()));
    let changed = said(&editing.edit("grep -q '^# Please edit' $1 && sed -i s/red/blue/ $1"));
    assert_eq!(changed, (0, "configmap/conf edited\n".to_owned(), String::new()));
    assert_eq!(editing.data("colour"), "blue");
    let (code, _, complaint) = said(&editing.edit("exit 3"));
    assert_eq!(code, 1);
    assert!(complaint.contains("there was a problem with the editor"), "{complaint}");
    assert_eq!(editing.data("colour"), "blue");
}

#[test]
fn an_edit_that_is_refused_is_opened_again_and_kept_when_given_up() {
    if is_skipped("an_edit_that_is_refused_is_opened_again_and_kept_when_given_up") {
        return;
    }
    let editing = Editing::new();
    // The second time the reason stands at its head, and it is repaired.
    let script = "if [ $N = 1 ]; then sed -i 's/colour: red/colour: [red]/' $1; else grep -q '^# Error from server' $1 && sed -i 's/\\[red\\]/green/' $1; fi";
    assert_eq!(said(&editing.edit(script)), (0, "configmap/conf edited\n".to_owned(), String::new()));
    assert_eq!((editing.opened(), editing.data("colour")), (2, "green".to_owned()));
    // No YAML, and saved again as it is.
    let (code, _, complaint) = said(&editing.edit("[ $N != 1 ] || printf 'data: [\\n' >>$1"));
    assert_eq!((code, editing.opened()), (1, 2), "{complaint}");
    let kept = complaint.split("stored to \"").nth(1).and_then(|rest| rest.split('"').next()).map(PathBuf::from);
    let kept = std::fs::read_to_string(kept.expect("where it is kept")).expect("it is kept");
    assert!(kept.contains("data: [\n") && kept.contains("colour: green"), "{kept}");
    assert_eq!(editing.data("colour"), "green");
}

#[test]
fn an_edit_meets_what_others_change_meanwhile() {
    if is_skipped("an_edit_meets_what_others_change_meanwhile") {
        return;
    }
    let editing = Editing::new();
    // Another line: both changes hold, and nobody is asked.
    let elsewhere = "$SKIFF patch cm conf --type=merge -p '{\"data\":{\"size\":\"small\"}}' >/dev/null; sed -i s/red/blue/ $1";
    assert_eq!(said(&editing.edit(elsewhere)), (0, "configmap/conf edited\n".to_owned(), String::new()));
    assert_eq!((editing.opened(), editing.data("colour"), editing.data("size")), (1, "blue".to_owned(), "small".to_owned()));
    // The same line: it is opened again with theirs as a comment.
    let same = "if [ $N = 1 ]; then $SKIFF patch cm conf --type=merge -p '{\"data\":{\"colour\":\"pink\"}}' >/dev/null; sed -i s/blue/green/ $1\n\
                else grep -q '^#   colour: pink' $1 && grep -q '^  colour: green' $1 || : >$1; fi";
    assert_eq!(said(&editing.edit(same)), (0, "configmap/conf edited\n".to_owned(), String::new()));
    assert_eq!((editing.opened(), editing.data("colour")), (2, "green".to_owned()));
    // It is gone.
    let (code, _, complaint) = said(&editing.edit("$SKIFF delete cm conf >/dev/null; sed -i s/green/red/ $1"));
    assert_eq!(code, 1);
    assert!(complaint.contains("not found") && complaint.contains("stored to"), "{complaint}");
}

/// What is answered to a request over a new connection.
fn asked(port: u16, head: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).expect("written");
    let mut answer = String::new();
    // The client does not say that it is the last: the proxy does.
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn the_api_is_plain_http_behind_a_proxy() {
    if is_skipped("the_api_is_plain_http_behind_a_proxy") {
        return;
    }
    let world = World::new(&[]);
    let mut command = world.skiff_command(&["proxy", "--port=0"]);
    let mut proxy = command.stdout(Stdio::piped()).spawn().expect("skiff runs");
    let mut told = String::new();
    BufReader::new(proxy.stdout.take().expect("a pipe")).read_line(&mut told).expect("a line");
    let port: u16 =
        told.trim().strip_prefix("Starting to serve on 127.0.0.1:").and_then(|port| port.parse().ok()).expect("a port");
    let nodes = asked(port, "GET /api/v1/nodes HTTP/1.1\r\nHost: localhost");
    assert!(nodes.starts_with("HTTP/1.1 200") && nodes.contains("\"name\":\"node1\""), "{nodes}");
    let body = r#"{"metadata":{"name":"by-proxy"},"data":{"a":"1"}}"#;
    let head = format!(
        "POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(asked(port, &head).starts_with("HTTP/1.1 201"));
    assert_eq!(world.skiff(&["get", "cm", "by-proxy", "-o", "name"]).ok(), "configmap/by-proxy\n");
    assert!(asked(port, "GET /api HTTP/1.1\r\nHost: evil.example").starts_with("HTTP/1.1 403"));
    assert!(
        asked(port, "GET /api/v1/namespaces/default/pods/a/exec?command=sh HTTP/1.1\r\nHost: localhost")
            .starts_with("HTTP/1.1 403")
    );
    proxy.kill().and_then(|()| proxy.wait()).expect("it ends");
}
