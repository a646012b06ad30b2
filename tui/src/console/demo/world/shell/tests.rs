//! A shell of a demo's world.

use super::super::World;
use crate::console::app::msg::Wire;
use crate::console::link::{Command, Keyboard, PaneEnd, PaneNews, PaneProgram, PaneRequest};
use jiff::SignedDuration;
use wire::TerminalSize;

const WORLD: &str = "
start: 2026-03-01T12:00:00Z
nodes: [oak]
shells:
  default/web/main:
    prompt: '$ '
    answers:
      greet: [0.1 hello, 5 and again]
";

/// What a shell in a container wrote, where these keys were typed one a second, and how it ended.
fn lived(container: &str, keys: &str, seconds: i64) -> (String, Option<PaneEnd>) {
    let mut world = World::parse(WORLD).expect("a world");
    let size = TerminalSize { columns: 80, rows: 24 };
    let program = PaneProgram::Exec {
        namespace: "default".to_owned(),
        pod: "web".to_owned(),
        container: Some(container.to_owned()),
        command: vec!["sh".to_owned()],
    };
    let request = Box::new(PaneRequest { program, size });
    world.ask(world.start, Command::Pane { id: 7, request, keyboard: Keyboard::new(size) });
    let (mut written, mut end, mut now) = (String::new(), None, world.start);
    let mut keys = keys.bytes();
    for _ in 0..seconds {
        for wire in world.take(now) {
            match wire {
                Wire::Pane(7, PaneNews::Output(chunk)) => written.push_str(&String::from_utf8_lossy(&chunk.bytes)),
                Wire::Pane(7, PaneNews::Ended(why)) => end = Some(why),
                _ => {}
            }
        }
        if let Some(key) = keys.next() {
            world.ask(now, Command::Type { id: 7, bytes: vec![key] });
        }
        now += SignedDuration::from_secs(1);
    }
    (written, end)
}

#[test]
fn it_echoes_corrects_and_answers_in_its_time() {
    let all = "$ grea\u{8} \u{8}et\r\nhello\r\nand again\r\n$ ";
    assert_eq!(lived("main", "grea\x7fet\r", 20), (all.to_owned(), None));
    // The second line comes five seconds after the ninth key.
    let (before, _) = lived("main", "grea\x7fet\r", 12);
    assert!(before.ends_with("hello\r\n"), "{before:?}");
    assert_eq!(lived("main", "ls -l\r", 9).0, "$ ls -l\r\nsh: ls: not found\r\n$ ");
}

#[test]
fn what_runs_can_be_interrupted_and_takes_no_other_keys() {
    let (written, end) = lived("main", "greet\rab\x03\x03", 30);
    assert_eq!((written.as_str(), end), ("$ greet\r\nhello\r\n^C\r\n$ ^C\r\n$ ", None));
}

#[test]
fn it_ends_when_it_is_told_to_and_is_only_where_the_world_has_one() {
    assert_eq!(lived("main", "exit\r", 9), ("$ exit\r\n".to_owned(), Some(PaneEnd::Exited(0))));
    assert_eq!(lived("main", "\x04", 9).1, Some(PaneEnd::Exited(0)));
    let (written, end) = lived("side", "ls\r", 9);
    assert!(written.is_empty() && matches!(end, Some(PaneEnd::Failed(_))), "{end:?}");
}
