//! Many pods with three probes a second each: what that costs the daemon, and what a pod costs in memory.

use crate::IMAGE;
use crate::skiff::Skiff;
use anyhow::Result;
use bench::machine::Memory;
use serde_json::{Value, json};
use std::fmt;
use std::time::{Duration, Instant};

/// How long the probes are watched.
const SPAN: Duration = Duration::from_secs(20);

/// What was measured.
pub struct Probed {
    pods: usize,
    cpu_percent: f64,
    daemon: Memory,
    /// Heap and stacks of the daemon before the pods.
    idle_mib: f64,
    supervisor_kib: f64,
}

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pods, cpu_percent, daemon, idle_mib, supervisor_kib } = self;
        let part_kib = (daemon.anonymous_mib() - idle_mib) * 1024.0 / *pods as f64;
        write!(
            f,
            "{pods} pods with three probes a second each: daemon {cpu_percent:.1} % of a core (goal: under 5 %), {}; \
             a pod: {supervisor_kib:.0} KiB its supervisor, {part_kib:.0} KiB of the daemon's heap and stacks",
            daemon.in_words(),
        )
    }
}

/// Two containers: one serves and has two probes, the other asks it through the pod's own network.
fn manifest(number: usize) -> Value {
    let probe = |how: &str, action: Value| json!({how: action, "periodSeconds": 1, "timeoutSeconds": 10});
    let http = || probe("httpGet", json!({"path": "/", "port": 8080}));
    let tcp = || probe("tcpSocket", json!({"port": 8080}));
    let container =
        |name: &str, command: Value| json!({"name": name, "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": command});
    let mut server = container("server", json!(["/bin/demo-server"]));
    (server["livenessProbe"], server["readinessProbe"]) = (http(), tcp());
    let mut idle = container("idle", json!(["/bin/demo-server", "stamp"]));
    idle["readinessProbe"] = tcp();
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("bench-probed-{number}")},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [server, idle]},
    })
}

/// Runs them for a while.
pub async fn measure(pods: usize, skiff: &mut Skiff) -> Result<Probed> {
    let is_ready = |pod: &Value| {
        let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    let idle_mib = skiff.daemon_memory()?.anonymous_mib();
    skiff.create_all((0..pods).map(manifest).collect(), is_ready).await?;
    let (cpu_ms, begin) = (skiff.daemon_cpu_ms()?, Instant::now());
    tokio::time::sleep(SPAN).await;
    let cpu_percent = (skiff.daemon_cpu_ms()? - cpu_ms) / begin.elapsed().as_secs_f64() / 10.0;
    let (daemon, supervisors) = (skiff.daemon_memory()?, skiff.supervisor_memory()?);
    let names: Vec<String> = (0..pods).map(|number| format!("bench-probed-{number}")).collect();
    skiff.delete_pods(&names).await?;
    Ok(Probed { pods, cpu_percent, daemon, idle_mib, supervisor_kib: supervisors.all_kib() / pods as f64 })
}
