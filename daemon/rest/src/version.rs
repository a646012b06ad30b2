//! Which Kubernetes this is, as far as clients are concerned.

use serde_json::{Value, json};

/// The release whose behaviour is served.
pub const MINOR: u32 = 36;

/// The answer to `/version`. The daemon's own version stands behind the plus.
#[must_use]
pub fn document(daemon: &str) -> Value {
    json!({
        "major": "1",
        "minor": MINOR.to_string(),
        "gitVersion": format!("v1.{MINOR}.0+skiff.{daemon}"),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    })
}

/// The architecture in Go's word.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
