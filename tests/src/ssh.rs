//! OpenSSH's own client, with keys and a configuration of the test's own.

use crate::World;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with keys, what hosts are known, and a configuration for `ssh`.
#[derive(Debug)]
pub struct SshClient {
    folder: TempDir,
    port: u16,
}

/// Why there is no client here.
#[must_use]
pub fn why_no_ssh() -> Option<String> {
    let found = Command::new("ssh").arg("-V").output().is_ok_and(|output| output.status.success());
    (!found).then(|| "there is no ssh: scripts/apt-install test".to_owned())
}

impl SshClient {
    /// A client of what listens on 127.0.0.1 at a port, with keys of these names.
    ///
    /// # Panics
    /// If ssh-keygen is not there.
    #[must_use]
    pub fn new(port: u16, keys: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("skiff-ssh").tempdir().expect("a temporary folder");
        let client = Self { folder, port };
        for name in keys {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(client.key(name))
                .status();
            assert!(made.expect("ssh-keygen runs").success());
        }
        let known = client.path("known_hosts");
        let configuration = format!(
            "Host *\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  IdentitiesOnly yes\n  \
             IdentityAgent none\n  BatchMode yes\n  ConnectTimeout 20\n  LogLevel ERROR\n  SetEnv LANG=C.UTF-8\n",
            known.display()
        );
        std::fs::write(client.path("config"), configuration).expect("the configuration is written");
        client
    }

    /// A file of its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A private key.
    #[must_use]
    pub fn key(&self, name: &str) -> PathBuf {
        self.path(name)
    }

    /// A public key, as a line of `authorized_keys`.
    ///
    /// # Panics
    /// If there is no such key.
    #[must_use]
    pub fn public(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(&format!("{name}.pub"))).expect("a public key").trim().to_owned()
    }

    /// Knows a host key from now on.
    ///
    /// # Panics
    /// If that cannot be written.
    pub fn know(&self, line: &str) {
        std::fs::write(self.path("known_hosts"), format!("{line}\n")).expect("known hosts are written");
    }

    /// The words for `ssh` up to and without the host.
    #[must_use]
    pub fn words(&self, key: &str) -> Vec<String> {
        let text = |path: PathBuf| path.display().to_string();
        let port = self.port.to_string();
        ["-F", &text(self.path("config")), "-p", &port, "-i", &text(self.key(key))].map(str::to_owned).to_vec()
    }

    /// `ssh` inside a world, with more words behind the host.
    #[must_use]
    pub fn command(&self, world: &World, key: &str, words: &[&str]) -> Command {
        let mut command = world.inside("ssh");
        command.args(self.words(key)).arg("root@127.0.0.1").args(words);
        command
    }

    /// A folder for `PATH` with an `ssh` in it that uses this configuration and key.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn in_path(&self, key: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let folder = self.path("bin");
        std::fs::create_dir_all(&folder).expect("a folder");
        let words =
            ["-F".to_owned(), self.path("config").display().to_string(), "-i".to_owned(), self.key(key).display().to_string()];
        let script = format!("#!/bin/sh\nexec {} {} \"$@\"\n", which("ssh").display(), words.join(" "));
        std::fs::write(folder.join("ssh"), script).expect("it is written");
        std::fs::set_permissions(folder.join("ssh"), std::fs::Permissions::from_mode(0o755)).expect("it is executable");
        folder
    }
}

/// Where a program is.
fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| Path::is_file(path));
    found.expect("the program is there")
}
