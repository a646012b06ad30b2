//! Who hears a container beside its log, and for how long a slow one may hold it up.
//!
//! What a listener does not take at once waits for it, up to a limit. At the limit its container is not read on, so a listener that is
//! merely slower than the container gets every byte. One whose oldest bytes have waited for [`PATIENCE`] then is given up: that is
//! the longest that anybody can hold up a container's output and its log. The same holds for one who is awaited and has not come yet.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use runtime::protocol::ContainerId;
use rustix::io::{Errno, ioctl_fionbio};

use crate::container::{READ_SIZE, Source};
use crate::supervisor::ConnectionId;

/// Bytes that may wait for a listener before its container has to.
const QUEUE_LIMIT: usize = 256 << 10;
/// See the file's header.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// What is kept of a container that nobody has heard yet: its prompt, its first words.
const BACKLOG_LIMIT: usize = 64 << 10;

/// All listeners of a sandbox.
#[derive(Default)]
pub struct Listeners {
    all: Vec<Listener>,
}

/// One of them.
pub struct Listener {
    pub connection: ConnectionId,
    container: ContainerId,
    /// Its container has ended: it goes when it has heard all.
    is_last: bool,
    stdout: Line,
    stderr: Line,
}

/// Where one stream goes.
struct Line {
    /// None once nobody reads it, or all was heard.
    pipe: Option<OwnedFd>,
    waiting: VecDeque<(Instant, Vec<u8>)>,
    /// How much of the first one was written.
    written: usize,
    bytes: usize,
}

impl Line {
    fn new(pipe: OwnedFd) -> Line {
        // One that cannot be told not to wait would hold up everybody.
        let pipe = ioctl_fionbio(&pipe, true).is_ok().then_some(pipe);
        Line { pipe, waiting: VecDeque::new(), written: 0, bytes: 0 }
    }

    fn put(&mut self, bytes: &[u8], now: Instant) {
        if self.pipe.is_some() && !bytes.is_empty() {
            self.waiting.push_back((now, bytes.to_vec()));
            self.bytes += bytes.len();
            self.flush();
        }
    }

    fn flush(&mut self) {
        while let (Some(pipe), Some((_, bytes))) = (&self.pipe, self.waiting.front()) {
            match rustix::io::write(pipe, &bytes[self.written..]) {
                Ok(count) => {
                    self.written += count;
                    self.bytes -= count;
                    if self.written == bytes.len() {
                        self.waiting.pop_front();
                        self.written = 0;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.close(),
            }
        }
    }

    fn close(&mut self) {
        *self = Line { pipe: None, waiting: VecDeque::new(), written: 0, bytes: 0 };
    }

    fn is_full(&self) -> bool {
        self.bytes >= QUEUE_LIMIT
    }

    /// When it is given up, unless it takes something before.
    fn deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|(since, _)| *since + PATIENCE)
    }
}

impl Listener {
    pub fn new(connection: ConnectionId, container: ContainerId, [stdout, stderr]: [OwnedFd; 2]) -> Listener {
        Listener { connection, container, is_last: false, stdout: Line::new(stdout), stderr: Line::new(stderr) }
    }

    fn line(&mut self, source: Source) -> Option<&mut Line> {
        match source {
            Source::Stdout => Some(&mut self.stdout),
            Source::Stderr => Some(&mut self.stderr),
            Source::Report => None,
        }
    }

    fn is_full(&self) -> bool {
        self.stdout.is_full() || self.stderr.is_full()
    }

    /// When its patience ends, where somebody waits for it.
    fn deadline(&self) -> Option<Instant> {
        let is_waited_for = self.is_last || self.is_full();
        [&self.stdout, &self.stderr].into_iter().filter(|_| is_waited_for).filter_map(Line::deadline).min()
    }
}

impl Listeners {
    /// One more, which first hears what was kept for it.
    pub fn add(&mut self, mut listener: Listener, backlog: Option<Backlog>) {
        let now = Instant::now();
        for (source, bytes) in backlog.into_iter().flat_map(|backlog| backlog.pieces) {
            if let Some(line) = listener.line(source) {
                line.put(&bytes, now);
            }
        }
        self.all.push(listener);
    }

    /// Tells who listens to a container what it wrote.
    pub fn hear(&mut self, container: &ContainerId, source: Source, bytes: &[u8]) {
        let now = Instant::now();
        for listener in self.all.iter_mut().filter(|listener| listener.container == *container) {
            if let Some(line) = listener.line(source) {
                line.put(bytes, now);
            }
        }
    }

    /// Whether a container has to wait for somebody.
    pub fn hold_up(&self, container: &ContainerId) -> bool {
        self.all.iter().any(|listener| listener.container == *container && listener.is_full())
    }

    /// A container has ended: each of its listeners hears the rest.
    pub fn finish(&mut self, container: &ContainerId) {
        self.all.iter_mut().filter(|listener| listener.container == *container).for_each(|listener| listener.is_last = true);
        self.flush();
    }

    /// The pipes that something waits for.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let lines = self.all.iter().flat_map(|listener| [&listener.stdout, &listener.stderr]);
        lines.filter(|line| !line.waiting.is_empty()).filter_map(|line| line.pipe.as_ref().map(AsFd::as_fd))
    }

    /// Writes what waits.
    pub fn flush(&mut self) {
        for listener in &mut self.all {
            for line in [&mut listener.stdout, &mut listener.stderr] {
                line.flush();
                if listener.is_last && line.waiting.is_empty() {
                    line.close();
                }
            }
        }
    }

    /// When somebody's patience ends.
    pub fn deadline(&self) -> Option<Instant> {
        self.all.iter().filter_map(Listener::deadline).min()
    }

    /// Gives up who is too slow, and says who that was.
    pub fn give_up(&mut self, now: Instant) -> Vec<ConnectionId> {
        let is_late = |listener: &Listener| listener.deadline().is_some_and(|deadline| deadline <= now);
        let late = self.all.iter().filter(|listener| is_late(listener)).map(|listener| listener.connection).collect();
        self.all.retain(|listener| !is_late(listener));
        late
    }

    /// Whether something waits for who listened to a container that has ended.
    pub fn have_last_words(&self) -> bool {
        let waits = |listener: &Listener| !listener.stdout.waiting.is_empty() || !listener.stderr.waiting.is_empty();
        self.all.iter().any(|listener| listener.is_last && waits(listener))
    }

    /// Whether a connection listens.
    pub fn has(&self, connection: ConnectionId) -> bool {
        self.all.iter().any(|listener| listener.connection == connection)
    }

    /// Forgets those whose connection is closed.
    pub fn retain(&mut self, is_open: impl Fn(ConnectionId) -> bool) {
        self.all.retain(|listener| is_open(listener.connection));
    }
}

/// The first words of a container that is there to be attached to, until somebody is.
#[derive(Default)]
pub struct Backlog {
    pieces: VecDeque<(Source, Vec<u8>)>,
    bytes: usize,
    keeps: Keeps,
    /// Since when there is as much as may wait for a listener, of one that keeps all.
    full_since: Option<Instant>,
}

/// What a backlog keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Keeps {
    /// The newest bytes.
    #[default]
    Newest,
    /// All: the container waits.
    All,
}

impl Backlog {
    /// One that somebody is about to take, and that leaves nothing out.
    pub fn of_all() -> Backlog {
        Backlog { keeps: Keeps::All, ..Backlog::default() }
    }

    /// Keeps what was written, or the newest where that is too much.
    pub fn keep(&mut self, source: Source, bytes: &[u8]) {
        match self.pieces.back_mut() {
            // Of a program that writes letter by letter, each would cost more than itself.
            Some((last, piece)) if *last == source && piece.len() + bytes.len() <= READ_SIZE => piece.extend_from_slice(bytes),
            _ => self.pieces.push_back((source, bytes.to_vec())),
        }
        self.bytes += bytes.len();
        match self.keeps {
            Keeps::All if self.bytes >= QUEUE_LIMIT => {
                self.full_since.get_or_insert_with(Instant::now);
            }
            Keeps::All => {}
            Keeps::Newest => {
                while self.bytes > BACKLOG_LIMIT && self.pieces.len() > 1 {
                    self.bytes -= self.pieces.pop_front().map_or(0, |(_, piece)| piece.len());
                }
            }
        }
    }

    /// Whether nothing was left out.
    pub fn is_whole(&self) -> bool {
        self.keeps == Keeps::All
    }

    /// When its container waits no longer for somebody to take it, where it does.
    pub fn deadline(&self) -> Option<Instant> {
        self.full_since.map(|since| since + PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::{PipeFlags, pipe_with};

    fn listener() -> (Listener, [OwnedFd; 2]) {
        let ((out, inner_out), (err, inner_err)) =
            (pipe_with(PipeFlags::NONBLOCK).expect("pipe"), pipe_with(PipeFlags::NONBLOCK).expect("pipe"));
        (Listener::new(7, id(), [inner_out, inner_err]), [out, err])
    }

    fn id() -> ContainerId {
        ContainerId { name: "c".to_string(), attempt: 0 }
    }

    fn read_all(pipe: &OwnedFd) -> (Vec<u8>, bool) {
        let (mut all, mut bytes) = (Vec::new(), [0; 4096]);
        loop {
            match rustix::io::read(pipe, &mut bytes) {
                Ok(0) => return (all, true),
                Ok(count) => all.extend_from_slice(&bytes[..count]),
                Err(_) => return (all, false),
            }
        }
    }

    /// How many bytes come until the end.
    fn heard_to_the_end(listeners: &mut Listeners, pipe: &OwnedFd) -> usize {
        let mut heard = 0;
        loop {
            let (bytes, is_over) = read_all(pipe);
            heard += bytes.len();
            if is_over {
                return heard;
            }
            listeners.flush();
        }
    }

    #[test]
    fn a_slow_listener_gets_every_byte_and_holds_up_its_container_at_the_limit_only() {
        let (mut listeners, (listener, [out, _err])) = (Listeners::default(), listener());
        listeners.add(listener, None);
        let piece = [b'x'; 16 << 10];
        let mut count = 0;
        while !listeners.hold_up(&id()) {
            listeners.hear(&id(), Source::Stdout, &piece);
            count += piece.len();
            assert!(count < 2 << 20, "there is a limit");
        }
        assert!(count >= QUEUE_LIMIT && listeners.deadline().is_some());
        listeners.finish(&id());
        assert_eq!(heard_to_the_end(&mut listeners, &out), count);
    }

    #[test]
    fn one_that_reads_nothing_is_given_up_and_no_sooner_than_it_matters() {
        let (mut listeners, (listener, _pipes)) = (Listeners::default(), listener());
        listeners.add(listener, None);
        let late = Instant::now() + PATIENCE + Duration::from_secs(1);
        listeners.hear(&id(), Source::Stdout, &[b'x'; 100 << 10]);
        assert_eq!((listeners.deadline(), listeners.give_up(late).len()), (None, 0), "nobody waits for it");
        listeners.hear(&id(), Source::Stdout, &[b'x'; 300 << 10]);
        assert_eq!(listeners.give_up(Instant::now()).len(), 0);
        assert_eq!(listeners.give_up(late), [7]);
        assert!(!listeners.hold_up(&id()));
    }

    #[test]
    fn the_first_words_are_kept_up_to_a_limit_and_given_to_the_first() {
        let (mut listeners, (listener, [out, err])) = (Listeners::default(), listener());
        let mut backlog = Backlog::default();
        for number in 0..20 {
            backlog.keep(Source::Stdout, &[number; 8 << 10]);
        }
        backlog.keep(Source::Stderr, b"prompt");
        listeners.add(listener, Some(backlog));
        listeners.flush();
        let (bytes, _) = read_all(&out);
        assert!(bytes.len() <= BACKLOG_LIMIT && bytes.last() == Some(&19), "{}", bytes.len());
        assert_eq!(read_all(&err).0, b"prompt");
    }

    #[test]
    fn one_who_is_awaited_gets_all_and_is_waited_for_at_the_limit_only() {
        let (mut listeners, (listener, [out, _err])) = (Listeners::default(), listener());
        let mut backlog = Backlog::of_all();
        let piece = [b'x'; 16 << 10];
        let mut count = 0;
        while backlog.deadline().is_none() {
            backlog.keep(Source::Stdout, &piece);
            count += piece.len();
            assert!(count <= QUEUE_LIMIT, "there is a limit");
        }
        let deadline = backlog.deadline();
        backlog.keep(Source::Stdout, b"more");
        assert_eq!(backlog.deadline(), deadline, "a container that ends writes its last, and is waited for no longer");
        assert!(backlog.is_whole() && !Backlog::default().is_whole());
        listeners.add(listener, Some(backlog));
        listeners.finish(&id());
        assert_eq!(heard_to_the_end(&mut listeners, &out), count + b"more".len());
    }
}
