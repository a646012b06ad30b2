//! `replay`: plays what `skiff --record` has recorded, shows a moment of it, or makes a film of it.

use super::context::Context;
use super::failure::Failure;
use crate::console::demo::{play, replay};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The recording.
    file: PathBuf,
    /// Only say what is in it.
    #[arg(long, conflicts_with_all = ["print", "at", "outputs"])]
    about: bool,
    /// Print the last picture as text instead of playing.
    #[arg(long)]
    print: bool,
    /// Print the picture so many seconds after the start: 12.5.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    at: Option<Duration>,
    /// Play so many times as fast: from 0.25 to 64.
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = speed)]
    speed: f64,
    /// Play a file that was cut off in the middle as far as it goes.
    #[arg(long)]
    partial: bool,
    /// Write it as asciicast (.cast, .v2.cast), GIF or SVG instead of playing; may be given several times.
    #[arg(short, long = "output", value_name = "FILE")]
    outputs: Vec<PathBuf>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.trim_end_matches('s').parse().map_err(|_| "use seconds, such as 12.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "use seconds, such as 12.5".to_owned())
}

fn speed(text: &str) -> Result<f64, String> {
    let times: f64 = text.trim_start_matches('x').parse().map_err(|_| "use a number from 0.25 to 64".to_owned())?;
    if (0.25..=64.0).contains(&times) { Ok(times) } else { Err("use a number from 0.25 to 64".to_owned()) }
}

/// Does it.
pub fn run(args: &ReplayArgs, context: &mut Context) -> Result<(), Failure> {
    let mut player = replay::open(&args.file, args.partial).map_err(Failure::message)?;
    if args.about {
        return context.line(player.about());
    }
    if !args.outputs.is_empty() {
        let title = args.file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let film = player.film(&title).map_err(Failure::message)?;
        for output in &args.outputs {
            play::write(&film, output).map_err(|error| Failure::message(format!("{error:#}")))?;
            context.line(format!("wrote {}", output.display()))?;
        }
        return Ok(());
    }
    if args.print || args.at.is_some() {
        player.go_to(args.at.unwrap_or(Duration::MAX)).map_err(Failure::message)?;
        return context.line(player.text());
    }
    let about = player.about();
    replay::show(player, args.speed).map_err(|error| Failure::message(format!("{error:#}")))?;
    context.note(about)
}
