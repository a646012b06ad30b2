//! Keys, pasted text and the mouse as the bytes that a terminal sends for them.
//!
//! As xterm does it (ctlseqs: "PC-Style Function Keys", "Mouse Tracking"), which is what programs expect of `TERM=xterm`.

use super::emulator::{Modes, MouseEncoding, MouseMode};
use crate::console::term::input::{Gesture, Mouse};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The bytes of a key; none for one that terminals send nothing for.
pub fn key(key: KeyEvent, has_application_cursor: bool) -> Vec<u8> {
    let held = key.modifiers;
    let (ctrl, alt) = (held.contains(KeyModifiers::CONTROL), held.contains(KeyModifiers::ALT));
    let plain = |bytes: &[u8]| {
        let mut out = if alt { vec![0x1b] } else { Vec::new() };
        out.extend_from_slice(bytes);
        out
    };
    match key.code {
        KeyCode::Char(letter) => match control(letter).filter(|_| ctrl) {
            Some(byte) => plain(&[byte]),
            None => plain(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        },
        KeyCode::Enter => plain(b"\r"),
        KeyCode::Tab => plain(b"\t"),
        KeyCode::BackTab => plain(b"\x1b[Z"),
        KeyCode::Backspace => plain(if ctrl { b"\x08" } else { b"\x7f" }),
        KeyCode::Esc => plain(b"\x1b"),
        KeyCode::Up => letter_key('A', held, has_application_cursor),
        KeyCode::Down => letter_key('B', held, has_application_cursor),
        KeyCode::Right => letter_key('C', held, has_application_cursor),
        KeyCode::Left => letter_key('D', held, has_application_cursor),
        KeyCode::Home => letter_key('H', held, has_application_cursor),
        KeyCode::End => letter_key('F', held, has_application_cursor),
        KeyCode::Insert => number_key(2, held),
        KeyCode::Delete => number_key(3, held),
        KeyCode::PageUp => number_key(5, held),
        KeyCode::PageDown => number_key(6, held),
        KeyCode::F(number @ 1..=4) => letter_key(char::from(b'P' + number - 1), held, true),
        KeyCode::F(number @ 5..=12) => number_key([15, 17, 18, 19, 20, 21, 23, 24][usize::from(number - 5)], held),
        _ => Vec::new(),
    }
}

/// The byte that control makes of a key, where it makes one.
const fn control(letter: char) -> Option<u8> {
    Some(match letter {
        'a'..='z' | 'A'..='Z' | '@' | '[' | '\\' | ']' | '^' | '_' => letter as u8 & 0x1f,
        ' ' | '2' => 0,
        '3' => 0x1b,
        '4' => 0x1c,
        '5' => 0x1d,
        '6' | '~' => 0x1e,
        '7' | '/' => 0x1f,
        '8' | '?' => 0x7f,
        _ => return None,
    })
}

/// What was held, as a number: one more than the sum of 1 for shift, 2 for alt and 4 for control.
const fn held_number(held: KeyModifiers) -> u8 {
    1 + held.contains(KeyModifiers::SHIFT) as u8
        + 2 * held.contains(KeyModifiers::ALT) as u8
        + 4 * held.contains(KeyModifiers::CONTROL) as u8
}

/// A key that ends in a letter: `CSI A`, `SS3 A` in a program's own mode, `CSI 1;5A` with control.
fn letter_key(letter: char, held: KeyModifiers, is_application: bool) -> Vec<u8> {
    match (held_number(held), is_application) {
        (1, false) => format!("\x1b[{letter}"),
        (1, true) => format!("\x1bO{letter}"),
        (number, _) => format!("\x1b[1;{number}{letter}"),
    }
    .into_bytes()
}

/// A key with a number: `CSI 5~`, `CSI 5;5~` with control.
fn number_key(key: u8, held: KeyModifiers) -> Vec<u8> {
    match held_number(held) {
        1 => format!("\x1b[{key}~"),
        number => format!("\x1b[{key};{number}~"),
    }
    .into_bytes()
}

/// A pasted text. What a paste could do beside being text is left out of it; between brackets only where the program asked for them.
pub fn paste(text: &str, is_bracketed: bool) -> Vec<u8> {
    let text = text.replace("\r\n", "\n");
    let letters = text.chars().map(|letter| if letter == '\n' { '\r' } else { letter });
    let text: String = letters.filter(|letter| matches!(letter, '\r' | '\t') || !letter.is_control()).collect();
    if is_bracketed { format!("\x1b[200~{text}\x1b[201~").into_bytes() } else { text.into_bytes() }
}

/// What the mouse did, at a place of the program's screen; `None` where the program did not ask for it.
pub fn mouse(modes: &Modes, mouse: Mouse) -> Option<Vec<u8>> {
    match (modes.mouse, mouse.gesture) {
        (MouseMode::None, _) => return None,
        // It is the program's, which wants none of it.
        (MouseMode::Press, Gesture::Drag | Gesture::Release) | (MouseMode::PressRelease, Gesture::Drag) => {
            return Some(Vec::new());
        }
        _ => {}
    }
    let button: u8 = match mouse.gesture {
        Gesture::Press | Gesture::Release => 0,
        Gesture::Drag => 32,
        Gesture::WheelUp => 64,
        Gesture::WheelDown => 65,
    };
    let (x, y) = (u32::from(mouse.x) + 1, u32::from(mouse.y) + 1);
    let encoding = modes.mouse_encoding;
    if encoding == MouseEncoding::Sgr {
        let end = if mouse.gesture == Gesture::Release { 'm' } else { 'M' };
        return Some(format!("\x1b[<{button};{x};{y}{end}").into_bytes());
    }
    // The older forms know no button that is let go, and no place past what a byte, or two of UTF-8, can say.
    let button = if mouse.gesture == Gesture::Release { 3 } else { button };
    let most = if encoding == MouseEncoding::Utf8 { 2_015 } else { 223 };
    if x > most || y > most {
        return Some(Vec::new());
    }
    let mut out = b"\x1b[M".to_vec();
    out.push(32 + button);
    for place in [x, y] {
        match char::from_u32(32 + place) {
            Some(letter) if encoding == MouseEncoding::Utf8 => {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => out.push(u8::try_from(32 + place).unwrap_or(u8::MAX)),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{key, mouse, paste};
    use crate::console::screen::pane::emulator::Emulator;
    use crate::console::term::input::{Gesture, Mouse};
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    const NONE: KeyModifiers = KeyModifiers::NONE;

    fn check(code: KeyCode, held: KeyModifiers, expected: &[u8]) {
        let sent = key(KeyEvent::new(code, held), false);
        assert_eq!(sent, expected, "{code:?} {held:?}: {}", String::from_utf8_lossy(&sent).escape_debug());
    }

    #[test]
    fn letters_go_as_they_are_and_control_makes_bytes_of_them() {
        check(KeyCode::Char('a'), NONE, b"a");
        check(KeyCode::Char('\u{e9}'), NONE, "\u{e9}".as_bytes());
        check(KeyCode::Char('A'), KeyModifiers::SHIFT, b"A");
        for (letter, byte) in
            [('a', 1), ('c', 3), ('z', 26), ('\\', 0x1c), (']', 0x1d), ('^', 0x1e), ('_', 0x1f), (' ', 0), ('?', 0x7f)]
        {
            check(KeyCode::Char(letter), KeyModifiers::CONTROL, &[byte]);
        }
        check(KeyCode::Char('1'), KeyModifiers::CONTROL, b"1");
        check(KeyCode::Char('b'), KeyModifiers::ALT, b"\x1bb");
        check(KeyCode::Char('c'), KeyModifiers::ALT | KeyModifiers::CONTROL, b"\x1b\x03");
    }

    #[test]
    fn keys_without_letters_are_those_of_xterm() {
        let cases: &[(KeyCode, &[u8])] = &[
            (KeyCode::Enter, b"\r"),
            (KeyCode::Tab, b"\t"),
            (KeyCode::BackTab, b"\x1b[Z"),
            (KeyCode::Backspace, b"\x7f"),
            (KeyCode::Esc, b"\x1b"),
            (KeyCode::Up, b"\x1b[A"),
            (KeyCode::Home, b"\x1b[H"),
            (KeyCode::Insert, b"\x1b[2~"),
            (KeyCode::Delete, b"\x1b[3~"),
            (KeyCode::PageUp, b"\x1b[5~"),
            (KeyCode::PageDown, b"\x1b[6~"),
            (KeyCode::F(1), b"\x1bOP"),
            (KeyCode::F(4), b"\x1bOS"),
            (KeyCode::F(5), b"\x1b[15~"),
            (KeyCode::F(6), b"\x1b[17~"),
            (KeyCode::F(12), b"\x1b[24~"),
            (KeyCode::F(13), b""),
            (KeyCode::Null, b""),
        ];
        for (code, expected) in cases {
            check(*code, NONE, expected);
        }
        check(KeyCode::Right, KeyModifiers::CONTROL, b"\x1b[1;5C");
        check(KeyCode::Left, KeyModifiers::SHIFT | KeyModifiers::ALT, b"\x1b[1;4D");
        check(KeyCode::Delete, KeyModifiers::CONTROL, b"\x1b[3;5~");
        check(KeyCode::F(2), KeyModifiers::SHIFT, b"\x1b[1;2Q");
        check(KeyCode::F(5), KeyModifiers::CONTROL, b"\x1b[15;5~");
        check(KeyCode::Backspace, KeyModifiers::ALT, b"\x1b\x7f");
    }

    #[test]
    fn arrows_are_others_where_a_program_has_its_own_mode() {
        let application = |code, held| key(KeyEvent::new(code, held), true);
        assert_eq!(application(KeyCode::Up, NONE), b"\x1bOA");
        assert_eq!(application(KeyCode::End, NONE), b"\x1bOF");
        assert_eq!(application(KeyCode::Up, KeyModifiers::CONTROL), b"\x1b[1;5A");
    }

    #[test]
    fn a_paste_is_text_and_cannot_leave_its_brackets() {
        assert_eq!(paste("a\nb\tc\r\nd", false), b"a\rb\tc\rd");
        assert_eq!(paste("a\x1b[201~rm\x03\u{9b}x", true), b"\x1b[200~a[201~rmx\x1b[201~");
    }

    #[test]
    fn the_mouse_is_told_only_as_a_program_asked() {
        let told = |asked: &[u8], gesture, x, y| {
            let mut emulator = Emulator::new((80, 24));
            emulator.write(asked);
            mouse(emulator.modes(), Mouse { gesture, x, y }).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(told(b"", Gesture::Press, 0, 0), None);
        assert_eq!(told(b"\x1b[?1000h\x1b[?1006h", Gesture::Press, 9, 4), text("\x1b[<0;10;5M"));
        assert_eq!(told(b"\x1b[?1000h\x1b[?1006h", Gesture::Release, 9, 4), text("\x1b[<0;10;5m"));
        assert_eq!(told(b"\x1b[?1000h\x1b[?1006h", Gesture::Drag, 9, 4), text(""));
        assert_eq!(told(b"\x1b[?1002h\x1b[?1006h", Gesture::Drag, 9, 4), text("\x1b[<32;10;5M"));
        assert_eq!(told(b"\x1b[?1000h\x1b[?1006h", Gesture::WheelDown, 0, 0), text("\x1b[<65;1;1M"));
        assert_eq!(told(b"\x1b[?1000h", Gesture::Press, 0, 1), text("\x1b[M !\""));
        assert_eq!(told(b"\x1b[?1000h", Gesture::Release, 0, 1), text("\x1b[M#!\""));
        assert_eq!(told(b"\x1b[?1000h", Gesture::Press, 300, 1), text(""), "a byte does not reach so far");
        assert_eq!(told(b"\x1b[?1000h\x1b[?1005h", Gesture::Press, 300, 0), text("\x1b[M \u{14d}!"));
        assert_eq!(told(b"\x1b[?9h", Gesture::Release, 0, 1), text(""));
    }
}
