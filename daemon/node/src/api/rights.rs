//! What each request of the console is in the words of authorization.

use objects::{Kind, lookup};
use rest::rights::{Action, OWN_GROUP};
use serde_json::Value;
use wire::{ObjectRef, Request, Selection};

/// What a request does: [`rest::rights::Caller::allow`] decides on it.
pub fn action(request: &Request) -> Action<'_> {
    match request {
        Request::List(list) => selected("list", list.kind, &list.selection),
        Request::Watch(watch) => selected("watch", watch.kind, &watch.selection),
        Request::Get(get) => object("get", &get.object),
        Request::Create(create) => manifest("create", &create.object, &create.namespace),
        Request::Apply(apply) => manifest("patch", &apply.object, &apply.namespace),
        Request::Replace(replace) => manifest("update", &replace.object, &replace.namespace),
        Request::Resize(replace) => Action { subresource: "resize", ..manifest("update", &replace.object, &replace.namespace) },
        Request::Patch(patch) => {
            let subresource = patch.subresource.as_str();
            Action { subresource, ..object("patch", &patch.object) }
        }
        Request::Delete(delete) => object("delete", &delete.object),
        Request::Logs(logs) => below("get", "log", &logs.namespace, &logs.pod),
        Request::Exec(exec) => below("create", "exec", &exec.namespace, &exec.pod),
        // The files of a container are as much as a program in it.
        Request::Copy(copy) => below("create", "exec", &copy.namespace, &copy.pod),
        Request::Attach(attach) => below("create", "attach", &attach.namespace, &attach.pod),
        Request::EphemeralContainers(replace) => {
            let own = lookup::namespace(&replace.object);
            let namespace = if own.is_empty() { &replace.namespace } else { own };
            below("update", "ephemeralcontainers", namespace, lookup::name(&replace.object))
        }
        // Root's shell on the node, whichever pod it looks into.
        Request::HostExec(_) => own("create", "nodes", ""),
        Request::Probes(probes) => below("get", "status", &probes.namespace, &probes.pod),
        Request::History(history) => past(&history.kinds),
        Request::PortForward(forward) => below("create", "portforward", &forward.namespace, &forward.pod),
        Request::ImageList => own("list", "images", ""),
        Request::ImageLoad(_) | Request::ImageImport(_) | Request::ImagePull(_) => own("create", "images", ""),
        Request::ImageRemove { image } => own("delete", "images", image),
        Request::ImagePrune => own("deletecollection", "images", ""),
        // As the group metrics.k8s.io has it.
        Request::Usage(_) => Action { group: "metrics.k8s.io", ..own("list", "nodes", "") },
        Request::Members => own("list", "nodes", ""),
        Request::NodeRemove(remove) => own("delete", "nodes", &remove.name),
        Request::Credentials(credentials) => own("create", "credentials", &credentials.name),
        Request::On { request, .. } | Request::Carried { request, .. } => action(request),
    }
}

fn of_kind<'a>(verb: &'a str, kind: Kind, namespace: &'a str, name: &'a str) -> Action<'a> {
    let group = kind.api_version().split_once('/').map_or("", |(group, _)| group);
    Action { verb, group, resource: kind.plural(), namespace, name, ..Action::default() }
}

/// The past of several kinds is for whoever may watch the one of them that needs most.
fn past(kinds: &[Kind]) -> Action<'_> {
    let watched = kinds.iter().map(|kind| of_kind("watch", *kind, "", ""));
    watched.max_by_key(Action::needs).unwrap_or_else(|| own("list", "history", ""))
}

fn selected<'a>(verb: &'a str, kind: Kind, selection: &'a Selection) -> Action<'a> {
    of_kind(verb, kind, selection.namespace.as_deref().unwrap_or_default(), "")
}

fn object<'a>(verb: &'a str, object: &'a ObjectRef) -> Action<'a> {
    of_kind(verb, object.kind, &object.namespace, &object.name)
}

fn manifest<'a>(verb: &'a str, object: &'a Value, namespace: &'a str) -> Action<'a> {
    let own = lookup::namespace(object);
    let namespace = if own.is_empty() { namespace } else { own };
    match Kind::from_manifest(lookup::text(object, "/apiVersion"), lookup::text(object, "/kind")) {
        Some(kind) => of_kind(verb, kind, namespace, lookup::name(object)),
        // The verb says what is wrong with it.
        None => Action { verb, resource: "unknown", namespace, name: lookup::name(object), ..Action::default() },
    }
}

fn below<'a>(verb: &'a str, subresource: &'a str, namespace: &'a str, name: &'a str) -> Action<'a> {
    Action { verb, resource: Kind::Pod.plural(), subresource, namespace, name, ..Action::default() }
}

fn own<'a>(verb: &'a str, resource: &'a str, name: &'a str) -> Action<'a> {
    Action { verb, group: OWN_GROUP, resource, name, ..Action::default() }
}

#[cfg(test)]
mod tests {
    use super::action;
    use rest::rights::Role;
    use serde_json::json;
    use wire::{AttachRequest, CreateRequest, DryRun, ExecRequest, HostExecRequest, LogsRequest, NodeRemoveRequest, Request};

    #[test]
    fn a_request_for_another_node_needs_what_the_request_needs() {
        let on = |request: Request| Request::On { node: "n2".to_owned(), request: Box::new(request) };
        assert_eq!(action(&on(Request::Logs(LogsRequest::default()))).needs(), Role::Viewer);
        assert_eq!(action(&on(Request::Exec(ExecRequest::default()))).needs(), Role::Operator);
        let remove = NodeRemoveRequest { name: "n3".to_owned(), force: false };
        assert_eq!(action(&on(Request::NodeRemove(remove))).needs(), Role::Admin);
        assert_eq!(action(&on(Request::HostExec(HostExecRequest::default()))).needs(), Role::Admin);
        assert_eq!(action(&Request::Attach(AttachRequest::default())).needs(), Role::Operator);
        assert_eq!(action(&Request::ImageList).needs(), Role::Viewer);
        assert_eq!(action(&Request::ImagePrune).needs(), Role::Operator);
        assert_eq!(action(&Request::Members).needs(), Role::Viewer);
    }

    #[test]
    fn a_manifest_that_is_none_needs_no_less_than_one_that_is() {
        let object = json!({"kind": "Nothing", "apiVersion": "v1", "metadata": {"name": "a"}});
        let create = Request::Create(CreateRequest { object, namespace: "default".to_owned(), dry_run: DryRun::Yes });
        assert_eq!(action(&create).needs(), Role::Operator);
    }
}
