//! A line typed to a container that has no terminal: it is shown and edited here, and sent when it is finished.

use super::Typed;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_width::UnicodeWidthChar;

/// The longest line, in bytes: as the kernel's own (`MAX_CANON`, termios(3)).
const MAX_LINE: usize = 4_096;

/// The line so far.
#[derive(Debug)]
pub struct LineInput {
    text: String,
    is_heard: bool,
}

impl LineInput {
    /// An empty one, for a container that reads its input or does not.
    pub const fn new(is_heard: bool) -> Self {
        Self { text: String::new(), is_heard }
    }

    /// What a key shows, and what it sends.
    pub fn key(&mut self, key: KeyEvent) -> (Vec<u8>, Typed) {
        if !self.is_heard {
            return (Vec::new(), Typed::Deaf);
        }
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => self.finish(),
            KeyCode::Char('j' | 'm') if ctrl => self.finish(),
            KeyCode::Char('d') if ctrl && self.text.is_empty() => (Vec::new(), Typed::End),
            // What is there goes without its end, as from a terminal.
            KeyCode::Char('d') if ctrl => (Vec::new(), Typed::of(std::mem::take(&mut self.text).into_bytes())),
            KeyCode::Char('u') if ctrl => {
                let echo = std::mem::take(&mut self.text).chars().rev().flat_map(rubbed_out).collect();
                (echo, Typed::Nothing)
            }
            KeyCode::Char('h') if ctrl => self.rub_out(),
            KeyCode::Backspace => self.rub_out(),
            KeyCode::Tab => self.add('\t'),
            KeyCode::Char(letter) if !ctrl && !key.modifiers.contains(KeyModifiers::ALT) => self.add(letter),
            _ => (Vec::new(), Typed::Nothing),
        }
    }

    /// What a pasted text shows, and what it sends: every line that it finishes.
    pub fn paste(&mut self, text: &str) -> (Vec<u8>, Typed) {
        if !self.is_heard {
            return (Vec::new(), Typed::Deaf);
        }
        let (mut echo, mut sent) = (Vec::new(), Vec::new());
        for letter in text.replace("\r\n", "\n").chars() {
            let (shown, typed) = match letter {
                '\n' | '\r' => self.finish(),
                '\t' => self.add('\t'),
                letter if letter.is_control() => continue,
                letter => self.add(letter),
            };
            echo.extend(shown);
            if let Typed::Bytes(bytes) = typed {
                sent.extend(bytes);
            }
        }
        (echo, Typed::of(sent))
    }

    fn add(&mut self, letter: char) -> (Vec<u8>, Typed) {
        if self.text.len() + letter.len_utf8() > MAX_LINE {
            return (Vec::new(), Typed::Nothing);
        }
        self.text.push(letter);
        // A tab is one blank here, so that it can be taken back.
        let shown = if letter == '\t' { ' ' } else { letter };
        (shown.encode_utf8(&mut [0; 4]).as_bytes().to_vec(), Typed::Nothing)
    }

    fn rub_out(&mut self) -> (Vec<u8>, Typed) {
        (self.text.pop().map(rubbed_out).unwrap_or_default(), Typed::Nothing)
    }

    fn finish(&mut self) -> (Vec<u8>, Typed) {
        let mut line = std::mem::take(&mut self.text);
        line.push('\n');
        (b"\r\n".to_vec(), Typed::Bytes(line.into_bytes()))
    }
}

/// The bytes that take a letter off the screen again.
fn rubbed_out(letter: char) -> Vec<u8> {
    let columns = if letter == '\t' { 1 } else { letter.width().unwrap_or(0) };
    b"\x08 \x08".repeat(columns)
}

#[cfg(test)]
mod tests {
    use super::{LineInput, Typed};
    use crate::console::keys::key::Key;

    fn press(line: &mut LineInput, keys: &str) -> (String, Vec<Typed>) {
        let (mut shown, mut sent) = (Vec::new(), Vec::new());
        for key in keys.split(' ') {
            let (echo, typed) = line.key(Key::parse(key).expect("a key").event());
            shown.extend(echo);
            if typed != Typed::Nothing {
                sent.push(typed);
            }
        }
        (String::from_utf8(shown).expect("UTF-8"), sent)
    }

    #[test]
    fn a_line_is_shown_edited_and_sent_when_it_is_finished() {
        let mut line = LineInput::new(true);
        let (shown, sent) = press(&mut line, "a b x backspace c enter");
        assert_eq!((shown.as_str(), sent), ("abx\x08 \x08c\r\n", vec![Typed::Bytes(b"abc\n".to_vec())]));
        assert_eq!(press(&mut line, "a \u{65e5} ctrl-u"), ("a\u{65e5}\x08 \x08\x08 \x08\x08 \x08".to_owned(), vec![]));
        assert_eq!(press(&mut line, "a ctrl-d"), ("a".to_owned(), vec![Typed::Bytes(b"a".to_vec())]));
        assert_eq!(press(&mut line, "ctrl-d"), (String::new(), vec![Typed::End]));
        assert_eq!(press(&mut LineInput::new(false), "a"), (String::new(), vec![Typed::Deaf]));
    }

    #[test]
    fn of_a_paste_all_finished_lines_are_sent() {
        let mut line = LineInput::new(true);
        let (shown, sent) = line.paste("one\r\ntwo\n\u{1b}th");
        assert_eq!((shown.as_slice(), sent), (&b"one\r\ntwo\r\nth"[..], Typed::Bytes(b"one\ntwo\n".to_vec())));
        assert_eq!(press(&mut line, "enter").1, [Typed::Bytes(b"th\n".to_vec())]);
    }
}
