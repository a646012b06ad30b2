//! The last steps before a session's program: `skiffd ssh-session`, which nobody but the daemon calls, gives away everything that root has
//! and then becomes `skiff`.
//!
//! It is a process of its own with one thread: between `fork` and `exec` a threaded daemon could do none of this.

use anyhow::{Context, bail};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, fexecve, setgroups, setresgid, setresuid, setsid};
use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The subcommand.
pub const VERB: &str = "ssh-session";

/// What a session may have: bytes of a file that it writes, of memory, of a core; processes and threads; open files.
const LIMITS: [(Resource, u64); 5] = [
    (Resource::RLIMIT_FSIZE, 0),
    (Resource::RLIMIT_CORE, 0),
    (Resource::RLIMIT_DATA, 1 << 30),
    (Resource::RLIMIT_NPROC, 64),
    (Resource::RLIMIT_NOFILE, 256),
];

/// Arguments of [`VERB`].
#[derive(Debug, clap::Args)]
pub struct LaunchArgs {
    /// The user and group to become
    #[arg(long)]
    user: u32,
    /// Whether standard input is a terminal to be controlled by
    #[arg(long)]
    terminal: bool,
    /// What skiff is to do
    #[arg(last = true)]
    words: Vec<OsString>,
}

/// The command line that comes here.
#[must_use]
pub fn words(user: u32, has_terminal: bool, words: &[String]) -> Vec<String> {
    let mut all = vec![VERB.to_owned(), "--user".to_owned(), user.to_string()];
    all.extend(has_terminal.then(|| "--terminal".to_owned()));
    all.push("--".to_owned());
    all.extend(words.iter().cloned());
    all
}

/// Becomes the program.
///
/// # Errors
/// The first step that fails; none after it is taken.
pub fn run(arguments: LaunchArgs) -> anyhow::Result<Infallible> {
    let path = program()?;
    // Opened while everything may be: its folder need not be open to the session's user.
    let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    let environment: Vec<CString> = std::env::vars_os()
        .map(|(name, value)| CString::new([name.into_vec(), value.into_vec()].join(&b'=')))
        .collect::<Result<_, _>>()?;
    let words = std::iter::once(OsString::from("skiff")).chain(arguments.words);
    let words: Vec<CString> = words.map(|word| CString::new(word.into_vec())).collect::<Result<_, _>>()?;
    setsid().context("cannot begin a session")?;
    if arguments.terminal {
        rustix::process::ioctl_tiocsctty(std::io::stdin()).context("cannot take the terminal")?;
    }
    std::env::set_current_dir("/").context("cannot go to /")?;
    give_up(arguments.user)?;
    fexecve(&file, &words, &environment).with_context(|| format!("cannot run {}", path.display()))
}

fn give_up(user: u32) -> anyhow::Result<()> {
    // A socket's path leads out of it, and nothing else.
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC).context("cannot leave the network")?;
    for (resource, most) in LIMITS {
        setrlimit(resource, most, most).with_context(|| format!("cannot limit {resource:?}"))?;
    }
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    if uid.is_root() {
        bail!("a session is never root's");
    }
    setgroups(&[]).context("cannot leave groups")?;
    setresgid(gid, gid, gid).context("cannot change the group")?;
    setresuid(uid, uid, uid).context("cannot change the user")?;
    prctl::set_no_new_privs().context("cannot give up privileges for good")?;
    // A change of the user takes this away, so it comes after it.
    prctl::set_pdeathsig(Signal::SIGKILL).context("cannot end with the daemon")
}

/// `skiff`, beside this program or where programs are.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find this program")?;
    let beside = own.parent().map(|folder| folder.join("skiff"));
    let usual = ["/usr/local/bin/skiff", "/usr/bin/skiff", "/bin/skiff"].map(PathBuf::from);
    let mut all = beside.into_iter().chain(usual);
    all.find(|path| Path::is_file(path)).context("there is no program skiff beside skiffd or in /usr/local/bin or /usr/bin")
}
