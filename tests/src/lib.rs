//! For end-to-end tests: a [`World`] is one daemon with its own network and mount namespaces, folders and control groups; a
//! [`Cluster`] is several machines with a daemon each.
//!
//! Dropping either removes all of it and fails the test if anything is left.

mod cluster;
mod command;
mod console;
mod driver;
pub mod kubectl;
mod leftovers;
pub mod manifest;
mod registry;
pub mod ssh;
pub mod watch;
mod world;

pub use cluster::{Cluster, condition};
pub use command::Ran;
pub use console::Console;
pub use driver::{Driver, Driving};
pub use registry::Registry;
pub use world::World;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A test's pods are not put out because the machine that it runs on is full. Tests of that give flags, which count for more.
pub(crate) const NO_EVICTION: &str = "memory.available<1Mi";

/// How long a test waits for what has to happen, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Why end-to-end tests cannot run here; `None` where they can.
#[must_use]
pub fn why_not() -> Option<String> {
    let uid = std::process::Command::new("id").arg("-u").output().ok()?;
    if uid.stdout.trim_ascii() != b"0" {
        return Some("not root".to_owned());
    }
    let unshared = std::process::Command::new("unshare").args(["--net", "--mount", "true"]).status();
    if !unshared.is_ok_and(|status| status.success()) {
        return Some("this kernel or container lets us make no namespaces".to_owned());
    }
    None
}

/// Prints why a test is skipped and tells whether it is.
#[must_use]
pub fn is_skipped(test: &str) -> bool {
    match why_not() {
        Some(why) => {
            eprintln!("skipped: {test}: {why}");
            true
        }
        None => false,
    }
}

/// A folder with manifests that are not ours, where there is one: `SKIFF_CASES`, or `shared/cases` beside the project.
#[must_use]
pub fn cases(test: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases");
    let folder = std::env::var_os("SKIFF_CASES").map_or(beside, PathBuf::from);
    if folder.join("book").is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {test}: no manifests in {}", folder.display());
    None
}

/// A folder with the archives of real images, where there is one: `SKIFF_TEST_IMAGES`.
#[must_use]
pub fn images(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SKIFF_TEST_IMAGES").map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        eprintln!("skipped: {test}: SKIFF_TEST_IMAGES names no folder with image archives");
    }
    folder
}

/// The project's own demo image, as `make demo` builds it.
///
/// # Panics
/// Where it was not built.
#[must_use]
pub fn demo_image() -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/demo.tar");
    assert!(path.is_file(), "{} is missing: run `make demo`", path.display());
    path
}

/// Asks again and again until there is an answer, and fails the test with the last refusal after [`PATIENCE`].
///
/// # Panics
/// When patience ends.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(refusal) => assert!(Instant::now() < end, "{what}: {refusal}"),
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}
