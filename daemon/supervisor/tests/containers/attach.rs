//! Containers that have an input or a terminal, and whoever is attached to them.

use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use runtime::protocol::{AttachSpec, ConsoleMode, ContainerStreams, InputMode, Since, StartSpec};
use runtime::sandbox::{Attachment, Parted, SandboxError, SupervisorConnection};
use runtime::spec::ContainerSpec;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::world::*;

const KEPT: ContainerStreams = ContainerStreams { input: InputMode::Kept, console: ConsoleMode::Pipes };
const ONCE: ContainerStreams = ContainerStreams { input: InputMode::Once, console: ConsoleMode::Pipes };
const AWAITED: ContainerStreams = ContainerStreams { input: InputMode::Awaited, console: ConsoleMode::Pipes };
const TERMINAL: ContainerStreams = ContainerStreams { input: InputMode::Kept, console: ConsoleMode::Terminal };

async fn start(connection: &mut SupervisorConnection, streams: ContainerStreams, container: &ContainerSpec) {
    let spec = StartSpec { streams, among: None, container: container.clone() };
    connection.start_special(spec).await.unwrap_or_else(|error| panic!("{:?}: {error}", container.argv));
}

/// Somebody who is attached.
struct Client {
    attachment: Attachment,
    input: Option<OwnedFd>,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

async fn attach(world: &World, container: &ContainerSpec) -> Client {
    attach_since(world, container, Since::Now).await.expect("attached")
}

async fn attach_since(world: &World, container: &ContainerSpec, since: Since) -> Result<Client, SandboxError> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).expect("pipe");
    let ((stdout, inner_stdout), (stderr, inner_stderr)) = (pipe(), pipe());
    let spec = AttachSpec { writes: true, container: id(container) };
    let started = Attachment::start(&world.run_dir(), spec, since, &[inner_stdout.as_fd(), inner_stderr.as_fd()]).await;
    started.map(|(attachment, input)| Client { attachment, input, stdout, stderr })
}

impl Client {
    fn write(&self, text: &str) {
        let written = rustix::io::write(self.input.as_ref().expect("an input"), text.as_bytes());
        assert_eq!(written, Ok(text.len()));
    }

    /// Reads until the text is there, which it has to end with.
    fn read_until(&self, end: &str) -> String {
        let mut text = String::new();
        let mut bytes = [0; 4096];
        while !text.ends_with(end) {
            let count = rustix::io::read(&self.stdout, &mut bytes).expect("it is read");
            assert_ne!(count, 0, "it ended with {text:?}");
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        text
    }
}

fn rest(pipe: OwnedFd) -> String {
    let mut text = String::new();
    fs::File::from(pipe).read_to_string(&mut text).expect("text");
    text
}

/// What `seq` writes.
fn numbers(last: u32) -> String {
    (1..=last).map(|number| format!("{number}\n")).collect()
}

#[test]
fn what_a_container_writes_goes_to_its_log_and_to_all_who_are_attached() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let container = world.shell("echo first; while read line; do echo err $line >&2; echo got $line; done; echo over");
        start(&mut connection, KEPT, &container).await;
        let one = attach(&world, &container).await;
        assert_eq!(one.read_until("first\n"), "first\n", "what was written before anybody came");
        let two = attach(&world, &container).await;
        one.write("a\n");
        assert_eq!((one.read_until("got a\n"), two.read_until("got a\n")), ("got a\n".to_string(), "got a\n".to_string()));
        // Whoever goes takes nothing along.
        let mut one = one;
        one.attachment.end_input().await.expect("told");
        drop(one);
        two.write("b\n");
        assert_eq!(two.read_until("got b\n"), "got b\n");
        let three = attach(&world, &container).await;
        drop(two);
        three.write("c\n");
        assert_eq!(three.read_until("got c\n"), "got c\n");
        connection.signal(&id(&container), 9).await.expect("signalled");
        let Client { mut attachment, stdout, stderr, .. } = three;
        let Parted::Exited(exit) = attachment.parted().await.expect("ended") else { panic!("it ended") };
        assert_eq!((exit.code, rest(stdout).as_str(), rest(stderr).as_str()), (137, "", "err c\n"));
        exit_of(&mut connection, &container).await;
        let logged = output(&container);
        for line in ["first", "got a", "got b", "got c", "err a"] {
            assert!(logged.lines().any(|logged| logged == line), "{logged}");
        }
        let spec = AttachSpec { writes: false, container: id(&container) };
        let (_reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("pipe");
        let refused = Attachment::start(&world.run_dir(), spec, Since::Now, &[writer.as_fd(), writer.as_fd()]).await;
        assert!(matches!(refused, Err(SandboxError::Refused(_))));
    });
}

#[test]
fn one_who_is_awaited_hears_all_from_the_first_byte_however_late() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let container = world.shell("echo aside >&2; printf now; seq 200000; exit 3");
        start(&mut connection, AWAITED, &container).await;
        // It has written as much as is kept, and waits.
        let size = || fs::metadata(&container.log.path).map_or(0, |log| log.len());
        let mut before = 0;
        while before < 256 << 10 || before != size() {
            before = size();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let client = attach_since(&world, &container, Since::Start).await.expect("attached");
        assert_eq!(client.attachment.streams(), ContainerStreams::PLAIN);
        let again = attach_since(&world, &container, Since::Start).await.err();
        assert!(matches!(again, Some(SandboxError::Refused(_))), "the first words are for the first: {again:?}");
        let Client { mut attachment, stdout, stderr, .. } = client;
        let reading = tokio::task::spawn_blocking(|| (rest(stdout), rest(stderr)));
        let Parted::Exited(exit) = attachment.parted().await.expect("ended") else { panic!("it ended") };
        let (said, aside) = reading.await.expect("read");
        assert!(said == format!("now{}", numbers(200_000)), "{} bytes", said.len());
        assert_eq!((exit.code, aside.as_str()), (3, "aside\n"));

        let plain = world.shell("echo first; exec sleep 1000");
        start(&mut connection, ContainerStreams::PLAIN, &plain).await;
        let refused = attach_since(&world, &plain, Since::Start).await.err();
        assert!(matches!(refused, Some(SandboxError::Refused(_))), "{refused:?}");
    });
}

#[test]
fn what_was_written_last_reaches_who_is_slow_though_the_pod_has_ended() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let container = world.shell("seq 40000");
        start(&mut connection, AWAITED, &container).await;
        let Client { mut attachment, stdout, stderr, .. } =
            attach_since(&world, &container, Since::Start).await.expect("attached");
        let Parted::Exited(exit) = attachment.parted().await.expect("ended") else { panic!("it ended") };
        assert_eq!(exit.code, 0);
        let reading = async {
            // By now it has been told to end.
            tokio::time::sleep(Duration::from_millis(300)).await;
            let said = tokio::task::spawn_blocking(|| (rest(stdout), rest(stderr))).await.expect("read");
            (said, attachment.has_heard_all().await)
        };
        let (ended, ((said, aside), is_all)) = tokio::join!(connection.shutdown(), reading);
        ended.expect("it ends");
        let numbers = numbers(40_000);
        assert!(said == numbers, "{} bytes of {}", said.len(), numbers.len());
        assert_eq!((aside.as_str(), is_all), ("", true));
    });
}

#[test]
fn an_input_for_one_ends_with_it() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        for goes_away in [false, true] {
            let container = world.shell("wc -c; exit 3");
            start(&mut connection, ONCE, &container).await;
            let mut client = attach(&world, &container).await;
            client.write("hello\n");
            client.input = None;
            if goes_away {
                drop(client);
            } else {
                client.attachment.end_input().await.expect("told");
                assert_eq!(client.read_until("6\n"), "6\n");
            }
            assert_eq!(exit_of(&mut connection, &container).await.code, 3);
            assert_eq!(output(&container), "6\n");
        }
    });
}

#[test]
fn a_terminal_is_kept_and_is_that_of_the_program() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let container = world.shell(
            "tty; stty -echo; echo ready; read line; echo got $line; stty size; trap 'exit 7' INT; \
             echo set; while true; do sleep 1000 & wait; done",
        );
        start(&mut connection, TERMINAL, &container).await;
        let one = attach(&world, &container).await;
        let seen = one.read_until("ready\r\n");
        assert!(seen.starts_with("/dev/pts/"), "{seen}");
        drop(one);
        let two = attach(&world, &container).await;
        let size = rustix::termios::Winsize { ws_row: 33, ws_col: 44, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(two.input.as_ref().expect("its terminal"), size).expect("a size");
        two.write("hello\n");
        assert_eq!(two.read_until("set\r\n"), "got hello\r\n33 44\r\nset\r\n");
        // Ctrl-C is for the program.
        two.write("\x03");
        assert_eq!(exit_of(&mut connection, &container).await.code, 7);
        assert!(output(&container).contains("got hello"));
    });
}

#[test]
fn who_does_not_read_is_given_up_and_the_container_goes_on() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let container = world.shell("read line; seq 1 200000; echo done; exec sleep 1000");
        start(&mut connection, KEPT, &container).await;
        let mut slow = attach(&world, &container).await;
        let begun = Instant::now();
        slow.write("go\n");
        let parted = tokio::time::timeout(Duration::from_secs(60), slow.attachment.parted()).await.expect("in time");
        assert_eq!(parted.expect("told"), Parted::TooSlow);
        assert!(begun.elapsed() >= Duration::from_secs(5), "it had its time: {:?}", begun.elapsed());
        while !output(&container).ends_with("\ndone\n") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        connection.signal(&id(&container), 9).await.expect("signalled");
        exit_of(&mut connection, &container).await;
    });
}

#[test]
fn a_container_among_the_processes_of_another_sees_them_and_ends_alone() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let target = world.shell("exec sleep 987654");
        started(&mut connection, &target).await;
        let mut guest =
            world.shell("ps -o args | grep '[s]leep 987654'; sleep 4321 & readlink /proc/1/ns/pid; readlink /proc/self/ns/pid");
        guest.name = "guest".to_string();
        let spec = StartSpec { streams: ContainerStreams::PLAIN, among: Some(id(&target)), container: guest.clone() };
        connection.start_special(spec).await.expect("started");
        assert_eq!(exit_of(&mut connection, &guest).await.code, 0);
        let seen = output(&guest);
        let lines: Vec<&str> = seen.lines().collect();
        assert_eq!((lines[0], lines[1]), ("sleep 987654", lines[2]), "{seen}");
        connection.signal(&id(&target), 15).await.expect("it runs on");
        connection.signal(&id(&target), 9).await.expect("it runs on");
        exit_of(&mut connection, &target).await;
        let gone = StartSpec { streams: ContainerStreams::PLAIN, among: Some(id(&target)), container: world.shell("true") };
        assert!(matches!(connection.start_special(gone).await, Err(SandboxError::Refused(_))));
    });
}
