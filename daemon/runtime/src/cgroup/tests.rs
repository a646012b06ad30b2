//! Control groups in fake trees without root, and against the real kernel where this machine allows it.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::*;

/// A folder that looks like the given hierarchies, and the groups in it.
fn fake(mounts: &[(&str, &str)]) -> (TempDir, Cgroups) {
    let dir = tempfile::tempdir().unwrap();
    let mut mountinfo = String::new();
    for (name, options) in mounts {
        let path = dir.path().join(name);
        fs::create_dir(&path).unwrap();
        mountinfo += &format!("32 31 0:29 / {} rw - {options}\n", path.display());
    }
    let file = dir.path().join("mountinfo");
    fs::write(&file, mountinfo).unwrap();
    let cgroups = Cgroups::open(&CgroupConfig { root: "skiff".to_owned(), mountinfo: file }).unwrap();
    (dir, cgroups)
}

fn fake_v1() -> (TempDir, Cgroups) {
    let one = |name| (name, ["cgroup cgroup rw,", name].concat());
    let mounts = [one("memory"), one("pids"), one("devices"), ("cpu,cpuacct", "cgroup cgroup rw,cpu,cpuacct".to_owned())];
    fake(&mounts.each_ref().map(|(name, options)| (*name, options.as_str())))
}

fn fake_v2() -> (TempDir, Cgroups) {
    fake(&[("unified", "cgroup2 cgroup2 rw")])
}

fn resources() -> Resources {
    Resources {
        cpu_request_milli: Some(250),
        cpu_limit_milli: Some(500),
        memory_limit_bytes: Some(128 << 20),
        pids_max: Some(1024),
    }
}

#[test]
fn version_1_gets_shares_quota_memory_and_processes() {
    let (dir, cgroups) = fake_v1();
    cgroups.create_pod("u1", Qos::Burstable, &resources()).unwrap();
    let attach = cgroups.create_container("u1", "web-0", &resources(), DevicePolicy::Everything).unwrap();
    let read = |path: &str| fs::read_to_string(dir.path().join(path)).unwrap();
    for group in ["skiff/kubepods/burstable/podu1", "skiff/kubepods/burstable/podu1/web-0"] {
        assert_eq!(read(&format!("cpu,cpuacct/{group}/cpu.shares")), "256");
        assert_eq!(read(&format!("cpu,cpuacct/{group}/cpu.cfs_quota_us")), "50000");
        assert_eq!(read(&format!("memory/{group}/memory.limit_in_bytes")), "134217728");
        assert_eq!(read(&format!("pids/{group}/pids.max")), "1024");
    }
    assert_eq!(read("cpu,cpuacct/skiff/kubepods/besteffort/cpu.shares"), "2");
    assert_eq!((attach.v1.len(), attach.v2), (4, None));
    assert!(attach.v1.iter().all(|folder| folder.is_dir() && folder.ends_with("podu1/web-0")));
    assert_eq!(attach.memory, Some(dir.path().join("memory/skiff/kubepods/burstable/podu1/web-0")));
}

#[test]
fn version_2_gets_weight_max_and_a_whole_container_is_killed_when_memory_runs_out() {
    let (dir, cgroups) = fake_v2();
    let group = dir.path().join("unified/skiff/kubepods/podu1/web-0");
    // The kernel offers these files; cgroups-rs reads the first before it writes.
    fs::create_dir_all(&group).unwrap();
    for folder in [group.parent().unwrap(), &group] {
        fs::write(folder.join("cpu.max"), "max 100000").unwrap();
        fs::write(folder.join("memory.swap.max"), "max").unwrap();
    }
    cgroups.create_pod("u1", Qos::Guaranteed, &resources()).unwrap();
    let attach = cgroups.create_container("u1", "web-0", &resources(), DevicePolicy::Everything).unwrap();
    let read = |name: &str| fs::read_to_string(group.join(name)).unwrap();
    assert_eq!((read("cpu.weight"), read("cpu.max")), ("35".to_owned(), "50000 100000".to_owned()));
    assert_eq!((read("memory.max"), read("memory.swap.max")), ("134217728".to_owned(), "0".to_owned()));
    assert_eq!((read("pids.max"), read("memory.oom.group")), ("1024".to_owned(), "1".to_owned()));
    assert_eq!((attach.v1.len(), attach.v2, attach.memory), (0, Some(group.clone()), Some(group)));
    for upper in ["", "skiff", "skiff/kubepods", "skiff/kubepods/burstable", "skiff/kubepods/podu1"] {
        let control = dir.path().join("unified").join(upper).join("cgroup.subtree_control");
        assert_eq!(fs::read_to_string(control).unwrap(), "+cpu +memory +pids", "{upper:?}");
    }
}

#[test]
fn what_is_not_limited_is_not_written() {
    let (dir, cgroups) = fake_v1();
    cgroups.create_pod("u1", Qos::BestEffort, &Resources::default()).unwrap();
    let group = dir.path().join("memory/skiff/kubepods/besteffort/podu1");
    assert!(group.is_dir() && !group.join("memory.limit_in_bytes").exists());
}

#[test]
fn pods_are_found_again_and_removed_from_every_hierarchy() {
    let (dir, cgroups) = fake_v2();
    for (uid, qos) in [("u3", Qos::BestEffort), ("u1", Qos::Guaranteed), ("u2", Qos::Burstable)] {
        let folder = dir.path().join("unified").join(cgroups.pod_group(uid, qos).unwrap());
        fs::create_dir(&folder).unwrap();
    }
    assert_eq!(cgroups.pods().unwrap(), ["u1", "u2", "u3"]);
    cgroups.remove("u2").unwrap();
    cgroups.remove("never-was").unwrap();
    cgroups.kill("never-was").unwrap();
    assert_eq!(cgroups.pods().unwrap(), ["u1", "u3"]);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let (_dir, cgroups) = fake_v1();
    for name in ["", "..", ".", "a/b", "a\0b", "a b", &"x".repeat(300)] {
        assert!(matches!(cgroups.create_pod(name, Qos::Burstable, &resources()), Err(CgroupError::Name { .. })), "{name:?}");
        assert!(cgroups.remove(name).is_err() && cgroups.kill(name).is_err());
    }
    let unknown = cgroups.create_container("u9", "web", &resources(), DevicePolicy::Default);
    assert!(matches!(unknown, Err(CgroupError::UnknownPod { uid }) if uid == "u9"));
}

#[test]
fn usage_is_what_kubernetes_calls_the_working_set() {
    let (dir, cgroups) = fake_v2();
    cgroups.create_pod("u1", Qos::Burstable, &Resources::default()).unwrap();
    let group = dir.path().join("unified/skiff/kubepods/burstable/podu1");
    let files = [
        ("cpu.stat", "usage_usec 1234\nuser_usec 1000\n"),
        ("memory.current", "1000\n"),
        ("memory.stat", "anon 700\nfile 300\ninactive_file 200\n"),
        ("memory.events", "low 0\noom 2\noom_kill 3\n"),
        ("pids.current", "5\n"),
    ];
    for (name, content) in files {
        fs::write(group.join(name), content).unwrap();
    }
    let usage =
        Usage { cpu_ns: 1_234_000, memory_bytes: 1000, memory_working_set_bytes: 800, memory_anonymous_bytes: 700, pids: 5 };
    assert_eq!(cgroups.usage("u1", None).unwrap(), usage);
    assert_eq!(usage::oom_kills(&cgroups.layout, Path::new("skiff/kubepods/burstable/podu1")).unwrap(), 3);
    fs::write(group.join("pids.current"), "many").unwrap();
    assert!(cgroups.usage("u1", None).unwrap_err().to_string().contains("pids.current"));
}

/// The real groups below a root of this test's own, removed with it; nothing where this machine does not allow it.
struct Real(Cgroups);

impl Real {
    fn open(name: &str) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: needs root");
            return None;
        }
        let config = CgroupConfig { root: format!("skiff-test-{name}-{}", std::process::id()), ..CgroupConfig::default() };
        match Cgroups::open(&config) {
            Ok(cgroups) => Some(Self(cgroups)),
            Err(error) => {
                println!("skipped: no writable control groups here: {error}");
                None
            }
        }
    }

    fn container(&self, uid: &str, resources: &Resources) -> CgroupAttach {
        self.0.create_pod(uid, Qos::Burstable, &Resources::default()).unwrap();
        self.0.create_container(uid, "main-0", resources, DevicePolicy::Default).unwrap()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.0.teardown().unwrap();
    }
}

/// A shell that moves itself into the groups, says so and runs the script.
fn shell(attach: &CgroupAttach, script: &str) -> Child {
    let v1 = attach.v1.iter().map(|folder| folder.join("tasks"));
    let files = v1.chain(attach.v2.iter().map(|folder| folder.join("cgroup.procs")));
    let script = format!("for file in \"$@\"; do echo 0 > \"$file\" || exit 99; done; {script}");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).args(files).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line).unwrap();
    line
}

#[test]
fn a_container_that_takes_too_much_memory_is_killed_and_counted() {
    let Some(real) = Real::open("oom") else { return };
    let resources = Resources { memory_limit_bytes: Some(16 << 20), ..Resources::default() };
    let attach = real.container("u1", &resources);
    assert_eq!(real.0.oom_kills("u1", "main-0").unwrap(), 0);
    let status = shell(&attach, "x=$(head -c 99999999 /dev/zero | tr '\\0' x); echo ${#x}").wait().unwrap();
    assert!(!status.success() && status.code() != Some(99), "{status}");
    assert!(real.0.oom_kills("u1", "main-0").unwrap() >= 1);
}

#[test]
fn kill_ends_everything_in_a_pod_and_remove_leaves_nothing() {
    let Some(real) = Real::open("kill") else { return };
    let attach = real.container("u1", &Resources { pids_max: Some(100), ..Resources::default() });
    let mut child =
        shell(&attach, "trap '' TERM; for n in 1 2 3 4 5; do sh -c 'trap \"\" TERM; sleep 1000' & done; echo up; wait");
    assert_eq!(first_line(&mut child), "up\n");
    let usage = real.0.usage("u1", Some("main-0")).unwrap();
    assert!(usage.pids >= 6 && usage.memory_working_set_bytes > 0 && usage.cpu_ns > 0, "{usage:?}");
    assert!(real.0.processes("u1").unwrap().len() >= 6);
    real.0.kill("u1").unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(real.0.processes("u1").unwrap(), [0u32; 0]);
    real.0.remove("u1").unwrap();
    assert_eq!(real.0.pods().unwrap(), [""; 0]);
    assert!(attach.v1.iter().chain(&attach.v2).all(|folder| !folder.exists()));
}

#[test]
fn inside_a_container_the_processes_at_the_mount_point_make_way() {
    let Some(real) = Real::open("nested") else { return };
    let Layout::V2 { mount } = &real.0.layout else {
        println!("skipped: version 1 lets any group have both processes and children");
        return;
    };
    // What a container sees as the whole hierarchy is a group with processes in it.
    let inner = mount.join(&real.0.root).join("supervisors");
    let mut child = shell(&real.0.supervisors(), "echo up; exec sleep 1000");
    assert_eq!(first_line(&mut child), "up\n");
    let dir = tempfile::tempdir().unwrap();
    let mountinfo = dir.path().join("mountinfo");
    fs::write(&mountinfo, format!("41 31 0:38 / {} rw - cgroup2 cgroup2 rw\n", inner.display())).unwrap();
    let nested = Cgroups::open(&CgroupConfig { root: "skiff".to_owned(), mountinfo }).unwrap();
    nested.create_pod("u1", Qos::Burstable, &resources()).unwrap();
    let moved = fs::read_to_string(inner.join("init/cgroup.procs")).unwrap();
    assert_eq!(moved.trim(), child.id().to_string());
    drop(real);
    assert!(!child.wait().unwrap().success());
}

#[test]
fn a_container_opens_the_usual_devices_only() {
    let Some(real) = Real::open("devices") else { return };
    let attach = real.container("u1", &Resources::default());
    assert_only_the_usual_devices_open(&attach);
}

#[test]
fn the_device_program_of_version_2_decides_as_the_list_of_version_1() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let unified = mountinfo.lines().find(|line| line.contains(" - cgroup2 ")).and_then(|line| line.split(' ').nth(4));
    let Some(unified) = unified else {
        println!("skipped: no version 2 hierarchy is mounted");
        return;
    };
    let folder = Path::new(unified).join(format!("skiff-test-bpf-{}", std::process::id()));
    if let Err(error) = fs::create_dir(&folder) {
        println!("skipped: {} is not writable: {error}", folder.display());
        return;
    }
    let remove = scopeguard(&folder);
    let program = match devices::load_v2(default_devices()) {
        Ok(program) => program,
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            println!("skipped: no right to load BPF programs");
            return;
        }
        Err(error) => panic!("the kernel refused the program: {error}"),
    };
    devices::restrict_v2(&folder, &program).unwrap();
    assert_only_the_usual_devices_open(&CgroupAttach { v1: Vec::new(), v2: Some(folder.clone()), memory: None });
    drop(remove);
}

/// Removes an empty group at the end of a test, passed or not.
fn scopeguard(folder: &Path) -> impl Drop {
    struct Remove(PathBuf);
    impl Drop for Remove {
        fn drop(&mut self) {
            fs::remove_dir(&self.0).unwrap();
        }
    }
    Remove(folder.to_owned())
}

/// Any node may be made; the usual ones can be opened, others (here /dev/mem's and a loop device's numbers) not.
fn assert_only_the_usual_devices_open(attach: &CgroupAttach) {
    let dir = tempfile::tempdir().unwrap();
    let script = "cd \"$DIR\" || exit 98
        mknod null c 1 3 && mknod mem c 1 1 && mknod loop b 7 0 || exit 97
        true < null || exit 96; true > null || exit 95; head -c 1 /dev/urandom > null || exit 94
        true < mem && exit 93; true < loop && exit 92; exit 0";
    let status = shell(attach, &format!("DIR='{}'; {script}", dir.path().display())).wait().unwrap();
    if status.code() == Some(97) || status.code() == Some(96) {
        println!("skipped: device nodes do not work in {}", dir.path().display());
        return;
    }
    assert_eq!(status.code(), Some(0));
}
