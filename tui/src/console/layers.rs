//! Checks that the console's layers know only those below them.

use std::path::Path;

/// From the top to the bottom.
const LAYERS: [&str; 11] = ["demo", "run", "app", "screen", "widget", "keys", "theme", "model", "link", "term", "base"];

fn files(folder: &Path, out: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the console's sources are there") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn imports_go_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console");
    let mut all = Vec::new();
    files(&root, &mut all);
    assert!(all.len() > 50, "{} files", all.len());
    for path in all {
        let relative = path.strip_prefix(&root).expect("under the root").display().to_string();
        let name = relative.split(['/', '.']).next().unwrap_or_default();
        let Some(own) = LAYERS.iter().position(|layer| *layer == name) else { continue };
        let text = std::fs::read_to_string(&path).expect("readable");
        for above in &LAYERS[..own] {
            assert!(!text.contains(&format!("console::{above}::")), "{relative} imports from {above}");
        }
        let draws = text.contains("ratatui");
        assert!(!draws || !matches!(name, "model" | "link" | "base"), "{relative} has a look");
    }
}
