//! Image names: Docker's grammar, its defaults, and its words for what is wrong with a name.

use std::fmt;

use thiserror::Error;

use super::digest::{Digest, DigestError};

const DEFAULT_REGISTRY: &str = "docker.io";
const LEGACY_DEFAULT_REGISTRY: &str = "index.docker.io";
const OFFICIAL_PREFIX: &str = "library/";
const DEFAULT_TAG: &str = "latest";
const MAX_REPOSITORY_LENGTH: usize = 255;
const MAX_TAG_LENGTH: usize = 128;

/// Why a text is no image reference. The texts are those of Docker's reference library, which Kubernetes shows in the
/// message of `InvalidImageName`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReferenceError {
    /// The text does not follow the grammar.
    #[error("invalid reference format")]
    Format,
    /// The repository has an upper case letter.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    Uppercase(String),
    /// 64 hex digits would be taken for an image id.
    #[error("invalid repository name ({0}), cannot specify 64-byte hexadecimal strings")]
    LooksLikeId(String),
    /// The repository is longer than 255 characters.
    #[error("repository name must not be more than 255 characters")]
    TooLong,
    /// What follows the `@` is no digest that we can verify.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

/// A parsed image name with its registry and repository filled in as Docker does.
///
/// The grammar is `[registry[:port]/]path[:tag][@digest]`. [`Display`](fmt::Display) writes the canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// Reads a name as a person or a manifest writes it: `nginx:alpine` becomes `docker.io/library/nginx:alpine`. A name
    /// without tag and digest gets the tag `latest`.
    pub fn parse(text: &str) -> Result<Reference, ReferenceError> {
        if text.len() == 64 && text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)) {
            return Err(ReferenceError::LooksLikeId(text.to_owned()));
        }
        let (registry, remainder) = split_registry(text);
        let official = if registry == DEFAULT_REGISTRY && !remainder.contains('/') { OFFICIAL_PREFIX } else { "" };
        let remainder = format!("{official}{remainder}");
        let until_colon = remainder.split(':').next().unwrap_or_default();
        if until_colon.chars().any(char::is_uppercase) {
            return Err(ReferenceError::Uppercase(until_colon.to_owned()));
        }

        let (name, digest) = match remainder.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (remainder.as_str(), None),
        };
        let (repository, tag) = match name.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        let is_valid = is_registry(registry) && repository.split('/').all(is_path_component) && tag.is_none_or(is_tag);
        if !is_valid || digest.is_some_and(|digest| !looks_like_digest(digest)) {
            return Err(ReferenceError::Format);
        }
        if repository.len() > MAX_REPOSITORY_LENGTH {
            return Err(ReferenceError::TooLong);
        }
        let digest = digest.map(Digest::parse).transpose()?;
        let tag = match (tag, &digest) {
            (None, None) => Some(DEFAULT_TAG.to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Reference { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest })
    }

    /// The registry's host with its port, for example `docker.io` or `127.0.0.1:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path inside the registry, for example `library/nginx`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; none only where there is a digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest after `@`.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same name with this digest in place of tag and digest.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Reference {
        Reference { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// The form people write: without `docker.io/` and `library/` where they can be left out.
    pub fn familiar(&self) -> String {
        let canonical = self.to_string();
        let short = canonical.strip_prefix("docker.io/").unwrap_or(&canonical);
        short.strip_prefix(OFFICIAL_PREFIX).filter(|rest| !rest.contains('/')).unwrap_or(short).to_owned()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// The first part is a registry if it could not be a folder of Docker Hub.
fn split_registry(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((LEGACY_DEFAULT_REGISTRY, rest)) => (DEFAULT_REGISTRY, rest),
        Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) || first.chars().any(char::is_uppercase) => {
            (first, rest)
        }
        _ => (DEFAULT_REGISTRY, text),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, after)) => {
                if address.is_empty() || !address.bytes().all(|c| c.is_ascii_hexdigit() || c == b':') {
                    return false;
                }
                return after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
            }
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    host.split('.').all(is_host_label) && port.is_none_or(is_port)
}

fn is_host_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit())
}

/// Lower case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn is_path_component(text: &str) -> bool {
    let is_word = |c: u8| c.is_ascii_digit() || c.is_ascii_lowercase();
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(|c| is_word(*c)) || !bytes.last().is_some_and(|c| is_word(*c)) {
        return false;
    }
    bytes
        .split(|c| is_word(*c))
        .filter(|separator| !separator.is_empty())
        .all(|separator| matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|c| *c == b'-'))
}

fn is_tag(text: &str) -> bool {
    let is_word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    text.len() <= MAX_TAG_LENGTH
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|c| is_word(c) || c == b'.' || c == b'-')
}

/// The grammar's own, wider idea of a digest; what passes and is none after all gets a message of its own.
fn looks_like_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(|c| c.is_ascii_alphabetic()) && part.bytes().all(|c| c.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(is_part) && hex.len() >= 32 && hex.bytes().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn check(text: &str, canonical: &str, familiar: &str) {
        let reference = Reference::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(reference.to_string(), canonical, "{text}");
        assert_eq!(reference.familiar(), familiar, "{text}");
        assert_eq!(Reference::parse(canonical).as_ref(), Ok(&reference), "canonical form of {text}");
        assert_eq!(Reference::parse(familiar), Ok(reference), "familiar form of {text}");
    }

    fn refused(text: &str, message: &str) {
        assert_eq!(Reference::parse(text).expect_err(text).to_string(), message, "{text}");
    }

    #[test]
    fn defaults_are_filled_in_as_docker_does() {
        check("nginx", "docker.io/library/nginx:latest", "nginx:latest");
        check("nginx:alpine", "docker.io/library/nginx:alpine", "nginx:alpine");
        check("luksa/kubia:1.0", "docker.io/luksa/kubia:1.0", "luksa/kubia:1.0");
        check("index.docker.io/library/redis:7", "docker.io/library/redis:7", "redis:7");
        check("docker.io/redis", "docker.io/library/redis:latest", "redis:latest");
        check("localhost/demo", "localhost/demo:latest", "localhost/demo:latest");
        check("127.0.0.1:5000/a/b/c:v1", "127.0.0.1:5000/a/b/c:v1", "127.0.0.1:5000/a/b/c:v1");
        check("[::1]:5000/demo", "[::1]:5000/demo:latest", "[::1]:5000/demo:latest");
        check("gcr.io/a_b/c__d/e---f.g:V_1.0-x", "gcr.io/a_b/c__d/e---f.g:V_1.0-x", "gcr.io/a_b/c__d/e---f.g:V_1.0-x");
        check("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest");
    }

    #[test]
    fn a_digest_stands_for_itself_and_needs_no_tag() {
        check(&format!("nginx@sha256:{HEX}"), &format!("docker.io/library/nginx@sha256:{HEX}"), &format!("nginx@sha256:{HEX}"));
        check(
            &format!("ghcr.io/o/n:1@sha256:{HEX}"),
            &format!("ghcr.io/o/n:1@sha256:{HEX}"),
            &format!("ghcr.io/o/n:1@sha256:{HEX}"),
        );
    }

    #[test]
    fn what_breaks_the_grammar_is_an_invalid_reference_format() {
        for text in [
            "",
            " ",
            "/",
            ":",
            "@",
            "a:",
            "a@",
            "a//b",
            "a/",
            "/a",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a:b:c",
            "a b",
            "nginx:-1",
            "a/b:c/d",
            "a.b-/c",
            "host:port/a",
            "[::1/a",
            "[]/a",
            "naïve",
            "a@sha256:12",
            "a\n",
            "../a",
            "a/../b",
        ] {
            refused(text, "invalid reference format");
        }
        refused(&format!("a:{}", "t".repeat(129)), "invalid reference format");
    }

    #[test]
    fn other_faults_have_dockers_own_words() {
        refused("Nginx", "invalid reference format: repository name (library/Nginx) must be lowercase");
        refused("a/B:c", "invalid reference format: repository name (a/B) must be lowercase");
        refused(HEX, &format!("invalid repository name ({HEX}), cannot specify 64-byte hexadecimal strings"));
        refused(&format!("x.io/{}a", "a/".repeat(128)), "repository name must not be more than 255 characters");
        refused(&format!("a@sha256:{}", &HEX[..40]), "invalid checksum digest length");
        refused(&format!("a@md5:{}", &HEX[..32]), "unsupported digest algorithm");
        refused(&format!("a@sha256:{}", HEX.to_uppercase()), "invalid checksum digest format");
    }
}
