//! Runs the link: one task a watch, a question, a log, a port-forward, a copy, a program on a terminal; all of them end when their receiver is gone.

use super::{Command, Delta, Failure, ListPart, Standing, copy, forward, pane};
use client::{Address, Client, ClientError, Link, LinkState, LinkWatchEvent, PullStep};
use objects::Kind;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use wire::{GetRequest, ImagePullRequest, LogsRequest, ObjectRef, Request, Response, Selection, WatchEventKind};

/// Where deltas go; `false` says that nobody listens any more.
pub type Sink = Rc<dyn Fn(Delta) -> bool>;

/// Keeps the link up, watches nodes, pods and events, and does what it is commanded until the commands end.
///
/// Runs on one thread: `sink` may block it, and that is how a busy console slows its daemon's streams down.
pub async fn drive(address: Address, mut commands: mpsc::Receiver<Command>, sink: Sink) {
    let (link, driver) = client::link(address, concat!("skiff/", env!("CARGO_PKG_VERSION")));
    let mut tasks = JoinSet::new();
    let mut streams: HashMap<u32, AbortHandle> = HashMap::new();
    tasks.spawn_local(driver.run());
    tasks.spawn_local(tell_standing(link.clone(), sink.clone()));
    for kind in [Kind::Node, Kind::Pod, Kind::Event] {
        tasks.spawn_local(watch(link.clone(), kind, sink.clone()));
    }
    loop {
        // Both arms only receive; what is not taken now is taken in the next round.
        let command = tokio::select! {
            command = commands.recv() => command,
            Some(_) = tasks.join_next() => continue,
        };
        match command {
            Some(Command::Ask { id, request }) => {
                tasks.spawn_local(ask(link.clone(), id, *request, sink.clone()));
            }
            Some(Command::Pull { id, node, request }) => {
                tasks.spawn_local(pull(link.clone(), (id, node), *request, sink.clone()));
            }
            Some(Command::Logs { id, request }) => {
                streams.retain(|_, task| !task.is_finished());
                streams.insert(id, tasks.spawn_local(read_log(link.clone(), id, *request, sink.clone())));
            }
            Some(Command::Watch { kind }) => {
                tasks.spawn_local(watch(link.clone(), kind, sink.clone()));
            }
            Some(Command::Forward { id, forward }) => {
                streams.insert(id, tasks.spawn_local(forward::run(link.clone(), id, *forward, sink.clone())));
            }
            Some(Command::Copy { id, copy }) => {
                streams.insert(id, tasks.spawn_local(copy::run(link.clone(), id, *copy, sink.clone())));
            }
            Some(Command::Pane { id, request, keyboard }) => {
                streams.insert(id, tasks.spawn_local(pane::run(link.clone(), id, *request, keyboard, sink.clone())));
            }
            // These go to the keyboard itself: a queue would be full of single letters.
            Some(Command::Type { .. } | Command::Resize { .. }) => {}
            Some(Command::End { id }) => {
                if let Some(task) = streams.remove(&id) {
                    task.abort();
                }
            }
            None => return,
        }
    }
}

async fn tell_standing(mut link: Link, sink: Sink) {
    loop {
        let standing = match link.state() {
            LinkState::Connecting { error, .. } => Standing::Connecting { error },
            LinkState::Connected(client) => {
                let hello = client.hello();
                let live = Standing::Live { node: hello.node.clone(), daemon: hello.daemon.clone() };
                if !sink(Delta::Standing(live)) {
                    return;
                }
                measure(&client, &sink).await;
                if !link.changed().await {
                    return;
                }
                continue;
            }
            LinkState::Lost { since, attempt, error } => Standing::Lost { ago: since.elapsed(), attempt, error },
        };
        if !sink(Delta::Standing(standing)) || !link.changed().await {
            return;
        }
    }
}

/// Asks for the daemon's own node, only to see how long that takes.
async fn measure(client: &Client, sink: &Sink) {
    let object = ObjectRef { kind: Kind::Node, namespace: String::new(), name: client.hello().node.clone() };
    let asked = Instant::now();
    let answer = client.request(Request::Get(GetRequest { object })).await;
    if !matches!(answer, Err(error) if error.is_link_failure()) {
        sink(Delta::RoundTrip(asked.elapsed()));
    }
}

async fn watch(link: Link, kind: Kind, sink: Sink) {
    let mut watch = link.watch(kind, Selection::default());
    loop {
        let delta = match watch.next().await {
            Ok(LinkWatchEvent::Snapshot(list)) => {
                Delta::List { kind, part: ListPart { objects: list.items, is_first: true, is_last: !list.more } }
            }
            Ok(LinkWatchEvent::Part(list)) => {
                Delta::List { kind, part: ListPart { objects: list.items, is_first: false, is_last: !list.more } }
            }
            Ok(LinkWatchEvent::Change(event)) => match event.kind {
                WatchEventKind::Added | WatchEventKind::Modified => Delta::Changed { kind, object: event.object },
                WatchEventKind::Deleted => Delta::Gone { kind, object: event.object },
                WatchEventKind::Bookmark => continue,
            },
            Ok(LinkWatchEvent::Interrupted | LinkWatchEvent::Resumed) => continue,
            Err(error) => {
                sink(Delta::Refused { kind, why: error.to_string() });
                return;
            }
        };
        if !sink(delta) {
            return;
        }
    }
}

/// Whether the daemon answers out of its own memory, so that the time until then is that of the link. Of others it asks for more first:
/// a disk, other nodes, a second of measuring.
const fn is_quick(request: &Request) -> bool {
    matches!(request, Request::Get(_) | Request::Members)
}

async fn ask(link: Link, id: u32, request: Request, sink: Sink) {
    let asked = Instant::now();
    let is_quick = is_quick(&request);
    let result = link.request(request).await.map_err(failure);
    if is_quick && !matches!(result, Err(Failure::Link(_))) {
        sink(Delta::RoundTrip(asked.elapsed()));
    }
    sink(Delta::Answer { id, result });
}

async fn pull(link: Link, (id, node): (u32, String), request: ImagePullRequest, sink: Sink) {
    let result = follow_pull(&link, (id, &node), request, &sink).await.map_err(failure);
    sink(Delta::Answer { id, result });
}

async fn follow_pull(
    link: &Link,
    (id, node): (u32, &str),
    request: ImagePullRequest,
    sink: &Sink,
) -> Result<Response, ClientError> {
    let client = link.client().ok_or(ClientError::NotConnected)?;
    let mut stream = client.pull_on(Some(node), request).await?;
    loop {
        match stream.next().await? {
            PullStep::Progress(step) => drop(sink(Delta::Progress { id, step })),
            PullStep::Done(images) => return Ok(Response::Images { images }),
        }
    }
}

async fn read_log(link: Link, id: u32, request: LogsRequest, sink: Sink) {
    let failure = match stream_log(&link, id, request, &sink).await {
        Ok(()) => None,
        Err(error) => Some(failure(error)),
    };
    sink(Delta::LogEnd { id, failure });
}

async fn stream_log(link: &Link, id: u32, request: LogsRequest, sink: &Sink) -> Result<(), ClientError> {
    let client = link.client().ok_or(ClientError::NotConnected)?;
    let mut stream = client.logs(request).await?;
    while let Some(bytes) = stream.next().await? {
        if !sink(Delta::Log { id, bytes: bytes.to_vec() }) {
            return Ok(());
        }
        // A log that never pauses must not keep the others from their turn.
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn failure(error: ClientError) -> Failure {
    match error {
        ClientError::Refused(status) => Failure::Refused(Box::new(status)),
        other => Failure::Link(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::is_quick;
    use wire::{Request, UsageRequest};

    #[test]
    fn the_round_trip_is_that_of_what_is_answered_at_once() {
        assert!(is_quick(&Request::Members));
        // The first one measures for a second, which stood in the corner as if the line were slow.
        assert!(!is_quick(&Request::Usage(UsageRequest { nodes: vec![] })));
        assert!(!is_quick(&Request::On { node: "n2".to_owned(), request: Box::new(Request::Members) }));
    }
}
