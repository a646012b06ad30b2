//! `dial-stdio`: passes bytes between its own standard streams and the daemon, for whoever is at the other end of an SSH line.

use super::context::Context;
use super::failure::Failure;
use crate::endpoint;
use client::Address;
use tokio::io::{copy, stdin, stdout};
use tokio::net::UnixStream;

/// Does it, until one of the two ends.
pub async fn run(context: &Context) -> Result<(), Failure> {
    let address = endpoint::address(&context.common).map_err(|error| Failure::message(format!("--node: {error}")))?;
    let Address::Unix(path) = &address else {
        return Err(Failure::message("dial-stdio reaches this machine's own daemon; name its socket with --node".to_owned()));
    };
    let connected = UnixStream::connect(path).await;
    let mut socket =
        connected.map_err(|error| Failure::message(format!("cannot connect to the daemon at {address}: {error}")))?;
    let (mut from, mut to) = socket.split();
    let (mut input, mut output) = (stdin(), stdout());
    // Whichever way ends first ends both: a half of a connection is of no use to anybody.
    let ended = tokio::select! {
        ended = copy(&mut input, &mut to) => ended,
        ended = copy(&mut from, &mut output) => ended,
    };
    ended.map(drop).map_err(Failure::from)
}
