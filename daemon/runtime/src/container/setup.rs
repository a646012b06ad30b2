//! The steps of the new process, in order.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{Mode, OFlags, open};
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount};
use rustix::process::{chdir, fchdir, getcwd, pivot_root, setsid, umask};

use super::attach::attach_v1;
use super::cgroups::{find_hierarchies, mount_cgroups};
use super::console::make_terminal;
use super::devices::{SharedMemory, make_devices, mount_dev};
use super::execute::execute_program;
use super::failure::{During, failure};
use super::mask::{mask, protect};
use super::mounts::{attach_volumes, mount_kernel_filesystems, take_sources};
use super::privileges::{become_user, die_with_parent};
use super::resolve::{Kind, Root};
use super::rootfs::mount_root;
use super::user::{Identity, identify};
use crate::protocol::{Stage, StartFailure};
use crate::spec::{Access, ContainerSpec, Privilege};
use crate::sys::{MountAttributes, join_new_session_keyring, set_mount_attributes, set_resource_limit, unblock_signals};

/// What the new process has from its supervisor.
pub(super) struct Inherited {
    pub(super) streams: InnerStreams,
    pub(super) shared_memory: SharedMemory,
}

/// What becomes the standard streams.
pub(super) enum InnerStreams {
    /// A pipe each; without one for its input there is nothing to read.
    Pipes { stdin: Option<OwnedFd>, stdout: OwnedFd, stderr: OwnedFd },
    /// A terminal, which goes out through this.
    Terminal(OwnedFd),
}

/// Turns this process into the container. Returns only if that failed.
pub(super) fn set_up(spec: &ContainerSpec, inherited: Inherited, report: BorrowedFd<'_>) -> StartFailure {
    match prepare(spec, inherited) {
        Ok(identity) => execute_program(spec, &identity, report),
        Err(failure) => failure,
    }
}

fn prepare(spec: &ContainerSpec, inherited: Inherited) -> Result<Identity, StartFailure> {
    become_process(spec)?;
    let hierarchies = find_hierarchies(&spec.cgroup)?;
    let volumes = take_sources(&spec.mounts)?;
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
        .during(Stage::Mounts, || "cutting the mounts off from the host")?;
    let root = mount_root(&spec.rootfs)?;
    mount_kernel_filesystems(&root, spec.privilege)?;
    mount_cgroups(&root, &hierarchies, &spec.cgroup, spec.privilege)?;
    mount_dev(&root, &inherited.shared_memory, spec.privilege)?;
    make_devices(&root, &spec.devices)?;
    attach_volumes(&root, volumes, spec.privilege)?;
    if spec.privilege == Privilege::Confined {
        protect(&root, &spec.readonly_paths)?;
        mask(&root, &spec.masked_paths)?;
    }
    make_working_directory(&root, &spec.cwd)?;
    if spec.rootfs.access != Access::ReadWrite {
        set_mount_attributes(root.descriptor(), MountAttributes::READ_ONLY)
            .during(Stage::Rootfs, || "making the root read-only")?;
    }
    let identity = identify(&root, &spec.user)?;
    pivot(root).during(Stage::Pivot, || "changing the root")?;
    let Inherited { streams, shared_memory } = inherited;
    drop(shared_memory);
    set_streams(&streams, &identity).during(Stage::Output, || "setting up standard streams")?;
    enter_working_directory(&spec.cwd, &identity, spec)?;
    umask(Mode::from_raw_mode(spec.umask & 0o777));
    unblock_signals().during(Stage::Process, || "unblocking signals")?;
    Ok(identity)
}

/// Everything about the process itself but its rights.
fn become_process(spec: &ContainerSpec) -> Result<(), StartFailure> {
    leave_supervisor(spec)?;
    // After entering the groups: the namespace's root is where its maker is.
    unshare(CloneFlags::CLONE_NEWCGROUP).during(Stage::Cgroup, || "making a cgroup namespace")
}

/// Enters the container's groups, and gives up what it has in common with its supervisor; while the host's tree is there.
pub(super) fn leave_supervisor(spec: &ContainerSpec) -> Result<(), StartFailure> {
    die_with_parent().during(Stage::Process, || "asking for the parent's death signal")?;
    attach_v1(&spec.cgroup)?;
    setsid().during(Stage::Process, || "making a session")?;
    join_new_session_keyring().during(Stage::Process, || "making a session keyring")?;
    umask(Mode::empty());
    // A machine may not let even root raise these. A container is then less protected, not broken.
    let _ = fs::write("/proc/self/oom_score_adj", spec.oom_score_adj.to_string());
    for limit in &spec.rlimits {
        let _ = set_resource_limit(limit.resource, limit.soft, limit.hard);
    }
    Ok(())
}

fn make_working_directory(root: &Root, path: &Path) -> Result<(), StartFailure> {
    match root.find_or_make(path, Kind::Directory) {
        // A root that cannot be written to has it, or the start fails when it is entered.
        Err(error) if error.raw_os_error() == Some(libc::EROFS) => Ok(()),
        other => other.map(drop).during(Stage::WorkingDirectory, || format!("mkdir {}", path.display())),
    }
}

/// Makes the new root the only one: the host's tree is not reachable any more.
fn pivot(root: Root) -> io::Result<()> {
    fchdir(root.descriptor())?;
    // The old root ends up on top of the new one, and is taken away there.
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")?;
    drop(root);
    Ok(())
}

fn set_streams(streams: &InnerStreams, identity: &Identity) -> io::Result<()> {
    match streams {
        InnerStreams::Pipes { stdin, stdout, stderr } => {
            match stdin {
                Some(stdin) => rustix::stdio::dup2_stdin(stdin)?,
                None => set_no_input()?,
            }
            set_output(stdout.as_fd(), stderr.as_fd(), identity)
        }
        InnerStreams::Terminal(socket) => {
            let terminal = make_terminal(socket.as_fd())?;
            rustix::stdio::dup2_stdin(&terminal)?;
            set_output(terminal.as_fd(), terminal.as_fd(), identity)
        }
    }
}

/// Nothing can be read from standard input.
pub(super) fn set_no_input() -> io::Result<()> {
    // The container's own device: the host's would carry a path to the host's file system.
    let null = open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?;
    rustix::stdio::dup2_stdin(null.as_fd()).map_err(io::Error::from)
}

pub(super) fn set_output(stdout: BorrowedFd<'_>, stderr: BorrowedFd<'_>, identity: &Identity) -> io::Result<()> {
    rustix::stdio::dup2_stdout(stdout)?;
    rustix::stdio::dup2_stderr(stderr)?;
    // A user that is not root opens /dev/stdout, which is this pipe by its name.
    for pipe in [stdout, stderr] {
        rustix::fs::fchown(pipe, Some(rustix::fs::Uid::from_raw(identity.uid)), None)?;
    }
    Ok(())
}

/// Enters the working folder, as root if the user may not, and becomes the user on the way.
pub(super) fn enter_working_directory(path: &Path, identity: &Identity, spec: &ContainerSpec) -> Result<(), StartFailure> {
    let what = || format!("chdir to cwd ({path:?}) set in config.json failed");
    let entered = chdir(path);
    become_user(identity, spec.capabilities)?;
    match entered {
        // Root is kept out of some network file systems that the user may enter.
        Err(rustix::io::Errno::ACCESS) => chdir(path).during(Stage::WorkingDirectory, what)?,
        other => other.during(Stage::WorkingDirectory, what)?,
    }
    // A descriptor of the host that had leaked could be entered as a working folder: the kernel then has no path for it.
    match getcwd(Vec::new()) {
        Ok(path) if path.as_bytes().starts_with(b"/") => Ok(()),
        _ => Err(failure(
            Stage::WorkingDirectory,
            "current working directory is outside of container mount namespace root",
            &io::Error::other("possible container breakout detected"),
        )),
    }
}
