//! Who a container runs as: names looked up in its own `/etc/passwd` and `/etc/group`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{FileType, OFlags};

use super::failure::{During, failure};
use super::resolve::Root;
use crate::protocol::{Stage, StartFailure};
use crate::spec::{Account, User};

/// The files of real images have a few kilobytes; more than this is not read.
const FILE_LIMIT: u64 = 4 << 20;

/// Numbers, all found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
    /// The user's home; `/` if nobody knows.
    pub(super) home: String,
}

/// Looks a user up inside the root.
pub(super) fn identify(root: &Root, user: &User) -> Result<Identity, StartFailure> {
    let passwd = read(root, "/etc/passwd").during(Stage::User, || "reading /etc/passwd")?;
    let group = read(root, "/etc/group").during(Stage::User, || "reading /etc/group")?;
    find(user, &passwd, &group)
        .map_err(|message| StartFailure { message, ..failure(Stage::User, "", &io::ErrorKind::NotFound.into()) })
}

/// A file of the image; a missing one is empty. What is not a file is refused: reading it could wait for ever.
fn read(root: &Root, path: &str) -> io::Result<String> {
    let descriptor = match root.open(Path::new(path), OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(String::new()),
        other => other?,
    };
    if !FileType::from_raw_mode(rustix::fs::fstat(&descriptor)?.st_mode).is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::from(descriptor).take(FILE_LIMIT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

struct Entry<'f> {
    name: &'f str,
    uid: u32,
    gid: u32,
    home: &'f str,
}

/// `name:password:uid:gid:comment:home:shell`; a line that is anything else is no user.
fn entries(passwd: &str) -> impl Iterator<Item = Entry<'_>> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('#'))?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Entry { name, uid, gid, home: fields.nth(1).unwrap_or("") })
    })
}

/// `name:password:gid:member,member`
fn groups(group: &str) -> impl Iterator<Item = (&str, u32, &str)> {
    group.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('#'))?;
        let gid = fields.nth(1)?.parse().ok()?;
        Some((name, gid, fields.next().unwrap_or("")))
    })
}

fn find(user: &User, passwd: &str, group: &str) -> Result<Identity, String> {
    let entry = match &user.user {
        Account::Id(uid) => entries(passwd).find(|entry| entry.uid == *uid),
        Account::Name(name) => {
            let number = name.parse().ok();
            entries(passwd).find(|entry| entry.name == name).or_else(|| entries(passwd).find(|entry| Some(entry.uid) == number))
        }
    };
    let uid = match (&user.user, &entry) {
        (_, Some(entry)) => entry.uid,
        (Account::Id(uid), None) => *uid,
        (Account::Name(name), None) => {
            name.parse().map_err(|_| format!("unable to find user {name}: no matching entries in passwd file"))?
        }
    };
    let gid = match &user.group {
        None => entry.as_ref().map_or(0, |entry| entry.gid),
        Some(Account::Id(gid)) => *gid,
        Some(Account::Name(name)) => match groups(group).find(|(known, ..)| known == name) {
            Some((_, gid, _)) => gid,
            None => name.parse().map_err(|_| format!("unable to find group {name}: no matching entries in group file"))?,
        },
    };
    let mut all = user.additional_gids.clone();
    if let Some(entry) = &entry {
        let listed = groups(group).filter(|(_, _, members)| members.split(',').any(|member| member == entry.name));
        all.extend(listed.map(|(_, gid, _)| gid));
    }
    all.push(gid);
    all.sort_unstable();
    all.dedup();
    let home = entry.map(|entry| entry.home).filter(|home| !home.is_empty()).unwrap_or("/").to_string();
    Ok(Identity { uid, gid, groups: all, home })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n# no:x:9:9::/:\nbroken:x:one:2\n\nnginx:x:101:102:nginx,,,:/var/cache/nginx:/sbin/nologin\nnode:x:1000:1000\n";
    const GROUP: &str = "root:x:0:\nlog:x:4:syslog,nginx\nnginx:x:102:\nwww:x:82:nginx,www\nnginxes:x:83:nginxes\n";

    fn user(user: Account, group: Option<Account>) -> User {
        User { user, group, additional_gids: vec![5000] }
    }

    fn check(who: &User, expected: Result<(u32, u32, &[u32], &str), &str>) {
        let found = find(who, PASSWD, GROUP);
        let found = found.as_ref().map(|id| (id.uid, id.gid, id.groups.as_slice(), id.home.as_str())).map_err(String::as_str);
        assert_eq!(found, expected, "{who:?}");
    }

    #[test]
    fn users_and_groups_are_found_by_name_and_number() {
        let name = |name: &str| Account::Name(name.to_string());
        check(&user(name("nginx"), None), Ok((101, 102, &[4, 82, 102, 5000], "/var/cache/nginx")));
        check(&user(Account::Id(101), Some(Account::Id(0))), Ok((101, 0, &[0, 4, 82, 5000], "/var/cache/nginx")));
        check(&user(Account::Id(7), None), Ok((7, 0, &[0, 5000], "/")));
        check(&user(Account::Id(0), Some(name("www"))), Ok((0, 82, &[82, 5000], "/root")));
        check(&user(name("1000"), None), Ok((1000, 1000, &[1000, 5000], "/")));
        check(&user(name("1001"), None), Ok((1001, 0, &[0, 5000], "/")));
        check(&user(name("node"), None), Ok((1000, 1000, &[1000, 5000], "/")));
        check(&user(name("nobody"), None), Err("unable to find user nobody: no matching entries in passwd file"));
        check(&user(name("-1"), None), Err("unable to find user -1: no matching entries in passwd file"));
        check(&user(Account::Id(0), Some(name("x"))), Err("unable to find group x: no matching entries in group file"));
    }
}
