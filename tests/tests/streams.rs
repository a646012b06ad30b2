//! Programs in running containers and connections to pods' ports, with all their bytes and nothing left behind.

use end_to_end::{World, eventually, is_skipped};
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Output, Stdio};

const POD: &str = "tools";

/// A world with a pod: `main` sleeps, `web` serves on 8080 and sends back what comes on 7.
fn world() -> World {
    let world = World::new(&[]);
    world.load_demo_image();
    let container = |name: &str, script: &str| json!({"name": name, "image": "skiff/demo:1.0", "command": ["sh", "-c", script]});
    let main = container("main", "trap exit TERM; sleep 86400 & wait");
    let web = container("web", "nc -ll -p 7 -e cat & exec demo-server");
    let spec = json!({"terminationGracePeriodSeconds": 1, "containers": [main, web]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD}, "spec": spec});
    let _ = world.skiff_with(&["create", "-f", "-"], &pod.to_string()).ok();
    world.wait_ready(POD);
    world
}

/// Runs a command with bytes as its input, which are written while its output is read.
fn feed(mut command: Command, input: Vec<u8>) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("skiff runs");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    let writing = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    // A program that does not read all of it ends all the same.
    let _ = writing.join().expect("the writer ends");
    output
}

fn many_bytes() -> Vec<u8> {
    let mut state = 7_u32;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    next.take(10 * 1024 * 1024).collect()
}

/// How many processes with this argument run in the container.
fn count_of(world: &World, word: &str) -> usize {
    let listed = world.skiff(&["exec", POD, "-c", "main", "--", "ps", "-o", "args"]).ok();
    listed.lines().filter(|line| line.contains(word)).count()
}

#[test]
fn a_program_in_a_container_has_our_streams_and_its_code_is_ours() {
    if is_skipped("a_program_in_a_container_has_our_streams_and_its_code_is_ours") {
        return;
    }
    let world = world();
    let ran = world.skiff(&["exec", POD, "--", "sh", "-c", "echo out; echo bad >&2; exit 3"]);
    let expected = "Defaulted container \"main\" out of: main, web\nbad\ncommand terminated with exit code 3\n";
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (3, "out\n", expected));
    assert_eq!(world.skiff(&["exec", POD, "-c", "web", "--", "sh", "-c", "kill -9 $$"]).code, 137);
    // Without -i there is nothing to read.
    assert_eq!(world.skiff_with(&["exec", POD, "-c", "main", "--", "cat"], "unread").ok(), "");
    let missing = world.skiff(&["exec", POD, "-c", "main", "--", "no-such-program"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.starts_with("error: Internal error occurred: error executing command in container: "), "{missing:?}");
    assert!(missing.stderr.contains("no-such-program"), "{missing:?}");
    let wrong = world.skiff(&["exec", POD, "-c", "zz", "--", "ls"]).fails();
    assert_eq!(wrong, "Error from server (BadRequest): container zz is not valid for pod tools\n");
    assert_eq!(world.skiff(&["exec", "none", "--", "ls"]).fails(), "Error from server (NotFound): pods \"none\" not found\n");

    let bytes = many_bytes();
    let back = feed(world.skiff_command(&["exec", "-i", POD, "-c", "main", "--", "cat"]), bytes.clone());
    assert!(back.stdout == bytes, "{} of {} bytes: {}", back.stdout.len(), bytes.len(), String::from_utf8_lossy(&back.stderr));
    // Its input ends and its output goes on; a program that does not read ends by itself.
    let count =
        feed(world.skiff_command(&["exec", "-i", POD, "-c", "main", "--", "sh", "-c", "cat | wc -c; echo done"]), bytes.clone());
    assert_eq!(String::from_utf8_lossy(&count.stdout), format!("{}\ndone\n", bytes.len()));
    assert!(feed(world.skiff_command(&["exec", "-i", POD, "-c", "main", "--", "true"]), bytes).status.success());
}

#[test]
fn a_program_whose_client_vanishes_or_does_not_read_holds_up_nothing() {
    if is_skipped("a_program_whose_client_vanishes_or_does_not_read_holds_up_nothing") {
        return;
    }
    let world = world();
    let mut stuck = world.skiff_command(&["exec", POD, "-c", "main", "--", "sh", "-c", "exec yes stuck-program"]);
    let mut stuck = stuck.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("skiff runs");
    eventually("it runs", || if count_of(&world, "stuck-program") > 0 { Ok(()) } else { Err("not yet".to_owned()) });
    // Others go on beside it.
    assert_eq!(world.skiff(&["exec", POD, "-c", "main", "--", "echo", "quick"]).ok(), "quick\n");
    stuck.kill().expect("it is killed");
    stuck.wait().expect("it ends");
    eventually("nothing is left of it", || match count_of(&world, "stuck-program") {
        0 => Ok(()),
        count => Err(format!("{count} of it run")),
    });
}

#[test]
fn a_program_with_a_terminal_has_its_size_and_keys_and_gives_ours_back() {
    if is_skipped("a_program_with_a_terminal_has_its_size_and_keys_and_gives_ours_back") {
        return;
    }
    let world = world();
    let console = end_to_end::Console::run(
        &world,
        100,
        30,
        &format!("exec -it {POD} -c main -- sh; echo code=$?; stty -a | tr ';' '\\n' | grep -w icanon; sleep 1000"),
    );
    console.type_text("stty size; tty; echo term=$TERM\n");
    let screen = console.wait_for("term=xterm");
    assert!(screen.contains("30 100") && screen.contains("/dev/pts/"), "{screen}");
    console.resize(90, 25);
    console.type_text("stty size\n");
    console.wait_for("25 90");
    // Ctrl-C ends the program of the shell there, and nothing here.
    console.type_text("sleep 100000; echo slept=$?\n");
    eventually("it sleeps", || if count_of(&world, "sleep 100000") > 0 { Ok(()) } else { Err("not yet".to_owned()) });
    console.press(&["C-c"]);
    console.type_text("echo still here; exit 5\n");
    let screen = console.wait_for("code=5");
    assert!(screen.contains("still here"), "{screen}");
    let screen = console.wait_for("icanon");
    assert!(!screen.contains("-icanon"), "the terminal is as it was: {screen}");
}

/// `skiff port-forward`, ended when it is dropped.
struct Forward {
    program: std::process::Child,
    port: u16,
}

impl Forward {
    fn begin(world: &World, remote: u16) -> Self {
        let mut command = world.skiff_command(&["port-forward", POD, &format!(":{remote}"), "--address", "127.0.0.1"]);
        let mut program = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("skiff runs");
        let mut lines = BufReader::new(program.stdout.take().expect("its output is a pipe")).lines();
        let line = lines.next().expect("a line").expect("text");
        let local = line.strip_prefix("Forwarding from 127.0.0.1:").and_then(|rest| rest.strip_suffix(&format!(" -> {remote}")));
        let port = local.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{line}"));
        // Somebody has to read on.
        std::thread::spawn(move || lines.for_each(drop));
        Self { program, port }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).expect("it listens")
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn connections_to_a_pods_ports_carry_all_bytes_and_close_one_side_at_a_time() {
    if is_skipped("connections_to_a_pods_ports_carry_all_bytes_and_close_one_side_at_a_time") {
        return;
    }
    let world = world();
    let web = Forward::begin(&world, 8080);
    let mut stream = web.connect();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer to its end");
    assert!(answer.starts_with("HTTP/1."), "{answer}");

    // Our side is closed first; all comes back after that.
    let echo = Forward::begin(&world, 7);
    let bytes = many_bytes();
    let idle = echo.connect();
    let mut stream = echo.connect();
    let mut sink = stream.try_clone().expect("a second handle");
    let (sent, total) = (bytes.clone(), bytes.len());
    let writing = std::thread::spawn(move || {
        sink.write_all(&sent).expect("it is sent");
        sink.shutdown(Shutdown::Write).expect("our side is closed");
    });
    let mut back = Vec::new();
    stream.read_to_end(&mut back).expect("all of it");
    writing.join().expect("the writer ends");
    assert!(back == bytes, "{} of {total} bytes", back.len());
    drop(idle);

    // A port where nobody listens ends its connection and no other.
    let nobody = Forward::begin(&world, 9);
    let mut nothing = Vec::new();
    let _ = nobody.connect().read_to_end(&mut nothing);
    assert_eq!(nothing, b"");
    let _ = nobody.connect();
}
