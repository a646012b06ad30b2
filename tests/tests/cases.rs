//! Manifests and images that are not ours: the book's, where they are at hand, pulled from a real registry.

use end_to_end::{World, cases, eventually, images, is_skipped};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Debian's docker-registry on a port of its own inside the world, filled by skopeo.
struct Registry {
    server: Child,
    address: String,
}

impl Registry {
    fn start(world: &World) -> Self {
        // The world's network is its own: any port is free there, but the kernel may as well choose.
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_or(5000, |address| address.port());
        let address = format!("127.0.0.1:{port}");
        let config = world.folder().join("registry.yaml");
        let storage = world.folder().join("registry");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{address}\"}}\n",
            storage.display()
        );
        std::fs::write(&config, text).expect("the registry's configuration");
        let server = world
            .inside("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry runs");
        Self { server, address }
    }

    fn push(&self, world: &World, archive: &Path, name: &str) {
        eventually(&format!("push of {name}"), || {
            let source = format!("oci-archive:{}", archive.display());
            let target = format!("docker://{}/{name}", self.address);
            let output = world
                .inside("skopeo")
                .args(["copy", "--dest-tls-verify=false", &source, &target])
                .output()
                .map_err(|error| error.to_string())?;
            if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
        });
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let ended = self.server.kill().and_then(|()| self.server.wait());
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

#[test]
fn the_books_pods_run_with_real_node_envoy_and_nginx() {
    let name = "the_books_pods_run_with_real_node_envoy_and_nginx";
    if is_skipped(name) {
        return;
    }
    let (Some(cases), Some(images)) = (cases(name), images(name)) else { return };
    // The mirror's address is known only once the registry runs, so a first world chooses it.
    let mut world = World::new(&[]);
    let registry = Registry::start(&world);
    for (file, image) in [
        ("luksa_kubia_1.0.oci.tar", "luksa/kubia:1.0"),
        ("luksa_kubia-ssl-proxy_1.0.oci.tar", "luksa/kubia-ssl-proxy:1.0"),
        ("luksa_fortune-writer_1.0.oci.tar", "luksa/fortune-writer:1.0"),
        ("nginx_alpine.oci.tar", "library/nginx:alpine"),
    ] {
        registry.push(&world, &images.join(file), image);
    }
    world.kill_daemon("-TERM");
    world.add_flags(&["--registry-mirror", &format!("docker.io=http://{}", registry.address)]);
    world.start_daemon();
    for (manifest, pod, port, scheme) in [
        ("Chapter05/kubia.yaml", "kubia", 8080, "http"),
        ("Chapter05/kubia-ssl.yaml", "kubia-ssl", 8443, "https"),
        ("Chapter07/fortune.yaml", "fortune", 80, "http"),
    ] {
        let path = cases.join("book").join(manifest);
        let _ = world.skiff(&["apply", "-f", &path.to_string_lossy()]).ok();
        let ip = world.wait_ready(pod);
        let answer = world.http(&format!("{scheme}://{ip}:{port}/"));
        assert!(!answer.is_empty(), "{manifest}");
        let all = world.skiff(&["logs", pod, "--all-containers"]).ok();
        assert!(pod == "fortune" || all.to_lowercase().contains("kubia"), "{manifest}: {all}");
    }
    let listed = world.skiff(&["image", "ls"]).ok();
    assert!(listed.contains("luksa/kubia"), "{listed}");
    let _ = world.skiff(&["delete", "pods", "--all", "--grace-period=1"]).ok();
    drop(registry);
}

#[test]
fn the_registry_program_is_there() {
    // `make test` installs it; without it the pull of a real image would go untested in silence.
    if !is_skipped("the_registry_program_is_there") {
        let found = Command::new("docker-registry").arg("--version").output();
        assert!(found.is_ok(), "docker-registry is missing: run `make test`, or apt-get install docker-registry");
    }
}
