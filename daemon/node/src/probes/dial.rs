//! Connects to a port. On its own machine the kernel has shaken hands before the call that begins a connection returns, so the run
//! time is asked to wait only for one that is still under way: most tcpSocket probes come to their end without waiting, and an httpGet
//! probe has sent its request by then.

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream as PlainStream};
use tokio::net::TcpStream;

/// How far a connection is after it was begun.
#[derive(Debug)]
enum Begun {
    Made(PlainStream),
    UnderWay(PlainStream),
}

/// Connects to a port. The stream never waits, and the run time does not know it yet.
///
/// # Errors
/// Why not; a name that nobody knows has no number of the system's.
pub(super) async fn open(host: &str, port: u16) -> io::Result<PlainStream> {
    match host.parse::<IpAddr>() {
        Ok(address) => finish(begin(SocketAddr::new(address, port))?).await,
        Err(_) => TcpStream::connect((host, port)).await?.into_std(),
    }
}

/// Waits for a connection that is still under way.
async fn finish(begun: Begun) -> io::Result<PlainStream> {
    match begun {
        Begun::Made(stream) => Ok(stream),
        Begun::UnderWay(stream) => {
            let stream = TcpStream::from_std(stream)?;
            stream.writable().await?;
            match stream.take_error()? {
                Some(error) => Err(error),
                None => stream.into_std(),
            }
        }
    }
}

/// Begins a connection and looks once what became of it.
fn begin(address: SocketAddr) -> io::Result<Begun> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    let connect = || rustix::net::connect(&socket, &address);
    // The second call tells how the first went on: 0 or EISCONN once it is made, EALREADY before that (`connect(2)`).
    let state = match connect() {
        Err(Errno::INPROGRESS) => connect(),
        first => first,
    };
    match state {
        Ok(()) | Err(Errno::ISCONN) => Ok(Begun::Made(PlainStream::from(socket))),
        Err(Errno::ALREADY | Errno::INPROGRESS | Errno::INTR) => Ok(Begun::UnderWay(PlainStream::from(socket))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Begun, begin, finish, open};
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_connection_on_this_machine_is_made_at_once_or_refused() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        assert!(matches!(begin(address), Ok(Begun::Made(_) | Begun::UnderWay(_))));
        drop(listener);
        let run_time = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let refused = run_time.block_on(open("127.0.0.1", address.port())).unwrap_err();
        assert_eq!((refused.kind(), refused.raw_os_error().is_some()), (ErrorKind::ConnectionRefused, true));
    }

    #[tokio::test]
    async fn addresses_of_both_families_and_names_are_reached() {
        for (bind, host) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1"), ("127.0.0.1:0", "localhost")] {
            // A machine without IPv6 has nothing to show here.
            let Ok(listener) = TcpListener::bind(bind) else { continue };
            open(host, listener.local_addr().unwrap().port()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_under_way_is_waited_for() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        finish(Begun::UnderWay(stream)).await.unwrap();
    }
}
