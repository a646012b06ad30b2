//! What is done to objects, images and nodes: honest questions, progress, and taking it back.

use super::{Bench, node, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::Wire;
use crate::console::link::{Command, Failure};
use crate::console::screen::Screen;
use objects::{Kind, Status};
use serde_json::{Value, json};
use wire::{ImageSummary, PullProgress, Request, Response};

fn put(bench: &mut Bench, kind: Kind, object: &Value) {
    bench.wire(Wire::Put(kind, Box::new(row(kind, object))));
}

fn requests(bench: &Bench) -> Vec<(u32, Request)> {
    let asked = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Link(Command::Ask { id, request }) => Some((*id, (**request).clone())),
        _ => None,
    });
    asked.collect()
}

fn done() -> Result<Response, Failure> {
    Ok(Response::Object { object: Box::new(json!({})), warnings: vec![], outcome: "deleted".into() })
}

fn owned(name: &str) -> Value {
    let mut pod = pod(name, &json!({"running": {}}), true, 0);
    pod["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "web", "controller": true}]);
    pod["spec"]["terminationGracePeriodSeconds"] = json!(90);
    pod["spec"]["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
    pod
}

#[test]
fn a_deletion_says_what_will_happen() {
    let mut bench = Bench::new(90, 24);
    put(&mut bench, Kind::Pod, &owned("echo"));
    bench.press("G x d");
    for words in ["up to 90s to end", "Made again by replicaset/web", "emptyDir volumes is lost"] {
        assert!(bench.shows(words), "{words}: {}", bench.picture());
    }
    bench.press("esc g g x d");
    assert!(bench.shows("Nothing makes it again"), "{}", bench.picture());
    bench.press("esc g g V x d");
    assert!(bench.shows("4 of them are made again by nothing"), "{}", bench.picture());
}

#[test]
fn many_pods_and_those_of_the_system_want_a_word() {
    let mut bench = Bench::new(90, 24);
    for number in 0..12 {
        put(&mut bench, Kind::Pod, &pod(&format!("p{number:02}"), &json!({"running": {}}), true, 0));
    }
    bench.press("V x d");
    assert!(bench.shows("\"16\" is to be typed"), "{}", bench.picture());
    bench.press("y").write("15").press("enter");
    assert!(requests(&bench).is_empty() && bench.shows("nothing was done"), "{}", bench.picture());
    bench.press("x d y").write("16").press("enter");
    assert_eq!(requests(&bench).len(), 16);
    let mut bench = Bench::new(90, 24);
    let mut system = pod("dns", &json!({"running": {}}), true, 0);
    system["metadata"]["namespace"] = json!("kube-system");
    put(&mut bench, Kind::Pod, &system);
    bench.press("G x k y").write("kube-system").press("enter");
    assert_eq!(requests(&bench).len(), 1);
}

#[test]
fn a_deleted_pod_is_made_again_once_it_is_gone() {
    let mut bench = Bench::new(90, 24);
    bench.press("g g x d y");
    let (id, _) = requests(&bench)[0].clone();
    bench.wire(Wire::Answer(id, done()));
    assert!(bench.shows("pod/alpha deleted; z undoes it"), "{}", bench.picture());
    bench.effects.clear();
    bench.press("z y");
    assert!(requests(&bench).is_empty() && bench.shows("made again once it is gone"), "{}", bench.picture());
    let key = row(Kind::Pod, &super::pods()[0]).key;
    bench.wire(Wire::Remove(Kind::Pod, key));
    let asked = requests(&bench);
    let [(id, Request::Create(create))] = asked.as_slice() else { panic!("no creation") };
    let metadata = create.object["metadata"].as_object().expect("metadata");
    assert_eq!(metadata.keys().collect::<Vec<_>>(), ["labels", "name", "namespace"]);
    assert!(create.object.get("status").is_none() && create.object["spec"].get("nodeName").is_none());
    bench.wire(Wire::Answer(*id, Err(Failure::Refused(Box::new(Status::bad_request("no room"))))));
    assert!(bench.shows("not made again: no room"), "{}", bench.picture());
    bench.press("z");
    assert!(bench.shows("there is nothing to undo"));
}

#[test]
fn an_action_is_forgotten_after_half_an_hour_and_chosen_from_a_list() {
    let mut bench = Bench::new(90, 24);
    bench.press("g g v v x d y");
    for (id, _) in requests(&bench) {
        bench.wire(Wire::Answer(id, done()));
    }
    bench.press("Z");
    assert!(bench.shows("deleted pod/default/alpha") && bench.shows("deleted pod/default/bravo"), "{}", bench.picture());
    bench.press("down enter");
    assert!(bench.shows("Undo?") && bench.shows("deleted pod/default/alpha"), "{}", bench.picture());
    bench.press("esc");
    bench.wait(1_801);
    bench.press("z");
    assert!(bench.shows("there is nothing to undo"));
}

#[test]
fn a_drain_cordons_ends_pods_and_says_how_far_it_is() {
    let mut bench = Bench::new(110, 24);
    put(&mut bench, Kind::Pod, &owned("echo"));
    let mut daemon = owned("agent");
    daemon["metadata"]["ownerReferences"][0]["kind"] = json!("DaemonSet");
    put(&mut bench, Kind::Pod, &daemon);
    bench.write(":nodes").press("enter x r");
    for words in [
        "5 pods in all",
        "3 pods made again by nothing",
        "1 pod with emptyDir",
        "1 pod of DaemonSets stay",
        "\"oak\" is to be typed",
    ] {
        assert!(bench.shows(words), "{words}: {}", bench.picture());
    }
    bench.effects.clear();
    bench.press("y").write("oak").press("enter");
    let asked = requests(&bench);
    assert!(matches!(&asked[0].1, Request::Replace(replace) if replace.object["spec"]["unschedulable"] == true));
    let deleted: Vec<&str> = asked
        .iter()
        .filter_map(|(_, request)| match request {
            Request::Delete(delete) => Some(delete.object.name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(deleted, ["alpha", "bravo", "charlie", "delta", "echo"]);
    assert!(bench.line(1).contains("draining oak: 0 of 5 gone"), "{}", bench.picture());
    for pod in super::pods() {
        bench.wire(Wire::Remove(Kind::Pod, row(Kind::Pod, &pod).key));
    }
    assert!(bench.line(1).contains("draining oak: 4 of 5 gone"), "{}", bench.picture());
    bench.wire(Wire::Remove(Kind::Pod, row(Kind::Pod, &owned("echo")).key));
    assert!(bench.shows("node/oak drained") && !bench.line(1).contains("draining"), "{}", bench.picture());
}

#[test]
fn images_are_listed_removed_and_pulled_with_their_progress() {
    let mut bench = Bench::new(100, 12);
    bench.press("space i");
    let asked = requests(&bench);
    let [(id, Request::On { node, .. })] = asked.as_slice() else { panic!("no question") };
    assert_eq!(node, "oak");
    let image = |name: &str, in_use| ImageSummary {
        digest: format!("sha256:{name:0>12}"),
        names: vec![name.to_owned()],
        size_bytes: 5 << 20,
        created_at: 1_772_000_000,
        in_use,
    };
    bench.wire(Wire::Answer(*id, Ok(Response::Images { images: vec![image("nginx:1", true), image("old:1", false)] })));
    insta::assert_snapshot!(bench.picture(), @r#"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1                              ● live
     images                                                                                         1/2
       NODE        IMAGE         DIGEST              SIZE       AGE          IN USE
    ▌● oak         nginx:1       00000nginx:1       5.0Mi       4d5h         yes
     · oak         old:1         0000000old:1       5.0Mi       4d5h         no






     enter open  xd remove  xp prune  xl pull  / filter  s sort  n next bad  : command  ? help
    "#);
    bench.effects.clear();
    bench.press("j x d");
    assert!(bench.shows("Remove image?") && bench.shows("old:1 on oak"), "{}", bench.picture());
    bench.press("y");
    let asked = requests(&bench);
    assert!(
        matches!(&asked[0].1, Request::On { request, .. } if matches!(&**request, Request::ImageRemove { image } if image == "old:1"))
    );
    bench.wire(Wire::Answer(asked[0].0, Ok(Response::Done)));
    assert!(bench.shows("old:1 removed from oak"), "{}", bench.picture());
    bench.press("x p");
    assert!(bench.shows("Remove the unused images of oak?"), "{}", bench.picture());
    bench.effects.clear();
    bench.press("esc x l").write("busybox").press("enter");
    let Some(Effect::Link(Command::Pull { id, node, request })) = bench.effects.last().cloned() else { panic!("no pull") };
    assert_eq!((node.as_str(), request.image.as_str()), ("oak", "busybox"));
    bench.wire(Wire::Progress(id, PullProgress { stage: "Downloading".to_owned(), done_bytes: 10, total_bytes: Some(40) }));
    assert!(bench.line(1).contains("oak pulls busybox: downloading 25%"), "{}", bench.picture());
    bench.wire(Wire::Answer(id, Ok(Response::Images { images: vec![] })));
    assert!(bench.shows("busybox is on oak") && !bench.line(1).contains("pulls"), "{}", bench.picture());
}

#[test]
fn volumes_lead_to_their_pods() {
    let mut bench = Bench::new(100, 12);
    put(&mut bench, Kind::Pod, &owned("echo"));
    bench.press("space v");
    assert!(bench.shows("emptyDir") && bench.shows("not mounted"), "{}", bench.picture());
    bench.press("enter");
    assert!(matches!(bench.app.screen(), Screen::Reader(reader) if &*reader.key.name == "echo"));
}

#[test]
fn columns_are_chosen_and_kept() {
    let mut bench = Bench::new(200, 12);
    assert!(!bench.shows("LABELS"));
    bench.press("W");
    assert!(bench.shows("LABELS") && bench.shows("QOS"), "{}", bench.picture());
    bench.press("W .").write("labels").press("enter");
    assert!(
        matches!(bench.effects.last(), Some(Effect::Keep("columns.toml", text)) if text.contains("LABELS")),
        "{:?}",
        bench.effects.last()
    );
    bench.press("esc");
    assert!(bench.shows("app=web"), "{}", bench.picture());
    bench.write(":column ip").press("enter esc");
    assert!(!bench.shows("10.88.0.7"), "{}", bench.picture());
    bench.write(":column default").press("enter esc");
    assert!(bench.shows("10.88.0.7") && !bench.shows("app=web"), "{}", bench.picture());
}

#[test]
fn nodes_show_pressure_and_how_full_they_are() {
    let mut bench = Bench::new(200, 12);
    let mut pressed = node();
    pressed["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}]);
    pressed["status"]["allocatable"]["pods"] = json!("4");
    put(&mut bench, Kind::Node, &pressed);
    bench.write(":nodes").press("enter");
    assert!(bench.shows("Disk") && bench.shows("█████░ 3/4"), "{}", bench.picture());
}
