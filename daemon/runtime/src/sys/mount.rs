//! Attributes of mounts: `mount_setattr(2)`.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What to change about a mount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MountAttributes {
    /// `MOUNT_ATTR_…` to set.
    pub(crate) set: u64,
    /// `MOUNT_ATTR_…` to clear.
    pub(crate) clear: u64,
    /// `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED`, or 0 to keep it.
    pub(crate) propagation: u64,
}

impl MountAttributes {
    /// Nothing can be written through the mount.
    pub(crate) const READ_ONLY: MountAttributes = MountAttributes { set: libc::MOUNT_ATTR_RDONLY, clear: 0, propagation: 0 };
}

/// Changes the mount whose root the descriptor is.
pub(crate) fn set_mount_attributes(mount: BorrowedFd<'_>, attributes: MountAttributes) -> io::Result<()> {
    set(mount, attributes, libc::AT_EMPTY_PATH)
}

/// Changes the mount whose root the descriptor is, and all mounts below it.
pub(crate) fn set_mount_attributes_recursive(mount: BorrowedFd<'_>, attributes: MountAttributes) -> io::Result<()> {
    set(mount, attributes, libc::AT_EMPTY_PATH | libc::AT_RECURSIVE)
}

fn set(mount: BorrowedFd<'_>, attributes: MountAttributes, flags: libc::c_int) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: attributes.set,
        attr_clr: attributes.clear,
        propagation: attributes.propagation,
        userns_fd: 0,
    };
    // SAFETY: an empty path that ends with NUL, and a live structure of the size given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
