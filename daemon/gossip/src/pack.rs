//! Messages on the wire: records are text that says the same words again and again, so what is long goes packed (zstd, RFC 8878).
//! The same bytes always give the same bytes.

use crate::wire::Malformed;
use std::borrow::Cow;
use std::cell::RefCell;
use zstd::bulk::{Compressor, Decompressor};

/// Shorter ones are sent as they are.
const WORTH_BYTES: usize = 512;

/// The quickest of zstd's levels that still looks for repetitions everywhere.
const LEVEL: i32 = 1;

/// The first byte: how the rest is to be read.
const PLAIN: u8 = 0;
const PACKED: u8 = 1;

/// After it, of what is packed: how long it is unpacked, in bytes, little-endian.
const LENGTH: usize = size_of::<u32>();

thread_local! {
    // Making a context costs more than packing a record with it.
    static PACKER: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// These bytes behind a head, packed where that makes them shorter.
pub(crate) fn pack(head: u8, bytes: &[u8]) -> Vec<u8> {
    let packed = (bytes.len() >= WORTH_BYTES).then(|| packed(head, bytes)).flatten();
    packed.filter(|packed| packed.len() < bytes.len()).unwrap_or_else(|| [&[head, PLAIN], bytes].concat())
}

fn packed(head: u8, bytes: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(bytes.len()).ok()?;
    PACKER.with_borrow_mut(|packer| {
        if packer.is_none() {
            *packer = Compressor::new(LEVEL).ok();
        }
        let body = packer.as_mut()?.compress(bytes).ok()?;
        Some([&[head, PACKED][..], &length.to_le_bytes(), &body].concat())
    })
}

/// What was packed, from what follows the head. Costs no more memory than `most` bytes.
///
/// # Errors
/// Anything that [`pack`] does not write.
pub(crate) fn unpack(bytes: &[u8], most: usize) -> Result<Cow<'_, [u8]>, Malformed> {
    match bytes.split_first() {
        Some((&PLAIN, rest)) => Ok(Cow::Borrowed(rest)),
        Some((&PACKED, rest)) => {
            let (length, body) = rest.split_first_chunk::<LENGTH>().ok_or(Malformed::Packing)?;
            let length = u32::from_le_bytes(*length) as usize;
            if length > most {
                return Err(Malformed::TooLong { bytes: length, most });
            }
            let unpacked = UNPACKER.with_borrow_mut(|unpacker| {
                if unpacker.is_none() {
                    *unpacker = Decompressor::new().ok();
                }
                unpacker.as_mut()?.decompress(body, length).ok()
            });
            unpacked.filter(|unpacked| unpacked.len() == length).map(Cow::Owned).ok_or(Malformed::Packing)
        }
        _ => Err(Malformed::Packing),
    }
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, WORTH_BYTES, pack, unpack};
    use crate::wire::Malformed;
    use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};

    const MOST: usize = 1 << 20;

    #[test]
    fn text_gets_shorter_and_noise_and_little_stay_as_they_are() {
        let text = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}".repeat(100);
        let packed = pack(7, text.as_bytes());
        assert!(packed.len() < text.len() / 10, "{}", packed.len());
        assert_eq!(packed[0], 7);
        assert_eq!(unpack(&packed[1..], MOST).expect("ours"), text.as_bytes());
        let short = "a".repeat(WORTH_BYTES - 1);
        assert_eq!(pack(7, short.as_bytes()).len(), short.len() + 2);
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        })
        .take(4_096)
        .collect();
        assert_eq!(pack(7, &noise).len(), noise.len() + 2);
    }

    #[test]
    fn what_claims_to_be_long_costs_nothing() {
        let mut packed = pack(7, "a".repeat(2_000).as_bytes());
        packed[2..2 + LENGTH].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(unpack(&packed[1..], MOST), Err(Malformed::TooLong { .. })));
        // Longer than it says, and shorter.
        for wrong in [1_999_u32, 2_001] {
            packed[2..2 + LENGTH].copy_from_slice(&wrong.to_le_bytes());
            assert!(matches!(unpack(&packed[1..], MOST), Err(Malformed::Packing)), "{wrong}");
        }
        assert!(matches!(unpack(&[], MOST), Err(Malformed::Packing)));
        assert!(matches!(unpack(&[9, 1], MOST), Err(Malformed::Packing)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn everything_comes_back(bytes in prop::collection::vec(0_u8..4, 0..3_000)) {
            let packed = pack(7, &bytes);
            prop_assert!(packed.len() <= bytes.len() + 2);
            prop_assert_eq!(unpack(&packed[1..], MOST).expect("ours").into_owned(), bytes);
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), most in 0_usize..10_000) {
            if let Ok(unpacked) = unpack(&bytes, most) {
                prop_assert!(unpacked.len() <= most.max(bytes.len()));
            }
        }
    }
}
