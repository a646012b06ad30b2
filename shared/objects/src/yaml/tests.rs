//! Values as YAML and back.

use super::to_yaml;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Value, json};

#[track_caller]
fn check(value: &Value, expected: &str) {
    assert_eq!(to_yaml(value), expected);
}

#[test]
fn keys_are_sorted_and_lists_stand_below_their_key() {
    let pod = json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "spec": {"containers": [{"name": "main", "image": "nginx", "args": ["-a", "b"], "ports": []}, {"name": "side"}]},
        "metadata": {},
        "status": null,
    });
    let expected = "apiVersion: v1
kind: Pod
metadata: {}
spec:
  containers:
  - args:
    - -a
    - b
    image: nginx
    name: main
    ports: []
  - name: side
status: null
";
    check(&pod, expected);
}

#[test]
fn lists_in_lists_begin_on_one_line() {
    check(&json!([[1, [2, 3]], {"a": {"b": [true]}}, []]), "- - 1\n  - - 2\n    - 3\n- a:\n    b:\n    - true\n- []\n");
    check(&json!("x"), "x\n");
    check(&json!({}), "{}\n");
}

#[test]
fn a_text_that_reads_as_something_else_is_quoted() {
    for text in [
        "",
        "1",
        "1.5",
        "-1",
        ".5",
        "1e3",
        "0x1f",
        "017",
        "1_000",
        "true",
        "yes",
        "n",
        "~",
        "null",
        ".NaN",
        "2026-01-02",
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.123+02:00",
        "2026-1-2 3:4:5",
        "1:30",
        "12:30:45.5",
    ] {
        check(&json!(text), &format!("\"{text}\"\n"));
    }
    for text in
        ["1.2.3", "10.0.0.1", "1Gi", "100m", "3d", "2026-13-02", "1:60", "0b12", "=", ".", "a:b", "http://x:80/", "-a", "?a", "é"]
    {
        check(&json!(text), &format!("{text}\n"));
    }
}

#[test]
fn a_text_with_signs_of_yaml_is_in_single_quotes() {
    for text in
        ["-", "- a", "a: b", "a #b", "#a", "*a", "&a", "!a", "|", "%a", "@a", "{a", "[a", ",a", "? a", "--- a", "a ", " a", "a:"]
    {
        check(&json!(text), &format!("'{text}'\n"));
    }
    check(&json!("'a'"), "'''a'''\n");
    check(&json!("tab\there"), "\"tab\\there\"\n");
    check(&json!("\u{1b}[0m"), "\"\\e[0m\"\n");
}

#[test]
fn several_lines_are_a_block() {
    check(&json!({"a": "b\nc"}), "a: |-\n  b\n  c\n");
    check(&json!({"a": "b\n\nc\n"}), "a: |\n  b\n\n  c\n");
    check(&json!({"a": "b\n\n"}), "a: |+\n  b\n\n");
    check(&json!({"a": "  b\nc"}), "a: |2-\n    b\n  c\n");
    check(&json!({"a": ["b\nc"]}), "a:\n- |-\n  b\n  c\n");
    check(&json!({"a": "b \nc"}), "a: \"b \\nc\"\n");
}

#[test]
fn a_long_text_is_folded_at_spaces() {
    let text = "word ".repeat(20) + "end";
    let expected = "a: word word word word word word word word word word word word word word word word
  word word word word end
";
    check(&json!({"a": text}), expected);
    check(&json!({"a": "x".repeat(100)}), &format!("a: {}\n", "x".repeat(100)));
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![any::<String>(), "[ \n:#'\"a0.-]{0,12}", "([a-z]{1,9} {1,2}){0,30}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[ \n:#'\"a0.-]{0,6}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn a_reader_gets_the_same_value_back(value in any_value()) {
        let text = to_yaml(&value);
        let read: Value = serde_yaml::from_str(&text).expect("YAML");
        prop_assert_eq!(read, value, "{}", text);
    }
}
