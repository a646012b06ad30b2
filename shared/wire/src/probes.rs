//! What a pod's probes came to lately: what the console's probe view and `skiff probes` show. It is in no object.

use serde::{Deserialize, Serialize};

/// See [`crate::Request::Probes`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProbesRequest {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
}

/// The answer to [`crate::Request::Probes`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodProbes {
    /// The node that runs them.
    pub node: String,
    /// Milliseconds since 1970 on that node's clock at the moment of this answer: ages count from here.
    pub as_of_ms: i64,
    /// Every probe of the pod's manifest, in the order of its containers; those of one container in the order in which they begin.
    pub probes: Vec<ProbeRuns>,
}

/// The newest runs of one probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeRuns {
    /// The container.
    pub container: String,
    /// Which of its probes.
    pub probe: ProbeKind,
    /// The oldest first; none before its first run, and after a restart of the daemon.
    pub runs: Vec<ProbeRun>,
}

/// Which probe of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProbeKind {
    /// `startupProbe`
    Startup,
    /// `livenessProbe`
    Liveness,
    /// `readinessProbe`
    Readiness,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

impl ProbeKind {
    /// The word of tables: `liveness`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Liveness => "liveness",
            Self::Readiness => "readiness",
            Self::Unknown => "unknown",
        }
    }
}

/// One run of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeRun {
    /// Milliseconds since 1970 on the node's clock when it began.
    pub at_ms: i64,
    /// Microseconds that it took.
    pub took_us: u64,
    /// What it came to.
    pub verdict: ProbeVerdict,
    /// What it said, in the kubelet's words; cut to a kilobyte.
    pub output: String,
}

/// What one run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProbeVerdict {
    /// The container is well.
    Success,
    /// It is well, and something about the probe is odd.
    Warning,
    /// It is not.
    Failure,
    /// The probe could not be run, or the daemon says what this version does not know.
    #[serde(other)]
    Unknown,
}

impl ProbeVerdict {
    /// The word of tables: `failure`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PodProbes, ProbeKind, ProbeRun, ProbeRuns, ProbeVerdict};

    #[test]
    fn runs_survive_the_way_and_words_of_a_later_daemon_are_read() {
        let run = ProbeRun { at_ms: 7, took_us: 1_500, verdict: ProbeVerdict::Failure, output: "no\n".to_owned() };
        let runs = ProbeRuns { container: "c".to_owned(), probe: ProbeKind::Liveness, runs: vec![run] };
        let probes = PodProbes { node: "n1".to_owned(), as_of_ms: 9, probes: vec![runs] };
        let text = serde_json::to_string(&probes).expect("it serialises");
        assert_eq!(serde_json::from_str::<PodProbes>(&text).expect("it is read"), probes);
        let later = text.replace("liveness", "bootProbe").replace("failure", "meh");
        let read: PodProbes = serde_json::from_str(&later).expect("it is read");
        assert_eq!((read.probes[0].probe, read.probes[0].runs[0].verdict), (ProbeKind::Unknown, ProbeVerdict::Unknown));
    }
}
