//! One line of a list: an object cut down to what a list shows, sorts and filters by, and the object itself as text.

use super::cells::Cells;
use super::columns::{self, Column};
use super::packed::Packed;
use crate::console::base::short::{Short, short};
use jiff::Timestamp;
use objects::duration::Human;
use objects::quantity::Quantity;
use std::cmp::Ordering;

/// Which object of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Key {
    /// Empty for kinds that have none.
    pub namespace: Box<str>,
    /// The object's name.
    pub name: Box<str>,
}

/// What state a row is in, for its colour and mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Tone {
    /// It fails.
    Bad,
    /// It may fail, or somebody should look.
    Warn,
    /// It is on its way.
    Busy,
    /// As it should be.
    Ok,
    /// It ended well, or is going away.
    Done,
    /// There is no state to tell.
    #[default]
    Plain,
}

/// One cell. Those whose text depends on the time keep the time and not the text. What is read from a row borrows its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<T = Box<str>> {
    /// A text.
    Text(T),
    /// A number of things, with its text: a quantity, a count.
    Number(f64, T),
    /// How long ago.
    Age(Option<Timestamp>),
    /// How often, and how long ago the last time was.
    Restarts(i64, Option<Timestamp>),
}

/// What a cell shows: a text that is kept, or one that was made for this moment.
#[derive(Debug, Clone, Copy)]
pub enum Label<'a> {
    /// One that is kept.
    Kept(&'a str),
    /// One that was made.
    Made(Short),
}

impl std::ops::Deref for Label<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Kept(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl std::fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self)
    }
}

fn ago(then: Timestamp, now: Timestamp) -> Human {
    Human(now.duration_since(then).as_secs())
}

impl Cell {
    /// A cell with a text.
    pub fn text(text: impl Into<Box<str>>) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> Cell<&'a str> {
    /// The cell with a text of its own.
    pub fn kept(self) -> Cell {
        match self {
            Self::Text(text) => Cell::Text(text.into()),
            Self::Number(number, text) => Cell::Number(number, text.into()),
            Self::Age(then) => Cell::Age(then),
            Self::Restarts(count, last) => Cell::Restarts(count, last),
        }
    }

    /// The text of a cell that has nothing else.
    pub const fn plain(self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// What the cell shows.
    pub fn label(self, now: Timestamp) -> Label<'a> {
        match self {
            Self::Text(text) | Self::Number(_, text) => Label::Kept(text),
            Self::Age(None) => Label::Kept("-"),
            Self::Age(Some(then)) => Label::Made(short!("{}", ago(then, now))),
            Self::Restarts(count, None) => Label::Made(short!("{count}")),
            Self::Restarts(count, Some(last)) => Label::Made(short!("{count} ({} ago)", ago(last, now))),
        }
    }

    /// What the cell shows in so many columns: the time of the last restart does without its `ago` where that is too much,
    /// and is left out where there is no room for it whole.
    pub fn label_within(self, columns: u16, now: Timestamp) -> Label<'a> {
        match (self, self.label(now)) {
            (Self::Restarts(count, Some(last)), label) if label.len() > usize::from(columns) => {
                let label = short!("{count} ({})", ago(last, now));
                // Half a time says less than none.
                Label::Made(if label.len() > usize::from(columns) { short!("{count}") } else { label })
            }
            (_, label) => label,
        }
    }

    /// The moment that the cell's text is counted from.
    pub const fn counts_from(self) -> Option<Timestamp> {
        match self {
            Self::Age(then) | Self::Restarts(_, then) => then,
            _ => None,
        }
    }

    /// The order of a column: ages from young to old, numbers by size, texts by letters with numbers in them by size.
    pub fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Age(one), Self::Age(two)) => two.cmp(&one),
            (Self::Number(one, _), Self::Number(two, _)) => one.total_cmp(&two),
            (Self::Restarts(one, _), Self::Restarts(two, _)) => one.cmp(&two),
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            _ => Ordering::Equal,
        }
    }
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The object's kind, as in a manifest.
    pub kind: Box<str>,
    /// Which object.
    pub key: Key,
}

impl About {
    /// Whether it is that object. Events about nodes are kept in the namespace `default` and may name none.
    pub fn is(&self, kind: &str, key: &Key) -> bool {
        *self.kind == *kind && self.key.name == key.name && (key.namespace.is_empty() || self.key.namespace == key.namespace)
    }
}

/// An amount of what a node has. Nothing of one is nothing that is known or wanted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Resources {
    /// Cores.
    pub cores: f64,
    /// Bytes of memory.
    pub bytes: f64,
}

impl Resources {
    /// Quantities as amounts; nothing where there is none.
    pub fn of(cpu: Option<&Quantity>, memory: Option<&Quantity>) -> Self {
        let cores = cpu.map_or(0.0, |cpu| cpu.to_milli() as f64 / 1000.0);
        Self { cores, bytes: memory.map_or(0.0, |memory| memory.to_bytes() as f64) }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { cores: self.cores + other.cores, bytes: self.bytes + other.bytes }
    }
}

/// One line of a list.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Which object.
    pub key: Key,
    /// One for each column of its kind.
    pub cells: Cells,
    /// Its state.
    pub tone: Tone,
    /// Where it runs, who made it, its uid and labels.
    pub facts: Facts,
    /// For events: what they are about.
    pub about: Option<Box<About>>,
    /// What it asks of its node, for pods that have not ended and for containers.
    pub requests: Resources,
    /// What it may take at most, for pods that have not ended and for containers.
    pub limits: Resources,
    /// The object as JSON.
    pub raw: Packed,
}

/// Texts about an object that are no cells, in one piece of memory: its node, owner and uid, and then key, value, key, value of its labels,
/// each with an end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts(Box<str>);

/// What none of these has in it (labels: `k8s.io/apimachinery/pkg/util/validation`: letters, digits, `-`, `_`, `.`, `/`).
const END: char = '\n';

impl Facts {
    /// The facts of an object. What it has none of is empty.
    pub fn new<'a, L>(node: &'a str, owner: &'a str, uid: &'a str, labels: L) -> Self
    where
        L: IntoIterator<Item = (&'a str, &'a str), IntoIter: Clone>,
    {
        let labels = labels.into_iter().flat_map(|(key, value)| [key, value]);
        let parts = [node, owner, uid].into_iter().chain(labels);
        let mut text = String::with_capacity(parts.clone().map(|part| part.len() + END.len_utf8()).sum());
        for part in parts {
            text.extend(part.split(END));
            text.push(END);
        }
        Self(text.into())
    }

    fn get(&self, at: usize) -> &str {
        self.0.split_terminator(END).nth(at).unwrap_or_default()
    }
}

impl Row {
    /// Where it runs, for pods.
    pub fn node(&self) -> &str {
        self.facts.get(0)
    }

    /// What made it: `replicaset/kubia`; empty where nothing did.
    pub fn owner(&self) -> &str {
        self.facts.get(1)
    }

    /// The object's uid.
    pub fn uid(&self) -> &str {
        self.facts.get(2)
    }

    /// Each label with its value.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut texts = self.facts.0.split_terminator(END).skip(3);
        std::iter::from_fn(move || Some((texts.next()?, texts.next()?)))
    }

    /// The cell of the column of that title, one of those of its kind.
    pub fn cell(&self, columns: &[Column], title: &str) -> Option<Cell<&str>> {
        self.cells.get(columns::position(columns, title)?)
    }

    /// The text of such a cell; empty where it has none.
    pub fn words(&self, columns: &[Column], title: &str) -> &str {
        self.cell(columns, title).and_then(Cell::plain).unwrap_or_default()
    }

    /// The whole object. An object that cannot be read was never made a row.
    pub fn object(&self) -> serde_json::Value {
        serde_json::from_str(&self.raw.text()).unwrap_or_default()
    }
}
