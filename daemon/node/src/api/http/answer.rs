//! Answers: bodies, and how values, texts, streams and refusals become one.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use objects::Status;
use objects::yaml::to_yaml;
use rest::accept::Encoding;
use rest::protobuf;
use serde_json::Value;
use std::io;

/// A body of an answer.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Bytes of a list that are sent at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Longer warnings are cut.
const MAX_WARNING_BYTES: usize = 1024;
/// More warnings are left out.
const MAX_WARNINGS: usize = 64;

/// An answer of these bytes.
pub fn bytes(code: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    of_body(code, content_type, body)
}

/// An answer whose bytes come as they are read.
pub fn streamed<S>(content_type: &str, chunks: S) -> Response<Body>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let body = StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))).boxed_unsync();
    of_body(StatusCode::OK, content_type, body)
}

fn of_body(code: StatusCode, content_type: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// A value's text.
pub fn encode(value: &Value, encoding: Encoding) -> String {
    match encoding {
        // What has no message is written as JSON is.
        Encoding::Json | Encoding::Protobuf => format!("{value}\n"),
        Encoding::Pretty => format!("{value:#}\n"),
        Encoding::Yaml => to_yaml(value),
    }
}

/// An answer of one value.
pub fn value(code: StatusCode, value: &Value, encoding: Encoding) -> Response<Body> {
    if encoding == Encoding::Protobuf {
        return match protobuf::encode(value) {
            Some(message) => bytes(code, encoding.content_type(), message),
            // A refusal has a message.
            None => refusal(&rest::refusal::not_acceptable(), "", encoding),
        };
    }
    bytes(code, encoding.content_type(), encode(value, encoding))
}

/// An answer of many values, each made when it is its turn: `head`, the items with commas between them, `tail`.
pub fn list<I>(head: String, items: I, tail: &'static str) -> Response<Body>
where
    I: Iterator<Item = String> + Send + 'static,
{
    let mut items = items.enumerate();
    let mut next = Some(head);
    let chunks = stream::iter(std::iter::from_fn(move || {
        let mut chunk = BytesMut::from(next.take()?.as_bytes());
        loop {
            match items.next() {
                None => {
                    chunk.extend_from_slice(tail.as_bytes());
                    break;
                }
                Some((index, item)) => {
                    if index > 0 {
                        chunk.extend_from_slice(b",");
                    }
                    chunk.extend_from_slice(item.as_bytes());
                }
            }
            if chunk.len() >= CHUNK_BYTES {
                next = Some(String::new());
                break;
            }
        }
        Some(Ok(chunk.freeze()))
    }));
    streamed(Encoding::Json.content_type(), chunks)
}

/// A refusal.
pub fn refusal(status: &Status, group: &str, encoding: Encoding) -> Response<Body> {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = value(code, &rest::refusal::document(status, group), encoding);
    if matches!(status.code, 429 | 503) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// What is said of a path that names nothing.
pub fn nothing_there() -> Response<Body> {
    bytes(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "404 page not found\n")
}

/// Adds warnings, which kubectl prints (RFC 7234, 5.5).
pub fn warn(mut response: Response<Body>, warnings: &[String]) -> Response<Body> {
    const WARNING: HeaderName = hyper::header::WARNING;
    for warning in warnings.iter().take(MAX_WARNINGS) {
        let mut text = String::from("299 - \"");
        for letter in warning.chars().filter(|letter| !letter.is_control()) {
            if text.len() > MAX_WARNING_BYTES {
                break;
            }
            if matches!(letter, '"' | '\\') {
                text.push('\\');
            }
            text.push(letter);
        }
        text.push('"');
        if let Ok(header) = HeaderValue::from_bytes(text.as_bytes()) {
            response.headers_mut().append(WARNING, header);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_BYTES, list, value, warn};
    use http_body_util::BodyExt;
    use hyper::StatusCode;
    use rest::accept::Encoding;
    use serde_json::json;

    #[tokio::test]
    async fn a_list_is_whole_however_it_is_cut() {
        for count in [0, 1, 3, 50_000] {
            let answer = list("[".to_owned(), (0..count).map(|number: u32| number.to_string()), "]");
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            let read: Vec<u32> = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(read, (0..count).collect::<Vec<_>>());
            assert!(count < 50_000 || body.len() > CHUNK_BYTES);
        }
    }

    #[test]
    fn a_warning_is_a_quoted_text_on_one_line() {
        let answer = value(StatusCode::OK, &json!({}), Encoding::Json);
        let answer = warn(answer, &["unknown field \"spec.a\"\r\nx: y".to_owned(), "b".repeat(9000)]);
        let headers: Vec<_> = answer.headers().get_all("warning").iter().collect();
        assert_eq!(headers[0], "299 - \"unknown field \\\"spec.a\\\"x: y\"");
        assert!(headers[1].len() < 2000);
    }
}
