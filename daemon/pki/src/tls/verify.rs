//! Who is believed: the chain and the name by webpki, the rest by [`Bundle::judge`].

use super::TlsError;
use crate::bundle::{Bundle, Refusal};
use crate::certificate::{Holder, HolderKind};
use crate::generation::GenerationId;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore, SignatureScheme};
use std::sync::Arc;

/// What is expected of the other side beside a certificate that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// Of a server: that it is the node whose name was asked for.
    Named,
    /// Nothing.
    Anybody,
    /// Of a client: not even the certificate.
    Optional,
}

/// Checks the other side's certificate with a snapshot of the bundle.
#[derive(Debug)]
pub(super) struct Verifier {
    bundle: Arc<Bundle>,
    signers: Vec<Signer>,
    hints: Vec<DistinguishedName>,
    wanted: Option<HolderKind>,
    expect: Expect,
}

#[derive(Debug)]
struct Signer {
    subject: Vec<u8>,
    of_servers: Arc<WebPkiServerVerifier>,
    of_clients: Arc<dyn ClientCertVerifier>,
}

impl Verifier {
    pub(super) fn make(bundle: &Arc<Bundle>, now_ms: u64, wanted: Option<HolderKind>, expect: Expect) -> Result<Self, TlsError> {
        let (mut signers, mut hints) = (Vec::new(), Vec::new());
        for generation in bundle.trusted(now_ms) {
            let roots = roots(&generation.certificate())?;
            hints.extend(roots.subjects());
            signers.push(Signer {
                subject: generation.subject()?,
                of_servers: WebPkiServerVerifier::builder_with_provider(roots.clone(), super::provider()).build()?,
                of_clients: WebPkiClientVerifier::builder_with_provider(roots, super::provider()).build()?,
            });
        }
        Ok(Self { bundle: bundle.clone(), signers, hints, wanted, expect })
    }

    /// What costs no signature comes first: most strangers end here.
    fn judge(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(&Signer, Holder), Error> {
        let holder = Holder::read(certificate).map_err(|error| refuse(error.into()))?;
        let now_ms = now.as_secs().saturating_mul(1000);
        self.bundle.judge(&holder, self.wanted, now_ms).map_err(refuse)?;
        let signer = self.signers.iter().find(|signer| signer.subject == holder.issuer);
        Ok((signer.ok_or_else(|| refuse(Refusal::OldGeneration { name: holder.name.clone() }))?, holder))
    }

    fn signer(&self) -> Result<&Signer, Error> {
        self.signers.first().ok_or_else(|| Error::General("no generation of the cluster's keys counts".to_owned()))
    }
}

fn roots(authority: &CertificateDer<'_>) -> Result<Arc<RootCertStore>, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone().into_owned())?;
    Ok(Arc::new(roots))
}

/// The alert tells the other side why, in the words that TLS has: a removed node hears `certificate_revoked`, one that slept for too long
/// `certificate_expired`.
fn refuse(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Denied { .. } => CertificateError::Revoked.into(),
        Refusal::OldGeneration { .. } => CertificateError::Expired.into(),
        Refusal::Stranger => CertificateError::UnknownIssuer.into(),
        Refusal::Holder(_) | Refusal::WrongKind { .. } => CertificateError::Other(OtherError(Arc::new(refusal))).into(),
    }
}

fn own_name(holder: &Holder) -> Result<ServerName<'static>, Error> {
    ServerName::try_from(holder.name.clone()).map_err(|_| CertificateError::BadEncoding.into())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (signer, holder) = self.judge(end_entity, now)?;
        let own_name = own_name(&holder)?;
        let name = if self.expect == Expect::Named { server_name } else { &own_name };
        signer.of_servers.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signer()?.of_servers.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signer()?.of_servers.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        Some(&self.hints)
    }
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.expect != Expect::Optional
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let (signer, _) = self.judge(end_entity, now)?;
        signer.of_clients.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signer()?.of_clients.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signer()?.of_clients.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes()
    }
}

fn schemes() -> Vec<SignatureScheme> {
    super::provider().signature_verification_algorithms.supported_schemes()
}

/// Checks a server by the hash of its authority alone: all that a joiner knows.
#[derive(Debug)]
pub(super) struct Pinned {
    authority: GenerationId,
}

impl Pinned {
    pub(super) fn new(authority: GenerationId) -> Self {
        Self { authority }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_pinned = |authority: &&CertificateDer<'_>| GenerationId::of(authority) == self.authority;
        let authority = intermediates.iter().find(is_pinned).ok_or(CertificateError::UnknownIssuer)?;
        let holder = Holder::read(end_entity).map_err(|error| refuse(error.into()))?;
        if holder.kind != HolderKind::Node {
            return Err(refuse(Refusal::WrongKind { name: holder.name }));
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(roots(authority)?, super::provider()).build();
        let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, &[], &own_name(&holder)?, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = super::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = super::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes()
    }
}
