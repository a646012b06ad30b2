//! The verbs on every kind, without a transport.
#![expect(clippy::needless_pass_by_value, reason = "a case is written in place")]

use super::Verbs;
use crate::api::tests::Served;
use crate::peers::Alone;
use objects::{Kind, Status};
use serde_json::{Value, json};
use std::sync::Arc;
use store::Key;
use wire::{
    CreateRequest, DeleteOptions, DeleteRequest, DryRun, ObjectRef, Patch, PatchRequest, Propagation, ReplaceRequest, Response,
};

fn served() -> Served {
    Served::of("n", Arc::new(Alone::new("n")))
}

fn reference(kind: Kind, name: &str) -> ObjectRef {
    let namespace = if kind.is_namespaced() { "default" } else { "" };
    ObjectRef { kind, namespace: namespace.to_owned(), name: name.to_owned() }
}

async fn create(verbs: &Verbs, object: Value) -> Result<Value, Status> {
    create_in(verbs, object, "default").await
}

async fn create_in(verbs: &Verbs, object: Value, namespace: &str) -> Result<Value, Status> {
    let request = CreateRequest { object, namespace: namespace.to_owned(), dry_run: DryRun::No };
    Ok(object_of(verbs.create_by(request, "tester").await?).0)
}

fn object_of(response: Response) -> (Value, String) {
    match response {
        Response::Object { object, outcome, .. } => (*object, outcome),
        other => panic!("{other:?}"),
    }
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": "box:1"}]}})
}

async fn patch(verbs: &Verbs, object: ObjectRef, patch: Patch) -> Result<(Value, String), Status> {
    patch_of(verbs, object, patch, "").await
}

async fn patch_of(verbs: &Verbs, object: ObjectRef, patch: Patch, subresource: &str) -> Result<(Value, String), Status> {
    let request = PatchRequest {
        object,
        patch,
        field_manager: "tester".to_owned(),
        subresource: subresource.to_owned(),
        dry_run: DryRun::No,
    };
    verbs.patch(request.into()).await.map(object_of)
}

fn delete_request(kind: Kind, name: &str, propagation: Option<Propagation>) -> DeleteRequest {
    DeleteRequest {
        object: reference(kind, name),
        grace_period_seconds: None,
        uid: None,
        dry_run: DryRun::No,
        options: DeleteOptions { propagation, ..DeleteOptions::default() },
    }
}

#[tokio::test]
async fn every_kind_is_made_read_and_deleted() {
    let served = served();
    let objects = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}),
        config_map("x", json!({"a": "1"})),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"a": "1"}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"}}),
        json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "x"}, "value": 7}),
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "x"}, "spec": {"holderIdentity": "me"}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": [{"port": 80}]}}),
    ];
    for object in objects {
        let made = create(&served.verbs, object).await.expect("it is valid");
        let kind = Kind::from_manifest(made["apiVersion"].as_str().expect("a text"), made["kind"].as_str().expect("a text"));
        let kind = kind.expect("a kind");
        // An account says nothing that could be managed.
        if kind != Kind::ServiceAccount {
            assert_eq!(made["metadata"]["managedFields"][0]["manager"], "tester", "{made}");
        }
        let Response::Object { object, .. } = served.verbs.get(&reference(kind, "x")).await.expect("it is there") else {
            panic!()
        };
        assert_eq!(*object, made);
        served.verbs.delete(delete_request(kind, "x", None)).await.expect("it can be deleted");
        // A namespace waits for its content.
        assert_eq!(served.verbs.get(&reference(kind, "x")).await.is_err(), kind != Kind::Namespace, "{kind:?}");
    }
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "YQ=="}, "stringData": {"b": "b"}});
    let secret = create(&served.verbs, secret).await.expect("it is valid");
    assert_eq!((&secret["data"], secret.get("stringData")), (&json!({"a": "YQ==", "b": "Yg=="}), None));
}

#[tokio::test]
async fn nothing_is_made_in_a_namespace_that_is_not_there_or_goes() {
    let served = served();
    let status = create_in(&served.verbs, pod("p"), "nowhere").await.expect_err("there is none");
    assert_eq!((status.code, status.message.as_str()), (404, "namespaces \"nowhere\" not found"));
    create(&served.verbs, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}})).await.expect("made");
    create_in(&served.verbs, config_map("c", json!({})), "going").await.expect("it is there");
    let (gone, _) = object_of(served.verbs.delete(delete_request(Kind::Namespace, "going", None)).await.expect("marked"));
    assert_eq!(gone["status"]["phase"], "Terminating");
    let status = create_in(&served.verbs, pod("p"), "going").await.expect_err("it goes");
    assert_eq!(status.code, 403);
    let words = "unable to create new content in namespace going because it is being terminated";
    assert_eq!(status.message, format!("pods \"p\" is forbidden: {words}"));
    assert_eq!(status.details.expect("details").causes[0].reason, "NamespaceTerminating");
    let status = served.verbs.delete(delete_request(Kind::Namespace, "default", None)).await.expect_err("it stays");
    assert_eq!(status.message, "namespaces \"default\" is forbidden: this namespace may not be deleted");
}

#[tokio::test]
async fn patches_change_a_part_and_say_when_nothing_changed() {
    let Served { verbs, .. } = &served();
    create(verbs, config_map("c", json!({"a": "1", "b": "1"}))).await.expect("it is valid");
    let object = || reference(Kind::ConfigMap, "c");
    let merge = Patch::Merge(json!({"data": {"a": null, "c": "1"}}));
    let (patched, outcome) = patch(verbs, object(), merge.clone()).await.expect("it fits");
    assert_eq!((&patched["data"], outcome.as_str()), (&json!({"b": "1", "c": "1"}), "patched"));
    let (again, outcome) = patch(verbs, object(), merge).await.expect("it fits");
    assert_eq!((&again, outcome.as_str()), (&patched, "unchanged"));
    let json = Patch::Json(json!([{"op": "replace", "path": "/data/b", "value": "2"}]));
    assert_eq!(patch(verbs, object(), json).await.expect("it fits").0["data"]["b"], "2");
    let strategic = Patch::StrategicMerge(json!({"data": {"$patch": "replace", "z": "1"}}));
    assert_eq!(patch(verbs, object(), strategic).await.expect("it fits").0["data"], json!({"z": "1"}));
    let missing = patch(verbs, reference(Kind::ConfigMap, "none"), Patch::Merge(json!({}))).await.expect_err("there is none");
    assert_eq!(missing.code, 404);
    let unknown = patch(verbs, object(), Patch::StrategicMerge(json!({"datum": 1}))).await.expect_err("no such field");
    assert_eq!((unknown.code, unknown.reason.as_str()), (422, "Invalid"));
    let words = "patch: Invalid value: \"map[datum:1]\": strict decoding error: unknown field \"datum\"";
    assert_eq!(unknown.message, format!(" \"\" is invalid: {words}"));
    let stale = Patch::Merge(json!({"metadata": {"resourceVersion": "1"}, "data": {"a": "9"}}));
    assert_eq!(patch(verbs, object(), stale).await.expect_err("it is another version").reason, "Conflict");
    let other = Patch::Merge(json!({"kind": "Secret"}));
    assert_eq!(patch(verbs, object(), other).await.expect_err("it is a ConfigMap").code, 400);
}

#[tokio::test]
async fn many_patches_at_once_all_count() {
    let served = served();
    create(&served.verbs, config_map("c", json!({}))).await.expect("it is valid");
    let patches = (0..8).map(|index| {
        let verbs = served.verbs.clone();
        async move {
            let data = json!({"data": {format!("k{index}"): "1"}});
            // More than five tries of one patch may lose; then it says so.
            while let Err(status) = patch(&verbs, reference(Kind::ConfigMap, "c"), Patch::Merge(data.clone())).await {
                assert_eq!(status.reason, "Conflict");
            }
        }
    });
    futures_util::future::join_all(patches).await;
    let found = served.store.get(&Key::new(Kind::ConfigMap, "default", "c")).expect("it is there").to_value();
    assert_eq!(found["data"].as_object().map(serde_json::Map::len), Some(8));
}

#[tokio::test]
async fn applying_makes_merges_and_conflicts() {
    let Served { verbs, .. } = &served();
    let object = || reference(Kind::ConfigMap, "c");
    let apply = |data: Value, force: bool| Patch::Apply { config: config_map("c", data), force };
    let (_, outcome) = patch(verbs, object(), apply(json!({"a": "1", "b": "1"}), false)).await.expect("it is new");
    assert_eq!(outcome, "created");
    let (merged, outcome) = patch(verbs, object(), apply(json!({"a": "2"}), false)).await.expect("it is its own");
    assert_eq!((&merged["data"], outcome.as_str()), (&json!({"a": "2"}), "serverside-applied"));
    let (again, _) = patch(verbs, object(), apply(json!({"a": "2"}), false)).await.expect("it is its own");
    assert_eq!(again["metadata"]["resourceVersion"], merged["metadata"]["resourceVersion"], "nothing was written");
    let mut request = PatchRequest {
        object: object(),
        patch: apply(json!({"a": "3"}), false),
        field_manager: "other".to_owned(),
        subresource: String::new(),
        dry_run: DryRun::No,
    };
    let status = verbs.patch(request.clone().into()).await.expect_err("a is the other's");
    assert_eq!(status.message, "Apply failed with 1 conflict: conflict with \"tester\": .data.a");
    request.patch = apply(json!({"a": "3"}), true);
    let (forced, _) = verbs.patch(request.clone().into()).await.map(object_of).expect("it is forced");
    assert_eq!(forced["data"], json!({"a": "3"}));
    request.field_manager = String::new();
    let status = verbs.patch(request.clone().into()).await.expect_err("somebody applies");
    assert_eq!(
        status.message,
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
    );
}

#[tokio::test]
async fn a_status_and_a_specification_are_changed_apart() {
    let served = served();
    let verbs = &served.verbs;
    create(verbs, pod("p")).await.expect("it is valid");
    let both = || json!({"metadata": {"labels": {"a": "b"}}, "status": {"message": "hello"}});
    let (patched, _) = patch(verbs, reference(Kind::Pod, "p"), Patch::Merge(both())).await.expect("the status is left alone");
    assert_eq!((&patched["metadata"]["labels"]["a"], patched["status"].get("message")), (&json!("b"), None));
    let change = Patch::Merge(
        json!({"metadata": {"labels": {"a": "c"}}, "spec": {"restartPolicy": "Never"}, "status": {"message": "hello"}}),
    );
    let (patched, _) = patch_of(verbs, reference(Kind::Pod, "p"), change, "status").await.expect("it is a status");
    assert_eq!((&patched["status"]["message"], &patched["spec"]["restartPolicy"]), (&json!("hello"), &json!("Always")));
    assert_eq!(patched["metadata"]["labels"]["a"], "b");
    let none =
        patch_of(verbs, reference(Kind::Pod, "p"), Patch::Merge(json!({})), "scale").await.expect_err("pods have no scale");
    assert_eq!((none.code, none.message.as_str()), (404, "the server could not find the requested resource"));
}

#[tokio::test]
async fn resources_are_resized_within_the_class_of_quality() {
    let Served { verbs, .. } = &served();
    let mut burstable = pod("p");
    burstable["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}});
    create(verbs, burstable).await.expect("it is valid");
    let resize =
        |resources: Value| Patch::StrategicMerge(json!({"spec": {"containers": [{"name": "main", "resources": resources}]}}));
    let of = |patch: Patch| patch_of(verbs, reference(Kind::Pod, "p"), patch, "resize");
    let (patched, _) = of(resize(json!({"requests": {"cpu": "150m"}, "limits": {"cpu": "1"}}))).await.expect("it may");
    assert_eq!(patched["spec"]["containers"][0]["resources"], json!({"requests": {"cpu": "150m"}, "limits": {"cpu": "1"}}));
    assert_eq!(patched["metadata"]["generation"], 2);
    let refused = of(resize(json!({"limits": {"memory": "1Gi"}, "requests": {"memory": "1Gi", "cpu": "1"}}))).await;
    assert!(
        refused.expect_err("it would be guaranteed").message.contains("Pod QOS Class may not change as a result of resizing")
    );
    let image = Patch::StrategicMerge(json!({"spec": {"containers": [{"name": "main", "image": "box:2"}]}}));
    let (same, _) = of(image).await.expect("what is no resource is left as it was");
    assert_eq!(same["spec"]["containers"][0]["image"], "box:1");
    let whole = patch(verbs, reference(Kind::Pod, "p"), resize(json!({"limits": {"cpu": "2"}}))).await;
    assert!(whole.expect_err("only as a resize").message.contains("pod updates may not change fields"), "it is no resize");
}

#[tokio::test]
async fn an_object_goes_when_its_last_finalizer_does() {
    let served = served();
    let verbs = &served.verbs;
    let mut held = config_map("c", json!({}));
    held["metadata"]["finalizers"] = json!(["a.b/c"]);
    create(verbs, held).await.expect("it is valid");
    let (marked, _) = object_of(verbs.delete(delete_request(Kind::ConfigMap, "c", None)).await.expect("it is marked"));
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    let more = Patch::Merge(json!({"metadata": {"finalizers": ["a.b/c", "d.e/f"]}}));
    let status = patch(verbs, reference(Kind::ConfigMap, "c"), more).await.expect_err("it goes");
    assert!(status.message.contains("no new finalizers can be added if the object is being deleted"), "{status}");
    let none = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    patch(verbs, reference(Kind::ConfigMap, "c"), none).await.expect("it may");
    assert!(served.store.get(&Key::new(Kind::ConfigMap, "default", "c")).is_none());
}

#[tokio::test]
async fn what_is_asked_of_one_object_or_version_is_not_done_to_another() {
    let served = served();
    let verbs = &served.verbs;
    let made = create(verbs, config_map("c", json!({}))).await.expect("it is valid");
    let mut request = delete_request(Kind::ConfigMap, "c", None);
    request.uid = Some("x".to_owned());
    let status = verbs.delete(request.clone()).await.expect_err("it is another");
    assert!(
        status.message.contains("on ConfigMap \"c\": the UID in the precondition (x) does not match the UID in record ("),
        "{status}"
    );
    request.uid = made["metadata"]["uid"].as_str().map(str::to_owned);
    request.options.resource_version = Some("1".to_owned());
    let status = verbs.delete(request.clone()).await.expect_err("it is another version");
    assert!(
        status.message.contains(
            "on ConfigMap \"c\": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record ("
        ),
        "{status}"
    );
    request.options.resource_version = made["metadata"]["resourceVersion"].as_str().map(str::to_owned);
    verbs.delete(request).await.expect("it is this one");
}

#[tokio::test]
async fn what_is_immutable_stays() {
    let Served { verbs, .. } = &served();
    let mut fixed = config_map("c", json!({"a": "1"}));
    fixed["immutable"] = json!(true);
    create(verbs, fixed).await.expect("it is valid");
    let change = Patch::Merge(json!({"immutable": false, "data": {"a": "2"}}));
    let status = patch(verbs, reference(Kind::ConfigMap, "c"), change).await.expect_err("it is immutable");
    let why = "Forbidden: field is immutable when `immutable` is set";
    assert_eq!(status.message, format!("ConfigMap \"c\" is invalid: [immutable: {why}, data: {why}]"));
}

#[tokio::test]
async fn a_pod_has_the_priority_of_its_class() {
    let Served { verbs, .. } = &served();
    let class = |name: &str, value: i64, is_default: bool| json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value, "globalDefault": is_default});
    create(verbs, class("high", 100, false)).await.expect("it is valid");
    create(verbs, class("usual", 10, true)).await.expect("it is valid");
    let status = create(verbs, class("other", 5, true)).await.expect_err("there is one");
    let words = "PriorityClass usual is already marked as default. Only one default can exist";
    assert_eq!(status.message, format!("priorityclasses.scheduling.k8s.io \"other\" is forbidden: {words}"));
    let of = |name: &'static str, class: Value| {
        let mut pod = pod(name);
        pod["spec"]["priorityClassName"] = class;
        create(verbs, pod)
    };
    assert_eq!(of("a", json!("high")).await.expect("it is there")["spec"]["priority"], 100);
    let usual = of("b", json!(null)).await.expect("it has the default one");
    assert_eq!((&usual["spec"]["priority"], &usual["spec"]["priorityClassName"]), (&json!(10), &json!("usual")));
    assert_eq!(of("c", json!("system-node-critical")).await.expect("it is always there")["spec"]["priority"], 2_000_001_000);
    let status = of("d", json!("none")).await.expect_err("there is none");
    assert_eq!(status.message, "pods \"d\" is forbidden: no PriorityClass with name none was found");
}

#[tokio::test]
async fn a_replaced_object_that_is_the_same_is_not_written() {
    let Served { verbs, .. } = &served();
    let made = create(verbs, config_map("c", json!({"a": "1"}))).await.expect("it is valid");
    let request = ReplaceRequest { object: made.clone(), namespace: "default".to_owned(), dry_run: DryRun::No };
    let (again, _) = object_of(verbs.replace(request).await.expect("it is valid"));
    assert_eq!(again, made);
}
