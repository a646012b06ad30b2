//! What is used: asked for only where it is shown, and shown as it was told.

use super::{Bench, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::Wire;
use crate::console::link::{Command, Failure};
use objects::Kind;
use serde_json::json;
use wire::{ContainerUsage, NodeUsage, PodUsage, Request, Response, UsageRequest, Usages, Used};

/// The questions about usage since the last look.
fn asked(bench: &mut Bench) -> Vec<(u32, UsageRequest)> {
    let effects = std::mem::take(&mut bench.effects);
    let question = |effect: Effect| match effect {
        Effect::Link(Command::Ask { id, request }) => match *request {
            Request::Usage(request) => Some((id, request)),
            _ => None,
        },
        _ => None,
    };
    effects.into_iter().filter_map(question).collect()
}

fn answer(milli: u64, mebi: u64) -> Response {
    let used = Used { cpu_nanocores: milli * 1_000_000, memory_bytes: mebi << 20 };
    let container = ContainerUsage { name: "web".to_owned(), used };
    let pod = PodUsage {
        namespace: "default".to_owned(),
        name: "alpha".to_owned(),
        uid: "uid-alpha".to_owned(),
        containers: vec![container],
    };
    let node = NodeUsage { node: "oak".to_owned(), used, pods: vec![pod], ..NodeUsage::default() };
    Response::Usage(Usages { nodes: vec![node], missing: vec![] })
}

fn bench(columns: u16) -> Bench {
    let mut bench = Bench::unconnected(columns, 40);
    bench.connect();
    bench.wire(Wire::Rows(Kind::Pod, vec![row(Kind::Pod, &pod("alpha", &json!({"running": {}}), true, 0))]));
    bench
}

#[test]
fn nothing_is_asked_for_where_no_column_shows_it() {
    for columns in [80, 120] {
        let mut bench = bench(columns);
        bench.wait(60);
        assert_eq!(asked(&mut bench), [], "{columns} columns");
    }
}

#[test]
fn a_wide_list_asks_now_and_then_and_shows_what_it_hears_and_nothing_old() {
    let mut bench = bench(180);
    bench.wait(0);
    let questions = asked(&mut bench);
    assert_eq!(questions.len(), 1, "{questions:?}");
    assert_eq!(questions[0].1.nodes, Vec::<String>::new(), "of all nodes");
    bench.wait(30);
    assert_eq!(asked(&mut bench), [], "one at a time");
    bench.wire(Wire::Answer(questions[0].0, Ok(answer(120, 64))));
    assert!(bench.picture().contains("120m") && bench.picture().contains("64Mi"), "{}", bench.picture());
    let questions = asked(&mut bench);
    assert_eq!(questions.len(), 1, "the last answer took long enough");
    bench.wait(25);
    bench.wire(Wire::Answer(questions[0].0, Err(Failure::Link("lost".to_owned()))));
    let questions = asked(&mut bench);
    assert_eq!(questions.len(), 1, "it is asked again");
    assert!(!bench.picture().contains("120m"), "it is too old to be told as what is so now: {}", bench.picture());
    bench.wire(Wire::Answer(questions[0].0, Ok(answer(130, 64))));
    bench.wait(3);
    assert_eq!(asked(&mut bench), []);
    bench.wait(2);
    assert_eq!(asked(&mut bench).len(), 1);
    assert!(bench.picture().contains("130m"), "it stays until the next answer: {}", bench.picture());
}

#[test]
fn a_column_that_is_chosen_asks_in_a_narrow_window_too_and_containers_ask_their_node_alone() {
    let mut bench = bench(80);
    bench.write(":column mem").press("enter esc");
    bench.wait(0);
    let questions = asked(&mut bench);
    assert_eq!(questions.len(), 1, "{}", bench.picture());
    bench.wire(Wire::Answer(questions[0].0, Ok(answer(1, 48))));
    assert!(bench.picture().contains("48Mi"), "{}", bench.picture());

    let mut bench = self::bench(120);
    bench.press("enter");
    bench.wait(0);
    let questions = asked(&mut bench);
    assert_eq!(questions.iter().map(|(_, request)| request.nodes.clone()).collect::<Vec<_>>(), [["oak"]]);
    bench.wire(Wire::Answer(questions[0].0, Ok(answer(250, 48))));
    assert!(bench.picture().contains("250m"), "{}", bench.picture());
}

#[test]
fn the_pulses_show_what_is_used_beside_what_is_asked_for() {
    let mut bench = bench(80);
    bench.press("space p");
    let (id, request) = asked(&mut bench).pop().expect("a question");
    assert_eq!(request.nodes, Vec::<String>::new());
    assert!(bench.picture().contains("used: not known"), "{}", bench.picture());
    bench.wire(Wire::Answer(id, Ok(answer(2_400, 4_096))));
    assert!(bench.picture().contains("2.4 of 8 used") && bench.picture().contains("4.0Gi of 16Gi used"), "{}", bench.picture());
}

#[test]
fn the_pulses_say_that_a_silent_nodes_only_number_is_what_was_asked_for() {
    let mut bench = bench(120);
    let mut silent = super::node();
    silent["metadata"]["name"] = serde_json::json!("elm");
    bench.wire(Wire::Put(Kind::Node, Box::new(super::row(Kind::Node, &silent))));
    bench.press("space p");
    let (id, _) = asked(&mut bench).pop().expect("a question");
    bench.wire(Wire::Answer(id, Ok(answer(2_400, 4_096))));
    let picture = bench.picture();
    let line = |name: &str| picture.lines().find(|line| line.contains(name) && line.contains("cpu")).unwrap_or_default();
    let end = |name: &str| line(name).find("asked").map(|at| line(name)[..at].chars().count());
    assert!(end("● elm").is_some() && end("● elm") == end("● oak"), "below one another: {picture}");
    assert!(!line("elm").contains("used"), "{picture}");
}

#[test]
fn the_past_has_nothing_of_it_and_asks_for_nothing() {
    let mut bench = bench(180);
    let (id, _) = asked(&mut bench).pop().expect("a question");
    bench.wire(Wire::Answer(id, Ok(answer(120, 64))));
    assert!(bench.picture().contains("120m"));
    bench.press("<");
    let id = bench.asked().map(|(id, _)| id).expect("the past is asked for");
    bench.wire(Wire::Answer(id, Ok(super::travel::history())));
    assert!(bench.picture().contains('◀') && !bench.picture().contains("120m"), "{}", bench.picture());
    asked(&mut bench);
    bench.wait(7);
    assert_eq!(asked(&mut bench), []);
    bench.press("esc");
    assert!(bench.picture().contains("120m"), "{}", bench.picture());
}

#[test]
fn what_is_used_is_a_share_of_what_those_nodes_have_that_told_it() {
    let mut bench = bench(120);
    let mut other = super::node();
    other["metadata"]["name"] = json!("elm");
    bench.wire(Wire::Put(Kind::Node, Box::new(row(Kind::Node, &other))));
    bench.press("space p").wait(0);
    let questions = asked(&mut bench);
    assert_eq!(questions.len(), 1, "{questions:?}");
    bench.wire(Wire::Answer(questions[0].0, Ok(answer(4_000, 64))));
    assert!(bench.shows("50% 4 of 8 used, 1/2 nodes"), "{}", bench.picture());
}
