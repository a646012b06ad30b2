//! What differs between two states of an object, field by field.

use serde_json::Value;

/// Fields that say nothing to a person: they differ after every change.
const NOISE: [&str; 8] = [
    "resourceVersion",
    "managedFields",
    "generation",
    "observedGeneration",
    "lastHeartbeatTime",
    "lastTransitionTime",
    "lastUpdateTime",
    "lastProbeTime",
];

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: `status.phase`.
    pub path: String,
    /// What it was; `None` where it was not there.
    pub old: Option<String>,
    /// What it is; `None` where it is not there any more.
    pub new: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{}: {old} → {new}", self.path),
            (None, Some(new)) => write!(f, "{}: + {new}", self.path),
            (Some(old), None) => write!(f, "{}: − {old}", self.path),
            (None, None) => write!(f, "{}", self.path),
        }
    }
}

/// The fields that differ.
pub fn of(old: &Value, new: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), Some(old), Some(new), &mut found);
    found
}

fn compare(path: String, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Difference>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Some(Value::Object(one)), Some(Value::Object(two))) => {
            let names = one.keys().chain(two.keys().filter(|name| !one.contains_key(*name)));
            for name in names.filter(|name| !NOISE.contains(&name.as_str())) {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(below, one.get(name), two.get(name), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(two))) => lists(&path, (one, two), found),
        _ => {
            let (old, new) = (old.map(plain), new.map(plain));
            // What both begin with is left out where what differs would not be seen behind it.
            let same = match (&old, &new) {
                (Some(old), Some(new)) => old.chars().zip(new.chars()).take_while(|(one, two)| one == two).count(),
                _ => 0,
            };
            let skipped = if same + LEAD < SHOWN { 0 } else { same - LEAD };
            let shown = |text: String| short(&text, skipped);
            found.push(Difference { path, old: old.map(shown), new: new.map(shown) });
        }
    }
}

/// Columns of a value that are shown.
const SHOWN: usize = 60;
/// Letters before the first that differs which are still shown.
const LEAD: usize = 10;

/// Elements with a name or type are compared with those of the same, others with those at their place.
fn lists(path: &str, (one, two): (&[Value], &[Value]), found: &mut Vec<Difference>) {
    let name = |value: &Value| ["name", "type"].iter().find_map(|field| value.get(*field)?.as_str().map(str::to_owned));
    if one.iter().chain(two).all(|value| name(value).is_some()) {
        let named = |values: &[Value], wanted: &str| values.iter().find(|value| name(value).as_deref() == Some(wanted)).cloned();
        let mut names: Vec<String> = one.iter().chain(two).filter_map(name).collect();
        names.sort();
        names.dedup();
        for wanted in names {
            let (old, new) = (named(one, &wanted), named(two, &wanted));
            compare(format!("{path}[{wanted}]"), old.as_ref(), new.as_ref(), found);
        }
        return;
    }
    for at in 0..one.len().max(two.len()) {
        compare(format!("{path}[{at}]"), one.get(at), two.get(at), found);
    }
}

fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    crate::console::base::text::clean(&text.replace('\n', " "))
}

/// A text without its first so many letters, cut at its end where it is still too long.
fn short(text: &str, skipped: usize) -> String {
    let begin = text.char_indices().nth(skipped).map_or(text.len(), |(at, _)| at);
    let rest = &text[begin..];
    let dots = if skipped > 0 { "…" } else { "" };
    match crate::console::base::text::head(rest, SHOWN) {
        (head, _) if head.len() < rest.len() => format!("{dots}{head}…"),
        _ => format!("{dots}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_told_and_elements_are_found_by_their_names() {
        let old = json!({"metadata": {"name": "web", "resourceVersion": "1"}, "status": {"phase": "Pending",
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "a"}, {"type": "Old", "status": "True"}], "ips": [1, 2]}});
        let new = json!({"metadata": {"name": "web", "resourceVersion": "2", "labels": {"a": "b"}}, "status": {"phase": "Running",
            "conditions": [{"type": "New", "status": "True"}, {"type": "Ready", "status": "True"}], "ips": [1]}});
        let told: Vec<String> = of(&old, &new).iter().map(ToString::to_string).collect();
        let expected = [
            "metadata.labels: + {\"a\":\"b\"}",
            "status.conditions[New]: + {\"status\":\"True\",\"type\":\"New\"}",
            "status.conditions[Old]: − {\"status\":\"True\",\"type\":\"Old\"}",
            "status.conditions[Ready].status: False → True",
            "status.ips[1]: − 2",
            "status.phase: Pending → Running",
        ];
        assert_eq!(told, expected);
        assert!(of(&old, &old).is_empty());
    }

    #[test]
    fn long_values_show_where_they_differ() {
        let with = |end: &str| json!({"command": format!("{} {end}", "x".repeat(100))});
        let told: Vec<String> = of(&with("exit 3"), &with("sleep 9")).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["command: …xxxxxxxxx exit 3 → …xxxxxxxxx sleep 9"]);
    }
}
