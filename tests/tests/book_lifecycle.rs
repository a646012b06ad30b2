//! The manifests of the book's chapters on pods and their life, which are not ours, with real node, Envoy and nginx: the states and events
//! that the book shows, in its order, as a watch tells them.

use end_to_end::watch::{EventWatch, PodWatch, Told, reasons};
use end_to_end::{Registry, World, cases, images, is_skipped};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The book's pods take their time: probes of ten seconds, graces of thirty.
const LONG: Duration = Duration::from_secs(150);

/// A node with the book's manifests and images at hand.
struct Book {
    world: World,
    registry: Registry,
    manifests: PathBuf,
    pods: PodWatch,
    events: EventWatch,
}

impl Book {
    /// `pulled` are in the registry alone, `present` on the node as well.
    fn open(test: &str, pulled: &[&str], present: &[&str]) -> Option<Self> {
        if is_skipped(test) {
            return None;
        }
        let (cases, images) = (cases(test)?, images(test)?);
        let mut world = World::new(&[]);
        let registry = Registry::start(&world);
        for image in pulled.iter().chain(present) {
            let file = format!("{}.oci.tar", image.replace(['/', ':'], "_"));
            let name = if image.contains('/') { (*image).to_owned() } else { format!("library/{image}") };
            registry.push_oci(&world, &images.join(file), &name);
        }
        // The mirror's address is known only once the registry runs.
        world.kill_daemon("-TERM");
        world.add_flags(&["--registry-mirror", &format!("docker.io=http://{}", registry.address)]);
        world.start_daemon();
        for image in present {
            let _ = world.skiff(&["image", "pull", image]).ok();
        }
        let (pods, events) = (PodWatch::begin(&world), EventWatch::begin(&world));
        Some(Self { world, registry, manifests: cases.join("book"), pods, events })
    }

    fn apply(&self, manifest: &str) {
        let _ = self.world.skiff(&["apply", "-f", &self.manifests.join(manifest).to_string_lossy()]).ok();
    }

    fn until(&mut self, pod: &str, reason: &str, container: &str) -> Vec<Told> {
        self.events.until(LONG, pod, |told| told.reason == reason && told.container == container)
    }

    fn post(&self, url: &str) {
        let ran = self.world.inside("curl").args(["-sS", "-X", "POST", "--max-time", "5", url]).output().expect("curl runs");
        assert!(ran.status.success(), "{url}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    fn ip(&self, pod: &str) -> String {
        self.world.get("pod", pod).expect("the pod")["status"]["podIP"].as_str().expect("an address").to_owned()
    }

    fn delete(&self, pod: &str) -> Duration {
        let begin = Instant::now();
        let _ = self.world.skiff(&["delete", "pod", pod]).ok();
        begin.elapsed()
    }

    fn end(self) {
        let _ = self.world.skiff(&["delete", "pods", "--all", "--grace-period=1"]).ok();
        drop((self.pods, self.events, self.registry));
    }
}

fn container<'a>(pod: &'a Value, list: &str, name: &str) -> &'a Value {
    let all = pod["status"][list].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().find(|status| status["name"] == name).unwrap_or_else(|| panic!("no {name} in {pod}"))
}

fn app<'a>(pod: &'a Value, name: &str) -> &'a Value {
    container(pod, "containerStatuses", name)
}

/// What the events say of one container, `Pulled` without its image.
fn of<'a>(events: &'a [Told], container: &str) -> Vec<&'a Told> {
    events.iter().filter(|told| told.container == container).collect()
}

const KUBIA: &str = "luksa/kubia:1.0";
const ENVOY: &str = "luksa/kubia-ssl-proxy:1.0";
const INIT: &str = "luksa/init-demo:1.0";
const CHECK: &str = "luksa/network-connectivity-checker:1.0";

#[test]
fn chapter_5_a_pod_starts_through_its_init_containers() {
    let test = "chapter_5_a_pod_starts_through_its_init_containers";
    let Some(mut book) = Book::open(test, &[INIT, CHECK], &[KUBIA, ENVOY]) else { return };
    book.apply("Chapter05/kubia-init.yaml");
    let statuses = book.pods.statuses_until(LONG, "kubia-init", "2/2 Running");
    assert_eq!(statuses, ["Pending", "Init:0/2", "Init:1/2", "PodInitializing", "Running"], "listing 5.11");
    let events = book.until("kubia-init", "Started", "envoy");
    let expected = [
        &["Scheduled"][..],
        &["Pulling", "Pulled", "Created", "Started"],
        &["Pulling", "Pulled", "Created", "Started"],
        &["Pulled", "Created", "Started"],
        &["Pulled", "Created", "Started"],
    ];
    assert_eq!(reasons(&events), expected.concat(), "listing 5.10");
    let messages: Vec<&str> = events.iter().map(|told| told.message.as_str()).collect();
    assert_eq!(messages[1], format!("Pulling image \"{INIT}\""));
    assert_eq!(messages[3..5], ["Created container init-demo", "Started container init-demo"]);
    assert_eq!(messages[9], format!("Container image \"{KUBIA}\" already present on machine"));
    assert_eq!(messages[13..], ["Created container envoy", "Started container envoy"]);
    let log = book.world.skiff(&["logs", "kubia-init", "-c", "network-check"]).ok();
    assert!(log.starts_with("Checking network connectivity to ") && log.ends_with("Host appears to be reachable\n"), "{log}");
    let pod = book.world.get("pod", "kubia-init").expect("the pod");
    for (list, name) in [("initContainerStatuses", "init-demo"), ("initContainerStatuses", "network-check")] {
        let status = container(&pod, list, name);
        assert_eq!((&status["state"]["terminated"]["reason"], &status["ready"]), (&json!("Completed"), &json!(true)));
    }
    // One can be entered while it runs.
    book.apply("Chapter05/kubia-init-slow.yaml");
    book.until("kubia-init-slow", "Started", "init-demo");
    let entered = book.world.skiff(&["exec", "kubia-init-slow", "-c", "init-demo", "--", "sh", "-c", "echo in $HOSTNAME"]).ok();
    assert_eq!(entered.trim(), "in kubia-init-slow");
    assert!(book.delete("kubia-init-slow") < Duration::from_secs(20), "its script listens to SIGTERM");
    book.end();
}

#[test]
fn chapter_6_init_containers_that_fail_are_tried_again_or_stop_the_pod() {
    let test = "chapter_6_init_containers_that_fail_are_tried_again_or_stop_the_pod";
    let Some(mut book) = Book::open(test, &[], &[INIT, CHECK, KUBIA, ENVOY]) else { return };
    book.apply("Chapter06/kubia-init-fail.yaml");
    book.apply("Chapter06/kubia-init-fail-norestart.yaml");
    let statuses = book.pods.statuses_until(LONG, "kubia-init-fail", "0/2 Init:CrashLoopBackOff");
    assert_eq!(statuses[..4], ["Pending", "Init:0/2", "Init:1/2", "Init:Error"], "{statuses:?}");
    let events = book.until("kubia-init-fail", "BackOff", "network-check");
    let said = events.last().map(|told| told.message.as_str()).unwrap_or_default();
    assert!(said.starts_with("Back-off restarting failed container network-check in pod kubia-init-fail_default("), "{said}");
    assert!(of(&events, "kubia").is_empty() && of(&events, "envoy").is_empty(), "{events:#?}");
    let statuses = book.pods.statuses_until(LONG, "kubia-init-fail-norestart", "0/2 Init:Error");
    assert_eq!(statuses, ["Pending", "Init:0/2", "Init:1/2", "Init:Error"]);
    let pod = book.world.wait_pod("kubia-init-fail-norestart", "Failed", |pod| pod["status"]["phase"] == "Failed");
    assert_eq!(container(&pod, "initContainerStatuses", "network-check")["restartCount"], 0);
    assert_eq!(app(&pod, "kubia")["state"]["waiting"]["reason"], "PodInitializing");
    book.end();
}

#[test]
fn chapter_6_a_container_that_ends_is_started_again() {
    let test = "chapter_6_a_container_that_ends_is_started_again";
    let Some(mut book) = Book::open(test, &[], &[KUBIA, ENVOY]) else { return };
    book.apply("Chapter06/kubia-ssl.yaml");
    book.pods.until_within(LONG, "kubia-ssl", "2/2 Running");
    book.until("kubia-ssl", "Started", "envoy");
    let quit = format!("http://{}:9901/quitquitquit", book.world.wait_ready("kubia-ssl"));
    let _ = book.world.http(&quit.replace("quitquitquit", "ready"));
    book.post(&quit);
    assert_eq!(book.pods.until("kubia-ssl", "1/2 NotReady"), ["1/2 NotReady"], "listing 6.4");
    assert_eq!(book.pods.until("kubia-ssl", "2/2 Running"), ["2/2 Running"]);
    let events = book.until("kubia-ssl", "Started", "envoy");
    assert_eq!(reasons(&events), ["Pulled", "Created", "Started"], "listing 6.6");
    assert_eq!(app(&book.world.get("pod", "kubia-ssl").expect("the pod"), "envoy")["restartCount"], 1);
    let _ = book.world.http(&quit.replace("quitquitquit", "ready"));
    book.post(&quit);
    let statuses = book.pods.until("kubia-ssl", "1/2 CrashLoopBackOff");
    assert_eq!(statuses, ["1/2 NotReady", "1/2 CrashLoopBackOff"], "the second time it waits");
    let pod = book.world.get("pod", "kubia-ssl").expect("the pod");
    let envoy = app(&pod, "envoy");
    let message = envoy["state"]["waiting"]["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with("back-off 10s restarting failed container=envoy pod=kubia-ssl_default("),
        "listing 6.7: {message}"
    );
    let last = &envoy["lastState"]["terminated"];
    assert_eq!((&last["exitCode"], &last["reason"]), (&json!(0), &json!("Completed")));
    assert_eq!(book.pods.until("kubia-ssl", "2/2 Running"), ["2/2 Running"]);
    book.end();
}

#[test]
fn chapter_6_liveness_probes_find_what_is_not_alive() {
    let test = "chapter_6_liveness_probes_find_what_is_not_alive";
    let Some(mut book) = Book::open(test, &[], &[KUBIA, ENVOY]) else { return };
    let manifests = ["liveness", "liveness-exec", "liveness-fail-norestart", "liveness-tcp-socket", "startup-probe"];
    for name in manifests.iter().chain(&["termination-message"]) {
        book.apply(&format!("Chapter06/kubia-{name}.yaml"));
    }
    book.pods.until_within(LONG, "kubia-liveness", "2/2 Running");
    book.until("kubia-liveness", "Started", "envoy");
    let ip = book.ip("kubia-liveness");
    let _ = book.world.http(&format!("http://{ip}:9901/ready"));
    book.post(&format!("http://{ip}:9901/healthcheck/fail"));
    let events = book.until("kubia-liveness", "Started", "envoy");
    let expected = ["Unhealthy", "Unhealthy", "Unhealthy", "Killing", "Pulling", "Pulled", "Created", "Started"].as_slice();
    assert_eq!(of(&events, "envoy").iter().map(|told| told.reason.as_str()).collect::<Vec<_>>(), expected, "listing 6.9");
    assert_eq!(events[0].message, "Liveness probe failed: HTTP probe failed with statuscode: 503");
    assert_eq!(events[3].message, "Container envoy failed liveness probe, will be restarted");
    let pod = book.world.wait_pod("kubia-liveness", "running again", |pod| app(pod, "envoy")["restartCount"] == 1);
    let last = &app(&pod, "envoy")["lastState"]["terminated"];
    assert_eq!((&last["exitCode"], &last["reason"]), (&json!(0), &json!("Completed")), "listing 6.10");
    let log = book.world.skiff(&["logs", "kubia-liveness", "-c", "envoy", "-p"]).ok();
    assert!(log.contains("SIGTERM") && log.contains("exiting"), "listing 6.11: {log}");
    assert!(book.world.skiff(&["logs", "kubia-liveness", "-c", "kubia"]).ok().contains("Received request for /"));
    check_exec_and_tcp(&mut book);
    check_startup(&mut book);
    check_never_restarted(&mut book);
    book.end();
}

/// The image has no such program: the probe says nothing, and the container runs on.
fn check_exec_and_tcp(book: &mut Book) {
    let events = book.until("kubia-liveness-exec", "Unhealthy", "kubia");
    let said = events.last().map(|told| told.message.clone()).unwrap_or_default();
    assert!(said.starts_with("Liveness probe errored") && said.contains("/usr/bin/healthcheck"), "{said}");
    assert_eq!(app(&book.world.get("pod", "kubia-liveness-exec").expect("the pod"), "kubia")["restartCount"], 0);
    book.pods.until_within(LONG, "kubia-liveness-tcp-socket", "1/1 Running");
    let probes = book.world.skiff(&["probes", "kubia-liveness-tcp-socket", "--no-headers"]).ok();
    assert!(probes.contains("liveness"), "{probes}");
}

/// Not ready before the startup probe has succeeded, and liveness follows.
fn check_startup(book: &mut Book) {
    let seen = book.pods.until_within(LONG, "kubia-startup-probe", "2/2 Running");
    assert!(seen.contains(&"1/2 Running".to_owned()), "envoy is ready before the startup probe of kubia: {seen:?}");
    let pod = book.world.get("pod", "kubia-startup-probe").expect("the pod");
    let kubia = app(&pod, "kubia");
    assert_eq!((&kubia["started"], &kubia["restartCount"]), (&json!(true), &json!(0)));
}

/// Under `Never` it is killed and stays so; the other container runs on. Its server ignores SIGTERM.
fn check_never_restarted(book: &mut Book) {
    let pod = "kubia-liveness-fail-norestart";
    let events = book.until(pod, "Killing", "kubia");
    let ip = book.ip(pod);
    let unhealthy: Vec<&Told> = events.iter().filter(|told| told.reason == "Unhealthy").collect();
    let words = format!("Liveness probe failed: Get \"http://{ip}:9999/\": dial tcp {ip}:9999: connect: connection refused");
    assert!(unhealthy.len() == 3 && unhealthy.iter().all(|told| told.message == words), "{unhealthy:#?}");
    assert_eq!(events.last().map(|told| told.message.as_str()), Some("Container kubia failed liveness probe"));
    let seen = book.pods.until_within(LONG, pod, "1/2 Error");
    assert!(seen.contains(&"2/2 Running".to_owned()), "{seen:?}");
    let found = book.world.get("pod", pod).expect("the pod");
    let ended = &app(&found, "kubia")["state"]["terminated"];
    assert_eq!((&ended["exitCode"], &ended["reason"]), (&json!(137), &json!("Error")));
    assert_eq!(found["status"]["phase"], "Running");
}

const NGINX: &str = "nginx:alpine";

#[test]
fn chapter_6_hooks_run_after_the_start() {
    let test = "chapter_6_hooks_run_after_the_start";
    let Some(mut book) = Book::open(test, &[], &[NGINX]) else { return };
    let manifests = ["fortune-poststart", "fortune-poststart-slow", "fortune-poststart-fail-norestart", "poststart-httpget"];
    for name in manifests.iter().chain(&["poststart-httpget-slow"]) {
        book.apply(&format!("Chapter06/{name}.yaml"));
    }
    let statuses = book.pods.statuses_until(LONG, "fortune-poststart", "1/1 Running");
    assert_eq!(statuses, ["Pending", "ContainerCreating", "Running"]);
    let ip = book.ip("fortune-poststart");
    assert!(!book.world.http(&format!("http://{ip}/quote")).is_empty());
    // Until the hook has ended the container counts as waiting, though it runs.
    book.until("fortune-poststart-slow", "Started", "nginx");
    let waiting = "container \"nginx\" in pod \"fortune-poststart-slow\" is waiting to start: ContainerCreating";
    let said = book.world.skiff(&["logs", "fortune-poststart-slow"]).fails();
    assert_eq!(said, format!("Error from server (BadRequest): {waiting}\n"));
    let pod = book.world.get("pod", "fortune-poststart-slow").expect("the pod");
    assert_eq!(pod["status"]["phase"], "Pending");
    let processes = book.world.skiff(&["exec", "fortune-poststart-slow", "--", "ps"]).ok();
    assert!(processes.contains("nginx") && processes.contains("sleep 60"), "listing 6.16: {processes}");
    check_failed_hook(&mut book);
    let served = book.pods.until_within(LONG, "poststart-httpget", "1/1 Running");
    assert!(book.world.skiff(&["logs", "poststart-httpget"]).ok().contains("GET /warmup"), "{served:?}");
    let events = book.until("poststart-httpget-slow", "BackOff", "nginx");
    let failed = events.iter().find(|told| told.reason == "FailedPostStartHook").expect("the hook fails");
    let (ip, said) = (book.ip("poststart-httpget-slow"), &failed.message);
    let words =
        format!("failed - error: Get \"http://{ip}:80/warmup\": dial tcp {ip}:80: connect: connection refused, message: \"\"");
    assert!(
        said.starts_with("HTTP lifecycle hook (/warmup) for Container \"nginx\" in Pod ") && said.ends_with(&words),
        "{said}"
    );
    book.pods.until_within(LONG, "fortune-poststart-slow", "1/1 Running");
    book.end();
}

/// Its nginx ends in good order, so the pod counts as completed.
fn check_failed_hook(book: &mut Book) {
    let pod = "fortune-poststart-fail-norestart";
    let statuses = book.pods.statuses_until(LONG, pod, "0/1 Completed");
    assert_eq!(statuses, ["Pending", "ContainerCreating", "PostStartHookError", "Completed"]);
    let events = book.until(pod, "Killing", "nginx");
    assert_eq!(reasons(&events), ["Scheduled", "Pulled", "Created", "Started", "FailedPostStartHook", "Killing"]);
    let said = &events[4].message;
    let command = "sh -c echo 'Emulating a post-start hook failure'; exit 1";
    let begin = format!("Exec lifecycle hook ([{command}]) for Container \"nginx\" in Pod \"{pod}_default(");
    let end = format!("failed - error: command '{command}' exited with 1: , message: \"Emulating a post-start hook failure\\n\"");
    assert!(said.starts_with(&begin) && said.ends_with(&end), "listing 6.17: {said}");
    book.world.wait_pod(pod, "Succeeded", |pod| pod["status"]["phase"] == "Succeeded");
}

#[test]
fn chapter_6_pods_end_with_hooks_and_grace() {
    let test = "chapter_6_pods_end_with_hooks_and_grace";
    let Some(mut book) = Book::open(test, &["luksa/kubia:1.1"], &[NGINX, KUBIA, ENVOY]) else { return };
    for name in ["fortune-prestop", "fortune-prestop-fail", "kubia-ssl-shortgraceperiod", "kubia-ssl-v1-1", "kubia"] {
        book.apply(&format!("Chapter06/{name}.yaml"));
    }
    for (name, ready) in
        [("fortune-prestop", "1/1"), ("fortune-prestop-fail", "1/1"), ("kubia-ssl-v1-1", "2/2"), ("kubia", "1/1")]
    {
        book.pods.until_within(LONG, name, &format!("{ready} Running"));
    }
    let events = book.until("kubia", "Started", "kubia");
    let always = ["Scheduled", "Pulling", "Pulled", "Created", "Started"];
    assert_eq!(reasons(&events), always, "Always asks the registry though the image is here");
    assert!(book.delete("fortune-prestop") < Duration::from_secs(15), "nginx -s quit ends it");
    let events = book.until("fortune-prestop", "Killing", "nginx");
    assert_eq!(events.last().map(|told| told.message.as_str()), Some("Stopping container nginx"));
    assert!(book.delete("fortune-prestop-fail") < Duration::from_secs(15), "a hook that fails stops nothing");
    let events = book.until("fortune-prestop-fail", "FailedPreStopHook", "nginx");
    assert!(events.iter().any(|told| told.reason == "Killing"));
    let said = events.last().map(|told| told.message.clone()).unwrap_or_default();
    assert!(said.contains("exited with 1") && said.contains("Emulating a failed pre-stop hook."), "{said}");
    book.pods.until_within(LONG, "kubia-ssl-shortgraceperiod", "2/2 Running");
    let took = book.delete("kubia-ssl-shortgraceperiod");
    assert!(
        took >= Duration::from_secs(5) && took < Duration::from_secs(20),
        "its server is killed after five seconds: {took:?}"
    );
    let follower = book.world.skiff_command(&["logs", "-f", "kubia-ssl-v1-1", "-c", "kubia"]);
    let follower = { follower }.stdout(std::process::Stdio::piped()).spawn().expect("skiff runs");
    let took = book.delete("kubia-ssl-v1-1");
    let log = follower.wait_with_output().expect("a follower ends with its container");
    assert!(String::from_utf8_lossy(&log.stdout).contains("Received SIGTERM. Server shutting down..."));
    assert!(took < Duration::from_secs(5), "the new version listens to SIGTERM: {took:?}");
    book.end();
}
