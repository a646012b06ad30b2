//! kubectl beside a container: attach, run with a terminal, debug; with every kubectl that is there.

use end_to_end::kubectl::{Kubectl, LISTEN, programs};
use end_to_end::{Console, World, is_skipped};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

const IMAGE: &str = "--image=skiff/demo:1.0";

fn world() -> World {
    let world = World::new(&["--listen", LISTEN]);
    world.load_demo_image();
    world
}

#[test]
fn a_container_is_attached_to() {
    if is_skipped("a_container_is_attached_to") {
        return;
    }
    let world = world();
    let script = "echo hello; while read line; do echo got $line; done";
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let run = ["run", "kept", IMAGE, "--restart=Never", "--override-type=merge", "--overrides"];
        let overrides = format!(
            r#"{{"spec":{{"terminationGracePeriodSeconds":1,"containers":[{{"name":"main","image":"skiff/demo:1.0","stdin":true,"command":["sh","-c","{script}"]}}]}}}}"#
        );
        assert_eq!(kubectl.run(&[&run[..], &[&overrides]].concat()).ok(), "pod/kept created\n", "{program:?}");
        let _ = kubectl.run(&["wait", "pod/kept", "--for=jsonpath={.status.phase}=Running", "--timeout=60s"]).ok();
        for websockets in ["true", "false"] {
            let mut command = kubectl.command(&["attach", "-i", "kept"]);
            command.env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut attached = command.spawn().expect("kubectl runs");
            let mut lines = BufReader::new(attached.stdout.take().expect("a pipe")).lines();
            let mut input = attached.stdin.take().expect("a pipe");
            input.write_all(b"one\n").expect("written");
            let told = lines.by_ref().map(|line| line.expect("text")).find(|line| line.starts_with("got"));
            assert_eq!(told.as_deref(), Some("got one"), "{program:?}, websockets: {websockets}");
            attached.kill().and_then(|()| attached.wait()).expect("it ends");
        }
        assert_eq!(world.skiff(&["logs", "kept"]).ok(), "hello\ngot one\ngot one\n", "{program:?}: it lives, whoever goes");
        let wrong = kubectl.run(&["attach", "kept", "-c", "none"]).fails();
        assert!(wrong.contains("container none"), "{program:?}: {wrong}");
        let _ = kubectl.run(&["delete", "pod", "kept", "--now"]).ok();
    }
}

#[test]
fn a_pod_is_run_with_a_terminal_and_taken_away() {
    if is_skipped("a_pod_is_run_with_a_terminal_and_taken_away") {
        return;
    }
    let world = world();
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let ran =
            kubectl.feed(&["run", "a", IMAGE, "-i", "--rm", "-q", "--restart=Never", "--", "sh", "-c", "wc -c; exit 3"], "12345");
        assert_eq!((ran.code, ran.stdout.lines().next()), (3, Some("5")), "{program:?}: {ran:?}");
        let words = ["run", "b", IMAGE, "-it", "--rm", "--restart=Never", "--", "sh"];
        let console = Console::of(&world, 100, 30, &format!("{}; echo code=$?; sleep 1000", kubectl.line(&words)));
        console.wait_for("If you don't see a command prompt");
        console.type_text("echo seen-$((40+2)); stty size\n");
        let screen = console.wait_for("seen-42");
        assert!(!screen.contains("error"), "{program:?}: {screen}");
        console.wait_for("30 100");
        console.resize(90, 25);
        console.type_text("stty size\n");
        console.wait_for("25 90");
        console.type_text("exit 5\n");
        let screen = console.wait_for("code=");
        assert!(screen.contains("pod \"b\" deleted") && screen.contains("code=5"), "{program:?}: {screen}");
        assert!(world.get("pod", "b").is_err(), "{program:?}: it is gone");
    }
}

#[test]
fn a_pod_is_looked_into_with_a_container_that_is_added() {
    if is_skipped("a_pod_is_looked_into_with_a_container_that_is_added") {
        return;
    }
    let world = world();
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let _ = kubectl.run(&["run", "web", IMAGE, "--restart=Never", "--", "sleep", "86401"]).ok();
        let _ = kubectl.run(&["wait", "pod/web", "--for=condition=Ready", "--timeout=60s"]).ok();
        let words = ["debug", "web", IMAGE, "--target=web", "-c", "tools", "-it", "--", "sh"];
        let console = Console::of(&world, 100, 30, &format!("{}; echo code=$?; sleep 1000", kubectl.line(&words)));
        console.wait_for("Targeting container");
        console.type_text("ps -o args | grep 8640; hostname; echo mark-$((40+2))\n");
        let screen = console.wait_for("mark-42");
        assert!(screen.contains("\nsleep 86401") && screen.contains("\nweb\n"), "{program:?}: {screen}");
        console.type_text("exit\n");
        console.wait_for("code=0");
        drop(console);
        let pod: serde_json::Value =
            serde_json::from_str(&kubectl.run(&["get", "--raw", "/api/v1/namespaces/default/pods/web/ephemeralcontainers"]).ok())
                .expect("JSON");
        assert_eq!(pod["spec"]["ephemeralContainers"][0]["targetContainerName"], "web", "{program:?}");
        // An ephemeral container stays as it is.
        let mut changed = pod.clone();
        changed["spec"]["ephemeralContainers"][0]["image"] = "skiff/demo:other".into();
        let refused = kubectl
            .feed(
                &["replace", "--raw", "/api/v1/namespaces/default/pods/web/ephemeralcontainers", "-f", "-"],
                &changed.to_string(),
            )
            .fails();
        assert!(refused.contains("may not be changed"), "{program:?}: {refused}");
        let _ = kubectl.run(&["delete", "pod", "web", "--now"]).ok();
    }
}
