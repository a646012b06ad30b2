//! Applying: what goes, what stays, and that applying twice is applying once.

use super::{LAST_APPLIED, last_applied, last_applied_text, three_way, with_last_applied};
use crate::seeded::Random;
use serde_json::{Map, Value, json};

#[expect(clippy::needless_pass_by_value, reason = "a case is written in place")]
fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec})
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "a case is written in place")]
fn check(last: Value, live: Value, wanted: Value, expected: Value) {
    assert_eq!(three_way(Some(&pod(last)), &pod(live), &pod(wanted))["spec"], expected);
}

#[test]
fn what_is_not_written_any_more_goes_and_what_others_wrote_stays() {
    check(
        json!({"hostname": "h", "nodeSelector": {"a": "1", "b": "2"}}),
        json!({"hostname": "h", "restartPolicy": "Always", "nodeSelector": {"a": "1", "b": "2", "theirs": "3"}}),
        json!({"nodeSelector": {"a": "9"}}),
        json!({"restartPolicy": "Always", "nodeSelector": {"a": "9", "theirs": "3"}}),
    );
}

#[test]
fn containers_are_merged_by_name() {
    check(
        json!({"containers": [{"name": "a", "image": "1", "args": ["x"]}, {"name": "gone", "image": "1"}]}),
        json!({"containers": [{"name": "a", "image": "1", "args": ["x"], "imagePullPolicy": "Always"}, {"name": "gone", "image": "1"}, {"name": "theirs", "image": "1"}]}),
        json!({"containers": [{"name": "new", "image": "1"}, {"name": "a", "image": "2"}]}),
        json!({"containers": [{"name": "new", "image": "1"}, {"name": "a", "image": "2", "imagePullPolicy": "Always"}, {"name": "theirs", "image": "1"}]}),
    );
}

#[test]
fn items_of_others_keep_their_place() {
    check(
        json!({"containers": [{"name": "a"}, {"name": "b"}]}),
        json!({"containers": [{"name": "first"}, {"name": "a"}, {"name": "between"}, {"name": "b"}]}),
        json!({"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}),
        json!({"containers": [{"name": "first"}, {"name": "a"}, {"name": "between"}, {"name": "b"}, {"name": "c"}]}),
    );
}

#[test]
fn a_volume_has_one_source() {
    check(
        json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}),
        json!({"volumes": [{"name": "v", "hostPath": {"path": "/", "type": ""}}]}),
        json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
    );
}

#[test]
fn ports_of_two_protocols_are_two_ports() {
    let ports = json!([{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}]);
    check(
        json!({"containers": [{"name": "a", "ports": ports}]}),
        json!({"containers": [{"name": "a", "ports": ports}]}),
        json!({"containers": [{"name": "a", "ports": [{"containerPort": 53, "protocol": "UDP", "name": "dns"}]}]}),
        json!({"containers": [{"name": "a", "ports": [{"containerPort": 53, "protocol": "UDP", "name": "dns"}]}]}),
    );
}

#[test]
fn lists_without_a_key_are_replaced_whole() {
    check(
        json!({"containers": [{"name": "a", "args": ["x", "y"]}], "tolerations": [{"key": "k"}]}),
        json!({"containers": [{"name": "a", "args": ["x", "y", "z"]}], "tolerations": [{"key": "k"}, {"key": "default"}]}),
        json!({"containers": [{"name": "a", "args": ["w"]}], "tolerations": [{"key": "l"}]}),
        json!({"containers": [{"name": "a", "args": ["w"]}], "tolerations": [{"key": "l"}]}),
    );
}

#[test]
fn finalizers_are_a_set() {
    let object = |finalizers: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"finalizers": finalizers}});
    let merged = three_way(
        Some(&object(json!(["a/1", "a/2"]))),
        &object(json!(["a/1", "theirs/x", "a/2"])),
        &object(json!(["a/2", "a/3"])),
    );
    assert_eq!(merged["metadata"]["finalizers"], json!(["a/2", "a/3", "theirs/x"]));
}

#[test]
fn nothing_written_means_the_field_goes() {
    check(
        json!({}),
        json!({"hostname": "h", "x": {"y": 1}}),
        json!({"hostname": null, "x": {"y": null, "z": 2}}),
        json!({"x": {"z": 2}}),
    );
}

#[test]
fn an_amount_written_in_another_way_is_no_change() {
    let with = |cpu: Value| json!({"containers": [{"name": "a", "resources": {"limits": {"cpu": cpu}}}]});
    let live = pod(with(json!("500m")));
    let applied = three_way(Some(&pod(with(json!(0.5)))), &live, &pod(with(json!(0.5))));
    assert_eq!(
        crate::schema::normal::normalize(applied, crate::schema::of(crate::Kind::Pod)),
        crate::schema::normal::normalize(live, crate::schema::of(crate::Kind::Pod))
    );
}

#[test]
fn without_a_last_applied_manifest_nothing_goes() {
    let merged = three_way(None, &pod(json!({"hostname": "h"})), &pod(json!({"subdomain": "s"})));
    assert_eq!(merged["spec"], json!({"hostname": "h", "subdomain": "s"}));
}

#[test]
fn the_annotation_keeps_what_was_applied() {
    let wanted = pod(json!({"containers": [{"name": "a"}]}));
    assert_eq!(
        last_applied_text(&wanted),
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"annotations\":{},\"name\":\"a\"},\"spec\":{\"containers\":[{\"name\":\"a\"}]}}\n"
    );
    let marked = with_last_applied(&wanted);
    assert_eq!(marked["metadata"]["annotations"][LAST_APPLIED], last_applied_text(&marked));
    assert_eq!(last_applied(&marked).map(|last| last["spec"].clone()), Some(wanted["spec"].clone()));
    assert_eq!(last_applied(&wanted), None);
}

/// A pod's specification made of a few names, so that three of them have much in common.
fn random_spec(random: &mut Random) -> Value {
    let mut spec = Map::new();
    for (name, make) in FIELDS {
        if random.chance(2) {
            spec.insert((*name).to_owned(), make(random));
        }
    }
    Value::Object(spec)
}

type Make = fn(&mut Random) -> Value;

static FIELDS: &[(&str, Make)] = &[
    ("hostname", |random| json!(random.pick(&["a", "b"]))),
    ("nodeSelector", random_map),
    ("tolerations", |random| json!([{"key": random.pick(&["a", "b"])}])),
    ("securityContext", |random| json!({"runAsUser": random.below(3)})),
    ("containers", |random| {
        keyed(random, "name", |random| {
            let env = keyed(random, "name", |random| json!({"value": random.below(3).to_string()}));
            let mounts = keyed(random, "mountPath", |_| json!({"name": "v"}));
            json!({"image": random.pick(&["x", "y"]), "args": [random.below(3).to_string()], "env": env, "volumeMounts": mounts})
        })
    }),
    ("volumes", |random| {
        keyed(
            random,
            "name",
            |random| if random.chance(2) { json!({"emptyDir": {}}) } else { json!({"hostPath": {"path": "/"}}) },
        )
    }),
    ("hostAliases", |random| keyed(random, "ip", |random| json!({"hostnames": [random.pick(&["x", "y"])]}))),
];

fn random_map(random: &mut Random) -> Value {
    let names = ["a", "b", "c"];
    names.iter().filter(|_| random.below(2) == 0).map(|name| ((*name).to_owned(), json!("1"))).collect()
}

/// A list of items with different keys.
fn keyed(random: &mut Random, key: &str, make: Make) -> Value {
    let mut items = Vec::new();
    for name in ["p", "q", "r"] {
        if random.chance(2) {
            let mut item = make(random);
            item[key] = json!(name);
            items.insert(random.below(items.len() + 1), item);
        }
    }
    Value::Array(items)
}

/// Whether all that is wanted is there.
fn holds(merged: &Value, wanted: &Value) -> bool {
    match (merged, wanted) {
        (Value::Object(merged), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| merged.get(name).is_some_and(|merged| holds(merged, value)))
        }
        (Value::Array(merged), Value::Array(wanted)) => {
            wanted.iter().all(|value| merged.iter().any(|merged| holds(merged, value)))
        }
        (merged, wanted) => merged == wanted,
    }
}

#[test]
fn applying_twice_changes_nothing_and_fields_of_others_survive() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        let (last, live, wanted) = (pod(random_spec(&mut random)), pod(random_spec(&mut random)), pod(random_spec(&mut random)));
        let mut live = live;
        live["spec"]["schedulerName"] = json!("theirs");
        live["metadata"]["labels"] = json!({"theirs": "1"});
        if let Some(container) = live["spec"]["containers"].as_array_mut().and_then(|containers| containers.first_mut()) {
            container["imagePullPolicy"] = json!("Never");
        }
        let once = three_way(Some(&last), &live, &wanted);
        assert_eq!(three_way(Some(&wanted), &once, &wanted), once, "seed {seed}: a second apply changed something");
        assert!(holds(&once, &wanted), "seed {seed}: not all that is wanted is there\n{once}\n{wanted}");
        assert_eq!(once["spec"]["schedulerName"], "theirs", "seed {seed}");
        assert_eq!(once["metadata"]["labels"]["theirs"], "1", "seed {seed}");
        for container in live["spec"]["containers"].as_array().into_iter().flatten() {
            let named = |list: &Value| {
                list["spec"]["containers"]
                    .as_array()
                    .and_then(|all| all.iter().find(|other| other["name"] == container["name"]).cloned())
            };
            // A container that nobody applied, or that still is wanted, keeps what others set in it.
            // As with kubectl, a list that was applied and is not written at all any more goes whole.
            let is_whole_list_gone = last["spec"].get("containers").is_some() && wanted["spec"].get("containers").is_none();
            if is_whole_list_gone {
                assert!(once["spec"].get("containers").is_none(), "seed {seed}");
            } else if named(&wanted).is_some() || named(&last).is_none() {
                let kept = named(&once).unwrap_or_else(|| panic!("seed {seed}: a container is gone"));
                assert_eq!(kept.get("imagePullPolicy"), container.get("imagePullPolicy"), "seed {seed}");
            } else {
                assert!(named(&once).is_none(), "seed {seed}: a container that was dropped is still there");
            }
        }
    }
}
