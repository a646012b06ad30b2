//! What is below an object and is an object itself: its status, a pod's resources, its ephemeral containers, its binding, its eviction.

use super::answer::{self, Body};
use super::site::Asked;
use super::write::dry_run;
use super::{body, patch, read, write};
use crate::verbs::Verbs;
use hyper::body::Incoming;
use hyper::{Response, StatusCode};
use objects::Status;
use rest::refusal;
use serde_json::{Value, json};

/// Answers a request for one.
pub async fn answer(verbs: &Verbs, asked: &Asked, name: &str, sent: Incoming) -> Result<Response<Body>, Status> {
    match (name, asked.verb) {
        ("status" | "resize" | "ephemeralcontainers", "get") => read::get(verbs, asked).await,
        ("status" | "resize" | "ephemeralcontainers", "update") => write::update(verbs, asked, sent).await,
        ("status" | "resize" | "ephemeralcontainers", "patch") => patch::answer(verbs, asked, sent).await,
        ("binding", "create") => {
            let (namespace, pod, binding) = of_pod(asked, sent).await?;
            verbs.bind(namespace, &pod, &binding, dry_run(asked)?).await?;
            Ok(done(asked))
        }
        ("eviction", "create") => {
            let (namespace, pod, eviction) = of_pod(asked, sent).await?;
            verbs.evict(namespace, &pod, &eviction, dry_run(asked)?).await?;
            Ok(done(asked))
        }
        _ => Err(refusal::no_such_resource()),
    }
}

async fn of_pod(asked: &Asked, sent: Incoming) -> Result<(&str, String, Value), Status> {
    let object = body::object(sent, &asked.headers).await?;
    let object = object.ok_or_else(|| Status::bad_request("the request has no body: send an object"))?;
    Ok((asked.target.namespace(), asked.target.name.clone().unwrap_or_default(), object))
}

fn done(asked: &Asked) -> Response<Body> {
    let document = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    answer::value(StatusCode::CREATED, &document, asked.wanted.encoding)
}
