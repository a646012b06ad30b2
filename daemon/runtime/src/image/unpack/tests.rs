//! Unpacking layers, also those that want out of their root.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};

use proptest::prelude::*;
use rustix::fs::{lgetxattr, lsetxattr};

use super::super::lowers::{OPAQUE, is_opaque};
use super::*;

#[path = "../../../tests/image_support/tars.rs"]
mod tars;
use tars::{Fields, Tar, has_root};

/// A place for layers, with something beside them that must not be touched.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("outside"), "untouched").unwrap();
        Place { folder }
    }

    fn layer(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn unpack(&self, name: &str, tar: Tar, lowers: &[&str]) -> Result<Unpacked, UnpackError> {
        let lowers: Vec<PathBuf> = lowers.iter().map(|lower| self.layer(lower)).collect();
        unpack(&mut &tar.finish()[..], &self.layer(name), &lowers, Limits::default())
    }

    fn check_outside(&self) {
        let outside = self.layer("outside");
        assert_eq!(fs::read_to_string(&outside).unwrap(), "untouched");
        assert_eq!(outside.metadata().unwrap().nlink(), 1, "an entry became a link to a file outside");
    }
}

fn xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 4096];
    let length = lgetxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

fn is_whiteout_at(path: &Path) -> bool {
    let metadata = path.symlink_metadata().unwrap();
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

fn is_opaque_at(path: &Path) -> bool {
    is_opaque(File::open(path).unwrap().as_fd()).unwrap()
}

#[test]
fn everything_an_entry_says_is_kept() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let fields = |kind, mode, device| Fields { kind, mode, device, owner: (1000, 50), mtime: 1_234_567_890, link: "" };
    // CAP_NET_BIND_SERVICE, effective and permitted, as setcap writes it.
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let tar = Tar::default()
        .folder("./", 0o711)
        .entry("./bin/", &fields(b'5', 0o1777, (0, 0)), b"")
        .pax(&[("SCHILY.xattr.security.capability", &capability), ("mtime", b"1234567890.5")])
        .entry("./bin/su", &fields(b'0', 0o4755, (0, 0)), b"program")
        .entry("./null", &fields(b'3', 0o666, (1, 3)), b"")
        .entry("./disk", &fields(b'4', 0o660, (8, 1)), b"")
        .entry("./pipe", &fields(b'6', 0o600, (0, 0)), b"")
        .symlink("./link", "../../etc/passwd")
        .hard_link("./bin/sudo", "./bin/su")
        .pax(&[("SCHILY.xattr.trusted.other", b"x"), ("SCHILY.xattr.security.selinux", b"label")])
        .file("./labelled", b"");
    let unpacked = place.unpack("l", tar, &[]).unwrap();
    assert_eq!((unpacked.needs_lower, unpacked.bytes, unpacked.entries), (false, 7, 9));

    let at = |path: &str| place.layer("l").join(path);
    let check = |path: &str, mode: u32| {
        let metadata = at(path).symlink_metadata().unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.uid(), metadata.gid()), (mode, 1000, 50), "{path}");
        assert_eq!(metadata.mtime(), 1_234_567_890, "{path}");
    };
    check("bin", 0o1777);
    check("bin/su", 0o4755);
    check("null", 0o666);
    check("disk", 0o660);
    check("pipe", 0o600);
    assert_eq!(at("").metadata().unwrap().mode() & 0o7777, 0o711);
    assert_eq!(at("bin/su").metadata().unwrap().mtime_nsec(), 500_000_000);
    assert_eq!(xattr(&at("bin/su"), "security.capability").unwrap(), capability);
    assert_eq!(at("bin/su").metadata().unwrap().ino(), at("bin/sudo").metadata().unwrap().ino());
    assert_eq!(at("null").metadata().unwrap().rdev(), makedev(1, 3));
    assert!(at("disk").metadata().unwrap().file_type().is_block_device());
    assert_eq!(fs::read_link(at("link")).unwrap(), Path::new("../../etc/passwd"));
    assert_eq!(xattr(&at("labelled"), "trusted.other"), None);
}

#[test]
fn whiteouts_become_what_overlayfs_knows() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let tar = Tar::default()
        .file(".wh.gone", b"")
        .file(".wh.never", b"")
        .folder("d", 0o755)
        .file("d/.wh.first", b"")
        .file("d/.wh..wh..opq", b"")
        .file("d/.wh.last", b"")
        // The same name again, in both orders: what this layer has wins over the whiteout.
        .file("d/.wh.file", b"")
        .file("d/file", b"new")
        .file("d/other", b"new")
        .file("d/.wh.other", b"")
        .file("d/.wh.folder", b"")
        .folder("d/folder", 0o700)
        .folder("folder2", 0o700)
        .file(".wh.folder2", b"")
        .file(".wh.folder3", b"")
        .folder("folder3", 0o700)
        .file("d/.wh.implicit", b"")
        .file("d/implicit/x", b"")
        .folder(".wh..wh.plnk", 0o700)
        .file(".wh..wh.plnk/123.456", b"");
    let below = Tar::default().file("gone", b"").file("d/first", b"").file("d/last", b"").file("d/implicit/y", b"");
    let below = below.file("d/file", b"").folder("d/folder", 0o755).folder("folder2", 0o755).folder("folder3", 0o755);
    place.unpack("0", below, &[]).unwrap();
    place.unpack("l", tar, &["0"]).unwrap();
    let at = |path: &str| place.layer("l").join(path);
    assert!(is_whiteout_at(&at("gone")));
    assert!(is_opaque_at(&at("d")));
    for nothing_to_hide in ["never", "d/first", "d/last"] {
        assert!(at(nothing_to_hide).symlink_metadata().is_err(), "{nothing_to_hide}");
    }
    assert_eq!(fs::read_to_string(at("d/file")).unwrap(), "new");
    assert_eq!(fs::read_to_string(at("d/other")).unwrap(), "new");
    assert!(is_opaque_at(&at("folder2")) && is_opaque_at(&at("folder3")));
    let mut names: Vec<_> = fs::read_dir(at("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["d", "folder2", "folder3", "gone"], "AUFS' own files are left out");
}

#[test]
fn links_to_files_of_lower_layers_are_copied_up() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let owned = Fields { owner: (7, 8), mode: 0o4711, ..Fields::default() };
    let bottom = Tar::default().folder("a", 0o750).pax(&[("SCHILY.xattr.user.k", b"v")]).entry("a/f", &owned, b"data");
    let bottom = bottom.symlink("a/s", "f").file("hidden", b"").file("cut/f", b"").entry(
        "fifo",
        &Fields { kind: b'6', ..Fields::default() },
        b"",
    );
    place.unpack("0", bottom, &[]).unwrap();
    place.unpack("1", Tar::default().file(".wh.hidden", b"").folder("cut", 0o755).file("cut/.wh..wh..opq", b""), &["0"]).unwrap();

    let top = Tar::default().hard_link("b/g", "a/f").hard_link("b/t", "a/s").hard_link("b/fifo", "fifo");
    let unpacked = place.unpack("2", top, &["1", "0"]).unwrap();
    assert!(unpacked.needs_lower);
    let at = |path: &str| place.layer("2").join(path);
    let (link, copy) = (at("b/g").metadata().unwrap(), at("a/f").metadata().unwrap());
    assert_eq!(link.ino(), copy.ino());
    assert_eq!((copy.uid(), copy.gid(), copy.mode() & 0o7777, copy.mtime()), (7, 8, 0o4711, 1_000_000_000));
    assert_eq!(fs::read_to_string(at("b/g")).unwrap(), "data");
    assert_eq!(xattr(&at("a/f"), "user.k").unwrap(), b"v");
    assert_eq!(fs::read_link(at("b/t")).unwrap(), Path::new("f"));
    assert_eq!(at("a").metadata().unwrap().mode() & 0o7777, 0o750, "the folder on the way looks as it does below");

    for target in ["hidden", "cut/f", "nowhere", "a", "a/f/x"] {
        let tar = Tar::default().entry("l", &Fields { kind: b'1', link: target, ..Fields::default() }, b"");
        let error = place.unpack(&format!("bad {}", target.replace('/', "-")), tar, &["1", "0"]).unwrap_err();
        assert!(matches!(error, UnpackError::LinkTarget { .. }), "{target}: {error}");
    }
}

#[test]
fn folders_without_an_entry_look_as_they_do_below() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let owned = Fields { kind: b'5', mode: 0o1770, owner: (7, 8), mtime: 99, ..Fields::default() };
    place.unpack("0", Tar::default().entry("a", &owned, b"").entry("a/b", &owned, b""), &[]).unwrap();
    let unpacked = place.unpack("1", Tar::default().file("a/b/c/f", b""), &["0"]).unwrap();
    assert!(unpacked.needs_lower);
    for path in ["a", "a/b"] {
        let metadata = place.layer("1").join(path).metadata().unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.uid(), metadata.gid(), metadata.mtime()), (0o1770, 7, 8, 99), "{path}");
    }
    assert_eq!(place.layer("1/a/b/c").metadata().unwrap().mode() & 0o7777, 0o755);
    // A layer that describes its folders itself depends on nothing.
    assert!(!place.unpack("2", Tar::default().folder("a", 0o755).file("a/f", b""), &["0"]).unwrap().needs_lower);
}

#[test]
fn a_later_entry_replaces_an_earlier_one_of_any_kind() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let tar = Tar::default()
        .file("a", b"file")
        .folder("a", 0o755)
        .file("a/inside", b"")
        .symlink("a", "outside")
        .file("a", b"last")
        .folder("kept", 0o700)
        .file("kept/f", b"")
        .folder("kept", 0o711)
        .hard_link("x", "a")
        .file("x", b"not the same file");
    place.unpack("l", tar, &[]).unwrap();
    assert_eq!(fs::read_to_string(place.layer("l/a")).unwrap(), "last");
    assert_eq!(fs::read_to_string(place.layer("l/x")).unwrap(), "not the same file");
    assert_eq!(place.layer("l/kept").metadata().unwrap().mode() & 0o7777, 0o711);
    assert!(place.layer("l/kept/f").exists());
    assert_eq!(place.layer("l/kept").metadata().unwrap().mtime(), 1_000_000_000, "set back after the file was put in");
}

#[test]
fn what_leads_out_of_the_root_is_refused() {
    if !has_root() {
        return;
    }
    let check = |name: &str, tar: Tar, expected: &str| {
        let place = Place::new();
        symlink(place.layer("outside"), place.layer("0")).unwrap();
        let error = place.unpack("l", tar, &[]).expect_err(name).to_string();
        assert!(error.contains(expected), "{name}: {error}");
        place.check_outside();
    };
    let tar = Tar::default;
    check("parent", tar().file("../outside", b"x"), "../outside climbs out of the image's root");
    check("parent inside", tar().file("a/../../outside", b"x"), "climbs out");
    check("parent that comes back", tar().file("a/../b", b"x"), "climbs out");
    check("absolute", tar().file("/etc/shadow", b"x"), "/etc/shadow is absolute");
    check("through a link", tar().symlink("a", "..").file("a/outside", b"x"), "a goes through a symbolic link");
    check("through an absolute link", tar().symlink("a", "/").file("a/tmp/x", b"x"), "goes through a symbolic link");
    check("through a link to a link", tar().symlink("a", "b").symlink("b", "/").folder("a/b/c", 0o755), "goes through");
    check("whiteout through a link", tar().symlink("a", "..").file("a/.wh.outside", b""), "goes through");
    check("opaque through a link", tar().symlink("a", "..").file("a/.wh..wh..opq", b""), "goes through");
    check("hard link to outside", tar().hard_link("a", "../outside"), "climbs out");
    check("hard link to absolute", tar().hard_link("a", "/etc/passwd"), "is absolute");
    check("hard link through a link", tar().symlink("l", "..").hard_link("a", "l/outside"), "goes through");
    check("whiteout of the parent", tar().file("a/.wh...", b""), "is a whiteout of nothing");
    check("whiteout of itself", tar().file("a/.wh..", b""), "is a whiteout of nothing");
    check("whiteout without a name", tar().file(".wh.", b""), "is a whiteout of nothing");
    check("the root as a link", tar().symlink(".", "/"), "would replace the image's root");
    check("the root as a file", tar().file("./", b"").file(".", b"x"), "would replace the image's root");
    check("below a file", tar().file("a", b"").file("a/b", b""), "is no folder");
    check("no path", tar().file("", b"x"), "is no path");
    check("whiteout device", tar().entry("w", &Fields { kind: b'3', ..Fields::default() }, b""), "device 0:0");
    check(
        "opaque by attribute",
        tar().pax(&[("SCHILY.xattr.trusted.overlay.opaque", b"y")]).folder("d", 0o755),
        "belongs to overlayfs",
    );
    check("redirect", tar().pax(&[("SCHILY.xattr.trusted.overlay.redirect", b"/x")]).folder("d", 0o755), "belongs to overlayfs");
    check("owner", tar().pax(&[("uid", b"4294967295")]).file("f", b""), "out of range");
    check("a zero byte", tar().pax(&[("path", b"a\0b")]).file("f", b""), "is no path");
    check("deep", tar().pax(&[("path", "d/".repeat(300).as_bytes())]).folder("f", 0o755), "nested too deep");
    check("cut", Tar::default().pax(&[("size", b"99999")]).file("f", b"x"), "ends in the middle");
}

#[test]
fn a_bomb_stops_at_the_limits() {
    if !has_root() {
        return;
    }
    let limits = Limits { layer_bytes: 10_000, layer_entries: 10 };
    let check = |tar: Vec<u8>, expected: fn(&UnpackError) -> bool| {
        let place = Place::new();
        let error = unpack(&mut &tar[..], &place.layer("l"), &[], limits).unwrap_err();
        assert!(expected(&error), "{error}");
    };
    let is_large = |error: &UnpackError| matches!(error, UnpackError::TooLarge { limit: 10_000 });
    check(Tar::default().file("a", &[0; 6000]).file("b", &[0; 6000]).finish(), is_large);
    // A size that only the header has: nothing is written before it is refused.
    check(Tar::default().pax(&[("size", b"9223372036854775807")]).file("a", b"").finish(), is_large);
    // What follows the end is read for the digest.
    check([Tar::default().finish(), vec![0; 100_000]].concat(), is_large);
    // Data of entries that have none.
    check([Tar::default().entry("v", &Fields { kind: b'V', ..Fields::default() }, &[0; 100_000]).finish()].concat(), is_large);
    let many = (0..11).fold(Tar::default(), |tar, number| tar.file(&format!("f{number}"), b""));
    check(many.finish(), |error| matches!(error, UnpackError::TooManyEntries { limit: 10 }));
    let implicit = Tar::default().file("a/b/c/d/e/f/g/h/i/j/k", b"").file("l", b"");
    check(implicit.finish(), |error| matches!(error, UnpackError::TooManyEntries { limit: 10 }));
}

#[test]
fn lower_layers_show_what_overlayfs_would() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    place
        .unpack(
            "0",
            Tar::default().folder("d", 0o755).file("d/a", b"0").file("d/b", b"0").file("e/f", b"").symlink("s", "d"),
            &[],
        )
        .unwrap();
    place
        .unpack("1", Tar::default().folder("d", 0o755).file("d/a", b"1").file("d/.wh.b", b"").file("e", b"a file"), &["0"])
        .unwrap();
    lsetxattr(place.layer("0/d"), OPAQUE, b"n", rustix::fs::XattrFlags::empty()).unwrap();
    let lowers = super::super::lowers::Lowers::open(&[place.layer("1"), place.layer("0")]).unwrap();
    let content = |path: &str| {
        let found = lowers.find(Path::new(path)).unwrap()?;
        Some(io::read_to_string(found.open_file().unwrap()).unwrap())
    };
    assert_eq!(content("d/a").as_deref(), Some("1"));
    assert_eq!(content("d/b"), None, "whited out");
    assert_eq!(content("e/f"), None, "a file hides the folder below");
    assert!(lowers.find(Path::new("s/a")).unwrap().is_none(), "links are not followed");
    assert_eq!(lowers.find(Path::new("")).unwrap().unwrap().file_type(), FileType::Directory);
}

fn nasty_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "b",
        "a/b",
        "a/b/c",
        "b/a",
        "./a",
        "a/",
        "..",
        "../outside",
        "a/../../outside",
        "/etc",
        "/",
        ".",
        "",
        ".wh.a",
        "a/.wh.b",
        ".wh..wh..opq",
        "a/.wh..wh..opq",
        ".wh...",
        ".wh..",
        ".wh.outside",
        ".wh..wh.x/y",
        "a/./b",
        "a//b",
        "outside",
    ])
}

fn nasty_target() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "b",
        "a/b",
        "..",
        "../outside",
        "/",
        "/etc/passwd",
        ".",
        "",
        "../l/a",
        "../..",
        "/proc/self/root",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever comes in whatever order: nothing outside of the layer changes, nothing panics, and what was unpacked is
    /// readable as a lower layer.
    #[test]
    fn no_archive_reaches_out_of_its_layer(
        entries in prop::collection::vec((nasty_name(), nasty_target(), prop::sample::select(b"0123456xg".to_vec())), 1..12),
    ) {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let place = Place::new();
        fs::create_dir(place.layer("0")).unwrap();
        fs::write(place.layer("0/b"), "lower").unwrap();
        let mut tar = Tar::default();
        for (path, link, kind) in &entries {
            let is_device = matches!(kind, b'3' | b'4');
            let fields = Fields { kind: *kind, link, device: if is_device { (1, 3) } else { (0, 0) }, ..Fields::default() };
            tar = tar.entry(path, &fields, if *kind == b'0' { b"data" } else { b"" });
        }
        let result = place.unpack("l", tar, &["0"]);
        place.check_outside();
        let mut names: Vec<_> = fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        prop_assert_eq!(names, ["0", "l", "outside"]);
        prop_assert_eq!(fs::read_to_string(place.layer("0/b")).unwrap(), "lower");
        if result.is_ok() {
            let lowers = super::super::lowers::Lowers::open(&[place.layer("l"), place.layer("0")]).unwrap();
            prop_assert!(lowers.find(Path::new("a/b/c")).is_ok());
        }
    }
}
