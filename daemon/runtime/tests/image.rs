//! The image store: archives in, layers and records out.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends by panicking and says why it is skipped")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use runtime::image::{Digest, ImageStore, ImportOptions, Limits, LoadError, Reference, resolve_user};
use serde_json::json;

#[path = "image_support/images.rs"]
mod images;
#[path = "image_support/place.rs"]
mod place;
#[path = "image_support/tars.rs"]
mod tars;
#[path = "image_support/trees.rs"]
mod trees;

use images::{Files, Packing, layer, machine, named, one};
use place::{Place, names};
use tars::{Tar, has_root};

#[test]
fn an_image_is_the_same_however_it_is_packed() {
    if !has_root() {
        return;
    }
    let layers = [Tar::default().folder("etc", 0o755).file("etc/a", b"1").finish(), layer("etc/b", b"22")];
    let mut digests = Vec::new();
    for layer_packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        let files = one("demo:1", &layers, layer_packing);
        for archive_packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
            let place = Place::new();
            let records = place.load(&archive_packing.pack(&files.to_tar())).unwrap();
            assert_eq!(records.len(), 1);
            let record = &records[0];
            assert_eq!(record.names, ["docker.io/library/demo:1"]);
            assert_eq!(record.config.cmd, ["run", "demo:1"]);
            assert_eq!((record.size_bytes, record.layers.len(), record.repo_digests.len()), (3, 2, 1));
            assert_eq!(record.created_at.unwrap().to_string(), "2021-02-03T04:05:06Z");
            assert_eq!(fs::read_to_string(record.layers[0].join("etc/b")).unwrap(), "22", "the top layer comes first");
            assert_eq!(place.store.list(), records);
            assert_eq!(place.count("tmp"), 0);
            let place = place.reopened();
            assert_eq!(place.store.list(), records, "the record is read back as it was");
            assert!(place.store.damage().is_empty());
            digests.push(record.digest.clone());
        }
        let place = Place::new();
        files.write_folder(&place.path("layout"));
        digests.push(place.store.load(&place.path("layout")).unwrap().remove(0).digest);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

#[test]
fn a_docker_save_archive_loads_with_its_links_and_names() {
    if !has_root() {
        return;
    }
    let layers = [layer("a", b"1"), layer("b", b"2")];
    let config = Files::config(&layers, &machine(), &json!({ "User": "7" }));
    let list =
        json!([{ "Config": "c.json", "RepoTags": ["docker.io/o/n:v", "UPPER:x"], "Layers": ["0/layer.tar", "1/layer.tar"] }]);
    let tar = Tar::default()
        .file("./manifest.json", list.to_string().as_bytes())
        .file("c.json", &config)
        .folder("0", 0o755)
        .file("2/layer.tar", &layers[0])
        .symlink("0/layer.tar", "../2/layer.tar")
        .file("1/layer.tar", &layers[1]);
    let place = Place::new();
    let record = place.load(&tar.clone().finish()).unwrap().remove(0);
    assert_eq!(record.names, ["docker.io/o/n:v"], "a name that is none is left out");
    assert_eq!((record.digest, record.config.user.as_str()), (Digest::of(&config), "7"));

    let escape = Tar::default().file("manifest.json", list.to_string().as_bytes()).file("c.json", &config);
    let escape = escape.symlink("0/layer.tar", "../../../etc/passwd").finish();
    let error = Place::new().load(&escape).unwrap_err();
    assert!(error.to_string().contains("no file 0/layer.tar"), "{error}");
}

#[test]
fn an_archive_may_hold_several_images_and_several_platforms() {
    if !has_root() {
        return;
    }
    let mut files = Files::default();
    let ours = files.image(&[layer("a", b"ours")], Packing::Gzip, &machine(), &json!({}));
    let theirs = files.image(&[layer("a", b"theirs")], Packing::Gzip, "s390x", &json!({}));
    let other = files.image(&[layer("b", b"other")], Packing::Zstd, &machine(), &json!({}));
    let with_platform = |mut entry: serde_json::Value, architecture: &str| {
        entry["platform"] = json!({ "os": "linux", "architecture": architecture });
        entry
    };
    let platforms = [with_platform(theirs.clone(), "s390x"), with_platform(ours.clone(), &machine())];
    let index = files.blob(&Files::index(&platforms), "application/vnd.oci.image.index.v1+json");
    let mut containerd = named(index.clone(), "1.0");
    containerd["annotations"]["io.containerd.image.name"] = json!("ghcr.io/o/multi:1.0");
    let archive = files.clone().with_index(&[containerd, named(other, "other")]);
    let place = Place::new();
    let records = place.load(&archive.to_tar()).unwrap();
    assert_eq!(names(&place.store), ["docker.io/library/other:latest", "ghcr.io/o/multi:1.0"]);
    assert_eq!(fs::read_to_string(records[0].layers[0].join("a")).unwrap(), "ours");
    let repo_digests = [&index, &ours].map(|entry| format!("ghcr.io/o/multi@{}", entry["digest"].as_str().unwrap()));
    for digest in &repo_digests {
        let found = place.store.find(&Reference::parse(digest).unwrap());
        assert_eq!(found.as_ref(), Some(&records[0]), "by the digest of the index as by that of the manifest");
    }

    // The platforms of one image side by side in index.json itself.
    let place = Place::new();
    assert_eq!(place.load(&files.clone().with_index(&platforms).to_tar()).unwrap().len(), 1);
    let error = place.load(&files.clone().with_index(&platforms[..1]).to_tar()).unwrap_err();
    let LoadError::Manifest { source, .. } = &error else { panic!("{error}") };
    assert!(source.to_string().starts_with("no match for platform in manifest: "), "{source}");
}

#[test]
fn what_is_not_as_promised_is_refused_and_leaves_nothing() {
    if !has_root() {
        return;
    }
    let good = layer("a", b"1");
    let files = one("demo", std::slice::from_ref(&good), Packing::Gzip);
    let blob = format!("blobs/sha256/{}", Digest::of(&Packing::Gzip.pack(&good)).hex());
    let check = |files: &Files, expected: &str| {
        let place = Place::new();
        let error = place.load(&files.to_tar()).unwrap_err();
        let text = format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(text.contains(expected), "{text}");
        assert_eq!((place.count("tmp"), place.count("l"), place.count("i")), (0, 0, 0));
    };
    let changed = |name: &str, bytes: Option<Vec<u8>>| {
        let mut files = files.clone();
        match bytes {
            Some(bytes) => files.0.insert(name.into(), bytes),
            None => files.0.remove(name),
        };
        files
    };
    check(&changed(&blob, Some(Packing::Gzip.pack(&layer("a", b"2")))), "the manifest says");
    check(&changed(&blob, None), "has no file blobs/sha256/");
    check(&changed(&blob, Some(b"\x1f\x8bno gzip".to_vec())), "cannot be unpacked");
    check(&changed(&blob, Some(b"BZh91AY".to_vec())), "bzip2 compression is not supported");
    check(&changed("index.json", None), "a root filesystem is for import");
    check(&changed("index.json", Some(b"{".to_vec())), "malformed manifest");
    check(&changed("index.json", Some(Files::index(&[]))), "has no image");
    check(&changed("index.json", Some(vec![b' '; 9 << 20])), "larger than 8388608 bytes");
    let manifest_name = files.0.iter().find(|(_, bytes)| bytes.starts_with(br#"{"config":{"digest"#)).unwrap().0.clone();
    check(&changed(&manifest_name, Some(b"{}".to_vec())), "of the archive has digest");

    // The right blob under a config that promises another content.
    let mut lying = Files::default();
    let config = Files::config(&[layer("a", b"other")], &machine(), &json!({}));
    let config = lying.blob(&config, "c");
    let blob = lying.blob(&good, "application/vnd.oci.image.layer.v1.tar");
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [blob.clone()] });
    let entry = lying.blob(manifest.to_string().as_bytes(), "m");
    check(&lying.clone().with_index(&[entry]), "the image's config says");
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [blob.clone(), blob] });
    let entry = lying.blob(manifest.to_string().as_bytes(), "m");
    check(&lying.with_index(&[entry]), "has 2 layers and its config 1");
}

#[test]
fn an_archive_larger_than_the_limit_is_not_unpacked() {
    if !has_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = ImageStore::open_with(&folder.path().join("s"), Limits { layer_bytes: 5000, layer_entries: 5 }).unwrap();
    let archive = folder.path().join("archive");
    fs::write(&archive, one("big", &[layer("a", &[0; 6000])], Packing::Zstd).to_tar()).unwrap();
    assert!(matches!(store.load(&archive), Err(LoadError::Layer(_))));
    fs::write(&archive, Packing::Gzip.pack(&vec![0; 1 << 20])).unwrap();
    let error = store.load(&archive).unwrap_err().to_string();
    assert!(error.ends_with("is larger than 20000 bytes when decompressed"), "{error}");
    assert_eq!(fs::read_dir(folder.path().join("s/tmp")).unwrap().count(), 0);
}

#[test]
fn images_share_layers_and_loads_at_once_do_the_work_once() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let base = Tar::default().folder("d", 0o755).file("d/base", &vec![7; 1 << 20]).finish();
    let tops = ["a", "b", "c"].map(|name| Tar::default().folder("d", 0o700).file(&format!("d/{name}"), b"x").finish());
    let paths: Vec<PathBuf> = (0..6)
        .map(|number| {
            let files = one(&format!("i{number}"), &[base.clone(), tops[number % 3].clone()], Packing::Gzip);
            let path = place.path(&format!("archive{number}"));
            fs::write(&path, files.to_tar()).unwrap();
            path
        })
        .collect();
    std::thread::scope(|scope| {
        for path in &paths {
            scope.spawn(|| place.store.load(path).unwrap());
        }
    });
    assert_eq!(place.store.list().len(), 6);
    assert_eq!(place.count("l"), 4, "one base and three tops");
    let bottom: Vec<PathBuf> = place.store.list().iter().map(|record| record.layers[1].clone()).collect();
    assert!(bottom.iter().all(|path| *path == bottom[0]));
    assert_eq!(place.count("tmp"), 0);
}

#[test]
fn a_layer_that_leans_on_what_is_below_is_kept_for_each_base() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let base = |mode| Tar::default().folder("d", mode).file("d/f", b"1").finish();
    let leaning = layer("d/e/g", b"2");
    for (name, mode) in [("a", 0o711), ("b", 0o755)] {
        place.load(&one(name, &[base(mode), leaning.clone()], Packing::Plain).to_tar()).unwrap();
    }
    place.load(&one("c", std::slice::from_ref(&leaning), Packing::Plain).to_tar()).unwrap();
    assert_eq!(place.count("l"), 5);
    let place = place.reopened();
    let mode = |name: &str| {
        let record = place.store.resolve(name).unwrap();
        record.layers[0].join("d").metadata().unwrap().mode() & 0o777
    };
    assert_eq!((mode("a"), mode("b"), mode("c")), (0o711, 0o755, 0o755));
}

#[test]
fn a_root_filesystem_becomes_an_image() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let tar = Tar::default().folder("./etc", 0o755).file("./etc/passwd", b"web:x:33:34::/:\n").finish();
    let rootfs = place.path("rootfs.tar");
    let options = ImportOptions {
        entrypoint: vec!["/bin/server".into()],
        cmd: vec!["--port".into(), "80".into()],
        env: vec!["A=b".into()],
        working_dir: "/srv".into(),
        user: "web".into(),
    };
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        fs::write(&rootfs, packing.pack(&tar)).unwrap();
        let record = place.store.import(&rootfs, &Reference::parse("demo").unwrap(), &options).unwrap();
        assert_eq!(record.names, ["docker.io/library/demo:latest"]);
        assert_eq!((&record.config.entrypoint, &record.config.cmd), (&options.entrypoint, &options.cmd));
        assert_eq!((&record.config.env, record.config.working_dir.as_str()), (&options.env, "/srv"));
        let root = File::open(&record.layers[0]).unwrap();
        let user = resolve_user(root.as_fd(), &record.config.user).unwrap();
        assert_eq!((user.uid, user.gid), (33, 34));
    }
    assert_eq!((place.count("l"), place.store.list().len()), (1, 3), "one layer, three images: each import has its own time");
    fs::write(&rootfs, b"this is no archive, and long enough to hold a header".repeat(20)).unwrap();
    assert!(place.store.import(&rootfs, &Reference::parse("x").unwrap(), &options).is_err());
    let by_digest = Reference::parse(&format!("x@{}", Digest::of(b""))).unwrap();
    assert!(matches!(place.store.import(&rootfs, &by_digest, &options), Err(LoadError::NameHasDigest { .. })));
}

#[test]
fn an_image_without_layers_has_an_empty_one_to_mount() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let record = place.load(&one("empty", &[], Packing::Plain).to_tar()).unwrap().remove(0);
    assert_eq!((record.layers.len(), record.size_bytes), (1, 0));
    assert_eq!(fs::read_dir(&record.layers[0]).unwrap().count(), 0);
    // An empty archive is a layer too.
    let record = place.load(&one("hollow", &[Tar::default().finish()], Packing::Gzip).to_tar()).unwrap().remove(0);
    assert_eq!(record.layers.len(), 1);
}

#[test]
fn overlayfs_shows_the_layers_as_one_tree() {
    if !has_root() {
        return;
    }
    let place = Place::new();
    let bottom = Tar::default()
        .folder("gone", 0o755)
        .file("gone/f", b"")
        .folder("cut", 0o755)
        .file("cut/old", b"")
        .folder("merged", 0o755)
        .file("merged/below", b"below")
        .file("removed", b"")
        .file("target", b"linked")
        .finish();
    let top = Tar::default()
        .file(".wh.gone", b"")
        .file(".wh.removed", b"")
        .folder("cut", 0o755)
        .file("cut/.wh..wh..opq", b"")
        .file("cut/new", b"")
        .file("merged/above", b"above")
        .hard_link("link", "target")
        .finish();
    let record = place.load(&one("demo", &[bottom, top], Packing::Gzip).to_tar()).unwrap().remove(0);
    let paths: Vec<PathBuf> = record.layers;
    trees::in_overlay(&paths, |root| {
        let tree = trees::walk(root);
        let names: Vec<&str> = tree.keys().map(String::as_str).collect();
        let expected = ["cut", "cut/new", "link", "merged", "merged/above", "merged/below", "target"];
        assert_eq!(names, expected);
        assert_eq!(fs::read_to_string(root.join("link")).unwrap(), "linked");
        assert_eq!(root.join("link").metadata().unwrap().ino(), root.join("target").metadata().unwrap().ino());
    });
}

/// Every archive of the folder named by `SKIFF_TEST_IMAGES` shows the tree that GNU tar makes of its layers.
#[test]
fn real_images_have_the_trees_that_tar_makes() {
    let Some(folder) = std::env::var_os("SKIFF_TEST_IMAGES").filter(|folder| !folder.is_empty()) else {
        println!("skipped: SKIFF_TEST_IMAGES names no folder of OCI archives");
        return;
    };
    if !has_root() {
        return;
    }
    let place = Place::new();
    let archives = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut archives: Vec<PathBuf> = archives.filter(|path| path.extension().is_some_and(|end| end == "tar")).collect();
    archives.sort();
    for archive in archives {
        let started = std::time::Instant::now();
        let record = place.store.load(&archive).unwrap_or_else(|error| panic!("{}: {error:?}", archive.display())).remove(0);
        let took: Duration = started.elapsed();
        let expected = trees::by_gnu_tar(&archive);
        let found = trees::in_overlay(&record.layers, trees::walk);
        println!("{}: {} entries, {} bytes, {took:?}", archive.display(), found.len(), record.size_bytes);
        let differing: BTreeMap<_, _> = expected.iter().filter(|(path, node)| found.get(*path) != Some(node)).collect();
        assert!(differing.is_empty(), "{}: {differing:?}", archive.display());
        assert_eq!(found.len(), expected.len(), "{}", archive.display());
    }
}
