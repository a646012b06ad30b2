//! The text of an object, packed: objects of a kind resemble each other, and most are never looked at.

use lz4_flex::block;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What pods and other objects have in common, packed against which little is left of them. It is nothing but a text that they resemble:
/// those that do not just stay longer.
const USUAL: &str = include_str!("usual.json");
/// Shorter texts are not packed.
const SHORT: usize = 64;
/// Longer ones are no sample for others.
const LONG: usize = 16 * 1024;
/// A packed text is as good as it gets where it has at most this part of its length.
const GOOD: usize = 8;
/// So many groups are known at a time.
const MOST: usize = 256;

/// A text against which others are packed.
type Sample = Arc<Box<str>>;

/// A JSON text, kept small. The default is the text of nothing.
#[derive(Debug, Clone, Default)]
pub struct Packed {
    /// The bytes of the text, or as LZ4 packs them, with the length of the text before them.
    bytes: Box<[u8]>,
    /// Against what it is packed, where it is.
    like: Option<Sample>,
}

impl Packed {
    /// Packs a text that has no others of its kind.
    pub fn of(text: &RawValue) -> Self {
        SAMPLES.with_borrow_mut(|samples| samples.pack(text.get(), None))
    }

    /// Packs a text of a group whose texts are likely to resemble each other: against one of them, where some were packed before, or else
    /// against one of a wider group, as the near one may have only this. What the groups are makes no difference but in bytes.
    pub fn among(text: &RawValue, near: impl Hash, wide: impl Hash) -> Self {
        let (near, wide, text) = (hash(near), hash(wide), text.get());
        SAMPLES.with_borrow_mut(|samples| {
            let packed = samples.pack(text, Some((near, wide)));
            if packed.bytes.len() * GOOD > text.len() && (SHORT..=LONG).contains(&text.len()) {
                samples.near.learn(near, text);
                samples.wide.learn(wide, text);
            }
            packed
        })
    }

    /// The text; `null` where there is none.
    pub fn text(&self) -> Cow<'_, str> {
        let Some(like) = &self.like else {
            return match std::str::from_utf8(&self.bytes) {
                Ok("") | Err(_) => Cow::Borrowed("null"),
                Ok(text) => Cow::Borrowed(text),
            };
        };
        let text = block::decompress_size_prepended_with_dict(&self.bytes, like.as_bytes());
        text.ok().and_then(|text| String::from_utf8(text).ok()).map_or(Cow::Borrowed("null"), Cow::Owned)
    }

    /// The JSON value as text.
    pub fn raw(&self) -> Box<RawValue> {
        RawValue::from_string(self.text().into_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

thread_local! {
    /// Objects become rows in the thread that reads them, and hardly elsewhere.
    static SAMPLES: RefCell<Samples> = RefCell::new(Samples::new());
}

fn hash(group: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    group.hash(&mut hasher);
    hasher.finish()
}

/// What texts are packed against.
struct Samples {
    usual: Sample,
    near: Groups,
    wide: Groups,
    /// Where texts are packed, so that what is kept of them is made in one go.
    room: Vec<u8>,
}

/// Groups of one kind, by their hashes.
#[derive(Default)]
struct Groups(HashMap<u64, Group>);

#[derive(Default)]
struct Group {
    like: Option<Sample>,
    /// How many of its texts were packed badly.
    bad: u32,
}

impl Samples {
    fn new() -> Self {
        Self { usual: Arc::new(USUAL.into()), near: Groups::default(), wide: Groups::default(), room: Vec::new() }
    }

    fn pack(&mut self, text: &str, groups: Option<(u64, u64)>) -> Packed {
        let like = groups.and_then(|(near, wide)| self.near.like(near).or_else(|| self.wide.like(wide))).unwrap_or(&self.usual);
        // The length stands in four bytes.
        if let Some(len) = u32::try_from(text.len()).ok().filter(|_| text.len() >= SHORT) {
            let longest = block::get_maximum_output_size(text.len());
            self.room.resize(longest.max(self.room.len()), 0);
            let packed = block::compress_into_with_dict(text.as_bytes(), &mut self.room, like.as_bytes());
            let packed = packed.ok().and_then(|end| self.room.get(..end));
            let packed =
                packed.map(|packed| [&len.to_le_bytes()[..], packed].concat()).filter(|packed| packed.len() < text.len());
            let packed = packed.map(|packed| Packed { bytes: packed.into(), like: Some(like.clone()) });
            if self.room.len() > 2 * LONG {
                self.room = Vec::new();
            }
            if let Some(packed) = packed {
                return packed;
            }
        }
        Packed { bytes: text.as_bytes().into(), like: None }
    }
}

impl Groups {
    /// The sample of a group.
    fn like(&self, group: u64) -> Option<&Sample> {
        self.0.get(&group)?.like.as_ref()
    }

    /// A text of a group was packed badly. The second of a group becomes its sample, and then always rarer ones: samples stay for as long as
    /// texts are packed against them.
    fn learn(&mut self, group: u64, text: &str) {
        if self.0.len() >= MOST && !self.0.contains_key(&group) {
            // Groups come and go with what is deployed.
            self.0.clear();
        }
        let group = self.0.entry(group).or_default();
        group.bad = group.bad.saturating_add(1);
        if group.bad > 1 && group.bad.is_power_of_two() {
            group.like = Some(Arc::new(text.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Packed, USUAL};
    use serde_json::value::RawValue;
    use std::collections::HashSet;
    use std::sync::Arc;

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
    fn objects_of_a_group_become_less_than_alone_and_groups_without_number_are_no_more_samples() {
        let pod = |group: usize, at: usize| {
            let random = |salt: usize| (group * 31 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let own: String = (0..20).map(|salt| format!("\"{:x}\":\"{:x}\",", random(salt), random(salt + 20))).collect();
            raw(&format!("{{{own}\"name\":\"pod-{at}\"}}"))
        };
        let alone = Packed::of(&pod(0, 0)).bytes.len();
        for group in 0..2 * MOST {
            let packed: Vec<Packed> = (0..4).map(|at| Packed::among(&pod(group, at), group, "pods")).collect();
            assert!(packed[3].bytes.len() * 8 < alone, "{} of {alone}", packed[3].bytes.len());
            for (at, packed) in packed.iter().enumerate() {
                assert_eq!(packed.raw().get(), pod(group, at).get());
            }
        }
        super::SAMPLES.with_borrow(|samples| assert!(samples.near.0.len() <= MOST));
    }

    #[test]
    fn objects_that_are_alone_in_their_groups_are_packed_against_others_that_are() {
        let pod = |at: usize| {
            let own: String =
                (0..20).map(|field| format!("\"{:x}\":\"\",", (field + 1_usize).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
            raw(&format!("{{{own}\"number\":\"{at}\"}}"))
        };
        let packed: Vec<Packed> = (0..3 * MOST).map(|at| Packed::among(&pod(at), at, "alone")).collect();
        let good = packed.iter().filter(|packed| packed.bytes.len() * 8 < pod(0).get().len()).count();
        assert!(good > 3 * MOST - 10, "{good} of {}", 3 * MOST);
    }

    #[test]
    fn a_group_of_which_none_is_like_the_other_has_few_samples() {
        let noise = |at: u64| {
            // Digits of one text are seldom those of another.
            let digits =
                (0..25).map(|digit| format!("{:016x}", (at * 25 + digit + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).swap_bytes()));
            // What all have in common is packed against what is usual, at first.
            raw(&format!("[\"{}\",{}]", digits.collect::<String>(), &USUAL[1..USUAL.find("},{").expect("two objects") + 1]))
        };
        let packed: Vec<Packed> = (0..1_000).map(|at| Packed::among(&noise(at), "noise", "wide")).collect();
        let samples: HashSet<*const Box<str>> =
            packed.iter().filter_map(|packed| packed.like.as_ref()).map(Arc::as_ptr).collect();
        assert!((2..=11).contains(&samples.len()), "{} for 1,000", samples.len());
    }

    #[test]
    fn what_was_damaged_is_no_object_and_no_panic() {
        let mut packed = Packed::of(&raw(USUAL.trim()));
        packed.bytes[0] ^= 0x55;
        packed.bytes = packed.bytes[..packed.bytes.len() / 2].into();
        assert_eq!(packed.text(), "null");
    }
}
