//! `probes` against a daemon that the tests play.

use super::{failed, out, pod};
use crate::verbs::fake_daemon::{Done, FakeDaemon};
use serde_json::json;

#[tokio::test]
async fn the_runs_of_a_pods_probes_are_shown_oldest_first() {
    let mut probed = pod("a");
    probed["spec"]["containers"][0]["livenessProbe"] = json!({"exec": {"command": ["true"]}});
    let daemon = FakeDaemon::start(vec![probed, pod("bare")]);
    let table = "CONTAINER   PROBE       AGE   RESULT        TOOK    OUTPUT\n\
        main        readiness   12s   failure       1.5ms   HTTP probe failed with statuscode: 503\n\
        main        readiness   2s    success       900us   ok\n\
        side        liveness    -     not run yet   -       \n";
    assert_eq!(daemon.run(&["probes", "a"]).await, out(table));
    let newest = "main   readiness   2s    success   900us   ok\n";
    assert_eq!(daemon.run(&["probes", "pod/a", "-c", "main", "--tail", "1", "--no-headers"]).await, out(newest));
    assert_eq!(daemon.run(&["probes", "a", "-o", "name"]).await, out("main/readiness\nside/liveness\n"));
    assert_eq!(daemon.run(&["probes", "a", "-o", "jsonpath={.items[0].runs[0].verdict}"]).await, out("failure"));
    let note = |text: &str| Done { code: 0, out: String::new(), err: text.to_owned() };
    assert_eq!(daemon.run(&["probes", "bare"]).await, note("pod bare has no probes\n"));
    assert_eq!(daemon.run(&["probes", "a", "-c", "zz"]).await, note("container zz of pod a has no probes\n"));
    let missing = "Error from server (NotFound): pods \"none\" not found\n";
    assert_eq!(daemon.run(&["probes", "none"]).await, failed(missing));
}
