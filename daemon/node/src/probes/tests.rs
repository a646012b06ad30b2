//! What a page and a port come to.

use super::http::Failure;
use super::{Outcome, ProbeVerdict, page, port_of};
use k8s_openapi::api::core::v1::{Container, ContainerPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

#[test]
fn a_port_is_a_number_or_the_name_of_one() {
    let port = ContainerPort { name: Some("http".to_owned()), container_port: 8080, ..ContainerPort::default() };
    let container = Container { ports: Some(vec![port]), ..Container::default() };
    let check = |port: IntOrString, expected: Result<u16, &str>| {
        assert_eq!(port_of(&port, &container), expected.map_err(str::to_owned));
    };
    check(IntOrString::Int(80), Ok(80));
    check(IntOrString::String("http".to_owned()), Ok(8080));
    check(IntOrString::String("81".to_owned()), Ok(81));
    check(IntOrString::String("admin".to_owned()), Err("strconv.Atoi: parsing \"admin\": invalid syntax"));
    check(IntOrString::Int(0), Err("invalid port number: 0"));
    check(IntOrString::Int(70_000), Err("invalid port number: 70000"));
}

#[test]
fn no_answer_is_a_failure_and_one_that_breaks_off_is_none() {
    let failure = |failure| page(Err(failure));
    let outcome = |verdict, output: &str| Outcome { verdict, output: output.to_owned() };
    assert_eq!(failure(Failure::Transport("x".to_owned())), outcome(ProbeVerdict::Failure, "x"));
    assert_eq!(failure(Failure::Body("x".to_owned())), outcome(ProbeVerdict::Unknown, "x"));
}
