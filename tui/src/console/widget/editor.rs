//! A text one edits: the only file that knows tui-textarea. It keeps text, cursor and undo; the painting is ours.

use super::canvas::Canvas;
use super::pager::draw_line;
use super::syntax;
use crate::console::base::text;
use crate::console::keys::key::Key;
use crate::console::theme::role::Role;
use crossterm::event::KeyCode;
use ratatui::layout::{Position, Rect};
use tui_textarea::{CursorMove, TextArea};

/// The most lines that are edited; a longer text is only read.
pub const MAX_LINES: usize = 20_000;

/// Where something is wrong in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The line, from 0.
    pub line: usize,
    /// The column in letters, from 0.
    pub column: usize,
}

/// A text with a cursor and a window.
#[derive(Debug)]
pub struct Editor {
    area: TextArea<'static>,
    block: Vec<bool>,
    top: usize,
    left: usize,
    size: (u16, u16),
}

impl Editor {
    /// An editor with a text, the cursor at its start.
    pub fn new(content: &str) -> Self {
        // TextArea takes line breaks and tabs out of no line by itself.
        let mut lines: Vec<String> = content.lines().map(|line| line.replace('\t', "  ").replace(char::is_control, "")).collect();
        if lines.is_empty() {
            lines.push(String::new());
        }
        let mut area = TextArea::new(lines);
        area.set_tab_length(2);
        area.set_undo_coalescing(true);
        area.set_max_histories(1_000);
        let mut editor = Self { area, block: Vec::new(), top: 0, left: 0, size: (80, 20) };
        editor.refresh();
        editor
    }

    /// The text; every line ends with a line break.
    pub fn text(&self) -> String {
        let lines = self.area.lines();
        let mut out = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for line in lines {
            out.push_str(line);
            out.push('\n');
        }
        // The empty line after the last break is where one types, and no line of the text.
        if out.ends_with("\n\n") {
            out.pop();
        }
        out
    }

    /// The cursor: line and column in letters, from 0.
    pub fn cursor(&self) -> (usize, usize) {
        self.area.cursor()
    }

    /// Types a key. Says whether the text is another one.
    pub fn input(&mut self, key: Key) -> bool {
        let changed = match key.code {
            KeyCode::Enter => {
                self.new_line();
                true
            }
            KeyCode::Backspace if !key.ctrl && !key.alt => self.backspace(),
            KeyCode::BackTab => self.dedent(),
            // ctrl-m and ctrl-j are what some terminals send for Enter.
            KeyCode::Char('m' | 'j') if key.ctrl => {
                self.new_line();
                true
            }
            _ => self.area.input(key.event()),
        };
        if changed {
            self.refresh();
        }
        self.settle(self.size);
        changed
    }

    /// Puts a pasted text in as it is.
    pub fn paste(&mut self, pasted: &str) {
        let clean: String = pasted.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "  ");
        let clean: String = clean.chars().filter(|letter| *letter == '\n' || !letter.is_control()).collect();
        self.area.insert_str(clean);
        self.refresh();
        self.settle(self.size);
    }

    /// Puts the cursor at a line and column, from 0, or as near as there is one.
    pub fn go_to(&mut self, line: usize, column: usize) {
        let clamp = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(clamp(line), clamp(column)));
        self.settle(self.size);
    }

    /// Puts another text in a line's place. The cursor stays, and it can be undone.
    pub fn replace_line(&mut self, line: usize, text: &str) {
        let (row, column) = self.cursor();
        self.go_to(line, 0);
        self.area.delete_line_by_end();
        self.area.insert_str(text);
        self.refresh();
        self.go_to(row, column);
    }

    /// Puts another text in the place of all. The cursor stays where there is still a line for it, and it can be undone.
    pub fn replace_all(&mut self, text: &str) {
        let (row, column) = self.cursor();
        self.area.select_all();
        self.area.insert_str(text.strip_suffix('\n').unwrap_or(text));
        self.refresh();
        self.go_to(row.min(self.area.lines().len().saturating_sub(1)), column);
    }

    /// All lines.
    pub fn lines(&self) -> Vec<String> {
        self.area.lines().iter().map(ToString::to_string).collect()
    }

    /// One line; empty past the end.
    pub fn line(&self, at: usize) -> String {
        self.area.lines().get(at).map(ToString::to_string).unwrap_or_default()
    }

    /// Goes to the end of the line.
    pub fn go_to_line_end(&mut self) {
        self.area.move_cursor(CursorMove::End);
        self.settle(self.size);
    }

    /// Moves the cursor by pages.
    pub fn page(&mut self, pages: i64) {
        let (line, column) = self.cursor();
        let rows = i64::from(self.size.1.max(2)) - 1;
        let line = line.saturating_add_signed((pages * rows) as isize).min(self.area.lines().len() - 1);
        self.go_to(line, column);
    }

    /// Puts the cursor where the mouse is, in the editor's own columns and rows.
    pub fn click(&mut self, (x, y): (u16, u16)) {
        let line = (self.top + usize::from(y)).min(self.area.lines().len() - 1);
        let wanted = usize::from(x.saturating_sub(self.gutter())) + self.left;
        let (mut column, mut width) = (0, 0);
        for letter in self.line(line).chars() {
            width += text::width(letter.encode_utf8(&mut [0; 4]));
            if width > wanted {
                break;
            }
            column += 1;
        }
        self.go_to(line, column);
    }

    /// Moves by lines.
    pub fn scroll(&mut self, by: i64) {
        let (line, column) = self.cursor();
        let line = line.saturating_add_signed(by as isize).min(self.area.lines().len() - 1);
        self.go_to(line, column);
    }

    /// What is between here and where the cursor goes is marked.
    pub fn begin_selection(&mut self) {
        self.area.start_selection();
    }

    /// Nothing is marked any more.
    pub fn cancel_selection(&mut self) {
        self.area.cancel_selection();
    }

    /// What is marked.
    pub fn selected_text(&self) -> String {
        let Some(range) = self.area.selection_range() else { return String::new() };
        let lines = self.area.lines().iter().enumerate();
        let piece = |(at, line): (usize, &String)| selected(line, at, range).map(|(from, to)| line[from..to].to_owned());
        lines.filter_map(piece).collect::<Vec<_>>().join("\n")
    }

    /// Looks for a pattern from the cursor on, round and round.
    pub fn find(&mut self, pattern: &str) -> bool {
        let found = self.area.set_search_pattern(pattern).is_ok() && self.area.search_forward(false);
        self.settle(self.size);
        found
    }

    /// Goes to the next match.
    pub fn find_next(&mut self) -> bool {
        let found = self.area.search_forward(false);
        self.settle(self.size);
        found
    }

    /// Takes the window's size over and keeps the cursor in it.
    pub fn settle(&mut self, size: (u16, u16)) {
        self.size = size;
        let (line, column) = self.cursor();
        let rows = usize::from(size.1).max(1);
        if line < self.top {
            self.top = line;
        } else if line >= self.top + rows {
            self.top = line + 1 - rows;
        }
        let at = self.column_of(line, column);
        let columns = usize::from(size.0.saturating_sub(self.gutter() + 1)).max(1);
        if at < self.left {
            self.left = at;
        } else if at >= self.left + columns {
            self.left = at + 1 - columns;
        }
    }

    /// Paints it with its faults; returns where the cursor is.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, marks: &[Mark]) -> Position {
        let (cursor_line, cursor_column) = self.cursor();
        let gutter = self.gutter();
        let mut spans = Vec::new();
        let selection = self.area.selection_range();
        for (row, y) in (area.top()..area.bottom()).enumerate() {
            let at = self.top + row;
            let Some(line) = self.area.lines().get(at) else { break };
            let is_here = at == cursor_line;
            if is_here {
                canvas.tint(Rect::new(area.x, y, area.width, 1), Role::Line);
            }
            let number = format!("{:>width$}", at + 1, width = usize::from(gutter) - 2);
            canvas.text((area.x, y), &number, gutter, if is_here { Role::GutterHere } else { Role::Gutter });
            syntax::yaml(line, self.block.get(at).copied().unwrap_or(false), &mut spans);
            if let Some(range) = selection.and_then(|range| selected(line, at, range)) {
                spans.push((range.0, range.1, Role::Selection));
            }
            for mark in marks.iter().filter(|mark| mark.line == at) {
                let (start, end) = word_at(line, mark.column);
                spans.push((start, end, Role::Fault));
                canvas.text((area.x + gutter - 2, y), "●", 1, Role::Bad);
            }
            if is_here {
                spans.insert(0, (0, line.len(), Role::Line));
            }
            let place = Rect::new(area.x + gutter, y, area.width.saturating_sub(gutter), 1);
            draw_line(canvas, place, (line, 0), &spans, self.left);
            if line.is_empty() && marks.iter().any(|mark| mark.line == at) {
                canvas.put((place.x, y), " ", 1, canvas.style(Role::Fault));
            }
        }
        let x = self.column_of(cursor_line, cursor_column).saturating_sub(self.left) as u16;
        Position {
            x: (area.x + gutter + x).min(area.right().saturating_sub(1)),
            y: (area.y + (cursor_line - self.top.min(cursor_line)) as u16).min(area.bottom().saturating_sub(1)),
        }
    }

    /// A new line, as far indented as YAML goes on after this one.
    fn new_line(&mut self) {
        let (row, column) = self.cursor();
        let line = self.area.lines().get(row).cloned().unwrap_or_default();
        let before: String = line.chars().take(column).collect();
        let indent = before.len() - before.trim_start_matches(' ').len();
        let content = before.trim();
        let deeper = match (content.starts_with("- "), content.ends_with(':')) {
            (true, true) => 4,
            (true, false) if content.contains(": ") => 2,
            (false, true) => 2,
            _ => 0,
        };
        self.area.insert_newline();
        self.area.insert_str(" ".repeat(if column < indent { column } else { indent + deeper }));
    }

    /// In the indentation a step back, else a letter.
    fn backspace(&mut self) -> bool {
        let (row, column) = self.cursor();
        let in_indent =
            self.area.lines().get(row).is_some_and(|line| line.chars().take(column).all(|letter| letter == ' ')) && column > 0;
        if in_indent && !self.area.is_selecting() && column.is_multiple_of(2) {
            self.area.delete_char();
        }
        self.area.delete_char()
    }

    /// Takes a step of the line's indentation away.
    fn dedent(&mut self) -> bool {
        let (row, column) = self.cursor();
        let Some(line) = self.area.lines().get(row) else { return false };
        let spaces = line.chars().take(2).take_while(|letter| *letter == ' ').count();
        if spaces == 0 {
            return false;
        }
        self.area.move_cursor(CursorMove::Head);
        self.area.delete_str(spaces);
        self.go_to(row, column.saturating_sub(spaces));
        true
    }

    fn refresh(&mut self) {
        self.block = syntax::block_lines(self.area.lines().iter().map(String::as_str));
    }

    /// Line numbers, a mark, and a space.
    fn gutter(&self) -> u16 {
        let digits = self.area.lines().len().to_string().len() as u16;
        digits.max(3) + 2
    }

    fn column_of(&self, line: usize, letters: usize) -> usize {
        let line = self.area.lines().get(line).map_or("", String::as_str);
        text::width(&line[..byte_of(line, letters)])
    }
}

fn byte_of(line: &str, letters: usize) -> usize {
    line.char_indices().nth(letters).map_or(line.len(), |(at, _)| at)
}

/// The word that begins at a column; at the end of a line its last letter.
fn word_at(line: &str, column: usize) -> (usize, usize) {
    let start = byte_of(line, column);
    let rest = &line[start..];
    let end = rest.find([' ', ':', ',']).unwrap_or(rest.len());
    match end {
        0 => {
            let last = line.char_indices().next_back().map_or(0, |(at, _)| at);
            if rest.is_empty() { (last, line.len()) } else { (start, start + 1) }
        }
        _ => (start, start + end),
    }
}

/// The bytes of a line that are selected.
fn selected(line: &str, at: usize, (start, end): ((usize, usize), (usize, usize))) -> Option<(usize, usize)> {
    if at < start.0 || at > end.0 {
        return None;
    }
    let from = if at == start.0 { byte_of(line, start.1) } else { 0 };
    let to = if at == end.0 { byte_of(line, end.1) } else { line.len() };
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::{Editor, word_at};
    use crate::console::keys::key::Key;

    fn press(editor: &mut Editor, keys: &str) {
        for key in keys.split(' ') {
            editor.input(Key::parse(key).expect("a key"));
        }
    }

    #[test]
    fn a_new_line_is_indented_as_yaml_goes_on() {
        for (line, next) in
            [("spec:", "  "), ("  a: b", "  "), ("  - name: x", "    "), ("  - name:", "      "), ("  - x", "  "), ("", "")]
        {
            let mut editor = Editor::new(line);
            press(&mut editor, "end enter x");
            assert_eq!(editor.text(), format!("{line}\n{next}x\n"), "after {line:?}");
        }
    }

    #[test]
    fn indentation_is_taken_back_by_steps() {
        let mut editor = Editor::new("    x");
        press(&mut editor, "home right right right right backspace");
        assert_eq!(editor.text(), "  x\n");
        press(&mut editor, "shift-tab");
        assert_eq!(editor.text(), "x\n");
        press(&mut editor, "shift-tab end backspace");
        assert_eq!(editor.text(), "\n");
    }

    #[test]
    fn a_text_comes_out_as_it_went_in_and_typing_can_be_undone() {
        let manifest = "kind: Pod\nmetadata:\n  name: küche # 日本\n";
        let mut editor = Editor::new(manifest);
        assert_eq!(editor.text(), manifest);
        press(&mut editor, "a b c");
        assert_eq!(editor.text(), format!("abc{manifest}"));
        press(&mut editor, "ctrl-u");
        assert!(!editor.text().starts_with("abc"));
        editor.paste("x\r\n\ty\u{1b}");
        assert!(editor.text().contains("x\n  y"));
        editor.go_to(999, 999);
        editor.page(-3);
        editor.settle((5, 1));
    }

    #[test]
    fn the_word_that_is_wrong_is_found() {
        assert_eq!(word_at("  nam: x", 2), (2, 5));
        assert_eq!(word_at("  é: x", 2), (2, 4));
        assert_eq!(word_at("abc", 3), (2, 3));
        assert_eq!(word_at("", 7), (0, 0));
    }
}
