//! A daemon that dies, supervisors that are killed: what lives on, and what is made anew. Needs root; skipped without.

use crate::world::{World, is_possible};
use serde_json::{Value, json};
use wire::LogsRequest;

fn box_running(script: &str) -> Value {
    json!({"containers": [{"name": "main", "image": "localhost/box:1", "command": ["sh", "-c", script]}]})
}

fn main_status(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

#[tokio::test]
async fn pods_outlive_a_killed_daemon_with_every_line_and_exit_code() {
    if !is_possible() {
        return;
    }
    let mut world = World::new().await;
    let client = world.client().await;
    let count = "i=0; while true; do echo line $i; i=$((i+1)); sleep 0.02; done";
    world.create(&client, "counts", box_running(count)).await;
    let mut ends = box_running("until [ -e /stop/now ]; do sleep 0.02; done; echo done; exit 5");
    ends["restartPolicy"] = json!("Never");
    ends["volumes"] = json!([{"name": "stop", "emptyDir": {}}]);
    ends["containers"][0]["volumeMounts"] = json!([{"name": "stop", "mountPath": "/stop"}]);
    world.create(&client, "ends", ends).await;
    let counts = world.wait_ready(&client, "counts").await;
    let ends = world.wait_ready(&client, "ends").await;
    world.kill_daemon();
    // While nobody looks, one container ends.
    let uid = ends["metadata"]["uid"].as_str().expect("a uid");
    std::fs::write(world.data_dir().join("pods").join(uid).join("volumes/stop/now"), "").expect("a file");
    let exit_file = world.run_dir().join("pods").join(uid).join("main.0.exit");
    while !exit_file.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    world.start_daemon();
    let client = world.client().await;
    let ended = world.wait_phase(&client, "ends", "Failed").await;
    assert_eq!(main_status(&ended)["state"]["terminated"]["exitCode"], 5, "{ended:#}");
    let again = world.get(&client, "counts").await.expect("it lives");
    assert_eq!(main_status(&again)["containerID"], main_status(&counts)["containerID"]);
    assert_eq!(main_status(&again)["restartCount"], 0);
    let log = world.logs(&client, LogsRequest { pod: "counts".into(), ..LogsRequest::default() }).await;
    for (number, line) in log.lines().enumerate() {
        assert_eq!(line, format!("line {number}"));
    }
    for name in ["counts", "ends"] {
        world.delete(&client, name, Some(1)).await;
        world.wait(&client, name, "gone", |pod| pod.is_none()).await;
    }
}

#[tokio::test]
async fn a_pod_whose_supervisor_is_killed_is_made_anew() {
    if !is_possible() {
        return;
    }
    let world = World::new().await;
    let client = world.client().await;
    world.create(&client, "web", box_running("exec sleep 1000")).await;
    let pod = world.wait_ready(&client, "web").await;
    let uid = pod["metadata"]["uid"].as_str().expect("a uid");
    let pid = std::fs::read_to_string(world.run_dir().join("pods").join(uid).join("supervisor.pid")).expect("a pid file");
    let pid: i32 = pid.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a pid");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).expect("it is killed");
    let is_again = |pod: Option<&Value>| {
        pod.is_some_and(|pod| main_status(pod)["restartCount"] == 1 && main_status(pod)["state"]["running"].is_object())
    };
    world.wait(&client, "web", "running again", is_again).await;
    world.delete(&client, "web", Some(0)).await;
    world.wait(&client, "web", "gone", |pod| pod.is_none()).await;
}

#[tokio::test]
async fn a_pod_that_was_deleted_while_no_daemon_ran_leaves_nothing() {
    if !is_possible() {
        return;
    }
    let mut world = World::new().await;
    let client = world.client().await;
    world.create(&client, "orphan", box_running("exec sleep 1000")).await;
    let pod = world.wait_ready(&client, "orphan").await;
    let uid = pod["metadata"]["uid"].as_str().expect("a uid").to_owned();
    world.kill_daemon();
    // As after a restore of an older state: the store knows nothing of the pod.
    std::fs::remove_dir_all(world.data_dir().join("store")).expect("the store goes");
    world.start_daemon();
    let client = world.client().await;
    assert!(world.get(&client, "orphan").await.is_none());
    let left = world.run_dir().join("pods").join(uid);
    let gone = async {
        while left.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    // Others would have half a minute to tell of the pod.
    tokio::time::timeout(std::time::Duration::from_secs(90), gone).await.expect("the orphan is removed");
}
