//! When the disk fills up, which images go: the decision of kubelet's image garbage collection, without any effect.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::digest::Digest;

/// When images are removed to make room. The defaults are kubelet's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcPolicy {
    /// Disk usage in percent from which on images are removed (`imageGCHighThresholdPercent`).
    pub high_threshold_percent: u8,
    /// Disk usage in percent down to which they are removed (`imageGCLowThresholdPercent`).
    pub low_threshold_percent: u8,
    /// Younger images stay (`imageMinimumGCAge`).
    pub minimum_age: Duration,
}

impl Default for GcPolicy {
    fn default() -> Self {
        GcPolicy { high_threshold_percent: 85, low_threshold_percent: 80, minimum_age: Duration::from_secs(120) }
    }
}

/// How full the disk is that the images lie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUsage {
    /// Its size in bytes.
    pub capacity_bytes: u64,
    /// What a process without privileges could still write, in bytes.
    pub available_bytes: u64,
}

/// An image as the decision sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcCandidate {
    /// The image's id.
    pub digest: Digest,
    /// Whether a container needs it.
    pub is_in_use: bool,
    /// When a container last used it; before the first use, when it was loaded.
    pub last_used: Timestamp,
    /// When it came here.
    pub first_seen: Timestamp,
    /// Its layers with their sizes in bytes. A layer's room is free once no image has it.
    pub layers: Vec<(Digest, u64)>,
}

/// What to remove, oldest use first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcPlan {
    /// Ids of images.
    pub remove: Vec<Digest>,
    /// How much must become free, in bytes.
    pub wanted_bytes: u64,
    /// How much will become free, in bytes.
    pub found_bytes: u64,
}

impl GcPlan {
    /// Kubernetes' message if what can be removed does not suffice (event `FreeDiskSpaceFailed`, `ImageGCFailed`).
    pub fn shortfall(&self) -> Option<String> {
        (self.found_bytes < self.wanted_bytes).then(|| {
            format!(
                "Failed to garbage collect required amount of images. Attempted to free {} bytes, but only found {} bytes \
                 eligible to free.",
                self.wanted_bytes, self.found_bytes
            )
        })
    }
}

/// Decides what to remove. None while the disk is fuller than the high threshold says.
pub fn plan(policy: &GcPolicy, disk: DiskUsage, images: &[GcCandidate], now: Timestamp) -> Option<GcPlan> {
    if disk.capacity_bytes == 0 {
        return None;
    }
    let [capacity, available] = [disk.capacity_bytes, disk.available_bytes.min(disk.capacity_bytes)].map(u128::from);
    let used_percent = 100 - available * 100 / capacity;
    if used_percent < u128::from(policy.high_threshold_percent) {
        return None;
    }
    let wanted_free = capacity * u128::from(100 - policy.low_threshold_percent.min(100)) / 100;
    let wanted_bytes = u64::try_from(wanted_free.saturating_sub(available)).unwrap_or(u64::MAX);

    let mut users: BTreeMap<&Digest, usize> = BTreeMap::new();
    for (layer, _) in images.iter().flat_map(|image| &image.layers) {
        *users.entry(layer).or_default() += 1;
    }
    let is_old = |image: &&GcCandidate| {
        let age = now.duration_since(image.first_seen);
        age.unsigned_abs() >= policy.minimum_age && !age.is_negative()
    };
    let mut candidates: Vec<&GcCandidate> = images.iter().filter(|image| !image.is_in_use).filter(is_old).collect();
    candidates.sort_by_key(|image| (image.last_used, image.first_seen));

    let mut plan = GcPlan { remove: Vec::new(), wanted_bytes, found_bytes: 0 };
    for image in candidates {
        if plan.found_bytes >= wanted_bytes {
            break;
        }
        for (layer, size_bytes) in &image.layers {
            let left = users.entry(layer).or_default();
            *left = left.saturating_sub(1);
            if *left == 0 {
                plan.found_bytes = plan.found_bytes.saturating_add(*size_bytes);
            }
        }
        plan.remove.push(image.digest.clone());
    }
    Some(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn image(name: &str, last_used: i64, layers: &[(&str, u64)]) -> GcCandidate {
        let layers = layers.iter().map(|(name, size)| (Digest::of(name.as_bytes()), *size)).collect();
        let digest = Digest::of(name.as_bytes());
        GcCandidate { digest, is_in_use: false, last_used: time(last_used), first_seen: time(0), layers }
    }

    fn check(available_bytes: u64, images: &[GcCandidate], expected: Option<(&[&str], u64, u64)>) {
        let disk = DiskUsage { capacity_bytes: 1000, available_bytes };
        let plan = plan(&GcPolicy::default(), disk, images, time(NOW));
        let expected = expected.map(|(names, wanted_bytes, found_bytes)| GcPlan {
            remove: names.iter().map(|name| Digest::of(name.as_bytes())).collect(),
            wanted_bytes,
            found_bytes,
        });
        assert_eq!(plan, expected);
    }

    #[test]
    fn nothing_goes_below_the_high_threshold() {
        // kubelet rounds the free part down: 159 of 1000 is 15 %.
        check(160, &[image("a", 1, &[("l", 10)])], None);
        assert_eq!(plan(&GcPolicy::default(), DiskUsage { capacity_bytes: 0, available_bytes: 0 }, &[], time(NOW)), None);
    }

    #[test]
    fn the_longest_unused_go_first_and_only_as_many_as_needed() {
        let images = [image("new", 30, &[("n", 100)]), image("old", 10, &[("o", 40)]), image("mid", 20, &[("m", 40)])];
        check(150, &images, Some((&["old", "mid"], 50, 80)));
        check(120, &images, Some((&["old", "mid"], 80, 80)));
        check(119, &images, Some((&["old", "mid", "new"], 81, 180)));
    }

    #[test]
    fn what_is_in_use_or_young_stays_and_the_shortfall_is_told() {
        let mut used = image("used", 1, &[("u", 500)]);
        used.is_in_use = true;
        let mut young = image("young", 2, &[("y", 500)]);
        young.first_seen = time(NOW - 119);
        let images = [used, young, image("old", 3, &[("o", 20)])];
        check(100, &images, Some((&["old"], 100, 20)));
        let disk = DiskUsage { capacity_bytes: 1000, available_bytes: 100 };
        let plan = plan(&GcPolicy::default(), disk, &images, time(NOW)).unwrap();
        assert_eq!(
            plan.shortfall().unwrap(),
            "Failed to garbage collect required amount of images. Attempted to free 100 bytes, but only found 20 bytes \
             eligible to free."
        );
    }

    #[test]
    fn a_shared_layer_frees_nothing_until_its_last_image_goes() {
        let images =
            [image("a", 1, &[("base", 100), ("a", 5)]), image("b", 2, &[("base", 100), ("b", 5)]), image("c", 3, &[("c", 100)])];
        check(150, &images, Some((&["a", "b"], 50, 110)));
    }
}
