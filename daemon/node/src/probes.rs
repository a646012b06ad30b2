//! Runs a probe once: httpGet, tcpSocket and grpc from the node's network, exec in the container (`pkg/kubelet/prober/prober.go`).

pub mod history;
pub mod http;
pub mod words;

mod dial;
mod grpc;
mod tcp;

use crate::expansion::expand;
use crate::pods::program::{Program, Ran};
use control::pod::{ContainerName, ProbeKind, ProbeVerdict};
use k8s_openapi::api::core::v1::{Container, Pod, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The version of Kubernetes whose behaviour this is, in the names of our clients.
pub const VERSION: &str = "1.36";
/// An error of the probe itself is tried again so often.
const TRIES: usize = 3;

/// What is probed. Hundreds are made each second, so nothing of the pod is copied.
#[derive(Debug, Clone)]
pub struct Target {
    /// The pod's address, or the node's where the pod has none of its own.
    pub host: IpAddr,
    /// The pod.
    pub pod: Arc<Pod>,
    /// The name of its container.
    pub name: ContainerName,
    /// Runs commands in it: for those that are one.
    pub program: Option<Program>,
}

impl Target {
    /// The container.
    ///
    /// # Errors
    /// If the pod has none of that name; only init and app containers have probes and hooks.
    pub fn container(&self) -> Result<&Container, String> {
        let spec = self.pod.spec.as_ref().ok_or("the pod has no spec")?;
        let init = spec.init_containers.as_deref().unwrap_or_default();
        let mut all = spec.containers.iter().chain(init);
        all.find(|container| container.name == *self.name).ok_or_else(|| format!("the pod has no container {}", self.name))
    }

    /// Runs a command in the container.
    ///
    /// # Errors
    /// As [`Program::run`] has it.
    pub async fn run(&self, argv: &[String], limit: Option<Duration>) -> Result<Ran, String> {
        let program = self.program.as_ref().ok_or("the target was made to run nothing")?;
        // Large beside a request to a port, and rare.
        Box::pin(program.run(argv, limit)).await
    }

    /// What a probe of a kind is.
    fn probe(&self, kind: ProbeKind) -> Option<&Probe> {
        let container = self.container().ok()?;
        probe_of(container, kind)
    }
}

/// The probe of a kind that a container has.
pub fn probe_of(container: &Container, kind: ProbeKind) -> Option<&Probe> {
    match kind {
        ProbeKind::Startup => container.startup_probe.as_ref(),
        ProbeKind::Liveness => container.liveness_probe.as_ref(),
        ProbeKind::Readiness => container.readiness_probe.as_ref(),
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: ProbeVerdict,
    /// What the probe said, in the kubelet's words.
    pub output: String,
}

impl Outcome {
    fn new(verdict: ProbeVerdict, output: impl Into<String>) -> Self {
        Self { verdict, output: output.into() }
    }
}

/// Runs a probe. One that cannot be run says so after three tries.
pub async fn run(kind: ProbeKind, target: &Target) -> Outcome {
    let Some(probe) = target.probe(kind) else { return Outcome::new(ProbeVerdict::Unknown, "missing probe handler") };
    let mut outcome = run_once(probe, target).await;
    for _ in 1..TRIES {
        if outcome.verdict != ProbeVerdict::Unknown {
            break;
        }
        outcome = run_once(probe, target).await;
    }
    outcome
}

async fn run_once(probe: &Probe, target: &Target) -> Outcome {
    let seconds = probe.timeout_seconds.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
    let limit = Duration::from_secs(seconds.unwrap_or(1));
    if let Some(exec) = &probe.exec {
        return command(exec.command.as_deref().unwrap_or_default(), target, limit).await;
    }
    if let Some(action) = &probe.http_get {
        let request = match http::Request::of(action, target, &format!("kube-probe/{VERSION}")) {
            Ok(request) => request,
            Err(error) => return Outcome::new(ProbeVerdict::Unknown, error),
        };
        return page(http::get(&request, Some(limit)).await);
    }
    if let Some(action) = &probe.tcp_socket {
        let host = action.host.clone().filter(|host| !host.is_empty()).unwrap_or_else(|| target.host.to_string());
        return match target.container().and_then(|container| port_of(&action.port, container)) {
            Ok(port) => tcp::connect(&host, port, limit).await,
            Err(error) => Outcome::new(ProbeVerdict::Unknown, error),
        };
    }
    if let Some(action) = &probe.grpc {
        let service = action.service.as_deref().unwrap_or_default();
        return match target.container().and_then(|container| port_of(&IntOrString::Int(action.port), container)) {
            // As large as HTTP/2.
            Ok(port) => Box::pin(grpc::check(&target.host.to_string(), port, service, limit)).await,
            Err(error) => Outcome::new(ProbeVerdict::Unknown, error),
        };
    }
    Outcome::new(ProbeVerdict::Unknown, "missing probe handler")
}

/// What a page says of a container: `pkg/probe/http/http.go:DoHTTPProbe`.
fn page(answer: Result<http::Answer, http::Failure>) -> Outcome {
    match answer {
        Ok(answer) => match answer.status {
            200..=299 => Outcome::new(ProbeVerdict::Success, answer.body),
            300..=399 => {
                Outcome::new(ProbeVerdict::Warning, format!("Probe terminated redirects, Response body: {}", answer.body))
            }
            // The body could hold what is not to be read by everybody who may read events.
            status => Outcome::new(ProbeVerdict::Failure, format!("HTTP probe failed with statuscode: {status}")),
        },
        Err(http::Failure::Transport(words)) => Outcome::new(ProbeVerdict::Failure, words),
        Err(http::Failure::Body(words)) => Outcome::new(ProbeVerdict::Unknown, words),
    }
}

async fn command(words: &[String], target: &Target, limit: Duration) -> Outcome {
    // Only variables whose value stands in the manifest are expanded.
    let env = target.container().ok().and_then(|container| container.env.as_deref()).unwrap_or_default();
    let lookup = |name: &str| {
        let named = env.iter().rev().find(|variable| variable.name == name);
        named.filter(|variable| variable.value_from.is_none()).map(|variable| variable.value.clone().unwrap_or_default())
    };
    let argv: Vec<String> = words.iter().map(|word| expand(word, &lookup)).collect();
    match target.run(&argv, Some(limit)).await {
        Ok(Ran::Ended { code: 0, output, .. }) => Outcome::new(ProbeVerdict::Success, output),
        Ok(Ran::Ended { output, .. }) => Outcome::new(ProbeVerdict::Failure, output),
        Ok(Ran::TimedOut) => {
            let words = format!("command timed out: {:?} timed out after {}s", argv.join(" "), limit.as_secs());
            Outcome::new(ProbeVerdict::Failure, words)
        }
        Err(error) => Outcome::new(ProbeVerdict::Unknown, error),
    }
}

/// A port by its number or its name (`pkg/probe/util.go:ResolveContainerPort`).
///
/// # Errors
/// Go's words for a name that no port of the container has.
pub fn port_of(port: &IntOrString, container: &Container) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let named = container.ports.iter().flatten().find(|port| port.name.as_deref() == Some(name));
            match named.map(|port| port.container_port).or_else(|| name.parse().ok()) {
                Some(number) => number,
                None => return Err(format!("strconv.Atoi: parsing {name:?}: invalid syntax")),
            }
        }
    };
    u16::try_from(number).ok().filter(|port| *port > 0).ok_or_else(|| format!("invalid port number: {number}"))
}

#[cfg(test)]
mod tests;
