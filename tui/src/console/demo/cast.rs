//! Recordings as asciicast: version 3 with times since the event before, version 2 with times since the start.

use super::play::Recording;
use serde_json::json;
use std::time::Duration;

/// Events in the order of their times: what is written, and names of moments.
fn events(recording: &Recording) -> Vec<(Duration, &'static str, String)> {
    let frames = recording.frames.iter().map(|frame| (frame.at, "o", String::from_utf8_lossy(&frame.bytes).into_owned()));
    let markers = recording.markers.iter().map(|(at, name)| (*at, "m", name.clone()));
    let mut events: Vec<_> = frames.chain(markers).collect();
    events.sort_by_key(|(at, ..)| *at);
    events
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// Version 3.
pub fn v3(recording: &Recording) -> String {
    let (cols, rows) = recording.size;
    let head = json!({"version": 3, "term": {"cols": cols, "rows": rows, "type": "xterm-256color"}, "title": recording.title});
    let mut out = format!("{head}\n");
    let mut before = Duration::ZERO;
    for (at, code, data) in events(recording) {
        out.push_str(&format!("{}\n", json!([seconds(at.saturating_sub(before)), code, data])));
        before = at;
    }
    out.push_str(&format!("{}\n", json!([seconds(recording.length.saturating_sub(before)), "x", "0"])));
    out
}

/// Version 2.
pub fn v2(recording: &Recording) -> String {
    let (width, height) = recording.size;
    let head =
        json!({"version": 2, "width": width, "height": height, "title": recording.title, "duration": seconds(recording.length)});
    let mut out = format!("{head}\n");
    for (at, code, data) in events(recording) {
        out.push_str(&format!("{}\n", json!([seconds(at), code, data])));
    }
    out
}
