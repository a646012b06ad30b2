//! Mounts layers and compares trees of files.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use runtime::image::Digest;

/// What a tree has at one path. The time counts for all but folders: whoever puts something in changes a folder's time.
#[derive(Debug, PartialEq, Eq)]
pub struct Node {
    mode: u32,
    owner: (u32, u32),
    mtime: Option<i64>,
    device: u64,
    content: Option<Digest>,
    capability: Option<Vec<u8>>,
}

/// Every path below a root, without the root itself.
pub fn walk(root: &Path) -> BTreeMap<String, Node> {
    let mut nodes = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let kind = metadata.file_type();
            if kind.is_dir() {
                folders.push(path.clone());
            }
            let content = if kind.is_file() {
                Some(Digest::of(&fs::read(&path).unwrap()))
            } else {
                kind.is_symlink().then(|| Digest::of(fs::read_link(&path).unwrap().as_os_str().as_bytes()))
            };
            let mut value = vec![0; 256];
            let capability = rustix::fs::lgetxattr(&path, "security.capability", &mut value[..]).ok();
            let is_device = kind.is_char_device() || kind.is_block_device();
            let node = Node {
                mode: metadata.mode(),
                owner: (metadata.uid(), metadata.gid()),
                mtime: (!kind.is_dir()).then(|| metadata.mtime()),
                device: if is_device { metadata.rdev() } else { 0 },
                content,
                capability: capability.map(|length| value[..length].to_vec()),
            };
            nodes.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), node);
        }
    }
    nodes
}

/// Calls `look` with the layers mounted, in a mount namespace that goes away with its thread.
pub fn in_overlay<T: Send>(layers: &[PathBuf], look: impl FnOnce(&Path) -> T + Send) -> T {
    let folder = tempfile::tempdir().unwrap();
    let mut lower: Vec<String> = layers.iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    if lower.len() == 1 {
        // Overlayfs without an upper directory wants two lower ones.
        let empty = folder.path().join("empty");
        fs::create_dir(&empty).unwrap();
        lower.push(empty.to_str().unwrap().to_owned());
    }
    let mount_point = folder.path().join("root");
    fs::create_dir(&mount_point).unwrap();
    let options = format!("lowerdir={}", lower.join(":"));
    std::thread::scope(|scope| {
        let mounted = scope.spawn(|| {
            use nix::mount::{MsFlags, mount};
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
            let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
            let options = Some(options.as_str());
            mount(Some("overlay"), &mount_point, Some("overlay"), MsFlags::MS_RDONLY, options).unwrap();
            look(&mount_point)
        });
        mounted.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The tree of an OCI archive's only image as GNU tar unpacks it, one layer over the other, whiteouts applied.
pub fn by_gnu_tar(archive: &Path) -> BTreeMap<String, Node> {
    let folder = tempfile::tempdir().unwrap();
    let run = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
    let layout = folder.path().join("layout");
    let tree = folder.path().join("tree");
    fs::create_dir(&layout).unwrap();
    fs::create_dir(&tree).unwrap();
    run(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&layout));
    let json = |path: &Path| -> serde_json::Value { serde_json::from_reader(File::open(path).unwrap()).unwrap() };
    let blob =
        |descriptor: &serde_json::Value| layout.join("blobs").join(descriptor["digest"].as_str().unwrap().replace(':', "/"));
    let manifest = json(&blob(&json(&layout.join("index.json"))["manifests"][0]));
    for layer in manifest["layers"].as_array().unwrap() {
        let layer = blob(layer);
        let list = Command::new("tar").arg("-tzf").arg(&layer).output().unwrap();
        for line in String::from_utf8(list.stdout).unwrap().lines() {
            let path = Path::new(line.trim_start_matches("./"));
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let parent = tree.join(path.parent().unwrap_or(Path::new("")));
            if name == ".wh..wh..opq" {
                fs::remove_dir_all(&parent).unwrap();
            } else if let Some(hidden) = name.strip_prefix(".wh.") {
                let hidden = parent.join(hidden);
                fs::remove_dir_all(&hidden).or_else(|_| fs::remove_file(&hidden)).unwrap();
            }
        }
        run(Command::new("tar")
            .args(["--numeric-owner", "--xattrs", "--xattrs-include=*", "--same-owner", "--exclude=.wh.*", "-xpzf"])
            .arg(&layer)
            .arg("-C")
            .arg(&tree));
    }
    walk(&tree)
}
