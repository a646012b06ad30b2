//! Random writes, from a seed, against a plain map: the store answers and holds the same, also after it was opened again.

use super::{Opened, folder, key, set_status};
use crate::{Preconditions, ResourceVersion, Store, StoreError};
use objects::Kind;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Step {
    Create(u8, u8),
    Update(u8, u8),
    Status(u8, u8),
    Remove(u8),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_u8, 0..3_u8).prop_map(|(name, uid)| Step::Create(name, uid)),
        4 => (0..4_u8, any::<u8>()).prop_map(|(name, x)| Step::Update(name, x)),
        4 => (0..4_u8, any::<u8>()).prop_map(|(name, x)| Step::Status(name, x)),
        2 => (0..4_u8).prop_map(Step::Remove),
        1 => Just(Step::Reopen),
    ]
}

type Model = BTreeMap<u8, Value>;

async fn apply(store: &Store, model: &mut Model, step: &Step) {
    match step {
        Step::Create(name, uid) => {
            let object = json!({"metadata": {"name": name.to_string(), "uid": uid.to_string()}, "spec": {}});
            let result = store.create(key(&name.to_string()), object.clone()).await;
            assert_eq!(result.is_ok(), !model.contains_key(name));
            model.entry(*name).or_insert(object);
        }
        Step::Update(name, x) => {
            let mut object = model.get(name).cloned().unwrap_or_else(|| json!({"metadata": {"uid": "0"}}));
            object["spec"]["x"] = json!(x);
            let result = store.update(key(&name.to_string()), object.clone(), Preconditions::default()).await;
            assert_eq!(result.is_ok(), model.contains_key(name));
            model.entry(*name).and_modify(|known| *known = object);
        }
        Step::Status(name, x) => {
            let uid = model.get(name).map_or("0", |object| object["metadata"]["uid"].as_str().unwrap_or_default()).to_owned();
            let result = set_status(store, &name.to_string(), &uid, json!({"x": x})).await;
            assert_eq!(result.is_ok(), model.contains_key(name));
            model.entry(*name).and_modify(|known| known["status"] = json!({"x": x}));
        }
        Step::Remove(name) => {
            let result = store.delete(key(&name.to_string()), Preconditions::default()).await;
            assert_eq!(result.err(), (!model.contains_key(name)).then(|| StoreError::NotFound(key(&name.to_string()))));
            model.remove(name);
        }
        Step::Reopen => {}
    }
}

pub fn holds(store: &Store) -> Vec<Value> {
    let mut values: Vec<Value> = store.list(Kind::Pod, None).items.iter().map(|object| object.to_value()).collect();
    for value in &mut values {
        value["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
    }
    values
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_store_is_a_map_that_survives(steps in prop::collection::vec(step(), 1..40)) {
        let folder = folder();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut opened = Opened::at(folder.path());
        let mut model = Model::new();
        let mut version = ResourceVersion::new(0, 0);
        for step in &steps {
            if matches!(step, Step::Reopen) {
                drop(opened);
                opened = Opened::at(folder.path());
            }
            runtime.block_on(apply(opened.store(), &mut model, step));
            prop_assert!(opened.store().list(Kind::Pod, None).resource_version >= version);
            version = opened.store().list(Kind::Pod, None).resource_version;
            prop_assert_eq!(holds(opened.store()), model.values().cloned().collect::<Vec<_>>());
        }
    }
}
