//! Which pod has which address: one symbolic link an address, so that taking one is a single atomic system call.
//!
//! `<state>/addresses/10.88.0.5 -> <pod uid>`. The kernel refuses a second link of the same name, a link is never half
//! written, and on a tmpfs it costs a few microseconds. `<state>/boot` holds the boot id the links belong to: after a
//! reboot no pod is left, so the links of an earlier boot are dropped.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Cidr, NetworkError};

/// The folder of the links.
const FOLDER: &str = "addresses";

/// The addresses that an earlier daemon handed out, for whoever has to find out which range it had. Nothing where there is no state.
///
/// # Errors
/// The folder cannot be read.
pub fn allocated(state_dir: &Path) -> Result<Vec<Ipv4Addr>, NetworkError> {
    let names = names(&state_dir.join(FOLDER))?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Before [`super::Network::open`] with another range than before: forgets who had which address outside of it; how many they
/// were. Those pods have to get new sandboxes.
///
/// # Errors
/// The folder cannot be read or written.
pub fn forget_outside(state_dir: &Path, cidr: Cidr) -> Result<usize, NetworkError> {
    let mut forgotten = 0;
    for address in allocated(state_dir)?.into_iter().filter(|address| cidr.place_of(*address).is_none()) {
        let path = state_dir.join(FOLDER).join(address.to_string());
        fs::remove_file(&path).map_err(NetworkError::write(&path))?;
        forgotten += 1;
    }
    Ok(forgotten)
}

fn names(directory: &Path) -> Result<Vec<String>, NetworkError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(NetworkError::read(directory))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(NetworkError::read(directory))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// The addresses of one node.
#[derive(Debug)]
pub(super) struct Ipam {
    cidr: Cidr,
    directory: PathBuf,
    by_address: BTreeMap<Ipv4Addr, Holder>,
    by_uid: HashMap<String, Ipv4Addr>,
    /// The place after the one handed out last: an address rests as long as possible before it is used again, so that the
    /// kernel has long removed the namespace of its former owner.
    next_place: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Holder {
    /// A namespace of the pool; not written down, because the pool dies with the daemon.
    Pool,
    /// A pod, with its uid.
    Pod(String),
}

impl Ipam {
    /// Reads what an earlier daemon of the same boot wrote; `boot_id` is the machine's.
    pub(super) fn open(state_dir: &Path, cidr: Cidr, boot_id: &str) -> Result<Self, NetworkError> {
        let directory = state_dir.join(FOLDER);
        fs::create_dir_all(&directory).map_err(NetworkError::write(&directory))?;
        let mut ipam = Self { cidr, directory, by_address: BTreeMap::new(), by_uid: HashMap::new(), next_place: 0 };
        let boot = state_dir.join("boot");
        let is_same_boot = fs::read_to_string(&boot).is_ok_and(|seen| seen.trim() == boot_id);
        if is_same_boot {
            ipam.load()?;
        } else {
            ipam.clear()?;
            fs::write(&boot, boot_id).map_err(NetworkError::write(&boot))?;
        }
        Ok(ipam)
    }

    fn load(&mut self) -> Result<(), NetworkError> {
        for name in names(&self.directory)? {
            let path = self.directory.join(&name);
            let uid = fs::read_link(&path).ok().and_then(|uid| uid.into_os_string().into_string().ok());
            let address = name.parse::<Ipv4Addr>().ok();
            let (Some(uid), Some(address)) = (uid, address) else {
                tracing::warn!(path = %path.display(), "ignoring what is not an address of a pod");
                continue;
            };
            if let Some(place) = self.cidr.place_of(address) {
                self.next_place = self.next_place.max(place + 1);
            }
            self.by_address.insert(address, Holder::Pod(uid.clone()));
            self.by_uid.insert(uid, address);
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<(), NetworkError> {
        for name in names(&self.directory)? {
            let path = self.directory.join(name);
            fs::remove_file(&path).map_err(NetworkError::write(&path))?;
        }
        Ok(())
    }

    /// The range that addresses are of.
    pub(super) fn cidr(&self) -> Cidr {
        self.cidr
    }

    /// Forgets everybody and hands out addresses of another range. The places go on where they were: the veths of the former
    /// owners, which are named by them, may be there for a while.
    pub(super) fn change_range(&mut self, cidr: Cidr) -> Result<(), NetworkError> {
        self.clear()?;
        self.by_address.clear();
        self.by_uid.clear();
        self.cidr = cidr;
        self.next_place %= cidr.pod_addresses();
        Ok(())
    }

    /// Sets a free address aside for the pool.
    pub(super) fn reserve(&mut self) -> Result<Ipv4Addr, NetworkError> {
        let places = self.cidr.pod_addresses();
        for step in 0..places {
            let place = (self.next_place + step) % places;
            let Some(address) = self.cidr.pod_address(place) else { continue };
            if let Entry::Vacant(free) = self.by_address.entry(address) {
                free.insert(Holder::Pool);
                self.next_place = (place + 1) % places;
                return Ok(address);
            }
        }
        Err(NetworkError::NoFreeAddress { cidr: self.cidr, in_use: self.by_address.len() })
    }

    /// Gives an address of the pool back.
    pub(super) fn unreserve(&mut self, address: Ipv4Addr) {
        if self.by_address.get(&address) == Some(&Holder::Pool) {
            self.by_address.remove(&address);
        }
    }

    /// Writes down that the pod has the address.
    pub(super) fn assign(&mut self, uid: &str, address: Ipv4Addr) -> Result<(), NetworkError> {
        if let Some(Holder::Pod(owner)) = self.by_address.get(&address) {
            return Err(NetworkError::AddressInUse { ip: address, owner: owner.clone() });
        }
        let path = self.directory.join(address.to_string());
        match symlink(uid, &path) {
            // A link that was not loaded is damage that `load` reported; nobody can own it.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                fs::remove_file(&path).and_then(|()| symlink(uid, &path)).map_err(NetworkError::write(&path))?;
            }
            other => other.map_err(NetworkError::write(&path))?,
        }
        self.by_address.insert(address, Holder::Pod(uid.to_owned()));
        self.by_uid.insert(uid.to_owned(), address);
        Ok(())
    }

    /// Forgets the pod; its address, if it had one.
    pub(super) fn release(&mut self, uid: &str) -> Result<Option<Ipv4Addr>, NetworkError> {
        let Some(address) = self.by_uid.get(uid).copied() else { return Ok(None) };
        let path = self.directory.join(address.to_string());
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(NetworkError::write(&path)(error)),
            _ => {}
        }
        self.by_address.remove(&address);
        self.by_uid.remove(uid);
        Ok(Some(address))
    }

    /// The pod's address.
    pub(super) fn address_of(&self, uid: &str) -> Option<Ipv4Addr> {
        self.by_uid.get(uid).copied()
    }

    /// Every pod with its address, by address.
    pub(super) fn allocations(&self) -> Vec<(String, Ipv4Addr)> {
        let pods = self.by_address.iter().filter_map(|(address, holder)| match holder {
            Holder::Pod(uid) => Some((uid.clone(), *address)),
            Holder::Pool => None,
        });
        pods.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path, boot: &str) -> Ipam {
        Ipam::open(dir, Cidr::parse("10.9.8.0/29").unwrap(), boot).unwrap()
    }

    #[test]
    fn a_restart_of_the_daemon_keeps_who_has_which_address() {
        let dir = tempfile::tempdir().unwrap();
        let mut ipam = open(dir.path(), "boot-1");
        let first = ipam.reserve().unwrap();
        ipam.assign("uid-a", first).unwrap();
        ipam.reserve().unwrap();
        drop(ipam);
        let mut ipam = open(dir.path(), "boot-1");
        assert_eq!(ipam.allocations(), [("uid-a".to_owned(), first)]);
        assert_ne!(ipam.reserve().unwrap(), first);
    }

    #[test]
    fn a_reboot_starts_clean() {
        let dir = tempfile::tempdir().unwrap();
        let mut ipam = open(dir.path(), "boot-1");
        let first = ipam.reserve().unwrap();
        ipam.assign("uid-a", first).unwrap();
        let ipam = open(dir.path(), "boot-2");
        assert_eq!(ipam.allocations(), []);
        assert_eq!(fs::read_dir(dir.path().join("addresses")).unwrap().count(), 0);
    }

    #[test]
    fn a_released_address_is_the_last_to_be_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut ipam = open(dir.path(), "boot-1");
        let first = ipam.reserve().unwrap();
        ipam.assign("uid-a", first).unwrap();
        assert_eq!(ipam.release("uid-a").unwrap(), Some(first));
        assert_eq!(ipam.release("uid-a").unwrap(), None);
        let order: Vec<_> = (0..5).map(|_| ipam.reserve().unwrap()).collect();
        assert_eq!(order.last(), Some(&first));
        assert!(matches!(ipam.reserve(), Err(NetworkError::NoFreeAddress { in_use: 5, .. })));
    }

    #[test]
    fn an_address_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let mut ipam = open(dir.path(), "boot-1");
        let first = ipam.reserve().unwrap();
        ipam.assign("uid-a", first).unwrap();
        assert!(matches!(ipam.assign("uid-b", first), Err(NetworkError::AddressInUse { owner, .. }) if owner == "uid-a"));
    }

    #[test]
    fn rubbish_in_the_state_folder_is_survived() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path(), "boot-1");
        fs::write(dir.path().join("addresses/10.9.8.2"), "half").unwrap();
        fs::write(dir.path().join("addresses/not-an-address"), "").unwrap();
        let mut ipam = open(dir.path(), "boot-1");
        assert_eq!(ipam.allocations(), []);
        let address = ipam.reserve().unwrap();
        assert_eq!(address, Ipv4Addr::new(10, 9, 8, 2));
        ipam.assign("uid-a", address).unwrap();
        assert_eq!(open(dir.path(), "boot-1").address_of("uid-a"), Some(address));
    }
}
