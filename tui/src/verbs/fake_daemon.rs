//! A daemon for tests: it speaks the wire protocol over a unix socket of a temporary folder and keeps objects in memory.

mod answers;
mod streams;

use super::context::Streams;
use crate::args::{Cli, normalise};
use answers::{matches, raw};
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use objects::{Status, lookup};
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::UnixListener;
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;
use wire::{
    ClientMessage, ImageSummary, Member, PROTOCOL, PullProgress, Request, Response, ServerHello, ServerMessage, StreamEnd,
    StreamFrame, WatchEvent, WatchEventKind, channel,
};

/// What a verb did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

/// The daemon.
pub(super) struct FakeDaemon {
    folder: tempfile::TempDir,
    state: Arc<State>,
}

struct State {
    objects: Mutex<Vec<Value>>,
    changes: broadcast::Sender<(WatchEventKind, Value)>,
    requests: Mutex<Vec<Request>>,
    refusals: Mutex<VecDeque<Status>>,
    members: Mutex<Vec<Member>>,
    /// The same, of requests that replace an object.
    refused_changes: Mutex<VecDeque<Status>>,
    /// The same, of requests for a stream in both directions.
    refused_streams: Mutex<VecDeque<Status>>,
    /// What happens once a watch is open: changes to make.
    script: Mutex<VecDeque<(WatchEventKind, Value)>>,
    /// Whether a connection ends when a watch is asked for on it.
    hangs_up: AtomicBool,
    /// How many events of a watch are sent before it ends; nothing is never.
    events: Mutex<Option<usize>>,
}

/// The moment that tests live in.
pub(super) fn clock() -> Zoned {
    "2026-01-01T01:00:00Z".parse::<Timestamp>().expect("a time").to_zoned(TimeZone::UTC)
}

/// A writer whose text can be read afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panicked while writing")).into_owned()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panicked while holding it")
}

/// Does a verb with a command line as a user types it.
pub(super) async fn run(node: &str, arguments: &[&str], input: &str) -> Done {
    let out = Shared::default();
    let done = run_into(node, arguments, input, Box::new(out.clone())).await;
    Done { out: out.text(), ..done }
}

/// Does a verb whose output goes somewhere else.
pub(super) async fn run_into(node: &str, arguments: &[&str], input: &str, out: Box<dyn Write + Send>) -> Done {
    let all = ["skiff"].iter().chain(arguments).map(std::ffi::OsString::from);
    let mut cli = match Cli::try_parse_from(normalise(all)) {
        Ok(cli) => cli,
        Err(error) => return Done { code: 1, out: String::new(), err: error.to_string() },
    };
    cli.common.node = Some(node.to_owned());
    let err = Shared::default();
    let streams = Streams {
        out,
        err: Box::new(err.clone()),
        input: Box::new(Cursor::new(input.to_owned().into_bytes())),
        is_input_terminal: false,
        is_err_terminal: false,
        clock,
    };
    let code = super::perform(&cli.common, cli.verb.expect("a verb"), streams).await;
    Done { code, out: String::new(), err: err.text() }
}

impl FakeDaemon {
    /// A daemon that knows these objects.
    pub(super) fn start(objects: Vec<Value>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = UnixListener::bind(folder.path().join("skiffd.sock")).expect("a socket");
        let state = Arc::new(State {
            objects: Mutex::new(objects),
            changes: broadcast::channel(64).0,
            requests: Mutex::default(),
            refusals: Mutex::default(),
            members: Mutex::default(),
            refused_changes: Mutex::default(),
            refused_streams: Mutex::default(),
            script: Mutex::default(),
            hangs_up: AtomicBool::new(false),
            events: Mutex::default(),
        });
        let served = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, served.clone()));
            }
        });
        Self { folder, state }
    }

    /// Does a verb against this daemon.
    pub(super) async fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, "").await
    }

    /// Does a verb that reads standard input.
    pub(super) async fn run_with(&self, arguments: &[&str], input: &str) -> Done {
        run(&self.node(), arguments, input).await
    }

    /// Its address.
    pub(super) fn node(&self) -> String {
        self.folder.path().join("skiffd.sock").to_str().expect("UTF-8").to_owned()
    }

    /// A file in a folder that goes with the daemon.
    pub(super) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Refuses the next request that changes or reads one object.
    pub(super) fn refuse(&self, status: Status) {
        locked(&self.state.refusals).push_back(status);
    }

    /// The members of the cluster that it sees.
    pub(super) fn sees(&self, members: Vec<Member>) {
        *locked(&self.state.members) = members;
    }

    /// Refuses the next request that replaces an object.
    pub(super) fn refuse_changes(&self, status: Status) {
        locked(&self.state.refused_changes).push_back(status);
    }

    /// Refuses the next stream in both directions.
    pub(super) fn refuse_streams(&self, status: Status) {
        locked(&self.state.refused_streams).push_back(status);
    }

    /// Makes a change as soon as a watch is open.
    pub(super) fn then(&self, kind: WatchEventKind, object: Value) {
        locked(&self.state.script).push_back((kind, object));
    }

    /// Ends the connection once a watch is open on it.
    pub(super) fn hang_up_on_watches(&self) {
        self.state.hangs_up.store(true, Ordering::Relaxed);
    }

    /// Ends every watch after so many events.
    pub(super) fn end_watches_after(&self, events: usize) {
        *locked(&self.state.events) = Some(events);
    }

    /// What was asked so far.
    pub(super) fn requests(&self) -> Vec<Request> {
        locked(&self.state.requests).clone()
    }

    /// The names of the objects there are.
    pub(super) fn names(&self) -> Vec<String> {
        locked(&self.state.objects).iter().map(|object| lookup::name(object).to_owned()).collect()
    }
}

async fn serve(stream: tokio::net::UnixStream, state: Arc<State>) {
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let (mut sink, mut source) = socket.split();
    let (answers, mut to_send) = tokio::sync::mpsc::channel::<Message>(64);
    let sending = async move {
        while let Some(message) = to_send.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
    };
    let reading = async move {
        let mut inputs = streams::Inputs::default();
        while let Some(Ok(message)) = source.next().await {
            let text = match message {
                Message::Text(text) => text,
                Message::Binary(frame) => {
                    inputs.pass(&frame);
                    continue;
                }
                _ => continue,
            };
            match serde_json::from_str(&text).expect("a message of the protocol") {
                ClientMessage::Hello { .. } => {
                    let hello = ServerHello { version: PROTOCOL, node: "oak".into(), daemon: "0.1.0".into(), epoch: "1".into() };
                    let _ = answers.send(text_of(&ServerMessage::Hello(hello))).await;
                }
                ClientMessage::Request { id, request } => {
                    locked(&state.requests).push(request.clone());
                    if matches!(request, Request::Exec(_) | Request::PortForward(_) | Request::Attach(_)) {
                        let refusal = locked(&state.refused_streams).pop_front();
                        tokio::spawn(streams::answer(id, request, refusal, inputs.open(id), answers.clone()));
                        continue;
                    }
                    tokio::spawn(answer(id, request, state.clone(), answers.clone()));
                }
                ClientMessage::Credit { .. } | ClientMessage::Cancel { .. } => {}
            }
        }
    };
    tokio::join!(sending, reading);
}

type Answers = tokio::sync::mpsc::Sender<Message>;

fn text_of(message: &ServerMessage) -> Message {
    Message::text(serde_json::to_string(message).expect("JSON"))
}

async fn answer(id: u32, request: Request, state: Arc<State>, answers: Answers) {
    let respond = |result| text_of(&ServerMessage::Response { id, result });
    // What is asked of another node is answered here as if it were that node.
    let request = match request {
        Request::On { request, .. } => *request,
        request => request,
    };
    match request {
        Request::Watch(watch) => {
            let mut changes = state.changes.subscribe();
            let list = state.select(watch.kind, &watch.selection).map(Response::List);
            let is_refused = list.is_err();
            let _ = answers.send(respond(list)).await;
            if is_refused {
                return;
            }
            if state.hangs_up.load(Ordering::Relaxed) {
                let _ = answers.send(Message::Close(None)).await;
                return;
            }
            state.play();
            let mut left = *locked(&state.events);
            while left != Some(0) {
                let Ok((kind, object)) = changes.recv().await else { break };
                let is_meant = matches(watch.kind, &watch.selection, &object).unwrap_or(false);
                if is_meant {
                    let event = WatchEvent { kind, resource_version: "2".into(), object: raw(&object) };
                    let _ = answers.send(text_of(&ServerMessage::Event { id, event })).await;
                    left = left.map(|left| left - 1);
                }
            }
            let _ = answers.send(text_of(&ServerMessage::End { id, end: StreamEnd::Complete })).await;
        }
        Request::Logs(logs) => {
            let refusal = locked(&state.refusals).pop_front();
            if let Some(status) = refusal {
                let _ = answers.send(respond(Err(status))).await;
                return;
            }
            let _ = answers.send(respond(Ok(Response::Stream))).await;
            let container = logs.container.unwrap_or_default();
            for (number, end, of) in [(1, "\n", channel::STDOUT), (2, "", channel::STDERR)] {
                let text = format!("{}:{container}:{number}{end}", logs.pod);
                for bytes in text.as_bytes().chunks(7) {
                    let channel = if logs.apart { of } else { channel::STDOUT };
                    let _ = answers.send(Message::binary(StreamFrame { id, channel, bytes }.to_bytes())).await;
                }
            }
            let _ = answers.send(text_of(&ServerMessage::End { id, end: StreamEnd::Complete })).await;
        }
        Request::ImagePull(_) => {
            for stage in ["Resolving", "Downloading", "Downloading"] {
                let progress = PullProgress { stage: stage.into(), done_bytes: 1024, total_bytes: Some(4096) };
                let _ = answers.send(text_of(&ServerMessage::Progress { id, progress })).await;
            }
            let _ = answers.send(respond(Ok(Response::Images { images: vec![image()] }))).await;
        }
        request => {
            let mut refusal = locked(&state.refusals).pop_front();
            if matches!(request, Request::Replace(_)) {
                refusal = refusal.or_else(|| locked(&state.refused_changes).pop_front());
            }
            let result = refusal.map_or_else(|| state.ask(request), Err);
            let _ = answers.send(respond(result)).await;
        }
    }
}

/// The one image there is.
pub(super) fn image() -> ImageSummary {
    ImageSummary {
        digest: "sha256:0123456789abcdef0123456789abcdef".into(),
        names: vec!["docker.io/library/nginx:alpine".into()],
        size_bytes: 4_300_000,
        created_at: clock().timestamp().as_second() - 90,
        in_use: true,
    }
}
