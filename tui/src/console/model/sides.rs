//! Who sees whom, and which sides that makes.

use std::collections::{BTreeMap, BTreeSet};

/// What one node sees: of each other node, whether it counts on it.
pub type Sight = BTreeMap<String, bool>;

/// A side of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Its nodes, by name.
    pub nodes: Vec<String>,
    /// Whether it may be several: whoever could tell was not asked.
    pub may_be_several: bool,
}

/// The sides of a cluster, the largest first; last those whom nobody sees who was asked.
///
/// Two nodes are on one side where one of them sees the other and the other does not deny it. A node that could not be asked has
/// no sight of its own: it is where it is seen. How those stand to each other whom nobody sees is not known: they count as one.
pub fn of(nodes: &BTreeSet<String>, sights: &BTreeMap<String, Sight>) -> Vec<Side> {
    let sees = |one: &str, other: &str| sights.get(one).and_then(|sight| sight.get(other)).copied();
    let are_together = |one: &str, other: &str| {
        matches!((sees(one, other), sees(other, one)), (Some(true), Some(true) | None) | (None, Some(true)))
    };
    let is_seen = |node: &String| sights.values().any(|sight| sight.get(node) == Some(&true));
    let is_unseen = |node: &&String| !sights.contains_key(*node) && !is_seen(node);
    let unseen: Vec<String> = nodes.iter().filter(is_unseen).cloned().collect();
    let mut left: BTreeSet<&String> = nodes.iter().filter(|node| !is_unseen(node)).collect();
    let mut sides = Vec::new();
    while let Some(first) = left.pop_first() {
        let mut side = vec![first.clone()];
        let mut at = 0;
        while at < side.len() {
            let here = side[at].clone();
            let found: Vec<&String> = left.iter().copied().filter(|other| are_together(&here, other)).collect();
            for other in found {
                left.remove(other);
                side.push(other.clone());
            }
            at += 1;
        }
        side.sort();
        sides.push(Side { nodes: side, may_be_several: false });
    }
    sides.sort_by(|one, two| two.nodes.len().cmp(&one.nodes.len()).then_with(|| one.nodes.cmp(&two.nodes)));
    if !unseen.is_empty() {
        sides.push(Side { may_be_several: unseen.len() > 1, nodes: unseen });
    }
    sides
}

#[cfg(test)]
mod tests {
    use super::{Sight, of};
    use std::collections::{BTreeMap, BTreeSet};

    fn check(nodes: &str, sights: &[(&str, &str)], expected: &[&str]) {
        let nodes: BTreeSet<String> = nodes.split(' ').map(str::to_owned).collect();
        let sight =
            |seen: &str| -> Sight { nodes.iter().map(|node| (node.clone(), seen.split(' ').any(|name| name == node))).collect() };
        let sights: BTreeMap<String, Sight> = sights.iter().map(|(node, seen)| ((*node).to_owned(), sight(seen))).collect();
        let sides: Vec<String> =
            of(&nodes, &sights).iter().map(|side| side.nodes.join(" ") + if side.may_be_several { "?" } else { "" }).collect();
        assert_eq!(sides, expected);
    }

    #[test]
    fn sides_are_those_who_see_each_other() {
        check("a b c", &[("a", "b c"), ("b", "a c"), ("c", "a b")], &["a b c"]);
        check("a b c", &[("a", "b"), ("b", "a")], &["a b", "c"]);
        check("a b c d", &[("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")], &["a b", "c d"]);
        // Whether b and c see each other is not known where neither can be asked.
        check("a b c", &[("a", "")], &["a", "b c?"]);
        check("a b c d", &[("a", "b"), ("b", "a")], &["a b", "c d?"]);
        // One who was not asked is where it is seen; one link that works only one way is no link.
        check("a b c", &[("a", "b c")], &["a b c"]);
        check("a b", &[("a", "b"), ("b", "")], &["a", "b"]);
        // A chain is one side though its ends do not see each other.
        check("a b c", &[("a", "b"), ("b", "a c"), ("c", "b")], &["a b c"]);
    }
}
