//! Who of several is to do something, without asking: everybody computes the same order from the names alone.
//!
//! Rendezvous hashing (Thaler and Ravishankar, 1998): each candidate has a weight for a key, and the heaviest is the first. A
//! candidate that comes or goes moves only what it has itself. The hash is FNV-1a with the finish of SplitMix64: it must be the same on
//! every node and in every release, which the standard library does not promise of its own.

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// How much a candidate weighs for a key: of all candidates, the heaviest is the first.
#[must_use]
pub fn weight(key: &str, candidate: &str) -> u64 {
    // No name holds a zero byte: it keeps the two apart.
    let bytes = key.bytes().chain([0]).chain(candidate.bytes());
    let mut hash = bytes.fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// How many of the others come before a candidate; 0 is the first. Of equal weights the lesser name is before.
pub fn rank<'a>(key: &str, candidate: &str, others: impl IntoIterator<Item = &'a str>) -> usize {
    let own = weight(key, candidate);
    let is_before = |other: &&str| {
        let theirs = weight(key, other);
        *other != candidate && (theirs > own || theirs == own && *other < candidate)
    };
    others.into_iter().filter(is_before).count()
}

#[cfg(test)]
mod tests {
    use super::{rank, weight};

    #[test]
    fn every_candidate_has_its_own_rank_and_keys_are_shared_out() {
        let names = ["a", "b", "c", "d", "e"];
        let mut firsts = [0; 5];
        for key in 0..1000 {
            let key = format!("key-{key}");
            let mut ranks: Vec<usize> = names.iter().map(|name| rank(&key, name, names)).collect();
            firsts[ranks.iter().position(|rank| *rank == 0).expect("somebody is the first")] += 1;
            ranks.sort_unstable();
            assert_eq!(ranks, [0, 1, 2, 3, 4]);
        }
        assert!(firsts.iter().all(|count| (150..250).contains(count)), "{firsts:?}");
    }

    #[test]
    fn weights_are_the_same_in_every_release() {
        assert_eq!(weight("6f1d", "node1"), 7_854_158_273_386_064_508);
        assert_ne!(weight("ab", "c"), weight("a", "bc"));
    }
}
