//! Runs a probe once: httpGet, tcpSocket and grpc from the node's network, exec in the container (`pkg/kubelet/prober/prober.go`).

pub mod history;
pub mod http;
pub mod words;

mod grpc;
mod tcp;

use crate::expansion::expand;
use crate::pods::program::{Program, Ran};
use control::pod::ProbeVerdict;
use k8s_openapi::api::core::v1::{Container, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::net::IpAddr;
use std::time::Duration;

/// The version of Kubernetes whose behaviour this is, in the names of our clients.
pub const VERSION: &str = "1.36";
/// An error of the probe itself is tried again so often.
const TRIES: usize = 3;

/// What is probed.
#[derive(Debug, Clone)]
pub struct Target {
    /// The pod's address, or the node's where the pod has none of its own.
    pub host: IpAddr,
    /// The container.
    pub container: Container,
    /// Runs commands in it.
    pub program: Program,
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
pub async fn run(probe: &Probe, target: &Target) -> Outcome {
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
        return match port_of(&action.port, &target.container) {
            Ok(port) => tcp::connect(&host, port, limit).await,
            Err(error) => Outcome::new(ProbeVerdict::Unknown, error),
        };
    }
    if let Some(action) = &probe.grpc {
        let service = action.service.as_deref().unwrap_or_default();
        return match port_of(&IntOrString::Int(action.port), &target.container) {
            Ok(port) => grpc::check(&target.host.to_string(), port, service, limit).await,
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
    let lookup = |name: &str| {
        let named = target.container.env.iter().flatten().rev().find(|variable| variable.name == name);
        named.filter(|variable| variable.value_from.is_none()).map(|variable| variable.value.clone().unwrap_or_default())
    };
    let argv: Vec<String> = words.iter().map(|word| expand(word, &lookup)).collect();
    match target.program.run(&argv, Some(limit)).await {
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
