//! The emulator: what each sequence does to the picture, and that nothing a program writes is too much.

use super::super::display::{MAX_BYTES, MAX_ROWS};
use super::Emulator;

fn written(bytes: &[u8]) -> (Emulator, String) {
    let mut emulator = Emulator::new((20, 4));
    let answers = emulator.write(bytes);
    (emulator, String::from_utf8_lossy(&answers).into_owned())
}

/// What is shown after a text, in a window of 20 by 4, and where the cursor is.
fn check(text: &str, expected: &str, cursor: (u16, u16)) {
    let (emulator, _) = written(text.as_bytes());
    let shown = emulator.display().visible_text();
    assert_eq!((shown.as_str(), emulator.cursor()), (expected, cursor), "{}", text.escape_debug());
}

#[test]
fn letters_lines_and_their_ends() {
    check("ab\r\nc\x08d", "ab\nd", (1, 1));
    check("a\tb\n\x0bc", "a       b\n\n         c", (10, 2));
    check("0123456789012345678", "0123456789012345678", (19, 0));
    // The last column is written, and the next row begins with the next letter.
    check("01234567890123456789", "01234567890123456789", (19, 0));
    check("01234567890123456789\r\nx", "01234567890123456789\nx", (1, 1));
    check("01234567890123456789x", "01234567890123456789x", (1, 1));
    check("\x1b[?7l0123456789012345678901x", "0123456789012345678x", (19, 0));
    check("1\r\n2\r\n3\r\n4\r\n5", "2\n3\n4\n5", (1, 3));
    check("\x1b[20ha\nb", "a\nb", (1, 1));
}

#[test]
fn wide_letters_take_two_columns_and_marks_none() {
    check("\u{65e5}\u{672c}e\u{301}", "\u{65e5}\u{672c}e\u{301}", (5, 0));
    check("0123456789012345678\u{65e5}", "0123456789012345678 \u{65e5}", (2, 1));
    check("\u{65e5}\rx", "x", (1, 0));
    check("01234567890123456789\u{301}", "01234567890123456789\u{301}", (19, 0));
}

#[test]
fn the_cursor_goes_where_it_is_sent_and_no_further() {
    check("\x1b[2;3Hx", "\n  x", (3, 1));
    check("\x1b[99;99Hx\x1b[99D\x1b[99Ay", "y\n\n\n                   x", (1, 0));
    check("\x1b[3;1Ha\x1b[1Fb\x1b[Ec", "\nb\nc", (1, 2));
    check("\x1b[5Ga\x1b[3db\x1b[2`c", "    a\n\n c   b", (2, 2));
    check("ab\x1b7\r\n\x1b[31mcd\x1b8x\x1b[sy\x1b[uz", "abxz\ncd", (4, 0));
    check("\x1b[3g\x1b[5G\x1bH\r\tx\x1b[Zy", "    y", (5, 0));
}

#[test]
fn rows_scroll_within_their_region() {
    let rows = "1\r\n2\r\n3\r\n4";
    check(&format!("{rows}\x1b[2;3r\x1b[3;1H\n"), "1\n3\n\n4", (0, 2));
    check(&format!("{rows}\x1b[2;3r\x1b[2;1H\x1bM"), "1\n\n2\n4", (0, 1));
    check(&format!("{rows}\x1b[2;3r\x1b[?6h\x1b[1;1Hx\x1b[9;1Hy"), "1\nx\ny\n4", (1, 2));
    check(&format!("{rows}\x1b[2;1H\x1b[L"), "1\n\n2\n3", (0, 1));
    check(&format!("{rows}\x1b[2;1H\x1b[2M"), "1\n4", (0, 1));
    check(&format!("{rows}\x1b[S"), "2\n3\n4", (1, 3));
    check(&format!("{rows}\x1b[2T"), "\n\n1\n2", (1, 3));
    // Outside of it rows are not inserted, and the last row does not scroll.
    check(&format!("{rows}\x1b[1;2r\x1b[4;1H\n\x1b[L"), "1\n2\n3\n4", (0, 3));
}

#[test]
fn letters_are_erased_inserted_deleted_and_repeated() {
    check("abcdef\x1b[3G\x1b[K", "ab", (2, 0));
    check("abcdef\x1b[3G\x1b[1K", "   def", (2, 0));
    check("abcdef\x1b[3G\x1b[2@", "ab  cdef", (2, 0));
    check("abcdef\x1b[3G\x1b[2P", "abef", (2, 0));
    check("abcdef\x1b[3G\x1b[2X", "ab  ef", (2, 0));
    check("abc\x1b[2G\x1b[4hxy\x1b[4lz", "axyzc", (4, 0));
    check("a\x1b[3b", "aaaa", (4, 0));
    check("ab\r\ncd\x1b[J\x1b[1;2H\x1b[1J", "\ncd", (1, 0));
    check("ab\r\ncd\x1b[2J", "", (2, 1));
}

#[test]
fn boxes_are_drawn_with_the_letters_of_the_vt100() {
    check("\x1b(0lqk\x1b(Bq", "\u{250c}\u{2500}\u{2510}q", (4, 0));
    check("\x1b)0\x0ex\x0fx", "\u{2502}x", (2, 0));
}

#[test]
fn the_second_screen_comes_and_goes() {
    check("one\x1b[?1049h\x1b[Htwo", "two", (3, 0));
    check("one\x1b[?1049h\x1b[Htwo\r\n\x1b[31m\x1b[?1049lx", "onex", (4, 0));
    let (mut emulator, _) = written(b"one\x1b[?1049h\x1b[Htwo");
    emulator.resize((10, 2));
    emulator.write(b"\x1b[?1049l!");
    assert_eq!((emulator.display().visible_text().as_str(), emulator.cursor()), ("one!", (4, 0)));
}

#[test]
fn a_window_of_another_size_loses_no_rows() {
    let mut emulator = Emulator::new((20, 4));
    emulator.write(b"1\r\n2\r\n3\r\n4\r\n5");
    emulator.resize((20, 2));
    assert_eq!((emulator.display().visible_text().as_str(), emulator.cursor()), ("4\n5", (1, 1)));
    emulator.resize((30, 6));
    assert_eq!((emulator.display().visible_text().as_str(), emulator.cursor()), ("1\n2\n3\n4\n5", (1, 4)));
    emulator.write(b"\x1b[2J\x1b[Htop");
    emulator.resize((30, 3));
    assert_eq!((emulator.display().visible_text().as_str(), emulator.cursor()), ("top", (3, 0)));
}

#[test]
fn questions_of_a_program_are_answered_and_others_are_not() {
    for (asked, answer) in [
        ("\x1b[c", "\x1b[?62;22c"),
        ("\x1b[>0c", "\x1b[>1;10;0c"),
        ("\x1b[5n", "\x1b[0n"),
        ("ab\r\n\x1b[6n", "\x1b[2;1R"),
        ("01234567890123456789\x1b[6n", "\x1b[1;20R"),
        ("\x1b[2;4r\x1b[?6h\x1b[6n", "\x1b[1;1R"),
        ("\x1b[18t", "\x1b[8;4;20t"),
        ("\x1b[?2026$p\x1b[?25$p\x1b[?1049$p", "\x1b[?2026;0$y\x1b[?25;1$y\x1b[?1049;2$y"),
        ("\x1b[21t\x1b]52;c;?\x07\x1b[?u\x05\x1bP+q544e\x1b\\", ""),
    ] {
        assert_eq!(written(asked.as_bytes()).1, answer, "{}", asked.escape_debug());
    }
    assert!(written("\x1b[6n".repeat(10_000).as_bytes()).1.len() <= super::MAX_ANSWERS);
}

#[test]
fn a_title_is_heard_without_what_a_terminal_would_obey() {
    assert_eq!(written(b"\x1b]2;top; 2\x1b\\").0.title(), "top; 2");
    assert_eq!(written("\x1b]0;a\u{202e}b\u{9b}31mc\x07".as_bytes()).0.title(), "ab31mc");
    assert!(written(format!("\x1b]2;{}\x07", "x".repeat(500)).as_bytes()).0.title().len() <= super::sequences::MAX_TITLE);
}

#[test]
fn the_clipboard_is_not_the_programs() {
    let (mut emulator, answers) = written(b"\x1b]52;c;a3ViaWE=\x07");
    assert_eq!(answers, "");
    assert!(emulator.take_clipboard_wish() && !emulator.take_clipboard_wish());
}

#[test]
fn what_was_scrolled_out_is_kept_up_to_a_limit_and_found_again() {
    let mut emulator = Emulator::new((20, 4));
    for number in 0..30 {
        emulator.write(format!("line {number}\r\n").as_bytes());
    }
    assert_eq!(emulator.display().kept(), 27);
    emulator.go_back_to(usize::MAX);
    assert_eq!(emulator.display().visible_text(), "line 0\nline 1\nline 2\nline 3");
    // What comes meanwhile does not move what one reads.
    emulator.write(b"more\r\nmore\r\n");
    assert!(emulator.display().visible_text().starts_with("line 0\n"));
    let text = emulator.display().whole_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[29], lines[31]), (32, "line 0", "line 29", "more"));
    // A line longer than the window is one line.
    emulator.write(format!("{}\r\n", "x".repeat(50)).as_bytes());
    assert!(emulator.display().whole_text().ends_with(&format!("\n{}", "x".repeat(50))));
    for _ in 0..2 * MAX_ROWS {
        emulator.write(b"y\r\n");
    }
    assert_eq!(emulator.display().kept(), MAX_ROWS);
    let mut emulator = Emulator::new((200, 4));
    let long = format!("{}\r\n", "x".repeat(199));
    for _ in 0..MAX_ROWS {
        emulator.write(long.as_bytes());
    }
    assert!(
        emulator.display().kept() * 200 * size_of::<super::super::grid::Cell>() <= MAX_BYTES,
        "{}",
        emulator.display().kept()
    );
    emulator.write(b"\x1b[3J");
    assert_eq!(emulator.display().kept(), 0);
}

/// Random numbers from a seed.
fn random(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    }
}

#[test]
fn nothing_that_a_program_writes_is_the_end_of_the_console() {
    // The pieces that sequences are made of, in any order, between changes of the window.
    const PIECES: &str = "\x1b [ ] ? ; : 1 2 49 999 65535 h l m H J K L M P @ S T X r b g I Z E F A B C D d G a \r \n \t \x08 \u{65e5} \u{1f600} \u{fe0f} \
        \u{301} \u{200d} 7 8 c 1049 25 \x0e \x0f \x07 ( 0 # q n x p $ ! \x1b[ \x1b[? \x1bM \x1bD \x1bH \x1b7 \x1b8 \x1b[?6h \x1b[2;3r \x1b[4h \x1b[?7l \
        \x1b[?47h \x1b[?1049h \x1b[?1049l \u{1f468}\u{200d}\u{1f469} \x1b[3J \x1b[2J \x1bc \x1b#8 \x1b[!p \x1b[s \x1b[u \u{9b}";
    let of = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (seed, rounds) = (of("SKIFF_SEED").unwrap_or(7), of("SKIFF_RUNS").unwrap_or(40) * 100);
    println!("SKIFF_SEED={seed}");
    let mut next = random(seed);
    let pieces: Vec<&str> = PIECES.split(' ').collect();
    let mut emulator = Emulator::new((20, 4));
    for round in 0..rounds {
        let text: String = (0..next(60)).map(|_| pieces[next(pieces.len())]).collect();
        emulator.write(text.as_bytes());
        if round % 7 == 0 {
            emulator.go_back_to(next(50));
        }
        if round % 5 == 0 {
            emulator.resize((next(40) as u16, next(12) as u16));
        }
        let ((columns, rows), (x, y)) = (emulator.size(), emulator.cursor());
        assert!(x < columns && y < rows, "{x} {y} in {columns}x{rows}");
        // Each letter has the room that it takes.
        for y in 0..usize::from(rows) {
            let mut covered = 0;
            for x in 0..usize::from(columns) {
                let Some(cell) = emulator.display().visible(y).and_then(|row| row.cell(x)) else { break };
                let mut letter = String::new();
                cell.push_to(&mut letter);
                assert_eq!(cell.is_covered(), covered > 0, "round {round}: {x} {y} {letter:?}");
                covered = if cell.is_covered() { covered - 1 } else { crate::console::base::text::width(&letter) - 1 };
            }
            assert_eq!(covered, 0, "round {round}: row {y}");
        }
    }
}
