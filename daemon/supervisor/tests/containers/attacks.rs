//! Images and volumes that want a mount, a file or a device outside of the root.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use runtime::spec::*;

use crate::world::*;

fn bind_file(world: &World, target: &str) -> Mount {
    let source = world.path("volumes/file");
    fs::write(&source, "mounted\n").expect("file");
    Mount::Bind {
        source,
        target: target.into(),
        kind: BindKind::File,
        access: Access::ReadOnly,
        propagation: Propagation::Private,
    }
}

/// A folder of the host that nothing may appear in.
fn victim(world: &World) -> std::path::PathBuf {
    let victim = world.path("victim");
    fs::create_dir_all(&victim).expect("folder");
    victim
}

fn assert_untouched(victim: &Path) {
    assert_eq!(fs::read_dir(victim).expect("folder").count(), 0, "{victim:?}");
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    assert!(!mounts.contains(victim.to_str().expect("text")));
}

#[test]
fn links_in_the_way_of_a_volume_lead_nowhere_but_inside() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let victim = victim(&world);
        let layer = world.layer();
        symlink(&victim, layer.join("absolute")).expect("link");
        symlink(format!("../../../../../../../../..{}", victim.display()), layer.join("etc/climbing")).expect("link");
        symlink("/proc/1/root", layer.join("magic")).expect("link");
        for target in ["/absolute/file", "/etc/climbing/file", "/absolute"] {
            let mut spec = world.shell(&format!("cat {target}"));
            spec.mounts = vec![bind_file(&world, target)];
            if target == "/absolute" {
                spec.mounts = vec![Mount::Tmpfs { target: target.into(), size_bytes: 4096, mode: 0o755 }];
                spec.argv = vec!["/bin/true".to_string()];
            }
            succeed(&mut connection, &spec).await;
            assert_untouched(&victim);
        }
        let mut spec = world.shell("true");
        spec.mounts = vec![bind_file(&world, "/magic/file")];
        failure(&mut connection, &spec).await;
        assert!(!Path::new("/file").exists());
    });
}

#[test]
fn kernel_file_systems_are_mounted_on_ordinary_folders_only() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let victim = victim(&world);
        for name in ["proc", "sys", "dev"] {
            let link = world.layer().join(name);
            symlink(&victim, &link).expect("link");
            let failure = failure(&mut connection, &world.shell("true")).await;
            assert!(failure.message.contains("ordinary directory"), "{failure}");
            fs::remove_file(&link).expect("removed");
            assert_untouched(&victim);
        }
    });
}

#[test]
fn devices_of_the_image_are_not_used() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let dev = world.layer().join("dev");
        fs::create_dir(&dev).expect("folder");
        symlink(world.path("victim/null"), dev.join("null")).expect("link");
        symlink(world.path("victim"), dev.join("pts")).expect("link");
        fs::write(dev.join("full"), "not a device").expect("file");
        let victim = victim(&world);
        let seen =
            succeed(&mut connection, &world.shell("[ -c /dev/null ] && [ -c /dev/full ] && [ -d /dev/pts ] && echo ours")).await;
        assert_eq!(seen, "ours\n");
        assert_untouched(&victim);
    });
}

#[test]
fn nothing_is_mounted_over_kernel_files() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        symlink("/proc/sys", world.layer().join("sneaky")).expect("link");
        for target in ["/proc/self/attr", "/proc/cpuinfo", "/proc", "/sys/fs/cgroup", "/sys", "/sneaky/kernel/hostname"] {
            let mut spec = world.shell("true");
            spec.mounts = vec![bind_file(&world, target)];
            let failure = failure(&mut connection, &spec).await;
            assert!(failure.message.contains("nothing can be mounted inside"), "{target}: {failure}");
        }
    });
}

#[test]
fn working_folders_and_masks_follow_links_inside_only() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let victim = victim(&world);
        symlink(&victim, world.layer().join("work")).expect("link");
        let mut spec = world.shell("pwd");
        spec.cwd = "/work/here".into();
        spec.masked_paths.push("/work".into());
        spec.readonly_paths.push("/work/here".into());
        // Made behind the link, inside the root.
        assert_eq!(succeed(&mut connection, &spec).await, format!("{}/here\n", victim.display()));
        assert_untouched(&victim);
    });
}

#[test]
fn a_supervisor_cannot_be_overwritten_or_looked_into() {
    in_world(async |mut world| {
        let sandbox = SandboxSpec { pid: PidMode::Host, ..world.sandbox() };
        let mut connection = world.start(&sandbox).await;
        let pid = connection.supervisor().pid;
        let script = format!(
            "cat /proc/{pid}/environ /proc/{pid}/maps >/dev/null 2>&1 && echo read; ls /proc/{pid}/root/ 2>/dev/null; for fd in /proc/{pid}/fd/*; do readlink $fd; done 2>/dev/null; true"
        );
        assert_eq!(
            succeed(&mut connection, &world.shell(&script)).await,
            "",
            "its memory and files are closed to root with default rights"
        );
        assert!(fs::OpenOptions::new().write(true).open(format!("/proc/{pid}/exe")).is_err(), "its program is sealed");
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(world.run_dir()).expect("folder").permissions());
        assert_eq!(mode & 0o777, 0o700);
    });
}
