//! The verbs for scripts: kubectl's, with its messages and exit codes.
//!
//! Each verb is a file with its arguments and a `run` that is handed a [`context::Context`]: the connection, the two
//! outputs and the clock. What goes wrong is a [`failure::Failure`]; this file prints it and makes the exit code.

pub mod api_resources;
pub mod apply;
pub mod completion;
mod context;
pub mod create;
pub mod delete;
pub mod describe;
pub mod events;
pub mod explain;
mod failure;
mod format;
pub mod get;
pub mod image;
pub mod logs;
mod manifests;
pub mod replace;
mod resources;
pub mod version;
pub mod wait;
mod watch;

#[cfg(test)]
mod fake_daemon;

use crate::args::{Common, Verb};
use client::{Address, ClientError};
use context::{Context, Streams};
use failure::Failure;
use std::io::Write;
use std::process::ExitCode;

/// How this program names itself to a daemon.
const AGENT: &str = concat!("skiff/", env!("CARGO_PKG_VERSION"));

/// What the shell expects of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Does a verb with the process's own streams.
pub fn main(common: &Common, verb: Verb) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fault(&format!("error: cannot start: {error}")),
    };
    runtime.block_on(async {
        // Either the verb ends or the user ends it: a verb that is dropped cancels what it had open.
        tokio::select! {
            code = run(common, verb, Streams::process()) => ExitCode::from(code),
            _ = tokio::signal::ctrl_c() => ExitCode::from(INTERRUPTED),
        }
    })
}

/// Does a verb; its exit code.
pub async fn run(common: &Common, verb: Verb, streams: Streams) -> u8 {
    let mut context = Context::new(common, streams);
    let result = connected(common, verb, &mut context).await;
    // What a failure says comes after everything that was printed before it.
    let flushed = context.out.flush().map_err(Failure::from);
    match result.and(flushed) {
        Ok(()) => 0,
        Err(failure) => report(&failure, context.err.as_mut()),
    }
}

/// Connects where the verb needs a daemon, and does it.
async fn connected(common: &Common, verb: Verb, context: &mut Context) -> Result<(), Failure> {
    if !needs_daemon(&verb) {
        return dispatch(verb, context).await;
    }
    let address: Address = match &common.node {
        Some(node) => node.parse().map_err(|error| Failure::message(format!("--node: {error}")))?,
        None => Address::local(),
    };
    match client::connect(&address, AGENT).await {
        Ok((client, driver)) => {
            context.client = Some(client);
            let mut driver = Box::pin(driver.run());
            let mut verb = Box::pin(dispatch(verb, context));
            // A connection that ends tells everyone who waits for an answer: the verb still ends by itself.
            tokio::select! {
                result = &mut verb => return result,
                _ = &mut driver => {}
            }
            verb.await
        }
        Err(error) if matches!(verb, Verb::Version(_)) => {
            context.connect_error = Some(error);
            dispatch(verb, context).await
        }
        Err(error) => Err(Failure::from(error)),
    }
}

/// Whether a verb can do nothing without a daemon.
fn needs_daemon(verb: &Verb) -> bool {
    match verb {
        Verb::Explain(_) | Verb::Completion(_) | Verb::ApiResources(_) => false,
        Verb::Create(args) => !args.is_local(),
        Verb::Version(args) => !args.client,
        _ => true,
    }
}

async fn dispatch(verb: Verb, context: &mut Context) -> Result<(), Failure> {
    match verb {
        Verb::Apply(args) => apply::run(&args, context).await,
        Verb::Create(args) => create::run(&args, context).await,
        Verb::Replace(args) => replace::run(&args, context).await,
        Verb::Get(args) => get::run(&args, context).await,
        Verb::Describe(args) => describe::run(&args, context).await,
        Verb::Delete(args) => delete::run(&args, context).await,
        Verb::Wait(args) => wait::run(&args, context).await,
        Verb::Logs(args) => logs::run(&args, context).await,
        Verb::Events(args) => events::run(&args, context).await,
        Verb::Explain(args) => explain::run(&args, context),
        Verb::Image(args) => image::run(args, context).await,
        Verb::Version(args) => version::run(&args, context),
        Verb::Completion(args) => completion::run(&args, context),
        Verb::ApiResources(args) => api_resources::run(&args, context),
    }
}

/// Prints a failure; the exit code it stands for. Nobody reads a broken pipe, so that one says nothing.
fn report(failure: &Failure, err: &mut dyn Write) -> u8 {
    if failure.is_broken_pipe() {
        return 0;
    }
    let text = failure.to_text();
    if !text.is_empty() {
        let _ = writeln!(err, "{}", text.trim_end_matches('\n'));
    }
    if let Failure::Client { error: ClientError::Connect { .. }, .. } = failure {
        let _ = writeln!(err, "is skiffd running? start it, or name another daemon with --node or SKIFF_NODE");
    }
    let _ = err.flush();
    1
}

/// Prints a fault of the command line, or the help that was asked for.
pub fn usage_fault(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Prints a fault of the program itself.
pub fn fault(text: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests;
