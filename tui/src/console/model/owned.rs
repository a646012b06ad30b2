//! Which pods an object makes: a replica set its own, a deployment those of its sets.

use super::row::{Key, Row};
use super::store::Store;
use objects::Kind;

/// Its pods. Those of a deployment are known where replica sets are.
pub fn pods<'a>(store: &'a Store, kind: Kind, key: &Key) -> Vec<&'a Row> {
    let of = |kind: Kind, owner: &str| {
        let is_own = move |row: &&Row| row.key.namespace == key.namespace && *row.owner() == *owner;
        store.of(kind).iter().map(|(_, row)| row).filter(is_own).collect::<Vec<_>>()
    };
    let owner = format!("{}/{}", kind.singular(), key.name);
    if kind != Kind::Deployment {
        return of(Kind::Pod, &owner);
    }
    let sets = of(Kind::ReplicaSet, &owner);
    sets.iter().flat_map(|set| of(Kind::Pod, &format!("{}/{}", Kind::ReplicaSet.singular(), set.key.name))).collect()
}
