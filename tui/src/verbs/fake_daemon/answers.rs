//! The objects that the tests' daemon keeps, and what it answers about them.

use super::{State, clock, image, locked};
use objects::patch::PatchType;
use objects::selector::{FieldSelector, LabelSelector};
use objects::{Kind, Status, lookup};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use wire::{
    ContainerUsage, Members, NodeUsage, ObjectList, PodProbes, PodUsage, ProbeKind, ProbeRun, ProbeRuns, ProbeVerdict, Request,
    Response, Selection, Unmeasured, Usages, Used, WatchEventKind,
};

pub(super) fn raw(object: &Value) -> Box<RawValue> {
    to_raw_value(object).expect("JSON")
}

fn kind_of(object: &Value) -> Kind {
    Kind::from_manifest(lookup::text(object, "/apiVersion"), lookup::text(object, "/kind")).expect("a known kind")
}

pub(super) fn matches(kind: Kind, selection: &Selection, object: &Value) -> Result<bool, Status> {
    let labels = LabelSelector::parse(selection.label_selector.as_deref().unwrap_or_default())?;
    let fields = FieldSelector::parse(kind, selection.field_selector.as_deref().unwrap_or_default())?;
    let is_there = selection.namespace.as_deref().is_none_or(|namespace| namespace == lookup::namespace(object));
    Ok(kind_of(object) == kind && is_there && labels.matches_object(object) && fields.matches(object))
}

/// A readiness probe that ran twice, and a liveness probe that did not yet.
fn probed_pod() -> PodProbes {
    let as_of_ms = clock().timestamp().as_millisecond();
    let run =
        |ago_ms, took_us, verdict, output: &str| ProbeRun { at_ms: as_of_ms - ago_ms, took_us, verdict, output: output.into() };
    let words = "HTTP probe failed with statuscode: 503";
    let runs = vec![run(12_000, 1_500, ProbeVerdict::Failure, words), run(2_000, 900, ProbeVerdict::Success, "ok\n")];
    let ready = ProbeRuns { container: "main".into(), probe: ProbeKind::Readiness, runs };
    let alive = ProbeRuns { container: "side".into(), probe: ProbeKind::Liveness, runs: Vec::new() };
    PodProbes { node: "oak".into(), as_of_ms, probes: vec![ready, alive] }
}

fn used(cpu_nanocores: u64, mebibytes: u64) -> Used {
    Used { cpu_nanocores, memory_bytes: mebibytes << 20 }
}

fn patched(form: PatchType, live: Value, patch: Value, kind: Kind) -> Result<Value, Status> {
    objects::patch::apply(form, live, patch, kind).map_err(|error| error.to_status())
}

impl State {
    pub(super) fn select(&self, kind: Kind, selection: &Selection) -> Result<ObjectList, Status> {
        let mut items = Vec::new();
        for object in locked(&self.objects).iter() {
            if matches(kind, selection, object)? {
                items.push(raw(object));
            }
        }
        Ok(ObjectList { items, resource_version: "1".into(), more: false })
    }

    /// Makes the changes that were announced.
    pub(super) fn play(&self) {
        let script: Vec<_> = locked(&self.script).drain(..).collect();
        for (kind, object) in script {
            self.put(kind, object);
        }
    }

    fn put(&self, kind: WatchEventKind, object: Value) {
        let mut objects = locked(&self.objects);
        let is_same = |held: &Value| kind_of(held) == kind_of(&object) && lookup::name(held) == lookup::name(&object);
        objects.retain(|held| !is_same(held));
        if kind != WatchEventKind::Deleted {
            objects.push(object.clone());
        }
        drop(objects);
        let _ = self.changes.send((kind, object));
    }

    /// What oak uses, with two containers of each of its pods; other nodes do not answer.
    fn usage(&self, nodes: &[String]) -> Usages {
        let container = |name: &str, used| ContainerUsage { name: name.to_owned(), used };
        let pod = |pod: &Value| PodUsage {
            namespace: lookup::namespace(pod).to_owned(),
            name: lookup::name(pod).to_owned(),
            uid: lookup::text(pod, "/metadata/uid").to_owned(),
            containers: vec![container("main", used(1_500_000, 20)), container("side", used(4_500_000, 10))],
        };
        let objects = locked(&self.objects);
        let pods = objects.iter().filter(|object| lookup::text(object, "/spec/nodeName") == "oak").map(pod).collect();
        let why = |node: &str| format!("node {node} cannot be reached from node oak: it was last seen 5s ago");
        let (answers, silent): (Vec<&String>, Vec<&String>) = nodes.iter().partition(|node| *node == "oak");
        let node = NodeUsage { node: "oak".into(), at_ms: 0, window_ms: 15_000, used: used(500_100_000, 256), pods };
        Usages {
            nodes: answers.iter().map(|_| node.clone()).collect(),
            missing: silent.into_iter().map(|node| Unmeasured { node: node.clone(), why: why(node) }).collect(),
        }
    }

    fn find(&self, object: &wire::ObjectRef) -> Result<Value, Status> {
        let objects = locked(&self.objects);
        let is_meant = |held: &&Value| {
            kind_of(held) == object.kind && lookup::name(held) == object.name && lookup::namespace(held) == object.namespace
        };
        objects.iter().find(is_meant).cloned().ok_or_else(|| Status::not_found(object.kind, &object.name))
    }

    fn store(&self, mut object: Value, namespace: &str, outcome: &str, dry_run: wire::DryRun) -> Response {
        object["metadata"]["namespace"] = json!(namespace);
        if lookup::text(&object, "/metadata/uid").is_empty() {
            object["metadata"]["uid"] = json!("uid-1");
        }
        if dry_run == wire::DryRun::No {
            self.put(WatchEventKind::Added, object.clone());
        }
        let warnings = if lookup::flag(&object, "/spec/warn") { vec!["beware".to_owned()] } else { Vec::new() };
        Response::Object { object: Box::new(object), warnings, outcome: outcome.to_owned() }
    }

    pub(super) fn ask(&self, request: Request) -> Result<Response, Status> {
        let plain = |object: Value| Response::Object { object: Box::new(object), warnings: Vec::new(), outcome: String::new() };
        match request {
            Request::List(list) => self.select(list.kind, &list.selection).map(Response::List),
            Request::Get(get) => self.find(&get.object).map(plain),
            Request::Create(create) => {
                let name = lookup::name(&create.object).to_owned();
                let kind = kind_of(&create.object);
                let reference = wire::ObjectRef { kind, namespace: create.namespace.clone(), name: name.clone() };
                if self.find(&reference).is_ok() {
                    return Err(Status::already_exists(kind, &name));
                }
                Ok(self.store(create.object, &create.namespace, "created", create.dry_run))
            }
            Request::Apply(apply) => {
                let kind = kind_of(&apply.object);
                let name = lookup::name(&apply.object).to_owned();
                let reference = wire::ObjectRef { kind, namespace: apply.namespace.clone(), name };
                let outcome = match self.find(&reference) {
                    Err(_) => "created",
                    Ok(held) if held.get("spec") == apply.object.get("spec") => "unchanged",
                    Ok(_) => "configured",
                };
                Ok(self.store(apply.object, &apply.namespace, outcome, apply.dry_run))
            }
            Request::EphemeralContainers(replace) => {
                Ok(self.store(replace.object, &replace.namespace, "configured", replace.dry_run))
            }
            Request::Replace(replace) => Ok(self.store(replace.object, &replace.namespace, "replaced", replace.dry_run)),
            Request::Delete(delete) => {
                let object = self.find(&delete.object)?;
                let is_kept = lookup::flag(&object, "/metadata/annotations/slow");
                if delete.dry_run == wire::DryRun::No && !is_kept {
                    self.put(WatchEventKind::Deleted, object.clone());
                }
                Ok(plain(object))
            }
            Request::Patch(request) => {
                let live = self.find(&request.object);
                let (new, outcome) = match (request.patch, live) {
                    (wire::Patch::Apply { config, .. }, _) => (config, "serverside-applied"),
                    (_, Err(status)) => return Err(status),
                    (wire::Patch::Json(patch), Ok(live)) => {
                        (patched(PatchType::Json, live, patch, request.object.kind)?, "patched")
                    }
                    (wire::Patch::Merge(patch), Ok(live)) => {
                        (patched(PatchType::Merge, live, patch, request.object.kind)?, "patched")
                    }
                    (wire::Patch::StrategicMerge(patch), Ok(live)) => {
                        (patched(PatchType::StrategicMerge, live, patch, request.object.kind)?, "patched")
                    }
                };
                Ok(self.store(new, &request.object.namespace, outcome, request.dry_run))
            }
            Request::ImageRemove { .. } => Ok(Response::Done),
            Request::Members => {
                let as_of = clock().timestamp().as_second();
                let (node, cluster, members) = ("oak".into(), "c0ffee".into(), locked(&self.members).clone());
                Ok(Response::Members(Members { node, cluster, as_of, members }))
            }
            Request::Usage(asked) => Ok(Response::Usage(self.usage(&asked.nodes))),
            Request::Probes(probes) => {
                let object = wire::ObjectRef { kind: Kind::Pod, namespace: probes.namespace, name: probes.pod };
                let probed =
                    lookup::list(&self.find(&object)?, "/spec/containers").iter().any(|one| one["livenessProbe"].is_object());
                Ok(Response::Probes(if probed { probed_pod() } else { PodProbes::default() }))
            }
            Request::NodeRemove(remove) => Ok(Response::NodeRemoved { node: remove.name, pods: 1 }),
            _ => Ok(Response::Images { images: vec![image()] }),
        }
    }
}
