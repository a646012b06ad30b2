//! Debian's docker-registry on a port of its own inside a world, filled by skopeo.

use crate::{Ran, World, eventually};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// A registry of a test's own. It can be stopped and started again on the same port.
#[derive(Debug)]
pub struct Registry {
    server: Option<Child>,
    config: PathBuf,
    /// `127.0.0.1:5000`
    pub address: String,
}

impl Registry {
    /// A registry that everybody may read.
    #[must_use]
    pub fn start(world: &World) -> Self {
        Self::start_with(world, "")
    }

    /// One that wants this name and password; `credentials` is a line of htpasswd.
    ///
    /// # Panics
    /// If its files cannot be written.
    #[must_use]
    pub fn start_locked(world: &World, credentials: &str) -> Self {
        let file = world.folder().join("htpasswd");
        std::fs::write(&file, format!("{credentials}\n")).expect("the registry's passwords");
        Self::start_with(world, &format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", file.display()))
    }

    fn start_with(world: &World, more: &str) -> Self {
        // The world's network is its own: any port is free there, but the kernel may as well choose.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_or(5000, |address| address.port());
        let address = format!("127.0.0.1:{port}");
        let config = world.folder().join(format!("registry-{port}.yaml"));
        let storage = world.folder().join(format!("registry-{port}"));
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{address}\"}}\n{more}",
            storage.display()
        );
        std::fs::write(&config, text).expect("the registry's configuration");
        let mut registry = Self { server: None, config, address };
        registry.restart(world);
        registry
    }

    /// Starts the server that was stopped.
    ///
    /// # Panics
    /// If the program is missing.
    pub fn restart(&mut self, world: &World) {
        let mut command = world.inside("docker-registry");
        let command = command.arg("serve").arg(&self.config).stdout(Stdio::null()).stderr(Stdio::null());
        self.server = Some(command.spawn().expect("docker-registry runs"));
    }

    /// Stops the server: its port refuses connections.
    ///
    /// # Panics
    /// If it cannot be ended.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let ended = server.kill().and_then(|()| server.wait());
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }

    /// Puts an archive's image into it under a name; `credentials` are `NAME:PASSWORD`.
    ///
    /// # Panics
    /// When patience ends.
    pub fn push(&self, world: &World, archive: &str, name: &str, credentials: Option<&str>) {
        eventually(&format!("push of {name}"), || {
            let target = format!("docker://{}/{name}", self.address);
            let mut command = world.inside("skopeo");
            command.args(["copy", "--dest-tls-verify=false"]);
            command.args(credentials.iter().flat_map(|credentials| ["--dest-creds", credentials]));
            let output = command.args([archive, &target]).output().map_err(|error| error.to_string())?;
            if output.status.success() { Ok(()) } else { Err(Ran::of(&output).stderr) }
        });
    }

    /// Puts one of the real images into it.
    pub fn push_oci(&self, world: &World, archive: &Path, name: &str) {
        self.push(world, &format!("oci-archive:{}", archive.display()), name, None);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}
