//! What was recorded is played picture for picture, and what is no recording is refused.

use super::{Player, open};
use crate::console::demo::play;
use crate::console::run::record::{self, Head, Look, Recorder, Whole};
use crate::console::term::caps::Depth;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The demos, each with a world.
fn demos() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demos");
    let paths = std::fs::read_dir(folder).expect("the demos are there").map(|entry| entry.expect("readable").path());
    let mut demos: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|ending| ending == "demo")).collect();
    demos.sort();
    assert!(demos.len() >= 6, "{demos:?}");
    demos
}

/// A demo's session as a file, and what was on the screen of it.
fn recorded(demo: &Path, folder: &Path) -> (PathBuf, play::Recording) {
    let path = folder.join("demo.skiffrec");
    let (_, shown) =
        play::play(demo, None, "demo", play::Beside { session: Some(&path), ..play::Beside::default() }).expect("the demo plays");
    (path, shown)
}

#[test]
fn a_session_shows_the_same_pictures_when_it_is_played_again() {
    for demo in demos() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, shown) = recorded(&demo, folder.path());
        let film = open(&path, false).expect("it is read").film("again").expect("it plays");
        let text = |frames: &[crate::console::demo::stage::Frame]| {
            let mut pictures: Vec<_> = frames.iter().map(|frame| (frame.picture.clone(), frame.cursor)).collect();
            pictures.dedup();
            pictures
        };
        let (one, two) = (text(&shown.frames), text(&film.frames));
        let differs = one.iter().zip(&two).position(|(one, two)| one != two);
        assert_eq!((differs, one.len()), (None, two.len()), "{}", demo.display());
    }
}

#[test]
fn one_stands_at_any_moment_and_goes_on_from_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, _) = recorded(&demos()[0], folder.path());
    let mut player = open(&path, false).expect("it is read");
    let start = player.text();
    player.go_to(Duration::MAX).expect("it plays");
    let end = player.text();
    assert!(start != end && player.next_at().is_none(), "{end}");
    let mut steps = open(&path, false).expect("it is read");
    let half = steps.length / 2;
    steps.go_to(half).expect("it plays");
    assert!(steps.next_at().is_some_and(|at| at > half));
    while steps.step().expect("it plays") {}
    assert_eq!(steps.text(), end);
    let about = steps.about();
    assert!(about.contains("a session of skiff") && about.contains(" keys, ") && !about.contains("no end"), "{about}");
}

#[test]
fn the_same_demo_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, _) = recorded(&demos()[0], folder.path());
    let one = std::fs::read(&path).expect("read");
    std::fs::remove_file(&path).expect("removed");
    let (path, _) = recorded(&demos()[0], folder.path());
    assert!(std::fs::read(path).expect("read") == one);
}

#[test]
fn a_file_that_was_cut_off_changed_or_is_none_says_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, _) = recorded(&demos()[0], folder.path());
    let text = std::fs::read_to_string(&path).expect("read");
    let lines = text.lines().count();
    let other = folder.path().join("other");
    let fails = |content: &str| {
        std::fs::write(&other, content).expect("written");
        open(&other, false).map(|_| ()).expect_err("refused")
    };
    // In the middle of a line: only where one wants it.
    let cut = &text[..text.len() * 2 / 3];
    let cut = cut.strip_suffix('\n').unwrap_or(cut);
    let why = fails(cut);
    assert!(why.contains("ends in the middle of a line") && why.contains("--partial"), "{why}");
    let mut part = open(&other, true).expect("it plays as far as it goes");
    part.go_to(Duration::MAX).expect("it plays");
    assert!(part.about().contains("cut off in line"), "{}", part.about());
    // Without its end: of a console that was killed.
    let whole: Vec<&str> = text.lines().take(lines - 1).collect();
    std::fs::write(&other, whole.join("\n") + "\n").expect("written");
    let killed = open(&other, false).expect("it plays");
    assert!(killed.about().contains("it has no end"), "{}", killed.about());
    let changed = text.replacen("\"key\":", "\"kee\":", 1);
    let why = fails(&changed);
    assert!(why.contains("other:") && why.contains("kee") && why.contains("was changed"), "{why}");
    for (content, word) in [
        ("", "is empty"),
        ("{\"version\":3,\"term\":{}}\n", "no recording of skiff"),
        ("#!/bin/sh\n", "no recording of skiff"),
        ("{\"format\":\"skiff-recording\",\"version\":9}\n", "version 9"),
        ("{\"format\":\"skiff-recording\",\"version\":1}\n", "was changed"),
    ] {
        let why = fails(content);
        assert!(why.contains(word), "{content}: {why}");
    }
    std::fs::write(&other, [0xff, 0xfe, 0]).expect("written");
    assert!(open(&other, false).err().is_some_and(|why| why.contains("not text")));
    assert!(open(Path::new("/nonexistent"), false).err().is_some_and(|why| why.contains("cannot read")));
    let backwards = format!("{}\n[5,\"time\"]\n[4,\"time\"]\n", text.lines().next().expect("a head"));
    assert!(fails(&backwards).contains("time goes backwards"));
}

#[test]
fn a_recording_replaces_no_file_and_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.skiffrec");
    let head = || Head::new(jiff::Timestamp::UNIX_EPOCH, (80, 24), "demo", Look::new("dark", Depth::True, true));
    let recorder = Recorder::create(&path, &head()).expect("made");
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert!(Recorder::create(&path, &head()).is_err());
    drop(recorder);
    let recording = record::read(&path).expect("read");
    assert_eq!((recording.whole, recording.events.len()), (Whole::NoEnd, 0));
    assert!(Player::new(recording).expect("it plays").text().contains("pods"));
}
