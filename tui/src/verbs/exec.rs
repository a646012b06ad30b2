//! `exec`: runs a program in a container, with our input, output and terminal.

use super::containers;
use super::context::Context;
use super::failure::Failure;
use super::session::{self, Ours, Parted};
use super::terminal;
use clap::Args;
use client::ClientError;
use objects::Kind;
use wire::ExecRequest;

/// Arguments of `exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// POD or pod/POD; deploy/NAME, rs/NAME or svc/NAME for one of their pods.
    target: Vec<String>,
    /// The program and its arguments.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// This container.
    #[arg(short = 'c', long)]
    container: Option<String>,
    /// Let the program read our input.
    #[arg(short = 'i', long)]
    stdin: bool,
    /// Give the program a terminal.
    #[arg(short = 't', long)]
    tty: bool,
    /// Say only what the program says.
    #[arg(short = 'q', long)]
    quiet: bool,
}

/// Does it.
pub async fn run(args: &ExecArgs, context: &mut Context) -> Result<(), Failure> {
    let [target] = args.target.as_slice() else {
        return Err(Failure::message(match args.target.len() {
            0 => "pod, type/name or --filename must be specified",
            _ => "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead",
        }));
    };
    if args.command.is_empty() {
        return Err(Failure::message("you must specify at least one command for the container"));
    }
    let (name, pod) = containers::unended(context, target, "exec into").await?;
    let container = match &args.container {
        Some(container) => Some(container.clone()),
        None => containers::default(context, &pod, args.quiet)?,
    };
    let has_terminal = session::has_terminal(context, args.tty && args.stdin, args.quiet)?;
    let request = ExecRequest {
        namespace: context.namespace_of(Kind::Pod),
        pod: name,
        container,
        command: args.command.clone(),
        stdin: args.stdin,
        tty: has_terminal,
        size: if has_terminal { terminal::size() } else { None },
        window: 0,
    };
    let (sender, reader) = context.client().await?.exec(request).await.map_err(refusal)?;
    let ours = Ours { stdin: args.stdin, terminal: has_terminal, detach: None };
    ended(session::attend(context, (sender, reader), ours).await?)
}

/// The program's code becomes ours.
pub fn ended(parted: Parted) -> Result<(), Failure> {
    match parted {
        Parted::Exited(0) | Parted::Detached => Ok(()),
        Parted::Exited(code) => {
            let code = u8::try_from(code).unwrap_or(1);
            Err(Failure::Ended { code, text: format!("command terminated with exit code {code}") })
        }
    }
}

/// What was told of a program that could not be run, as kubectl tells it: not every refusal is the API server's own.
pub fn refusal(error: ClientError) -> Failure {
    match error.status() {
        Some(status) if status.reason.is_empty() || status.reason == "InternalError" => Failure::message(status.message.clone()),
        _ => error.into(),
    }
}
