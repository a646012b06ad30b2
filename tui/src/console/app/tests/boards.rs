//! The boards: why something is not ready, the pulses, the tree.

use super::{Bench, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::Wire;
use crate::console::link::{Command, Failure};
use crate::console::screen::Screen;
use objects::Kind;
use serde_json::json;

fn log_asked(bench: &Bench) -> Option<(u32, wire::LogsRequest)> {
    bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Link(Command::Logs { id, request }) => Some((*id, (**request).clone())),
        _ => None,
    })
}

#[test]
fn one_key_says_why_a_pod_crashes_with_the_end_of_its_log() {
    let mut bench = Bench::new(90, 24);
    bench.press("j w");
    let (id, request) = log_asked(&bench).expect("the log was asked for");
    assert_eq!((request.pod.as_str(), request.container.as_deref(), request.previous), ("bravo", Some("web"), true));
    bench.wire(Wire::Log(id, b"2026-03-01T11:59:17.000000000Z cannot open /etc/app.conf\n".to_vec()));
    bench.wire(Wire::LogEnd(id, None));
    insta::assert_snapshot!(bench.picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1                    ● live
     pods › bravo why

     ✕ container web: it ends again and again (3 restarts); it exited with code 1

     ● accepted        the daemon keeps it · 60m ago
     ● scheduled       to node oak
     ● node            oak is ready
     ● sandbox         address 10.88.0.7
     ✕ container web   it ends again and again (3 restarts); it exited with code 1 · 42s
                       ago
                       the program itself chose this code; its log says why
                       the end of its last log:
                       │ cannot open /etc/app.conf
    ▌                  → O the whole log of web before its end
                       → e repair the manifest

     ◐ container side  is about to start





     enter open  o logs  t timeline  p probes  d describe  e edit  w why  : command  ? help
    "#);
    bench.effects.clear();
    bench.press("enter");
    assert!(matches!(bench.app.screen(), Screen::Log(log) if log.is_previous), "{}", bench.picture());
    bench.press("esc");
    assert_eq!(log_asked(&bench).map(|(_, request)| request.pod).as_deref(), Some("bravo"), "only the log screen asked");
    bench.press("j enter");
    assert!(matches!(bench.app.screen(), Screen::Edit(_)), "{}", bench.picture());
}

#[test]
fn why_follows_its_pod_and_says_where_there_is_no_log() {
    let mut bench = Bench::new(90, 24);
    bench.press("j w");
    let (id, _) = log_asked(&bench).expect("the log was asked for");
    bench.wire(Wire::LogEnd(id, Some(Failure::Link("the link was lost".to_owned()))));
    assert!(bench.shows("no log: the link was lost"), "{}", bench.picture());
    let mut ready = pod("bravo", &json!({"running": {"startedAt": "2026-03-01T12:00:00Z"}}), true, 0);
    ready["spec"]["containers"].as_array_mut().expect("containers").pop();
    ready["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &ready))));
    assert!(bench.shows("● It is ready."), "{}", bench.picture());
    bench.wire(Wire::Remove(Kind::Pod, row(Kind::Pod, &ready).key));
    assert!(bench.shows("it is gone"));
}

#[test]
fn an_event_and_a_node_are_asked_why_too() {
    let mut bench = Bench::new(90, 24);
    bench.write(":ev").press("enter w");
    assert!(bench.line(1).contains("bravo why"), "{}", bench.picture());
    bench.write(":nodes").press("enter w");
    assert!(bench.shows("oak is ready and takes pods"), "{}", bench.picture());
}

#[test]
fn the_pulses_on_a_wide_and_on_a_narrow_terminal() {
    let mut bench = Bench::new(120, 24);
    insta::assert_snapshot!(bench.press("space p").picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1                                                  ● live
     pulses
     ── CLUSTER ──────────────────────────────────────────────   ── LAST HOUR ────────────────────────────────────────────
     nodes    1      ● 1    ◐ 0    ▲ 0    ✕ 0    ○ 0             warnings  ·································█····· 1
     pods     4      ● 0    ◐ 1    ▲ 1    ✕ 1    ○ 1             events    ································██····· 2
     cpu      ░░░░░░░░░░░░░░░░░   -  used: not known             restarts  ······································█ 1
              ░░░░░░░░░░░░░░░░░   0% 0 of 8 asked for                      60m ago                             now
     memory   ░░░░░░░░░░░░░░░░░   -  used: not known
              ░░░░░░░░░░░░░░░░░   0% 0 of 16Gi asked for
     room     ▌░░░░░░░░░░░░░░░░   3% 3 of 110 pods

     ── NOT AS IT SHOULD BE ─────────────────────────────────────────────────────────────────────────────────────────────
    ▌✕ default   bravo     CrashLoopBackOff  3 restarts, 42s ago
     ▲ default   alpha     1/2 ready

     ── NODES, and what their pods ask for ──────────────────────────────────────────────────────────────────────────────
     ● oak     cpu ░░░░░░░░░░░░░░░░░░░░ 0%    mem ░░░░░░░░░░░░░░░░░░░░ 0%    3 pods

     ── WARNINGS ────────────────────────────────────────────────────────────────────────────────────────────────────────
     8m     BackOff           pod/bravo  Back-off restarting



     enter open  o logs  t timeline  p probes  d describe  D yaml  e edit  E events  w why  : command  ? help
    "#);
    bench.press("j");
    let Screen::Board(_) = bench.app.screen() else { panic!("no board") };
    let mut narrow = Bench::new(80, 60);
    narrow.press("space p");
    for heading in ["CLUSTER", "NODES", "LAST HOUR", "WARNINGS", "NOT AS IT SHOULD BE"] {
        assert!(narrow.shows(heading), "{}", narrow.picture());
    }
    narrow.press("G enter");
    assert!(narrow.line(1).contains("bravo why"), "{}", narrow.picture());
}

#[test]
fn the_tree_folds_and_leads_to_logs() {
    let mut bench = Bench::new(90, 16);
    let mut owned = pod("echo", &json!({"running": {}}), true, 0);
    owned["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "echo-rs", "controller": true}]);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &owned))));
    insta::assert_snapshot!(bench.press("space r").picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  5 pods  ◐ 1  ▲ 2  ✕ 1  ○ 1                    ● live
     tree                                                                        4 more below
    ▌▾ default  5 pods  ✕ 1  ▲ 2  ◐ 1  ○ 1
     ├─▾ ▲ alpha    1/2 Running  oak
     │ ├─ ● web  Running  luksa/kubia:v2
     │ └─ ◐ side  Waiting  envoy
     ├─▾ ✕ bravo    0/2 CrashLoopBackOff  oak
     │ ├─ ✕ web  CrashLoopBackOff  luksa/kubia:v2  3 restarts
     │ └─ ◐ side  Waiting  envoy
     ├─▾ ◐ charlie  0/2 ContainerCreating  oak
     │ ├─ ◐ web  ContainerCreating  luksa/kubia:v2
     │ └─ ◐ side  Waiting  envoy
     ├─▾ ○ delta    0/2 Completed  oak
     │ ├─ ○ web  Completed  luksa/kubia:v2
     │ └─ ◐ side  Waiting  envoy                                                             ↓
     enter open  o logs  t timeline  p probes  d describe  e edit  w why  : command  ? help
    "#);
    bench.press("j j enter");
    assert!(matches!(bench.app.screen(), Screen::Log(log) if &*log.pod().name == "alpha"), "{}", bench.picture());
    bench.press("esc g g enter");
    assert!(!bench.shows("alpha") && bench.shows("5 pods"), "{}", bench.picture());
    bench.press("l");
    assert!(bench.shows("alpha"));
}

#[test]
fn what_is_not_as_it_should_be_is_told_of_nodes_and_deployments_too() {
    let mut bench = Bench::new(120, 40);
    let mut node = super::node();
    node["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}, {"type": "MemoryPressure", "status": "True"}]);
    bench.wire(Wire::Put(Kind::Node, Box::new(row(Kind::Node, &node))));
    bench.press("space p");
    let deployment = json!({"metadata": {"name": "shop", "namespace": "default"}, "spec": {"replicas": 3},
        "status": {"replicas": 3, "updatedReplicas": 1, "readyReplicas": 2,
            "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]}});
    let mut stuck = deployment.clone();
    stuck["metadata"]["name"] = json!("stuck");
    stuck["status"]["readyReplicas"] = json!(3);
    bench.wire(Wire::Rows(Kind::Deployment, vec![row(Kind::Deployment, &deployment), row(Kind::Deployment, &stuck)]));
    let told: Vec<String> = bench
        .picture()
        .lines()
        .skip_while(|line| !line.contains("NOT AS IT"))
        .skip(1)
        .take(5)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let expected = [
        "✕ default deployment/shop 2/3 ready",
        "✕ default deployment/stuck rollout stuck, 1 updated",
        "▌✕ default bravo CrashLoopBackOff 3 restarts, 42s ago",
        "▲ node/oak Memory pressure",
        "▲ default alpha 1/2 ready",
    ];
    assert_eq!(told, expected, "{}", bench.picture());
    bench.press("k k enter");
    assert!(bench.line(1).contains("shop why"), "{}", bench.picture());
}

#[test]
fn a_long_path_keeps_its_beginning_and_where_one_is() {
    let mut bench = Bench::new(60, 16);
    bench.press("j w d");
    assert!(bench.line(1).starts_with(" pods › bravo why › describe"), "{}", bench.picture());
    bench.press("E w t");
    let line = bench.line(1);
    assert!(line.starts_with(" pods › … › ") && line.contains(" › bravo why › timeline"), "{}", bench.picture());
    bench.press("e");
    assert!(bench.line(1).contains(" › edit pod/bravo"), "{}", bench.picture());
    let mut narrow = Bench::new(40, 16);
    narrow.press("j w d E w t e");
    assert!(narrow.line(1).starts_with(" … › edit pod/bravo"), "{}", narrow.picture());
}

#[test]
fn the_tree_begins_with_what_makes_the_owner() {
    let mut bench = Bench::new(90, 30);
    let mut owned = pod("echo", &json!({"running": {}}), true, 0);
    owned["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "echo-rs", "controller": true}]);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &owned))));
    bench.press("space r");
    assert!(bench.shows("└─▾ replicaset/echo-rs  1 pod"), "{}", bench.picture());
    let set = json!({"metadata": {"name": "echo-rs", "namespace": "default",
        "ownerReferences": [{"kind": "Deployment", "name": "echo", "controller": true}]}});
    bench.wire(Wire::Rows(Kind::ReplicaSet, vec![row(Kind::ReplicaSet, &set)]));
    let shown = ["└─▾ deployment/echo  1 pod", "  └─▾ replicaset/echo-rs  1 pod", "    └─▾ ▲ echo"];
    assert!(shown.iter().all(|line| bench.shows(line)), "{}", bench.picture());
}

#[test]
fn a_board_is_made_again_only_when_something_on_it_changes() {
    let mut bench = Bench::new(90, 24);
    bench.press("j w");
    let wake = bench.app.next_wake().expect("an age is on it");
    // The pod's container ended 42 s ago: its age changes each second.
    assert_eq!(wake.duration_since(bench.now).as_secs(), 1);
    bench.wait(86_400 * 9);
    assert!(bench.app.next_wake().is_none_or(|wake| wake.duration_since(bench.now).as_secs() > 600));
}

#[test]
fn the_timeline_of_a_crash() {
    let mut bench = Bench::new(100, 24);
    bench.press("j t");
    let (id, request) = log_asked(&bench).expect("the logs were asked for");
    assert_eq!((request.container.as_deref(), request.follow), (Some("side"), false));
    bench.wire(Wire::Log(id, b"2026-03-01T11:30:00.000000000Z a\n2026-03-01T11:58:00.000000000Z ERROR b\n".to_vec()));
    bench.wire(Wire::LogEnd(id, None));
    insta::assert_snapshot!(bench.picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1                              ● live
     pods › bravo timeline

     pod             ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
     web             ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
     side            ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
       log                                                   █                                     █
     events          ▲                                                                  ·· ▲         ✕
                     10:59:59 ────────────────────────── 11:29:59 ──────────────────────────────── no▼
                     ░ waits  ▒ runs  █ ready  ▓ not ready  ─ ended  ▲ warning  ✕ end

     ── WHAT HAPPENED, NEWEST FIRST ─────────────────────────────────────────────────────────────────
    ▌✕ 11:59:18 42s ago   web           exited        with code 1
     ▲ 11:52:00 8m ago    pod           BackOff       Back-off restarting (seen 3 times)
     · 11:51:00 9m ago    pod           Pulled        Image is here (seen 2 times)
     · 11:50:00 10m ago   pod           Scheduled     Assigned to oak
     ▲ 11:00:00 60m ago   pod           BackOff       Back-off restarting
     · 11:00:00 60m ago   pod           Pulled        Image is here
     · 11:00:00 60m ago   pod           created       the daemon took it




     enter open  o logs  t timeline  p probes  d describe  D yaml  e edit  w why  : command  ? help
    "#);
    bench.press("+ +");
    assert!(bench.shows("outside of what the axis shows"), "{}", bench.picture());
    bench.press("h h - - G enter");
    assert!(matches!(bench.app.screen(), Screen::Log(log) if log.log.shows_times), "{}", bench.picture());
}

fn probe_run(at_ms: i64, took_us: u64, verdict: wire::ProbeVerdict, output: &str) -> wire::ProbeRun {
    wire::ProbeRun { at_ms, took_us, verdict, output: output.to_owned() }
}

#[test]
fn the_probes_of_a_pod_run_by_run() {
    use wire::ProbeVerdict::{Failure, Success};
    let mut bench = Bench::new(110, 24);
    let mut probed = pod("bravo", &json!({"running": {}}), false, 0);
    probed["spec"]["containers"][0]["readinessProbe"] =
        json!({"httpGet": {"path": "/ok", "port": 8080}, "periodSeconds": 5, "timeoutSeconds": 1});
    probed["spec"]["containers"][0]["livenessProbe"] = json!({"exec": {"command": ["true"]}});
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &probed))));
    bench.press("j p");
    let Some((id, wire::Request::Probes(request))) = bench.asked() else { panic!("nothing was asked") };
    assert_eq!(request.pod, "bravo");
    let runs = vec![
        probe_run(1_000, 900, Success, ""),
        probe_run(6_000, 700_000, Success, ""),
        probe_run(11_000, 1_100, Failure, "HTTP probe failed with statuscode: 503"),
        probe_run(16_000, 1_100, Failure, "HTTP probe failed with statuscode: 503"),
    ];
    let readiness = wire::ProbeRuns { container: "web".to_owned(), probe: wire::ProbeKind::Readiness, runs };
    let probes = wire::PodProbes { node: "oak".to_owned(), as_of_ms: 18_000, probes: vec![readiness] };
    bench.wire(Wire::Answer(id, Ok(wire::Response::Probes(probes))));
    insta::assert_snapshot!(bench.press("enter").picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 2  ○ 1                                             ● live
     pods › bravo probes

     as node oak told 0s ago; a cell is a run, the newest is on the right

    ▌▾ web readiness  GET http :8080/ok  every 5s, 1s to answer
       ················································▁▅✕✕  fails 2 of 3, then it is not ready  next in 3s
         2s ago    failure  1.1ms     HTTP probe failed with statuscode: 503
         7s ago    failure  1.1ms     HTTP probe failed with statuscode: 503
         12s ago   success  700.0ms
         17s ago   success  0.9ms

     ▸ web liveness  run true  every 10s, 1s to answer
       ····················································  not run yet









     enter open  o logs  t timeline  p probes  d describe  D yaml  e edit  E events  w why  : command  ? help
    "#);
    bench.effects.clear();
    bench.wait(2);
    assert!(bench.asked().is_none());
    bench.wait(2);
    assert!(matches!(bench.asked(), Some((_, wire::Request::Probes(_)))), "the next run is looked for when it is due");
}

#[test]
fn a_pod_without_probes_says_what_that_means() {
    let mut bench = Bench::new(110, 24);
    bench.press("j p");
    assert!(bench.shows("it has no probes"), "{}", bench.picture());
}

#[test]
fn failures_of_an_instance_that_ended_are_no_failures_of_the_one_that_runs() {
    use wire::ProbeVerdict::{Failure, Success};
    let mut probed = pod("bravo", &json!({"running": {"startedAt": "1970-01-01T00:00:20Z"}}), true, 1);
    probed["spec"]["containers"][0]["livenessProbe"] = json!({"httpGet": {"path": "/ok", "port": 80}, "failureThreshold": 3});
    probed["spec"]["containers"][0]["startupProbe"] = json!({"httpGet": {"path": "/", "port": 80}});
    let told = |probed: &serde_json::Value, at: &[i64]| {
        let mut bench = Bench::new(110, 24);
        bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, probed))));
        bench.press("j p");
        let Some((id, _)) = bench.asked() else { panic!("nothing was asked") };
        let runs = |verdict| at.iter().map(|at_ms| probe_run(*at_ms, 900, verdict, "")).collect();
        let of = |probe, verdict| wire::ProbeRuns { container: "web".to_owned(), probe, runs: runs(verdict) };
        let probes = vec![of(wire::ProbeKind::Liveness, Failure), of(wire::ProbeKind::Startup, Success)];
        let probes = wire::PodProbes { node: "oak".to_owned(), as_of_ms: 32_000, probes };
        bench.wire(Wire::Answer(id, Ok(wire::Response::Probes(probes))));
        bench
    };
    let bench = told(&probed, &[5_000, 10_000, 15_000, 25_000, 30_000]);
    assert!(bench.shows("✕✕✕✕✕  fails 2 of 3, then it is restarted"), "{}", bench.picture());
    assert!(bench.line(6).trim_end().ends_with("passed: the container has started"), "{}", bench.picture());
    assert!(told(&probed, &[5_000]).shows("not run yet"));
    // In its back-off nothing is due.
    probed["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    let bench = told(&probed, &[25_000, 30_000]);
    assert!(bench.shows("✕✕  the container does not run") && !bench.shows("due now"), "{}", bench.picture());
}

#[test]
fn a_high_window_shows_more_of_what_fails() {
    for (rows, expected) in [(24, 1..=8), (60, 12..=20)] {
        let mut bench = Bench::new(200, rows);
        for number in 0..30 {
            let broken = pod(&format!("broken-{number:02}"), &json!({"waiting": {"reason": "CrashLoopBackOff"}}), false, 1);
            bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &broken))));
        }
        bench.press("space p");
        let told = bench.picture().matches("broken-").count();
        assert!(expected.contains(&told), "{told} of {rows} rows:\n{}", bench.picture());
        assert!(bench.shows("WARNINGS") || rows == 24, "{}", bench.picture());
    }
}

#[test]
fn a_pod_that_no_node_takes_is_not_as_it_should_be() {
    let mut bench = Bench::new(120, 40);
    let mut waiting = pod("unplaced", &json!({}), false, 0);
    waiting["spec"].as_object_mut().expect("a spec").remove("nodeName");
    waiting["status"] = json!({"phase": "Pending"});
    let mut new = waiting.clone();
    new["metadata"]["name"] = json!("young");
    new["metadata"]["creationTimestamp"] = json!("2026-03-01T12:00:00Z");
    for object in [&waiting, &new] {
        bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, object))));
    }
    bench.press("space p");
    assert!(bench.shows("on no node") && !bench.shows("young"), "{}", bench.picture());
}

#[test]
fn words_are_never_in_the_colour_of_lines() {
    let faint = |bench: &Bench| {
        let color = bench.app.theme.style(crate::console::theme::role::Role::Faint).fg;
        let (buffer, _) = bench.paint();
        let found =
            buffer.content.iter().filter(|cell| cell.style().fg == color && cell.symbol().chars().all(char::is_alphanumeric));
        let found: String = found.map(ratatui::buffer::Cell::symbol).collect();
        assert!(found.is_empty(), "{found:?} in\n{}", bench.picture());
    };
    for keys in ["j w", "j t", "j p", "space p", "space r", "space m", "space c", "?", "space space", "j o t", "j o E", "d"] {
        let mut bench = Bench::new(140, 40);
        bench.press(keys);
        faint(&bench);
    }
    let mut bench = Bench::new(110, 24);
    let mut probed = pod("bravo", &json!({"running": {}}), true, 0);
    probed["spec"]["containers"][0]["livenessProbe"] = json!({"exec": {"command": ["true"]}});
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &probed))));
    faint(bench.press("j p"));
}
