//! Users, folders, environment, limits.

use runtime::protocol::{ContainerId, Credentials, Stage};
use runtime::spec::*;

use crate::world::*;

#[test]
fn users_and_groups_are_those_of_the_image() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec =
            world.shell("id; echo $HOME; pwd; echo ok >/dev/stdout; cat /proc/self/status | grep CapEff; ls -ld /work/here");
        spec.user = User { user: Account::Name("web".to_string()), group: None, additional_gids: vec![4242] };
        spec.cwd = "/work/here".into();
        let seen = succeed(&mut connection, &spec).await;
        let lines: Vec<&str> = seen.lines().collect();
        assert_eq!(lines[0], "uid=101(web) gid=102(web) groups=7(logs),102(web),4242");
        assert_eq!(lines[1..5], ["/var/web", "/work/here", "ok", "CapEff:\t0000000000000000"]);
        assert!(lines[5].starts_with("drwxr-xr-x"), "{seen}");
        let id = ContainerId { name: spec.name.clone(), attempt: spec.attempt };
        let credentials = connection.credentials(&id).await.expect("it was started");
        assert_eq!(credentials, Credentials { uid: 101, gid: 102, groups: vec![7, 102, 4242] });
        let other = connection.credentials(&ContainerId { attempt: spec.attempt + 1, ..id }).await;
        assert!(matches!(other, Err(runtime::sandbox::SandboxError::Refused(_))), "{other:?}");
        let mut numeric = world.shell("id; echo $HOME");
        numeric.user = User { user: Account::Id(1234), group: Some(Account::Id(5678)), additional_gids: Vec::new() };
        numeric.env.push(("HOME".to_string(), "/mine".to_string()));
        assert_eq!(succeed(&mut connection, &numeric).await, "uid=1234 gid=5678 groups=5678\n/mine\n");
    });
}

#[test]
fn a_user_without_rights_may_listen_on_any_port_of_its_own_network() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec = world.shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start; nc -l -p 80 -w 1 </dev/null; true");
        spec.user.user = Account::Name("web".to_string());
        spec.capabilities = CapabilitySet::EMPTY;
        let seen = succeed(&mut connection, &spec).await;
        assert!(seen.starts_with("0\n") && !seen.contains("denied"), "{seen}");
        let host = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").expect("setting");
        assert_ne!(host, "0\n", "the host's own stays");
    });
}

#[test]
fn an_unknown_user_is_named() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec = world.shell("true");
        spec.user.user = Account::Name("nobody".to_string());
        let failure = failure(&mut connection, &spec).await;
        assert_eq!(failure.stage, Stage::User);
        assert_eq!(failure.message, "unable to find user nobody: no matching entries in passwd file");
    });
}

#[test]
fn a_password_file_that_is_a_pipe_does_not_block() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let passwd = world.layer().join("etc/passwd");
        std::fs::remove_file(&passwd).expect("removed");
        nix::unistd::mkfifo(&passwd, nix::sys::stat::Mode::S_IRWXU).expect("pipe");
        assert_eq!(failure(&mut connection, &world.shell("true")).await.message, "reading /etc/passwd: not a regular file");
    });
}

#[test]
fn limits_and_the_mask_are_set_and_the_session_is_new() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec = world.shell("ulimit -n; umask; cat /proc/self/oom_score_adj; cut -d' ' -f6 /proc/1/stat; env | sort");
        // RLIMIT_NOFILE
        spec.rlimits = vec![Rlimit { resource: 7, soft: 123, hard: 200 }];
        spec.umask = 0o027;
        spec.oom_score_adj = 900;
        spec.env.push(("GREETING".to_string(), "hello world".to_string()));
        let seen = succeed(&mut connection, &spec).await;
        assert!(seen.starts_with("123\n0027\n900\n1\nGREETING=hello world\nHOME=/root\nPATH=/bin:/usr/bin\n"), "{seen}");
    });
}

#[test]
fn programs_that_cannot_run_are_explained() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let layer = world.layer();
        std::fs::write(layer.join("bin/text"), "echo hello\n").expect("file");
        std::fs::write(layer.join("bin/garbage"), b"\x7fELF garbage").expect("file");
        std::fs::copy(layer.join("bin/text"), layer.join("bin/plain")).expect("file");
        // An executable of another machine: one byte of the header is its kind.
        let mut other = std::fs::read(layer.join("bin/busybox")).expect("busybox");
        other[18] = 0xf3;
        std::fs::write(layer.join("bin/riscv"), other).expect("file");
        std::fs::write(layer.join("bin/lost"), "#!/no/such/interpreter\n").expect("file");
        for name in ["garbage", "plain", "riscv", "lost"] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(layer.join("bin").join(name), mode).expect("mode");
        }
        for (program, errno, message) in [
            ("foo", libc_errno::ENOENT, "exec: \"foo\": executable file not found in $PATH"),
            ("/foo", libc_errno::ENOENT, "exec: \"/foo\": stat /foo: no such file or directory"),
            ("text", libc_errno::EACCES, "exec: \"text\": permission denied"),
            ("/etc", libc_errno::EISDIR, "exec: \"/etc\": is a directory"),
            ("/bin/garbage", libc_errno::ENOEXEC, "exec /bin/garbage: exec format error"),
            ("riscv", libc_errno::ENOEXEC, "exec /bin/riscv: exec format error"),
            ("plain", libc_errno::ENOEXEC, "exec /bin/plain: exec format error"),
            ("lost", libc_errno::ENOENT, "exec /bin/lost: no such file or directory"),
        ] {
            let failure = failure(&mut connection, &world.container(&[program])).await;
            assert_eq!((failure.stage, failure.errno, failure.message.as_str()), (Stage::Exec, errno, message));
        }
        let mut spec = world.shell("true");
        spec.cwd = "/etc/passwd".into();
        let failure = failure(&mut connection, &spec).await;
        assert_eq!((failure.stage, failure.errno), (Stage::WorkingDirectory, libc_errno::ENOTDIR));
        assert!(connection.status().await.expect("status").is_empty(), "nothing is left of them");
    });
}

mod libc_errno {
    pub const ENOENT: i32 = 2;
    pub const ENOEXEC: i32 = 8;
    pub const EACCES: i32 = 13;
    pub const ENOTDIR: i32 = 20;
    pub const EISDIR: i32 = 21;
}
