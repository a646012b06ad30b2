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
        "─" | "━" => "-",
        "│" | "┃" | "▌" | "▏" | "▎" | "▍" => "|",
        "╭" | "╮" | "╰" | "╯" | "┤" => "+",
        "●" => "*",
        "◐" | "◌" => "~",
        "○" => "o",
        "▲" | "↑" => "^",
        "↓" => "v",
        "✕" | "×" => "x",
        "›" | "▸" | "→" => ">",
        "‹" | "←" => "<",
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
