//! `skiffd reset`: stops every pod and removes every trace of a daemon from the machine.

use crate::config::Config;
use crate::daemon::{StartError, folder, lock, network_config};
use crate::ssh;
use nix::mount::{MntFlags, umount2};
use runtime::cgroup::{CgroupConfig, Cgroups};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Removes everything that a daemon of this configuration made. Blocks. Again is fine.
///
/// # Errors
/// [`StartError::Locked`] while a daemon runs, else what could not be removed.
pub fn reset(config: &Config) -> Result<(), StartError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(StartError::NotRoot);
    }
    let exists = |path: &Path| path.is_dir();
    let mut locks = Vec::new();
    for path in [&config.data_dir, &config.run_dir] {
        if exists(path) {
            locks.push(lock(path)?);
        }
    }
    // Supervisors and containers are in these groups, all of them.
    Cgroups::open(&CgroupConfig { root: config.cgroup_root.clone(), ..CgroupConfig::default() })?.teardown()?;
    runtime::network::remove(&network_config(config, config.first_range(), None))?;
    unmount_below(&config.data_dir)?;
    remove_names(&config.data_dir, &["pods", "logs", "store", "images", "pki", ssh::host_key::FILE, "lock"])?;
    remove_names(&config.run_dir, &["pods", "network", "ssh", "boot-id", "lock"])?;
    remove_file(&config.socket)?;
    for path in [&config.data_dir, &config.run_dir] {
        remove_if_empty(path)?;
    }
    Ok(())
}

/// Unmounts whatever is mounted below a folder, innermost first: volumes in memory.
fn unmount_below(path: &Path) -> Result<(), StartError> {
    let mountinfo = Path::new("/proc/self/mountinfo");
    let text = fs::read_to_string(mountinfo).map_err(folder("read", mountinfo))?;
    let points = text.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    let mut below: Vec<PathBuf> = points.map(PathBuf::from).filter(|point| point.starts_with(path) && point != path).collect();
    below.sort_by_key(|point| std::cmp::Reverse(point.components().count()));
    for point in below {
        umount2(&point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)
            .map_err(|errno| folder("unmount", &point)(errno.into()))?;
    }
    Ok(())
}

/// The kernel writes blanks and backslashes of paths in octal.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

fn remove_names(path: &Path, names: &[&str]) -> Result<(), StartError> {
    for name in names {
        let path = path.join(name);
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            fs::remove_dir_all(&path).map_err(folder("remove", &path))?;
        } else {
            remove_file(&path)?;
        }
    }
    Ok(())
}

fn remove_file(path: &Path) -> Result<(), StartError> {
    match fs::remove_file(path) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(folder("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// A folder with files of others in it stays, and so does a mount point.
fn remove_if_empty(path: &Path) -> Result<(), StartError> {
    match fs::remove_dir(path) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::ResourceBusy
            ) =>
        {
            Err(folder("remove", path)(error))
        }
        _ => Ok(()),
    }
}
