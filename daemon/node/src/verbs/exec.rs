//! What is done inside of a pod: programs in its containers, their files, connections to its ports.
//!
//! Which container, and the words: `pkg/registry/core/pod/strategy.go` (`streamLocation`), `pkg/kubelet/kubelet_pods.go` (`RunInContainer`),
//! `pkg/kubelet/server/server.go` (`getExec`).

use super::Verbs;
use super::logs::{attempt_of, container_name, instance};
use crate::streams::{Attach, Containers, Duplex, Program, Running, Standard, Transfer};
use archive::{Folders, Modes};
use k8s_openapi::api::core::v1::Pod;
use objects::{Kind, Status};
use runtime::protocol::Since;
use std::sync::Arc;
use wire::{AttachRequest, CopyRequest, ExecRequest, HostExecRequest, PortForwardRequest, TerminalSize};

impl Verbs {
    /// Runs a program in a container.
    ///
    /// # Errors
    /// 404 for a pod that is not there and a container that does not run, 400 for a request that names none, and whatever keeps the
    /// program from being run.
    pub async fn exec(&self, request: ExecRequest) -> Result<Duplex, Status> {
        let pod = self.own_pod(&request.namespace, &request.pod)?;
        if request.command.first().is_none_or(String::is_empty) {
            return Err(Status::bad_request("you must specify at least one command for the container"));
        }
        let running = self.running(pod, request.container.as_deref())?;
        let streams = standard(request.tty, request.stdin, request.size);
        self.containers()?.exec(running, Program { argv: request.command, streams }).await
    }

    /// Hears what a container writes, and writes to it.
    ///
    /// # Errors
    /// 404 for a pod that is not there and a container that does not run.
    pub async fn attach(&self, request: AttachRequest) -> Result<Duplex, Status> {
        let pod = self.own_pod(&request.namespace, &request.pod)?;
        let running = self.running(pod, request.container.as_deref())?;
        let since = if request.from_start { Since::Start } else { Since::Now };
        self.containers()?.attach(running, Attach { stdin: request.stdin, size: request.size, since }).await
    }

    /// Runs a program of this machine in the namespaces of a pod, or in the machine's own.
    ///
    /// # Errors
    /// 404 for a pod that is not there and a container that does not run, and whatever keeps the program from being run.
    pub async fn host_exec(&self, request: HostExecRequest) -> Result<Duplex, Status> {
        let running = match request.pod.is_empty() {
            true => None,
            false => {
                let pod = self.own_pod(&request.namespace, &request.pod)?;
                let first = pod.spec.as_ref().and_then(|spec| spec.containers.first()).map(|container| container.name.clone());
                Some(self.running(pod, request.container.or(first).as_deref())?)
            }
        };
        let streams = standard(request.tty, request.stdin, request.size);
        self.containers()?.exec_on_host(running, Program { argv: request.command, streams }).await
    }

    /// Copies files to or from a container.
    ///
    /// # Errors
    /// 404 for a pod that is not there and a container that does not run, 400 for a request without a path.
    pub async fn copy(&self, request: CopyRequest) -> Result<Duplex, Status> {
        let pod = self.own_pod(&request.namespace, &request.pod)?;
        if request.path.is_empty() {
            return Err(Status::bad_request("you must specify a file or folder of the container"));
        }
        let running = self.running(pod, request.container.as_deref())?;
        let modes = if request.no_preserve { Modes::New } else { Modes::Kept };
        let folders = if request.is_content { Folders::Over } else { Folders::Inside };
        self.containers()?.copy(running, Transfer { direction: request.direction, path: request.path, folders, modes }).await
    }

    /// Connects to a port of a pod.
    ///
    /// # Errors
    /// 404 for a pod that is not there, 400 for one that does not run, and why there is no connection.
    pub async fn port_forward(&self, request: PortForwardRequest) -> Result<Duplex, Status> {
        let pod = self.own_pod(&request.namespace, &request.pod)?;
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending");
        if phase != "Running" {
            return Err(Status::bad_request(format!(
                "unable to forward port because pod is not running. Current status={phase}"
            )));
        }
        self.containers()?.connect(pod, request.port).await
    }

    /// The container that is meant, if it runs.
    fn running(&self, pod: Arc<Pod>, wanted: Option<&str>) -> Result<Running, Status> {
        let container = container_name(&pod, wanted)?;
        match instance(&pod, &container, false) {
            Ok(found) if found.is_running => Ok(Running { pod, container, attempt: found.attempt }),
            _ => match hooked(&pod, &container) {
                Some(attempt) => Ok(Running { pod, container, attempt }),
                None => Err(not_running(&container)),
            },
        }
    }

    pub(super) fn containers(&self) -> Result<Arc<dyn Containers>, Status> {
        self.containers.clone().ok_or_else(|| Status::unavailable(format!("node {} runs no pods", self.node_name)))
    }

    /// Whether a pod is on this node, where something of it is asked for.
    ///
    /// # Errors
    /// As for what is asked of it.
    pub fn check_placed(&self, namespace: &str, name: &str) -> Result<(), Status> {
        self.own_pod(namespace, name).map(|_| ())
    }

    /// A pod of this node.
    pub(super) fn own_pod(&self, namespace: &str, name: &str) -> Result<Arc<Pod>, Status> {
        let found = self.store.get(&super::key(Kind::Pod, namespace, name)).ok_or_else(|| Status::not_found(Kind::Pod, name))?;
        let pod: Pod = found.parse().map_err(|error| super::unreadable(&error))?;
        match pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default() {
            "" => Err(Status::bad_request(format!("pod {name} does not have a host assigned"))),
            // Whoever carried the request here knows less, or more, of where the pod is than we do.
            node if node != self.node_name => {
                let message = format!("pod {name} is on node {node}, not on node {}; try again", self.node_name);
                Err(Status::unavailable(message))
            }
            _ => Ok(Arc::new(pod)),
        }
    }
}

/// The instance of a container that is shown as waiting and runs all the same: until its `postStart` hook has ended. One that
/// waits for its back-off shows the id of the instance that ended.
fn hooked(pod: &Pod, container: &str) -> Option<u32> {
    let status = pod.status.as_ref()?;
    let lists = [&status.container_statuses, &status.init_container_statuses];
    let found = lists.into_iter().flatten().flatten().find(|status| status.name == container)?;
    found.state.as_ref()?.waiting.as_ref()?;
    let ended = found.last_state.as_ref().and_then(|last| last.terminated.as_ref()?.container_id.as_deref());
    found.container_id.as_deref().filter(|id| Some(*id) != ended).and_then(attempt_of)
}

fn standard(tty: bool, stdin: bool, size: Option<TerminalSize>) -> Standard {
    match (tty, stdin) {
        (true, _) => Standard::Terminal(size),
        (false, true) => Standard::All,
        (false, false) => Standard::Output,
    }
}

/// What the kubelet says of a container that it does not find running.
pub fn not_running(container: &str) -> Status {
    let message = format!("unable to upgrade connection: container not found (\"{container}\")");
    Status { code: 404, reason: String::new(), message, details: None }
}

#[cfg(test)]
mod tests {
    use super::hooked;
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    fn check(status: &Value) -> Option<u32> {
        let pod = json!({"spec": {"containers": []}, "status": {"containerStatuses": [status]}});
        hooked(&serde_json::from_value::<Pod>(pod).expect("a pod"), "c")
    }

    #[test]
    fn a_container_can_be_entered_while_its_start_hook_runs_and_not_in_back_off() {
        let mut status = json!({"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 2,
            "containerID": "skiff://u/c/2", "state": {"waiting": {"reason": "ContainerCreating"}},
            "lastState": {"terminated": {"exitCode": 1, "containerID": "skiff://u/c/1"}}});
        assert_eq!(check(&status), Some(2));
        status["lastState"]["terminated"]["containerID"] = json!("skiff://u/c/2");
        assert_eq!(check(&status), None);
        status["state"] = json!({"terminated": {"exitCode": 0}});
        assert_eq!(check(&status), None);
        assert_eq!(
            check(&json!({"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff"}}})),
            None
        );
    }
}
