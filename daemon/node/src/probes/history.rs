//! The last results of every probe on this node, in memory: for whoever looks why a pod is not ready.

use control::pod::{ProbeKind, ProbeVerdict};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many results of a probe are kept.
const KEPT: usize = 20;
/// So much is kept of what a probe said, in bytes.
const OUTPUT_BYTES: usize = 1024;

/// One run of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRecord {
    /// When it was begun.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What it came to.
    pub verdict: ProbeVerdict,
    /// What it said, cut to a kilobyte.
    pub output: String,
}

/// Which probe of a pod: the container's name and the kind.
pub type ProbeName = (String, ProbeKind);

/// The probes of one pod, by name; the oldest result first.
pub type ProbesOfPod = BTreeMap<ProbeName, VecDeque<ProbeRecord>>;

/// How often probes of a kind came to a verdict.
pub type ProbeTotals = Vec<((ProbeKind, ProbeVerdict), u64)>;

#[derive(Debug, Default)]
struct Known {
    pods: HashMap<String, ProbesOfPod>,
    /// Of all probes, also of those that are forgotten.
    totals: ProbeTotals,
}

/// The history of all pods of the node; cheap to copy.
#[derive(Debug, Clone, Default)]
pub struct ProbeHistory(Arc<Mutex<Known>>);

impl ProbeHistory {
    /// Takes note of a run; the oldest one goes.
    pub fn add(&self, uid: &str, (container, kind): (&str, ProbeKind), mut record: ProbeRecord) {
        let end = record.output.floor_char_boundary(OUTPUT_BYTES);
        record.output.truncate(end);
        record.output.shrink_to_fit();
        let mut known = self.known();
        let about = (kind, record.verdict);
        match known.totals.iter_mut().find(|(of, _)| *of == about) {
            Some((_, count)) => *count += 1,
            None => known.totals.push((about, 1)),
        }
        // Known is what it nearly always is: no name is copied then.
        let of_pod = match known.pods.get_mut(uid) {
            Some(of_pod) => of_pod,
            None => known.pods.entry(uid.to_owned()).or_default(),
        };
        let is_same = |(name, of): &ProbeName| name == container && *of == kind;
        let records = match of_pod.iter_mut().find(|(name, _)| is_same(name)) {
            Some((_, records)) => records,
            None => of_pod.entry((container.to_owned(), kind)).or_default(),
        };
        if records.len() >= KEPT {
            records.pop_front();
        }
        records.push_back(record);
    }

    /// What is known of the probes of a pod, by its uid.
    #[must_use]
    pub fn of(&self, uid: &str) -> ProbesOfPod {
        self.known().pods.get(uid).cloned().unwrap_or_default()
    }

    /// How often probes came to what, since the daemon was started.
    #[must_use]
    pub fn totals(&self) -> ProbeTotals {
        self.known().totals.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pod is gone.
    pub fn forget(&self, uid: &str) {
        self.known().pods.remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, OUTPUT_BYTES, ProbeHistory, ProbeRecord};
    use control::pod::{ProbeKind, ProbeVerdict};
    use jiff::Timestamp;
    use std::time::Duration;

    #[test]
    fn the_newest_results_are_kept_and_cut() {
        let history = ProbeHistory::default();
        for number in 0..=KEPT {
            let output = format!("{number} {}", "é".repeat(OUTPUT_BYTES));
            let (at, took) = (Timestamp::UNIX_EPOCH, Duration::from_millis(1));
            let record = ProbeRecord { at, took, verdict: ProbeVerdict::Success, output };
            history.add("u", ("kubia", ProbeKind::Liveness), record);
        }
        let known = history.of("u");
        let records = &known[&("kubia".to_owned(), ProbeKind::Liveness)];
        assert_eq!(records.len(), KEPT);
        assert!(records[0].output.starts_with("1 ") && records[0].output.len() <= OUTPUT_BYTES);
        history.forget("u");
        assert!(history.of("u").is_empty());
    }
}
