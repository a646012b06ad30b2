//! One connection to a port of a pod, and the sockets that such connections come in by: for the verb and for the console.

pub mod backend;

use backend::Connection;
use client::{ClientError, DuplexReader, DuplexSender, Received};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the pod.
    Up,
    /// From the pod.
    Down,
}

/// The addresses of `localhost` (both of its own), or the one that is written.
///
/// # Errors
/// What is neither, named.
pub fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    if text == "localhost" {
        return Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    }
    text.parse().map(|address| vec![address]).map_err(|_| format!("{text} is not a valid IP"))
}

/// Listens on an address; port 0 is any free one. Returns the port with the socket.
///
/// # Errors
/// The port is taken, the address is none of this machine, or the port wants more rights.
pub async fn listen(address: IpAddr, port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(SocketAddr::new(address, port)).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// One connection, to its end. That our own side breaks it off is no fault. `counted` hears of every piece that got through.
///
/// # Errors
/// The link is lost, or the pod's side broke off.
pub async fn pass(stream: TcpStream, connection: Connection, counted: &impl Fn(Way, usize)) -> Result<(), ClientError> {
    // A keystroke is a packet of its own.
    let _ = stream.set_nodelay(true);
    let Connection { sender, reader, .. } = connection;
    let (source, sink) = stream.into_split();
    let (up, down) = (send(source, sender, counted), receive(reader, sink, counted));
    tokio::pin!(up, down);
    let mut is_sent = false;
    loop {
        // Both go on where they were when the other comes first.
        tokio::select! {
            came = &mut down => return came,
            sent = &mut up, if !is_sent => match sent {
                Ok(()) => is_sent = true,
                Err(_) => return Ok(()),
            },
        }
    }
}

/// From here to the pod, until our side is closed.
async fn send(mut source: OwnedReadHalf, sender: DuplexSender, counted: &impl Fn(Way, usize)) -> io::Result<()> {
    let mut bytes = vec![0; 32 * 1024];
    loop {
        let count = source.read(&mut bytes).await?;
        // That the stream has ended is told by its reader.
        let sent = if count == 0 { sender.finish().await } else { sender.send(&bytes[..count]).await };
        if count == 0 || sent.is_err() {
            return Ok(());
        }
        counted(Way::Up, count);
    }
}

/// From the pod to here, until both sides are closed.
async fn receive(mut reader: DuplexReader, mut sink: OwnedWriteHalf, counted: &impl Fn(Way, usize)) -> Result<(), ClientError> {
    while let Some(received) = reader.next().await? {
        let Received::Bytes(_, bytes) = received else { continue };
        let written = if bytes.is_empty() { sink.shutdown().await } else { sink.write_all(&bytes).await };
        if written.is_err() {
            return Ok(());
        }
        counted(Way::Down, bytes.len());
    }
    Ok(())
}
