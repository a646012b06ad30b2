//! A sandbox in a temporary folder, with a root made of busybox, all of which is gone when it is dropped.

use std::fs;
use std::future::Future;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use runtime::protocol::{ContainerId, Notice, StartFailure, Started};
use runtime::sandbox::{SandboxError, SupervisorConnection, SupervisorId, SupervisorImage, start};
use runtime::seccomp::runtime_default;
use runtime::spec::*;
use tempfile::TempDir;

const BUSYBOX: &str = "/bin/busybox";
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:101:102:web:/var/web:/bin/sh\n";
const GROUP: &str = "root:x:0:\nlogs:x:7:web\nweb:x:102:\n";

pub struct World {
    dir: TempDir,
    cgroups: Vec<PathBuf>,
    supervisors: Vec<SupervisorId>,
    attempts: AtomicU32,
}

/// Runs a test in a world, or says why it cannot.
pub fn in_world<F: Future<Output = ()>>(test: impl FnOnce(World) -> F) {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let is_static = Command::new("ldd").arg(BUSYBOX).output().is_ok_and(|output| !output.status.success());
    if !Path::new(BUSYBOX).exists() || !is_static {
        eprintln!("skipped: needs a static {BUSYBOX} (apt install busybox-static)");
        return;
    }
    // What a killed supervisor leaves comes to this process, which waits for it, whoever is pid 1 here.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).expect("subreaper");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(120), test(World::new())).await.expect("the test takes two minutes at most");
    });
}

impl World {
    fn new() -> World {
        let dir = tempfile::Builder::new().prefix("skiff-supervisor-").tempdir().expect("temporary folder");
        let world = World { dir, cgroups: Vec::new(), supervisors: Vec::new(), attempts: AtomicU32::new(0) };
        world.make_layer();
        for folder in ["run", "root", "logs", "volumes"] {
            fs::create_dir(world.path(folder)).expect("folder");
        }
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn layer(&self) -> PathBuf {
        self.path("layer")
    }

    fn make_layer(&self) {
        let layer = self.layer();
        for folder in ["bin", "etc", "tmp", "root", "var/web"] {
            fs::create_dir_all(layer.join(folder)).expect("folder");
        }
        fs::copy(BUSYBOX, layer.join("bin/busybox")).expect("busybox");
        let applets = Command::new(BUSYBOX).arg("--list").output().expect("list").stdout;
        for applet in String::from_utf8_lossy(&applets).lines().filter(|applet| *applet != "busybox") {
            symlink("busybox", layer.join("bin").join(applet)).expect("applet");
        }
        fs::write(layer.join("etc/passwd"), PASSWD).expect("passwd");
        fs::write(layer.join("etc/group"), GROUP).expect("group");
        fs::set_permissions(layer.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("mode");
    }

    pub fn run_dir(&self) -> PathBuf {
        self.path("run/pods/pod")
    }

    pub fn sandbox(&self) -> SandboxSpec {
        SandboxSpec {
            id: "pod".to_string(),
            run_dir: self.run_dir(),
            hostname: Some("boat".to_string()),
            network: NetworkMode::Namespace,
            pid: PidMode::Container,
            ipc: IpcMode::Sandbox,
            shm_bytes: DEFAULT_SHM_BYTES,
            cgroup: CgroupAttach::default(),
        }
    }

    /// A container that runs a line of shell.
    pub fn shell(&self, script: &str) -> ContainerSpec {
        self.container(&["/bin/sh", "-c", script])
    }

    /// A container as a manifest without any settings has it. Each is another attempt of the same one.
    pub fn container(&self, argv: &[&str]) -> ContainerSpec {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
        let state = self.path(&format!("state/{attempt}"));
        for folder in ["upper", "work"] {
            fs::create_dir_all(state.join(folder)).expect("folder");
        }
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
        ContainerSpec {
            name: "web".to_string(),
            attempt,
            rootfs: Rootfs {
                lowers: vec![self.layer()],
                upper: Some(Upper { upper: state.join("upper"), work: state.join("work") }),
                mountpoint: self.path("root"),
                access: Access::ReadWrite,
            },
            argv: argv.iter().map(|text| (*text).to_string()).collect(),
            env: vec![("PATH".to_string(), "/bin:/usr/bin".to_string())],
            cwd: "/".into(),
            user: User { user: Account::Id(0), group: None, additional_gids: Vec::new() },
            mounts: Vec::new(),
            capabilities: CapabilitySet::DEFAULT,
            escalation: Escalation::Allowed,
            privilege: Privilege::Confined,
            seccomp: Some(runtime_default(CapabilitySet::DEFAULT)),
            masked_paths: paths(DEFAULT_MASKED_PATHS),
            readonly_paths: paths(DEFAULT_READONLY_PATHS),
            devices: Vec::new(),
            rlimits: Vec::new(),
            umask: 0o022,
            oom_score_adj: 0,
            cgroup: CgroupAttach::default(),
            log: LogSpec { path: self.path(&format!("logs/{attempt}.log")), max_bytes: 10 << 20, max_files: 5 },
        }
    }

    pub async fn start(&mut self, sandbox: &SandboxSpec) -> SupervisorConnection {
        let image = SupervisorImage::new(&fs::read(env!("CARGO_BIN_EXE_supervisor")).expect("program")).expect("image");
        let netns = new_netns();
        let connection = start(&image, sandbox, Some(netns.as_fd())).await.expect("started");
        self.supervisors.push(connection.supervisor());
        connection
    }

    /// Two version 2 groups, of a hierarchy that may have no controllers.
    pub fn version_2_groups(&mut self) -> Option<[PathBuf; 2]> {
        let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let Some(root) = roots.into_iter().find(|root| root.join("cgroup.controllers").exists()) else {
            eprintln!("skipped: no version 2 hierarchy");
            return None;
        };
        Some(["a", "b"].map(|name| {
            let dir = root.join(format!("skiff-supervisor-{}-{name}", std::process::id()));
            fs::create_dir(&dir).expect("group");
            self.cgroups.push(dir.clone());
            dir
        }))
    }

    /// A memory group with a limit, and a group in it where the container goes; none where there is no such controller.
    pub fn memory_group(&mut self, limit_bytes: u64) -> Option<CgroupAttach> {
        let name = format!("skiff-supervisor-{}", std::process::id());
        let (v1, v2) = (Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup"));
        let (dir, limit) = if v1.join("memory.limit_in_bytes").exists() {
            (v1.join(name), "memory.limit_in_bytes")
        } else if fs::read_to_string(v2.join("cgroup.controllers")).is_ok_and(|text| text.contains("memory")) {
            (v2.join(name), "memory.max")
        } else {
            eprintln!("skipped: no memory controller");
            return None;
        };
        fs::create_dir(&dir).expect("group");
        self.cgroups.push(dir.clone());
        fs::write(dir.join(limit), limit_bytes.to_string()).expect("limit");
        let is_v1 = limit != "memory.max";
        Some(CgroupAttach {
            v1: is_v1.then(|| dir.clone()).into_iter().collect(),
            v2: (!is_v1).then(|| dir.clone()),
            memory: Some(dir),
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for supervisor in &self.supervisors {
            if supervisor.is_alive() {
                let pid = rustix::process::Pid::from_raw(supervisor.pid).expect("a pid");
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        reap_all();
        for group in &self.cgroups {
            if let Err(error) = fs::remove_dir(group) {
                eprintln!("{} stays: {error}", group.display());
            }
        }
    }
}

/// Waits for every child of this process, and every orphan that came to it.
pub fn reap_all() {
    while rustix::process::wait(rustix::process::WaitOptions::empty()).is_ok() {}
}

fn new_netns() -> OwnedFd {
    let make = || {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).expect("network namespace");
        fs::File::open("/proc/thread-self/ns/net").expect("namespace").into()
    };
    std::thread::spawn(make).join().expect("thread")
}

pub fn id(spec: &ContainerSpec) -> ContainerId {
    ContainerId { name: spec.name.clone(), attempt: spec.attempt }
}

pub async fn exit_of(connection: &mut SupervisorConnection, spec: &ContainerSpec) -> Exit {
    loop {
        let Notice::Exited { container, exit } = connection.next_notice().await.expect("notice") else {
            panic!("no exit");
        };
        if container == id(spec) {
            return exit;
        }
    }
}

pub async fn started(connection: &mut SupervisorConnection, spec: &ContainerSpec) -> Started {
    connection.start_container(spec).await.unwrap_or_else(|error| panic!("{:?}: {error}", spec.argv))
}

pub async fn failure(connection: &mut SupervisorConnection, spec: &ContainerSpec) -> StartFailure {
    match connection.start_container(spec).await {
        Err(SandboxError::Start(failure)) => failure,
        other => panic!("{:?}: {other:?}", spec.argv),
    }
}

/// Runs a container to its end.
pub async fn run(connection: &mut SupervisorConnection, spec: &ContainerSpec) -> (Exit, String) {
    started(connection, spec).await;
    let exit = exit_of(connection, spec).await;
    (exit, output(spec))
}

/// Runs a container that is to end well, and returns what it wrote.
pub async fn succeed(connection: &mut SupervisorConnection, spec: &ContainerSpec) -> String {
    let (exit, output) = run(connection, spec).await;
    assert_eq!(exit.code, 0, "{:?}: {output}", spec.argv);
    output
}

/// What a container wrote, without the log's own columns; both streams. A line that is only half written yet does not count.
pub fn output(spec: &ContainerSpec) -> String {
    let text = String::from_utf8_lossy(&fs::read(&spec.log.path).expect("log")).into_owned();
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    whole.lines().map(|line| line.splitn(4, ' ').nth(3).expect("four columns").to_string() + "\n").collect()
}
