//! Properties of this process: keyring, descriptors, limits, heap.
#![allow(unsafe_code)]

use std::io;

fn check(result: libc::c_long) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Gives this process a session keyring of its own, so that it shares no keys with the host.
pub(crate) fn join_new_session_keyring() -> io::Result<()> {
    // KEYCTL_JOIN_SESSION_KEYRING of <linux/keyctl.h>
    const JOIN_SESSION_KEYRING: libc::c_long = 1;
    // SAFETY: no memory is handed over: a null name asks for an anonymous keyring.
    check(unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>()) })
}

/// Closes every descriptor from `first` on when a program is executed.
pub fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: nothing is closed now, flags are set only.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) })
}

/// Sets a resource limit by the kernel's number of it.
pub(crate) fn set_resource_limit(resource: u32, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    // SAFETY: a live structure to read from, and nowhere to write to.
    check(unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, &raw const limit, std::ptr::null::<libc::rlimit64>()) })
}

/// Gives memory that was freed back to the kernel.
pub fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number; only memory that the allocator knows to be free is given back.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Ends this process at once: nothing of the process it was copied from is flushed or run.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: does not return, and touches no memory.
    unsafe { libc::_exit(code) }
}

/// Closes every descriptor from `first` on. For a process that has none of its own yet, or uses none any more.
pub fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: owners in this process's memory, of which there are none yet in the one caller, and none that is used again
    // in the other, would name closed descriptors.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) })
}

/// Waits until a signal ends this process.
pub(crate) fn wait_for_ever() -> ! {
    loop {
        // SAFETY: no arguments.
        unsafe { libc::pause() };
    }
}

/// Signals a process; also with signals that have no name.
pub fn send_signal(pid: i32, signal: i32) -> io::Result<()> {
    if pid <= 0 {
        // These would be groups of processes.
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: no memory is handed over.
    check(unsafe { libc::kill(pid, signal) }.into())
}
