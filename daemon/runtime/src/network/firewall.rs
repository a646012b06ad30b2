//! Lets pods out and traffic to them through: one nft table of ours, and accept rules where others drop forwarded packets.
//!
//! The `nft` program is used and not the netlink protocol below it: it runs a few times in the life of a daemon, never on
//! the way of a pod, and its text is what an operator sees in `nft list ruleset`. The whole table is replaced in one
//! transaction, so calling it again is safe.
//!
//! A verdict of our table cannot save a packet that another table drops. Container engines and firewall front ends often
//! set iptables' FORWARD policy to drop; so each base chain on the forward hook whose policy is drop gets two accept rules at
//! its head, commented with the bridge's name, which is also how they are found again. iptables on top of nftables shows
//! them like its own. Tables of the older iptables are invisible to nft and are asked through `iptables-legacy`, only where
//! the kernel says that they are in use. A chain that accepts by policy and ends in a reject rule (firewalld) is
//! left alone: put the bridge into a trusted zone there.

use std::fs;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{NetworkConfig, NetworkError};

const NFT: &str = "nft";
const LEGACY: &str = "iptables-legacy";

/// Writes our table and the accept rules.
pub(super) fn install(config: &NetworkConfig) -> Result<(), NetworkError> {
    nft(&["-f", "-"], &ruleset(config), "the pod network's table")?;
    let bridge = &config.bridge;
    for chain in forward_chains()? {
        if chain.drops && !has_rule_of(&chain, bridge)? {
            let place = format!("{} {} {}", chain.family, chain.table, chain.name);
            let rules = format!(
                "insert rule {place} iifname \"{bridge}\" accept comment \"{bridge}\"\n\
                 insert rule {place} oifname \"{bridge}\" accept comment \"{bridge}\"\n"
            );
            nft(&["-f", "-"], &rules, &format!("accept rules for the chain {place}"))?;
        }
    }
    if legacy_is_in_use() {
        install_legacy(bridge)?;
    }
    Ok(())
}

/// Removes everything that [`install`] made; nothing to remove is no error.
pub(super) fn remove(bridge: &str) -> Result<(), NetworkError> {
    nft(&["-f", "-"], &format!("table ip {bridge}\ndelete table ip {bridge}\n"), "to delete the pod network's table")?;
    for chain in forward_chains()? {
        for handle in rules_of(&chain, bridge)? {
            let rule = format!("delete rule {} {} {} handle {handle}\n", chain.family, chain.table, chain.name);
            nft(&["-f", "-"], &rule, "to delete an accept rule")?;
        }
    }
    if legacy_is_in_use() {
        for direction in ["-i", "-o"] {
            while legacy(&["-D", "FORWARD", direction, bridge, "-j", "ACCEPT"])? {}
        }
    }
    Ok(())
}

/// Our table: declared and deleted first, so that the definition that follows replaces it whole.
fn ruleset(config: &NetworkConfig) -> String {
    let NetworkConfig { bridge, cidr, .. } = config;
    let unmasked = config.cluster_cidr.map_or(String::new(), |cluster| format!("    ip daddr {cluster} return\n"));
    format!(
        "table ip {bridge}\n\
         delete table ip {bridge}\n\
         table ip {bridge} {{\n\
         \x20 chain prerouting {{\n\
         \x20   type filter hook prerouting priority -300; policy accept;\n\
         \x20   iifname \"{bridge}\" ip saddr != {cidr} drop\n\
         \x20 }}\n\
         \x20 chain postrouting {{\n\
         \x20   type nat hook postrouting priority 100; policy accept;\n\
         \x20   ip saddr != {cidr} return\n\
         \x20   ip daddr {cidr} return\n\
         \x20   ip daddr 224.0.0.0/4 return\n\
         {unmasked}\
         \x20   oifname != \"{bridge}\" masquerade\n\
         \x20 }}\n\
         }}\n"
    )
}

/// A base chain on the forward hook that IPv4 packets pass.
#[derive(Debug, PartialEq, Eq)]
struct ForwardChain {
    family: String,
    table: String,
    name: String,
    drops: bool,
}

fn forward_chains() -> Result<Vec<ForwardChain>, NetworkError> {
    let text = nft(&["-j", "list", "chains"], "", "to list the chains")?;
    Ok(parse_forward_chains(&text))
}

fn parse_forward_chains(text: &str) -> Vec<ForwardChain> {
    let mut found = Vec::new();
    for chain in objects(text, "chain") {
        let field = |name: &str| chain.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let family = field("family");
        if field("hook") == "forward" && (family == "ip" || family == "inet") {
            found.push(ForwardChain { family, table: field("table"), name: field("name"), drops: field("policy") == "drop" });
        }
    }
    found
}

fn has_rule_of(chain: &ForwardChain, bridge: &str) -> Result<bool, NetworkError> {
    Ok(!rules_of(chain, bridge)?.is_empty())
}

fn rules_of(chain: &ForwardChain, bridge: &str) -> Result<Vec<u64>, NetworkError> {
    let arguments = ["-j", "-a", "list", "chain", &chain.family, &chain.table, &chain.name];
    let text = nft(&arguments, "", &format!("to list the chain {}", chain.name))?;
    Ok(parse_handles(&text, bridge))
}

fn parse_handles(text: &str, comment: &str) -> Vec<u64> {
    let is_ours = |rule: &Value| rule.get("comment").and_then(Value::as_str) == Some(comment);
    let rules = objects(text, "rule").into_iter().filter(is_ours);
    rules.filter_map(|rule| rule.get("handle").and_then(Value::as_u64)).collect()
}

/// The objects of one kind in nft's JSON answer.
fn objects(text: &str, kind: &str) -> Vec<Value> {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    let list = answer.get("nftables").and_then(Value::as_array).cloned().unwrap_or_default();
    list.into_iter().filter_map(|mut entry| entry.get_mut(kind).map(Value::take)).collect()
}

/// Whether this namespace has tables of the older iptables.
fn legacy_is_in_use() -> bool {
    fs::read_to_string("/proc/thread-self/net/ip_tables_names").is_ok_and(|names| names.lines().any(|name| name == "filter"))
}

fn install_legacy(bridge: &str) -> Result<(), NetworkError> {
    if !legacy_output(&["-S", "FORWARD"])?.lines().any(|line| line == "-P FORWARD DROP") {
        return Ok(());
    }
    for direction in ["-i", "-o"] {
        let is_there = legacy(&["-C", "FORWARD", direction, bridge, "-j", "ACCEPT"])?;
        if !is_there && !legacy(&["-I", "FORWARD", direction, bridge, "-j", "ACCEPT"])? {
            let action = "an accept rule for the chain FORWARD".to_owned();
            return Err(NetworkError::Firewall { program: LEGACY, action, message: "see its own output".to_owned() });
        }
    }
    Ok(())
}

fn legacy_command(arguments: &[&str]) -> Result<std::process::Output, NetworkError> {
    // -w: wait for the lock that another iptables may hold.
    let mut command = Command::new(LEGACY);
    command.arg("-w").args(arguments).stdin(Stdio::null());
    command.output().map_err(|source| NetworkError::ProgramMissing { program: LEGACY, package: "iptables", source })
}

fn legacy(arguments: &[&str]) -> Result<bool, NetworkError> {
    Ok(legacy_command(arguments)?.status.success())
}

fn legacy_output(arguments: &[&str]) -> Result<String, NetworkError> {
    Ok(String::from_utf8_lossy(&legacy_command(arguments)?.stdout).into_owned())
}

/// Runs nft with the given standard input; its standard output.
fn nft(arguments: &[&str], input: &str, action: &str) -> Result<String, NetworkError> {
    let missing = |source| NetworkError::ProgramMissing { program: NFT, package: "nftables", source };
    let refused = |message: String| NetworkError::Firewall { program: NFT, action: action.to_owned(), message };
    let mut child = Command::new(NFT)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    if let Some(mut stdin) = child.stdin.take() {
        // It may end before it has read everything; its own message says why, below.
        match stdin.write_all(input.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(refused(error.to_string())),
            _ => {}
        }
    }
    let output = child.wait_with_output().map_err(|error| refused(error.to_string()))?;
    if !output.status.success() {
        return Err(refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Cidr;
    use super::*;

    #[test]
    fn only_forward_chains_that_ipv4_passes_are_looked_at() {
        let text = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
            {"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "handle": 1, "type": "filter", "hook": "forward",
                       "prio": 0, "policy": "drop"}},
            {"chain": {"family": "inet", "table": "fw", "name": "fwd", "hook": "forward", "prio": 0, "policy": "accept"}},
            {"chain": {"family": "ip6", "table": "filter", "name": "FORWARD", "hook": "forward", "policy": "drop"}},
            {"chain": {"family": "ip", "table": "filter", "name": "DOCKER", "handle": 2}}]}"#;
        let chain = |family: &str, table: &str, name: &str, drops| ForwardChain {
            family: family.to_owned(),
            table: table.to_owned(),
            name: name.to_owned(),
            drops,
        };
        assert_eq!(parse_forward_chains(text), [chain("ip", "filter", "FORWARD", true), chain("inet", "fw", "fwd", false)]);
        assert_eq!(parse_forward_chains("not json"), []);
    }

    #[test]
    fn our_rules_are_known_by_their_comment() {
        let text = r#"{"nftables": [{"rule": {"handle": 7, "comment": "skiff0", "expr": []}},
            {"rule": {"handle": 8, "expr": []}}, {"rule": {"handle": 9, "comment": "skiff1", "expr": []}}]}"#;
        assert_eq!(parse_handles(text, "skiff0"), [7]);
    }

    #[test]
    fn traffic_inside_the_cluster_keeps_the_address_of_its_pod() {
        let mut config = NetworkConfig::new("/nowhere");
        assert!(!ruleset(&config).contains("10.88.0.0/16"));
        config.cluster_cidr = Some(Cidr::parse("10.88.0.0/16").unwrap());
        let text = ruleset(&config);
        let cluster = text.find("ip daddr 10.88.0.0/16 return").unwrap();
        assert!(cluster < text.find("masquerade").unwrap());
    }
}
