//! The map of the cluster: every member as this node sees it, who sees whom with the round trips, and the sides of a split.

use super::feed::{Numbers, Question};
use super::line::Line;
use super::{Known, Page, Target};
use crate::console::link::Failure;
use crate::console::model::sides::{self, Sight};
use crate::console::theme::role::Role;
use jiff::{SignedDuration, Timestamp};
use objects::Kind;
use std::collections::{BTreeMap, BTreeSet};
use wire::{Member, MemberState, Members, Request, Response};

/// The time between two rounds of questions.
const PAUSE: SignedDuration = SignedDuration::from_secs(5);
/// Members that are asked for their view; more would not fit on a screen either.
const ASKED: usize = 24;

/// What one member answered.
#[derive(Debug)]
struct View {
    asked: Option<u32>,
    answer: Option<(Timestamp, Members)>,
    refused: Option<String>,
}

/// The members' own views.
#[derive(Debug, Default)]
pub struct Map {
    views: BTreeMap<String, View>,
    asked_at: Option<Timestamp>,
}

impl Map {
    /// When to ask the next round.
    pub fn due(&self, known: &Known<'_>) -> Option<Timestamp> {
        if known.cluster.members().is_none_or(|members| members.members.len() < 2) {
            return None;
        }
        Some(self.asked_at.map_or(Timestamp::UNIX_EPOCH, |at| at.saturating_add(PAUSE).unwrap_or(at)))
    }

    /// Asks every other member that is seen what it sees.
    pub fn questions(&mut self, known: &Known<'_>, numbers: Numbers<'_>) -> Vec<(u32, Question)> {
        self.asked_at = Some(known.now);
        let Some(members) = known.cluster.members() else { return Vec::new() };
        let others = members.members.iter().filter(|member| !member.is_self && member.is_seen()).take(ASKED);
        others
            .map(|member| {
                let id = numbers();
                let view = self.views.entry(member.name.clone()).or_insert(View { asked: None, answer: None, refused: None });
                view.asked = Some(id);
                (id, Question::Ask(Request::On { node: member.name.clone(), request: Box::new(Request::Members) }))
            })
            .collect()
    }

    /// Takes a member's view.
    pub fn answer(&mut self, id: u32, result: &Result<Response, Failure>, now: Timestamp) -> bool {
        let Some(view) = self.views.values_mut().find(|view| view.asked == Some(id)) else { return false };
        view.asked = None;
        match result {
            Ok(Response::Members(members)) => (view.answer, view.refused) = (Some((now, members.clone())), None),
            Ok(_) => view.refused = Some("it answered something else".to_owned()),
            Err(failure) => view.refused = Some(failure.to_string()),
        }
        true
    }

    /// The map as lines.
    pub fn page(&self, known: &Known<'_>) -> Page {
        let mut page = Page::default();
        let width = known.size.0.saturating_sub(2);
        let Some(members) = known.cluster.members() else {
            page.lines.push(Line::of(Role::Dim, "the daemon has not told its members yet"));
            return page;
        };
        let cluster = if members.cluster.is_empty() { "no cluster".to_owned() } else { format!("cluster {}", members.cluster) };
        page.lines.push(Line::heading(&format!("MEMBERS as {} sees them, {cluster}", members.node), width));
        for member in &members.members {
            let line = member_line(member, known, &mut page);
            page.lines.push(line);
        }
        page.lines.push(Line::default());
        if members.members.len() > 1 {
            self.matrix(members, known, &mut page);
            self.sides(members, known, &mut page);
        } else {
            page.lines.push(Line::of(Role::Dim, "a node that is alone: `skiffd token` makes a token with which others join"));
        }
        page
    }

    /// Who sees whom: a row a viewer, a column a seen one.
    fn matrix(&self, members: &Members, known: &Known<'_>, page: &mut Page) {
        let width = known.size.0.saturating_sub(2);
        page.lines.push(Line::heading("WHO SEES WHOM, round trips in ms", width));
        let names: Vec<&str> = members.members.iter().map(|member| member.name.as_str()).take(ASKED).collect();
        let first = names.iter().map(|name| name.len()).max().unwrap_or(0).clamp(4, 16) + 2;
        let cell = ((usize::from(width).saturating_sub(first + 16)) / names.len().max(1)).clamp(3, 10);
        let mut head = Line::default().pad(first);
        for name in &names {
            head = head.cell(Role::Heading, name, cell);
        }
        page.lines.push(head);
        for name in &names {
            let is_own = *name == members.node;
            let view = self.views.get(*name);
            let answer =
                if is_own { Some(members) } else { view.and_then(|view| view.answer.as_ref()).map(|(_, answer)| answer) };
            let mut line = Line::default().cell(if is_own { Role::Accent } else { Role::Text }, name, first);
            for other in &names {
                line = match answer.and_then(|answer| answer.find(other)) {
                    _ if name == other => line.cell(Role::Faint, "─", cell),
                    Some(seen) => seen_cell(line, seen, cell),
                    None => line.cell(Role::Dim, "?", cell),
                };
            }
            let (note, role) = match view {
                _ if is_own => ("this node".to_owned(), Role::Dim),
                Some(View { refused: Some(why), .. }) => (why.clone(), Role::Warn),
                Some(View { answer: Some((at, _)), .. }) => (format!("{} ago", page.age(*at, known.now)), Role::Dim),
                Some(_) => ("asked…".to_owned(), Role::Busy),
                None => ("cannot be asked".to_owned(), Role::Warn),
            };
            page.lines.push(line.put(role, note).to(Target::PodsOn((*name).to_owned())));
        }
        page.lines.push(Line::default());
    }

    fn sides(&self, members: &Members, known: &Known<'_>, page: &mut Page) {
        let stays = |member: &&Member| member.state != MemberState::Left;
        let nodes: BTreeSet<String> = members.members.iter().filter(stays).map(|member| member.name.clone()).collect();
        let sight = |members: &Members| -> Sight {
            members.members.iter().map(|member| (member.name.clone(), member.is_seen())).collect()
        };
        let mut sights: BTreeMap<String, Sight> = BTreeMap::from([(members.node.clone(), sight(members))]);
        for (name, view) in &self.views {
            // What a node that is not seen any more said before says nothing of now.
            let is_seen = members.find(name).is_some_and(Member::is_seen);
            if let (true, Some((_, answer))) = (is_seen, &view.answer) {
                sights.insert(name.clone(), sight(answer));
            }
        }
        let sides = sides::of(&nodes, &sights);
        let width = known.size.0.saturating_sub(2);
        let title = match sides.len() {
            1 => "ONE SIDE: all members see each other".to_owned(),
            count if sides.iter().any(|side| side.may_be_several) => format!("{count} SIDES OR MORE"),
            count => format!("{count} SIDES"),
        };
        page.lines.push(Line::heading(&title, width));
        for (at, side) in sides.iter().enumerate() {
            let letter = char::from(b'A' + (at % 26) as u8);
            let is_own = side.nodes.contains(&members.node);
            let pods =
                known.store.of(Kind::Pod).iter().filter(|(_, row)| side.nodes.iter().any(|node| **node == *row.node())).count();
            let note = match () {
                () if sides.len() == 1 => String::new(),
                () if is_own => "  this side".to_owned(),
                () if side.may_be_several => "  not seen from here, nor whether they see each other".to_owned(),
                () => "  not seen from here; its pods are shown as they were".to_owned(),
            };
            let role = if is_own { Role::Ok } else { Role::Warn };
            let line = Line::of(role, format!("{letter}  ")).put(Role::Text, side.nodes.join(" "));
            let line = line.put(Role::Dim, format!("  {pods} pod{}", if pods == 1 { "" } else { "s" }));
            page.lines.push(line.put(if is_own { Role::Dim } else { Role::Warn }, note));
        }
    }
}

fn member_line(member: &Member, known: &Known<'_>, page: &mut Page) -> Line {
    let (sign, role) = state_sign(member.state);
    let since = page.age(known.cluster.since(member), known.now);
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}ms"));
    let line = Line::of(role, format!("{sign} ")).cell(if member.is_self { Role::Accent } else { Role::Text }, &member.name, 14);
    let line = line.cell(role, member.state.as_str(), 9).cell(Role::Dim, &since, 8);
    let round_trip = if member.is_self { "here".to_owned() } else { number(member.round_trip_ms) };
    let line = line.cell(Role::Dim, &format!("rtt {round_trip}"), 14).cell(
        Role::Dim,
        &format!("clock {}", number(member.clock_offset_ms)),
        16,
    );
    // Where a node is matters more than its version, where there is no room for both.
    let is_wide = known.size.0 >= 96;
    let line = if is_wide { line.cell(Role::Dim, &member.version, 10) } else { line };
    let line = line.put(Role::Dim, member.address.clone());
    line.to(Target::PodsOn(member.name.clone()))
}

fn seen_cell(line: Line, seen: &Member, width: usize) -> Line {
    let (sign, role) = state_sign(seen.state);
    match seen.round_trip_ms.filter(|_| seen.is_seen() && width >= 6) {
        Some(ms) => {
            let heat = match ms {
                ms if ms >= 100.0 => Role::Bad,
                ms if ms >= 20.0 => Role::Warn,
                _ => Role::Dim,
            };
            let text = if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") };
            line.put(role, format!("{sign} ")).cell(heat, &text, width - 2)
        }
        None => line.cell(role, sign, width),
    }
}

const fn state_sign(state: MemberState) -> (&'static str, Role) {
    match state {
        MemberState::Alive => ("●", Role::Ok),
        MemberState::Suspect => ("▲", Role::Warn),
        MemberState::Down => ("✕", Role::Bad),
        MemberState::Left => ("○", Role::Done),
        MemberState::Unknown => ("?", Role::Warn),
    }
}
