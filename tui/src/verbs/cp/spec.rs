//! What `cp` copies: a local path, or a path in a container, as kubectl writes them.

use crate::verbs::failure::Failure;
use std::ffi::OsString;
use std::path::{Component, Path};

/// One side of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Files {
    /// A path here.
    Local(String),
    /// A path there.
    Remote(Remote),
}

/// A path in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    /// `None` is the one that the verb works in.
    pub(super) namespace: Option<String>,
    pub(super) pod: String,
    pub(super) path: String,
}

impl Files {
    /// Reads `PATH`, `POD:PATH` or `NAMESPACE/POD:PATH`. A local path with a colon begins with `./` or `/`.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let local = || match text {
            "" => Err(Failure::message("filepath can not be empty")),
            path => Ok(Self::Local(path.to_owned())),
        };
        let wrong = || Failure::message("filespec must match the canonical format: [[namespace/]pod:]file/path");
        let Some((place, path)) = text.split_once(':') else { return local() };
        if place.starts_with(['/', '.']) {
            return local();
        }
        let (namespace, pod) = match place.split('/').collect::<Vec<_>>().as_slice() {
            [pod] => (None, *pod),
            [namespace, pod] => (Some((*namespace).to_owned()), *pod),
            _ => return Err(wrong()),
        };
        if pod.is_empty() || namespace.as_deref() == Some("") {
            return Err(wrong());
        }
        if path.is_empty() {
            return Err(Failure::message("filepath can not be empty"));
        }
        Ok(Self::Remote(Remote { namespace, pod: pod.to_owned(), path: path.to_owned() }))
    }
}

/// Whether a local path means what is in a folder rather than the folder: `folder/.`.
pub(super) fn is_content(path: &str) -> bool {
    path == "." || path.ends_with("/.")
}

/// The name that a local file or folder is sent under.
pub(super) fn name_of(path: &str) -> OsString {
    let last = match Path::new(path).components().next_back() {
        Some(Component::Normal(name)) => Some(name.to_owned()),
        // A way up has a name that only the kernel knows.
        _ => std::fs::canonicalize(path).ok().and_then(|path| path.file_name().map(ToOwned::to_owned)),
    };
    last.unwrap_or_else(|| OsString::from("root"))
}

#[cfg(test)]
mod tests {
    use super::{Files, Remote, is_content, name_of};

    fn remote(namespace: Option<&str>, pod: &str, path: &str) -> Result<Files, String> {
        let namespace = namespace.map(str::to_owned);
        Ok(Files::Remote(Remote { namespace, pod: pod.to_owned(), path: path.to_owned() }))
    }

    #[test]
    fn paths_are_written_as_for_kubectl() {
        let read = |text: &str| Files::parse(text).map_err(|failure| failure.to_text());
        let wrong = Err("error: filespec must match the canonical format: [[namespace/]pod:]file/path".to_owned());
        assert_eq!(read("a/b"), Ok(Files::Local("a/b".to_owned())));
        assert_eq!(read("./a:b"), Ok(Files::Local("./a:b".to_owned())));
        assert_eq!(read("/tmp/a:b"), Ok(Files::Local("/tmp/a:b".to_owned())));
        assert_eq!(read("web:/etc"), remote(None, "web", "/etc"));
        assert_eq!(read("prod/web:etc:x"), remote(Some("prod"), "web", "etc:x"));
        for text in ["a/b/c:/x", ":/x", "/:x/y:z", "a/:x"] {
            assert!(read(text) == wrong || text.starts_with('/'), "{text}");
        }
        for text in ["", "web:"] {
            assert_eq!(read(text), Err("error: filepath can not be empty".to_owned()));
        }
    }

    #[test]
    fn a_folder_has_its_name_and_may_stand_for_its_content() {
        for (path, name, content) in [("a/b", "b", false), ("a/b/", "b", false), ("a/b/.", "b", true), ("/", "root", false)] {
            assert_eq!((name_of(path), is_content(path)), (name.into(), content), "{path}");
        }
        assert!(is_content("."));
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(dir.path().join("sub")).expect("a folder");
        let up = dir.path().join("sub/..");
        assert_eq!(name_of(up.to_str().expect("text")), dir.path().file_name().expect("a name"));
    }
}
