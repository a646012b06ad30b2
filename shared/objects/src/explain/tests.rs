//! Explanations of fields, as kubectl lays them out.

use super::{Depth, ExplainError, children, explain, field};
use crate::Kind;

#[test]
fn a_kind_is_explained_with_its_fields() {
    let text = explain("pod", Depth::OneLevel).expect("a kind");
    let beginning = "\
KIND:       Pod
VERSION:    v1

DESCRIPTION:
    Pod is a collection of containers that can run on a host. This resource is
    created by clients and scheduled onto hosts.
    
FIELDS:
  apiVersion\t<string>
    APIVersion defines the versioned schema of this representation of an object.
";
    assert!(text.starts_with(beginning), "{text}");
    for line in ["  metadata\t<ObjectMeta>\n", "  spec\t<PodSpec>\n", "  status\t<PodStatus>\n"] {
        assert!(text.contains(line), "{line}");
    }
    assert!(text.ends_with("\n\n"));
}

#[test]
fn a_field_is_explained_with_its_type_and_its_types_description() {
    let text = explain("pods.spec.containers", Depth::OneLevel).expect("a field");
    assert!(
        text.contains("\n\nFIELD: containers <[]Container>\n\n\nDESCRIPTION:\n    List of containers belonging to the pod."),
        "{text}"
    );
    assert!(text.contains("    A single application container that you want to run within a pod.\n    \nFIELDS:\n"), "{text}");
    assert!(text.contains("  name\t<string> -required-\n"), "{text}");
    assert!(text.contains("  imagePullPolicy\t<string>\n  enum: Always, IfNotPresent, Never\n    Image pull policy."), "{text}");
    let leaf = explain("po.spec.containers.imagePullPolicy", Depth::OneLevel).expect("a field");
    assert!(
        leaf.contains("FIELD: imagePullPolicy <string>\nENUM:\n    Always\n    IfNotPresent\n    Never\n\nDESCRIPTION:\n"),
        "{leaf}"
    );
    assert!(!leaf.contains("FIELDS:"));
    let empty = explain("pod.spec.volumes.hostPath.type", Depth::OneLevel).expect("a field");
    assert!(empty.contains("ENUM:\n    \"\"\n    BlockDevice\n"), "{empty}");
}

#[test]
fn recursion_lists_everything_below() {
    let text = explain("pod.spec.containers.livenessProbe", Depth::Recursive).expect("a field");
    let tree = "\
FIELDS:
  exec\t<ExecAction>
    command\t<[]string>
  failureThreshold\t<integer>
  grpc\t<GRPCAction>
    port\t<integer> -required-
    service\t<string>
  httpGet\t<HTTPGetAction>
    host\t<string>
    httpHeaders\t<[]HTTPHeader>
      name\t<string> -required-
      value\t<string> -required-
    path\t<string>
    port\t<IntOrString> -required-
    scheme\t<string>
    enum: HTTP, HTTPS
";
    assert!(text.contains(tree), "{text}");
    assert!(explain("pod", Depth::Recursive).expect("a kind").lines().count() > 500);
}

#[test]
fn a_path_that_leads_nowhere_is_told_in_kubectls_words() {
    let fault = |path: &str| explain(path, Depth::OneLevel).expect_err("nowhere").to_string();
    assert_eq!(fault("pod.spec.foo"), "field \"foo\" does not exist");
    assert_eq!(fault("pod.spec.nodeName.x.y"), "field \"y\" does not exist");
    assert_eq!(explain("bars", Depth::OneLevel), Err(ExplainError::UnknownKind("bars".to_owned())));
    assert_eq!(fault("bars"), "the server doesn't have a resource type \"bars\"");
    for path in ["", ".", "..", "pod..", "pod.spec.", "pod.[0]"] {
        let _ = explain(path, Depth::Recursive);
    }
}

#[test]
fn an_editor_finds_fields_by_path() {
    let image = field(Kind::Pod, "spec.containers[0].image").expect("a field");
    assert_eq!((image.type_name.as_str(), image.is_required, image.has_children), ("string", false, false));
    let labels = field(Kind::Pod, "metadata.labels").expect("a field");
    assert_eq!(labels.type_name, "map[string]string");
    let limits = field(Kind::Pod, "spec.containers.resources.limits").expect("a field");
    assert_eq!(limits.type_name, "map[string]Quantity");
    assert!(!field(Kind::Node, "metadata").expect("a field").is_required);
    assert!(field(Kind::Event, "involvedObject").expect("a field").is_required);
    assert_eq!(field(Kind::Pod, "spec.foo"), None);
    assert_eq!(field(Kind::Pod, ""), None);
    let names: Vec<String> = children(Kind::Pod, "").into_iter().map(|child| child.name).collect();
    assert_eq!(names, ["apiVersion", "kind", "metadata", "spec", "status"]);
    let policy = children(Kind::Pod, "spec").into_iter().find(|child| child.name == "restartPolicy").expect("a field");
    assert_eq!(policy.values, ["Always", "Never", "OnFailure"]);
    assert!(children(Kind::Pod, "spec.containers").iter().any(|child| child.name == "image"));
    assert!(children(Kind::Pod, "spec.foo").is_empty());
}
