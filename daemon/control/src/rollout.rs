//! How many pods each ReplicaSet of a Deployment is to have next, on the way from one template to another
//! (`pkg/controller/deployment/rolling.go`, `pkg/controller/deployment/util/deployment_util.go`).
//!
//! Numbers only: which set is of which template, and what is said of it all, is the business of whoever asks.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// How far a rolling update may go from the number that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Pods more.
    pub surge: i32,
    /// Pods fewer that are available.
    pub unavailable: i32,
}

impl Bounds {
    /// Of a Deployment that wants so many pods (`ResolveFenceposts`). Percents of the surge are rounded up, those of the unavailable
    /// down; where both come to nothing, one pod may be unavailable, for else nothing could move.
    #[must_use]
    pub fn of(surge: Option<&IntOrString>, unavailable: Option<&IntOrString>, wanted: i32) -> Self {
        let surge = surge.map_or(0, |surge| resolve(surge, wanted, Rounding::Up));
        let unavailable = unavailable.map_or(0, |unavailable| resolve(unavailable, wanted, Rounding::Down));
        let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
        Self { surge, unavailable: unavailable.min(wanted.max(0)) }
    }
}

#[derive(Debug, Clone, Copy)]
enum Rounding {
    Up,
    Down,
}

/// A number, or a percent of another one. What is neither has not passed validation, and counts as nothing.
fn resolve(of: &IntOrString, whole: i32, rounding: Rounding) -> i32 {
    let percent = match of {
        IntOrString::Int(number) => return (*number).max(0),
        IntOrString::String(text) => text.strip_suffix('%').and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0),
    };
    let hundredths = i64::from(whole.max(0)).saturating_mul(percent.max(0));
    let count = match rounding {
        Rounding::Up => hundredths.saturating_add(99) / 100,
        Rounding::Down => hundredths / 100,
    };
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A ReplicaSet in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many pods it is to have.
    pub wanted: i32,
    /// How many of its pods are available.
    pub available: i32,
}

/// How many pods the set of the new template is to have (`NewRSNewReplicas`). `old` are the others.
#[must_use]
pub fn grow(wanted: i32, new: Count, old: &[Count], bounds: Bounds) -> i32 {
    if new.wanted >= wanted {
        return wanted;
    }
    let total = new.wanted + sum(old, |set| set.wanted);
    let room = (wanted + bounds.surge - total).max(0);
    new.wanted + room.min(wanted - new.wanted)
}

/// How many pods the sets of older templates are to have, the oldest first (`reconcileOldReplicaSets`): those that are not available go
/// first, since nobody misses them, then as many as are available beyond what must be.
#[must_use]
pub fn shrink(wanted: i32, new: Count, old: &[Count], bounds: Bounds) -> Vec<i32> {
    let mut next: Vec<i32> = old.iter().map(|set| set.wanted).collect();
    let least_available = wanted - bounds.unavailable;
    let total = new.wanted + sum(old, |set| set.wanted);
    let unavailable_new = (new.wanted - new.available).max(0);
    let mut may_go = total - least_available - unavailable_new;
    for (set, next) in old.iter().zip(&mut next) {
        let unhealthy = (set.wanted - set.available).clamp(0, may_go.max(0));
        *next -= unhealthy;
        may_go -= unhealthy;
    }
    if total - least_available - unavailable_new <= 0 {
        return next;
    }
    let mut spare = new.available + sum(old, |set| set.available) - least_available;
    for next in &mut next {
        let fewer = (*next).min(spare.max(0));
        *next -= fewer;
        spare -= fewer;
    }
    next
}

fn sum(sets: &[Count], of: impl Fn(&Count) -> i32) -> i32 {
    sets.iter().map(of).sum()
}

#[cfg(test)]
mod tests;
