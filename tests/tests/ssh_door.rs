//! `skiffd --ssh-listen` and OpenSSH's own client: the console, verbs, who comes in and what is refused, and what is left of it.

use end_to_end::ssh::{SshClient, why_no_ssh};
use end_to_end::{Console, World, eventually, is_skipped};
use serde_json::json;
use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const PORT: u16 = 2222;

/// The first of the sessions' users.
const FIRST_USER: u32 = 1_900_000_000;

/// A world whose door lets in `viewer`, `operator` and `admin`, and not `nobody`.
fn world() -> (World, SshClient) {
    let client = SshClient::new(PORT, &["viewer", "operator", "admin", "nobody"]);
    let lines = [
        client.public("viewer"),
        format!("role=operator {}", client.public("operator")),
        format!("restrict,role=\"admin\" {}", client.public("admin")),
    ];
    std::fs::write(client.path("authorized_keys"), lines.join("\n")).expect("keys are written");
    let keys = client.path("authorized_keys").display().to_string();
    let world = World::new(&["--ssh-listen", "127.0.0.1:2222", "--ssh-authorized-keys", &keys]);
    let told = world.skiffd(&["ssh-host-key"]).ok();
    let line = told.lines().nth(1).expect("a line for known_hosts");
    assert!(told.starts_with("SHA256:") && line.starts_with("[node1]:2222 ssh-ed25519 "), "{told}");
    client.know(&line.replace("[node1]", "[127.0.0.1]"));
    world.load_demo_image();
    let _ = world.skiff_with(&["create", "-f", "-"], &pod("web", "sleep 1000")).ok();
    let _ = world.wait_ready("web");
    (world, client)
}

fn pod(name: &str, script: &str) -> String {
    let container = json!({"name": "main", "image": "skiff/demo:1.0", "command": ["sh", "-c", script]});
    let spec = json!({"terminationGracePeriodSeconds": 1, "containers": [container]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}).to_string()
}

fn skipped(test: &str) -> bool {
    if let Some(why) = why_no_ssh() {
        eprintln!("skipped: {test}: {why}");
        return true;
    }
    is_skipped(test)
}

/// What a client did: code, output, errors.
fn done(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn run(mut command: Command) -> (i32, String, String) {
    done(&command.stdin(Stdio::null()).output().expect("ssh runs"))
}

fn fed(mut command: Command, input: &[u8]) -> (i32, String, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("ssh runs");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("it ends");
    feeder.join().expect("it is fed");
    done(&output)
}

/// Processes of the sessions' users of this world's daemon, as the kernel tells of them.
fn of_sessions(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).and_then(|line| line.split_whitespace().next());
        let uid: u32 = uid.and_then(|uid| uid.parse().ok()).unwrap_or(0);
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let is_ours = String::from_utf8_lossy(&environment).contains(&world.folder().join("run/ssh").display().to_string());
        if (FIRST_USER..FIRST_USER + 100).contains(&uid) && is_ours {
            found.push(status);
        }
    }
    found
}

fn in_terminal(world: &World, client: &SshClient, key: &str, words: &str, (columns, lines): (u16, u16)) -> Console {
    let command = client.command(world, key, &[]);
    let mut all = vec![command.get_program().to_string_lossy().into_owned()];
    all.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    let host = all.pop().expect("a host");
    Console::of(world, columns, lines, &format!("{} -tt {host} {words}; echo the end $((6*7)); exec cat", all.join(" ")))
}

#[test]
fn the_console_comes_to_a_client_with_nothing_installed_and_follows_its_window() {
    if skipped("the_console_comes_to_a_client_with_nothing_installed_and_follows_its_window") {
        return;
    }
    let (world, client) = world();
    let console = in_terminal(&world, &client, "operator", "", (100, 30));
    console.wait_until("the console is there", |screen| screen.contains("live") && screen.contains("web"));
    for (columns, lines) in [(200, 60), (60, 15), (100, 30)] {
        console.resize(columns, lines);
        let last = |screen: &str| screen.lines().nth(usize::from(lines) - 1).unwrap_or_default().to_owned();
        console.wait_until(&format!("{columns}x{lines}"), |screen| screen.contains("web") && last(screen).contains("help"));
    }
    // Two at once, each with a process, a user and a socket of its own; the second only looks.
    let other = in_terminal(&world, &client, "viewer", "", (90, 25));
    other.wait_until("the second is there", |screen| screen.contains("live") && screen.contains("web"));
    assert_eq!(of_sessions(&world).len(), 2);
    let status = of_sessions(&world).join("\n");
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("CapEff:\t0000000000000000"), "{status}");
    other.press(&["C-d"]);
    other.wait_for("read-only");
    // It knows no file of the machine and runs none of its programs.
    console.type_text(":open /etc/passwd");
    console.press(&["Enter"]);
    let screen = console.wait_until("it says no", |screen| screen.contains("may not use files"));
    assert!(!screen.contains("root:"), "{screen}");
    // A shell in a container is of the cluster, not of the machine; the one who only looks has none.
    console.type_text(":pods");
    console.press(&["Enter"]);
    console.wait_for("web");
    console.press(&["x", "S"]);
    console.wait_until("a shell", |screen| screen.trim_end().ends_with(['#', '$']) && !screen.contains("live"));
    console.type_text("echo inside $((6*7)); hostname");
    console.press(&["Enter"]);
    console.wait_for("inside 42");
    console.type_text("exit");
    console.press(&["Enter"]);
    console.wait_until("the console is back", |screen| screen.contains("live") && screen.contains("web"));
    other.press(&["x", "s"]);
    other.wait_for("read-only");
    for console in [console, other] {
        console.type_text(":q!");
        console.press(&["Enter"]);
        console.wait_for("the end 42");
    }
    eventually("no session is left", || {
        if of_sessions(&world).is_empty() { Ok(()) } else { Err(format!("{:?}", of_sessions(&world))) }
    });
    let _ = world.skiff(&["delete", "pods", "--all", "--force", "--grace-period=0"]).ok();
}

#[test]
fn a_shell_in_a_pane_needs_nothing_but_the_line() {
    if skipped("a_shell_in_a_pane_needs_nothing_but_the_line") {
        return;
    }
    let (world, client) = world();
    let console = in_terminal(&world, &client, "operator", "", (100, 30));
    console.wait_until("the console is there", |screen| screen.contains("live") && screen.contains("web"));
    console.press(&["x", "s"]);
    console.wait_until("a prompt", |screen| screen.contains("web shell main") && screen.lines().any(|line| line.ends_with('#')));
    console.type_text("stty size; sleep 31339");
    console.press(&["Enter"]);
    console.wait_until("its size", |screen| screen.lines().any(|line| line == "27 100"));
    console.resize(120, 40);
    console.wait_until("a larger window", |screen| screen.lines().nth(39).is_some_and(|line| line.contains("ctrl-]")));
    console.press(&["C-c"]);
    console.type_text("stty size; sleep 31339");
    console.press(&["Enter"]);
    console.wait_until("its new size", |screen| screen.lines().any(|line| line == "37 120"));
    // Who only looks runs nothing.
    let other = in_terminal(&world, &client, "viewer", "", (90, 25));
    other.wait_until("the second is there", |screen| screen.contains("live") && screen.contains("web"));
    other.press(&["x", "s"]);
    other.wait_for("read-only");
    // The line drops, and with it the session, the shell and what ran in it.
    drop((console, other));
    eventually("nothing is left of the session", || match of_sessions(&world) {
        left if left.is_empty() => Ok(()),
        left => Err(left.join("\n")),
    });
    eventually("nothing is left of the shell", || match world.processes("sleep 31339") {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    });
}

#[test]
fn a_key_that_is_taken_out_of_the_file_ends_its_sessions_and_no_others() {
    if skipped("a_key_that_is_taken_out_of_the_file_ends_its_sessions_and_no_others") {
        return;
    }
    let (world, client) = world();
    let out = in_terminal(&world, &client, "operator", "", (90, 25));
    let stays = in_terminal(&world, &client, "viewer", "", (100, 25));
    for console in [&out, &stays] {
        console.wait_until("the console is there", |screen| screen.contains("live") && screen.contains("web"));
    }
    assert_eq!(of_sessions(&world).len(), 2);
    std::fs::write(client.path("authorized_keys"), client.public("viewer")).expect("keys are written");
    let began = Instant::now();
    out.wait_for("the end 42");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    eventually("its program is gone", || {
        let left = of_sessions(&world);
        if left.len() == 1 { Ok(()) } else { Err(format!("{left:?}")) }
    });
    let (code, _, err) = run(client.command(&world, "operator", &["get", "pods"]));
    assert!(code == 255 && err.contains("Permission denied"), "{code} {err}");
    // The other one was not touched.
    stays.type_text(":nodes");
    stays.press(&["Enter"]);
    stays.wait_for("VERSION");
    // A role that is another one is a new grant: the session with the old one ends.
    let raised = format!("role=admin {}", client.public("viewer"));
    std::fs::write(client.path("authorized_keys"), raised).expect("keys are written");
    stays.wait_for("the end 42");
    eventually("no session is left", || {
        if of_sessions(&world).is_empty() { Ok(()) } else { Err(format!("{:?}", of_sessions(&world))) }
    });
    let _ = world.skiff(&["delete", "pods", "--all", "--force", "--grace-period=0"]).ok();
}

#[test]
fn verbs_are_run_by_exec_with_their_streams_and_codes_and_nothing_else_is() {
    if skipped("verbs_are_run_by_exec_with_their_streams_and_codes_and_nothing_else_is") {
        return;
    }
    let (world, client) = world();
    let ssh = |key: &str, words: &[&str]| run(client.command(&world, key, words));
    assert_eq!(ssh("viewer", &["get", "pods", "-o", "name"]), (0, "pod/web\n".to_owned(), String::new()));
    assert_eq!(ssh("viewer", &["skiff", "get", "pods", "-o", "name"]).1, "pod/web\n");
    let (code, out, err) = ssh("viewer", &["get", "pod", "nothing"]);
    assert!(code == 1 && out.is_empty() && err.contains("not found"), "{code} {out} {err}");
    let (code, out, _) = ssh("operator", &["exec", "web", "--", "sh", "-c", "'echo to out; echo to err >&2; exit 7'"]);
    assert_eq!((code, out.as_str()), (7, "to out\n"));
    let (code, out, err) = fed(client.command(&world, "operator", &["apply", "-f", "-"]), pod("sent", "sleep 1000").as_bytes());
    assert_eq!((code, out.as_str()), (0, "pod/sent created\n"), "{err}");
    // More than any window both ways at once: what comes back is what was sent.
    let input: Vec<u8> = (0..3_000_000_u32).flat_map(|number| [(number % 251) as u8]).collect();
    let mut command = client.command(&world, "operator", &["exec", "-i", "web", "--", "cat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("ssh runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let sent = input.clone();
    let feeder = std::thread::spawn(move || stdin.write_all(&sent).expect("it is taken"));
    let mut back = Vec::new();
    child.stdout.take().expect("a pipe").read_to_end(&mut back).expect("it is read");
    feeder.join().expect("it is fed");
    assert!(child.wait().expect("it ends").success() && back == input, "{} of {} bytes came back", back.len(), input.len());
    // No shell, no files, no programs.
    for (words, why) in [
        (vec!["sh"], "unrecognized subcommand"),
        (vec!["get pods; id"], "for a shell"),
        (vec!["get", "pods", "$(id)"], "for a shell"),
        (vec!["cp", "web:/etc/passwd", "/tmp/x"], "needs an account"),
        (vec!["port-forward", "web", "8080"], "needs an account"),
        (vec!["edit", "pod", "web"], "needs an account"),
        (vec!["apply", "-f", "/etc/passwd"], "has no files here"),
        (vec!["image", "load", "/etc/passwd"], "needs an account"),
        (vec!["--", "--node", "ssh://elsewhere", "get", "pods"], "this daemon alone"),
        (vec!["--", "--theme", "/etc/passwd"], "needs an account"),
    ] {
        let (code, out, err) = ssh("admin", &words);
        assert!(code != 0 && err.contains(why) && out.is_empty(), "{words:?}: {code} {out} {err}");
    }
    let mut forward = world.inside("ssh");
    forward.args(client.words("admin")).args(["-o", "ExitOnForwardFailure=yes", "-N", "-R", "8081:127.0.0.1:80", "x@127.0.0.1"]);
    let (code, _, err) = run(forward);
    assert!(code == 255 && err.contains("remote port forwarding failed"), "{code} {err}");
    let mut through = world.inside("ssh");
    through.args(client.words("admin")).args(["-W", "127.0.0.1:2222", "x@127.0.0.1"]);
    let (code, _, err) = run(through);
    assert!(code == 255 && err.contains("forwarding failed"), "{code} {err}");
    let mut files = world.inside("ssh");
    files.args(client.words("admin")).args(["-s", "x@127.0.0.1", "sftp"]);
    let (code, _, err) = run(files);
    assert!(code == 255 && err.contains("subsystem request failed"), "{code} {err}");
    // A console without a terminal says what to do.
    let (code, _, err) = ssh("viewer", &[]);
    assert!(code == 1 && err.contains("needs a terminal"), "{code} {err}");
    // And the console at home, through the door.
    let mut home = world.inside(world.skiff_path());
    let path = format!("{}:{}", client.in_path("viewer").display(), std::env::var("PATH").unwrap_or_default());
    home.args(["--node", "ssh://somebody@127.0.0.1:2222", "get", "pods", "-o", "name"]).env("PATH", path);
    assert_eq!(run(home), (0, "pod/sent\npod/web\n".to_owned(), String::new()));
    let _ = world.skiff(&["delete", "pods", "--all", "--force", "--grace-period=0"]).ok();
}

#[test]
fn a_key_comes_in_by_its_line_and_may_what_its_role_says() {
    if skipped("a_key_comes_in_by_its_line_and_may_what_its_role_says") {
        return;
    }
    let (world, client) = world();
    let ssh = |key: &str, words: &[&str]| run(client.command(&world, key, words));
    let (code, out, err) = ssh("nobody", &["get", "pods"]);
    assert!(code == 255 && out.is_empty() && err.contains("Permission denied (publickey)"), "{code} {out} {err}");
    let mut password = world.inside("ssh");
    password.args(client.words("nobody")).args([
        "-o",
        "PreferredAuthentications=password,keyboard-interactive,none",
        "x@127.0.0.1",
    ]);
    let (code, _, err) = run(password);
    assert!(code == 255 && err.contains("Permission denied (publickey)"), "{code} {err}");
    let (code, _, err) = ssh("viewer", &["delete", "pod", "web"]);
    assert!(code == 1 && err.contains("forbidden") && err.contains("ssh:viewer"), "{code} {err}");
    let (code, _, err) = ssh("viewer", &["exec", "web", "--", "id"]);
    assert!(code == 1 && err.contains("forbidden"), "{code} {err}");
    let (code, _, err) = ssh("operator", &["node", "remove", "node9"]);
    assert!(code == 1 && err.contains("forbidden"), "{code} {err}");
    let (code, _, err) = ssh("admin", &["node", "remove", "node9"]);
    assert!(code == 1 && !err.contains("forbidden"), "{code} {err}");
    let (code, out, err) = ssh("operator", &["delete", "pod", "web", "--force", "--grace-period=0"]);
    assert!(code == 0 && out.contains("deleted"), "{code} {out} {err}");
    // A change of the file counts at once, and one that others may write counts for nothing.
    let keys = client.path("authorized_keys");
    std::fs::write(&keys, format!("{}\ncommand=\"x\" {}\n", client.public("nobody"), client.public("viewer"))).expect("written");
    assert_eq!(ssh("nobody", &["version"]).0, 0);
    assert_eq!(ssh("viewer", &["version"]).0, 255, "an option that is not known");
    assert_eq!(ssh("operator", &["version"]).0, 255, "a line that is gone");
    std::fs::write(&keys, format!("from=\"10.0.0.0/8\" {}\n", client.public("nobody"))).expect("written");
    assert_eq!(ssh("nobody", &["version"]).0, 255, "from elsewhere");
    std::fs::write(&keys, format!("no-pty {}\n", client.public("nobody"))).expect("written");
    assert_eq!(ssh("nobody", &["version"]).0, 0);
    let mut terminal = world.inside("ssh");
    terminal.args(client.words("nobody")).args(["-tt", "x@127.0.0.1"]);
    let (code, _, err) = run(terminal);
    assert!(code != 0 && (err.contains("PTY") || err.contains("terminal")), "{code} {err}");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o666)).expect("its mode");
    assert_eq!(ssh("nobody", &["version"]).0, 255, "a file that others may write");
    assert!(world.daemon_says().contains("chmod go-w"), "{}", world.daemon_says());
}

#[test]
fn whatever_ends_a_session_leaves_no_process_and_no_socket() {
    if skipped("whatever_ends_a_session_leaves_no_process_and_no_socket") {
        return;
    }
    let (mut world, client) = world();
    let none_left = |world: &World, what: &str| {
        eventually(what, || {
            let sockets = std::fs::read_dir(world.folder().join("run/ssh")).into_iter().flatten().flatten().count();
            let left = of_sessions(world);
            if left.is_empty() && sockets == 0 { Ok(()) } else { Err(format!("{sockets} sockets, {left:?}")) }
        });
    };
    // The terminal goes away, the client is killed, a verb is interrupted, the program is killed.
    let console = in_terminal(&world, &client, "operator", "", (100, 30));
    console.wait_for("web");
    drop(console);
    none_left(&world, "a terminal that goes away");
    for signal in ["-KILL", "-INT"] {
        let mut command = client.command(&world, "viewer", &["get", "pods", "--watch"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("ssh runs");
        let mut first = [0; 4];
        child.stdout.as_mut().expect("a pipe").read_exact(&mut first).expect("a line");
        assert_eq!(of_sessions(&world).len(), 1);
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
        child.wait().expect("it ends");
        none_left(&world, signal);
    }
    // The daemon is killed: its sessions go with it, and those who were connected learn of it.
    let console = in_terminal(&world, &client, "operator", "", (101, 30));
    console.wait_for("web");
    assert_eq!(of_sessions(&world).len(), 1);
    world.kill_daemon("-KILL");
    console.wait_for("the end 42");
    eventually("no session is left", || {
        if of_sessions(&world).is_empty() { Ok(()) } else { Err(format!("{:?}", of_sessions(&world))) }
    });
    drop(console);
    world.start_daemon();
    none_left(&world, "a daemon that was killed");
    // Known again: the host key is the same.
    assert_eq!(run(client.command(&world, "viewer", &["get", "pods", "-o", "name"])).1, "pod/web\n");
    let _ = world.skiff(&["delete", "pods", "--all", "--force", "--grace-period=0"]).ok();
}

/// A client with many keys that are not known is cut off.
fn many_keys(world: &World, client: &SshClient) {
    let mut many = world.inside("ssh");
    many.args(client.words("nobody"));
    for _ in 0..10 {
        let name = client.path(&format!("many{}", many.get_args().count()));
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&name).status();
        assert!(made.expect("ssh-keygen runs").success());
        many.arg("-i").arg(name);
    }
    let (code, _, err) = run({
        many.args(["-o", "LogLevel=INFO", "x@127.0.0.1", "version"]);
        many
    });
    assert!(code == 255 && err.contains("Too many authentication attempts"), "{code} {err}");
}

#[test]
fn strangers_sessions_and_what_waits_are_bounded() {
    if skipped("strangers_sessions_and_what_waits_are_bounded") {
        return;
    }
    let (world, client) = world();
    // One that never says who it is: it has thirty seconds.
    let mut silent = world.inside("bash");
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{PORT}; exec timeout 55 cat <&3");
    let begun = Instant::now();
    let silent = silent.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("bash runs");
    // A client that stops reading: the log stays in the container's file, and neither daemon nor session grows with it.
    let _ = world
        .skiff_with(&["create", "-f", "-"], &pod("loud", "yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
        .ok();
    let _ = world.wait_ready("loud");
    let mut slow = client.command(&world, "viewer", &["logs", "-f", "loud"]);
    let mut slow = slow.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("ssh runs");
    let mut first = [0; 4];
    slow.stdout.as_mut().expect("a pipe").read_exact(&mut first).expect("a line");
    let resident = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    };
    std::thread::sleep(Duration::from_secs(2));
    let before = resident(world.daemon_pid());
    std::thread::sleep(Duration::from_secs(6));
    let after = resident(world.daemon_pid());
    println!("the daemon: {before} KiB, and {after} KiB after six seconds of a client that reads nothing");
    assert!(after < before + 16 * 1024, "{before} KiB became {after} KiB");
    slow.kill().and_then(|()| slow.wait()).expect("it is killed");
    let _ = world.skiff(&["delete", "pod", "loud", "--force", "--grace-period=0"]).ok();
    eventually("its session is over", || if of_sessions(&world).is_empty() { Ok(()) } else { Err("it is there".to_owned()) });
    // Sessions: sixteen, and the next is told why not.
    let mut watching = Vec::new();
    for _ in 0..16 {
        let mut command = client.command(&world, "viewer", &["get", "pods", "--watch"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("ssh runs");
        child.stdout.as_mut().expect("a pipe").read_exact(&mut first).expect("a line");
        watching.push(child);
    }
    let (code, _, err) = run(client.command(&world, "viewer", &["version"]));
    assert!(code == 255 && err.contains("too many sessions"), "{code} {err}");
    for mut child in watching {
        child.kill().and_then(|()| child.wait()).expect("it is killed");
    }
    eventually("there is room again", || match run(client.command(&world, "viewer", &["version"])) {
        (0, ..) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let ended = silent.wait_with_output().expect("it ends");
    let took = begun.elapsed();
    assert!(ended.status.success(), "the door closes by itself, after {took:?}: {:?}", ended.status);
    assert!(String::from_utf8_lossy(&ended.stdout).starts_with("SSH-2.0-skiffd_"), "{ended:?}");
    assert!(took >= Duration::from_secs(29), "{took:?}");
    // Strangers: sixteen wait to log in, the next finds the door closed; those who are in are not touched by that.
    let script = format!(
        "for n in $(seq 20); do (exec 3<>/dev/tcp/127.0.0.1/{PORT}; cat <&3 >/dev/null) & done; sleep 1; jobs -r | wc -l; kill $(jobs -p)"
    );
    let (_, out, _) = run({
        let mut bash = world.inside("bash");
        bash.args(["-c", &script]);
        bash
    });
    assert_eq!(out.trim(), "16", "connections that were not closed at once");
    eventually("the door is open again", || match run(client.command(&world, "viewer", &["version"])) {
        (0, ..) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    many_keys(&world, &client);
    let _ = world.skiff(&["delete", "pods", "--all", "--force", "--grace-period=0"]).ok();
}
