//! What a daemon and a supervisor say to each other, and how it is framed on their stream socket.
//!
//! A frame is a length (4 bytes, little-endian, at most [`FRAME_LIMIT`]) and that many bytes of postcard. The first frame
//! each way is a Hello with the sender's version.
//!
//! Supervisors live as long as their pods: a daemon meets ones that are much older than itself, and after a downgrade
//! younger ones. What keeps that possible:
//! * enums only get new variants, after the others. A supervisor answers a request that it cannot read with
//!   [`Answer::Refused`] (the id stands first and is always readable); a daemon skips a notice that it cannot read;
//! * whatever stands last in a frame may get new fields at its end: readers ignore bytes that are left over;
//! * [`VERSION`] grows with every such change, and a daemon does not send what a supervisor's version cannot do.
//!
//! Version 2 runs further programs in a container (`Exec`). One belongs to the connection that asked for it, and is the only one of
//! that connection: its end is told there and nowhere else, and it is killed when the connection closes. Its streams are
//! descriptors that travel beside the request, so what it writes never passes through the supervisor.
//!
//! Version 3 starts containers with an input or a terminal, or in the process ids of another one (`StartWith`), and attaches to
//! them (`Attach`): one attachment a connection, with which it ends. Output is written to descriptors that travel beside the request; the
//! descriptor for input travels back beside the answer, so that each side writes to the container itself and nobody in between has to.
//!
//! Version 4 tells who a container's program was started as (`Credentials`), and mounts parts of volumes (`Mount::Part`).
//!
//! Version 5 keeps what a container writes for somebody who is about to come (`InputMode::Awaited`), and lets one attach to all of it
//! (`AttachFromStart`).
//!
//! A test holds the bytes of version 1 fast.

mod frame;
#[cfg(test)]
mod tests;

pub use frame::{FrameError, Inbox, decode, encode};

use serde::{Deserialize, Serialize};

use crate::spec::{ContainerSpec, Exit, SandboxSpec};

/// The version spoken here.
pub const VERSION: u32 = 5;
/// The first version that knows `Exec`.
pub const VERSION_OF_EXEC: u32 = 2;
/// The first version that knows `StartWith` and `Attach`.
pub const VERSION_OF_ATTACH: u32 = 3;
/// The first version that knows `Credentials`.
pub const VERSION_OF_CREDENTIALS: u32 = 4;
/// The first version that knows `Mount::Part`.
pub const VERSION_OF_PARTS: u32 = 4;
/// The first version that knows `InputMode::Awaited` and `AttachFromStart`.
pub const VERSION_OF_AWAITED: u32 = 5;
/// The largest frame, in bytes: a container with an environment at the kernel's limit fits.
pub const FRAME_LIMIT: usize = 4 << 20;

/// Picked by the daemon, echoed in the answer.
pub type RequestId = u32;

/// A container of a sandbox, one attempt of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContainerId {
    /// Its name.
    pub name: String,
    /// Which start of it.
    pub attempt: u32,
}

/// Daemon to supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToSupervisor {
    /// First on every connection.
    Hello {
        /// [`VERSION`] of the daemon.
        version: u32,
    },
    /// A request; the body stands last so that it may grow.
    Request(RequestId, Request),
}

/// What a daemon asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Once, on the connection that the supervisor was started with: become this sandbox. Answered with `Done`.
    Configure(Box<SandboxSpec>),
    /// Start a container. Answered with `Started` once its program runs, or `Failed`.
    Start(Box<ContainerSpec>),
    /// Signal a container's main process. `Done`, or `Refused` if it is not running.
    Signal {
        /// Which.
        container: ContainerId,
        /// The kernel's number.
        signal: i32,
    },
    /// Every container that this supervisor knows. Answered with `Status`.
    Status,
    /// Kill what is left, write the exits, remove the socket, end. Answered with `Done` just before the end.
    Shutdown,
    /// Run a further program in a container that runs. Answered with `Started` once it runs, or `Failed`.
    Exec(Box<ExecSpec>),
    /// Signal the program of this connection's `Exec`. `Done`, or `Refused` if it does not run.
    SignalExec {
        /// The kernel's number.
        signal: i32,
    },
    /// Start a container that is more than `Start` can say. Answered as that.
    StartWith(Box<StartSpec>),
    /// Hear what a container that runs writes from now on, and write to it. Answered with `Attached`.
    Attach(AttachSpec),
    /// This connection's attachment writes no more: an input that is for one writer ends.
    EndInput,
    /// Who a container's program was started as. Answered with `Credentials`, or `Refused` where there is no such container or its
    /// program never ran.
    Credentials(ContainerId),
    /// The same as `Attach`, to all that the container wrote since it was started. `Refused` where that is not kept: it was not awaited,
    /// somebody else came first, or nobody came in time.
    AttachFromStart(AttachSpec),
}

/// A container with what `Start` has no words for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartSpec {
    /// What it reads and writes.
    pub streams: ContainerStreams,
    /// A container that runs and whose process ids it shares, where each has its own.
    pub among: Option<ContainerId>,
    /// The container.
    pub container: ContainerSpec,
}

/// What a container reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerStreams {
    /// What it reads.
    pub input: InputMode,
    /// Whether it has a terminal.
    pub console: ConsoleMode,
}

impl ContainerStreams {
    /// Nothing to read, and a pipe each for what it writes: what `Start` means.
    pub const PLAIN: ContainerStreams = ContainerStreams { input: InputMode::Nothing, console: ConsoleMode::Pipes };
}

/// What a container reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputMode {
    /// Nothing.
    Nothing,
    /// What attachments write, whoever comes and goes (`stdin`).
    Kept,
    /// What the first attachment that writes has written, and then no more (`stdinOnce`).
    Once,
    /// Nothing, and somebody is about to attach: what it writes waits for them, and it waits where that becomes too much, as it does for
    /// one who reads slowly. Only said to a supervisor, which tells of it as `Nothing`.
    Awaited,
}

/// Whether a container has a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsoleMode {
    /// It has pipes.
    Pipes,
    /// It has one, whatever it reads (`tty`).
    Terminal,
}

/// From when on an attachment hears a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// From now on, and what an interactive container wrote before anybody came, as far as it is kept.
    Now,
    /// From its first byte, or not at all.
    Start,
}

/// What an attachment is to have. Two descriptors come along: where standard output and standard error go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachSpec {
    /// Whether it writes to the container.
    pub writes: bool,
    /// Which container.
    pub container: ContainerId,
}

/// A further program in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecSpec {
    /// Which descriptors come along, in the order of their numbers.
    pub streams: ExecStreams,
    /// Name and attempt say which container; program, environment, user, rights and groups are those of the new process. What is said
    /// of its root, mounts and log is not looked at.
    pub process: ContainerSpec,
}

/// What the standard streams of an `Exec` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecStreams {
    /// Standard output and error come along; there is nothing to read.
    Output,
    /// All three come along.
    All,
    /// One terminal for all three comes along.
    Terminal,
}

impl ExecStreams {
    /// How many descriptors come along.
    pub const fn count(self) -> usize {
        match self {
            ExecStreams::Output => 2,
            ExecStreams::All => 3,
            ExecStreams::Terminal => 1,
        }
    }
}

/// Supervisor to daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromSupervisor {
    /// First on every connection.
    Hello {
        /// [`VERSION`] of the supervisor.
        version: u32,
    },
    /// To a request of the same id.
    Answer(RequestId, Answer),
    /// Unasked, to every connection.
    Notice(Notice),
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It was done.
    Done,
    /// The container's program runs.
    Started(Started),
    /// The container did not start, and nothing of it is left.
    Failed(StartFailure),
    /// All containers known, running ones and ended ones.
    Status(Vec<ContainerState>),
    /// Not done, and why.
    Refused(String),
    /// The attachment stands.
    Attached(AttachedTo),
    /// Who the program was started as.
    Credentials(Credentials),
}

/// What was attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedTo {
    /// What it has. Beside this comes the descriptor to write to: the terminal's master end, or a pipe where it reads one.
    pub streams: ContainerStreams,
}

/// Who a process was started as, after names were looked up inside the root; it may have become somebody else since.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// User.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// All supplementary groups, the primary one among them, in ascending order.
    pub groups: Vec<u32>,
}

/// A container that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// In the host's pid namespace.
    pub pid: i32,
    /// When its program was executed, in ns since 1970.
    pub started_at: u64,
}

/// Which step of a start failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The specification was refused.
    Spec,
    /// Log file, pipes.
    Output,
    /// The new process.
    Clone,
    /// Its control groups.
    Cgroup,
    /// The overlay.
    Rootfs,
    /// `/proc`, `/sys`, `/dev`, volumes, masks.
    Mounts,
    /// Changing into the new root.
    Pivot,
    /// Session, keyring, limits.
    Process,
    /// User and groups.
    User,
    /// Working folder.
    WorkingDirectory,
    /// Capabilities, `no_new_privs`.
    Privileges,
    /// The filter.
    Seccomp,
    /// Finding and executing the program.
    Exec,
}

/// Why a container did not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct StartFailure {
    /// Where.
    pub stage: Stage,
    /// The kernel's error number, 0 if it was not the kernel.
    pub errno: i32,
    /// In the words that users of Kubernetes know.
    pub message: String,
}

/// A container as its supervisor sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerState {
    /// Which.
    pub container: ContainerId,
    /// What it does.
    pub state: RunState,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunState {
    /// It is being set up.
    Starting,
    /// Its program runs.
    Running(Started),
    /// It ended.
    Exited(Exit),
}

/// What a supervisor reports by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// A container ended; its output and its exit are in their files.
    Exited {
        /// Which.
        container: ContainerId,
        /// How.
        exit: Exit,
    },
    /// The program of this connection's `Exec` ended. `oom_killed` says nothing here.
    ExecEnded {
        /// How.
        exit: Exit,
    },
    /// This connection's attachment was given up: it did not read for so long that the container would have had to wait.
    Detached,
}
