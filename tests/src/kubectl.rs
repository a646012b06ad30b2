//! kubectl against a world's daemon: every version of it that is there.

use crate::World;
use crate::command::Ran;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a world's daemon listens for kubectl: its network is its own.
pub const LISTEN: &str = "127.0.0.1:6443";

/// One kubectl, as somebody of a world's cluster.
#[derive(Debug)]
pub struct Kubectl<'a> {
    world: &'a World,
    program: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
}

/// Every kubectl of this machine: the one that is found, and others beside it (`kubectl.1.31`), where it came with several.
///
/// # Panics
/// If there is none: `make test` installs one.
#[must_use]
pub fn programs() -> Vec<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join("kubectl")).find(|path| path.is_file());
    let found = found.expect("kubectl is missing: `make test` installs it");
    let real = found.canonicalize().expect("a program has a place");
    let beside = real.parent().and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten();
    let is_version = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.strip_prefix("kubectl.").is_some_and(|rest| rest.starts_with("1."))
    };
    let mut programs: Vec<PathBuf> = beside.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(is_version).collect();
    programs.sort();
    if programs.is_empty() { vec![real] } else { programs }
}

impl<'a> Kubectl<'a> {
    /// This kubectl with a kubeconfig of its own. The world's daemon must listen on [`LISTEN`].
    ///
    /// # Panics
    /// If there is no kubeconfig.
    #[must_use]
    pub fn new(world: &'a World, program: &Path, flags: &[&str]) -> Self {
        let name = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let home = world.folder().join(format!("home-{name}"));
        std::fs::create_dir_all(&home).expect("a folder");
        let kubeconfig = home.join("kubeconfig");
        let words: Vec<&str> = ["kubeconfig"].iter().chain(flags).copied().collect();
        std::fs::write(&kubeconfig, world.skiff(&words).ok()).expect("written");
        Self { world, program: program.to_owned(), kubeconfig, home }
    }

    /// The command, to be run in another way.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.world.inside(&self.program);
        command.env("KUBECONFIG", &self.kubeconfig).env("HOME", &self.home).current_dir(&self.home).args(words);
        command
    }

    /// The command as a shell's line, for a terminal.
    ///
    /// # Panics
    /// If a path is no text.
    #[must_use]
    pub fn line(&self, words: &[&str]) -> String {
        let command = self.command(words);
        let all = std::iter::once(command.get_program()).chain(command.get_args());
        let quoted = all.map(|word| format!("'{}'", word.to_str().expect("text").replace('\'', "'\\''")));
        let line = quoted.collect::<Vec<_>>().join(" ");
        format!("cd {0}; KUBECONFIG={1} HOME={0} {line}", self.home.display(), self.kubeconfig.display())
    }

    /// Runs it.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).stdin(std::process::Stdio::null()).output();
        Ran::of(&output.expect("kubectl runs"))
    }

    /// Runs it with a text as its input.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn feed(&self, words: &[&str], input: &str) -> Ran {
        Ran::fed(self.command(words), input)
    }
}
