//! Images that cannot be had: each way in Kubernetes' words, with its back-off, and over as soon as the cause is.

use end_to_end::watch::{EventWatch, PodWatch, Told, reasons};
use end_to_end::{PATIENCE, Registry, World, demo_image, is_skipped};
use serde_json::{Value, json};

/// `ada:secret`, as htpasswd keeps it; the cheapest cost that there is.
const LOCKED: &str = "ada:$2b$04$UO0tkXrOoXyvyWd7aJTaOex5O0871wmNMpX4Yek5BDKRYMhxIwLaa";

fn create(world: &World, name: &str, image: &str, policy: &str) {
    let container = json!({"name": "c", "image": image, "imagePullPolicy": policy, "command": ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"]});
    let spec = json!({"terminationGracePeriodSeconds": 1, "containers": [container]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}).to_string();
    assert_eq!(world.skiff_with(&["create", "-f", "-"], &pod).ok(), format!("pod/{name} created\n"));
}

fn demo_archive() -> String {
    format!("oci-archive:{}", demo_image().display())
}

fn waiting(pod: &Value) -> (&str, &str) {
    let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
    (waiting["reason"].as_str().unwrap_or_default(), waiting["message"].as_str().unwrap_or_default())
}

fn end(world: &World) {
    let _ = world.skiff(&["delete", "pods", "--all"]).ok();
    world.wait_clean();
}

fn back_off(told: &Told) -> bool {
    told.message == "Error: ImagePullBackOff"
}

#[test]
fn an_image_that_is_not_there_is_tried_again_with_back_off() {
    if is_skipped("an_image_that_is_not_there_is_tried_again_with_back_off") {
        return;
    }
    let world = World::new(&[]);
    let registry = Registry::start(&world);
    registry.push(&world, &demo_archive(), "box:1", None);
    let (mut pods, mut events) = (PodWatch::begin(&world), EventWatch::begin(&world));
    let image = format!("{}/box:2", registry.address);
    create(&world, "absent", &image, "IfNotPresent");
    let statuses = pods.statuses_until(PATIENCE, "absent", "0/1 ImagePullBackOff");
    assert_eq!(statuses, ["Pending", "ContainerCreating", "ErrImagePull", "ImagePullBackOff"]);
    let told = events.until(PATIENCE, "absent", back_off);
    assert_eq!(reasons(&told), ["Scheduled", "Pulling", "Failed", "Failed", "BackOff", "Failed"]);
    assert!(told[2].message.starts_with(&format!("Failed to pull image \"{image}\": ")) && told[2].message.contains("not found"));
    assert_eq!(told[3].message, "Error: ErrImagePull");
    assert_eq!(told[4].message, format!("Back-off pulling image \"{image}\""));
    let pod = world.get("pod", "absent").expect("the pod");
    let (reason, message) = waiting(&pod);
    assert_eq!((reason, pod["status"]["phase"].as_str()), ("ImagePullBackOff", Some("Pending")));
    assert!(message.starts_with(&format!("Back-off pulling image \"{image}\": ErrImagePull: ")), "{message}");
    // It comes while the pod waits: the next try has it.
    registry.push(&world, &demo_archive(), "box:2", None);
    pods.until("absent", "1/1 Running");
    let told = events.until(PATIENCE, "absent", |told| told.reason == "Started");
    assert!(told.iter().any(|told| told.message.starts_with(&format!("Successfully pulled image \"{image}\" in "))), "{told:#?}");
    end(&world);
}

#[test]
fn a_registry_that_is_down_stops_even_an_image_that_is_here_under_always() {
    if is_skipped("a_registry_that_is_down_stops_even_an_image_that_is_here_under_always") {
        return;
    }
    let world = World::new(&[]);
    let mut registry = Registry::start(&world);
    registry.push(&world, &demo_archive(), "box:1", None);
    let image = format!("{}/box:1", registry.address);
    let _ = world.skiff(&["image", "pull", &image]).ok();
    registry.stop();
    let (mut pods, mut events) = (PodWatch::begin(&world), EventWatch::begin(&world));
    create(&world, "always", &image, "Always");
    create(&world, "present", &image, "IfNotPresent");
    create(&world, "never", &image, "Never");
    pods.until("present", "1/1 Running");
    pods.until("never", "1/1 Running");
    pods.until("always", "0/1 ErrImagePull");
    let told = events.until(PATIENCE, "always", |told| told.reason == "Failed");
    let said = told.last().map(|told| told.message.clone()).unwrap_or_default();
    assert!(said.contains(&registry.address) && said.to_lowercase().contains("connection refused"), "{said}");
    registry.restart(&world);
    pods.until("always", "1/1 Running");
    end(&world);
}

#[test]
fn a_registry_that_wants_credentials_says_so_and_a_pull_by_hand_helps() {
    if is_skipped("a_registry_that_wants_credentials_says_so_and_a_pull_by_hand_helps") {
        return;
    }
    let world = World::new(&[]);
    let registry = Registry::start_locked(&world, LOCKED);
    registry.push(&world, &demo_archive(), "box:1", Some("ada:secret"));
    let image = format!("{}/box:1", registry.address);
    let mut events = EventWatch::begin(&world);
    create(&world, "locked", &image, "IfNotPresent");
    let told = events.until(PATIENCE, "locked", back_off);
    assert!(told[2].message.contains("may require authorization") && told[2].message.contains("401"), "{told:#?}");
    let wrong = world.skiff(&["image", "pull", &image, "--creds", "ada:wrong"]).fails();
    assert!(wrong.contains("401"), "{wrong}");
    let _ = world.skiff(&["image", "pull", &image, "--creds", "ada:secret"]).ok();
    world.wait_ready("locked");
    end(&world);
}

#[test]
fn names_that_cannot_be_read_and_images_that_must_not_be_pulled() {
    if is_skipped("names_that_cannot_be_read_and_images_that_must_not_be_pulled") {
        return;
    }
    let world = World::new(&[]);
    let (mut pods, mut events) = (PodWatch::begin(&world), EventWatch::begin(&world));
    create(&world, "unreadable", "Upper/Case:1:2", "IfNotPresent");
    create(&world, "never", "nowhere.example/box:1", "Never");
    pods.until("unreadable", "0/1 InvalidImageName");
    let told = events.until(PATIENCE, "unreadable", |told| told.message == "Error: InvalidImageName");
    let words = "Failed to apply default image tag \"Upper/Case:1:2\": couldn't parse image name \"Upper/Case:1:2\": invalid reference format";
    assert_eq!(reasons(&told), ["Scheduled", "InspectFailed", "Failed"]);
    assert!(told[1].message.starts_with(words), "{}", told[1].message);
    pods.until("never", "0/1 ErrImageNeverPull");
    let told = events.until(PATIENCE, "never", |told| told.message == "Error: ErrImageNeverPull");
    assert_eq!(reasons(&told), ["Scheduled", "ErrImageNeverPull", "Failed"]);
    let words = "Container image \"nowhere.example/box:1\" is not present with pull policy of Never";
    assert_eq!(told[1].message, words);
    let pod = world.get("pod", "never").expect("the pod");
    assert_eq!(waiting(&pod), ("ErrImageNeverPull", words));
    end(&world);
}

/// A Secret with the account of a registry.
fn pull_secret(world: &World, name: &str, place: &str, password: &str) {
    let config = json!({"auths": {place: {"username": "ada", "password": password}}}).to_string();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": config}});
    let _ = world.skiff_with(&["create", "-f", "-"], &secret.to_string()).ok();
}

#[test]
fn image_pull_secrets_are_tried_in_order_and_come_from_the_service_account_too() {
    if is_skipped("image_pull_secrets_are_tried_in_order_and_come_from_the_service_account_too") {
        return;
    }
    let world = World::new(&[]);
    let registry = Registry::start_locked(&world, LOCKED);
    for name in ["team/box:1", "team/bag:1", "other:1"] {
        registry.push(&world, &demo_archive(), name, Some("ada:secret"));
    }
    pull_secret(&world, "host", &registry.address, "secret");
    // Longer than the host alone: it is tried first, and is wrong.
    pull_secret(&world, "team", &format!("http://{}/v2/team", registry.address), "wrong");
    let (mut pods, mut events) = (PodWatch::begin(&world), EventWatch::begin(&world));
    let create = |name: &str, image: &str, secrets: &[&str]| {
        let container = json!({"name": "c", "image": format!("{}/{image}", registry.address), "command": ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"]});
        let secrets: Vec<Value> = secrets.iter().map(|secret| json!({"name": secret})).collect();
        let spec = json!({"terminationGracePeriodSeconds": 1, "containers": [container], "imagePullSecrets": secrets});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}).to_string();
        let ran = world.skiff_with(&["create", "-f", "-"], &pod);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "no warning is left");
    };
    create("wrong", "team/box:1", &["team", "missing"]);
    let told = events.until(PATIENCE, "wrong", |told| told.reason == "Failed");
    let said = "Unable to retrieve some image pull secrets (missing); attempting to pull the image may not succeed.";
    assert!(told.iter().any(|told| told.reason == "FailedToRetrieveImagePullSecret" && told.message == said), "{told:#?}");
    assert!(told.last().is_some_and(|told| told.message.contains("401")), "{told:#?}");
    create("both", "team/bag:1", &["team", "host"]);
    pods.until("both", "1/1 Running");
    // The account's secrets are those of a pod that names none.
    create("none", "other:1", &[]);
    pods.until("none", "0/1 ErrImagePull");
    let patch = json!({"imagePullSecrets": [{"name": "host"}]}).to_string();
    let _ = world.skiff(&["patch", "serviceaccount", "default", "-p", &patch]).ok();
    create("account", "other:1", &[]);
    pods.until("account", "1/1 Running");
    let shown = world.get("pod", "account").expect("the pod")["spec"]["imagePullSecrets"].clone();
    assert_eq!(shown, json!([{"name": "host"}]));
    end(&world);
}
