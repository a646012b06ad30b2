//! What a client may ask.

use crate::{
    AttachRequest, CopyRequest, CredentialsRequest, DeleteOptions, ExecRequest, HistoryRequest, HostExecRequest, PatchRequest,
    PortForwardRequest, ProbesRequest, UsageRequest,
};
use objects::Kind;
use serde::{Deserialize, Serialize};

/// One request. Its answer is the variant of [`crate::Response`] that each names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "camelCase")]
pub enum Request {
    /// Objects of a kind: [`crate::Response::List`].
    List(ListRequest),
    /// A snapshot or a resume, then changes: [`crate::Response::List`] (the snapshot; empty on a resume) and events.
    Watch(WatchRequest),
    /// One object: [`crate::Response::Object`].
    Get(GetRequest),
    /// A new object: [`crate::Response::Object`].
    Create(CreateRequest),
    /// Create, or update by a three-way merge against the last applied manifest: [`crate::Response::Object`].
    Apply(ApplyRequest),
    /// An update of an existing object: [`crate::Response::Object`].
    Replace(ReplaceRequest),
    /// Other resources for a pod that runs: [`crate::Response::Object`]. Whatever else of it differs is left as it was. Since 1.3.
    Resize(ReplaceRequest),
    /// Changes a part of an object: [`crate::Response::Object`]; the outcome is `patched`, `unchanged`, `created` or
    /// `serverside-applied`. Since 1.3.
    Patch(PatchRequest),
    /// The deletion of one object: [`crate::Response::Object`], as it stands after the call.
    Delete(DeleteRequest),
    /// A container's log: [`crate::Response::Stream`], then binary frames of text.
    Logs(LogsRequest),
    /// Runs a program in a container: [`crate::Response::Stream`], then frames both ways ([`crate::channel`]), then
    /// [`crate::StreamEnd::Exited`]. A stream that is cancelled, or a client that vanishes, kills the program. Since 1.2.
    Exec(ExecRequest),
    /// One connection to a port of a pod: [`crate::Response::Stream`] once it stands, then frames both ways on
    /// [`crate::channel::STDIN`] and [`crate::channel::STDOUT`]; an empty one closes its direction. Since 1.2.
    PortForward(PortForwardRequest),
    /// What a pod's probes came to lately: [`crate::Response::Probes`]. Since 1.3.
    Probes(ProbesRequest),
    /// Hears a container that runs, and writes to it: answered as `Exec`. What the container wrote before anybody heard it comes first, as
    /// far as it was kept. Its end is [`crate::StreamEnd::Exited`]; a stream that is cancelled leaves it as it is. Since 1.3.
    Attach(AttachRequest),
    /// Runs a program of the node's own, with the node's files and root's rights, in the namespaces of a pod or in the node's: answered as
    /// `Exec`. Since 1.3.
    HostExec(HostExecRequest),
    /// Adds ephemeral containers to a pod, as its subresource of that name does: of the object only `spec.ephemeralContainers` counts, which
    /// has all that are there and the new ones. [`crate::Response::Object`]. Since 1.3.
    EphemeralContainers(ReplaceRequest),
    /// Files and folders, as a tar archive of one of them: [`crate::Response::Stream`], then the archive's frames one way. What is left
    /// out is told on [`crate::channel::STDERR`], a line each. [`crate::StreamEnd::Complete`] once all is there. Since 1.3.
    Copy(CopyRequest),
    /// What changed lately, as far back as the daemon keeps it: [`crate::Response::History`]. Since 1.4.
    History(HistoryRequest),
    /// How much nodes and containers use now: [`crate::Response::Usage`]. A node that answers nothing is named in it. Since 1.4.
    Usage(UsageRequest),
    /// All images of the node: [`crate::Response::Images`].
    ImageList,
    /// Loads an archive that the daemon can read as a file: [`crate::Response::Images`] (those that it held).
    ImageLoad(ImageLoadRequest),
    /// Makes an image of a root filesystem in a tar file: [`crate::Response::Images`].
    ImageImport(ImageImportRequest),
    /// Pulls from a registry: progress, then [`crate::Response::Images`].
    ImagePull(ImagePullRequest),
    /// Removes a name, and the image with its last one: [`crate::Response::Done`]; refused while in use.
    ImageRemove {
        /// Name or digest.
        image: String,
    },
    /// Removes every image that no container uses: [`crate::Response::Images`] (those removed).
    ImagePrune,
    /// The members of the cluster as this node sees them: [`crate::Response::Members`]. Since 1.1.
    Members,
    /// Takes a node out of the cluster for good: [`crate::Response::NodeRemoved`]. Since 1.1.
    NodeRemove(NodeRemoveRequest),
    /// A certificate or token for a client of the API: [`crate::Response::Credentials`]. Since 1.3.
    Credentials(CredentialsRequest),
    /// A request for another node's daemon: the answer is that of the request. One that names a request of this kind or a
    /// carried one is refused with 400, an unreachable node with 503. Since 1.1.
    On {
        /// The node.
        node: String,
        /// What is asked of it.
        request: Box<Request>,
    },
    /// A request that another daemon passes on for its client. It is answered here or refused, and never passed on again: two
    /// daemons that disagree on where a pod is cannot send a request in circles. Since 1.1.
    Carried {
        /// The node that passes it on.
        by: String,
        /// What its client asks.
        request: Box<Request>,
    },
}

impl Request {
    /// The first window of the stream that the request opens; `None` where it has one answer and no stream.
    #[must_use]
    pub fn window(&self) -> Option<u32> {
        let window = match self {
            Self::Watch(watch) => watch.window,
            Self::Logs(logs) => logs.window,
            Self::Exec(exec) => exec.window,
            Self::PortForward(forward) => forward.window,
            Self::Attach(attach) => attach.window,
            Self::HostExec(exec) => exec.window,
            Self::Copy(copy) => copy.window,
            Self::On { request, .. } | Self::Carried { request, .. } => return request.window(),
            _ => return None,
        };
        Some(if window == 0 { crate::DEFAULT_WINDOW } else { window })
    }
}

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for kinds that have none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Which objects of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Selection {
    /// Only this namespace; `None` is all.
    pub namespace: Option<String>,
    /// As in `kubectl -l`: `app=web,tier!=db`.
    pub label_selector: Option<String>,
    /// As in `kubectl --field-selector`.
    pub field_selector: Option<String>,
}

/// See [`Request::List`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListRequest {
    /// The kind.
    pub kind: Kind,
    /// Which of them.
    #[serde(default)]
    pub selection: Selection,
    /// Whether the client takes the list in parts. Since 1.5; earlier daemons send it whole.
    #[serde(default)]
    pub in_parts: bool,
}

/// See [`Request::Watch`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchRequest {
    /// The kind.
    pub kind: Kind,
    /// Which of them.
    #[serde(default)]
    pub selection: Selection,
    /// Go on after this version instead of a snapshot. Too old or of another epoch: 410 `Expired`.
    pub resume_from: Option<String>,
    /// The stream's first window in bytes; parts of the list after the first take of it.
    pub window: u32,
    /// Whether the client takes the snapshot in parts. Since 1.5; earlier daemons send it whole.
    #[serde(default)]
    pub in_parts: bool,
}

/// See [`Request::Get`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRequest {
    /// Which object.
    pub object: ObjectRef,
}

/// Whether a request changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DryRun {
    /// It does.
    #[default]
    No,
    /// All is checked and answered, nothing is kept.
    Yes,
}

/// See [`Request::Create`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRequest {
    /// The object, as JSON, whole.
    pub object: serde_json::Value,
    /// The namespace to use where the object names none; one that it names and that differs is refused.
    pub namespace: String,
    /// Whether to keep it.
    #[serde(default)]
    pub dry_run: DryRun,
}

/// See [`Request::Apply`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyRequest {
    /// The manifest as the user wrote it, as JSON: it becomes the last-applied annotation.
    pub object: serde_json::Value,
    /// As in [`CreateRequest::namespace`].
    pub namespace: String,
    /// Whether to keep it.
    #[serde(default)]
    pub dry_run: DryRun,
}

/// See [`Request::Replace`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplaceRequest {
    /// The object; with a `metadata.resourceVersion` a stale one is a 409.
    pub object: serde_json::Value,
    /// As in [`CreateRequest::namespace`].
    pub namespace: String,
    /// Whether to keep it.
    #[serde(default)]
    pub dry_run: DryRun,
}

/// See [`Request::Delete`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteRequest {
    /// Which object.
    pub object: ObjectRef,
    /// Seconds; `None` takes the object's own, 0 removes it at once.
    pub grace_period_seconds: Option<i64>,
    /// Refuse with 409 when the object has another uid.
    pub uid: Option<String>,
    /// Whether to do it.
    #[serde(default)]
    pub dry_run: DryRun,
    /// What else there is to say; nothing, mostly. Since 1.3.
    #[serde(default)]
    pub options: DeleteOptions,
}

/// See [`Request::Logs`]. The fields are those of `PodLogOptions`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogsRequest {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container; `None` is refused with 400 where the pod has several.
    pub container: Option<String>,
    /// Go on until the container ends.
    pub follow: bool,
    /// The instance before the newest.
    pub previous: bool,
    /// Prefix each line with its time, RFC 3339 with nine digits.
    pub timestamps: bool,
    /// Only lines of the last so many seconds.
    pub since_seconds: Option<i64>,
    /// Only lines from this time on (RFC 3339).
    pub since_time: Option<String>,
    /// Only so many lines from the end.
    pub tail_lines: Option<i64>,
    /// At most so many bytes.
    pub limit_bytes: Option<i64>,
    /// Only what was written to `Stdout` or `Stderr`; `All`, as `None`, is both. Since 1.6; earlier daemons send both.
    pub stream: Option<String>,
    /// Whether each byte comes on the channel of the stream that it was written to, in frames that take [`crate::frame_cost`] of the
    /// window, and a log that lost something before it was read ends with that. Since 1.6; earlier daemons send all on
    /// [`crate::channel::STDOUT`].
    pub apart: bool,
    /// The stream's first window in bytes.
    pub window: u32,
}

/// See [`Request::ImageLoad`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageLoadRequest {
    /// An absolute path on the daemon's machine: OCI archive, OCI layout folder, docker-save archive; plain, gzip or zstd.
    pub path: String,
}

/// See [`Request::ImageImport`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageImportRequest {
    /// An absolute path on the daemon's machine.
    pub path: String,
    /// The image's name.
    pub name: String,
    /// The image's ENTRYPOINT.
    pub entrypoint: Vec<String>,
    /// The image's CMD.
    pub cmd: Vec<String>,
    /// The image's ENV, `NAME=value`.
    pub env: Vec<String>,
    /// The image's WORKDIR.
    pub workdir: Option<String>,
    /// The image's USER.
    pub user: Option<String>,
}

/// See [`Request::ImagePull`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImagePullRequest {
    /// The reference.
    pub image: String,
    /// Name and password, where the registry asks for them.
    pub credentials: Option<(String, String)>,
}

/// See [`Request::NodeRemove`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRemoveRequest {
    /// The node.
    pub name: String,
    /// Remove it though it is alive: what it runs goes on there, unseen, until somebody stops it. Without this a node that is
    /// alive is a 409.
    #[serde(default)]
    pub force: bool,
}

#[cfg(test)]
mod tests {
    use super::{LogsRequest, NodeRemoveRequest, Request};

    #[test]
    fn requests_for_other_nodes_survive_the_way_inside_of_each_other() {
        let logs = Request::Logs(LogsRequest { pod: "kubia".to_owned(), window: 7, ..LogsRequest::default() });
        let carried = Request::Carried { by: "n1".to_owned(), request: Box::new(logs) };
        let text = serde_json::to_string(&carried).expect("it serialises");
        let read: Request = serde_json::from_str(&text).expect("it is read");
        let Request::Carried { by, request } = &read else { panic!("{read:?}") };
        assert!(matches!(&**request, Request::Logs(logs) if logs.pod == "kubia" && by == "n1"));
        assert_eq!((read.window(), Request::Members.window()), (Some(7), None));
        let read: Request =
            serde_json::from_str(r#"{"verb":"on","node":"n2","request":{"verb":"imageList"}}"#).expect("it is read");
        assert!(matches!(read, Request::On { node, request } if node == "n2" && matches!(*request, Request::ImageList)));
        let read: Request = serde_json::from_str(r#"{"verb":"nodeRemove","name":"n3"}"#).expect("it is read");
        assert!(matches!(read, Request::NodeRemove(NodeRemoveRequest { name, force: false }) if name == "n3"));
    }

    #[test]
    fn a_stream_without_a_window_gets_the_usual_one() {
        assert_eq!(Request::Logs(LogsRequest::default()).window(), Some(crate::DEFAULT_WINDOW));
    }
}
