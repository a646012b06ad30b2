//! The demos of the repository as tests, and the language they are written in.

use super::play::{self, Recording};
use super::script::{Act, Script};
use super::{cast, raster, svg};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../demos")
}

fn demos() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the demos are there").map(|entry| entry.expect("an entry").path());
    let mut demos: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "demo")).collect();
    demos.sort();
    demos
}

fn record(path: &Path) -> Recording {
    match play::play(path, None, "demo", play::Beside::default()) {
        Ok((_, recording)) => recording,
        Err(error) => panic!("{error:#}"),
    }
}

#[test]
fn every_demo_shows_what_it_says() {
    let demos = demos();
    assert!(demos.len() >= 7, "{demos:?}");
    for demo in demos {
        let recording = record(&demo);
        assert!(recording.frames.len() > 5 && recording.length > Duration::from_secs(5), "{}", demo.display());
        assert!(!recording.markers.is_empty(), "{} names no moment", demo.display());
    }
}

#[test]
fn a_recording_has_the_same_bytes_every_time() {
    let demo = folder().join("crash-loop.demo");
    let all = |recording: &Recording| {
        let gif = raster::gif(recording).expect("a GIF");
        (cast::v3(recording), cast::v2(recording), svg::film(recording), gif)
    };
    assert!(all(&record(&demo)) == all(&record(&demo)));
    // What programs in panes write, too.
    let pane = || cast::v3(&record(&folder().join("a-shell-in-a-pane.demo")));
    assert!(pane() == pane());
}

#[test]
fn a_recording_played_into_a_terminal_shows_the_last_picture() {
    let recording = record(&folder().join("crash-loop.demo"));
    let size = |count: u16| std::num::NonZeroU16::new(count).expect("a window");
    let mut terminal = vt100::Parser::new(size(recording.size.1), size(recording.size.0), 0);
    let mut length = Duration::ZERO;
    for line in cast::v3(&recording).lines().skip(1) {
        let event: (f64, String, String) = serde_json::from_str(line).expect("an event");
        length += Duration::from_secs_f64(event.0);
        if event.1 == "o" {
            terminal.process(event.2.as_bytes());
        }
    }
    let last = &recording.frames.last().expect("a picture").picture;
    let text = |cells: &[ratatui::buffer::Cell]| {
        cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
    };
    let painted: Vec<String> = last.content.chunks(usize::from(last.area.width)).map(text).collect();
    let shown: Vec<String> = terminal.screen().rows(0, recording.size.0).map(|row| row.trim_end().to_owned()).collect();
    assert_eq!(painted, shown);
    assert!(length.abs_diff(recording.length) < Duration::from_millis(50), "{length:?}");
}

#[test]
fn a_gif_can_be_read_and_holds_every_picture() {
    let recording = record(&folder().join("crash-loop.demo"));
    let bytes = raster::gif(&recording).expect("a GIF");
    let mut decoder = gif::DecodeOptions::new().read_info(bytes.as_slice()).expect("it can be read");
    assert_eq!((decoder.width(), decoder.height()), (recording.size.0 * 8, recording.size.1 * 16));
    let mut count = 0;
    let mut hundredths = 0;
    while let Some(frame) = decoder.read_next_frame().expect("a picture") {
        (count, hundredths) = (count + 1, hundredths + u64::from(frame.delay));
    }
    assert_eq!(count, svg::seen(&recording).len());
    assert!(hundredths.abs_diff(recording.length.as_millis() as u64 / 10) <= count as u64);
}

#[test]
fn a_script_is_the_tape_language_and_our_words_in_comments() {
    let text = "# a comment\nSet Width 120\nSet FontSize 14\nType@10ms \"ab c\" Enter 2 Ctrl+d # more\nWait+Screen@3s /a b\\/c/\n\
                #: expect /x/\n#: marker here\nHide Sleep 500ms Show\nScreenshot a.svg\n";
    let script = Script::parse(text).expect("a script");
    assert_eq!(script.size, (120, 30));
    assert_eq!(script.steps.len(), 10);
    assert!(
        matches!(&script.steps[0].act, Act::Type(text, Some(pause)) if text == "ab c" && *pause == Duration::from_millis(10))
    );
    assert!(matches!(&script.steps[1].act, Act::Press(keys, None) if keys.len() == 2));
    assert!(matches!(&script.steps[3].act, Act::Wait(regex, timeout) if regex.as_str() == "a b/c" && timeout.as_secs() == 3));
    assert!(matches!(&script.steps[8].act, Act::Show(true)));
}

#[test]
fn a_script_that_is_wrong_says_where() {
    let wrong = |text: &str| Script::parse(text).expect_err("it is wrong");
    assert_eq!(wrong("Type \"a\nSleep 1s"), "line 1: \" is never closed");
    assert!(wrong("Sleep 1s\nSleep soon").starts_with("line 2: \"soon\" is no time"));
    assert!(wrong("Wait /(/").starts_with("line 1: /(/ is no regular expression"));
    assert!(wrong("Jump").contains("no command and no key"));
    assert!(wrong("#: hope /x/").contains("none of world, expect"));
    assert!(wrong("Set Colour red").contains("no setting"));
}

#[test]
fn a_failed_expectation_shows_the_screen() {
    let folder = tempfile::tempdir().expect("a folder");
    let (script, world) = (folder.path().join("x.demo"), folder.path().join("w.yaml"));
    std::fs::write(&world, "start: 2026-03-01T12:00:00Z\nnodes: [oak]\n").expect("written");
    std::fs::write(&script, "#: world w.yaml\nWait@1s /never/\n").expect("written");
    let error = play::play(&script, None, "demo", play::Beside::default()).map(drop).expect_err("it fails").to_string();
    assert!(error.contains("line 2: /never/ does not come") && error.contains("no pods yet"), "{error}");
}
