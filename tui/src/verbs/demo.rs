//! `demo`: plays a script of the console's keys, checks what it expects, records what it shows.

use super::context::Context;
use super::failure::Failure;
use crate::console::demo::play::{self, Beside, Recording};
use crate::console::demo::script::Script;
use crate::console::run::Live;
use crate::endpoint;
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show a demo in this terminal.
    Play {
        /// The script.
        file: PathBuf,
        /// Against the daemon and in its time, instead of in the script's own world.
        #[arg(long)]
        live: bool,
        /// Run a program at each of the script's markers, with the marker's name: it makes happen what a world would.
        #[arg(long, value_name = "PROGRAM", requires = "live")]
        on_marker: Option<PathBuf>,
    },
    /// Play scripts in no time, and say which of their expectations fail.
    Check {
        /// The scripts.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Write a demo as asciicast (.cast, .v2.cast), GIF, SVG or a session to replay (.skiffrec), with the same bytes every time.
    Record {
        /// The script.
        file: PathBuf,
        /// A file to write, instead of those that the script names with Output; may be given several times.
        #[arg(short, long = "output", value_name = "FILE")]
        outputs: Vec<PathBuf>,
        /// Against the daemon and in its time, instead of in the script's own world.
        #[arg(long)]
        live: bool,
        /// Run a program at each of the script's markers, with the marker's name: it makes happen what a world would.
        #[arg(long, value_name = "PROGRAM", requires = "live")]
        on_marker: Option<PathBuf>,
    },
}

/// Does it.
pub async fn run(args: &DemoArgs, context: &mut Context) -> Result<(), Failure> {
    match &args.what {
        What::Play { file, live, on_marker } => {
            let screen = Screen::take()?;
            let (_, recording) = record(file, *live, Beside { session: None, on_marker: on_marker.as_deref() }, context)?;
            if !live {
                show(&recording).await?;
            }
            drop(screen);
            Ok(())
        }
        What::Check { files } => {
            let mut faults = Vec::new();
            for file in files {
                match record(file, false, Beside::default(), context) {
                    Ok((_, recording)) => {
                        context.line(format!("{}: as it should be, {:.1}s", file.display(), recording.length.as_secs_f64()))?
                    }
                    Err(fault) => faults.push(fault.to_text()),
                }
            }
            if faults.is_empty() { Ok(()) } else { Err(Failure::Plain(faults.join("\n"))) }
        }
        What::Record { file, outputs, live, on_marker } => {
            let is_session = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "skiffrec");
            let session = outputs.iter().find(is_session);
            let (script, recording) =
                record(file, *live, Beside { session: session.map(PathBuf::as_path), on_marker: on_marker.as_deref() }, context)?;
            if let Some(session) = session {
                context.line(format!("wrote {}", session.display()))?;
            }
            let named = script.outputs.iter().map(PathBuf::from);
            let outputs: Vec<PathBuf> = if outputs.is_empty() { named.collect() } else { outputs.clone() };
            let outputs: Vec<&PathBuf> = outputs.iter().filter(|path| !is_session(path)).collect();
            for output in outputs {
                play::write(&recording, output).map_err(fault)?;
                context.line(format!("wrote {}", output.display()))?;
            }
            for still in play::write_stills(&recording, Path::new("")).map_err(fault)? {
                context.line(format!("wrote {}", still.display()))?;
            }
            Ok(())
        }
    }
}

fn record(file: &Path, is_live: bool, beside: Beside<'_>, context: &Context) -> Result<(Script, Recording), Failure> {
    let address = endpoint::address(&context.common).map_err(|error| Failure::message(format!("--node: {error}")))?;
    let live = is_live.then(|| Live::connect(address.clone())).transpose().map_err(fault)?;
    let name = if is_live { address.to_string() } else { "demo".to_owned() };
    play::play(file, live, &name, beside).map_err(fault)
}

#[allow(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn fault(error: anyhow::Error) -> Failure {
    Failure::Plain(format!("error: {error:#}"))
}

/// Shows the pictures at their times.
async fn show(recording: &Recording) -> Result<(), Failure> {
    let mut before = Duration::ZERO;
    for frame in &recording.frames {
        tokio::time::sleep(frame.at.saturating_sub(before)).await;
        before = frame.at;
        let mut out = std::io::stdout().lock();
        out.write_all(&frame.bytes)?;
        out.flush()?;
    }
    tokio::time::sleep(recording.length.saturating_sub(before)).await;
    Ok(())
}

/// The terminal's other screen, given back at the end and when somebody ends us.
struct Screen(());

impl Screen {
    fn take() -> Result<Self, Failure> {
        let mut out = std::io::stdout().lock();
        out.write_all(b"\x1b[?1049h\x1b[?7l\x1b[2J")?;
        out.flush()?;
        Ok(Self(()))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Whoever is gone needs no screen back.
        let _ = std::io::stdout().lock().write_all(b"\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l");
    }
}
