//! Texts to documents: what YAML and JSON stand for, and where.

use super::{Document, Fault, parse};
use crate::seeded::Random;
use serde_json::{Value, json};

#[track_caller]
fn documents(text: &str) -> Vec<Document> {
    parse(text).unwrap_or_else(|faults| panic!("{faults:?}"))
}

#[track_caller]
fn value(text: &str) -> Value {
    documents(text).remove(0).value
}

#[track_caller]
fn faults(text: &str) -> Vec<Fault> {
    parse(text).err().unwrap_or_default()
}

#[test]
fn scalars_are_what_kubernetes_reads_them_as() {
    for (text, expected) in [
        ("0640", json!(416)),
        ("0o17", json!(15)),
        ("0x1F", json!(31)),
        ("0b11", json!(3)),
        ("1_000", json!(1000)),
        ("08", json!(8)),
        ("1.10", json!(1.1)),
        ("1.0", json!(1)),
        ("1e3", json!(1000)),
        (".5", json!(0.5)),
        ("-7", json!(-7)),
        ("+7", json!(7)),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ("no", json!(false)),
        ("On", json!(true)),
        ("y", json!(true)),
        ("~", json!(null)),
        ("", json!(null)),
        ("NULL", json!(null)),
        ("'no'", json!("no")),
        ("\"1.10\"", json!("1.10")),
        ("1.2.3", json!("1.2.3")),
        ("1Gi", json!("1Gi")),
        ("nO", json!("nO")),
        ("2001-01-01", json!("2001-01-01")),
        ("1:30", json!("1:30")),
        ("-", json!([null])),
        ("--", json!("--")),
        ("!!str 5", json!("5")),
        ("! 5", json!("5")),
        ("!!int '5'", json!(5)),
        ("|\n  two\n  lines\n", json!("two\nlines\n")),
        ("[a, 1, {b: no}]", json!(["a", 1, {"b": false}])),
    ] {
        let got = if text == "-" { value("a:\n-\n") } else { value(&format!("a: {text}\n")) };
        assert_eq!(got["a"], expected, "{text:?}");
    }
    assert_eq!(value("80: x\nyes: z\n"), json!({"80": "x", "true": "z"}));
}

#[test]
fn every_field_has_its_place() {
    let documents = documents(
        "# a comment\nkind: Pod\nspec:\n  containers:\n  - name: a\n    ports:\n    - containerPort: 80\n  volumes: [{name: v}]\nmetadata:\n  labels: {app.kubernetes.io/name: x}\n",
    );
    assert_eq!(documents[0].line, 2);
    for (path, place) in [
        ("kind", (2, 1)),
        ("spec.containers", (4, 3)),
        ("spec.containers[0]", (5, 5)),
        ("spec.containers[0].ports[0].containerPort", (7, 7)),
        ("spec.volumes[0].name", (8, 14)),
        ("metadata.labels[app.kubernetes.io/name]", (10, 12)),
        // What was not written stands where its parent stands.
        ("spec.containers[0].image", (5, 5)),
        ("spec.containers[0].resources.limits[cpu]", (5, 5)),
        ("status", (2, 1)),
        ("", (2, 1)),
    ] {
        assert_eq!(documents[0].positions.find(path), Some(place), "{path}");
    }
}

#[test]
fn a_repeated_key_is_a_fault_at_its_line() {
    let found = faults("metadata:\n  labels:\n    a: b\n    a: c\nspec:\n  x: 1\n  x: {y: 2}\n");
    let found: Vec<(Option<u32>, &str, &str)> =
        found.iter().map(|fault| (fault.line, fault.path.as_str(), fault.message.as_str())).collect();
    assert_eq!(
        found,
        [
            (Some(4), "metadata.labels.a", "duplicate key \"a\": line 3 has it already; keep one of them"),
            (Some(7), "spec.x", "duplicate key \"x\": line 6 has it already; keep one of them"),
        ]
    );
}

#[test]
fn several_documents_are_read_and_empty_ones_left_out() {
    let found = documents("---\nkind: A\n---\n# nothing\n---\nkind: B\n...\n");
    assert_eq!(
        found.iter().map(|document| (document.line, document.value["kind"].clone())).collect::<Vec<_>>(),
        [(2, json!("A")), (6, json!("B"))]
    );
    assert!(documents("# only a comment\n").is_empty());
}

#[test]
fn a_list_is_taken_apart_with_the_places_of_its_items() {
    let found = documents(
        "kind: List\napiVersion: v1\nitems:\n- kind: Pod\n  metadata: {name: a}\n- kind: Pod\n  spec:\n    containers: []\n",
    );
    assert_eq!(found.len(), 2);
    assert_eq!((found[1].line, found[1].positions.find("spec.containers")), (6, Some((8, 5))));
    assert_eq!(found[0].value, json!({"kind": "Pod", "metadata": {"name": "a"}}));
    let pods = documents("{\"kind\": \"PodList\", \"apiVersion\": \"v1\", \"items\": [{\"metadata\": {}}]}");
    assert_eq!(pods[0].value["kind"], "Pod");
}

#[test]
fn json_is_read_with_its_tabs_and_escapes() {
    let found = documents("{\n\t\"kind\": \"Pod\",\n\t\"metadata\": {\"name\": \"a\\u00e9\\/\\ud83d\\ude00\"}\n}\n");
    assert_eq!(found[0].value["metadata"]["name"], "a\u{e9}/\u{1f600}");
    assert_eq!(found[0].positions.find("metadata.name"), Some((3, 15)));
}

#[test]
fn anchors_and_merges_stand_for_what_they_name() {
    let found =
        value("base: &base {a: 1, b: 2}\nuse: *base\nmerged:\n  <<: *base\n  b: 3\nmany:\n  <<: [{c: 1}, {c: 2, d: 2}]\n");
    assert_eq!(found["use"], json!({"a": 1, "b": 2}));
    assert_eq!(found["merged"], json!({"a": 1, "b": 3}));
    assert_eq!(found["many"], json!({"c": 1, "d": 2}));
}

#[test]
fn a_bomb_of_aliases_is_stopped_before_it_goes_off() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = vec![format!("*a{}", level - 1); 9].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    let found = faults(&text);
    assert!(found[0].message.starts_with("more than 50000 values"), "{found:?}");
}

#[test]
fn limits_are_clear_faults_with_a_place() {
    for (text, expected) in [
        ("[".repeat(40) + &"]".repeat(40), "nested deeper than 32"),
        ("[".repeat(20_000), "nested deeper than 32"),
        ("a: 1\n---\n".repeat(101), "more than 100 documents"),
        (format!("a: [{}]", "1, ".repeat(50_001)), "more than 50000 values"),
        ("a: &a [*a]\n".to_owned(), "the alias stands inside what it stands for"),
        ("a: *b\n".to_owned(), "unknown anchor"),
        ("[a, b]: 1\n".to_owned(), "a list or map cannot be a key"),
        ("- 1\n".to_owned(), "an object is a map of fields"),
        ("just text\n".to_owned(), "an object is a map of fields"),
        ("a: .nan\n".to_owned(), ".nan is no number"),
        ("a: !secret x\n".to_owned(), "the tag !secret is not known"),
        ("a: 1\n b: 2\n".to_owned(), ""),
        ("a:\n\tb: 1\n".to_owned(), ""),
        ("a: 'x\n".to_owned(), ""),
        ("a: @x\n".to_owned(), ""),
    ] {
        let found = faults(&text);
        let shown: String = text.chars().take(40).collect();
        assert_eq!(found.len(), 1, "{shown:?}: {found:?}");
        assert!(found[0].message.contains(expected) && !found[0].message.is_empty(), "{shown:?}: {found:?}");
        assert!(found[0].line.is_some_and(|line| line > 0) && found[0].column.is_some(), "{found:?}");
    }
}

#[test]
fn no_text_makes_reading_panic_or_run_on() {
    let pieces = [
        "a",
        ": ",
        "- ",
        "\n",
        "  ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\"",
        "'",
        "&x ",
        "*x",
        "<<: ",
        "!!str",
        "!",
        "|",
        ">-",
        "#",
        "---",
        "...",
        "%YAML 1.1",
        "?",
        "\t",
        "\u{feff}",
        "\u{0}",
        "é",
        "0x",
        "1e999",
        "\\u",
    ];
    for seed in 0..3_000 {
        let mut random = Random::new(seed);
        let text: String = (0..random.below(40)).map(|_| *random.pick(&pieces)).collect();
        for fault in faults(&text) {
            assert!(fault.line.is_some(), "seed {seed}: {text:?}");
        }
        let bytes: Vec<u8> = (0..random.below(60)).map(|_| random.next().to_le_bytes()[0]).collect();
        drop(parse(&String::from_utf8_lossy(&bytes)));
    }
}
