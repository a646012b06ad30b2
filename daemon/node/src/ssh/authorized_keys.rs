//! Which keys are let in, and as what: OpenSSH's file (`sshd(8)`, AUTHORIZED_KEYS FILE FORMAT) with options of ours.
//!
//! A line is `[options] type key [comment]`. The file is read at every try, so that a change counts at once. A line with an option that
//! is not known here lets nobody in: options of `sshd` mostly take something away, and that must not be lost.

mod options;

use nix::unistd::geteuid;
use options::Options;
use rest::rights::Role;
use russh::keys::{HashAlg, PublicKey};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file where nobody said otherwise.
pub const DEFAULT_FILE: &str = "/etc/skiff/authorized_keys";

/// The largest file that is read.
const MAX_BYTES: u64 = 1024 * 1024;
/// The longest name that is taken from a comment.
const MAX_NAME: usize = 64;

/// Why the file counts for nothing.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// Others may write it.
    #[error("{path} is not its owner's alone to write, or not root's: chown root {path}; chmod go-w {path}")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// It is too long.
    #[error("{path} has more than {MAX_BYTES} bytes")]
    Long {
        /// The file.
        path: PathBuf,
    },
}

/// A line that lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// What a key gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose it is: `name=`, or the comment, or the fingerprint.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may have a terminal.
    pub terminal: Terminal,
}

/// Whether there may be a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminal {
    /// As usual.
    Allowed,
    /// Verbs only (`no-pty`).
    Refused,
}

/// The text of the file, if nobody but its owner can have written it.
///
/// # Errors
/// See [`KeysError`].
pub fn read(path: &Path) -> Result<String, KeysError> {
    let fault = |source| KeysError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(fault)?;
    let metadata = file.metadata().map_err(fault)?;
    let is_own = metadata.uid() == 0 || metadata.uid() == geteuid().as_raw();
    if !is_own || metadata.mode() & 0o022 != 0 {
        return Err(KeysError::Open { path: path.to_owned() });
    }
    if metadata.len() > MAX_BYTES {
        return Err(KeysError::Long { path: path.to_owned() });
    }
    let mut text = String::new();
    file.by_ref().take(MAX_BYTES).read_to_string(&mut text).map_err(fault)?;
    Ok(text)
}

/// What a key that comes from an address gives at a moment (seconds since 1970), by the first line that is for it.
#[must_use]
pub fn grant(text: &str, key: &PublicKey, from: IpAddr, now: i64) -> Option<Grant> {
    let lines = lines(text).filter_map(|(_, line)| Line::parse(line).ok());
    let mut fitting = lines.filter(|line| line.key.key_data() == key.key_data() && line.options.allow(from, now));
    fitting.next().map(Line::into_grant)
}

/// The lines that let nobody in, and why.
#[must_use]
pub fn faults(text: &str) -> Vec<Fault> {
    let wrong = |(number, line)| Line::parse(line).err().map(|why| Fault { line: number, why });
    lines(text).filter_map(wrong).collect()
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

struct Line {
    options: Options,
    key: PublicKey,
}

impl Line {
    fn parse(line: &str) -> Result<Self, String> {
        let (options, rest) = if is_key_type(line) { (Options::default(), line) } else { Options::parse(line)? };
        let key = rest.trim_start();
        let kind = key.split_whitespace().next().unwrap_or_default();
        if kind == "ssh-rsa" || kind == "ssh-dss" {
            return Err(format!("keys of type {kind} are not taken; make one with ssh-keygen -t ed25519"));
        }
        if !is_key_type(key) {
            return Err("there is no key on it".to_owned());
        }
        let key = PublicKey::from_openssh(key).map_err(|error| format!("the key cannot be read: {error}"))?;
        Ok(Self { options, key })
    }

    fn into_grant(self) -> Grant {
        let of_comment = || {
            let comment = self.key.comment().as_str_lossy();
            let clean: String = comment.chars().filter(|letter| !letter.is_control()).take(MAX_NAME).collect();
            Some(clean.trim().to_owned()).filter(|name| !name.is_empty())
        };
        let name = self.options.name.clone().or_else(of_comment);
        let name = name.unwrap_or_else(|| self.key.fingerprint(HashAlg::Sha256).to_string());
        Grant { name, role: self.options.role, terminal: self.options.terminal }
    }
}

fn is_key_type(line: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests;
