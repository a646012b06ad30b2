//! What is not as it should be: nodes, what makes pods, and pods, the worst first.

use super::cluster::Cluster;
use super::columns;
use super::row::{Cell, Key, Row, Tone};
use super::store::Store;
use jiff::Timestamp;
use objects::Kind;
use std::cmp::Reverse;

/// One object that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub tone: Tone,
    /// What it is.
    pub kind: Kind,
    /// Which one.
    pub key: Key,
    /// What is wrong, in a word or two.
    pub says: String,
    /// How often its containers were started again, and when the last time was.
    pub restarts: Option<(i64, Option<Timestamp>)>,
    /// Since when nobody sees it.
    pub unseen_since: Option<Timestamp>,
}

/// The kinds that are looked at: a node that fails takes its pods with it, so it stands before them.
const KINDS: [Kind; 4] = [Kind::Node, Kind::Deployment, Kind::ReplicaSet, Kind::Pod];

/// Seconds that a pod may wait for its node before somebody should look why.
const PLACED_WITHIN: i64 = 10;

/// All of them, the worst first. Of kinds that are not watched nothing is known.
pub fn of(store: &Store, cluster: &Cluster, now: Timestamp) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for kind in KINDS {
        let rows = store.of(kind).iter().map(|(_, row)| row);
        found.extend(rows.filter_map(|row| finding(kind, row, (cluster, now))));
    }
    let rank = |kind: Kind| KINDS.iter().position(|known| *known == kind);
    let count = |finding: &Finding| Reverse(finding.restarts.map(|(count, _)| count));
    found.sort_by_key(|finding| (finding.tone, rank(finding.kind), count(finding), finding.key.clone()));
    found
}

fn finding(kind: Kind, row: &Row, (cluster, now): (&Cluster, Timestamp)) -> Option<Finding> {
    let unseen_since = (kind == Kind::Node).then(|| cluster.unseen_since(&row.key.name)).flatten();
    let text = |title: &str| row.words(columns::of(kind), title);
    let is_unplaced = kind == Kind::Pod && row.node().is_empty() && text("STATUS") == "Pending" && {
        let since = match row.cell(columns::of(kind), "AGE") {
            Some(Cell::Age(since)) => since,
            _ => None,
        };
        since.is_some_and(|since| now.duration_since(since).as_secs() >= PLACED_WITHIN)
    };
    // That nobody knows how it stands is said of its node.
    if kind == Kind::Pod && row.tone == Tone::Warn && cluster.unseen_since(row.node()).is_some() {
        return None;
    }
    let tone = match row.tone {
        _ if unseen_since.is_some() => Tone::Bad,
        Tone::Busy if is_unplaced => Tone::Warn,
        tone => tone,
    };
    if !matches!(tone, Tone::Bad | Tone::Warn) {
        return None;
    }
    let says = match kind {
        Kind::Node if unseen_since.is_some() => "not seen".to_owned(),
        Kind::Node => match text("PRESSURE") {
            "" | "none" => text("STATUS").to_owned(),
            pressure => format!("{} pressure", pressure.replace(',', ", ")),
        },
        Kind::Pod if is_unplaced => "on no node".to_owned(),
        // That it runs is not what is wrong with it.
        Kind::Pod if tone == Tone::Warn && text("STATUS") == "Running" => format!("{} ready", text("READY")),
        Kind::Pod => text("STATUS").to_owned(),
        // Those of before are all ready, and the new ones do not get so: that is what is wrong.
        Kind::Deployment if tone == Tone::Bad && is_all(text("READY")) => {
            format!("rollout stuck, {} updated", text("UP-TO-DATE"))
        }
        _ => format!("{} ready", text("READY")),
    };
    let restarts = match row.cell(columns::of(kind), "RESTARTS") {
        Some(Cell::Restarts(count, last)) if count > 0 => Some((count, last)),
        _ => None,
    };
    Some(Finding { tone, kind, key: row.key.clone(), says, restarts, unseen_since })
}

/// `3/3`.
fn is_all(ready: &str) -> bool {
    ready.split_once('/').is_some_and(|(some, all)| some == all)
}
