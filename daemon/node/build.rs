//! Builds the supervisor's program, so that the daemon can carry it inside itself.
//!
//! A nested cargo with a target folder of its own: the outer build holds the lock of the usual one. The program is linked
//! statically, because a container's root has none of the host's libraries; `--target` keeps that from the build scripts and
//! procedural macros, which cannot be linked so.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What the outer build tells its tools that must not reach the inner one: clippy's wrapper, flags, its own target.
const OUTER_ONLY: [&str; 8] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CLIPPY_ARGS",
];

/// A fixed place in memory spares the relocations: 28 KiB of private memory a pod.
const FLAGS: &str = "-Ctarget-feature=+crt-static\u{1f}-Crelocation-model=static";

fn main() {
    let workspace = Path::new(&var("CARGO_MANIFEST_DIR")).join("../..");
    for path in ["daemon/supervisor", "daemon/runtime/src", "daemon/runtime/Cargo.toml", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", workspace.join(path).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    let target = var("TARGET");
    let target_dir = PathBuf::from(var("OUT_DIR")).join("supervisor-build");
    // What the outer build needs was fetched before this runs, and the supervisor needs less than it.
    let mut output = build(&workspace, &target, &target_dir, &["--offline"]);
    if !output.status.success() {
        output = build(&workspace, &target, &target_dir, &[]);
    }
    assert!(
        output.status.success(),
        "cannot build the pod supervisor (crate `supervisor`, statically linked for {target}).\n\
         Try it alone: cargo build -p supervisor --profile supervisor --target {target}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let program = target_dir.join(&target).join("supervisor").join("supervisor");
    println!("cargo::rustc-env=SKIFF_SUPERVISOR={}", program.display());
}

fn build(workspace: &Path, target: &str, target_dir: &Path, more: &[&str]) -> Output {
    let mut cargo = Command::new(var("CARGO"));
    cargo
        .current_dir(workspace)
        .args(["build", "--quiet", "--locked", "--package", "supervisor", "--bin", "supervisor"])
        .args(["--profile", "supervisor", "--target", target, "--target-dir"])
        .arg(target_dir)
        .args(more)
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS);
    for name in OUTER_ONLY.into_iter().filter(|name| *name != "CARGO_ENCODED_RUSTFLAGS") {
        cargo.env_remove(name);
    }
    cargo.output().expect("cargo runs this, so it can be run")
}

fn var(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}
