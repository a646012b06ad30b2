//! `completion`: prints what a shell needs to complete this program's command lines.

use super::context::Context;
use super::failure::Failure;
use crate::args::Cli;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Arguments of `completion`.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell.
    shell: Shell,
}

/// Does it.
pub fn run(args: &CompletionArgs, context: &mut Context) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "skiff", &mut script);
    context.out.write_all(&script)?;
    Ok(())
}
