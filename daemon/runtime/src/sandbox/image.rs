//! The supervisor's program, sealed in memory: no container finds a file of the host behind `/proc/self/exe`.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::SandboxError;

/// The program that every supervisor started by this daemon runs. They share its pages; one that runs on across an upgrade
/// of the daemon keeps its own.
#[derive(Debug)]
pub struct SupervisorImage {
    memory: OwnedFd,
}

impl SupervisorImage {
    /// Copies the program into memory that nobody can change any more, this process included.
    pub fn new(program: &[u8]) -> Result<SupervisorImage, SandboxError> {
        seal(program).map(|memory| SupervisorImage { memory }).map_err(SandboxError::Image)
    }

    /// Where it can be executed from, valid in this process and in one that shares its descriptors.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.memory.as_raw_fd()))
    }
}

fn seal(program: &[u8]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 know no EXEC flag, and need none.
    let memory =
        memfd_create("skiff-supervisor", flags | MemfdFlags::EXEC).or_else(|_| memfd_create("skiff-supervisor", flags))?;
    let mut file = File::from(memory);
    file.write_all(program)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_program_cannot_be_changed() {
        let image = SupervisorImage::new(b"program").expect("sealed");
        assert_eq!(std::fs::read(image.path()).expect("read"), b"program");
        assert!(std::fs::write(image.path(), b"other").is_err());
        let mut file = File::from(image.memory);
        assert!(file.write_all(b"more").is_err());
    }
}
