//! The book's manifests, which are not ours, over five nodes.

use end_to_end::{Cluster, cases, eventually, images, is_skipped};

#[test]
fn the_books_pods_spread_over_five_nodes_and_answer_each_other() {
    let name = "the_books_pods_spread_over_five_nodes_and_answer_each_other";
    if is_skipped(name) {
        return;
    }
    let (Some(cases), Some(images)) = (cases(name), images(name)) else { return };
    let cluster = Cluster::new(5);
    cluster.wait_whole();
    for node in cluster.nodes() {
        for file in [
            "luksa_kubia_1.0.oci.tar",
            "luksa_kubia-ssl-proxy_1.0.oci.tar",
            "luksa_fortune-writer_1.0.oci.tar",
            "nginx_alpine.oci.tar",
        ] {
            let _ = cluster.skiff(node, &["image", "load", &images.join(file).to_string_lossy()]).ok();
        }
    }
    let mut places = Vec::new();
    let mut pods = Vec::new();
    for (number, (manifest, pod, port)) in [
        ("Chapter05/kubia.yaml", "kubia", "http:8080"),
        ("Chapter05/kubia-ssl.yaml", "kubia-ssl", "http:8080"),
        ("Chapter07/fortune.yaml", "fortune", "http:80"),
    ]
    .into_iter()
    .enumerate()
    {
        let nodes = cluster.nodes();
        let through = nodes[number % nodes.len()];
        let _ = cluster.skiff(through, &["apply", "-f", &cases.join("book").join(manifest).to_string_lossy()]).ok();
        let pod = cluster.wait_ready("n1", pod);
        places.push(pod["spec"]["nodeName"].clone());
        pods.push((pod, port));
    }
    places.dedup();
    assert!(places.len() > 1, "three pods and five nodes: {places:?}");
    for (from, _) in &pods {
        for (to, port) in &pods {
            let (scheme, port) = port.split_once(':').expect("scheme:port");
            let url = format!("{scheme}://{}:{port}/", to["status"]["podIP"].as_str().expect("an address"));
            let answer = eventually("one pod answers another", || cluster.fetch_from_pod(from, &url));
            assert!(!answer.is_empty(), "{url}");
        }
    }
}
