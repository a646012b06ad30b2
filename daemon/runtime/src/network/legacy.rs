//! The accept rules in the tables of the older iptables, which `nft` does not see.
//!
//! They are asked for through `iptables-legacy`, only where the kernel says that they are in use. Rules in INPUT carry a
//! comment that begins with the bridge's name; those in FORWARD are told by the bridge itself.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output, Stdio};

use super::{NetworkConfig, NetworkError, Port};

const PROGRAM: &str = "iptables-legacy";

/// Adds what is missing where the policy is drop, and removes rules of ours that are not wanted any more.
pub(super) fn install(config: &NetworkConfig, ports: &BTreeSet<Port>) -> Result<(), NetworkError> {
    let bridge = config.bridge.as_str();
    if !is_in_use() {
        return Ok(());
    }
    if drops("FORWARD")? {
        for direction in ["-i", "-o"] {
            add("FORWARD", &words(&format!("{direction} {bridge} -j ACCEPT")))?;
        }
    }
    let wanted = if drops("INPUT")? { input_rules(config, ports) } else { Vec::new() };
    for rule in input_rules_there(bridge)? {
        let is_wanted = |wanted: &Vec<String>| comment_of(wanted) == comment_of(&rule);
        if !wanted.iter().any(is_wanted) {
            run("-D", &rule)?;
        }
    }
    for rule in &wanted {
        add_input(bridge, rule)?;
    }
    Ok(())
}

/// Removes every rule of ours.
pub(super) fn remove(bridge: &str) -> Result<(), NetworkError> {
    if !is_in_use() {
        return Ok(());
    }
    for direction in ["-i", "-o"] {
        let rule = words(&format!("FORWARD {direction} {bridge} -j ACCEPT"));
        while run("-D", &rule)? {}
    }
    for rule in input_rules_there(bridge)? {
        run("-D", &rule)?;
    }
    Ok(())
}

/// Whether this namespace has tables of the older iptables.
fn is_in_use() -> bool {
    fs::read_to_string("/proc/thread-self/net/ip_tables_names").is_ok_and(|names| names.lines().any(|name| name == "filter"))
}

fn drops(chain: &str) -> Result<bool, NetworkError> {
    let policy = format!("-P {chain} DROP");
    Ok(listed(chain)?.lines().any(|line| line == policy))
}

fn input_rules(config: &NetworkConfig, ports: &BTreeSet<Port>) -> Vec<Vec<String>> {
    let (bridge, pods) = (&config.bridge, config.pods());
    let answers =
        format!("-s {pods} -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment {bridge}:answers:{pods} -j ACCEPT");
    let port = |port: &Port| {
        let (protocol, number) = match port {
            Port::Udp(number) => ("udp", number),
            Port::Tcp(number) => ("tcp", number),
        };
        words(&format!("-p {protocol} --dport {number} -m comment --comment {bridge}:{protocol}{number} -j ACCEPT"))
    };
    [words(&answers)].into_iter().chain(ports.iter().map(port)).collect()
}

/// Our rules in INPUT as the program lists them, without the `-A` in front and the quotes: what `-D` takes.
fn input_rules_there(bridge: &str) -> Result<Vec<Vec<String>>, NetworkError> {
    let prefix = format!("{bridge}:");
    let lines = listed("INPUT")?;
    let rules = lines.lines().filter_map(|line| line.strip_prefix("-A ")).map(|rule| words(&rule.replace('"', "")));
    Ok(rules.filter(|rule| comment_of(rule).is_some_and(|comment| comment.starts_with(&prefix))).collect())
}

fn comment_of(rule: &[String]) -> Option<&str> {
    let place = rule.iter().position(|word| word == "--comment")?;
    rule.get(place + 1).map(String::as_str)
}

fn add_input(bridge: &str, rule: &[String]) -> Result<(), NetworkError> {
    if input_rules_there(bridge)?.iter().any(|there| comment_of(there) == comment_of(rule)) {
        return Ok(());
    }
    insert("INPUT", rule)
}

fn add(chain: &str, rule: &[String]) -> Result<(), NetworkError> {
    let whole: Vec<String> = [chain.to_owned()].into_iter().chain(rule.iter().cloned()).collect();
    if run("-C", &whole)? { Ok(()) } else { insert(chain, rule) }
}

fn insert(chain: &str, rule: &[String]) -> Result<(), NetworkError> {
    let whole: Vec<String> = [chain.to_owned()].into_iter().chain(rule.iter().cloned()).collect();
    let output = output("-I", &whole)?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(NetworkError::Firewall { program: PROGRAM, action: format!("an accept rule for the chain {chain}"), message })
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn listed(chain: &str) -> Result<String, NetworkError> {
    Ok(String::from_utf8_lossy(&output("-S", &[chain.to_owned()])?.stdout).into_owned())
}

fn run(command: &str, rule: &[String]) -> Result<bool, NetworkError> {
    Ok(output(command, rule)?.status.success())
}

fn output(command: &str, rule: &[String]) -> Result<Output, NetworkError> {
    // -w: wait for the lock that another iptables may hold.
    let mut program = Command::new(PROGRAM);
    program.arg("-w").arg(command).args(rule).stdin(Stdio::null());
    program.output().map_err(|source| NetworkError::ProgramMissing { program: PROGRAM, package: "iptables", source })
}
