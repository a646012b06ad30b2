//! Accounts of registries out of Secrets, and which of them are tried for an image
//! (`pkg/credentialprovider/config.go`, `keyring.go`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The type of a Secret with a `config.json` of docker's in it, and its key.
const CONFIG_JSON: (&str, &str) = ("kubernetes.io/dockerconfigjson", ".dockerconfigjson");
/// The older form.
const CONFIG: (&str, &str) = ("kubernetes.io/dockercfg", ".dockercfg");
/// What `docker login` without a host notes the account under.
const DEFAULT_REGISTRY: &str = "index.docker.io";

/// A name and a password. Printing it shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub username: String,
    /// The password, or an access token.
    pub password: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The accounts of all Secrets that a pod names, by registry, or registry and path. The longest path is tried first.
#[derive(Debug, Default)]
pub struct Keyring {
    accounts: BTreeMap<String, Vec<Account>>,
}

#[derive(Deserialize)]
struct ConfigJson {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    /// `NAME:PASSWORD` in base64, instead of the two.
    #[serde(default)]
    auth: String,
}

impl Keyring {
    /// Adds the accounts of a Secret. One that cannot be read adds none, as with the kubelet: admission has refused it.
    pub fn add(&mut self, kind: &str, data: &BTreeMap<String, Vec<u8>>) {
        let entries = if kind == CONFIG_JSON.0 {
            data.get(CONFIG_JSON.1).and_then(|bytes| serde_json::from_slice::<ConfigJson>(bytes).ok()).map(|config| config.auths)
        } else if kind == CONFIG.0 {
            data.get(CONFIG.1).and_then(|bytes| serde_json::from_slice(bytes).ok())
        } else {
            None
        };
        for (location, entry) in entries.unwrap_or_default() {
            if let (Some(key), Some(account)) = (key_of(&location), account_of(entry)) {
                self.accounts.entry(key).or_default().push(account);
            }
        }
    }

    /// The accounts to try for an image, in order; `repository` is `registry/path`, without tag.
    pub fn find(&self, repository: &str) -> Vec<Account> {
        let fitting = self.accounts.iter().rev().filter(|(key, _)| fits(key, repository));
        let found: Vec<Account> = fitting.flat_map(|(_, accounts)| accounts).cloned().collect();
        if found.is_empty() && repository.starts_with("docker.io/") {
            return self.accounts.get(DEFAULT_REGISTRY).cloned().unwrap_or_default();
        }
        found
    }
}

/// Host, and path where there is one: without the scheme, and without the version that docker's own addresses have.
fn key_of(location: &str) -> Option<String> {
    let rest = location.strip_prefix("https://").or_else(|| location.strip_prefix("http://")).unwrap_or(location);
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let path = path.strip_prefix("v1/").or_else(|| path.strip_prefix("v2/")).unwrap_or(path);
    if host.is_empty() {
        return None;
    }
    Some(if path.is_empty() { host.to_owned() } else { format!("{host}/{path}") })
}

fn account_of(entry: Entry) -> Option<Account> {
    if entry.auth.is_empty() {
        return Some(Account { username: entry.username, password: entry.password });
    }
    let decoded = STANDARD.decode(entry.auth.trim()).ok()?;
    // docker pads passwords with zeros.
    let text = String::from_utf8(decoded).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(Account { username: username.to_owned(), password: password.trim_end_matches('\0').to_owned() })
}

/// Whether an account's place is one of the repository: each part of the host's name fits, the port is the same, and the path begins
/// with that of the place.
fn fits(key: &str, repository: &str) -> bool {
    let split = |text: &str| -> (String, String, String) {
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        (name.to_owned(), port.to_owned(), path.to_owned())
    };
    let ((name, port, path), (wanted_name, wanted_port, wanted_path)) = (split(key), split(repository));
    let (parts, wanted): (Vec<_>, Vec<_>) = (name.split('.').collect(), wanted_name.split('.').collect());
    port == wanted_port
        && wanted_path.starts_with(&path)
        && parts.len() == wanted.len()
        && parts.iter().zip(wanted).all(|(pattern, part)| matches(pattern.as_bytes(), part.as_bytes()))
}

/// A file name's pattern: `*` is any number of characters, `?` is one.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => matches(rest, text) || text.split_first().is_some_and(|(_, left)| matches(pattern, left)),
        (Some((b'?', rest)), Some((_, left))) => matches(rest, left),
        (Some((wanted, rest)), Some((found, left))) => wanted == found && matches(rest, left),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn ring(auths: &Value) -> Keyring {
        let mut ring = Keyring::default();
        let config = json!({ "auths": auths }).to_string().into_bytes();
        ring.add(CONFIG_JSON.0, &BTreeMap::from([(CONFIG_JSON.1.to_owned(), config)]));
        ring
    }

    fn names(ring: &Keyring, repository: &str) -> Vec<String> {
        ring.find(repository).into_iter().map(|account| account.username).collect()
    }

    #[test]
    fn the_longest_path_is_tried_first() {
        let account = |name: &str| json!({"username": name, "password": "p"});
        let auths = json!({
            "r.example": account("host"), "r.example/team": account("team"), "r.example/team/app": account("app"),
            "r.example:5000": account("port"), "other.example": account("other"),
        });
        let ring = ring(&auths);
        assert_eq!(names(&ring, "r.example/team/app"), ["app", "team", "host"]);
        assert_eq!(names(&ring, "r.example/team/web"), ["team", "host"]);
        assert_eq!(names(&ring, "r.example/web"), ["host"]);
        assert_eq!(names(&ring, "r.example:5000/team/app"), ["port"]);
        assert!(names(&ring, "sub.r.example/web").is_empty());
    }

    #[test]
    fn hosts_are_patterns_part_by_part() {
        let ring = ring(&json!({"*.r.example": {"auth": STANDARD.encode("ada:secret:more\0\0")}}));
        assert_eq!(ring.find("eu.r.example/app")[0].password, "secret:more");
        assert!(ring.find("r.example/app").is_empty() && ring.find("a.b.r.example/app").is_empty());
        assert!(!format!("{ring:?}").contains("secret"), "{ring:?}");
    }

    #[test]
    fn docker_hub_is_found_under_its_first_name() {
        let ring = ring(&json!({"https://index.docker.io/v1/": {"username": "hub", "password": "p"}}));
        assert_eq!(names(&ring, "docker.io/library/nginx"), ["hub"]);
        assert!(names(&ring, "quay.io/nginx").is_empty());
    }

    #[test]
    fn the_older_form_is_the_map_itself() {
        let mut ring = Keyring::default();
        let config = json!({"https://r.example/v2/": {"username": "old", "password": "p"}}).to_string().into_bytes();
        ring.add(CONFIG.0, &BTreeMap::from([(CONFIG.1.to_owned(), config)]));
        assert_eq!(names(&ring, "r.example/web"), ["old"]);
        ring.add("Opaque", &BTreeMap::from([(CONFIG.1.to_owned(), b"{\"x\": {}}".to_vec())]));
        assert!(names(&ring, "x/web").is_empty());
    }
}
