//! Copies to the clipboard of whoever sits at the terminal, also through SSH and tmux (OSC 52).

/// Terminals drop longer sequences; this many encoded bytes pass everywhere.
const MAX_ENCODED_BYTES: usize = 74_994;

/// The bytes that put a text on the clipboard; `None` where it is too long for a terminal to take.
///
/// Inside tmux the sequence is wrapped so that tmux passes it on.
pub fn copy(text: &str, in_tmux: bool) -> Option<Vec<u8>> {
    let encoded = base64(text.as_bytes());
    if encoded.len() > MAX_ENCODED_BYTES {
        return None;
    }
    let sequence = format!("\x1b]52;c;{encoded}\x1b\\");
    Some(if in_tmux {
        // The plain one is for `set-clipboard on`, the wrapped one for `allow-passthrough on`.
        format!("{sequence}\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")).into_bytes()
    } else {
        sequence.into_bytes()
    })
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, at| (word << 8) | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{base64, copy};

    #[test]
    fn text_is_encoded_as_rfc_4648_has_it() {
        for (plain, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_text_too_long_for_a_terminal_is_refused() {
        assert_eq!(copy("kubia", false).as_deref(), Some(&b"\x1b]52;c;a3ViaWE=\x1b\\"[..]));
        assert!(copy(&"x".repeat(80_000), false).is_none());
    }
}
