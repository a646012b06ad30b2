//! Addresses under which a registry or a mirror of it answers, and whether they may be plain http.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

const DOCKER_HUB: &str = "docker.io";
/// Docker Hub's registry has another name than its images.
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// A text that is no address of a mirror.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no address of a registry mirror: expected http://host[:port][/path] or https://…")]
pub struct MirrorError {
    text: String,
}

/// Another registry that has the same images, possibly in a folder. Plain http is used if the address says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    endpoint: Endpoint,
}

impl Mirror {
    /// Reads `http://host:port`, `https://host/folder` or just `host` (https, but http on loopback).
    pub fn parse(text: &str) -> Result<Mirror, MirrorError> {
        let refused = || MirrorError { text: text.to_owned() };
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            Some(_) => return Err(refused()),
            None => (None, text),
        };
        let (host, prefix) = rest.trim_end_matches('/').split_once('/').unwrap_or((rest.trim_end_matches('/'), ""));
        let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:/[]~".contains(&byte));
        if host.is_empty() || !is_plain(host) || !is_plain(prefix) || prefix.split('/').any(|part| part == "..") {
            return Err(refused());
        }
        // Some write the address of the protocol itself.
        let prefix = prefix.strip_prefix("v2").filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(prefix);
        let prefix = prefix.trim_matches('/');
        let default = if is_loopback(host) { Scheme::Http } else { Scheme::Https };
        let endpoint =
            Endpoint { scheme: scheme.unwrap_or(default), host: host.to_owned(), prefix: prefix.to_owned(), role: Role::Mirror };
        Ok(Mirror { endpoint })
    }

    /// The host with its port: the key of its credentials.
    pub fn host(&self) -> &str {
        &self.endpoint.host
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// Why an address is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Mirror,
    Origin,
    /// The origin again, with https where plain http was not understood.
    SecondTry,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    scheme: Scheme,
    pub(crate) host: String,
    /// A folder of the registry that all repositories lie in; may be empty.
    prefix: String,
    pub(crate) role: Role,
}

impl Endpoint {
    /// Where the registry of an image answers. Plain http is for loopback and for registries that are configured as insecure;
    /// those are tried with https after that, in case they speak it all the same.
    pub(crate) fn origins(registry: &str, is_insecure: bool) -> Vec<Endpoint> {
        let host = if registry == DOCKER_HUB { DOCKER_HUB_HOST } else { registry };
        let endpoint = |scheme, role| Endpoint { scheme, host: host.to_owned(), prefix: String::new(), role };
        if is_insecure || is_loopback(host) {
            vec![endpoint(Scheme::Http, Role::Origin), endpoint(Scheme::Https, Role::SecondTry)]
        } else {
            vec![endpoint(Scheme::Https, Role::Origin)]
        }
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    pub(crate) fn repository(&self, repository: &str) -> String {
        if self.prefix.is_empty() { repository.to_owned() } else { format!("{}/{repository}", self.prefix) }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.is_https() { "https" } else { "http" };
        format!("{scheme}://{}/v2/{path}", self.host)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https() { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        Ok(())
    }
}

/// Whether a host, with or without a port, is this machine and cannot be another.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_read_with_and_without_scheme_and_folder() {
        let check = |text: &str, shown: &str, url: &str| {
            let mirror = Mirror::parse(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(mirror.to_string(), shown);
            assert_eq!(mirror.endpoint().url(&format!("{}/x", mirror.endpoint().repository("library/a"))), url);
        };
        check("http://127.0.0.1:5000", "http://127.0.0.1:5000", "http://127.0.0.1:5000/v2/library/a/x");
        check("https://m.example/hub/", "https://m.example/hub", "https://m.example/v2/hub/library/a/x");
        check("https://m.example/v2/", "https://m.example", "https://m.example/v2/library/a/x");
        check("https://m.example/v2x", "https://m.example/v2x", "https://m.example/v2/v2x/library/a/x");
        check("m.example", "https://m.example", "https://m.example/v2/library/a/x");
        check("localhost:5000", "http://localhost:5000", "http://localhost:5000/v2/library/a/x");
        check("[::1]:5000", "http://[::1]:5000", "http://[::1]:5000/v2/library/a/x");
        for text in ["", "ftp://a", "http://", "http://a/../b", "http://a?b", "http://u@a", "http://a b", "/"] {
            assert!(Mirror::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_and_where_it_is_configured() {
        let check = |registry: &str, is_insecure: bool, expected: &[&str]| {
            let shown: Vec<String> = Endpoint::origins(registry, is_insecure).iter().map(Endpoint::to_string).collect();
            assert_eq!(shown, expected, "{registry}");
        };
        check("docker.io", false, &["https://registry-1.docker.io"]);
        check("ghcr.io", false, &["https://ghcr.io"]);
        check("10.0.0.1:5000", false, &["https://10.0.0.1:5000"]);
        check("10.0.0.1:5000", true, &["http://10.0.0.1:5000", "https://10.0.0.1:5000"]);
        check("127.0.0.2:5000", false, &["http://127.0.0.2:5000", "https://127.0.0.2:5000"]);
        check("localhost", false, &["http://localhost", "https://localhost"]);
        check("127.0.0.1.example", false, &["https://127.0.0.1.example"]);
        check("localhost.example", false, &["https://localhost.example"]);
    }
}
