//! The bpf(2) system call, as far as device rules of version 2 control groups need it.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

// <linux/bpf.h>
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_ATTACH: libc::c_int = 8;
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_CGROUP_DEVICE: u32 = 6;
/// Programs of groups above are asked too, and another one may be attached beside ours.
const BPF_F_ALLOW_MULTI: u32 = 2;
const BPF_LDX_MEM_W: u8 = 0x61;
const BPF_MOV_REGISTER: u8 = 0xbc;
const BPF_MOV_VALUE: u8 = 0xb4;
const BPF_AND_VALUE: u8 = 0x54;
const BPF_SHIFT_RIGHT_VALUE: u8 = 0x74;
const BPF_JUMP_UNLESS_EQUAL_VALUE: u8 = 0x55;
const BPF_EXIT: u8 = 0x95;

/// One instruction of a BPF program (`struct bpf_insn`). Arithmetic is done on 32 bits.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instruction {
    code: u8,
    /// Destination in the lower four bits, source in the upper four.
    registers: u8,
    offset: i16,
    value: i32,
}

impl Instruction {
    const fn new(code: u8, to: u8, from: u8, value: i32) -> Self {
        Self { code, registers: (from << 4) | to, offset: 0, value }
    }

    /// `to = *(u32 *)(from + offset)`
    pub(crate) const fn load_u32(to: u8, from: u8, offset: i16) -> Self {
        Self { offset, ..Self::new(BPF_LDX_MEM_W, to, from, 0) }
    }

    /// `to = from`
    pub(crate) const fn copy(to: u8, from: u8) -> Self {
        Self::new(BPF_MOV_REGISTER, to, from, 0)
    }

    /// `to = value`
    pub(crate) const fn set(to: u8, value: i32) -> Self {
        Self::new(BPF_MOV_VALUE, to, 0, value)
    }

    /// `to &= value`
    pub(crate) const fn and(to: u8, value: i32) -> Self {
        Self::new(BPF_AND_VALUE, to, 0, value)
    }

    /// `to >>= bits`
    pub(crate) const fn shift_right(to: u8, bits: i32) -> Self {
        Self::new(BPF_SHIFT_RIGHT_VALUE, to, 0, bits)
    }

    /// Skips the next `skipped` instructions unless the register has the value.
    pub(crate) fn jump_unless_equal(register: u8, value: i32, skipped: usize) -> Self {
        let offset = i16::try_from(skipped).unwrap_or(i16::MAX);
        Self { offset, ..Self::new(BPF_JUMP_UNLESS_EQUAL_VALUE, register, 0, value) }
    }

    /// Ends the program; register 0 is its answer.
    pub(crate) const fn exit() -> Self {
        Self::new(BPF_EXIT, 0, 0, 0)
    }
}

/// `union bpf_attr` for BPF_PROG_LOAD, up to the field that the oldest kernels with this type know.
#[repr(C)]
struct LoadAttributes {
    prog_type: u32,
    insn_count: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buffer: u64,
    kernel_version: u32,
    flags: u32,
}

/// `union bpf_attr` for BPF_PROG_ATTACH.
#[repr(C)]
struct AttachAttributes {
    target: u32,
    program: u32,
    attach_type: u32,
    flags: u32,
}

/// Has the kernel check and load a program that decides about devices.
pub(crate) fn load_device_program(code: &[Instruction]) -> io::Result<OwnedFd> {
    let license = c"MIT";
    let attributes = LoadAttributes {
        prog_type: BPF_PROG_TYPE_CGROUP_DEVICE,
        insn_count: u32::try_from(code.len()).map_err(io::Error::other)?,
        insns: code.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buffer: 0,
        kernel_version: 0,
        flags: 0,
    };
    let fd = bpf(BPF_PROG_LOAD, &attributes)?;
    // SAFETY: BPF_PROG_LOAD succeeded, so this is a new descriptor (close-on-exec by the kernel) that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Attaches the program to the group whose folder is given.
pub(crate) fn attach_device_program(group: &File, program: &OwnedFd) -> io::Result<()> {
    let number = |fd: i32| u32::try_from(fd).map_err(io::Error::other);
    let attributes = AttachAttributes {
        target: number(group.as_raw_fd())?,
        program: number(program.as_raw_fd())?,
        attach_type: BPF_CGROUP_DEVICE,
        flags: BPF_F_ALLOW_MULTI,
    };
    bpf(BPF_PROG_ATTACH, &attributes).map(drop)
}

fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<libc::c_int> {
    // SAFETY: the kernel reads size_of::<T>() bytes of a live, initialised #[repr(C)] value without padding, and through its
    // pointers only what the caller of this private function keeps alive for the call: the program and its licence.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>()) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    libc::c_int::try_from(answer).map_err(io::Error::other)
}
