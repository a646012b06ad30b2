//! The file of text that exists nowhere else: one a process, locked while that lives, so that the next one finds only what is nobody's.

use super::effects::write_beside;
use jiff::Timestamp;
use std::fs::File;
use std::path::{Path, PathBuf};

/// How its files begin, in the state folder.
const START: &str = "unsaved-";
/// A text that nobody has asked for in so long is thrown away.
const LASTS: std::time::Duration = std::time::Duration::from_secs(30 * 86_400);

/// This process's file.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    /// Held locked while there is one.
    file: Option<File>,
}

impl Draft {
    /// The file of this process, which is not there yet.
    pub fn new(folder: &Path) -> Self {
        let name = format!("{START}{}-{}.json", std::process::id(), Timestamp::now().as_millisecond());
        Self { path: folder.join(name), file: None }
    }

    /// Takes over the newest text of a process that has ended without a word; without any, a file that is not there yet.
    pub fn find(folder: &Path) -> (Self, Option<String>) {
        let mut own = Self::new(folder);
        let mut found: Vec<(std::time::SystemTime, PathBuf)> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| {
                entry.file_name().to_string_lossy().starts_with(START) && !entry.file_name().to_string_lossy().ends_with('~')
            })
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        found.sort();
        for (at, path) in found.into_iter().rev() {
            let Ok(file) = File::open(&path) else { continue };
            if file.try_lock().is_err() {
                // Its process lives.
                continue;
            }
            if at.elapsed().is_ok_and(|age| age > LASTS) {
                let _ = std::fs::remove_file(&path);
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            // Moved to our name and still locked: whatever becomes of us, it is there.
            if std::fs::rename(&path, &own.path).is_ok() {
                own.file = Some(file);
                return (own, Some(text));
            }
        }
        (own, None)
    }

    /// Writes the text, in the place of the one before.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn keep(&mut self, text: &str) -> Result<(), String> {
        // Locked before it has its name.
        self.file = Some(write_beside(&self.path, text, |file| file.try_lock().map_err(std::io::Error::other))?);
        Ok(())
    }

    /// Removes it: the text is safe, or nobody wants it.
    pub fn forget(&mut self) {
        if self.file.take().is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// Leaves it to whoever comes next.
    pub fn leave(&mut self) {
        self.file = None;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // A panic is no end that one has chosen.
        if !std::thread::panicking() {
            self.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Draft;

    #[test]
    fn a_text_is_found_by_the_next_process_once_its_own_has_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut own = Draft::new(folder.path());
        own.keep("one").and_then(|()| own.keep("two")).expect("kept");
        let (_, found) = Draft::find(folder.path());
        assert_eq!(found, None, "its process lives");
        // As kill -9 leaves it: the lock is gone, the file is there.
        own.leave();
        let (next, found) = Draft::find(folder.path());
        assert_eq!(found.as_deref(), Some("two"));
        assert_eq!(Draft::find(folder.path()).1, None, "it is the next one's now");
        drop(next);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "left in order, nothing stays");
    }

    #[test]
    fn of_several_the_newest_comes_first_and_the_others_later() {
        let folder = tempfile::tempdir().expect("a folder");
        for text in ["old", "new"] {
            let mut own = Draft::new(folder.path());
            own.keep(text).expect("kept");
            own.leave();
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let (first, found) = Draft::find(folder.path());
        let (second, next) = Draft::find(folder.path());
        assert_eq!((found.as_deref(), next.as_deref()), (Some("new"), Some("old")));
        drop((first, second));
    }
}
