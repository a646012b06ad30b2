//! watch: what changes, as lines of JSON.
//!
//! A watch holds a place in the store's ring and a timer, no queue: who reads slowly is told to list again once the ring has passed it by.

use super::answer::{self, Body};
use super::one_way;
use super::read::{rows, selection, whole};
use super::site::Asked;
use super::streaming::Switch;
use crate::renderings::{Renderings, Shape};
use crate::verbs::{Seen, Verbs, WatchSource};
use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::Response;
use hyper::http::request::Parts;
use jiff::Timestamp;
use objects::{Cause, Status, StatusDetails};
use rest::accept::{Encoding, Form};
use rest::protobuf;
use rest::table::{Rows, metadata};
use rest::view::View;
use serde_json::json;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use store::Object;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use wire::WatchEventKind;

/// Bytes of the first objects that are sent at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// How often a client is told where the watch stands, if it wants to know.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// How long a watch lasts at least whose client does not say, in seconds; at most twice as long.
const LEAST_SECONDS: u64 = 1800;
/// The mark on the bookmark behind the first objects.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Begins a watch.
pub fn answer(verbs: &Verbs, asked: &Asked) -> Result<Response<Body>, Status> {
    let media = if asked.wanted.encoding == Encoding::Protobuf { protobuf::WATCH_MEDIA } else { "application/json" };
    Ok(answer::streamed(media, events(Feed::open(verbs, asked, asked.wanted.encoding)?)))
}

/// Begins a watch over a websocket, with a text an event.
pub fn over_websocket(verbs: &Verbs, asked: &Asked, parts: &mut Parts) -> Result<Switch, Status> {
    one_way::lines(parts, events(Feed::open(verbs, asked, Encoding::Json)?))
}

fn events(feed: Feed) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(feed, |mut feed| async move { feed.next().await.map(|lines| (Ok(lines), feed)) })
}

/// Where a watch begins.
#[derive(Debug, PartialEq, Eq)]
struct Start {
    resume_from: Option<String>,
    sends_objects: bool,
    marks_their_end: bool,
}

impl Start {
    /// `k8s.io/apiserver/pkg/storage/cacher` and `apimachinery/pkg/apis/meta/internalversion/validation`.
    fn of(asked: &Asked) -> Result<Self, Status> {
        let query = &asked.query;
        let version = query.text("resourceVersion").filter(|version| *version != "0");
        let how = query.text("resourceVersionMatch");
        match (query.choice("sendInitialEvents"), how) {
            (Some(true), Some("NotOlderThan")) => {
                Ok(Self { resume_from: None, sends_objects: true, marks_their_end: query.flag("allowWatchBookmarks") })
            }
            (Some(_), Some("NotOlderThan")) | (None, None) => Ok(Self {
                resume_from: version.map(str::to_owned),
                sends_objects: version.is_none() && query.choice("sendInitialEvents").is_none(),
                marks_their_end: false,
            }),
            (Some(_), _) => {
                Err(invalid("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
            }
            (None, Some(_)) => Err(invalid(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )),
        }
    }
}

fn invalid(field: &str, why: &str) -> Status {
    let message = format!("Forbidden: {why}");
    let text = format!("ListOptions.meta.k8s.io \"\" is invalid: {field}: {message}");
    let causes = vec![Cause { reason: "FieldValueForbidden".to_owned(), message, field: field.to_owned() }];
    let details =
        StatusDetails { group: "meta.k8s.io".to_owned(), kind: "ListOptions".to_owned(), causes, ..StatusDetails::default() };
    Status { code: 422, reason: "Invalid".to_owned(), message: text, details: Some(Box::new(details)) }
}

/// A watch under way.
struct Feed {
    source: Option<WatchSource>,
    /// The objects that are sent first.
    first: std::vec::IntoIter<Arc<Object>>,
    /// The version of those, where their end is to be marked.
    mark: Option<String>,
    bookmarks: Option<Interval>,
    end: Instant,
    form: Form,
    rows: Option<Rows>,
    /// A table's columns go with the first event only.
    has_columns: bool,
    kind: &'static str,
    api_version: String,
    view: View,
    encoding: Encoding,
    /// What others who watch the same have been sent.
    renderings: Arc<Renderings>,
    /// Why there is nothing to watch; told as the first and last event.
    refused: Option<Status>,
}

impl Feed {
    fn open(verbs: &Verbs, asked: &Asked, encoding: Encoding) -> Result<Self, Status> {
        let start = Start::of(asked)?;
        let seconds = asked.query.number("timeoutSeconds")?.and_then(|seconds| u64::try_from(seconds).ok());
        let seconds = seconds.filter(|seconds| *seconds > 0).unwrap_or_else(some_seconds);
        let (list, source, refused) = match verbs.follow(asked.kind, &selection(asked), start.resume_from.as_deref()) {
            Ok((list, source)) => (Some(list), Some(source), None),
            // Whoever watches expects this in the stream.
            Err(status) if status.code == 410 => (None, None, Some(status)),
            Err(status) => return Err(status),
        };
        let mark = list.as_ref().filter(|_| start.marks_their_end).map(|list| list.resource_version.to_string());
        let first = list.filter(|_| start.sends_objects).map(|list| list.items).unwrap_or_default();
        let bookmarks = asked.query.flag("allowWatchBookmarks").then(|| {
            let mut ticks = tokio::time::interval_at(Instant::now() + BOOKMARK_EVERY, BOOKMARK_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        Ok(Self {
            source,
            first: first.into_iter(),
            mark,
            bookmarks,
            end: Instant::now() + Duration::from_secs(seconds.min(LEAST_SECONDS * 48)),
            form: asked.wanted.form,
            rows: matches!(asked.wanted.form, Form::Table(_)).then(|| rows(asked)).transpose()?,
            has_columns: false,
            kind: asked.target.resource.kind_name,
            api_version: asked.target.resource.api_version(),
            view: asked.view(),
            encoding,
            renderings: verbs.renderings().clone(),
            refused,
        })
    }

    /// The next lines; none at the watch's end. May be dropped while it waits: nothing is lost.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(status) = self.refused.take() {
            self.source = None;
            return Some(self.line("ERROR", &rest::refusal::document(&status, "").to_string()).into());
        }
        let mut lines = Vec::new();
        while lines.len() < CHUNK_BYTES
            && let Some(object) = self.first.next()
        {
            lines.extend(self.event(WatchEventKind::Added, &object));
        }
        if self.first.len() == 0
            && let Some(version) = self.mark.take()
        {
            lines.extend(self.bookmark(&version, Some(INITIAL_EVENTS_END)));
        }
        if !lines.is_empty() {
            return Some(lines.into());
        }
        self.wait().await
    }

    async fn wait(&mut self) -> Option<Bytes> {
        loop {
            let source = self.source.as_mut()?;
            // Source and timers keep what is not taken.
            let seen = tokio::select! {
                biased;
                seen = source.look() => seen,
                () = tokio::time::sleep_until(self.end) => {
                    let version = source.position().to_string();
                    self.source = None;
                    return self.bookmarks.is_some().then(|| self.bookmark(&version, None).into());
                }
                () = tick(self.bookmarks.as_mut()) => Ok(Seen::Nothing(source.position())),
            };
            match seen {
                Ok(Seen::Change(kind, object)) => return Some(self.shared_event(kind, &object)),
                Ok(Seen::Nothing(position)) if self.bookmarks.is_some() => {
                    return Some(self.bookmark(&position.to_string(), None).into());
                }
                Ok(Seen::Nothing(_)) => {}
                Err(status) => {
                    self.source = None;
                    return Some(self.line("ERROR", &rest::refusal::document(&status, "").to_string()).into());
                }
            }
        }
    }

    /// An event of now, which others who watch may have been sent already.
    fn shared_event(&mut self, kind: WatchEventKind, object: &Arc<Object>) -> Bytes {
        let now = Timestamp::now();
        let has_columns = !std::mem::replace(&mut self.has_columns, true);
        // Ages have whole seconds.
        let table = self.rows.as_ref().map(|rows| (rows.include(), has_columns, now.as_second()));
        let shape = Shape { word: word(kind), form: self.form, table, view: self.view, encoding: self.encoding };
        self.renderings.shared(object, shape, || self.rendered(kind, object, has_columns, now))
    }

    fn event(&mut self, kind: WatchEventKind, object: &Object) -> Vec<u8> {
        let has_columns = !std::mem::replace(&mut self.has_columns, true);
        self.rendered(kind, object, has_columns, Timestamp::now())
    }

    fn rendered(&self, kind: WatchEventKind, object: &Object, has_columns: bool, now: Timestamp) -> Vec<u8> {
        let word = word(kind);
        match (self.form, &self.rows) {
            (Form::Table(_), Some(rows)) => {
                let columns = has_columns.then(|| rows.columns());
                // Ages are of the moment that a row is sent.
                let rows = rows.at(now);
                let table = rows.table(&object.resource_version().to_string(), columns, vec![rows.row(object.to_value())]);
                self.line(word, &table.to_string())
            }
            (Form::Metadata(version), _) => self.line(word, &metadata(object.to_value(), version).to_string()),
            _ if self.view.is_own() => self.line(word, object.json().get()),
            _ => self.line(word, &whole(object, self.view)),
        }
    }

    fn bookmark(&self, version: &str, mark: Option<&str>) -> Vec<u8> {
        let mut about = json!({"resourceVersion": version, "creationTimestamp": null});
        if let Some(mark) = mark {
            about["annotations"] = json!({ mark: "true" });
        }
        let object = match (self.form, &self.rows) {
            (Form::Table(_), Some(rows)) => {
                let mut table = rows.table(version, None, Vec::new());
                table["metadata"] = about;
                table
            }
            (Form::Metadata(version), _) => metadata(json!({"metadata": about}), version),
            _ => json!({"kind": self.kind, "apiVersion": self.api_version, "metadata": about}),
        };
        self.line("BOOKMARK", &object.to_string())
    }

    /// An event with the text of its object.
    fn line(&self, kind: &str, object: &str) -> Vec<u8> {
        let message = || protobuf::encode_event(kind, &serde_json::from_str(object).ok()?);
        match self.encoding {
            // Every kind that is kept has a message.
            Encoding::Protobuf => message().unwrap_or_default(),
            _ => format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").into_bytes(),
        }
    }
}

/// An event's type, as it is written.
const fn word(kind: WatchEventKind) -> &'static str {
    match kind {
        WatchEventKind::Added => "ADDED",
        WatchEventKind::Modified => "MODIFIED",
        WatchEventKind::Deleted => "DELETED",
        WatchEventKind::Bookmark => "BOOKMARK",
    }
}

async fn tick(bookmarks: Option<&mut Interval>) {
    match bookmarks {
        Some(bookmarks) => drop(bookmarks.tick().await),
        None => std::future::pending().await,
    }
}

/// So that not all watches that began together end together.
fn some_seconds() -> u64 {
    LEAST_SECONDS + RandomState::new().build_hasher().finish() % LEAST_SECONDS
}
