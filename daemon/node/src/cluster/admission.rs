//! What an operator does at a node's files, without its daemon: make a cluster, let machines and consoles in.

use super::enter::{folder, make};
use super::trust::{TrustError, wall_ms};
use crate::config::Config;
use crate::daemon::{StartError, lock};
use pki::token::Token;
use pki::{Authority, ClientKeys, Lifetimes, NodeName};
use rest::rights::Role;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] StartError),
    /// The keys.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Time that is over at once, or never.
    #[error("--ttl: has to be between a second and ten years")]
    Ttl,
}

/// Makes a cluster of this machine; returns its id.
///
/// # Errors
/// See [`AdmissionError`]; [`pki::AuthorityError::Exists`] where there is one.
pub fn init(config: &Config) -> Result<String, AdmissionError> {
    let path = &config.data_dir;
    let made = fs::DirBuilder::new().recursive(true).mode(0o711).create(path);
    made.map_err(crate::daemon::folder("make", path))?;
    let _lock = lock(path)?;
    let trust = make(&folder(config), &config.name, Lifetimes::default())?;
    Ok(trust.keys().bundle.cluster().to_owned())
}

/// Makes a join token. The daemon may run meanwhile, and need not.
///
/// # Errors
/// See [`AdmissionError`].
pub fn token(config: &Config, ttl: Duration) -> Result<String, AdmissionError> {
    let authority = Authority::existing(&folder(config)).map_err(TrustError::from)?;
    let expires_ms = wall_ms().saturating_add(life_ms(ttl)?);
    let token = Token::make(authority.bundle(), expires_ms).map_err(TrustError::from)?;
    Ok(token.reveal())
}

/// Makes a console's certificate with its key, as PEM. The daemon may run meanwhile, and need not.
///
/// # Errors
/// See [`AdmissionError`].
pub fn client_certificate(config: &Config, name: &str, role: Role, ttl: Duration) -> Result<String, AdmissionError> {
    let authority = Authority::existing(&folder(config)).map_err(TrustError::from)?;
    let name = NodeName::parse(name).map_err(TrustError::from)?;
    let keys = ClientKeys::make(authority.bundle(), &name, role.group(), life_ms(ttl)?, wall_ms());
    Ok(keys.map_err(TrustError::from)?.to_pem())
}

fn life_ms(ttl: Duration) -> Result<u64, AdmissionError> {
    let ten_years = 10 * 366 * 86_400;
    match ttl.as_secs() {
        seconds if (1..=ten_years).contains(&seconds) => Ok(seconds * 1000),
        _ => Err(AdmissionError::Ttl),
    }
}

/// Writes a file that its owner alone may read, and replaces none that others may read.
///
/// # Errors
/// What the kernel says.
pub fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    // A file that is there keeps its mode when it is written to: it goes first.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::{client_certificate, init, token};
    use crate::config::{Config, Settings};
    use rest::rights::Role;
    use std::time::Duration;

    fn config(folder: &tempfile::TempDir) -> Config {
        let settings = Settings { data_dir: Some(folder.path().join("data")), ..Settings::default() };
        settings.complete("oak").expect("a configuration")
    }

    #[test]
    fn a_cluster_is_made_once_and_lets_in_with_its_files_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(&folder);
        let hour = Duration::from_secs(3600);
        let early = token(&config, hour).expect_err("no cluster yet").to_string();
        assert!(early.contains("skiffd init"), "{early}");
        init(&config).expect("made");
        assert!(init(&config).expect_err("made already").to_string().contains("skiffd reset"));
        assert!(token(&config, hour).expect("a token").starts_with("skiff1."));
        let pem = client_certificate(&config, "me", Role::Admin, hour).expect("a certificate");
        assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2);
        assert!(client_certificate(&config, "Me!", Role::Viewer, hour).is_err());
        assert!(token(&config, Duration::ZERO).is_err());
    }

    #[test]
    fn a_secret_is_its_owners_alone_whatever_was_there() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cert.pem");
        std::fs::write(&path, "open to all").expect("written");
        super::write_secret(&path, "secret").expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "secret");
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    }
}
