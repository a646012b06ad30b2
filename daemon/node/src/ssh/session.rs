//! One session: what the client asks for, then the program that does it, and its end.

use super::Shared;
use super::authorized_keys::{Grant, Terminal};
use super::door::Door;
use super::program::{self, Ended, Program, Size, Wanted};
use super::words;
use rest::rights::Role;
use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::net::IpAddr;
use std::sync::Arc;
use tracing::{info, warn};

/// The longest value of a variable that is taken over.
const MAX_VALUE: usize = 256;
/// The code of a session that could not begin.
const FAILED: u32 = 255;

/// Whether a variable of the client's environment is taken over: what says how to write and draw.
#[must_use]
pub fn takes(name: &str, value: &str) -> bool {
    let is_known =
        matches!(name, "LANG" | "COLORTERM" | "COLORFGBG" | "NO_COLOR" | "TZ" | "SKIFF_THEME") || name.starts_with("LC_");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@:;,+-".contains(&byte);
    is_known && name.len() <= 32 && value.len() <= MAX_VALUE && name.bytes().chain(value.bytes()).all(is_plain)
}

/// What was asked for before the program.
#[derive(Debug, Default)]
struct Asked {
    terminal: Option<(String, Size)>,
    environment: Vec<(String, String)>,
}

/// Serves a channel to its end. The replies to its requests are the connection's, which gives them in their order.
pub async fn serve(channel: Channel<Msg>, grant: Arc<Grant>, shared: Arc<Shared>, from: IpAddr) {
    let (mut reading, writing) = channel.split();
    let Some((asked, command)) = listen(&mut reading, &grant).await else { return };
    let has_terminal = asked.terminal.is_some();
    let code = match words::split(&command) {
        Ok(words) => match perform((&mut reading, &writing), asked, words, (&grant, &shared, from)).await {
            Ok(code) => code,
            Err(why) => refuse(&writing, &why, has_terminal).await,
        },
        Err(error) => refuse(&writing, &error.to_string(), has_terminal).await,
    };
    // A client that is gone is told nothing.
    let _ = writing.exit_status(code).await;
    let _ = writing.eof().await;
    let _ = writing.close().await;
}

/// Takes in requests until one says what to run.
async fn listen(reading: &mut ChannelReadHalf, grant: &Grant) -> Option<(Asked, Vec<u8>)> {
    let mut asked = Asked::default();
    loop {
        match reading.wait().await? {
            ChannelMsg::RequestPty { term, col_width, row_height, .. } if grant.terminal == Terminal::Allowed => {
                asked.terminal = Some((term, Size::new(col_width, row_height)));
            }
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                if let Some((_, size)) = &mut asked.terminal {
                    *size = Size::new(col_width, row_height);
                }
            }
            ChannelMsg::SetEnv { variable_name, variable_value, .. }
                if takes(&variable_name, &variable_value) && asked.environment.len() < 32 =>
            {
                asked.environment.push((variable_name, variable_value));
            }
            ChannelMsg::RequestShell { .. } => return Some((asked, Vec::new())),
            ChannelMsg::Exec { command, .. } => return Some((asked, command)),
            ChannelMsg::Close => return None,
            _ => {}
        }
    }
}

async fn perform(
    (reading, writing): (&mut ChannelReadHalf, &ChannelWriteHalf<Msg>),
    asked: Asked,
    words: Vec<String>,
    (grant, shared, from): (&Arc<Grant>, &Arc<Shared>, IpAddr),
) -> Result<u32, String> {
    let place = shared.places.take().ok_or("there are too many sessions here already; try again when one has ended")?;
    let door = Door::open(&place).map_err(|error| format!("no socket for this session: {error}"))?;
    let environment = environment(&asked, from, &place.socket());
    let verb = words.first().map_or("console", String::as_str).to_owned();
    let wanted = Wanted { words: arguments(words, grant.role), environment, size: asked.terminal.map(|(_, size)| size) };
    let program = Program::start(wanted, place.user()).map_err(|error| {
        warn!(%error, "an SSH session's program cannot be started");
        error.to_string()
    })?;
    info!(name = grant.name, %from, verb, pid = program.id(), "an SSH session began");
    let ended = tokio::select! {
        ended = program.run(reading, writing) => ended,
        // It serves for as long as the program runs.
        () = door.serve(grant, &shared.verbs) => Ended::Gone,
    };
    info!(name = grant.name, %from, ?ended, "an SSH session ended");
    match ended {
        Ended::Code(code) => Ok(code),
        Ended::Gone => Ok(FAILED),
        Ended::Stuck => Err("it takes no input while its output is not taken; the session was ended".to_owned()),
    }
}

/// The words for `skiff`. Its rights are those of its socket; `--readonly` only says so in time.
fn arguments(words: Vec<String>, role: Role) -> Vec<String> {
    let readonly = (role == Role::Viewer).then(|| "--readonly".to_owned());
    std::iter::once("--captive".to_owned()).chain(readonly).chain(words).collect()
}

/// Nothing of the daemon's own environment.
fn environment(asked: &Asked, from: IpAddr, socket: &std::path::Path) -> Vec<(String, String)> {
    let mut environment = asked.environment.clone();
    environment.retain(|(name, _)| !matches!(name.as_str(), "TERM" | "SKIFF_NODE" | "SSH_CONNECTION"));
    if let Some((term, _)) = &asked.terminal {
        let is_name = !term.is_empty()
            && term.len() <= 64
            && term.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte));
        environment.push(("TERM".to_owned(), if is_name { term.clone() } else { "dumb".to_owned() }));
    }
    environment.push(("SKIFF_NODE".to_owned(), format!("unix://{}", socket.display())));
    // By this the console knows that a line lies between it and the terminal.
    environment.push(("SSH_CONNECTION".to_owned(), format!("{from} 0 - 0")));
    environment
}

/// Says why there is nothing; the code of that.
async fn refuse(writing: &ChannelWriteHalf<Msg>, why: &str, has_terminal: bool) -> u32 {
    let end = if has_terminal { "\r\n" } else { "\n" };
    let _ = writing.extended_data_bytes(program::STDERR, format!("error: {why}{end}").into_bytes()).await;
    FAILED
}

#[cfg(test)]
mod tests {
    use super::{Asked, arguments, environment, takes};
    use crate::ssh::program::Size;
    use rest::rights::Role;
    use std::path::Path;

    #[test]
    fn of_the_clients_environment_only_what_says_how_to_draw_is_taken() {
        for (name, value) in [("LANG", "de_DE.UTF-8"), ("LC_ALL", "C"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")] {
            assert!(takes(name, value), "{name}");
        }
        for (name, value) in [
            ("LD_PRELOAD", "x"),
            ("PATH", "x"),
            ("HOME", "x"),
            ("SKIFF_NODE", "x"),
            ("SKIFF_CERT", "x"),
            ("XDG_CONFIG_HOME", "x"),
            ("LANG", "/etc/x"),
            ("TZ", "/etc/shadow"),
            ("SKIFF_THEME", "/etc/shadow"),
            ("LC_ALL", "a\nb"),
            ("TERM", "x"),
        ] {
            assert!(!takes(name, value), "{name}={value}");
        }
    }

    #[test]
    fn a_terminals_name_is_one_and_the_way_to_the_daemon_is_ours() {
        let asked = |term: &str| Asked { terminal: Some((term.to_owned(), Size::new(80, 24))), environment: Vec::new() };
        let of = |term: &str| environment(&asked(term), [10, 0, 0, 1].into(), Path::new("/run/skiff/ssh/0.sock"));
        assert!(of("xterm-256color").contains(&("TERM".to_owned(), "xterm-256color".to_owned())));
        assert!(of("../../x y").contains(&("TERM".to_owned(), "dumb".to_owned())));
        assert!(of("linux").contains(&("SKIFF_NODE".to_owned(), "unix:///run/skiff/ssh/0.sock".to_owned())));
        assert_eq!(arguments(vec!["get".to_owned()], Role::Viewer), ["--captive", "--readonly", "get"]);
        assert_eq!(arguments(Vec::new(), Role::Admin), ["--captive"]);
    }
}
