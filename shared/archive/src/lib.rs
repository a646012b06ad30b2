//! Files and folders as one stream: packed where they are, unpacked where they are to be.
//!
//! The stream is a tar archive of one file or folder. Both sides work through descriptors of folders, so that neither a path nor a
//! link nor whoever renames things meanwhile leads out of where the copy begins. What holds:
//!
//! * a file has its final name once all of its bytes are there, and not before;
//! * nothing is opened but files and folders: no pipe, socket or device;
//! * whatever the archive says, nothing is written beside the target, and no link below it is followed;
//! * memory is bounded, whatever is copied.
//!
//! It is used by the daemon, on the root of a container, and by the console, on the user's machine.

mod base;
mod fault;
mod links;
mod pack;
mod staged;
mod stream;
mod target;
mod unpack;

pub use base::Base;
pub use fault::{Copied, Fault};
pub use pack::pack;
pub use unpack::{Folders, Links, Modes, Unpack, unpack};
