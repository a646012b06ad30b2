//! The text that Prometheus reads (its exposition format, version 0.0.4): families of samples.

use std::fmt::Write;

/// The media type.
pub const MEDIA: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// They only grow, until the daemon is started again.
    Counter,
    /// They go up and down.
    Gauge,
    /// They are counted in buckets.
    Histogram,
}

impl Type {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Names and values.
pub type Labels<'a> = [(&'a str, &'a str)];

/// The text as it is written.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
    name: &'static str,
}

impl Exposition {
    /// Begins a family; its samples follow.
    pub fn family(&mut self, name: &'static str, of: Type, help: &str) {
        self.name = name;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {}", of.as_str());
    }

    /// A sample of the family that was begun last.
    pub fn sample(&mut self, labels: &Labels<'_>, value: f64) {
        self.line("", labels, value);
    }

    /// A histogram of it: how many were at most so great (not added up yet), how many there were, and their sum.
    pub fn histogram(&mut self, labels: &Labels<'_>, buckets: &[(f64, u64)], (count, sum): (u64, f64)) {
        let mut all = 0;
        for (most, number) in buckets {
            all += number;
            let most = most.to_string();
            self.line("_bucket", &[labels, &[("le", most.as_str())]].concat(), to_float(all));
        }
        self.line("_bucket", &[labels, &[("le", "+Inf")]].concat(), to_float(count));
        self.line("_sum", labels, sum);
        self.line("_count", labels, to_float(count));
    }

    fn line(&mut self, suffix: &str, labels: &Labels<'_>, value: f64) {
        let _ = write!(self.text, "{}{suffix}", self.name);
        for (index, (name, value)) in labels.iter().enumerate() {
            let begin = if index == 0 { '{' } else { ',' };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{begin}{name}=\"{value}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }

    /// The whole text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

/// Counts are exact up to 2^53, as for whoever reads them.
#[must_use]
pub const fn to_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::{Exposition, Type};

    #[test]
    fn families_samples_and_histograms_are_written_as_prometheus_reads_them() {
        let mut exposition = Exposition::default();
        exposition.family("a_total", Type::Counter, "How many.");
        exposition.sample(&[("kind", "x\"y\\z\n")], 3.0);
        exposition.sample(&[], 0.5);
        exposition.family("took_seconds", Type::Histogram, "How long.");
        exposition.histogram(&[("verb", "GET")], &[(0.1, 2), (1.0, 1)], (4, 7.25));
        let expected = "# HELP a_total How many.\n# TYPE a_total counter\na_total{kind=\"x\\\"y\\\\z\\n\"} 3\na_total 0.5\n\
            # HELP took_seconds How long.\n# TYPE took_seconds histogram\ntook_seconds_bucket{verb=\"GET\",le=\"0.1\"} 2\n\
            took_seconds_bucket{verb=\"GET\",le=\"1\"} 3\ntook_seconds_bucket{verb=\"GET\",le=\"+Inf\"} 4\n\
            took_seconds_sum{verb=\"GET\"} 7.25\ntook_seconds_count{verb=\"GET\"} 4\n";
        assert_eq!(exposition.into_text(), expected);
    }
}
