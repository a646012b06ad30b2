//! A rolling restart, as the verb `rollout restart` and the console's `xr` ask for it: a template that differs in one annotation.

use jiff::Zoned;
use serde_json::{Value, json};

/// What kubectl writes the time of a restart into (`kubectl/pkg/polymorphichelpers/objectrestarter.go`).
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// Has all pods of a Deployment made anew: its template says when that was asked for, in the zone of whoever asks.
pub fn restart(deployment: &mut Value, now: &Zoned) {
    // RFC 3339 as Go prints it: no offset is `Z`.
    let form = if now.offset().is_zero() { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%:z" };
    deployment["spec"]["template"]["metadata"]["annotations"][RESTARTED_AT] = json!(now.strftime(form).to_string());
}

#[cfg(test)]
mod tests {
    use super::restart;
    use jiff::{Timestamp, tz};
    use serde_json::json;

    fn check(offset_hours: i8, expected: &str) {
        let now: Timestamp = "2026-01-01T01:02:03.456Z".parse().expect("a time");
        let mut deployment = json!({"spec": {"template": {"metadata": {"labels": {"app": "kubia"}}}}});
        restart(&mut deployment, &now.to_zoned(tz::offset(offset_hours).to_time_zone()));
        let template = json!({"labels": {"app": "kubia"}, "annotations": {"kubectl.kubernetes.io/restartedAt": expected}});
        assert_eq!(deployment["spec"]["template"]["metadata"], template);
    }

    #[test]
    fn the_time_is_written_as_kubectl_does_in_every_zone() {
        check(0, "2026-01-01T01:02:03Z");
        check(2, "2026-01-01T03:02:03+02:00");
        check(-5, "2025-12-31T20:02:03-05:00");
    }
}
