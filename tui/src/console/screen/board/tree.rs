//! The tree: namespaces, owners, pods and their containers, with the state of each.

use super::line::{Line, cut};
use super::{Known, Page, Target};
use crate::console::model::containers;
use crate::console::model::namespaces::Namespaces;
use crate::console::model::row::{Cell, Key, Row, Tone};
use crate::console::screen::list_view::{sign, tone_role};
use crate::console::theme::role::Role;
use objects::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// More pods than this, and their containers begin folded.
const MANY: usize = 60;

/// Which branches are open.
#[derive(Debug, Default)]
pub struct Tree {
    /// Only these namespaces.
    pub namespaces: Namespaces,
    /// Branches that differ from how they begin.
    pub turned: BTreeSet<String>,
}

/// The pods of one owner.
type Owned<'a> = BTreeMap<&'a str, Vec<&'a Row>>;

impl Tree {
    /// Folds a branch, or unfolds it.
    pub fn turn(&mut self, branch: &str) {
        if !self.turned.remove(branch) {
            self.turned.insert(branch.to_owned());
        }
    }

    fn is_open(&self, branch: &str, begins_open: bool) -> bool {
        begins_open != self.turned.contains(branch)
    }

    /// The tree as lines.
    pub fn page(&self, known: &Known<'_>) -> Page {
        let mut page = Page::default();
        let mut spaces: BTreeMap<&str, Owned<'_>> = BTreeMap::new();
        let pods = known.store.of(Kind::Pod);
        for (_, row) in pods.iter() {
            if self.namespaces.holds(&row.key.namespace) {
                spaces.entry(&row.key.namespace).or_default().entry(row.owner()).or_default().push(row);
            }
        }
        let is_small = pods.len() <= MANY;
        for (space, owners) in &spaces {
            let all = || owners.values().flatten().copied();
            page.lines.push(self.branch((space, &format!("ns/{space}")), ("", space), all(), None));
            if !self.is_open(&format!("ns/{space}"), true) {
                continue;
            }
            let tops = tops(space, owners, known);
            let last = tops.len().saturating_sub(1);
            for (at, (top, owners)) in tops.iter().enumerate() {
                match owners.as_slice() {
                    [("", rows)] => self.pods(rows, ("", at == last), (is_small, known), &mut page),
                    [(owner, rows)] if owner == top => {
                        self.owner((space, owner, rows), ("", at == last), (is_small, known), &mut page);
                    }
                    _ => self.top((space, top, owners), at == last, (is_small, known), &mut page),
                }
            }
        }
        if page.lines.is_empty() {
            page.lines.push(Line::of(Role::Dim, "no pods yet; space n writes a manifest"));
        }
        page
    }

    /// What makes owners, with them.
    fn top(
        &self,
        (space, top, owners): (&str, &str, &[(&str, &Vec<&Row>)]),
        is_last: bool,
        (is_small, known): (bool, &Known<'_>),
        page: &mut Page,
    ) {
        let branch = format!("{space}/{top}");
        let knot = if is_last { "└─" } else { "├─" };
        let all = owners.iter().flat_map(|(_, rows)| rows.iter().copied());
        page.lines.push(self.branch((top, &branch), (knot, top), all, object(space, top)));
        if !self.is_open(&branch, true) {
            return;
        }
        let stem = if is_last { "  " } else { "│ " };
        for (at, (owner, rows)) in owners.iter().enumerate() {
            self.owner((space, owner, rows), (stem, at + 1 == owners.len()), (is_small, known), page);
        }
    }

    fn owner(
        &self,
        (space, owner, rows): (&str, &str, &[&Row]),
        (stem, is_last): (&str, bool),
        (is_small, known): (bool, &Known<'_>),
        page: &mut Page,
    ) {
        let branch = format!("{space}/{owner}");
        let knot = format!("{stem}{}", if is_last { "└─" } else { "├─" });
        page.lines.push(self.branch((owner, &branch), (&knot, owner), rows.iter().copied(), object(space, owner)));
        if self.is_open(&branch, true) {
            let below = format!("{stem}{}", if is_last { "  " } else { "│ " });
            self.pods(rows, (&below, true), (is_small, known), page);
        }
    }

    /// A line of a branch: its name, how many pods it holds and in which states.
    fn branch<'a>(
        &self,
        (name, branch): (&str, &str),
        (knot, title): (&str, &str),
        rows: impl Iterator<Item = &'a Row>,
        object: Option<(Kind, Key)>,
    ) -> Line {
        let mut counts: BTreeMap<Tone, usize> = BTreeMap::new();
        let mut total = 0;
        for row in rows {
            *counts.entry(row.tone).or_default() += 1;
            total += 1;
        }
        let fold = if self.is_open(branch, true) { "▾ " } else { "▸ " };
        let mut line = Line::of(Role::Faint, knot)
            .put(Role::Faint, fold)
            .put(if name.contains('/') { Role::Text } else { Role::Accent }, title);
        line = line.put(Role::Dim, format!("  {total} pod{}", if total == 1 { "" } else { "s" }));
        for (tone, count) in counts {
            let (mark, role) = sign(tone);
            line = line.put(role, format!("  {mark} {count}"));
        }
        line.to(Target::Branch(branch.to_owned(), object))
    }

    fn pods(&self, rows: &[&Row], (stem, closes): (&str, bool), (is_small, known): (bool, &Known<'_>), page: &mut Page) {
        let mut rows = rows.to_vec();
        rows.sort_by(|one, two| one.key.cmp(&two.key));
        let widest = rows.iter().map(|row| row.key.name.len()).max().unwrap_or(0).min(44);
        let count = rows.len();
        for (at, row) in rows.into_iter().enumerate() {
            let is_last = closes && at + 1 == count;
            let branch = format!("pod/{}/{}", row.key.namespace, row.key.name);
            let is_open = self.is_open(&branch, is_small);
            let is_unseen = known.cluster.unseen_since(row.node()).is_some();
            let (mark, role) = if is_unseen { ("?", Role::Warn) } else { sign(row.tone) };
            let knot = if is_last { "└─" } else { "├─" };
            let line =
                Line::of(Role::Faint, format!("{stem}{knot}{}", if is_open { "▾ " } else { "▸ " })).put(role, format!("{mark} "));
            let line = line
                .cell(Role::Text, &row.key.name, widest + 2)
                .put(if is_unseen { Role::Stale } else { tone_role(row.tone) }, status(row));
            let line = line.put(Role::Dim, format!("  {}", row.node()));
            page.lines.push(line.to(Target::Branch(branch, Some((Kind::Pod, row.key.clone())))));
            if is_open {
                let below = format!("{stem}{}", if is_last { "  " } else { "│ " });
                containers_of(row, &below, known, page);
            }
        }
    }
}

/// `deployment/web` as an object of its namespace.
fn object(space: &str, owner: &str) -> Option<(Kind, Key)> {
    let (kind, name) = owner.split_once('/')?;
    Some((Kind::from_user(kind)?, Key { namespace: space.into(), name: name.into() }))
}

/// Owners by what made them: replica sets by their deployment, all others by themselves.
fn tops<'a>(space: &str, owners: &'a Owned<'a>, known: &'a Known<'_>) -> BTreeMap<&'a str, Vec<(&'a str, &'a Vec<&'a Row>)>> {
    let mut tops: BTreeMap<&str, Vec<(&str, &Vec<&Row>)>> = BTreeMap::new();
    for (owner, rows) in owners {
        let set = object(space, owner).filter(|(kind, _)| *kind == Kind::ReplicaSet);
        let set = set.and_then(|(kind, key)| known.store.of(kind).find(&key));
        let top = set.map(|set| set.owner()).filter(|top| !top.is_empty()).unwrap_or(owner);
        tops.entry(top).or_default().push((owner, rows));
    }
    tops
}

fn status(row: &Row) -> String {
    let cell = |at: usize| row.cells.get(at).and_then(Cell::plain).unwrap_or_default();
    format!("{} {}", cell(2), cell(3))
}

fn containers_of(pod: &Row, stem: &str, known: &Known<'_>, page: &mut Page) {
    let rows = containers::rows(&pod.object());
    let count = rows.len();
    for (at, row) in rows.iter().enumerate() {
        let knot = if at + 1 == count { "└─ " } else { "├─ " };
        let (mark, role) = sign(row.tone);
        let cell = |at: usize| match row.cells.get(at) {
            Some(Cell::Text(text)) => text.to_owned(),
            Some(Cell::Restarts(count, _)) => count.to_string(),
            _ => String::new(),
        };
        let line =
            Line::of(Role::Faint, format!("{stem}{knot}")).put(role, format!("{mark} ")).put(Role::Dim, format!("{}  ", cell(0)));
        let line = line.put(tone_role(row.tone), cell(2));
        // An image has what the restarts behind it leave.
        let room = usize::from(known.size.0).saturating_sub(line.width() + 17).max(12);
        let line = line.put(Role::Dim, format!("  {}", cut(&cell(5), room)));
        let line = match cell(3).as_str() {
            "0" => line,
            "1" => line.put(Role::Warn, "  1 restart"),
            many => line.put(Role::Warn, format!("  {many} restarts")),
        };
        let target = Target::Log { pod: pod.key.clone(), container: row.key.name.to_string(), is_previous: false };
        page.lines.push(line.to(target));
    }
}
