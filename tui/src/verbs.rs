//! The verbs for scripts: kubectl's, with its messages and exit codes.
//!
//! Each verb is a file with its arguments and a `run` that is handed a [`context::Context`]: the connection, the two
//! outputs and the clock. What goes wrong is a [`failure::Failure`]; this file prints it and makes the exit code.

mod amend;
pub mod annotate;
pub mod api_resources;
pub mod apply;
pub mod attach;
mod attend;
pub mod completion;
pub mod config;
mod containers;
mod context;
pub mod cordon;
pub mod cp;
pub mod create;
pub mod debug;
pub mod delete;
pub mod demo;
pub mod describe;
pub mod dial_stdio;
pub mod diff;
pub mod drain;
mod each;
pub mod edit;
pub mod events;
pub mod exec;
pub mod explain;
mod failure;
mod format;
pub mod get;
pub mod image;
mod interrupts;
pub mod keys;
pub mod kubeconfig;
pub mod label;
pub mod logs;
mod manifests;
pub mod node;
pub mod patch;
pub mod port_forward;
pub mod probes;
pub mod proxy;
pub mod replace;
pub mod replay;
mod resources;
pub mod rollout;
pub mod run;
pub mod scale;
mod session;
pub mod set;
pub mod taint;
mod terminal;
pub mod top;
mod unseen;
pub mod version;
pub mod wait;
mod watch;

#[cfg(test)]
mod fake_daemon;

use crate::args::{Common, Verb};
use client::{ClientError, Driver};
use context::{Context, Streams};
use failure::Failure;
use std::io::Write;
use std::process::ExitCode;
use tokio::sync::mpsc;

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
            code = perform(common, verb, Streams::process()) => ExitCode::from(code),
            () = interrupts::unheld() => ExitCode::from(INTERRUPTED),
        }
    })
}

/// Does a verb; its exit code.
pub async fn perform(common: &Common, verb: Verb, streams: Streams) -> u8 {
    let (drivers, new_drivers) = mpsc::channel(1);
    let mut context = Context::new(common, streams, drivers);
    let result = driven(dispatch(verb, &mut context), new_drivers).await;
    // What a failure says comes after everything that was printed before it.
    let flushed = context.out.flush().map_err(Failure::from);
    match result.and(flushed) {
        Ok(()) => 0,
        Err(failure) => report(&failure, context.err.as_mut()),
    }
}

/// Runs a verb to its end, and beside it the connection that it makes.
async fn driven<T>(verb: impl Future<Output = T>, mut drivers: mpsc::Receiver<Driver>) -> T {
    let mut verb = Box::pin(verb);
    let driver = tokio::select! {
        result = &mut verb => return result,
        driver = drivers.recv() => driver,
    };
    if let Some(driver) = driver {
        // A connection that ends tells everyone who waits for an answer: the verb still ends by itself.
        tokio::select! {
            result = &mut verb => return result,
            _ = driver.run() => {}
        }
    }
    verb.await
}

async fn dispatch(verb: Verb, context: &mut Context) -> Result<(), Failure> {
    match verb {
        Verb::Apply(args) => apply::run(&args, context).await,
        Verb::Create(args) => create::run(&args, context).await,
        Verb::Diff(args) => diff::run(&args, context).await,
        Verb::Patch(args) => patch::run(&args, context).await,
        Verb::Edit(args) => edit::run(&args, context).await,
        Verb::Replace(args) => replace::run(&args, context).await,
        Verb::Get(args) => get::run(&args, context).await,
        Verb::Describe(args) => describe::run(&args, context).await,
        Verb::Delete(args) => delete::run(&args, context).await,
        Verb::Wait(args) => wait::run(&args, context).await,
        Verb::Logs(args) => logs::run(&args, context).await,
        Verb::Exec(args) => exec::run(&args, context).await,
        Verb::Attach(args) => attach::run(&args, context).await,
        Verb::Run(args) => run::run(&args, context).await,
        Verb::Debug(args) => debug::run(&args, context).await,
        Verb::Cp(args) => cp::run(&args, context).await,
        Verb::PortForward(args) => port_forward::run(&args, context).await,
        Verb::Proxy(args) => proxy::run(&args, context).await,
        Verb::Probes(args) => probes::run(&args, context).await,
        Verb::Top(args) => top::run(&args, context).await,
        Verb::Events(args) => events::run(&args, context).await,
        Verb::Explain(args) => explain::run(&args, context),
        Verb::Image(args) => image::run(args, context).await,
        Verb::Node(args) => node::run(&args, context).await,
        Verb::Cordon(args) => cordon::run(&args, cordon::Wanted::Cordoned, context).await,
        Verb::Uncordon(args) => cordon::run(&args, cordon::Wanted::Uncordoned, context).await,
        Verb::Drain(args) => drain::run(&args, context).await,
        Verb::Taint(args) => taint::run(&args, context).await,
        Verb::Scale(args) => scale::run(&args, context).await,
        Verb::Rollout(args) => rollout::run(&args, context).await,
        Verb::Set(args) => set::run(&args, context).await,
        Verb::Expose { .. } => Err(Failure::message(
            "there are no service addresses yet: nothing would lead to the pods; reach one with skiff port-forward, or at its own address",
        )),
        Verb::Label(args) => label::run(&args, context).await,
        Verb::Annotate(args) => annotate::run(&args, context).await,
        Verb::Version(args) => version::run(&args, context).await,
        Verb::Completion(args) => completion::run(&args, context),
        Verb::Keys(args) => keys::run(&args, context),
        Verb::Config(args) => config::run(&args, context),
        Verb::Kubeconfig(args) => kubeconfig::run(&args, context).await,
        Verb::Demo(args) => demo::run(&args, context).await,
        Verb::Replay(args) => replay::run(&args, context),
        Verb::DialStdio => dial_stdio::run(context).await,
        Verb::ApiResources(args) => api_resources::run(&args, context),
        Verb::ApiVersions => api_resources::versions(context),
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
    match failure {
        Failure::Ended { code, .. } => *code,
        _ => 1,
    }
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
