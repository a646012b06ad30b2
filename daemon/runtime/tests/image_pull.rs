//! Pulling: against Debian's `docker-registry`, filled by `skopeo`, and against a server that misbehaves on demand.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends by panicking and says why it is skipped")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use runtime::image::{Credentials, Digest, ImageStore, Mirror, PullOptions, PullProgress, PullStage, Reference};
use serde_json::json;

#[path = "image_support/http.rs"]
mod http;
#[path = "image_support/images.rs"]
mod images;
#[path = "image_support/tars.rs"]
mod tars;

use http::{Request, Response, Server};
use images::{Files, Packing, layer, machine, one};
use tars::{Tar, has_root};

/// `user:secret`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "user:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";

struct Place {
    folder: tempfile::TempDir,
    store: ImageStore,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let store = ImageStore::open(&folder.path().join("images")).unwrap();
        Place { folder, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn count(&self, sub_folder: &str) -> usize {
        fs::read_dir(self.path("images").join(sub_folder)).unwrap().count()
    }
}

async fn pull(place: &Place, name: &str, options: &PullOptions) -> Result<runtime::image::ImageRecord, String> {
    let pulled = place.store.pull(&Reference::parse(name).unwrap(), options, |_| {}).await;
    pulled.map_err(|error| error.to_string())
}

// --- A real registry -----------------------------------------------------------------------------------------------------

struct RealRegistry {
    host: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

impl RealRegistry {
    /// None, with the reason printed, if the programs are not installed.
    fn start(has_password: bool) -> Option<RealRegistry> {
        for program in ["docker-registry", "skopeo"] {
            if !is_installed(program) {
                println!("skipped: {program} is not installed");
                return None;
            }
        }
        if !has_root() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let htpasswd = folder.path().join("htpasswd");
        fs::write(&htpasswd, HTPASSWD).unwrap();
        let auth = format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", htpasswd.display());
        let config = format!(
            "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n{}",
            folder.path().join("data").display(),
            if has_password { auth.as_str() } else { "" },
        );
        let path = folder.path().join("config.yml");
        fs::write(&path, config).unwrap();
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&path)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let host = lines.find_map(|line| {
            let port = line
                .split("listening on 127.0.0.1:")
                .nth(1)
                .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
            said.push(line);
            port
        });
        // The registry logs every request; somebody has to read that.
        std::thread::spawn(move || lines.for_each(drop));
        let Some(port) = host else { panic!("the registry did not start: {said:?}") };
        Some(RealRegistry { host: format!("127.0.0.1:{port}"), child, _folder: folder })
    }

    fn fill(&self, archive: &Path, name: &str, account: Option<&str>) {
        let mut command = Command::new("skopeo");
        command.args(["copy", "--quiet", "--dest-tls-verify=false", "--insecure-policy"]);
        if let Some(account) = account {
            command.args(["--dest-creds", account]);
        }
        command.arg(format!("oci-archive:{}", archive.display())).arg(format!("docker://{}/{name}", self.host));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn demo_layers() -> Vec<Vec<u8>> {
    let base = Tar::default().folder("bin", 0o755).file("bin/sh", &vec![7; 3 << 20]).finish();
    vec![base, layer("etc/motd", b"hello"), layer("etc/other", b"x")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_registry_gives_images_to_anybody() {
    let Some(registry) = RealRegistry::start(false) else { return };
    let place = Place::new();
    let archive = place.path("archive");
    fs::write(&archive, one("demo:1", &demo_layers(), Packing::Gzip).to_tar()).unwrap();
    registry.fill(&archive, "team/demo:1", None);

    let name = format!("{}/team/demo:1", registry.host);
    let told = Mutex::new(Vec::new());
    let reference = Reference::parse(&name).unwrap();
    let progress = |progress: PullProgress| told.lock().unwrap().push(progress);
    let record = place.store.pull(&reference, &PullOptions::default(), progress).await.unwrap();
    assert_eq!((record.names.as_slice(), record.layers.len()), (&[name.clone()][..], 3));
    assert_eq!(fs::read_to_string(record.layers[1].join("etc/motd")).unwrap(), "hello");
    assert_eq!((place.count("parts"), place.count("tmp")), (0, 0));
    let told = told.into_inner().unwrap();
    let last_of = |stage| told.iter().rfind(|progress| progress.stage == stage).copied().unwrap();
    assert_eq!(told[0].stage, PullStage::Resolving);
    let downloaded = last_of(PullStage::Downloading);
    assert!(downloaded.done == downloaded.total && downloaded.total > 1000, "{downloaded:?}");
    assert_eq!(last_of(PullStage::Unpacking), PullProgress { stage: PullStage::Unpacking, done: 3, total: 3 });
    assert_eq!(told.last().unwrap().stage, PullStage::Done);

    // Again, and by the digest of its manifest: nothing is downloaded.
    let downloads_nothing = |progress: PullProgress| {
        assert!(progress.stage != PullStage::Downloading || progress.total == 0);
    };
    let again = place.store.pull(&reference, &PullOptions::default(), downloads_nothing).await.unwrap();
    assert_eq!(again.digest, record.digest);
    let by_digest = Reference::parse(&record.repo_digests[0]).unwrap();
    assert_eq!(pull(&place, &by_digest.to_string(), &PullOptions::default()).await.unwrap().digest, record.digest);
    assert_eq!(place.store.find(&by_digest).unwrap().digest, record.digest);

    // What the archive loads as is the same image.
    assert_eq!(place.store.load(&archive).unwrap()[0].digest, record.digest);

    let error = pull(&place, &format!("{}/team/demo:nosuch", registry.host), &PullOptions::default()).await.unwrap_err();
    let expected = format!(
        "failed to pull and unpack image \"{host}/team/demo:nosuch\": {host}/team/demo:nosuch: not found in registry http://{host}: \
         manifest_unknown: manifest unknown",
        host = registry.host
    );
    assert_eq!(error, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_registry_asks_for_a_password() {
    let Some(registry) = RealRegistry::start(true) else { return };
    let place = Place::new();
    let archive = place.path("archive");
    fs::write(&archive, one("demo:1", &demo_layers(), Packing::Gzip).to_tar()).unwrap();
    registry.fill(&archive, "demo:1", Some("user:secret"));

    let name = format!("{}/demo:1", registry.host);
    let mut options = PullOptions::default();
    let denied = pull(&place, &name, &options).await.unwrap_err();
    assert!(
        denied.contains("pull access denied, repository does not exist or may require authorization: registry http://"),
        "{denied}"
    );
    assert!(denied.contains("answered 401 Unauthorized: unauthorized: authentication required"), "{denied}");
    let account = |password: &str| Credentials::Basic { username: "user".into(), password: password.into() };
    options.credentials.insert(registry.host.clone(), account("wrong"));
    let denied = place.store.pull(&Reference::parse(&name).unwrap(), &options, |_| {}).await.unwrap_err();
    assert!(denied.is_denied() && !denied.to_string().contains("wrong"), "{denied}");
    options.credentials.insert(registry.host.clone(), account("secret"));
    assert_eq!(pull(&place, &name, &options).await.unwrap().layers.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_registry_is_a_mirror_of_docker_hub() {
    let Some(registry) = RealRegistry::start(false) else { return };
    let place = Place::new();
    let archive = place.path("archive");
    fs::write(&archive, one("demo:1", &demo_layers(), Packing::Gzip).to_tar()).unwrap();
    registry.fill(&archive, "library/demo:1", None);
    registry.fill(&archive, "hub/library/demo:2", None);

    let mut options = PullOptions::default();
    let dead = Server::start(|_| Response::new(503, ""));
    let mirrors = [format!("http://{}", dead.host), format!("http://{}", registry.host)];
    options.mirrors.insert("docker.io".into(), mirrors.iter().map(|text| Mirror::parse(text).unwrap()).collect());
    // An account for Docker Hub is not shown to its mirrors.
    let account = Credentials::Basic { username: "me".into(), password: "mine".into() };
    options.credentials.insert("docker.io".into(), account);
    let record = pull(&place, "demo:1", &options).await.unwrap();
    assert_eq!(record.names, ["docker.io/library/demo:1"]);
    assert!(record.repo_digests[0].starts_with("docker.io/library/demo@sha256:"));
    assert!(dead.count("/v2/library/demo/manifests/1") > 1, "what may pass is tried again");
    assert!(dead.seen().iter().all(|request| request.header("authorization").is_none()));

    let mirror = Mirror::parse(&format!("http://{}/hub", registry.host)).unwrap();
    options.mirrors.insert("docker.io".into(), vec![mirror]);
    let record = pull(&place, "demo:2", &options).await.unwrap();
    assert_eq!(record.names, ["docker.io/library/demo:1", "docker.io/library/demo:2"]);
}

// --- A registry that misbehaves ------------------------------------------------------------------------------------------

/// Serves the files of an OCI layout as the repository `demo`.
fn registry_answer(files: &Files, request: &Request) -> Response {
    let index: serde_json::Value = serde_json::from_slice(&files.0["index.json"]).unwrap();
    let name = match request.path.rsplit('/').next().unwrap() {
        "latest" => index["manifests"][0]["digest"].as_str().unwrap().to_owned(),
        other => other.to_owned(),
    };
    match files.0.get(&format!("blobs/{}", name.replace(':', "/"))) {
        Some(bytes) => Response::new(200, bytes.clone()),
        None => Response::new(404, ""),
    }
}

/// The digest of the largest layer's blob.
fn large_blob(files: &Files) -> String {
    let (name, _) = files.0.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    name.rsplit('/').next().unwrap().to_owned()
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .collect()
}

fn noisy_image() -> Files {
    one("demo", &[Tar::default().file("noise", &noise(2 << 20)).finish(), layer("b", b"2")], Packing::Plain)
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_stopped() {
    if !has_root() {
        return;
    }
    let files = noisy_image();
    let blob = large_blob(&files);
    let server = Server::start(move |request| {
        let mut response = registry_answer(&files, request);
        if !request.path.contains(&blob) {
            return response;
        }
        let offset = request
            .header("range")
            .map_or(0, |range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().unwrap());
        if offset > 0 {
            response.status = 206;
            response.body.drain(..offset);
        }
        if offset < 1_500_000 {
            response.cut_after = Some(600_000);
        }
        response
    });
    let place = Place::new();
    let record = pull(&place, &format!("{}/demo", server.host), &PullOptions::default()).await.unwrap();
    assert_eq!(fs::read(record.layers[1].join("noise")).unwrap(), noise(2 << 20));
    let ranges: Vec<String> = server.seen().iter().filter_map(|request| request.header("range").map(str::to_owned)).collect();
    assert!(!ranges.is_empty(), "the second request asks for the rest only");
}

#[tokio::test]
async fn a_pull_that_is_dropped_is_of_use_to_the_next() {
    if !has_root() {
        return;
    }
    let files = noisy_image();
    let blob = large_blob(&files);
    let first = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        let mut response = registry_answer(&files, request);
        if let Some(range) = request.header("range") {
            let offset: usize = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
            response.body.drain(..offset);
            response.status = 206;
        } else if request.path.contains(&blob) && first.fetch_add(1, Ordering::SeqCst) == 0 {
            // Promises everything, sends the half and then nothing: the connection stays open.
            response.claimed_length = Some(response.body.len());
            response.body.truncate(1 << 20);
        }
        response
    });
    let Place { folder, store } = Place::new();
    let reference = Reference::parse(&format!("{}/demo", server.host)).unwrap();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    {
        let options = PullOptions::default();
        let pull = store.pull(&reference, &options, move |progress| {
            if progress.stage == PullStage::Downloading && progress.done >= 1 << 19 {
                let _nobody_waits = sender.send(());
            }
        });
        tokio::select! {
            _ = pull => panic!("the server never sends the rest"),
            _ = receiver.recv() => {}
        }
    }
    // The blocking half of a dropped pull ends by itself; until then it keeps the store open.
    drop(store);
    let path = folder.path().join("images");
    let store = loop {
        match ImageStore::open(&path) {
            Ok(store) => break store,
            Err(runtime::image::StoreError::Locked { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(store.list().is_empty() && store.damage().is_empty());
    let record = store.pull(&reference, &PullOptions::default(), |_| {}).await.unwrap();
    assert_eq!(fs::read(record.layers[1].join("noise")).unwrap(), noise(2 << 20));
    assert!(server.seen().iter().any(|request| request.header("range").is_some()), "it went on with the half");
}

#[tokio::test]
async fn a_damaged_half_download_is_fetched_anew() {
    if !has_root() {
        return;
    }
    let files = noisy_image();
    let blob = large_blob(&files);
    let place = Place::new();
    fs::write(place.path("images/parts").join(&blob), vec![0; 1000]).unwrap();
    let server = Server::start(move |request| {
        let mut response = registry_answer(&files, request);
        if let Some(range) = request.header("range") {
            let offset: usize = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
            response.body.drain(..offset);
            response.status = 206;
        }
        response
    });
    pull(&place, &format!("{}/demo", server.host), &PullOptions::default()).await.unwrap();
    assert_eq!(server.count(&blob), 2);
    assert_eq!(place.count("parts"), 0);
}

#[tokio::test]
async fn a_token_server_is_asked_as_the_registry_says() {
    if !has_root() {
        return;
    }
    let files = noisy_image();
    let server = Server::start(move |request| {
        let host = request.header("host").unwrap();
        if request.path.starts_with("/token?") {
            let is_us = request.header("authorization") == Some("Basic dXNlcjpzZWNyZXQ=");
            let token = if is_us { "golden" } else { "leaden" };
            return Response::new(200, json!({ "access_token": token }).to_string());
        }
        if request.header("authorization") == Some("Bearer golden") {
            return registry_answer(&files, request);
        }
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s v\",scope=\"repository:demo:pull\"");
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
        Response::new(401, body).header("WWW-Authenticate", &challenge)
    });
    let place = Place::new();
    let name = format!("{}/demo", server.host);
    let mut options = PullOptions::default();
    assert!(pull(&place, &name, &options).await.unwrap_err().contains("401 Unauthorized: unauthorized: authentication required"));
    let account = Credentials::Basic { username: "user".into(), password: "secret".into() };
    options.credentials.insert(server.host.clone(), account);
    pull(&place, &name, &options).await.unwrap();
    assert_eq!(server.count("/token?scope=repository%3Ademo%3Apull&service=s+v"), 2, "one token serves a whole pull");

    let place = Place::new();
    options.credentials.insert(server.host.clone(), Credentials::Token("golden".into()));
    pull(&place, &name, &options).await.unwrap();
}

#[tokio::test]
async fn what_a_registry_sends_is_not_believed() {
    if !has_root() {
        return;
    }
    async fn check(expected: &str, name: &str, change: impl Fn(&Request, Response) -> Response + Send + Sync + 'static) {
        let files = one("demo", &[layer("a", &[1; 3000]), layer("b", b"2")], Packing::Plain);
        let server = Server::start(move |request| change(request, registry_answer(&files, request)));
        let place = Place::new();
        let error = pull(&place, &format!("{}/{name}", server.host), &PullOptions::default()).await.unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert_eq!((place.count("i"), place.count("tmp")), (0, 0), "{error}");
    }
    let files = one("demo", &[layer("a", &[1; 3000]), layer("b", b"2")], Packing::Plain);
    let blob = large_blob(&files);
    let is_blob = move |request: &Request| request.path.contains(&blob);

    check("sends more than 8388608 bytes", "demo", |request, response| {
        if request.path.contains("/manifests/") { Response::new(200, vec![b' '; 9 << 20]) } else { response }
    })
    .await;
    check("malformed manifest", "demo", |_, _| Response::new(200, "<html>")).await;
    check("sent content with digest", &format!("demo@{}", Digest::of(b"x")), |_, _| Response::new(200, "y")).await;
    let other = is_blob.clone();
    check("the manifest says", "demo", move |request, mut response| {
        if other(request) {
            response.body.fill(7);
        }
        response
    })
    .await;
    let other = is_blob.clone();
    check("sends more than", "demo", move |request, mut response| {
        if other(request) {
            response.body.push(7);
        }
        response
    })
    .await;
    check("the blob ended early", "demo", move |request, mut response| {
        if is_blob(request) {
            response.body.clear();
        }
        response
    })
    .await;
    check("answered 500 Internal Server Error", "demo", |_, _| Response::new(500, "<html>oh dear")).await;
    check("not found in registry", "nosuch", |_, _| Response::new(404, "")).await;
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_told_by_its_address() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = Place::new();
    let reference = Reference::parse(&format!("127.0.0.1:{port}/demo")).unwrap();
    let error = place.store.pull(&reference, &PullOptions::default(), |_| {}).await.unwrap_err();
    assert!(error.is_unavailable());
    let expected = format!(
        "failed to pull and unpack image \"127.0.0.1:{port}/demo:latest\": cannot reach registry http://127.0.0.1:{port}: connection refused"
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn an_image_for_another_machine_is_refused() {
    let mut files = Files::default();
    let theirs = files.image(&[layer("a", b"1")], Packing::Gzip, "s390x", &json!({}));
    let files = files.with_index(&[theirs]);
    let server = Server::start(move |request| registry_answer(&files, request));
    let error = pull(&Place::new(), &format!("{}/demo", server.host), &PullOptions::default()).await.unwrap_err();
    assert!(error.contains("no match for platform in manifest: ") && error.contains(&machine()), "{error}");
}
