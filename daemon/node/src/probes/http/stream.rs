//! A connection of one request, with TLS or without; errors are in Go's words.

use super::{host_port, words};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How much is read at once.
const READ_BYTES: usize = 4096;

trait Channel: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Channel for T {}

/// A connection, and what was read from it and not used.
pub(super) struct Stream {
    channel: Pin<Box<dyn Channel>>,
    ends: Option<(SocketAddr, SocketAddr)>,
    buffer: Vec<u8>,
}

impl Stream {
    pub(super) async fn connect(host: &str, port: u16, tls: bool) -> Result<Self, String> {
        let plain = TcpStream::connect((host, port)).await.map_err(|error| match error.raw_os_error() {
            Some(_) => words::dial(&host_port(host, port), &error),
            None => words::lookup(host),
        })?;
        let ends = plain.local_addr().ok().zip(plain.peer_addr().ok());
        let channel: Pin<Box<dyn Channel>> = if tls { Box::pin(encrypt(plain, host).await?) } else { Box::pin(plain) };
        Ok(Self { channel, ends, buffer: Vec::new() })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let written = self.channel.write_all(bytes).await;
        match if written.is_ok() { self.channel.flush().await } else { written } {
            // A server that answers without reading may have closed already: its answer counts.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(words::broken("write", self.ends, &error)),
            _ => Ok(()),
        }
    }

    /// Reads once more; 0 at the end.
    pub(super) async fn fill(&mut self) -> Result<usize, String> {
        self.buffer.reserve(READ_BYTES);
        match self.channel.read_buf(&mut self.buffer).await {
            Ok(count) => Ok(count),
            // TLS that ends without a farewell ends all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            Err(error) => Err(words::broken("read", self.ends, &error)),
        }
    }

    pub(super) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.buffer.drain(..count);
    }
}

async fn encrypt(plain: TcpStream, host: &str) -> Result<tokio_rustls::client::TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| format!("tls: {error}"))?;
    TlsConnector::from(CONFIG.clone()).connect(name, plain).await.map_err(|error| {
        let is_plain = matches!(
            error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()),
            Some(rustls::Error::InvalidMessage(_))
        );
        match (is_plain, error.kind()) {
            (true, _) => "http: server gave HTTP response to HTTPS client".to_owned(),
            (false, io::ErrorKind::UnexpectedEof) => "EOF".to_owned(),
            (false, _) => format!("tls: {error}"),
        }
    })
}

/// Any certificate will do: whether it is the right one is not what a probe asks.
static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    let provider = Arc::new(ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = versions.expect("the provider has the default versions").dangerous();
    Arc::new(builder.with_custom_certificate_verifier(Arc::new(Anyone(provider))).with_no_client_auth())
});

#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
