//! Frames in pieces, and the bytes of version 1.

use super::*;
use crate::spec::*;

fn sandbox() -> SandboxSpec {
    SandboxSpec {
        id: "s".to_string(),
        run_dir: "/r".into(),
        hostname: Some("h".to_string()),
        network: NetworkMode::Namespace,
        pid: PidMode::Sandbox,
        ipc: IpcMode::Host,
        shm_bytes: 1,
        cgroup: CgroupAttach { v1: vec!["/a".into()], v2: Some("/b".into()), memory: None },
    }
}

fn container() -> ContainerSpec {
    ContainerSpec {
        name: "c".to_string(),
        attempt: 2,
        rootfs: Rootfs {
            lowers: vec!["/l".into()],
            upper: Some(Upper { upper: "/u".into(), work: "/w".into() }),
            mountpoint: "/m".into(),
            access: Access::ReadOnly,
        },
        argv: vec!["run".to_string()],
        env: vec![("K".to_string(), "v".to_string())],
        cwd: "/".into(),
        user: User { user: Account::Name("n".to_string()), group: Some(Account::Id(3)), additional_gids: vec![4] },
        mounts: vec![
            Mount::Bind {
                source: "/s".into(),
                target: "/t".into(),
                kind: BindKind::File,
                access: Access::RecursiveReadOnly,
                propagation: Propagation::Slave,
            },
            Mount::Tmpfs { target: "/x".into(), size_bytes: 5, mode: 0o700 },
        ],
        capabilities: CapabilitySet::EMPTY.with(Capability::KILL),
        escalation: Escalation::Denied,
        privilege: Privilege::Privileged,
        seccomp: Some(vec![7; 8]),
        masked_paths: vec!["/p".into()],
        readonly_paths: vec!["/q".into()],
        devices: vec![Device { path: "/d".into(), kind: DeviceKind::Block, major: 8, minor: 9, mode: 10, uid: 11, gid: 12 }],
        rlimits: vec![Rlimit { resource: 13, soft: 14, hard: 15 }],
        umask: 16,
        oom_score_adj: -17,
        cgroup: CgroupAttach::default(),
        log: LogSpec { path: "/o".into(), max_bytes: 18, max_files: 19 },
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check<M: serde::Serialize>(message: &M, expected: &str) {
    assert_eq!(hex(&encode(message).expect("encoded")[4..]), expected);
}

/// Supervisors of version 1 run on under daemons of any later version: these bytes never change. A field or variant that
/// is added belongs into a test of its own version.
#[test]
fn version_1_is_frozen() {
    check(&ToSupervisor::Hello { version: 1 }, "0001");
    check(
        &ToSupervisor::Request(300, Request::Configure(Box::new(sandbox()))),
        "01ac020001730 22f72010168010101010102 2f6101022f6200".replace(' ', "").as_str(),
    );
    let started = Started { pid: 7, started_at: 128 };
    check(&FromSupervisor::Answer(1, Answer::Started(started)), "0101010e8001");
    check(&FromSupervisor::Answer(1, Answer::Done), "010100");
    check(
        &FromSupervisor::Answer(1, Answer::Failed(StartFailure { stage: Stage::Exec, errno: 2, message: "m".to_string() })),
        "0101020c04016d",
    );
    let exit = Exit { code: 137, signal: 9, oom_killed: true, started_at: 1, finished_at: 2 };
    let id = ContainerId { name: "c".to_string(), attempt: 3 };
    check(&FromSupervisor::Notice(Notice::Exited { container: id.clone(), exit }), "0200016303920212010102");
    let states = vec![ContainerState { container: id.clone(), state: RunState::Exited(exit) }];
    check(&FromSupervisor::Answer(9, Answer::Status(states)), "010903010163030292021201 0102".replace(' ', "").as_str());
    check(&ToSupervisor::Request(2, Request::Signal { container: id, signal: 15 }), "01020201 63031e".replace(' ', "").as_str());
    check(&ToSupervisor::Request(2, Request::Status), "010203");
    check(&ToSupervisor::Request(2, Request::Shutdown), "010204");
    check(
        &ToSupervisor::Request(2, Request::Start(Box::new(container()))),
        "01020101630201022f6c01022f75022f77022f6d01010372756e01014b0176012f01016e01000301040200022f73022f7401020101022f7805c00320010101080707070707070707\
         01022f7001022f7101022f6401080 90a0b0c010d0e0f102100000 0022f6f1213"
            .replace([' ', '\n'], "")
            .as_str(),
    );
}

/// Version 3 adds to it. The same holds for these.
#[test]
fn version_3_is_frozen() {
    let id = ContainerId { name: "c".to_string(), attempt: 3 };
    let streams = ContainerStreams { input: InputMode::Once, console: ConsoleMode::Terminal };
    let start = StartSpec { streams, among: Some(id.clone()), container: container() };
    let plain = encode(&ToSupervisor::Request(2, Request::Start(Box::new(container())))).expect("encoded");
    check(&ToSupervisor::Request(2, Request::StartWith(Box::new(start))), &format!("010207020101016303{}", hex(&plain[7..])));
    check(&ToSupervisor::Request(2, Request::Attach(AttachSpec { writes: true, container: id })), "01020801016303");
    check(&ToSupervisor::Request(2, Request::EndInput), "010209");
    check(&FromSupervisor::Answer(1, Answer::Attached(AttachedTo { streams })), "0101050201");
    check(&FromSupervisor::Notice(Notice::Detached), "0202");
}

/// Version 5 adds to it. The same holds for these.
#[test]
fn version_5_is_frozen() {
    let id = ContainerId { name: "c".to_string(), attempt: 3 };
    let spec = AttachSpec { writes: false, container: id };
    check(&ToSupervisor::Request(2, Request::AttachFromStart(spec)), "01020b00016303");
    let streams = ContainerStreams { input: InputMode::Awaited, console: ConsoleMode::Pipes };
    assert_eq!(hex(&encode(&streams).expect("encoded")[4..]), "0300");
}

/// Version 4 adds to it. The same holds for these.
#[test]
fn version_4_is_frozen() {
    let id = ContainerId { name: "c".to_string(), attempt: 3 };
    check(&ToSupervisor::Request(2, Request::Credentials(id)), "01020a016303");
    let part = Mount::Part {
        volume: "/s".into(),
        part: "p".into(),
        target: "/t".into(),
        access: Access::ReadOnly,
        propagation: Propagation::Shared,
    };
    assert_eq!(hex(&encode(&part).expect("encoded")[4..]), "02022f730170022f740102");
    let credentials = Credentials { uid: 5, gid: 6, groups: vec![6, 128] };
    check(&FromSupervisor::Answer(1, Answer::Credentials(credentials)), "01010605060206 8001".replace(' ', "").as_str());
}

#[test]
fn frames_arrive_in_any_pieces() {
    let messages = [
        ToSupervisor::Hello { version: 1 },
        ToSupervisor::Request(1, Request::Start(Box::new(container()))),
        ToSupervisor::Request(2, Request::Status),
    ];
    let stream: Vec<u8> = messages.iter().flat_map(|message| encode(message).expect("encoded")).collect();
    for piece in [1, 3, 64, stream.len()] {
        let mut inbox = Inbox::default();
        let mut read = Vec::new();
        for bytes in stream.chunks(piece) {
            inbox.buffer().extend_from_slice(bytes);
            while let Some(frame) = inbox.take_frame().expect("frame") {
                read.push(decode::<ToSupervisor>(&frame).expect("message"));
            }
        }
        assert_eq!(read, messages);
        assert!(inbox.is_empty());
    }
}

#[test]
fn a_frame_without_end_is_refused_before_it_is_read() {
    let mut inbox = Inbox::default();
    inbox.buffer().extend_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(inbox.take_frame(), Err(FrameError::TooLong(u32::MAX as usize)));
}

#[test]
fn what_a_younger_version_adds_at_the_end_is_skipped() {
    let mut frame = encode(&ToSupervisor::Request(1, Request::Start(Box::new(container())))).expect("encoded")[4..].to_vec();
    frame.extend_from_slice(b"a new field");
    assert_eq!(decode(&frame), Some(ToSupervisor::Request(1, Request::Start(Box::new(container())))));
}

#[test]
fn garbage_is_no_message_and_no_panic() {
    let frame = encode(&ToSupervisor::Request(1, Request::Start(Box::new(container())))).expect("encoded")[4..].to_vec();
    for length in 0..frame.len() {
        assert_eq!(decode::<ToSupervisor>(&frame[..length]), None, "cut at {length}");
    }
    for position in 0..frame.len() {
        let mut broken = frame.clone();
        broken[position] = 0xff;
        let _ = decode::<ToSupervisor>(&broken);
    }
    assert_eq!(decode::<ToSupervisor>(&[1, 5, 99]), None, "an unknown request");
    assert_eq!(decode::<(u32, RequestId)>(&[1, 5, 99]), Some((1, 5)), "whose id can be read");
}
