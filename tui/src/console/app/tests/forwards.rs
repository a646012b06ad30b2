//! Port-forwards and copies: what is proposed, what is sent, how they are told, and that they end with the console.

use super::{Bench, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::Wire;
use crate::console::app::rights::Rights;
use crate::console::link::{Command, Copy, Forward, ForwardReport, ForwardState};
use crate::console::model::row::Key;
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
    assert_eq!((sent[0].1.target.to_string().as_str(), sent[0].1.address.as_str()), ("aweb", "localhost"));
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

/// Puts a deployment and a service of the pod `aweb` there.
fn choosers(bench: &mut Bench) {
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "default"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "aweb"}}, "template": {"spec": {"containers": [
            {"name": "main", "image": "web", "ports": [{"containerPort": 8000, "name": "http"}]}]}}}});
    let service = |name: &str, spec: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "default"}, "spec": spec})
    };
    let front = json!({"selector": {"app": "aweb"}, "ports": [{"port": 443, "name": "https", "targetPort": "http"}]});
    let services = [service("front", front), service("outside", json!({"type": "ExternalName", "externalName": "a.example"}))];
    bench.wire(Wire::Rows(Kind::Deployment, vec![row(Kind::Deployment, &deployment)]));
    bench.wire(Wire::Rows(Kind::Service, services.iter().map(|service| row(Kind::Service, service)).collect()));
    for kind in [Kind::Deployment, Kind::Service] {
        bench.app.watched.push(kind);
    }
}

#[test]
fn what_chooses_pods_is_forwarded_and_the_list_says_which_pod_serves() {
    let mut bench = bench();
    choosers(&mut bench);
    bench.press("esc :").write("deploy").press("enter x f");
    for words in ["Forward a port of deployment/shop", "8000 (http)", "once that is gone to another one"] {
        assert!(bench.shows(words), "{words}: {}", bench.picture());
    }
    bench.press("enter");
    let (id, forward) = forwards(&bench).pop().expect("it was sent");
    assert_eq!((forward.target.kind, &*forward.target.name, forward.port), (Kind::Deployment, "shop", 8000));
    bench.wire(Wire::Forward(id, ForwardReport { pod: Some("aweb".to_owned()), ..listening(8000) }));
    assert!(bench.shows("localhost:8000 leads to port 8000 of deployment/shop"), "{}", bench.picture());
    bench.press("space f");
    assert!(bench.shows("deployment/shop") && bench.shows("aweb"), "{}", bench.picture());
    // The pod goes: nobody serves, and keys are about the deployment until the next connection has another pod.
    bench.wire(Wire::Remove(Kind::Pod, Key { namespace: "default".into(), name: "aweb".into() }));
    assert!(!bench.shows("aweb"), "{}", bench.picture());
    bench.press("d");
    assert!(bench.shows("describe shop") || bench.shows("shop"), "{}", bench.picture());
    bench.press("esc");
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &pod("bweb", &json!({"running": {}}), true, 0)))));
    bench.wire(Wire::Forward(id, ForwardReport { pod: Some("bweb".to_owned()), total: 1, ..listening(8000) }));
    assert!(bench.shows("localhost:8000 leads to bweb now"), "{}", bench.picture());
}

#[test]
fn a_service_proposes_its_own_ports_and_one_without_pods_is_refused() {
    let mut bench = bench();
    choosers(&mut bench);
    bench.press("esc :").write("svc").press("enter x f");
    assert!(bench.shows("Forward a port of service/front") && bench.shows("443 (https)"), "{}", bench.picture());
    bench.press("esc j x f");
    assert!(bench.app.overlay.is_none() && bench.shows("the service chooses no pods"), "{}", bench.picture());
    bench.press(":").write("forward svc/front 8443:443").press("enter");
    bench.press(":").write("forward deploy/default/shop :8000").press("enter");
    let sent: Vec<_> = forwards(&bench).into_iter().map(|(_, forward)| (forward.target.to_string(), forward.local)).collect();
    assert_eq!(sent, [("service/front".to_owned(), 8443), ("deployment/shop".to_owned(), 0)]);
    bench.press(":").write("forward cm/front 1").press("enter");
    assert!(bench.shows("pods \"cm/front\" not found"), "{}", bench.picture());
}

#[test]
fn that_a_forward_leads_nowhere_yet_is_said_at_once() {
    let mut bench = bench();
    choosers(&mut bench);
    bench.press(":").write("forward deploy/shop 8000").press("enter");
    let id = forwards(&bench)[0].0;
    let fault = Some("no pod of deployment/shop runs".to_owned());
    bench.wire(Wire::Forward(id, ForwardReport { fault, ..listening(8000) }));
    assert!(bench.shows("localhost:8000 leads nowhere yet: no pod of deployment/shop runs"), "{}", bench.picture());
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
