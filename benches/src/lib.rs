//! What the programs of the bench share: how they start, their flags, what the machine says of itself, medians.

pub mod machine;
pub mod samples;
pub mod terminal;

use anyhow::{Context as _, Result, bail};
use client::{Address, Client, connect};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Runs a program to its end and tells what went wrong.
pub fn start(run: impl Future<Output = Result<()>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start");
    match runtime.and_then(|runtime| runtime.block_on(run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A flag and its value, as they were given.
#[derive(Debug)]
pub struct Flag {
    /// With its dashes.
    pub name: String,
    /// What stands behind it.
    pub value: String,
}

impl Flag {
    /// The value as a number.
    ///
    /// # Errors
    /// If it is none.
    pub fn number<N: std::str::FromStr>(&self) -> Result<N> {
        let number = self.value.parse().ok();
        number.with_context(|| format!("{} takes a number, not '{}'", self.name, self.value))
    }
}

/// Hands every flag of the command line on; `known` are those there are.
///
/// # Errors
/// A flag without a value, one that is not known, and what `take` says.
pub fn flags(known: &[&str], mut take: impl FnMut(&Flag) -> Result<()>) -> Result<()> {
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        if !known.contains(&name.as_str()) {
            bail!("unknown option {name}: there are {}", known.join(", "));
        }
        let value = words.next().with_context(|| format!("{name} needs a value"))?;
        take(&Flag { name, value })?;
    }
    Ok(())
}

/// A connection to a daemon that was just started.
///
/// # Errors
/// If it does not answer within half a minute.
pub async fn reach(socket: &Path) -> Result<Client> {
    let address: Address = socket.to_string_lossy().parse()?;
    for _ in 0..600 {
        if let Ok((client, driver)) = connect(&address, "skiff-bench").await {
            tokio::spawn(driver.run());
            return Ok(client);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the daemon does not answer on {}; its log is skiffd.log in its folder", socket.display())
}
