//! What `cp` copies: a local path, or a path in a container, as kubectl writes them.

use crate::verbs::failure::Failure;

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

#[cfg(test)]
mod tests {
    use super::{Files, Remote};

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
}
