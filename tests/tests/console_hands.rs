//! The console in a real terminal: what the mouse does, and that a connection goes through a port that it forwards.

use end_to_end::{Console, World, is_skipped};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Pods that nothing can run, which is enough for a list.
fn crowd(world: &World, count: usize) {
    for number in 1..=count {
        let spec = json!({"nodeSelector": {"no": "node"}, "containers": [{"name": "main", "image": "skiff/demo:1.0"}]});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("pod-{number:02}")}, "spec": spec});
        let _ = world.skiff_with(&["create", "-f", "-"], &pod.to_string()).ok();
    }
}

/// The line with the cursor.
fn here(screen: &str) -> &str {
    screen.lines().find(|line| line.starts_with('▌')).unwrap_or_default()
}

#[test]
fn a_click_stands_on_a_row_the_wheel_moves_and_a_heading_sorts() {
    if is_skipped("a_click_stands_on_a_row_the_wheel_moves_and_a_heading_sorts") {
        return;
    }
    let world = World::new(&[]);
    crowd(&world, 30);
    let console = Console::open(&world, 100, 20);
    console.wait_until("all pods", |screen| screen.contains("1/30") && here(screen).contains("pod-01"));
    let (column, line) = console.place_of("pod-05");
    console.click(column, line);
    console.wait_until("the row is stood on", |screen| here(screen).contains("pod-05"));
    for _ in 0..8 {
        console.wheel_down(column, line);
    }
    console.wait_until("the list moved", |screen| !screen.contains("pod-01") && screen.contains("pod-29"));
    let (column, line) = console.place_of("NAME ");
    assert_eq!(line, 2, "the headings stay");
    console.click(column, line);
    console.wait_for("NAME↑");
    console.click(column, line);
    console.wait_for("NAME↓");
    console.press(&["g", "g"]);
    console.wait_until("the last name is the first", |screen| here(screen).contains("pod-30"));
    // The second click on a row opens it.
    let (column, line) = console.place_of("pod-28");
    console.click(column, line);
    console.wait_until("it is stood on", |screen| here(screen).contains("pod-28"));
    console.click(column, line);
    console.wait_for("pods › pod-28");
    let _ = world.skiff(&["delete", "pods", "--all", "--force", "--grace-period=0"]).ok();
}

/// What a web server at a port of this machine answers.
fn ask(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_connection_goes_through_a_port_that_the_console_forwards_until_it_is_stopped() {
    if is_skipped("a_connection_goes_through_a_port_that_the_console_forwards_until_it_is_stopped") {
        return;
    }
    let world = World::new(&[]);
    world.load_demo_image();
    let ports = json!([{"containerPort": 8080, "name": "http"}]);
    let container = json!({"name": "main", "image": "skiff/demo:1.0", "command": ["demo-server"], "ports": ports});
    let spec = json!({"terminationGracePeriodSeconds": 1, "containers": [container]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec});
    let _ = world.skiff_with(&["create", "-f", "-"], &pod.to_string()).ok();
    let _ = world.wait_ready("web");
    let console = Console::open(&world, 120, 30);
    console.wait_until("the pod", |screen| here(screen).contains("web"));
    console.press(&["x", "f"]);
    console
        .wait_until("the port is proposed", |screen| screen.contains("Forward a port of web") && screen.contains("8080 (http)"));
    // Any port that is free: another test may have the one that is proposed.
    console.press(&["Tab", "BSpace", "BSpace", "BSpace", "BSpace", "0", "Enter"]);
    console.wait_until("the box is gone", |screen| !screen.contains("Forward a port of web"));
    console.type_text(":forwards");
    console.press(&["Enter"]);
    let screen = console.wait_until("it listens", |screen| here(screen).contains("listening"));
    let port = here(&screen).split("localhost:").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    let port: u16 = port.unwrap_or_else(|| panic!("no port in\n{screen}"));
    for _ in 0..2 {
        let answer = ask(port).expect("it listens, and the pod answers");
        assert!(answer.starts_with("HTTP/1."), "{answer}");
    }
    // A connection more, which the pod ends: the list counts all of them and their bytes.
    console.wait_until("both were counted", |screen| {
        let words: Vec<&str> = here(screen).split_whitespace().collect();
        words.windows(3).any(|three| three == ["0", "2", "0"])
    });
    console.press(&["x", "d"]);
    console.wait_for("no port-forwards");
    assert!(ask(port).is_err(), "nobody listens any more");
    let _ = world.skiff(&["delete", "pods", "--all", "--force", "--grace-period=0"]).ok();
}

/// A deployment of two pods that answer, each with its own name.
fn deployment(world: &World) {
    let ports = json!([{"containerPort": 8080, "name": "http"}]);
    let probe = json!({"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1});
    let container =
        json!({"name": "main", "image": "skiff/demo:1.0", "command": ["demo-server"], "ports": ports, "readinessProbe": probe});
    let template = json!({
        "metadata": {"labels": {"app": "shop"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    });
    let spec = json!({"replicas": 2, "selector": {"matchLabels": {"app": "shop"}}, "template": template});
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}, "spec": spec});
    let _ = world.skiff_with(&["create", "-f", "-"], &object.to_string()).ok();
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"},
        "spec": {"selector": {"app": "shop"}, "ports": [{"port": 80, "targetPort": "http"}]}});
    let _ = world.skiff_with(&["create", "-f", "-"], &service.to_string()).ok();
    let _ = world.skiff(&["rollout", "status", "deployment/shop", "--timeout=60s"]).ok();
}

/// The pod that the forward in the list leads to.
fn serving(screen: &str) -> String {
    here(screen).split_whitespace().find(|word| word.starts_with("shop-")).unwrap_or_default().to_owned()
}

#[test]
fn a_forward_of_a_deployment_goes_on_with_another_pod_when_its_pod_is_deleted() {
    if is_skipped("a_forward_of_a_deployment_goes_on_with_another_pod_when_its_pod_is_deleted") {
        return;
    }
    let world = World::new(&[]);
    world.load_demo_image();
    deployment(&world);
    let console = Console::open(&world, 140, 30);
    // What is typed before it has the terminal is changed by that: enter is another key then.
    console.wait_for("shop-");
    console.type_text(":forward deploy/shop :8080");
    console.press(&["Enter"]);
    console.wait_for("leads to port 8080 of deployment/shop");
    console.type_text(":forward svc/shop :80");
    console.press(&["Enter"]);
    console.wait_for("leads to port 80 of service/shop");
    console.type_text(":forwards");
    console.press(&["Enter", "g", "g"]);
    let is_list = |screen: &str| screen.lines().nth(1).is_some_and(|line| line.contains("forwards"));
    let screen = console.wait_until("a pod serves", |screen| is_list(screen) && !serving(screen).is_empty());
    for target in ["deployment/shop", "service/shop"] {
        console.wait_until("both are there", |screen| screen.contains(target));
    }
    let ports: Vec<u16> =
        screen.split("localhost:").skip(1).filter_map(|rest| rest.split_whitespace().next()?.parse().ok()).collect();
    let [first, second] = ports[..] else { panic!("two ports in\n{screen}") };
    let pod = serving(&screen);
    for port in [first, second, first] {
        let answer = ask(port).expect("it listens, and the pod answers");
        assert!(answer.starts_with("HTTP/1.") && answer.contains(&pod), "of {pod}, which had the last one: {answer}");
    }
    let _ = world.skiff(&["delete", "pod", &pod]).ok();
    for port in [first, second] {
        let answer = ask(port).expect("the next request is answered");
        assert!(answer.starts_with("HTTP/1.") && !answer.contains(&pod), "by another pod than {pod}: {answer}");
    }
    let screen = console.wait_until("the list says by which", |screen| !serving(screen).is_empty() && serving(screen) != pod);
    assert!(ask(first).expect("it answers").contains(&serving(&screen)), "{screen}");
    // With the last pod the deployment's next one: its replacement.
    let pods: Vec<String> = vec![serving(&screen)];
    let _ = world.skiff(&["delete", "pod", &pods[0]]).ok();
    let _ = world.skiff(&["rollout", "status", "deployment/shop", "--timeout=60s"]).ok();
    let answer = ask(first).expect("the next request is answered");
    assert!(answer.starts_with("HTTP/1.") && !answer.contains(&pods[0]) && !answer.contains(&pod), "{answer}");
    let _ = world.skiff(&["delete", "deployment", "shop"]).ok();
    let _ = world.skiff(&["delete", "pods", "--all", "--force", "--grace-period=0"]).ok();
}
