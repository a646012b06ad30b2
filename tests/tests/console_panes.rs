//! Programs in panes of the console, in a real terminal with a real daemon: a shell that knows its window, a program with a whole screen,
//! one that never pauses, what is attached to, and that nothing is left of them.

use end_to_end::{Console, World, eventually, is_skipped};
use serde_json::json;

/// A world with a pod whose one container has a terminal.
fn world() -> World {
    let world = World::new(&[]);
    world.load_demo_image();
    let script = "trap 'echo hangup' HUP; echo begun; while read line; do echo \"<$line>\"; done";
    let container =
        json!({"name": "main", "image": "skiff/demo:1.0", "stdin": true, "tty": true, "command": ["sh", "-c", script]});
    let spec = json!({"terminationGracePeriodSeconds": 1, "containers": [container]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec});
    let _ = world.skiff_with(&["create", "-f", "-"], &pod.to_string()).ok();
    let _ = world.wait_ready("web");
    world
}

/// A console that stands on the pod.
fn console(world: &World, columns: u16, lines: u16) -> Console {
    let console = Console::open(world, columns, lines);
    console.wait_until("the pod", |screen| screen.lines().any(|line| line.starts_with('▌') && line.contains("web")));
    console
}

fn type_line(console: &Console, text: &str) {
    console.type_text(text);
    console.press(&["Enter"]);
}

fn begin_shell(console: &Console) {
    console.press(&["x", "s"]);
    console.wait_until("a prompt", |screen| screen.contains("web shell main") && is_asking(screen));
}

/// Whether the last thing in the pane is a shell's prompt.
fn is_asking(screen: &str) -> bool {
    screen.lines().rev().skip(1).map(str::trim_end).find(|line| !line.is_empty()).is_some_and(|line| line.ends_with('#'))
}

fn end(world: &World) {
    let _ = world.skiff(&["delete", "pods", "--all", "--force", "--grace-period=0"]).ok();
}

/// Whether a line is all of this.
fn has_line(screen: &str, wanted: &str) -> bool {
    screen.lines().any(|line| line.trim_end() == wanted)
}

#[test]
fn a_shell_in_a_pane_knows_its_window_and_a_whole_screen_comes_and_goes() {
    if is_skipped("a_shell_in_a_pane_knows_its_window_and_a_whole_screen_comes_and_goes") {
        return;
    }
    let world = world();
    let console = console(&world, 100, 30);
    begin_shell(&console);
    type_line(&console, "stty size");
    console.wait_until("its size", |screen| has_line(screen, "27 100"));
    console.resize(120, 40);
    console.wait_until("a larger window", |screen| screen.lines().nth(39).is_some_and(|line| line.contains("ctrl-]")));
    type_line(&console, "clear; stty size");
    console.wait_until("its new size", |screen| has_line(screen, "37 120"));
    type_line(&console, "printf '\\033[?1049h\\033[2J\\033[5;10Hwhole\\033]0;a title\\007'; read x; printf '\\033[?1049l'");
    let screen = console.wait_until("the whole screen", |screen| screen.contains("whole") && !screen.contains("37 120"));
    assert_eq!(screen.lines().nth(6), Some("         whole"), "\n{screen}");
    assert!(screen.lines().nth(1).is_some_and(|line| line.contains("a title  ● running")), "\n{screen}");
    console.press(&["Enter"]);
    console.wait_until("it is as it was", |screen| has_line(screen, "37 120"));
    type_line(&console, "vi /etc/hosts");
    console.wait_until("an editor", |screen| screen.contains("hosts") && has_line(screen, "~"));
    type_line(&console, ":q!");
    console.wait_until("the prompt", |screen| is_asking(screen) && !has_line(screen, "~"));
    // It goes on while one looks elsewhere, and is found again.
    type_line(&console, "sleep 31337");
    console.press(&["C-]", "d"]);
    console.wait_for("the shell in web goes on");
    console.press(&["Space", "x"]);
    console.wait_until("the list", |screen| screen.lines().any(|line| line.starts_with('▌') && line.contains("running")));
    console.press(&["Enter"]);
    console.wait_for("sleep 31337");
    console.press(&["C-c"]);
    type_line(&console, "exit 7");
    console.wait_for("ended, exit code 7");
    // Another one is hung up, with what runs in it.
    console.press(&["r"]);
    console.wait_until("a new shell", |screen| screen.contains("● running") && is_asking(screen));
    type_line(&console, "sleep 31338");
    eventually("it runs", || if world.processes("sleep 31338").is_empty() { Err("not yet".to_owned()) } else { Ok(()) });
    console.press(&["C-]", "q"]);
    console.wait_for("the shell in web was hung up");
    for left in ["sleep 31337", "sleep 31338"] {
        eventually("nothing is left", || match world.processes(left) {
            left if left.is_empty() => Ok(()),
            left => Err(format!("{left:?}")),
        });
    }
    end(&world);
}

#[test]
fn a_program_that_never_pauses_takes_neither_keys_nor_memory() {
    if is_skipped("a_program_that_never_pauses_takes_neither_keys_nor_memory") {
        return;
    }
    let world = world();
    let console = console(&world, 80, 24);
    begin_shell(&console);
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", console.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("the console runs")
    };
    // Enough to fill whatever is kept, and then as much again many times.
    type_line(&console, "seq 1 30000; echo filled");
    console.wait_until("the end", |screen| has_line(screen, "filled"));
    let filled = memory();
    // One program: a shell that starts one after the other may miss an interrupt between two.
    type_line(&console, "seq 1000 999999999");
    // Which of them is on the screen is chance, and that there are others again and again is none.
    for _ in 0..30 {
        let before = console.screen();
        console.wait_until("it writes", |screen| screen != before);
    }
    assert!(memory() < filled + 16 * 1024, "{filled} KiB became {} KiB", memory());
    console.press(&["C-c"]);
    console.wait_until("it was told to end", is_asking);
    // The console's own keys, in the midst of it.
    type_line(&console, "yes");
    console.wait_until("it writes", |screen| has_line(screen, "y"));
    console.press(&["C-]", "d"]);
    console.wait_for("the shell in web goes on");
    type_line(&console, ":q");
    console.wait_for("1 shell in a pane ends with it");
    console.press(&["y"]);
    eventually("it is left", || if console.is_over() { Ok(()) } else { Err("not yet".to_owned()) });
    eventually("nothing is left", || match world.processes("yes") {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    });
    end(&world);
}

#[test]
fn what_is_attached_to_goes_on_and_a_daemon_that_goes_is_told() {
    if is_skipped("what_is_attached_to_goes_on_and_a_daemon_that_goes_is_told") {
        return;
    }
    let mut world = world();
    let console = console(&world, 100, 30);
    console.press(&["x", "a"]);
    console.wait_until("it is attached to", |screen| screen.contains("web attach main") && screen.contains("● running"));
    type_line(&console, "one");
    console.wait_until("it is heard", |screen| has_line(screen, "<one>"));
    world.kill_daemon("-KILL");
    let screen = console.wait_for("✕ link lost");
    assert!(has_line(&screen, "<one>"), "the picture stays:\n{screen}");
    world.start_daemon();
    console.wait_for("● live");
    console.press(&["r"]);
    console.wait_until("it is attached to again", |screen| screen.contains("● running"));
    type_line(&console, "two");
    console.wait_until("it is heard again", |screen| has_line(screen, "<two>"));
    console.press(&["C-]", "q"]);
    console.wait_for("left web; its container goes on");
    let pod = world.get("pod", "web").expect("it is there");
    assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0, "{pod}");
    end(&world);
}
