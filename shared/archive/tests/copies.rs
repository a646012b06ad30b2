//! What comes out of an archive is what went in, and whatever an archive or a root holds, nothing happens beside the target.

use archive::{Base, Copied, Fault, Folders, Links, Modes, Unpack, pack, unpack};
use rustix::fs::{CWD, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, mknodat, open, utimensat};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const HOW: Unpack = Unpack { folders: Folders::Over, links: Links::Any, modes: Modes::Kept, owner: None };

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn packed(base: &Base, path: &Path) -> (Vec<u8>, Vec<String>) {
    let (mut bytes, mut notes) = (Vec::new(), Vec::new());
    let name = path.file_name().expect("a name");
    pack(base, path, name, &mut bytes, &mut |note| notes.push(note)).expect("it is packed");
    (bytes, notes)
}

fn unpacked(base: &Base, path: &Path, how: &Unpack, bytes: &[u8]) -> (Result<Copied, Fault>, Vec<String>) {
    let mut notes = Vec::new();
    let result = unpack(base, path, how, bytes, &mut |note| notes.push(note));
    (result, notes)
}

/// The mode, and the time in seconds and nanoseconds.
fn facts(path: &Path) -> (u32, i64, i64) {
    let metadata = fs::symlink_metadata(path).expect("it is there");
    (metadata.permissions().mode() & 0o7777, metadata.mtime(), metadata.mtime_nsec())
}

fn set_time(path: &Path, seconds: i64, nanoseconds: i64) {
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds },
    };
    utimensat(CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).expect("a time");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn root(folder: &Path) -> Base {
    Base::Root(open(folder, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).expect("a folder"))
}

#[test]
fn files_folders_links_modes_and_times_survive_the_way() {
    let dir = folder();
    let from = dir.path().join("tree");
    let long = "n".repeat(200);
    fs::create_dir_all(from.join("empty")).expect("folders");
    fs::create_dir(from.join("locked")).expect("a folder");
    fs::write(from.join("locked/inside"), "x").expect("a file");
    fs::write(from.join("run.sh"), "#!/bin/sh\n").expect("a file");
    fs::write(from.join("nothing"), "").expect("a file");
    fs::write(from.join(&long), "long").expect("a file");
    symlink("run.sh", from.join("link")).expect("a link");
    symlink("/nowhere/at/all", from.join("broken")).expect("a link");
    for (name, mode) in [("run.sh", 0o751), ("nothing", 0o600), ("locked", 0o500), ("empty", 0o1777)] {
        fs::set_permissions(from.join(name), fs::Permissions::from_mode(mode)).expect("a mode");
    }
    let all = ["run.sh", "nothing", &long, "link", "locked", "empty"];
    for (index, name) in all.iter().enumerate() {
        set_time(&from.join(name), 1_000_000_000 + i64::try_from(index).expect("small"), 123_456_789);
    }
    set_time(&from, 999_999_999, 0);

    let (bytes, notes) = packed(&Base::Machine, &from);
    assert_eq!(notes, [""; 0]);
    let into = dir.path().join("copy");
    let (copied, notes) = unpacked(&Base::Machine, &into, &HOW, &bytes);
    assert_eq!((copied.expect("it is unpacked"), notes.len()), (Copied { entries: 9, bytes: 15 }, 0));
    assert_eq!(names(&into), names(&from));
    for name in all.iter().copied().filter(|name| *name != "link").chain([""]) {
        assert_eq!(facts(&into.join(name)), facts(&from.join(name)), "{name}");
    }
    assert_eq!(facts(&into.join("link")).1, facts(&from.join("link")).1, "a link's time, to the second");
    assert_eq!(fs::read(into.join(&long)).expect("a file"), b"long");
    assert_eq!(fs::read_link(into.join("link")).expect("a link"), Path::new("run.sh"));
    assert_eq!(fs::read_link(into.join("broken")).expect("a link"), Path::new("/nowhere/at/all"));
    fs::set_permissions(from.join("locked"), fs::Permissions::from_mode(0o700)).expect("a mode");
    fs::set_permissions(into.join("locked"), fs::Permissions::from_mode(0o700)).expect("a mode");
}

#[test]
fn a_set_user_id_bit_is_not_copied_and_new_modes_are_those_of_any_file() {
    let dir = folder();
    let from = dir.path().join("program");
    fs::write(&from, "x").expect("a file");
    fs::set_permissions(&from, fs::Permissions::from_mode(0o6777)).expect("a mode");
    let (bytes, _) = packed(&Base::Machine, &from);
    let kept = dir.path().join("kept");
    unpacked(&Base::Machine, &kept, &HOW, &bytes).0.expect("it is unpacked");
    assert_eq!(facts(&kept).0, 0o777);
    let new = dir.path().join("new");
    unpacked(&Base::Machine, &new, &Unpack { modes: Modes::New, ..HOW }, &bytes).0.expect("it is unpacked");
    fs::write(dir.path().join("any"), "").expect("a file");
    let umask = 0o666 & !facts(&dir.path().join("any")).0;
    assert_eq!(facts(&new).0, 0o777 & !umask);
}

#[test]
fn a_copy_goes_where_cp_would_put_it() {
    let dir = folder();
    let path = |name: &str| dir.path().join(name);
    fs::create_dir_all(path("tree/sub")).expect("folders");
    fs::write(path("tree/sub/a"), "a").expect("a file");
    fs::write(path("file"), "new").expect("a file");
    fs::create_dir(path("there")).expect("a folder");
    fs::write(path("old"), "an old and longer text").expect("a file");
    let (tree, _) = packed(&Base::Machine, &path("tree"));
    let (file, _) = packed(&Base::Machine, &path("file"));
    let run = |target: &str, folders: Folders, bytes: &[u8]| {
        // A trailing slash is the user's.
        let target = PathBuf::from(format!("{}/{target}", dir.path().display()));
        unpacked(&Base::Machine, &target, &Unpack { folders, ..HOW }, bytes).0.map_err(|fault| fault.to_string())
    };
    run("there", Folders::Inside, &tree).expect("into it");
    run("there", Folders::Over, &file).expect("into it");
    assert_eq!(names(&path("there")), ["file", "tree"]);
    run("there", Folders::Over, &tree).expect("over it");
    assert_eq!(names(&path("there")), ["file", "sub", "tree"]);
    run("made", Folders::Inside, &tree).expect("under a new name");
    assert_eq!(names(&path("made")), ["sub"]);
    run("made/again/", Folders::Inside, &tree).expect("under a new name");
    run("old", Folders::Inside, &file).expect("in its place");
    assert_eq!(fs::read(path("old")).expect("a file"), b"new");
    assert!(run("old", Folders::Inside, &tree).expect_err("no folder").ends_with("it is there and is no folder"));
    assert!(run("none/x", Folders::Inside, &file).expect_err("no folder").ends_with("none: No such file or directory"));
    assert!(run("new/", Folders::Inside, &file).expect_err("no folder").ends_with("new/: Not a directory"));
    assert!(run("old/", Folders::Inside, &file).is_err());
    // A folder of a file's name is not replaced.
    fs::create_dir_all(path("other/sub/a")).expect("folders");
    let fault = run("other", Folders::Over, &tree).expect_err("a folder is there");
    assert!(fault.ends_with("other/sub/a: it is a folder there, and is not replaced"), "{fault}");
    assert_eq!(names(&path("other/sub")), ["a"], "and nothing is left of the try");
}

/// An archive with entries that no packer would make: kind, path, target of a link.
fn forged(entries: &[(tar::EntryType, &str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, path, target) in entries {
        let mut header = tar::Header::new_gnu();
        let content: &[u8] = if kind.is_file() { b"evil" } else { b"" };
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.as_gnu_mut().expect("a GNU header").name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_gnu_mut().expect("a GNU header").linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        builder.append(&header, content).expect("it is packed");
    }
    builder.into_inner().expect("it is packed")
}

#[test]
fn no_archive_makes_anything_beside_its_target() {
    use tar::EntryType as T;
    let dir = folder();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).expect("a folder");
    let outside_text = outside.to_str().expect("text");
    let cases: [&[(T, &str, &str)]; 8] = [
        &[(T::Directory, "top", ""), (T::Regular, "top/../../outside/x", "")],
        &[(T::Directory, "top", ""), (T::Regular, "../outside/x", "")],
        &[(T::Regular, &format!("{outside_text}/x"), "")],
        &[(T::Directory, "top", ""), (T::Symlink, "top/l", outside_text), (T::Regular, "top/l/x", "")],
        &[(T::Directory, "top", ""), (T::Symlink, "top/l", "../../outside"), (T::Directory, "top/l/x", "")],
        &[(T::Symlink, "top", outside_text), (T::Regular, "top/x", "")],
        &[(T::Directory, "top", ""), (T::Link, "top/l", outside_text)],
        &[(T::Directory, "top", ""), (T::Fifo, "top/l", "")],
    ];
    for (index, case) in cases.iter().enumerate() {
        for links in [Links::Any, Links::Inside] {
            let target = dir.path().join(format!("target-{index}-{links:?}"));
            let how = Unpack { links, ..HOW };
            let (result, notes) = unpacked(&Base::Machine, &target, &how, &forged(case));
            assert!(result.is_err() || !notes.is_empty(), "{case:?}: {result:?}");
            assert_eq!(names(&outside), [""; 0], "{case:?}");
        }
    }
    // A link that is there already is not followed either, and one in place of a file is replaced.
    let target = dir.path().join("there");
    fs::create_dir(&target).expect("a folder");
    symlink(&outside, target.join("sub")).expect("a link");
    fs::write(dir.path().join("victim"), "precious").expect("a file");
    symlink(dir.path().join("victim"), target.join("file")).expect("a link");
    let bytes = forged(&[(T::Directory, "top", ""), (T::Regular, "top/file", ""), (T::Regular, "top/sub/x", "")]);
    let fault = unpacked(&Base::Machine, &target, &HOW, &bytes).0.expect_err("there is a link").to_string();
    assert!(fault.ends_with("there/sub/x: there is a link on the way to it, which is not followed"), "{fault}");
    assert_eq!(fs::read(target.join("file")).expect("a file"), b"evil");
    assert_eq!(fs::read(dir.path().join("victim")).expect("a file"), b"precious");
}

#[test]
fn links_that_lead_out_of_an_untrusted_copy_are_left_out_and_told() {
    let dir = folder();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("a")).expect("folders");
    fs::write(tree.join("file"), "x").expect("a file");
    symlink("../file", tree.join("a/good")).expect("a link");
    symlink("../../secret", tree.join("a/bad")).expect("a link");
    let (bytes, _) = packed(&Base::Machine, &tree);
    let (result, notes) = unpacked(&Base::Machine, &dir.path().join("copy"), &Unpack { links: Links::Inside, ..HOW }, &bytes);
    result.expect("it is unpacked");
    assert_eq!(names(&dir.path().join("copy/a")), ["good"]);
    assert!(
        notes.len() == 1 && notes[0].ends_with("a/bad: left out, the link leads out of the copy, to ../../secret"),
        "{notes:?}"
    );
}

#[test]
fn a_root_keeps_its_paths_and_links_inside() {
    let dir = folder();
    let inside = dir.path().join("root");
    fs::create_dir_all(inside.join("data")).expect("folders");
    fs::write(dir.path().join("secret"), "secret").expect("a file");
    fs::write(inside.join("secret"), "own").expect("a file");
    symlink("../../secret", inside.join("climbs")).expect("a link");
    symlink(dir.path().join("secret"), inside.join("absolute")).expect("a link");
    symlink("/data", inside.join("here")).expect("a link");
    let base = root(&inside);
    for path in ["/climbs", "/../../secret"] {
        let (bytes, _) = packed(&base, Path::new(path));
        assert!(bytes.windows(3).any(|part| part == b"own") && !bytes.windows(6).any(|part| part == b"secret\0"), "{path}");
    }
    let missing = pack(&base, Path::new("/absolute"), OsStr::new("x"), Vec::new(), &mut |_| ());
    assert!(missing.is_err_and(|fault| fault.is_not_found()));
    let (bytes, _) = packed(&Base::Machine, &dir.path().join("secret"));
    unpacked(&base, Path::new("/here"), &HOW, &bytes).0.expect("inside of the root");
    unpacked(&base, Path::new("/../../../escaped"), &HOW, &bytes).0.expect("inside of the root");
    assert_eq!(names(&inside.join("data")), ["secret"]);
    assert!(inside.join("escaped").is_file() && !dir.path().join("escaped").exists());
}

#[test]
fn an_archive_that_breaks_off_leaves_no_half_file() {
    let dir = folder();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).expect("a folder");
    fs::write(tree.join("big"), vec![b'x'; 300_000]).expect("a file");
    let (bytes, _) = packed(&Base::Machine, &tree);
    for length in [0, 100, 512, 2000, 200_000, bytes.len() - 1024] {
        let into = dir.path().join(format!("copy-{length}"));
        let (result, _) = unpacked(&Base::Machine, &into, &HOW, &bytes[..length]);
        assert!(matches!(result, Err(Fault::BrokenOff)), "{length}: {result:?}");
        let expected: &[&str] = if length < bytes.len() - 1024 { &[] } else { &["big"] };
        assert!(!into.exists() || names(&into) == expected, "{length}: {:?}", names(&into));
    }
}

#[test]
fn what_is_no_file_is_left_out_and_never_opened() {
    let dir = folder();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).expect("a folder");
    mknodat(CWD, tree.join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let _socket = std::os::unix::net::UnixListener::bind(tree.join("socket")).expect("a socket");
    fs::write(tree.join("file"), "x").expect("a file");
    let (bytes, mut notes) = packed(&Base::Machine, &tree);
    notes.sort();
    assert!(
        notes[0].ends_with("pipe: left out, it is a pipe") && notes[1].ends_with("socket: left out, it is a socket"),
        "{notes:?}"
    );
    let into = dir.path().join("copy");
    unpacked(&Base::Machine, &into, &HOW, &bytes).0.expect("it is unpacked");
    assert_eq!(names(&into), ["file"]);
    let fault = pack(&Base::Machine, &tree.join("pipe"), OsStr::new("pipe"), Vec::new(), &mut |_| ()).expect_err("a pipe");
    assert!(fault.to_string().ends_with("pipe: it is a pipe, not a file or a folder"), "{fault}");
    // Files of the kernel have no size.
    let (bytes, _) = packed(&Base::Machine, Path::new("/proc/version"));
    unpacked(&Base::Machine, &into, &HOW, &bytes).0.expect("it is unpacked");
    assert!(fs::read_to_string(into.join("version")).expect("a file").starts_with("Linux"));
}
