//! The supervisor of one sandbox: parent of its containers, reader of their output, writer of their exits.
//!
//! One process a sandbox, one thread, one loop around `poll`; it needs no daemon once its containers run, and outlives it.
//! The daemon executes it from sealed memory with a socket as standard input and sends its configuration there.
//!
//! * [`sandbox`] becomes the sandbox: control group, namespaces, socket, pid file.
//! * [`supervisor`] is the loop; [`container`], [`connection`] and [`listeners`] are what it looks after.
//!
//! What it promises: an exit is in its file, and the output in the log, before anybody is told; killed, it takes its
//! containers with it; it ends only when it is told to, after the last container.

mod connection;
mod container;
mod exec;
mod listeners;
mod sandbox;
mod supervisor;

use std::process::ExitCode;

fn main() -> ExitCode {
    match sandbox::start() {
        Ok(mut supervisor) => supervisor.run(),
        Err(error) => {
            eprintln!("the supervisor did not start: {error}");
            ExitCode::FAILURE
        }
    }
}
