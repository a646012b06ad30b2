//! The text of an object, packed: objects of a kind resemble each other, and most are never looked at.

use serde_json::value::RawValue;
use std::borrow::Cow;

/// What pods and other objects have in common, packed against which little is left of them. It is nothing but a text that they resemble:
/// those that do not just stay longer.
const USUAL: &str = include_str!("usual.json");
/// Shorter texts are not packed.
const SHORT: usize = 64;

/// A JSON text, kept small. The default is the text of nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packed {
    /// The bytes of the text, or as LZ4 packs them.
    bytes: Box<[u8]>,
    /// How many bytes the text has, where it is packed.
    len: Option<u32>,
}

impl Packed {
    /// Packs a text.
    pub fn of(text: &RawValue) -> Self {
        let text = text.get().as_bytes();
        let len = u32::try_from(text.len()).ok().filter(|_| text.len() >= SHORT);
        let packed = len.map(|_| lz4_flex::block::compress_with_dict(text, USUAL.as_bytes()));
        match packed {
            Some(packed) if packed.len() < text.len() => Self { bytes: packed.into(), len },
            _ => Self { bytes: text.into(), len: None },
        }
    }

    /// The text; `null` where there is none.
    pub fn text(&self) -> Cow<'_, str> {
        let Some(len) = self.len else {
            return match std::str::from_utf8(&self.bytes) {
                Ok("") | Err(_) => Cow::Borrowed("null"),
                Ok(text) => Cow::Borrowed(text),
            };
        };
        let text = lz4_flex::block::decompress_with_dict(&self.bytes, len as usize, USUAL.as_bytes());
        text.ok().and_then(|text| String::from_utf8(text).ok()).map_or(Cow::Borrowed("null"), Cow::Owned)
    }

    /// The JSON value as text.
    pub fn raw(&self) -> Box<RawValue> {
        RawValue::from_string(self.text().into_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Packed, USUAL};
    use serde_json::value::RawValue;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    #[test]
    fn a_text_comes_out_as_it_went_in() {
        let long = format!("{{\"x\":\"{}\"}}", "ünusual".repeat(10_000));
        let noise: String =
            (0..2_000_u32).map(|at| char::from(b'!' + 3 + (at.wrapping_mul(2_654_435_761) >> 25) as u8 % 50)).collect();
        let noise = serde_json::to_string(&noise).expect("JSON");
        for text in ["{}", "null", "[1,2]", USUAL.trim(), &long, &noise] {
            let packed = Packed::of(&raw(text));
            assert_eq!(packed.text(), text);
            assert_eq!(packed.raw().get(), text);
        }
        assert_eq!(Packed::default().text(), "null");
    }

    #[test]
    fn the_usual_becomes_a_fraction_and_the_short_stays() {
        let pod = USUAL.trim().replace("kubia", "quiz-7d9f").replace("10.88.0.", "10.88.9.").replace("2026-01", "2026-11");
        assert!(Packed::of(&raw(&pod)).bytes.len() * 3 < pod.len());
        assert_eq!(Packed::of(&raw("{\"a\":1}")).bytes.len(), 7);
    }

    #[test]
    fn what_was_damaged_is_no_object_and_no_panic() {
        let mut packed = Packed::of(&raw(USUAL.trim()));
        packed.bytes[0] ^= 0x55;
        packed.bytes = packed.bytes[..packed.bytes.len() / 2].into();
        assert_eq!(packed.text(), "null");
    }
}
