//! The condition `PodScheduled` of a pod that fits nowhere.

use crate::agent::seconds;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The status with the condition that the pod is not scheduled; `None` where it says so already.
pub fn unscheduled(status: &Value, reason: &str, message: &str, now: Timestamp) -> Option<Value> {
    let mut status = status.clone();
    let mut conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let is_it = |condition: &&Value| condition["type"] == "PodScheduled";
    let before = conditions.iter().find(is_it).cloned();
    let is_same = |before: &Value| before["status"] == "False" && before["reason"] == reason && before["message"] == message;
    if before.as_ref().is_some_and(is_same) {
        return None;
    }
    let since = before.filter(|before| before["status"] == "False").map(|before| before["lastTransitionTime"].clone());
    conditions.retain(|condition| !is_it(&condition));
    conditions.push(json!({
        "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
        "lastProbeTime": null, "lastTransitionTime": since.unwrap_or_else(|| json!(seconds(now))),
    }));
    status["conditions"] = json!(conditions);
    Some(status)
}

#[cfg(test)]
mod tests {
    use super::unscheduled;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    #[test]
    fn the_condition_is_written_once_and_keeps_its_time() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let pending = json!({"phase": "Pending", "conditions": [{"type": "Other", "status": "True"}]});
        let first = unscheduled(&pending, "Unschedulable", "too big", at("2026-01-01T00:00:00Z")).expect("it is new");
        assert_eq!(first["conditions"][0]["type"], "Other");
        assert_eq!(first["conditions"][1]["message"], "too big");
        assert_eq!(unscheduled(&first, "Unschedulable", "too big", at("2026-01-02T00:00:00Z")), None);
        let other: Value = unscheduled(&first, "Unschedulable", "still too big", at("2026-01-02T00:00:00Z")).expect("it differs");
        assert_eq!(other["conditions"][1]["lastTransitionTime"], "2026-01-01T00:00:00Z");
        assert_eq!(other["conditions"].as_array().map(Vec::len), Some(2));
    }
}
