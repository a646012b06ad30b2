//! Lets pods out and traffic to them through: one nft table of ours, and accept rules where others drop forwarded packets.
//!
//! The `nft` program is used and not the netlink protocol below it: it runs a few times in the life of a daemon, never on
//! the way of a pod, and its text is what an operator sees in `nft list ruleset`. The whole table is replaced in one
//! transaction, so calling it again is safe.
//!
//! A verdict of our table cannot save a packet that another table drops. Container engines and firewall front ends often set
//! the policy of iptables' FORWARD and INPUT to drop; so each base chain on the forward and input hooks whose policy is drop gets
//! accept rules at its head. Forwarded packets always come from the bridge or go to it, over whichever device they reach the other
//! nodes. Let in are the cluster's own ports, and answers from pods. The rules are commented with the bridge's name, which is also how they are found
//! again. iptables on top of nftables shows them like its own. Tables of the older iptables: see `legacy`. A chain that
//! accepts by policy and ends in a reject rule (firewalld) is left alone: put the bridge into a trusted zone there.
//!
//! VXLAN has no authentication: packets of our VXLAN network are let in from the other nodes' addresses only.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{NetworkConfig, NetworkError, legacy};

const NFT: &str = "nft";

/// A port of this node that other machines reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    /// A UDP port.
    Udp(u16),
    /// A TCP port.
    Tcp(u16),
}

/// What is let through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Opening {
    /// The ports of this node that are reached from outside, beside VXLAN's.
    pub(super) ports: BTreeSet<Port>,
    /// The addresses of the other nodes.
    pub(super) nodes: BTreeSet<Ipv4Addr>,
    /// Whether there is a VXLAN device.
    pub(super) has_vxlan: bool,
}

impl Opening {
    /// Every port that is let in.
    pub(super) fn all_ports(&self, config: &NetworkConfig) -> BTreeSet<Port> {
        let vxlan = self.has_vxlan.then_some(Port::Udp(config.vxlan_port));
        self.ports.iter().copied().chain(vxlan).collect()
    }
}

/// Writes our table and the accept rules.
pub(super) fn install(config: &NetworkConfig, opening: &Opening) -> Result<(), NetworkError> {
    nft(&["-f", "-"], &ruleset(config, opening), "the pod network's table")?;
    for chain in chains()? {
        let wanted = if chain.drops { rules(config, opening, chain.hook) } else { Vec::new() };
        let place = chain.place();
        let there = rules_of(&chain, &config.bridge)?;
        let mut script = String::new();
        for (comment, expression) in wanted.iter().filter(|(comment, _)| !there.iter().any(|rule| rule.comment == *comment)) {
            let _ = writeln!(script, "insert rule {place} {expression} accept comment \"{comment}\"");
        }
        for rule in there.iter().filter(|rule| !wanted.iter().any(|(comment, _)| rule.comment == *comment)) {
            let _ = writeln!(script, "delete rule {place} handle {}", rule.handle);
        }
        if !script.is_empty() {
            nft(&["-f", "-"], &script, &format!("accept rules for the chain {place}"))?;
        }
    }
    legacy::install(config, &opening.all_ports(config))
}

/// Removes everything that [`install`] made; nothing to remove is no error.
pub(super) fn remove(bridge: &str) -> Result<(), NetworkError> {
    nft(&["-f", "-"], &format!("table ip {bridge}\ndelete table ip {bridge}\n"), "to delete the pod network's table")?;
    for chain in chains()? {
        for rule in rules_of(&chain, bridge)? {
            let script = format!("delete rule {} handle {}\n", chain.place(), rule.handle);
            nft(&["-f", "-"], &script, "to delete an accept rule")?;
        }
    }
    legacy::remove(bridge)
}

/// The accept rules of a hook: the comment that tells them apart, and what they match.
fn rules(config: &NetworkConfig, opening: &Opening, hook: Hook) -> Vec<(String, String)> {
    let bridge = &config.bridge;
    if hook == Hook::Forward {
        let rule = |way: &str, name: &str| (format!("{bridge} {name}"), format!("{way} \"{bridge}\""));
        return vec![rule("iifname", "from pods"), rule("oifname", "to pods")];
    }
    // Those of other nodes' pods come in on whichever interface their route has.
    let answers = format!("ip saddr {} ct state established,related", config.pods());
    let port = |port: Port| {
        let text = port.to_string();
        (format!("{bridge} {text}"), text.replace(' ', " dport "))
    };
    let answers = (format!("{bridge} answers of {}", config.pods()), answers);
    [answers].into_iter().chain(opening.all_ports(config).into_iter().map(port)).collect()
}

/// Our table: declared and deleted first, so that the definition that follows replaces it whole.
fn ruleset(config: &NetworkConfig, opening: &Opening) -> String {
    let NetworkConfig { bridge, cidr, .. } = config;
    let unmasked = config.cluster_cidr.map_or(String::new(), |cluster| format!("    ip daddr {cluster} return\n"));
    let strangers = strangers(config, opening);
    format!(
        "table ip {bridge}\n\
         delete table ip {bridge}\n\
         table ip {bridge} {{\n\
         \x20 chain prerouting {{\n\
         \x20   type filter hook prerouting priority -300; policy accept;\n\
         \x20   iifname \"{bridge}\" ip saddr != {cidr} drop\n\
         {strangers}\
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

/// Drops packets of our VXLAN network that no node of the cluster sent. The network's number stands 96 bits after the beginning of
/// the UDP header; other networks on the same port are none of our business.
fn strangers(config: &NetworkConfig, opening: &Opening) -> String {
    if !opening.has_vxlan {
        return String::new();
    }
    let nodes: Vec<String> = opening.nodes.iter().map(ToString::to_string).collect();
    let is_ours = format!("udp dport {} @th,96,24 {}", config.vxlan_port, config.vxlan_id);
    match nodes.as_slice() {
        [] => format!("    {is_ours} drop\n"),
        nodes => format!("    {is_ours} ip saddr != {{ {} }} drop\n", nodes.join(", ")),
    }
}

/// Where a chain is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hook {
    Forward,
    Input,
}

/// A base chain on one of the hooks that IPv4 packets pass.
#[derive(Debug, PartialEq, Eq)]
struct BaseChain {
    hook: Hook,
    family: String,
    table: String,
    name: String,
    drops: bool,
}

impl BaseChain {
    fn place(&self) -> String {
        format!("{} {} {}", self.family, self.table, self.name)
    }
}

fn chains() -> Result<Vec<BaseChain>, NetworkError> {
    let text = nft(&["-j", "list", "chains"], "", "to list the chains")?;
    Ok(parse_chains(&text))
}

fn parse_chains(text: &str) -> Vec<BaseChain> {
    let mut found = Vec::new();
    for chain in objects(text, "chain") {
        let field = |name: &str| chain.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let hook = match field("hook").as_str() {
            "forward" => Hook::Forward,
            "input" => Hook::Input,
            _ => continue,
        };
        let (family, table, name) = (field("family"), field("table"), field("name"));
        if family == "ip" || family == "inet" {
            found.push(BaseChain { hook, family, table, name, drops: field("policy") == "drop" });
        }
    }
    found
}

/// A rule of ours in a chain of others.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    handle: u64,
    comment: String,
}

fn rules_of(chain: &BaseChain, bridge: &str) -> Result<Vec<Rule>, NetworkError> {
    let arguments = ["-j", "-a", "list", "chain", &chain.family, &chain.table, &chain.name];
    let text = nft(&arguments, "", &format!("to list the chain {}", chain.name))?;
    Ok(parse_rules(&text, bridge))
}

/// Ours have a comment of the bridge's name alone (an earlier version's), or that begins with it.
fn parse_rules(text: &str, bridge: &str) -> Vec<Rule> {
    let read = |rule: Value| {
        let comment = rule.get("comment").and_then(Value::as_str)?;
        let is_ours = comment.split(' ').next() == Some(bridge);
        let handle = rule.get("handle").and_then(Value::as_u64)?;
        is_ours.then(|| Rule { handle, comment: comment.to_owned() })
    };
    objects(text, "rule").into_iter().filter_map(read).collect()
}

/// The objects of one kind in nft's JSON answer.
fn objects(text: &str, kind: &str) -> Vec<Value> {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    let list = answer.get("nftables").and_then(Value::as_array).cloned().unwrap_or_default();
    list.into_iter().filter_map(|mut entry| entry.get_mut(kind).map(Value::take)).collect()
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Udp(port) => write!(f, "udp {port}"),
            Self::Tcp(port) => write!(f, "tcp {port}"),
        }
    }
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
    fn only_chains_that_ipv4_passes_on_its_way_in_or_through_are_looked_at() {
        let text = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
            {"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "handle": 1, "type": "filter", "hook": "forward",
                       "prio": 0, "policy": "drop"}},
            {"chain": {"family": "inet", "table": "fw", "name": "in", "hook": "input", "prio": 0, "policy": "accept"}},
            {"chain": {"family": "ip", "table": "fw", "name": "out", "hook": "output", "prio": 0, "policy": "drop"}},
            {"chain": {"family": "ip6", "table": "filter", "name": "FORWARD", "hook": "forward", "policy": "drop"}},
            {"chain": {"family": "ip", "table": "filter", "name": "DOCKER", "handle": 2}}]}"#;
        let found: Vec<_> = parse_chains(text).iter().map(|chain| (chain.place(), chain.hook, chain.drops)).collect();
        let expected = [("ip filter FORWARD", Hook::Forward, true), ("inet fw in", Hook::Input, false)];
        assert_eq!(found, expected.map(|(place, hook, drops)| (place.to_owned(), hook, drops)));
        assert_eq!(parse_chains("not json"), []);
    }

    #[test]
    fn our_rules_are_known_by_their_comment() {
        let text = r#"{"nftables": [{"rule": {"handle": 7, "comment": "skiff0", "expr": []}},
            {"rule": {"handle": 8, "expr": []}}, {"rule": {"handle": 9, "comment": "skiff01 to pods", "expr": []}},
            {"rule": {"handle": 10, "comment": "skiff0 udp 8472", "expr": []}}]}"#;
        let handles: Vec<u64> = parse_rules(text, "skiff0").iter().map(|rule| rule.handle).collect();
        assert_eq!(handles, [7, 10]);
    }

    #[test]
    fn traffic_inside_the_cluster_keeps_the_address_of_its_pod() {
        let mut config = NetworkConfig::new("/nowhere");
        assert!(!ruleset(&config, &Opening::default()).contains("10.88.0.0/16"));
        config.cluster_cidr = Some(Cidr::parse("10.88.0.0/16").expect("a range"));
        let text = ruleset(&config, &Opening::default());
        let cluster = text.find("ip daddr 10.88.0.0/16 return").expect("the rule");
        assert!(cluster < text.find("masquerade").expect("the rule"));
    }

    #[test]
    fn vxlan_is_let_in_from_nodes_only_and_only_while_it_is_used() {
        let config = NetworkConfig::new("/nowhere");
        let nodes = BTreeSet::from([Ipv4Addr::new(192, 168, 1, 2), Ipv4Addr::new(192, 168, 1, 3)]);
        let mut opening = Opening { nodes, ports: BTreeSet::from([Port::Tcp(7000)]), has_vxlan: false };
        assert!(!ruleset(&config, &opening).contains("8472"));
        let comments = |opening: &Opening| -> Vec<String> {
            rules(&config, opening, Hook::Input).into_iter().map(|(comment, _)| comment).collect()
        };
        assert_eq!(comments(&opening), ["skiff0 answers of 10.88.0.0/24", "skiff0 tcp 7000"]);
        opening.has_vxlan = true;
        let line = "udp dport 8472 @th,96,24 10088 ip saddr != { 192.168.1.2, 192.168.1.3 } drop";
        assert!(ruleset(&config, &opening).contains(line), "{}", ruleset(&config, &opening));
        let expected = ["skiff0 answers of 10.88.0.0/24", "skiff0 udp 8472", "skiff0 tcp 7000"];
        assert_eq!(comments(&opening), expected);
    }
}
