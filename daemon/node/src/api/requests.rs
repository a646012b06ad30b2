//! One request: which verb it is, and how its answer or its stream goes out.

use super::inbox::Inbox;
use super::outbox::{Closed, Outbox, Window};
use super::rights;
use crate::logs::Stream;
use crate::verbs::{LogChunks, Verbs, WatchSource};
use objects::Status;
use rest::rights::Caller;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use wire::{LogsRequest, ObjectList, Parts, PullProgress, Request, Response, ServerMessage, StreamEnd, channel, frame_cost};

/// A request that is being worked on.
pub struct Call {
    /// Its number.
    pub id: u32,
    /// What there is to ask.
    pub verbs: Arc<Verbs>,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Where answers go.
    pub outbox: Outbox,
    /// What its stream may send.
    pub window: Arc<Window>,
    /// What the client says to its stream.
    pub inbox: Arc<Inbox>,
}

impl Call {
    /// Works on the request to its end, or until the client cancels it.
    pub async fn run(self, request: Request, mut cancelled: oneshot::Receiver<()>) {
        // Large: it holds the state of the longest verb.
        let outcome = tokio::select! {
            outcome = Box::pin(self.route(request)) => outcome,
            // Nothing half sent is lost: each message is queued whole or not at all.
            Ok(()) = &mut cancelled => Ok(Some(StreamEnd::Cancelled)),
        };
        if let Ok(Some(end)) = outcome {
            let _ = self.outbox.send(&ServerMessage::End { id: self.id, end }).await;
        }
    }

    /// Takes the request to the daemon that can answer it: this one, mostly.
    async fn route(&self, request: Request) -> Result<Option<StreamEnd>, Closed> {
        if let Err(status) = self.caller.allow(&rights::action(&request)) {
            return self.answer(Err(status)).await.map(|()| None);
        }
        match request {
            Request::On { node, request } if node != self.verbs.node_name() => self.carry(&node, *request).await,
            Request::On { request, .. } | Request::Carried { request, .. } => self.serve(*request).await,
            request => match self.verbs.place_of(&request) {
                Some(node) => self.carry(&node, request).await,
                None => self.serve(request).await,
            },
        }
    }

    /// The answer of a request that is no stream is sent here; the end of a stream is returned.
    async fn serve(&self, request: Request) -> Result<Option<StreamEnd>, Closed> {
        let result = match request {
            Request::Watch(request) => {
                return match self.verbs.follow(request.kind, &request.selection, request.resume_from.as_deref()) {
                    Ok((list, source)) => {
                        self.answer_list(&list, request.in_parts, true).await?;
                        self.stream_events(source).await.map(Some)
                    }
                    Err(status) => self.answer(Err(status)).await.map(|()| None),
                };
            }
            Request::Logs(request) => return self.start_log(request).await,
            Request::Exec(request) => {
                let opened = self.verbs.exec(request).await;
                return self.start_duplex(opened).await;
            }
            Request::PortForward(request) => {
                let opened = self.verbs.port_forward(request).await;
                return self.start_duplex(opened).await;
            }
            Request::Attach(request) => {
                let opened = self.verbs.attach(request).await;
                return self.start_duplex(opened).await;
            }
            Request::HostExec(request) => {
                let opened = self.verbs.host_exec(request).await;
                return self.start_duplex(opened).await;
            }
            Request::Copy(request) => {
                let opened = self.verbs.copy(request).await;
                return self.start_duplex(opened).await;
            }
            Request::ImagePull(request) => self.pull(request).await?,
            Request::List(request) => match self.verbs.select(request.kind, &request.selection) {
                Ok(list) => return self.answer_list(&list, request.in_parts, false).await.map(|()| None),
                Err(status) => Err(status),
            },
            Request::Get(request) => self.verbs.get(&request.object).await,
            Request::Create(request) => self.verbs.create(request).await,
            Request::Apply(request) => self.verbs.apply(request).await,
            Request::Replace(request) => self.verbs.replace(request).await,
            Request::Resize(request) => self.verbs.resize(request).await,
            Request::EphemeralContainers(request) => self.verbs.replace_ephemeral(request).await,
            Request::Patch(request) => self.verbs.patch(request.into()).await,
            Request::Delete(request) => self.verbs.delete(request).await,
            Request::History(request) => self.verbs.history(&request).map(Response::History),
            Request::Probes(request) => self.verbs.probes(&request).map(Response::Probes),
            Request::Usage(request) => Ok(Response::Usage(super::usage::of_nodes(&self.verbs, &request.nodes).await)),
            Request::ImageList => self.verbs.image_list().await,
            Request::ImageLoad(request) => self.verbs.image_load(request).await,
            Request::ImageImport(request) => self.verbs.image_import(request).await,
            Request::ImageRemove { image } => self.verbs.image_remove(image).await,
            Request::ImagePrune => self.verbs.image_prune().await,
            Request::Members => Ok(Response::Members(self.verbs.members())),
            Request::NodeRemove(request) => self.verbs.node_remove(request).await,
            Request::Credentials(request) => self.verbs.credentials(&request),
            Request::On { .. } | Request::Carried { .. } => {
                Err(Status::bad_request("a request for another node cannot hold another such request"))
            }
        };
        self.answer(result).await.map(|()| None)
    }

    pub(super) async fn answer(&self, result: Result<Response, Status>) -> Result<(), Closed> {
        self.outbox.send(&ServerMessage::Response { id: self.id, result }).await
    }

    /// Sends a list, in parts to a client that takes them: so that neither side holds all of its text at once, and the first rows are
    /// seen early. Those of a stream after the first take of its window.
    async fn answer_list(&self, list: &store::List, in_parts: bool, is_stream: bool) -> Result<(), Closed> {
        let resource_version = list.resource_version.to_string();
        let items = list.items.iter().map(|object| object.json().to_owned());
        if !in_parts {
            let list = ObjectList { items: items.collect(), resource_version, more: false };
            return self.answer(Ok(Response::List(list))).await;
        }
        let mut is_first = true;
        for part in Parts::new(items, resource_version) {
            if is_stream && !std::mem::take(&mut is_first) {
                self.window.take(part.bytes()).await;
            }
            self.answer(Ok(Response::List(part))).await?;
        }
        Ok(())
    }

    async fn stream_events(&self, mut source: WatchSource) -> Result<StreamEnd, Closed> {
        loop {
            match source.next().await {
                Ok(Some(event)) => {
                    self.window.take(event.object.get().len()).await;
                    self.outbox.send(&ServerMessage::Event { id: self.id, event }).await?;
                }
                Ok(None) => return Ok(StreamEnd::Complete),
                Err(status) => return Ok(StreamEnd::Failed { status }),
            }
        }
    }

    async fn start_log(&self, request: LogsRequest) -> Result<Option<StreamEnd>, Closed> {
        let is_apart = request.apart;
        match self.verbs.logs(request).await {
            Ok(chunks) => {
                self.answer(Ok(Response::Stream)).await?;
                self.stream_log(chunks, is_apart).await.map(Some)
            }
            Err(status) => self.answer(Err(status)).await.map(|()| None),
        }
    }

    async fn stream_log(&self, mut chunks: LogChunks, is_apart: bool) -> Result<StreamEnd, Closed> {
        loop {
            match chunks.next().await {
                Ok(Some((stream, bytes))) => {
                    let channel = match stream {
                        Stream::Stdout => channel::STDOUT,
                        Stream::Stderr => channel::STDERR,
                    };
                    // Where the streams take turns, frames may be as short as a line.
                    self.window.take(if is_apart { frame_cost(bytes.len()) } else { bytes.len() }).await;
                    self.outbox.send_bytes(self.id, channel, &bytes).await?;
                }
                Ok(None) => return Ok(StreamEnd::Complete),
                Err(status) => return Ok(StreamEnd::Failed { status }),
            }
        }
    }

    /// Progress goes out beside the work; where the client is slow, what it missed is left out.
    async fn pull(&self, request: wire::ImagePullRequest) -> Result<Result<Response, Status>, Closed> {
        let (progress, mut told) = mpsc::channel::<PullProgress>(16);
        let mut work = Box::pin(self.verbs.image_pull(request, progress));
        loop {
            tokio::select! {
                biased;
                result = &mut work => return Ok(result),
                Some(progress) = told.recv() => {
                    self.outbox.send(&ServerMessage::Progress { id: self.id, progress }).await?;
                }
            }
        }
    }
}
