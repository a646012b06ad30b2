//! Reaches into the pods that run here: programs beside a container's own, files, connections to a pod's ports.

use super::machinery::Machinery;
use super::sandbox::{self, ContainerRequest};
use crate::assemble;
use crate::errors::chain;
use crate::images::Images;
use crate::probes::history::{ProbeTotals, ProbesOfPod};
use crate::streams::{Attach, Containers, Duplex, Ending, Program, Running, Standard, Transfer};
use crate::verbs::not_running;
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use objects::Status;
use objects::ephemeral::as_container;
use runtime::image::ImageRecord;
use runtime::network::connect_inside;
use runtime::protocol::{ContainerId, ExecStreams, RunState};
use runtime::sandbox::{Exec, PID_FILE, SandboxError, SupervisorConnection, SupervisorId};
use runtime::terminal::Terminal;
use rustix::fs::{Mode, OFlags, open};
use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::unix::pipe;
use wire::{NodeUsage, StreamEnd, TerminalSize, channel};

/// How long a port may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

impl Containers for Machinery {
    fn exec(self: Arc<Self>, container: Running, program: Program) -> BoxFuture<'static, Result<Duplex, Status>> {
        Box::pin(async move { self.run_beside(&container, program).await })
    }

    fn attach(self: Arc<Self>, container: Running, how: Attach) -> BoxFuture<'static, Result<Duplex, Status>> {
        Box::pin(async move { self.attach_to(&container, how).await })
    }

    fn exec_on_host(self: Arc<Self>, container: Option<Running>, program: Program) -> BoxFuture<'static, Result<Duplex, Status>> {
        Box::pin(async move { self.run_on_host(container.as_ref(), program).await })
    }

    fn copy(self: Arc<Self>, container: Running, transfer: Transfer) -> BoxFuture<'static, Result<Duplex, Status>> {
        Box::pin(async move { self.copy_files(&container, &transfer).await })
    }

    fn connect(self: Arc<Self>, pod: Arc<Pod>, port: u16) -> BoxFuture<'static, Result<Duplex, Status>> {
        Box::pin(async move { self.connect_inside(&pod, port).await })
    }

    fn usage(self: Arc<Self>, pods: Vec<Arc<Pod>>) -> BoxFuture<'static, Result<NodeUsage, Status>> {
        Box::pin(crate::usage::measure(self, pods))
    }

    fn probe_totals(&self) -> ProbeTotals {
        self.probes.totals()
    }

    fn probes(&self, uid: &str) -> ProbesOfPod {
        self.probes.of(uid)
    }
}

impl Machinery {
    async fn run_beside(&self, container: &Running, program: Program) -> Result<Duplex, Status> {
        let folders = self.folders(&container.pod);
        let request = self.request_of(container)?;
        let kind = match program.streams {
            Standard::Output => ExecStreams::Output,
            Standard::All => ExecStreams::All,
            Standard::Terminal(_) => ExecStreams::Terminal,
        };
        let mut spec = sandbox::exec_spec(self, &folders, &request, &program.argv, kind).map_err(|why| refused(&why))?;
        let Streams { inner, input, outputs, resize } = match program.streams {
            Standard::Terminal(size) => {
                assemble::name_terminal(&mut spec.process.env);
                let root = self.inside(container).await?.root;
                with_terminal(&root, size).map_err(|error| refused(&format!("cannot make a terminal: {error}")))?
            }
            _ => with_pipes(kind).map_err(|error| refused(&format!("cannot make pipes: {error}")))?,
        };
        let descriptors: Vec<_> = inner.iter().map(AsFd::as_fd).collect();
        let started = Exec::start(&folders.run_dir, spec, &descriptors).await;
        // Only the program holds the other ends now.
        drop(descriptors);
        drop(inner);
        let mut exec = started.map_err(|error| match error {
            SandboxError::Start(failure) => refused(&failure.to_string()),
            SandboxError::Refused(_) | SandboxError::Connect { .. } | SandboxError::Gone => not_running(&container.container),
            other => refused(&chain(&other)),
        })?;
        let end = Box::pin(async move {
            match exec.wait().await {
                Ok(exit) => StreamEnd::Exited { code: exit.code },
                Err(error) => StreamEnd::Failed { status: refused(&chain(&error)) },
            }
        });
        Ok(Duplex { input, outputs, resize, ending: Ending::Known(end) })
    }

    /// A connection from inside of the pod to its own loopback address, as the kubelet's runtimes make it.
    async fn connect_inside(&self, pod: &Pod, port: u16) -> Result<Duplex, Status> {
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        let failed = |why: &str| {
            let inside = format!("failed to execute portforward in network namespace: {why}");
            Status::internal(format!("error forwarding port {port} to pod {uid}, uid : {inside}"))
        };
        let namespace = self.network_of(pod).map_err(|error| failed(&format!("the pod has no sandbox: {error}")))?;
        let connect = connect_inside(namespace, port);
        let connected =
            tokio::time::timeout(CONNECT_TIMEOUT, connect).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = connected.map_err(|error| {
            failed(&format!(
                "failed to connect to localhost:{port} inside namespace {uid:?}, IPv4: dial tcp4 127.0.0.1:{port}: {error}"
            ))
        })?;
        let (source, sink) = stream.into_split();
        let outputs: Vec<(u8, crate::streams::Source)> = vec![(channel::STDOUT, Box::new(source))];
        Ok(Duplex { input: Some(Box::new(sink)), outputs, resize: None, ending: Ending::BothWays })
    }

    /// The network that a pod's supervisor holds.
    fn network_of(&self, pod: &Pod) -> io::Result<OwnedFd> {
        let supervisor = SupervisorId::read(&self.folders(pod).run_dir.join(PID_FILE))?;
        let namespace = open(format!("/proc/{}/ns/net", supervisor.pid), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        // It is there still, so nobody else has had its number.
        if supervisor.is_alive() { Ok(namespace) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// What the worker has of a container that it started: its definition, and the image that it runs.
    fn request_of(&self, running: &Running) -> Result<ContainerRequest, Status> {
        let (pod, name) = (&running.pod, running.container.as_str());
        let container = definition(pod, name).ok_or_else(|| not_running(name))?;
        let image = self.image_of(pod, &container).ok_or_else(|| refused("its image was removed"))?;
        let ips = pod.status.iter().flat_map(|status| status.pod_ips.iter().flatten());
        let ips: Vec<IpAddr> = ips.filter_map(|ip| ip.ip.parse().ok()).collect();
        Ok(ContainerRequest { pod: pod.clone(), container, attempt: running.attempt, image, ips })
    }

    /// Where a container's programs begin: what its paths without a slash at their beginning are below.
    pub(super) fn working_folder(&self, running: &Running) -> Result<PathBuf, Status> {
        let (folders, request) = (self.folders(&running.pod), self.request_of(running)?);
        let spec = sandbox::exec_spec(self, &folders, &request, &[], ExecStreams::Output).map_err(|why| refused(&why))?;
        Ok(spec.process.cwd)
    }

    fn image_of(&self, pod: &Pod, container: &Container) -> Option<ImageRecord> {
        let by_id = status_of(pod, &container.name).and_then(|status| self.images.find_id(&status.image_id));
        by_id.or_else(|| self.images.find(&Images::parse(container.image.as_deref()?).ok()?))
    }

    /// The way into a container that runs.
    pub(super) async fn inside(&self, running: &Running) -> Result<Inside, Status> {
        let gone = || not_running(&running.container);
        let mut connection = SupervisorConnection::connect(&self.folders(&running.pod).run_dir).await.map_err(|_| gone())?;
        let id = ContainerId { name: running.container.clone(), attempt: running.attempt };
        let pid = pid_of(&mut connection, &id).await.ok_or_else(gone)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(format!("/proc/{pid}/root"), flags, Mode::empty()).map_err(|_| gone())?;
        // It still has that number, so it had it all the time: what was opened is its own.
        match pid_of(&mut connection, &id).await {
            Some(now) if now == pid => Ok(Inside { root, pid }),
            _ => Err(gone()),
        }
    }
}

/// The way into a container.
pub(super) struct Inside {
    /// Its root folder, with all that is mounted there.
    pub(super) root: OwnedFd,
    /// Its first process, as it was when the root was opened.
    pub(super) pid: i32,
}

/// The newest instance of a container, if it runs.
pub(super) async fn running_id(connection: &mut SupervisorConnection, name: &str) -> Option<ContainerId> {
    let known = connection.status().await.ok()?;
    let running = known.into_iter().find(|known| known.container.name == name)?;
    matches!(running.state, RunState::Running(_)).then_some(running.container)
}

async fn pid_of(connection: &mut SupervisorConnection, id: &ContainerId) -> Option<i32> {
    let known = connection.status().await.ok()?;
    known.into_iter().find(|known| known.container == *id).and_then(|known| match known.state {
        RunState::Running(started) => Some(started.pid),
        RunState::Starting | RunState::Exited(_) => None,
    })
}

fn definition(pod: &Pod, name: &str) -> Option<Container> {
    let spec = pod.spec.as_ref()?;
    let mut plain_ones = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let ephemeral = || spec.ephemeral_containers.iter().flatten().find(|container| container.name == name).map(as_container);
    plain_ones.find(|container| container.name == name).cloned().or_else(ephemeral)
}

fn status_of<'a>(pod: &'a Pod, name: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    let (app, init) = (status.container_statuses.iter().flatten(), status.init_container_statuses.iter().flatten());
    app.chain(init).chain(status.ephemeral_container_statuses.iter().flatten()).find(|status| status.name == name)
}

/// As the API server passes on what a runtime says.
fn refused(why: &str) -> Status {
    Status::internal(format!("error executing command in container: failed to exec in container: {why}"))
}

/// Both ends of a program's standard streams.
pub(super) struct Streams {
    pub(super) inner: Vec<OwnedFd>,
    pub(super) input: Option<crate::streams::Sink>,
    pub(super) outputs: Vec<(u8, crate::streams::Source)>,
    pub(super) resize: Option<crate::streams::Resize>,
}

/// A terminal of the container with this root.
pub(super) fn with_terminal(root: &OwnedFd, size: Option<TerminalSize>) -> io::Result<Streams> {
    let (terminal, inner) = Terminal::open(root)?;
    if let Some(size) = size {
        terminal.resize(size.columns, size.rows)?;
    }
    let (input, resized) = (terminal.clone(), terminal.clone());
    Ok(Streams {
        inner: vec![inner],
        input: Some(Box::new(input)),
        outputs: vec![(channel::STDOUT, Box::new(terminal))],
        resize: Some(Box::new(move |size| resized.resize(size.columns, size.rows))),
    })
}

pub(super) fn with_pipes(kind: ExecStreams) -> io::Result<Streams> {
    let mut streams = Streams { inner: Vec::new(), input: None, outputs: Vec::new(), resize: None };
    if kind == ExecStreams::All {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        streams.inner.push(reader);
        streams.input = Some(Box::new(pipe::Sender::from_owned_fd(writer)?));
    }
    for channel in [channel::STDOUT, channel::STDERR] {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        streams.inner.push(writer);
        streams.outputs.push((channel, Box::new(pipe::Receiver::from_owned_fd(reader)?)));
    }
    Ok(streams)
}
