//! Merges three texts by their lines: what one began with, one's own, and what somebody else made of it meanwhile.

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// A piece of the merged text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Lines that are certain.
    Lines(Vec<String>),
    /// Lines that both changed, each in another way.
    Conflict {
        /// As one has them.
        yours: Vec<String>,
        /// As the other one has them.
        theirs: Vec<String>,
    },
}

/// What one side has in the place of some lines of the base.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    start: usize,
    end: usize,
    lines: Vec<String>,
}

fn changes(base: &[&str], side: &[&str]) -> Vec<Change> {
    let operations = capture_diff_slices(Algorithm::Myers, base, side);
    let change = |operation: &DiffOp| {
        let (_, old, new) = operation.as_tag_tuple();
        Change { start: old.start, end: old.end, lines: side[new].iter().map(|line| (*line).to_owned()).collect() }
    };
    operations.iter().filter(|operation| !matches!(operation, DiffOp::Equal { .. })).map(change).collect()
}

/// The lines of a stretch of the base with the changes of one side in it.
fn with(base: &[&str], changes: &[Change], start: usize, end: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = start;
    for change in changes {
        out.extend(base[at..change.start].iter().map(|line| (*line).to_owned()));
        out.extend(change.lines.iter().cloned());
        at = change.end;
    }
    out.extend(base[at..end].iter().map(|line| (*line).to_owned()));
    out
}

/// The pieces of the merged text, in order.
pub fn merge(base: &str, yours: &str, theirs: &str) -> Vec<Piece> {
    let base: Vec<&str> = base.lines().collect();
    let own = changes(&base, &yours.lines().collect::<Vec<_>>());
    let other = changes(&base, &theirs.lines().collect::<Vec<_>>());
    let mut pieces = Vec::new();
    let (mut at, mut one, mut two) = (0, 0, 0);
    loop {
        let starts = [own.get(one), other.get(two)].into_iter().flatten().map(|change| change.start);
        let Some(start) = starts.min() else { break };
        // A stretch grows as long as a change of either side begins in it; changes that touch belong together.
        let mut end = start;
        let (first_own, first_other) = (one, two);
        loop {
            let grows = |change: Option<&Change>, is_first: bool| {
                change
                    .filter(|change| change.start < end || (change.start == end && (is_first || change.start == start)))
                    .map(|change| change.end)
            };
            if let Some(to) = grows(own.get(one), one == first_own && own.get(one).is_some_and(|change| change.start == start)) {
                (end, one) = (end.max(to), one + 1);
            } else if let Some(to) =
                grows(other.get(two), two == first_other && other.get(two).is_some_and(|change| change.start == start))
            {
                (end, two) = (end.max(to), two + 1);
            } else {
                break;
            }
        }
        push(&mut pieces, base[at..start].iter().map(|line| (*line).to_owned()).collect());
        let (mine, others) = (&own[first_own..one], &other[first_other..two]);
        let (yours, theirs) = (with(&base, mine, start, end), with(&base, others, start, end));
        match (mine.is_empty(), others.is_empty()) {
            (_, true) => push(&mut pieces, yours),
            (true, false) => push(&mut pieces, theirs),
            (false, false) if yours == theirs => push(&mut pieces, yours),
            (false, false) => pieces.push(Piece::Conflict { yours, theirs }),
        }
        at = end;
    }
    push(&mut pieces, base[at..].iter().map(|line| (*line).to_owned()).collect());
    pieces
}

fn push(pieces: &mut Vec<Piece>, lines: Vec<String>) {
    match pieces.last_mut() {
        _ if lines.is_empty() => {}
        Some(Piece::Lines(before)) => before.extend(lines),
        _ => pieces.push(Piece::Lines(lines)),
    }
}

/// Where two texts differ, with the lines around: `-` what goes, `+` what comes.
pub fn difference(old: &str, new: &str) -> Vec<String> {
    let text = similar::TextDiff::from_lines(old, new).unified_diff().context_radius(2).to_string();
    text.lines().filter(|line| !line.starts_with("\\ No newline")).map(str::to_owned).collect()
}

/// The same lines for a window of so many columns: of a line that goes and the one that comes for it the beginning is left out where both
/// have it and what differs would not be seen behind it.
pub fn narrowed(lines: &[String], columns: usize) -> Vec<String> {
    let mut out = lines.to_vec();
    let mut at = 0;
    while at < lines.len() {
        let count = |from: usize, sign: char| lines[from..].iter().take_while(|line| line.starts_with(sign)).count();
        let going = count(at, '-');
        let coming = count(at + going, '+');
        for pair in 0..going.min(coming) {
            let (old, new) = (&lines[at + pair], &lines[at + going + pair]);
            let same = old.chars().zip(new.chars()).skip(1).take_while(|(one, two)| one == two).count();
            if same + LEAD < columns || old.chars().count().max(new.chars().count()) <= columns {
                continue;
            }
            for place in [at + pair, at + going + pair] {
                let rest: String = lines[place].chars().skip(1 + same - LEAD).collect();
                out[place] = format!("{}…{rest}", &lines[place][..1]);
            }
        }
        at += (going + coming).max(1);
    }
    out
}

/// Letters before the first that differs which are still shown.
const LEAD: usize = 20;

#[cfg(test)]
mod tests {
    use super::{Piece, difference, merge, narrowed};

    fn text(pieces: &[Piece]) -> Option<String> {
        let mut out = String::new();
        for piece in pieces {
            let Piece::Lines(lines) = piece else { return None };
            lines.iter().for_each(|line| out.push_str(&format!("{line}\n")));
        }
        Some(out)
    }

    #[test]
    fn changes_apart_from_one_another_are_merged_and_comments_stay() {
        let base = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n";
        let yours = "a: 1 # mine\nb: 2\nc: 3\nd: 4\ne: 5\n";
        let theirs = "a: 1\nb: 2\nc: 3\nd: 40\ne: 5\nf: 6\n";
        assert_eq!(text(&merge(base, yours, theirs)).as_deref(), Some("a: 1 # mine\nb: 2\nc: 3\nd: 40\ne: 5\nf: 6\n"));
        assert_eq!(text(&merge(base, base, theirs)).as_deref(), Some(theirs));
        assert_eq!(text(&merge(base, yours, base)).as_deref(), Some(yours));
        assert_eq!(text(&merge(base, theirs, theirs)).as_deref(), Some(theirs), "the same change is no conflict");
    }

    #[test]
    fn lines_that_both_changed_are_a_conflict_with_both_sides() {
        let pieces = merge("a\nb\nc\n", "a\nmine\nc\n", "a\ntheirs\nc\nd\n");
        let conflict = Piece::Conflict { yours: vec!["mine".to_owned()], theirs: vec!["theirs".to_owned()] };
        assert_eq!(pieces, [Piece::Lines(vec!["a".to_owned()]), conflict, Piece::Lines(vec!["c".to_owned(), "d".to_owned()])]);
        let both_insert = merge("a\n", "a\nx\n", "a\ny\n");
        assert!(both_insert.iter().any(|piece| matches!(piece, Piece::Conflict { .. })), "{both_insert:?}");
        let deleted = merge("a\nb\nc\n", "a\nc\n", "a\nB\nc\n");
        assert!(deleted.iter().any(|piece| matches!(piece, Piece::Conflict { yours, .. } if yours.is_empty())), "{deleted:?}");
    }

    #[test]
    fn whatever_two_sides_do_no_line_of_theirs_alone_is_lost() {
        // Every way to take out or change lines of three on both sides.
        let variants: Vec<String> = (0..27_u32)
            .map(|code| {
                (0..3)
                    .map(|at| match code / 3_u32.pow(at) % 3 {
                        0 => format!("l{at}\n"),
                        1 => format!("L{at}\n"),
                        _ => String::new(),
                    })
                    .collect()
            })
            .collect();
        for theirs in &variants {
            assert_eq!(text(&merge("l0\nl1\nl2\n", "l0\nl1\nl2\n", theirs)).as_ref(), Some(theirs));
            for yours in &variants {
                let sides = |take_yours: bool| -> String {
                    let pieces = merge("l0\nl1\nl2\n", yours, theirs);
                    let lines = pieces.iter().flat_map(|piece| match piece {
                        Piece::Lines(lines) => lines.clone(),
                        Piece::Conflict { yours, theirs } => {
                            if take_yours {
                                yours.clone()
                            } else {
                                theirs.clone()
                            }
                        }
                    });
                    lines.map(|line| line + "\n").collect()
                };
                for at in 0..3 {
                    // A line that only they changed is in both outcomes as they have it.
                    let (plain, changed) = (format!("l{at}\n"), format!("L{at}\n"));
                    if yours.contains(&plain) && theirs.contains(&changed) && !sides(true).contains(&changed) {
                        assert!(sides(false).contains(&changed), "{yours:?} {theirs:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_difference_shows_what_goes_and_what_comes() {
        assert_eq!(difference("a\nb\n", "a\nc\n"), ["@@ -1,2 +1,2 @@", " a", "-b", "+c"]);
        assert!(difference("a\n", "a\n").is_empty());
    }

    #[test]
    fn what_differs_at_the_end_of_long_lines_is_seen_in_a_narrow_window() {
        let lines = |last: &str| vec![format!("-  {}exit 3", "x".repeat(90)), format!("+  {}{last}", "x".repeat(90))];
        let told = narrowed(&lines("sleep 9"), 68);
        assert_eq!(told, [format!("-…{}exit 3", "x".repeat(20)), format!("+…{}sleep 9", "x".repeat(20))]);
        let short = vec!["-a: 1".to_owned(), "+a: 2".to_owned(), " b: 1".to_owned()];
        assert_eq!(narrowed(&short, 68), short);
        let apart = vec![format!("-ü{}", "x".repeat(90)), format!("+ä{}", "x".repeat(90)), "+more".to_owned()];
        assert_eq!(narrowed(&apart, 68), apart, "the beginning differs, and is seen");
    }
}
