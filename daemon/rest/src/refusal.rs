//! Refusals as clients read them: `metav1.Status`.

use objects::Status;
use serde_json::{Map, Value, json};

/// A [`Status`] as JSON; `group` is that of the resource that was asked for.
#[must_use]
pub fn document(status: &Status, group: &str) -> Value {
    let mut document = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": status.message,
        "code": status.code,
    });
    if !status.reason.is_empty() {
        document["reason"] = status.reason.clone().into();
    }
    if let Some(details) = &status.details {
        let mut fields = Map::new();
        let own_group = if details.group.is_empty() { group } else { details.group.as_str() };
        for (name, value) in [("name", details.name.as_str()), ("group", own_group), ("kind", &details.kind)] {
            if !value.is_empty() {
                fields.insert(name.to_owned(), value.into());
            }
        }
        if !details.causes.is_empty() {
            let causes: Vec<Value> = details
                .causes
                .iter()
                .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
                .collect();
            fields.insert("causes".to_owned(), causes.into());
        }
        document["details"] = Value::Object(fields);
    }
    document
}

/// What is said where something is done and there is no object to show.
#[must_use]
pub fn success(name: &str, group: &str, plural: &str, uid: &str) -> Value {
    let mut details = Map::new();
    for (field, value) in [("name", name), ("group", group), ("kind", plural), ("uid", uid)] {
        if !value.is_empty() {
            details.insert(field.to_owned(), value.into());
        }
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

fn plain(code: u16, reason: &str, message: impl Into<String>) -> Status {
    Status { code, reason: reason.to_owned(), message: message.into(), details: None }
}

/// 401: nobody knows who asks.
#[must_use]
pub fn unauthorized() -> Status {
    plain(401, "Unauthorized", "Unauthorized")
}

/// 404: there is no such path.
#[must_use]
pub fn no_such_resource() -> Status {
    let message = "the server could not find the requested resource";
    Status { details: Some(Box::default()), ..plain(404, "NotFound", message) }
}

/// 405: not with this method.
#[must_use]
pub fn method_not_allowed() -> Status {
    let message = "the server does not allow this method on the requested resource";
    Status { details: Some(Box::default()), ..plain(405, "MethodNotAllowed", message) }
}

/// 406: no form of answer that the client takes.
#[must_use]
pub fn not_acceptable() -> Status {
    plain(406, "NotAcceptable", format!("only the following media types are accepted: {}", crate::accept::SERVED))
}

/// 413: more than is read.
#[must_use]
pub fn too_large(limit_bytes: usize) -> Status {
    plain(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {limit_bytes}"))
}

/// 415: a body in a form that is not read.
#[must_use]
pub fn unsupported_media(accepted: &str) -> Status {
    let message = format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
    plain(415, "UnsupportedMediaType", message)
}

/// 429: too much at once.
#[must_use]
pub fn too_many_requests() -> Status {
    plain(429, "TooManyRequests", "Too many requests, please try again later.")
}

/// 504: the client took too long to say what it wants.
#[must_use]
pub fn timeout(message: &str) -> Status {
    plain(504, "Timeout", message)
}

#[cfg(test)]
mod tests {
    use super::{document, success, unauthorized};
    use objects::{Kind, Status};
    use serde_json::json;

    #[test]
    fn a_refusal_names_what_it_is_about_and_nothing_else() {
        let missing = Status::not_found(Kind::Pod, "nope");
        let expected = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "pods \"nope\" not found",
            "reason": "NotFound", "details": {"name": "nope", "kind": "pods"}, "code": 404,
        });
        assert_eq!(document(&missing, ""), expected);
        assert_eq!(document(&missing, "apps")["details"]["group"], "apps");
        assert!(document(&unauthorized(), "").get("details").is_none());
        assert_eq!(success("a", "", "pods", "u")["details"], json!({"name": "a", "kind": "pods", "uid": "u"}));
    }
}
