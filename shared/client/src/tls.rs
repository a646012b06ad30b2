//! The way to a daemon on another machine: TLS with the certificate that `skiffd client-cert` made.
//!
//! The file has the certificates of the cluster's authorities, then the console's own certificate, then its key. The server is believed
//! where one of those authorities signed its certificate for serving: they sign such certificates for nodes of the cluster alone, and any
//! node is as good as another, whatever name or address it is reached by.

use crate::{Address, ClientError, Remote};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long a machine may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// No certificate file has so many bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Connects to a daemon's `--listen` address.
pub(crate) async fn connect(address: &Address, remote: &Remote) -> Result<TlsStream<TcpStream>, ClientError> {
    let certificate = remote.certificate.as_deref().ok_or_else(|| ClientError::NoCertificate { address: address.clone() })?;
    let config = configuration(certificate)?;
    let failed = |source| ClientError::Connect { address: address.clone(), source };
    let refused =
        |error: std::io::Error| ClientError::Handshake { address: address.clone(), detail: explain(&error.to_string()) };
    let opened = async {
        let stream = TcpStream::connect((remote.host.as_str(), remote.port)).await.map_err(failed)?;
        // A keystroke is a packet of its own.
        stream.set_nodelay(true).map_err(failed)?;
        // The name is not looked at; it has to be one.
        let name = ServerName::try_from("skiff").expect("a DNS name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(refused)
    };
    let late = || failed(std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {CONNECT_TIMEOUT:?}")));
    tokio::time::timeout(CONNECT_TIMEOUT, opened).await.unwrap_or_else(|_| Err(late()))
}

fn configuration(path: &Path) -> Result<ClientConfig, ClientError> {
    let bad = |detail: &str| ClientError::Certificate { path: path.to_owned(), detail: detail.to_owned() };
    let read = || {
        if std::fs::metadata(path)?.len() > MAX_FILE_BYTES {
            return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "it is too large for a certificate"));
        }
        std::fs::read(path)
    };
    let text = read().map_err(|error| bad(&error.to_string()))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let mut authorities = chain.map_err(|_| bad("it is no PEM file"))?;
    let own = authorities.pop().ok_or_else(|| bad("there is no certificate in it"))?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| bad("there is no private key in it"))?;
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|_| bad("a certificate in it is of no authority"))?;
    }
    if roots.is_empty() {
        return Err(bad("the certificate of the cluster's authority is not in it"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = AnyNode { hints: roots.subjects(), roots, provider: provider.clone() };
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]);
    let builder = builder.map_err(|error| bad(&error.to_string()))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let config = builder.with_client_auth_cert(vec![own], key);
    let mut config = config.map_err(|_| bad("its certificate and its key do not belong together"))?;
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// TLS has few words for why; what they mean here is said in ours.
pub(crate) fn explain(text: &str) -> String {
    let is = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let new = "make a new one with `skiffd client-cert` on a node";
    if is(&["CertificateExpired"]) {
        return format!("our certificate has expired, or the cluster's keys have changed since: {new}");
    }
    if is(&["CertificateRevoked"]) {
        return format!("our certificate was revoked: {new}");
    }
    if is(&["UnknownIssuer", "UnknownCA"]) {
        return format!("it is of another cluster than the certificate, or the cluster's keys have changed since: {new}");
    }
    text.to_owned()
}

/// Believes every node of the cluster.
#[derive(Debug)]
struct AnyNode {
    roots: RootCertStore,
    /// Which authorities we know: a server with several certificates shows one of theirs.
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyNode {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        Some(&self.hints)
    }
}
