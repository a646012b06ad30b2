//! ConfigMaps, Secrets and the node itself as containers see them: variables, and files that change; what is missing is waited for.

use end_to_end::watch::{EventWatch, PodWatch};
use end_to_end::{PATIENCE, World, eventually, is_skipped};
use serde_json::{Value, json};

/// A world with the demo image, a ConfigMap and a Secret.
fn world() -> World {
    let world = World::new(&[]);
    world.load_demo_image();
    create(
        &world,
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"color": "blue", "size": "9"}}),
    );
    create(&world, &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": {"user": "ada"}}));
    world
}

fn create(world: &World, object: &Value) {
    let _ = world.skiff_with(&["create", "-f", "-"], &object.to_string()).ok();
}

fn pod(name: &str, container: &Value, volumes: &Value) -> Value {
    let mut container = container.clone();
    let script = "trap 'exit 0' TERM; while true; do sleep 0.1; done";
    for (field, value) in [("name", json!("c")), ("image", json!("skiff/demo:1.0")), ("command", json!(["sh", "-c", script]))] {
        container[field] = value;
    }
    let spec = json!({"terminationGracePeriodSeconds": 1, "containers": [container], "volumes": volumes});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}}, "spec": spec})
}

fn inside(world: &World, pod: &str, script: &str) -> String {
    world.skiff(&["exec", pod, "--", "sh", "-c", script]).ok()
}

fn end(world: &World) {
    let _ = world.skiff(&["delete", "pods", "--all"]).ok();
    world.wait_clean();
}

#[test]
fn variables_stay_and_files_change_with_what_they_are_from() {
    if is_skipped("variables_stay_and_files_change_with_what_they_are_from") {
        return;
    }
    let mut world = world();
    let mount = |name: &str| json!({"name": name, "mountPath": format!("/{name}")});
    let container = json!({
        "envFrom": [{"prefix": "CFG_", "configMapRef": {"name": "settings"}}],
        "env": [{"name": "WHO", "valueFrom": {"secretKeyRef": {"name": "login", "key": "user"}}}],
        "volumeMounts": [mount("config"), mount("secret"), mount("all")],
    });
    let items = json!([{"key": "user", "path": "deep/name", "mode": 0o400}]);
    let sources = json!([
        {"configMap": {"name": "settings", "items": [{"key": "color", "path": "paint"}]}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]);
    let volumes = json!([
        {"name": "config", "configMap": {"name": "settings"}},
        {"name": "secret", "secret": {"secretName": "login", "items": items}},
        {"name": "all", "projected": {"sources": sources}},
    ]);
    create(&world, &pod("reader", &container, &volumes));
    world.wait_ready("reader");
    let files = "cat /config/color /secret/deep/name /all/paint /all/labels; stat -c ' %a' /secret/deep/name /config/color -L";
    assert_eq!(inside(&world, "reader", files), "blueadablueapp=\"web\" 400\n 644\n");
    assert_eq!(inside(&world, "reader", "readlink /config/color"), "..data/color\n");
    let denied = world.skiff(&["exec", "reader", "--", "sh", "-c", "echo x > /config/color"]).fails();
    assert!(denied.contains("Read-only file system"), "{denied}");
    let in_memory = "grep -c '^tmpfs /secret tmpfs ro' /proc/mounts";
    assert_eq!(inside(&world, "reader", in_memory), "1\n", "secrets are on no disk");

    let patch = json!({"data": {"color": "red", "size": null}}).to_string();
    let _ = world.skiff(&["patch", "configmap", "settings", "-p", &patch]).ok();
    let _ = world.skiff(&["label", "pod", "reader", "app=shop", "--overwrite"]).ok();
    let seen = |world: &World, script: &str, wanted: &str| {
        eventually(&format!("{script} says {wanted}"), || match inside(world, "reader", script) {
            said if said == wanted => Ok(()),
            said => Err(said),
        });
    };
    seen(&world, "cat /config/color /all/paint /all/labels; ls /config", "redredapp=\"shop\"color\n");
    // Variables are those of the start, for programs that come later too.
    assert_eq!(inside(&world, "reader", "echo $CFG_color $CFG_size $WHO"), "blue 9 ada\n");

    // What changes while no daemon runs is seen as soon as one does.
    world.kill_daemon("-KILL");
    world.start_daemon();
    let _ = world.skiff(&["patch", "secret", "login", "-p", &json!({"stringData": {"user": "bob"}}).to_string()]).ok();
    seen(&world, "cat /secret/deep/name", "bob");
    assert_eq!(inside(&world, "reader", "echo $WHO"), "ada\n");
    end(&world);
}

#[test]
fn parts_of_volumes_are_mounted_and_made_inside_them_only() {
    if is_skipped("parts_of_volumes_are_mounted_and_made_inside_them_only") {
        return;
    }
    let world = world();
    let mount = |name: &str, path: &str, part: &str| json!({"name": name, "mountPath": path, "subPath": part});
    let container = json!({
        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "volumeMounts": [
            mount("config", "/etc/paint.conf", "color"),
            mount("shared", "/mine", "deep/mine"),
            {"name": "shared", "mountPath": "/named", "subPathExpr": "of/$(POD)"},
            {"name": "shared", "mountPath": "/all", "readOnly": true},
        ],
    });
    let volumes = json!([{"name": "config", "configMap": {"name": "settings"}}, {"name": "shared", "emptyDir": {}}]);
    create(&world, &pod("parts", &container, &volumes));
    world.wait_ready("parts");
    assert_eq!(inside(&world, "parts", "cat /etc/paint.conf; ls /etc/hosts"), "blue/etc/hosts\n");
    let seen = "echo a > /mine/a; echo b > /named/b; cd /all; stat -c %a of; find . -type f | sort; touch x 2>/dev/null || echo read-only";
    assert_eq!(inside(&world, "parts", seen), "777\n./deep/mine/a\n./of/parts/b\nread-only\n");
    // A volume of the manifest is what it was when the container started, also for who looks at the status.
    let status = world.get("pod", "parts").expect("the pod")["status"]["containerStatuses"][0].clone();
    assert_eq!(status["user"], json!({"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}}), "{status}");
    assert_eq!(
        status["volumeMounts"][3],
        json!({"name": "shared", "mountPath": "/all", "readOnly": true, "recursiveReadOnly": "Disabled"})
    );

    // A container that puts a link out of the volume gains nothing for the next.
    let outer = json!({"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "out/x"}]});
    let mut trap = pod("trap", &outer, &json!([{"name": "v", "emptyDir": {}}]));
    let script = ["sh", "-c", "ln -s /etc /v/out"];
    trap["spec"]["initContainers"] = json!([{"name": "link", "image": "skiff/demo:1.0", "command": script,
        "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]);
    create(&world, &trap);
    let told = world.wait_pod("trap", "refused", |pod| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CreateContainerConfigError"
    });
    assert_eq!(
        told["status"]["containerStatuses"][0]["state"]["waiting"]["message"],
        "failed to create subPath directory for volumeMount \"v\" of container \"c\": it leads out of the volume"
    );
    end(&world);
}

#[test]
fn what_is_missing_is_said_and_waited_for() {
    if is_skipped("what_is_missing_is_said_and_waited_for") {
        return;
    }
    let world = world();
    let (mut pods, mut events) = (PodWatch::begin(&world), EventWatch::begin(&world));
    let from_later = json!([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "later", "key": "x"}}}]);
    create(&world, &pod("variable", &json!({"env": from_later}), &json!([])));
    create(&world, &pod("volume", &json!({}), &json!([{"name": "v", "secret": {"secretName": "later"}}])));
    create(&world, &pod("host", &json!({}), &json!([{"name": "h", "hostPath": {"path": "/dev/null", "type": "Directory"}}])));
    pods.until("variable", "0/1 CreateContainerConfigError");
    let told = events.until(PATIENCE, "variable", |told| told.reason == "Failed");
    assert_eq!(told.last().map(|told| told.message.as_str()), Some("Error: configmap \"later\" not found"));
    let waiting = world.get("pod", "variable").expect("the pod")["status"]["containerStatuses"][0]["state"]["waiting"].clone();
    assert_eq!(waiting, json!({"reason": "CreateContainerConfigError", "message": "configmap \"later\" not found"}));
    let told = events.until(PATIENCE, "volume", |told| told.reason == "FailedMount");
    let words = "MountVolume.SetUp failed for volume \"v\" : secret \"later\" not found";
    assert_eq!(told.last().map(|told| told.message.as_str()), Some(words));
    let told = events.until(PATIENCE, "host", |told| told.reason == "FailedMount");
    let words = "MountVolume.SetUp failed for volume \"h\" : hostPath type check failed: /dev/null is not a directory";
    assert_eq!(told.last().map(|told| told.message.as_str()), Some(words));
    create(&world, &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "later"}, "data": {"x": "1"}}));
    create(&world, &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "later"}}));
    pods.until("variable", "1/1 Running");
    pods.until("volume", "1/1 Running");
    end(&world);
}

#[test]
fn a_debugging_pod_sees_all_of_its_node_and_a_copy_is_looked_into() {
    if is_skipped("a_debugging_pod_sees_all_of_its_node_and_a_copy_is_looked_into") {
        return;
    }
    let world = world();
    let marker = world.folder().join("marker");
    std::fs::write(&marker, "here\n").expect("a file of the node");
    let script = format!("cat /host{}; readlink /proc/self/ns/pid; readlink /proc/self/ns/net", marker.display());
    let image = "skiff/demo:1.0";
    let ran = world.skiff_with(&["debug", "node/node1", "--image", image, "-i", "-q", "--", "sh", "-c", &script], "").ok();
    let own = |namespace: &str| {
        let output = world.inside("readlink").arg(format!("/proc/self/ns/{namespace}")).output().expect("readlink runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(ran, format!("here\n{}{}", own("pid"), own("net")));
    let volumes = json!([{"name": "file", "hostPath": {"path": marker, "type": "File"}}]);
    let container = json!({"volumeMounts": [{"name": "file", "mountPath": "/marker"}]});
    create(&world, &pod("origin", &container, &volumes));
    world.wait_ready("origin");
    assert_eq!(inside(&world, "origin", "echo again >> /marker; cat /marker"), "here\nagain\n");
    let copy = ["debug", "origin", "--copy-to", "copy", "--image", image, "-c", "dbg", "-i", "-q", "--"];
    // The copy's containers see each other's processes, and its volumes.
    let script = r#"until cat /proc/[0-9]*/cmdline | tr '\000' ' ' | grep -q "trap 'exit ""0'"; do sleep 0.1; done; echo seen"#;
    let ran = world.skiff_with(&[&copy[..], &["sh", "-c", script]].concat(), "").ok();
    assert_eq!(ran, "seen\n");
    assert_eq!(world.get("pod", "copy").expect("the copy")["spec"]["shareProcessNamespace"], true);
    end(&world);
}
