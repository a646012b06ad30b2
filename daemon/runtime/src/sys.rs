//! The system calls that no safe crate offers: one small function each, owned descriptors in and out, errno kept.

#[cfg(feature = "host")]
pub(crate) mod bpf;
#[cfg(feature = "host")]
mod watch;

mod clone;
mod execute;
mod filter;
mod mount;
mod process;
mod signal;
mod terminal;

#[cfg(feature = "host")]
pub(crate) use watch::{watch, watch_both};

pub use clone::{CloneFlags, Cloned, clone};
pub(crate) use execute::execute;
pub(crate) use filter::install_filter;
pub(crate) use mount::{MountAttributes, set_mount_attributes, set_mount_attributes_recursive};
pub use process::{close_from, send_signal, trim_heap};
pub(crate) use process::{close_on_exec_from, exit_now, join_new_session_keyring, set_resource_limit, wait_for_ever};
pub(crate) use signal::reap_nobody;
pub use signal::{child_signals, reset_signals, unblock_signals};
pub(crate) use terminal::{open_other_end, unlock};
