//! A program elsewhere with our input, output and terminal, until it ends or we part from it.

use super::context::Context;
use super::failure::Failure;
use super::terminal::{self, Happened, RawTerminal};
use bytes::Bytes;
use client::{DuplexReader, DuplexSender, Received};
use std::io::Read;
use tokio::sync::mpsc;
use wire::channel;

/// What of ours a program gets.
#[derive(Debug, Clone, Default)]
pub struct Ours {
    /// Our input.
    pub stdin: bool,
    /// Our terminal.
    pub terminal: bool,
    /// The keys that part us from it.
    pub detach: Option<DetachKeys>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parted {
    /// The program did, with this code.
    Exited(i32),
    /// We went; the program goes on.
    Detached,
}

/// Whether the program gets our terminal; where it was asked for and there is none, that is told.
pub fn has_terminal(context: &mut Context, is_wanted: bool, is_quiet: bool) -> Result<bool, Failure> {
    if is_wanted && !context.is_input_terminal && !is_quiet {
        context.note("Unable to use a TTY - input is not a terminal or the right kind of file")?;
    }
    Ok(is_wanted && context.is_input_terminal)
}

/// Keys that are not for the program: typed one after the other, they are the end of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachKeys {
    keys: Vec<u8>,
    /// How many of them were typed, and are kept back.
    typed: usize,
}

impl DetachKeys {
    /// Reads `ctrl-p,ctrl-q`: single letters and control keys.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let key = |name: &str| match (name.strip_prefix("ctrl-").map(str::as_bytes), name.as_bytes()) {
            (Some([letter @ (b'a'..=b'z' | b'@' | b'[' | b'\\' | b']' | b'^' | b'_')]), _) => Some(letter & 0x1f),
            (None, [letter]) if letter.is_ascii_graphic() => Some(*letter),
            _ => None,
        };
        let keys: Option<Vec<u8>> = text.split(',').map(key).collect();
        let keys =
            keys.ok_or_else(|| Failure::message(format!("invalid --detach-keys {text:?}: use keys such as ctrl-p,ctrl-q")))?;
        Ok(Self { keys, typed: 0 })
    }

    /// What of typed bytes goes on, and whether that was all.
    fn pass(&mut self, bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::with_capacity(bytes.len());
        for byte in bytes {
            if *byte != self.keys[self.typed] {
                passed.extend_from_slice(&self.keys[..self.typed]);
                self.typed = 0;
            }
            if *byte != self.keys[self.typed] {
                passed.push(*byte);
                continue;
            }
            self.typed += 1;
            if self.typed == self.keys.len() {
                return (passed, true);
            }
        }
        (passed, false)
    }
}

/// Passes everything on until the program has ended, or somebody types that it is enough.
pub async fn attend(
    context: &mut Context,
    (sender, mut reader): (DuplexSender, DuplexReader),
    ours: Ours,
) -> Result<Parted, Failure> {
    let input = if ours.stdin { Some(read_input(context)) } else { None };
    let mut terminal = if ours.terminal { Some(RawTerminal::take()?) } else { None };
    let mut sending = std::pin::pin!(send_input(&sender, input, ours.detach));
    let mut is_sent = false;
    loop {
        let happened = async {
            match &mut terminal {
                Some(terminal) => terminal.happened().await,
                None => std::future::pending().await,
            }
        };
        // The stream, the signals and what is under way of the input keep what they have when another comes first.
        tokio::select! {
            received = reader.next() => match received? {
                Some(Received::Bytes(channel, bytes)) => write_output(context, channel, &bytes)?,
                Some(Received::Exited(code)) => return Ok(Parted::Exited(code)),
                None => return Err(Failure::message("the program's end was not told")),
            },
            happened = happened => match happened {
                Happened::Resized => {
                    if let Some(size) = terminal::size() {
                        // A stream that has ended tells so by itself.
                        let _ = sender.resize(size).await;
                    }
                }
                Happened::Ended(signal) => return Err(Failure::Ended { code: 128 + signal, text: String::new() }),
            },
            sent = &mut sending, if !is_sent => match sent {
                Sent::All => is_sent = true,
                Sent::Detach => return Ok(Parted::Detached),
            },
        }
    }
}

/// Prints bytes of a stream's channel.
pub fn write_output(context: &mut Context, channel: u8, bytes: &[u8]) -> Result<(), Failure> {
    let target = if channel == channel::STDERR { &mut context.err } else { &mut context.out };
    target.write_all(bytes)?;
    target.flush()?;
    Ok(())
}

/// Sends the input to its end. That the program takes no more of it shows in what it says.
async fn send_input(sender: &DuplexSender, input: Option<mpsc::Receiver<Bytes>>, mut detach: Option<DetachKeys>) -> Sent {
    let Some(mut input) = input else { return Sent::All };
    while let Some(bytes) = input.recv().await {
        let (bytes, is_enough) = match &mut detach {
            Some(detach) => detach.pass(&bytes),
            None => (bytes.to_vec(), false),
        };
        if sender.send(&bytes).await.is_err() {
            return Sent::All;
        }
        if is_enough {
            return Sent::Detach;
        }
    }
    let _ = sender.finish().await;
    Sent::All
}

enum Sent {
    All,
    Detach,
}

/// Reads our input on a thread of its own: a read cannot be given up, and the program's end is not to wait for one.
fn read_input(context: &mut Context) -> mpsc::Receiver<Bytes> {
    let mut input = std::mem::replace(&mut context.input, Box::new(std::io::empty()));
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut bytes = vec![0; 32 * 1024];
        loop {
            match input.read(&mut bytes) {
                Ok(0) => return,
                Ok(count) => {
                    if sender.blocking_send(Bytes::copy_from_slice(&bytes[..count])).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::DetachKeys;

    #[test]
    fn the_keys_that_part_us_are_kept_back_and_all_others_go_on() {
        let mut keys = DetachKeys::parse("ctrl-p,ctrl-q").unwrap_or_else(|failure| panic!("{}", failure.to_text()));
        assert_eq!(keys.pass(b"ls\x10"), (b"ls".to_vec(), false));
        assert_eq!(keys.pass(b"x\x11\x10\x10"), (b"\x10x\x11\x10".to_vec(), false));
        assert_eq!(keys.pass(b"\x11rest"), (Vec::new(), true));
        for wrong in ["", "ctrl-", "ctrl-pp", "escape"] {
            assert!(DetachKeys::parse(wrong).is_err(), "{wrong}");
        }
    }
}
