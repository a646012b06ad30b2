//! A program on a terminal of its own within the console: what it shows, what it is, and how it ended.

pub mod display;
pub mod emulator;
pub mod encode;
mod grid;
mod line;
mod pen;

use crate::console::base::short::{Short, short};
use crate::console::link::{PaneEnd, PaneProgram};
use crate::console::model::row::Key;
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use crossterm::event::KeyEvent;
use emulator::Emulator;
use jiff::Timestamp;
use line::LineInput;
use objects::Kind;
use ratatui::layout::{Position, Rect};

/// The screen of a pane: which one it shows, and what that one is about, which stays when the pane is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaneView {
    /// The pane's number.
    pub id: u32,
    /// What it is about.
    pub about: PaneAbout,
}

/// What a pane's program is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaneAbout {
    /// A shell in a container of a pod.
    Shell(Key, String),
    /// A container of a pod.
    Attach(Key, String),
    /// A shell of a node's.
    Node(String),
}

impl PaneAbout {
    /// What a program is about.
    pub fn of(program: &PaneProgram) -> Self {
        let key = |namespace: &str, pod: &str| Key { namespace: namespace.into(), name: pod.into() };
        match program {
            PaneProgram::Exec { namespace, pod, container, .. } => {
                Self::Shell(key(namespace, pod), container.clone().unwrap_or_default())
            }
            PaneProgram::Attach { namespace, pod, container, .. } => {
                Self::Attach(key(namespace, pod), container.clone().unwrap_or_default())
            }
            PaneProgram::Node { node } => Self::Node(node.clone()),
        }
    }

    /// The object: a pod or a node.
    pub fn subject(&self) -> (Kind, Key) {
        match self {
            Self::Shell(pod, _) | Self::Attach(pod, _) => (Kind::Pod, pod.clone()),
            Self::Node(node) => (Kind::Node, Key { namespace: "".into(), name: node.as_str().into() }),
        }
    }

    /// The container; empty where it is a node's program.
    pub fn container(&self) -> &str {
        match self {
            Self::Shell(_, container) | Self::Attach(_, container) => container,
            Self::Node(_) => "",
        }
    }

    /// One word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Attach(..) => "attach",
            Self::Shell(..) | Self::Node(_) => "shell",
        }
    }
}

/// How a pane's program stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaneState {
    /// It is being run or joined.
    Opening,
    /// It runs.
    Running,
    /// Nothing more comes of it.
    Ended(PaneEnd),
}

/// Who has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// The program.
    Program,
    /// The console: one reads what was scrolled out.
    Reading,
}

/// A pane.
#[derive(Debug)]
pub struct Pane {
    /// Its number, which is the stream's too.
    pub id: u32,
    /// What it runs.
    pub program: PaneProgram,
    /// How that stands.
    pub state: PaneState,
    /// Since when.
    pub since: Timestamp,
    /// Whether it wrote something that nobody has seen.
    pub is_unread: bool,
    /// Who has its keys while the program runs.
    pub keys: Keys,
    /// Whether was told that the clipboard is not its own.
    pub told_of_clipboard: bool,
    /// The terminal.
    pub emulator: Emulator,
    /// How a line is typed to a container without a terminal; `None` where the program has one.
    line: Option<LineInput>,
    /// Whether the last byte was a carriage return, for a program without a terminal.
    after_return: bool,
}

impl Pane {
    /// One whose program is being run.
    pub fn new(id: u32, program: PaneProgram, size: (u16, u16), now: Timestamp) -> Self {
        let line = match program {
            PaneProgram::Attach { has_terminal: false, has_input, .. } => Some(LineInput::new(has_input)),
            _ => None,
        };
        Self {
            id,
            program,
            state: PaneState::Opening,
            since: now,
            is_unread: false,
            keys: Keys::Program,
            told_of_clipboard: false,
            emulator: Emulator::new(size),
            line,
            after_return: false,
        }
    }

    /// What it is about.
    pub fn about(&self) -> PaneAbout {
        PaneAbout::of(&self.program)
    }

    /// Its screen.
    pub fn view(&self) -> PaneView {
        PaneView { id: self.id, about: self.about() }
    }

    /// Whether its program may still do something.
    pub const fn is_running(&self) -> bool {
        !matches!(self.state, PaneState::Ended(_))
    }

    /// Whether keys go to the program.
    pub const fn has_keys(&self) -> bool {
        self.is_running() && matches!(self.keys, Keys::Program)
    }

    /// Takes what the program wrote; what it is to be sent in answer.
    pub fn write(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.line.is_none() {
            return self.emulator.write(bytes);
        }
        // A program without a terminal ends its lines with a line feed alone.
        let mut lines = Vec::with_capacity(bytes.len() + bytes.len() / 16);
        for byte in bytes {
            if *byte == b'\n' && !self.after_return {
                lines.push(b'\r');
            }
            lines.push(*byte);
            self.after_return = *byte == b'\r';
        }
        self.emulator.write(&lines);
        // Whoever has no terminal asks it nothing.
        Vec::new()
    }

    /// What the program is sent for a key. The window goes back to the newest rows.
    pub fn type_key(&mut self, key: KeyEvent) -> Typed {
        self.emulator.go_back_to(0);
        match &mut self.line {
            Some(line) => {
                let (echo, typed) = line.key(key);
                self.emulator.write(&echo);
                typed
            }
            None => Typed::of(encode::key(key, self.emulator.modes().has_application_cursor)),
        }
    }

    /// What the program is sent for a pasted text.
    pub fn type_text(&mut self, text: &str) -> Typed {
        self.emulator.go_back_to(0);
        match &mut self.line {
            Some(line) => {
                let (echo, typed) = line.paste(text);
                self.emulator.write(&echo);
                typed
            }
            None => Typed::of(encode::paste(text, self.emulator.modes().brackets_paste)),
        }
    }

    /// How it stands, in a few words.
    pub fn standing(&self) -> (Short, Role) {
        match &self.state {
            PaneState::Opening => (short!("◐ opening"), Role::Busy),
            PaneState::Running => (short!("● running"), Role::Ok),
            PaneState::Ended(PaneEnd::Exited(0)) => (short!("○ ended, exit code 0"), Role::Dim),
            PaneState::Ended(PaneEnd::Exited(code)) => (short!("✕ ended, exit code {code}"), Role::Bad),
            PaneState::Ended(PaneEnd::Failed(_)) => (short!("✕ failed"), Role::Bad),
            PaneState::Ended(PaneEnd::Lost(_)) => (short!("✕ link lost"), Role::Bad),
            PaneState::Ended(PaneEnd::Left) => (short!("○ left"), Role::Dim),
        }
    }

    /// Draws the terminal; where its cursor is, where it is shown.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Option<Position> {
        let (display, depth) = (self.emulator.display(), canvas.theme.depth());
        let mut letter = String::new();
        for y in 0..area.height {
            let row = display.visible(y.into());
            for x in 0..area.width {
                let cell = &mut canvas.buffer[(area.x + x, area.y + y)];
                cell.reset();
                // Of a row that was scrolled out in a narrower window, and of a window that was not told of its size yet, some is missing.
                let Some(shown) = row.and_then(|row| row.cell(x.into())) else { continue };
                match shown.letter() {
                    Some(letter) => cell.set_char(letter),
                    None => {
                        letter.clear();
                        shown.push_to(&mut letter);
                        cell.set_symbol(&letter)
                    }
                };
                cell.set_style(shown.pen.style(depth));
            }
        }
        let (x, y) = self.emulator.cursor();
        let is_shown = self.has_keys() && self.emulator.modes().has_cursor && display.back() == 0;
        (is_shown && x < area.width && y < area.height).then(|| Position { x: area.x + x, y: area.y + y })
    }
}

/// What is sent to a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The end of its input.
    End,
    /// Nothing.
    Nothing,
    /// It reads nothing: that is to be said.
    Deaf,
}

impl Typed {
    fn of(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { Self::Nothing } else { Self::Bytes(bytes) }
    }
}
