//! patch: a change of an object in one of the forms that there are.

use super::answer::Body;
use super::body;
use super::read::reference;
use super::site::{Asked, text};
use super::write::{changed, dry_run, invalid_options, manager, strictness};
use crate::verbs::{Patch, Said, Verbs};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};
use objects::managed::Conflicts;
use objects::patch::PatchType;
use objects::{Status, lookup};
use rest::refusal;

/// The types of patches, in the words of a refusal.
const TYPES: &str = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml, application/strategic-merge-patch+json";

/// Patches an object.
pub async fn answer(verbs: &Verbs, asked: &Asked, body: Incoming) -> Result<Response<Body>, Status> {
    let made = verbs.patch(read(asked, body).await?).await?;
    let is_new = matches!(&made, wire::Response::Object { outcome, .. } if outcome == "created");
    changed(asked, if is_new { StatusCode::CREATED } else { StatusCode::OK }, made, Vec::new())
}

/// The patch that a request is.
pub async fn read(asked: &Asked, body: Incoming) -> Result<Patch, Status> {
    let named = text(&asked.headers, CONTENT_TYPE.as_str()).and_then(|text| text.split(';').next()).map(str::trim);
    let form = match named.unwrap_or_default() {
        "application/json-patch+json" => Some(PatchType::Json),
        "application/merge-patch+json" => Some(PatchType::Merge),
        "application/strategic-merge-patch+json" => Some(PatchType::StrategicMerge),
        "application/apply-patch+yaml" => None,
        _ => return Err(refusal::unsupported_media(TYPES)),
    };
    check_options(asked, form)?;
    let bytes = body::read(body).await?;
    let said = match form {
        Some(form) => {
            let change: serde_json::Value =
                serde_json::from_slice(&bytes).map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
            let view = asked.view();
            Said::Change(form, if form == PatchType::Json { view.kept_operations(change) } else { view.kept(change) })
        }
        None => {
            let wanted = body::yaml(&bytes)?;
            let (api_version, kind) = (asked.target.resource.api_version(), asked.target.resource.kind_name);
            let found = (lookup::text(&wanted, "/apiVersion"), lookup::text(&wanted, "/kind"));
            if found != (api_version.as_str(), kind) {
                let message = format!("{}, Kind={} cannot be applied to {api_version}, Kind={kind}", found.0, found.1);
                return Err(Status::bad_request(message));
            }
            Said::Apply(asked.view().kept(wanted), if asked.query.flag("force") { Conflicts::Force } else { Conflicts::Refuse })
        }
    };
    Ok(Patch {
        object: reference(asked),
        said,
        manager: manager(asked),
        subresource: asked.below().to_owned(),
        strictness: strictness(asked)?,
        dry_run: dry_run(asked)?,
    })
}

/// `apimachinery/pkg/apis/meta/v1/validation`, `ValidatePatchOptions`.
fn check_options(asked: &Asked, form: Option<PatchType>) -> Result<(), Status> {
    let refused =
        |field: &str, reason: &str, message: &str| Err(invalid_options("PatchOptions", field, reason, message.to_owned()));
    match form {
        Some(_) if asked.query.choice("force").is_some() => {
            refused("force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch")
        }
        None if asked.query.text("fieldManager").is_none() => {
            refused("fieldManager", "FieldValueRequired", "Required value: is required for apply patch")
        }
        _ => Ok(()),
    }
}
