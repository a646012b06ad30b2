//! Does what the state asks for outside of it.

use super::draft::Draft;
use crate::console::app::effect::Effect;
use crate::console::app::msg::{Msg, Wire};
use crate::console::link::{Command, Failure, ForwardReport, ForwardState, Keyboard, PaneEnd, PaneNews};
use crate::console::term::clip;
use crate::console::term::guard::{self, Guard};
use crate::console::term::painter::Painter;
use crate::console::term::pause;
use crate::editor;
use crate::settings;
use anyhow::Context;
use client::Address;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::Sender;

/// The largest file that is read into an editor.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Said where the console has no terminal that it could give away.
const NO_TERMINAL: &str = "there is no terminal here that another program could have";

/// The console is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended;

/// What came of an effect.
#[derive(Debug)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It is done, and this is what the state should know.
    Msg(Msg),
    /// The console is left.
    Ended,
}

/// What is outside of the state: the daemon, the terminal, files.
pub struct Outside {
    commands: Sender<Command>,
    guard: Option<Guard>,
    /// For programs that are run beside us.
    address: Address,
    /// Where text is kept that exists nowhere else.
    draft: RefCell<Option<Draft>>,
    /// Whether we print lines: another program can have the terminal as it is.
    has_lines: bool,
    /// Those of programs in panes.
    keyboards: RefCell<HashMap<u32, Keyboard>>,
}

impl Outside {
    /// The outside.
    pub fn new(commands: Sender<Command>, guard: Option<Guard>, address: Address) -> Self {
        Self { commands, guard, address, draft: RefCell::default(), has_lines: false, keyboards: RefCell::default() }
    }

    /// The same, which keeps text in a file.
    pub fn with_draft(self, draft: Option<Draft>) -> Self {
        self.draft.replace(draft);
        self
    }

    /// The same of a console that prints lines: programs beside it have its terminal.
    pub fn with_lines(self) -> Self {
        Self { has_lines: true, ..self }
    }

    /// Ourselves with other words, for the same daemon.
    fn beside(&self, words: &[String]) -> std::io::Result<std::process::Command> {
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command.args(words).env("SKIFF_NODE", self.address.to_string());
        if let Address::Tls(remote) = &self.address
            && let Some(certificate) = &remote.certificate
        {
            command.env("SKIFF_CERT", certificate);
        }
        Ok(command)
    }

    /// A program of the machine, which finds the same daemon where it asks for one.
    fn program(&self, words: &[String]) -> std::io::Result<std::process::Command> {
        let ours = self.beside(words.get(1..).unwrap_or_default())?;
        let mut command = std::process::Command::new(words.first().map_or("", String::as_str));
        command.args(ours.get_args()).envs(ours.get_envs().filter_map(|(key, value)| Some((key, value?))));
        Ok(command)
    }

    /// Lets a program have the terminal until it has ended.
    fn step_aside(
        &self,
        command: std::io::Result<std::process::Command>,
        pauses: bool,
        painter: &mut Painter,
    ) -> anyhow::Result<Outcome> {
        let Some(guard) = &self.guard else { return Ok(Outcome::Msg(Msg::Wire(Wire::Denied(NO_TERMINAL)))) };
        self.run(guard, command.context("cannot run a program on the terminal")?, pauses)?;
        come_back(painter)
    }

    /// Runs a program on the terminal as it was before us. One that fails, or `pauses`, is looked at before it goes.
    fn run(&self, guard: &Guard, mut command: std::process::Command, pauses: bool) -> anyhow::Result<()> {
        let _paused = pause::Paused::begin();
        let ran = guard.lend(|| {
            // A program that is not there is no reason to end.
            let ended = command.status().map_or_else(
                |error| Some(format!("cannot run {}: {error}", command.get_program().display())),
                |status| match status.success() {
                    true => pauses.then(|| "it has ended".to_owned()),
                    false => Some(status.to_string()),
                },
            );
            if let Some(ended) = ended {
                let mut out = std::io::stdout().lock();
                write!(out, "\n{ended}; press Enter to go back to the console ")?;
                out.flush()?;
                drop(out);
                std::io::stdin().read_line(&mut String::new())?;
            }
            Ok(())
        });
        ran.context("cannot run a program on the terminal")
    }

    /// Performs one effect.
    pub fn perform(&self, effect: Effect, painter: &mut Painter) -> anyhow::Result<Outcome> {
        Ok(match effect {
            Effect::Link(command) => self.command(command),
            Effect::Copy(text) if self.guard.is_some() => return copy(&text),
            Effect::Copy(text) if self.has_lines && std::io::stdout().is_terminal() => return copy(&text),
            Effect::Copy(_) if self.has_lines => Outcome::Msg(Msg::CannotCopy),
            Effect::Copy(_) => Outcome::Done,
            Effect::Read(path) => {
                let text = read(&path);
                Outcome::Msg(Msg::Read(path, text))
            }
            Effect::Write(path, text) => {
                let written = write(&path, &text);
                Outcome::Msg(Msg::Written(path, written))
            }
            Effect::Keep(name, text) => match keep(name, &text) {
                Ok(()) => Outcome::Done,
                Err(why) => Outcome::Msg(Msg::NotKept(name, why)),
            },
            Effect::KeepUnsaved(text) => self.keep_unsaved(text.as_deref()),
            Effect::Suspend if !guard::has_shell() => Outcome::Msg(Msg::CannotSuspend),
            Effect::Suspend => {
                let Some(guard) = &self.guard else { return Ok(Outcome::Msg(Msg::CannotSuspend)) };
                guard.suspend().context("cannot take the terminal back")?;
                return come_back(painter);
            }
            Effect::Run(words) if self.has_lines => {
                let _paused = pause::Paused::begin();
                // What it complains of stands on the terminal already.
                let ran = self.beside(&words).and_then(|mut command| command.status());
                ran.context("cannot run a program on the terminal")?;
                Outcome::Done
            }
            Effect::Program { words, .. } if self.has_lines => {
                let _paused = pause::Paused::begin();
                match self.program(&words).and_then(|mut command| command.status()) {
                    Ok(_) => Outcome::Done,
                    Err(error) => Outcome::Msg(Msg::NotRun(words.into_iter().next().unwrap_or_default(), error.to_string())),
                }
            }
            Effect::Editor(_) if !self.has_lines => Outcome::Msg(Msg::Wire(Wire::Denied(NO_TERMINAL))),
            Effect::Editor(text) => {
                let _paused = pause::Paused::begin();
                Outcome::Msg(Msg::Edited(editor::edit(&text)))
            }
            Effect::Run(words) => return self.step_aside(self.beside(&words), false, painter),
            // What it wrote would be gone with the console's next picture.
            Effect::Program { words, pauses, .. } => return self.step_aside(self.program(&words), pauses, painter),
            Effect::Mouse(is_ours) => {
                guard::hear_mouse(is_ours).context("the terminal is gone")?;
                Outcome::Done
            }
            Effect::Repaint => {
                painter.forget();
                Outcome::Done
            }
            Effect::Quit => Outcome::Ended,
        })
    }

    fn keep_unsaved(&self, text: Option<&str>) -> Outcome {
        let mut draft = self.draft.borrow_mut();
        match (draft.as_mut(), text) {
            (Some(draft), Some(text)) => match own_folder().and_then(|_| draft.keep(text)) {
                Ok(()) => Outcome::Done,
                Err(why) => Outcome::Msg(Msg::NotKept("the text of the editor", why)),
            },
            (Some(draft), None) => {
                draft.forget();
                Outcome::Done
            }
            (None, _) => Outcome::Done,
        }
    }

    /// A question that finds no room is answered with that; it never waits, because keys would wait with it.
    fn command(&self, command: Command) -> Outcome {
        let mut keyboards = self.keyboards.borrow_mut();
        match &command {
            Command::Pane { id, keyboard, .. } => {
                keyboards.retain(|_, keyboard| !keyboard.is_alone());
                keyboards.insert(*id, keyboard.clone());
            }
            Command::Type { id, bytes } => {
                let written = keyboards.get(id).map_or(Ok(()), |keyboard| keyboard.write(bytes));
                return written.map_or_else(|_| Outcome::Msg(Msg::Wire(Wire::Pane(*id, PaneNews::Full))), |()| Outcome::Done);
            }
            Command::Resize { id, size } => {
                keyboards.get(id).inspect(|keyboard| keyboard.resize(*size));
                return Outcome::Done;
            }
            Command::End { id } => drop(keyboards.remove(id)),
            _ => {}
        }
        match (self.commands.try_send(command.clone()), command) {
            (Ok(()), _) => Outcome::Done,
            (Err(_), Command::Ask { id, .. } | Command::Pull { id, .. }) => {
                let failure = Failure::Link("too many requests are waiting for the daemon".to_owned());
                Outcome::Msg(Msg::Wire(Wire::Answer(id, Err(failure))))
            }
            (Err(_), Command::Logs { id, .. }) => {
                Outcome::Msg(Msg::Wire(Wire::LogEnd(id, Some(Failure::Link("too many requests are waiting".to_owned())))))
            }
            (Err(_), Command::Watch { kind }) => {
                Outcome::Msg(Msg::Wire(Wire::Refused(kind, "too many requests are waiting".to_owned())))
            }
            (Err(_), Command::Forward { id, .. }) => {
                let state = ForwardState::Failed { why: "too many requests are waiting".to_owned() };
                Outcome::Msg(Msg::Wire(Wire::Forward(id, ForwardReport { state, ..ForwardReport::default() })))
            }
            (Err(_), Command::Copy { id, .. }) => {
                Outcome::Msg(Msg::Wire(Wire::CopyEnd(id, Err("too many requests are waiting".to_owned()))))
            }
            (Err(_), Command::Pane { id, .. }) => {
                let end = PaneEnd::Failed("too many requests are waiting".to_owned());
                Outcome::Msg(Msg::Wire(Wire::Pane(id, PaneNews::Ended(end))))
            }
            (Err(_), Command::End { .. } | Command::Type { .. } | Command::Resize { .. }) => Outcome::Done,
        }
    }
}

/// After another program had the terminal, whose window may have another size.
fn come_back(painter: &mut Painter) -> anyhow::Result<Outcome> {
    painter.forget();
    let (columns, rows) = crossterm::terminal::size().context("the terminal is gone")?;
    Ok(Outcome::Msg(Msg::Resized(columns, rows)))
}

fn copy(text: &str) -> anyhow::Result<Outcome> {
    // What is too long for a terminal was refused before it came here.
    if let Some(bytes) = clip::copy(text, std::env::var_os("TMUX").is_some()) {
        let mut out = std::io::stdout().lock();
        out.write_all(&bytes).and_then(|()| out.flush()).context("the terminal is gone")?;
    }
    Ok(Outcome::Done)
}

/// A file that is not there yet is an empty text.
fn read(path: &Path) -> Result<String, String> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err("it is a folder".to_owned()),
        Ok(metadata) if metadata.len() > MAX_FILE_BYTES => Err(format!("it has more than {MAX_FILE_BYTES} bytes")),
        Ok(_) => std::fs::read_to_string(path).map_err(|error| error.to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error.to_string()),
    }
}

/// A file of the state folder.
fn keep(name: &str, text: &str) -> Result<(), String> {
    write(&own_folder()?.join(name), text)
}

/// The state folder, which is made where it is not there yet, for its user alone.
fn own_folder() -> Result<PathBuf, String> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = settings::state_folder().ok_or("no home folder is known; set HOME or XDG_STATE_HOME")?;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Beside it first, then in its place: a full disk leaves the old file whole.
fn write(path: &Path, text: &str) -> Result<(), String> {
    write_beside(path, text, |_| Ok(())).map(drop)
}

/// The same; the new file, to which something was done before it had its name.
pub fn write_beside(path: &Path, text: &str, before: impl Fn(&File) -> std::io::Result<()>) -> Result<File, String> {
    let mut name = path.file_name().ok_or("it names no file")?.to_owned();
    name.push(format!(".{}~", std::process::id()));
    let beside = path.with_file_name(name);
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        before(&file)?;
        std::fs::rename(&beside, path)?;
        Ok(file)
    });
    written.map_err(|error| {
        // The error that is told is the first one.
        let _ = std::fs::remove_file(&beside);
        error.to_string()
    })
}
