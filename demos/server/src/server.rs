//! Accepts connections and answers: who am I, am I well, files of a folder.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::request::{Answer, Request};
use crate::say;

/// More connections than these at a time are refused.
const MOST_CONNECTIONS: usize = 64;
/// How long a client may take for each read or write.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long requests under way are waited for at the end.
const LONGEST_FAREWELL: Duration = Duration::from_secs(5);

/// A running server.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    root: Option<PathBuf>,
    began: Instant,
    requests: AtomicU64,
    is_failing: AtomicBool,
    is_stopping: AtomicBool,
    connections: AtomicUsize,
}

impl Server {
    /// Listens and begins to serve. With a root, the files in it are served, `index.html` as `/`.
    pub(crate) fn start(listen: &str, root: Option<PathBuf>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            root,
            began: Instant::now(),
            requests: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
        });
        let accepting = Arc::clone(&shared);
        thread::Builder::new().name("accept".to_owned()).spawn(move || accept(&listener, &accepting))?;
        Ok(Self { address, shared })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connections and waits for those that are open.
    pub(crate) fn stop(&self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        let deadline = Instant::now() + LONGEST_FAREWELL;
        while self.shared.connections.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_stopping.load(Ordering::SeqCst) {
            return;
        }
        match stream {
            Ok(stream) => admit(stream, shared),
            Err(error) => {
                say(&format!("cannot accept a connection: {error}"));
                // Out of descriptors, most likely: some are free again soon.
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn admit(mut stream: TcpStream, shared: &Arc<Shared>) {
    let place = Place::take(shared);
    let _unset = stream.set_read_timeout(Some(CLIENT_TIMEOUT)).and_then(|()| stream.set_write_timeout(Some(CLIENT_TIMEOUT)));
    if shared.connections.load(Ordering::SeqCst) > MOST_CONNECTIONS {
        let _unread = Answer::text(503, "too many connections\n").write(&mut stream, "GET");
        return;
    }
    let spawned = thread::Builder::new().name("serve".to_owned()).stack_size(128 * 1024).spawn(move || {
        serve(stream, &place.shared);
        drop(place);
    });
    if let Err(error) = spawned {
        say(&format!("cannot start a thread: {error}"));
    }
}

/// One of the connections that count.
struct Place {
    shared: Arc<Shared>,
}

impl Place {
    fn take(shared: &Arc<Shared>) -> Self {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        Self { shared: Arc::clone(shared) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::SeqCst);
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    let peer = stream.peer_addr().map_or_else(|_| "-".to_owned(), |peer| peer.to_string());
    // A client that sends nothing, or goes away, gets no answer: probes that only connect do that all the time.
    let Ok(request) = Request::read(&mut stream) else { return };
    let Some(request) = request else {
        let _unread = Answer::text(400, "not an HTTP request\n").write(&mut stream, "GET");
        return;
    };
    let number = shared.requests.fetch_add(1, Ordering::SeqCst) + 1;
    let answer = shared.answer(&request, number);
    say(&format!("{peer} {} {} {}", request.method, request.path, answer.status));
    let _unread = answer.write(&mut stream, &request.method);
}

impl Shared {
    fn answer(&self, request: &Request, number: u64) -> Answer {
        let is_failing = self.is_failing.load(Ordering::SeqCst);
        match (request.method.as_str(), request.path.as_str()) {
            (_, "/healthz") if is_failing => Answer::text(500, "failing, as told; /fail makes it well again\n"),
            (_, "/healthz") => Answer::text(200, "ok\n"),
            (_, "/fail") => {
                let now = if self.is_failing.fetch_xor(true, Ordering::SeqCst) { "well again" } else { "failing" };
                Answer::text(200, format!("/healthz is {now}\n"))
            }
            ("GET" | "HEAD", path) => self.file(path).unwrap_or_else(|| self.greeting(path, number)),
            _ => Answer::text(405, "only GET\n"),
        }
    }

    /// A file of the root; nothing without a root.
    fn file(&self, path: &str) -> Option<Answer> {
        let root = self.root.as_deref()?;
        let name = if path == "/" { "index.html" } else { path.trim_start_matches('/') };
        let is_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        let body = if is_inside { fs::read(root.join(name)).ok() } else { None };
        Some(body.map_or_else(|| Answer::text(404, "no such file\n"), |body| Answer { status: 200, body }))
    }

    fn greeting(&self, path: &str, number: u64) -> Answer {
        if path != "/" {
            return Answer::text(404, "try /, /healthz or /fail\n");
        }
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let seconds = self.began.elapsed().as_secs();
        Answer::text(200, format!("Ahoy from {}, {}. Request {number}, up {seconds} s.\n", host.trim(), own_address()))
    }
}

/// The address that this pod sends from. Connecting a datagram socket sends nothing: it only asks for the route.
fn own_address() -> String {
    let ask = || {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    };
    std::env::var("POD_IP")
        .unwrap_or_else(|_| ask().map_or_else(|_| "no address".to_owned(), |own: SocketAddr| own.ip().to_string()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn get(server: &Server, target: &str) -> String {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(format!("{target} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn it_says_who_it_is_and_counts() {
        let server = Server::start("127.0.0.1:0", None).unwrap();
        let answer = get(&server, "GET /");
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("Request 1,"), "{answer}");
        assert!(get(&server, "GET /").contains("Request 2,"));
        assert!(get(&server, "GET /nowhere").starts_with("HTTP/1.1 404"));
        assert!(get(&server, "POST /").starts_with("HTTP/1.1 405"));
        assert!(get(&server, "nonsense").starts_with("HTTP/1.1 400"));
    }

    #[test]
    fn its_health_can_be_switched() {
        let server = Server::start("127.0.0.1:0", None).unwrap();
        assert!(get(&server, "GET /healthz").starts_with("HTTP/1.1 200"));
        assert!(get(&server, "GET /fail").contains("failing"));
        assert!(get(&server, "GET /healthz").starts_with("HTTP/1.1 500"));
        assert!(get(&server, "GET /fail").contains("well again"));
        assert!(get(&server, "GET /healthz").starts_with("HTTP/1.1 200"));
    }

    #[test]
    fn files_are_served_from_inside_the_root_only() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("index.html"), "front page").unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        let server = Server::start("127.0.0.1:0", Some(root)).unwrap();
        assert!(get(&server, "GET /").ends_with("front page"));
        for outside in ["GET /../secret", "GET //../secret", "GET /x/../../secret", "GET /missing"] {
            assert!(get(&server, outside).starts_with("HTTP/1.1 404"), "{outside}");
        }
    }

    #[test]
    fn a_request_under_way_is_finished_before_the_end() {
        let server = Server::start("127.0.0.1:0", None).unwrap();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        while server.shared.connections.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        thread::scope(|scope| {
            let stopping = scope.spawn(|| server.stop());
            stream.write_all(b"\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"));
            stopping.join().unwrap();
        });
        assert_eq!(server.shared.connections.load(Ordering::SeqCst), 0);
    }
}
