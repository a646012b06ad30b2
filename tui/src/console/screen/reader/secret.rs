//! A secret as a text: its values are hidden until one asks for them.

use super::Mode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Zoned;
use objects::Kind;
use objects::lookup::text;
use serde_json::Value;

/// Where `kubectl apply` keeps the manifest, and the values with it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Puts what may be known of them in the place of values. A description tells no values, but annotations.
pub fn hide(secret: &mut Value, mode: Mode) {
    if let Some(annotation) = secret.pointer_mut("/metadata/annotations").and_then(|all| all.get_mut(LAST_APPLIED)) {
        *annotation = "hidden".into();
    }
    if mode == Mode::Describe {
        return;
    }
    let data = secret.get_mut("data").and_then(Value::as_object_mut);
    for value in data.into_iter().flat_map(|data| data.values_mut()) {
        let bytes = decoded(value).len();
        *value = format!("hidden: {bytes} bytes; v shows them").into();
    }
}

/// The description with the values as they are: as text where they are text.
pub fn describe(secret: &Value, events: &[Value], now: &Zoned) -> String {
    let mut shown = secret.clone();
    let data = shown.get_mut("data").and_then(Value::as_object_mut);
    for value in data.into_iter().flat_map(|data| data.values_mut()) {
        let bytes = decoded(value);
        *value = match String::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(error) => format!("{} bytes that are no text; D shows them in base64", error.as_bytes().len()).into(),
        };
    }
    // Whose data is told in full is a config map.
    let page = objects::describe::other(Kind::ConfigMap, &shown, events, now);
    page.replacen("\nData\n", &format!("\nType:  {}\n\nData\n", text(secret, "/type")), 1)
}

fn decoded(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::{Mode, describe, hide};
    use jiff::{Timestamp, tz::TimeZone};
    use serde_json::json;

    #[test]
    fn values_are_hidden_wherever_they_stand_and_shown_when_asked_for() {
        let secret = json!({
            "metadata": {"name": "db", "namespace": "n", "annotations": {super::LAST_APPLIED: "{\"stringData\":{\"password\":\"hunter2\"}}"}},
            "type": "Opaque",
            "data": {"password": "aHVudGVyMg==", "key": "/wD/"},
        });
        let mut hidden = secret.clone();
        hide(&mut hidden, Mode::Yaml);
        let yaml = objects::yaml::to_yaml(&hidden);
        assert!(!yaml.contains("hunter2") && !yaml.contains("aHVudGVyMg") && yaml.contains("hidden: 7 bytes"), "{yaml}");
        let mut hidden = secret.clone();
        hide(&mut hidden, Mode::Describe);
        assert!(!hidden.to_string().contains("hunter2"), "{hidden}");
        let page = describe(&secret, &[], &Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC));
        assert!(page.contains("hunter2") && page.contains("Opaque") && page.contains("3 bytes that are no text"), "{page}");
    }
}
