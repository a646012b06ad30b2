//! Counting, aggregating and dropping events.

use super::{Correlator, Decision, Report, Source, Subject};
use crate::pod::EventType;
use jiff::Timestamp;

fn report(name: &str, reason: &str, message: &str) -> Report {
    Report {
        source: Source { component: "kubelet".to_owned(), host: "node1".to_owned() },
        subject: Subject { kind: "Pod".to_owned(), namespace: "default".to_owned(), name: name.to_owned(), uid: "u1".to_owned() },
        field_path: None,
        kind: EventType::Normal,
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000_000 + second).expect("in range")
}

/// `create 1 text`, `update 5 text`, `drop`.
fn decide(correlator: &mut Correlator, second: i64, report: &Report) -> String {
    match correlator.report(at(second), report) {
        Decision::Create(event) => format!("create {} {}", event.count, event.message),
        Decision::Update(event) => format!("update {} {}", event.count, event.message),
        Decision::Drop => "drop".to_owned(),
    }
}

#[test]
fn what_is_said_again_is_counted_under_the_first_name() {
    let mut correlator = Correlator::default();
    let Decision::Create(first) = correlator.report(at(0), &report("kubia", "BackOff", "again")) else { panic!("it is new") };
    assert_eq!(first.name, "kubia.de0b6b3a7640000");
    let Decision::Update(second) = correlator.report(at(9), &report("kubia", "BackOff", "again")) else {
        panic!("it is not new")
    };
    assert_eq!((second.name, second.first, second.last, second.count), (first.name, at(0), at(9), 2));
}

#[test]
fn what_differs_in_anything_is_another_event() {
    let mut correlator = Correlator::default();
    let first = report("kubia", "BackOff", "x");
    let part = Report { field_path: Some("spec.containers{a}".to_owned()), ..first.clone() };
    let warning = Report { kind: EventType::Warning, ..first.clone() };
    let others =
        [first, part, warning, report("other", "BackOff", "x"), report("kubia", "Failed", "x"), report("kubia", "BackOff", "y")];
    for other in &others {
        assert!(decide(&mut correlator, 0, other).starts_with("create 1"), "{other:?}");
    }
}

#[test]
fn ten_messages_of_one_reason_become_one() {
    let mut correlator = Correlator::default();
    for number in 1..10 {
        assert_eq!(
            decide(&mut correlator, number, &report("kubia", "Failed", &format!("{number}"))),
            format!("create 1 {number}")
        );
    }
    assert_eq!(decide(&mut correlator, 10, &report("kubia", "Failed", "10")), "create 1 (combined from similar events): 10");
    assert_eq!(decide(&mut correlator, 11, &report("kubia", "Failed", "11")), "update 2 (combined from similar events): 11");
    assert_eq!(decide(&mut correlator, 700, &report("kubia", "Failed", "12")), "create 1 12", "ten quiet minutes end it");
}

#[test]
fn one_object_cannot_flood_the_store() {
    let mut correlator = Correlator::default();
    let same = report("kubia", "BackOff", "x");
    let taken = (0..100).filter(|_| decide(&mut correlator, 0, &same) != "drop").count();
    assert_eq!(taken, 25);
    assert_eq!(decide(&mut correlator, 299, &same), "drop");
    assert_eq!(decide(&mut correlator, 301, &same), "update 102 x", "what was dropped is counted");
    assert_eq!(decide(&mut correlator, 301, &same), "drop");
    assert_eq!(decide(&mut correlator, 301, &report("other", "BackOff", "x")), "create 1 x");
}
