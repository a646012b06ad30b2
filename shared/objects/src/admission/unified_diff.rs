//! The difference of two texts as the API server prints it when a field may not change.
//!
//! The server uses a port of Python's `difflib`, so this follows that algorithm, with its rule that lines which repeat
//! often in a long text start no match: another algorithm would be as right and give other text.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;

const CONTEXT: usize = 3;

/// A stretch that both texts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Match {
    old: usize,
    new: usize,
    length: usize,
}

/// A stretch of both sides: equal, or replaced.
#[derive(Debug, Clone)]
struct Stretch {
    is_equal: bool,
    old: Range<usize>,
    new: Range<usize>,
}

/// The hunks, without the names of files.
pub(super) fn unified(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut text = String::new();
    for hunk in hunks(stretches(&old, &new)) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        let (of_old, of_new) = (first.old.start..last.old.end, first.new.start..last.new.end);
        writeln!(text, "@@ -{} +{} @@", shown(&of_old), shown(&of_new)).expect("writing to a String cannot fail");
        for stretch in &hunk {
            let mut lines = |sign: char, lines: &[&str]| {
                for line in lines {
                    text.push(sign);
                    text.push_str(line);
                    text.push('\n');
                }
            };
            if stretch.is_equal {
                lines(' ', &old[stretch.old.clone()]);
            } else {
                lines('-', &old[stretch.old.clone()]);
                lines('+', &new[stretch.new.clone()]);
            }
        }
    }
    text
}

fn shown(range: &Range<usize>) -> String {
    match range.len() {
        1 => format!("{}", range.start + 1),
        0 => format!("{},0", range.start),
        length => format!("{},{length}", range.start + 1),
    }
}

fn hunks(mut stretches: Vec<Stretch>) -> Vec<Vec<Stretch>> {
    let trim_start = |range: &mut Range<usize>| range.start = range.start.max(range.end.saturating_sub(CONTEXT));
    let trim_end = |range: &mut Range<usize>| range.end = range.end.min(range.start + CONTEXT);
    if let Some(first) = stretches.first_mut().filter(|stretch| stretch.is_equal) {
        trim_start(&mut first.old);
        trim_start(&mut first.new);
    }
    if let Some(last) = stretches.last_mut().filter(|stretch| stretch.is_equal) {
        trim_end(&mut last.old);
        trim_end(&mut last.new);
    }
    let mut hunks = Vec::new();
    let mut hunk: Vec<Stretch> = Vec::new();
    for mut stretch in stretches {
        if stretch.is_equal && stretch.old.len() > 2 * CONTEXT {
            let mut head = stretch.clone();
            trim_end(&mut head.old);
            trim_end(&mut head.new);
            hunk.push(head);
            hunks.push(std::mem::take(&mut hunk));
            trim_start(&mut stretch.old);
            trim_start(&mut stretch.new);
        }
        hunk.push(stretch);
    }
    hunks.push(hunk);
    hunks.retain(|hunk| hunk.iter().any(|stretch| !stretch.is_equal));
    hunks
}

fn stretches(old: &[&str], new: &[&str]) -> Vec<Stretch> {
    let mut matches = matching(old, new);
    matches.push(Match { old: old.len(), new: new.len(), length: 0 });
    let (mut old_at, mut new_at) = (0, 0);
    let mut stretches: Vec<Stretch> = Vec::new();
    for found in matches {
        if old_at < found.old || new_at < found.new {
            stretches.push(Stretch { is_equal: false, old: old_at..found.old, new: new_at..found.new });
        }
        (old_at, new_at) = (found.old + found.length, found.new + found.length);
        if found.length > 0 {
            stretches.push(Stretch { is_equal: true, old: found.old..old_at, new: found.new..new_at });
        }
    }
    stretches
}

fn matching(old: &[&str], new: &[&str]) -> Vec<Match> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, line) in new.iter().enumerate() {
        places.entry(line).or_default().push(index);
    }
    if new.len() >= 200 {
        let limit = new.len() / 100 + 1;
        places.retain(|_, indices| indices.len() <= limit);
    }
    let mut found = Vec::new();
    let mut open = vec![(0..old.len(), 0..new.len())];
    while let Some((old_range, new_range)) = open.pop() {
        let best = longest(old, new, &places, (old_range.clone(), new_range.clone()));
        if best.length == 0 {
            continue;
        }
        open.push((old_range.start..best.old, new_range.start..best.new));
        open.push((best.old + best.length..old_range.end, best.new + best.length..new_range.end));
        found.push(best);
    }
    found.sort_by_key(|found| (found.old, found.new));
    let mut joined: Vec<Match> = Vec::new();
    for next in found {
        match joined.last_mut() {
            Some(last) if last.old + last.length == next.old && last.new + last.length == next.new => last.length += next.length,
            _ => joined.push(next),
        }
    }
    joined
}

fn longest(old: &[&str], new: &[&str], places: &HashMap<&str, Vec<usize>>, within: (Range<usize>, Range<usize>)) -> Match {
    let (old_range, new_range) = within;
    let mut best = Match { old: old_range.start, new: new_range.start, length: 0 };
    let mut lengths: HashMap<usize, usize> = HashMap::new();
    for old_at in old_range.clone() {
        let mut next = HashMap::new();
        for &new_at in places.get(old[old_at]).into_iter().flatten().filter(|at| new_range.contains(at)) {
            let length = new_at.checked_sub(1).and_then(|before| lengths.get(&before)).copied().unwrap_or(0) + 1;
            next.insert(new_at, length);
            if length > best.length {
                best = Match { old: old_at + 1 - length, new: new_at + 1 - length, length };
            }
        }
        lengths = next;
    }
    while best.old > old_range.start && best.new > new_range.start && old[best.old - 1] == new[best.new - 1] {
        best = Match { old: best.old - 1, new: best.new - 1, length: best.length + 1 };
    }
    while best.old + best.length < old_range.end
        && best.new + best.length < new_range.end
        && old[best.old + best.length] == new[best.new + best.length]
    {
        best.length += 1;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn a_difference_has_three_lines_around_it() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\n";
        assert_eq!(unified(old, &old.replace("e\n", "x\n")), "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+x\n f\n g\n h\n");
        assert_eq!(unified(old, &old.replace("h\n", "")), "@@ -5,4 +5,3 @@\n e\n f\n g\n-h\n");
        assert_eq!(unified(old, &format!("new\n{old}")), "@@ -1,3 +1,4 @@\n+new\n a\n b\n c\n");
        assert_eq!(unified(old, old), "");
    }

    #[test]
    fn distant_differences_are_hunks_of_their_own() {
        let lines: Vec<String> = (0..30).map(|line| format!("{line}\n")).collect();
        let old = lines.concat();
        let text = unified(&old, &old.replace("\n3\n", "\nx\n").replace("\n20\n", "\ny\n"));
        assert_eq!(text.matches("@@ -").count(), 2, "{text}");
    }
}
