//! The bridge between a node and its pods: made once, recognised after a restart, never taken from somebody else.
//!
//! The bridge's alias (`ip link show` prints it) says which daemon made it, by the folder of its state.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::ipam::Ipam;
use super::link::{self, Link};
use super::namespace::Bridge;
use super::netlink::{Netlink, Refused};
use super::routes::PROTOCOL;
use super::{Cidr, NetworkConfig, NetworkError};

const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
const ALIAS_BEGIN: &str = "skiff ";
/// The kernel's default for interfaces that say nothing else.
const DEFAULT_MTU: u32 = 1500;

/// Makes the bridge or checks the one that is there.
pub(super) fn ensure(netlink: &mut Netlink, config: &NetworkConfig, ipam: &Ipam) -> Result<Bridge, NetworkError> {
    let failed = |action: &str| NetworkError::netlink(format!("{action} the bridge {}", config.bridge));
    let routes = link::routes(netlink).map_err(NetworkError::netlink("list the routes"))?;
    let found = link::find(netlink, &config.bridge).map_err(failed("look for"))?;
    if let Some(found) = &found {
        check_owner(netlink, config, found)?;
    }
    check_routes(netlink, config.cidr, &routes, found.as_ref().map(|link| link.index))?;
    let index = if let Some(found) = found {
        found.index
    } else {
        let mtu = mtu(netlink, config, &routes)?;
        netlink.change(vec![link::new_bridge(config, mtu)]).map_err(refused(failed("make")))?;
        let made = link::find(netlink, &config.bridge).map_err(failed("find"))?;
        made.ok_or_else(|| failed("find")(ErrorKind::NotFound.into()))?.index
    };
    netlink.change(vec![link::mark(index, &alias(config))]).map_err(refused(failed("mark")))?;
    ensure_address(netlink, config, ipam, index)?;
    Ok(Bridge { index, mtu: mtu(netlink, config, &routes)? })
}

/// Refuses a range that this machine routes elsewhere already, before anything is changed.
pub(super) fn check(config: &NetworkConfig) -> Result<(), NetworkError> {
    let mut netlink = Netlink::open().map_err(NetworkError::netlink("open a netlink socket"))?;
    let routes = link::routes(&mut netlink).map_err(NetworkError::netlink("list the routes"))?;
    let found = link::find(&mut netlink, &config.bridge);
    let found = found.map_err(NetworkError::netlink(format!("look for the bridge {}", config.bridge)))?;
    check_routes(&mut netlink, config.cidr, &routes, found.map(|link| link.index))
}

/// Deletes the bridge if it is ours.
pub(super) fn remove(netlink: &mut Netlink, config: &NetworkConfig) -> Result<(), NetworkError> {
    let failed = |action: &str| NetworkError::netlink(format!("{action} the bridge {}", config.bridge));
    let Some(found) = link::find(netlink, &config.bridge).map_err(failed("look for"))? else { return Ok(()) };
    if found.alias.as_deref() != Some(&alias(config)) {
        return Ok(());
    }
    netlink.change(vec![link::delete(found.index)]).map_err(refused(failed("delete")))
}

/// Pods' packets pass the node. The switch is the whole namespace's, not the bridge's alone, because answers come in on
/// whichever interface the route of the moment uses. What it was before is written down once.
pub(super) fn enable_forwarding(state_dir: &Path) -> Result<(), NetworkError> {
    let before = fs::read_to_string(FORWARDING).map_err(NetworkError::read(FORWARDING))?;
    if before.trim() != "0" {
        return Ok(());
    }
    let note = state_dir.join("ip_forward");
    fs::write(&note, "0").map_err(NetworkError::write(&note))?;
    fs::write(FORWARDING, "1").map_err(NetworkError::write(FORWARDING))
}

/// Switches forwarding off again if we switched it on and no other daemon of ours is in this namespace.
pub(super) fn restore_forwarding(netlink: &mut Netlink, config: &NetworkConfig) -> Result<(), NetworkError> {
    if !config.state_dir.join("ip_forward").exists() {
        return Ok(());
    }
    let links = link::all(netlink).map_err(NetworkError::netlink("list the interfaces"))?;
    let is_another = |link: &Link| link.alias.as_deref().is_some_and(|alias| alias.starts_with(ALIAS_BEGIN));
    if links.iter().any(is_another) {
        return Ok(());
    }
    fs::write(FORWARDING, "0").map_err(NetworkError::write(FORWARDING))
}

pub(super) fn alias(config: &NetworkConfig) -> String {
    // The kernel takes 255 bytes; the end of a long path tells more than its beginning.
    let path = config.state_dir.to_string_lossy();
    let kept: Vec<char> = path.chars().rev().take(60).collect();
    ALIAS_BEGIN.chars().chain(kept.into_iter().rev()).collect()
}

/// Ours is the bridge with our alias, or one that nobody named and that has no address: made in the moment of a crash.
fn check_owner(netlink: &mut Netlink, config: &NetworkConfig, found: &Link) -> Result<(), NetworkError> {
    let taken = |owner: String| NetworkError::BridgeTaken { name: config.bridge.clone(), owner };
    if !found.is_bridge {
        return Err(taken("it is not a bridge".to_owned()));
    }
    match &found.alias {
        Some(found_alias) if *found_alias == alias(config) => Ok(()),
        Some(found_alias) => Err(taken(found_alias.clone())),
        None => {
            let addresses = link::addresses(netlink, found.index).map_err(NetworkError::netlink("list the addresses"))?;
            match addresses.first() {
                None => Ok(()),
                Some((address, prefix_len)) => Err(taken(format!("it has the address {address}/{prefix_len}"))),
            }
        }
    }
}

fn check_routes(netlink: &mut Netlink, cidr: Cidr, routes: &[link::Route], own_index: Option<u32>) -> Result<(), NetworkError> {
    // A route to another node's pods goes away when it is seen that the range is this node's.
    let is_in_the_way = |route: &&link::Route| {
        let is_other = Some(route.interface) != own_index && route.protocol != PROTOCOL;
        route.to.prefix_len() > 0 && route.to.overlaps(cidr) && is_other
    };
    let Some(route) = routes.iter().find(is_in_the_way) else { return Ok(()) };
    let links = link::all(netlink).map_err(NetworkError::netlink("list the interfaces"))?;
    let interface = links.into_iter().find(|link| link.index == route.interface).map_or_else(String::new, |link| link.name);
    Err(NetworkError::RouteConflict { cidr, route: route.to, interface })
}

/// The gateway's address on the bridge, and no IPv4 address of an earlier setting.
fn ensure_address(netlink: &mut Netlink, config: &NetworkConfig, ipam: &Ipam, index: u32) -> Result<(), NetworkError> {
    let failed = |action: &str| NetworkError::netlink(format!("{action} the address of the bridge {}", config.bridge));
    let (cidr, gateway) = (config.cidr, config.cidr.gateway());
    let mut is_there = false;
    for (address, prefix_len) in link::addresses(netlink, index).map_err(failed("read"))? {
        if (address, prefix_len) == (gateway, cidr.prefix_len()) {
            is_there = true;
            continue;
        }
        if let Some((_, address)) = ipam.allocations().into_iter().find(|(_, address)| cidr.place_of(*address).is_none()) {
            return Err(NetworkError::CidrChanged { bridge: config.bridge.clone(), address, cidr });
        }
        netlink.change(vec![link::delete_address(index, address, prefix_len)]).map_err(refused(failed("delete")))?;
    }
    if !is_there {
        netlink.change(vec![link::new_address(index, gateway, cidr)]).map_err(refused(failed("set")))?;
    }
    Ok(())
}

fn mtu(netlink: &mut Netlink, config: &NetworkConfig, routes: &[link::Route]) -> Result<u32, NetworkError> {
    if let Some(mtu) = config.mtu {
        return Ok(mtu);
    }
    let Some(route) = routes.iter().filter(|route| route.to.prefix_len() == 0).min_by_key(|route| route.metric) else {
        return Ok(DEFAULT_MTU);
    };
    let links = link::all(netlink).map_err(NetworkError::netlink("list the interfaces"))?;
    let interface = links.into_iter().find(|link| link.index == route.interface);
    Ok(interface.and_then(|link| link.mtu).unwrap_or(DEFAULT_MTU))
}

fn refused(wrap: impl FnOnce(std::io::Error) -> NetworkError) -> impl FnOnce(Refused) -> NetworkError {
    |refused| wrap(refused.source)
}
