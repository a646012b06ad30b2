//! Joins two network interfaces as a bad line would: slow, uneven, lossy. The kernel's own netem is not everywhere.
//!
//! It reads whole frames from either side and writes them to the other when their time has come. Both interfaces should leave
//! no checksum and no segmentation to the hardware: a frame is passed on as it is in memory.

use anyhow::{Context, ensure};
use clap::Parser;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recvfrom, send, socket};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Frames that are under way in one direction; more are dropped, as a router's queue does.
const QUEUE: usize = 4096;
/// What libc calls `PACKET_OUTGOING`: a frame that we, or this machine, sent.
const OUTGOING: u8 = 4;

/// A bad line between two interfaces.
#[derive(Debug, Parser)]
struct Line {
    /// One interface
    near: String,
    /// The other
    far: String,
    /// How long every frame takes
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// How much longer it may take, evenly spread: frames overtake each other
    #[arg(long, default_value_t = 0)]
    jitter_ms: u64,
    /// Frames of a hundred that are lost
    #[arg(long, default_value_t = 0)]
    loss_percent: u64,
    /// Frames of a hundred that come twice
    #[arg(long, default_value_t = 0)]
    duplicate_percent: u64,
    /// Bits in thousands a second; 0 for no limit
    #[arg(long, default_value_t = 0)]
    rate_kbit: u64,
    /// Where chance begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// One end: a packet socket bound to an interface.
struct End {
    socket: OwnedFd,
    index: usize,
}

/// Frames on their way to one end, the earliest on top; equal times keep their order.
#[derive(Default)]
struct Way {
    frames: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>,
    sent: u64,
    /// When the line has carried what it was given so far.
    free: Option<Instant>,
}

/// Numbers that look like chance and repeat with their seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }
}

impl End {
    fn open(name: &str) -> anyhow::Result<Self> {
        let addresses = getifaddrs().context("cannot list the interfaces")?;
        let mut links = addresses.filter(|address| address.interface_name == name);
        let link = links.find_map(|address| address.address.and_then(|storage| storage.as_link_addr().copied()));
        let link: LinkAddr = link.with_context(|| format!("there is no interface {name}"))?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll).context("cannot open a socket")?;
        bind(socket.as_raw_fd(), &link).with_context(|| format!("cannot bind to {name}"))?;
        Ok(Self { socket, index: link.ifindex() })
    }

    /// The next frame that came in from outside.
    fn receive(&self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), buffer) {
                // Until it was bound the socket heard every interface.
                Ok((length, Some(from))) if from.pkttype() != OUTGOING && from.ifindex() == self.index => return Some(length),
                Ok(_) | Err(Errno::EINTR) => {}
                // Nothing is there, or the interface went down: it may come back.
                Err(_) => return None,
            }
        }
    }
}

impl Way {
    fn take(&mut self, line: &Line, frame: &[u8], chance: &mut Chance) {
        if chance.below(100) < line.loss_percent || self.frames.len() >= QUEUE {
            return;
        }
        let copies = if chance.below(100) < line.duplicate_percent { 2 } else { 1 };
        for _ in 0..copies {
            let now = Instant::now();
            let bits = 8 * frame.len() as u64;
            let carrying = Duration::from_micros(bits * 1000 / line.rate_kbit.max(1));
            let start = self.free.map_or(now, |free| free.max(now));
            let carried = if line.rate_kbit == 0 { now } else { start + carrying };
            self.free = Some(carried);
            let due = carried + Duration::from_millis(line.delay_ms) + Duration::from_micros(chance.below(line.jitter_ms * 1000));
            self.sent += 1;
            self.frames.push(Reverse((due, self.sent, frame.to_vec())));
        }
    }

    /// Sends what is due.
    fn deliver(&mut self, end: &End) {
        let now = Instant::now();
        while self.frames.peek().is_some_and(|Reverse((due, ..))| *due <= now) {
            if let Some(Reverse((_, _, frame))) = self.frames.pop() {
                // A line does not tell what it lost.
                let _ = send(end.socket.as_raw_fd(), &frame, MsgFlags::empty());
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.frames.peek().map(|Reverse((due, ..))| *due)
    }
}

fn main() -> anyhow::Result<()> {
    let line = Line::parse();
    ensure!(line.loss_percent <= 100 && line.duplicate_percent <= 100, "a percentage is at most 100");
    let ends = [End::open(&line.near)?, End::open(&line.far)?];
    let mut ways = [Way::default(), Way::default()];
    let mut chance = Chance(line.seed);
    let mut buffer = vec![0; 1 << 17];
    loop {
        for from in [0, 1] {
            let to = 1 - from;
            while let Some(length) = ends[from].receive(&mut buffer) {
                ways[to].take(&line, &buffer[..length], &mut chance);
            }
            ways[to].deliver(&ends[to]);
        }
        let next = ways.iter().filter_map(Way::due).min();
        // A millisecond more rather than a busy wait until the due microsecond.
        let wait = next.map(|due| due.saturating_duration_since(Instant::now()).as_millis() + 1);
        let timeout = wait.map_or(PollTimeout::NONE, |ms| PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX));
        let mut sources = [&ends[0], &ends[1]].map(|end| PollFd::new(end.socket.as_fd(), PollFlags::POLLIN));
        match poll(&mut sources, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).context("cannot wait for frames"),
        }
    }
}
