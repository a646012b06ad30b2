//! One generation of the cluster's keys: an authority that signs certificates, and the key of the datagrams.

use crate::bytes::{Bytes, Secret};
use crate::certificate::set_life;
use crate::identity::{Identity, pair};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// How far a certificate's life begins before it was made: clocks of nodes differ, and a node that is an hour ahead must be believed.
pub(crate) const BACKDATE_MS: u64 = 24 * 3_600_000;

/// A key that cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Making it failed.
    #[error("cannot make a key: {0}")]
    Make(String),
    /// It is none.
    #[error("a private key cannot be read")]
    Read,
    /// A certificate that does not belong to its key, or cannot be read.
    #[error("a certificate of the cluster's authority cannot be used: {0}")]
    Certificate(String),
}

/// Names a generation: the hash of its certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GenerationId(pub(crate) [u8; 32]);

impl GenerationId {
    pub(crate) fn of(certificate: &[u8]) -> Self {
        let mut id = [0; 32];
        id.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Self(id)
    }

    /// What datagrams name it with.
    pub(crate) fn short(self) -> [u8; 4] {
        [self.0[0], self.0[1], self.0[2], self.0[3]]
    }
}

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One generation. The one with the greatest number signs; see [`crate::Bundle`] for which count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Its place in their order.
    pub number: u64,
    /// When it was made, by the clock of its maker: milliseconds since the epoch.
    pub created_ms: u64,
    /// How long those before it count after that.
    pub overlap_ms: u64,
    /// Where a node was removed: the only ones that may go on with a certificate of an older generation meanwhile. Fixed when the
    /// generation is made, since whoever holds the older keys, such as the removed node, can sign himself any certificate.
    pub only: Option<BTreeSet<Identity>>,
    /// Who had been removed when it was made, as its maker knew: others that were removed may have its keys.
    #[serde(default)]
    pub(crate) removed: BTreeSet<Identity>,
    certificate: Bytes,
    key: Secret,
    gossip_key: Secret,
}

impl Generation {
    /// Makes one.
    pub(crate) fn make(cluster: &str, number: u64, now_ms: u64, lives: Lives) -> Result<Self, KeyError> {
        let make = |error: rcgen::Error| KeyError::Make(error.to_string());
        let pair = KeyPair::generate().map_err(make)?;
        let mut gossip_key = vec![0; 32];
        SystemRandom::new().fill(&mut gossip_key).map_err(|_| KeyError::Make("no random bytes".to_owned()))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, format!("skiff {cluster}"));
        // The subject says which key it is: whoever is told the names of trusted authorities can choose the right certificate.
        let key_hash = Identity::of_public_key(&pair.subject_public_key_info());
        params.distinguished_name.push(DnType::CommonName, format!("generation {number} {key_hash}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_life(&mut params, now_ms, now_ms.saturating_add(lives.authority_ms));
        let certificate = params.self_signed(&pair).map_err(make)?;
        Ok(Self {
            number,
            created_ms: now_ms,
            overlap_ms: lives.overlap_ms,
            only: lives.only,
            removed: lives.removed,
            certificate: Bytes(certificate.der().to_vec()),
            key: Secret(pair.serialize_der()),
            gossip_key: Secret(gossip_key),
        })
    }

    /// What comes from outside is checked once: the certificate reads, and belongs to the key.
    pub(crate) fn check(&self) -> Result<(), KeyError> {
        let bad = |why: &str| KeyError::Certificate(why.to_owned());
        if self.gossip_key.0.len() != 32 {
            return Err(bad("its gossip key has a wrong length"));
        }
        let pair = pair(&self.key.0)?;
        let (rest, parsed) = x509_parser::parse_x509_certificate(&self.certificate.0).map_err(|_| bad("it does not read"))?;
        if !rest.is_empty() || !parsed.is_ca() {
            return Err(bad("it is no certificate of an authority"));
        }
        if parsed.public_key().raw != pair.subject_public_key_info() {
            return Err(bad("it does not belong to its key"));
        }
        Ok(())
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> GenerationId {
        GenerationId::of(&self.certificate.0)
    }

    /// The authority's certificate.
    #[must_use]
    pub fn certificate(&self) -> CertificateDer<'_> {
        CertificateDer::from_slice(&self.certificate.0)
    }

    /// The subject of its certificate (DER), which the certificates it signed name as their issuer.
    pub(crate) fn subject(&self) -> Result<Vec<u8>, KeyError> {
        let bad = |_| KeyError::Certificate("it does not read".to_owned());
        let (_, parsed) = x509_parser::parse_x509_certificate(&self.certificate.0).map_err(bad)?;
        Ok(parsed.subject().as_raw().to_vec())
    }

    /// The last moment of its certificate, milliseconds since the epoch; 0 where it does not read.
    #[must_use]
    pub fn expires_ms(&self) -> u64 {
        let parsed = x509_parser::parse_x509_certificate(&self.certificate.0);
        parsed.ok().and_then(|(_, parsed)| u64::try_from(parsed.validity().not_after.timestamp()).ok()).unwrap_or(0) * 1000
    }

    pub(crate) fn issuer(&self) -> Result<Issuer<'static, KeyPair>, KeyError> {
        let pair = pair(&self.key.0)?;
        Issuer::from_ca_cert_der(&self.certificate(), pair).map_err(|error| KeyError::Certificate(error.to_string()))
    }

    pub(crate) fn gossip_key(&self) -> &[u8] {
        &self.gossip_key.0
    }

    /// The key that join tokens are signed with.
    pub(crate) fn token_key(&self) -> hmac::Key {
        self.derived(b"skiff join token 1")
    }

    /// The key that bearer tokens are signed with.
    pub(crate) fn bearer_key(&self) -> hmac::Key {
        self.derived(b"skiff bearer token 1")
    }

    /// A key of the gossip key, for one use.
    fn derived(&self, used_for: &[u8]) -> hmac::Key {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.gossip_key.0), used_for);
        hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
    }
}

/// What a new generation says of itself and of those before it.
#[derive(Debug)]
pub(crate) struct Lives {
    pub(crate) authority_ms: u64,
    pub(crate) overlap_ms: u64,
    pub(crate) only: Option<BTreeSet<Identity>>,
    pub(crate) removed: BTreeSet<Identity>,
}
