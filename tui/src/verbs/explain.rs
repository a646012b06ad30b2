//! `explain`: the API's own documentation of a kind or a field.

use super::context::Context;
use super::failure::Failure;
use clap::Args;
use objects::explain::{Depth, ExplainError, explain};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A kind, or a field of it: pod.spec.containers.
    path: String,
    /// Everything below, names and types only.
    #[arg(long)]
    recursive: bool,
}

/// Does it.
pub fn run(args: &ExplainArgs, context: &mut Context) -> Result<(), Failure> {
    let depth = if args.recursive { Depth::Recursive } else { Depth::OneLevel };
    match explain(&args.path, depth) {
        Ok(text) => context.print(&text),
        Err(error @ ExplainError::UnknownKind(_)) => Err(Failure::Plain(error.to_string())),
        Err(error) => Err(Failure::message(error.to_string())),
    }
}
