//! A stream with bytes in both directions: what the client sends goes in, what comes out goes to the client, each at its reader's pace.
//!
//! The client's bytes are taken from the inbox at once and wait here, so that a new size of the terminal never waits behind them. How
//! many may wait is what the client was granted ([`wire::INPUT_WINDOW`]); it is granted more as they are taken.

use super::inbox::Said;
use super::outbox::Closed;
use super::requests::Call;
use crate::streams::output::Output;
use crate::streams::{Duplex, Ending, Resize, Sink, Source};
use bytes::{Buf, Bytes};
use futures_util::future::{BoxFuture, join_all};
use objects::Status;
use std::collections::VecDeque;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use wire::{INPUT_WINDOW, Response, StreamEnd, TerminalSize, channel, frame_cost};

/// The client is given back its window in steps: few messages, and it never waits for a program that is quick.
const CREDIT_STEP: usize = INPUT_WINDOW as usize / 4;
impl Call {
    /// Answers with the stream, or with why there is none, and passes its bytes to its end.
    pub(super) async fn start_duplex(&self, opened: Result<Duplex, Status>) -> Result<Option<StreamEnd>, Closed> {
        match opened {
            Ok(duplex) => {
                self.answer(Ok(Response::Stream)).await?;
                self.pass_duplex(duplex).await.map(Some)
            }
            Err(status) => self.answer(Err(status)).await.map(|()| None),
        }
    }

    async fn pass_duplex(&self, duplex: Duplex) -> Result<StreamEnd, Closed> {
        let Duplex { input, outputs, resize, ending } = duplex;
        let input = Input { call: self, sink: input, resize, waiting: VecDeque::new(), cost: 0, owed: 0, is_last: false };
        match ending {
            Ending::Known(end) => self.until_known(end, input, outputs).await,
            Ending::BothWays => self.both_ways(input, outputs).await,
        }
    }

    async fn until_known(
        &self,
        end: BoxFuture<'static, StreamEnd>,
        mut input: Input<'_>,
        outputs: Vec<(u8, Source)>,
    ) -> Result<StreamEnd, Closed> {
        let (known, is_known) = watch::channel(false);
        let reading = outputs.into_iter().map(|(channel, source)| self.send_all(channel, Output::new(source, is_known.clone())));
        let ending = async {
            let end = async {
                let end = end.await;
                let _ = known.send(true);
                end
            };
            let (end, sent) = tokio::join!(end, join_all(reading));
            sent.into_iter().collect::<Result<Vec<()>, Closed>>()?;
            Ok(end)
        };
        // Bytes for a program that has ended have nowhere to go.
        tokio::select! {
            end = ending => end,
            Err(fault) = input.pass(After::GoOn) => Ok(fault),
        }
    }

    async fn both_ways(&self, mut input: Input<'_>, outputs: Vec<(u8, Source)>) -> Result<StreamEnd, Closed> {
        let sending = async {
            for (channel, source) in outputs {
                self.send_all(channel, Output::to_its_end(source)).await?;
                self.window.take(frame_cost(0)).await;
                self.outbox.send_bytes(self.id, channel, &[]).await?;
            }
            Ok(())
        };
        let (sent, passed) = tokio::join!(sending, input.pass(After::Return));
        sent?;
        Ok(passed.err().unwrap_or(StreamEnd::Complete))
    }

    /// Sends what comes until its end.
    async fn send_all(&self, channel: u8, mut output: Output) -> Result<(), Closed> {
        while let Some(bytes) = output.next().await {
            self.window.take(frame_cost(bytes.len())).await;
            self.outbox.send_bytes(self.id, channel, bytes).await?;
        }
        Ok(())
    }
}

/// What happens when the client's bytes have all been passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Sizes of the terminal may still come.
    GoOn,
    /// That direction is over.
    Return,
}

/// The client's side of a stream.
struct Input<'a> {
    call: &'a Call,
    sink: Option<Sink>,
    resize: Option<Resize>,
    /// What is to be written, each with what it takes of the client's window.
    waiting: VecDeque<(Bytes, usize)>,
    /// All that waits takes so much of the client's window.
    cost: usize,
    /// So much of the window is to be given back.
    owed: usize,
    /// Nothing comes after what waits.
    is_last: bool,
}

impl Input<'_> {
    /// Passes bytes on. Returns at their end, or where nobody takes them any more, if it shall.
    ///
    /// # Errors
    /// The end of a stream whose client sends more than it may.
    async fn pass(&mut self, after: After) -> Result<(), StreamEnd> {
        loop {
            if self.waiting.is_empty() && self.is_last {
                self.sink = None;
            }
            if self.sink.is_none() && after == After::Return {
                return Ok(());
            }
            let written = match (&mut self.sink, self.waiting.front()) {
                // Neither the inbox nor a pipe loses anything when the other comes first.
                (Some(sink), Some((front, _))) => tokio::select! {
                    said = self.call.inbox.next() => Err(said),
                    written = sink.write(front) => Ok(written),
                },
                _ => Err(self.call.inbox.next().await),
            };
            match written {
                Err(Said::Credit(_)) => {}
                Err(Said::Bytes(channel, bytes)) => self.hear(channel, bytes)?,
                Ok(Ok(count)) if count > 0 => {
                    if self.wrote(count).await.is_err() {
                        // The client is gone: whoever reads for it learns of that, too.
                        return std::future::pending().await;
                    }
                }
                // It reads no more. The client's window stays as it is, and so it stops.
                Ok(_) => {
                    self.sink = None;
                    self.waiting.clear();
                }
            }
        }
    }

    fn hear(&mut self, channel: u8, bytes: Bytes) -> Result<(), StreamEnd> {
        match channel {
            channel::STDIN if self.is_last || self.sink.is_none() => {}
            channel::STDIN if bytes.is_empty() => self.is_last = true,
            channel::STDIN => {
                let cost = frame_cost(bytes.len());
                self.cost += cost;
                if self.cost > INPUT_WINDOW as usize {
                    let status = Status::bad_request("the client sent more than it was granted");
                    return Err(StreamEnd::Failed { status });
                }
                self.waiting.push_back((bytes, cost));
            }
            channel::RESIZE => {
                // A program that has ended has no terminal any more.
                if let (Some(resize), Some(size)) = (&self.resize, TerminalSize::try_from_bytes(&bytes)) {
                    let _ = resize(size);
                }
            }
            // Of a later version.
            _ => {}
        }
        Ok(())
    }

    async fn wrote(&mut self, count: usize) -> Result<(), Closed> {
        let Some((front, cost)) = self.waiting.front_mut() else { return Ok(()) };
        front.advance(count);
        if !front.is_empty() {
            return Ok(());
        }
        self.cost -= *cost;
        self.owed += *cost;
        self.waiting.pop_front();
        if self.owed >= CREDIT_STEP {
            let credit = u32::try_from(self.owed).unwrap_or(INPUT_WINDOW).to_be_bytes();
            self.owed = 0;
            self.call.outbox.send_bytes(self.call.id, channel::CREDIT, &credit).await?;
        }
        Ok(())
    }
}
