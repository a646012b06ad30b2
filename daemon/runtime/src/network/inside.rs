//! Connections from inside of a network namespace.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::net::{TcpSocket, TcpStream};

/// Connects to a port of the loopback address of a network namespace: IPv4, then IPv6. The caller bounds the wait.
///
/// # Errors
/// What the kernel says of IPv4 where neither answers.
pub async fn connect_inside(namespace: OwnedFd, port: u16) -> io::Result<TcpStream> {
    let (made, sockets) = tokio::sync::oneshot::channel();
    // A socket is of the namespace that its maker is in, for good. The thread ends with its work: it never comes back to ours.
    std::thread::Builder::new().name("netns".to_owned()).spawn(move || {
        let _ = made.send(make_sockets(&namespace));
    })?;
    let [v4, v6] = sockets.await.map_err(io::Error::other)??;
    match v4.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
        Ok(stream) => Ok(stream),
        Err(error) => v6.connect(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await.map_err(|_| error),
    }
}

fn make_sockets(namespace: &OwnedFd) -> io::Result<[TcpSocket; 2]> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
    let make = |family| -> io::Result<TcpSocket> {
        let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
        Ok(TcpSocket::from_std_stream(socket.into()))
    };
    Ok([make(AddressFamily::INET)?, make(AddressFamily::INET6)?])
}
