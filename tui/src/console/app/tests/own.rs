//! What users make their own: keys, bookmarks, themes; and what a console may not do.

use super::Bench;
use crate::console::app::effect::Effect;
use crate::console::app::msg::{Msg, Wire};
use crate::console::app::rights::Rights;
use crate::console::app::{bookmarks, overlay::Overlay};
use crate::console::keys::commands::COMMANDS;
use crate::console::keys::table::STACKS;
use crate::console::keys::{file, own};
use crate::console::screen::Screen;
use crate::console::term::input::Input;
use std::path::PathBuf;

#[test]
fn every_command_of_the_table_is_one() {
    for word in COMMANDS.iter().flat_map(|line| line.words) {
        let mut bench = Bench::new(80, 24);
        bench.write(&format!(":{word}")).press("enter");
        assert!(!bench.shows("no command"), ":{word}\n{}", bench.picture());
    }
}

#[test]
fn every_screen_has_its_places_in_the_list_of_stacks() {
    for keys in
        ["j", "j enter", "j d", "j D", "j E", "j w", "space p", "space r", "j o", "space n", ": n o d e s enter", ": e v enter"]
    {
        let mut bench = Bench::new(80, 24);
        bench.press(keys);
        assert!(STACKS.contains(&bench.app.places()), "{:?} after {keys}", bench.app.places());
    }
}

#[test]
fn a_key_of_ones_own_is_done_shown_and_offered() {
    let mut bench = Bench::new(140, 40);
    bench.app.keys = file::read("[pods]\n\"ctrl-k\" = \"delete\"\n\"o\" = \"none\"\n").0;
    assert!(bench.shows("ctrl-k delete") && !bench.shows("o logs"), "{}", bench.picture());
    bench.press("o");
    assert!(matches!(bench.app.screen(), Screen::List(_)), "o does nothing any more");
    bench.press("ctrl-k");
    assert!(bench.shows("Delete pod?"));
    bench.press("esc ?").write("ctrl-k");
    assert!(bench.shows("delete the object or the marked ones"), "{}", bench.picture());
}

#[test]
fn a_key_can_run_a_command() {
    let mut bench = Bench::new(100, 24);
    bench.app.keys = file::read("[any]\n\"g b\" = \":pods default /bravo\"\n").0;
    bench.press("g b");
    assert!(bench.line(1).contains("pods in default  /bravo"), "{}", bench.picture());
    bench.press("?").write(":pods default /br");
    assert!(bench.shows("g b"), "{}", bench.picture());
}

fn with_own(text: &str) -> Bench {
    let mut bench = Bench::new(100, 24);
    let (commands, problems) = own::read(text);
    assert_eq!(problems, []);
    bench.app.own_commands = commands;
    bench
}

/// The program that was to be run last.
fn program(bench: &Bench) -> Option<String> {
    bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Program { words, .. } => Some(words.join("|")),
        _ => None,
    })
}

#[test]
fn a_command_of_ones_own_knows_the_row_and_asks_for_the_rest() {
    let mut bench = with_own(
        "[look]\nrun = [\"look\", \"{namespace}/{name}\", \"{image}\", \"at {depth}\"]\nask = [\"depth\"]\nhelp = \"look inside\"\n",
    );
    bench.press("g g").write(":look 3").press("enter");
    assert_eq!(program(&bench).as_deref(), Some("look|default/alpha|luksa/kubia:v2|at 3"));
    bench.write(":look").press("enter");
    assert!(bench.shows("look inside") && bench.shows("depth"), "{}", bench.picture());
    bench.press("enter");
    assert!(bench.shows("depth is missing"), "{}", bench.picture());
    bench.write("12").press("enter");
    assert_eq!(program(&bench).as_deref(), Some("look|default/alpha|luksa/kubia:v2|at 12"));
    bench.press("?").write("look inside");
    assert!(bench.shows(":look"), "{}", bench.picture());
    bench.press("enter");
    assert!(bench.shows("depth"), "{}", bench.picture());
    bench.press("esc").write(":nodes").press("enter").write(":look 1").press("enter");
    assert!(bench.shows(":look wants to know a namespace"), "{}", bench.picture());
    bench.write(":look 1 2").press("enter");
    assert!(bench.shows("takes 1 words, not 2"), "{}", bench.picture());
}

#[test]
fn programs_are_not_run_where_nothing_may_be_changed_unless_they_only_read() {
    let text = "[look]\nrun = [\"look\"]\nonly-reads = true\n[break]\nrun = [\"break\"]\n";
    for (rights, command, is_run) in [
        (Rights::new(true, false), "look", true),
        (Rights::new(true, false), "break", false),
        (Rights::new(false, true), "look", false),
        (Rights::default(), "break", true),
    ] {
        let mut bench = with_own(text);
        bench.app.rights = rights;
        bench.write(&format!(":{command}")).press("enter");
        assert_eq!(program(&bench).is_some(), is_run, "{rights:?} {command}");
    }
}

#[test]
fn the_palette_offers_commands_and_begins_those_that_want_words() {
    let mut bench = Bench::new(100, 30);
    bench.press("space space").write(":theme").press("enter");
    assert!(bench.line(29).contains(":theme"), "{}", bench.picture());
    bench.press("esc space space").write(":bookmarks").press("enter");
    assert!(bench.shows("no bookmarks yet"));
}

#[test]
fn a_bookmark_leads_back_with_the_filter_and_is_kept() {
    let mut bench = Bench::new(100, 24);
    bench.write("/alp").press("enter").press("m a");
    assert!(bench.shows("remembered under a: pods all /alp"), "{}", bench.picture());
    let Some(Effect::Keep(file, text)) = bench.effects.last().cloned() else { panic!("it is not kept") };
    assert_eq!((file, text.as_str()), (bookmarks::FILE, "\"a\" = \"pods all /alp\"\n"));
    bench.write(":nodes").press("enter").press("' a");
    assert!(bench.shows("alpha") && !bench.shows("bravo"), "{}", bench.picture());
    let read = bookmarks::read(&text).expect("what is written can be read");
    assert_eq!(read, bench.app.bookmarks);
    bench.press("' z");
    assert!(bench.shows("nothing is remembered under z"));
    bench.write(":unbookmark a").press("enter");
    assert!(bench.app.bookmarks.is_empty());
}

#[test]
fn every_screen_a_command_leads_to_is_led_to_by_its_bookmark() {
    for keys in ["j enter", "j d", "j D", "j o", ": n o d e s enter", ": n o d e s enter enter", "j e"] {
        let mut bench = Bench::new(120, 24);
        bench.press(keys);
        let path = bench.line(1);
        bench
            .press(if matches!(bench.app.screen(), Screen::Edit(_)) { "ctrl-x c" } else { ":" })
            .write("bookmark q")
            .press("enter");
        bench.write(":pods").press("enter").press("' q");
        let last =
            |line: &str| line.split('›').next_back().unwrap_or_default().split("  ").next().unwrap_or_default().trim().to_owned();
        assert!(bench.line(1).contains(&last(&path)), "{keys}: {path} became {}", bench.line(1));
    }
}

#[test]
fn letters_wait_in_a_box_that_shows_what_there_is() {
    let mut bench = Bench::new(80, 24);
    bench.write(":bookmark w pods default /web").press("enter").press("'");
    assert!(bench.shows("go to …") && bench.shows("pods default /web"), "{}", bench.picture());
    bench.press("esc");
    assert!(!bench.shows("go to …"));
    bench.press("j");
    assert!(bench.shows("2/4"), "keys count again");
}

#[test]
fn themes_are_shown_while_one_chooses_and_esc_brings_the_old_one_back() {
    let mut bench = Bench::new(80, 24);
    bench.write(":theme").press("enter");
    assert!(bench.shows("solarized-light") && matches!(bench.app.overlay, Some(Overlay::Palette(..))), "{}", bench.picture());
    bench.press("down");
    assert_eq!(bench.app.theme.name, "light");
    bench.press("esc");
    assert_eq!(bench.app.theme.name, "dark");
    bench.write(":theme").press("enter").write("nord").press("enter");
    assert_eq!(bench.app.theme.name, "nord");
    bench.press("space t").write("gruv").press("enter").press("j");
    assert_eq!(bench.app.theme.name, "gruvbox");
}

#[test]
fn a_read_only_console_offers_and_does_no_changes() {
    let mut bench = Bench::new(80, 24);
    bench.app.rights = Rights::new(true, false);
    assert!(bench.line(0).contains("read-only") && !bench.shows("delete"), "{}", bench.picture());
    bench.press("j x d");
    assert!(bench.app.overlay.is_none() && bench.shows("this console is read-only"), "{}", bench.picture());
    bench.press("space n").write("x").press("ctrl-x c").write("w").press("enter");
    let asked: Vec<_> = bench.effects.iter().filter(|effect| matches!(effect, Effect::Link(_))).collect();
    assert!(asked.len() <= 1, "only the dry run: {asked:?}");
    let id = bench.asked().expect("the daemon may check it").0;
    let checked = wire::Response::Object { object: Box::default(), warnings: Vec::new(), outcome: "created".to_owned() };
    bench.wire(Wire::Answer(id, Ok(checked)));
    assert!(bench.shows("this console is read-only"), "{}", bench.picture());
    assert_eq!(bench.asked().map(|(last, _)| last), Some(id), "nothing else was sent");
}

#[test]
fn a_captive_console_touches_no_file_and_is_not_suspended() {
    let mut bench = Bench::new(80, 24);
    bench.app.rights = Rights::new(false, true);
    for command in [":open /etc/shadow", ":w /tmp/x"] {
        bench.press("esc").write(command).press("enter");
        assert!(bench.shows("may not use files"), "{command}\n{}", bench.picture());
    }
    bench.press("ctrl-z");
    bench.take(Msg::Suspend);
    bench.press("j D S");
    assert!(bench.effects.iter().all(|effect| !matches!(effect, Effect::Read(_) | Effect::Write(..) | Effect::Suspend)));
    bench.take(Msg::Written(PathBuf::from("/tmp/x"), Ok(())));
}

#[test]
fn without_a_choice_the_looks_follow_the_terminal() {
    use crate::console::app::theming::ThemeFrom;
    use crate::console::term::input::Shade;
    let mut bench = Bench::new(80, 24);
    bench.take(Msg::Input(Input::Background(Shade::Light)));
    assert_eq!(bench.app.theme.name, "dark", "the user chose it");
    bench.app.theme_from = ThemeFrom::Terminal;
    bench.take(Msg::Input(Input::Background(Shade::Light)));
    assert_eq!(bench.app.theme.name, "light");
    bench.write(":theme nord").press("enter");
    bench.take(Msg::Input(Input::Background(Shade::Light)));
    assert_eq!(bench.app.theme.name, "nord");
}

#[test]
fn a_session_that_was_cut_off_goes_on_where_it_was() {
    let mut bench = Bench::new(90, 24);
    bench.write(":nodes").press("enter").write(":pods default /!web-9").press("enter j j").write(":new mine").press("enter");
    bench.press("delete");
    bench.effects.clear();
    bench.take(Msg::Input(Input::Gone));
    let [Effect::Keep("session.json", text), Effect::Quit] = bench.effects.as_slice() else { panic!("{:?}", bench.effects) };
    let mut next = Bench::unconnected(90, 24);
    crate::console::app::session::offer(&mut next.app, text).expect("it is read");
    next.connect();
    assert!(matches!(next.app.screen(), Screen::Edit(edit) if edit.is_changed()), "{}", next.picture());
    assert!(next.shows("gone on where the session was cut off"), "{}", next.picture());
    next.take(Msg::Input(Input::Gone));
    assert!(matches!(next.effects.as_slice(), [.., Effect::Keep(_, again), Effect::Quit] if again.contains("mine")));
    next.press("esc y");
    assert!(next.shows("/!web-9") && next.line(1).contains("3/4"), "{}", next.picture());
    next.press("esc ctrl-o");
    assert!(next.line(1).contains("nodes"), "{}", next.picture());
}

#[test]
fn an_old_session_another_daemons_and_none_at_all_begin_anew() {
    let mut bench = Bench::new(90, 24);
    bench.take(Msg::Input(Input::Gone));
    assert!(matches!(bench.effects.as_slice(), [Effect::Quit]), "there is nothing to go on with");
    bench.effects.clear();
    bench.write(":nodes").press("enter");
    bench.take(Msg::Input(Input::Gone));
    let Some(Effect::Keep(_, text)) = bench.effects.first().cloned() else { panic!("nothing was kept") };
    let mut other = Bench::unconnected(90, 24);
    other.app.address = "unix:///elsewhere.sock".to_owned();
    crate::console::app::session::offer(&mut other.app, &text).expect("it is read");
    assert!(other.app.resuming.is_none());
    let mut late = Bench::unconnected(90, 24);
    late.wait(13 * 3_600);
    crate::console::app::session::offer(&mut late.app, &text).expect("it is read");
    assert!(late.app.resuming.is_none());
    assert!(crate::console::app::session::offer(&mut late.app, "{").is_err());
}

#[test]
fn a_text_is_kept_a_moment_after_it_changed_and_no_longer_than_it_is_needed() {
    let kept = |bench: &Bench| {
        bench
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::KeepUnsaved(text) => Some(text.clone()),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    let mut bench = Bench::new(90, 24);
    bench.write(":new mine").press("enter");
    bench.wait(5);
    assert!(kept(&bench).is_empty(), "a template nobody touched is no loss");
    assert_eq!(bench.app.unsaved.next_due(), None, "and nothing is waited for");
    bench.press("a b");
    assert!(kept(&bench).is_empty() && bench.app.next_wake().is_some(), "not at every key");
    bench.wait(1);
    let [Some(text)] = &kept(&bench)[..] else { panic!("{:?}", bench.effects) };
    assert!(text.contains("abmine") && text.contains("\\n"), "{text}");
    bench.effects.clear();
    bench.wait(60);
    assert!(kept(&bench).is_empty() && bench.app.unsaved.next_due().is_none(), "once is enough");
    // Killed here: the next one goes on with it.
    let mut next = Bench::unconnected(90, 24);
    crate::console::app::session::offer(&mut next.app, text).expect("it is read");
    next.app.unsaved.found();
    next.connect();
    assert!(next.shows("abmine") && kept(&next).is_empty(), "{}", next.picture());
    next.wait(1);
    assert!(matches!(&kept(&next)[..], [Some(again)] if again.contains("abmine")), "it is kept as its own");
    next.effects.clear();
    next.press("esc y");
    assert_eq!(kept(&next), [None], "thrown away");
    // One who leaves before the daemon has answered leaves it as it was.
    let mut gone = Bench::unconnected(90, 24);
    crate::console::app::session::offer(&mut gone.app, text).expect("it is read");
    gone.app.unsaved.found();
    gone.write(":q!").press("enter");
    assert!(
        matches!(&gone.effects[..], [Effect::Keep("session.json", again), Effect::Quit] if again.contains("abmine")),
        "{:?}",
        gone.effects
    );
}
