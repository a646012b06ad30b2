//! Drives a cluster with kube-rs, as the tests of `tests/tests/clients.rs` say: `drive-kube PHASE KUBECONFIG...`.
//!
//! The phases are those of `tests/clients/python/drive.py`, which does the same with another client. Each kubeconfig is for another
//! node; the first is asked unless something else is said. A phase ends with 0, or with what did not hold.

mod follow;
mod objects;
mod streams;

use anyhow::{Context, Result, bail, ensure};
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use std::time::{Duration, Instant};

/// How long what has to happen may take, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [phase, kubeconfigs @ ..] = words.as_slice() else { bail!("usage: drive-kube PHASE KUBECONFIG...") };
    let mut clients = Vec::new();
    for kubeconfig in kubeconfigs {
        let document = Kubeconfig::read_from(kubeconfig).with_context(|| format!("cannot read {kubeconfig}"))?;
        let config = Config::from_custom_kubeconfig(document, &KubeConfigOptions::default()).await?;
        clients.push(Client::try_from(config)?);
    }
    let [first, ..] = clients.as_slice() else { bail!("no kubeconfig is given") };
    match phase.as_str() {
        "objects" => {
            ensure!(clients.len() > 1, "this phase asks two nodes");
            objects::drive(first, &clients[1]).await
        }
        "streams" => streams::drive(first).await,
        "watches" => follow::drive(&clients).await,
        other => bail!("there is no phase {other}: objects, streams, watches"),
    }
}

/// Asks again and again until it is so.
async fn eventually(what: &str, mut ask: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !ask().await? {
        ensure!(Instant::now() < end, "patience ended: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
