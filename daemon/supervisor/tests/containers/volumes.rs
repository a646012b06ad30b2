//! Mounts that a container asks for.

use std::fs;

use runtime::spec::*;

use crate::world::*;

fn bind(world: &World, name: &str, target: &str, access: Access) -> Mount {
    let source = world.path("volumes").join(name);
    let kind = if source.is_dir() { BindKind::Directory } else { BindKind::File };
    Mount::Bind { source, target: target.into(), kind, access, propagation: Propagation::Private }
}

#[test]
fn volumes_are_mounted_outer_ones_first() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        for folder in ["outer", "inner"] {
            fs::create_dir(world.path("volumes").join(folder)).expect("folder");
        }
        fs::write(world.path("volumes/hosts"), "127.0.0.1 localhost\n").expect("file");
        let mut spec = world.shell(
            "echo in >/data/deep/inner/file && echo out >/data/file; touch /etc/hosts 2>/dev/null || echo read-only; cat /etc/hosts;
             df -k /scratch | tail -1 | tr -s ' ' | cut -d' ' -f2; stat -c %a /scratch; echo x >/dev/termination-log && echo ended",
        );
        fs::write(world.path("volumes/message"), "").expect("file");
        spec.mounts = vec![
            bind(&world, "inner", "/data/deep/inner", Access::ReadWrite),
            bind(&world, "outer", "/data", Access::ReadWrite),
            bind(&world, "hosts", "/etc/hosts", Access::ReadOnly),
            bind(&world, "message", "/dev/termination-log", Access::ReadWrite),
            Mount::Tmpfs { target: "/scratch".into(), size_bytes: 2 << 20, mode: 0o1777 },
        ];
        assert_eq!(succeed(&mut connection, &spec).await, "read-only\n127.0.0.1 localhost\n2048\n1777\nended\n");
        assert_eq!(fs::read_to_string(world.path("volumes/inner/file")).expect("file"), "in\n");
        assert_eq!(fs::read_to_string(world.path("volumes/outer/file")).expect("file"), "out\n");
        assert_eq!(fs::read_to_string(world.path("volumes/message")).expect("file"), "x\n");
    });
}

#[test]
fn a_part_of_a_volume_is_mounted_and_no_link_leads_out_of_it() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let volume = world.path("volumes/data");
        fs::create_dir_all(volume.join("web/pages")).expect("folder");
        fs::write(volume.join("web/conf"), "answer 42\n").expect("file");
        std::os::unix::fs::symlink("web/pages", volume.join("newest")).expect("link");
        std::os::unix::fs::symlink("/etc", volume.join("leads-out")).expect("link");
        let part = |part: &str, target: &str, access| Mount::Part {
            volume: volume.clone(),
            part: part.into(),
            target: target.into(),
            access,
            propagation: Propagation::Private,
        };
        let mut spec =
            world.shell("cat /etc/web.conf; echo hi >/pages/index; echo x 2>/dev/null >/ro/x || echo read-only; ls /ro");
        spec.mounts = vec![
            part("web/conf", "/etc/web.conf", Access::ReadOnly),
            part("newest", "/pages", Access::ReadWrite),
            part("web", "/ro", Access::ReadOnly),
        ];
        assert_eq!(succeed(&mut connection, &spec).await, "answer 42\nread-only\nconf\npages\n");
        assert_eq!(fs::read_to_string(volume.join("web/pages/index")).expect("file"), "hi\n");
        let mut spec = world.shell("ls /out");
        spec.mounts = vec![part("leads-out", "/out", Access::ReadWrite)];
        let failure = failure(&mut connection, &spec).await;
        assert_eq!(failure.stage, runtime::protocol::Stage::Mounts);
        assert!(failure.message.ends_with("it leads out of the volume"), "{}", failure.message);
    });
}

#[test]
fn a_read_only_root_can_be_written_to_in_volumes_only() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        fs::create_dir(world.path("volumes/data")).expect("folder");
        let script = "touch /x 2>/dev/null || echo read-only; touch /made/x && echo written; mount -o remount,rw / 2>/dev/null || echo stays so";
        let mut spec = world.shell(script);
        spec.rootfs.access = Access::ReadOnly;
        spec.mounts = vec![bind(&world, "data", "/made", Access::ReadWrite)];
        assert_eq!(succeed(&mut connection, &spec).await, "read-only\nwritten\nstays so\n");
        // Without a writable layer there is no place for a new folder, but the ones of the image do.
        let mut bare = world.shell("touch /x 2>/dev/null || echo read-only; touch /tmp/x && echo written");
        bare.rootfs.upper = None;
        for folder in ["proc", "sys", "dev"] {
            fs::create_dir(world.layer().join(folder)).expect("folder");
        }
        bare.mounts = vec![bind(&world, "data", "/tmp", Access::ReadWrite)];
        assert_eq!(succeed(&mut connection, &bare).await, "read-only\nwritten\n");
    });
}

#[test]
fn what_is_read_only_stays_so_even_for_root() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        fs::create_dir(world.path("volumes/data")).expect("folder");
        for access in [Access::ReadOnly, Access::RecursiveReadOnly] {
            let mut spec = world.shell("touch /data/x 2>/dev/null || echo read-only");
            spec.mounts = vec![bind(&world, "data", "/data", access)];
            assert_eq!(succeed(&mut connection, &spec).await, "read-only\n");
        }
    });
}

#[test]
fn a_source_that_is_missing_is_named() {
    in_world(async |mut world| {
        let sandbox = world.sandbox();
        let mut connection = world.start(&sandbox).await;
        let mut spec = world.shell("true");
        spec.mounts = vec![bind(&world, "nowhere", "/data", Access::ReadWrite)];
        let failure = failure(&mut connection, &spec).await;
        let source = world.path("volumes/nowhere");
        assert_eq!(failure.message, format!("error mounting {source:?} to rootfs at \"/data\": no such file or directory"));
    });
}
