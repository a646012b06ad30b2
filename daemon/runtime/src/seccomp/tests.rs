//! The compiled program against the table, number by number, by an interpreter of BPF.

use super::compile::{ARCHITECTURE, compile};
use super::policy::{EPERM, NUMBERS, Rule, policy};
use super::*;
use crate::spec::Capability;

const ALLOW: u32 = 0x7fff_0000;
const KILL: u32 = 0x8000_0000;

fn errno(errno: i32) -> u32 {
    0x0005_0000 | errno as u32
}

/// Runs a filter as the kernel does; returns its verdict.
fn run(program: &[u8], architecture: u32, number: u32, argument: u64) -> u32 {
    let word = |offset: u32| match offset {
        0 => number,
        4 => architecture,
        16 => argument as u32,
        20 => (argument >> 32) as u32,
        other => panic!("load from {other}"),
    };
    let (mut at, mut value) = (0, 0);
    loop {
        let instruction = &program[at * 8..at * 8 + 8];
        let code = u16::from_ne_bytes([instruction[0], instruction[1]]);
        let (yes, no) = (usize::from(instruction[2]), usize::from(instruction[3]));
        let constant = u32::from_ne_bytes([instruction[4], instruction[5], instruction[6], instruction[7]]);
        let is_met = match code {
            0x20 => {
                value = word(constant);
                at += 1;
                continue;
            }
            0x06 => return constant,
            0x15 => value == constant,
            0x35 => value >= constant,
            0x45 => value & constant != 0,
            other => panic!("instruction {other:#x}"),
        };
        at += 1 + if is_met { yes } else { no };
    }
}

/// What the table says, without looking at the program.
fn expected(rules: &[Rule], number: u32, argument: u64) -> u32 {
    let argument = argument as u32;
    let verdict = |is_allowed: bool| if is_allowed { ALLOW } else { errno(libc::EPERM) };
    match rules.get(number as usize).or(rules.last()).expect("a rule") {
        Rule::Allow => ALLOW,
        Rule::Errno(number) => errno(i32::from(*number)),
        Rule::CloneWithoutNamespaces => verdict(argument & 0x7e02_0000 == 0),
        Rule::Socket => verdict(argument < 46 && ![12, 19, 20, 23, 25, 34, 37, 38, 40].contains(&argument)),
        Rule::Personality => verdict([0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff].contains(&argument)),
    }
}

#[test]
fn the_program_does_what_the_table_says() {
    let mut arguments: Vec<u64> = (0..64).collect();
    arguments.extend((0..64).map(|bit| 1 << bit));
    arguments.extend([0x2_0008, 0xffff_ffff, 0x1_ffff_ffff, u64::MAX, 0x1_0000_0000 + 38, 0x11, 0x003d_0f00, 0x0120_0011]);
    let sets = [
        CapabilitySet::EMPTY,
        CapabilitySet::DEFAULT,
        CapabilitySet::ALL,
        CapabilitySet::DEFAULT.with(Capability::SYS_ADMIN),
        CapabilitySet::EMPTY.with(Capability::SYS_NICE).with(Capability::SYS_PTRACE),
    ];
    for set in sets {
        let rules = policy(set);
        let program = compile(&rules);
        for number in 0..600 {
            for argument in &arguments {
                let (got, wanted) = (run(&program, ARCHITECTURE, number, *argument), expected(&rules, number, *argument));
                assert_eq!(got, wanted, "call {number} with {argument:#x}, {set:?}");
            }
        }
    }
}

#[test]
fn every_set_of_capabilities_compiles_to_a_small_program() {
    let gates = [
        Capability::DAC_READ_SEARCH,
        Capability::SYS_ADMIN,
        Capability::SYS_BOOT,
        Capability::SYS_CHROOT,
        Capability::SYS_MODULE,
        Capability::SYS_PACCT,
        Capability::SYS_PTRACE,
        Capability::SYS_RAWIO,
        Capability::SYS_TIME,
        Capability::SYS_TTY_CONFIG,
        Capability::SYS_NICE,
        Capability::SYSLOG,
        Capability::BPF,
        Capability::PERFMON,
    ];
    let mut longest = 0;
    for mask in 0..1_u32 << gates.len() {
        let of_mask = gates.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0);
        let set = of_mask.fold(CapabilitySet::EMPTY, |set, (_, capability)| set.with(*capability));
        longest = longest.max(compile(&policy(set)).len() / 8);
    }
    assert!(longest <= 130, "{longest} instructions");
    assert!(runtime_default(CapabilitySet::DEFAULT).len() / 8 <= 120);
}

#[test]
fn other_architectures_are_killed() {
    let program = runtime_default(CapabilitySet::DEFAULT);
    for architecture in [0, 0x4000_0003, 0xc000_00f3, ARCHITECTURE ^ 1] {
        assert_eq!(run(&program, architecture, libc::SYS_read as u32, 0), KILL);
    }
    if cfg!(target_arch = "x86_64") {
        assert_eq!(run(&program, ARCHITECTURE, 0x4000_0000, 0), KILL, "x32");
    }
}

#[test]
fn what_reaches_the_host_is_denied_and_what_programs_need_is_not() {
    let program = runtime_default(CapabilitySet::DEFAULT);
    let check = |number: i64, argument: u64, wanted: u32| {
        assert_eq!(run(&program, ARCHITECTURE, number as u32, argument), wanted, "call {number}");
    };
    for number in [
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_kexec_load,
        libc::SYS_init_module,
        libc::SYS_reboot,
        libc::SYS_open_by_handle_at,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_swapon,
        libc::SYS_settimeofday,
        libc::SYS_syslog,
        libc::SYS_quotactl,
        libc::SYS_move_pages,
        libc::SYS_open_tree,
    ] {
        check(number, 0, errno(libc::EPERM));
    }
    for number in
        [libc::SYS_read, libc::SYS_execve, libc::SYS_openat, libc::SYS_futex, libc::SYS_chroot, libc::SYS_mmap, libc::SYS_statx]
    {
        check(number, 0, ALLOW);
    }
    check(libc::SYS_clone3, 0, errno(libc::ENOSYS));
    check(libc::SYS_clone, (libc::CLONE_NEWUSER | libc::SIGCHLD) as u64, errno(libc::EPERM));
    check(libc::SYS_clone, (libc::CLONE_VM | libc::CLONE_THREAD) as u64, ALLOW);
    check(libc::SYS_socket, libc::AF_INET6 as u64, ALLOW);
    check(libc::SYS_socket, libc::AF_ALG as u64, errno(libc::EPERM));
    check(libc::SYS_socket, libc::AF_VSOCK as u64, errno(libc::EPERM));
    check(NUMBERS as i64, 0, errno(libc::ENOSYS));
}

#[test]
fn most_calls_are_allowed_and_the_rest_is_denied() {
    let rules = policy(CapabilitySet::EMPTY);
    let allowed = rules.iter().filter(|rule| **rule == Rule::Allow).count();
    let range = if cfg!(target_arch = "x86_64") { 280..=320 } else { 230..=290 };
    assert!(range.contains(&allowed), "{allowed}");
    assert!(rules.iter().filter(|rule| **rule == EPERM).count() > 50);
}
