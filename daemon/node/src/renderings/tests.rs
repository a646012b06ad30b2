//! What is made once, and what is not shared.

use super::{MOST, MOST_BYTES, Renderings, Shape};
use control::version::NodeId;
use objects::Kind;
use rest::accept::{Encoding, Form};
use rest::view::View;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Key, Object, Store};

const SHAPE: Shape = Shape { word: "ADDED", form: Form::Whole, table: None, view: View::Own, encoding: Encoding::Json };

/// An object as a store gives it.
async fn object() -> Arc<Object> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (store, writer, _) =
        Store::open(&folder.path().join("store"), NodeId::from("n"), store::Settings::default()).expect("a store");
    std::thread::spawn(|| writer.run());
    let key = Key::new(Kind::ConfigMap, "default", "a");
    store.create(key, json!({"metadata": {"uid": "1", "name": "a", "namespace": "default"}})).await.expect("created");
    store.list(Kind::ConfigMap, None).items.remove(0)
}

/// The same object again and again, each of that size.
fn states(object: &Object, count: usize, size_bytes: usize) -> Vec<Arc<Object>> {
    (0..count).map(|_| Arc::new(object.showing(&Value::String("x".repeat(size_bytes))))).collect()
}

#[tokio::test]
async fn what_was_made_is_not_made_again() {
    let (renderings, object) = (Renderings::default(), object().await);
    let first = renderings.shared(&object, SHAPE, || b"made".to_vec());
    let second = renderings.shared(&object, SHAPE, || panic!("it is there"));
    assert_eq!(first.as_ptr(), second.as_ptr(), "the bytes are shared");
}

#[tokio::test]
async fn another_shape_or_another_state_of_one_version_is_another_rendering() {
    let (renderings, object) = (Renderings::default(), object().await);
    renderings.shared(&object, SHAPE, || b"added".to_vec());
    let other = Shape { word: "MODIFIED", ..SHAPE };
    assert_eq!(renderings.shared(&object, other, || b"modified".to_vec()), "modified");
    let shown = Arc::new(object.showing(&json!({"shown": "otherwise"})));
    assert_eq!(shown.resource_version(), object.resource_version());
    assert_eq!(renderings.shared(&shown, SHAPE, || b"otherwise".to_vec()), "otherwise");
    assert_eq!(renderings.shared(&object, SHAPE, || panic!("it is there")), "added");
}

#[tokio::test]
async fn only_the_newest_are_kept() {
    let (renderings, object) = (Renderings::default(), object().await);
    for state in states(&object, MOST * 2, 10) {
        renderings.shared(&state, SHAPE, Vec::new);
    }
    assert_eq!(renderings.lock().len(), MOST);
    for state in states(&object, 8, MOST_BYTES / 4) {
        renderings.shared(&state, SHAPE, Vec::new);
    }
    assert_eq!(renderings.lock().len(), 3, "the quotes count");
    let huge = states(&object, 1, MOST_BYTES * 2).remove(0);
    renderings.shared(&huge, SHAPE, || b"huge".to_vec());
    assert_eq!(renderings.lock().len(), 1);
    assert_eq!(renderings.shared(&huge, SHAPE, || panic!("the newest is kept")), "huge");
}
