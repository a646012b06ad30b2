//! A container from the inside: what its first process does to itself between `clone3` and `execve`.
//!
//! The supervisor calls [`launch`]; everything else runs in the new process, in this order:
//!
//! 1. its control groups, session, keyring, limits, and a cgroup namespace that starts there;
//! 2. the sources of all mounts, while the host's tree is there; then that tree is cut off (`rslave`);
//! 3. the overlay; `/proc`, `/sys`, `/sys/fs/cgroup`, `/dev`; volumes; masks. Every target is a descriptor that was resolved
//!    inside the new root ([`resolve`]): nothing an image or a volume contains leads a mount out of it;
//! 4. `pivot_root`; standard streams; working folder;
//! 5. user, bounding set, capabilities, `no_new_privs`, filter; then nothing but the program.
//!
//! A further program ([`join`]) goes the same way without the second and third step: it enters what is there.
//!
//! The supervisor has one thread, so its copy may allocate and fail like any process. What failed goes through a pipe that
//! closes on exec ([`report`]).

mod attach;
mod cgroups;
mod console;
mod devices;
mod execute;
mod failure;
mod join;
mod launch;
mod mask;
mod mounts;
mod pause;
mod privileges;
mod processes;
mod report;
mod resolve;
mod rootfs;
mod setup;
mod sub_path;
mod user;

pub use attach::{attach_later, attach_v1, kill_all, kill_session, oom_kills};
pub use console::Console;
pub use join::{Joined, join};
pub use launch::{Launched, Output, Shared, launch};
pub use pause::start_pause;
pub use report::{Outcome, Report};
pub use sub_path::make_part;
