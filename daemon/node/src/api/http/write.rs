//! create, update, delete: what changes objects.

use super::answer::{self, Body};
use super::body;
use super::read::{self, reference, selection};
use super::site::{Asked, text};
use crate::verbs::Verbs;
use hyper::body::Incoming;
use hyper::header::USER_AGENT;
use hyper::{Response, StatusCode};
use objects::strictness::{self, Strictness};
use objects::{Kind, Status, admission, lookup};
use rest::resource::Resource;
use serde_json::{Value, json};
use wire::{CreateRequest, DeleteOptions, DeleteRequest, DryRun, Propagation, ReplaceRequest};

/// A new object.
pub async fn create(verbs: &Verbs, asked: &Asked, body: Incoming) -> Result<Response<Body>, Status> {
    let Sent { object, warnings } = sent(asked, body).await?;
    let namespace = asked.target.namespace().to_owned();
    let made = verbs.create_by(CreateRequest { object, namespace, dry_run: dry_run(asked)? }, &manager(asked)).await?;
    changed(asked, StatusCode::CREATED, made, warnings)
}

/// Another version of an object.
pub async fn update(verbs: &Verbs, asked: &Asked, body: Incoming) -> Result<Response<Body>, Status> {
    let Sent { object, warnings } = sent(asked, body).await?;
    let name = asked.target.name.as_deref().unwrap_or_default();
    match lookup::name(&object) {
        "" => return Err(Status::bad_request("name must be provided")),
        own if own != name => {
            let message = format!("the name of the object ({own}) does not match the name on the URL ({name})");
            return Err(Status::bad_request(message));
        }
        _ => {}
    }
    let namespace = asked.target.namespace().to_owned();
    let made =
        verbs.replace_by(ReplaceRequest { object, namespace, dry_run: dry_run(asked)? }, &manager(asked), asked.below()).await?;
    changed(asked, StatusCode::OK, made, warnings)
}

/// The answer to a change, with what the client should know of it.
pub fn changed(
    asked: &Asked,
    code: StatusCode,
    made: wire::Response,
    mut warnings: Vec<String>,
) -> Result<Response<Body>, Status> {
    let wire::Response::Object { object, warnings: more, .. } = made else {
        return Err(Status::internal("an object was changed and something else was answered"));
    };
    warnings.extend(more);
    Ok(answer::warn(read::one(asked, code, *object)?, &warnings))
}

/// An object that a client sent.
struct Sent {
    object: Value,
    warnings: Vec<String>,
}

async fn sent(asked: &Asked, body: Incoming) -> Result<Sent, Status> {
    let object = body::object(body, &asked.headers).await?;
    let object = object.ok_or_else(|| Status::bad_request("the request has no body: send an object"))?;
    let object = of_kind(object, asked.target.resource)?;
    if asked.verb == "create" {
        asked.view().check_new(&object)?;
    }
    let mut object = asked.view().kept(object);
    let warnings = strictness::relax(&mut object, asked.kind, strictness(asked)?);
    Ok(Sent { object, warnings })
}

/// An object that says that it is of a resource's kind, or says nothing.
pub fn of_kind(mut object: Value, resource: &Resource) -> Result<Value, Status> {
    let (api_version, kind) = (resource.api_version(), resource.kind_name);
    let Some(fields) = object.as_object_mut() else {
        return Err(Status::bad_request("couldn't get version/kind; json parse error: an object is expected"));
    };
    // Who posts to a kind's place may leave out what it is.
    for (field, value) in [("apiVersion", api_version.as_str()), ("kind", kind)] {
        if fields.get(field).is_none_or(|found| found.is_null() || found == "") {
            fields.insert(field.to_owned(), value.into());
        }
    }
    let found = (lookup::text(&object, "/apiVersion"), lookup::text(&object, "/kind"));
    if found.1 == kind && found.0 != api_version {
        admission::kind_of(&object)?;
        let message =
            format!("the API version in the data ({}) does not match the expected API version ({api_version})", found.0);
        return Err(Status::bad_request(message));
    }
    if found.1 != kind {
        let message = format!("{} in version {:?} cannot be handled as a {kind}: it is another kind", found.1, found.0);
        return Err(Status::bad_request(message));
    }
    Ok(object)
}

/// Who writes: what the request says, or the program's name.
pub fn manager(asked: &Asked) -> String {
    let agent = text(&asked.headers, USER_AGENT.as_str()).and_then(|agent| agent.split('/').next());
    let name = asked.query.text("fieldManager").or(agent).unwrap_or("unknown");
    name.chars().filter(|letter| !letter.is_control()).take(128).collect()
}

/// What is done about fields that no type has.
pub fn strictness(asked: &Asked) -> Result<Strictness, Status> {
    match asked.query.text("fieldValidation") {
        None | Some("Warn") => Ok(Strictness::Warn),
        Some("Strict") => Ok(Strictness::Strict),
        Some("Ignore") => Ok(Strictness::Ignore),
        Some(other) => {
            let options = match asked.verb {
                "create" => "CreateOptions",
                "patch" => "PatchOptions",
                _ => "UpdateOptions",
            };
            let message = format!("Unsupported value: {other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\"");
            Err(invalid_options(options, "fieldValidation", "FieldValueNotSupported", message))
        }
    }
}

/// 422 for the options of a request.
pub fn invalid_options(options: &str, field: &str, reason: &str, message: String) -> Status {
    let text = format!("{options}.meta.k8s.io \"\" is invalid: {field}: {message}");
    let causes = vec![objects::Cause { reason: reason.to_owned(), message, field: field.to_owned() }];
    let details = objects::StatusDetails {
        group: "meta.k8s.io".to_owned(),
        kind: options.to_owned(),
        causes,
        ..objects::StatusDetails::default()
    };
    Status { code: 422, reason: "Invalid".to_owned(), message: text, details: Some(Box::new(details)) }
}

/// Whether the request is only tried.
pub fn dry_run(asked: &Asked) -> Result<DryRun, Status> {
    Ok(if asked.query.is_dry_run()? { DryRun::Yes } else { DryRun::No })
}

/// How something is to be deleted.
struct Options {
    grace_period_seconds: Option<i64>,
    uid: Option<String>,
    dry_run: DryRun,
    options: DeleteOptions,
}

async fn options(asked: &Asked, body: Incoming) -> Result<Options, Status> {
    let sent = body::object(body, &asked.headers).await?.unwrap_or_else(|| json!({}));
    let kind = lookup::text(&sent, "/kind");
    if !matches!(kind, "" | "DeleteOptions") {
        return Err(Status::bad_request(format!("{kind} cannot be handled as DeleteOptions: it is another kind")));
    }
    let own_dry_run = lookup::list(&sent, "/dryRun").iter().any(|value| value == "All");
    let text = |pointer: &str| Some(lookup::text(&sent, pointer)).filter(|text| !text.is_empty());
    Ok(Options {
        options: DeleteOptions {
            resource_version: text("/preconditions/resourceVersion").map(str::to_owned),
            propagation: propagation(&sent, text("/propagationPolicy").or(asked.query.text("propagationPolicy")))?,
        },
        grace_period_seconds: match sent.get("gracePeriodSeconds").and_then(Value::as_i64) {
            Some(seconds) => Some(seconds),
            None => asked.query.number("gracePeriodSeconds")?,
        },
        uid: text("/preconditions/uid").map(str::to_owned),
        dry_run: if own_dry_run { DryRun::Yes } else { dry_run(asked)? },
    })
}

/// What becomes of what the object owns.
fn propagation(sent: &Value, policy: Option<&str>) -> Result<Option<Propagation>, Status> {
    let orphans = sent.get("orphanDependents").and_then(Value::as_bool);
    if orphans.is_some() && policy.is_some() {
        let message = "Invalid value: \"orphanDependents and deletionPropagation cannot be both set\"".to_owned();
        return Err(invalid_options("DeleteOptions", "propagationPolicy", "FieldValueInvalid", message));
    }
    match (policy, orphans) {
        (None, None) => Ok(None),
        (Some("Background"), _) | (None, Some(false)) => Ok(Some(Propagation::Background)),
        (Some("Foreground"), _) => Ok(Some(Propagation::Foreground)),
        (Some("Orphan"), _) | (None, Some(true)) => Ok(Some(Propagation::Orphan)),
        (Some(other), _) => {
            let message =
                format!("Unsupported value: {other:?}: supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"");
            Err(invalid_options("DeleteOptions", "propagationPolicy", "FieldValueNotSupported", message))
        }
    }
}

/// Deletes one object.
pub async fn delete(verbs: &Verbs, asked: &Asked, body: Incoming) -> Result<Response<Body>, Status> {
    let Options { grace_period_seconds, uid, dry_run, options } = options(asked, body).await?;
    let request = DeleteRequest { object: reference(asked), grace_period_seconds, uid, dry_run, options };
    let deleted = verbs.delete(request).await?;
    let wire::Response::Object { object, warnings, .. } = &deleted else {
        return Err(Status::internal("an object was deleted and something else was answered"));
    };
    // A pod is answered with, whether it is gone or is going; of others that are gone only that is said.
    let is_going = object.pointer("/metadata/deletionTimestamp").is_some();
    if is_going || matches!(asked.kind, Kind::Pod) {
        return changed(asked, StatusCode::OK, deleted, Vec::new());
    }
    let uid = lookup::text(object, "/metadata/uid");
    let document = rest::refusal::success(lookup::name(object), asked.group(), asked.target.resource.plural, uid);
    Ok(answer::warn(answer::value(StatusCode::OK, &document, asked.wanted.encoding), warnings))
}

/// Deletes all objects that are selected.
pub async fn delete_collection(verbs: &Verbs, asked: &Asked, body: Incoming) -> Result<Response<Body>, Status> {
    let options = options(asked, body).await?;
    let kind = asked.kind;
    let found = verbs.select(kind, &selection(asked))?;
    let mut deleted = Vec::new();
    for object in &found.items {
        let key = object.key();
        let request = DeleteRequest {
            object: wire::ObjectRef { kind, namespace: key.namespace.clone(), name: key.name.clone() },
            grace_period_seconds: options.grace_period_seconds,
            uid: Some(object.uid().to_owned()),
            dry_run: options.dry_run,
            options: DeleteOptions { resource_version: None, ..options.options.clone() },
        };
        match verbs.delete(request).await {
            Ok(wire::Response::Object { object, .. }) => deleted.push(*object),
            Ok(_) => {}
            // Somebody else was quicker.
            Err(status) if matches!(status.code, 404 | 409) => {}
            Err(status) => return Err(status),
        }
    }
    let list = json!({
        "kind": format!("{}List", kind.name()),
        "apiVersion": asked.target.resource.api_version(),
        "metadata": {"resourceVersion": found.resource_version.to_string()},
        "items": deleted.into_iter().map(|object| asked.view().shown(object)).collect::<Vec<_>>(),
    });
    Ok(answer::value(StatusCode::OK, &list, asked.wanted.encoding))
}
