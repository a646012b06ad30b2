//! Which symbolic links may be made where a copy is not trusted: those that stay inside of it.

use std::path::{Component, Path};

/// Whether a link at `at`, a path below the copy's top, leads to something inside of the copy. The target may go up at its beginning
/// only: a way up behind a name is a way up from wherever that name leads.
pub(crate) fn stays_inside(at: &Path, target: &Path) -> bool {
    let mut depth = at.components().count().saturating_sub(1);
    let mut is_beginning = true;
    for component in target.components() {
        match component {
            Component::ParentDir if is_beginning && depth > 0 => depth -= 1,
            Component::Normal(_) => is_beginning = false,
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::stays_inside;
    use std::path::Path;

    #[test]
    fn only_links_into_the_copy_stay_inside() {
        let check = |at: &str, target: &str| stays_inside(Path::new(at), Path::new(target));
        assert!(check("link", "file") && check("a/link", "../file") && check("a/b/link", "../../c/d") && check("link", "./a/b"));
        assert!(!check("link", "/etc/passwd") && !check("link", "../file") && !check("a/link", "../../file"));
        // `t` may be a link to the top: from there two up is outside.
        assert!(!check("a/b/link", "t/../.."));
    }
}
