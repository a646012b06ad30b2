//! Owners and what they own: which objects go because their owner is gone, and which owners wait for what they own.
//!
//! Kubernetes' garbage collector (`pkg/controller/garbagecollector/garbagecollector.go`) as a decision: it is told of objects
//! that have owners or wait to be deleted, and says what is to be done. Every node may do it: each step is the same wherever it is
//! done, and done twice it changes nothing. It keeps no time; an owner that was never heard of may just not have arrived
//! yet, and only who asks knows how long that has been so.

use std::collections::{BTreeMap, BTreeSet};

/// The finalizer of an object whose dependents are to lose their owner.
pub const ORPHAN: &str = "orphan";
/// The finalizer of an object whose dependents are to go first.
pub const FOREGROUND: &str = "foregroundDeletion";

/// An object by what tells it from all others, those of its name before and after it too.
pub type Uid = String;

/// An owner, as an object names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// As in a manifest.
    pub api_version: String,
    /// As in a manifest.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: Uid,
    /// Whether it waits for the object where its dependents go first.
    pub is_blocked: bool,
}

/// What is to be known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<K> {
    /// What it is called.
    pub key: K,
    /// Who owns it.
    pub owners: Vec<Owner>,
    /// What keeps it.
    pub finalizers: Vec<String>,
    /// Whether it is to be deleted.
    pub is_leaving: bool,
}

/// How an owner stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    There,
    /// It is there, and goes once what it owns is gone.
    Waiting,
    /// It is gone.
    Gone,
    /// Nobody here has heard of it yet.
    Unheard,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step<K> {
    /// Delete the object; with what it owns first, or not.
    Delete {
        /// Which.
        key: K,
        /// Of these only this one.
        uid: Uid,
        /// Whether what it owns goes first.
        foreground: bool,
    },
    /// Take these owners out of the object.
    Disown {
        /// Which.
        key: K,
        /// Of these only this one.
        uid: Uid,
        /// The owners.
        owners: Vec<Uid>,
    },
    /// Take a finalizer off the object: what it stood for is done.
    Release {
        /// Which.
        key: K,
        /// Of these only this one.
        uid: Uid,
        /// The finalizer.
        finalizer: &'static str,
    },
}

/// What is known of owners and owned.
#[derive(Debug, Default)]
pub struct Collection<K> {
    members: BTreeMap<Uid, Member<K>>,
    dependents: BTreeMap<Uid, BTreeSet<Uid>>,
}

impl<K: Clone + Ord> Collection<K> {
    /// Nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self { members: BTreeMap::new(), dependents: BTreeMap::new() }
    }

    /// An object is there, or has changed. One without owners that does not wait need not be told.
    pub fn put(&mut self, uid: &str, member: Member<K>) {
        self.remove(uid);
        for owner in &member.owners {
            self.dependents.entry(owner.uid.clone()).or_default().insert(uid.to_owned());
        }
        self.members.insert(uid.to_owned(), member);
    }

    /// An object is gone.
    pub fn remove(&mut self, uid: &str) {
        let Some(member) = self.members.remove(uid) else { return };
        for owner in member.owners {
            if let Some(dependents) = self.dependents.get_mut(&owner.uid) {
                dependents.remove(uid);
                if dependents.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
    }

    /// Whether there is nothing that could ask for a step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What is to be done, as owners stand.
    pub fn steps(&self, standing: impl Fn(&K, &Owner) -> Standing) -> Vec<Step<K>> {
        let mut steps = Vec::new();
        for (uid, member) in &self.members {
            if member.is_leaving {
                self.leave(uid, member, &mut steps);
            } else {
                self.judge(uid, member, &standing, &mut steps);
            }
        }
        steps
    }

    /// An object that lives, by its owners.
    fn judge(&self, uid: &Uid, member: &Member<K>, standing: &impl Fn(&K, &Owner) -> Standing, steps: &mut Vec<Step<K>>) {
        let stands = |wanted: Standing| {
            member.owners.iter().filter(move |owner| standing(&member.key, owner) == wanted).collect::<Vec<&Owner>>()
        };
        let (gone, waiting) = (stands(Standing::Gone), stands(Standing::Waiting));
        let (key, uid) = (member.key.clone(), uid.clone());
        let has_others = gone.len() + waiting.len() < member.owners.len();
        match (has_others, gone.is_empty() && waiting.is_empty()) {
            (_, true) => {}
            // Somebody still wants it: the others are forgotten.
            (true, false) => {
                let owners = gone.iter().chain(&waiting).map(|owner| owner.uid.clone()).collect();
                steps.push(Step::Disown { key, uid, owners });
            }
            (false, false) => {
                let foreground = !waiting.is_empty() && self.dependents.contains_key(&uid);
                steps.push(Step::Delete { key, uid, foreground });
            }
        }
    }

    /// An object that is to be deleted, by what it owns.
    fn leave(&self, uid: &Uid, member: &Member<K>, steps: &mut Vec<Step<K>>) {
        let has = |name: &str| member.finalizers.iter().any(|finalizer| finalizer == name);
        let dependents = self.dependents.get(uid).into_iter().flatten();
        let dependents: Vec<(&Uid, &Member<K>)> = dependents.filter_map(|uid| Some((uid, self.members.get(uid)?))).collect();
        let release = |finalizer| Step::Release { key: member.key.clone(), uid: uid.clone(), finalizer };
        if has(ORPHAN) {
            let disown = |(dependent, of): &(&Uid, &Member<K>)| Step::Disown {
                key: of.key.clone(),
                uid: (*dependent).clone(),
                owners: vec![uid.clone()],
            };
            steps.extend(dependents.iter().map(disown));
            if dependents.is_empty() {
                steps.push(release(ORPHAN));
            }
        } else if has(FOREGROUND) {
            let blocks = |(_, of): &(&Uid, &Member<K>)| of.owners.iter().any(|owner| owner.uid == *uid && owner.is_blocked);
            if !dependents.iter().any(blocks) {
                steps.push(release(FOREGROUND));
            }
        }
    }
}

#[cfg(test)]
mod tests;
