//! Real pods of a real daemon, in namespaces of their own. Needs root and busybox-static; skipped without.

use crate::world::{World, is_possible};
use serde_json::{Value, json};
use wire::LogsRequest;

fn of(pod: &str) -> LogsRequest {
    LogsRequest { pod: pod.to_owned(), ..LogsRequest::default() }
}

#[tokio::test]
async fn a_pod_runs_to_its_end_and_its_log_is_read() {
    if !is_possible() {
        return;
    }
    let world = World::new().await;
    let client = world.client().await;
    let spec = json!({"restartPolicy": "Never", "containers": [
        {"name": "main", "image": "localhost/box:1", "command": ["sh", "-c", "echo hello; hostname; exit 3"]}]});
    world.create(&client, "once", spec).await;
    let pod = world.wait_phase(&client, "once", "Failed").await;
    assert_eq!(pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 3, "{pod:#}");
    assert_eq!(world.logs(&client, of("once")).await, "hello\nonce\n");
    world.delete(&client, "once", None).await;
    world.wait(&client, "once", "gone", |pod| pod.is_none()).await;
}

#[tokio::test]
async fn containers_of_a_pod_share_network_and_volumes_and_see_their_files() {
    if !is_possible() {
        return;
    }
    let world = World::new().await;
    let client = world.client().await;
    let spec = json!({
    "volumes": [{"name": "disk", "emptyDir": {}}, {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}],
    "containers": [
        {"name": "server", "image": "localhost/box:1",
         "command": ["sh", "-c", "echo from-server > /shared/index.html; exec httpd -f -p 8080 -h /shared"],
         "volumeMounts": [{"name": "disk", "mountPath": "/shared"}, {"name": "memory", "mountPath": "/memory"}]},
        {"name": "client", "image": "localhost/box:1",
         "env": [{"name": "WHO", "value": "client"}, {"name": "GREETING", "value": "I am $(WHO) of $(POD)"},
                 {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
         "command": ["sh", "-c", "until wget -qO- http://127.0.0.1:8080/; do sleep 0.05; done; cat /shared/index.html /etc/hostname; echo $GREETING; exec sleep 1000"],
         "volumeMounts": [{"name": "disk", "mountPath": "/shared", "readOnly": true}, {"name": "memory", "mountPath": "/memory"}]},
    ]});
    world.create(&client, "two", spec).await;
    let pod = world.wait_ready(&client, "two").await;
    let ip = pod["status"]["podIP"].as_str().expect("an address").to_owned();
    let output = world
        .inside("curl")
        .args(["-sS", "--retry", "50", "--retry-connrefused", "--retry-delay", "1", &format!("http://{ip}:8080/")])
        .output();
    assert_eq!(String::from_utf8_lossy(&output.expect("curl runs").stdout), "from-server\n");
    let mut log = client
        .logs(LogsRequest { namespace: "default".into(), container: Some("client".into()), follow: true, ..of("two") })
        .await
        .expect("a log");
    let mut text = String::new();
    while !text.contains("I am") {
        text.push_str(&String::from_utf8_lossy(&log.next().await.expect("the log goes on").expect("it runs")));
    }
    assert_eq!(text, "from-server\nfrom-server\ntwo\nI am client of $(POD)\n");
    world.delete(&client, "two", Some(1)).await;
    world.wait(&client, "two", "gone", |pod| pod.is_none()).await;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    assert!(!mounts.contains(&world.data_dir().display().to_string()), "{mounts}");
    let left: Vec<_> = std::fs::read_dir(world.data_dir().join("pods")).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

fn first(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

#[tokio::test]
async fn a_container_that_fails_is_started_again_with_back_off_and_its_previous_log_is_kept() {
    if !is_possible() {
        return;
    }
    let world = World::new().await;
    let client = world.client().await;
    let spec = json!({"containers": [{"name": "main", "image": "localhost/box:1",
        "command": ["sh", "-c", "echo run; echo why > /dev/termination-log; exit 7"]}]});
    world.create(&client, "crash", spec).await;
    let is_waiting = |pod: Option<&Value>| {
        pod.is_some_and(|pod| first(pod)["restartCount"] == 1 && first(pod)["state"]["waiting"]["reason"] == "CrashLoopBackOff")
    };
    let pod = world.wait(&client, "crash", "waiting for its second restart", is_waiting).await.expect("a pod");
    let last = &first(&pod)["lastState"]["terminated"];
    assert_eq!((&last["exitCode"], &last["reason"], &last["message"]), (&json!(7), &json!("Error"), &json!("why\n")), "{pod:#}");
    assert_eq!(world.logs(&client, of("crash")).await, "run\n");
    assert_eq!(world.logs(&client, LogsRequest { previous: true, ..of("crash") }).await, "run\n");
    world.delete(&client, "crash", None).await;
    world.wait(&client, "crash", "gone", |pod| pod.is_none()).await;
}

#[tokio::test]
async fn a_deleted_pod_gets_its_grace_and_then_is_killed() {
    if !is_possible() {
        return;
    }
    let world = World::new().await;
    let client = world.client().await;
    for (name, script) in [
        ("polite", "trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.05; done"),
        ("rude", "trap '' TERM; echo up; while true; do sleep 0.05; done"),
    ] {
        world
            .create(
                &client,
                name,
                json!({"containers": [{"name": "main", "image": "localhost/box:1", "command": ["sh", "-c", script]}]}),
            )
            .await;
    }
    for name in ["polite", "rude"] {
        world.wait_ready(&client, name).await;
        let mut log = client.logs(LogsRequest { namespace: "default".into(), follow: true, ..of(name) }).await.expect("a log");
        assert_eq!(log.next().await.expect("it goes on").as_deref(), Some(&b"up\n"[..]));
        let begun = std::time::Instant::now();
        world.delete(&client, name, Some(if name == "rude" { 2 } else { 30 })).await;
        let mut rest = Vec::new();
        while let Some(bytes) = log.next().await.expect("it goes on") {
            rest.extend_from_slice(&bytes);
        }
        world.wait(&client, name, "gone", |pod| pod.is_none()).await;
        let took = begun.elapsed().as_secs_f64();
        if name == "polite" {
            assert_eq!(rest, b"bye\n");
            assert!(took < 15.0, "{took}");
        } else {
            assert!((1.0..20.0).contains(&took), "{took}");
        }
    }
}
