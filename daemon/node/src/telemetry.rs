//! What the daemon counts of its own work, for Prometheus: the requests that it answered.
//!
//! What else there is to tell (processes, objects, members, probes) is looked at when it is asked for: `verbs/telemetry.rs`. Every
//! label has its values from a table of ours, so that nobody makes the text longer by asking for something new.

pub mod process;

use rest::exposition::{Exposition, Type, to_float};
use rest::resource::Resource;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper ends of the buckets, in seconds.
const BUCKETS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    verb: &'static str,
    group: &'static str,
    version: &'static str,
    resource: &'static str,
    subresource: &'static str,
}

#[derive(Debug, Default)]
struct Answered {
    codes: BTreeMap<u16, u64>,
    buckets: [u64; BUCKETS.len()],
    count: u64,
    seconds: f64,
}

/// The counts. See the module.
#[derive(Debug, Default)]
pub struct Telemetry {
    requests: Mutex<BTreeMap<Asked, Answered>>,
}

/// Which request was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// In the words of authorization; `None` for a method that there is none for.
    pub verb: Option<&'static str>,
    /// Of which resource, if of any.
    pub resource: Option<&'static Resource>,
    /// The name of what is below the object; empty for the object itself.
    pub subresource: &'static str,
    /// With which code.
    pub code: u16,
    /// Until the answer's head was ready.
    pub took: Duration,
}

impl Telemetry {
    /// Counts an answer.
    pub fn answered(&self, answer: Answer) {
        let asked = Asked {
            verb: word(answer.verb, answer.subresource),
            group: answer.resource.map_or("", |resource| resource.group),
            version: answer.resource.map_or("", |resource| resource.version),
            resource: answer.resource.map_or("", |resource| resource.plural),
            subresource: answer.subresource,
        };
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = requests.entry(asked).or_default();
        let seconds = answer.took.as_secs_f64();
        *answered.codes.entry(answer.code).or_default() += 1;
        answered.count += 1;
        answered.seconds += seconds;
        if let Some(bucket) = BUCKETS.iter().position(|most| seconds <= *most) {
            answered.buckets[bucket] += 1;
        }
    }

    /// Tells of all answers.
    pub fn tell(&self, exposition: &mut Exposition) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        exposition.family(
            "apiserver_request_total",
            Type::Counter,
            "Requests that were answered, by what they asked for and the code.",
        );
        for (asked, answered) in requests.iter() {
            for (code, count) in &answered.codes {
                let code = code.to_string();
                exposition.sample(&[&asked.labels()[..], &[("code", code.as_str())]].concat(), to_float(*count));
            }
        }
        let help = "Time until the head of the answer, in seconds; of streams and watches, until they began.";
        exposition.family("apiserver_request_duration_seconds", Type::Histogram, help);
        for (asked, answered) in requests.iter() {
            let buckets: Vec<(f64, u64)> = BUCKETS.into_iter().zip(answered.buckets).collect();
            exposition.histogram(&asked.labels(), &buckets, (answered.count, answered.seconds));
        }
    }
}

impl Asked {
    fn labels(&self) -> [(&'static str, &'static str); 5] {
        let Self { verb, group, version, resource, subresource } = *self;
        [("verb", verb), ("group", group), ("version", version), ("resource", resource), ("subresource", subresource)]
    }
}

/// A verb as Kubernetes' metrics name it.
fn word(verb: Option<&'static str>, subresource: &str) -> &'static str {
    if matches!(subresource, "exec" | "attach" | "portforward" | "proxy") {
        return "CONNECT";
    }
    match verb {
        Some("get") => "GET",
        Some("list") => "LIST",
        Some("watch") => "WATCH",
        Some("create") => "POST",
        Some("update") => "PUT",
        Some("patch") => "PATCH",
        Some("delete") => "DELETE",
        Some("deletecollection") => "DELETECOLLECTION",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Telemetry};
    use rest::exposition::Exposition;
    use std::time::Duration;

    #[test]
    fn answers_are_counted_by_what_was_asked_for() {
        let telemetry = Telemetry::default();
        let pods = rest::resource::find("", "v1", "pods");
        let answer = Answer { verb: Some("list"), resource: pods, subresource: "", code: 200, took: Duration::from_millis(3) };
        telemetry.answered(answer);
        telemetry.answered(Answer { code: 403, took: Duration::from_secs(60), ..answer });
        telemetry.answered(Answer { verb: Some("get"), subresource: "exec", code: 101, ..answer });
        telemetry.answered(Answer { verb: None, resource: None, code: 405, ..answer });
        let mut exposition = Exposition::default();
        telemetry.tell(&mut exposition);
        let text = exposition.into_text();
        let labels = "verb=\"LIST\",group=\"\",version=\"v1\",resource=\"pods\",subresource=\"\"";
        for line in [
            format!("apiserver_request_total{{{labels},code=\"200\"}} 1\n"),
            format!("apiserver_request_total{{{labels},code=\"403\"}} 1\n"),
            format!("apiserver_request_duration_seconds_bucket{{{labels},le=\"0.005\"}} 1\n"),
            format!("apiserver_request_duration_seconds_bucket{{{labels},le=\"30\"}} 1\n"),
            format!("apiserver_request_duration_seconds_count{{{labels}}} 2\n"),
            "resource=\"pods\",subresource=\"exec\",code=\"101\"} 1\n".to_owned(),
            "verb=\"other\",group=\"\",version=\"\",resource=\"\",subresource=\"\",code=\"405\"} 1\n".to_owned(),
        ] {
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
    }
}
