//! Changes of an object's status alone.

use super::{Admitted, decoding, finish, put};
use crate::schema::{self, normal};
use crate::{Kind, Status, lookup};
use serde_json::Value;

/// Admits a change of an object's status: what else `new` says does not count.
///
/// # Errors
/// As [`super::admit_update`].
pub fn admit_status(old: &Value, new: Value) -> Result<Admitted, Status> {
    let (kind, new) = decoded(old, new)?;
    let mut object = normal::normalize(old.clone(), schema::of(kind));
    if let Some(status) = new.get("status") {
        put(&mut object, "status", status.clone());
    }
    finish(object, kind, Vec::new())
}

fn decoded(old: &Value, new: Value) -> Result<(Kind, Value), Status> {
    let kind = decoding::kind_of(&new)?;
    let new = decoding::strict(new, kind)?;
    let wanted = lookup::text(&new, "/metadata/resourceVersion");
    if !wanted.is_empty() && wanted != lookup::text(old, "/metadata/resourceVersion") {
        return Err(Status::stale(kind, lookup::name(old)));
    }
    Ok((kind, new))
}
