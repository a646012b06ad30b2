//! Which of an image's platforms fits this machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::config::null_is_default;

/// An operating system, an architecture in Go's words, and the architecture's variant (may be empty).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// For example `linux`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub os: String,
    /// For example `amd64`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub architecture: String,
    /// For example `v8`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub variant: String,
}

impl Platform {
    /// The machine this program runs on. The variant is the highest the processor can run.
    pub fn of_this_machine() -> Platform {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            "powerpc64" => "ppc64le",
            "loongarch64" => "loong64",
            other => other,
        };
        let variant = match architecture {
            "amd64" => amd64_variant(),
            "arm64" => "v8",
            "arm" => "v7",
            _ => "",
        };
        Platform { os: "linux".into(), architecture: architecture.into(), variant: variant.into() }
    }

    /// How well an image for `offered` runs here: none if it does not, else the greater the better.
    pub fn rank(&self, offered: &Platform) -> Option<u32> {
        if self.os != offered.os || self.architecture != offered.architecture {
            return None;
        }
        let ours = variant_number(&self.architecture, &self.variant);
        let theirs = variant_number(&self.architecture, &offered.variant);
        (theirs <= ours).then_some(theirs)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}

/// `v7` as 7; an image that names no variant is one for the architecture's usual baseline.
fn variant_number(architecture: &str, variant: &str) -> u32 {
    match variant.trim_start_matches('v').parse() {
        Ok(number) => number,
        Err(_) if variant.is_empty() => match architecture {
            "arm" => 7,
            "arm64" => 8,
            _ => 1,
        },
        Err(_) => u32::MAX,
    }
}

#[cfg(target_arch = "x86_64")]
fn amd64_variant() -> &'static str {
    let has_v2 = is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("popcnt");
    let has_v3 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("fma");
    let has_v4 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512cd")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (has_v2, has_v3, has_v4) {
        (true, true, true) => "v4",
        (true, true, false) => "v3",
        (true, false, _) => "v2",
        _ => "v1",
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn amd64_variant() -> &'static str {
    "v1"
}

/// The index of the best fitting platform; the first of equals.
pub(crate) fn best<'a>(machine: &Platform, offered: impl Iterator<Item = &'a Platform>) -> Option<usize> {
    let ranked = offered.enumerate().filter_map(|(index, platform)| Some((machine.rank(platform)?, index)));
    ranked.max_by_key(|(rank, index)| (*rank, std::cmp::Reverse(*index))).map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        let mut parts = text.split('/').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Platform { os: next(), architecture: next(), variant: next() }
    }

    fn check(machine: &str, offered: &[&str], expected: Option<usize>) {
        let offered: Vec<Platform> = offered.iter().map(|text| platform(text)).collect();
        assert_eq!(best(&platform(machine), offered.iter()), expected, "{machine} {offered:?}");
    }

    #[test]
    fn the_best_variant_the_machine_can_run_is_taken() {
        check("linux/amd64/v3", &["windows/amd64", "linux/arm64", "linux/amd64"], Some(2));
        check("linux/amd64/v3", &["linux/amd64", "linux/amd64/v3", "linux/amd64/v4"], Some(1));
        check("linux/amd64/v1", &["linux/amd64/v2", "linux/amd64"], Some(1));
        check("linux/arm64/v8", &["linux/arm/v7", "linux/arm64"], Some(1));
        check("linux/arm/v7", &["linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/arm64"], Some(2));
        check("linux/arm/v6", &["linux/arm/v7"], None);
        check("linux/amd64/v1", &["unknown/unknown", "linux/s390x", "linux/amd64/future"], None);
        check("linux/amd64/v1", &["linux/amd64", "linux/amd64"], Some(0));
    }

    #[test]
    fn this_machine_runs_its_own_platform() {
        let machine = Platform::of_this_machine();
        assert!(machine.rank(&Platform { variant: String::new(), ..machine.clone() }).is_some(), "{machine}");
    }
}
