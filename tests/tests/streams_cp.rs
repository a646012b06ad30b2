//! Files on their way to and from containers that run: all of them, with their modes, times and links, nothing beside where they belong.

use end_to_end::{Cluster, World, eventually, is_skipped, manifest};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A world with a pod of two containers that have no tar: `main` is root and begins in /work, `user` is 1000:2000. Both see /data.
fn world() -> World {
    let world = World::new(&[]);
    world.load_demo_image();
    let container = |name: &str, id: i64, group: i64| {
        json!({"name": name, "image": "skiff/demo:1.0", "workingDir": "/work",
            "command": ["sh", "-c", "rm -f $(which tar); trap exit TERM; sleep 86400 & wait"],
            "securityContext": {"runAsUser": id, "runAsGroup": group},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}]})
    };
    let spec = json!({"terminationGracePeriodSeconds": 1, "volumes": [{"name": "data", "emptyDir": {}}],
        "containers": [container("main", 0, 0), container("user", 1000, 2000)]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tools"}, "spec": spec});
    let _ = world.skiff_with(&["create", "-f", "-"], &pod.to_string()).ok();
    world.wait_ready("tools");
    world
}

/// What a shell in a container says.
fn say(world: &World, container: &str, script: &str) -> String {
    world.skiff(&["exec", "tools", "-c", container, "--", "sh", "-c", script]).ok()
}

fn copy(world: &World, words: &[&str]) -> end_to_end::Ran {
    world.skiff(&[&["cp"], words].concat())
}

/// A folder with all that can be copied.
fn tree(folder: &Path) -> PathBuf {
    let tree = folder.join("tree");
    fs::create_dir_all(tree.join("sub/empty")).expect("folders");
    fs::write(tree.join("run.sh"), "#!/bin/sh\necho run\n").expect("a file");
    fs::set_permissions(tree.join("run.sh"), fs::Permissions::from_mode(0o775)).expect("a mode");
    fs::write(tree.join("sub/big"), many_bytes(3 << 20)).expect("a file");
    symlink("../run.sh", tree.join("sub/link")).expect("a link");
    let dated = Command::new("touch").args(["-d", "2001-02-03 04:05:06.5 UTC"]).arg(tree.join("run.sh")).status();
    assert!(dated.is_ok_and(|status| status.success()));
    tree
}

fn many_bytes(count: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    next.take(count).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn folders_go_both_ways_whole_and_need_no_program_in_the_image() {
    if is_skipped("folders_go_both_ways_whole_and_need_no_program_in_the_image") {
        return;
    }
    let world = world();
    assert_eq!(say(&world, "main", "which tar || echo none"), "none\n");
    let tree = tree(world.folder());
    assert_eq!(copy(&world, &[text(&tree), "tools:/data", "-c", "main"]).ok(), "");
    // The other container sees the volume.
    let script = "cd /data/tree && stat -c '%a %u %Y %n' run.sh && readlink sub/link && sh sub/link && ls -d sub/empty";
    assert_eq!(say(&world, "user", script), "775 0 981173106 run.sh\n../run.sh\nrun\nsub/empty\n");
    // What is copied belongs to the container's user; a path without a slash is below its working folder.
    let defaulted = copy(&world, &[text(&tree.join("run.sh")), "default/tools:renamed"]);
    assert_eq!((defaulted.code, defaulted.stderr.as_str()), (0, "Defaulted container \"main\" out of: main, user\n"));
    assert_eq!(say(&world, "main", "ls /work"), "renamed\n");
    let _ = copy(&world, &[text(&tree.join("run.sh")), "tools:/tmp", "-c", "user"]).ok();
    assert_eq!(say(&world, "user", "stat -c '%u:%g %a' /tmp/run.sh"), "1000:2000 775\n");
    let _ = copy(&world, &[&format!("{}/.", text(&tree)), "tools:/tmp", "-c", "user", "--no-preserve"]).ok();
    assert_eq!(
        say(&world, "user", "stat -c %a /tmp/run.sh; test $(stat -c %Y /tmp/run.sh) -gt 981173106 && ls /tmp/sub"),
        "755\nbig\nempty\nlink\n"
    );

    let back = world.folder().join("back");
    assert_eq!(copy(&world, &["tools:/data/tree", text(&back), "-c", "main"]).ok(), "");
    let same = Command::new("diff").arg("-r").arg(&tree).arg(&back).output().expect("diff runs");
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
    let (run, original) = (fs::metadata(back.join("run.sh")), fs::metadata(tree.join("run.sh")));
    let (run, original) = (run.expect("a file"), original.expect("a file"));
    assert_eq!((run.mode(), run.mtime(), run.mtime_nsec()), (original.mode(), original.mtime(), 500_000_000));
    assert_eq!(fs::read_link(back.join("sub/link")).expect("a link"), Path::new("../run.sh"));
    // A file goes into a folder, and in the place of another one.
    let _ = copy(&world, &["tools:/data/tree/run.sh", text(world.folder()), "-c", "user"]).ok();
    let _ = copy(&world, &["tools:/data/tree/sub/big", text(&world.folder().join("run.sh")), "-c", "user"]).ok();
    assert_eq!(fs::metadata(world.folder().join("run.sh")).expect("a file").len(), 3 << 20);
}

#[test]
fn no_path_and_no_link_leads_out_of_the_container_or_of_the_copy() {
    if is_skipped("no_path_and_no_link_leads_out_of_the_container_or_of_the_copy") {
        return;
    }
    let world = world();
    let secret = world.folder().join("secret");
    fs::write(&secret, "of the host").expect("a file");
    let make = format!(
        "mkdir -p /bad/sub; ln -s {0} /bad/absolute; ln -s ../../../../../../../..{0} /bad/climbs; mkfifo /bad/pipe; \
         ln -s ../inside /bad/sub/good; echo of the container > /bad/inside; ln -s {1} /out",
        text(&secret),
        text(world.folder())
    );
    say(&world, "main", &make);
    let target = world.folder().join("target");
    let ran = copy(&world, &["tools:/bad", text(&target), "-c", "main"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(names(&target), ["inside", "sub"]);
    assert_eq!(fs::read_to_string(target.join("sub/good")).expect("it leads to a file"), "of the container\n");
    for left_out in ["/bad/pipe: left out, it is a pipe", "target/absolute: left out, the link leads out of the copy"] {
        assert!(ran.stderr.contains(left_out), "{ran:?}");
    }
    // The host's file is not there in the container, by whatever name.
    for path in ["/bad/absolute", "/bad/climbs", &format!("/../../../..{}", text(&secret))] {
        let refused = copy(&world, &[&format!("tools:{path}"), text(&world.folder().join("got")), "-c", "main"]).fails();
        let expected = format!("Error from server (BadRequest): in container \"main\": {path}: No such file or directory\n");
        assert_eq!(refused, expected);
    }
    // What is written through a link of the container stays in the container.
    let refused = copy(&world, &[text(&secret), "tools:/out/new", "-c", "main"]).fails();
    assert!(refused.contains("/out: No such file or directory"), "{refused}");
    say(&world, "main", &format!("mkdir -p {}", text(world.folder())));
    let _ = copy(&world, &[text(&secret), "tools:/out/new", "-c", "main"]).ok();
    assert!(!world.folder().join("new").exists());
    assert_eq!(say(&world, "main", &format!("cat {}/new", text(world.folder()))), "of the host");
}

#[test]
fn what_cannot_be_copied_is_told() {
    if is_skipped("what_cannot_be_copied_is_told") {
        return;
    }
    let world = world();
    let file = world.folder().join("file");
    fs::write(&file, "x").expect("a file");
    let file = text(&file);
    let refused = |words: &[&str]| copy(&world, words).fails();
    assert_eq!(refused(&[file, file]), "error: one of src or dest must be a remote file specification\n");
    assert_eq!(refused(&["a:/b", "c:/d"]), "error: one of src or dest must be a local file specification\n");
    assert_eq!(refused(&[file]), "error: source and destination are required\n");
    assert_eq!(refused(&["/no/such", "tools:/tmp"]), "error: /no/such doesn't exist in local filesystem\n");
    assert_eq!(refused(&[file, "none:/tmp"]), "Error from server (NotFound): pods \"none\" not found\n");
    assert_eq!(
        refused(&[file, "tools:/tmp", "-c", "zz"]),
        "Error from server (BadRequest): container zz is not valid for pod tools\n"
    );
    let told = refused(&[file, "tools:/no/such/folder", "-c", "main"]);
    assert_eq!(told, "Error from server (BadRequest): in container \"main\": /no/such: No such file or directory\n");
    let told = refused(&[file, "tools:/proc/version", "-c", "main"]);
    assert!(told.contains("in container \"main\": /proc/version: "), "{told}");
    assert_eq!(
        refused(&["tools:/dev/null", "x", "-c", "main"]),
        "Error from server (BadRequest): in container \"main\": /dev/null: it is a device, not a file or a folder\n"
    );
    // A file that is mounted by itself has no other name; its content is replaced.
    let _ = copy(&world, &[file, "tools:/etc/hosts", "-c", "main"]).ok();
    assert_eq!(say(&world, "main", "cat /etc/hosts; ls -a /etc | grep skiff-cp || echo tidy"), "xtidy\n");
}

#[test]
fn a_copy_that_is_broken_off_leaves_no_half_file() {
    if is_skipped("a_copy_that_is_broken_off_leaves_no_half_file") {
        return;
    }
    let world = world();
    let big = world.folder().join("big");
    fs::File::create(&big).and_then(|file| file.set_len(64 << 30)).expect("a file of holes");
    let mut into = world.skiff_command(&["cp", text(&big), "tools:/data/big", "-c", "main"]);
    let mut into = into.stdin(Stdio::null()).spawn().expect("skiff runs");
    let begun = || if say(&world, "main", "ls -A /data").contains(".skiff-cp-") { Ok(()) } else { Err("not yet".to_owned()) };
    eventually("it is being copied", begun);
    into.kill().and_then(|()| into.wait()).expect("it is killed");
    eventually("nothing is left of it", || match say(&world, "main", "ls -A /data").as_str() {
        "" => Ok(()),
        left => Err(left.to_owned()),
    });

    say(&world, "main", "truncate -s 64G /work/big");
    let target = world.folder().join("target");
    fs::create_dir(&target).expect("a folder");
    let mut from = world.skiff_command(&["cp", "tools:/work/big", text(&target), "-c", "main"]);
    let mut from = from.stdin(Stdio::null()).spawn().expect("skiff runs");
    eventually("it is being copied", || if names(&target).is_empty() { Err("not yet".to_owned()) } else { Ok(()) });
    let interrupted = Command::new("kill").args(["-INT", &from.id().to_string()]).status().expect("kill runs");
    assert!(interrupted.success());
    assert_eq!(from.wait().expect("it ends").code(), Some(130));
    assert_eq!(names(&target), [""; 0]);
}

#[test]
fn files_go_to_and_from_a_pod_of_another_node() {
    if is_skipped("files_go_to_and_from_a_pod_of_another_node") {
        return;
    }
    let cluster = Cluster::new(2);
    cluster.create("n1", &manifest::sleeper("far", "n2"));
    eventually("it runs", || {
        let pod = cluster.get("n1", "pod", "far")?;
        if pod["status"]["phase"] == "Running" { Ok(()) } else { Err(pod["status"].to_string()) }
    });
    let file = cluster.folder().join("file");
    fs::write(&file, many_bytes(8 << 20)).expect("a file");
    let _ = cluster.skiff("n1", &["cp", text(&file), "far:/tmp/there"]).ok();
    let back = cluster.folder().join("back");
    let _ = cluster.skiff("n1", &["cp", "far:/tmp/there", text(&back)]).ok();
    assert!(fs::read(&back).expect("a file") == fs::read(&file).expect("a file"));
    let told = cluster.skiff("n1", &["cp", "far:/tmp/none", text(&back)]).fails();
    assert!(told.ends_with("in container \"c\": /tmp/none: No such file or directory\n"), "{told}");
}
