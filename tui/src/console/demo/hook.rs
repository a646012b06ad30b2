//! The program that is run at the markers of a demo that is played live. The demo goes on while it runs; the next marker waits for it.

use super::stage::Stage;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long the stage goes on between two looks at the program.
const LOOK: Duration = Duration::from_millis(50);

/// The program, and where it runs.
pub struct Hook {
    program: PathBuf,
    running: Option<(String, Child)>,
}

impl Hook {
    /// A program that does not run yet.
    pub fn new(program: &Path) -> Self {
        Self { program: program.to_owned(), running: None }
    }

    /// Runs it for a marker, once it has ended for the one before.
    ///
    /// # Errors
    /// What it complained of, or why it does not run.
    pub fn begin(&mut self, marker: &str, stage: &mut Stage) -> Result<(), String> {
        self.finish(stage)?;
        let mut command = Command::new(&self.program);
        let child = command.arg(marker).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let child = child.map_err(|error| format!("cannot run {}: {error}", self.program.display()))?;
        self.running = Some((marker.to_owned(), child));
        Ok(())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// What it complained of.
    pub fn finish(&mut self, stage: &mut Stage) -> Result<(), String> {
        let Some((marker, mut child)) = self.running.take() else { return Ok(()) };
        let wrong = |why: String| format!("{} {marker:?}: {why}", self.program.display());
        let status = loop {
            match child.try_wait().map_err(|error| wrong(error.to_string()))? {
                Some(status) => break status,
                None if stage.is_over => std::thread::sleep(LOOK),
                None => stage.advance(LOOK),
            }
        };
        if status.success() {
            return Ok(());
        }
        let mut said = String::new();
        // A program that says nothing has its status.
        let _ = child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut said));
        Err(wrong(format!("{status} {}", said.trim())))
    }
}
