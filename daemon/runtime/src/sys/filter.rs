//! Installing a system call filter: `seccomp(2)`.
#![allow(unsafe_code)]

use std::io;

/// Size of one instruction (`struct sock_filter`).
const INSTRUCTION: usize = 8;

/// Installs a filter on this thread, for good. Needs `no_new_privs` or `CAP_SYS_ADMIN`.
pub(crate) fn install_filter(program: &[u8]) -> io::Result<()> {
    let mut instructions: Vec<libc::sock_filter> = Vec::with_capacity(program.len() / INSTRUCTION);
    for bytes in program.chunks_exact(INSTRUCTION) {
        instructions.push(libc::sock_filter {
            code: u16::from_ne_bytes([bytes[0], bytes[1]]),
            jt: bytes[2],
            jf: bytes[3],
            k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        });
    }
    let length = u16::try_from(instructions.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len: length, filter: instructions.as_mut_ptr() };
    // SAFETY: the program points at as many live instructions as it says; the kernel copies and checks them.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
