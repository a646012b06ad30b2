//! Validation of probes and lifecycle hooks.

use super::faults::{Faults, Path};
use crate::names;
use k8s_openapi::api::core::v1::{
    Container, ExecAction, GRPCAction, HTTPGetAction, LifecycleHandler, PodSpec, Probe, SleepAction, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// What a probe or hook does: one of these.
#[derive(Default)]
struct Handler<'a> {
    exec: Option<&'a ExecAction>,
    http: Option<&'a HTTPGetAction>,
    tcp: Option<&'a TCPSocketAction>,
    grpc: Option<&'a GRPCAction>,
    sleep: Option<&'a SleepAction>,
}

/// Checks the three probes of a container.
pub(super) fn validate_probes(container: &Container, spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let probes = [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ];
    for (name, probe) in probes {
        let Some(probe) = probe else { continue };
        let path = path.child(name);
        validate_probe(probe, spec, &path, faults);
        let successes = probe.success_threshold.unwrap_or(0);
        match (name, probe.termination_grace_period_seconds) {
            ("readinessProbe", Some(seconds)) => {
                faults.invalid(&path.child("terminationGracePeriodSeconds"), &seconds, "must not be set for readinessProbes");
            }
            ("readinessProbe", None) => {}
            _ if successes != 1 => faults.invalid(&path.child("successThreshold"), &successes, "must be 1"),
            _ => {}
        }
    }
}

fn validate_probe(probe: &Probe, spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let handler = Handler {
        exec: probe.exec.as_ref(),
        http: probe.http_get.as_ref(),
        tcp: probe.tcp_socket.as_ref(),
        grpc: probe.grpc.as_ref(),
        sleep: None,
    };
    validate_handler(&handler, spec, path, faults);
    let numbers = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (field, number) in numbers {
        faults.not_negative(&path.child(field), i64::from(number.unwrap_or(0)));
    }
    if let Some(seconds) = probe.termination_grace_period_seconds.filter(|seconds| *seconds <= 0) {
        faults.invalid(&path.child("terminationGracePeriodSeconds"), &seconds, "must be greater than 0");
    }
}

/// Checks the hooks of a container.
pub(super) fn validate_lifecycle(container: &Container, spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let Some(lifecycle) = &container.lifecycle else { return };
    let path = path.child("lifecycle");
    for (name, hook) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
        if let Some(hook) = hook {
            validate_handler(&of_hook(hook), spec, &path.child(name), faults);
        }
    }
    if lifecycle.stop_signal.is_some() && spec.os.is_none() {
        faults.forbidden(&path.child("stopSignal"), "may not be set for containers with empty `spec.os.name`");
    }
}

fn of_hook(hook: &LifecycleHandler) -> Handler<'_> {
    Handler {
        exec: hook.exec.as_ref(),
        http: hook.http_get.as_ref(),
        tcp: hook.tcp_socket.as_ref(),
        grpc: None,
        sleep: hook.sleep.as_ref(),
    }
}

fn validate_handler(handler: &Handler<'_>, spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let set = [
        ("exec", handler.exec.is_some()),
        ("httpGet", handler.http.is_some()),
        ("tcpSocket", handler.tcp.is_some()),
        ("grpc", handler.grpc.is_some()),
        ("sleep", handler.sleep.is_some()),
    ];
    let mut set = set.into_iter().filter(|(_, is_set)| *is_set);
    let Some((first, _)) = set.next() else { return faults.required(path, "must specify a handler type") };
    {
        let path = path.child(first);
        match first {
            "exec" if handler.exec.is_some_and(|exec| exec.command.as_ref().is_none_or(Vec::is_empty)) => {
                faults.required(&path.child("command"), "");
            }
            "httpGet" => http(handler.http, &path, faults),
            "tcpSocket" => {
                if let Some(tcp) = handler.tcp {
                    port(&tcp.port, &path.child("port"), faults);
                }
            }
            "grpc" => {
                if let Some(grpc) = handler.grpc {
                    port(&IntOrString::Int(grpc.port), &path.child("port"), faults);
                }
            }
            "sleep" => sleep(handler.sleep, spec, &path, faults),
            _ => {}
        }
    }
    for (other, _) in set {
        faults.forbidden(&path.child(other), "may not specify more than 1 handler type");
    }
}

fn http(http: Option<&HTTPGetAction>, path: &Path<'_>, faults: &mut Faults) {
    let Some(http) = http else { return };
    if http.path.as_deref().unwrap_or_default().is_empty() {
        faults.required(&path.child("path"), "");
    }
    port(&http.port, &path.child("port"), faults);
    faults.one_of(&path.child("scheme"), http.scheme.as_deref().unwrap_or_default(), &["HTTP", "HTTPS"]);
    for header in http.http_headers.iter().flatten() {
        faults.invalid_each(&path.child("httpHeaders"), &header.name, names::http_header(&header.name));
    }
}

fn port(port: &IntOrString, path: &Path<'_>, faults: &mut Faults) {
    match port {
        IntOrString::Int(number) => faults.invalid_each(path, number, names::port_number(i64::from(*number))),
        IntOrString::String(name) => faults.invalid_each(path, name, names::port_name(name)),
    }
}

fn sleep(sleep: Option<&SleepAction>, spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let (Some(sleep), Some(grace)) = (sleep, spec.termination_grace_period_seconds) else { return };
    if sleep.seconds < 0 || sleep.seconds > grace {
        let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        faults.invalid(path, &sleep.seconds, &detail);
    }
}
