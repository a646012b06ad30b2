//! A short text that lives on the stack: for labels that are made anew in every picture.

use std::fmt::{self, Write};
use std::ops::Deref;

/// The most bytes of a text; what is longer is cut.
const MOST: usize = 96;

/// A text of at most [`MOST`] bytes.
#[derive(Clone, Copy)]
pub struct Short {
    bytes: [u8; MOST],
    len: u8,
}

impl Short {
    /// The text of `format_args!`.
    pub fn of(text: fmt::Arguments<'_>) -> Self {
        let mut short = Self { bytes: [0; MOST], len: 0 };
        // What has no room is cut, which is no error here.
        let _ = short.write_fmt(text);
        short
    }
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let used = usize::from(self.len);
        let mut end = text.len().min(MOST - used);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes[used..used + end].copy_from_slice(&text.as_bytes()[..end]);
        self.len += end as u8;
        if end == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

impl Deref for Short {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// `short!("{count} pods")`
macro_rules! short {
    ($($word:tt)*) => {
        $crate::console::base::short::Short::of(format_args!($($word)*))
    };
}
pub(crate) use short;

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_that_is_too_long_is_cut_between_letters() {
        assert_eq!(&*short!("{} of {}", 3, 4), "3 of 4");
        let long = short!("{}{}", "x".repeat(95), "éé");
        assert_eq!(&*long, "x".repeat(95));
        assert_eq!(&*short!("{:>5}|", "ab"), "   ab|");
    }
}
