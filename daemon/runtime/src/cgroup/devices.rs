//! Which devices a container may use: a list in version 1, a small BPF program in version 2.
//!
//! In version 2 there is no file for it: the kernel asks a program of type CGROUP_DEVICE for each open and mknod. Ours
//! compares the request with the rules one after the other and allows it as soon as one fits.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use super::CgroupError;
use crate::spec::{DeviceKind, DeviceRule};
use crate::sys::bpf::{self, Instruction};

/// A container's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DevicePolicy {
    /// What every container may use ([`crate::spec::default_devices`]), nothing else.
    Default,
    /// Every device of the machine, for `privileged: true`.
    Everything,
}

/// Version 1: denies everything and then allows the rules. The group must have no children yet.
pub(super) fn restrict_v1(folder: &Path, rules: &[DeviceRule]) -> Result<(), CgroupError> {
    let failed = |source| CgroupError::Devices { path: folder.to_owned(), source };
    let open = |name: &str| OpenOptions::new().write(true).open(folder.join(name));
    open("devices.deny").and_then(|mut file| file.write_all(b"a")).map_err(failed)?;
    let mut allow = open("devices.allow").map_err(failed)?;
    for rule in rules {
        // The kernel takes one rule a write.
        allow.write_all(rule.to_string().as_bytes()).map_err(failed)?;
    }
    Ok(())
}

/// Version 2: the program for the rules, to be attached to any number of groups.
pub(super) fn load_v2(rules: &[DeviceRule]) -> io::Result<OwnedFd> {
    bpf::load_device_program(&program(rules))
}

/// Version 2: puts the program in force for the group and everything below it. It goes with the group.
pub(super) fn restrict_v2(folder: &Path, program: &OwnedFd) -> Result<(), CgroupError> {
    let attach = || {
        let group = std::fs::File::open(folder)?;
        bpf::attach_device_program(&group, program)
    };
    attach().map_err(|source| CgroupError::Devices { path: folder.to_owned(), source })
}

// Registers of the program. The kernel hands the request in r1 as { u32 access << 16 | kind; u32 major; u32 minor }.
const ANSWER: u8 = 0;
const REQUEST: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
// <linux/bpf.h>: BPF_DEVCG_DEV_* and BPF_DEVCG_ACC_*.
const KIND_BLOCK: i32 = 1;
const KIND_CHAR: i32 = 2;
const ACCESS_MKNOD: i32 = 1;
const ACCESS_READ: i32 = 2;
const ACCESS_WRITE: i32 = 4;
const ACCESS_ALL: i32 = ACCESS_MKNOD | ACCESS_READ | ACCESS_WRITE;

fn program(rules: &[DeviceRule]) -> Vec<Instruction> {
    let mut code = vec![
        Instruction::load_u32(KIND, REQUEST, 0),
        Instruction::copy(ACCESS, KIND),
        Instruction::and(KIND, 0xffff),
        Instruction::shift_right(ACCESS, 16),
        Instruction::load_u32(MAJOR, REQUEST, 4),
        Instruction::load_u32(MINOR, REQUEST, 8),
    ];
    for rule in rules {
        append(&mut code, rule);
    }
    code.extend([Instruction::set(ANSWER, 0), Instruction::exit()]);
    code
}

/// The checks of one rule, each jumping past its end where it does not fit; then "allowed".
fn append(code: &mut Vec<Instruction>, rule: &DeviceRule) {
    let kind = match rule.kind {
        DeviceKind::Char => KIND_CHAR,
        DeviceKind::Block => KIND_BLOCK,
    };
    let allowed = rule.access.chars().fold(0, |bits, letter| {
        bits | match letter {
            'r' => ACCESS_READ,
            'w' => ACCESS_WRITE,
            'm' => ACCESS_MKNOD,
            _ => 0,
        }
    });
    let mut checks = vec![(KIND, kind)];
    // Numbers of devices have 20 bits at most.
    let number = |number: u32| i32::try_from(number).unwrap_or(-1);
    checks.extend(rule.major.map(|major| (MAJOR, number(major))));
    checks.extend(rule.minor.map(|minor| (MINOR, number(minor))));
    let access_check = if allowed == ACCESS_ALL { 0 } else { 3 };
    let mut left = checks.len() + access_check + 2;
    for (register, value) in checks {
        left -= 1;
        code.push(Instruction::jump_unless_equal(register, value, left));
    }
    if access_check > 0 {
        // Refuse if anything is asked for beside what is allowed. r1 is not needed any more.
        code.extend([
            Instruction::copy(REQUEST, ACCESS),
            Instruction::and(REQUEST, ACCESS_ALL & !allowed),
            Instruction::jump_unless_equal(REQUEST, 0, 2),
        ]);
    }
    code.extend([Instruction::set(ANSWER, 1), Instruction::exit()]);
}
