//! The websocket client: connect, numbered requests, streams with flow control, reconnect and resume.
//!
//! [`connect`] opens one connection: a [`Client`] to ask with and a [`Driver`] that moves its messages. [`link`] keeps a
//! connection up: a [`Link`] to ask with, its [`LinkState`], watches that outlive a lost connection ([`LinkWatch`]), and a
//! [`LinkDriver`]. Nothing here spawns: whoever asks runs the driver, as a task or beside its own work.
//!
//! Invariants: every queue has a limit; a stream that is dropped is cancelled at the daemon; what one reader does not take
//! never stops another; when the driver ends, everyone who waits is told.

mod address;
mod connection;
mod duplex;
mod error;
mod handle;
mod link;
mod pending;
mod ssh;
mod streams;
mod tls;

pub use address::{Address, AddressError, Remote};
pub use connection::{Carrier, Client, Driver, connect, dial};
pub use duplex::{DuplexReader, DuplexSender, Received};
pub use error::ClientError;
pub use link::{Link, LinkDriver, LinkState, LinkWatch, LinkWatchEvent, link};
pub use ssh::SshHost;
pub use streams::{ByteStream, PullStep, PullStream, WatchStream};
