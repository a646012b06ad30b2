//! Answers of a real API server, over HTTP: where the folder with them is there.

use super::client::Api;
use super::{PODS, TABLE};
use serde_json::{Value, json};
use std::path::PathBuf;
use store::{Durability, Key, Preconditions};

const MERGE_PATCH: &str = "application/merge-patch+json";

/// `SKIFF_CASES`, or `shared/cases` beside the project.
fn golden(file: &str) -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases");
    let folder = std::env::var_os("SKIFF_CASES").map_or(beside, PathBuf::from);
    let path = folder.join("golden").join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).expect("JSON")),
        Err(_) => {
            eprintln!("skipped: no {}", path.display());
            None
        }
    }
}

/// The URL of a manifest's kind.
fn place(manifest: &Value) -> String {
    match manifest["kind"].as_str() {
        Some("Pod") | None => PODS.to_owned(),
        Some(kind) => format!("/api/v1/namespaces/default/{}s", kind.to_lowercase()),
    }
}

#[tokio::test]
async fn manifests_that_are_refused_are_refused_in_the_same_words() {
    let Some(cases) = golden("errors.json") else { return };
    let api = Api::new().await;
    let mut differ = Vec::new();
    for case in cases.as_array().expect("a list").iter().filter(|case| case.get("manifest").is_some()) {
        // The cluster that was observed lets nobody be privileged; here everybody may.
        if case["case"] == "priv+no escalation" {
            continue;
        }
        // One after another has the same name.
        let place = format!("{}?fieldValidation=Strict&dryRun=All", place(&case["manifest"]));
        let answer = api.post(&place, &case["manifest"]).await;
        let causes = answer.body["details"]["causes"].clone();
        let seen = (json!(answer.code), answer.body["reason"].clone(), answer.body["message"].clone(), causes);
        let expected = (case["status"].clone(), case["reason"].clone(), case["message"].clone(), case["causes"].clone());
        let has_none = |causes: &Value| causes.as_array().is_none_or(Vec::is_empty);
        let is_same = seen.0 == expected.0
            && seen.1 == expected.1
            && seen.2 == expected.2
            && (seen.3 == expected.3 || has_none(&seen.3) && has_none(&expected.3));
        if !is_same {
            differ.push(format!("{}:\n  expected {expected:?}\n  seen     {seen:?}", case["case"]));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

#[tokio::test]
async fn requests_that_are_refused_are_refused_in_the_same_words() {
    let Some(cases) = golden("errors.json") else { return };
    let api = Api::new().await;
    let imm = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "imm"},
                     "spec": {"containers": [{"name": "a", "image": "busybox"}]}});
    assert_eq!(api.post(PODS, &imm).await.code, 201);
    let uid = api.get(&format!("{PODS}/imm")).await.body["metadata"]["uid"].as_str().expect("a uid").to_owned();
    let mut differ = Vec::new();
    for case in cases.as_array().expect("a list").iter().filter(|case| case.get("request").is_some()) {
        let name = case["case"].as_str().unwrap_or_default();
        let text = |index: usize| case["request"][index].as_str().unwrap_or_default().to_owned();
        let (method, path) = (text(0), text(1));
        if name == "deadline raise" {
            let deadline = json!({"spec": {"activeDeadlineSeconds": 30}});
            let patched = api.send("PATCH", &path, &[("content-type", MERGE_PATCH)], deadline.to_string()).await;
            assert_eq!(patched.code, 200);
        }
        let body = match &case["request"][2] {
            Value::Object(_) => case["request"][2].to_string(),
            _ => {
                if method == "POST" {
                    "x".to_owned()
                } else {
                    String::new()
                }
            }
        };
        let media = match method.as_str() {
            "PATCH" if name == "apply without manager" => "application/apply-patch+yaml",
            "PATCH" => "application/strategic-merge-patch+json",
            _ if name == "bad content type" => "text/x",
            _ => "application/json",
        };
        let headers = [("content-type", media)];
        let answer = api.send(&method, &path, &headers, body).await;
        let message = answer.body["message"].as_str().map_or_else(|| answer.text.clone(), str::to_owned);
        let expected = case["message"].as_str().unwrap_or_default().replace("a556f46c-4f4c-48ad-a118-9c8e1f175a74", &uid);
        let is_fine = case["status"] == 200 || message == expected && answer.body["details"] == case["details"];
        if json!(answer.code) != case["status"] || !is_fine {
            differ
                .push(format!("{name}:\n  expected {} {expected:?} {}\n  seen     {answer:?}", case["status"], case["details"]));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

#[tokio::test]
async fn a_table_of_pods_has_the_same_cells() {
    let Some(table) = golden("status-table.json") else { return };
    // Of a pod that is bound only its node says how it is.
    let api = Api::of("node1").await;
    let mut differ = Vec::new();
    for row in table["rows"].as_array().expect("rows") {
        let name = row["pod"]["metadata"]["name"].as_str().expect("a name");
        let key = Key::new(objects::Kind::Pod, "default", name);
        api.store().create(key.clone(), row["pod"].clone()).await.expect("stored");
        if let Some(node) = row["pod"]["spec"]["nodeName"].as_str() {
            api.store().bind(key.clone(), node, Preconditions::default()).await.expect("bound");
        }
        let status = row["pod"]["status"].clone();
        api.store().update_status(key, status, Preconditions::default(), Durability::Soon).await.expect("written");
        let seen = api.send("GET", &format!("{PODS}/{name}"), &[("accept", TABLE)], String::new()).await.body;
        let columns: Vec<&Value> =
            seen["columnDefinitions"].as_array().expect("columns").iter().map(|column| &column["name"]).collect();
        assert_eq!(json!(columns), table["columns"]);
        let (mut cells, mut expected) = (seen["rows"][0]["cells"].clone(), row["cells"].clone());
        // Ages are counted to now.
        for cells in [&mut cells, &mut expected] {
            cells[4] = json!("");
            let restarts = cells[3].as_str().unwrap_or_default().split(' ').next().unwrap_or_default().to_owned();
            cells[3] = json!(restarts);
        }
        let conditions = seen["rows"][0].get("conditions").cloned().unwrap_or_default();
        if cells != expected || conditions != row["row_conditions"] {
            differ.push(format!(
                "{}:\n  expected {expected} {}\n  seen     {cells} {conditions}",
                row["case"], row["row_conditions"]
            ));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}
