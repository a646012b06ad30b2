//! The thread that reads keys: it sleeps until the terminal has something to say, and ends when the terminal is gone.
//!
//! The bytes are read here and only parsed by a library: a terminal's answers come between the keys, long after they were
//! asked for on a slow line, and must never be taken for keys.

use super::pause;
use crossterm::event::{self, KeyEvent, KeyModifiers};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::AsFd;
use termina::escape::csi::{Csi, Cursor};
use termina::escape::osc::{ColorOrQuery, DynamicColorNumber, Osc};
use termina::event::{KeyCode, KeyEventKind, Modifiers, MouseButton, MouseEventKind};
use termina::{Event, Parser};

/// What a user does at the terminal, and what the terminal answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(event::KeyEvent),
    /// The mouse did something.
    Mouse(Mouse),
    /// Text was pasted.
    Paste(String),
    /// The terminal says what colour its background has.
    Background(Shade),
    /// The terminal has shown everything that was written before it was asked where its cursor is.
    Shown,
    /// The terminal is gone.
    Gone,
}

/// What the mouse did, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mouse {
    /// What.
    pub gesture: Gesture,
    /// The column, from 0.
    pub x: u16,
    /// The row, from 0.
    pub y: u16,
}

/// What one does with a mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gesture {
    /// Presses the first button.
    Press,
    /// Moves while it is pressed.
    Drag,
    /// Lets it go.
    Release,
    /// Turns the wheel away from oneself.
    WheelUp,
    /// Turns it towards oneself.
    WheelDown,
}

/// Which of two a background is nearer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shade {
    /// Black.
    Dark,
    /// White.
    Light,
}

/// Asks for the background's colour (OSC 11).
pub const ASK_BACKGROUND: &[u8] = b"\x1b]11;?\x1b\\";
/// Asks where the cursor is, which a terminal answers when it has shown what came before (DSR 6).
pub const ASK_SHOWN: &[u8] = b"\x1b[6n";

/// How long the rest of a sequence may take that a slow line cut after its first byte.
const REST_MS: u16 = 25;

/// Starts the thread. `sink` is called for every input and answers whether anybody still listens.
///
/// # Errors
/// Where no thread can be started.
pub fn start(sink: impl Fn(Input) -> bool + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("keys".to_owned()).stack_size(256 * 1024).spawn(move || read_all(&sink)).map(drop)
}

fn read_all(sink: &impl Fn(Input) -> bool) {
    let stdin = io::stdin();
    let mut parser = Parser::default();
    let mut bytes = [0; 4_096];
    while let Some(ready) = wait(&stdin, PollTimeout::NONE) {
        if pause::wait_while_paused() {
            // What there was to read was somebody else's.
            continue;
        }
        if ready.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) {
            break;
        }
        let count = match rustix::io::read(&stdin, &mut bytes) {
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
            // Readable, and yet not a byte to read: that is the end of the file.
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        let is_cut = bytes[count - 1] == 0x1b && wait(&stdin, PollTimeout::from(REST_MS)).is_some_and(|ready| !ready.is_empty());
        for input in inputs(&mut parser, &bytes[..count], is_cut) {
            if !sink(input) {
                return;
            }
        }
    }
    sink(Input::Gone);
}

/// What the terminal is ready for; nothing after the time, `None` where it cannot be asked.
pub fn wait(stdin: &io::Stdin, timeout: PollTimeout) -> Option<PollFlags> {
    loop {
        let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return None,
            Ok(0) => return Some(PollFlags::empty()),
            Ok(_) => return Some(fds[0].revents().unwrap_or(PollFlags::POLLERR)),
        }
    }
}

fn inputs(parser: &mut Parser, bytes: &[u8], is_cut: bool) -> Vec<Input> {
    parser.parse(bytes, is_cut);
    std::iter::from_fn(|| parser.pop()).filter_map(input).collect()
}

fn input(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            let modifiers = modifiers(key.modifiers);
            Some(Input::Key(KeyEvent::new(control(code(key.code)?, modifiers), modifiers)))
        }
        Event::Mouse(mouse) => {
            let gesture = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => Gesture::Press,
                MouseEventKind::Drag(MouseButton::Left) => Gesture::Drag,
                MouseEventKind::Up(MouseButton::Left) => Gesture::Release,
                MouseEventKind::ScrollUp => Gesture::WheelUp,
                MouseEventKind::ScrollDown => Gesture::WheelDown,
                _ => return None,
            };
            Some(Input::Mouse(Mouse { gesture, x: mouse.column, y: mouse.row }))
        }
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Csi(Csi::Cursor(Cursor::ActivePositionReport { .. })) => Some(Input::Shown),
        Event::Osc(Osc::ChangeDynamicColors(DynamicColorNumber::TextBackgroundColor, colors)) => match colors.first()? {
            ColorOrQuery::Color(color) => {
                let light = 299 * u32::from(color.red) + 587 * u32::from(color.green) + 114 * u32::from(color.blue);
                Some(Input::Background(if light > 127_500 { Shade::Light } else { Shade::Dark }))
            }
            ColorOrQuery::Query => None,
        },
        _ => None,
    }
}

fn modifiers(of: Modifiers) -> KeyModifiers {
    let mut modifiers = KeyModifiers::NONE;
    modifiers.set(KeyModifiers::SHIFT, of.contains(Modifiers::SHIFT));
    modifiers.set(KeyModifiers::CONTROL, of.contains(Modifiers::CONTROL));
    modifiers.set(KeyModifiers::ALT, of.contains(Modifiers::ALT));
    modifiers
}

/// Four bytes are sent by two keys each: they go by the one that is on the key in ASCII, `ctrl-]` and not `ctrl-5`.
fn control(code: event::KeyCode, modifiers: KeyModifiers) -> event::KeyCode {
    let event::KeyCode::Char(digit @ '4'..='7') = code else { return code };
    if !modifiers.contains(KeyModifiers::CONTROL) {
        return code;
    }
    event::KeyCode::Char(match digit {
        '4' => '\\',
        '5' => ']',
        '6' => '^',
        _ => '_',
    })
}

fn code(code: KeyCode) -> Option<event::KeyCode> {
    use event::KeyCode as Known;
    Some(match code {
        KeyCode::Char(letter) => Known::Char(letter),
        KeyCode::Enter => Known::Enter,
        KeyCode::Backspace => Known::Backspace,
        KeyCode::Tab => Known::Tab,
        KeyCode::BackTab => Known::BackTab,
        KeyCode::Escape => Known::Esc,
        KeyCode::Left => Known::Left,
        KeyCode::Right => Known::Right,
        KeyCode::Up => Known::Up,
        KeyCode::Down => Known::Down,
        KeyCode::Home => Known::Home,
        KeyCode::End => Known::End,
        KeyCode::PageUp => Known::PageUp,
        KeyCode::PageDown => Known::PageDown,
        KeyCode::Insert => Known::Insert,
        KeyCode::Delete => Known::Delete,
        KeyCode::Function(number) => Known::F(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Gesture, Input, Mouse, Shade, inputs};
    use crossterm::event::{KeyCode, KeyModifiers};
    use termina::Parser;

    fn names(inputs: &[Input]) -> Vec<String> {
        let name = |input: &Input| match input {
            Input::Key(key) => {
                let held = [(KeyModifiers::CONTROL, "ctrl-"), (KeyModifiers::ALT, "alt-")];
                let held = held.iter().filter(|(modifier, _)| key.modifiers.contains(*modifier)).map(|(_, name)| *name);
                let code = match key.code {
                    KeyCode::Char(letter) => letter.to_string(),
                    other => format!("{other:?}").to_lowercase(),
                };
                held.collect::<String>() + &code
            }
            other => format!("{other:?}"),
        };
        inputs.iter().map(name).collect()
    }

    fn read(bytes: &[u8]) -> Vec<String> {
        names(&inputs(&mut Parser::default(), bytes, false))
    }

    #[test]
    fn keys_have_the_names_of_the_table() {
        assert_eq!(read(b"jG \r\x1b\x7f\t"), ["j", "G", " ", "enter", "alt-backspace", "tab"]);
        assert_eq!(read(b"\x04\x1b[A\x1bOB\x1b[5~\x1b[Z\x1b[3~"), ["ctrl-d", "up", "down", "pageup", "backtab", "delete"]);
        assert_eq!(read("\u{e9}\u{65e5}".as_bytes()), ["\u{e9}", "\u{65e5}"]);
        assert_eq!(read(b"\x1b"), ["esc"]);
        assert_eq!(read(b"\x1c\x1d\x1e\x1f5"), ["ctrl-\\", "ctrl-]", "ctrl-^", "ctrl-_", "5"]);
    }

    #[test]
    fn a_sequence_that_a_slow_line_cut_is_still_one_key() {
        let mut parser = Parser::default();
        assert!(inputs(&mut parser, b"\x1b", true).is_empty());
        assert_eq!(names(&inputs(&mut parser, b"[", false)), [""; 0]);
        assert_eq!(names(&inputs(&mut parser, b"Bj", false)), ["down", "j"]);
    }

    #[test]
    fn a_terminals_answers_are_no_keys() {
        let answers = b"\x1b]11;rgb:ffff/fafa/f0f0\x1b\\j\x1b]11;rgb:1212/1616/1e1e\x07\x1b[12;40Rk\x1b[?62;c\x1b[0n";
        let read = inputs(&mut Parser::default(), answers, false);
        assert_eq!(read[0], Input::Background(Shade::Light));
        assert_eq!(read[2], Input::Background(Shade::Dark));
        assert_eq!(names(&read), ["Background(Light)", "j", "Background(Dark)", "Shown", "k"]);
    }

    #[test]
    fn the_mouse_tells_where_it_is_and_is_no_key() {
        let read = inputs(&mut Parser::default(), b"\x1b[<0;5;3Mj\x1b[<32;6;3M\x1b[<0;6;3m\x1b[<65;1;1M\x1b[<2;1;1M", false);
        let mouse = |gesture, x, y| Input::Mouse(Mouse { gesture, x, y });
        assert_eq!(read[0], mouse(Gesture::Press, 4, 2));
        assert_eq!(read[2..], [mouse(Gesture::Drag, 5, 2), mouse(Gesture::Release, 5, 2), mouse(Gesture::WheelDown, 0, 0)]);
    }

    #[test]
    fn a_paste_is_one_text_whatever_is_in_it() {
        assert_eq!(read(b"\x1b[200~q\x1b[A:q!\n\x1b[201~"), ["Paste(\"q\\u{1b}[A:q!\\n\")"]);
    }
}
