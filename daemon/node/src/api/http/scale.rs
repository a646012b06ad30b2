//! The subresource `scale`: how many pods are wanted of a ReplicaSet or Deployment.

use super::answer::{self, Body};
use super::read::reference;
use super::site::Asked;
use super::write::{dry_run, manager};
use super::{body, patch};
use crate::verbs::Verbs;
use hyper::body::Incoming;
use hyper::{Response, StatusCode};
use objects::{Status, scale};
use serde_json::Value;
use wire::{ObjectRef, ReplaceRequest};

/// Answers a request for one.
pub async fn answer(verbs: &Verbs, asked: &Asked, sent: Incoming) -> Result<Response<Body>, Status> {
    match asked.verb {
        "get" => shown(asked, verbs.get(&reference(asked)).await?),
        "update" => {
            let wanted = body::object(sent, &asked.headers).await?;
            let wanted = wanted.ok_or_else(|| Status::bad_request("the request has no body: send a Scale"))?;
            shown(asked, update(verbs, asked, wanted).await?)
        }
        "patch" => shown(asked, verbs.patch(patch::read(asked, sent).await?).await?),
        _ => Err(rest::refusal::no_such_resource()),
    }
}

async fn update(verbs: &Verbs, asked: &Asked, wanted: Value) -> Result<wire::Response, Status> {
    let ObjectRef { namespace, .. } = reference(asked);
    let found = verbs.get(&reference(asked)).await?;
    let wire::Response::Object { object, .. } = found else { return Err(unexpected()) };
    let object = scale::scaled(*object, &wanted)?;
    verbs.replace_by(ReplaceRequest { object, namespace, dry_run: dry_run(asked)? }, &manager(asked), "").await
}

fn shown(asked: &Asked, answered: wire::Response) -> Result<Response<Body>, Status> {
    let wire::Response::Object { object, warnings, .. } = answered else { return Err(unexpected()) };
    Ok(answer::warn(answer::value(StatusCode::OK, &scale::of(&object), asked.wanted.encoding), &warnings))
}

fn unexpected() -> Status {
    Status::internal("a scale was asked for and something else was found")
}
