//! Assembly against manifests and image configs.

use super::*;
use crate::sources::Contents;
use runtime::spec::{Account, CapabilitySet, Escalation, Mount, Privilege};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

const POD_IPS: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::new(10, 88, 0, 7))];

static NOTHING: BTreeSet<String> = BTreeSet::new();

fn pod(container: &Value, more: &Value) -> Pod {
    let mut value = json!({
        "metadata": {"name": "kubia", "namespace": "default", "uid": "u-1", "labels": {"app": "web"}, "annotations": {"a/b": "c"}},
        "spec": {"containers": [container], "volumes": [{"name": "v", "emptyDir": {}}]},
        "status": {"qosClass": "BestEffort"}
    });
    for (key, part) in more.as_object().into_iter().flatten() {
        value["spec"][key] = part.clone();
    }
    serde_json::from_value(value).expect("a pod")
}

fn image() -> ImageConfig {
    ImageConfig {
        entrypoint: vec!["node".into()],
        cmd: vec!["app.js".into()],
        env: vec!["PATH=/opt:/bin".into(), "FROM_IMAGE=yes".into()],
        working_dir: "/app".into(),
        user: "node:staff".into(),
        ..ImageConfig::default()
    }
}

fn sources() -> Sources {
    let contents = |data: &[(&str, &str)]| Contents {
        data: data.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect(),
        binary: [("raw".to_owned(), vec![0xff, 0])].into(),
    };
    Sources::of([
        ((SourceKind::ConfigMap, "settings".to_owned()), contents(&[("color", "blue"), ("size", "9"), ("a.file", "text\n")])),
        ((SourceKind::Secret, "login".to_owned()), contents(&[("user", "ada")])),
    ])
}

fn assemble(pod: &Pod, image: &ImageConfig) -> Result<ContainerSpec, AssembleError> {
    let start = ContainerStart {
        container: &spec_of(pod).containers[0],
        attempt: 2,
        image,
        layers: vec!["/l/1".into()],
        cgroup: CgroupAttach::default(),
    };
    container(&context(pod, &sources()), start)
}

fn context<'a>(pod: &'a Pod, sources: &'a Sources) -> PodContext<'a> {
    PodContext {
        pod,
        node_name: "node1",
        host_ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        pod_ips: &POD_IPS,
        pod_dir: Path::new("/d/pods/u-1"),
        log_dir: Path::new("/d/logs/default_kubia_u-1"),
        node_memory_bytes: 8 << 30,
        node_cpu_milli: 4000,
        variables: Variables::From(sources),
        host_files: &NOTHING,
        log_max_bytes: 10 << 20,
        log_max_files: 5,
    }
}

fn assembled(container: &Value) -> ContainerSpec {
    assemble(&pod(container, &json!({})), &image()).expect("a container")
}

fn env_of(spec: &ContainerSpec, name: &str) -> Option<String> {
    spec.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

#[test]
fn command_and_args_replace_what_the_image_says() {
    let argv = |container: Value| assembled(&container).argv;
    assert_eq!(argv(json!({"name": "c"})), ["node", "app.js"]);
    assert_eq!(argv(json!({"name": "c", "args": ["x.js"]})), ["node", "x.js"]);
    assert_eq!(argv(json!({"name": "c", "command": ["sh"]})), ["sh"]);
    assert_eq!(argv(json!({"name": "c", "command": ["sh"], "args": ["-c", "true"]})), ["sh", "-c", "true"]);
    assert_eq!(assemble(&pod(&json!({"name": "c"}), &json!({})), &ImageConfig::default()), Err(AssembleError::NoCommand));
}

#[test]
fn the_first_instance_of_an_attended_container_is_awaited() {
    let input = |container: Value, attempt: u32| {
        let mut pod = pod(&container, &json!({}));
        pod.metadata.annotations = Some([(wire::ATTENDED.to_owned(), "c".to_owned())].into());
        let container = &pod.spec.as_ref().expect("a spec").containers[0];
        super::streams(&pod, container, attempt).input
    };
    assert_eq!(input(json!({"name": "c"}), 0), InputMode::Awaited);
    assert_eq!(input(json!({"name": "c"}), 1), InputMode::Nothing);
    assert_eq!(input(json!({"name": "other"}), 0), InputMode::Nothing);
    assert_eq!(input(json!({"name": "c", "stdin": true}), 0), InputMode::Kept);
    assert_eq!(input(json!({"name": "c", "tty": true}), 0), InputMode::Nothing);
}

#[test]
fn variables_are_expanded_but_not_those_of_the_image() {
    let spec = assembled(&json!({
        "name": "c",
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2$(LATER)"}, {"name": "LATER", "value": "3"},
                {"name": "PATH", "value": "/mine"}],
        "command": ["echo", "$(B)", "$(FROM_IMAGE)", "$$(A)"]
    }));
    assert_eq!(spec.argv, ["echo", "12$(LATER)", "$(FROM_IMAGE)", "$(A)"]);
    assert_eq!(env_of(&spec, "PATH").as_deref(), Some("/mine"));
    assert_eq!(env_of(&spec, "FROM_IMAGE").as_deref(), Some("yes"));
    assert_eq!(env_of(&spec, "HOSTNAME").as_deref(), Some("kubia"));
}

#[test]
fn the_downward_api_gives_the_pods_fields() {
    let paths = [
        ("metadata.name", "kubia"),
        ("metadata.namespace", "default"),
        ("metadata.uid", "u-1"),
        ("metadata.labels['app']", "web"),
        ("metadata.annotations['a/b']", "c"),
        ("metadata.labels['nope']", ""),
        ("spec.nodeName", "node1"),
        ("status.podIP", "10.88.0.7"),
        ("status.hostIP", "192.0.2.1"),
    ];
    for (path, expected) in paths {
        let spec = assembled(&json!({"name": "c", "env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}));
        assert_eq!(env_of(&spec, "X").as_deref(), Some(expected), "{path}");
    }
    let wrong =
        pod(&json!({"name": "c", "env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.foo"}}}]}), &json!({}));
    assert_eq!(assemble(&wrong, &image()), Err(AssembleError::FieldPath("spec.foo".into())));
}

#[test]
fn variables_come_from_config_maps_and_secrets() {
    let env = json!([
        {"name": "size", "value": "10"},
        {"name": "USER", "valueFrom": {"secretKeyRef": {"name": "login", "key": "user"}}},
        {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}},
        {"name": "NO_KEY", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "nope", "optional": true}}},
        {"name": "NO_MAP", "valueFrom": {"configMapKeyRef": {"name": "nope", "key": "nope", "optional": true}}},
        {"name": "ALL", "value": "$(color) $(L_user) $(size) $(NO_KEY)"},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "requests.memory", "divisor": "1Mi"}}},
    ]);
    let from = json!([{"configMapRef": {"name": "settings"}}, {"prefix": "L_", "secretRef": {"name": "login"}},
        {"secretRef": {"name": "nope", "optional": true}}]);
    let resources = json!({"requests": {"memory": "1500Ki"}});
    let spec = assembled(&json!({"name": "c", "env": env, "envFrom": from, "resources": resources, "args": ["$(L_user)"]}));
    let expected = [
        ("color", "blue"),
        ("size", "10"),
        ("a.file", "text\n"),
        ("L_user", "ada"),
        ("USER", "ada"),
        ("COLOR", "blue"),
        ("ALL", "blue ada 10 $(NO_KEY)"),
        ("CPU", "4"),
        ("MEMORY", "2"),
    ];
    for (name, value) in expected {
        assert_eq!(env_of(&spec, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!((env_of(&spec, "NO_KEY"), env_of(&spec, "NO_MAP"), env_of(&spec, "raw")), (None, None, None));
    assert_eq!(spec.argv, ["node", "ada"]);
}

#[test]
fn what_is_named_and_missing_is_said_in_the_kubelets_words() {
    let said = |container: Value| {
        let error = assemble(&pod(&container, &json!({})), &image()).expect_err("something is missing");
        error.to_string()
    };
    let env = |from: Value| json!({"name": "c", "env": [{"name": "X", "valueFrom": from}]});
    assert_eq!(said(env(json!({"configMapKeyRef": {"name": "nope", "key": "k"}}))), "configmap \"nope\" not found");
    assert_eq!(said(env(json!({"secretKeyRef": {"name": "nope", "key": "k"}}))), "secret \"nope\" not found");
    let no_key = said(env(json!({"configMapKeyRef": {"name": "settings", "key": "k"}})));
    assert_eq!(no_key, "couldn't find key k in ConfigMap default/settings");
    let no_key = said(env(json!({"secretKeyRef": {"name": "login", "key": "k"}})));
    assert_eq!(no_key, "couldn't find key k in Secret default/login");
    assert_eq!(said(json!({"name": "c", "envFrom": [{"secretRef": {"name": "nope"}}]})), "secret \"nope\" not found");
}

fn files_of(volume: &Value) -> Result<Vec<(String, String, u32)>, String> {
    let (pod, sources) = (pod(&json!({"name": "c"}), &json!({})), sources());
    let volume = serde_json::from_value(volume.clone()).expect("a volume");
    let files = files::of(&context(&pod, &sources), &volume, &sources)?;
    let shown = |(path, file): (String, crate::atomic_writer::File)| {
        (path, String::from_utf8_lossy(&file.content).into_owned(), file.mode)
    };
    Ok(files.into_iter().map(shown).collect())
}

#[test]
fn volumes_are_written_from_objects_and_the_pod() {
    let file = |path: &str, content: &str, mode: u32| (path.to_owned(), content.to_owned(), mode);
    let all = files_of(&json!({"name": "v", "configMap": {"name": "settings", "defaultMode": 0o600}}));
    let expected = [
        file("a.file", "text\n", 0o600),
        file("color", "blue", 0o600),
        file("raw", "\u{fffd}\0", 0o600),
        file("size", "9", 0o600),
    ];
    assert_eq!(all.expect("files"), expected);
    let items = json!([{"key": "user", "path": "sub/name", "mode": 0o400}]);
    let sources = json!([
        {"secret": {"name": "login", "items": items}},
        {"configMap": {"name": "nope", "optional": true}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
            {"path": "cpu", "resourceFieldRef": {"containerName": "c", "resource": "limits.cpu", "divisor": "1m"}}]}},
    ]);
    let some = files_of(&json!({"name": "v", "projected": {"sources": sources, "defaultMode": 0o644}}));
    let expected = [file("cpu", "4000", 0o644), file("labels", "app=\"web\"", 0o644), file("sub/name", "ada", 0o400)];
    assert_eq!(some.expect("files"), expected);
    let missing = files_of(&json!({"name": "v", "secret": {"secretName": "nope"}}));
    assert_eq!(missing.expect_err("it is missing"), "secret \"nope\" not found");
    let missing = files_of(&json!({"name": "v", "secret": {"secretName": "login", "items": [{"key": "k", "path": "k"}]}}));
    assert_eq!(missing.expect_err("it is missing"), "references non-existent secret key: k");
    let both = json!([{"secret": {"name": "nope"}}, {"configMap": {"name": "nope"}}]);
    let missing = files_of(&json!({"name": "v", "projected": {"sources": both}}));
    assert_eq!(missing.expect_err("both are missing"), "[secret \"nope\" not found, configmap \"nope\" not found]");
}

#[test]
fn the_user_is_the_containers_then_the_pods_then_the_images() {
    let spec = assembled(&json!({"name": "c"}));
    assert_eq!((spec.user.user, spec.user.group), (Account::Name("node".into()), Some(Account::Name("staff".into()))));
    let both = pod(
        &json!({"name": "c", "securityContext": {"runAsUser": 5}}),
        &json!({"securityContext": {"runAsUser": 6, "runAsGroup": 7}}),
    );
    let user = assemble(&both, &image()).expect("a container").user;
    assert_eq!((user.user, user.group), (Account::Id(5), Some(Account::Id(7))));
    let only_uid = assembled(&json!({"name": "c", "securityContext": {"runAsUser": 5}}));
    assert_eq!(only_uid.user.group, None);
}

#[test]
fn containers_are_confined_unless_privileged() {
    let spec = assembled(&json!({"name": "c"}));
    assert_eq!((spec.capabilities, spec.privilege), (CapabilitySet::DEFAULT, Privilege::Confined));
    assert!(spec.seccomp.is_some() && !spec.masked_paths.is_empty() && !spec.readonly_paths.is_empty());
    let tight = assembled(&json!({"name": "c", "securityContext": {
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}));
    assert_eq!(
        (tight.escalation, tight.rootfs.access, tight.capabilities.bits()),
        (Escalation::Denied, Access::ReadOnly, 1 << 10)
    );
    let free = assembled(&json!({"name": "c", "securityContext": {"privileged": true}}));
    assert_eq!((free.capabilities, free.privilege), (CapabilitySet::ALL, Privilege::Privileged));
    assert!(free.seccomp.is_none() && free.masked_paths.is_empty() && free.readonly_paths.is_empty());
}

#[test]
fn volumes_are_mounted_and_take_the_place_of_managed_files() {
    let spec = assembled(&json!({"name": "c", "terminationMessagePath": "/dev/termination-log", "volumeMounts": [
        {"name": "v", "mountPath": "/data", "readOnly": true}, {"name": "v", "mountPath": "/etc/hosts"}]}));
    let targets: Vec<String> = spec
        .mounts
        .iter()
        .map(|mount| match mount {
            Mount::Bind { target, access, .. } => format!("{} {access:?}", target.display()),
            Mount::Tmpfs { target, .. } | Mount::Part { target, .. } => target.display().to_string(),
        })
        .collect();
    assert_eq!(
        targets,
        [
            "/etc/hostname ReadWrite",
            "/etc/resolv.conf ReadWrite",
            "/dev/termination-log ReadWrite",
            "/data ReadOnly",
            "/etc/hosts ReadWrite"
        ]
    );
}

#[test]
fn a_part_of_a_volume_is_named_or_made_of_variables() {
    let part = |mount: &Value| {
        let mut mount = mount.clone();
        (mount["name"], mount["mountPath"]) = (json!("v"), json!("/data"));
        let env = json!([{"name": "WHO", "value": "ada"}, {"name": "UP", "value": ".."}, {"name": "ROOT", "value": "/etc"},
            {"name": "NOBODY", "value": ""}]);
        let spec = assemble(&pod(&json!({"name": "c", "env": env, "volumeMounts": [mount]}), &json!({})), &image());
        spec.map(|spec| match spec.mounts.last() {
            Some(Mount::Part { volume, part, target, .. }) => {
                assert_eq!((volume.as_path(), target.as_path()), (Path::new("/d/pods/u-1/volumes/v"), Path::new("/data")));
                part.display().to_string()
            }
            _ => "all".to_owned(),
        })
        .map_err(|error| error.to_string())
    };
    let named = |path: &str| part(&json!({"subPath": path}));
    let made = |expression: &str| part(&json!({"subPathExpr": expression, "readOnly": true}));
    assert_eq!((named("a/b"), named("$(WHO)"), named("")), (Ok("a/b".into()), Ok("$(WHO)".into()), Ok("all".into())));
    assert_eq!(made("logs/$(WHO)"), Ok("logs/ada".into()));
    let refused = [
        ("$(WHO)/$(Z)/$(NOBODY)/$(FROM_IMAGE)", "missing value for FROM_IMAGE, NOBODY, Z"),
        ("$(UP)/x", "unable to provision SubPath `../x`: must not contain '..'"),
        ("$(ROOT)", "error SubPath `/etc` must not be an absolute path"),
    ];
    for (expression, said) in refused {
        assert_eq!(made(expression), Err(said.to_owned()), "{expression}");
    }
}

#[test]
fn a_long_host_name_is_cut_and_trimmed() {
    let mut long = pod(&json!({"name": "c"}), &json!({}));
    long.metadata.name = Some(format!("{}-{}", "a".repeat(62), "b".repeat(30)));
    assert_eq!(hostname(&long), "a".repeat(62));
}

#[test]
fn resources_become_numbers_and_scores() {
    let limits =
        json!({"name": "c", "resources": {"limits": {"cpu": "500m", "memory": "128Mi"}, "requests": {"memory": "64Mi"}}});
    let mut burstable = pod(&limits, &json!({}));
    let numbers = ContainerResources {
        cpu_request_milli: Some(500),
        cpu_limit_milli: Some(500),
        memory_request_bytes: Some(64 << 20),
        memory_limit_bytes: Some(128 << 20),
    };
    assert_eq!(container_resources(&spec_of(&burstable).containers[0]), numbers);
    assert_eq!(pod_resources(&burstable), numbers);
    let score = |pod: &Pod| oom_score_adj(pod, &spec_of(pod).containers[0], 8 << 30);
    assert_eq!(score(&burstable), 1000);
    for (class, expected) in [("Burstable", 993), ("Guaranteed", -997)] {
        if let Some(status) = &mut burstable.status {
            status.qos_class = Some(class.into());
        }
        assert_eq!(score(&burstable), expected);
    }
}
