//! Containers with an input or a terminal, and pods that are made to be attended: attach, run, debug.

use end_to_end::{Cluster, Console, World, eventually, is_skipped};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

const IMAGE: &str = "skiff/demo:1.0";

fn world() -> World {
    let world = World::new(&[]);
    world.load_demo_image();
    world
}

/// A pod of one container with more fields than its image and a script.
fn create(world: &World, name: &str, script: &str, fields: &Value) {
    let mut container = json!({"name": "main", "image": IMAGE, "command": ["sh", "-c", script]});
    container.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    let spec = json!({"terminationGracePeriodSeconds": 1, "restartPolicy": "Never", "containers": [container]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec});
    let created = world.skiff_with(&["create", "-f", "-"], &pod.to_string());
    assert_eq!((created.code, created.stderr.as_str()), (0, ""), "it is run as it is written");
    world.wait_pod(name, "begun", |pod| pod["status"]["phase"] != "Pending");
}

fn phase(world: &World, name: &str, wanted: &str) {
    world.wait_pod(name, wanted, |pod| pod["status"]["phase"] == wanted);
}

#[test]
fn what_is_attached_is_heard_by_the_container_and_by_all_who_listen() {
    if is_skipped("what_is_attached_is_heard_by_the_container_and_by_all_who_listen") {
        return;
    }
    let mut world = world();
    create(&world, "kept", "echo hello; while read line; do echo got $line; done", &json!({"stdin": true}));
    let mut listener = world.skiff_command(&["attach", "kept"]);
    let mut listener = listener.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("skiff runs");
    let mut heard = BufReader::new(listener.stdout.take().expect("its output is a pipe")).lines();
    let mut next = || heard.next().expect("a line").expect("text");
    assert_eq!(next(), "hello", "what was said before anybody came");
    // Our input ends; the container's does not, and so it goes on, whoever else goes.
    let mut writer = world.skiff_command(&["attach", "-i", "kept"]);
    let mut writer = writer.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("skiff runs");
    let mut input = writer.stdin.take().expect("its input is a pipe");
    input.write_all(b"one\n").expect("it is written");
    assert_eq!(next(), "got one");
    let mut own = BufReader::new(writer.stdout.take().expect("its output is a pipe")).lines();
    assert_eq!(own.next().expect("a line").expect("text"), "got one");
    writer.kill().and_then(|()| writer.wait()).expect("it is killed");
    listener.kill().and_then(|()| listener.wait()).expect("it is killed");
    // The daemon is replaced: the container has its input still.
    world.kill_daemon("-KILL");
    world.start_daemon();
    let mut writer = world.skiff_command(&["attach", "-i", "kept"]);
    let mut writer = writer.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("skiff runs");
    writer.stdin.as_mut().expect("its input is a pipe").write_all(b"two\n").expect("it is written");
    let mut own = BufReader::new(writer.stdout.take().expect("its output is a pipe")).lines();
    assert_eq!(own.next().expect("a line").expect("text"), "got two");
    writer.kill().and_then(|()| writer.wait()).expect("it is killed");
    assert_eq!(world.skiff(&["logs", "kept"]).ok(), "hello\ngot one\ngot two\n");

    // An input for one ends with it.
    create(&world, "once", "wc -c; echo over", &json!({"stdin": true, "stdinOnce": true}));
    assert_eq!(world.skiff_with(&["attach", "-i", "once"], "12345").ok(), "5\nover\n");
    phase(&world, "once", "Succeeded");
    let over = world.skiff(&["attach", "once"]).fails();
    assert_eq!(over, "error: cannot attach a container in a completed pod; current phase is Succeeded\n");
}

#[test]
fn a_terminal_of_a_container_outlives_whoever_attaches_and_the_daemon() {
    if is_skipped("a_terminal_of_a_container_outlives_whoever_attaches_and_the_daemon") {
        return;
    }
    let mut world = world();
    create(&world, "shell", "exec sh", &json!({"stdin": true, "tty": true}));
    let attach = "attach -it shell; echo code=$?; sleep 1000";
    let console = Console::run(&world, 100, 30, attach);
    console.type_text("mark=kept-$((40+2)); stty size; tty\n");
    let screen = console.wait_for("/dev/pts/");
    assert!(screen.contains("30 100"), "{screen}");
    console.resize(90, 25);
    console.type_text("stty size\n");
    console.wait_for("25 90");
    console.press(&["C-p"]);
    console.press(&["C-q"]);
    console.wait_for("code=0");
    drop(console);
    world.kill_daemon("-KILL");
    world.start_daemon();
    let console = Console::run(&world, 100, 30, attach);
    console.type_text("echo still $mark\n");
    console.wait_for("still kept-42");
    // What was typed for the container ends it, and the session with it.
    console.type_text("exit 4\n");
    console.wait_for("code=0");
    phase(&world, "shell", "Failed");
    assert!(world.skiff(&["logs", "shell"]).ok().contains("still kept-42"));
}

/// What `seq` writes.
fn numbers(last: u32) -> String {
    (1..=last).map(|number| format!("{number}\n")).collect()
}

/// What Ctrl-C does.
fn interrupt(program: &std::process::Child) {
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args(["-INT", &program.id().to_string()]).status().is_ok_and(|status| status.success()));
}

#[test]
fn a_pod_is_run_attended_and_taken_away() {
    if is_skipped("a_pod_is_run_attended_and_taken_away") {
        return;
    }
    let world = world();
    let image = format!("--image={IMAGE}");
    let run = |words: &[&str], input: &str| world.skiff_with(&[&["run"], words].concat(), input);
    let ran = run(&["a", &image, "-i", "--rm", "--restart=Never", "-q", "--", "cat"], "all of it\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "all of it\n"), "{ran:?}");
    assert!(world.get("pod", "a").is_err(), "it is gone");
    // One that is quicker than we are is heard all the same, and its code is ours.
    let ran = run(&["b", &image, "--attach", "--rm", "--restart=Never", "--command", "--", "sh", "-c", "echo quick; exit 3"], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "quick\npod \"b\" deleted from default namespace\n"), "{ran:?}");
    let console = Console::run(
        &world,
        100,
        30,
        &format!("run c -it --rm {image} --restart=Never --env=COLOUR=green -- sh; echo code=$?; sleep 1000"),
    );
    console.wait_for("If you don't see a command prompt, try pressing enter.");
    console.type_text("echo its $COLOUR; tty\n");
    console.wait_for("its green");
    console.type_text("exit 5\n");
    let screen = console.wait_for("code=5");
    assert!(screen.contains("pod \"c\" deleted"), "{screen}");
    // Ctrl-C of an attended pod takes it away, too.
    let mut left = world.skiff_command(&["run", "d", &image, "--attach", "--rm", "--restart=Never", "--", "sleep", "1000"]);
    let mut left = left.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("skiff runs");
    phase(&world, "d", "Running");
    interrupt(&left);
    assert_eq!(left.wait().expect("it ends").code(), Some(130));
    assert!(world.get("pod", "d").is_err(), "it is gone");

    let plain = run(&["e", &image, "--port=80", "-l", "app=e,tier=x", "--", "sleep", "1000"], "");
    assert_eq!((plain.stdout.as_str(), plain.code), ("pod/e created\n", 0), "{plain:?}");
    let pod = world.get("pod", "e").expect("a pod");
    assert_eq!(
        (&pod["metadata"]["labels"], &pod["spec"]["containers"][0]["args"]),
        (&json!({"app": "e", "tier": "x"}), &json!(["sleep", "1000"]))
    );
    let shown = run(&["f", &image, "--dry-run=client", "-o", "yaml", "--overrides={\"spec\":{\"nodeName\":\"n9\"}}"], "").ok();
    assert!(shown.contains("nodeName: n9") && shown.contains("run: f"), "{shown}");
    for (words, why) in [
        (vec!["x"], "error: --image is required\n"),
        (vec!["x", &image, "-t"], "error: -i/--stdin is required for containers with -t/--tty=true\n"),
        (vec!["x", &image, "--rm"], "error: --rm should only be used for attached containers\n"),
        (vec!["x", &image, "--env", "=a"], "error: invalid env: =a\n"),
    ] {
        assert_eq!(run(&words, "").fails(), why);
    }
}

#[test]
fn who_attends_a_pod_hears_it_from_its_first_byte() {
    if is_skipped("who_attends_a_pod_hears_it_from_its_first_byte") {
        return;
    }
    let world = world();
    let image = format!("--image={IMAGE}");
    let run = |name: &str, script: &str| {
        world.skiff(&["run", name, &image, "--attach", "--rm", "--restart=Never", "-q", "--command", "--", "sh", "-c", script])
    };
    let numbers = numbers(100_000);
    for round in 0..5 {
        let ran = run(&format!("quick{round}"), "seq 100000; echo but >&2; printf unended; exit 3");
        assert_eq!((ran.code, ran.stderr.lines().next()), (3, Some("but")), "round {round}");
        let said = ran.stdout.strip_suffix("unended").unwrap_or_default();
        assert!(said == numbers, "round {round}: {} bytes of {}", said.len(), numbers.len());
    }
}

#[test]
fn who_attends_a_pod_hears_it_at_once_and_whole_though_its_log_is_small() {
    if is_skipped("who_attends_a_pod_hears_it_at_once_and_whole_though_its_log_is_small") {
        return;
    }
    let world = World::new(&["--log-max-size=64Ki", "--log-max-files=2"]);
    world.load_demo_image();
    let image = format!("--image={IMAGE}");
    let command = |name: &str, script: &str| {
        let words = ["run", name, &image, "--attach", "--rm", "--restart=Never", "-q", "--command", "--", "sh", "-c", script];
        let mut command = world.skiff_command(&words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    // Much more than the log keeps, and more than waits for us before we come.
    let said = command("much", "seq 400000; exit 3").output().expect("skiff runs");
    let all = numbers(400_000);
    assert!(said.stdout == all.as_bytes(), "{} bytes of {}", said.stdout.len(), all.len());
    assert_eq!(said.status.code(), Some(3));
    // One who reads slowly gets what was written last, though container and pod have long ended.
    let mut slow = command("slow", "seq 300000").spawn().expect("skiff runs");
    let mut output = slow.stdout.take().expect("its output is a pipe");
    let (mut heard, mut piece) = (Vec::new(), [0; 64 << 10]);
    loop {
        let count = output.read(&mut piece).expect("it is read");
        if count == 0 {
            break;
        }
        heard.extend_from_slice(&piece[..count]);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let all = numbers(300_000);
    assert!(heard == all.as_bytes(), "{} bytes of {}", heard.len(), all.len());
    assert_eq!(slow.wait().expect("it ends").code(), Some(0));
    // A line that has not ended is seen, and Ctrl-C takes the pod away all the same.
    let mut waiting = command("waiting", "printf 'ready? '; exec sleep 1000").spawn().expect("skiff runs");
    let mut heard = [0; 7];
    waiting.stdout.as_mut().expect("its output is a pipe").read_exact(&mut heard).expect("it is heard");
    assert_eq!(&heard, b"ready? ");
    interrupt(&waiting);
    assert_eq!(waiting.wait().expect("it ends").code(), Some(130));
    assert!(world.get("pod", "waiting").is_err(), "it is gone");
    // One that nobody was announced for is heard by its log.
    create(&world, "web", "exec sleep 1000", &json!({}));
    let words =
        ["debug", "web", &image, "--attach", "-c", "tools", "-q", "--", "sh", "-c", "echo one; echo two >&2; printf three"];
    let looked = world.skiff(&words);
    assert_eq!((looked.code, looked.stdout.as_str(), looked.stderr.as_str()), (0, "one\nthree", "two\n"), "{looked:?}");
}

#[test]
fn a_pod_is_looked_into_with_tools_that_it_has_not() {
    if is_skipped("a_pod_is_looked_into_with_tools_that_it_has_not") {
        return;
    }
    let world = world();
    create(&world, "web", "exec sleep 86401", &json!({}));
    let image = format!("--image={IMAGE}");
    let script = "ps -o args; hostname; read line; echo got $line";
    let words = ["debug", "web", &image, "--target=main", "-c", "tools", "-i", "-q", "--", "sh", "-c", script];
    let said = world.skiff_with(&words, "hello\n").ok();
    assert!(said.contains("sleep 86401") && said.contains("\nweb\n") && said.ends_with("got hello\n"), "{said}");
    let pod = world.wait_pod("web", "the ephemeral container has ended", |pod| {
        pod["status"]["ephemeralContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
    });
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(pod["spec"]["ephemeralContainers"][0]["targetContainerName"], "main");
    assert!(world.skiff(&["logs", "web", "-c", "tools"]).ok().ends_with("got hello\n"));
    let described = world.skiff(&["describe", "pod", "web"]).ok();
    assert!(described.contains("Ephemeral Containers:\n  tools:\n"), "{described}");
    let again = world.skiff(&["debug", "web", &image, "-c", "tools", "--", "true"]).fails();
    assert_eq!(again, "error: container \"tools\" already exists in pod \"web\": give another --container\n");
    let wrong = world.skiff(&["debug", "web", &image, "-c", "other", "--target=none", "--", "true"]).fails();
    assert!(wrong.contains("spec.ephemeralContainers[1].targetContainerName: Not found: \"none\""), "{wrong}");
    // Without a word of attaching it is made, and one that fails is told as such.
    let made = world.skiff(&["debug", "web", &image, "--", "no-such-program"]);
    assert!(made.code == 0 && made.stderr.starts_with("Defaulting debug container name to debugger-"), "{made:?}");
    world.wait_pod("web", "it cannot run", |pod| {
        let second = &pod["status"]["ephemeralContainerStatuses"][1]["state"];
        second["terminated"]["reason"] == "StartError" || second["waiting"]["reason"] == "RunContainerError"
    });

    // The node's own tools, in the pod's namespaces.
    let secret = world.folder().join("of-the-node");
    std::fs::write(&secret, "seen\n").expect("a file");
    let script = format!("hostname; cat {}; readlink /proc/self/ns/net; exit 3", secret.display());
    let ran = world.skiff(&["debug", "web", "--host-tools", "--", "sh", "-c", &script]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let inside = world.skiff(&["exec", "web", "--", "readlink", "/proc/self/ns/net"]).ok();
    assert_eq!(ran.stdout, format!("web\nseen\n{inside}"));
    let node = world.skiff(&["debug", "node/node1", "--", "cat", &secret.to_string_lossy()]).ok();
    assert_eq!(node, "seen\n");
    // A shell that nobody names reads what we say, and ends with it.
    assert_eq!(world.skiff_with(&["debug", "web", "--host-tools"], "echo $((6*7))\n").ok(), "42\n");
    let none = world.skiff(&["debug", "node/none"]).fails();
    assert_eq!(none, "Error from server (NotFound): nodes \"none\" not found\n");
}

#[test]
fn pods_of_another_node_are_attended_and_looked_into_all_the_same() {
    if is_skipped("pods_of_another_node_are_attended_and_looked_into_all_the_same") {
        return;
    }
    let cluster = Cluster::new(2);
    let image = format!("--image={IMAGE}");
    let there = "--overrides={\"spec\":{\"nodeName\":\"n2\"}}";
    let words = ["run", "far", &image, there, "-i", "--rm", "-q", "--restart=Never", "--", "cat"];
    assert_eq!(cluster.skiff_with("n1", &words, "there and back\n").ok(), "there and back\n");
    let _ = cluster.skiff("n1", &["run", "web", &image, there, "--", "sleep", "86402"]).ok();
    eventually("it runs", || {
        let pod = cluster.get("n1", "pod", "web")?;
        if pod["status"]["phase"] == "Running" { Ok(()) } else { Err(pod["status"].to_string()) }
    });
    let words = ["debug", "web", &image, "--target=web", "-i", "-q", "--", "sh", "-c", "read line; echo $line; ps -o args"];
    let said = cluster.skiff_with("n1", &words, "hello\n").ok();
    assert!(said.starts_with("hello\n") && said.contains("sleep 86402"), "{said}");
    assert_eq!(cluster.skiff("n1", &["debug", "web", "--host-tools", "--", "hostname"]).ok(), "web\n");
    assert!(cluster.skiff("n1", &["debug", "node/n2", "--", "ip", "-4", "addr"]).ok().contains(&cluster.address("n2")));
}

#[test]
fn the_console_steps_aside_for_a_shell_and_comes_back() {
    if is_skipped("the_console_steps_aside_for_a_shell_and_comes_back") {
        return;
    }
    let world = world();
    create(&world, "web", "exec sleep 86401", &json!({}));
    let console = Console::open(&world, 100, 30);
    console.wait_for("Running");
    console.press(&["x", "S"]);
    console.wait_until("a prompt", |screen| screen.contains('#') && !screen.contains("skiff"));
    console.type_text("touch /tmp/from-the-console; exit\n");
    console.wait_for("Running");
    let found = world.skiff(&["exec", "web", "--", "ls", "/tmp"]).ok();
    assert_eq!(found, "from-the-console\n");
    // Its keys are its own again.
    console.press(&["d"]);
    console.wait_for("Containers:");
}
