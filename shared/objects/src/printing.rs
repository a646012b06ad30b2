//! Tables of objects, with the columns and cells that `kubectl get` shows.

pub(crate) mod event;
pub(crate) mod node;
pub(crate) mod pod;
mod text;

use crate::Kind;
use crate::kinds::{Columns, definition};
use crate::lookup::{map, namespace, scalar};
use jiff::Timestamp;
use serde_json::Value;

pub use event::{event_count, event_first_seen, event_last_seen, event_object};
pub use node::{node_roles, node_status};
pub use pod::{PodSummary, pod_ip, pod_node, pod_status, readiness_gates};
pub use text::TableWriter;
pub(crate) use text::{Layout, align, escape_terminal};

/// One column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As the API server names it: `Nominated Node`. [`Table::to_text`] prints it in upper case.
    pub name: String,
    /// 0 is always shown, 1 only in a wide table.
    pub priority: u8,
}

impl Column {
    /// A column that is always shown.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), priority: 0 }
    }
}

/// Rows of cells, ready to be drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// One for every cell of a row.
    pub columns: Vec<Column>,
    /// One for every object, in the objects' order.
    pub rows: Vec<Vec<String>>,
}

/// Whether [`Table::to_text`] begins with the columns' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// It does.
    Shown,
    /// As after `--no-headers`.
    Hidden,
}

/// What a table shows beyond the columns every one has.
#[derive(Debug, Clone)]
pub struct TableOptions {
    /// The moment that ages are counted to.
    pub now: Timestamp,
    /// The columns of `-o wide`.
    pub wide: bool,
    /// A first column with the namespace, as `-A` has it. Kinds without namespaces ignore it.
    pub show_namespace: bool,
    /// Names are written `pod/kubia`.
    pub show_kind: bool,
    /// A last column with all labels, as `--show-labels` has it.
    pub show_labels: bool,
    /// Columns with the values of these labels, as `-L` has them.
    pub label_columns: Vec<String>,
}

impl TableOptions {
    /// A plain table at that moment.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self { now, wide: false, show_namespace: false, show_kind: false, show_labels: false, label_columns: Vec::new() }
    }
}

/// The table of objects of one kind.
#[must_use]
pub fn table(kind: Kind, objects: &[Value], options: &TableOptions) -> Table {
    let kind_columns = columns(kind);
    let has_namespace = options.show_namespace && kind.is_namespaced();
    let is_shown = |priority: u8| options.wide || priority == 0;
    let mut columns = Vec::new();
    if has_namespace {
        columns.push(Column::named("Namespace"));
    }
    let shown = kind_columns.iter().filter(|(_, priority)| is_shown(*priority));
    columns.extend(shown.map(|&(name, priority)| Column { name: name.to_owned(), priority }));
    columns.extend(options.label_columns.iter().map(|label| Column::named(label.rsplit('/').next().unwrap_or(label))));
    if options.show_labels {
        columns.push(Column::named("Labels"));
    }
    let row = |object: &Value| {
        let mut row = Vec::with_capacity(columns.len());
        if has_namespace {
            row.push(namespace(object).to_owned());
        }
        let cells = kind_cells(kind, object, options);
        row.extend(kind_columns.iter().zip(cells).filter(|((_, priority), _)| is_shown(*priority)).map(|(_, cell)| cell));
        row.extend(options.label_columns.iter().map(|label| label_cell(object, label)));
        if options.show_labels {
            row.push(labels_cell(object));
        }
        row
    };
    Table { rows: objects.iter().map(row).collect(), columns }
}

/// The columns that a kind has of its own, with their priorities, as [`Column`] tells them.
#[must_use]
pub fn columns(kind: Kind) -> &'static [(&'static str, u8)] {
    definition(kind).columns
}

/// The cells of all of a kind's [`columns`], with ages counted to that moment.
#[must_use]
pub fn cells(kind: Kind, object: &Value, now: Timestamp) -> Vec<String> {
    (definition(kind).cells)(object, now)
}

fn kind_cells(kind: Kind, object: &Value, options: &TableOptions) -> Vec<String> {
    let mut cells = cells(kind, object, options.now);
    if options.show_kind
        && let Some(name) = cells.first_mut().filter(|_| kind != Kind::Event)
    {
        name.insert_str(0, &format!("{}/", kind.singular_resource()));
    }
    cells
}

fn label_cell(object: &Value, label: &str) -> String {
    let value = map(object, "/metadata/labels").and_then(|labels| labels.get(label)).and_then(Value::as_str);
    value.unwrap_or("<none>").to_owned()
}

fn labels_cell(object: &Value) -> String {
    let labels = map(object, "/metadata/labels").filter(|labels| !labels.is_empty());
    labels.map_or_else(
        || "<none>".to_owned(),
        |labels| labels.iter().map(|(key, value)| format!("{key}={}", scalar(value))).collect::<Vec<_>>().join(","),
    )
}

const fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

#[cfg(test)]
mod tests;
