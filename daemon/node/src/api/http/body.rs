//! Bodies of requests: read up to a limit, in the form that their type says.

use super::site::text;
use bytes::BytesMut;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::HeaderMap;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use objects::Status;
use rest::{accept, protobuf, refusal};
use serde_json::Value;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The most bytes of a body: what Kubernetes takes.
pub const MAX_BYTES: usize = 3 * 1024 * 1024;
/// How long a client may take to send one.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The most bytes of a body that needs no place: nearly all bodies are this small, so that who sends a large one slowly keeps nobody
/// waiting who sends a small one. How many of these a connection may send at once is the site's to say.
const SMALL_BYTES: usize = 16 * 1024;
/// Larger bodies that are read at once by the whole daemon; others wait.
const LARGE_AT_ONCE: usize = 32;

/// Reads a body.
///
/// # Errors
/// 413 where it is too large, 504 where it takes too long, 400 where it breaks off.
pub async fn read(body: Incoming) -> Result<Bytes, Status> {
    let late = || refusal::timeout("the body of the request did not come in time");
    tokio::time::timeout(TIMEOUT, collect(body)).await.map_err(|_| late())?
}

async fn collect(body: Incoming) -> Result<Bytes, Status> {
    static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(LARGE_AT_ONCE));
    let mut body = Limited::new(body, MAX_BYTES);
    let (mut bytes, mut place) = (BytesMut::new(), None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => refusal::too_large(MAX_BYTES),
            None => Status::bad_request(format!("the body of the request cannot be read: {error}")),
        })?;
        let Some(part) = frame.data_ref() else { continue };
        if place.is_none() && bytes.len() + part.len() > SMALL_BYTES {
            place = Some(PLACES.acquire().await);
        }
        bytes.extend_from_slice(part);
    }
    Ok(bytes.freeze())
}

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Media {
    Json,
    Yaml,
    Protobuf,
}

/// Reads an object; none where the body is empty.
///
/// # Errors
/// As [`read`]; 415 for a type that is not read, 400 for a text that is none of its type.
pub async fn object(body: Incoming, headers: &HeaderMap) -> Result<Option<Value>, Status> {
    let bytes = read(body).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    match media(headers)? {
        Media::Json => json(&bytes).map(Some),
        Media::Yaml => yaml(&bytes).map(Some),
        Media::Protobuf => protobuf::decode(&bytes).map(Some),
    }
}

fn media(headers: &HeaderMap) -> Result<Media, Status> {
    let named = text(headers, CONTENT_TYPE.as_str()).and_then(|text| text.split(';').next()).map(str::trim).unwrap_or_default();
    match named {
        "" | "application/json" | "*/*" => Ok(Media::Json),
        "application/yaml" => Ok(Media::Yaml),
        "application/vnd.kubernetes.protobuf" => Ok(Media::Protobuf),
        _ => Err(refusal::unsupported_media(accept::SERVED)),
    }
}

/// Reads JSON.
///
/// # Errors
/// 400 with what is wrong.
pub fn json(bytes: &[u8]) -> Result<Value, Status> {
    let wrong = |why: &dyn std::fmt::Display| Status::bad_request(format!("couldn't get version/kind; json parse error: {why}"));
    serde_json::from_slice(bytes).map_err(|error| wrong(&error))
}

/// Reads one document of YAML.
///
/// # Errors
/// 400 with what is wrong, and where.
pub fn yaml(bytes: &[u8]) -> Result<Value, Status> {
    let wrong = |why: String| Status::bad_request(format!("yaml: {why}"));
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is no UTF-8 text".to_owned()))?;
    let faults =
        |faults: Vec<objects::manifest::Fault>| wrong(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let mut documents = objects::manifest::parse(text).map_err(faults)?;
    match documents.len() {
        1 => Ok(documents.remove(0).value),
        count => Err(wrong(format!("one document is expected, there are {count}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{json, yaml};
    use serde_json::json;

    #[test]
    fn json_and_yaml_are_read_and_what_is_neither_is_refused() {
        assert_eq!(json(br#"{"kind": "Pod"}"#), Ok(json!({"kind": "Pod"})));
        assert_eq!(yaml(b"kind: Pod\n"), Ok(json!({"kind": "Pod"})));
        for refused in [json(b"{"), json(b"x"), yaml(b"a: 1\n---\nb: 2\n"), yaml(b"a: [\n"), yaml(&[0xff])] {
            assert_eq!(refused.expect_err("refused").code, 400);
        }
    }
}
