//! The console that prints lines, in a real terminal: what one types is a line, and manifests are written in one's own editor.

use end_to_end::{Console, World, is_skipped};
use std::os::unix::fs::PermissionsExt;

fn world() -> World {
    let world = World::new(&[]);
    world.start_web();
    world
}

fn line(console: &Console, text: &str) {
    console.type_text(text);
    console.press(&["Enter"]);
}

/// An editor that asks for a line at the terminal and puts it below `metadata:` of the manifest.
fn editor(world: &World) -> String {
    let path = world.folder().join("editor");
    let script = "#!/bin/sh\nprintf 'editor: '\nread line </dev/tty\nsed -i \"s/^metadata:$/metadata:\\n  annotations:\\n    said: $line/; s/nginx:alpine/skiff\\/demo:1.0/\" \"$1\"\n";
    std::fs::write(&path, script).expect("it is written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is executable");
    path.display().to_string()
}

#[test]
fn one_who_hears_lines_writes_manifests_and_enters_containers() {
    if is_skipped("one_who_hears_lines_writes_manifests_and_enters_containers") {
        return;
    }
    let world = world();
    let command = format!(
        "export SKIFF_NODE={} XDG_CONFIG_HOME={} EDITOR={}; {} --plain; echo the end $((6*7)); exec cat",
        world.socket(),
        world.folder().join("config").display(),
        editor(&world),
        world.skiff_path().display()
    );
    let console = Console::of(&world, 120, 60, &command);
    console.wait_for("1. default/web");
    // A new one: the editor has the terminal, and what is typed is its own.
    line(&console, "new mine");
    console.wait_until("the editor", |screen| screen.trim_end().ends_with("editor:"));
    line(&console, "nodes");
    let screen = console.wait_for("the text is taken over");
    assert!(!screen.contains("== nodes"), "what the editor was told is no command\n{screen}");
    line(&console, "apply");
    console.wait_for("pod/mine created");
    line(&console, "leave");
    console.wait_for("default/mine");
    assert_eq!(world.get("pod", "mine").expect("it is there")["metadata"]["annotations"]["said"], "nodes");
    // One that is there: what differs is told, and asked about.
    line(&console, "pods default /web");
    console.wait_for("1. default/web");
    line(&console, "1");
    line(&console, "e");
    console.wait_until("the editor is back", |screen| screen.trim_end().ends_with("editor:"));
    line(&console, "hello");
    console.wait_until("taken over again", |screen| {
        screen.rsplit("editor: hello").next().is_some_and(|rest| rest.contains("the text is taken over"))
    });
    line(&console, "check");
    console.wait_for("server dry run");
    line(&console, "apply");
    let screen = console.wait_for("? Replace pod/web?");
    assert!(screen.contains("said: hello"), "{screen}");
    line(&console, "y");
    console.wait_for("pod/web replaced");
    assert_eq!(world.get("pod", "web").expect("it is there")["metadata"]["annotations"]["said"], "hello");
    line(&console, "leave");
    // A shell in its container, and back.
    line(&console, "pods default /web");
    line(&console, "1");
    line(&console, "xs");
    console.wait_until("a shell", |screen| screen.trim_end().ends_with('#') || screen.trim_end().ends_with('$'));
    line(&console, "echo inside $((6*7)); exit 0");
    console.wait_for("inside 42");
    line(&console, "nodes");
    console.wait_for("1. node1");
    line(&console, "1");
    line(&console, "y");
    console.wait_for("copied node1");
    line(&console, ":q!");
    console.wait_for("the end 42");
    let _ = world.skiff(&["delete", "pods", "--all", "--force", "--grace-period=0"]).ok();
}

#[test]
fn an_editor_that_fails_leaves_the_text_and_says_so() {
    if is_skipped("an_editor_that_fails_leaves_the_text_and_says_so") {
        return;
    }
    let world = World::new(&[]);
    let mut command = world.skiff_command(&["--plain"]);
    command.env("EDITOR", "false").env("XDG_CONFIG_HOME", world.folder());
    let input = "nodes\n1\ny\nnew mine\ncheck\nleave\n:q!\n";
    let mut child = command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().expect("skiff runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    // All at once, as a script does: a line waits until what the one before led to was told.
    std::io::Write::write_all(&mut stdin, input.as_bytes()).expect("it is taken");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("name: mine"), "{said}");
    assert!(said.contains("the text stays as it was: there was a problem with the editor \"false\""), "{said}");
    assert!(said.contains("server dry run"), "{said}");
    assert!(said.contains("nothing was copied: the output is no terminal") && !said.contains('\x1b'), "{said}");
}
