//! get and list: objects as they are, as tables, as metadata.

use super::answer::{self, Body};
use super::site::Asked;
use crate::verbs::Verbs;
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use objects::{Kind, Status};
use rest::accept::{Encoding, Form};
use rest::page::Continue;
use rest::table::{Include, Rows, metadata};
use rest::view::View;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Object, ResourceVersion};
use wire::{ObjectRef, Selection};

/// One object.
pub async fn get(verbs: &Verbs, asked: &Asked) -> Result<Response<Body>, Status> {
    let wire::Response::Object { object, .. } = verbs.get(&reference(asked)).await? else {
        return Err(Status::internal("an object was asked for and something else was found"));
    };
    one(asked, StatusCode::OK, *object)
}

/// Which object a request is about.
pub fn reference(asked: &Asked) -> ObjectRef {
    let name = asked.target.name.clone().unwrap_or_default();
    ObjectRef { kind: asked.kind, namespace: asked.target.namespace().to_owned(), name }
}

/// One object in the form that is wanted.
pub fn one(asked: &Asked, code: StatusCode, object: Value) -> Result<Response<Body>, Status> {
    let value = match asked.wanted.form {
        Form::Table(_) => {
            let rows = rows(asked)?;
            let version = objects::lookup::text(&object, "/metadata/resourceVersion").to_owned();
            rows.table(&version, Some(rows.columns()), vec![rows.row(object)])
        }
        Form::Metadata(version) => metadata(object, version),
        Form::Whole | Form::Discovery(_) => asked.view().shown(object),
    };
    Ok(answer::value(code, &value, asked.wanted.encoding))
}

/// How a table's rows are written, where one is wanted.
pub fn rows(asked: &Asked) -> Result<Rows, Status> {
    let Form::Table(version) = asked.wanted.form else { return Err(Status::internal("no table was asked for")) };
    let include = Include::parse(asked.query.text("includeObject"))?;
    Ok(Rows::new(asked.kind, include, version, Timestamp::now()))
}

/// Which objects of the kind.
pub fn selection(asked: &Asked) -> Selection {
    let text = |name: &str| asked.query.text(name).map(str::to_owned);
    let mut field_selector = text("fieldSelector");
    if let Some(name) = &asked.target.name {
        // A watch of one object.
        field_selector = Some(format!("metadata.name={name}"));
    }
    let field_selector = field_selector.map(|selector| asked.view().kept_selector(&selector));
    Selection { namespace: asked.target.namespace.clone(), label_selector: text("labelSelector"), field_selector }
}

/// The objects that are selected, or a page of them.
pub fn list(verbs: &Verbs, asked: &Asked) -> Result<Response<Body>, Status> {
    let found = verbs.select(asked.kind, &selection(asked))?;
    let page = Page::of(asked, found)?;
    let encoding = asked.wanted.encoding;
    let head = page.head(asked);
    let items = page.items.into_iter();
    match asked.wanted.form {
        Form::Table(_) => {
            let rows = rows(asked)?;
            let head = with(head, &json!({"columnDefinitions": rows.columns()}), "rows");
            finish(head, items.map(move |object| rows.row(object.to_value()).to_string()), encoding)
        }
        Form::Metadata(version) => {
            let items = items.map(move |object| metadata(object.to_value(), version).to_string());
            finish(with(head, &json!({}), "items"), items, encoding)
        }
        Form::Whole | Form::Discovery(_) => {
            let view = asked.view();
            finish(with(head, &json!({}), "items"), items.map(move |object| whole(&object, view)), encoding)
        }
    }
}

/// An object's text, in the version that is asked for.
pub fn whole(object: &Object, view: View) -> String {
    if view.is_own() { object.json().get().to_owned() } else { view.shown(object.to_value()).to_string() }
}

/// A list's beginning, up to its items: what is known of it, and the name of the field that holds them.
fn with(mut head: Value, more: &Value, field: &str) -> String {
    if let (Some(fields), Some(more)) = (head.as_object_mut(), more.as_object()) {
        fields.extend(more.clone());
    }
    let mut text = head.to_string();
    // The brace at its end.
    text.pop();
    format!("{text},\"{field}\":[")
}

/// JSON goes out as it is made; for people it is made whole first.
fn finish<I>(head: String, items: I, encoding: Encoding) -> Result<Response<Body>, Status>
where
    I: Iterator<Item = String> + Send + 'static,
{
    const TAIL: &str = "]}\n";
    if encoding == Encoding::Json {
        return Ok(answer::list(head, items, TAIL));
    }
    let mut text = head;
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&item);
    }
    text.push_str(TAIL);
    let value: Value = serde_json::from_str(&text).map_err(|error| Status::internal(error.to_string()))?;
    Ok(answer::value(StatusCode::OK, &value, encoding))
}

/// A page of a list.
struct Page {
    items: Vec<Arc<Object>>,
    resource_version: String,
    go_on: Option<String>,
    remaining: Option<usize>,
}

impl Page {
    fn of(asked: &Asked, found: store::List) -> Result<Self, Status> {
        let limit = asked.query.number("limit")?.filter(|limit| *limit > 0).and_then(|limit| usize::try_from(limit).ok());
        let place = asked.query.text("continue").map(Continue::from_token).transpose()?;
        check_version(asked, found.resource_version, place.is_some())?;
        let mut items = found.items;
        let mut resource_version = found.resource_version.to_string();
        if let Some(place) = place {
            let key = |object: &Arc<Object>| (object.key().namespace.clone(), object.key().name.clone());
            let (namespace, name) = place.key();
            let behind = items.partition_point(|object| {
                let (of, called) = key(object);
                (of.as_str(), called.as_str()) <= (namespace, name)
            });
            items.drain(..behind);
            resource_version = place.resource_version;
        }
        let mut page = Self { items, resource_version, go_on: None, remaining: None };
        if let Some(limit) = limit.filter(|limit| *limit < page.items.len()) {
            let remaining = page.items.len() - limit;
            page.items.truncate(limit);
            if let Some(last) = page.items.last() {
                let key = last.key();
                page.go_on = Some(Continue::behind(&page.resource_version, &key.namespace, &key.name).to_token());
            }
            let is_whole = asked.query.text("labelSelector").or(asked.query.text("fieldSelector")).is_none();
            page.remaining = is_whole.then_some(remaining);
        }
        Ok(page)
    }

    fn head(&self, asked: &Asked) -> Value {
        let mut metadata = json!({"resourceVersion": self.resource_version});
        if let Some(token) = &self.go_on {
            metadata["continue"] = token.clone().into();
        }
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = remaining.into();
        }
        let (kind, api_version) = match asked.wanted.form {
            Form::Table(version) => ("Table".to_owned(), version.api_version().to_owned()),
            Form::Metadata(version) => ("PartialObjectMetadataList".to_owned(), version.api_version().to_owned()),
            Form::Whole | Form::Discovery(_) => list_kind(asked.kind, &asked.target.resource.api_version()),
        };
        json!({"kind": kind, "apiVersion": api_version, "metadata": metadata})
    }
}

fn list_kind(kind: Kind, api_version: &str) -> (String, String) {
    (format!("{}List", kind.name()), api_version.to_owned())
}

/// A list is of now; a version that it must not be older than, or must be of, is compared with that.
fn check_version(asked: &Asked, now: ResourceVersion, goes_on: bool) -> Result<(), Status> {
    let Some(text) = asked.query.text("resourceVersion").filter(|text| *text != "0") else { return Ok(()) };
    if goes_on {
        return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
    }
    let wanted: ResourceVersion = text.parse().map_err(|error: store::NotAVersion| Status::bad_request(error.to_string()))?;
    if wanted.epoch() != now.epoch() {
        return Err(Status::expired(format!("resource version {wanted} is of another replica: list again without one")));
    }
    if wanted > now {
        return Err(rest::refusal::timeout(&format!("Too large resource version: {wanted}, current: {now}")));
    }
    if asked.query.text("resourceVersionMatch") == Some("Exact") && wanted != now {
        return Err(Status::expired(format!("The resourceVersion for the provided list is too old: {wanted} ({now})")));
    }
    Ok(())
}
