//! Records of 2 KiB, written on nodes in turn, and when each node shows them.

use anyhow::{Context as _, Result, bail};
use client::{Client, ClientError, WatchStream};
use futures_util::{StreamExt as _, stream};
use objects::Kind;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wire::{CreateRequest, DryRun, Request, Response, Selection};

/// Bytes of a record.
pub const PAYLOAD: usize = 2_048;
/// How the names of those that are timed begin.
const TIMED: &str = "timed-";
/// Requests under way at the most while a node is filled.
const AT_ONCE: usize = 64;
/// What has not come by then is late.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes records of one size, as the store keeps them.
#[derive(Debug, Clone, Copy)]
pub struct Records {
    padding: usize,
}

impl Records {
    /// Asks a node how large an object is without padding.
    pub async fn new(client: &Client) -> Result<Self> {
        let request = CreateRequest { object: pod("size-000000", 0), namespace: "default".to_owned(), dry_run: DryRun::Yes };
        let Response::Object { object, .. } = client.request(Request::Create(request)).await? else {
            bail!("a node answers a create without the object")
        };
        let bytes = object.to_string().len();
        let padding = PAYLOAD.checked_sub(bytes).with_context(|| format!("an empty pod has {bytes} bytes already"))?;
        Ok(Self { padding })
    }

    /// Makes one.
    pub async fn create(self, client: &Client, name: &str) -> Result<(), ClientError> {
        let object = pod(name, self.padding);
        let request = CreateRequest { object, namespace: "default".to_owned(), dry_run: DryRun::No };
        client.request(Request::Create(request)).await.map(drop)
    }

    /// Makes so many on one node as fast as it takes them.
    pub async fn fill(self, client: &Client, prefix: &str, count: usize) -> Result<()> {
        let requests = (0..count).map(|number| async move { self.create(client, &format!("{prefix}-{number:06}")).await });
        let mut under_way = stream::iter(requests).buffer_unordered(AT_ONCE);
        while let Some(result) = under_way.next().await {
            result?;
        }
        Ok(())
    }
}

/// A pod that nobody places, so that there is nothing but its record.
fn pod(name: &str, padding: usize) -> Value {
    // What does not get smaller when it is packed.
    let mut state = name.bytes().fold(0x9e37_79b9_7f4a_7c15_u64, |state, byte| state.rotate_left(9) ^ u64::from(byte));
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[(state % 64) as usize])
    };
    let text: String = (0..padding).map(letter).collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "annotations": {"padding": text}},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "c", "image": "none"}]}
    })
}

/// A node shows a pod.
struct Seen {
    node: usize,
    name: String,
    at: Instant,
}

/// Watches of all nodes at once.
pub struct Watches {
    nodes: usize,
    seen: mpsc::Receiver<Seen>,
    _tasks: JoinSet<Result<()>>,
}

impl Watches {
    /// Watches pods on every node.
    pub async fn new(clients: &[Client]) -> Result<Self> {
        let (sender, seen) = mpsc::channel(1 << 16);
        let mut tasks = JoinSet::new();
        for (node, client) in clients.iter().enumerate() {
            let watch = client.watch(Kind::Pod, Selection::default(), None).await?;
            tasks.spawn(follow(node, watch, sender.clone()));
        }
        Ok(Self { nodes: clients.len(), seen, _tasks: tasks })
    }

    /// Waits until so many names with this beginning are shown by a node, those there before included.
    pub async fn until_shown(&mut self, prefix: &str, count: usize, patience: Duration) -> Result<()> {
        let mut shown = vec![HashSet::new(); self.nodes];
        let end = tokio::time::Instant::now() + patience;
        while shown.iter().any(|names| names.len() < count) {
            let next = tokio::time::timeout_at(end, self.seen.recv()).await;
            let Ok(seen) = next else {
                let counts: Vec<usize> = shown.iter().map(HashSet::len).collect();
                bail!("after {patience:?} the nodes show {counts:?} of {count} records");
            };
            let seen = seen.context("the watches ended")?;
            if seen.name.starts_with(prefix) {
                shown[seen.node].insert(seen.name);
            }
        }
        Ok(())
    }
}

async fn follow(node: usize, mut watch: WatchStream, seen: mpsc::Sender<Seen>) -> Result<()> {
    for object in watch.take_snapshot().into_iter().flat_map(|list| list.items) {
        seen.send(Seen { node, name: name_of(object.get())?, at: Instant::now() }).await?;
    }
    while let Some(event) = watch.next().await? {
        let at = Instant::now();
        seen.send(Seen { node, name: name_of(event.object.get())?, at }).await?;
    }
    Ok(())
}

fn name_of(object: &str) -> Result<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        metadata: Metadata,
    }
    #[derive(serde::Deserialize)]
    struct Metadata {
        name: String,
    }
    Ok(serde_json::from_str::<Named>(object)?.metadata.name)
}

/// How long writes took to be shown by every node.
#[derive(Debug, Default)]
pub struct Times {
    ms: Vec<f64>,
    /// Writes that were not everywhere in time.
    pub late: usize,
}

impl Times {
    /// The value below which so many of a hundred are; those that were late are above all.
    pub fn percentile(&self, share: usize) -> Option<f64> {
        let count = self.ms.len() + self.late;
        self.ms.get((count * share / 100).min(count.saturating_sub(1))).copied()
    }
}

/// Writes on the nodes in turn at a steady rate, and times each from its request being sent until the last node shows it.
pub async fn time_to_all(clients: &[Client], records: Records, count: usize, pause: Duration) -> Result<Times> {
    let mut watches = Watches::new(clients).await?;
    let mut interval = tokio::time::interval(pause);
    let mut begun: Vec<(Instant, HashSet<usize>)> = Vec::new();
    let mut under_way = JoinSet::new();
    let mut times = Times::default();
    let end = tokio::time::Instant::now() + pause * u32::try_from(count)? + PATIENCE;
    while times.ms.len() < count {
        // A set and a queue keep what is not taken.
        tokio::select! {
            _ = interval.tick(), if begun.len() < count => {
                let number = begun.len();
                let client = clients[number % clients.len()].clone();
                begun.push((Instant::now(), HashSet::new()));
                under_way.spawn(async move { records.create(&client, &format!("{TIMED}{number:06}")).await });
            }
            Some(ended) = under_way.join_next(), if !under_way.is_empty() => ended??,
            seen = watches.seen.recv() => {
                let Seen { node, name, at } = seen.context("the watches ended")?;
                let number = name.strip_prefix(TIMED).and_then(|number| number.parse::<usize>().ok());
                let Some((begin, nodes)) = number.and_then(|number| begun.get_mut(number)) else { continue };
                if nodes.insert(node) && nodes.len() == clients.len() {
                    times.ms.push(at.duration_since(*begin).as_secs_f64() * 1e3);
                }
            }
            () = tokio::time::sleep_until(end) => break,
        }
    }
    times.late = count - times.ms.len();
    times.ms.sort_by(f64::total_cmp);
    Ok(times)
}
