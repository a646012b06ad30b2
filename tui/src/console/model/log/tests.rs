//! What a log keeps and shows.

use super::{Filter, Log, MAX_LINES};
use crate::console::model::lines::Lines;

fn texts(log: &Log) -> Vec<String> {
    (0..log.len()).map(|at| log.line(at).into_owned()).collect()
}

fn line(second: u32, text: &str) -> String {
    format!("2026-01-01T00:00:{second:02}.000000000Z {text}\n")
}

#[test]
fn lines_come_in_any_pieces_and_lose_their_colours() {
    let whole = "2026-01-01T00:00:00.000000001Z \u{1b}[32mhello\u{1b}[0m\n2026-01-01T00:00:00.000000002Z wörld\n".as_bytes();
    for cut in 0..whole.len() {
        let mut log = Log::default();
        log.take(0, &whole[..cut], 0);
        log.take(0, &whole[cut..], 0);
        assert_eq!(texts(&log), ["hello", "wörld"], "cut at {cut}");
        assert_eq!(log.newest(0), Some("2026-01-01T00:00:00.000000002Z"));
        assert_eq!(log.line(2), "");
    }
}

#[test]
fn lines_known_before_an_interruption_are_not_shown_twice() {
    let mut log = Log::default();
    log.take(0, b"2026-01-01T00:00:00.000000001Z a\n2026-01-01T00:00:00.000000005Z b\n2026-01-01T00:00:01.0", 0);
    log.resume(0);
    log.take(0, b"2026-01-01T00:00:00.000000005Z b\n2026-01-01T00:00:00.000000006Z c\n", 0);
    assert_eq!(texts(&log), ["a", "b", "c"]);
    log.shows_times = true;
    assert_eq!(log.line(0), "2026-01-01T00:00:00.000000001Z a");
    assert!(log.to_text().ends_with("6Z c\n"));
}

#[test]
fn the_oldest_lines_leave_when_there_are_too_many() {
    let mut log = Log::default();
    let moved = log.take(0, "x\n".repeat(MAX_LINES + 3).as_bytes(), 0);
    assert_eq!((moved, log.left, log.len()), (-3, 3, MAX_LINES));
    log.take(0, b"end without a break", 0);
    log.finish(0);
    assert_eq!(log.line(log.len() - 1), "end without a break");
}

#[test]
fn several_sources_are_merged_by_time_and_named() {
    let mut log = Log::of(vec!["a │ ".to_owned(), "b │ ".to_owned()]);
    log.take(0, format!("{}{}", line(1, "one"), line(5, "five")).as_bytes(), 0);
    assert_eq!(log.take(1, format!("{}{}{}", line(0, "zero"), line(3, "three"), line(9, "nine")).as_bytes(), 1), 1);
    assert_eq!(texts(&log), ["b │ zero", "a │ one", "b │ three", "a │ five", "b │ nine"]);
    assert_eq!((0..5).map(|at| log.source_of(at)).collect::<Vec<_>>(), [Some(1), Some(0), Some(1), Some(0), Some(1)]);
    log.shows_times = true;
    assert_eq!(log.edges(0), (31, 31 + "b │ ".len()));
    assert_eq!(log.first_at("2026-01-01T00:00:02"), Some(2));
}

/// The plain way: what is shown of all lines, each looked at for itself.
fn expected(lines: &[String], wanted: &str, context: usize) -> Vec<String> {
    let passes = |at: usize| lines[at].contains(wanted);
    let near = |at: usize| (at.saturating_sub(context)..=(at + context).min(lines.len() - 1)).any(passes);
    (0..lines.len()).filter(|at| near(*at)).map(|at| lines[at].clone()).collect()
}

#[test]
fn a_filter_shows_matches_with_their_surroundings_in_whatever_order_lines_come() {
    for context in 0..4 {
        let mut log = Log::of(vec![String::new(), String::new()]);
        log.set_filter(Filter::parse("x", context));
        let (mut random, mut all) = (7_u32, Vec::new());
        for step in 0..60_u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // The second source is some lines behind the first.
            let second = if step % 2 == 0 { step } else { step.saturating_sub((random >> 20) % 9) };
            let text = format!("{}{step}", if (random >> 8).is_multiple_of(5) { "x" } else { "y" });
            log.take(step as usize % 2, line(second, &text).as_bytes(), 0);
            all.push((second, step, text));
            all.sort();
            let lines: Vec<String> = all.iter().map(|(.., text)| text.clone()).collect();
            assert_eq!(texts(&log), expected(&lines, "x", context), "context {context}, step {step}");
        }
        assert_eq!(log.total(), 60);
        log.set_filter(None);
        assert_eq!(log.len(), 60);
        log.set_filter(Filter::parse("!x", 0));
        assert!(texts(&log).iter().all(|line| !line.contains('x')));
    }
}

#[test]
fn a_mark_is_shown_whatever_the_filter_and_clearing_forgets_all() {
    let mut log = Log::default();
    log.take(0, line(1, "one").as_bytes(), 0);
    log.set_filter(Filter::parse("nothing", 0));
    log.mark("12:00");
    assert_eq!(log.len(), 1);
    assert!(log.line(0).contains("12:00"));
    log.clear();
    assert_eq!((log.len(), log.total()), (0, 0));
    log.take(0, line(2, "nothing").as_bytes(), 0);
    assert_eq!(texts(&log), ["nothing"]);
}
