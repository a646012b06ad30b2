"""Drives a cluster with the Python client of Kubernetes, as the tests of tests/clients.rs say: drive.py PHASE KUBECONFIG...

The phases are those of tests/clients/kube, which does the same with kube-rs: the test gives both the same cluster. Each
kubeconfig is for another node; the first is asked unless something else is said. A phase ends with an exit code of 0, or with the
assertion that did not hold.
"""

import sys
import time

from kubernetes import client, config, stream, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from urllib3.exceptions import HTTPError

NAMESPACE = "default"
# Seconds that a watch may say nothing before its node is taken for dead.
SILENCE = 5
PATIENCE = 60


def api(kubeconfig):
    """A client by a kubeconfig, without retries of its own: what the server says is what we look at."""
    settings = client.Configuration()
    config.load_kube_config(kubeconfig, client_configuration=settings)
    settings.retries = False
    return client.ApiClient(settings)


def pod(name, labels=None, script="trap exit TERM; sleep 86400 & wait"):
    return client.V1Pod(
        api_version="v1",
        kind="Pod",
        metadata=client.V1ObjectMeta(name=name, labels={"app": name, "driven": "yes", **(labels or {})}),
        spec=client.V1PodSpec(
            termination_grace_period_seconds=1,
            containers=[client.V1Container(name="main", image="skiff/demo:1.0", command=["sh", "-c", script])],
        ),
    )


def refused(code, reason, act):
    """Does what has to be refused with a Status, and gives its message."""
    try:
        act()
    except ApiException as error:
        status = client.ApiClient().deserialize(Body(error.body), "V1Status")
        assert (error.status, status.code, status.reason) == (code, code, reason), (error.status, error.body)
        return status.message
    raise AssertionError(f"not refused with {code} {reason}")


class Body:
    """What `deserialize` takes for an answer."""

    def __init__(self, data):
        self.data = data


def objects(kubeconfigs):
    one = api(kubeconfigs[0])
    core, other = client.CoreV1Api(one), client.CoreV1Api(api(kubeconfigs[1]))
    for index in range(5):
        made = core.create_namespaced_pod(NAMESPACE, pod(f"py-{index}", {"index": str(index)}))
        assert made.metadata.uid and made.spec.restart_policy == "Always", made
    message = refused(409, "AlreadyExists", lambda: core.create_namespaced_pod(NAMESPACE, pod("py-0")))
    assert message == 'pods "py-0" already exists', message
    assert "containers[0].image" in refused(422, "Invalid", lambda: core.create_namespaced_pod(NAMESPACE, {
        "metadata": {"name": "py-none"}, "spec": {"containers": [{"name": "main"}]}}))
    pages(core)
    # By another node.
    wait(lambda: len(other.list_pod_for_all_namespaces(label_selector="driven=yes,index in (1,2)").items) == 2)
    # A version belongs to one node.
    version = core.list_namespaced_pod(NAMESPACE).metadata.resource_version
    old = watch.Watch().stream(other.list_namespaced_pod, NAMESPACE, resource_version=version, timeout_seconds=PATIENCE)
    try:
        raise AssertionError(f"a version of another node counts: {next(old)}")
    except ApiException as error:
        assert error.status == 410, error
    changed(core)
    applied(one)
    deleted(core)


def pages(core):
    names, token = [], None
    while True:
        page = core.list_namespaced_pod(NAMESPACE, label_selector="driven", limit=2, _continue=token)
        assert len(page.items) <= 2
        names += [found.metadata.name for found in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert names == [f"py-{index}" for index in range(5)], names
    found = core.list_namespaced_pod(NAMESPACE, field_selector="metadata.name=py-3").items
    assert [found.metadata.name for found in found] == ["py-3"]


def changed(core):
    merged = core.patch_namespaced_pod("py-0", NAMESPACE, {"metadata": {"labels": {"tier": "web", "index": None}}})
    assert merged.metadata.labels["tier"] == "web" and "index" not in merged.metadata.labels
    operations = [{"op": "replace", "path": "/metadata/labels/tier", "value": "db"}]
    assert core.patch_namespaced_pod("py-0", NAMESPACE, operations).metadata.labels["tier"] == "db"
    core.patch_namespaced_pod("py-0", NAMESPACE, {"metadata": {"annotations": {"by": "python"}}})
    # One that was read before those changes.
    refused(409, "Conflict", lambda: core.replace_namespaced_pod("py-0", NAMESPACE, merged))
    now = core.read_namespaced_pod("py-0", NAMESPACE)
    now.metadata.labels["tier"] = "again"
    assert core.replace_namespaced_pod("py-0", NAMESPACE, now).metadata.labels["tier"] == "again"
    refused(404, "NotFound", lambda: core.read_namespaced_pod("py-none", NAMESPACE))


def applied(one):
    """Server-side apply by the dynamic client, which finds the resource by discovery."""
    maps = DynamicClient(one).resources.get(api_version="v1", kind="ConfigMap")

    def apply(value, manager, **more):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "py-map"}, "data": {"key": value}}
        return maps.server_side_apply(body=body, namespace=NAMESPACE, field_manager=manager, **more)

    assert apply("first", "one").data.key == "first"
    assert apply("second", "one").data.key == "second"
    message = refused(409, "Conflict", lambda: apply("third", "two"))
    assert 'conflict with "one"' in message and ".data.key" in message, message
    forced = apply("third", "two", force_conflicts=True)
    assert forced.data.key == "third"
    managers = {entry.manager: entry.operation for entry in forced.metadata.managedFields}
    assert managers["two"] == "Apply", managers
    maps.delete(name="py-map", namespace=NAMESPACE)


def deleted(core):
    version = core.list_namespaced_pod(NAMESPACE, label_selector="driven").metadata.resource_version
    core.delete_namespaced_pod("py-0", NAMESPACE, grace_period_seconds=1)
    watching = watch.Watch()
    for event in watching.stream(core.list_namespaced_pod, NAMESPACE, label_selector="driven", resource_version=version,
                                 timeout_seconds=PATIENCE):
        if (event["type"], event["object"].metadata.name) == ("DELETED", "py-0"):
            break
    else:
        raise AssertionError("the watch ended before the pod was deleted")
    core.delete_collection_namespaced_pod(NAMESPACE, label_selector="driven", grace_period_seconds=0)
    wait(lambda: not core.list_namespaced_pod(NAMESPACE, label_selector="driven").items)


def streams(kubeconfigs):
    """Of the pod web-far, which runs on another node than the first: it says where it listens, and answers with its name."""
    core = client.CoreV1Api(api(kubeconfigs[0]))
    script = "echo out; echo bad >&2; read line; echo got $line; exit 3"
    running = stream.stream(core.connect_get_namespaced_pod_exec, "web-far", NAMESPACE, command=["sh", "-c", script],
                            stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False)
    running.write_stdin("hello\n")
    running.run_forever(timeout=PATIENCE)
    assert running.read_stdout() == "out\ngot hello\n"
    assert running.read_stderr() == "bad\n"
    assert running.returncode == 3, running.returncode
    said = stream.stream(core.connect_get_namespaced_pod_exec, "web-far", NAMESPACE, command=["echo", "one", "two"],
                         stdin=False, stdout=True, stderr=True, tty=False)
    assert said == "one two\n", said
    logs(core)
    forwarded(core)


def logs(core):
    whole = core.read_namespaced_pod_log("talk-far", NAMESPACE, tail_lines=1, _preload_content=False)
    assert whole.data.decode().startswith("line "), whole.data
    heard = []
    watching = watch.Watch()
    for line in watching.stream(core.read_namespaced_pod_log, "talk-far", NAMESPACE):
        heard.append(line)
        if len(heard) == 5:
            watching.stop()
    assert heard == [f"line {index}" for index in range(5)], heard


def forwarded(core):
    for _ in range(2):
        forward = stream.portforward(core.connect_get_namespaced_pod_portforward, "web-far", NAMESPACE, ports="8080,1")
        line = forward.socket(8080)
        line.settimeout(PATIENCE)
        line.sendall(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
        answer = b""
        while chunk := line.recv(4096):
            answer += chunk
            if b"web-far" in answer:
                break
        assert answer.startswith(b"HTTP/1.1 200") and b"web-far" in answer, answer
        wait(lambda: forward.error(1))
        assert "connection refused" in forward.error(1).lower(), forward.error(1)
        assert forward.error(8080) is None
        forward.close()


def watches(kubeconfigs):
    """Prints what a reflector sees of the pods, and which node it asked: it goes on by listing again at the next node."""
    known = {}
    for number, kubeconfig in enumerate(kubeconfigs, start=1):
        core = client.CoreV1Api(api(kubeconfig))
        try:
            follow(core, number, known)
        except (HTTPError, ApiException) as error:
            print(f"lost {number}: {type(error).__name__}", flush=True)
    raise AssertionError("no node is left")


def follow(core, number, known):
    listed = core.list_namespaced_pod(NAMESPACE, _request_timeout=SILENCE)
    names = {found.metadata.name: found.metadata.uid for found in listed.items}
    for name in known.keys() - names.keys():
        known.pop(name)
        print(f"deleted {number} {name}", flush=True)
    for name, uid in names.items():
        known[name] = uid
        print(f"has {number} {name}", flush=True)
    print(f"listed {number}", flush=True)
    version = listed.metadata.resource_version
    while True:
        # A watch that says nothing is begun anew from where it was.
        watching = watch.Watch()
        for event in watching.stream(core.list_namespaced_pod, NAMESPACE, resource_version=version, timeout_seconds=SILENCE,
                                     allow_watch_bookmarks=True, _request_timeout=2 * SILENCE):
            if event["type"] == "BOOKMARK":
                version = event["raw_object"]["metadata"]["resourceVersion"]
                continue
            found = event["object"].metadata
            version = found.resource_version
            if event["type"] == "DELETED":
                known.pop(found.name, None)
            else:
                known[found.name] = found.uid
            told = {"ADDED": "applied", "MODIFIED": "applied", "DELETED": "deleted"}[event["type"]]
            print(f"{told} {number} {found.name}", flush=True)


def wait(ask):
    end = time.monotonic() + PATIENCE
    while not ask():
        assert time.monotonic() < end, "patience ended"
        time.sleep(0.1)


PHASES = {"objects": objects, "streams": streams, "watches": watches}

if __name__ == "__main__":
    PHASES[sys.argv[1]](sys.argv[2:])
