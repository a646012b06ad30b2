//! The Kubernetes API over a real socket and a real store, without any pod running.

pub mod client;
mod fuzz;
mod golden;
mod limits;
pub mod random;
mod streams;

use client::Api;
use futures_util::StreamExt;
use rest::rights::Role;
use serde_json::{Value, json};
use std::time::Duration;

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
           "spec": {"containers": [{"name": "main", "image": "box:1"}]}})
}

const PODS: &str = "/api/v1/namespaces/default/pods";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

#[tokio::test]
async fn an_object_is_made_read_listed_changed_and_deleted() {
    let api = Api::new().await;
    let made = api.post(PODS, &pod("a")).await;
    assert_eq!((made.code, made.body["metadata"]["name"].as_str()), (201, Some("a")), "{made:?}");
    assert_eq!(api.post(PODS, &pod("a")).await.code, 409);
    let read = api.get(&format!("{PODS}/a")).await;
    assert_eq!((read.code, &read.body["kind"]), (200, &json!("Pod")));
    let list = api.get("/api/v1/pods").await;
    assert_eq!((&list.body["kind"], &list.body["items"][0]["metadata"]["name"]), (&json!("PodList"), &json!("a")));
    assert!(list.body["metadata"]["resourceVersion"].is_string());
    let mut changed = read.body.clone();
    changed["metadata"]["labels"]["tier"] = json!("web");
    let put = api.send("PUT", &format!("{PODS}/a"), &[], changed.to_string()).await;
    assert_eq!((put.code, &put.body["metadata"]["labels"]["tier"]), (200, &json!("web")), "{put:?}");
    let stale = api.send("PUT", &format!("{PODS}/a"), &[], changed.to_string()).await;
    assert_eq!((stale.code, stale.reason()), (409, "Conflict"));
    let other = api.send("PUT", &format!("{PODS}/b"), &[], changed.to_string()).await;
    assert_eq!(other.code, 400, "{other:?}");
    let gone = api.send("DELETE", &format!("{PODS}/a"), &[], String::new()).await;
    assert_eq!((gone.code, &gone.body["kind"]), (200, &json!("Pod")));
    let missing = api.get(&format!("{PODS}/a")).await;
    assert_eq!((missing.code, missing.message()), (404, "pods \"a\" not found"));
}

#[tokio::test]
async fn ephemeral_containers_are_added_and_nothing_else_is_changed_by_that() {
    let api = Api::new().await;
    api.post(PODS, &pod("a")).await;
    let path = format!("{PODS}/a/ephemeralcontainers");
    let patch = |change: Value| {
        let api = &api;
        let path = &path;
        async move { api.send("PATCH", path, &[("content-type", "application/strategic-merge-patch+json")], change.to_string()).await }
    };
    let tools = json!({"name": "tools", "image": "box:1", "targetContainerName": "main"});
    let made = patch(json!({"metadata": {"labels": {"x": "y"}}, "spec": {"ephemeralContainers": [tools]}})).await;
    assert_eq!((made.code, &made.body["spec"]["ephemeralContainers"][0]["name"]), (200, &json!("tools")), "{made:?}");
    assert_eq!(made.body["metadata"]["labels"], json!({"app": "a"}));
    let other = patch(json!({"spec": {"ephemeralContainers": [{"name": "tools", "image": "box:2"}]}})).await;
    assert_eq!((other.code, other.reason()), (422, "Invalid"), "{other:?}");
    let target =
        patch(json!({"spec": {"ephemeralContainers": [{"name": "b", "image": "box:1", "targetContainerName": "no"}]}})).await;
    assert_eq!(target.code, 422, "{target:?}");
    // Of an object, the field is not to be written.
    let direct = api
        .send(
            "PATCH",
            &format!("{PODS}/a"),
            &[("content-type", "application/merge-patch+json")],
            json!({"spec": {"ephemeralContainers": []}}).to_string(),
        )
        .await;
    assert_eq!(direct.code, 422, "{direct:?}");
    let mut whole = api.get(&path).await.body;
    whole["spec"]["ephemeralContainers"].as_array_mut().expect("a list").push(json!({"name": "more", "image": "box:1"}));
    let put = api.send("PUT", &path, &[], whole.to_string()).await;
    assert_eq!((put.code, &put.body["spec"]["ephemeralContainers"][1]["name"]), (200, &json!("more")), "{put:?}");
    assert_eq!(api.send("PUT", &path, &[], whole.to_string()).await.code, 409);
    assert_eq!(api.get("/api/v1/nodes/a/ephemeralcontainers").await.code, 404);
}

#[tokio::test]
async fn events_are_served_in_both_versions() {
    const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";
    let api = Api::new().await;
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"}, "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "scheduler", "reportingInstance": "scheduler-1", "action": "Binding", "reason": "Scheduled", "type": "Normal",
        "regarding": {"kind": "Pod", "namespace": "default", "name": "a"}, "note": "placed",
    });
    let made = api.post(EVENTS, &event).await;
    assert_eq!(
        (made.code, &made.body["note"], &made.body["apiVersion"]),
        (201, &json!("placed"), &json!("events.k8s.io/v1")),
        "{made:?}"
    );
    let core = api.get("/api/v1/namespaces/default/events/e").await.body;
    assert_eq!(
        (&core["message"], &core["involvedObject"]["name"], &core["reportingComponent"]),
        (&json!("placed"), &json!("a"), &json!("scheduler"))
    );
    let version = core["metadata"]["resourceVersion"].as_str().expect("a version").to_owned();
    let merge = [("content-type", "application/merge-patch+json")];
    let change = json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}, "note": "placed again"});
    let patched = api.send("PATCH", &format!("{EVENTS}/e"), &merge, change.to_string()).await;
    assert_eq!(
        (patched.code, &patched.body["series"]["count"], &patched.body["note"]),
        (200, &json!(2), &json!("placed again")),
        "{patched:?}"
    );
    let list = api.get(&format!("{EVENTS}?fieldSelector=regarding.name%3Da")).await.body;
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("EventList"), &json!("events.k8s.io/v1")));
    assert_eq!((&list["items"][0]["note"], list["items"].as_array().map(Vec::len)), (&json!("placed again"), Some(1)));
    assert_eq!(api.get(&format!("{EVENTS}?fieldSelector=regarding.name%3Db")).await.body["items"], json!([]));
    let watch = api.get(&format!("{EVENTS}?watch=true&timeoutSeconds=1&resourceVersion={version}")).await;
    let first: Value = serde_json::from_str(watch.text.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&first["type"], &first["object"]["note"]), (&json!("MODIFIED"), &json!("placed again")), "{watch:?}");
    let mut wrong = event.clone();
    wrong["metadata"]["name"] = json!("f");
    wrong["reportingController"] = json!("");
    let refused = api.post(EVENTS, &wrong).await;
    assert_eq!(
        (refused.code, &refused.body["details"]["causes"][0]["field"]),
        (422, &json!("reportingController")),
        "{refused:?}"
    );
    // What one version makes can be changed and deleted in the other.
    let gone = api.send("DELETE", &format!("{EVENTS}/e"), &[], String::new()).await;
    assert_eq!(gone.code, 200, "{gone:?}");
    assert_eq!(api.get("/api/v1/namespaces/default/events/e").await.code, 404);
}

#[tokio::test]
async fn what_was_answered_is_counted_for_prometheus() {
    let api = Api::new().await;
    api.post(PODS, &pod("a")).await;
    api.get(&format!("{PODS}/none")).await;
    api.get("/api/v1/no-such-things").await;
    let text = api.get("/metrics").await;
    assert_eq!((text.code, text.header("content-type").as_deref()), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    let of = |verb: &str, resource: &str, code: u16| {
        let version = if resource.is_empty() { "" } else { "v1" };
        let labels = format!("verb=\"{verb}\",group=\"\",version=\"{version}\",resource=\"{resource}\",subresource=\"\"");
        format!("apiserver_request_total{{{labels},code=\"{code}\"}} 1\n")
    };
    for line in [
        of("POST", "pods", 201),
        of("GET", "pods", 404),
        of("GET", "", 404),
        "apiserver_resource_objects{group=\"\",resource=\"pods\"} 1\n".to_owned(),
        "skiff_cluster_members{state=\"alive\"} 1\n".to_owned(),
        "skiff_store_commit_failures_total 0\n".to_owned(),
        "# TYPE process_resident_memory_bytes gauge\n".to_owned(),
    ] {
        assert!(text.text.contains(&line), "{line} is not in\n{}", text.text);
    }
    assert_eq!(api.remote(Some(Role::Viewer)).await.get("/metrics").await.code, 200);
    assert_eq!(api.remote(None).await.get("/metrics").await.code, 401);
}

#[tokio::test]
async fn a_watch_comes_over_a_websocket_an_event_a_message() {
    let api = Api::new().await;
    for name in ["a", "b"] {
        api.post(PODS, &pod(name)).await;
    }
    let stream = tokio::net::UnixStream::connect(api.socket()).await.expect("a connection");
    let url = format!("ws://localhost{PODS}?watch=true");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.expect("a websocket");
    for name in ["a", "b", "c"] {
        if name == "c" {
            api.post(PODS, &pod(name)).await;
        }
        let message = socket.next().await.expect("it goes on").expect("a message");
        let event: Value = serde_json::from_str(message.to_text().expect("text")).expect("JSON");
        assert_eq!((&event["type"], &event["object"]["metadata"]["name"]), (&json!("ADDED"), &json!(name)));
    }
}

#[tokio::test]
async fn protobuf_is_answered_to_who_takes_nothing_else() {
    const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
    let api = Api::new().await;
    api.post(PODS, &pod("a")).await;
    let ask = async |path: &str| api.send("GET", path, &[("accept", PROTOBUF)], String::new()).await;
    for (path, code) in
        [(format!("{PODS}/a"), 200), (PODS.to_owned(), 200), (format!("{PODS}/b"), 404), ("/version".to_owned(), 406)]
    {
        let answer = ask(&path).await;
        assert_eq!((answer.code, answer.header("content-type").as_deref()), (code, Some(PROTOBUF)), "{path}: {answer:?}");
        assert!(answer.text.starts_with("k8s\0"), "{path}: {answer:?}");
    }
    let watch = ask(&format!("{PODS}?watch=true&timeoutSeconds=1")).await;
    assert_eq!(watch.header("content-type").as_deref(), Some("application/vnd.kubernetes.protobuf;stream=watch"));
    assert!(watch.text.contains("ADDED") && watch.text.contains("k8s\0"), "{watch:?}");
    let table = api.send("GET", PODS, &[("accept", &format!("{PROTOBUF};as=Table;v=v1;g=meta.k8s.io"))], String::new()).await;
    assert_eq!(table.code, 406);
}

#[tokio::test]
async fn yaml_is_taken_and_given() {
    let api = Api::new().await;
    let text = "metadata:\n  name: a\nspec:\n  containers:\n  - name: main\n    image: box:1\n";
    let headers = [("content-type", "application/yaml"), ("accept", "application/yaml")];
    let made = api.send("POST", PODS, &headers, text.to_owned()).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert!(made.text.contains("\n  name: a\n") && made.text.starts_with("apiVersion: v1\nkind: Pod\n"), "{}", made.text);
}

#[tokio::test]
async fn unknown_fields_are_refused_told_or_dropped() {
    let api = Api::new().await;
    let object = |name: &str| {
        let mut object = pod(name);
        object["spec"]["colour"] = json!("red");
        object.to_string()
    };
    let strict = api.send("POST", &format!("{PODS}?fieldValidation=Strict"), &[], object("a")).await;
    assert_eq!(strict.code, 400);
    assert!(strict.message().contains("strict decoding error: unknown field \"spec.colour\""), "{strict:?}");
    let warned = api.send("POST", PODS, &[], object("a")).await;
    assert_eq!((warned.code, warned.header("warning").as_deref()), (201, Some("299 - \"unknown field \\\"spec.colour\\\"\"")));
    assert!(warned.body["spec"].get("colour").is_none());
    let ignored = api.send("POST", &format!("{PODS}?fieldValidation=Ignore"), &[], object("b")).await;
    assert_eq!((ignored.code, ignored.header("warning")), (201, None));
    let wrong = api.send("POST", &format!("{PODS}?fieldValidation=Maybe"), &[], object("c")).await;
    assert_eq!((wrong.code, wrong.reason()), (422, "Invalid"));
}

#[tokio::test]
async fn nothing_is_kept_of_a_dry_run() {
    let api = Api::new().await;
    assert_eq!(api.post(&format!("{PODS}?dryRun=All"), &pod("a")).await.code, 201);
    assert_eq!(api.get(&format!("{PODS}/a")).await.code, 404);
    assert_eq!(api.post(&format!("{PODS}?dryRun=Some"), &pod("a")).await.code, 400);
}

#[tokio::test]
async fn a_list_comes_in_pages_of_one_version() {
    let api = Api::new().await;
    for name in ["a", "b", "c", "d", "e"] {
        api.post(PODS, &pod(name)).await;
    }
    let first = api.get(&format!("{PODS}?limit=2")).await.body;
    assert_eq!((first["items"].as_array().map(Vec::len), &first["metadata"]["remainingItemCount"]), (Some(2), &json!(3)));
    api.post(PODS, &pod("bb")).await;
    let token = first["metadata"]["continue"].as_str().expect("a token");
    let second = api.get(&format!("{PODS}?limit=9&continue={token}")).await.body;
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let names: Vec<&str> =
        second["items"].as_array().expect("items").iter().filter_map(|pod| pod["metadata"]["name"].as_str()).collect();
    assert_eq!(names, ["bb", "c", "d", "e"]);
    assert!(second["metadata"].get("continue").is_none());
    assert_eq!(api.get(&format!("{PODS}?continue=zzz")).await.code, 400);
}

#[tokio::test]
async fn a_table_has_cells_and_metadata_or_the_whole_object() {
    let api = Api::new().await;
    api.post(PODS, &pod("a")).await;
    let table = api.send("GET", PODS, &[("accept", TABLE)], String::new()).await.body;
    assert_eq!((&table["kind"], &table["columnDefinitions"][0]["name"]), (&json!("Table"), &json!("Name")));
    assert_eq!(table["rows"][0]["cells"][2], "Pending");
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let one = api.send("GET", &format!("{PODS}/a?includeObject=Object"), &[("accept", TABLE)], String::new()).await.body;
    assert_eq!(one["rows"][0]["object"]["spec"]["containers"][0]["name"], "main");
    let metadata = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let list = api.send("GET", PODS, &[("accept", metadata)], String::new()).await.body;
    assert_eq!(
        (&list["kind"], &list["items"][0]["kind"]),
        (&json!("PartialObjectMetadataList"), &json!("PartialObjectMetadata"))
    );
    let nothing = api.send("GET", PODS, &[("accept", "text/html")], String::new()).await;
    assert_eq!((nothing.code, nothing.reason()), (406, "NotAcceptable"));
}

#[tokio::test]
async fn a_watch_tells_what_is_there_and_what_changes() {
    let api = Api::new().await;
    api.post(PODS, &pod("a")).await;
    let version = api.get(PODS).await.body["metadata"]["resourceVersion"].as_str().expect("a version").to_owned();
    let mut whole = api.watch(&format!("{PODS}?watch=1"), &[]).await;
    assert_eq!(whole.next().await, ("ADDED".to_owned(), "a".to_owned()));
    let mut later = api.watch(&format!("{PODS}?watch=true&resourceVersion={version}&labelSelector=app%3Db"), &[]).await;
    api.post(PODS, &pod("b")).await;
    assert_eq!(whole.next().await, ("ADDED".to_owned(), "b".to_owned()));
    assert_eq!(later.next().await, ("ADDED".to_owned(), "b".to_owned()));
    api.send("DELETE", &format!("{PODS}/b"), &[], String::new()).await;
    assert_eq!(later.next().await, ("DELETED".to_owned(), "b".to_owned()));
}

#[tokio::test]
async fn a_streaming_list_ends_with_a_marked_bookmark() {
    let api = Api::new().await;
    api.post(PODS, &pod("a")).await;
    let query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = api.watch(&format!("{PODS}?{query}"), &[]).await;
    assert_eq!(watch.next_event().await["object"]["metadata"]["name"], "a");
    let mark = watch.next_event().await;
    assert_eq!(mark["type"], "BOOKMARK");
    assert_eq!(mark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(mark["object"]["kind"], "Pod");
    let refused = api.get(&format!("{PODS}?watch=true&sendInitialEvents=true")).await;
    assert_eq!((refused.code, refused.reason()), (422, "Invalid"));
}

#[tokio::test]
async fn a_watch_ends_in_time_and_one_of_the_past_is_told_to_list() {
    let api = Api::new().await;
    let mut short = api.watch(&format!("{PODS}?watch=true&timeoutSeconds=1&allowWatchBookmarks=true"), &[]).await;
    assert_eq!(short.next_event().await["type"], "BOOKMARK");
    assert!(short.is_over().await);
    let mut old = api.watch(&format!("{PODS}?watch=true&resourceVersion=1"), &[]).await;
    let event = old.next_event().await;
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert!(old.is_over().await);
}

#[tokio::test]
async fn a_watched_table_has_its_columns_once() {
    let api = Api::new().await;
    api.post(PODS, &pod("a")).await;
    let mut watch = api.watch(&format!("{PODS}?watch=true"), &[("accept", TABLE)]).await;
    let first = watch.next_event().await;
    assert!(first["object"]["columnDefinitions"].is_array(), "{first}");
    api.post(PODS, &pod("b")).await;
    let second = watch.next_event().await;
    assert_eq!((&second["object"]["columnDefinitions"], &second["object"]["rows"][0]["cells"][0]), (&Value::Null, &json!("b")));
}

#[tokio::test]
async fn all_that_are_selected_are_deleted() {
    let api = Api::new().await;
    for name in ["a", "b", "c"] {
        api.post(PODS, &pod(name)).await;
    }
    let deleted = api.send("DELETE", &format!("{PODS}?labelSelector=app+in+(a,b)"), &[], String::new()).await;
    assert_eq!((deleted.code, deleted.body["items"].as_array().map(Vec::len)), (200, Some(2)), "{deleted:?}");
    assert_eq!(api.get(PODS).await.body["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn discovery_health_and_version_are_served() {
    let api = Api::new().await;
    let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let answer = api.send("GET", "/api", &[("accept", aggregated)], String::new()).await;
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
    );
    assert_eq!(api.get("/api").await.body["versions"], json!(["v1"]));
    assert_eq!(api.get("/apis").await.body["kind"], "APIGroupList");
    assert_eq!(api.get("/api/v1").await.body["kind"], "APIResourceList");
    assert_eq!(api.get("/version").await.body["minor"], "36");
    assert_eq!(api.get("/readyz").await.text, "ok");
    assert!(api.get("/livez?verbose").await.text.ends_with("livez check passed\n"));
    assert_eq!(api.get("/nothing").await.text, "404 page not found\n");
    assert_eq!(api.send("POST", "/version", &[], String::new()).await.code, 405);
}

#[tokio::test]
async fn rights_are_those_of_the_certificate_or_token_and_a_stranger_learns_nothing() {
    let api = Api::new().await;
    api.post(PODS, &pod("a")).await;
    let (viewer, stranger) = (api.remote(Some(Role::Viewer)).await, api.remote(None).await);
    assert_eq!(viewer.get(PODS).await.code, 200);
    let refused = viewer.send("DELETE", &format!("{PODS}/a"), &[], String::new()).await;
    assert_eq!((refused.code, refused.reason()), (403, "Forbidden"));
    let expected =
        "pods \"a\" is forbidden: User \"ada\" cannot delete resource \"pods\" in API group \"\" in the namespace \"default\"";
    assert_eq!(refused.message(), expected);
    for path in ["/", "/version", "/healthz", "/api", PODS, "/nothing", "/v1"] {
        let answer = stranger.get(path).await;
        assert_eq!((answer.code, answer.message(), answer.reason()), (401, "Unauthorized", "Unauthorized"), "{path}");
    }
    let token = format!("Bearer {}", api.token(Role::Operator, Duration::from_secs(60)));
    let made = stranger.send("POST", PODS, &[("authorization", &token)], pod("b").to_string()).await;
    assert_eq!(made.code, 201);
    let node = stranger.send("DELETE", "/api/v1/nodes/n", &[("authorization", &token)], String::new()).await;
    assert_eq!(node.code, 403);
    let late = format!("Bearer {}", api.token(Role::Admin, Duration::ZERO));
    for bad in [late.as_str(), "Bearer x", "Basic YTpi", ""] {
        assert_eq!(viewer.send("GET", PODS, &[("authorization", bad)], String::new()).await.code, 401, "{bad}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_or_none_is_refused() {
    let api = Api::new().await;
    let large = format!("\"{}\"", "x".repeat(super::body::MAX_BYTES));
    let refused = api.send("POST", PODS, &[], large).await;
    assert_eq!((refused.code, refused.reason()), (413, "RequestEntityTooLarge"));
    assert_eq!(api.send("POST", PODS, &[], String::new()).await.code, 400);
    assert_eq!(api.send("POST", PODS, &[], "[1]".to_owned()).await.code, 400);
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
    assert_eq!(api.post(PODS, &node).await.code, 400);
}

const APPLY: (&str, &str) = ("content-type", "application/apply-patch+yaml");

#[tokio::test]
async fn a_patch_of_every_form_changes_what_it_says() {
    let api = Api::new().await;
    api.post(PODS, &pod("a")).await;
    let path = format!("{PODS}/a");
    let patch = async |form: &str, body: Value| {
        let media = format!("application/{form}+json");
        api.send("PATCH", &path, &[("content-type", &media)], body.to_string()).await
    };
    let merged = patch("merge-patch", json!({"metadata": {"labels": {"tier": "web"}}})).await;
    assert_eq!((merged.code, &merged.body["metadata"]["labels"]), (200, &json!({"app": "a", "tier": "web"})), "{merged:?}");
    let strategic = patch("strategic-merge-patch", json!({"spec": {"containers": [{"name": "main", "image": "box:2"}]}})).await;
    assert_eq!((strategic.code, &strategic.body["spec"]["containers"][0]["image"]), (200, &json!("box:2")), "{strategic:?}");
    let operations = json!([{"op": "test", "path": "/metadata/labels/tier", "value": "web"}, {"op": "remove", "path": "/metadata/labels/tier"}]);
    let listed = patch("json-patch", operations.clone()).await;
    assert_eq!((listed.code, &listed.body["metadata"]["labels"]), (200, &json!({"app": "a"})), "{listed:?}");
    assert_eq!(patch("json-patch", operations).await.code, 422);
    let version = listed.body["metadata"]["resourceVersion"].clone();
    let again = patch("merge-patch", json!({"metadata": {"labels": {"app": "a"}}})).await;
    assert_eq!((again.code, &again.body["metadata"]["resourceVersion"]), (200, &version), "a patch that changes nothing");
    let stale = patch("merge-patch", json!({"metadata": {"resourceVersion": "1", "labels": {"app": "b"}}})).await;
    assert_eq!((stale.code, stale.reason()), (409, "Conflict"));
    assert_eq!(patch("unheard-of", json!({})).await.code, 415);
    assert_eq!(patch("merge-patch", json!({"spec": {"nodeName": "n2"}})).await.code, 422);
    let managers = listed.body["metadata"]["managedFields"].as_array().expect("managers").len();
    assert!(managers >= 1);
    let missing =
        api.send("PATCH", &format!("{PODS}/b"), &[("content-type", "application/merge-patch+json")], "{}".to_owned()).await;
    assert_eq!((missing.code, missing.reason()), (404, "NotFound"));
}

#[tokio::test]
async fn who_applies_manages_what_it_says() {
    let api = Api::new().await;
    let apply = async |manager: &str, more: &str, tier: &str| {
        let mut object = pod("a");
        object["metadata"]["labels"]["tier"] = json!(tier);
        api.send("PATCH", &format!("{PODS}/a?fieldManager={manager}{more}"), &[APPLY], object.to_string()).await
    };
    assert_eq!(apply("one", "", "web").await.code, 201);
    assert_eq!(apply("one", "", "web").await.code, 200);
    let conflict = apply("two", "", "db").await;
    assert_eq!((conflict.code, conflict.reason()), (409, "Conflict"));
    assert!(conflict.message().contains("conflict with \"one\""), "{conflict:?}");
    let forced = apply("two", "&force=true", "db").await;
    assert_eq!((forced.code, &forced.body["metadata"]["labels"]["tier"]), (200, &json!("db")), "{forced:?}");
    let nameless = api.send("PATCH", &format!("{PODS}/a"), &[APPLY], pod("a").to_string()).await;
    assert_eq!((nameless.code, nameless.reason()), (422, "Invalid"));
}

#[tokio::test]
async fn openapi_is_served_by_its_hash() {
    let api = Api::new().await;
    let index = api.get("/openapi/v3").await.body;
    let url = index["paths"]["api/v1"]["serverRelativeURL"].as_str().expect("a URL").to_owned();
    let document = api.get(&url).await;
    assert_eq!(document.header("cache-control").as_deref(), Some("public, immutable"));
    assert!(document.body["components"]["schemas"]["io.k8s.api.core.v1.Pod"].is_object());
    let tag = document.header("etag").expect("a tag");
    assert_eq!(api.send("GET", "/openapi/v3/api/v1", &[("if-none-match", &tag)], String::new()).await.code, 304);
}
