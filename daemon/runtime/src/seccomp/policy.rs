//! Which system calls a container may make: what programs need is allowed by name, some only with a capability or with
//! certain arguments, everything else fails with EPERM. Calls that are younger than this table fail with ENOSYS, so that
//! programs fall back to older ones.

use crate::spec::{Capability, CapabilitySet};

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Allow,
    /// It fails with this error.
    Errno(u16),
    /// `clone` that makes no namespaces.
    CloneWithoutNamespaces,
    /// `socket` of a usual family.
    Socket,
    /// `personality` that changes nothing of importance.
    Personality,
}

pub(super) const EPERM: Rule = Rule::Errno(libc::EPERM as u16);
pub(super) const ENOSYS: Rule = Rule::Errno(libc::ENOSYS as u16);

/// All `CLONE_NEW…` flags.
pub(super) const NAMESPACE_FLAGS: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;
/// Families that containers have no use for and whose code in the kernel has a history, and AF_VSOCK, which reaches the
/// host of a virtual machine past all networks.
pub(super) const DENIED_FAMILIES: [u32; 9] = [
    12, // DECnet
    19, // Econet
    20, // ATM SVC
    23, // IrDA
    25, // WANPIPE
    34, // ISDN
    37, // CAIF
    38, // ALG
    40, // VSOCK
];
/// From here on every family is denied: what is younger is not known to be harmless.
pub(super) const FIRST_UNKNOWN_FAMILY: u32 = 46;
/// Linux, Linux as 32 bits, the same two as old versions, and asking for the current one.
pub(super) const PERSONALITIES: [u32; 5] = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// The rule of every number; the last one is for all that follow.
pub(super) fn policy(capabilities: CapabilitySet) -> Vec<Rule> {
    let mut rules = vec![EPERM; NUMBERS];
    let mut set = |numbers: &[i64], rule: Rule| {
        for number in numbers {
            rules[*number as usize] = rule;
        }
    };
    for numbers in ALLOWED {
        set(numbers, Rule::Allow);
    }
    set(&[libc::SYS_clone], Rule::CloneWithoutNamespaces);
    // Its flags are in memory, where a filter cannot look; the C library then uses clone.
    set(&[libc::SYS_clone3], ENOSYS);
    set(&[libc::SYS_socket], Rule::Socket);
    set(&[libc::SYS_personality], Rule::Personality);
    for (capability, numbers) in GATED {
        if capabilities.contains(*capability) {
            set(numbers, Rule::Allow);
        }
    }
    rules.push(ENOSYS);
    rules
}

// Numbers that the libc crate has no names for; from 424 on they are the same everywhere.
#[cfg(target_arch = "x86_64")]
const SYS_IO_PGETEVENTS: i64 = 333;
#[cfg(target_arch = "aarch64")]
const SYS_IO_PGETEVENTS: i64 = 292;
const SYS_CACHESTAT: i64 = 451;
const SYS_FCHMODAT2: i64 = 452;
const SYS_MAP_SHADOW_STACK: i64 = 453;
const SYS_FUTEX_WAKE: i64 = 454;
const SYS_FUTEX_WAIT: i64 = 455;
const SYS_FUTEX_REQUEUE: i64 = 456;
const SYS_STATMOUNT: i64 = 457;
const SYS_LISTMOUNT: i64 = 458;
const SYS_LSM_GET_SELF_ATTR: i64 = 459;
const SYS_LSM_SET_SELF_ATTR: i64 = 460;
const SYS_LSM_LIST_MODULES: i64 = 461;
const SYS_SETXATTRAT: i64 = 463;
const SYS_GETXATTRAT: i64 = 464;
const SYS_LISTXATTRAT: i64 = 465;
const SYS_REMOVEXATTRAT: i64 = 466;
const SYS_OPEN_TREE_ATTR: i64 = 467;

/// One past the last number that this table knows.
pub(super) const NUMBERS: usize = SYS_OPEN_TREE_ATTR as usize + 1;

macro_rules! calls {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

/// By what they are for.
const ALLOWED: [&[i64]; 11] =
    [FILES, NAMES_AND_ATTRIBUTES, MEMORY, PROCESSES, SIGNALS_AND_TIME, WAITING, SOCKETS, IPC, YOUNG, OLDER, PROBES];

const FILES: &[i64] = calls![
    SYS_read SYS_write SYS_readv SYS_writev SYS_pread64 SYS_pwrite64 SYS_preadv SYS_pwritev SYS_preadv2 SYS_pwritev2
    SYS_openat SYS_openat2 SYS_close SYS_close_range SYS_lseek SYS_dup SYS_dup3 SYS_fcntl SYS_ioctl SYS_flock
    SYS_fsync SYS_fdatasync SYS_sync SYS_syncfs SYS_sync_file_range SYS_fallocate SYS_ftruncate SYS_truncate SYS_fadvise64
    SYS_readahead SYS_copy_file_range SYS_sendfile SYS_splice SYS_tee SYS_vmsplice SYS_pipe2 SYS_memfd_create SYS_memfd_secret
    SYS_io_setup SYS_io_destroy SYS_io_submit SYS_io_cancel SYS_io_getevents
];

const NAMES_AND_ATTRIBUTES: &[i64] = calls![
    SYS_getdents64 SYS_getcwd SYS_chdir SYS_fchdir SYS_mkdirat SYS_mknodat SYS_linkat SYS_symlinkat SYS_unlinkat SYS_renameat
    SYS_renameat2 SYS_readlinkat SYS_faccessat SYS_faccessat2 SYS_fchmod SYS_fchmodat SYS_fchown SYS_fchownat SYS_utimensat
    SYS_umask SYS_newfstatat SYS_fstat SYS_statx SYS_statfs SYS_fstatfs SYS_name_to_handle_at
    SYS_setxattr SYS_lsetxattr SYS_fsetxattr SYS_getxattr SYS_lgetxattr SYS_fgetxattr SYS_listxattr SYS_llistxattr
    SYS_flistxattr SYS_removexattr SYS_lremovexattr SYS_fremovexattr
    SYS_inotify_init1 SYS_inotify_add_watch SYS_inotify_rm_watch SYS_fanotify_mark
    SYS_landlock_create_ruleset SYS_landlock_add_rule SYS_landlock_restrict_self
];

const MEMORY: &[i64] = calls![
    SYS_brk SYS_mmap SYS_munmap SYS_mremap SYS_mprotect SYS_madvise SYS_mincore SYS_msync SYS_mlock SYS_mlock2 SYS_munlock
    SYS_mlockall SYS_munlockall SYS_remap_file_pages SYS_membarrier SYS_mseal
    SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect
];

const PROCESSES: &[i64] = calls![
    SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_wait4 SYS_waitid SYS_getpid SYS_getppid SYS_gettid
    SYS_getuid SYS_geteuid SYS_getgid SYS_getegid SYS_getresuid SYS_getresgid SYS_getgroups
    SYS_setuid SYS_setgid SYS_setreuid SYS_setregid SYS_setresuid SYS_setresgid SYS_setgroups SYS_setfsuid SYS_setfsgid
    SYS_getpgid SYS_setpgid SYS_getsid SYS_setsid SYS_capget SYS_capset SYS_prctl SYS_seccomp
    SYS_getrlimit SYS_setrlimit SYS_prlimit64 SYS_getrusage SYS_times SYS_getpriority SYS_setpriority SYS_ioprio_get SYS_ioprio_set
    SYS_sched_yield SYS_sched_getaffinity SYS_sched_setaffinity SYS_sched_getattr SYS_sched_setattr SYS_sched_getparam
    SYS_sched_setparam SYS_sched_getscheduler SYS_sched_setscheduler SYS_sched_get_priority_max SYS_sched_get_priority_min
    SYS_sched_rr_get_interval SYS_getcpu SYS_rseq SYS_set_tid_address SYS_set_robust_list SYS_get_robust_list
    SYS_ptrace SYS_process_vm_readv SYS_process_vm_writev SYS_pidfd_open SYS_pidfd_send_signal SYS_process_mrelease
    SYS_uname SYS_sysinfo SYS_getrandom
];

const SIGNALS_AND_TIME: &[i64] = calls![
    SYS_kill SYS_tkill SYS_tgkill SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigpending SYS_rt_sigqueueinfo
    SYS_rt_tgsigqueueinfo SYS_rt_sigreturn SYS_rt_sigsuspend SYS_rt_sigtimedwait SYS_sigaltstack SYS_signalfd4 SYS_restart_syscall
    SYS_clock_gettime SYS_clock_getres SYS_clock_nanosleep SYS_nanosleep SYS_gettimeofday
    // Reading the state of the clock; the kernel itself wants CAP_SYS_TIME for changing it.
    SYS_adjtimex SYS_clock_adjtime
    SYS_getitimer SYS_setitimer SYS_timer_create SYS_timer_delete SYS_timer_getoverrun SYS_timer_gettime SYS_timer_settime
    SYS_timerfd_create SYS_timerfd_gettime SYS_timerfd_settime
];

const WAITING: &[i64] = calls![
    SYS_futex SYS_futex_waitv SYS_ppoll SYS_pselect6 SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2
];

const SOCKETS: &[i64] = calls![
    SYS_socketpair SYS_bind SYS_listen SYS_accept SYS_accept4 SYS_connect SYS_shutdown SYS_getsockname SYS_getpeername
    SYS_getsockopt SYS_setsockopt SYS_sendto SYS_recvfrom SYS_sendmsg SYS_recvmsg SYS_sendmmsg SYS_recvmmsg
];

const IPC: &[i64] = calls![
    SYS_shmget SYS_shmat SYS_shmctl SYS_shmdt SYS_semget SYS_semop SYS_semctl SYS_semtimedop SYS_msgget SYS_msgsnd SYS_msgrcv
    SYS_msgctl SYS_mq_open SYS_mq_unlink SYS_mq_timedsend SYS_mq_timedreceive SYS_mq_notify SYS_mq_getsetattr
];

const YOUNG: &[i64] = &[
    SYS_IO_PGETEVENTS,
    SYS_CACHESTAT,
    SYS_FCHMODAT2,
    SYS_MAP_SHADOW_STACK,
    SYS_FUTEX_WAKE,
    SYS_FUTEX_WAIT,
    SYS_FUTEX_REQUEUE,
    SYS_STATMOUNT,
    SYS_LISTMOUNT,
    SYS_SETXATTRAT,
    SYS_GETXATTRAT,
    SYS_LISTXATTRAT,
    SYS_REMOVEXATTRAT,
];

/// Calls that only this architecture has: older forms of others, and its own registers.
#[cfg(target_arch = "x86_64")]
const OLDER: &[i64] = calls![
    SYS_open SYS_creat SYS_access SYS_stat SYS_lstat SYS_link SYS_symlink SYS_unlink SYS_rename SYS_readlink SYS_mkdir SYS_rmdir
    SYS_mknod SYS_chmod SYS_chown SYS_lchown SYS_utime SYS_utimes SYS_futimesat SYS_getdents SYS_dup2 SYS_pipe
    SYS_poll SYS_select SYS_epoll_create SYS_epoll_wait SYS_epoll_ctl_old SYS_epoll_wait_old SYS_eventfd SYS_signalfd SYS_inotify_init
    SYS_fork SYS_vfork SYS_getpgrp SYS_pause SYS_alarm SYS_time
    SYS_arch_prctl SYS_modify_ldt SYS_get_thread_area SYS_set_thread_area
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[i64] = &[];

/// The return trampoline that the kernel puts into a process that is being traced: denied, it would kill it.
#[cfg(target_arch = "x86_64")]
const PROBES: &[i64] = &[335];
#[cfg(not(target_arch = "x86_64"))]
const PROBES: &[i64] = &[];

/// Allowed only to those who have the capability that the kernel asks for anyway.
const GATED: &[(Capability, &[i64])] = &[
    (Capability::DAC_READ_SEARCH, calls![SYS_open_by_handle_at]),
    (Capability::SYS_ADMIN, ADMIN),
    (Capability::SYS_ADMIN, &[SYS_LSM_GET_SELF_ATTR, SYS_LSM_SET_SELF_ATTR, SYS_LSM_LIST_MODULES, SYS_OPEN_TREE_ATTR]),
    (Capability::SYS_BOOT, calls![SYS_reboot]),
    (Capability::SYS_CHROOT, calls![SYS_chroot]),
    (Capability::SYS_MODULE, calls![SYS_init_module SYS_finit_module SYS_delete_module]),
    (Capability::SYS_PACCT, calls![SYS_acct]),
    (Capability::SYS_PTRACE, calls![SYS_kcmp SYS_pidfd_getfd SYS_process_madvise]),
    #[cfg(target_arch = "x86_64")]
    (Capability::SYS_RAWIO, calls![SYS_iopl SYS_ioperm]),
    (Capability::SYS_TIME, calls![SYS_settimeofday SYS_clock_settime]),
    (Capability::SYS_TTY_CONFIG, calls![SYS_vhangup]),
    (Capability::SYS_NICE, calls![SYS_get_mempolicy SYS_set_mempolicy SYS_mbind SYS_set_mempolicy_home_node]),
    (Capability::SYSLOG, calls![SYS_syslog]),
    (Capability::BPF, calls![SYS_bpf]),
    (Capability::PERFMON, calls![SYS_perf_event_open]),
];

const ADMIN: &[i64] = calls![
    SYS_mount SYS_umount2 SYS_mount_setattr SYS_move_mount SYS_open_tree SYS_fsopen SYS_fsconfig SYS_fsmount SYS_fspick
    SYS_clone SYS_clone3 SYS_unshare SYS_setns SYS_sethostname SYS_setdomainname
    SYS_bpf SYS_perf_event_open SYS_fanotify_init SYS_lookup_dcookie SYS_quotactl SYS_quotactl_fd SYS_syslog
];
