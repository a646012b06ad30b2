//! What an image store keeps: names, images in use, the room on the disk, and all that was whole when its process was killed.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends by panicking and says why it is skipped")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use runtime::image::{Digest, DiskUsage, GcPolicy, ImageStore, Prune, Reference, RemoveError, StoreError};
use serde_json::json;

#[path = "image_support/images.rs"]
mod images;
#[path = "image_support/place.rs"]
mod place;
#[path = "image_support/tars.rs"]
mod tars;

use images::{Files, Packing, layer, machine, named, one};
use place::{Place, names};
use tars::{Tar, has_root};

const NOBODY: &dyn Fn(&Digest) -> bool = &|_| false;

#[test]
fn names_move_to_the_newer_image() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let old = place.load(&one("demo", &[layer("a", b"1")], Packing::Plain).to_tar()).unwrap().remove(0);
    let mut files = Files::default();
    let descriptor = files.image(&[layer("a", b"2")], Packing::Plain, &machine(), &json!({}));
    let new = place.load(&files.with_index(&[named(descriptor, "demo")]).to_tar()).unwrap().remove(0);
    let place = place.reopened();
    assert_eq!(place.store.resolve("demo").unwrap().digest, new.digest);
    assert!(place.store.get(&old.digest).unwrap().names.is_empty());
    assert_eq!(place.store.resolve(old.digest.short()).unwrap().digest, old.digest);
    assert_eq!(place.store.resolve(old.digest.as_str()).unwrap().digest, old.digest);
    assert_eq!(place.store.resolve(&old.digest.hex()[..3]), None, "too short to mean an id");
    assert!(place.store.find(&Reference::parse(old.digest.short()).unwrap()).is_none(), "a pod's image is no short id");
    assert_eq!(place.store.resolve("nothing"), None);

    let removed = place.store.prune(Prune::Nameless, NOBODY).unwrap();
    assert_eq!((removed.deleted, removed.freed_bytes), (vec![old.digest], 1));
    assert_eq!((place.count("l"), place.count("i")), (1, 1));
}

#[test]
fn an_image_in_use_stays_and_one_with_several_names_loses_only_the_name() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let mut files = Files::default();
    let entry = files.image(&[layer("a", b"1")], Packing::Plain, &machine(), &json!({}));
    let archive = files.with_index(&[named(entry.clone(), "a:1"), named(entry, "b:2")]).to_tar();
    let record = place.load(&archive).unwrap().pop().unwrap();
    let id = record.digest.clone();

    let error = place.store.remove("a:1", &|digest| *digest == id).unwrap_err();
    assert_eq!(error.to_string(), format!("image a:1 ({}) is in use by a container", record.digest.short()));
    let hold = place.store.hold(&record.digest).unwrap();
    assert!(matches!(place.store.remove("a:1", NOBODY), Err(RemoveError::InUse { .. })));
    assert!(place.store.prune(Prune::Unused, NOBODY).unwrap().deleted.is_empty());
    drop(hold);

    let removed = place.store.remove("a:1", NOBODY).unwrap();
    assert_eq!((removed.untagged, removed.deleted), (vec!["docker.io/library/a:1".to_owned()], vec![]));
    assert_eq!(names(&place.store), ["docker.io/library/b:2"]);
    let error = place.store.remove("a:1", NOBODY).unwrap_err();
    assert_eq!(error.to_string(), "no such image: a:1");
    let removed = place.store.remove(record.digest.short(), NOBODY).unwrap();
    assert_eq!((removed.deleted, removed.freed_bytes), (vec![record.digest], 1));
    assert_eq!((place.count("l"), place.count("i"), place.count("tmp")), (0, 0, 0));
    assert!(place.reopened().store.list().is_empty());
}

#[test]
fn a_full_disk_costs_the_image_that_was_not_used_for_longest() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let base = layer("base", &[0; 1000]);
    for name in ["a", "b", "c"] {
        place.load(&one(name, &[base.clone(), layer(name, &[0; 100])], Packing::Plain).to_tar()).unwrap();
    }
    let digest = |name: &str| place.store.resolve(name).unwrap().digest;
    let now = Timestamp::now() + jiff::Span::new().hours(1);
    place.store.mark_used(&digest("a"), now);
    let in_use = digest("b");
    let policy = GcPolicy::default();
    let fine = DiskUsage { capacity_bytes: 1000, available_bytes: 500 };
    assert!(place.store.collect_garbage(&policy, fine, now, NOBODY).unwrap().is_none());
    let full = DiskUsage { capacity_bytes: 1000, available_bytes: 110 };
    let (plan, removed) = place.store.collect_garbage(&policy, full, now, &|digest| *digest == in_use).unwrap().unwrap();
    assert_eq!((plan.wanted_bytes, plan.found_bytes, removed.freed_bytes), (90, 100, 100));
    assert_eq!(names(&place.store), ["docker.io/library/a:latest", "docker.io/library/b:latest"]);
    assert_eq!(place.count("l"), 3);
    assert!(place.store.disk_usage().unwrap().capacity_bytes > 0);
}

#[test]
fn one_process_at_a_time_has_the_store() {
    let place = Place::new();
    let again = ImageStore::open(&place.path("images"));
    assert!(matches!(again, Err(StoreError::Locked { .. })));
    drop(place.reopened());
    let odd = tempfile::Builder::new().prefix("a:b").tempdir().unwrap();
    assert!(matches!(ImageStore::open(odd.path()), Err(StoreError::Path { .. })));
}

#[test]
fn what_is_half_written_is_set_aside_and_the_rest_goes_on() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    place.load(&one("good", &[layer("a", b"1")], Packing::Plain).to_tar()).unwrap();
    place.load(&one("hurt", &[layer("b", b"2")], Packing::Plain).to_tar()).unwrap();
    place.load(&one("cut", &[layer("c", b"3")], Packing::Plain).to_tar()).unwrap();
    let record = |name: &str| place.store.resolve(name).unwrap();
    let hurt_layer = record("hurt").layers[0].parent().unwrap().to_owned();
    let cut = place.path("images/i").join(format!("{}.json", record("cut").digest.hex()));
    fs::remove_file(hurt_layer.join("layer.json")).unwrap();
    let whole = fs::read(&cut).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    fs::write(place.path("images/i/stray"), b"{}").unwrap();
    fs::create_dir(place.path("images/l/zz")).unwrap();
    fs::create_dir_all(place.path("images/tmp/7/fs")).unwrap();
    fs::write(place.path("images/tmp/7/fs/half"), b"x").unwrap();

    let place = place.reopened();
    assert_eq!(names(&place.store), ["docker.io/library/good:latest"]);
    let damage = place.store.damage();
    assert_eq!(damage.len(), 5, "{damage:?}");
    assert!(damage.iter().all(|damage| damage.set_aside.as_ref().unwrap().starts_with(place.path("images/damaged"))));
    assert_eq!((place.count("damaged"), place.count("tmp"), place.count("i")), (5, 0, 1));
    // The same images come back by loading them again.
    place.load(&one("hurt", &[layer("b", b"2")], Packing::Plain).to_tar()).unwrap();
    place.load(&one("cut", &[layer("c", b"3")], Packing::Plain).to_tar()).unwrap();
    let place = place.reopened();
    assert_eq!(place.store.list().len(), 3);
    assert!(place.store.damage().is_empty());
}

/// Runs this very test again as another process, which is killed in the middle of its work.
#[test]
fn a_load_that_is_killed_leaves_a_store_that_opens() {
    const CHILD: &str = "SKIFF_TEST_LOAD_CHILD";
    if !has_root() {
        return;
    }
    if let Some(folder) = std::env::var_os(CHILD) {
        let folder = Path::new(&folder);
        let store = ImageStore::open(&folder.join("images")).unwrap();
        store.load(&folder.join("archive")).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut tar = Tar::default().folder("d", 0o755);
    for number in 0..4000 {
        tar = tar.file(&format!("d/{number}"), b"some data");
    }
    let files = one("large", &[layer("first", b"1"), tar.finish()], Packing::Gzip);
    fs::write(folder.path().join("archive"), files.to_tar()).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_load_that_is_killed_leaves_a_store_that_opens"])
        .env(CHILD, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let tmp = folder.path().join("images/tmp");
    let is_unpacking = || {
        let scratch = fs::read_dir(&tmp).into_iter().flatten().flatten();
        scratch.into_iter().any(|entry| entry.path().join("fs/d/100").exists())
    };
    while !is_unpacking() {
        assert!(child.try_wait().unwrap().is_none(), "the child ended before it could be killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let store = ImageStore::open(&folder.path().join("images")).unwrap();
    assert!(store.list().is_empty() && store.damage().is_empty());
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
    let record = store.load(&folder.path().join("archive")).unwrap().remove(0);
    assert_eq!(fs::read_dir(record.layers[0].join("d")).unwrap().count(), 4000);
}
