//! A watch that goes on: when its node dies, the next node is asked, beginning with its list.

use anyhow::{Result, bail};
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use std::collections::HashSet;
use std::io::Write;
use std::pin::pin;

/// Prints what is seen of the pods, and by which node.
pub async fn drive(clients: &[Client]) -> Result<()> {
    let mut known = HashSet::new();
    for (number, client) in (1..).zip(clients) {
        // Both ways to begin: a list, and a watch that sends the list.
        let config = if number % 2 == 1 { watcher::Config::default() } else { watcher::Config::default().streaming_lists() };
        let mut events = pin!(watcher::watcher(Api::<Pod>::default_namespaced(client.clone()), config));
        let mut listed = HashSet::new();
        loop {
            match events.next().await {
                Some(Ok(Event::Init)) => listed.clear(),
                Some(Ok(Event::InitApply(pod))) => {
                    say(&format!("has {number} {}", pod.name_any()))?;
                    listed.insert(pod.name_any());
                }
                Some(Ok(Event::InitDone)) => {
                    for gone in known.difference(&listed) {
                        say(&format!("deleted {number} {gone}"))?;
                    }
                    known = std::mem::take(&mut listed);
                    say(&format!("listed {number}"))?;
                }
                Some(Ok(Event::Apply(pod))) => {
                    say(&format!("applied {number} {}", pod.name_any()))?;
                    known.insert(pod.name_any());
                }
                Some(Ok(Event::Delete(pod))) => {
                    say(&format!("deleted {number} {}", pod.name_any()))?;
                    known.remove(&pod.name_any());
                }
                Some(Err(error)) => {
                    say(&format!("lost {number}: {error}"))?;
                    break;
                }
                None => bail!("a watcher ended"),
            }
        }
    }
    bail!("no node is left")
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
