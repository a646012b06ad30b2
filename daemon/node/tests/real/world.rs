//! Network and mounts of a test's own, a daemon in them, and a client of it.

use client::{Address, Client};
use objects::Kind;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use wire::{
    CreateRequest, DeleteRequest, DryRun, GetRequest, ImageImportRequest, LogsRequest, ObjectRef, Request, Response, Selection,
};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module. Dropping it resets everything and looks for what is left.
pub struct World {
    folder: TempDir,
    name: String,
    /// Keeps the namespaces while no daemon runs.
    holder: Child,
    daemon: Option<Child>,
}

/// Whether this machine lets a test make namespaces; says what is missing where it does not.
pub fn is_possible() -> bool {
    let missing = if !nix::unistd::geteuid().is_root() {
        "root"
    } else if !Path::new("/bin/busybox").exists() {
        "/bin/busybox (apt: busybox-static)"
    } else {
        return true;
    };
    eprintln!("skipped: {missing} is missing");
    false
}

impl World {
    /// Namespaces, a running daemon, and the image `localhost/box:1`: busybox and nothing else.
    pub async fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("skiff-node-").tempdir().expect("a temporary folder");
        let name = format!("skiff-node-{}", std::process::id());
        let setup = "ip link set lo up && mount --make-rprivate / && echo ready && exec sleep infinity";
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", setup])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare runs");
        let mut ready = [0_u8; 6];
        std::io::Read::read_exact(holder.stdout.as_mut().expect("a pipe"), &mut ready).expect("the namespaces are ready");
        let mut world = Self { folder, name, holder, daemon: None };
        world.start_daemon();
        world.import_image().await;
        world
    }

    fn settings(&self) -> Vec<String> {
        let path = |name: &str| self.folder.path().join(name).to_string_lossy().into_owned();
        ["--data-dir", &path("data"), "--run-dir", &path("run"), "--cgroup-root", &self.name].map(str::to_owned).to_vec()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("run/skiffd.sock")
    }

    /// Where the daemon keeps its state.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the daemon keeps what is of this boot.
    pub fn run_dir(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// A command inside the world's network and mounts.
    pub fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.id().to_string(), "--net", "--mount", "--", program]);
        command
    }

    /// Starts the daemon, which must not run.
    pub fn start_daemon(&mut self) {
        let log = self.folder.path().join("skiffd.log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("the daemon's log");
        let mut command = self.inside(env!("CARGO_BIN_EXE_skiffd"));
        command.args(self.settings()).args(["--name", "node1"]);
        // A machine whose disk is nearly full is no reason to put the test's pods out.
        command.env("SKIFFD_EVICTION_HARD", "memory.available<1Mi");
        command.env("SKIFFD_LOG", "debug").env_remove("NOTIFY_SOCKET").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.daemon = Some(command.spawn().expect("nsenter runs"));
    }

    /// Ends the daemon as `kill -9` does.
    pub fn kill_daemon(&mut self) {
        let mut daemon = self.daemon.take().expect("the daemon runs");
        daemon.kill().expect("it is our child");
        daemon.wait().expect("it ends");
    }

    /// The daemon's log.
    pub fn daemon_says(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("skiffd.log")).unwrap_or_default()
    }

    /// A connection, as soon as the daemon answers.
    pub async fn client(&self) -> Client {
        let address = Address::Unix(self.socket());
        let connecting = async {
            loop {
                match client::connect(&address, "test").await {
                    Ok((client, driver)) => {
                        tokio::spawn(driver.run());
                        return client;
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, connecting).await {
            Ok(client) => client,
            Err(_) => panic!("the daemon does not answer:\n{}", self.daemon_says()),
        }
    }

    async fn import_image(&self) {
        let root = self.folder.path().join("rootfs");
        for folder in ["bin", "tmp", "etc", "proc", "sys", "dev"] {
            std::fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        std::fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox");
        for name in ["sh", "cat", "echo", "sleep", "ip", "wget", "httpd", "ls", "id", "env", "hostname", "true", "false", "kill"]
        {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).expect("a link");
        }
        let tar = self.folder.path().join("rootfs.tar");
        let packed = Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(&root).arg(".").status().expect("tar runs");
        assert!(packed.success());
        let request = ImageImportRequest {
            path: tar.to_string_lossy().into_owned(),
            name: "localhost/box:1".to_owned(),
            entrypoint: Vec::new(),
            cmd: vec!["/bin/sh".to_owned()],
            env: Vec::new(),
            workdir: None,
            user: None,
        };
        self.client().await.request(Request::ImageImport(request)).await.expect("the image is imported");
    }

    /// Makes a pod of this specification.
    pub async fn create(&self, client: &Client, name: &str, spec: Value) {
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec});
        let request = CreateRequest { object, namespace: "default".to_owned(), dry_run: DryRun::No };
        client.request(Request::Create(request)).await.expect("the pod is created");
    }

    /// Deletes a pod with so many seconds of grace.
    pub async fn delete(&self, client: &Client, name: &str, grace: Option<i64>) {
        let request = DeleteRequest {
            object: pod(name),
            grace_period_seconds: grace,
            uid: None,
            dry_run: DryRun::No,
            options: wire::DeleteOptions::default(),
        };
        client.request(Request::Delete(request)).await.expect("the pod is deleted");
    }

    /// The pod as it is; `None` where there is none.
    pub async fn get(&self, client: &Client, name: &str) -> Option<Value> {
        match client.request(Request::Get(GetRequest { object: pod(name) })).await {
            Ok(Response::Object { object, .. }) => Some(*object),
            Ok(other) => panic!("{other:?}"),
            Err(error) if error.status().is_some_and(|status| status.code == 404) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits, by watching, until the pod is as it should be; `None` is a pod that is gone.
    pub async fn wait(&self, client: &Client, name: &str, what: &str, is_so: impl Fn(Option<&Value>) -> bool) -> Option<Value> {
        let selection = Selection {
            namespace: Some("default".into()),
            field_selector: Some(format!("metadata.name={name}")),
            ..Selection::default()
        };
        let mut watch = client.watch(Kind::Pod, selection, None).await.expect("a watch");
        let list = watch.take_snapshot().expect("a snapshot");
        let mut last: Option<Value> = list.items.first().map(|item| serde_json::from_str(item.get()).expect("JSON"));
        let waiting = async {
            while !is_so(last.as_ref()) {
                let event = watch.next().await.expect("the watch goes on").expect("the daemon runs");
                let is_gone = event.kind == wire::WatchEventKind::Deleted;
                last = (!is_gone).then(|| serde_json::from_str(event.object.get()).expect("JSON"));
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        if waited.is_err() {
            panic!("pod {name} is not {what}: {last:#?}\n{}", self.daemon_says());
        }
        last
    }

    /// Waits until the pod is ready.
    pub async fn wait_ready(&self, client: &Client, name: &str) -> Value {
        let is_ready = |pod: Option<&Value>| {
            let conditions = pod.and_then(|pod| pod["status"]["conditions"].as_array().cloned()).unwrap_or_default();
            conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        };
        self.wait(client, name, "ready", is_ready).await.expect("a ready pod is there")
    }

    /// Waits until the pod has this phase.
    pub async fn wait_phase(&self, client: &Client, name: &str, phase: &str) -> Value {
        let is_so = |pod: Option<&Value>| pod.is_some_and(|pod| pod["status"]["phase"] == phase);
        self.wait(client, name, phase, is_so).await.expect("it has a phase")
    }

    /// All of a container's log.
    pub async fn logs(&self, client: &Client, request: LogsRequest) -> String {
        let request = LogsRequest { namespace: "default".to_owned(), ..request };
        let mut stream = client.logs(request).await.expect("a log");
        let mut text = Vec::new();
        let reading = async {
            while let Some(bytes) = stream.next().await.expect("the log goes on") {
                text.extend_from_slice(&bytes);
            }
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(read.is_ok(), "the log does not end: {text}\n{}", self.daemon_says());
        text
    }

    fn reset(&self) -> Result<(), String> {
        let output = self.inside(env!("CARGO_BIN_EXE_skiffd")).args(["reset", "--yes"]).args(self.settings()).output();
        let output = output.map_err(|error| error.to_string())?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    /// Whatever still belongs to this world on the machine.
    fn left_behind(&self) -> Vec<String> {
        let mut left = Vec::new();
        for name in ["data", "run"] {
            if self.folder.path().join(name).exists() {
                left.push(format!("folder {name}"));
            }
        }
        let groups = std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        let roots = groups.map(|entry| entry.path()).chain([PathBuf::from("/sys/fs/cgroup")]).map(|path| path.join(&self.name));
        left.extend(roots.filter(|root| root.exists()).map(|root| root.display().to_string()));
        let links = self.inside("ip").args(["-o", "link"]).output().expect("ip runs");
        let links = String::from_utf8_lossy(&links.stdout).into_owned();
        left.extend(links.lines().filter(|line| !line.contains(" lo:")).map(str::to_owned));
        left
    }
}

fn pod(name: &str) -> ObjectRef {
    ObjectRef { kind: Kind::Pod, namespace: "default".to_owned(), name: name.to_owned() }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill().and_then(|()| daemon.wait());
        }
        let reset = self.reset();
        // The kernel takes a namespace's links away in its own time, many namespaces at once.
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let mut left = self.left_behind();
        while !left.is_empty() && std::time::Instant::now() < patience {
            std::thread::sleep(std::time::Duration::from_millis(20));
            left = self.left_behind();
        }
        let _ = self.holder.kill().and_then(|()| self.holder.wait());
        if std::thread::panicking() {
            eprintln!("the daemon said:\n{}", self.daemon_says());
            return;
        }
        assert_eq!(reset, Ok(()), "skiffd reset failed");
        assert!(left.is_empty(), "left behind: {left:#?}");
    }
}
