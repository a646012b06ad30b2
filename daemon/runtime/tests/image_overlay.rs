//! Random layers, unpacked and mounted by overlayfs, show what the image specification says they mean.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends by panicking and says why it is skipped")]

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use runtime::image::ImageStore;

#[path = "image_support/images.rs"]
mod images;
#[path = "image_support/tars.rs"]
mod tars;
#[path = "image_support/trees.rs"]
mod trees;

use images::{Packing, one};
use tars::{Tar, has_root};

const PATHS: [&str; 7] = ["a", "b", "a/a", "a/b", "a/b/c", "b/c", "b/c/d"];

#[derive(Clone, Copy, Debug)]
enum Step {
    File(&'static str),
    Folder(&'static str),
    Whiteout(&'static str),
    Opaque(&'static str),
    /// A hard link from the first path to the second.
    Link(&'static str, &'static str),
}

fn step() -> impl Strategy<Value = Step> {
    let path = || prop::sample::select(PATHS.to_vec());
    prop_oneof![
        3 => path().prop_map(Step::File),
        2 => path().prop_map(Step::Folder),
        2 => path().prop_map(Step::Whiteout),
        1 => path().prop_map(Step::Opaque),
        1 => (path(), path()).prop_map(|(path, target)| Step::Link(path, target)),
    ]
}

/// What a path holds: the number of the file's content, or a folder.
type Tree = BTreeMap<String, Option<u32>>;

fn remove_below(tree: &mut Tree, path: &str) {
    tree.retain(|other, _| !other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')));
}

fn remove(tree: &mut Tree, path: &str) {
    remove_below(tree, path);
    tree.remove(path);
}

fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(index, _)| &path[..index])
}

/// The specification's meaning of a layer: whiteouts and opaque marks remove what is below, then the entries come in order.
/// None where the archive is at fault: a file as a folder, a link to nothing.
fn apply(tree: &mut Tree, steps: &[Step], first_content: u32) -> Option<()> {
    // A whiteout below another has no meaning that the specification would give it.
    let whiteouts: Vec<&str> =
        steps.iter().filter_map(|step| if let Step::Whiteout(path) = step { Some(*path) } else { None }).collect();
    if whiteouts.iter().any(|path| parents(path).any(|parent| whiteouts.contains(&parent))) {
        return None;
    }
    for step in steps {
        match step {
            Step::Whiteout(path) => remove(tree, path),
            Step::Opaque(path) => remove_below(tree, path),
            _ => {}
        }
    }
    // The files of this layer: a path through one of these is a fault, through one of a lower layer it is not.
    let mut ours: Vec<String> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let (path, content) = match step {
            Step::File(path) => (*path, Some(first_content + u32::try_from(number).ok()?)),
            Step::Folder(path) => (*path, None),
            Step::Link(path, target) => (*path, Some((*tree.get(*target)?)?)),
            Step::Whiteout(path) if parents(path).any(|parent| ours.iter().any(|file| file == parent)) => return None,
            Step::Whiteout(_) => continue,
            // It makes the folder, and those on the way.
            Step::Opaque(path) => {
                make_parents(tree, &format!("{path}/x"), &ours)?;
                continue;
            }
        };
        if let Step::Link(path, target) = step
            && (path == target || target.starts_with(&format!("{path}/")) || path.starts_with(&format!("{target}/")))
        {
            return None;
        }
        if let Step::Link(_, target) = step {
            // What is linked to comes into this layer.
            ours.push((*target).to_owned());
        }
        make_parents(tree, path, &ours)?;
        ours.retain(|other| other != path);
        if content.is_some() {
            remove(tree, path);
            ours.retain(|other| !other.starts_with(&format!("{path}/")));
            ours.push(path.to_owned());
        }
        tree.insert(path.to_owned(), content);
    }
    Some(())
}

fn make_parents(tree: &mut Tree, path: &str, ours: &[String]) -> Option<()> {
    for parent in parents(path) {
        if ours.iter().any(|file| file == parent) {
            return None;
        }
        tree.insert(parent.to_owned(), None);
    }
    Some(())
}

fn pack(steps: &[Step], first_content: u32) -> Vec<u8> {
    let mut tar = Tar::default();
    for (number, step) in steps.iter().enumerate() {
        let beside = |path: &str, name: &str| match path.rsplit_once('/') {
            Some((parent, last)) => format!("{parent}/{name}{last}"),
            None => format!("{name}{path}"),
        };
        tar = match step {
            Step::File(path) => tar.file(path, format!("{}", first_content as usize + number).as_bytes()),
            Step::Folder(path) => tar.folder(path, 0o755),
            Step::Whiteout(path) => tar.file(&beside(path, ".wh."), b""),
            Step::Opaque(path) => tar.file(&format!("{path}/.wh..wh..opq"), b""),
            Step::Link(path, target) => tar.hard_link(path, target),
        };
    }
    tar.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_mounted_tree_is_what_the_layers_mean(
        layers in prop::collection::vec(prop::collection::vec(step(), 1..6), 1..4),
    ) {
        if !rustix::process::geteuid().is_root() {
            has_root();
            return Ok(());
        }
        let mut expected = Tree::new();
        let mut archives = Vec::new();
        for (number, steps) in layers.iter().enumerate() {
            // Two layers of the same steps are the same layer; their content tells them apart otherwise.
            let first_content = u32::try_from(number).unwrap() * 100;
            prop_assume!(apply(&mut expected, steps, first_content).is_some());
            archives.push(pack(steps, first_content));
        }
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        fs::write(&archive, one("demo", &archives, Packing::Plain).to_tar()).unwrap();
        let store = ImageStore::open(&folder.path().join("images")).unwrap();
        let record = store.load(&archive).unwrap().remove(0);
        let found: Tree = trees::in_overlay(&record.layers, |root| {
            let content = |path: &String| {
                let path = root.join(path);
                path.is_file().then(|| fs::read_to_string(path).unwrap().parse().unwrap())
            };
            trees::walk(root).into_keys().map(|path| { let content = content(&path); (path, content) }).collect()
        });
        prop_assert_eq!(found, expected);
    }
}
