//! One teller a side, each thing once.

use super::{NodeEvent, NodeReporter, Standing};
use crate::membership::Members;
use crate::version::NodeId;
use jiff::Timestamp;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).expect("a time")
}

fn seen_by(me: &str, alive: &[&str]) -> Members {
    Members::new(NodeId::from(me), alive.iter().map(|name| NodeId::from(*name)))
}

fn cluster() -> Vec<NodeReporter> {
    let reporters = NAMES.map(|me| {
        let mut reporter = NodeReporter::new(seen_by(me, &NAMES));
        for name in NAMES {
            // The cluster is old: nobody is new.
            assert_eq!(reporter.added(at(0), name, Some(at(-3600))), None);
        }
        reporter
    });
    reporters.into()
}

/// Everything that is told at a time, by whom, and heard by all who see each other.
fn told(reporters: &mut [NodeReporter], now: i64) -> Vec<(usize, String, Standing)> {
    let mut all = Vec::new();
    for (teller, reporter) in reporters.iter_mut().enumerate() {
        for event in reporter.due(at(now)) {
            let standing = Standing::parse(event.reason()).expect("it is about the standing");
            all.push((teller, event.node, standing));
        }
    }
    all
}

fn hear(reporters: &mut [NodeReporter], events: &[(usize, String, Standing)], now: i64) {
    for reporter in reporters {
        for (_, node, standing) in events {
            reporter.heard(node, *standing, at(now));
        }
    }
}

#[test]
fn a_lost_node_is_told_of_once_and_its_return_too() {
    let mut all = cluster();
    assert_eq!(told(&mut all, 1), []);
    for (index, me) in NAMES[..4].iter().enumerate() {
        all[index].seen(seen_by(me, &NAMES[..4]));
    }
    let events = told(&mut all[..4], 10);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].1.as_str(), events[0].2), ("e", Standing::NotReady));
    hear(&mut all[..4], &events, 10);
    assert_eq!(told(&mut all[..4], 11), []);
    for (index, me) in NAMES[..4].iter().enumerate() {
        all[index].seen(seen_by(me, &NAMES));
    }
    let events = told(&mut all[..4], 20);
    hear(&mut all, &events, 20);
    let late = told(&mut all, 21);
    // Where it is the node's own turn it tells of itself, once it has heard what was said.
    let returned: Vec<_> = events.iter().chain(&late).collect();
    assert_eq!(returned.len(), 1, "{returned:?}");
    assert_eq!((returned[0].1.as_str(), returned[0].2), ("e", Standing::Ready));
}

#[test]
fn a_restart_tells_nothing_twice() {
    let me = "a";
    let alive = ["a"];
    let mut first = NodeReporter::new(seen_by(me, &alive));
    assert_eq!(
        first.added(at(0), "a", Some(at(0))).map(|event| event.message()).as_deref(),
        Some("Node a event: Registered Node a in Controller")
    );
    assert_eq!(first.added(at(0), "b", Some(at(-3600))), None);
    assert_eq!(first.due(at(5)).len(), 1);
    // The next one reads the events before it knows the nodes.
    let mut second = NodeReporter::new(seen_by(me, &alive));
    second.heard("b", Standing::Ready, at(1));
    second.heard("b", Standing::NotReady, at(5));
    second.heard("b", Standing::Ready, at(3));
    second.added(at(3600), "b", Some(at(-3600)));
    assert_eq!(second.due(at(3600)), []);
}

#[test]
fn sides_that_meet_take_back_what_they_said() {
    let mut all = cluster();
    let (left, right) = NAMES.split_at(2);
    for (index, me) in NAMES.iter().enumerate() {
        all[index].seen(seen_by(me, if index < 2 { left } else { right }));
    }
    let (mut of_left, mut of_right) = (told(&mut all[..2], 10), told(&mut all[2..], 10));
    assert_eq!((of_left.len(), of_right.len()), (3, 2));
    hear(&mut all[..2], &of_left, 10);
    hear(&mut all[2..], &of_right, 10);
    for (index, me) in NAMES.iter().enumerate() {
        all[index].seen(seen_by(me, &NAMES));
    }
    // Both sides hear of each other's events, and what is said in answer.
    of_left.append(&mut of_right);
    hear(&mut all, &of_left, 10);
    let answers = told(&mut all, 20);
    hear(&mut all, &answers, 20);
    let mut nodes: Vec<&str> = answers.iter().map(|(_, node, _)| node.as_str()).collect();
    nodes.sort_unstable();
    assert_eq!(nodes, NAMES, "each was said to be lost, and each is said to be back once");
    assert_eq!(told(&mut all, 21), []);
}

#[test]
fn a_clock_that_is_ahead_does_not_repeat_itself() {
    let mut reporter = NodeReporter::new(seen_by("a", &["a", "b"]));
    reporter.added(at(0), "b", None);
    reporter.heard("b", Standing::NotReady, at(50));
    let mut count = reporter.due(at(10)).len();
    // The same event is read again, as after a watch that fell behind.
    reporter.heard("b", Standing::NotReady, at(50));
    count += reporter.due(at(11)).len();
    assert!(count <= 1, "{count}");
}

#[test]
fn a_new_node_is_told_of_once_also_by_one_that_restarts_meanwhile() {
    let members = seen_by("a", &["a"]);
    let mut reporter = NodeReporter::new(members.clone());
    let news = reporter.added(at(10), "b", Some(at(0))).expect("it is new");
    assert!(NodeEvent::is_registration(news.reason()));
    // It restarts within the minutes in which a node is new, and reads what it told.
    let mut again = NodeReporter::new(members);
    again.heard_registered("b");
    assert_eq!(again.added(at(60), "b", Some(at(0))), None);
    assert!(again.removed("b").is_some());
    assert!(again.added(at(90), "b", Some(at(80))).is_some(), "another node of that name is new");
}
