//! Connections to a pod's ports over SPDY, several at once.

use super::{Frames, Incoming, Outgoing, QUEUE, REFUSED, header, write};
use crate::streams::Duplex;
use crate::streams::output::Output;
use crate::verbs::Verbs;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use objects::Status;
use rest::spdy::{Frame, Reader};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use wire::PortForwardRequest;

/// Chunks that wait for one connection to a port.
const WAITING: usize = 16;
/// Connections at once over one session.
const MAX_CONNECTIONS: usize = 256;

/// Where connections are forwarded to.
#[derive(Clone)]
pub struct Forward {
    /// Who connects.
    pub verbs: Arc<Verbs>,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
}

impl Forward {
    /// Opens one connection to a port.
    ///
    /// # Errors
    /// The pod's node's.
    pub async fn open(self, port: u16) -> Result<Duplex, Status> {
        self.verbs.port_forward(PortForwardRequest { namespace: self.namespace, pod: self.pod, port, window: 0 }).await
    }
}

/// One connection to a port.
struct Connection {
    data: u32,
    error: Option<u32>,
    port: Option<u16>,
    bytes: mpsc::Receiver<Vec<u8>>,
}

/// Forwards connections until the client goes away.
pub async fn forward(incoming: Incoming, outgoing: Outgoing, to: Forward) {
    let mut frames = Frames { incoming, reader: Reader::default() };
    let (queue, queued) = mpsc::channel(QUEUE);
    let (begun, mut beginning) = mpsc::channel::<Connection>(1);
    let hearing = hear_connections(&mut frames, queue.clone(), begun);
    let working = async {
        let mut connections = FuturesUnordered::new();
        loop {
            // Connections that are kept lose nothing when another arm wins.
            tokio::select! {
                began = beginning.recv() => match began {
                    Some(connection) => connections.push(connect(connection, queue.clone(), to.clone())),
                    None => std::future::pending().await,
                },
                Some(()) = connections.next(), if !connections.is_empty() => {}
            }
        }
    };
    // The client's end is the end of all of its connections.
    tokio::select! {
        () = hearing => {}
        () = working => {}
        () = write(outgoing, queued) => {}
    }
}

async fn hear_connections(frames: &mut Frames, queue: mpsc::Sender<Frame>, begun: mpsc::Sender<Connection>) {
    // The error stream of a connection comes first; both carry its number.
    let mut errors: HashMap<String, u32> = HashMap::new();
    let mut open: HashMap<u32, mpsc::Sender<Vec<u8>>> = HashMap::new();
    while let Some(frame) = frames.next().await {
        match frame {
            Frame::SynStream { id, headers, .. } => {
                open.retain(|_, bytes| !bytes.is_closed());
                let request = header(&headers, "requestid").to_owned();
                let reply = match header(&headers, "streamtype") {
                    "error" if errors.len() < MAX_CONNECTIONS => {
                        errors.insert(request, id);
                        Frame::SynReply { id }
                    }
                    "data" if open.len() < MAX_CONNECTIONS => {
                        let (sender, bytes) = mpsc::channel(WAITING);
                        open.insert(id, sender);
                        let port = header(&headers, "port").parse().ok();
                        let connection = Connection { data: id, error: errors.remove(&request), port, bytes };
                        if begun.send(connection).await.is_err() {
                            return;
                        }
                        Frame::SynReply { id }
                    }
                    _ => Frame::Reset { id, code: REFUSED },
                };
                if queue.send(reply).await.is_err() {
                    return;
                }
            }
            Frame::Data { id, is_last, bytes } => {
                if let Some(sender) = open.get(&id)
                    && !bytes.is_empty()
                {
                    // A connection that has ended takes no more.
                    let _ = sender.send(bytes).await;
                }
                if is_last {
                    open.remove(&id);
                }
            }
            Frame::Reset { id, .. } => drop(open.remove(&id)),
            Frame::Ping(number) => {
                if queue.send(Frame::Ping(number)).await.is_err() {
                    return;
                }
            }
            Frame::GoAway { .. } => return,
            Frame::SynReply { .. } | Frame::Other => {}
        }
    }
}

/// One connection, to the end of both of its directions.
async fn connect(connection: Connection, queue: mpsc::Sender<Frame>, to: Forward) {
    let Connection { data, error, port, mut bytes } = connection;
    let last = |id: u32, bytes: Vec<u8>| Frame::Data { id, is_last: true, bytes };
    let opened = match port {
        Some(port) => to.open(port).await,
        None => Err(Status::bad_request("the stream names no port")),
    };
    let duplex = match opened {
        Ok(duplex) => duplex,
        Err(status) => {
            let told = error.map(|id| last(id, status.message.into_bytes()));
            for frame in told.into_iter().chain([last(data, Vec::new())]) {
                let _ = queue.send(frame).await;
            }
            return;
        }
    };
    let Duplex { input, outputs, .. } = duplex;
    let inwards = async {
        let Some(mut sink) = input else { return };
        while let Some(chunk) = bytes.recv().await {
            if sink.write_all(&chunk).await.is_err() {
                return;
            }
        }
        let _ = sink.shutdown().await;
    };
    let outwards = async {
        for (_, source) in outputs {
            let mut output = Output::to_its_end(source);
            while let Some(bytes) = output.next().await {
                if queue.send(Frame::Data { id: data, is_last: false, bytes: bytes.to_vec() }).await.is_err() {
                    return;
                }
            }
        }
        for id in error.into_iter().chain([data]) {
            let _ = queue.send(last(id, Vec::new())).await;
        }
    };
    tokio::join!(inwards, outwards);
}
