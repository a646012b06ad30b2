//! Files of a volume, changed all at once (`pkg/volume/util/atomic_writer.go`).
//!
//! ```text
//! <volume>/key                      -> ..data/key
//! <volume>/..data                   -> ..2026_11_26_20_16_56.123456789
//! <volume>/..2026_11_26_…/key       the content
//! ```
//!
//! Whoever opens `key` has the old content or the new one, and all files of one folder belong together: only `..data` is replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

const DATA: &str = "..data";
const NEW_DATA: &str = "..data_tmp";

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What it holds.
    pub content: Vec<u8>,
    /// Its permissions: `0o644`.
    pub mode: u32,
}

/// The files by their paths inside the volume; admission lets no path leave it.
pub type Files = BTreeMap<String, File>;

/// Makes the folder hold these files and no others. Where it does already, nothing is touched. Blocks.
///
/// # Errors
/// Of the file system; what was there before stays.
pub fn write(folder: &Path, files: &Files) -> io::Result<()> {
    let current = fs::read_link(folder.join(DATA)).ok();
    if current.as_ref().is_some_and(|current| holds(&folder.join(current), files)) {
        return Ok(());
    }
    // What an unfinished change left behind.
    for name in own_folders(folder)? {
        if current.as_deref() != Some(Path::new(&name)) {
            fs::remove_dir_all(folder.join(&name))?;
        }
    }
    let made = make(folder, files)?;
    let link = folder.join(NEW_DATA);
    remove_if_there(&link)?;
    symlink(&made, &link)?;
    fs::rename(&link, folder.join(DATA))?;
    show(folder, files)?;
    match current {
        Some(old) => fs::remove_dir_all(folder.join(old)),
        None => Ok(()),
    }
}

/// A new folder with the files; its name.
fn make(folder: &Path, files: &Files) -> io::Result<PathBuf> {
    let name = PathBuf::from(jiff::Zoned::now().strftime("..%Y_%m_%d_%H_%M_%S.%N").to_string());
    let new = folder.join(&name);
    make_folder(&new)?;
    for (path, file) in files {
        let path = new.join(path);
        for parent in path.ancestors().skip(1).take_while(|parent| *parent != new).collect::<Vec<_>>().into_iter().rev() {
            make_folder(parent)?;
        }
        fs::write(&path, &file.content)?;
        // Whatever the daemon's umask.
        fs::set_permissions(&path, Permissions::from_mode(file.mode))?;
    }
    Ok(name)
}

fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::set_permissions(path, Permissions::from_mode(0o755)),
    }
}

/// A link for the first part of each path, and none for what is gone.
fn show(folder: &Path, files: &Files) -> io::Result<()> {
    let wanted: BTreeSet<&str> = files.keys().filter_map(|path| path.split('/').next()).collect();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.starts_with("..") || wanted.contains(name));
        if !is_ours {
            remove_if_there(&entry.path())?;
        }
    }
    for name in wanted {
        match symlink(Path::new(DATA).join(name), folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a folder holds these files, with these permissions, and no others.
fn holds(folder: &Path, files: &Files) -> bool {
    let mut found = Vec::new();
    let is_whole = collect(folder, "", &mut found).is_ok() && found.len() == files.len();
    is_whole
        && found.iter().all(|path| {
            let Some(wanted) = files.get(path) else { return false };
            let at = folder.join(path);
            let mode = fs::metadata(&at).map(|metadata| metadata.permissions().mode() & 0o7777).ok();
            mode == Some(wanted.mode) && fs::read(&at).ok().as_ref() == Some(&wanted.content)
        })
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), found)?;
        } else {
            found.push(name);
        }
    }
    Ok(())
}

/// The folders that changes have made, by name.
fn own_folders(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("..") && entry.file_type()?.is_dir() {
            names.push(name);
        }
    }
    Ok(names)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str, u32)]) -> Files {
        let file = |content: &str, mode| File { content: content.as_bytes().to_vec(), mode };
        files.iter().map(|(path, content, mode)| ((*path).to_owned(), file(content, *mode))).collect()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_links_through_one_link_that_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        write(at, &files(&[("a", "1", 0o644), ("sub/b", "2", 0o600)])).expect("written");
        assert_eq!(fs::read_link(at.join("a")).expect("a link"), Path::new("..data/a"));
        assert_eq!(fs::read_to_string(at.join("sub/b")).expect("a file"), "2");
        assert_eq!(fs::metadata(at.join("sub/b")).expect("a file").permissions().mode() & 0o7777, 0o600);
        let first = fs::read_link(at.join(DATA)).expect("a link");
        write(at, &files(&[("a", "1", 0o644), ("sub/b", "2", 0o600)])).expect("nothing to do");
        assert_eq!(fs::read_link(at.join(DATA)).expect("a link"), first, "nothing was touched");

        let open = fs::File::open(at.join(DATA).join("a")).expect("an open file");
        write(at, &files(&[("a", "3", 0o644), ("c", "4", 0o644)])).expect("changed");
        assert_eq!(fs::read_to_string(at.join("a")).expect("a file"), "3");
        assert_eq!(io::read_to_string(open).expect("what was open is read"), "1");
        let shown: Vec<String> = names(at).into_iter().filter(|name| !name.starts_with("..")).collect();
        assert_eq!(shown, ["a", "c"]);
        assert_eq!(names(at).len(), 4, "two links, the link to the data, and one folder: {:?}", names(at));
    }

    #[test]
    fn what_an_unfinished_change_left_is_removed_and_no_harm() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        write(at, &files(&[("a", "1", 0o644)])).expect("written");
        fs::create_dir(at.join("..2020_01_01_00_00_00.0")).expect("a folder");
        symlink("nowhere", at.join(NEW_DATA)).expect("a link");
        write(at, &files(&[("a", "2", 0o644)])).expect("changed");
        assert_eq!(fs::read_to_string(at.join("a")).expect("a file"), "2");
        assert_eq!(names(at).len(), 3, "{:?}", names(at));
        write(at, &Files::new()).expect("emptied");
        assert_eq!(names(at).len(), 2, "{:?}", names(at));
    }

    #[test]
    fn other_permissions_are_a_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        write(at, &files(&[("a", "1", 0o644)])).expect("written");
        write(at, &files(&[("a", "1", 0o400)])).expect("changed");
        assert_eq!(fs::metadata(at.join("a")).expect("a file").permissions().mode() & 0o7777, 0o400);
    }
}
