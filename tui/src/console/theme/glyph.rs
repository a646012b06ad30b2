//! Signs in ASCII for terminals that have no others.

use ratatui::buffer::Buffer;

/// The signs that a terminal understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    /// Lines, dots and blocks.
    #[default]
    Unicode,
    /// Letters and punctuation alone.
    Ascii,
}

/// Puts ASCII in the place of every sign a plain terminal lacks. Letters of other languages stay as they are in length.
pub fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let plain = ascii(cell.symbol());
            cell.set_symbol(plain);
        }
    }
}

/// The sign that stands for another one where there is only ASCII.
pub fn ascii(symbol: &str) -> &'static str {
    match symbol {
        "─" | "━" | "−" => "-",
        "│" | "┃" | "▌" | "▏" | "▎" | "▍" => "|",
        "╭" | "╮" | "╰" | "╯" | "┤" => "+",
        "●" => "*",
        "◐" | "◌" => "~",
        "○" => "o",
        "▲" | "↑" => "^",
        "↓" => "v",
        "✕" | "×" => "x",
        "›" | "▸" | "→" => ">",
        "‹" | "←" | "◀" => "<",
        "⏎" => "/",
        "±" => "+",
        "…" => "~",
        "·" => ".",
        "◢" => "/",
        "█" | "▉" | "▊" | "▋" | "▇" | "▆" => "#",
        "▅" | "▄" | "▃" => "=",
        "▂" | "▁" => "_",
        "░" => ".",
        "▒" => ":",
        "▓" => "%",
        "▼" => "v",
        "├" | "└" => "+",
        "▾" => "v",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::ascii;
    use std::path::{Path, PathBuf};

    fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("the console's sources are there") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                out.push(path);
            }
        }
    }

    #[test]
    fn every_sign_that_the_console_draws_has_one_in_ascii() {
        let mut all = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console"), &mut all);
        for path in all.iter().filter(|path| !path.to_string_lossy().contains("tests")) {
            let text = std::fs::read_to_string(path).expect("readable");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let drawn = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for letter in drawn.flat_map(str::chars).filter(|letter| !letter.is_ascii()) {
                let sign = letter.to_string();
                // The letters of a program in a pane are its own.
                let is_its_own = path.to_string_lossy().contains("screen/pane");
                assert!(is_its_own || ascii(&sign) != "?", "{} draws {sign}", path.display());
            }
        }
    }
}
