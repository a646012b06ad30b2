//! `keys`: prints the console's keys, or checks the file that changes them.

use super::context::Context;
use super::failure::Failure;
use crate::console::keys::{commands, file, own};
use crate::settings::config_folder;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `keys`.
#[derive(Debug, Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// The defaults, without what the keys file changes.
    #[arg(long)]
    defaults: bool,
    /// The commands that are typed after a colon instead.
    #[arg(long, conflicts_with = "defaults")]
    commands: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say what is wrong with the keys file: actions there are none of, clashes, keys nobody can reach; without a name, with the file of
    /// one's own commands too.
    Check {
        /// The file [default: skiff/keys.toml in the configuration folder].
        file: Option<PathBuf>,
    },
}

/// Does it.
pub fn run(args: &KeysArgs, context: &mut Context) -> Result<(), Failure> {
    match &args.what {
        Some(What::Check { file }) => check(file.clone(), context),
        None if args.commands => {
            let name = |line: &commands::CommandLine| format!(":{} {}", line.words[0], line.takes).trim_end().to_owned();
            let width = commands::COMMANDS.iter().map(|line| name(line).len()).max().unwrap_or(0);
            let lines = commands::COMMANDS.iter().map(|line| format!("{:width$}  {}\n", name(line), line.help));
            context.print(&lines.collect::<String>())
        }
        None if args.defaults => context.print(&file::to_text(&file::read("").0)),
        None => {
            let text = default_file().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
            context.print(&file::to_text(&file::read(&text).0))
        }
    }
}

fn default_file() -> Option<PathBuf> {
    Some(config_folder()?.join("keys.toml"))
}

fn check(path: Option<PathBuf>, context: &mut Context) -> Result<(), Failure> {
    let is_named = path.is_some();
    let Some(path) = path.or_else(default_file) else {
        return Err(Failure::message("no home folder is known; name the file".to_owned()));
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => {
            context.print(&format!("{} is not there; the keys are the default ones\n", path.display()))?;
            let faults = faults_of_commands();
            return if faults.is_empty() { Ok(()) } else { Err(Failure::Plain(faults.join("\n"))) };
        }
        Err(error) => return Err(Failure::message(format!("cannot read {}: {error}", path.display()))),
    };
    let (_, problems) = file::read(&text);
    let mut lines: Vec<String> = problems.iter().map(|problem| format!("{}: {problem}", path.display())).collect();
    if !is_named {
        lines.extend(faults_of_commands());
    }
    if lines.is_empty() {
        return context.print(&format!("{}: no faults\n", path.display()));
    }
    Err(Failure::Plain(lines.join("\n")))
}

/// What is wrong with the file of the user's own commands, where there is one.
fn faults_of_commands() -> Vec<String> {
    let Some(path) = config_folder().map(|folder| folder.join("commands.toml")) else { return Vec::new() };
    match std::fs::read_to_string(&path) {
        Ok(text) => own::read(&text).1.iter().map(|problem| format!("{}: {problem}", path.display())).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => vec![format!("cannot read {}: {error}", path.display())],
    }
}
