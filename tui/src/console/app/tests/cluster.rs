//! Several nodes: what the header, the lists and the corner say of those that are seen and of those that are not.

use super::{Bench, live, node, now, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::Wire;
use crate::console::link::{Command, Failure, Standing};
use objects::{Kind, Status};
use serde_json::{Value, json};
use wire::{Member, MemberState, Members, ReplaceRequest, Request, Response};

fn member(name: &str, state: MemberState, seconds: i64) -> Member {
    Member {
        name: name.to_owned(),
        state,
        since: 5_000 - seconds,
        address: format!("{name}:7946"),
        round_trip_ms: Some(0.42),
        clock_offset_ms: Some(1.0),
        is_self: name == "oak",
        instance: 1,
        version: "0.1.0".to_owned(),
    }
}

/// The daemon's clock is another one than ours.
fn members(elm: MemberState, fir: MemberState) -> Response {
    let members = vec![member("elm", elm, 40), member("fir", fir, 90), member("oak", MemberState::Alive, 4_000)];
    Response::Members(Members { node: "oak".to_owned(), cluster: "c".to_owned(), as_of: 5_000, members })
}

fn named(name: &str, ready: &str) -> Value {
    let mut node = node();
    node["metadata"]["name"] = json!(name);
    node["status"]["conditions"][0]["status"] = json!(ready);
    node
}

fn placed(name: &str, node: &str, phase: &str) -> Value {
    let mut pod = pod(name, &json!({"running": {"startedAt": "2026-03-01T11:00:01Z"}}), true, 0);
    pod["spec"]["nodeName"] = json!(node);
    pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "250m", "memory": "1Gi"}});
    pod["status"]["phase"] = json!(phase);
    pod
}

/// A console in a cluster of three of which one is not seen, as its daemon says.
fn split(columns: u16, rows: u16) -> Bench {
    let mut bench = Bench::new(columns, rows);
    let nodes = [named("elm", "Unknown"), named("fir", "True"), named("oak", "True")];
    bench.wire(Wire::Rows(Kind::Node, nodes.iter().map(|node| row(Kind::Node, node)).collect()));
    let pods = [placed("alpha", "oak", "Running"), placed("bravo", "elm", "Unknown"), placed("charlie", "fir", "Running")];
    bench.wire(Wire::Rows(Kind::Pod, pods.iter().map(|pod| row(Kind::Pod, pod)).collect()));
    answer(&mut bench, Ok(members(MemberState::Down, MemberState::Alive)));
    bench
}

/// Answers the one question about members that is open.
fn answer(bench: &mut Bench, result: Result<Response, Failure>) {
    let id = *bench.app.asked.iter().find(|(_, asked)| **asked == super::super::state::Asked::Members).expect("it was asked").0;
    bench.wire(Wire::Answer(id, result));
}

fn questions(bench: &Bench) -> usize {
    let is_question =
        |effect: &&Effect| matches!(effect, Effect::Link(Command::Ask { request, .. }) if matches!(**request, Request::Members));
    bench.effects.iter().filter(is_question).count()
}

#[test]
fn the_nodes_of_a_split_cluster() {
    let mut bench = split(120, 8);
    insta::assert_snapshot!(bench.write(":nodes").press("enter").picture(), @r#"
     ◢ skiff  oak  ·  2 of 3 nodes; elm unseen 40s  ·  all namespaces  ·  3 pods  ▲ 3                                ● live
     nodes                                                                                 ▲ elm unseen, as of 40s ago  1/3
       NAME   STATUS               PODS    CPU/R     MEM/R           %CPU    %MEM  PRESSURE   MEMBER   SINCE     RTT  AGE
    ▌? elm    NotReady as of 40s   1/110   0.2/8     1.0Gi/16Gi         -       -  none       down     40s     0.4ms  28d
     ● fir    Ready                1/110   0.2/8     1.0Gi/16Gi         -       -  none       alive    90s     0.4ms  28d
     ● oak    Ready                1/110   0.2/8     1.0Gi/16Gi         -       -  none       alive    66m         -  28d

     enter open  w why  xc cordon  xr drain  xu uncordon  d describe  D yaml  e edit  E events  / filter  : command  ? help
    "#);
    let header = split(80, 8).line(0);
    assert!(header.starts_with(" ◢ skiff  oak  ·  2 of 3 nodes; elm unseen 40s  ·  all  ·  3 pods  ▲ 3 "), "{header}");
    assert!(header.ends_with("● live"), "{header}");
}

#[test]
fn pods_of_a_node_that_is_not_seen_are_marked_and_the_corner_says_how_old_they_are() {
    let mut bench = split(100, 8);
    insta::assert_snapshot!(bench.press("j").picture(), @r#"
     ◢ skiff  oak  ·  2 of 3 nodes; elm unseen 40s  ·  all namespaces  ·  3 pods  ▲ 3            ● live
     pods                                                              ▲ elm unseen, as of 40s ago  2/3
       NAMESPACE    NAME      READY    STATUS                RESTARTS    AGE      IP          NODE
     ▲ default      alpha     1/2      Running               0           60m      10.88.0.7   oak
    ▌? default      bravo     1/2      Unknown as of 40s     0           60m      10.88.0.7   elm
     ▲ default      charlie   1/2      Running               0           60m      10.88.0.7   fir

     enter open  o logs  t timeline  p probes  w why  d describe  e edit  / filter  : command  ? help
    "#);
    bench.press("d");
    assert!(bench.line(1).ends_with("▲ elm unseen, as of 40s ago  top"), "{}", bench.line(1));
    bench.press("esc k");
    assert!(!bench.line(1).contains("unseen"));
}

#[test]
fn the_header_says_who_is_missing_in_as_few_words_as_it_can() {
    let mut bench = split(100, 8);
    let header = |bench: &Bench| bench.line(0).split("  ·  ").nth(1).unwrap_or_default().to_owned();
    assert_eq!(header(&bench), "2 of 3 nodes; elm unseen 40s");
    bench.wait(20);
    assert_eq!(header(&bench), "2 of 3 nodes; elm unseen 60s");
    let mut ask = |elm, fir| {
        bench.wire(Wire::Put(Kind::Node, Box::new(row(Kind::Node, &named("elm", "True")))));
        bench.wait(2);
        answer(&mut bench, Ok(members(elm, fir)));
        header(&bench)
    };
    assert_eq!(ask(MemberState::Down, MemberState::Down), "1 of 3 nodes; elm, fir unseen 90s");
    assert_eq!(ask(MemberState::Left, MemberState::Alive), "2 of 3 nodes; elm stopped 40s");
    assert_eq!(ask(MemberState::Suspect, MemberState::Alive), "3 nodes");
}

#[test]
fn members_are_asked_for_when_a_node_changes_and_never_more_than_once_a_second() {
    let mut bench = split(80, 24);
    bench.effects.clear();
    let put = |bench: &mut Bench| bench.wire(Wire::Put(Kind::Node, Box::new(row(Kind::Node, &named("fir", "True")))));
    put(&mut bench);
    assert_eq!(questions(&bench), 0, "it was asked in this second");
    assert_eq!(bench.app.next_wake(), Some(now() + jiff::SignedDuration::from_secs(1)));
    bench.wait(1);
    assert_eq!(questions(&bench), 1);
    put(&mut bench);
    bench.wait(5);
    assert_eq!(questions(&bench), 1, "the answer is still to come");
    answer(&mut bench, Err(Failure::Link("gone".to_owned())));
    assert_eq!(questions(&bench), 2);
    // One that does not know the question is not asked again, its successor is.
    answer(&mut bench, Err(Failure::Refused(Box::new(Status::bad_request("unknown variant")))));
    put(&mut bench);
    bench.wait(60);
    assert_eq!(questions(&bench), 2);
    bench.wire(Wire::Standing(Standing::Lost { ago: std::time::Duration::ZERO, attempt: 1, error: "x".to_owned() }));
    bench.wire(Wire::Standing(live()));
    assert_eq!(questions(&bench), 3);
}

#[test]
fn while_the_nodes_are_looked_at_their_members_are_asked_for_every_few_seconds() {
    let mut bench = split(80, 24);
    // The nodes came while the first question was open.
    bench.wait(1);
    answer(&mut bench, Ok(members(MemberState::Alive, MemberState::Alive)));
    bench.effects.clear();
    bench.wait(60);
    assert_eq!(questions(&bench), 0, "nobody looks");
    bench.write(":nodes").press("enter");
    assert_eq!(questions(&bench), 1);
    answer(&mut bench, Ok(members(MemberState::Alive, MemberState::Alive)));
    bench.wait(4);
    assert_eq!(questions(&bench), 1);
    bench.wait(1);
    assert_eq!(questions(&bench), 2);
}

#[test]
fn a_node_is_cordoned_after_asking_and_uncordoned_likewise() {
    let mut bench = split(80, 12);
    bench.write(":nodes").press("enter j x c");
    assert!(bench.shows("Cordon node?") && bench.shows("  fir"), "{}", bench.picture());
    bench.effects.clear();
    bench.press("y");
    let Some((id, Request::Replace(ReplaceRequest { object, .. }))) = bench.asked() else { panic!("nothing was asked") };
    assert_eq!((&object["metadata"]["name"], &object["spec"]["unschedulable"]), (&json!("fir"), &json!(true)));
    bench.wire(Wire::Answer(
        id,
        Ok(Response::Object { object: Box::new(json!({})), warnings: vec![], outcome: "replaced".into() }),
    ));
    assert!(bench.shows("node/fir cordoned"));
    let mut cordoned = named("fir", "True");
    cordoned["spec"] = json!({"unschedulable": true, "podCIDR": "10.88.1.0/24"});
    bench.wire(Wire::Put(Kind::Node, Box::new(row(Kind::Node, &cordoned))));
    bench.press("x c");
    assert!(bench.shows("already cordoned"));
    bench.press("x u");
    assert!(bench.shows("Uncordon node?"));
    bench.press("esc x u y");
    let Some((id, Request::Replace(ReplaceRequest { object, .. }))) = bench.asked() else { panic!("nothing was asked") };
    assert_eq!(object["spec"], json!({"podCIDR": "10.88.1.0/24"}));
    bench.wire(Wire::Answer(id, Err(Failure::Link("gone".to_owned()))));
    assert!(bench.shows("node/fir not uncordoned: gone"), "{}", bench.picture());
}

#[test]
fn a_node_that_is_alone_says_nothing_of_members() {
    let mut bench = Bench::new(120, 8);
    let members = vec![member("oak", MemberState::Alive, 10)];
    let alone = Members { node: "oak".to_owned(), cluster: String::new(), as_of: 5_000, members };
    answer(&mut bench, Ok(Response::Members(alone.clone())));
    bench.wait(1);
    answer(&mut bench, Ok(Response::Members(alone)));
    bench.write(":nodes").press("enter");
    assert!(!bench.shows("MEMBER") && !bench.shows("1 nodes"), "{}", bench.picture());
    bench.effects.clear();
    bench.wait(60);
    assert_eq!(questions(&bench), 0);
}

#[test]
fn the_map_shows_who_sees_whom_and_the_sides() {
    let mut bench = split(110, 24);
    bench.press("space m");
    let others: Vec<(u32, String)> = bench
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Link(Command::Ask { id, request }) => match &**request {
                Request::On { node, .. } => Some((*id, node.clone())),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(others.iter().map(|(_, node)| node.as_str()).collect::<Vec<_>>(), ["fir"], "who is not seen cannot be asked");
    let Response::Members(mut view) = members(MemberState::Down, MemberState::Alive) else { panic!("members") };
    view.node = "fir".to_owned();
    bench.wire(Wire::Answer(others[0].0, Ok(Response::Members(view))));
    insta::assert_snapshot!(bench.picture(), @r#"
     ◢ skiff  oak  ·  2 of 3 nodes; elm unseen 40s  ·  all namespaces  ·  3 pods  ▲ 3                      ● live
     map                                                                            ▲ elm unseen, as of 40s ago
     ── MEMBERS as oak sees them, cluster c ───────────────────────────────────────────────────────────────────
    ▌✕ elm           down     40s     rtt 0.4ms     clock 1.0ms     0.1.0     elm:7946
     ● fir           alive    90s     rtt 0.4ms     clock 1.0ms     0.1.0     fir:7946
     ● oak           alive    66m     rtt here      clock 1.0ms     0.1.0     oak:7946

     ── WHO SEES WHOM, round trips in ms ──────────────────────────────────────────────────────────────────────
           elm       fir       oak
     elm   ─         ?         ?         cannot be asked
     fir   ✕         ─         ● 0.4     0s ago
     oak   ✕         ● 0.4     ─         this node

     ── 2 SIDES ───────────────────────────────────────────────────────────────────────────────────────────────
     A  fir oak  2 pods  this side
     B  elm  1 pod  not seen from here; its pods are shown as they were







     enter open  d describe  D yaml  e edit  E events  w why  : command  space t theme  space n new pod  ? help
    "#);
    bench.effects.clear();
    bench.wait(5);
    assert!(
        bench.effects.iter().any(
            |effect| matches!(effect, Effect::Link(Command::Ask { request, .. }) if matches!(**request, Request::On { .. }))
        )
    );
}

#[test]
fn the_pulses_tell_once_what_a_lost_node_does_to_all_its_pods() {
    let mut bench = split(130, 40);
    for (number, pod) in ["bravo", "delta", "echo"].into_iter().enumerate() {
        let mut event = super::event(900 + number);
        event["metadata"]["name"] = json!(format!("{pod}.1"));
        event["involvedObject"] = json!({"kind": "Pod", "namespace": "default", "name": pod});
        event["type"] = json!("Warning");
        event["reason"] = json!("NodeNotReady");
        event["message"] = json!("Node is not ready");
        bench.wire(Wire::Put(Kind::Event, Box::new(row(Kind::Event, &event))));
    }
    bench.press("space p");
    let picture = bench.picture();
    assert!(picture.lines().any(|line| line.contains(" and 2 more ") && line.contains("Node is not ready")), "{picture}");
    assert_eq!(picture.matches("Node is not ready").count(), 1, "{picture}");
    assert!(bench.shows("node/elm") && !picture.contains("bravo      Unknown"), "{picture}");
    assert!(!picture.contains("Unknown"), "its pods are not told one by one: {picture}");
}
