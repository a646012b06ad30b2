//! Label selectors, right and wrong ones.

use super::LabelSelector;
use proptest::prelude::{any, prop_assert_eq, proptest};
use serde_json::json;

#[track_caller]
fn check(selector: &str, selected: &[&str]) {
    let selector = LabelSelector::parse(selector).expect("a selector");
    let labels = [
        ("web", json!({"app": "web", "tier": "front", "rank": "7"})),
        ("db", json!({"app": "db", "tier": "back", "rank": "x"})),
        ("bare", json!({})),
    ];
    let found: Vec<&str> = labels.iter().filter(|(_, labels)| selector.matches(Some(labels))).map(|(name, _)| *name).collect();
    assert_eq!(found, selected);
}

#[test]
fn equality_and_sets_select_by_label() {
    check("", &["web", "db", "bare"]);
    check("app=web", &["web"]);
    check("app == web", &["web"]);
    check("app!=web", &["db", "bare"]);
    check("app", &["web", "db"]);
    check("!app", &["bare"]);
    check("app in (web, db),tier notin (back)", &["web"]);
    check("app notin (web)", &["db", "bare"]);
    check("app in (in,notin)", &[]);
    check("rank>6", &["web"]);
    check("rank<7", &[]);
    check("app=", &[]);
    check("app in ()", &[]);
    check("app notin (,web)", &["db", "bare"]);
    assert!(LabelSelector::parse("a=b").expect("a selector").matches_object(&json!({"metadata": {"labels": {"a": "b"}}})));
    assert!(!LabelSelector::parse("a=b").expect("a selector").matches_object(&json!({})));
}

#[track_caller]
fn refused(selector: &str, message: &str) {
    let status = LabelSelector::parse(selector).expect_err("no selector");
    assert_eq!((status.code, status.message.as_str()), (400, message));
}

#[test]
fn faults_are_told_in_kubernetes_words() {
    refused("a===b", "unable to parse requirement: found '=', expected: identifier");
    refused("=b", "found '=', expected: !, identifier, or 'end of string'");
    refused("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
    refused("a=b c", "found 'c', expected: ',' or 'end of string'");
    refused("a=b,", "found '', expected: identifier after ','");
    refused("a in b", "unable to parse requirement: found 'b' expected: '('");
    refused("a in (b", "unable to parse requirement: found '', expected: ',' or ')'");
    refused("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier");
    refused("!", "unable to parse requirement: found '', expected: identifier");
    refused(
        "a>b",
        "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer",
    );
    let name_rule = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character \
                     (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    refused("a$=b", &format!("unable to parse requirement: <nil>: Invalid value: \"a$\": name part {name_rule}"));
    let value_rule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and \
                      end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
                      '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    refused("a=-", &format!("unable to parse requirement: values[0][a]: Invalid value: \"-\": {value_rule}"));
}

proptest! {
    #[test]
    fn any_text_is_a_selector_or_refused(text in any::<String>(), pieces in "[a-z!=<>(), \t]{0,24}") {
        let _ = LabelSelector::parse(&text);
        let first = LabelSelector::parse(&pieces);
        prop_assert_eq!(first, LabelSelector::parse(&pieces));
    }
}
