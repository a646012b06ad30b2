//! The pulses: how the whole stands on one page. What has room and what not, what happened in the last hour, what fails.

use super::line::{Line, bar, beside, cut, fullness, sparkline};
use super::{Known, Page, Target};
use crate::console::base::text;
use crate::console::model::findings::{self, Finding};
use crate::console::model::project::{bytes, cores};
use crate::console::model::row::{Cell, Key, Row, Tone};
use crate::console::model::{columns, pulse, usage, why};
use crate::console::screen::list_view::{sign, tone_role};
use crate::console::theme::role::Role;
use objects::Kind;
use std::collections::BTreeMap;

/// From this width on there are two columns.
const WIDE: u16 = 110;
/// Rows that the lists of what fails and of warnings have at least.
const SHOWN: usize = 8;
/// Rows of all that stands beside those two lists, and a line for each node.
const AROUND: usize = 20;

/// The page.
pub fn page(known: &Known<'_>) -> Page {
    let mut page = Page::default();
    let width = known.size.0.saturating_sub(2);
    let is_wide = width >= WIDE;
    let column = if is_wide { width / 2 } else { width };
    let cluster = cluster(known, column);
    let hour = last_hour(known, column, &mut page);
    let failing = failing(known, width, &mut page);
    let warnings = warnings(known, width, &mut page);
    // What fails comes before what only happened, where not everything has room.
    let parts = if is_wide {
        vec![beside(cluster, hour, usize::from(column) + 1), failing, nodes(known, width), warnings]
    } else {
        vec![cluster, failing, hour, nodes(known, width), warnings]
    };
    page.lines = parts.into_iter().flatten().collect();
    // What happened moves out of the hour by itself.
    page.wake(60);
    page
}

/// How many rows the lists of what fails and of warnings have each: a high window shows more of them.
fn shown(known: &Known<'_>) -> usize {
    let around = AROUND + known.store.of(Kind::Node).len();
    (usize::from(known.size.1).saturating_sub(around) / 2).max(SHOWN)
}

fn cluster(known: &Known<'_>, width: u16) -> Vec<Line> {
    let mut lines = vec![Line::heading("CLUSTER", width)];
    for (kind, title) in [(Kind::Node, "nodes"), (Kind::Pod, "pods")] {
        let rows = known.store.of(kind);
        let mut line = Line::default().cell(Role::Dim, title, 9).cell(Role::Text, &rows.len().to_string(), 7);
        for tone in [Tone::Ok, Tone::Busy, Tone::Warn, Tone::Bad, Tone::Done] {
            let count = rows.count(tone);
            let (mark, role) = sign(tone);
            let said = format!("{mark} {count}");
            line = line.cell(if count > 0 { role } else { Role::Dim }, &said, text::width(&said).max(5) + 2);
        }
        lines.push(line);
    }
    let load = load_by_node(known);
    let sum = |of: fn(&Load) -> (f64, f64)| load.values().map(of).fold((0.0, 0.0), |one, two| (one.0 + two.0, one.1 + two.1));
    let room = usize::from(width);
    let used = known.store.usage.total();
    let (asked_cores, asked_bytes) = (sum(|load| load.cores), sum(|load| load.bytes));
    // What is used is a share of what those nodes have that told it.
    let measured: Vec<&Load> =
        load.iter().filter(|(node, _)| known.store.usage.of_node(node).is_some()).map(|(_, load)| load).collect();
    let most = |of: fn(&Load) -> f64| measured.iter().map(|load| of(load)).sum::<f64>();
    let of = if measured.len() < load.len() { format!("used, {}/{} nodes", measured.len(), load.len()) } else { "used".into() };
    lines.push(used_gauge("cpu", (used.map(|used| used.cores), most(|load| load.cores.1)), (used_cores, &of), room));
    lines.push(gauge("", asked_cores, (cores, "asked for"), room));
    lines.push(used_gauge("memory", (used.map(|used| used.bytes), most(|load| load.bytes.1)), (bytes, &of), room));
    lines.push(gauge("", asked_bytes, (bytes, "asked for"), room));
    lines.push(gauge("room", sum(|load| load.pods), (|pods| format!("{pods:.0}"), "pods"), room));
    lines.push(Line::default());
    lines
}

fn gauge(title: &str, (used, most): (f64, f64), (show, word): (fn(f64) -> String, &str), width: usize) -> Line {
    let share = if most > 0.0 { used / most } else { 0.0 };
    let text = format!("{} of {} {word}", show(used), show(most));
    let (full, rest) = bar(share, gauge_columns(width));
    let line = Line::default().cell(Role::Dim, title, 9).put(fullness(share), full).put(Role::Faint, rest);
    line.cell(Role::Text, &format!("{:>4.0}%", share * 100.0), 6).put(Role::Dim, text)
}

/// What is used now, in the place of which it stands also as long as nobody knows it.
fn used_gauge(title: &str, (used, most): (Option<f64>, f64), (show, word): (fn(f64) -> String, &str), width: usize) -> Line {
    let Some(used) = used else {
        let (full, rest) = bar(0.0, gauge_columns(width));
        let line = Line::default().cell(Role::Dim, title, 9).put(Role::Faint, full).put(Role::Faint, rest);
        return line.cell(Role::Dim, "   -", 6).put(Role::Dim, "used: not known");
    };
    gauge(title, (used, most), (show, word), width)
}

/// Cores that are used of many: in thousandths only where it is less than one.
fn used_cores(amount: f64) -> String {
    if 0.0 < amount && amount < 1.0 { usage::cores(amount) } else { cores((amount * 10.0).round() / 10.0) }
}

fn gauge_columns(width: usize) -> usize {
    width.saturating_sub(9 + 7 + 26).clamp(8, 40)
}

/// What is taken of a node, and what it has.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    cores: (f64, f64),
    bytes: (f64, f64),
    pods: (f64, f64),
}

fn load_by_node<'a>(known: &'a Known<'_>) -> BTreeMap<&'a str, Load> {
    let nodes = known.store.of(Kind::Node).iter().map(|(_, row)| {
        let most = usage::allocatable(row);
        let load = Load { cores: (0.0, most.cores), bytes: (0.0, most.bytes), pods: (0.0, usage::most_pods(row)) };
        (&*row.key.name, load)
    });
    let mut nodes: BTreeMap<&str, Load> = nodes.collect();
    for (_, pod) in known.store.of(Kind::Pod).iter().filter(|(_, pod)| pod.tone != Tone::Done) {
        if let Some(load) = nodes.get_mut(pod.node()) {
            load.cores.0 += pod.requests.cores;
            load.bytes.0 += pod.requests.bytes;
            load.pods.0 += 1.0;
        }
    }
    nodes
}

fn nodes(known: &Known<'_>, width: u16) -> Vec<Line> {
    let load = load_by_node(known);
    // What is used stands beside what is asked for where both have room; where nothing is known of it there is only that.
    let is_wide = width >= WIDE && known.store.usage.total().is_some();
    let mut lines = vec![Line::heading(if is_wide { "NODES" } else { "NODES, and what their pods ask for" }, width)];
    let widest = load.keys().map(|name| text::width(name)).max().unwrap_or(0).clamp(6, 20);
    let words = if is_wide { 22 } else { 5 };
    let columns = (usize::from(width).saturating_sub(widest + 24 + 2 * words) / 2).clamp(6, 20);
    for (name, load) in load {
        let key = Key { namespace: "".into(), name: name.into() };
        let tone = known.store.of(Kind::Node).find(&key).map_or(Tone::Plain, |row| row.tone);
        let (mark, role) = if known.cluster.unseen_since(name).is_some() { ("?", Role::Warn) } else { sign(tone) };
        let mut line = Line::of(role, format!("{mark} ")).cell(Role::Text, name, widest + 2);
        let used = known.store.usage.of_node(name).filter(|_| is_wide);
        let parts = [("cpu", load.cores, used.map(|used| used.cores)), ("mem", load.bytes, used.map(|used| used.bytes))];
        for (title, (asked, most), used) in parts {
            let share = |amount: f64| if most > 0.0 { amount / most } else { 0.0 };
            let percent = |amount: f64| format!("{:.0}%", share(amount) * 100.0);
            let (shown, said) = match used {
                Some(used) => (used, format!(" {:>4} used {:>4} asked", percent(used), percent(asked))),
                // Beside nodes that tell what they use, the only number has to say that it is none of those.
                None if is_wide => (asked, format!("{:>15} asked", percent(asked))),
                None => (asked, format!(" {}", percent(asked))),
            };
            let (full, rest) = bar(share(shown), columns);
            line = line.put(Role::Dim, format!("{title} ")).put(fullness(share(shown)), full).put(Role::Faint, rest);
            line = line.cell(Role::Dim, &said, words + 2);
        }
        lines.push(
            line.put(Role::Dim, format!("{:.0} pod{}", load.pods.0, if load.pods.0 as u64 == 1 { "" } else { "s" }))
                .to(Target::PodsOn(name.to_owned())),
        );
    }
    lines.push(Line::default());
    lines
}

fn last_hour(known: &Known<'_>, width: u16, page: &mut Page) -> Vec<Line> {
    let mut lines = vec![Line::heading("LAST HOUR", width)];
    let cells = usize::from(width).saturating_sub(20).clamp(12, 60);
    let pulse = pulse::of(known.store, known.now, cells);
    let rows: [(&str, &[u32], Role); 3] = [
        ("warnings", &pulse.warnings, Role::Warn),
        ("events", &pulse.normal, Role::Ok),
        ("restarts", &pulse.restarts, Role::Bad),
    ];
    for (title, numbers, role) in rows {
        let sum: u32 = numbers.iter().sum();
        let role = if sum == 0 { Role::Faint } else { role };
        lines.push(Line::default().cell(Role::Dim, title, 10).put(role, sparkline(numbers)).put(Role::Text, format!(" {sum}")));
    }
    let left = "60m ago";
    lines.push(Line::default().pad(10).put(Role::Dim, format!("{left}{:>1$}", "now", cells - left.len())));
    lines.push(Line::default());
    page.wake(60);
    lines
}

/// What was warned of, in the same words maybe of several objects.
struct Warning<'a> {
    row: &'a Row,
    objects: Vec<String>,
    reason: String,
    says: String,
}

impl Warning<'_> {
    /// `pod/web and 5 more`.
    fn about(&self) -> String {
        match self.objects.as_slice() {
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
            [] => String::new(),
        }
    }
}

/// The newest warnings, one a pod and reason.
fn warnings(known: &Known<'_>, width: u16, page: &mut Page) -> Vec<Line> {
    let mut lines = vec![Line::heading("WARNINGS", width)];
    let seen = |row: &Row| row.cells.iter().find_map(Cell::counts_from);
    let mut events: Vec<&Row> =
        known.store.of(Kind::Event).iter().map(|(_, row)| row).filter(|row| row.tone == Tone::Warn).collect();
    events.sort_by_key(|row| std::cmp::Reverse(seen(row)));
    let cell = |row: &Row, title: &str| row.words(columns::EVENTS, title).to_owned();
    let mut told: Vec<Warning<'_>> = Vec::new();
    for row in events {
        let (object, reason, says) = (cell(row, "OBJECT"), cell(row, "REASON"), cell(row, "MESSAGE"));
        // What is said of many in the same words is one warning: of all pods of a node that is not seen.
        if let Some(known) = told.iter_mut().find(|known| known.reason == reason && known.says == says) {
            if !known.objects.contains(&object) {
                known.objects.push(object);
            }
        } else if told.len() < shown(known) && !told.iter().any(|known| known.reason == reason && known.objects[0] == object) {
            told.push(Warning { row, objects: vec![object], reason, says });
        }
    }
    // Texts below one another where names leave them room.
    let widest = told.iter().map(|warning| text::width(&warning.about())).max().unwrap_or(0);
    let names = if widest + 60 <= usize::from(width) { widest } else { 0 };
    for warning in &told {
        let (row, about) = (warning.row, warning.about());
        let age = seen(row).map(|at| page.age(at, known.now)).unwrap_or_default();
        let line = Line::default().cell(Role::Dim, &age, 7).cell(Role::Warn, &warning.reason, 18);
        let line = line.cell(Role::Text, &about, names.max(text::width(&about)) + 2);
        let left = usize::from(width).saturating_sub(line.width() + 1);
        let mut line = line.put(Role::Dim, cut(&warning.says, left));
        line.target = row.about.as_deref().and_then(|about| {
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == &*about.kind)?;
            let key = about.key.clone();
            Some(if why::is_asked(kind) { Target::Why(kind, key) } else { Target::Object(kind, key) })
        });
        lines.push(line);
    }
    if told.is_empty() {
        lines.push(Line::of(Role::Ok, "● none"));
    }
    lines.push(Line::default());
    lines
}

/// What fails, the worst first.
fn failing(known: &Known<'_>, width: u16, page: &mut Page) -> Vec<Line> {
    let mut lines = vec![Line::heading("NOT AS IT SHOULD BE", width)];
    let found = findings::of(known.store, known.cluster, known.now);
    let shown = shown(known);
    let name = |finding: &Finding| match finding.kind {
        Kind::Pod => finding.key.name.to_string(),
        kind => format!("{}/{}", kind.singular(), finding.key.name),
    };
    let widest = found.iter().take(shown).map(|finding| name(finding).len()).max().unwrap_or(0).clamp(8, 40);
    let longest = found.iter().take(shown).map(|finding| text::width(&finding.says)).max().unwrap_or(0);
    let says = longest.min(if width >= WIDE { 40 } else { 18 }).max(10) + 2;
    let spaces = found.iter().take(shown).map(|finding| text::width(&finding.key.namespace)).max().unwrap_or(0);
    let spaces = spaces.clamp(8, if width >= WIDE { 40 } else { 14 }) + 2;
    for finding in found.iter().take(shown) {
        let (mark, role) = if finding.unseen_since.is_some() { ("?", Role::Warn) } else { sign(finding.tone) };
        let line = Line::of(role, format!("{mark} "));
        let line = line.cell(Role::Dim, &finding.key.namespace, spaces).cell(Role::Text, &name(finding), widest + 2);
        let mut line = line.cell(tone_role(finding.tone), &finding.says, says);
        if let Some(since) = finding.unseen_since {
            line = line.put(Role::Dim, format!("for {}", page.age(since, known.now)));
        }
        if let Some((count, last)) = finding.restarts {
            let ago = last.map(|last| format!(", {} ago", page.age(last, known.now))).unwrap_or_default();
            line = line.put(Role::Dim, format!("{count} restart{}{ago}", if count == 1 { "" } else { "s" }));
        }
        lines.push(line.to(Target::Why(finding.kind, finding.key.clone())));
    }
    if found.is_empty() {
        lines.push(Line::of(Role::Ok, "● everything is as it should be"));
    } else if found.len() > shown {
        lines.push(Line::of(Role::Dim, format!("  and {} more", found.len() - shown)));
    }
    lines.push(Line::default());
    lines
}
