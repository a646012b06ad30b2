//! A daemon with folders of its own, and what its clients need.

use anyhow::{Context as _, Result, bail};
use bench::machine::{Memory, process_cpu_ms};
use bench::reach;
use bench::terminal::Terminal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use wire::{Credentials, CredentialsRequest, Proof, Request, Response};

/// How long a program may go on reading after its first rows.
const SETTLED: Duration = Duration::from_secs(3);

/// A running daemon.
pub struct Daemon {
    process: Child,
    bin_dir: PathBuf,
    folder: PathBuf,
    arguments: Vec<String>,
    address: SocketAddr,
    credentials: Credentials,
}

impl Daemon {
    /// Starts one.
    pub async fn start(bin_dir: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder.join("run")).context("cannot make its folder")?;
        let folder = fs::canonicalize(folder)?;
        // A port that was free a moment ago: the network is the bench's own.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let dir = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let folders = ["--data-dir".to_owned(), dir("data"), "--run-dir".to_owned(), dir("run")];
        let arguments = [&folders[..], &["--cgroup-root".to_owned(), "skiff-bench-api".to_owned()]].concat();
        let log = fs::File::create(folder.join("skiffd.log"))?;
        let process = Command::new(bin_dir.join("skiffd"))
            .args(&arguments)
            .args(["--listen", &address.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}/skiffd", bin_dir.display()))?;
        let client = reach(&folder.join("run/skiffd.sock")).await?;
        let request = CredentialsRequest {
            name: "bench".to_owned(),
            role: "admin".to_owned(),
            ttl_seconds: 86_400,
            proof: Proof::Certificate,
        };
        let answer = client.request(Request::Credentials(request)).await?;
        let Response::Credentials(credentials) = answer else { bail!("no credentials: {answer:?}") };
        let bin_dir = bin_dir.to_owned();
        Ok(Self { process, bin_dir, folder, arguments, address, credentials: *credentials })
    }

    /// Ends it and removes what it made.
    pub fn stop(mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        let reset = Command::new(self.bin_dir.join("skiffd")).args(["reset", "--yes"]).args(&self.arguments).status()?;
        if !reset.success() {
            bail!("skiffd reset failed");
        }
        fs::remove_dir_all(&self.folder).context("cannot remove its folder")
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("run/skiffd.sock")
    }

    /// Where it listens, by which name, and how to be let in.
    pub fn door(&self) -> Result<(SocketAddr, String, Arc<ClientConfig>)> {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(self.credentials.authorities.as_bytes()) {
            roots.add(authority?)?;
        }
        let (certificate, key) = (self.credentials.certificate.as_deref(), self.credentials.key.as_deref());
        let certificate = CertificateDer::from_pem_slice(certificate.context("no certificate")?.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(key.context("no key")?.as_bytes())?;
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?.with_root_certificates(roots);
        let mut config = builder.with_client_auth_cert(vec![certificate], key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok((self.address, self.credentials.server_name.clone(), Arc::new(config)))
    }

    /// The wall time of `skiff` with these words, in ms.
    pub fn time_skiff(&self, words: &[&str]) -> Result<f64> {
        let mut command = Command::new(self.bin_dir.join("skiff"));
        timed(command.env("SKIFF_NODE", format!("unix://{}", self.socket().display())).args(words))
    }

    /// The wall time of this machine's kubectl with these words, in ms; none where it has none.
    pub fn time_kubectl(&self, words: &[&str]) -> Result<Option<f64>> {
        let config = self.kubeconfig()?;
        match timed(Command::new("kubectl").env("KUBECONFIG", &config).env("HOME", &self.folder).args(words)) {
            Ok(ms) => Ok(Some(ms)),
            Err(error)
                if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn kubeconfig(&self) -> Result<PathBuf> {
        let config = self.folder.join("kubeconfig");
        if !config.exists() {
            let mut command = Command::new(self.bin_dir.join("skiff"));
            let made = command.env("SKIFF_NODE", format!("unix://{}", self.socket().display())).arg("kubeconfig").output()?;
            fs::write(&config, made.stdout)?;
        }
        Ok(config)
    }

    /// The console: ms from its start until a text is on the screen, and what it holds then, in MiB.
    pub fn time_console(&self, text: &str) -> Result<(f64, f64)> {
        let (skiff, node) = (self.bin_dir.join("skiff"), format!("unix://{}", self.socket().display()));
        looked(Terminal::start(&skiff, &["--node", &node], &self.home())?, text, ":q!\r")
    }

    /// The same of kdash; none where this machine has none.
    pub fn time_kdash(&self, text: &str) -> Result<Option<(f64, f64)>> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let Some(kdash) = std::env::split_paths(&path).map(|folder| folder.join("kdash")).find(|kdash| kdash.exists()) else {
            return Ok(None);
        };
        let config = ("KUBECONFIG", self.kubeconfig()?.into_os_string());
        looked(Terminal::start(&kdash, &[], &[&self.home()[..], &[config]].concat())?, text, "\u{3}").map(Some)
    }

    /// Folders where a program leaves nothing and finds nothing.
    fn home(&self) -> [(&'static str, OsString); 3] {
        ["HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"].map(|name| (name, self.folder.join("home").into_os_string()))
    }

    /// What it holds now.
    pub fn memory(&self) -> Result<Memory> {
        Memory::of(self.process.id())
    }

    /// Its processor time since it started, in ms.
    pub fn cpu_ms(&self) -> Result<f64> {
        process_cpu_ms(self.process.id())
    }

    /// Forgets how much it has held at the most (`proc(5)`, clear_refs).
    pub fn forget_peak(&self) -> Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").context("cannot reset the peak of memory")
    }

    /// The most that it has held since then, in MiB.
    pub fn peak_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no peak of memory")?;
        let kib: f64 = line.split_whitespace().next().and_then(|number| number.parse().ok()).context("no peak of memory")?;
        Ok(kib / 1024.0)
    }
}

/// Waits for a text, and until the rest has come too.
fn looked(terminal: Terminal, text: &str, end: &str) -> Result<(f64, f64)> {
    let took = terminal.wait_for(text);
    std::thread::sleep(SETTLED);
    let held = terminal.pid().and_then(Memory::of).map(Memory::resident_mib);
    terminal.stop(end);
    Ok((took?, held?))
}

fn timed(command: &mut Command) -> Result<f64> {
    let began = std::time::Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(began.elapsed().as_secs_f64() * 1e3)
}
