//! Certificates of nodes and consoles: made by a generation, and read back.

use crate::Bundle;
use crate::generation::{BACKDATE_MS, Generation, KeyError};
use crate::identity::{Identity, NodeKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType};
use rustls::pki_types::CertificateDer;
use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use x509_parser::extensions::GeneralName;

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderKind {
    /// A daemon of the cluster: it serves and asks.
    Node,
    /// A console: it asks, and only on the daemon's API.
    Console,
}

impl HolderKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Console => "console",
        }
    }
}

/// A node's name that certificates can carry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(String);

/// A name that they cannot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name for a certificate: lower case letters, digits, '-' and '.', up to 63 between two dots and 253 in all, the last part not of digits only"
)]
pub struct NameError(pub String);

impl NodeName {
    /// Checks a name: a DNS-1123 subdomain whose labels are DNS labels.
    ///
    /// # Errors
    /// [`NameError`] where it is none.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // Where the last label has digits only, those that check certificates take the name for an IP address.
        let is_number = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        if text.len() > 253 || is_number || !text.split('.').all(is_label) {
            return Err(NameError(text.chars().take(80).collect()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A certificate of a node or console.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// DER.
    pub der: CertificateDer<'static>,
    /// Its last moment, milliseconds since the epoch.
    pub expires_ms: u64,
}

/// Whom a certificate is for, before it was decided whether it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Node or console.
    pub kind: HolderKind,
    /// Its name.
    pub name: String,
    /// The cluster's id.
    pub cluster: String,
    /// The hash of its key.
    pub identity: Identity,
    /// The organizations of its subject: a console's groups, which say what it may do.
    pub groups: Vec<String>,
    /// The subject of the authority that signed it (DER).
    pub(crate) issuer: Vec<u8>,
}

/// A certificate that is not one of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HolderError {
    /// It is no certificate.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// It does not say which node or console of which cluster.
    #[error("the certificate names no node or console of a cluster")]
    Nameless,
}

impl Holder {
    /// Reads a certificate.
    ///
    /// # Errors
    /// See [`HolderError`].
    pub fn read(certificate: &[u8]) -> Result<Self, HolderError> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(|_| HolderError::Unreadable)?;
        let names = parsed.subject_alternative_name().map_err(|_| HolderError::Unreadable)?.ok_or(HolderError::Nameless)?;
        let uri = names.value.general_names.iter().find_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        let path = uri.and_then(|uri| uri.strip_prefix("skiff://")).ok_or(HolderError::Nameless)?;
        let mut parts = path.split('/');
        let (Some(cluster), Some(word), Some(name), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(HolderError::Nameless);
        };
        let kind = match word {
            "node" => HolderKind::Node,
            "console" => HolderKind::Console,
            _ => return Err(HolderError::Nameless),
        };
        let name = NodeName::parse(name).map_err(|_| HolderError::Nameless)?;
        Ok(Self {
            kind,
            name: name.0,
            cluster: cluster.to_owned(),
            identity: Identity::of_public_key(parsed.public_key().raw),
            groups: parsed.subject().iter_organization().filter_map(|group| group.as_str().ok()).map(str::to_owned).collect(),
            issuer: parsed.issuer().as_raw().to_vec(),
        })
    }
}

/// Makes a certificate for a key: CN and DNS name the name, URI the cluster and the kind. `life_ms` begins now.
pub(crate) fn issue(by: &Generation, holder: &Named<'_>, key: &NodeKey, now_ms: u64) -> Result<Certificate, KeyError> {
    let make = |error: rcgen::Error| KeyError::Make(error.to_string());
    let name = &holder.name.0;
    let mut params = CertificateParams::new(vec![name.clone()]).map_err(make)?;
    let uri = format!("skiff://{}/{}/{name}", holder.cluster, holder.kind.word());
    params.subject_alt_names.push(SanType::URI(uri.try_into().map_err(make)?));
    params.distinguished_name = DistinguishedName::new();
    // X.520 gives a common name 64 characters; the whole name is in the DNS name.
    params.distinguished_name.push(DnType::CommonName, name.chars().take(64).collect::<String>());
    // A name has one organization of each form here: a caller has one role.
    if let Some(group) = holder.group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params.subject_alt_names.extend(holder.also.iter().cloned());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = match holder.kind {
        HolderKind::Node => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        HolderKind::Console => vec![ExtendedKeyUsagePurpose::ClientAuth],
    };
    let expires_ms = now_ms.saturating_add(holder.life_ms).min(by.expires_ms());
    set_life(&mut params, now_ms, expires_ms);
    let certificate = params.signed_by(&key.pair()?, &by.issuer()?).map_err(make)?;
    Ok(Certificate { der: certificate.der().clone(), expires_ms })
}

/// Whom a certificate is made for.
pub(crate) struct Named<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) kind: HolderKind,
    pub(crate) name: &'a NodeName,
    pub(crate) life_ms: u64,
    /// The group of a console.
    pub(crate) group: Option<&'a str>,
    /// More names that a node is asked for by.
    pub(crate) also: &'a [SanType],
}

/// The name that every node's API answers to, whatever its own name and address are: what a kubeconfig asks for.
pub const API_NAME: &str = "kubernetes.default.svc";

/// The names and addresses of a node's API beside the node's own: those of Kubernetes' API in a cluster, and of this machine.
pub(crate) fn api_names() -> Result<Vec<SanType>, KeyError> {
    let names = ["localhost", "kubernetes", "kubernetes.default", API_NAME, "kubernetes.default.svc.cluster.local"];
    let name = |name: &str| name.to_owned().try_into().map(SanType::DnsName);
    let names: Result<Vec<SanType>, rcgen::Error> = names.into_iter().map(name).collect();
    let mut names = names.map_err(|error| KeyError::Make(error.to_string()))?;
    names.extend([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].map(SanType::IpAddress));
    Ok(names)
}

/// What a client needs to be known by, as PEM.
#[derive(Clone)]
pub struct ClientKeys {
    /// The certificates of the cluster's authorities.
    pub authorities: String,
    /// The client's own certificate.
    pub certificate: String,
    /// Its key: a secret.
    pub key: String,
    /// The last moment of the certificate, milliseconds since the epoch.
    pub expires_ms: u64,
}

impl fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKeys").field("expires_ms", &self.expires_ms).finish_non_exhaustive()
    }
}

impl ClientKeys {
    /// Makes a key and a certificate for a client of this group. `life_ms` begins now.
    ///
    /// # Errors
    /// [`KeyError`] where no key can be made.
    pub fn make(bundle: &Bundle, name: &NodeName, group: &str, life_ms: u64, now_ms: u64) -> Result<Self, KeyError> {
        let key = NodeKey::generate()?;
        let cluster = bundle.cluster();
        let holder = Named { cluster, kind: HolderKind::Console, name, life_ms, group: Some(group), also: &[] };
        let made = issue(bundle.newest(), &holder, &key, now_ms)?;
        let (mut certificate, mut key_pem) = (String::new(), String::new());
        push_pem(&mut certificate, "CERTIFICATE", &made.der);
        push_pem(&mut key_pem, "PRIVATE KEY", key.pkcs8());
        Ok(Self { authorities: authorities_pem(bundle, now_ms), certificate, key: key_pem, expires_ms: made.expires_ms })
    }

    /// All of it as one text. Their own certificate comes last of the certificates, right before the key; all others are authorities.
    #[must_use]
    pub fn to_pem(&self) -> String {
        format!("{}{}{}", self.authorities, self.certificate, self.key)
    }
}

/// The certificates of the authorities that count, as PEM.
#[must_use]
pub fn authorities_pem(bundle: &Bundle, now_ms: u64) -> String {
    let mut pem = String::new();
    for generation in bundle.trusted(now_ms) {
        push_pem(&mut pem, "CERTIFICATE", &generation.certificate());
    }
    pem
}

fn push_pem(pem: &mut String, label: &str, der: &[u8]) {
    let text = STANDARD.encode(der);
    let _ = writeln!(pem, "-----BEGIN {label}-----");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    let _ = writeln!(pem, "-----END {label}-----");
}

/// Sets a certificate's life. Certificates write whole seconds, up to the year 9999.
pub(crate) fn set_life(params: &mut CertificateParams, now_ms: u64, expires_ms: u64) {
    let last_s = 253_402_300_799;
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs((now_ms.saturating_sub(BACKDATE_MS) / 1000).min(last_s));
    params.not_after = epoch + Duration::from_secs((expires_ms / 1000).min(last_s));
}
