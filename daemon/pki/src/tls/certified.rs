//! Which certificate is shown: the newest that the other side can check.

use super::TlsError;
use crate::certificate::Certificate;
use crate::generation::Generation;
use crate::identity::NodeKey;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// Which certificate is shown to who names no authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// The newest of all: the other side says best why it does not like it.
    Newest,
    /// The oldest that counts: clients of the API never name one, and know those that counted when they were let in.
    Oldest,
}

/// This node's certificates, of the newest generation first, each with the subject of its authority.
#[derive(Debug)]
pub(super) struct Certified {
    keys: Vec<(Vec<u8>, Arc<CertifiedKey>)>,
    otherwise: Otherwise,
}

impl Certified {
    pub(super) fn new(otherwise: Otherwise) -> Self {
        Self { keys: Vec::new(), otherwise }
    }

    pub(super) fn add(&mut self, by: &Generation, certificate: Certificate, key: &NodeKey) -> Result<(), TlsError> {
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8()));
        let key = rustls::crypto::ring::sign::any_ecdsa_type(&der)?;
        // The authority's certificate goes along: a joiner knows only its hash.
        let chain = vec![certificate.der, by.certificate().into_owned()];
        self.keys.push((by.subject()?, Arc::new(CertifiedKey::new(chain, key))));
        Ok(())
    }

    /// The newest whose authority is named.
    fn choose(&self, mut is_named: impl FnMut(&[u8]) -> bool) -> Option<Arc<CertifiedKey>> {
        let named = self.keys.iter().find(|(subject, _)| is_named(subject));
        let otherwise = match self.otherwise {
            Otherwise::Newest => self.keys.first(),
            Otherwise::Oldest => self.keys.last(),
        };
        named.or(otherwise).map(|(_, key)| key.clone())
    }
}

impl ResolvesServerCert for Certified {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let names = client_hello.certificate_authorities().unwrap_or_default();
        self.choose(|subject| names.iter().any(|name| name.as_ref() == subject))
    }
}

impl ResolvesClientCert for Certified {
    fn resolve(&self, root_hint_subjects: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.choose(|subject| root_hint_subjects.contains(&subject))
    }

    fn has_certs(&self) -> bool {
        !self.keys.is_empty()
    }
}
