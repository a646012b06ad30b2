//! Makes numbers of an image's `USER` by the passwd and group files of a container's root.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use thiserror::Error;

/// Larger user databases than this are not read to the end.
const MAX_FILE_BYTES: u64 = 16 << 20;
const MAX_ID: u32 = i32::MAX as u32;
const MAX_GROUPS: usize = 65536;

/// Why a user cannot be resolved. The texts are those Kubernetes users know from runc and containerd.
#[derive(Debug, Error)]
pub enum UserError {
    /// The user has no line in `/etc/passwd`.
    #[error("unable to find user {name}: no matching entries in passwd file")]
    UnknownUser {
        /// The part before the colon.
        name: String,
    },
    /// The group has no line in `/etc/group`.
    #[error("unable to find group {name}: no matching entries in group file")]
    UnknownGroup {
        /// The part after the colon.
        name: String,
    },
    /// A number that Linux does not take as an id.
    #[error("uids and gids must be in range 0-{MAX_ID}")]
    Range,
    /// A file of the image cannot be read.
    #[error("cannot read {path} of the image")]
    Read {
        /// The path in the image.
        path: &'static str,
        /// How it failed.
        #[source]
        source: io::Error,
    },
}

/// Numbers for the process of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedUser {
    /// The user.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// The groups `/etc/group` lists the user in, without the primary one, sorted.
    pub additional_gids: Vec<u32>,
    /// The user's home folder and name, if passwd has the user.
    pub home: Option<String>,
}

/// Resolves `user`, `uid`, `user:group`, `uid:gid` or a mix of them inside a root, which may be a mounted overlay. Nothing
/// means root. A number needs no entry; without one its group is 0.
///
/// Links in the root are followed as a process inside it would see them; the files are never looked for outside of it.
pub fn resolve_user(root: BorrowedFd<'_>, spec: &str) -> Result<ResolvedUser, UserError> {
    let (user, group) = match spec.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (spec, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let wanted_uid = parse_id(user)?;
    let found = find_user(root, user, wanted_uid)?;
    let (uid, mut gid) = match (&found, wanted_uid) {
        (Some(found), _) => (found.uid, found.gid),
        (None, Some(uid)) => (uid, 0),
        (None, None) => return Err(UserError::UnknownUser { name: user.to_owned() }),
    };
    let groups = match &found {
        None if group.is_none() => Vec::new(),
        _ => read_groups(root)?,
    };
    if let Some(group) = group {
        let by_name = groups.iter().find(|line| line.name == group).map(|line| line.gid);
        gid = match (by_name, parse_id(group)?) {
            (Some(gid), _) | (None, Some(gid)) => gid,
            (None, None) => return Err(UserError::UnknownGroup { name: group.to_owned() }),
        };
    }
    let is_member = |line: &&GroupLine| found.as_ref().is_some_and(|user| line.members.contains(&user.name));
    let mut additional_gids: Vec<u32> = groups.iter().filter(is_member).map(|line| line.gid).collect();
    additional_gids.sort_unstable();
    additional_gids.dedup();
    additional_gids.retain(|other| *other != gid);
    additional_gids.truncate(MAX_GROUPS);
    Ok(ResolvedUser { uid, gid, additional_gids, home: found.map(|user| user.home) })
}

struct UserLine {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
}

struct GroupLine {
    name: String,
    gid: u32,
    members: Vec<String>,
}

/// A number in range, or none if the text is a name.
fn parse_id(text: &str) -> Result<Option<u32>, UserError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse() {
        Ok(id) if id <= MAX_ID => Ok(Some(id)),
        _ => Err(UserError::Range),
    }
}

/// The first line with this name or, if it is a number, this id.
fn find_user(root: BorrowedFd<'_>, name: &str, uid: Option<u32>) -> Result<Option<UserLine>, UserError> {
    let mut found: Option<UserLine> = None;
    each_line(root, "etc/passwd", |fields| {
        let [line_name, _, line_uid, line_gid, _, home, ..] = fields else { return };
        let (Ok(Some(line_uid)), Ok(Some(line_gid))) = (parse_id(line_uid), parse_id(line_gid)) else { return };
        if found.is_none() && (*line_name == name || uid == Some(line_uid)) {
            let home = (*home).to_owned();
            found = Some(UserLine { name: (*line_name).to_owned(), uid: line_uid, gid: line_gid, home });
        }
    })?;
    Ok(found)
}

fn read_groups(root: BorrowedFd<'_>) -> Result<Vec<GroupLine>, UserError> {
    let mut groups = Vec::new();
    each_line(root, "etc/group", |fields| {
        let [name, _, gid, rest @ ..] = fields else { return };
        if let Ok(Some(gid)) = parse_id(gid) {
            let members = rest.first().unwrap_or(&"").split(',').filter(|name| !name.is_empty()).map(str::to_owned);
            groups.push(GroupLine { name: (*name).to_owned(), gid, members: members.collect() });
        }
    })?;
    Ok(groups)
}

/// Calls `line` with the fields of each line; an image without the file has no lines.
fn each_line(root: BorrowedFd<'_>, path: &'static str, mut line: impl FnMut(&[&str])) -> Result<(), UserError> {
    let failed = |source| UserError::Read { path, source };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = match openat2(root, path, flags, Mode::empty(), resolve) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        Err(errno) => return Err(failed(errno.into())),
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
    }
    let mut reader = BufReader::new(file.take(MAX_FILE_BYTES));
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim();
        if !text.is_empty() && !text.starts_with('#') {
            line(&text.split(':').collect::<Vec<_>>());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    const PASSWD: &str = "# users\nroot:x:0:0:root:/root:/bin/sh\nnode:x:1000:1001::/home/node:/bin/sh\nbroken\nbad:x:a:b::/:\n\
                          big:x:4294967295:0::/:\n7:x:70:71::/seven:\n";
    const GROUP: &str =
        "root:x:0:\nstaff:x:50:node,other\nnode:x:1001:node\naudio:x:29:other, node,node\nvideo:x:44:node\nbroken:x\n";

    fn image() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        fs::write(root.path().join("etc/passwd"), PASSWD).unwrap();
        fs::write(root.path().join("etc/group"), GROUP).unwrap();
        root
    }

    fn resolve(root: &Path, spec: &str) -> Result<(u32, u32, Vec<u32>), String> {
        let folder = File::open(root).unwrap();
        let user = resolve_user(folder.as_fd(), spec).map_err(|error| error.to_string())?;
        Ok((user.uid, user.gid, user.additional_gids))
    }

    #[test]
    fn names_and_numbers_are_looked_up() {
        let root = image();
        let check = |spec: &str, expected: (u32, u32, &[u32])| {
            let (uid, gid, gids) = resolve(root.path(), spec).unwrap_or_else(|error| panic!("{spec}: {error}"));
            assert_eq!((uid, gid, gids.as_slice()), expected, "{spec}");
        };
        check("", (0, 0, &[]));
        check("root", (0, 0, &[]));
        check("node", (1000, 1001, &[29, 44, 50]));
        check("1000", (1000, 1001, &[29, 44, 50]));
        check("node:staff", (1000, 50, &[29, 44, 1001]));
        check("node:7", (1000, 7, &[29, 44, 50, 1001]));
        check("12345", (12345, 0, &[]));
        check("12345:video", (12345, 44, &[]));
        check("12345:999", (12345, 999, &[]));
        check("7", (70, 71, &[]));
        check(":video", (0, 44, &[]));
    }

    #[test]
    fn what_is_unknown_or_out_of_range_is_refused_in_known_words() {
        let root = image();
        let check = |spec: &str, expected: &str| assert_eq!(resolve(root.path(), spec).unwrap_err(), expected, "{spec}");
        check("nobody", "unable to find user nobody: no matching entries in passwd file");
        check("bad", "unable to find user bad: no matching entries in passwd file");
        check("node:nogroup", "unable to find group nogroup: no matching entries in group file");
        check("2147483648", "uids and gids must be in range 0-2147483647");
        check("99999999999999999999", "uids and gids must be in range 0-2147483647");
        check("-1", "unable to find user -1: no matching entries in passwd file");
        check("0:4294967295", "uids and gids must be in range 0-2147483647");
    }

    #[test]
    fn an_image_without_user_files_knows_numbers_only() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(resolve(root.path(), "5:6").unwrap(), (5, 6, vec![]));
        assert!(resolve(root.path(), "node").is_err());
    }

    #[test]
    fn links_are_followed_inside_the_image_only() {
        let root = image();
        let host = tempfile::tempdir().unwrap();
        fs::write(host.path().join("passwd"), "evil:x:0:0::/:\n").unwrap();
        fs::rename(root.path().join("etc/passwd"), root.path().join("users")).unwrap();
        symlink("/users", root.path().join("etc/passwd")).unwrap();
        assert_eq!(resolve(root.path(), "node").unwrap().0, 1000);
        fs::remove_file(root.path().join("etc/passwd")).unwrap();
        symlink(host.path().join("passwd"), root.path().join("etc/passwd")).unwrap();
        assert!(resolve(root.path(), "evil").is_err());
        fs::remove_file(root.path().join("etc/passwd")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, root.path().join("etc/passwd"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(resolve(root.path(), "node").unwrap_err().contains("cannot read etc/passwd"));
    }
}
