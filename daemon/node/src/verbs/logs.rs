//! A container's log: which instance is meant, which options are allowed, and the bytes.
//!
//! Which instance: `pkg/kubelet/kubelet_pods.go`, `validateContainerLogStatus`; options: `pkg/apis/core/validation`,
//! `ValidatePodLogOptions`; which container: `pkg/registry/core/pod/strategy.go`, `LogLocation`.

use super::Verbs;
use crate::logs::{Chunk, LogOptions, LogReader, Stream, Streams, Watcher};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use objects::{Cause, Kind, Status, StatusDetails};
use std::path::PathBuf;
use store::{Key, Store};
use wire::LogsRequest;

/// The bytes of a log, chunk by chunk.
pub struct LogChunks {
    /// Moves to a blocking thread for each read; `None` where there is no log to read, or all was read.
    reader: Option<LogReader>,
    follow: Option<Follow>,
}

/// What a log is followed by.
pub struct Follow {
    watcher: Watcher,
    ended: Ended,
    has_ended: bool,
}

/// Resolves once the instance has ended: its last line is in the file then.
pub type Ended = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl LogChunks {
    /// A log with nothing in it.
    pub fn empty() -> Self {
        Self { reader: None, follow: None }
    }

    /// Opens a log; `ended` where it is to be followed until then.
    ///
    /// # Errors
    /// 500 where the file cannot be read. A file that is not there yet, or not any more, is an empty log.
    pub async fn open(path: PathBuf, options: LogOptions, ended: Option<Ended>) -> Result<Self, Status> {
        let failed = |error: std::io::Error| Status::internal(format!("cannot read the log: {error}"));
        // First watch, then read: what is written in between is told.
        let follow = match (ended, path.parent()) {
            (Some(ended), Some(folder)) => match Watcher::new(folder) {
                Ok(watcher) => Some(Follow { watcher, ended, has_ended: false }),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::empty()),
                Err(error) => return Err(failed(error)),
            },
            _ => None,
        };
        match blocking(move || LogReader::open(&path, options)).await? {
            Ok(reader) => Ok(Self { reader: Some(reader), follow }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::empty()),
            Err(error) => Err(failed(error)),
        }
    }

    /// The next bytes, and what they were written to; `None` at the end of the log, of the container, or at the limit.
    ///
    /// # Errors
    /// 500 where the file cannot be read any more.
    pub async fn next(&mut self) -> Result<Option<(Stream, Vec<u8>)>, Status> {
        let failed = |error: std::io::Error| Status::internal(format!("cannot read the log: {error}"));
        loop {
            let Some(mut reader) = self.reader.take() else { return Ok(None) };
            let (reader, chunk) = blocking(move || {
                let chunk = reader.read_chunk();
                (reader, chunk)
            })
            .await?;
            match chunk.map_err(failed)? {
                Chunk::Bytes(stream, bytes) => {
                    self.reader = Some(reader);
                    return Ok(Some((stream, bytes)));
                }
                Chunk::LimitReached => return Ok(None),
                Chunk::CaughtUp => {}
            }
            // All is read. A container that had ended before this read cannot have written since.
            let Some(follow) = self.follow.as_mut().filter(|follow| !follow.has_ended) else { return Ok(None) };
            self.reader = Some(reader);
            tokio::select! {
                changed = follow.watcher.changed() => changed.map_err(failed)?,
                () = &mut follow.ended => follow.has_ended = true,
            }
        }
    }
}

impl Verbs {
    /// A container's log.
    ///
    /// # Errors
    /// 404; 400 and 422 in Kubernetes' words for a container or options that are none.
    pub async fn logs(&self, request: LogsRequest) -> Result<LogChunks, Status> {
        let options = options(&request, Timestamp::now())?;
        let key = super::key(Kind::Pod, &request.namespace, &request.pod);
        // First the watcher, then the pod: an end that comes in between is seen.
        let watcher = request.follow.then(|| self.store.list_and_watch(Kind::Pod, Some(&request.namespace)).1);
        let found = self.store.get(&key).ok_or_else(|| Status::not_found(Kind::Pod, &request.pod))?;
        let pod: Pod = found.parse().map_err(|error| super::unreadable(&error))?;
        let container = container_name(&pod, request.container.as_deref())?;
        match pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) {
            None => return Ok(LogChunks::empty()),
            // Whoever carried the request here knows less, or more, of where the pod is than we do.
            Some(node) if node != self.node_name => {
                let message = format!("pod {} is on node {node}, not on node {}; try again", request.pod, self.node_name);
                return Err(Status::unavailable(message));
            }
            Some(_) => {}
        }
        let instance = instance(&pod, &container, request.previous)?;
        let folder = format!("{}_{}_{}", request.namespace, request.pod, found.uid());
        let path = self.logs_dir.join(folder).join(&container).join(format!("{}.log", instance.attempt));
        let ended: Option<Ended> = watcher.filter(|_| instance.is_running).map(|watcher| {
            let running =
                Running { store: self.store.clone(), key, uid: found.uid().to_owned(), container, attempt: instance.attempt };
            Box::pin(running.ended(watcher)) as Ended
        });
        LogChunks::open(path, options, ended).await
    }
}

/// An instance of a container that runs.
struct Running {
    store: Store,
    key: Key,
    uid: String,
    container: String,
    attempt: u32,
}

impl Running {
    /// Returns once the instance's end is known: everything that it wrote is in its log then.
    async fn ended(self, mut watcher: store::Watcher) {
        while self.is_running() {
            loop {
                match watcher.next().await {
                    Ok(change) if change.object.key() == &self.key => break,
                    Ok(_) => {}
                    Err(_) => {
                        watcher = self.store.list_and_watch(Kind::Pod, Some(&self.key.namespace)).1;
                        break;
                    }
                }
            }
        }
    }

    fn is_running(&self) -> bool {
        let Some(object) = self.store.get(&self.key).filter(|object| object.uid() == self.uid) else { return false };
        let Ok(pod) = object.parse::<Pod>() else { return false };
        instance(&pod, &self.container, false).is_ok_and(|now| now.is_running && now.attempt == self.attempt)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Status::internal("reading the log was interrupted"))
}

/// Checks the options and turns them into the reader's.
///
/// # Errors
/// 422 with every fault, 400 for a time that cannot be read.
pub fn options(request: &LogsRequest, now: Timestamp) -> Result<LogOptions, Status> {
    let mut causes = Vec::new();
    let mut fault = |reason: &str, field: &str, message: String| {
        causes.push(Cause { reason: reason.to_owned(), message, field: field.to_owned() });
    };
    let invalid = "FieldValueInvalid";
    if let Some(tail) = request.tail_lines.filter(|tail| *tail < 0) {
        fault(invalid, "tailLines", format!("Invalid value: {tail}: must be greater than or equal to 0"));
    }
    if let Some(limit) = request.limit_bytes.filter(|limit| *limit < 1) {
        fault(invalid, "limitBytes", format!("Invalid value: {limit}: must be greater than 0"));
    }
    match (request.since_seconds, &request.since_time) {
        (Some(_), Some(_)) => {
            let message = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified";
            fault("FieldValueForbidden", "[]", message.to_owned());
        }
        (Some(seconds), None) if seconds < 1 => {
            fault(invalid, "sinceSeconds", format!("Invalid value: {seconds}: must be greater than 0"));
        }
        _ => {}
    }
    let streams = match request.stream.as_deref() {
        None | Some("All") if request.apart => Streams::Apart,
        None | Some("All") => Streams::Together,
        Some("Stdout") => Streams::Only(Stream::Stdout),
        Some("Stderr") => Streams::Only(Stream::Stderr),
        Some(other) => {
            let message = format!("Unsupported value: {other:?}: supported values: \"All\", \"Stderr\", \"Stdout\"");
            fault("FieldValueNotSupported", "stream", message);
            Streams::Together
        }
    };
    if request.tail_lines.is_some() && request.stream.as_deref().is_some_and(|stream| stream != "All") {
        let message = "Forbidden: `tailLines` and specific `stream` are mutually exclusive for now";
        fault("FieldValueForbidden", "[]", message.to_owned());
    }
    if !causes.is_empty() {
        return Err(invalid_options(&request.pod, causes));
    }
    let since = match (request.since_seconds, &request.since_time) {
        (Some(seconds), _) => now.checked_sub(jiff::SignedDuration::from_secs(seconds)).ok(),
        (None, Some(text)) => {
            Some(text.parse().map_err(|_| Status::bad_request(format!("sinceTime: {text:?} is no RFC 3339 time")))?)
        }
        (None, None) => None,
    };
    let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
    Ok(LogOptions {
        timestamps: request.timestamps,
        since,
        tail_lines: number(request.tail_lines),
        limit_bytes: number(request.limit_bytes),
        streams,
    })
}

/// As `Status::invalid` has it, of a thing that is no kind of object.
fn invalid_options(pod: &str, causes: Vec<Cause>) -> Status {
    let sentence = |cause: &Cause| format!("{}: {}", cause.field, cause.message);
    let list = match causes.as_slice() {
        [one] => sentence(one),
        many => format!("[{}]", many.iter().map(sentence).collect::<Vec<_>>().join(", ")),
    };
    let details = StatusDetails { name: pod.to_owned(), kind: "PodLogOptions".to_owned(), causes, ..StatusDetails::default() };
    Status {
        code: 422,
        reason: "Invalid".to_owned(),
        message: format!("PodLogOptions \"{pod}\" is invalid: {list}"),
        details: Some(Box::new(details)),
    }
}

/// The container that is meant: the named one, or the only one.
///
/// # Errors
/// 400 where the name is missing or wrong.
pub fn container_name(pod: &Pod, wanted: Option<&str>) -> Result<String, Status> {
    let pod_name = pod.metadata.name.as_deref().unwrap_or_default();
    let spec = pod.spec.as_ref();
    let containers = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let init = spec.and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
    let ephemeral = spec.and_then(|spec| spec.ephemeral_containers.as_deref()).unwrap_or_default();
    match (wanted.filter(|name| !name.is_empty()), containers) {
        (Some(name), _) if containers.iter().chain(init).any(|container| container.name == name) => Ok(name.to_owned()),
        (Some(name), _) if ephemeral.iter().any(|container| container.name == name) => Ok(name.to_owned()),
        (Some(name), _) => Err(Status::bad_request(format!("container {name} is not valid for pod {pod_name}"))),
        (None, [only]) if init.is_empty() => Ok(only.name.clone()),
        (None, []) => Err(Status::bad_request(format!("a container name must be specified for pod {pod_name}"))),
        (None, many) => {
            let mut message = format!("a container name must be specified for pod {pod_name}, choose one of: {}", names_of(many));
            if !init.is_empty() {
                message.push_str(&format!(" or one of the init containers: {}", names_of(init)));
            }
            Err(Status::bad_request(message))
        }
    }
}

fn names_of(containers: &[Container]) -> String {
    let names: Vec<&str> = containers.iter().map(|container| container.name.as_str()).collect();
    format!("[{}]", names.join(" "))
}

/// Which instance of a container is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    /// Its restart count: the name of its log file.
    pub attempt: u32,
    /// Whether it may still write.
    pub is_running: bool,
}

/// Finds the instance whose log is wanted.
///
/// # Errors
/// 400 in kubelet's words where there is none.
pub fn instance(pod: &Pod, container: &str, previous: bool) -> Result<Instance, Status> {
    let pod_name = pod.metadata.name.as_deref().unwrap_or_default();
    let status = pod.status.as_ref();
    let app = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let init = status.and_then(|status| status.init_container_statuses.as_deref()).unwrap_or_default();
    let refuse = |why: String| Err(Status::bad_request(format!("container \"{container}\" in pod \"{pod_name}\" {why}")));
    let ephemeral = status.and_then(|status| status.ephemeral_container_statuses.as_deref()).unwrap_or_default();
    let Some(found) = app.iter().chain(init).chain(ephemeral).find(|status| status.name == container) else {
        return refuse("is not available".to_owned());
    };
    if previous {
        let id = last_terminated(found);
        return id.and_then(attempt_of).map(|attempt| Instance { attempt, is_running: false }).ok_or_else(|| {
            Status::bad_request(format!("previous terminated container \"{container}\" in pod \"{pod_name}\" not found"))
        });
    }
    let state = found.state.as_ref();
    let terminated = state.and_then(|state| state.terminated.as_ref());
    let waiting = state.and_then(|state| state.waiting.as_ref());
    let (id, is_running) = if state.is_some_and(|state| state.running.is_some()) {
        (found.container_id.as_deref(), true)
    } else if let Some(terminated) = terminated {
        (terminated.container_id.as_deref().or_else(|| last_terminated(found)), false)
    } else {
        (last_terminated(found), false)
    };
    match (id.and_then(attempt_of), waiting, terminated) {
        (Some(attempt), ..) => Ok(Instance { attempt, is_running }),
        (None, Some(waiting), _) => refuse(match waiting.reason.as_deref() {
            Some("ErrImagePull") => "is waiting to start: image can't be pulled".to_owned(),
            Some("ImagePullBackOff") => "is waiting to start: trying and failing to pull image".to_owned(),
            reason => format!("is waiting to start: {}", reason.unwrap_or_default()),
        }),
        (None, None, Some(_)) => refuse("is terminated".to_owned()),
        (None, None, None) => refuse("is waiting to start - no logs yet".to_owned()),
    }
}

fn last_terminated(status: &ContainerStatus) -> Option<&str> {
    let terminated = status.last_state.as_ref()?.terminated.as_ref()?;
    terminated.container_id.as_deref().filter(|id| !id.is_empty())
}

/// The restart count that a container's id ends with.
pub(super) fn attempt_of(id: &str) -> Option<u32> {
    id.rsplit_once('/').and_then(|(_, attempt)| attempt.parse().ok())
}
