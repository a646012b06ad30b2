//! Tests of the folder: rights, damage, and a kill between any two steps.

use super::{Authority, AuthorityError, BUNDLE_FILE, KEY_FILE};
use crate::{Bundle, Lifetimes};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const NOW: u64 = 1_800_000_000_000;

fn bundle() -> Bundle {
    Bundle::make(NOW, &Lifetimes::default()).expect("a bundle")
}

#[test]
fn keys_are_kept_for_root_alone_and_found_again() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("data/pki");
    assert!(Authority::open(&folder).expect("opened").is_none());
    assert!(matches!(Authority::existing(&folder), Err(AuthorityError::NoCluster { .. })));
    let made = Authority::create(&folder, bundle()).expect("made");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!((mode(&folder.join(KEY_FILE)), mode(&folder.join(BUNDLE_FILE))), (0o600, 0o600));
    let found = Authority::existing(&folder).expect("found");
    assert_eq!((found.bundle(), found.identity()), (made.bundle(), made.identity()));
    let again = Authority::create(&folder, bundle()).expect_err("there is one");
    assert!(again.to_string().contains("skiffd reset"), "{again}");
}

#[test]
fn a_changed_bundle_takes_the_place_of_the_old_one() {
    let place = tempfile::tempdir().expect("a folder");
    let mut authority = Authority::create(place.path(), bundle()).expect("made");
    let mut next = authority.bundle().clone();
    next.rotate(NOW, &Lifetimes::default()).expect("rotated");
    authority.replace(next.clone()).expect("kept");
    assert_eq!(Authority::existing(place.path()).expect("found").bundle(), &next);
    let left: Vec<_> = fs::read_dir(place.path()).expect("a folder").collect();
    assert_eq!(left.len(), 2, "nothing is left beside the two files: {left:?}");
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_or_the_new() {
    let place = tempfile::tempdir().expect("a folder");
    // Before the key's rename: half a file beside its place.
    fs::write(place.path().join("node.new"), b"{\"sha256\":").expect("written");
    assert!(Authority::open(place.path()).expect("opened").is_none());
    let key = Authority::key_for_joining(place.path()).expect("a key");
    // Between the two files: a key, and no cluster yet. The next try has the same key.
    assert!(Authority::open(place.path()).expect("opened").is_none());
    assert_eq!(Authority::key_for_joining(place.path()).expect("a key").identity(), key.identity());
    fs::write(place.path().join("bundle.new"), b"half").expect("written");
    let mut authority = Authority::create(place.path(), bundle()).expect("made");
    assert_eq!(authority.identity(), key.identity());
    // Before the rename of a changed bundle.
    fs::write(place.path().join("bundle.new"), b"half").expect("written");
    let before = Authority::existing(place.path()).expect("found");
    assert_eq!(before.bundle(), authority.bundle());
    let mut next = authority.bundle().clone();
    next.rotate(NOW, &Lifetimes::default()).expect("rotated");
    authority.replace(next).expect("kept");
    assert_eq!(Authority::existing(place.path()).expect("found").bundle(), authority.bundle());
}

#[test]
fn damage_is_found_and_the_error_says_what_to_do() {
    let place = tempfile::tempdir().expect("a folder");
    let made = Authority::create(place.path(), bundle()).expect("made");
    for file in [BUNDLE_FILE, KEY_FILE] {
        let path = place.path().join(file);
        let good = fs::read(&path).expect("a file");
        for at in [0, 20, good.len() / 2, good.len() - 3] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).expect("written");
            let error = Authority::open(place.path()).expect_err("damaged");
            assert!(matches!(error, AuthorityError::Damaged { .. }), "byte {at} of {file}: {error}");
            assert!(error.to_string().contains("backup") && error.to_string().contains(file), "{error}");
        }
        fs::write(&path, &good[..good.len() / 2]).expect("written");
        assert!(Authority::open(place.path()).is_err());
        fs::write(&path, &good).expect("written");
    }
    assert_eq!(Authority::existing(place.path()).expect("found").identity(), made.identity());
    fs::remove_file(place.path().join(KEY_FILE)).expect("removed");
    let error = Authority::open(place.path()).expect_err("no key");
    assert!(matches!(error, AuthorityError::KeyMissing { .. }), "{error}");
}
