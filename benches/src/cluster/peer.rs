//! The peer: chitchat, in a program of its own (`benches/chitchat`).

use anyhow::{Context as _, Result, bail};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// What chitchat took at one interval.
pub struct Peer {
    /// The heading of its column.
    pub name: String,
    figures: HashMap<String, f64>,
}

impl Peer {
    /// Measures it.
    pub fn measure(program: &Path, interval_ms: u64, records: usize) -> Result<Self> {
        let words = [interval_ms.to_string(), records.to_string()];
        let command = Command::new(program).args(words).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = command.with_context(|| format!("cannot run {}", program.display()))?;
        if !output.status.success() {
            bail!("{} failed", program.display());
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        let figures = pairs.filter_map(|(name, ms)| Some((name.to_owned(), ms.parse().ok()?))).collect();
        Ok(Self { name: format!("chitchat {interval_ms} ms"), figures })
    }

    /// A figure in ms; `None` where it did not come to an end.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.get(name).copied()
    }
}
