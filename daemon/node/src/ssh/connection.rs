//! One client: its keys, the time it has to log in, and a task for each of its channels.

use super::Shared;
use super::authorized_keys::{self, Grant, Terminal};
use super::session;
use crate::strangers::Refused;
use jiff::Timestamp;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet, Preferred, Pty, SshId, cipher, kex, mac};
use rustix::net::sockopt;
use std::borrow::Cow;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

/// How long a client may take until a key lets it in.
const LOGIN_GRACE: Duration = Duration::from_secs(30);
/// Tries of one connection; each key that is offered and not known is one.
const MAX_TRIES: usize = 6;
/// How long a refusal takes.
const REFUSAL: Duration = Duration::from_millis(300);
/// A client that is silent for so long is asked whether it lives, and is gone after as many questions.
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVES: usize = 3;
/// How often is looked whether the key still lets it in. It is put out when it did not twice in a row: a file that is being written is
/// short for a moment.
const LOOK: Duration = Duration::from_secs(2);
/// How long sent bytes may wait for the client's kernel; a terminal that is stopped for longer loses its session.
const MAX_STALL: Duration = Duration::from_secs(600);
/// Bytes a channel may send before it is granted more, and messages of a channel that wait for its program.
const WINDOW_BYTES: u32 = 256 * 1024;
const WAITING_MESSAGES: usize = 32;
/// Channels of one connection at once.
const MAX_CHANNELS: usize = 8;

/// How the protocol is spoken: keys only, current algorithms only (finite-field exchanges cost a stranger little and us much), no
/// compression.
pub fn config(host_key: PrivateKey) -> Config {
    let extensions = [kex::EXTENSION_SUPPORT_AS_SERVER, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER];
    let exchanges = [kex::MLKEM768X25519_SHA256, kex::CURVE25519, kex::CURVE25519_PRE_RFC_8731];
    let curves = [EcdsaCurve::NistP256, EcdsaCurve::NistP384, EcdsaCurve::NistP521];
    let keys = std::iter::once(Algorithm::Ed25519).chain(curves.map(|curve| Algorithm::Ecdsa { curve }));
    Config {
        server_id: SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-skiffd_", env!("CARGO_PKG_VERSION")))),
        methods: MethodSet::from([MethodKind::PublicKey].as_slice()),
        auth_rejection_time: REFUSAL,
        // Every client begins with a try that only asks which methods there are.
        auth_rejection_time_initial: Some(Duration::ZERO),
        max_auth_attempts: MAX_TRIES,
        keys: vec![host_key],
        window_size: WINDOW_BYTES,
        channel_buffer_size: WAITING_MESSAGES,
        inactivity_timeout: None,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES,
        preferred: Preferred {
            kex: exchanges.into_iter().chain(extensions).collect(),
            key: keys.collect(),
            cipher: Cow::Borrowed(&[cipher::CHACHA20_POLY1305, cipher::AES_256_GCM, cipher::AES_256_CTR, cipher::AES_128_CTR]),
            mac: Cow::Borrowed(&[mac::HMAC_SHA512_ETM, mac::HMAC_SHA256_ETM, mac::HMAC_SHA256]),
            ..Preferred::default()
        },
        ..Config::default()
    }
}

/// Serves one connection to its end.
pub async fn serve(stream: TcpStream, from: SocketAddr, place: OwnedSemaphorePermit, shared: Arc<Shared>) -> Result<(), Refused> {
    let refused = |why: String| Refused { from, why };
    // A keystroke's answer is a packet of its own.
    stream.set_nodelay(true).map_err(|error| refused(error.to_string()))?;
    let stall = u32::try_from(MAX_STALL.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = sockopt::set_tcp_user_timeout(&stream, stall) {
        debug!(%error, "no limit for stalled connections");
    }
    // The library's task owns the stream: this is how it is ended from here.
    let line = Line(stream.as_fd().try_clone_to_owned().map_err(|error| refused(error.to_string()))?);
    let (let_in, entered) = oneshot::channel();
    let client = Client {
        shared: shared.clone(),
        from: from.ip(),
        grant: None,
        key: None,
        stranger: Some((place, let_in)),
        channels: JoinSet::new(),
        begun: HashSet::new(),
    };
    let late = || refused(format!("no key let it in within {} s", LOGIN_GRACE.as_secs()));
    let logging_in = async {
        let mut running = run_stream(shared.config.clone(), stream, client).await.map_err(|error| refused(error.to_string()))?;
        // The session is polled on below; what is decided here is only whether it came in.
        tokio::select! {
            ended = &mut running => Err(refused(ended.err().map_or_else(|| "it went away".to_owned(), |error| error.to_string()))),
            Ok(admitted) = entered => Ok((running, admitted)),
        }
    };
    let (running, admitted) = tokio::time::timeout(LOGIN_GRACE, logging_in).await.map_err(|_| late())??;
    // What is dropped is only waited for: the connection itself ends with its line.
    tokio::select! {
        ended = running => {
            if let Err(error) = ended {
                debug!(%from, %error, "an SSH connection broke");
            }
        }
        () = until_withdrawn(&shared, &admitted, from.ip()) => {
            info!(%from, name = admitted.grant.name, "an SSH client was put out: its key gives something else now, or nothing");
        }
    }
    drop(line);
    Ok(())
}

/// A key that let a client in, and what it gave.
struct Admitted {
    key: PublicKey,
    grant: Arc<Grant>,
}

/// Waits until the key gives something else than it did: it was taken out of the file, its time is over, its role is another one.
async fn until_withdrawn(shared: &Shared, admitted: &Admitted, from: IpAddr) {
    let mut was_given = true;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = grant(shared, &admitted.key, from);
        let is_given = now.is_some_and(|now| (now.role, now.terminal) == (admitted.grant.role, admitted.grant.terminal));
        if !is_given && !was_given {
            return;
        }
        was_given = is_given;
    }
}

/// What a key gives now.
fn grant(shared: &Shared, key: &PublicKey, from: IpAddr) -> Option<Grant> {
    match authorized_keys::read(&shared.authorized_keys) {
        Ok(text) => authorized_keys::grant(&text, key, from, Timestamp::now().as_second()),
        Err(error) => {
            warn!(%error, "the SSH door lets nobody in");
            None
        }
    }
}

/// The socket of a connection; dropped, the connection is at its end, whoever else holds it.
struct Line(std::os::fd::OwnedFd);

impl Drop for Line {
    fn drop(&mut self) {
        // One that is closed already cannot be shut.
        let _ = rustix::net::shutdown(&self.0, rustix::net::Shutdown::Both);
    }
}

/// The other end.
struct Client {
    shared: Arc<Shared>,
    from: IpAddr,
    grant: Option<Arc<Grant>>,
    /// The key that let it in.
    key: Option<PublicKey>,
    /// Given back and told when a key lets it in.
    stranger: Option<(OwnedSemaphorePermit, oneshot::Sender<Admitted>)>,
    /// A task a channel. Dropped with the connection, they end their programs.
    channels: JoinSet<()>,
    /// Those whose program was named: there is one a channel.
    begun: HashSet<ChannelId>,
}

impl Client {
    fn grant(&self, key: &PublicKey) -> Option<Grant> {
        grant(&self.shared, key, self.from)
    }

    fn begin(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        if self.begun.insert(channel) { session.channel_success(channel) } else { session.channel_failure(channel) }
    }
}

impl Handler for Client {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(if self.grant(offer.public_key).is_some() { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let Some(grant) = self.grant(key.public_key) else { return Ok(Auth::reject()) };
        let fingerprint = key.public_key.fingerprint(HashAlg::Sha256);
        info!(from = %self.from, user, name = grant.name, role = grant.role.as_str(), %fingerprint, "an SSH client came in");
        self.grant = Some(Arc::new(grant));
        self.key = Some(key.public_key.clone());
        Ok(Auth::Accept)
    }

    async fn auth_succeeded(&mut self, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some((place, let_in)) = self.stranger.take() {
            drop(place);
            if let (Some(grant), Some(key)) = (self.grant.clone(), self.key.take()) {
                // Nobody waits where the connection is over.
                let _ = let_in.send(Admitted { key, grant });
            }
        }
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        while self.channels.try_join_next().is_some() {}
        let Some(grant) = self.grant.clone() else { return Err(russh::Error::NotAuthenticated) };
        if self.channels.len() >= MAX_CHANNELS {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        reply.accept().await;
        self.channels.spawn(session::serve(channel, grant, self.shared.clone(), self.from));
        Ok(())
    }

    // The session hears of all these itself; only the answers are given here, in the order of the questions.

    #[allow(clippy::too_many_arguments, reason = "the library's")]
    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let is_allowed = self.grant.as_ref().is_some_and(|grant| grant.terminal == Terminal::Allowed);
        if is_allowed { session.channel_success(channel) } else { session.channel_failure(channel) }
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if session::takes(name, value) { session.channel_success(channel) } else { session.channel_failure(channel) }
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.begin(channel, session)
    }

    async fn exec_request(&mut self, channel: ChannelId, _command: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.begin(channel, session)
    }

    async fn subsystem_request(&mut self, channel: ChannelId, _name: &str, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    #[allow(clippy::too_many_arguments, reason = "the library's")]
    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.begun.remove(&channel);
        Ok(())
    }
}
