//! The user's own editor: `KUBE_EDITOR`, `EDITOR`, or vi.

use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Opens a file in it, and waits for its end.
///
/// # Errors
/// Which editor, and how it ended.
pub fn open(path: &Path) -> Result<(), String> {
    let chosen = ["KUBE_EDITOR", "EDITOR"].iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let editor = chosen.unwrap_or_else(|| "vi".to_owned());
    // The variable may hold arguments, so that a shell takes it apart.
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("there was a problem with the editor {editor:?}: {status}; set EDITOR to another")),
        Err(error) => Err(format!("there was a problem with the editor {editor:?}: {error}")),
    }
}

/// Opens a text in it; the text as it was left.
///
/// # Errors
/// See [`open`], or what the file system says.
pub fn edit(text: &str) -> Result<String, String> {
    let file = |error: std::io::Error| format!("cannot make a file for the editor: {error}");
    let mut made = tempfile::Builder::new().prefix("skiff-edit-").suffix(".yaml").tempfile().map_err(file)?;
    made.write_all(text.as_bytes()).and_then(|()| made.flush()).map_err(file)?;
    open(made.path())?;
    std::fs::read_to_string(made.path()).map_err(|error| format!("the editor left no text: {error}"))
}
