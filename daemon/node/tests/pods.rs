//! Real pods of a real daemon, in namespaces of their own. Needs root and busybox-static; skipped without.

#[path = "support/world.rs"]
mod world;

use serde_json::json;
use wire::LogsRequest;
use world::{World, is_possible};

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
