//! Names: what is accepted and the sentence for what is not.

use super::{
    config_key, dns1123_label, dns1123_subdomain, environment_variable, generated_name_base, label_value, port_name,
    qualified_name,
};

#[test]
fn good_names_have_no_fault() {
    assert!(dns1123_subdomain("a.b-c.0").is_empty());
    assert!(dns1123_label("my-name").is_empty());
    assert!(qualified_name("example.com/My_Name.1").is_empty());
    assert!(label_value("").is_empty() && label_value("1.10").is_empty());
    assert!(port_name("http-1").is_empty());
    assert!(environment_variable("my.ENV 1").is_empty());
    assert!(config_key("..a").len() == 1 && config_key("a.b").is_empty());
    assert!(generated_name_base("job-").is_empty());
}

#[test]
fn a_bad_name_is_refused_with_the_rule_it_breaks() {
    assert_eq!(dns1123_label("a.b"), ["must not contain dots"]);
    assert_eq!(dns1123_subdomain(&"a".repeat(254)), ["must be no more than 253 characters"]);
    assert_eq!(
        dns1123_subdomain("A"),
        [
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        ]
    );
    assert_eq!(
        label_value("c d"),
        [
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        ]
    );
    assert_eq!(qualified_name("/x")[0], "prefix part must be non-empty");
    assert_eq!(qualified_name("a/b/c").len(), 1);
    assert_eq!(
        port_name("-A--"),
        [
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
            "must contain at least one letter (a-z)",
            "must not contain consecutive hyphens",
            "must not begin or end with a hyphen"
        ]
    );
    assert_eq!(environment_variable(""), ["environment variable name must be non-empty"]);
    assert_eq!(environment_variable("a=b").len(), 1);
}
