//! Where the observations of a real API server are kept, for tests that compare with them where they are present.

use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder of cases: `SKIFF_CASES`, or `shared/cases` beside the workspace.
pub(crate) fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases");
    let folder = std::env::var_os("SKIFF_CASES").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no folder {}", folder.display());
    None
}

/// The files of a folder, by name, with their text.
pub(crate) fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).expect("the folder of cases can be read");
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.expect("an entry can be read"))
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), std::fs::read_to_string(entry.path()).expect("a case is text"))
        })
        .collect();
    files.sort();
    files
}

/// A file that is a JSON list.
pub(crate) fn list(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the file of cases can be read");
    serde_json::from_str(&text).expect("the file of cases is a JSON list")
}
