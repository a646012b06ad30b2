//! The demos against a real cluster: what their own worlds pretend is what daemons do.

use end_to_end::{demo_image, is_skipped};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn what_the_demos_show_is_what_a_cluster_of_three_does() {
    if is_skipped("what_the_demos_show_is_what_a_cluster_of_three_does") {
        return;
    }
    assert!(demo_image().is_file());
    let own = std::env::current_exe().expect("a test has a program");
    let bin = own.parent().and_then(Path::parent).expect("target/debug/deps/test");
    let name = format!("skiff-live-{}", std::process::id());
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts/demo-live");
    let output = Command::new(script)
        .arg("--bin")
        .arg(bin)
        .env("DEMO_LIVE_NAME", &name)
        .env("SKIFFD_EVICTION_HARD", "memory.available<1Mi")
        .stdin(Stdio::null())
        .output()
        .expect("scripts/demo-live runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for demo in ["first-pod", "crash-loop", "failing-probe", "edit-conflict", "node-dies"] {
        assert!(said.contains(&format!("{demo}: as it should be")), "{said}");
    }
    for left in [format!("/run/{name}"), format!("/var/lib/{name}")] {
        assert!(!Path::new(&left).exists(), "{left} is left");
    }
}
