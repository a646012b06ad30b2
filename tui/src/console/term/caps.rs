//! What the terminal can show, as far as its environment says.

use std::io::IsTerminal;

/// How many colours there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None: bold, reverse and underline carry the meaning (`NO_COLOR`, or a terminal of two colours).
    Mono,
    /// The sixteen of the terminal's own palette.
    Sixteen,
    /// The palette of 256.
    Indexed,
    /// Any.
    True,
}

/// Why no console can be shown.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CapsError {
    /// Input or output is a file or pipe.
    #[error("the console needs a terminal on its input and output; for scripts there is `skiff get pods`")]
    NoTerminal,
    /// The terminal cannot place text.
    #[error("the console cannot draw on a terminal of type \"{0}\"; set TERM, or use `skiff --plain`, which prints lines")]
    Dumb(String),
}

/// Checks that there is a terminal to draw on.
///
/// # Errors
/// Says what is missing.
pub fn check() -> Result<(), CapsError> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(CapsError::NoTerminal);
    }
    match std::env::var("TERM") {
        Ok(name) if name == "dumb" => Err(CapsError::Dumb(name)),
        _ => Ok(()),
    }
}

/// How many colours the environment promises. `NO_COLOR` counts where it is not empty (no-color.org).
pub fn depth(env: impl Fn(&str) -> Option<String>) -> Depth {
    let get = |name: &str| env(name).unwrap_or_default();
    if !get("NO_COLOR").is_empty() {
        return Depth::Mono;
    }
    let term = get("TERM");
    match get("COLORTERM").as_str() {
        "truecolor" | "24bit" => Depth::True,
        _ if term.ends_with("-direct") => Depth::True,
        _ if term.contains("256color") => Depth::Indexed,
        _ if term.starts_with("vt1") || term.starts_with("vt2") || term.ends_with("-m") || term.ends_with("-mono") => Depth::Mono,
        _ => Depth::Sixteen,
    }
}

/// Whether the terminal says that its background is light (`COLORFGBG=0;15`, set by rxvt, Konsole and others).
pub fn is_light(env: impl Fn(&str) -> Option<String>) -> bool {
    let colors = env("COLORFGBG").unwrap_or_default();
    matches!(colors.rsplit(';').next(), Some("7" | "15"))
}

/// Whether the terminal may be asked for its background's colour: it answers, or passes over what it does not know.
pub fn may_be_asked(env: impl Fn(&str) -> Option<String>) -> bool {
    let term = env("TERM").unwrap_or_default();
    !["linux", "vt1", "vt2", "cons", "sun"].iter().any(|old| term.starts_with(old)) && !term.is_empty()
}

/// Whether a network lies between us and the terminal.
pub fn is_remote(env: impl Fn(&str) -> Option<String>) -> bool {
    ["SSH_CONNECTION", "SSH_TTY"].into_iter().any(|name| env(name).is_some_and(|value| !value.is_empty()))
}

/// Whether the terminal understands more than ASCII, as its locale says. A bare image has no locale and still a modern
/// terminal at the other end of the line, so only a locale that names another character set counts. The kernel's own console has
/// 512 signs at most (console_codes(4), setfont(8)), and few of ours are among them.
pub fn is_unicode(env: impl Fn(&str) -> Option<String>) -> bool {
    if env("TERM").as_deref() == Some("linux") {
        return false;
    }
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env).find(|value| !value.is_empty());
    let charset = set.as_deref().and_then(|value| value.split_once('.')).map(|(_, charset)| charset.to_ascii_lowercase());
    charset.is_none_or(|charset| charset.starts_with("utf"))
}

#[cfg(test)]
mod tests {
    use super::{Depth, depth, is_light, is_unicode};

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + Copy + 'a {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn colours_are_as_many_as_the_environment_promises() {
        let cases: &[(&[(&str, &str)], Depth)] = &[
            (&[("TERM", "xterm-256color")], Depth::Indexed),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], Depth::True),
            (&[("TERM", "xterm"), ("COLORTERM", "24bit"), ("NO_COLOR", "1")], Depth::Mono),
            (&[("TERM", "xterm"), ("NO_COLOR", "")], Depth::Sixteen),
            (&[("TERM", "linux")], Depth::Sixteen),
            (&[("TERM", "vt100")], Depth::Mono),
            (&[("TERM", "xterm-direct")], Depth::True),
        ];
        for (pairs, expected) in cases {
            assert_eq!(depth(env(pairs)), *expected, "{pairs:?}");
        }
    }

    #[test]
    fn the_locale_and_the_background_are_read_where_they_are_told() {
        assert!(is_light(env(&[("COLORFGBG", "0;15")])));
        assert!(!is_light(env(&[("COLORFGBG", "15;0")])));
        assert!(is_unicode(env(&[])));
        assert!(is_unicode(env(&[("LC_ALL", "C.UTF-8")])));
        assert!(!is_unicode(env(&[("LANG", "de_DE.ISO-8859-1")])));
        assert!(is_unicode(env(&[("LANG", "C"), ("TERM", "xterm")])));
        assert!(!is_unicode(env(&[("LANG", "C.UTF-8"), ("TERM", "linux")])), "its font has neither half circles nor crosses");
    }
}
