//! Images that come, come late, or don't.

use super::bench::{Bench, manifest};
use crate::pod::{Found, ImageFailure, Input, Pulled};
use serde_json::json;
use std::time::Duration;

fn before_image(policy: &str) -> Bench {
    let mut manifest = manifest("Always", &["a"]);
    manifest["spec"]["containers"][0]["imagePullPolicy"] = json!(policy);
    let mut bench = Bench::new(manifest);
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    bench
}

fn fail(bench: &mut Bench, reason: ImageFailure, message: &str) -> Vec<String> {
    let image = bench.image("a");
    bench.give(Input::ImageFailed { container: "a".into(), image, reason, message: message.to_owned() })
}

#[test]
fn a_pull_is_reported_when_it_begins_and_when_it_is_done() {
    let mut bench = before_image("Always");
    let pulling = Input::ImagePulling { container: "a".into(), image: "a:1".to_owned() };
    assert_eq!(bench.give(pulling.clone()), ["Normal Pulling: Pulling image \"a:1\""]);
    assert_eq!(bench.give(pulling), [""; 0]);
    let took = Duration::from_millis(1200);
    let pulled = Some(Pulled { took, took_with_waiting: took * 2, size_bytes: 123 });
    let ready = Input::ImageReady { container: "a".into(), image: "a:1".to_owned(), image_id: "x".to_owned(), pulled };
    let words = "Successfully pulled image \"a:1\" in 1.2s (2.4s including waiting). Image size: 123 bytes.";
    assert_eq!(bench.give(ready), [format!("Normal Pulled: {words}"), "start a/0".to_owned()]);
}

#[test]
fn a_failing_pull_is_shown_then_waited_for_ever_longer() {
    let mut bench = before_image("IfNotPresent");
    let mut waits = Vec::new();
    for _ in 0..7 {
        let failed = bench.ms;
        let lines = fail(&mut bench, ImageFailure::ErrImagePull, "no such host");
        assert_eq!(lines, ["Warning Failed: Failed to pull image \"a:1\": no such host", "Warning Failed: Error: ErrImagePull"]);
        assert_eq!(bench.state("a"), "waiting ErrImagePull | - | 0");
        let lines = bench.wake();
        assert_eq!(lines, ["Normal BackOff: Back-off pulling image \"a:1\"", "Warning Failed: Error: ImagePullBackOff"]);
        assert_eq!(bench.state("a"), "waiting ImagePullBackOff | - | 0");
        assert_eq!(bench.waiting_message("a"), "Back-off pulling image \"a:1\": ErrImagePull: no such host");
        while bench.wake() != ["ensure a a:1 IfNotPresent"] {}
        waits.push((bench.ms - failed) / 1000);
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
}

#[test]
fn an_image_loaded_by_hand_ends_the_wait() {
    let mut bench = before_image("IfNotPresent");
    fail(&mut bench, ImageFailure::ErrImagePull, "no such host");
    bench.wake();
    assert_eq!(bench.give(Input::ImagesChanged), ["ensure a a:1 Never"]);
    assert_eq!(fail(&mut bench, ImageFailure::ErrImageNeverPull, "not that one"), [""; 0], "the wait goes on");
    assert_eq!(bench.state("a"), "waiting ImagePullBackOff | - | 0");
    bench.give(Input::ImagesChanged);
    assert_eq!(bench.image_ready("a")[1], "start a/0");

    let mut bench = before_image("Always");
    fail(&mut bench, ImageFailure::ErrImagePull, "no such host");
    assert_eq!(bench.give(Input::ImagesChanged), [""; 0], "one that asks the registry each time does not");
}

#[test]
fn an_image_that_may_not_be_pulled_is_named_and_looked_for_again() {
    let mut bench = before_image("Never");
    let words = "Container image \"a:1\" is not present with pull policy of Never";
    let lines = fail(&mut bench, ImageFailure::ErrImageNeverPull, words);
    assert_eq!(lines, [format!("Warning ErrImageNeverPull: {words}"), "Warning Failed: Error: ErrImageNeverPull".to_owned()]);
    assert_eq!((bench.state("a").as_str(), bench.waiting_message("a").as_str()), ("waiting ErrImageNeverPull | - | 0", words));
    assert_eq!(bench.wake(), ["ensure a a:1 Never"]);
    assert_eq!(bench.ms, 10_000);
}

#[test]
fn a_name_that_is_none_is_reported() {
    let mut bench = before_image("IfNotPresent");
    let words = "Failed to apply default image tag \"X\": couldn't parse image name \"X\": invalid reference format";
    let lines = fail(&mut bench, ImageFailure::InvalidImageName, words);
    assert_eq!(lines, [format!("Warning InspectFailed: {words}"), "Warning Failed: Error: InvalidImageName".to_owned()]);
    assert_eq!(bench.state("a"), "waiting InvalidImageName | - | 0");
}

#[test]
fn an_answer_about_an_image_that_is_not_wanted_any_more_changes_nothing() {
    let mut bench = before_image("IfNotPresent");
    let changed = bench.spec(|manifest| manifest["spec"]["containers"][0]["image"] = json!("a:2"));
    assert_eq!(changed, ["ensure a a:2 IfNotPresent"]);
    let old = Input::ImageReady { container: "a".into(), image: "a:1".to_owned(), image_id: "x".to_owned(), pulled: None };
    assert_eq!(bench.give(old), [""; 0]);
    assert_eq!(bench.image_ready("a")[1], "start a/0");
}
