//! Manifests and images that are not ours: the book's, where they are at hand, pulled from a real registry.

use end_to_end::{Registry, World, cases, images, is_skipped};
use std::process::Command;

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
        registry.push_oci(&world, &images.join(file), image);
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
