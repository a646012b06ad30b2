//! What is measured: creates, lists as Table, watchers while pods change.

use crate::ceiling::Ceiling;
use crate::daemon::Daemon;
use crate::http::{JSON, MERGE, Many, Plain, TABLE};
use anyhow::{Context as _, Result, ensure};
use bench::samples::Samples;
use bytes::Bytes;
use futures_util::future::try_join_all;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const PODS: &str = "/api/v1/namespaces/default/pods";
/// Connections over which creates are sent, each one after the other.
const WRITERS: usize = 32;
/// Objects of a page, as kubectl asks for them.
const PAGE: usize = 500;
/// Requests that one connection has under way at the most.
const STREAMS: usize = 250;
/// How long a change may take to all watchers.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much is measured.
pub struct Amounts {
    /// Pods that are made and listed.
    pub pods: usize,
    /// Lists of each kind, of which the median counts.
    pub rounds: usize,
    /// Watches at once.
    pub watchers: usize,
    /// Changes that all of them are told.
    pub changes: usize,
}

/// What came out, by what it is.
pub type Figures = Vec<(String, f64)>;

/// A pod as people write one. No scheduler of that name exists: it stays an object.
fn pod(number: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("pod-{number:06}"), "labels": {"app": "bench", "number": number.to_string()}},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "main", "image": "skiff/demo:1.0",
            "command": ["/bin/demo-server"], "env": [{"name": "GREETING", "value": "hello"}],
            "resources": {"limits": {"memory": "128Mi", "cpu": "500m"}, "requests": {"memory": "1Mi", "cpu": "10m"}},
            "readinessProbe": {"httpGet": {"port": 8080}}}]}})
}

/// Makes all pods, and gives the seconds that it took.
async fn fill(socket: &Path, pods: usize) -> Result<f64> {
    let began = Instant::now();
    let writers = (0..WRITERS).map(|writer| async move {
        let mut connection = Plain::connect(socket).await?;
        for number in (writer..pods).step_by(WRITERS) {
            connection.send("POST", PODS, JSON, pod(number).to_string()).await?;
        }
        anyhow::Ok(())
    });
    try_join_all(writers).await?;
    Ok(began.elapsed().as_secs_f64())
}

/// The whole list as one Table: its bytes, and the median of its time in ms.
async fn whole(socket: &Path, rounds: usize) -> Result<(Bytes, f64)> {
    let mut connection = Plain::connect(socket).await?;
    let (mut samples, mut table) = (Samples::default(), Bytes::new());
    for _ in 0..rounds {
        let began = Instant::now();
        table = connection.send("GET", PODS, TABLE, String::new()).await?;
        samples.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok((table, samples.median()))
}

/// The list page by page: the median of the time of all pages, in ms.
async fn paged(socket: &Path, amounts: &Amounts) -> Result<f64> {
    let mut connection = Plain::connect(socket).await?;
    let mut samples = Samples::default();
    for _ in 0..amounts.rounds {
        let (began, mut rows, mut token) = (Instant::now(), 0, String::new());
        loop {
            let path = format!("{PODS}?limit={PAGE}&continue={token}");
            let page: Value = serde_json::from_slice(&connection.send("GET", &path, TABLE, String::new()).await?)?;
            rows += page["rows"].as_array().map_or(0, Vec::len);
            token = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
            if token.is_empty() {
                break;
            }
        }
        samples.push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(rows == amounts.pods, "{rows} of {} pods were listed", amounts.pods);
    }
    Ok(samples.median())
}

/// All figures of a daemon, and the Table of its pods.
pub async fn of_daemon(daemon: &Daemon, amounts: &Amounts) -> Result<(Figures, Bytes)> {
    let (socket, mut figures) = (daemon.socket(), Figures::new());
    let mut told = |what: &str, value: f64| figures.push((what.to_owned(), value));
    let (memory, cpu) = (daemon.memory()?, daemon.cpu_ms()?);
    let seconds = fill(&socket, amounts.pods).await?;
    told(CREATES, amounts.pods as f64 / seconds);
    told("create: cpu of the daemon, ms", (daemon.cpu_ms()? - cpu) / amounts.pods as f64);
    let filled = daemon.memory()?;
    told("create: memory a pod that stays, KiB", (filled.own_kib() - memory.own_kib()) / amounts.pods as f64);
    daemon.forget_peak()?;
    let cpu = daemon.cpu_ms()?;
    let (table, median) = whole(&socket, amounts.rounds).await?;
    told(TABLE_TIME, median);
    told("Table of all pods: MiB", table.len() as f64 / 1024.0 / 1024.0);
    told("Table of all pods: cpu of the daemon, ms", (daemon.cpu_ms()? - cpu) / amounts.rounds as f64);
    told("Table of all pods: memory beyond rest at the most, MiB", (daemon.peak_mib()? - filled.resident_mib()).max(0.0));
    daemon.forget_peak()?;
    told("Table in pages of 500: all of them, ms", paged(&socket, amounts).await?);
    told("Table in pages of 500: memory beyond rest, MiB", (daemon.peak_mib()? - filled.resident_mib()).max(0.0));
    told("skiff get pods: from start to end, ms", median_of(amounts.rounds, || daemon.time_skiff(&["get", "pods"]))?);
    // The first time it asks what kinds there are.
    if daemon.time_kubectl(&["get", "pods"])?.is_some() {
        let kubectl = || daemon.time_kubectl(&["get", "pods"])?.context("kubectl is gone");
        told("kubectl get pods: from start to end, ms", median_of(amounts.rounds, kubectl)?);
    }
    // The first pods are on all screens; kdash takes the whole list first.
    let (console_ms, console_mib) = daemon.time_console("pod-00000")?;
    told("console: from start to rows, ms", console_ms);
    told("console: resident with all pods, MiB", console_mib);
    if let Some((ms, mib)) = daemon.time_kdash("pod-00000")? {
        told("kdash: from start to rows, ms", ms);
        told("kdash: resident with all pods, MiB", mib);
    }
    figures.extend(watched(daemon, amounts).await?);
    Ok((figures, table))
}

const CREATES: &str = "creates a second";
const TABLE_TIME: &str = "Table of all pods: ms";

/// What HTTP alone costs.
pub async fn of_ceiling(ceiling: &Ceiling, amounts: &Amounts) -> Result<Figures> {
    let seconds = fill(&ceiling.socket, amounts.pods).await?;
    let (_, median) = whole(&ceiling.socket, amounts.rounds).await?;
    Ok(vec![(CREATES.to_owned(), amounts.pods as f64 / seconds), (TABLE_TIME.to_owned(), median)])
}

fn median_of(rounds: usize, mut measure: impl FnMut() -> Result<f64>) -> Result<f64> {
    let mut samples = Samples::default();
    for _ in 0..rounds {
        samples.push(measure()?);
    }
    Ok(samples.median())
}

/// Watchers of all pods, as kubectl watches, while pods change one after the other.
async fn watched(daemon: &Daemon, amounts: &Amounts) -> Result<Figures> {
    let mut connection = Plain::connect(&daemon.socket()).await?;
    let list = connection.send("GET", &format!("{PODS}?limit=1"), TABLE, String::new()).await?;
    let list: Value = serde_json::from_slice(&list)?;
    let version = list["metadata"]["resourceVersion"].as_str().context("a list has a version")?;
    let path = format!("{PODS}?watch=true&resourceVersion={version}");
    let before = daemon.memory()?;
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let mut connections = Vec::new();
    for first in (0..amounts.watchers).step_by(STREAMS) {
        let many = Many::connect(daemon.door()?).await?;
        for _ in first..amounts.watchers.min(first + STREAMS) {
            tokio::spawn(hear(many.watch(&path).await?, heard.clone()));
        }
        connections.push(many);
    }
    let held = daemon.memory()?;
    let (cpu, mut samples) = (daemon.cpu_ms()?, Samples::default());
    for number in 0..amounts.changes {
        let patch = json!({"metadata": {"labels": {"change": number.to_string()}}}).to_string();
        let (began, path) = (Instant::now(), format!("{PODS}/pod-{:06}", number % amounts.pods));
        connection.send("PATCH", &path, MERGE, patch).await?;
        for count in 0..amounts.watchers {
            let event = tokio::time::timeout(PATIENCE, hearing.recv()).await;
            let event = event.with_context(|| format!("change {number} has come to {count} watchers only"))?;
            event.context("all watches have ended")?;
        }
        samples.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let events = (amounts.changes * amounts.watchers) as f64;
    let cpu_us = (daemon.cpu_ms()? - cpu) * 1e3 / events;
    let name = |what: &str| format!("{} watchers: {what}", amounts.watchers);
    Ok(vec![
        (name("memory of one, KiB"), (held.own_kib() - before.own_kib()) / amounts.watchers as f64),
        (name("a change known to all, median, ms"), samples.median()),
        (name("the same, p99, ms"), samples.p99()),
        (name("cpu of the daemon an event, us"), cpu_us),
    ])
}

/// Counts the events of a watch: each is a line.
async fn hear(mut body: Incoming, heard: mpsc::UnboundedSender<()>) {
    while let Some(Ok(frame)) = body.frame().await {
        let lines = frame.data_ref().map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count());
        for _ in 0..lines {
            if heard.send(()).is_err() {
                return;
            }
        }
    }
}
