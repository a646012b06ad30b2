//! Signals: dispositions and the mask of this process, and children's ends as a descriptor.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};

/// The kernel's number of signals.
const SIGNALS: libc::c_int = 64;

/// `struct kernel_sigaction`, which is no longer than this anywhere; all zero is the default action.
#[repr(C)]
#[derive(Default)]
struct KernelAction([u64; 4]);

fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset writes the whole set, and cannot fail for one that is there.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn set_mask(mask: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: the set is initialised; the old one is not asked for.
    match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) } {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// Every signal does what it does by default, and none is blocked: an ignored signal would stay so in every program that
/// this process executes.
pub fn reset_signals() -> io::Result<()> {
    for signal in 1..=SIGNALS {
        let default = KernelAction::default();
        // SAFETY: a live structure as the kernel reads it, which sets no handler. EINVAL for KILL and STOP is fine. The C
        // library's own function would leave out the signals that it keeps to itself.
        unsafe {
            let old = std::ptr::null_mut::<KernelAction>();
            libc::syscall(libc::SYS_rt_sigaction, signal, &raw const default, old, size_of::<u64>());
        }
    }
    unblock_signals()
}

/// Blocks no signal any more.
pub fn unblock_signals() -> io::Result<()> {
    set_mask(&empty_set())
}

/// A descriptor that can be read when a child ended. SIGCHLD is blocked for it, and so are the signals that would end this
/// process by default when a session or a terminal ends.
pub fn child_signals() -> io::Result<OwnedFd> {
    let mut mask = empty_set();
    for signal in
        [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE, libc::SIGUSR1, libc::SIGUSR2]
    {
        // SAFETY: an initialised set and a signal that exists.
        unsafe { libc::sigaddset(&raw mut mask, signal) };
    }
    set_mask(&mask)?;
    // SAFETY: an initialised set; -1 asks for a new descriptor.
    let descriptor = unsafe { libc::signalfd(-1, &raw const mask, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if descriptor == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Lets the kernel reap the children of this process, which never asks for them.
pub(crate) fn reap_nobody() {
    // SAFETY: sets no handler, and the signal exists.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}
