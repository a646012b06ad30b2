//! What is no object: discovery, the version, health.

use super::answer::{self, Body};
use super::site::text;
use hyper::header::{CACHE_CONTROL, ETAG, HOST, HeaderValue, IF_NONE_MATCH};
use hyper::{HeaderMap, Response, StatusCode};
use objects::Status;
use rest::accept::{Form, Wanted};
use rest::discovery::{self, Part};
use rest::query::Query;
use rest::route::{Health, Route};
use rest::{openapi, refusal, version};
use serde_json::Value;

/// Answers it.
pub fn answer(route: &Route, query: &Query, wanted: Wanted, headers: &HeaderMap) -> Result<Response<Body>, Status> {
    let ok = |document: &Value| Ok(answer::value(StatusCode::OK, document, wanted.encoding));
    match (route, wanted.form) {
        (Route::Index, _) => ok(&discovery::paths()),
        (Route::Version, _) => ok(&version::document(env!("CARGO_PKG_VERSION"))),
        (Route::Health { endpoint, check }, _) => health(*endpoint, check.as_deref(), query),
        (Route::Api | Route::Groups, Form::Discovery(version)) => {
            let part = if *route == Route::Api { Part::Core } else { Part::Groups };
            let document = answer::encode(&discovery::aggregated(part, version), wanted.encoding);
            Ok(answer::bytes(StatusCode::OK, &discovery::aggregated_type(version), document))
        }
        (Route::Api, _) => ok(&discovery::api_versions(text(headers, HOST.as_str()).unwrap_or_default())),
        (Route::Groups, _) => ok(&discovery::groups()),
        (Route::Group(group), _) => ok(&discovery::group(group).ok_or_else(refusal::no_such_resource)?),
        (Route::Resources { group, version }, _) => ok(&discovery::resources(group, version)),
        (Route::OpenApi2, _) => Ok(answer::bytes(StatusCode::OK, openapi::v2::MEDIA, openapi::v2::document())),
        (Route::OpenApi, _) => ok(&openapi::index()),
        (Route::OpenApiOf { group, version }, _) => {
            let (text, hash) = openapi::document(group, version).ok_or_else(refusal::no_such_resource)?;
            Ok(of_hash(answer::bytes(StatusCode::OK, "application/json", text), hash, query, headers))
        }
        (Route::Console | Route::Metrics | Route::Object(_), _) => Err(refusal::no_such_resource()),
    }
}

/// A document that is asked for by its hash never changes; one that the client has already is not sent again.
fn of_hash(mut response: Response<Body>, hash: &str, query: &Query, headers: &HeaderMap) -> Response<Body> {
    let tag = format!("\"{hash}\"");
    if text(headers, IF_NONE_MATCH.as_str()) == Some(tag.as_str()) {
        response = answer::bytes(StatusCode::NOT_MODIFIED, "application/json", "");
    }
    let kept = HeaderValue::from_static("public, immutable");
    if query.text("hash") == Some(hash) {
        response.headers_mut().insert(CACHE_CONTROL, kept);
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The daemon answers only where its store does: who asks here has the answer in being answered.
fn health(endpoint: Health, check: Option<&str>, query: &Query) -> Result<Response<Body>, Status> {
    const CHECKS: [&str; 2] = ["ping", "store"];
    let plain = |text: String| Ok(answer::bytes(StatusCode::OK, "text/plain; charset=utf-8", text));
    match check {
        Some(check) if !CHECKS.contains(&check) => Ok(answer::nothing_there()),
        None if query.choice("verbose").is_some() => {
            let word = match endpoint {
                Health::Healthz => "healthz",
                Health::Livez => "livez",
                Health::Readyz => "readyz",
            };
            let lines: String = CHECKS.iter().map(|check| format!("[+]{check} ok\n")).collect();
            plain(format!("{lines}{word} check passed\n"))
        }
        _ => plain("ok".to_owned()),
    }
}
