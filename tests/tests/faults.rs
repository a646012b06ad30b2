//! Bad input and faults in what runs: each gets the right status and the right event, harms nobody else, and leaves nothing.

use end_to_end::watch::{EventWatch, PodWatch, Told};
use end_to_end::{PATIENCE, World, demo_image, eventually, is_skipped};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn world(flags: &[&str]) -> World {
    let world = World::new(flags);
    world.load_demo_image();
    world
}

fn shell(name: &str, script: &str) -> Value {
    json!({"name": name, "image": "skiff/demo:1.0", "command": ["sh", "-c", script], "volumeMounts": [{"name": "v", "mountPath": "/v"}]})
}

fn create(world: &World, name: &str, mut spec: Value) {
    spec["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}).to_string();
    assert_eq!(world.skiff_with(&["create", "-f", "-"], &pod).ok(), format!("pod/{name} created\n"));
}

/// Deletes all pods with their own grace and waits until nothing is left of them.
fn end(world: &World) -> Duration {
    let begin = Instant::now();
    let _ = world.skiff(&["delete", "pods", "--all"]).ok();
    let took = begin.elapsed();
    world.wait_clean();
    took
}

fn terminated(pod: &Value) -> &Value {
    let status = &pod["status"]["containerStatuses"][0];
    [&status["state"]["terminated"], &status["lastState"]["terminated"]]
        .into_iter()
        .find(|end| end.is_object())
        .unwrap_or(&Value::Null)
}

#[test]
fn programs_that_cannot_be_executed_say_why() {
    if is_skipped("programs_that_cannot_be_executed_say_why") {
        return;
    }
    let world = world(&[]);
    let mut events = EventWatch::begin(&world);
    // A file without the right to be executed, and one for a machine that there is not.
    let script = "echo '#!/bin/sh' > /v/plain; { printf '\\177ELF\\002\\001\\001\\000'; head -c 8 /dev/zero; \
        printf '\\002\\000\\377\\376'; head -c 100 /dev/zero; } > /v/foreign; chmod +x /v/foreign; mkdir /v/folder";
    for (name, command, words) in [
        ("plain", "/v/plain", "permission denied"),
        ("foreign", "/v/foreign", "exec format error"),
        ("folder", "/v/folder", "is a directory"),
        ("nowhere", "/v/nowhere", "no such file or directory"),
        ("nameless", "no-such-program", "executable file not found in $PATH"),
    ] {
        let mut app = shell("c", "");
        app["command"] = json!([command]);
        create(&world, name, json!({"restartPolicy": "Never", "initContainers": [shell("i", script)], "containers": [app]}));
        let pod = world.wait_pod(name, "Failed", |pod| pod["status"]["phase"] == "Failed");
        let end = terminated(&pod);
        assert_eq!((&end["reason"], &end["exitCode"]), (&json!("StartError"), &json!(128)), "{name}: {end}");
        let message = end["message"].as_str().unwrap_or_default();
        assert!(message.contains(words) && message.contains(command), "{name}: {message}");
        let told = events.until(PATIENCE, name, |told| told.reason == "Failed" && told.container == "c");
        let said = told.last().map(|told| told.message.clone()).unwrap_or_default();
        assert_eq!(said, format!("Error: {message}"), "{name}");
    }
    end(&world);
}

#[test]
fn an_image_without_a_shell_runs_and_says_so_to_who_asks_for_one() {
    if is_skipped("an_image_without_a_shell_runs_and_says_so_to_who_asks_for_one") {
        return;
    }
    let world = world(&[]);
    let (folder, demo) = (world.folder().join("bare"), demo_image());
    let script = "set -e; mkdir -p \"$0\"; cd \"$0\"; tar xf \"$1\"; for blob in blobs/sha256/*; do \
        tar xf $blob ./bin/demo-server 2>/dev/null || true; done; tar cf bare.tar bin/demo-server";
    let made = Command::new("sh").args(["-c", script]).arg(&folder).arg(&demo).output().expect("sh runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let tar = folder.join("bare.tar");
    let _ = world.skiff(&["image", "import", &tar.to_string_lossy(), "bare:1", "--entrypoint", "/bin/demo-server"]).ok();
    create(&world, "bare", json!({"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "bare:1"}]}));
    let ip = world.wait_ready("bare");
    assert!(!world.http(&format!("http://{ip}:8080/")).is_empty());
    let said = world.skiff(&["exec", "bare", "--", "sh"]).fails();
    assert!(said.contains("failed to exec in container") && said.contains("sh") && said.contains("not found"), "{said}");
    let mut hooked = json!({"name": "c", "image": "bare:1"});
    hooked["lifecycle"] = json!({"postStart": {"exec": {"command": ["/bin/sh", "-c", "true"]}}});
    create(&world, "hooked", json!({"terminationGracePeriodSeconds": 1, "containers": [hooked]}));
    let mut events = EventWatch::begin(&world);
    let told = events.until(PATIENCE, "hooked", |told| told.reason == "FailedPostStartHook");
    let message = told.last().map(|told| told.message.clone()).unwrap_or_default();
    assert!(message.contains("/bin/sh") && message.contains("no such file or directory"), "{message}");
    end(&world);
}

#[test]
fn servers_that_never_answer_and_that_answer_for_ever() {
    if is_skipped("servers_that_never_answer_and_that_answer_for_ever") {
        return;
    }
    let world = world(&[]);
    let mut events = EventWatch::begin(&world);
    let probe = |port: u16| json!({"httpGet": {"path": "/", "port": port}, "periodSeconds": 1, "failureThreshold": 1});
    let mut silent = shell("silent", "exec nc -ll -p 8081 -e sleep 1000");
    silent["readinessProbe"] = probe(8081);
    let body = "printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'; exec yes";
    let script = format!("cat > /v/say <<'EOF'\n{body}\nEOF\nexec nc -ll -p 8082 -e sh /v/say");
    let mut endless = shell("endless", &script);
    endless["readinessProbe"] = probe(8082);
    create(&world, "odd", json!({"terminationGracePeriodSeconds": 1, "containers": [silent, endless]}));
    let words = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
    let told = events.until(PATIENCE, "odd", |told| told.container == "silent" && told.message.ends_with(words));
    let message = told.last().map(|told| told.message.clone()).unwrap_or_default();
    assert!(message.starts_with("Readiness probe failed: Get \"http://") && message.contains(":8081/\": "), "{message}");
    let pod = world.wait_pod("odd", "half ready", |pod| pod["status"]["containerStatuses"][1]["ready"] == true);
    assert_eq!(pod["status"]["containerStatuses"][0]["ready"], false);
    end(&world);
}

#[test]
fn hooks_that_hang_hold_up_nobody_for_longer_than_the_grace() {
    if is_skipped("hooks_that_hang_hold_up_nobody_for_longer_than_the_grace") {
        return;
    }
    let world = world(&[]);
    let mut pods = PodWatch::begin(&world);
    let hang = json!({"exec": {"command": ["sleep", "1000"]}});
    let mut stuck = shell("c", "trap 'exit 0' TERM; while true; do sleep 0.1; done");
    stuck["lifecycle"] = json!({"preStop": hang});
    create(&world, "stuck-stop", json!({"terminationGracePeriodSeconds": 3, "containers": [stuck]}));
    let mut starting = shell("c", "exec sleep 1000");
    starting["lifecycle"] = json!({"postStart": hang});
    create(&world, "stuck-start", json!({"terminationGracePeriodSeconds": 1, "containers": [starting]}));
    pods.until("stuck-stop", "1/1 Running");
    world.wait_pod("stuck-start", "started", |pod| pod["status"]["containerStatuses"][0]["containerID"].is_string());
    let waiting = &world.get("pod", "stuck-start").expect("the pod")["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "ContainerCreating");
    let took = end(&world);
    assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn a_container_that_forks_without_end_harms_nobody_else() {
    if is_skipped("a_container_that_forks_without_end_harms_nobody_else") {
        return;
    }
    let world = world(&["--pod-max-pids", "100"]);
    let bomb = "exec awk 'BEGIN { while (1) system(\"sleep 999 &\") }'";
    create(&world, "bomb", json!({"terminationGracePeriodSeconds": 1, "containers": [shell("c", bomb)]}));
    eventually("the bomb reaches its limit", || match world.processes("sleep 999").len() {
        many if many >= 50 => Ok(()),
        few => Err(format!("{few} processes")),
    });
    assert!(world.processes("sleep 999").len() <= 100);
    let begin = Instant::now();
    create(&world, "other", json!({"restartPolicy": "Never", "containers": [shell("c", "echo fine")]}));
    world.wait_pod("other", "Succeeded", |pod| pod["status"]["phase"] == "Succeeded");
    assert!(begin.elapsed() < PATIENCE);
    end(&world);
}

#[test]
fn output_of_any_kind_is_kept_as_it_is_and_fills_no_disk() {
    if is_skipped("output_of_any_kind_is_kept_as_it_is_and_fills_no_disk") {
        return;
    }
    let world = world(&["--log-max-size", "1Mi", "--log-max-files", "3"]);
    // What it writes is a program: bytes of every kind, and no line's end at the end.
    create(&world, "binary", json!({"restartPolicy": "Never", "containers": [shell("c", "head -c 600000 /bin/busybox")]}));
    create(
        &world,
        "closed",
        json!({"terminationGracePeriodSeconds": 1, "containers": [
            shell("c", "echo before; exec >&- 2>&-; echo after; exec sleep 1000")
        ]}),
    );
    let flood = shell("flood", "exec tr '\\0' x < /dev/zero");
    let calm = shell("calm", "n=0; while true; do n=$((n+1)); echo line $n; sleep 0.1; done");
    create(&world, "flood", json!({"terminationGracePeriodSeconds": 1, "containers": [flood, calm]}));
    world.wait_pod("binary", "Succeeded", |pod| pod["status"]["phase"] == "Succeeded");
    let log = world.skiff_command(&["logs", "binary"]).stdin(Stdio::null()).output().expect("skiff runs").stdout;
    let original = world.skiff_command(&["exec", "closed", "--", "head", "-c", "600000", "/bin/busybox"]);
    let original = { original }.stdin(Stdio::null()).output().expect("skiff runs").stdout;
    assert!(original.len() == 600_000 && log == original, "{} bytes of {}", log.len(), original.len());
    assert_eq!(world.skiff(&["logs", "closed"]).ok(), "before\n");
    assert_eq!(world.get("pod", "closed").expect("the pod")["status"]["phase"], "Running");
    let lines = |world: &World| world.skiff(&["logs", "flood", "-c", "calm"]).ok().lines().count();
    let before = lines(&world);
    eventually("the other container goes on writing", || match lines(&world) {
        now if now >= before + 10 => Ok(()),
        now => Err(format!("{now} lines after {before}")),
    });
    let (files, bytes) = eventually("the flood's log was rotated", || match log_bytes(&world) {
        (files, bytes) if files >= 3 => Ok((files, bytes)),
        few => Err(format!("{few:?}")),
    });
    assert!(bytes <= 5 << 20, "{files} files of {bytes} bytes");
    end(&world);
}

/// Files and bytes of the flood's log.
fn log_bytes(world: &World) -> (usize, u64) {
    let script = "find \"$0\" -path '*/flood/*' -type f -printf '%s\\n'";
    let found = Command::new("sh").args(["-c", script]).arg(world.data_dir().join("logs")).output().expect("find runs");
    let sizes: Vec<u64> = String::from_utf8_lossy(&found.stdout).lines().filter_map(|line| line.parse().ok()).collect();
    (sizes.len(), sizes.iter().sum())
}

#[test]
fn a_container_that_is_out_of_memory_is_told_from_one_that_fails() {
    if is_skipped("a_container_that_is_out_of_memory_is_told_from_one_that_fails") {
        return;
    }
    let world = world(&[]);
    let limits = json!({"limits": {"memory": "20Mi"}});
    let greedy = "exec dd if=/dev/zero of=/dev/null bs=200M count=1";
    for (name, script, reason, code) in [
        ("greedy", greedy, "OOMKilled", 137),
        ("killed", "sleep 100 & kill -9 $!; wait $!", "Error", 137),
        ("failed", "exit 3", "Error", 3),
        ("told", "sleep 100 & kill -TERM $!; wait $!", "Error", 143),
    ] {
        // Not the first process itself: signals to that one without a handler count for nothing.
        let mut app = shell("c", script);
        app["resources"] = limits.clone();
        create(&world, name, json!({"restartPolicy": "Never", "containers": [app]}));
        let pod = world.wait_pod(name, "Failed", |pod| pod["status"]["phase"] == "Failed");
        let end = terminated(&pod);
        assert_eq!((&end["reason"], &end["exitCode"]), (&json!(reason), &json!(code)), "{name}: {end}");
        assert!(end["startedAt"].is_string() && end["finishedAt"].is_string() && end["containerID"].is_string(), "{end}");
    }
    end(&world);
}

#[test]
fn limits_of_cpu_slow_down_and_oom_scores_follow_the_class() {
    if is_skipped("limits_of_cpu_slow_down_and_oom_scores_follow_the_class") {
        return;
    }
    let world = world(&[]);
    // Its cpu time against the clock, over two seconds of work.
    let busy = "end=$(( $(date +%s) + 3 )); while [ $(date +%s) -lt $end ]; do :; done; cat /proc/self/oom_score_adj; times";
    let mut slow = shell("c", busy);
    slow["resources"] = json!({"limits": {"cpu": "100m", "memory": "64Mi"}});
    create(&world, "guaranteed", json!({"restartPolicy": "Never", "containers": [slow]}));
    create(&world, "best-effort", json!({"restartPolicy": "Never", "containers": [shell("c", "cat /proc/self/oom_score_adj")]}));
    let mut some = shell("c", "cat /proc/self/oom_score_adj");
    some["resources"] = json!({"requests": {"memory": "64Mi"}});
    create(&world, "burstable", json!({"restartPolicy": "Never", "containers": [some]}));
    let log = |name: &str| {
        world.wait_pod(name, "Succeeded", |pod| pod["status"]["phase"] == "Succeeded");
        world.skiff(&["logs", name]).ok()
    };
    assert_eq!(log("best-effort"), "1000\n");
    let score: i32 = log("burstable").trim().parse().expect("a number");
    assert!((3..1000).contains(&score), "{score}");
    let said = log("guaranteed");
    let mut lines = said.lines();
    // A machine without CAP_SYS_RESOURCE cannot lower it.
    let can_lower = Command::new("sh").args(["-c", "echo -997 > /proc/self/oom_score_adj"]).stderr(Stdio::null()).status();
    let lowest = if can_lower.is_ok_and(|status| status.success()) { "-997" } else { "0" };
    assert_eq!(lines.next(), Some(lowest), "{said}");
    let seconds: f64 = said.lines().skip(1).flat_map(str::split_whitespace).filter_map(time).sum();
    assert!(seconds < 1.5, "a tenth of a core over about three seconds: {said}");
    end(&world);
}

/// `0m0.12s`
fn time(word: &str) -> Option<f64> {
    let (minutes, seconds) = word.strip_suffix('s')?.split_once('m')?;
    Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
}

#[test]
fn last_words_are_taken_from_the_file_or_the_log() {
    if is_skipped("last_words_are_taken_from_the_file_or_the_log") {
        return;
    }
    let world = world(&[]);
    let fallback = |mut container: Value| {
        container["terminationMessagePolicy"] = json!("FallbackToLogsOnError");
        container
    };
    let mut elsewhere = shell("c", "echo from elsewhere > /v-last; exit 1");
    elsewhere["terminationMessagePath"] = json!("/v-last");
    for (name, container, message) in [
        ("file", shell("c", "echo 'from the file' > /dev/termination-log; exit 1"), json!("from the file\n")),
        ("elsewhere", elsewhere, json!("from elsewhere\n")),
        ("log", fallback(shell("c", "echo from the log; exit 1")), json!("from the log\n")),
        ("well", fallback(shell("c", "echo from the log")), Value::Null),
        ("quiet", shell("c", "echo from the log; exit 1"), Value::Null),
    ] {
        create(&world, name, json!({"restartPolicy": "Never", "containers": [container]}));
        let pod = world.wait_pod(name, "ended", |pod| matches!(pod["status"]["phase"].as_str(), Some("Failed" | "Succeeded")));
        let end = terminated(&pod);
        assert_eq!(end["message"], message, "{name}: {end}");
    }
    end(&world);
}

#[test]
fn back_off_is_kept_over_a_restart_of_the_daemon() {
    if is_skipped("back_off_is_kept_over_a_restart_of_the_daemon") {
        return;
    }
    let mut world = world(&[]);
    create(&world, "crash", json!({"containers": [shell("c", "exit 1")]}));
    let waits = |pod: &Value, restarts: i64, words: &str| {
        let status = &pod["status"]["containerStatuses"][0];
        let message = status["state"]["waiting"]["message"].as_str().unwrap_or_default();
        status["restartCount"] == restarts && message.starts_with(words)
    };
    world.wait_pod("crash", "waits ten seconds", |pod| waits(pod, 1, "back-off 10s"));
    world.kill_daemon("-KILL");
    world.start_daemon();
    // The next wait is the double of the last one: nothing was forgotten.
    world.wait_pod("crash", "waits twenty seconds", |pod| waits(pod, 2, "back-off 20s"));
    let mut events = EventWatch::begin(&world);
    let is_started = |told: &Told| told.reason == "Started";
    let told = events.until(PATIENCE, "crash", |told| told.reason == "BackOff");
    assert!(told.iter().any(is_started), "{told:#?}");
    end(&world);
}
