//! What a container sees of the machine, and what it may do.

use std::fs;

use runtime::spec::*;

use crate::world::*;

fn field<'t>(status: &'t str, name: &str) -> &'t str {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    line.unwrap_or_else(|| panic!("no {name} in {status}"))
}

#[test]
fn every_namespace_is_its_own() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let script = "for ns in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$ns; done";
        let seen = succeed(&mut connection, &world.shell(script)).await;
        let names: Vec<_> = seen.lines().collect();
        assert_eq!(names.len(), 6, "{seen}");
        for name in names {
            let kind = name.split(':').next().expect("a kind");
            let host = fs::read_link(format!("/proc/self/ns/{kind}")).expect("host");
            assert_ne!(host.to_str(), Some(name));
        }
        let second = succeed(&mut connection, &world.shell(script)).await;
        let kept = |kind: &str| seen.lines().find(|line| line.starts_with(kind)).map(|line| second.contains(line));
        assert_eq!(["net", "ipc", "uts"].map(kept), [Some(true); 3], "shared by the containers of a sandbox");
    });
}

#[test]
fn only_its_own_processes_files_and_host_name_are_seen() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let seen =
            succeed(&mut connection, &world.shell("hostname; echo $$; echo /proc/[0-9]*; ls -d /*; cat /proc/1/environ")).await;
        assert!(seen.starts_with("boat\n1\n/proc/1\n"), "{seen}");
        for expected in ["/bin\n", "/dev\n", "/etc\n", "/proc\n", "/root\n", "/sys\n", "/tmp\n"] {
            assert!(seen.contains(expected), "{expected} in {seen}");
        }
        assert!(!seen.contains("/usr\n") && !seen.contains("/work\n"));
        let mounts = succeed(&mut connection, &world.shell("cat /proc/self/mountinfo")).await;
        let host = world.path("");
        assert!(!mounts.contains(host.to_str().expect("text")), "{mounts}");
    });
}

#[test]
fn rights_are_the_default_ones_and_the_filter_is_on() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let status = succeed(&mut connection, &world.container(&["cat", "/proc/self/status"])).await;
        let default = format!("{:016x}", CapabilitySet::DEFAULT.bits());
        for (name, wanted) in [
            ("CapInh", "0000000000000000"),
            ("CapPrm", default.as_str()),
            ("CapEff", default.as_str()),
            ("CapBnd", default.as_str()),
            ("CapAmb", "0000000000000000"),
            ("NoNewPrivs", "0"),
            ("Seccomp", "2"),
            ("SigBlk", "0000000000000000"),
            ("SigIgn", "0000000000000000"),
        ] {
            assert_eq!(field(&status, name), wanted, "{name}");
        }
        let mut bare = world.shell("cat /proc/self/status; unshare -m true; mount -t tmpfs x /tmp; dmesg; chroot / true");
        bare.escalation = Escalation::Denied;
        bare.capabilities = CapabilitySet::EMPTY;
        bare.seccomp = Some(runtime::seccomp::runtime_default(CapabilitySet::EMPTY));
        let (exit, status) = run(&mut connection, &bare).await;
        assert_ne!(exit.code, 0, "nothing of it is allowed");
        assert_eq!(field(&status, "CapEff"), "0000000000000000");
        assert_eq!(field(&status, "CapBnd"), "0000000000000000");
        assert_eq!(field(&status, "NoNewPrivs"), "1");
        assert_eq!(field(&status, "Seccomp"), "2");
        assert_eq!(status.matches("not permitted").count() + status.matches("permission denied").count(), 4, "{status}");
    });
}

#[test]
fn kernel_files_are_hidden_or_read_only() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let script = "
            for file in keys kcore timer_list interrupts; do
                [ -e /proc/$file ] && [ -n \"$(head -c1 /proc/$file)\" ] && echo readable $file
            done
            for folder in /proc/acpi /proc/scsi /sys/firmware /sys/fs/selinux; do
                [ -d $folder ] && [ -n \"$(ls $folder)\" ] && echo listed $folder
                [ -d $folder ] && touch $folder/x 2>/dev/null && echo made $folder/x
            done
            for file in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity /proc/sys/net/ipv4/ip_forward; do
                [ -e $file ] && (echo x >$file) 2>/dev/null && echo written $file
            done
            mkdir /sys/fs/cgroup/x 2>/dev/null && echo made a cgroup
            touch /sys/x 2>/dev/null && echo wrote /sys
            mount -o remount,rw /sys 2>/dev/null && echo remounted
            umount /proc/kcore 2>/dev/null && echo unmasked
            true";
        assert_eq!(succeed(&mut connection, &world.shell(script)).await, "");
    });
}

#[test]
fn a_star_in_a_masked_path_stands_for_names() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec = world.shell("cat /etc/secret*/inner | wc -c; cat /etc/other/inner; ls /etc/secret1");
        for folder in ["secret1", "secret2", "other"] {
            fs::create_dir(world.layer().join("etc").join(folder)).expect("folder");
            fs::write(world.layer().join("etc").join(folder).join("inner"), "text\n").expect("file");
        }
        spec.masked_paths.push("/etc/secret*/inner".into());
        assert_eq!(succeed(&mut connection, &spec).await, "0\ntext\ninner\n");
    });
}

#[test]
fn no_descriptor_of_the_host_is_open() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        // Two containers before it, so that the supervisor has more open than it began with.
        let other = ContainerSpec { name: "other".to_string(), ..world.shell("sleep 1000") };
        started(&mut connection, &other).await;
        let seen = succeed(&mut connection, &world.container(&["ls", "-l", "/proc/self/fd"])).await;
        let open: Vec<&str> = seen.lines().filter_map(|line| line.split_once(" -> ")).map(|(_, target)| target).collect();
        // The fourth is the folder that ls itself reads, and has closed before it looks.
        assert_eq!((open.len(), seen.lines().filter(|line| line.contains(" root ")).count()), (3, 4), "{seen}");
        assert_eq!(open[0], "/dev/null");
        assert!(open[1].starts_with("pipe:[") && open[2].starts_with("pipe:["), "{seen}");
    });
}

#[test]
fn dev_is_small_and_works() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let script = "echo $(ls /dev); echo x >/dev/null; head -c 2 /dev/zero | wc -c; (echo x >/dev/full) 2>&1;
            stat -c '%a %t:%T %n' /dev/null /dev/urandom; echo $(ls /dev/pts); stat -c %a /dev/shm; echo out >/dev/stdout;
            cat /dev/fd/0; true";
        let seen = succeed(&mut connection, &world.shell(script)).await;
        let lines: Vec<&str> = seen.lines().collect();
        assert_eq!(lines[0], "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero");
        assert_eq!(lines[1], "2");
        assert!(lines[2].contains("No space left"), "{seen}");
        assert_eq!(lines[3..], ["666 1:3 /dev/null", "666 1:9 /dev/urandom", "ptmx", "1777", "out"]);
    });
}

#[test]
fn a_privileged_container_has_the_machine() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec = world.shell(
            "cat /proc/self/status; ls /dev | wc -l; mount -t tmpfs x /tmp && echo mounted; head -c1 /proc/interrupts | wc -c",
        );
        spec.privilege = Privilege::Privileged;
        spec.capabilities = CapabilitySet::ALL;
        spec.seccomp = None;
        let seen = succeed(&mut connection, &spec).await;
        assert_eq!(field(&seen, "Seccomp"), "0");
        let host = fs::read_to_string("/proc/self/status").expect("status");
        assert_eq!(field(&seen, "CapEff"), field(&host, "CapEff"));
        assert!(seen.contains("mounted\n1\n"), "{seen}");
        let devices: usize = seen.lines().rev().nth(2).and_then(|line| line.parse().ok()).expect("a number");
        assert!(devices > 20, "{devices} devices");
    });
}

#[test]
fn only_its_own_control_groups_are_seen() {
    in_world(async |mut world| {
        let Some(cgroup) = world.memory_group(64 << 20) else { return };
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec = world.shell("cat /proc/self/cgroup; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; ls /sys/fs/cgroup; true");
        spec.cgroup = cgroup.clone();
        let seen = succeed(&mut connection, &spec).await;
        assert!(seen.contains("67108864\n"), "{seen}");
        if !cgroup.v1.is_empty() {
            assert!(seen.contains(":memory:/\n"), "{seen}");
            assert!(seen.ends_with("67108864\nmemory\n"), "{seen}");
        }
    });
}
