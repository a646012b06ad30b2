//! `exec`: runs a program in a container, with our input, output and terminal.

use super::containers;
use super::context::Context;
use super::failure::Failure;
use super::terminal::{self, Happened, RawTerminal};
use bytes::Bytes;
use clap::Args;
use client::{ClientError, DuplexReader, DuplexSender, Received};
use objects::{Kind, lookup};
use std::io::Read;
use tokio::sync::mpsc;
use wire::{ExecRequest, channel};

/// Arguments of `exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// POD or pod/POD.
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
    let name = containers::pod_name(target)?;
    let pod = context.get(context.reference(Kind::Pod, &name)).await?;
    let phase = lookup::text(&pod, "/status/phase");
    if matches!(phase, "Succeeded" | "Failed") {
        let why = format!("cannot exec into a container in a completed pod; current phase is {phase}");
        return Err(Failure::message(why));
    }
    let container = match &args.container {
        Some(container) => Some(container.clone()),
        None => containers::default(context, &pod, args.quiet)?,
    };
    let has_terminal = args.tty && args.stdin && context.is_input_terminal;
    if args.tty && args.stdin && !has_terminal && !args.quiet {
        context.note("Unable to use a TTY - input is not a terminal or the right kind of file")?;
    }
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
    let input = if args.stdin { Some(read_input(context)) } else { None };
    let terminal = if has_terminal { Some(RawTerminal::take()?) } else { None };
    let code = attend(context, (sender, reader), input, terminal).await?;
    match u8::try_from(code) {
        Ok(0) => Ok(()),
        code => {
            let code = code.unwrap_or(1);
            Err(Failure::Ended { code, text: format!("command terminated with exit code {code}") })
        }
    }
}

/// What was told of a program that could not be run, as kubectl tells it: not every refusal is the API server's own.
fn refusal(error: ClientError) -> Failure {
    match error.status() {
        Some(status) if status.reason.is_empty() || status.reason == "InternalError" => Failure::message(status.message.clone()),
        _ => error.into(),
    }
}

/// Passes everything on until the program has ended; its exit code.
async fn attend(
    context: &mut Context,
    (sender, mut reader): (DuplexSender, DuplexReader),
    input: Option<mpsc::Receiver<Bytes>>,
    mut terminal: Option<RawTerminal>,
) -> Result<i32, Failure> {
    let mut sending = std::pin::pin!(send_input(&sender, input));
    let mut is_sent = false;
    loop {
        let happened = async {
            match &mut terminal {
                Some(terminal) => terminal.happened().await,
                None => std::future::pending().await,
            }
        };
        // The stream, the signals and what is under way of the input keep what they have when another comes first.
        tokio::select! {
            received = reader.next() => match received? {
                Some(Received::Bytes(channel, bytes)) => write_output(context, channel, &bytes)?,
                Some(Received::Exited(code)) => return Ok(code),
                None => return Err(Failure::message("the program's end was not told")),
            },
            happened = happened => match happened {
                Happened::Resized => {
                    if let Some(size) = terminal::size() {
                        // A stream that has ended tells so by itself.
                        let _ = sender.resize(size).await;
                    }
                }
                Happened::Ended(signal) => return Err(Failure::Ended { code: 128 + signal, text: String::new() }),
            },
            () = &mut sending, if !is_sent => is_sent = true,
        }
    }
}

fn write_output(context: &mut Context, channel: u8, bytes: &[u8]) -> Result<(), Failure> {
    let target = if channel == channel::STDERR { &mut context.err } else { &mut context.out };
    target.write_all(bytes)?;
    target.flush()?;
    Ok(())
}

/// Sends the input to its end. That the program takes no more of it shows in what it says.
async fn send_input(sender: &DuplexSender, input: Option<mpsc::Receiver<Bytes>>) {
    let Some(mut input) = input else { return };
    while let Some(bytes) = input.recv().await {
        if sender.send(&bytes).await.is_err() {
            return;
        }
    }
    let _ = sender.finish().await;
}

/// Reads our input on a thread of its own: a read cannot be given up, and the program's end is not to wait for one.
fn read_input(context: &mut Context) -> mpsc::Receiver<Bytes> {
    let mut input = std::mem::replace(&mut context.input, Box::new(std::io::empty()));
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut bytes = vec![0; 32 * 1024];
        loop {
            match input.read(&mut bytes) {
                Ok(0) => return,
                Ok(count) => {
                    if sender.blocking_send(Bytes::copy_from_slice(&bytes[..count])).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
    receiver
}
