//! A daemon behind SSH: the system's own `ssh` runs `skiff dial-stdio` on the other machine, which passes bytes to the daemon there.
//!
//! Keys, agents, known hosts and jumps are as the user's SSH configuration has them. Nothing is ever asked: the
//! terminal is the console's, so a key that wants a passphrase belongs into an agent.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The most that is kept of what ssh says.
const MAX_SAID_BYTES: usize = 2_048;

/// A machine that is reached by SSH.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SshHost {
    /// `user@host`, `host`, or a name of the SSH configuration.
    pub destination: String,
    /// The port, where it is not the usual one.
    pub port: Option<u16>,
}

impl SshHost {
    /// What follows `ssh://`. `None` where it names no machine, or could be taken for something else by ssh or a shell.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let (user, rest) = text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user), rest));
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let is_plain = |word: &str, extra: &str| {
            let fits = |letter: char| letter.is_ascii_alphanumeric() || extra.contains(letter);
            !word.is_empty() && !word.starts_with('-') && word.chars().all(fits)
        };
        let port = match port {
            Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port != 0)?),
            None => None,
        };
        if !is_plain(host, "._-:%") || user.is_some_and(|user| !is_plain(user, "._-")) {
            return None;
        }
        let destination = user.map_or_else(|| host.to_owned(), |user| format!("{user}@{host}"));
        Some(Self { destination, port })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("ssh");
        // What is asked on the terminal would be asked in the middle of a picture.
        command.args([
            "-T",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=5",
            "-o",
            "ServerAliveInterval=5",
            "-o",
            "ServerAliveCountMax=3",
        ]);
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        command.args(["--", &self.destination, "skiff", "dial-stdio"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

impl fmt::Display for SshHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, host) =
            self.destination.rsplit_once('@').map_or((None, self.destination.as_str()), |(user, host)| (Some(user), host));
        f.write_str("ssh://")?;
        if let Some(user) = user {
            write!(f, "{user}@")?;
        }
        if host.contains(':') { write!(f, "[{host}]") } else { f.write_str(host) }?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// What ssh said beside its output, for whoever has to explain a connection that did not come about.
pub(crate) type Said = Arc<Mutex<String>>;

/// The bytes of a connection through `ssh`, which ends with it.
pub(crate) struct SshStream {
    input: ChildStdin,
    output: ChildStdout,
    _child: Child,
}

/// Starts `ssh`.
///
/// # Errors
/// Where there is no such program.
pub(crate) fn connect(host: &SshHost) -> io::Result<(SshStream, Said)> {
    let mut child = host.command().spawn()?;
    let missing = || io::Error::other("ssh has no standard streams");
    let (input, output) = (child.stdin.take().ok_or_else(missing)?, child.stdout.take().ok_or_else(missing)?);
    let errors = child.stderr.take().ok_or_else(missing)?;
    let said = Said::default();
    let kept = said.clone();
    // It ends with ssh, whose errors nobody else reads.
    tokio::spawn(async move {
        let mut lines = BufReader::new(errors).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() + line.len() < MAX_SAID_BYTES {
                let gap = if kept.is_empty() { "" } else { "; " };
                kept.push_str(gap);
                kept.push_str(line.trim());
            }
        }
    });
    Ok((SshStream { input, output, _child: child }, said))
}

impl AsyncRead for SshStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(context, buffer)
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.input).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::SshHost;

    #[test]
    fn a_destination_is_read_and_printed_back() {
        for text in ["oak", "me@oak", "me@oak.example:2222", "[fd00::1]:22", "me@[fd00::1]"] {
            let host = SshHost::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(host.to_string(), format!("ssh://{text}"));
        }
        assert_eq!(SshHost::parse("me@oak/").map(|host| host.destination).as_deref(), Some("me@oak"));
    }

    #[test]
    fn nothing_passes_that_ssh_or_a_shell_would_take_for_something_else() {
        for bad in ["", "-oProxyCommand=x", "me@-x", "a b", "a;b", "$(x)", "oak:0", "oak:x", "a'b", "-x@oak", "oak:22:22"] {
            assert_eq!(SshHost::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn ssh_is_told_where_its_options_end() {
        let host = SshHost::parse("me@oak:2222").expect("a destination");
        let command = host.command();
        let words: Vec<_> = command.as_std().get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(words[words.len() - 6..], ["-p", "2222", "--", "me@oak", "skiff", "dial-stdio"]);
    }
}
