//! get, list and watch.

use super::{Verbs, key_of, unreadable};
use objects::selector::{FieldSelector, LabelSelector};
use objects::{Kind, Status};
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;
use store::{Change, ChangeKind, Object, ResourceVersion, Watcher};
use wire::{ObjectRef, Response, Selection, WatchEvent, WatchEventKind};

/// So many changes outside of the selection, and the client is told where it stands.
const BOOKMARK_AFTER: u32 = 1000;

/// Which objects a client wants to see.
#[derive(Debug, Clone)]
struct Filter {
    labels: Option<LabelSelector>,
    fields: Option<FieldSelector>,
}

impl Filter {
    fn parse(kind: Kind, selection: &Selection) -> Result<Self, Status> {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let labels = text(&selection.label_selector).map(|text| LabelSelector::parse(&text)).transpose()?;
        let fields = text(&selection.field_selector).map(|text| FieldSelector::parse(kind, &text)).transpose()?;
        Ok(Self { labels, fields })
    }

    /// What of a list is selected.
    fn sift(&self, mut list: store::List) -> store::List {
        list.items.retain(|object| self.matches(object));
        list
    }

    fn matches(&self, object: &Object) -> bool {
        if self.labels.is_none() && self.fields.is_none() {
            return true;
        }
        // What cannot be read matches nothing.
        let Ok(value) = object.parse::<Value>() else { return false };
        let labels = value.pointer("/metadata/labels");
        self.labels.as_ref().is_none_or(|selector| selector.matches(labels))
            && self.fields.as_ref().is_none_or(|selector| selector.matches(&value))
    }
}

impl Verbs {
    /// One object.
    ///
    /// # Errors
    /// 404.
    pub async fn get(&self, object: &ObjectRef) -> Result<Response, Status> {
        let found = self.store.get(&key_of(object)).ok_or_else(|| Status::not_found(object.kind, &object.name))?;
        let object = self.shown(found).parse().map_err(|error| unreadable(&error))?;
        Ok(Response::Object { object: Box::new(object), warnings: Vec::new(), outcome: String::new() })
    }

    /// The objects of a kind that are selected.
    ///
    /// # Errors
    /// 400 for a selector that cannot be read.
    pub fn select(&self, kind: Kind, selection: &Selection) -> Result<store::List, Status> {
        let filter = Filter::parse(kind, selection)?;
        Ok(self.shown_list(filter.sift(self.store.list(kind, selection.namespace.as_deref()))))
    }

    /// A snapshot and what changes after it; with a version to resume from, only the changes.
    ///
    /// # Errors
    /// 400 for a selector or version that cannot be read, 410 for one that is too old.
    pub fn follow(
        &self,
        kind: Kind,
        selection: &Selection,
        resume_from: Option<&str>,
    ) -> Result<(store::List, WatchSource), Status> {
        let filter = Filter::parse(kind, selection)?;
        let namespace = selection.namespace.as_deref();
        let (list, watcher) = match resume_from {
            None => {
                let (list, watcher) = self.store.list_and_watch(kind, namespace);
                (self.shown_list(filter.sift(list)), watcher)
            }
            Some(text) => {
                let after: ResourceVersion =
                    text.parse().map_err(|error: store::NotAVersion| Status::bad_request(error.to_string()))?;
                let watcher = self.store.watch(kind, namespace, after).map_err(|expired| Status::expired(expired.to_string()))?;
                (store::List { items: Vec::new(), resource_version: after }, watcher)
            }
        };
        Ok((list, WatchSource { watcher, filter, passed_over: 0 }))
    }
}

/// The changes that a client watches.
pub struct WatchSource {
    watcher: Watcher,
    filter: Filter,
    passed_over: u32,
}

/// One thing that a watch tells.
#[derive(Debug, Clone)]
pub enum Seen {
    /// What happened to an object of the selection.
    Change(WatchEventKind, Arc<Object>),
    /// Nothing for a long time: where the watch stands now.
    Nothing(ResourceVersion),
}

impl WatchSource {
    /// The next change of the selection. May be dropped: nothing is lost.
    ///
    /// # Errors
    /// 410 where the client was too slow.
    pub async fn next(&mut self) -> Result<Option<WatchEvent>, Status> {
        match self.look().await? {
            Seen::Change(kind, object) => Ok(Some(WatchEvent {
                kind,
                resource_version: object.resource_version().to_string(),
                object: object.json().to_owned(),
            })),
            Seen::Nothing(position) => bookmark(position).map(Some),
        }
    }

    /// The same, shared with the store instead of copied.
    ///
    /// # Errors
    /// As [`WatchSource::next`].
    pub async fn look(&mut self) -> Result<Seen, Status> {
        loop {
            let change = self.watcher.next().await.map_err(|expired| Status::expired(expired.to_string()))?;
            if let Some(kind) = self.kind_of(&change) {
                self.passed_over = 0;
                return Ok(Seen::Change(kind, change.object));
            }
            self.passed_over += 1;
            if self.passed_over >= BOOKMARK_AFTER {
                self.passed_over = 0;
                return Ok(Seen::Nothing(self.watcher.position()));
            }
        }
    }

    /// Up to where all was told.
    pub fn position(&self) -> ResourceVersion {
        self.watcher.position()
    }

    /// What a change is to a client that sees the selection only.
    fn kind_of(&self, change: &Change) -> Option<WatchEventKind> {
        let is_in = self.filter.matches(&change.object);
        let was_in = change.before.as_ref().is_some_and(|before| self.filter.matches(before));
        match (change.kind, was_in, is_in) {
            (ChangeKind::Deleted, true, _) | (ChangeKind::Deleted, _, true) | (ChangeKind::Modified, true, false) => {
                Some(WatchEventKind::Deleted)
            }
            (ChangeKind::Added | ChangeKind::Modified, false, true) => Some(WatchEventKind::Added),
            (ChangeKind::Added | ChangeKind::Modified, true, true) => Some(WatchEventKind::Modified),
            (_, false, false) | (ChangeKind::Added, true, false) => None,
        }
    }
}

fn bookmark(position: ResourceVersion) -> Result<WatchEvent, Status> {
    let resource_version = position.to_string();
    let object = RawValue::from_string(format!("{{\"metadata\":{{\"resourceVersion\":\"{resource_version}\"}}}}"))
        .map_err(|error| unreadable(&error))?;
    Ok(WatchEvent { kind: WatchEventKind::Bookmark, resource_version, object })
}
