//! log: a container's output as text.

use super::answer::{self, Body};
use super::site::Asked;
use crate::verbs::Verbs;
use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::Response;
use objects::Status;
use std::io;
use wire::LogsRequest;

/// Answers with a log.
pub async fn answer(verbs: &Verbs, asked: &Asked) -> Result<Response<Body>, Status> {
    Ok(answer::streamed("text/plain", chunks(verbs, asked).await?))
}

/// A log as it is read.
pub async fn chunks(verbs: &Verbs, asked: &Asked) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, Status> {
    let chunks = verbs.logs(request(asked)?).await?;
    Ok(stream::unfold(chunks, |mut chunks| async move {
        match chunks.next().await {
            Ok(Some((_, bytes))) => Some((Ok(Bytes::from(bytes)), chunks)),
            Ok(None) => None,
            // The head is sent already: all that is left is to break off.
            Err(status) => Some((Err(io::Error::other(status)), chunks)),
        }
    }))
}

fn request(asked: &Asked) -> Result<LogsRequest, Status> {
    let query = &asked.query;
    let text = |name: &str| query.text(name).map(str::to_owned);
    Ok(LogsRequest {
        namespace: asked.target.namespace().to_owned(),
        pod: asked.target.name.clone().unwrap_or_default(),
        container: text("container"),
        follow: query.flag("follow"),
        previous: query.flag("previous"),
        timestamps: query.flag("timestamps"),
        since_seconds: query.number("sinceSeconds")?,
        since_time: text("sinceTime"),
        tail_lines: query.number("tailLines")?,
        limit_bytes: query.number("limitBytes")?,
        stream: text("stream"),
        apart: false,
        window: 0,
    })
}
