//! Everything wrong with a text at once, each fault with its place: what an editor shows beside the lines.

use super::{Admission, Priority, Privileged, complete_and_validate, decoding, unsupported};
use crate::manifest::{self, Document, Fault, Positions};
use crate::schema::{self, decode};
use crate::{Cause, Kind, Status, lookup};
use jiff::Timestamp;
use serde_json::Value;

/// The faults of a text, in its order.
pub(super) fn text(text: &str) -> Vec<Fault> {
    match manifest::parse(text) {
        Err(faults) => faults,
        Ok(documents) => documents.iter().flat_map(document).collect(),
    }
}

/// The faults of one document.
pub(super) fn document(document: &Document) -> Vec<Fault> {
    let Document { value, positions, .. } = document;
    let kind = match kind_of(value, positions) {
        Ok(kind) => kind,
        Err(fault) => return vec![fault],
    };
    let findings = decode::check(value, schema::of(kind));
    let mut faults: Vec<Fault> = Vec::new();
    for misfit in &findings.misfits {
        let message =
            misfit.advice.clone().map_or_else(|| misfit.message.clone(), |advice| format!("{} ({advice})", misfit.message));
        faults.push(at(positions, &misfit.path, message));
    }
    for path in &findings.unknown {
        faults.push(at(positions, path, unknown_words(path, kind)));
    }
    if findings.misfits.is_empty() {
        faults.extend(causes(value, kind).into_iter().map(|cause| at(positions, &cause.field, cause.message)));
    }
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults
}

/// A status' causes with their places.
pub(super) fn locate(status: &Status, positions: &Positions) -> Vec<Fault> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let faults: Vec<Fault> = causes.map(|cause| at(positions, &cause.field, cause.message.clone())).collect();
    if !faults.is_empty() {
        return faults;
    }
    let unknown = status.message.split("unknown field \"").skip(1).filter_map(|rest| rest.split('"').next());
    unknown.map(|path| at(positions, path, format!("unknown field {path:?}"))).collect()
}

fn at(positions: &Positions, path: &str, message: String) -> Fault {
    let place = positions.find(path);
    Fault { line: place.map(|place| place.0), column: place.map(|place| place.1), path: path.to_owned(), message }
}

fn kind_of(value: &Value, positions: &Positions) -> Result<Kind, Fault> {
    let kinds = || Kind::ALL.map(Kind::name).join(", ");
    for (field, example) in [("kind", Kind::Pod.name()), ("apiVersion", Kind::Pod.api_version())] {
        if lookup::text(value, &format!("/{field}")).is_empty() {
            return Err(at(positions, field, format!("Required value: an object says what it is, as in `{field}: {example}`")));
        }
    }
    decoding::kind_of(value).map_err(|status| {
        let (version, kind) = (lookup::text(value, "/apiVersion"), lookup::text(value, "/kind"));
        match Kind::ALL.iter().find(|known| known.name() == kind) {
            Some(known) => {
                at(positions, "apiVersion", format!("no kind {kind:?} in version {version:?}: write {}", known.api_version()))
            }
            None => at(positions, "kind", format!("{}: there are {}", status.message, kinds())),
        }
    })
}

/// All causes: what is not valid and what this release does not run.
fn causes(value: &Value, kind: Kind) -> Vec<Cause> {
    let namespace = lookup::namespace(value);
    let context = Admission {
        namespace: if namespace.is_empty() && kind.is_namespaced() { "default" } else { namespace },
        now: Timestamp::UNIX_EPOCH,
        uid: String::new(),
        name_suffix: "xxxxx",
        privileged: Privileged::Allowed,
        priority: Priority::default(),
    };
    let (object, mut causes) = complete_and_validate(value.clone(), kind, &context);
    if kind == Kind::Pod {
        let refused = unsupported::refusals(&object);
        // What is not supported and not valid either is one fault.
        causes.retain(|cause| !refused.iter().any(|refused| refused.field == cause.field));
        causes.extend(refused);
    }
    causes
}

/// Names the fields that were perhaps meant.
fn unknown_words(path: &str, kind: Kind) -> String {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let fields = schema::of(kind).at(parent).map(|of| of.fields).unwrap_or_default();
    let nearest =
        fields.iter().map(|field| field.name).filter(|field| !field.starts_with('^')).min_by_key(|field| distance(name, field));
    match nearest.filter(|field| distance(name, field) <= 1 + name.len() / 4) {
        Some(field) => format!("unknown field {path:?}: did you mean {field}?"),
        None => format!("unknown field {path:?}"),
    }
}

/// How many letters differ; upper and lower case are the same.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
