//! Starts, ends, and supervisors without daemons or daemons without supervisors.

use std::fs;
use std::time::Duration;

use runtime::protocol::RunState;
use runtime::sandbox::{Found, SandboxError, SupervisorConnection, adopt, read_exits, remove};
use runtime::spec::*;
use rustix::process::{Pid, Signal, kill_process};

use crate::world::*;

#[test]
fn exit_codes_and_signals_are_reported_and_written() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        for (script, code, signal) in [("exit 0", 0, 0), ("exit 37", 37, 0), ("kill -9 $$; exit 3", 3, 0)] {
            let (exit, _) = run(&mut connection, &world.shell(script)).await;
            assert_eq!((exit.code, exit.signal, exit.oom_killed), (code, signal, false), "{script}");
            assert!(exit.started_at > 1_700_000_000_000_000_000 && exit.finished_at >= exit.started_at);
        }
        let spec = world.shell("trap 'exit 5' TERM; echo ready; while true; do sleep 0.01; done");
        started(&mut connection, &spec).await;
        wait_for(|| output(&spec).contains("ready")).await;
        connection.signal(&id(&spec), 15).await.expect("signalled");
        assert_eq!(exit_of(&mut connection, &spec).await.code, 5);
        let spec = world.shell("sleep 1000");
        started(&mut connection, &spec).await;
        connection.signal(&id(&spec), 9).await.expect("signalled");
        let exit = exit_of(&mut connection, &spec).await;
        assert_eq!((exit.code, exit.signal), (137, 9));
        assert!(matches!(connection.signal(&id(&spec), 9).await, Err(SandboxError::Refused(_))));
        let exits = read_exits(&world.run_dir()).expect("exits");
        assert_eq!(exits.last().map(|(id, exit)| (id.attempt, *exit)), Some((spec.attempt, exit)));
        assert!(exits.len() <= 2, "older attempts are forgotten: {exits:?}");
    });
}

#[test]
fn a_stop_signal_that_comes_before_its_handler_is_not_lost() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let spec = world.shell("echo begun; sleep 0.3; trap 'exit 5' TERM; while true; do sleep 0.01; done");
        started(&mut connection, &spec).await;
        wait_for(|| output(&spec).contains("begun")).await;
        connection.signal(&id(&spec), 15).await.expect("signalled");
        assert_eq!(exit_of(&mut connection, &spec).await.code, 5);
    });
}

/// Looks again until something holds; the world's own time limit ends it.
async fn wait_for(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[test]
fn running_out_of_memory_is_reported() {
    in_world(async |mut world| {
        let Some(cgroup) = world.memory_group(24 << 20) else { return };
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec = world.container(&["/bin/busybox", "tail", "-c", "200000000", "/dev/zero"]);
        spec.cgroup = cgroup.clone();
        let (exit, _) = run(&mut connection, &spec).await;
        assert_eq!((exit.code, exit.signal, exit.oom_killed), (137, 9, true));
        // The same group again: the kill of the attempt before does not count.
        let mut spec = world.shell("exit 1");
        spec.cgroup = cgroup;
        let (exit, _) = run(&mut connection, &spec).await;
        assert_eq!((exit.code, exit.oom_killed), (1, false));
    });
}

#[test]
fn a_killed_supervisor_takes_its_containers_with_it() {
    for pid in [PidMode::Container, PidMode::Sandbox, PidMode::Host] {
        in_world(async |mut world| {
            let sandbox = SandboxSpec { pid, ..world.sandbox() };
            let mut connection = world.start(&sandbox).await;
            let mut pids = Vec::new();
            for (name, user) in [("a", 0), ("b", 101)] {
                let mut spec = ContainerSpec { name: name.to_string(), ..world.shell("exec sleep 1000") };
                spec.user.user = Account::Id(user);
                pids.push(started(&mut connection, &spec).await.pid);
            }
            let mut stopped = ContainerSpec { name: "done".to_string(), ..world.shell("exit 4") };
            stopped.escalation = Escalation::Denied;
            run(&mut connection, &stopped).await;
            let supervisor = Pid::from_raw(connection.supervisor().pid).expect("a pid");
            kill_process(supervisor, Signal::KILL).expect("killed");
            assert!(matches!(connection.next_notice().await, Err(SandboxError::Gone)));
            for pid in pids {
                reap(pid).await;
            }
            let found = adopt(world.run_dir().parent().expect("a parent")).expect("found");
            assert_eq!(found.len(), 1);
            assert_eq!((found[0].id.as_str(), found[0].found), ("pod", Found::Dead));
            assert_eq!(found[0].exits.iter().map(|(id, exit)| (id.name.as_str(), exit.code)).collect::<Vec<_>>(), [("done", 4)]);
            assert!(SupervisorConnection::connect(&world.run_dir()).await.is_err());
            remove(&world.run_dir()).expect("removed");
            assert!(!world.run_dir().exists());
        });
    }
}

/// Waits until an orphan that came to this process has ended.
async fn reap(pid: i32) {
    let pid = Pid::from_raw(pid).expect("a pid");
    let ended = || match rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::NOHANG) {
        Ok(None) => false,
        Ok(Some((_, status))) => {
            assert_eq!(status.terminating_signal(), Some(9));
            true
        }
        // It is not here yet, or it was: then it is a process no more.
        Err(_) => !std::path::Path::new(&format!("/proc/{}", pid.as_raw_nonzero())).exists(),
    };
    wait_for(ended).await;
}

#[test]
fn a_daemon_that_comes_back_finds_everything() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let supervisor = connection.supervisor();
        let quick = ContainerSpec { name: "quick".to_string(), ..world.shell("sleep 0.2; echo late; exit 9") };
        let slow = ContainerSpec { name: "slow".to_string(), ..world.shell("sleep 1000") };
        started(&mut connection, &quick).await;
        let slow_pid = started(&mut connection, &slow).await.pid;
        drop(connection);
        wait_for(|| !read_exits(&world.run_dir()).expect("exits").is_empty()).await;
        assert_eq!(output(&quick), "late\n", "the log is complete before the exit is there");
        let found = adopt(world.run_dir().parent().expect("a parent")).expect("found");
        assert_eq!(found[0].found, Found::Alive(supervisor));
        assert_eq!(found[0].exits[0].1.code, 9);
        let mut connection = SupervisorConnection::connect(&world.run_dir()).await.expect("connected");
        assert_eq!(connection.version(), runtime::protocol::VERSION);
        let states = connection.status().await.expect("status");
        let of = |name: &str| states.iter().find(|state| state.container.name == name).map(|state| state.state);
        assert!(matches!(of("quick"), Some(RunState::Exited(Exit { code: 9, .. }))), "{states:?}");
        assert!(matches!(of("slow"), Some(RunState::Running(started)) if started.pid == slow_pid), "{states:?}");
        // Two daemons at once both hear of it.
        let mut second = SupervisorConnection::connect(&world.run_dir()).await.expect("connected");
        second.signal(&id(&slow), 9).await.expect("signalled");
        assert_eq!(exit_of(&mut connection, &slow).await.code, 137);
        assert_eq!(exit_of(&mut second, &slow).await.code, 137);
    });
}

#[test]
fn shutdown_kills_what_runs_and_leaves_the_exits() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let supervisor = connection.supervisor();
        for name in ["a", "b"] {
            started(&mut connection, &ContainerSpec { name: name.to_string(), ..world.shell("trap '' TERM; sleep 1000") }).await;
        }
        connection.shutdown().await.expect("ended");
        assert!(!supervisor.is_alive());
        let exits = read_exits(&world.run_dir()).expect("exits");
        assert_eq!(exits.iter().map(|(id, exit)| (id.name.as_str(), exit.code)).collect::<Vec<_>>(), [("a", 137), ("b", 137)]);
        let left: Vec<_> =
            fs::read_dir(world.run_dir()).expect("folder").map(|entry| entry.expect("entry").file_name()).collect();
        assert!(!left.contains(&"supervisor.sock".into()) && !left.contains(&"supervisor.pid".into()), "{left:?}");
        remove(&world.run_dir()).expect("removed");
        assert!(!world.run_dir().exists());
    });
}

#[test]
fn sixty_four_starts_leave_nothing_behind() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let pid = connection.supervisor().pid;
        let (mounts, open) = (host_mounts(), open_files(pid));
        for attempt in 0..64 {
            let spec = world.shell(&format!("exit {attempt}"));
            let (exit, _) = run(&mut connection, &spec).await;
            assert_eq!(exit.code, attempt);
        }
        assert_eq!(host_mounts(), mounts, "no mount of a container reaches the host");
        assert_eq!(open_files(pid), open, "the supervisor closes what it opens");
        assert_eq!(children(pid), 0);
    });
}

fn host_mounts() -> usize {
    fs::read_to_string("/proc/self/mountinfo").expect("mounts").lines().filter(|line| line.contains("skiff-supervisor-")).count()
}

fn open_files(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").count()
}

fn children(pid: i32) -> usize {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("children").split_whitespace().count()
}

#[test]
fn garbage_on_the_socket_harms_nobody() {
    use std::io::{Read, Write};
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let socket = world.run_dir().join("supervisor.sock");
        for bytes in [b"\xff\xff\xff\xff".as_slice(), b"\x02\x00\x00\x00\x09\x09", b"GET / HTTP/1.1\r\n\r\n", b""] {
            let mut stream = std::os::unix::net::UnixStream::connect(&socket).expect("connected");
            stream.write_all(bytes).expect("written");
            drop(stream);
            assert!(connection.status().await.expect("status").is_empty());
        }
        // A request of a version to come: the id is understood, the rest is not.
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).expect("connected");
        stream.write_all(&[4, 0, 0, 0, 1, 77, 99, 1]).expect("written");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("timeout");
        let mut answer = [0; 16];
        stream.read_exact(&mut answer).expect("hello and answer");
        assert_eq!((answer[4], answer[10..13].to_vec()), (0, vec![1, 77, 4]), "refused: {answer:?}");
        assert_eq!(run(&mut connection, &world.shell("exit 2")).await.0.code, 2);
    });
}

#[test]
fn a_large_environment_arrives() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec = world.container(&["env"]);
        spec.env.extend((0..12).map(|number| (format!("LARGE_{number}"), "x".repeat(100_000))));
        let seen = succeed(&mut connection, &spec).await;
        assert!(seen.len() > 1_200_000, "{}", seen.len());
    });
}

#[test]
fn a_version_2_group_is_entered_at_birth() {
    in_world(async |mut world| {
        let Some([supervisor_group, group]) = world.version_2_groups() else { return };
        let cgroup = |dir: &std::path::Path| CgroupAttach { v2: Some(dir.to_path_buf()), ..CgroupAttach::default() };
        let sandbox = SandboxSpec { pid: PidMode::Host, cgroup: cgroup(&supervisor_group), ..world.sandbox() };
        let mut connection = world.start(&sandbox).await;
        let pid = connection.supervisor().pid;
        let group_of = |pid: i32| {
            let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("groups");
            text.lines().find_map(|line| line.strip_prefix("0::").map(str::to_string)).expect("a version 2 group")
        };
        let mut spec = world.shell("cat /proc/self/cgroup; sleep 1000 & sleep 1000");
        spec.cgroup = cgroup(&group);
        let started = started(&mut connection, &spec).await;
        assert!(group.ends_with(group_of(started.pid).trim_start_matches('/')));
        wait_for(|| supervisor_group.ends_with(group_of(pid).trim_start_matches('/'))).await;
        wait_for(|| output(&spec).contains("0::/\n")).await;
        // The process in the background goes with the first one.
        connection.signal(&id(&spec), 9).await.expect("signalled");
        exit_of(&mut connection, &spec).await;
        wait_for(|| fs::read_to_string(group.join("cgroup.procs")).expect("processes").is_empty()).await;
        connection.shutdown().await.expect("ended");
    });
}

#[test]
fn the_same_container_does_not_run_twice() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let first = world.shell("sleep 1000");
        started(&mut connection, &first).await;
        assert!(matches!(connection.start_container(&world.shell("true")).await, Err(SandboxError::Refused(_))));
        connection.signal(&id(&first), 9).await.expect("signalled");
        exit_of(&mut connection, &first).await;
        assert!(matches!(connection.start_container(&first).await, Err(SandboxError::Refused(_))), "an attempt is made once");
        assert_eq!(run(&mut connection, &world.shell("true")).await.0.code, 0);
    });
}

#[test]
fn a_supervisor_cannot_start_without_what_it_needs() {
    in_world(async |world| {
        let image = runtime::sandbox::SupervisorImage::new(&fs::read(env!("CARGO_BIN_EXE_supervisor")).expect("program"));
        let image = image.expect("image");
        let missing = CgroupAttach { v1: vec!["/sys/fs/cgroup/no/such".into()], ..CgroupAttach::default() };
        let sandbox = SandboxSpec { network: NetworkMode::Host, cgroup: missing, ..world.sandbox() };
        let error = runtime::sandbox::start(&image, &sandbox, None).await.expect_err("refused");
        assert!(matches!(&error, SandboxError::Refused(why) if why.contains("control group")), "{error}");
        let climbing = SandboxSpec { id: "..".to_string(), ..world.sandbox() };
        assert!(matches!(runtime::sandbox::start(&image, &climbing, None).await, Err(SandboxError::Spec(_))));
    });
}
