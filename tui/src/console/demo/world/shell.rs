//! The shells of a demo's world: one echoes what is typed and answers the commands that it knows, each line when its time has come.

use super::{ANSWER, Next, World};
use crate::console::app::msg::Wire;
use crate::console::link::{Chunk, PaneEnd, PaneNews, PaneProgram};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What control makes of c and d, and what terminals send for backspace.
const INTERRUPT: u8 = 3;
const END: u8 = 4;
const ERASE: u8 = 0x7f;

/// What a container's shell answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What it writes before each command.
    prompt: String,
    /// The lines of a command, each as its second after the command's start and its text.
    #[serde(default)]
    answers: BTreeMap<String, Vec<String>>,
}

/// One that runs.
#[derive(Debug)]
pub struct Shell {
    script: Script,
    /// The command as far as it is typed.
    typed: String,
    /// When the last line of the command that runs is written.
    busy_until: Timestamp,
}

impl World {
    /// Runs a container's shell in a pane.
    pub(super) fn run(&mut self, now: Timestamp, id: u32, program: &PaneProgram) {
        let script = match program {
            PaneProgram::Exec { namespace, pod, container, .. } => {
                let container = container.as_deref().unwrap_or("main");
                self.shells.get(&format!("{namespace}/{pod}/{container}")).cloned()
            }
            PaneProgram::Attach { .. } | PaneProgram::Node { .. } => None,
        };
        let Some(script) = script else {
            let end = PaneEnd::Failed("this world has no such program".to_owned());
            return self.tell(now, ANSWER, Wire::Pane(id, PaneNews::Ended(end)));
        };
        self.tell(now, ANSWER, Wire::Pane(id, PaneNews::Begun));
        self.print(now, id, &script.prompt);
        self.running.insert(id, Shell { script, typed: String::new(), busy_until: now });
    }

    /// Nobody looks at it any more.
    pub(super) fn end(&mut self, id: u32) {
        if self.running.remove(&id).is_some() {
            self.silence(id);
        }
    }

    /// Takes what is typed to a shell, as a terminal in a line's discipline does: while a command runs it can only be interrupted.
    pub(super) fn type_to(&mut self, now: Timestamp, id: u32, bytes: &[u8]) {
        for byte in bytes {
            let Some(shell) = self.running.get_mut(&id) else { return };
            let is_busy = now < shell.busy_until;
            match *byte {
                INTERRUPT => {
                    shell.typed.clear();
                    shell.busy_until = now;
                    let prompt = shell.script.prompt.clone();
                    self.silence(id);
                    self.print(now, id, &format!("^C\r\n{prompt}"));
                }
                _ if is_busy => {}
                END if shell.typed.is_empty() => self.leave(now, id),
                ERASE if shell.typed.pop().is_some() => self.print(now, id, "\u{8} \u{8}"),
                b'\r' => self.command(now, id),
                letter @ b' '..=b'~' => {
                    shell.typed.push(char::from(letter));
                    self.print(now, id, &char::from(letter).to_string());
                }
                _ => {}
            }
        }
    }

    /// Runs what was typed.
    fn command(&mut self, now: Timestamp, id: u32) {
        let Some(shell) = self.running.get_mut(&id) else { return };
        let typed = std::mem::take(&mut shell.typed);
        let prompt = shell.script.prompt.clone();
        let lines = match (typed.trim(), shell.script.answers.get(typed.trim())) {
            ("exit", None) => {
                self.print(now, id, "\r\n");
                return self.leave(now, id);
            }
            ("", None) => Vec::new(),
            (_, Some(lines)) => lines.clone(),
            (typed, None) => vec![format!("0 sh: {}: not found", typed.split(' ').next().unwrap_or_default())],
        };
        self.print(now, id, "\r\n");
        let mut last = now;
        for line in lines {
            let (seconds, text) = line.split_once(' ').unwrap_or((line.as_str(), ""));
            last = now + SignedDuration::from_millis((seconds.parse::<f64>().unwrap_or(0.0) * 1_000.0) as i64);
            self.print(last, id, &format!("{text}\r\n"));
        }
        self.print(last, id, &prompt);
        if let Some(shell) = self.running.get_mut(&id) {
            shell.busy_until = last;
        }
    }

    fn leave(&mut self, now: Timestamp, id: u32) {
        self.running.remove(&id);
        self.tell(now, ANSWER, Wire::Pane(id, PaneNews::Ended(PaneEnd::Exited(0))));
    }

    fn print(&mut self, at: Timestamp, id: u32, text: &str) {
        let chunk = Chunk::new(text.as_bytes().to_vec(), None);
        self.tell(at, ANSWER, Wire::Pane(id, PaneNews::Output(chunk)));
    }

    /// What a shell was going to write is not written.
    fn silence(&mut self, id: u32) {
        let is_its = |next: &Next| matches!(next, Next::Told(wire) if matches!(**wire, Wire::Pane(of, _) if of == id));
        self.queue.retain(|(_, _, next)| !is_its(next));
    }
}

#[cfg(test)]
mod tests;
