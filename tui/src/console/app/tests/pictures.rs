//! What the screens look like, as text.

use super::{Bench, live, pod, row};
use crate::console::app::msg::Wire;
use crate::console::link::Standing;
use objects::Kind;
use serde_json::json;
use std::time::Duration;

#[test]
fn a_small_terminal_shows_twenty_rows_of_pods() {
    let mut bench = Bench::new(80, 24);
    let running = json!({"running": {}});
    for number in 0..40 {
        let pod = pod(&format!("pod-{number:02}"), &running, true, 0);
        bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &pod))));
    }
    let rows = bench.picture().lines().filter(|line| line.contains("default")).count();
    assert_eq!(rows, 20);
}

#[test]
fn the_list_of_pods() {
    let mut bench = Bench::new(80, 12);
    bench.wire(Wire::RoundTrip(Duration::from_micros(400)));
    insta::assert_snapshot!(bench.press("j").picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1    ● live 0.4ms
     pods                                                                       2/4
       NAMESPACE   NAME     READY   STATUS             RESTARTS    AGE    IP
     ▲ default     alpha    1/2     Running            0           60m    10.88.0.7
    ▌✕ default     bravo    0/2     CrashLoopBackOff   3 (42s)     60m    10.88.0.7
     ◐ default     charlie  0/2     ContainerCreating  0           60m    10.88.0.7
     ○ default     delta    0/2     Completed          0           60m    10.88.0.7




     enter open  o logs  w why  d describe  e edit  / filter  : command  ? help
    "#);
}

#[test]
fn pods_of_one_owner_can_be_told_apart_in_every_window() {
    for (columns, expected) in [(80, "shop-77cbb"), (120, "shop-77cbb75fff-4cxnd ")] {
        let mut bench = Bench::new(columns, 12);
        let mut pod = pod("shop-77cbb75fff-4cxnd", &json!({"waiting": {"reason": "CrashLoopBackOff"}}), false, 12);
        pod["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "shop-77cbb75fff", "uid": "u"}]);
        bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &pod))));
        assert!(bench.shows(expected) && bench.shows("4cxnd "), "{}", bench.picture());
    }
}

#[test]
fn the_containers_of_a_pod_and_the_path_to_them() {
    let mut bench = Bench::new(120, 8);
    insta::assert_snapshot!(bench.press("j enter").picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1                                                  ● live
     pods › bravo                                                                                                       1/2
       NAME   READY   STATE             RESTARTS    AGE     IMAGE           PORTS     CPU   %CPU/L    MEM  CPU/RL   MEM/RL
    ▌✕ web    no      CrashLoopBackOff  3 (42s)     -       luksa/kubia:v2              -        -      -  -        -
     ◐ side   no      Waiting           0           -       envoy                       -        -      -  -        -


     enter open  o logs  t timeline  p probes  w why  xf forward  / filter  s sort  n next bad  : command  ? help
    "#);
}

#[test]
fn how_full_nodes_are_is_seen_where_there_is_room() {
    for (columns, has_bars) in [(200, true), (160, true), (80, false)] {
        let mut bench = Bench::new(columns, 12);
        bench.press(":").write("nodes").press("enter");
        assert_eq!(bench.shows("█░░░░░ 3/110"), has_bars, "{}", bench.picture());
    }
}

#[test]
fn a_long_namespace_leaves_a_narrow_window_to_what_tells_more() {
    let mut bench = Bench::new(80, 12);
    let mut pod = pod("shop-77cbb75fff-4cxnd", &json!({"waiting": {"reason": "CreateContainerConfigError"}}), false, 12);
    pod["metadata"]["namespace"] = json!("team-payments-and-billing-production");
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &pod))));
    for words in ["team-paymen", "READY", "CreateContainerConfigError", "4cxnd "] {
        assert!(bench.shows(words), "{words}: {}", bench.picture());
    }
}

#[test]
fn the_nodes_with_what_they_hold() {
    let mut bench = Bench::new(120, 8);
    insta::assert_snapshot!(bench.write(":nodes").press("enter").picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1                                                  ● live
     nodes                                                                                                              1/1
       NAME   STATUS   PODS     CPU/R     MEM/R           %CPU    %MEM  PRESSURE   AGE    VERSION   INTERNAL-IP   OS-IMAGE
    ▌● oak    Ready    3/110    0/8       0/16Gi             -       -  none       28d    v0.1.0    192.168.1.4   Debian



     enter open  w why  xc cordon  xr drain  xu uncordon  d describe  D yaml  e edit  E events  / filter  : command  ? help
    "#);
}

#[test]
fn the_events_newest_first() {
    let mut bench = Bench::new(100, 9);
    insta::assert_snapshot!(bench.write(":ev").press("enter").picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1                              ● live
     events                                                                                         1/3
       NAMESPACE     LAST SEEN↑    TYPE       REASON       OBJECT        COUNT    MESSAGE
    ▌▲ default       8m            Warning    BackOff      pod/bravo         3    Back-off restarting
     · default       9m            Normal     Pulled       pod/bravo         2    Image is here
     · default       10m           Normal     Scheduled    pod/bravo         1    Assigned to oak


     enter open  w why  t timeline  d describe  D yaml  e edit  E events  / filter  : command  ? help
    "#);
}

#[test]
fn a_question_before_something_is_deleted() {
    let mut bench = Bench::new(80, 14);
    insta::assert_snapshot!(bench.press("j x d").picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1          ● live
     pods                                                                       2/4
       NAMESPACE   ╭─ Delete pod? ──────────────────────────────────╮E    IP
     ▲ default     │                                                │m    10.88.0.7
    ▌✕ default     │   default/bravo                                │m    10.88.0.7
     ◐ default     │                                                │m    10.88.0.7
     ○ default     │ Containers get SIGTERM and up to 30s to end.   │m    10.88.0.7
                   │ Nothing makes it again; z does, for a while.   │
                   │                                                │
                   │                   [ Cancel ]    Delete (y)     │
                   ╰────────────────────────────────────────────────╯


     enter open  o logs  w why  d describe  e edit  / filter  : command  ? help
    "#);
}

#[test]
fn the_keys_that_may_follow() {
    let mut bench = Bench::new(80, 14);
    insta::assert_snapshot!(bench.press("x").picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1          ● live
     pods                                                                       1/4
       NAME╭─ x … ─────────────────────────────────────────────────────────────────╮
    ▌▲ defa│ s   open a shell in the container, in a pane                          │
     ✕ defa│ S   open the shell with the whole terminal; the console steps aside   │
     ◐ defa│ a   attach to the container, in a pane: its own input and output      │
     ○ defa│ A   attach with the whole terminal; the console steps aside           │
           │ f   forward a port of the pod to this machine, after asking which     │
           │ c   copy files from the container or into it, after asking which      │
           │ i   give the pod's containers another image, after asking which       │
           │ d   delete the object or the marked ones, after asking                │
           │ k   delete without a grace period, after asking                       │
           ╰───────────────────────────────────────────────────────────────────────╯
     enter open  o logs  w why  d describe  e edit  / filter  : command  ? help
    "#);
}

#[test]
fn a_lost_link_leaves_the_rows_and_says_since_when() {
    let mut bench = Bench::new(80, 8);
    let error = "the connection to the daemon was lost".to_owned();
    bench.wire(Wire::Standing(Standing::Lost { ago: Duration::ZERO, attempt: 2, error }));
    bench.wait(3);
    assert!(bench.line(0).ends_with("✕ lost 3s ago, retrying 2"), "{}", bench.line(0));
    assert!(bench.shows("alpha") && bench.shows("CrashLoopBackOff"));
    let (buffer, _) = bench.paint();
    let stale = bench.app.theme.style(crate::console::theme::role::Role::Stale).fg;
    assert_eq!(buffer[(17, 4)].style().fg, stale, "rows are grey");
    bench.wire(Wire::Standing(live()));
    assert!(bench.line(0).contains("● live"));
}

#[test]
fn before_the_first_answer_the_frame_stands_and_says_what_is_missing() {
    let mut bench = Bench::unconnected(80, 10);
    assert!(bench.line(0).ends_with("◐ connecting"));
    let error = "cannot connect to the daemon at unix:///run/skiff/skiffd.sock: No such file or directory".to_owned();
    bench.wire(Wire::Standing(Standing::Connecting { error: Some(error) }));
    assert!(bench.shows("cannot connect to the daemon"));
    assert!(bench.shows("no daemon, retrying"));
}

#[test]
fn every_screen_fits_every_window() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60), (40, 10), (30, 6), (29, 5), (1, 1), (0, 0)] {
        for keys in [
            "j",
            "j enter",
            "j d",
            "j D",
            "E",
            "j w",
            "space p",
            "space m",
            "j t",
            "j p",
            "space r",
            "j o",
            "x d",
            "x",
            "?",
            "space n",
            "j e",
            "q",
            "/",
            ":",
            "j e ctrl-x",
        ] {
            let mut bench = Bench::new(columns, rows);
            bench.press(keys);
            let (buffer, cursor) = bench.paint();
            if let Some(at) = cursor {
                assert!(at.x < buffer.area.width && at.y < buffer.area.height, "{columns}x{rows} after {keys}: cursor at {at}");
            }
        }
    }
}

#[test]
fn a_terminal_without_unicode_gets_ascii() {
    let mut bench = Bench::new(80, 24);
    bench.app.theme.glyphs = crate::console::theme::glyph::Glyphs::Ascii;
    for keys in ["j", "x d"] {
        assert!(bench.press(keys).picture().is_ascii(), "{}", bench.picture());
    }
}

#[test]
fn boxes_of_a_tiny_window_say_all_of_it() {
    let mut bench = Bench::new(40, 12);
    bench.press("j x d");
    for words in ["Delete pod?", "up to 30s", "to end.", "a while.", "[ Cancel ]"] {
        assert!(bench.shows(words), "{words}: {}", bench.picture());
    }
    let mut bench = Bench::new(40, 10);
    bench.press("j x f");
    let footer = bench.picture().lines().find(|line| line.contains("next line")).map(str::to_owned);
    assert!(footer.is_some_and(|footer| footer.contains("tab next line  enter forward  esc")), "{}", bench.picture());
}

#[test]
fn what_an_event_is_about_can_be_told_where_there_is_little_room() {
    let mut bench = Bench::new(80, 9);
    let mut scaled = super::event(1);
    scaled["involvedObject"] = json!({"kind": "ReplicaSet", "name": "shop-frontend-8f9495884", "namespace": "default"});
    scaled["reason"] = json!("SuccessfulDelete");
    scaled["message"] = json!("Deleted pod: shop-frontend-8f9495884-5hbsn");
    bench.wire(Wire::Rows(Kind::Event, vec![row(Kind::Event, &scaled)]));
    bench.write(":ev").press("enter");
    assert!(bench.line(3).contains("rs/shop-") && bench.line(3).contains("95884"), "{}", bench.picture());
}
