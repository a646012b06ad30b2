//! Streams over SPDY: a program's, and connections to a pod's ports. The frames are `rest::spdy`'s.
//!
//! `k8s.io/apimachinery/pkg/util/httpstream/spdy`, `k8s.io/kubelet/pkg/cri/streaming`. Clients keep no windows, so a stream whose bytes
//! nobody takes holds up the others of its connection, as it does in Kubernetes; there is one queue of frames to send, and a bounded one
//! of bytes for each connection to a port.

mod forward;

use super::channels::{size, status, takes, words};
use super::streaming::Wants;
use crate::streams::output::Output;
use crate::streams::{Duplex, Ending, Sink};
use bytes::Bytes;
pub use forward::{Forward, forward};
use futures_util::{Sink as FrameSink, SinkExt, Stream, StreamExt, future, sink, stream};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use objects::Status;
use rest::spdy::{Frame, Reader, Writer};
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use wire::channel;

/// Bytes as they come.
pub type Incoming = Pin<Box<dyn Stream<Item = Bytes> + Send>>;
/// Where bytes go.
pub type Outgoing = Pin<Box<dyn FrameSink<Bytes, Error = ()> + Send>>;

/// Frames that wait to be sent.
const QUEUE: usize = 16;
/// How long a client may take to begin the streams that it asked for.
const STREAMS_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to close the connection once all is said.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// A stream that is refused.
const REFUSED: u32 = 3;

/// Bytes of a connection.
pub fn of_stream(stream: TokioIo<Upgraded>) -> (Incoming, Outgoing) {
    let (read, write) = tokio::io::split(stream);
    let incoming = stream::unfold(read, |mut read| async move {
        let mut bytes = vec![0; 32 * 1024];
        match read.read(&mut bytes).await {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                bytes.truncate(count);
                Some((Bytes::from(bytes), read))
            }
        }
    });
    let outgoing = sink::unfold(write, |mut write, bytes: Bytes| async move {
        let written = async {
            write.write_all(&bytes).await?;
            write.flush().await
        };
        written.await.map(|()| write).map_err(|_| ())
    });
    (Box::pin(incoming), Box::pin(outgoing))
}

/// Which protocol of commands is spoken inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The end is told in words.
    V3,
    /// The end is told as a Status.
    V4,
}

impl Version {
    /// The best that a client offers.
    ///
    /// # Errors
    /// 403 where there is none, as Kubernetes says.
    pub fn choose(offered: &[String]) -> Result<Self, Status> {
        [Self::V4, Self::V3].into_iter().find(|version| offered.iter().any(|name| name == version.name())).ok_or_else(|| {
            let message = format!("unable to upgrade: unable to negotiate protocol: client supports {offered:?}, server accepts [v4.channel.k8s.io v3.channel.k8s.io]");
            Status { code: 403, reason: "Forbidden".to_owned(), message, details: None }
        })
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V3 => "v3.channel.k8s.io",
            Self::V4 => "v4.channel.k8s.io",
        }
    }
}

/// Frames as they come.
struct Frames {
    incoming: Incoming,
    reader: Reader,
}

impl Frames {
    /// The next frame; none once the client is gone, or speaks something else.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            match self.reader.frame() {
                Ok(Some(frame)) => return Some(frame),
                Ok(None) => {
                    let bytes = self.incoming.next().await?;
                    self.reader.push(&bytes);
                }
                Err(fault) => {
                    tracing::debug!(why = fault.0, "a stream's client speaks no SPDY");
                    return None;
                }
            }
        }
    }
}

/// Sends the frames of a queue until nobody fills it any more.
async fn write(mut outgoing: Outgoing, mut queued: mpsc::Receiver<Frame>) {
    let mut writer = Writer::default();
    while let Some(frame) = queued.recv().await {
        if outgoing.send(writer.write(&frame).into()).await.is_err() {
            return;
        }
    }
    let _ = outgoing.close().await;
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// The streams of a command, by their numbers.
#[derive(Debug, Default)]
struct Streams {
    error: Option<u32>,
    stdin: Option<u32>,
    stdout: Option<u32>,
    stderr: Option<u32>,
    resize: Option<u32>,
}

impl Streams {
    fn take(&mut self, kind: &str, id: u32) -> bool {
        let place = match kind {
            "error" => &mut self.error,
            "stdin" => &mut self.stdin,
            "stdout" => &mut self.stdout,
            "stderr" => &mut self.stderr,
            "resize" => &mut self.resize,
            _ => return false,
        };
        place.replace(id).is_none()
    }

    fn are_all_there(&self, wants: Wants) -> bool {
        let there = |wanted: bool, stream: Option<u32>| !wanted || stream.is_some();
        self.error.is_some()
            && there(wants.stdin, self.stdin)
            && there(wants.stdout, self.stdout)
            && there(wants.stderr, self.stderr)
            && there(wants.tty, self.resize)
    }
}

/// The streams of a program over SPDY, to the end of either.
pub async fn command(incoming: Incoming, outgoing: Outgoing, (version, duplex): (Version, Duplex), wants: Wants) {
    let mut frames = Frames { incoming, reader: Reader::default() };
    let (queue, queued) = mpsc::channel(QUEUE);
    let session = async {
        let begun = tokio::time::timeout(STREAMS_TIMEOUT, begin(&mut frames, &queue, wants)).await;
        let Ok(Some(streams)) = begun else { return };
        let Duplex { input, outputs, resize, ending } = duplex;
        let working = tell(&queue, &streams, (outputs, ending), (version, wants));
        // A client that goes away takes the program along: the streams are dropped.
        let is_done = tokio::select! {
            () = working => true,
            () = hear(&mut frames, &queue, &streams, (input, resize)) => false,
        };
        drop(queue);
        if is_done {
            // Whoever closes first may cut off what is still on its way: the client has read all once it does.
            let closed = async { while frames.next().await.is_some() {} };
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
        }
    };
    tokio::join!(session, write(outgoing, queued));
}

/// Waits until the client has begun all streams that it asked for.
async fn begin(frames: &mut Frames, queue: &mpsc::Sender<Frame>, wants: Wants) -> Option<Streams> {
    let mut streams = Streams::default();
    while !streams.are_all_there(wants) {
        match frames.next().await? {
            Frame::SynStream { id, headers, .. } => {
                let is_ours = streams.take(header(&headers, "streamtype"), id);
                let answer = if is_ours { Frame::SynReply { id } } else { Frame::Reset { id, code: REFUSED } };
                queue.send(answer).await.ok()?;
            }
            Frame::Ping(number) => queue.send(Frame::Ping(number)).await.ok()?,
            Frame::GoAway { .. } => return None,
            _ => {}
        }
    }
    Some(streams)
}

/// Sends what the program writes, and how it ended.
async fn tell(
    queue: &mpsc::Sender<Frame>,
    streams: &Streams,
    (outputs, ending): (Vec<(u8, crate::streams::Source)>, Ending),
    (version, wants): (Version, Wants),
) {
    let (known, is_known) = watch::channel(false);
    let sending = outputs.into_iter().filter(|(channel, _)| takes(wants, *channel)).filter_map(|(channel, source)| {
        let id = if channel == channel::STDERR { streams.stderr? } else { streams.stdout? };
        let mut output = Output::new(source, is_known.clone());
        Some(async move {
            while let Some(bytes) = output.next().await {
                let frame = Frame::Data { id, is_last: false, bytes: bytes.to_vec() };
                if queue.send(frame).await.is_err() {
                    return;
                }
            }
        })
    });
    let (end, _) = tokio::join!(ending.come(&known), future::join_all(sending));
    let told = if version == Version::V4 { Some(status(&end).to_string()) } else { words(&end) };
    let last = |id: u32, bytes: Vec<u8>| Frame::Data { id, is_last: true, bytes };
    let ends = [streams.stdout, streams.stderr].into_iter().flatten().map(|id| last(id, Vec::new()));
    let error = streams.error.map(|id| last(id, told.unwrap_or_default().into_bytes()));
    for frame in error.into_iter().chain(ends) {
        let _ = queue.send(frame).await;
    }
}

/// Passes on what the client sends, until it goes away.
async fn hear(
    frames: &mut Frames,
    queue: &mpsc::Sender<Frame>,
    streams: &Streams,
    (mut input, resize): (Option<Sink>, Option<crate::streams::Resize>),
) {
    while let Some(frame) = frames.next().await {
        let answer = match frame {
            Frame::Data { id, is_last, bytes } if Some(id) == streams.stdin => {
                if let Some(sink) = &mut input
                    && (sink.write_all(&bytes).await.is_err() || is_last)
                {
                    // At its end, or once the program reads no more.
                    input = None;
                }
                None
            }
            Frame::Data { id, bytes, .. } if Some(id) == streams.resize => {
                // Each size is a line; of several the last counts.
                let last = bytes.rsplit(|byte| *byte == b'\n').find_map(size);
                if let (Some(resize), Some(size)) = (&resize, last) {
                    let _ = resize(size);
                }
                None
            }
            Frame::Ping(number) => Some(Frame::Ping(number)),
            Frame::SynStream { id, .. } => Some(Frame::Reset { id, code: REFUSED }),
            Frame::Reset { id, .. } if Some(id) == streams.error => return,
            Frame::GoAway { .. } => return,
            _ => None,
        };
        if let Some(answer) = answer
            && queue.send(answer).await.is_err()
        {
            return;
        }
    }
}
