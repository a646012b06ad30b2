//! Programs in panes: where keys go, how one leaves them and comes back, what is told of them, and what ends with the console.

use super::{Bench, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::{Msg, Wire};
use crate::console::app::rights::Rights;
use crate::console::app::{route, session};
use crate::console::link::{Chunk, Command, PaneEnd, PaneNews, PaneProgram, PaneRequest};
use crate::console::term::input::{Gesture, Input, Mouse};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use objects::Kind;
use ratatui::style::{Color, Modifier};
use serde_json::json;
use wire::TerminalSize;

impl Bench {
    fn pane_news(&mut self, id: u32, news: PaneNews) -> &mut Self {
        self.wire(Wire::Pane(id, news));
        self
    }

    fn program_writes(&mut self, id: u32, text: &str) -> &mut Self {
        self.pane_news(id, PaneNews::Output(Chunk::new(text.as_bytes().to_vec(), None)))
    }

    fn press_event(&mut self, code: KeyCode, held: KeyModifiers) -> &mut Self {
        self.take(Msg::Input(Input::Key(KeyEvent::new(code, held))));
        self
    }

    fn commands(&self) -> impl DoubleEndedIterator<Item = &Command> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Link(command) => Some(command),
            _ => None,
        })
    }

    /// The last program that was asked for, and its number.
    fn opened(&self) -> Option<(u32, PaneRequest)> {
        self.commands().rev().find_map(|command| match command {
            Command::Pane { id, request, .. } => Some((*id, (**request).clone())),
            _ => None,
        })
    }

    /// What was typed to a program since the effects were looked at last.
    fn typed(&mut self, to: u32) -> String {
        let typed = self.commands().filter_map(|command| match command {
            Command::Type { id, bytes } if *id == to => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        });
        let typed = typed.collect();
        self.effects.clear();
        typed
    }
}

/// A console with a shell in the first container of `alpha`.
fn in_shell(columns: u16, rows: u16) -> (Bench, u32) {
    let mut bench = Bench::new(columns, rows);
    bench.press("x s");
    let (id, _) = bench.opened().expect("a shell is asked for");
    bench.pane_news(id, PaneNews::Begun).effects.clear();
    (bench, id)
}

#[test]
fn a_shell_runs_in_a_pane_of_the_windows_size_and_keys_go_to_it() {
    let (mut bench, id) = in_shell(80, 24);
    bench.program_writes(id, "$ ");
    assert!(bench.shows("alpha shell web") && bench.shows("● running"), "{}", bench.picture());
    // Keys that mean something to the console everywhere else.
    bench.write("q:x?").press("esc ctrl-c tab enter up ctrl-d alt-x 5");
    assert_eq!(bench.typed(id), "q:x?\u{1b}\u{3}\t\r\u{1b}[A\u{4}\u{1b}x5");
    // Who thinks better of it after the console's key is still where they were, and the program hears nothing.
    bench.press("ctrl-] esc");
    assert!(bench.shows("alpha shell web") && bench.typed(id).is_empty(), "{}", bench.picture());
    bench.program_writes(id, "\u{1b}[?1h");
    bench.press("up");
    assert_eq!(bench.typed(id), "\u{1b}OA");
    bench.take(Msg::Input(Input::Paste("one\ntwo\u{1b}".to_owned())));
    assert_eq!(bench.typed(id), "one\rtwo");
    bench.program_writes(id, "\u{1b}[?2004h");
    bench.take(Msg::Input(Input::Paste("one".to_owned())));
    assert_eq!(bench.typed(id), "\u{1b}[200~one\u{1b}[201~");
    bench.take(Msg::Resized(120, 40));
    let sizes = |command: &Command| matches!(command, Command::Resize { size: TerminalSize { columns: 120, rows: 37 }, .. });
    assert!(bench.commands().any(sizes), "{:?}", bench.effects);
    bench.take(Msg::Time);
    assert_eq!(bench.commands().filter(|command| sizes(command)).count(), 1, "once");
}

#[test]
fn what_is_asked_for_is_what_one_stands_on() {
    let mut bench = Bench::new(80, 24);
    bench.press("x s");
    let request = bench.opened().expect("a shell").1;
    assert_eq!(request.size, TerminalSize { columns: 80, rows: 21 });
    let PaneProgram::Exec { namespace, pod, container, command } = request.program else { panic!("{request:?}") };
    assert_eq!((namespace.as_str(), pod.as_str(), container.as_deref()), ("default", "alpha", Some("web")));
    assert_eq!(command[..2], ["sh", "-c"]);
    bench.press("ctrl-] d enter j x s");
    let PaneProgram::Exec { container, .. } = bench.opened().expect("a shell").1.program else { panic!("no shell") };
    assert_eq!(container.as_deref(), Some("side"));
    bench.press("ctrl-] d").write(":nodes").press("enter x s");
    assert_eq!(bench.opened().expect("a shell").1.program, PaneProgram::Node { node: "oak".into() });
    bench.press("ctrl-] d").write(":ev").press("enter").write(":shell").press("enter");
    assert!(bench.shows("only pods have containers"), "{}", bench.picture());
}

#[test]
fn the_container_that_a_pod_names_is_meant_and_how_one_attaches_is_in_its_manifest() {
    let mut bench = Bench::new(80, 24);
    let mut web = pod("alpha", &json!({"running": {}}), true, 0);
    web["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/default-container": "side"});
    web["spec"]["containers"][1]["stdin"] = json!(true);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &web))));
    bench.press("x a");
    let (id, request) = bench.opened().expect("it is attached to");
    let PaneProgram::Attach { container, has_input, has_terminal, .. } = request.program else { panic!("{request:?}") };
    assert_eq!((container.as_deref(), has_input, has_terminal), (Some("side"), true, false));
    // Without a terminal of its own a line is typed here, and its lines end without a carriage return.
    bench.pane_news(id, PaneNews::Begun).effects.clear();
    bench.write("hallp").press("backspace").write("o");
    assert!(bench.shows("hallo") && bench.typed(id).is_empty(), "{}", bench.picture());
    bench.press("enter");
    assert_eq!(bench.typed(id), "hallo\n");
    bench.program_writes(id, "one\ntwo\n");
    assert_eq!((bench.line(3).as_str(), bench.line(4).as_str()), ("one", "two"), "{}", bench.picture());
    // The other one reads nothing, which is said.
    bench.press("ctrl-] d enter x a");
    let (id, _) = bench.opened().expect("it is attached to");
    bench.pane_news(id, PaneNews::Begun).effects.clear();
    bench.write("x");
    assert!(bench.typed(id).is_empty() && bench.shows("reads no input"), "{}", bench.picture());
}

#[test]
fn one_chord_leaves_comes_back_goes_through_and_ends() {
    let (mut bench, id) = in_shell(100, 24);
    bench.press("ctrl-]");
    assert!(bench.shows("go back to where one was; the program goes on"), "{}", bench.picture());
    bench.press("ctrl-]");
    assert_eq!(bench.typed(id), "\u{1d}");
    bench.press("ctrl-] k");
    assert_eq!(bench.typed(id), "", "a key behind the chord that means nothing goes nowhere");
    bench.press("ctrl-] d");
    assert!(
        bench.shows("the shell in alpha goes on; space x shows all") && bench.line(1).contains("pods"),
        "{}",
        bench.picture()
    );
    assert!(!bench.commands().any(|command| matches!(command, Command::End { .. })));
    // It writes meanwhile, which is seen in the list, and is not where one looks.
    bench.press("space x");
    assert!(bench.shows("running") && !bench.shows(" new "), "{}", bench.picture());
    bench.program_writes(id, "\u{1b}]2;make\u{7}done\r\n");
    assert!(bench.shows(" new ") && bench.shows("make") && !bench.shows("done"), "{}", bench.picture());
    bench.press("enter");
    assert!(bench.shows("done") && bench.shows("make  ● running"), "{}", bench.picture());
    bench.press("ctrl-] s");
    assert!(!bench.shows(" new "), "{}", bench.picture());
    bench.press("enter ctrl-] q");
    assert!(bench.commands().any(|command| matches!(command, Command::End { id: ended } if *ended == id)));
    assert!(bench.shows("was hung up") && bench.app.panes.is_empty(), "{}", bench.picture());
    bench.write(":shells").press("enter");
    assert!(bench.shows("no program runs in a pane"), "{}", bench.picture());
}

#[test]
fn the_chord_can_be_another_one() {
    let (mut bench, id) = in_shell(80, 24);
    let text = "[pane]\n\"ctrl-g d\" = \"back\"\n\"ctrl-g ctrl-g\" = \"literal\"\n\"ctrl-] d\" = \"none\"\n";
    let (keys, problems) = crate::console::keys::file::read(text);
    assert_eq!(problems, []);
    bench.app.keys = keys;
    assert!(bench.shows("ctrl-g d leave"), "{}", bench.picture());
    bench.press("ctrl-g ctrl-g");
    assert_eq!(bench.typed(id), "\u{7}");
    bench.press("ctrl-g d");
    assert!(bench.line(1).contains("pods"), "{}", bench.picture());
    let (_, problems) = crate::console::keys::file::read("[pane]\n\"g\" = \"back\"\n");
    assert!(problems[0].to_string().contains("\"g\" in [pane] would take a letter"), "{problems:?}");
}

#[test]
fn a_program_that_ended_keeps_its_picture_until_a_key_leaves_it() {
    let (mut bench, id) = in_shell(80, 24);
    bench.program_writes(id, "the last words").pane_news(id, PaneNews::Ended(PaneEnd::Exited(3)));
    assert!(bench.shows("the last words") && bench.shows("✕ ended, exit code 3"), "{}", bench.picture());
    bench.effects.clear();
    bench.write("b");
    assert_eq!(bench.typed(id), "");
    // In a smaller window the newest rows are those that are seen.
    bench.take(Msg::Resized(80, 4));
    assert!(bench.app.size == (80, 4));
    bench.take(Msg::Resized(80, 8));
    assert!(bench.shows("the last words") && bench.commands().next().is_none(), "{}", bench.picture());
    bench.take(Msg::Resized(80, 24));
    // Again: a new shell of the same kind, with nothing of the old one.
    bench.press("r");
    let (again, _) = bench.opened().expect("it is run again");
    assert!(again == id && !bench.shows("the last words") && bench.shows("◐ opening"), "{}", bench.picture());
    bench.pane_news(id, PaneNews::Begun).pane_news(id, PaneNews::Ended(PaneEnd::Exited(0)));
    assert!(bench.shows("○ ended, exit code 0"), "{}", bench.picture());
    bench.press("enter");
    assert!(bench.line(1).contains("pods") && bench.app.panes.is_empty(), "{}", bench.picture());
    bench.press("]");
    assert!(bench.line(1).contains("pods"), "nothing to come back to: {}", bench.picture());
    // One whose end nobody saw is told of, and waits in the list.
    bench.press("x s");
    let (id, _) = bench.opened().expect("a shell");
    bench.pane_news(id, PaneNews::Begun).press("ctrl-] d").pane_news(id, PaneNews::Ended(PaneEnd::Exited(1)));
    assert!(bench.shows("shell in alpha ended with exit code 1"), "{}", bench.picture());
    bench.press("space x");
    assert!(bench.shows("ended, exit code 1") && bench.shows(" new "), "{}", bench.picture());
}

#[test]
fn a_link_that_drops_is_told_and_what_is_attached_to_can_be_joined_again() {
    let mut bench = Bench::new(100, 24);
    let mut web = pod("alpha", &json!({"running": {}}), true, 0);
    web["spec"]["containers"][0]["tty"] = json!(true);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &web))));
    bench.press("x a");
    let (id, _) = bench.opened().expect("it is attached to");
    bench.pane_news(id, PaneNews::Begun).program_writes(id, "before");
    bench.pane_news(id, PaneNews::Ended(PaneEnd::Lost("connection reset".into())));
    assert!(bench.shows("before") && bench.shows("✕ link lost") && bench.shows("the container goes on"), "{}", bench.picture());
    bench.press("r");
    assert!(bench.shows("before") && bench.shows("◐ opening"), "{}", bench.picture());
    bench.pane_news(id, PaneNews::Ended(PaneEnd::Failed("container \"web\" is not running".into())));
    assert!(bench.shows("is not running") && bench.shows("✕ failed"), "{}", bench.picture());
}

#[test]
fn what_was_scrolled_out_is_read_and_copied() {
    let (mut bench, id) = in_shell(80, 24);
    for number in 0..60 {
        bench.program_writes(id, &format!("line {number}\r\n"));
    }
    bench.press("ctrl-] [");
    assert!(bench.shows("0 of 40 rows back"), "{}", bench.picture());
    bench.press("g g");
    assert!(bench.line(2) == "line 0" && bench.shows("40 of 40 rows back"), "{}", bench.picture());
    bench.press("j ctrl-d");
    assert!(bench.line(2) == "line 11", "{}", bench.picture());
    bench.press("y");
    let copied = |bench: &Bench| {
        bench.effects.iter().rev().find_map(|effect| match effect {
            Effect::Copy(text) => Some(text.clone()),
            _ => None,
        })
    };
    assert!(copied(&bench).is_some_and(|text| text.starts_with("line 11\n") && text.ends_with("line 31")));
    bench.press("Y");
    assert!(copied(&bench).is_some_and(|text| text.starts_with("line 0\n") && text.ends_with("line 59")));
    bench.effects.clear();
    bench.press("esc");
    assert!(bench.shows("line 59") && bench.shows("● running") && !bench.shows("rows back"), "{}", bench.picture());
    // The same without the chord; the first key goes back to the newest, and to the program.
    bench.press_event(KeyCode::PageUp, KeyModifiers::SHIFT);
    assert!(bench.shows("20 of 40 rows back") && bench.typed(id).is_empty(), "{}", bench.picture());
    bench.take(Msg::Input(Input::Mouse(Mouse { gesture: Gesture::WheelUp, x: 3, y: 5 })));
    assert!(bench.shows("23 of 40 rows back"), "{}", bench.picture());
    bench.write("x");
    assert!(bench.typed(id) == "x" && bench.shows("line 59"), "{}", bench.picture());
}

#[test]
fn the_mouse_is_the_programs_where_it_asked_and_drags_copy_where_not() {
    let (mut bench, id) = in_shell(80, 24);
    let mouse = |gesture, x, y| Msg::Input(Input::Mouse(Mouse { gesture, x, y }));
    bench.program_writes(id, "take this");
    bench.take(mouse(Gesture::Press, 0, 2));
    bench.take(mouse(Gesture::Drag, 3, 2));
    bench.take(mouse(Gesture::Release, 3, 2));
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::Copy(text) if text == "take")), "{:?}", bench.effects);
    bench.program_writes(id, "\u{1b}[?1002h\u{1b}[?1006h").effects.clear();
    bench.take(mouse(Gesture::Press, 4, 7));
    bench.take(mouse(Gesture::Drag, 5, 60));
    bench.take(mouse(Gesture::Release, 5, 60));
    assert_eq!(bench.typed(id), "\u{1b}[<0;5;6M\u{1b}[<32;6;21M\u{1b}[<0;6;21m");
    // The console's own lines stay the console's.
    bench.take(mouse(Gesture::Press, 2, 1));
    bench.take(mouse(Gesture::Release, 2, 1));
    assert!(bench.typed(id).is_empty() && !bench.shows("● running"), "{}", bench.picture());
    // On an alternate screen without a mouse the wheel is keys.
    let (mut bench, id) = in_shell(80, 24);
    bench.program_writes(id, "\u{1b}[?1049h").effects.clear();
    bench.take(mouse(Gesture::WheelDown, 4, 7));
    assert_eq!(bench.typed(id), "\u{1b}[B\u{1b}[B\u{1b}[B");
}

#[test]
fn a_programs_questions_are_answered_and_the_clipboard_is_not_its_own() {
    let (mut bench, id) = in_shell(80, 24);
    bench.program_writes(id, "\u{1b}[3;5H\u{1b}[6n");
    assert_eq!(bench.typed(id), "\u{1b}[3;5R");
    bench.program_writes(id, "\u{1b}]52;c;a3ViaWE=\u{7}");
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::Copy(_))), "{:?}", bench.effects);
    assert!(bench.shows("asked for your clipboard"), "{}", bench.picture());
}

#[test]
fn who_leaves_the_console_is_told_what_ends_with_it() {
    let (mut bench, id) = in_shell(80, 24);
    bench.press("ctrl-] d x a");
    let (attached, _) = bench.opened().expect("it is attached to");
    bench.pane_news(attached, PaneNews::Begun).press("ctrl-] d").write(":q").press("enter");
    assert!(
        bench.shows("1 shell in a pane ends with it") && bench.shows("1 container that is attached to goes on"),
        "{}",
        bench.picture()
    );
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
    bench.press("esc").pane_news(id, PaneNews::Ended(PaneEnd::Exited(0)));
    bench.write(":q").press("enter");
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::Quit)), "what goes on keeps nobody");
}

#[test]
fn a_console_that_only_reads_runs_nothing() {
    let mut bench = Bench::new(80, 24);
    bench.app.rights = Rights::new(true, false);
    bench.press("x s").write(":attach").press("enter");
    assert!(bench.opened().is_none() && bench.app.panes.is_empty() && bench.shows("read-only"), "{}", bench.picture());
    // Whatever way led to the effect, it is not performed.
    let mut effects = vec![Effect::Link(Command::Type { id: 1, bytes: b"x".to_vec() })];
    assert!(bench.app.rights.check(&mut effects).is_empty() && effects.is_empty());
}

#[test]
fn a_pane_is_no_place_to_come_back_to_after_the_line_was_cut() {
    let (mut bench, _) = in_shell(80, 24);
    assert_eq!(route::of(&bench.app).as_deref(), Some("containers default/alpha"));
    assert!(session::keep(&bench.app).is_some_and(|text| text.contains("containers default/alpha")));
    bench.press("ctrl-] d");
}

#[test]
fn no_more_than_so_many_run_at_once() {
    let mut bench = Bench::new(80, 24);
    for _ in 0..20 {
        bench.press("x s ctrl-] d");
    }
    assert_eq!(bench.app.panes.len(), 16);
    assert!(bench.shows("have a pane already"), "{}", bench.picture());
}

#[test]
fn a_path_that_lost_its_beginning_leads_back_to_the_pods() {
    let (mut bench, _) = in_shell(80, 24);
    // The oldest screens of a long path are forgotten.
    bench.app.screens.remove(0);
    bench.press("ctrl-] d");
    assert!(bench.line(1).contains("pods") && bench.shows("alpha"), "{}", bench.picture());
    bench.press("]");
    bench.app.screens.remove(0);
    bench.press("ctrl-] q");
    assert!(bench.line(1).contains("pods") && bench.shows("alpha"), "{}", bench.picture());
}

#[test]
fn colours_are_as_many_as_there_are_and_nothing_else_reaches_the_terminal() {
    use crate::console::term::caps::Depth;
    use crate::console::theme::glyph::Glyphs;
    use crate::console::theme::load::Theme;
    let (mut bench, id) = in_shell(80, 24);
    bench.program_writes(id, "\u{1b}[31ma\u{1b}[38;5;208mb\u{1b}[38;2;1;2;3mc\u{1b}[0;1;7md\u{202e}e\u{1b}P+q\u{1b}\\\u{9b}31mf");
    let cells = |bench: &Bench| bench.paint().0.content[160..166].to_vec();
    let colors = |bench: &Bench| cells(bench).iter().take(3).map(|cell| cell.fg).collect::<Vec<_>>();
    assert_eq!(colors(&bench), [Color::Red, Color::Indexed(208), Color::Rgb(1, 2, 3)]);
    assert!(cells(&bench)[3].modifier.contains(Modifier::BOLD | Modifier::REVERSED));
    let symbols: String = cells(&bench).iter().map(ratatui::buffer::Cell::symbol).collect();
    assert!(!symbols.chars().any(|letter| letter.is_control() || letter == '\u{202e}'), "{symbols:?}");
    for (depth, expected) in [
        (Depth::Indexed, [Color::Red, Color::Indexed(208), Color::Indexed(16)]),
        (Depth::Sixteen, [Color::Red, Color::Yellow, Color::Black]),
        (Depth::Mono, [Color::Reset; 3]),
    ] {
        bench.app.theme = Theme::load("dark", depth, Glyphs::Unicode).expect("a built-in theme");
        assert_eq!(colors(&bench), expected, "{depth:?}");
    }
}

#[test]
fn a_full_screen_program_has_the_pane_and_gives_it_back() {
    let (mut bench, id) = in_shell(80, 24);
    bench
        .program_writes(id, "$ top\r\n")
        .program_writes(id, "\u{1b}[?1049h\u{1b}[2J\u{1b}[HMem: 1K used\u{1b}[21;1H~\u{1b}[?25l");
    let (_, cursor) = bench.paint();
    assert!(cursor.is_none() && bench.line(2) == "Mem: 1K used" && bench.line(22) == "~", "{}", bench.picture());
    bench.program_writes(id, "\u{1b}[?1049l\u{1b}[?25h");
    let (_, cursor) = bench.paint();
    assert!(cursor.is_some_and(|at| (at.x, at.y) == (0, 3)) && bench.line(2) == "$ top", "{cursor:?} {}", bench.picture());
}

#[test]
fn a_shell_at_80_columns() {
    let (mut bench, id) = in_shell(80, 10);
    bench.program_writes(id, "root@alpha:/# stty size\r\n7 80\r\nroot@alpha:/# echo \u{65e5}\u{672c} \u{2713}\r\n\u{65e5}\u{672c} \u{2713}\r\nroot@alpha:/# ");
    insta::assert_snapshot!(bench.picture(), @"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1          ● live
     pods › alpha shell web                                               ● running
    root@alpha:/# stty size
    7 80
    root@alpha:/# echo 日 本  ✓
    日 本  ✓
    root@alpha:/#


     ctrl-] d leave  ctrl-] [ scroll  ctrl-] q end  ctrl-] ? keys
    ");
}

#[test]
fn a_shell_at_120_columns() {
    let (mut bench, id) = in_shell(120, 10);
    bench.program_writes(id, "\u{1b}]0;root@alpha: /\u{7}root@alpha:/# ls\r\nbin  etc  home\r\nroot@alpha:/# ");
    insta::assert_snapshot!(bench.picture(), @"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1                                                  ● live
     pods › alpha shell web                                                                        root@alpha: /  ● running
    root@alpha:/# ls
    bin  etc  home
    root@alpha:/#




     ctrl-] d leave  ctrl-] [ scroll  ctrl-] q end  ctrl-] s shells  ctrl-] ? keys
    ");
}

#[test]
fn the_shells_of_a_console() {
    let (mut bench, id) = in_shell(100, 8);
    bench.press("ctrl-] d").write(":nodes").press("enter x s");
    let (node, _) = bench.opened().expect("a shell");
    bench.pane_news(node, PaneNews::Begun).program_writes(id, "\u{1b}]2;make all\u{7}").press("ctrl-] s");
    insta::assert_snapshot!(bench.picture(), @"
     ◢ skiff  oak  ·  all namespaces  ·  4 pods  ◐ 1  ▲ 1  ✕ 1  ○ 1                              ● live
     shells                                                                                         1/2
       NAMESPACE      NAME      CONTAINER      PROGRAM      STATUS      UNREAD      TITLE        AGE
    ▌●                oak                      shell        running                              0s
     ● default        alpha     web            shell        running     new         make all     0s


     enter open  xd end  w why  d describe  / filter  s sort  n next bad  : command  ? help
    ");
}
