//! Starts and removes a pod's sandbox, and starts containers in it.

use super::folders::{FolderError, Folders};
use super::machinery::Machinery;
use super::observe::PodMarks;
use super::volumes::{self, SubPathError, VolumeError};
use crate::assemble::{self, AssembleError, ContainerPaths, ContainerResources, ContainerStart, PodContext, Variables};
use crate::errors::chain;
use crate::sources::Sources;
use k8s_openapi::api::core::v1::{Container, Pod, ResourceRequirements};
use runtime::cgroup::{CgroupError, DevicePolicy, Qos, Resources};
use runtime::image::ImageRecord;
use runtime::network::{NetworkError, PodNetwork};
use runtime::protocol::{ExecSpec, ExecStreams};
use runtime::sandbox::{self, SandboxError, SupervisorConnection};
use runtime::spec::ContainerSpec;
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;

/// The most processes of a container: enough for any program that is not a fork bomb.
const CONTAINER_PIDS: u64 = 32_768;

/// Why a pod has no sandbox: the message of `FailedCreatePodSandBox`.
#[derive(Debug, thiserror::Error)]
pub enum SandboxStartError {
    /// Its folders.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its network.
    #[error("cannot set up the pod's network")]
    Network(#[from] NetworkError),
    /// Its control groups.
    #[error("cannot make the pod's control groups")]
    Cgroup(#[from] CgroupError),
    /// One of its volumes: the message of `FailedMount`.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// What a restarted daemon has to know of it.
    #[error("cannot write down the pod's addresses")]
    Marks(#[source] io::Error),
    /// Its supervisor.
    #[error(transparent)]
    Supervisor(#[from] SandboxError),
}

/// A sandbox that was just started.
#[derive(Debug)]
pub struct Sandbox {
    /// To its supervisor.
    pub connection: SupervisorConnection,
    /// Its number and the pod's addresses.
    pub marks: PodMarks,
}

/// Makes the pod's folders, network and control groups and starts its supervisor. What a failure leaves behind is removed by
/// [`remove`], or found by the next try.
///
/// # Errors
/// See [`SandboxStartError`].
pub async fn start(
    machinery: &Arc<Machinery>,
    (pod, sources): (&Arc<Pod>, Sources),
    folders: &Folders,
    number: u32,
) -> Result<Sandbox, SandboxStartError> {
    let uid = uid_of(pod).to_owned();
    let (owned, owned_pod, owned_folders) = (machinery.clone(), pod.clone(), folders.clone());
    let network = machinery.blocking(move || prepare(&owned, (&owned_pod, &sources), &owned_folders)).await?;
    // Before there is a supervisor that a restarted daemon could find: it must not take it for an earlier sandbox, or for one without
    // addresses.
    let marks = PodMarks { sandbox: number, ips: network.iter().map(|network| network.ip.to_string()).collect() };
    marks.write(folders).map_err(SandboxStartError::Marks)?;
    let spec = assemble::sandbox(pod, &uid, folders.run_dir.clone(), machinery.cgroups.supervisors());
    let netns = network.as_ref().map(|network| network.netns.as_fd());
    let connection = sandbox::start(&machinery.supervisor, &spec, netns).await?;
    Ok(Sandbox { connection, marks })
}

fn prepare(
    machinery: &Machinery,
    (pod, sources): (&Pod, &Sources),
    folders: &Folders,
) -> Result<Option<PodNetwork>, SandboxStartError> {
    let uid = uid_of(pod);
    folders.prepare(pod, machinery.memory_bytes)?;
    volumes::write(&pod_context(machinery, folders, pod, &[]), sources)?;
    let resources = kernel_resources(&assemble::pod_resources(pod));
    let resources = Resources { pids_max: machinery.pod_max_pids, ..resources };
    machinery.cgroups.create_pod(uid, qos(pod), &resources)?;
    if is_host_network(pod) {
        folders.write_files(pod, &[machinery.host_ip])?;
        return Ok(None);
    }
    // An address of an earlier sandbox goes back first: that sandbox is gone.
    machinery.network.release(uid)?;
    let network = machinery.network.take(uid)?;
    machinery.network_taken.notify_one();
    folders.write_files(pod, &[IpAddr::V4(network.ip)])?;
    Ok(Some(network))
}

/// Why a container was not started, and in which of Kubernetes' words that is told.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// Its manifest: `CreateContainerConfigError`.
    #[error(transparent)]
    Config(#[from] AssembleError),
    /// A part of a volume: `CreateContainerConfigError`.
    #[error(transparent)]
    SubPath(#[from] SubPathError),
    /// Its folders: `CreateContainerError`.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its control groups: `CreateContainerError`.
    #[error("cannot make the container's control groups")]
    Cgroup(#[from] CgroupError),
}

/// One start of one container, as the worker asks for it.
#[derive(Debug, Clone)]
pub struct ContainerRequest {
    /// The pod.
    pub pod: Arc<Pod>,
    /// The container.
    pub container: Container,
    /// Its restart count.
    pub attempt: u32,
    /// Its image.
    pub image: ImageRecord,
    /// The pod's addresses.
    pub ips: Vec<IpAddr>,
}

impl ContainerRequest {
    fn context<'a>(&'a self, machinery: &'a Machinery, folders: &'a Folders, variables: Variables<'a>) -> PodContext<'a> {
        PodContext { variables, ..pod_context(machinery, folders, &self.pod, &self.ips) }
    }
}

/// Makes everything for a container's start and assembles what its supervisor is told.
///
/// # Errors
/// See [`ContainerError`].
pub async fn create_container(
    machinery: &Arc<Machinery>,
    folders: &Folders,
    (request, sources): (ContainerRequest, Sources),
) -> Result<ContainerSpec, ContainerError> {
    let (owned, folders) = (machinery.clone(), folders.clone());
    machinery.blocking(move || create(&owned, &folders, &request, &sources)).await
}

static NO_FILES: BTreeSet<String> = BTreeSet::new();

/// What assembly needs to know, without variables.
pub fn pod_context<'a>(machinery: &'a Machinery, folders: &'a Folders, pod: &'a Pod, pod_ips: &'a [IpAddr]) -> PodContext<'a> {
    PodContext {
        pod,
        node_name: &machinery.node_name,
        host_ip: machinery.host_ip,
        pod_ips,
        pod_dir: &folders.pod_dir,
        log_dir: &folders.log_dir,
        node_memory_bytes: machinery.memory_bytes,
        node_cpu_milli: machinery.cpu_milli,
        variables: Variables::Kept(&[]),
        host_files: &NO_FILES,
        log_max_bytes: machinery.log_max_bytes,
        log_max_files: machinery.log_max_files,
    }
}

fn create(
    machinery: &Machinery,
    folders: &Folders,
    request: &ContainerRequest,
    sources: &Sources,
) -> Result<ContainerSpec, ContainerError> {
    let (container, attempt) = (&request.container, request.attempt);
    let host_files = volumes::host_files(&request.pod);
    let context = request.context(machinery, folders, Variables::From(sources));
    let context = PodContext { host_files: &host_files, ..context };
    folders.forget_old_attempts(&container.name, attempt);
    folders.prepare_container(&ContainerPaths::new(&context, &container.name, attempt))?;
    let is_privileged = container.security_context.as_ref().is_some_and(|context| context.privileged == Some(true));
    let devices = if is_privileged { DevicePolicy::Everything } else { DevicePolicy::Default };
    let resources = kernel_resources(&assemble::container_resources(container));
    let resources = Resources { pids_max: Some(CONTAINER_PIDS), ..resources };
    let cgroup =
        machinery.cgroups.create_container(uid_of(&request.pod), &group_name(&container.name, attempt), &resources, devices)?;
    let start = ContainerStart { container, attempt, image: &request.image.config, layers: request.image.layers.clone(), cgroup };
    let mut spec = assemble::container(&context, start)?;
    volumes::make_parts(container, &spec.mounts)?;
    folders.keep_variables(&container.name, attempt, &spec.env)?;
    if container.tty == Some(true) {
        assemble::name_terminal(&mut spec.env);
    }
    Ok(spec)
}

/// What the supervisor is told to run beside a container that runs.
///
/// # Errors
/// Why the container's definition cannot be put together.
pub fn exec_spec(
    machinery: &Machinery,
    folders: &Folders,
    request: &ContainerRequest,
    argv: &[String],
    streams: ExecStreams,
) -> Result<ExecSpec, String> {
    let group = group_name(&request.container.name, request.attempt);
    let cgroup = machinery.cgroups.find_container(uid_of(&request.pod), &group).map_err(|error| chain(&error))?;
    let (container, attempt) = (&request.container, request.attempt);
    let kept = folders.kept_variables(&container.name, attempt).map_err(|error| chain(&error))?;
    let nothing = Sources::default();
    let variables = kept.as_deref().map_or(Variables::From(&nothing), Variables::Kept);
    let context = request.context(machinery, folders, variables);
    let start = ContainerStart { container, attempt, image: &request.image.config, layers: Vec::new(), cgroup };
    let mut process = assemble::container(&context, start).map_err(|error| error.to_string())?;
    process.argv = argv.to_vec();
    process.mounts.clear();
    Ok(ExecSpec { streams, process })
}

/// Gives a container that runs, and its pod, other resources.
///
/// # Errors
/// Of the control groups: memory that is in use cannot be taken away, for one.
pub async fn resize(
    machinery: &Arc<Machinery>,
    pod: &Arc<Pod>,
    (container, attempt): (&str, u32),
    resources: &ResourceRequirements,
) -> Result<(), CgroupError> {
    let (owned, pod, group) = (machinery.clone(), pod.clone(), group_name(container, attempt));
    let wanted = kernel_resources(&assemble::amounts(resources));
    machinery
        .blocking(move || {
            let whole = kernel_resources(&assemble::pod_resources(&pod));
            // What grows has to grow in the pod first, what shrinks in the container: one of the two is refused, and helped by the other.
            let first = owned.cgroups.create_pod(uid_of(&pod), qos(&pod), &whole);
            owned.cgroups.resize_container(uid_of(&pod), &group, &wanted)?;
            first.or_else(|_| owned.cgroups.create_pod(uid_of(&pod), qos(&pod), &whole))
        })
        .await
}

/// After a container ended: removes its control groups and its changes to the image.
pub async fn clean_container(machinery: &Arc<Machinery>, folders: &Folders, pod: &Arc<Pod>, name: &str, attempt: u32) {
    let (owned, folders, pod, name) = (machinery.clone(), folders.clone(), pod.clone(), name.to_owned());
    machinery
        .blocking(move || {
            // Both are tried again when the pod goes.
            if let Err(error) = owned.cgroups.remove_container(uid_of(&pod), &group_name(&name, attempt)) {
                tracing::debug!(pod = uid_of(&pod), container = name, %error, "cannot remove a container's control groups");
            }
            folders.drop_changes(&name, attempt);
        })
        .await;
}

/// Takes a sandbox away: every process, the control groups, the address. Files stay. Again is fine. Blocks.
///
/// # Errors
/// See [`SandboxStartError`]: try again later.
pub fn clear(machinery: &Machinery, uid: &str, folders: &Folders) -> Result<(), SandboxStartError> {
    folders.kill_supervisor()?;
    machinery.cgroups.remove(uid)?;
    machinery.network.release(uid)?;
    Ok(())
}

/// Removes everything of a pod: its sandbox, volumes, files and logs. Again is fine.
///
/// # Errors
/// See [`SandboxStartError`]: try again later.
pub async fn remove(machinery: &Arc<Machinery>, uid: &str, folders: &Folders) -> Result<(), SandboxStartError> {
    let (owned, uid, folders) = (machinery.clone(), uid.to_owned(), folders.clone());
    machinery
        .blocking(move || {
            clear(&owned, &uid, &folders)?;
            folders.remove()?;
            Ok(folders.remove_logs()?)
        })
        .await
}

/// The pod's uid; admission gives every pod one.
pub fn uid_of(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

/// Whether the pod uses the node's network.
pub fn is_host_network(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| spec.host_network == Some(true))
}

fn group_name(container: &str, attempt: u32) -> String {
    format!("{container}-{attempt}")
}

fn qos(pod: &Pod) -> Qos {
    match assemble::qos(pod) {
        assemble::Qos::Guaranteed => Qos::Guaranteed,
        assemble::Qos::Burstable => Qos::Burstable,
        assemble::Qos::BestEffort => Qos::BestEffort,
    }
}

fn kernel_resources(wanted: &ContainerResources) -> Resources {
    Resources {
        cpu_request_milli: wanted.cpu_request_milli,
        cpu_limit_milli: wanted.cpu_limit_milli,
        memory_limit_bytes: wanted.memory_limit_bytes,
        pids_max: None,
    }
}
