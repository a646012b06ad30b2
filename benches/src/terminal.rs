//! A full-screen program in a terminal of its own, which `script(1)` makes.

use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The question where the cursor is (DSR 6).
const ASKS_FOR_CURSOR: &[u8] = b"\x1b[6n";

/// A running program and what it has written, at 120x40.
pub struct Terminal {
    child: Child,
    keys: Arc<Mutex<ChildStdin>>,
    written: Arc<Mutex<Vec<u8>>>,
    started: Instant,
}

impl Terminal {
    /// Starts a program with these words, none of which has a blank or a quote in it.
    ///
    /// # Errors
    /// Without `script(1)`.
    pub fn start(program: &Path, words: &[&str], env: &[(&str, OsString)]) -> Result<Self> {
        let command = format!("stty rows 40 cols 120; exec {} {}", program.display(), words.join(" "));
        let started = Instant::now();
        let mut child = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env("TERM", "xterm-256color")
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run script(1)")?;
        let keys = Arc::new(Mutex::new(child.stdin.take().context("its input is a pipe")?));
        let mut out = child.stdout.take().context("its output is a pipe")?;
        let written = Arc::new(Mutex::new(Vec::new()));
        let (sink, answers) = (written.clone(), keys.clone());
        std::thread::spawn(move || {
            let mut chunk = [0; 65_536];
            while let Ok(count @ 1..) = out.read(&mut chunk) {
                // Where the cursor is: some programs do not start without a terminal that says so.
                if chunk[..count].windows(ASKS_FOR_CURSOR.len()).any(|window| window == ASKS_FOR_CURSOR) {
                    let _ = answers.lock().unwrap_or_else(PoisonError::into_inner).write_all(b"\x1b[1;1R");
                }
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..count]);
            }
        });
        Ok(Self { child, keys, written, started })
    }

    /// How much it has written, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Milliseconds from the start until a text is written.
    ///
    /// # Errors
    /// If that takes two minutes.
    pub fn wait_for(&self, text: &str) -> Result<f64> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let is_there = {
                let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
                written.windows(text.len()).any(|window| window == text.as_bytes())
            };
            if is_there {
                return Ok(self.started.elapsed().as_secs_f64() * 1_000.0);
            }
            std::thread::park_timeout(Duration::from_micros(500));
        }
        bail!("\"{text}\" was never written")
    }

    /// Presses keys.
    ///
    /// # Errors
    /// If it is gone.
    pub fn type_text(&mut self, text: &str) -> Result<()> {
        let mut input = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        input.write_all(text.as_bytes()).context("the program is gone")
    }

    /// Milliseconds from the press of keys until something is written; `script(1)` passes both on, which takes its time, too.
    ///
    /// # Errors
    /// If nothing is written, or the program is gone.
    pub fn answer_to(&mut self, keys: &str) -> Result<f64> {
        let before = self.bytes();
        let pressed = Instant::now();
        self.type_text(keys)?;
        while self.bytes() == before {
            if pressed.elapsed() > PATIENCE {
                bail!("{keys:?} changed nothing");
            }
            std::thread::yield_now();
        }
        Ok(pressed.elapsed().as_secs_f64() * 1_000.0)
    }

    /// The program itself: what `script` runs.
    ///
    /// # Errors
    /// If it is gone.
    pub fn pid(&self) -> Result<u32> {
        let script = self.child.id();
        let path = format!("/proc/{script}/task/{script}/children");
        let children = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        children.split_whitespace().next().and_then(|pid| pid.parse().ok()).context("script runs nothing")
    }

    /// Presses the keys that end it, and waits until it has.
    pub fn stop(mut self, keys: &str) {
        // It may be gone already.
        let _ = self.type_text(keys);
        let _ = self.child.wait();
    }
}
