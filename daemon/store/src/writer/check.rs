//! Whether a change made here can be done, and what it makes of the object.

use super::{Operation, Staged, Writer};
use crate::entry::{Composed, Parts, binding_body, bound_to, status_body, text};
use crate::name::Name;
use crate::overlay::uncover_node;
use crate::records::Origin;
use crate::state::Shown;
use crate::{Key, Object, Preconditions, ResourceVersion, StoreError};
use control::entry::{Entry, Merged};
use control::record::{Ancestry, Body, Fate, Part, Record, Stamp};
use control::version::Version;
use objects::Kind;
use serde_json::Value;
use std::sync::Arc;

/// The outcome of a check.
pub(super) enum Outcome {
    /// Something is to be changed; the answer then.
    Change(Box<Shown>, Arc<Object>),
    /// It is as it should be already.
    Same(Arc<Object>),
}

impl Writer {
    pub(super) fn check(
        &mut self,
        (key, operation): (Key, Operation),
        only_if: &Preconditions,
        staged: &Staged,
        version: ResourceVersion,
    ) -> Result<Outcome, StoreError> {
        let entry = match operation {
            Operation::Create { object } => self.create(&key, (object, None), staged)?,
            Operation::Restore { object } => {
                // Earlier than any other.
                let birth = Version { wall_ms: 0, counter: 0, node: self.clock.node().clone() };
                self.create(&key, (object, Some(birth)), staged)?
            }
            Operation::Establish { object } => self.establish(&key, object, staged)?,
            Operation::Update { object } => {
                let (entry, live) = self.live(&key, only_if, staged)?;
                self.update(&key, object, (entry, &live))?
            }
            Operation::Status { status } => {
                let (mut entry, live) = self.live(&key, only_if, staged)?;
                if Composed::of(&entry, &key).is_ok_and(|stored| stored.status().as_ref() == Some(&status)) {
                    return Ok(Outcome::Same(live));
                }
                let record = self.part(&key, &entry, Part::Status, status_body(live.uid(), &status))?;
                entry.status = Some(record);
                entry
            }
            Operation::Bind { node } => {
                let (mut entry, live) = self.live(&key, only_if, staged)?;
                match bound_to(&entry, live.uid()) {
                    Some(bound) if bound == node => return Ok(Outcome::Same(live)),
                    Some(bound) => return Err(StoreError::AlreadyBound { key, node: bound }),
                    None => entry.binding = Some(self.part(&key, &entry, Part::Binding, binding_body(live.uid(), &node))?),
                }
                entry
            }
            Operation::Delete => {
                let (mut entry, _) = self.live(&key, only_if, staged)?;
                let last = self.composed(&key, &entry)?.finish(version).map_err(|why| malformed(&key, why))?;
                let tombstone = self.specification(&entry, birth_of(&entry), Body::Tombstone);
                entry.merge(Part::Spec, tombstone);
                return Ok(changed(&key, entry, last));
            }
        };
        let object = self.composed(&key, &entry)?.finish(version).map_err(|why| malformed(&key, why))?;
        Ok(changed(&key, entry, object))
    }

    fn create(&mut self, key: &Key, (object, birth): (Value, Option<Version>), staged: &Staged) -> Result<Entry, StoreError> {
        if self.live(key, &Preconditions::default(), staged).is_ok() {
            return Err(StoreError::AlreadyExists(key.clone()));
        }
        let name = Name::from(key);
        // Peers would refuse it.
        Name::parse(&name.to_object()).map_err(|why| malformed(key, why))?;
        let parts = self.parts(key, object)?;
        let mut entry = match staged.get(&name) {
            Some(staged) => staged.clone().unwrap_or_default(),
            None => self.read().slot(&name).map(|slot| slot.entry.clone()).unwrap_or_default(),
        };
        let spec = self.specification(&entry, birth, text(&parts.spec));
        let birth = spec.stamp.birth.clone();
        if entry.merge(Part::Spec, spec) == Merged::Known {
            // Others say that an object that is brought back was deleted.
            return Err(StoreError::Stale(key.clone()));
        }
        entry.status = parts.status.map(|status| self.record(&entry, Some(birth), status_body(&parts.uid, &status)));
        Ok(entry)
    }

    /// An object that every replica makes by itself: whatever anybody says of it is later.
    fn establish(&mut self, key: &Key, object: Value, staged: &Staged) -> Result<Entry, StoreError> {
        if self.live(key, &Preconditions::default(), staged).is_ok() {
            return Err(StoreError::AlreadyExists(key.clone()));
        }
        let name = Name::from(key);
        let parts = self.parts(key, object)?;
        let mut entry = self.read().slot(&name).map(|slot| slot.entry.clone()).unwrap_or_default();
        let body = text(&parts.spec);
        let version = Version::established();
        let stamp = Stamp { birth: version.clone(), version: version.clone(), fate: Fate::of(&body) };
        if entry.merge(Part::Spec, Record { stamp, ancestry: Ancestry::default().with(&version), body }) == Merged::Known {
            return Err(StoreError::Stale(key.clone()));
        }
        if let Some(status) = parts.status {
            let stamp = Stamp { birth: version.clone(), version, fate: Fate::Live };
            let body = status_body(&parts.uid, &status);
            entry.merge(Part::Status, Record { stamp, ancestry: Ancestry::default(), body });
        }
        Ok(entry)
    }

    fn update(&mut self, key: &Key, object: Value, (mut entry, live): (Entry, &Object)) -> Result<Entry, StoreError> {
        let mut parts = self.parts(key, object)?;
        if parts.uid != live.uid() {
            return Err(StoreError::OtherUid { key: key.clone(), wanted: parts.uid, actual: live.uid().to_owned() });
        }
        // Where it is placed is the binding's to say.
        if let (Some(node), Some(spec)) =
            (bound_to(&entry, live.uid()), parts.spec.get_mut("spec").and_then(Value::as_object_mut))
            && spec.get("nodeName").and_then(Value::as_str) == Some(&node)
        {
            spec.remove("nodeName");
        }
        let spec = self.specification(&entry, birth_of(&entry), text(&parts.spec));
        entry.merge(Part::Spec, spec);
        Ok(entry)
    }

    /// An object as it is to be stored.
    fn parts(&self, key: &Key, mut object: Value) -> Result<Parts, StoreError> {
        if key.kind == Kind::Node {
            uncover_node(&mut object);
        }
        Parts::of(object).map_err(|why| malformed(key, why))
    }

    /// A binding or status of an object that is there.
    fn part(&mut self, key: &Key, entry: &Entry, part: Part, body: Body) -> Result<Record, StoreError> {
        // A part that is not of this object came before the object that is to take this one's place: it must not be lost.
        if entry.get(part).is_some_and(|record| !entry.is_of_the_live(record)) {
            return Err(StoreError::Stale(key.clone()));
        }
        Ok(self.record(entry, birth_of(entry), body))
    }

    /// A record that stands upon an entry; without a birth it is its object's first.
    pub(super) fn record(&mut self, before: &Entry, birth: Option<Version>, body: Body) -> Record {
        let newest = before.records().flat_map(|(_, record)| [&record.stamp.birth, &record.stamp.version]).max();
        let version = self.clock.tick_after(self.bearings.now_ms(), newest);
        let stamp = Stamp { birth: birth.unwrap_or_else(|| version.clone()), version, fate: Fate::of(&body) };
        Record { stamp, ancestry: Ancestry::default(), body }
    }

    /// A specification that builds upon what was there before it.
    fn specification(&mut self, before: &Entry, birth: Option<Version>, body: Body) -> Record {
        let mut record = self.record(before, birth, body);
        let ancestry = before.spec.as_ref().map(|spec| &spec.ancestry).cloned().unwrap_or_default();
        record.ancestry = ancestry.with(&record.stamp.version);
        record
    }

    /// An object that is there, as the batch leaves it so far, if it is as the caller thinks.
    fn live(&self, key: &Key, only_if: &Preconditions, staged: &Staged) -> Result<(Entry, Arc<Object>), StoreError> {
        let not_found = || StoreError::NotFound(key.clone());
        let name = Name::from(key);
        let (entry, object, is_staged) = match staged.get(&name) {
            Some(staged) => {
                let entry = staged.clone().filter(Entry::is_live).ok_or_else(not_found)?;
                let object = self.composed(key, &entry)?.finish(*self.newest.borrow()).map_err(|why| malformed(key, why))?;
                (entry, object, true)
            }
            None => {
                let state = self.read();
                let slot = state.slot(&name).ok_or_else(not_found)?;
                (slot.entry.clone(), slot.object.clone().ok_or_else(not_found)?, false)
            }
        };
        if let Some(wanted) = only_if.uid.as_ref().filter(|wanted| **wanted != object.uid()) {
            return Err(StoreError::OtherUid { key: key.clone(), wanted: wanted.clone(), actual: object.uid().to_owned() });
        }
        // What this very batch changed has changed since the caller read it.
        if only_if.resource_version.is_some_and(|wanted| is_staged || wanted != object.resource_version()) {
            return Err(StoreError::Stale(key.clone()));
        }
        Ok((entry, object))
    }

    fn composed(&self, key: &Key, entry: &Entry) -> Result<Composed, StoreError> {
        self.compose(entry, key).map_err(|why| malformed(key, why))
    }
}

fn changed(key: &Key, entry: Entry, object: Arc<Object>) -> Outcome {
    let (name, entry) = (Name::from(key), Some(entry));
    let shown = Shown { name, entry, object: Some(object.clone()), origin: Origin::Local };
    Outcome::Change(Box::new(shown), object)
}

fn birth_of(entry: &Entry) -> Option<Version> {
    entry.spec.as_ref().map(|spec| spec.stamp.birth.clone())
}

fn malformed(key: &Key, why: &str) -> StoreError {
    StoreError::Malformed { key: key.clone(), message: why.to_owned() }
}
