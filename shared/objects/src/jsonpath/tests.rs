//! Templates in kubectl's dialect.

use super::{CustomColumns, JsonPath, JsonPathError, MissingKeys, go_json, go_json_pretty, sort_by};
use crate::printing::{Header, TableWriter};
use proptest::prelude::{any, proptest};
use serde_json::{Value, json};

fn list() -> Value {
    json!({
        "kind": "List",
        "items": [
            {
                "metadata": {"name": "kubia", "labels": {"app.kubernetes.io/name": "web", "n": "1"}},
                "spec": {"containers": [{"name": "main", "ports": [{"containerPort": 8080}]}, {"name": "envoy"}]},
                "status": {"phase": "Running", "restarts": 3, "ready": true, "none": null},
            },
            {"metadata": {"name": "fortune"}, "spec": {"containers": []}, "status": {"phase": "Pending", "restarts": 0}},
        ],
    })
}

#[track_caller]
fn check(template: &str, expected: &str) {
    let path = JsonPath::parse(template).expect("a template");
    assert_eq!(path.render(&list(), MissingKeys::Allowed).as_deref(), Ok(expected), "{template}");
}

#[test]
fn fields_lists_and_wildcards_are_found() {
    check("{.items[*].metadata.name}", "kubia fortune");
    check("{$.kind}", "List");
    check("{.items[0].metadata.labels.n}", "1");
    check("{.items[0].metadata.labels.app\\.kubernetes\\.io/name}", "web");
    check("{.items[0].metadata.labels['app\\.kubernetes\\.io/name']}", "web");
    check("{.items[0]['metadata.name', 'status.phase']}", "kubia Running");
    check("{..containerPort}", "8080");
    check("{..name}", "kubia main envoy fortune");
    check("{.items[*].status.*}", "null Running true 3 Pending 0");
    check("{.items[0].spec.containers[0]}", "{\"name\":\"main\",\"ports\":[{\"containerPort\":8080}]}");
    check("{.items[0].status.nothing}", "");
    check("{}", &go_json(&list()));
    check("{@}", &go_json(&list()));
}

#[test]
fn slices_count_from_either_end() {
    check("{.items[-1].metadata.name}", "fortune");
    check("{.items[0:1].metadata.name}", "kubia");
    check("{.items[1:].metadata.name}", "fortune");
    check("{.items[:1].metadata.name}", "kubia");
    check("{.items[0:2:2].metadata.name}", "kubia");
    check("{.items[-2:-1].metadata.name}", "kubia");
    check("{.items[1:1].metadata.name}", "");
    check("{.items[0,1].metadata.name}", "kubia fortune");
    let fault = |template: &str| {
        JsonPath::parse(template).expect("a template").render(&list(), MissingKeys::Allowed).expect_err("a fault").to_string()
    };
    assert_eq!(fault("{.items[2]}"), "array index out of bounds: index 2, length 2");
    assert_eq!(fault("{.items[0:3]}"), "array index out of bounds: index 2, length 2");
    assert_eq!(fault("{.kind[0]}"), "string is not array or slice");
    assert_eq!(fault("{.items[0:2:0]}"), "step must be > 0");
}

#[test]
fn filters_compare_or_ask_for_existence() {
    check("{.items[?(@.status.phase==\"Running\")].metadata.name}", "kubia");
    check("{.items[?(@.status.phase!='Running')].metadata.name}", "fortune");
    check("{.items[?(@.status.restarts>0)].metadata.name}", "kubia");
    check("{.items[?(@.status.restarts >= 0)].metadata.name}", "kubia fortune");
    check("{.items[?(@.status.ready==true)].metadata.name}", "kubia");
    check("{.items[?(@.metadata.labels)].metadata.name}", "kubia");
    check("{.items[?(@.spec.containers[0].name)].metadata.name}", "kubia");
    let path = JsonPath::parse("{.items[?(@.status.phase==1)]}").expect("a template");
    assert_eq!(
        path.render(&list(), MissingKeys::Allowed),
        Err(JsonPathError::Missing("incompatible types for comparison".into()))
    );
}

#[test]
fn ranges_repeat_what_stands_in_them() {
    check("{range .items[*]}{.metadata.name}{\"\\t\"}{.status.phase}{\"\\n\"}{end}", "kubia\tRunning\nfortune\tPending\n");
    check("{range .items[*]}[{range .spec.containers[*]}{.name};{end}]{end}!", "[main;envoy;][]!");
    check("{range .nothing[*]}{.x}{end}done", "done");
    let path = JsonPath::parse("{.kind}{end}").expect("a template");
    assert_eq!(path.render(&list(), MissingKeys::Allowed), Err(JsonPathError::Missing("not in range, nothing to end".into())));
}

#[test]
fn text_and_literals_are_kept() {
    check("name: {.kind}\\n", "name: List\\n");
    check("{\"a\\nb\"}{'it\\'s'}{1}{2.5}{true}", "a\nbit's12.5true");
}

#[test]
fn a_key_that_is_missing_is_refused_where_it_is_asked_for() {
    let path = JsonPath::parse("{.spec.x}").expect("a template");
    assert_eq!(path.render(&list(), MissingKeys::Refused), Err(JsonPathError::Missing("spec is not found".into())));
}

#[test]
fn faults_are_told_in_kubectls_words() {
    let refused = |template: &str| JsonPath::parse(template).expect_err("no template").to_string();
    assert_eq!(refused("{.a"), "error parsing jsonpath {.a, unclosed action");
    assert_eq!(refused("{.a[}"), "error parsing jsonpath {.a[}, unterminated array");
    assert_eq!(refused("{.a[x]}"), "error parsing jsonpath {.a[x]}, invalid array index x");
    assert_eq!(refused("{.a[?(@.b}"), "error parsing jsonpath {.a[?(@.b}, unterminated filter");
    assert_eq!(refused("{\"a}"), "error parsing jsonpath {\"a}, unterminated quoted string");
    assert_eq!(refused("{....a}"), "error parsing jsonpath {....a}, invalid multiple recursive descent");
    assert_eq!(refused("{%}"), "error parsing jsonpath {%}, unrecognized character in action: U+0025 '%'");
    let word = JsonPath::parse("{foo}").expect("a template").render(&list(), MissingKeys::Allowed);
    assert_eq!(word.expect_err("a fault").to_string(), "unrecognized identifier foo");
}

#[test]
fn the_loose_form_needs_no_braces() {
    for form in ["{.a.b}", "{a.b}", ".a.b", "a.b"] {
        let path = JsonPath::parse_relaxed(form).expect("a path");
        assert_eq!(path.find(&json!({"a": {"b": 1}}), MissingKeys::Refused), Ok(vec![json!(1)]));
    }
    for form in ["{.a", "a}", "{a}{b}", "{}"] {
        assert!(JsonPath::parse_relaxed(form).is_err(), "{form}");
    }
}

#[test]
fn json_is_laid_out_as_go_does() {
    let value = json!({"b": [1, {"c": "<&>"}, [], {}], "a": null});
    assert_eq!(go_json(&value), r#"{"a":null,"b":[1,{"c":"\u003c\u0026\u003e"},[],{}]}"#);
    let pretty = "{\n    \"a\": null,\n    \"b\": [\n        1,\n        {\n            \"c\": \"\\u003c\\u0026\\u003e\"\n        },\n        [],\n        {}\n    ]\n}";
    assert_eq!(go_json_pretty(&value), pretty);
}

#[test]
fn columns_of_ones_own_are_tables() {
    let columns =
        CustomColumns::parse("NAME:.metadata.name,Containers:.spec.containers[*].name,L:.metadata.labels").expect("columns");
    let list = list();
    let items = list["items"].as_array().expect("items");
    let text = columns.to_text(items, Header::Shown, &mut TableWriter::new()).expect("a table");
    let expected = "NAME      Containers   L
kubia     main,envoy   map[app.kubernetes.io/name:web n:1]
fortune   <none>       <none>
";
    assert_eq!(text, expected);
    let fault = CustomColumns::parse("NAME").expect_err("no columns").to_string();
    assert_eq!(fault, "unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>");
}

#[test]
fn objects_are_sorted_by_a_path() {
    let mut items = list()["items"].as_array().expect("items").clone();
    let names =
        |items: &[Value]| items.iter().map(|item| item["metadata"]["name"].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>();
    sort_by(&mut items, ".metadata.name").expect("sorted");
    assert_eq!(names(&items), ["fortune", "kubia"]);
    sort_by(&mut items, "{.metadata.labels.n}").expect("sorted");
    assert_eq!(names(&items), ["fortune", "kubia"]);
    sort_by(&mut items, ".status.restarts").expect("sorted");
    assert_eq!(names(&items), ["fortune", "kubia"]);
    let fault = sort_by(&mut items, ".foo").expect_err("no such field").to_string();
    assert_eq!(fault, "couldn't find any field with path \"{.foo}\" in the list of objects");
}

proptest! {
    #[test]
    fn any_text_is_a_template_or_refused(text in any::<String>(), pieces in "[{}\\[\\]().a*?@$'\"\\\\0-9:,= <-]{0,24}") {
        for template in [text, pieces.clone(), format!("{{{pieces}}}"), format!("{{.items[{pieces}]}}")] {
            if let Ok(path) = JsonPath::parse(&template) {
                let _ = path.render(&list(), MissingKeys::Allowed);
            }
            let _ = CustomColumns::parse(&template);
            let _ = JsonPath::parse_relaxed(&template);
        }
    }
}
