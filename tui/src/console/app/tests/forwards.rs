//! Port-forwards and copies: what is proposed, what is sent, how they are told, and that they end with the console.

use super::{Bench, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::Wire;
use crate::console::app::rights::Rights;
use crate::console::link::{Command, Copy, Forward, ForwardReport, ForwardState};
use objects::Kind;
use serde_json::json;
use wire::CopyDirection;

/// A console that stands on a pod with two ports.
fn bench() -> Bench {
    let mut bench = Bench::new(100, 24);
    let mut web = pod("aweb", &json!({"running": {}}), true, 0);
    web["spec"]["containers"] = json!([
        {"name": "main", "image": "web", "ports": [{"containerPort": 80, "name": "http"}]},
        {"name": "side", "image": "envoy", "ports": [{"containerPort": 9901}]},
    ]);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &web))));
    bench.press("/").write("aweb").press("enter");
    bench
}

fn forwards(bench: &Bench) -> Vec<(u32, Forward)> {
    let sent = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Link(Command::Forward { id, forward }) => Some((*id, (**forward).clone())),
        _ => None,
    });
    sent.collect()
}

fn listening(port: u16) -> ForwardReport {
    ForwardReport { state: ForwardState::Listening { port }, ..ForwardReport::default() }
}

#[test]
fn the_ports_of_the_containers_are_proposed_with_a_local_port_that_is_free() {
    let mut bench = bench();
    bench.press("x f");
    assert!(bench.shows("80 (http)") && bench.shows("8080"), "{}", bench.picture());
    bench.press("down");
    assert!(bench.shows("9901 (side)"), "{}", bench.picture());
    bench.press("down").press("enter");
    let sent = forwards(&bench);
    assert_eq!(sent.iter().map(|(_, forward)| (forward.local, forward.port)).collect::<Vec<_>>(), [(8080, 80), (9901, 9901)]);
    assert_eq!((sent[0].1.pod.as_str(), sent[0].1.address.as_str()), ("aweb", "localhost"));
    // The same ports are taken now.
    bench.press("x f");
    assert!(bench.shows("8081"), "{}", bench.picture());
}

#[test]
fn what_cannot_be_forwarded_is_said_and_no_text_is_lost() {
    let mut bench = bench();
    bench.press("x f ctrl-u").write("htp").press("enter");
    assert!(bench.shows("\"htp\" is no port") && forwards(&bench).is_empty(), "{}", bench.picture());
    bench.press("ctrl-u").write("80").press("tab ctrl-u").write("8080,1").press("enter");
    assert!(bench.shows("2 local ports for 1"), "{}", bench.picture());
    bench.press("ctrl-u").press("tab ctrl-u").write("oak").press("enter");
    assert!(bench.shows("oak is not a valid IP"), "{}", bench.picture());
    bench.press("ctrl-u").write("::1").press("enter");
    assert_eq!(forwards(&bench).iter().map(|(_, forward)| forward.local).collect::<Vec<_>>(), [0]);
}

#[test]
fn a_container_proposes_its_own_ports_alone() {
    let mut bench = bench();
    bench.press("enter j x f");
    assert!(bench.shows("9901 (side)") && !bench.shows("80 (http)"), "{}", bench.picture());
}

#[test]
fn the_list_tells_how_they_stand_and_stops_them() {
    let mut bench = bench();
    bench.press("x f enter");
    let id = forwards(&bench)[0].0;
    bench.wire(Wire::Forward(id, listening(8080)));
    assert!(bench.shows("localhost:8080 leads to port 80 of aweb; space f shows all"), "{}", bench.picture());
    bench.press("space f");
    assert!(bench.shows("localhost:8080") && bench.shows("listening"), "{}", bench.picture());
    let fault = Some("pod does not run".to_owned());
    bench.wire(Wire::Forward(id, ForwardReport { open: 2, total: 5, failed: 1, down: 3 << 20, fault, ..listening(8080) }));
    for words in ["failing", "3.0Mi", "pod does not run"] {
        assert!(bench.shows(words), "{words}: {}", bench.picture());
    }
    bench.press("y");
    assert!(matches!(bench.effects.last(), Some(Effect::Copy(text)) if text == "localhost:8080"));
    bench.press("x d");
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::Link(Command::End { id: ended }) if *ended == id)));
    assert!(bench.shows("no port-forwards"), "{}", bench.picture());
}

#[test]
fn they_end_with_the_console_and_that_is_said_before() {
    let mut bench = bench();
    bench.press("x f enter");
    let id = forwards(&bench)[0].0;
    bench.wire(Wire::Forward(id, listening(8080)));
    bench.press(":").write("q").press("enter");
    assert!(bench.shows("1 port-forward ends with it"), "{}", bench.picture());
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
    bench.press("y");
    assert!(matches!(bench.effects.last(), Some(Effect::Quit)));
}

#[test]
fn a_port_that_is_taken_is_told_with_what_to_do() {
    let mut bench = bench();
    bench.press(":").write("forward aweb 8080:80").press("enter");
    let id = forwards(&bench)[0].0;
    let why = "cannot listen on 127.0.0.1:8080: Address already in use".to_owned();
    bench.wire(Wire::Forward(id, ForwardReport { state: ForwardState::Failed { why }, ..ForwardReport::default() }));
    assert!(bench.shows("Address already in use") && bench.shows("another local port"), "{}", bench.picture());
}

#[test]
fn a_console_without_rights_forwards_and_copies_nothing() {
    for rights in [Rights::new(true, false), Rights::new(false, true)] {
        let mut bench = bench();
        bench.app.rights = rights;
        bench.press("x f");
        assert!(bench.app.overlay.is_none(), "{}", bench.picture());
        bench.press("esc :").write("cp ./a aweb:/tmp/a").press("enter");
        bench.press(":").write("forward aweb 1:80").press("enter");
        let is_sent = |effect: &Effect| matches!(effect, Effect::Link(Command::Copy { .. } | Command::Forward { .. }));
        assert!(!bench.effects.iter().any(is_sent), "{:?}", bench.effects);
    }
}

#[test]
fn files_are_copied_both_ways_and_how_far_is_told() {
    let mut bench = bench();
    bench.press("x c").write("/etc/nginx/nginx.conf");
    assert!(bench.shows("./nginx.conf"), "what is copied keeps its name: {}", bench.picture());
    bench.press("enter");
    let copies = |bench: &Bench| -> Vec<(u32, Copy)> {
        let sent = bench.effects.iter().filter_map(|effect| match effect {
            Effect::Link(Command::Copy { id, copy }) => Some((*id, (**copy).clone())),
            _ => None,
        });
        sent.collect()
    };
    let (id, copy) = copies(&bench)[0].clone();
    assert_eq!((copy.request.path.as_str(), copy.local.as_str()), ("/etc/nginx/nginx.conf", "./nginx.conf"));
    assert_eq!((copy.request.container.as_deref(), copy.request.direction), (Some("main"), CopyDirection::FromContainer));
    bench.wire(Wire::Copied(id, 5 << 20));
    assert!(bench.line(1).contains("copying 5.0Mi"), "{}", bench.picture());
    bench.wire(Wire::CopyEnd(id, Err("no such file".to_owned())));
    assert!(bench.shows("not copied aweb:/etc/nginx/nginx.conf to ./nginx.conf: no such file"), "{}", bench.picture());
    bench.press(":").write("cp ./site/. aweb:/srv").press("enter");
    let copy = copies(&bench).pop().expect("it was sent").1;
    assert!(copy.request.is_content && copy.request.direction == CopyDirection::IntoContainer, "{copy:?}");
}
