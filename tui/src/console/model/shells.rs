//! The programs that have a terminal of this console, as rows.

use super::row::{About, Cell, Facts, Key, Row, Tone};
use jiff::Timestamp;
use objects::Kind;

/// What is told of such a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell<'a> {
    /// Its number, which is its row's name.
    pub id: u32,
    /// `shell` or `attach`.
    pub word: &'a str,
    /// A pod or a node.
    pub subject: (Kind, Key),
    /// The container; empty for a node's.
    pub container: &'a str,
    /// How it stands.
    pub status: &'a str,
    /// How that is meant.
    pub tone: Tone,
    /// Whether it wrote something that nobody has seen.
    pub is_unread: bool,
    /// The title that it gave itself.
    pub title: &'a str,
    /// The node it runs on.
    pub node: &'a str,
    /// Since when it stands so.
    pub since: Timestamp,
}

/// The row of a program.
pub fn row(shell: &Shell<'_>) -> Row {
    let (kind, subject) = &shell.subject;
    let cells = [
        Cell::text(&*subject.namespace),
        Cell::text(&*subject.name),
        Cell::text(shell.container),
        Cell::text(shell.word),
        Cell::text(shell.status),
        Cell::text(if shell.is_unread { "new" } else { "" }),
        Cell::text(shell.title),
        Cell::Age(Some(shell.since)),
    ];
    Row {
        key: Key { namespace: subject.namespace.clone(), name: shell.id.to_string().into() },
        cells: cells.into(),
        tone: shell.tone,
        facts: Facts::new(shell.node, "", "", []),
        about: Some(Box::new(About { kind: kind.name().into(), key: subject.clone() })),
        ..Row::default()
    }
}
