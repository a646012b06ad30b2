//! The binary skiff: without a verb it opens the console, with one it does that and ends.

mod args;
mod console;
mod endpoint;
mod verbs;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse_from(args::normalise(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => return verbs::usage_fault(&error),
    };
    match cli.verb {
        Some(verb) => verbs::main(&cli.common, verb),
        None => open_console(&cli),
    }
}

fn open_console(cli: &args::Cli) -> ExitCode {
    let address = match endpoint::address(&cli.common) {
        Ok(address) => address,
        Err(error) => return verbs::fault(&format!("error: --node: {error}")),
    };
    let options = console::Options {
        address,
        namespace: cli.common.namespace.clone(),
        theme: cli.theme.clone(),
        command: cli.command.clone(),
    };
    match console::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => verbs::fault(&format!("error: {error:#}")),
    }
}
