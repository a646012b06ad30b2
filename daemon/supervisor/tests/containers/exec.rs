//! Further programs in a container that runs.

use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use runtime::protocol::{ExecSpec, ExecStreams};
use runtime::sandbox::{Exec, SandboxError};
use runtime::spec::*;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::world::*;

fn pipe() -> (OwnedFd, OwnedFd) {
    pipe_with(PipeFlags::CLOEXEC).expect("pipe")
}

fn text(pipe: OwnedFd) -> String {
    let mut text = String::new();
    fs::File::from(pipe).read_to_string(&mut text).expect("text");
    text
}

fn shell(container: &ContainerSpec, script: &str) -> ContainerSpec {
    ContainerSpec { argv: ["/bin/sh", "-c", script].map(str::to_string).to_vec(), ..container.clone() }
}

/// Runs a line of shell in a container and returns its code and what it wrote.
async fn exec(world: &World, container: &ContainerSpec, script: &str) -> (i32, String) {
    let (reader, writer) = pipe();
    let spec = ExecSpec { streams: ExecStreams::Output, process: shell(container, script) };
    let streams: [BorrowedFd<'_>; 2] = [writer.as_fd(), writer.as_fd()];
    let mut exec = Exec::start(&world.run_dir(), spec, &streams).await.unwrap_or_else(|error| panic!("{script}: {error}"));
    drop(writer);
    let exit = exec.wait().await.expect("it ends");
    (exit.code, text(reader))
}

#[test]
fn a_further_program_is_where_the_container_is_and_may_what_it_may() {
    in_world(async |mut world| {
        for pid in [PidMode::Container, PidMode::Sandbox] {
            let sandbox = SandboxSpec { pid, ..world.sandbox() };
            let mut connection = world.start(&sandbox).await;
            let mut spec = world.shell("echo mine > /tmp/here; exec sleep 1000");
            spec.env.push(("COLOUR".to_string(), "green".to_string()));
            started(&mut connection, &spec).await;
            let inside = |file: &'static str| format!("cat /proc/1/{file} >/dev/null 2>&1; readlink /proc/self/ns/{file}");
            for namespace in ["mnt", "pid", "net", "uts", "ipc", "cgroup"] {
                let (code, own) = exec(&world, &spec, &inside(namespace)).await;
                assert_eq!(code, 0, "{namespace}");
                let (_, again) =
                    exec(&world, &spec, &format!("readlink /proc/$PPID/ns/{namespace}; {}", inside(namespace))).await;
                assert!(again.contains(&own), "{namespace}: {own} {again}");
            }
            let host = fs::read_link("/proc/self/ns/mnt").expect("namespace");
            let (_, own) = exec(&world, &spec, "readlink /proc/self/ns/mnt").await;
            assert_ne!(own.trim(), host.to_str().expect("text"));
            let script =
                "echo $COLOUR; hostname; id -u; grep -c . /tmp/here; grep CapEff /proc/self/status; ls /proc/self/fd | wc -l";
            let (code, output) = exec(&world, &spec, script).await;
            assert_eq!(code, 0, "{output}");
            let lines: Vec<&str> = output.lines().collect();
            assert_eq!(lines[..4], ["green", "boat", "0", "1"], "{output}");
            let bits = u64::from_str_radix(lines[4].trim_start_matches("CapEff:").trim(), 16).expect("bits");
            assert_eq!(bits & !spec.capabilities.bits(), 0, "{output}");
            assert_eq!(lines[5].trim(), "4", "its streams and the folder: {output}");
            assert_eq!(exec(&world, &spec, "exit 7").await.0, 7);
            // The supervisor makes its own children where it did before.
            connection.shutdown().await.expect("ended");
            reap_all();
            fs::remove_dir_all(world.run_dir()).expect("removed");
        }
    });
}

#[test]
fn what_cannot_run_is_told() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let container = world.shell("sleep 1000");
        started(&mut connection, &container).await;
        let (_reader, writer) = pipe();
        let streams = [writer.as_fd(), writer.as_fd()];
        let try_start = async |process: ContainerSpec, streams: &[BorrowedFd<'_>]| {
            let spec = ExecSpec { streams: ExecStreams::Output, process };
            Exec::start(&world.run_dir(), spec, streams).await.expect_err("it cannot run").to_string()
        };
        let missing = ContainerSpec { argv: vec!["/bin/none".to_string()], ..container.clone() };
        assert_eq!(try_start(missing, &streams).await, "exec: \"/bin/none\": stat /bin/none: no such file or directory");
        let other = ContainerSpec { attempt: container.attempt + 1, ..shell(&container, "true") };
        let refused = format!("the supervisor refused: container web attempt {} does not run", other.attempt);
        assert_eq!(try_start(other, &streams).await, refused);
        let refused = "the supervisor refused: its descriptors did not come along";
        assert_eq!(try_start(shell(&container, "true"), &streams[..1]).await, refused);
        let empty = ContainerSpec { argv: Vec::new(), ..container.clone() };
        assert!(try_start(empty, &streams).await.contains("no command was given"));
    });
}

#[test]
fn it_is_signalled_killed_with_its_connection_and_ends_with_its_container() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let container = world.shell("sleep 1000");
        started(&mut connection, &container).await;
        let begin = async || {
            let (reader, writer) = pipe();
            let process = shell(&container, "trap 'exit 4' TERM; echo ready; while true; do sleep 0.01; done");
            let spec = ExecSpec { streams: ExecStreams::Output, process };
            let exec = Exec::start(&world.run_dir(), spec, &[writer.as_fd(), writer.as_fd()]).await.expect("it runs");
            let mut ready = [0; 6];
            fs::File::from(reader.try_clone().expect("clone")).read_exact(&mut ready).expect("ready");
            (exec, reader)
        };
        let (mut exec, _reader) = begin().await;
        exec.signal(15).await.expect("signalled");
        assert_eq!(exec.wait().await.expect("ended").code, 4);
        assert!(matches!(exec.signal(15).await, Err(SandboxError::Refused(_))));
        let (exec, reader) = begin().await;
        drop(exec);
        assert_eq!(text(reader), "", "its end of the pipe closes when it is killed");
        let (mut exec, _reader) = begin().await;
        connection.signal(&id(&container), 9).await.expect("signalled");
        assert_eq!(exit_of(&mut connection, &container).await.code, 137);
        let exit = tokio::time::timeout(Duration::from_secs(10), exec.wait()).await.expect("in time").expect("ended");
        assert_eq!((exit.code, exit.signal), (137, 9));
    });
}

#[test]
fn what_a_killed_program_left_in_the_background_ends_with_it() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let Some(cgroup) = world.memory_group(64 << 20) else { return };
        let mut container = world.shell("exec sleep 1000");
        container.cgroup = cgroup;
        started(&mut connection, &container).await;
        let (reader, writer) = pipe();
        let process = shell(&container, "sleep 7654 & (sleep 7653 & sleep 7652) & echo ready; wait");
        let spec = ExecSpec { streams: ExecStreams::Output, process };
        let killed = Exec::start(&world.run_dir(), spec, &[writer.as_fd(), writer.as_fd()]).await.expect("it runs");
        drop(writer);
        let mut ready = [0; 6];
        fs::File::from(reader.try_clone().expect("clone")).read_exact(&mut ready).expect("ready");
        drop(killed);
        let ended = tokio::task::spawn_blocking(move || text(reader));
        let rest =
            tokio::time::timeout(Duration::from_secs(10), ended).await.expect("all who hold its output end").expect("read");
        assert_eq!(rest, "");
        // What ends by itself leaves its background alone.
        assert_eq!(exec(&world, &container, "sleep 7651 >/dev/null 2>&1 & echo left").await, (0, "left\n".to_string()));
        let (code, seen) = exec(&world, &container, "ps -o args | grep '[s]leep 765'").await;
        assert_eq!((code, seen.as_str()), (0, "sleep 7651\n"));
    });
}

#[test]
fn it_reads_what_comes_along() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let container = world.shell("sleep 1000");
        started(&mut connection, &container).await;
        let ((inner_stdin, stdin), (reader, writer)) = (pipe(), pipe());
        let spec = ExecSpec { streams: ExecStreams::All, process: shell(&container, "read line; echo got $line") };
        let streams = [inner_stdin.as_fd(), writer.as_fd(), writer.as_fd()];
        let mut exec = Exec::start(&world.run_dir(), spec, &streams).await.expect("it runs");
        drop((inner_stdin, writer));
        rustix::io::write(&stdin, b"hello\n").expect("written");
        assert_eq!(exec.wait().await.expect("ended").code, 0);
        assert_eq!(text(reader), "got hello\n");
    });
}
