//! Tables of objects, with the columns and cells that `kubectl get` shows.

mod event;
mod node;
mod pod;
mod text;

use crate::Kind;
use jiff::Timestamp;
use serde_json::Value;

pub use node::{node_roles, node_status};
pub use pod::{PodSummary, pod_status};

/// One column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As the API server names it: `Nominated Node`. [`Table::to_text`] prints it in upper case.
    pub name: String,
    /// 0 is always shown, 1 only in a wide table.
    pub priority: u8,
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
    let _ = (kind, objects, options);
    Table::default()
}
