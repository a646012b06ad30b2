//! What comes in: handshakes, and the streams of each connection, whoever opened it.

use super::connections::{CODE_BAD, CODE_REFUSED, Purpose, holder};
use super::framing::{self, FrameError, Hello};
use super::statistics::Counter;
use super::{Event, IncomingStream, Shared, exchange};
use crate::cluster::join;
use crate::cluster::trust::wall_ms;
use pki::tls::{JOIN_PROTOCOL, NODE_PROTOCOL, STREAM_PROTOCOL};
use pki::{Holder, HolderKind};
use quinn::crypto::rustls::HandshakeData;
use quinn::{Connection, RecvStream, SendStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tracing::{debug, info};

/// How long a stranger may take for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// The kind of stream that exchanges keys.
pub(super) const KIND_KEYS: u8 = 0;

/// Takes one connection through its handshake, and serves it.
pub(super) async fn accept(shared: Arc<Shared>, incoming: quinn::Incoming, permit: OwnedSemaphorePermit) {
    let from = incoming.remote_address();
    let refused = |why: &str| {
        shared.statistics.count(Counter::RefusedHandshakes);
        if shared.statistics.may_speak() {
            info!(%from, why, "a connection was refused");
        }
    };
    let connected = match incoming.accept() {
        Ok(connecting) => tokio::time::timeout(HANDSHAKE, connecting).await,
        Err(error) => return refused(&error.to_string()),
    };
    let connection = match connected {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return refused(&error.to_string()),
        Err(_) => return refused("its handshake took too long"),
    };
    // The handshake is over; what follows has limits of its own.
    drop(permit);
    let protocol = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok()?.protocol);
    if protocol.as_deref() == Some(JOIN_PROTOCOL) {
        return join::serve(&shared.trust, shared.doorman.as_deref(), &shared.joins, &connection).await.unwrap_or_else(|why| {
            shared.statistics.count(Counter::RefusedJoins);
            if shared.statistics.may_speak() {
                info!(%from, why, "a join was refused");
            }
        });
    }
    let purpose = match protocol.as_deref() {
        Some(NODE_PROTOCOL) => Some(Purpose::Messages),
        Some(STREAM_PROTOCOL) => Some(Purpose::Stream),
        _ => None,
    };
    match holder(&connection).filter(|holder| counts(&shared, holder)).zip(purpose) {
        Some((holder, purpose)) => {
            let holder = Arc::new(holder);
            match shared.connections.hold(&connection, &holder, purpose) {
                Ok(()) => serve(shared, connection, holder).await,
                Err(why) => {
                    connection.close(CODE_REFUSED, why.as_bytes());
                    refused(why);
                }
            }
        }
        None => {
            connection.close(CODE_REFUSED, b"a certificate of this cluster is needed");
            refused("it showed no certificate of the cluster");
        }
    }
}

/// Whether a certificate still counts: the handshake was a while ago.
pub(super) fn counts(shared: &Shared, holder: &Holder) -> bool {
    shared.trust.keys().bundle.judge(holder, Some(HolderKind::Node), wall_ms()).is_ok()
}

/// Keeps a connection that we opened, and has it served.
pub(super) fn keep(shared: &Arc<Shared>, connection: Connection, holder: Arc<Holder>) -> Result<(), String> {
    shared.connections.hold(&connection, &holder, Purpose::Messages)?;
    let task = Box::pin(serve(shared.clone(), connection, holder));
    shared.tasks.try_send(task).map_err(|_| "too many tasks wait to be started".to_owned())
}

/// Takes the streams of one connection until it ends.
async fn serve(shared: Arc<Shared>, connection: Connection, holder: Arc<Holder>) {
    let node: Arc<str> = holder.name.as_str().into();
    let mut streams = JoinSet::new();
    loop {
        // Accepting a stream and joining a task lose nothing when another arm wins.
        tokio::select! {
            biased;
            Some(_) = streams.join_next(), if !streams.is_empty() => {}
            accepted = connection.accept_uni() => match accepted {
                Ok(stream) => {
                    streams.spawn(messages(shared.clone(), connection.clone(), node.clone(), stream));
                }
                Err(_) => break,
            },
            accepted = connection.accept_bi() => match accepted {
                Ok((send, receive)) => {
                    streams.spawn(request(shared.clone(), holder.clone(), node.clone(), send, receive));
                }
                Err(_) => break,
            },
        }
    }
    shared.connections.release(&connection, &node);
    // What the streams have read already is still delivered.
    while streams.join_next().await.is_some() {}
}

async fn messages(shared: Arc<Shared>, connection: Connection, node: Arc<str>, mut stream: RecvStream) {
    let result = async {
        let hello = Hello::read(&mut stream).await?;
        shared.connections.started(&connection, &node, hello.instance_ms);
        if hello.trust_digest != shared.trust.keys().trust_digest {
            exchange::soon(&shared, connection.remote_address(), exchange::Asker::Known);
        }
        while let Some(bytes) = framing::read(&mut stream).await? {
            // The reader is gone when the daemon ends.
            if shared.events.send(Event::Message { node: node.clone(), bytes }).await.is_err() {
                break;
            }
        }
        Ok::<_, FrameError>(())
    };
    match result.await {
        Ok(()) => {}
        Err(FrameError::TooLong(bytes)) => {
            shared.statistics.count(Counter::BadMessages);
            info!(%node, bytes, "a message was too long; its connection is closed");
            connection.close(CODE_BAD, b"a message was too long");
        }
        Err(FrameError::Broken(error)) => debug!(%node, %error, "a message stream ended"),
    }
}

async fn request(shared: Arc<Shared>, holder: Arc<Holder>, node: Arc<str>, send: SendStream, mut receive: RecvStream) {
    let mut kind = [0];
    let read = tokio::time::timeout(HANDSHAKE, receive.read_exact(&mut kind)).await;
    if !matches!(read, Ok(Ok(()))) || !counts(&shared, &holder) {
        return;
    }
    if kind[0] == KIND_KEYS {
        if let Err(why) = exchange::answer(&shared, send, receive).await {
            debug!(%node, why, "an exchange of keys failed");
        }
        return;
    }
    let stream = tokio::io::join(receive, send);
    // Where nobody takes it, the stream is dropped, and the other side sees its end.
    let _ = shared.streams.send(IncomingStream { node, kind: kind[0], stream }).await;
}
