//! A connection of one request, with TLS or without; errors are in Go's words.

use super::host_port;
use crate::probes::{dial, words};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream as PlainStream};
use std::sync::{Arc, LazyLock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How much is read at once.
const READ_BYTES: usize = 4096;

/// The connection's ends: ours, and the server's.
type Ends = Option<(SocketAddr, SocketAddr)>;

/// A connection on which nothing was asked yet.
pub(super) enum Connection {
    /// The run time is not told of it before the request is sent: on its own machine, there is nothing to wait for until then.
    Plain(PlainStream, Ends),
    Encrypted(Box<TlsStream<TcpStream>>, Ends),
}

impl Connection {
    pub(super) async fn open(host: &str, port: u16, tls: bool) -> Result<Self, String> {
        let plain = dial::open(host, port).await.map_err(|error| match error.raw_os_error() {
            Some(_) => words::dial(&host_port(host, port), &error),
            None => words::lookup(host),
        })?;
        // A connection that was reset does not tell its peer any more.
        let ends = plain.local_addr().ok().zip(plain.peer_addr().ok());
        if !tls {
            return Ok(Self::Plain(plain, ends));
        }
        let plain = TcpStream::from_std(plain).map_err(|error| error.to_string())?;
        Ok(Self::Encrypted(Box::new(encrypt(plain, host).await?), ends))
    }

    /// Sends the request.
    pub(super) async fn send(self, request: &[u8]) -> Result<Stream, String> {
        let (ends, sent) = match self {
            Self::Plain(stream, ends) => (ends, send_plain(stream, request).await),
            Self::Encrypted(mut stream, ends) => {
                let written = stream.write_all(request).await;
                let written = if written.is_ok() { stream.flush().await } else { written };
                (ends, is_sent(written).map(|()| Channel::Encrypted(stream)))
            }
        };
        let channel = sent.map_err(|error| words::broken("write", ends, &error))?;
        Ok(Stream { channel, ends, buffer: Vec::new() })
    }
}

/// Writes at once what there is room for, which is all of a usual request.
async fn send_plain(stream: PlainStream, request: &[u8]) -> io::Result<Channel> {
    let written = match (&stream).write(request) {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(0),
        other => other,
    };
    let mut stream = TcpStream::from_std(stream)?;
    match written {
        Ok(count) => is_sent(stream.write_all(&request[count..]).await)?,
        Err(error) => is_sent(Err(error))?,
    }
    Ok(Channel::Plain(stream))
}

/// A server that answers without reading may have closed already: its answer counts.
fn is_sent(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

enum Channel {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// A connection on which an answer comes, and what was read from it and not used.
pub(super) struct Stream {
    channel: Channel,
    ends: Ends,
    buffer: Vec<u8>,
}

impl Stream {
    /// Reads once more; 0 at the end.
    pub(super) async fn fill(&mut self) -> Result<usize, String> {
        self.buffer.reserve(READ_BYTES);
        let read = match &mut self.channel {
            Channel::Plain(stream) => stream.read_buf(&mut self.buffer).await,
            Channel::Encrypted(stream) => stream.read_buf(&mut self.buffer).await,
        };
        match read {
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

async fn encrypt(plain: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, String> {
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
