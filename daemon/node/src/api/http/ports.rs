//! Connections to a pod's ports over the channels of a websocket, as client libraries ask for them: one a port that the request names.
//!
//! `k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go`: a port has two channels, bytes and what went wrong, and each begins with the
//! port's number, the low byte first. A channel has no end, in neither direction: the websocket ends once all connections have.

use super::channels::{CLOSE_TIMEOUT, Channels, QUEUE, write};
use super::spdy::Forward;
use super::streaming::Socket;
use crate::streams::Duplex;
use crate::streams::output::Output;
use futures_util::stream::SplitStream;
use futures_util::{StreamExt, future};
use objects::Status;
use rest::query::Query;
use std::pin::pin;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

/// Chunks that wait for one connection to a port; after that the client waits.
const WAITING: usize = 16;
/// Ports of one request: a channel is one byte, and a digit in the base64 form.
const MAX_PORTS: usize = 127;
const MAX_PORTS_BASE64: usize = 5;

/// The ports of a request: `ports=8080,8081`, or each by itself.
///
/// # Errors
/// 400 where one is no port, or there is none, or there are too many.
pub fn asked(query: &Query, channels: Channels) -> Result<Vec<u16>, Status> {
    let words = query.all("ports").flat_map(|text| text.split(',')).map(str::trim).filter(|word| !word.is_empty());
    let read = |word: &str| {
        let port = word.parse().ok().filter(|port| *port != 0);
        port.ok_or_else(|| Status::bad_request(format!("port {word:?} must be a number from 1 to 65535")))
    };
    let ports = words.map(read).collect::<Result<Vec<u16>, _>>()?;
    let most = if channels.is_base64() { MAX_PORTS_BASE64 } else { MAX_PORTS };
    match ports.len() {
        0 => Err(Status::bad_request("query parameter \"ports\" is required")),
        count if count > most => {
            Err(Status::bad_request(format!("{count} ports are asked for: at most {most} over one websocket")))
        }
        _ => Ok(ports),
    }
}

/// Forwards one connection to each port, until all have ended or the client goes away.
pub async fn forward(socket: Socket, channels: Channels, ports: Vec<u16>, to: Forward) {
    let (sink, stream) = socket.split();
    let (messages, queued) = mpsc::channel(QUEUE);
    let (inputs, connections): (Vec<_>, Vec<_>) = (0_u8..)
        .step_by(2)
        .zip(ports)
        .map(|(channel, port)| {
            let (input, bytes) = mpsc::channel(WAITING);
            let client = Client { channels, channel, messages: messages.clone() };
            (input, connect(port, client, bytes, to.clone()))
        })
        .unzip();
    drop(messages);
    let mut hearing = pin!(hear(stream, channels, inputs));
    // A client that goes away ends its connections: they are dropped.
    tokio::select! {
        _ = async { tokio::join!(future::join_all(connections), write(sink, queued)) } => {
            // Whoever closes first may cut off what is still on its way: the client has read all once it closes, too.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, hearing).await;
        }
        () = &mut hearing => {}
    }
}

/// Where a connection's bytes go.
struct Client {
    channels: Channels,
    channel: u8,
    messages: mpsc::Sender<Message>,
}

impl Client {
    /// Whether it still listens.
    async fn tell(&self, channel: u8, bytes: &[u8]) -> bool {
        self.messages.send(self.channels.message(channel, bytes)).await.is_ok()
    }
}

/// One connection, until the pod ends it.
async fn connect(port: u16, client: Client, mut bytes: mpsc::Receiver<Vec<u8>>, to: Forward) {
    let errors = client.channel + 1;
    for channel in [client.channel, errors] {
        client.tell(channel, &port.to_le_bytes()).await;
    }
    let duplex = match to.open(port).await {
        Ok(duplex) => duplex,
        Err(status) => {
            client.tell(errors, status.message.as_bytes()).await;
            return;
        }
    };
    let Duplex { input, outputs, .. } = duplex;
    let inwards = async {
        let Some(mut sink) = input else { return };
        while let Some(chunk) = bytes.recv().await {
            if sink.write_all(&chunk).await.is_err() {
                // What still comes is for nobody.
                bytes.close();
                return;
            }
        }
    };
    let outwards = async {
        for (_, source) in outputs {
            let mut output = Output::to_its_end(source);
            while let Some(bytes) = output.next().await {
                if !client.tell(client.channel, bytes).await {
                    return;
                }
            }
        }
    };
    // The pod's end is the connection's: its client cannot end its own half, and would keep it for ever.
    let mut outwards = pin!(outwards);
    tokio::select! {
        () = &mut outwards => {}
        () = inwards => outwards.await,
    }
}

/// Passes on what the client sends, until it goes away.
async fn hear(mut stream: SplitStream<Socket>, channels: Channels, inputs: Vec<mpsc::Sender<Vec<u8>>>) {
    while let Some(Ok(message)) = stream.next().await {
        if message.is_close() {
            return;
        }
        if let Some((channel, bytes)) = channels.read(message)
            && channel % 2 == 0
            && let Some(input) = inputs.get(usize::from(channel / 2))
        {
            // A connection that has ended takes no more.
            let _ = input.send(bytes).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::asked;
    use crate::api::http::channels::Channels;
    use rest::query::Query;

    fn check(query: &str, protocol: &str, expected: Result<&[u16], &str>) {
        let (channels, _) = Channels::choose(&[protocol.to_owned()]).expect("a protocol");
        let ports = asked(&Query::parse(query), channels).map_err(|status| status.message);
        assert_eq!(ports.as_deref().map_err(String::as_str), expected, "{query}");
    }

    #[test]
    fn ports_are_read_in_both_forms_and_counted() {
        check("ports=8080,81&ports=9", "v4.channel.k8s.io", Ok(&[8080, 81, 9]));
        check("port=1", "v4.channel.k8s.io", Err("query parameter \"ports\" is required"));
        check("ports=", "v4.channel.k8s.io", Err("query parameter \"ports\" is required"));
        for wrong in ["0", "65536", "x", "-1"] {
            let message = format!("port \"{wrong}\" must be a number from 1 to 65535");
            check(&format!("ports={wrong}"), "v4.channel.k8s.io", Err(&message));
        }
        let many = vec!["1"; 128].join(",");
        check(&format!("ports={many}"), "v4.channel.k8s.io", Err("128 ports are asked for: at most 127 over one websocket"));
        check("ports=1,1,1,1,1,1", "v4.base64.channel.k8s.io", Err("6 ports are asked for: at most 5 over one websocket"));
    }
}
