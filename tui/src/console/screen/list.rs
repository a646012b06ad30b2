//! A list: nodes, pods, events, the containers of a pod.

use crate::console::model::columns::{self, Column};
use crate::console::model::namespaces::Namespaces;
use crate::console::model::row::{Key, Row};
use crate::console::model::store::{Change, Rows, Store};
use crate::console::model::view::{Order, Scope, View};
use crate::console::model::{containers, inventory, row::About};
use jiff::Timestamp;
use objects::Kind;
use std::collections::BTreeSet;

/// Where a list's rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The objects of a kind.
    Kind(Kind),
    /// The containers of a pod.
    Containers(Key),
    /// The images of all nodes.
    Images,
    /// The volumes of all pods.
    Volumes,
    /// The port-forwards of this console.
    Forwards,
    /// The programs that have a pane of this console.
    Shells,
}

/// What a list knows.
#[derive(Debug)]
pub struct List {
    /// Where its rows come from.
    pub source: Source,
    /// Which of them, in which order.
    pub view: View,
    /// The row one stands on, among those shown.
    pub cursor: usize,
    /// The first row in the window.
    pub top: usize,
    /// The column one stands on.
    pub column: usize,
    /// The marked rows.
    pub marks: BTreeSet<Key>,
    /// Rows the window has.
    pub height: usize,
    /// Columns the window has.
    pub(super) width: u16,
    /// Whether it begins a new path, and is no step further on the last one.
    pub is_root: bool,
    anchor: Option<Key>,
    /// The row marked last.
    pub(super) marked_last: Option<Key>,
    own: Rows,
    needs_rebuild: bool,
    /// There are members to tell of.
    has_members: bool,
    /// There are pods that something made.
    has_owners: bool,
    /// Whether columns are shown that are not shown usually.
    is_wide: bool,
    /// The columns that the user chose.
    chosen_columns: Option<Vec<String>>,
}

impl List {
    /// The list of a kind.
    pub fn of(kind: Kind, namespaces: Namespaces) -> Self {
        let namespaces = if kind.is_namespaced() { namespaces } else { Namespaces::default() };
        let order = (kind == Kind::Event).then_some(Order { column: 1, is_reversed: false });
        Self::new(Source::Kind(kind), Scope { namespaces, ..Scope::default() }, order)
    }

    /// The events about an object.
    pub fn about(about: About) -> Self {
        let scope = Scope { about: Some(about), ..Scope::default() };
        Self::new(Source::Kind(Kind::Event), scope, Some(Order { column: 1, is_reversed: false }))
    }

    /// The pods of a node.
    pub fn on_node(node: &str) -> Self {
        Self::new(Source::Kind(Kind::Pod), Scope { node: Some(node.to_owned()), ..Scope::default() }, None)
    }

    /// The containers of a pod, in the manifest's order.
    pub fn containers(pod: Key) -> Self {
        Self::new(Source::Containers(pod), Scope::default(), None)
    }

    /// The images of all nodes.
    pub fn images() -> Self {
        Self::new(Source::Images, Scope::default(), None)
    }

    /// The port-forwards of this console.
    pub fn forwards() -> Self {
        Self::new(Source::Forwards, Scope::default(), None)
    }

    /// The programs that have a pane of this console.
    pub fn shells() -> Self {
        Self::new(Source::Shells, Scope::default(), None)
    }

    /// The volumes of the pods of namespaces.
    pub fn volumes(namespaces: Namespaces) -> Self {
        Self::new(Source::Volumes, Scope { namespaces, ..Scope::default() }, None)
    }

    fn new(source: Source, scope: Scope, order: Option<Order>) -> Self {
        let column = usize::from(matches!(source, Source::Kind(kind) if kind.is_namespaced()));
        Self {
            view: View::new(scope, order),
            source,
            cursor: 0,
            top: 0,
            column,
            marks: BTreeSet::new(),
            marked_last: None,
            height: 20,
            width: 0,
            is_root: false,
            anchor: None,
            own: Rows::default(),
            needs_rebuild: true,
            has_members: false,
            has_owners: false,
            is_wide: false,
            chosen_columns: None,
        }
    }

    /// The kind of its rows; `None` for containers.
    pub fn kind(&self) -> Option<Kind> {
        match self.source {
            Source::Kind(kind) => Some(kind),
            Source::Containers(_) | Source::Images | Source::Volumes | Source::Forwards | Source::Shells => None,
        }
    }

    /// What it is a list of.
    pub fn name(&self) -> &'static str {
        match &self.source {
            Source::Kind(kind) => kind.plural(),
            Source::Containers(_) => "containers",
            Source::Images => "images",
            Source::Volumes => "volumes",
            Source::Forwards => "forwards",
            Source::Shells => "shells",
        }
    }

    /// Its columns.
    pub fn columns(&self) -> &'static [Column] {
        match &self.source {
            Source::Kind(kind) => columns::of(*kind),
            Source::Containers(_) => columns::CONTAINERS,
            Source::Images => columns::IMAGES,
            Source::Volumes => columns::VOLUMES,
            Source::Forwards => columns::FORWARDS,
            Source::Shells => columns::SHELLS,
        }
    }

    /// All rows it chooses from.
    pub fn rows<'a>(&'a self, store: &'a Store) -> &'a Rows {
        match self.source {
            Source::Kind(kind) => store.of(kind),
            Source::Images => store.images(),
            Source::Forwards => store.forwards(),
            Source::Shells => store.shells(),
            Source::Containers(_) | Source::Volumes => &self.own,
        }
    }

    /// The row one stands on.
    pub fn current<'a>(&'a self, store: &'a Store) -> Option<&'a Row> {
        self.rows(store).get(*self.view.slots.get(self.cursor)?)
    }

    /// Moves the cursor by rows.
    pub fn shift(&mut self, store: &Store, by: i64) {
        self.go_to(store, self.cursor.saturating_add_signed(by as isize));
    }

    /// Puts the cursor on a row, or the last one.
    pub fn go_to(&mut self, store: &Store, row: usize) {
        self.cursor = row.min(self.view.slots.len().saturating_sub(1));
        self.anchor = self.current(store).map(|row| row.key.clone());
        self.settle();
    }

    /// Puts the cursor on the row of a key, where it is shown.
    pub fn stand_on(&mut self, store: &Store, key: &Key) {
        let slot = self.rows(store).slot(key);
        if let Some(place) = slot.and_then(|slot| self.view.slots.iter().position(|known| *known == slot)) {
            self.go_to(store, place);
        }
    }

    /// Makes the list anew at the next look at it.
    pub fn invalidate(&mut self) {
        self.needs_rebuild = true;
    }

    /// Takes a change of a kind's rows over.
    pub fn follow(&mut self, store: &Store, kind: Kind, change: Change, now: Timestamp) {
        match &self.source {
            Source::Containers(pod) if kind == Kind::Pod => {
                let (Change::Added(slot) | Change::Replaced(slot) | Change::Removed(slot)) = change;
                let concerns = store.of(kind).get(slot).is_none_or(|row| row.key == *pod);
                self.needs_rebuild |= concerns;
            }
            // A pod's volumes never change.
            Source::Volumes if kind == Kind::Pod => self.needs_rebuild |= !matches!(change, Change::Replaced(_)),
            Source::Kind(own) if *own == kind && !self.needs_rebuild => {
                self.view.follow(store.of(kind), change, now);
                if let Change::Removed(_) = change
                    && !self.marks.is_empty()
                {
                    self.marks.retain(|key| store.of(kind).slot(key).is_some());
                }
                self.keep_place(store);
            }
            _ => {}
        }
    }

    /// Makes the list ready to be looked at. Says whether anything was done.
    pub fn refresh(&mut self, store: &Store, now: Timestamp) -> bool {
        if !self.needs_rebuild {
            return false;
        }
        self.needs_rebuild = false;
        self.has_members = store.of(Kind::Node).len() > 1;
        self.has_owners = self.kind() == Some(Kind::Pod) && store.of(Kind::Pod).iter().any(|(_, row)| !row.owner().is_empty());
        // A column that says nothing any more is none to stand on.
        if self.hidden().contains(&self.column) {
            self.shift_column(1);
        }
        if let Source::Containers(pod) = &self.source {
            let rows = store.of(Kind::Pod).find(pod).map(|row| {
                let mut rows = containers::rows(&row.object());
                rows.iter_mut().for_each(|container| store.usage.fill_container(row, container));
                rows
            });
            // A pod that is gone leaves its containers on the screen as they were.
            if let Some(rows) = rows {
                self.own.replace(rows);
            }
            self.view.slots = self.own.iter().map(|(slot, _)| slot).collect();
        }
        if self.source == Source::Volumes {
            let rows = store.of(Kind::Pod).iter().flat_map(|(_, pod)| inventory::of_pod(pod)).collect();
            self.own.replace(rows);
        }
        let columns = self.columns();
        let order = self.view.order;
        let mut view = std::mem::replace(&mut self.view, View::new(Scope::default(), None));
        view.rebuild(self.rows(store), columns, now);
        if order.is_none() && matches!(self.source, Source::Containers(_)) {
            // Containers stay in the manifest's order, which is that of their slots.
            view.slots.sort_unstable();
        }
        self.view = view;
        self.keep_place(store);
        true
    }

    /// Sorts by a column; by the same one again the other way round.
    pub fn sort(&mut self, column: usize) {
        self.view.order = match self.view.order {
            Some(order) if order.column == column && order.is_reversed => None,
            Some(order) if order.column == column => Some(Order { is_reversed: true, ..order }),
            _ => Some(Order { column, is_reversed: false }),
        };
        self.needs_rebuild = true;
    }

    /// The columns that are not shown: that say nothing here, that nobody asked for, or that the user does not want.
    pub fn hidden(&self) -> Vec<usize> {
        let columns = self.columns();
        let wants = |at: usize| match &self.chosen_columns {
            Some(chosen) => self.is_wide || chosen.iter().any(|title| *title == columns[at].title),
            None => self.is_wide || columns[at].is_usual(self.width),
        };
        let mut hidden = Vec::with_capacity(columns.len());
        hidden.extend((0..columns.len()).filter(|at| !wants(*at) || self.says_nothing(columns[*at].title)));
        hidden
    }

    fn says_nothing(&self, title: &str) -> bool {
        let scope = &self.view.scope;
        match title {
            "NAMESPACE" => scope.namespaces.only().is_some() || scope.about.is_some(),
            "OBJECT" => scope.about.is_some(),
            "OWNER" => !self.has_owners && self.chosen_columns.is_none(),
            "NODE" => scope.node.is_some(),
            "MEMBER" | "SINCE" | "RTT" => self.kind() == Some(Kind::Node) && !self.has_members,
            _ => false,
        }
    }

    /// The titles of the columns that are wanted, whatever there is room for.
    pub fn shown_columns(&self) -> Vec<&'static str> {
        let columns = self.columns().iter();
        match &self.chosen_columns {
            Some(chosen) => {
                columns.map(|column| column.title).filter(|title| chosen.iter().any(|known| known == title)).collect()
            }
            None => columns.filter(|column| column.is_usual(self.width)).map(|column| column.title).collect(),
        }
    }

    /// Whether a column is shown only because the user chose it.
    pub(super) fn is_asked_for(&self, column: &Column) -> bool {
        let is_chosen = |chosen: &Vec<String>| chosen.iter().any(|title| title == column.title);
        !column.is_usual(self.width) && self.chosen_columns.as_ref().is_some_and(is_chosen)
    }

    /// These columns are wanted; `None` is the usual ones.
    pub fn choose(&mut self, columns: Option<&Vec<String>>) {
        // A choice of which nothing is known any more is none.
        let is_known =
            |chosen: &&Vec<String>| self.columns().iter().any(|column| chosen.iter().any(|title| title == column.title));
        let columns = columns.filter(is_known);
        if self.chosen_columns.as_ref() != columns {
            self.chosen_columns = columns.cloned();
            self.needs_rebuild = true;
        }
    }

    /// The window has so many columns. Which are shown, and where one stands, may change with that.
    pub fn resize(&mut self, width: u16) {
        if self.width != width {
            self.width = width;
            self.needs_rebuild = true;
        }
    }

    /// Shows all columns there is room for, or the usual ones again.
    pub fn turn_wide(&mut self) {
        self.is_wide = !self.is_wide;
        self.needs_rebuild = true;
    }

    /// Moves to the next column that is not hidden.
    pub fn shift_column(&mut self, by: i64) {
        let (count, hidden) = (self.columns().len(), self.hidden());
        let mut column = self.column;
        for _ in 0..by.unsigned_abs().min(64) {
            let next = (0..count).filter(|at| !hidden.contains(at) || *at == column);
            let next = if by > 0 { next.filter(|at| *at > column).min() } else { next.filter(|at| *at < column).max() };
            column = next.unwrap_or(column);
        }
        self.column = column;
    }

    /// Keeps the cursor on its object, wherever that is now.
    fn keep_place(&mut self, store: &Store) {
        let slot = self.anchor.as_ref().and_then(|key| self.rows(store).slot(key));
        match slot.and_then(|slot| self.view.slots.iter().position(|known| *known == slot)) {
            Some(place) => {
                // The window moves with the object, so that the eye needs not follow it.
                let offset = self.cursor.saturating_sub(self.top);
                if self.top > 0 {
                    self.top = place.saturating_sub(offset);
                }
                self.cursor = place;
                self.settle();
            }
            None => {
                let place = self.cursor;
                self.go_to(store, place);
            }
        }
    }

    /// Keeps the cursor in the window and the window in the list.
    pub fn settle(&mut self) {
        let height = self.height.max(1);
        self.top = self.top.min(self.view.slots.len().saturating_sub(height));
        if self.cursor < self.top {
            self.top = self.cursor;
        } else if self.cursor >= self.top + height {
            self.top = self.cursor + 1 - height;
        }
    }
}
