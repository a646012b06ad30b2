//! Output on its way from a container into files.

use std::fs;

use runtime::log::LINE_LIMIT;
use runtime::spec::*;

use crate::world::*;

fn lines(spec: &ContainerSpec) -> Vec<(String, char, String)> {
    let text = String::from_utf8_lossy(&fs::read(&spec.log.path).expect("log")).into_owned();
    let parse = |line: &str| {
        let mut columns = line.splitn(4, ' ');
        let time = columns.next().expect("time");
        assert!(time.len() == 30 && time.ends_with('Z'), "{line}");
        let stream = columns.next().expect("stream").to_string();
        (stream, columns.next().and_then(|tag| tag.chars().next()).expect("tag"), columns.next().expect("text").to_string())
    };
    text.lines().map(parse).collect()
}

#[test]
fn both_streams_are_written_with_their_names() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let spec = world.shell("echo one; echo two >&2; printf 'a\\000b\\377\\n'; printf unfinished");
        succeed(&mut connection, &spec).await;
        let lines = lines(&spec);
        let of = |stream: &str| {
            lines.iter().filter(|(name, ..)| name == stream).map(|(_, tag, text)| (*tag, text.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(of("stdout"), [('F', "one"), ('F', "a\0b\u{fffd}"), ('P', "unfinished")]);
        assert_eq!(of("stderr"), [('F', "two")]);
    });
}

#[test]
fn a_very_long_line_and_very_many_lines_are_complete() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let spec = world.shell("head -c 1000000 /dev/zero | tr '\\0' x; echo; seq 1 100000");
        succeed(&mut connection, &spec).await;
        let lines = lines(&spec);
        let parts: Vec<_> = lines.iter().take_while(|(_, tag, _)| *tag == 'P').collect();
        assert!(parts.iter().all(|(_, _, text)| text.len() == LINE_LIMIT));
        let long = parts.len() * LINE_LIMIT + lines[parts.len()].2.len();
        assert_eq!(long, 1_000_000);
        let numbers: Vec<usize> = lines[parts.len() + 1..].iter().map(|(_, _, text)| text.parse().expect("number")).collect();
        assert_eq!(numbers, (1..=100_000).collect::<Vec<_>>());
    });
}

#[test]
fn full_files_are_put_aside() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec = world.shell("for i in $(seq 1 200); do echo this is line number $i; done");
        spec.log = LogSpec { path: world.path("logs/deep/er/0.log"), max_bytes: 2000, max_files: 3 };
        succeed(&mut connection, &spec).await;
        let mut files: Vec<_> =
            fs::read_dir(world.path("logs/deep/er")).expect("folder").map(|entry| entry.expect("entry").path()).collect();
        files.sort();
        assert_eq!(files.len(), 3, "{files:?}");
        assert!(output(&spec).ends_with("this is line number 200\n"));
    });
}

#[test]
fn a_writer_that_outlives_its_container_does_not_hold_up_the_exit() {
    in_world(async |mut world| {
        // Both containers see the host's processes, so nothing ends the one in the background but its group.
        let sandbox = SandboxSpec { pid: PidMode::Host, ..world.sandbox() };
        let mut connection = world.start(&sandbox).await;
        let Some(cgroup) = world.memory_group(64 << 20) else { return };
        let mut spec = world.shell("(while true; do echo noise; done) & echo main; exit 6");
        spec.cgroup = cgroup.clone();
        let (exit, seen) = run(&mut connection, &spec).await;
        assert_eq!(exit.code, 6);
        assert!(seen.contains("main\n"));
        let group = cgroup.memory.expect("a group");
        while !fs::read_to_string(group.join("cgroup.procs")).expect("processes").is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    });
}

#[test]
fn a_log_that_cannot_be_made_is_a_reason_not_to_start() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec = world.shell("true");
        fs::write(world.path("logs/file"), "").expect("file");
        spec.log.path = world.path("logs/file/0.log");
        let failure = failure(&mut connection, &spec).await;
        assert!(failure.message.starts_with("failed to create log file"), "{failure}");
    });
}
