//! A sandbox from the outside: its files, its supervisor's identity and, for the daemon, starting, finding and talking to it.
//!
//! A sandbox's folder (`SandboxSpec::run_dir`, mode 0700) holds:
//!
//! | file | what |
//! |---|---|
//! | `supervisor.sock` | where the supervisor listens |
//! | `supervisor.pid` | its pid and start time: the two together are never reused ([`SupervisorId`]) |
//! | `supervisor.log` | what it could not tell anybody else |
//! | `<container>.<attempt>.exit` | how a container ended ([`read_exits`]); complete or not there |
//!
//! The exit of a container is in its file before anybody is told of it. A daemon that was away therefore loses nothing: it
//! reads the files of supervisors that are gone, and asks those that live. A sandbox with neither was killed: whatever is
//! left of it in its control groups has to be killed too (see [`Found::Dead`]).

mod exits;
mod identity;

#[cfg(feature = "host")]
mod attach;
#[cfg(feature = "host")]
mod connection;
#[cfg(feature = "host")]
mod exec;
#[cfg(feature = "host")]
mod found;
#[cfg(feature = "host")]
mod image;
#[cfg(feature = "host")]
mod start;

pub use exits::{read_exits, remove_exit, write_exit};
pub use identity::SupervisorId;

#[cfg(feature = "host")]
pub use attach::{Attachment, Parted};
#[cfg(feature = "host")]
pub use connection::SupervisorConnection;
#[cfg(feature = "host")]
pub use exec::Exec;
#[cfg(feature = "host")]
pub use found::{Found, FoundSandbox, adopt, remove};
#[cfg(feature = "host")]
pub use image::SupervisorImage;
#[cfg(feature = "host")]
pub use start::start;

/// Name of the socket in a sandbox's folder.
pub const SOCKET_FILE: &str = "supervisor.sock";
/// Name of the file with the supervisor's [`SupervisorId`].
pub const PID_FILE: &str = "supervisor.pid";
/// Name of the file that the supervisor's standard error goes to.
pub const ERROR_FILE: &str = "supervisor.log";

/// What can go wrong between a daemon and a supervisor.
#[cfg(feature = "host")]
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The supervisor's program could not be put into memory.
    #[error("cannot seal the supervisor's program in memory")]
    Image(#[source] std::io::Error),
    /// The sandbox was refused before anything was done.
    #[error("cannot start sandbox")]
    Spec(#[from] crate::spec::SpecError),
    /// Folder, socket pair or process.
    #[error("cannot start the supervisor of sandbox {id}: {step}")]
    Spawn {
        /// Which sandbox.
        id: String,
        /// What was being done.
        step: &'static str,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// The supervisor answered that it will not.
    #[error("the supervisor refused: {0}")]
    Refused(String),
    /// A container did not start.
    #[error(transparent)]
    Start(#[from] crate::protocol::StartFailure),
    /// Nobody listens there, or not the supervisor.
    #[error("cannot connect to the supervisor in {dir}")]
    Connect {
        /// The sandbox's folder.
        dir: std::path::PathBuf,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// The supervisor ended, or was killed.
    #[error("the supervisor is gone")]
    Gone,
    /// The socket broke.
    #[error("the connection to the supervisor broke")]
    Broken(#[source] std::io::Error),
    /// It says what no supervisor says.
    #[error("the supervisor does not keep to the protocol")]
    Protocol,
    /// A frame could not be read or written.
    #[error("cannot frame a message")]
    Frame(#[from] crate::protocol::FrameError),
    /// The folder with the sandboxes cannot be read.
    #[error("cannot read {dir}")]
    Scan {
        /// The folder.
        dir: std::path::PathBuf,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
}
