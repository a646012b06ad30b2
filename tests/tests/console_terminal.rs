//! The console and its terminal: windows that change their size, suspending, a line that is cut, a panic, doing nothing.

use end_to_end::{Console, World, eventually, is_skipped};
use serde_json::json;
use std::time::{Duration, Instant};

fn world() -> World {
    let world = World::new(&[]);
    world.load_demo_image();
    let manifest = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [
        {"name": "sleeper", "image": "skiff/demo:1.0", "command": ["sleep", "1000"]}]}});
    let _ = world.skiff_with(&["create", "-f", "-"], &manifest.to_string()).ok();
    let _ = world.wait_ready("web");
    world
}

fn clean(world: &World) {
    let _ = world.skiff(&["delete", "pods", "--all", "--grace-period=0", "--force"]);
}

#[test]
fn every_size_of_the_window_is_drawn_whole() {
    if is_skipped("every_size_of_the_window_is_drawn_whole") {
        return;
    }
    let world = world();
    let console = Console::open(&world, 80, 24);
    console.wait_for("web");
    for (columns, lines) in [(40, 10), (200, 60), (31, 7), (120, 40), (20, 5), (80, 24)] {
        console.resize(columns, lines);
        let is_small = columns < 30;
        let wanted = if is_small { "a larger window" } else { "skiff" };
        let what = format!("{columns}x{lines} is drawn");
        let last = |screen: &str| screen.lines().nth(usize::from(lines) - 1).unwrap_or_default().to_owned();
        let is_whole = |screen: &str| {
            screen.lines().next().is_some_and(|line| line.contains(wanted)) && (is_small || last(screen).contains("help"))
        };
        console.wait_until(&what, is_whole);
    }
    clean(&world);
}

#[test]
fn a_suspended_console_gives_the_terminal_back_and_takes_it_again() {
    if is_skipped("a_suspended_console_gives_the_terminal_back_and_takes_it_again") {
        return;
    }
    let world = world();
    let console = Console::run(&world, 100, 30, "version; exec bash --norc --noprofile -i");
    console.wait_for("bash");
    console.type_text(&world.skiff_path().display().to_string());
    console.press(&["Enter"]);
    console.wait_until("the console is open", |screen| screen.contains("live") && screen.contains("web"));
    console.press(&["C-z"]);
    console.wait_until("the shell is back", |screen| screen.contains("Stopped") && !screen.contains("live"));
    console.type_text("echo the shell $((6*7))");
    console.press(&["Enter"]);
    console.wait_for("the shell 42");
    console.type_text("fg");
    console.press(&["Enter"]);
    console.wait_until("the console is back", |screen| screen.contains("live") && screen.contains("web"));
    console.type_text(":q!");
    console.press(&["Enter"]);
    console.wait_until("the shell is back for good", |screen| !screen.contains("live") && screen.contains("the shell 42"));
    clean(&world);
}

#[test]
fn a_console_whose_terminal_goes_away_ends_and_the_next_one_goes_on() {
    if is_skipped("a_console_whose_terminal_goes_away_ends_and_the_next_one_goes_on") {
        return;
    }
    let world = world();
    let console = Console::open(&world, 100, 30);
    console.wait_for("web");
    console.type_text(":new kept-text");
    console.press(&["Enter"]);
    console.wait_for("name: kept-text");
    console.type_text("mine-");
    console.wait_for("mine-kept-text");
    let pid = console.pid();
    let cut = Instant::now();
    drop(console);
    let is_gone = || if is_running(pid) { Err(format!("{pid} runs on")) } else { Ok(()) };
    eventually("the console ends", is_gone);
    println!("ended {} ms after its terminal", cut.elapsed().as_millis());
    // The terminal of the first may still be going; each size has one of its own.
    let console = Console::open(&world, 101, 30);
    let screen = console.wait_for("mine-kept-text");
    assert!(screen.contains("gone on where the session was cut off"), "{screen}");
    // It is no text that exists elsewhere, so leaving it asks.
    console.press(&["C-x"]);
    console.type_text("q");
    console.wait_for("Leave the editor?");
    console.type_text("y");
    console.wait_for("web");
    console.type_text(":q!");
    console.press(&["Enter"]);
    console.wait_until("the console ends", |_| console.is_over());
    let console = Console::open(&world, 102, 30);
    let screen = console.wait_for("web");
    assert!(!screen.contains("gone on where"), "a console that was left has nothing to go on with\n{screen}");
    clean(&world);
}

fn is_running(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z') && !rest.is_empty())
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_says_why() {
    if is_skipped("a_panic_gives_the_terminal_back_before_it_says_why") || !cfg!(debug_assertions) {
        return;
    }
    let world = world();
    let console = Console::run(&world, 100, 160, "; stty -a; echo the shell $((6*7)); exec cat");
    console.wait_for("web");
    console.type_text(":debug-panic");
    console.press(&["Enter"]);
    let screen = console.wait_for("the shell 42");
    assert!(screen.contains("panicked") && !screen.contains("● live"), "{screen}");
    // As a terminal is at first: lines are edited, letters are echoed, an end of line is one.
    for word in ["icanon", "echo", "opost", "isig"] {
        assert!(screen.contains(word) && !screen.contains(&format!("-{word} ")), "{word} is not set again\n{screen}");
    }
    clean(&world);
}

#[test]
fn a_console_that_nobody_touches_does_nothing() {
    if is_skipped("a_console_that_nobody_touches_does_nothing") {
        return;
    }
    let world = world();
    let console = Console::open(&world, 100, 30);
    console.wait_for("web");
    // No row, so no age that would grow.
    console.type_text("/nothing-has-this-name");
    console.press(&["Enter"]);
    console.wait_for("no pods match the filter");
    // A daemon that is stopped has no news.
    let daemon = world.daemon_pid();
    signal(daemon, "-STOP");
    let pid = console.pid();
    let quiet = |before: u64| {
        let after = switches(pid);
        if after == before { Ok(after) } else { Err(format!("{before} and then {after}")) }
    };
    // What was on its way when the daemon was stopped is still taken.
    let before = eventually("it has taken what was on its way", || {
        let before = switches(pid);
        watch_for(Duration::from_secs(2));
        quiet(before)
    });
    let (cpu, screen) = (ticks(pid), console.screen());
    watch_for(Duration::from_secs(3));
    let outcome = quiet(before);
    assert_eq!(ticks(pid), cpu, "it took processor time");
    assert_eq!(console.screen(), screen);
    signal(daemon, "-CONT");
    assert!(outcome.is_ok(), "it woke up: {outcome:?}");
    clean(&world);
}

/// Lets time go by: that nothing happens can only be seen over a time.
fn watch_for(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

fn signal(pid: u32, name: &str) {
    let ran = std::process::Command::new("kill").args([name, &pid.to_string()]).status().expect("kill runs");
    assert!(ran.success());
}

/// How often its threads went to sleep, which is once a wakeup.
fn switches(pid: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let of = |thread: std::fs::DirEntry| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0)
    };
    threads.flatten().map(of).sum()
}

/// Processor time so far, in ticks.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap_or(0) + fields[12].parse::<u64>().unwrap_or(0)
}

/// The files of texts that exist nowhere else.
fn unsaved(world: &World) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(world.folder().join("state/skiff")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.display().to_string().contains("unsaved-")).collect()
}

fn kept(world: &World, text: &str) {
    eventually("the text is kept", || {
        let texts: Vec<String> = unsaved(world).iter().map(|path| std::fs::read_to_string(path).unwrap_or_default()).collect();
        if texts.iter().any(|known| known.contains(text)) { Ok(()) } else { Err(format!("{texts:?}")) }
    });
}

#[test]
fn a_text_outlives_a_console_that_is_killed_and_nothing_else_sees_it_meanwhile() {
    if is_skipped("a_text_outlives_a_console_that_is_killed_and_nothing_else_sees_it_meanwhile") {
        return;
    }
    let world = world();
    let console = Console::open(&world, 100, 30);
    console.wait_for("web");
    console.type_text(":pods default /!nothing");
    console.press(&["Enter"]);
    console.wait_for("/!nothing");
    console.type_text(":new kept-text");
    console.press(&["Enter"]);
    console.wait_for("name: kept-text");
    assert!(unsaved(&world).is_empty(), "a template nobody touched is no loss");
    console.type_text("mine-");
    kept(&world, "mine-kept-text");
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&world.folder().join("state/skiff")), unsaved(&world).len()), (0o700, 1));
    let other = Console::open(&world, 99, 30);
    let screen = other.wait_for("web");
    assert!(!screen.contains("gone on where"), "the text of a console that lives is its own\n{screen}");
    drop(other);
    let killed = std::process::Command::new("kill").args(["-KILL", &console.pid().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    drop(console);
    let console = Console::open(&world, 101, 30);
    let screen = console.wait_for("mine-kept-text");
    assert!(screen.contains("gone on where the session was cut off"), "{screen}");
    // Killed again before anything was typed: it is there still.
    kept(&world, "mine-kept-text");
    let killed = std::process::Command::new("kill").args(["-KILL", &console.pid().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    drop(console);
    let console = Console::open(&world, 102, 30);
    console.wait_for("mine-kept-text");
    console.press(&["C-x"]);
    console.type_text("q");
    console.wait_for("Leave the editor?");
    console.type_text("y");
    // The route is there, too, with its filter.
    console.wait_for("/!nothing");
    eventually("what was thrown away is gone", || {
        if unsaved(&world).is_empty() { Ok(()) } else { Err(format!("{:?}", unsaved(&world))) }
    });
    console.type_text(":q!");
    console.press(&["Enter"]);
    console.wait_until("the console ends", |_| console.is_over());
    let console = Console::open(&world, 103, 30);
    let screen = console.wait_for("web");
    assert!(!screen.contains("gone on where"), "{screen}");
    clean(&world);
}

#[test]
fn a_session_is_recorded_and_played_again_without_a_daemon() {
    if is_skipped("a_session_is_recorded_and_played_again_without_a_daemon") {
        return;
    }
    let world = world();
    let with_secret = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db"}, "spec": {"containers": [{
        "name": "main", "image": "skiff/demo:1.0", "command": ["sleep", "1000"],
        "env": [{"name": "DB_PASSWORD", "value": "hunter2-hunter2"}]}]}});
    let _ = world.skiff_with(&["create", "-f", "-"], &with_secret.to_string()).ok();
    let path = world.folder().join("bug.skiffrec");
    let name = path.display().to_string();
    let console = Console::run(&world, 100, 30, &format!("--record {name}; exec cat"));
    console.wait_until("the console is open", |screen| screen.contains("live") && screen.contains("web"));
    console.resize(90, 25);
    console.type_text(":yaml pod db");
    console.press(&["Enter"]);
    console.wait_for("hunter2-hunter2");
    console.press(&["Escape"]);
    console.type_text(":nodes");
    console.press(&["Enter"]);
    console.wait_for("node1");
    let last = console.wait_until("the last picture", |screen| screen.contains("nodes") && screen.contains("node1"));
    console.type_text(":q!");
    console.press(&["Enter"]);
    // The terminal breaks lines wherever its width ends.
    let said = console.wait_for("secret values were taken out").replace('\n', "");
    assert!(
        said.contains("recorded") && said.contains("1 sizes of the window") && said.contains("before you give it away"),
        "{said}"
    );
    let text = std::fs::read_to_string(&path).expect("a recording");
    assert!(!text.contains("hunter2") && text.contains("DB_PASSWORD"), "a secret is in it");
    clean(&world);
    // No daemon is needed, none is asked.
    let skiff = |words: &[&str]| world.skiff(&[&["--node", "unix:///nonexistent.sock", "replay", &name], words].concat());
    let about = skiff(&["--about"]).ok();
    assert!(about.contains("90x25") || about.contains("100x30"), "{about}");
    assert!(about.contains("secret values were taken out") && !about.contains("no end"), "{about}");
    // What stood on the screen before one left it, and nothing of the terminal's.
    let printed = skiff(&["--print"]).ok();
    let rows = |text: &str| {
        text.lines()
            .find(|line| line.contains("node1"))
            .map(|line| line.split_whitespace().take(3).map(str::to_owned).collect::<Vec<_>>())
    };
    assert!(printed.contains("nodes") && rows(&printed) == rows(&last), "{printed}\n{last}");
    let first = skiff(&["--at", "0"]).ok();
    assert!(first != printed && first.contains("skiff"), "{first}");
    let film = world.folder().join("bug.cast").display().to_string();
    assert!(skiff(&["-o", &film]).ok().contains("wrote"));
    // And in a terminal, with a pause and steps.
    let stage =
        Console::of(&world, 110, 35, &format!("{} replay {name}; echo the end $((6*7)); exec cat", world.skiff_path().display()));
    stage.wait_for("replay 0:");
    stage.press(&["Space"]);
    stage.wait_for("paused");
    for _ in 0..2_000 {
        if stage.screen().contains("the end |") {
            break;
        }
        stage.press(&[".", ".", ".", ".", ".", "."]);
    }
    let screen = stage.wait_for("the end |");
    assert!(screen.contains("node1"), "{screen}");
    stage.press(&["q"]);
    stage.wait_for("the end 42");
    // A file that was cut off, and one that is none.
    std::fs::write(&path, &text[..text.len() / 2]).expect("it is cut");
    assert!(skiff(&["--print"]).fails().contains("--partial"));
    assert!(skiff(&["--print", "--partial"]).ok().contains("skiff"));
    std::fs::write(&path, "{\"version\": 3}\n").expect("another file");
    assert!(skiff(&["--print"]).fails().contains("no recording of skiff"));
}
