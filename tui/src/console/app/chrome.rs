//! The lines around a screen: what we are connected to, and the keys that count here.

use super::overlay::{Prompt, Purpose};
use super::rights::OnCluster;
use super::state::App;
use super::travel;
use crate::console::base::short::{Short, short};
use crate::console::base::text;
use crate::console::keys::action::Action;
use crate::console::keys::table::Binding;
use crate::console::link::Standing;
use crate::console::model::row::Tone;
use crate::console::screen::list_view::tone_role;
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use objects::Kind;
use ratatui::layout::Rect;
use std::borrow::Cow;

/// From this width on the line at the top says with which daemon and cluster one speaks.
const CONTEXT: u16 = 140;

/// The daemon's version, as a warning where it is another one than the console's, and the cluster.
fn context(app: &App, canvas: &mut Canvas<'_>, (mut x, y): (u16, u16), end: u16) -> u16 {
    if let Standing::Live { daemon, .. } = &app.standing {
        let role = if daemon == env!("CARGO_PKG_VERSION") { Role::BarDim } else { Role::Warn };
        x = canvas.text((x + 1, y), &short!("skiffd {daemon}"), end.saturating_sub(x + 2), role);
    }
    if let Some(members) = app.cluster.members().filter(|members| !members.cluster.is_empty()) {
        let id = text::head(&members.cluster, 8).0;
        x = canvas.text((x, y), &short!("  ·  cluster {id}"), end.saturating_sub(x + 1), Role::BarDim);
    }
    x
}

/// The line at the top: program, node, pods by state, and how the link stands.
pub fn header(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    canvas.tint(area, Role::Bar);
    let (standing, role) = standing(app);
    let mut right = canvas.right((area.right() - 1, area.y), &standing, role);
    if app.rights.on_cluster == OnCluster::Read {
        right = canvas.right((right.saturating_sub(2), area.y), "read-only", Role::Warn);
    }
    let mut x = canvas.text((area.x + 1, area.y), "◢ skiff", 8, Role::Brand) + 2;
    let room = |x: u16| right.saturating_sub(x + 1);
    let node = if app.node.is_empty() { app.address.as_str() } else { app.node.as_str() };
    x = canvas.text((x, area.y), node, room(x).min(28), Role::Bar);
    if area.width >= CONTEXT {
        x = context(app, canvas, (x, area.y), right);
    }
    let cluster = app.cluster.summary(app.now);
    // Who is missing matters more than the long word for everything.
    let is_narrow = cluster.is_some() && area.width < 100;
    if let Some((cluster, is_whole)) = cluster {
        let role = match is_whole {
            _ if !app.is_live() => Role::BarDim,
            true => Role::Bar,
            false => Role::Warn,
        };
        x = canvas.text((x, area.y), "  ·  ", room(x), Role::BarDim);
        x = canvas.text((x, area.y), &cluster, room(x), role);
    }
    let namespaces: Cow<'_, str> = match app.namespaces.is_all() {
        true if is_narrow => "all".into(),
        true => "all namespaces".into(),
        false => app.namespaces.to_string().into(),
    };
    for part in ["  ·  ", &namespaces, "  ·  "] {
        x = canvas.text((x, area.y), part, room(x), Role::BarDim);
    }
    let pods = app.store.of(Kind::Pod);
    // While a long list is still being read, what is here is only its beginning.
    let so_far = if pods.len() > 0 && !pods.is_complete { "…" } else { "" };
    let total = short!("{}{so_far} pod{}", pods.len(), if pods.len() == 1 { "" } else { "s" });
    x = canvas.text((x, area.y), &total, room(x), Role::Bar);
    let states = [(Tone::Ok, "● "), (Tone::Busy, "◐ "), (Tone::Warn, "▲ "), (Tone::Bad, "✕ "), (Tone::Done, "○ ")];
    for (tone, sign) in states {
        let count = pods.count(tone);
        let part = short!("{sign}{count}");
        if count > 0 && usize::from(room(x)) >= text::width(&part) + 4 {
            let role = if app.is_live() { tone_role(tone) } else { Role::BarDim };
            x = canvas.text((x + 2, area.y), &part, room(x), role);
        }
    }
    // What was written keeps its colour on the bar's background.
    if let Some(bar) = canvas.style(Role::Bar).bg {
        canvas.buffer.set_style(area, ratatui::style::Style::default().bg(bar));
    }
    let modifier = canvas.style(Role::Bar).add_modifier;
    canvas.buffer.set_style(area, ratatui::style::Style::default().add_modifier(modifier));
}

/// How the link stands.
pub fn standing(app: &App) -> (String, Role) {
    if let Some(then) = travel::standing(app) {
        return (then, Role::Warn);
    }
    match &app.standing {
        Standing::Connecting { error: None } => ("◐ connecting".to_owned(), Role::Busy),
        Standing::Connecting { error: Some(_) } => ("✕ no daemon, retrying".to_owned(), Role::Bad),
        Standing::Live { .. } => {
            let time = app.round_trip.map(|time| match time.as_micros() {
                micros @ 0..1_000 => short!(" {:.1}ms", micros as f64 / 1_000.0),
                micros => short!(" {}ms", micros / 1_000),
            });
            (format!("● live{}", time.as_deref().unwrap_or_default()), Role::Ok)
        }
        Standing::Lost { attempt, .. } => {
            let ago = objects::duration::since(Some(app.standing_since), app.now);
            let tries = if *attempt > 0 { format!(" {attempt}") } else { String::new() };
            (format!("✕ lost {ago} ago, retrying{tries}"), Role::Bad)
        }
    }
}

/// The line at the bottom: what was just said, or the keys that count here.
pub fn bottom(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let mut x = area.x + 1;
    if let Some(toast) = &app.toast {
        let sign = match toast.role {
            Role::Ok => "● ",
            Role::Bad => "✕ ",
            Role::Warn => "▲ ",
            Role::Busy => "◐ ",
            _ => "",
        };
        x = canvas.text((x, area.y), sign, area.width, toast.role);
        canvas.text((x, area.y), &toast.text, area.right().saturating_sub(x + 1), toast.role);
        return;
    }
    let mut end = area.right() - 1;
    if let Some(count) = app.count {
        end = canvas.right((end, area.y), &count.to_string(), Role::Key).saturating_sub(1);
    }
    let types_text = app.types_text();
    // Help has the last place whatever else there is no room for.
    let end = if types_text { end } else { end.saturating_sub("? help".len() as u16) };
    x = hints(app, canvas, (x, area.y), end);
    if !types_text {
        x = canvas.text((x, area.y), "?", 1, Role::Key) + 1;
        canvas.text((x, area.y), "help", 4, Role::Hint);
    }
}

/// The most hints that are looked at.
const HINTS: usize = 48;

/// Writes the hints there is room for. Returns the column after them.
fn hints(app: &App, canvas: &mut Canvas<'_>, (x, y): (u16, u16), end: u16) -> u16 {
    each_hint(app, (x, end), &mut |x, binding| {
        let x = canvas.text((x, y), &shown_keys(binding), end.saturating_sub(x), Role::Key) + 1;
        canvas.text((x, y), binding.hint.trim_start_matches('+'), end.saturating_sub(x), Role::Hint) + 2
    })
}

/// What the hint at a column does.
pub fn hint_at(app: &App, wanted: u16) -> Option<Action> {
    if app.toast.is_some() {
        return None;
    }
    let types_text = app.types_text();
    let end = app.size.0.saturating_sub(1);
    let end = if types_text { end } else { end.saturating_sub("? help".len() as u16) };
    let mut found = None;
    let after = each_hint(app, (1, end), &mut |x, binding| {
        let next = x + width(binding) as u16;
        if (x..next - 2).contains(&wanted) {
            found = Some(binding.action);
        }
        next
    });
    let is_help = !types_text && (after..after + "? help".len() as u16).contains(&wanted);
    found.or_else(|| is_help.then_some(Action::Help))
}

/// Columns that a hint takes, with those that stay free behind it.
fn width(binding: &Binding) -> usize {
    shown_keys(binding).len() + binding.hint.trim_start_matches('+').len() + 3
}

/// Hands out the hints there is room for: first those that matter most get their place, then the others, each in the table's order.
/// `put` says where the next one begins, and so does this at the end.
fn each_hint(app: &App, (mut x, end): (u16, u16), put: &mut dyn FnMut(u16, &Binding) -> u16) -> u16 {
    let is_told = |binding: &&Binding| binding.hint != "help" && app.rights.allow(binding.action);
    let mut told: [Option<&Binding>; HINTS] = [None; HINTS];
    let mut count = 0;
    for binding in app.keys.hinted(app.places()).filter(is_told) {
        // A second way to the same thing is help's.
        let is_known = told[..count].iter().flatten().any(|other| other.action == binding.action);
        if !is_known && count < HINTS {
            told[count] = Some(binding);
            count += 1;
        }
    }
    let mut left = usize::from(end.saturating_sub(x));
    let mut kept = [false; HINTS];
    for pass_of_extra in [false, true] {
        for (at, binding) in told.iter().flatten().enumerate() {
            if binding.hint.starts_with('+') == pass_of_extra && width(binding) <= left {
                kept[at] = true;
                left -= width(binding);
            }
        }
    }
    // What opens the row comes first, wherever it stands in the table.
    for is_enter in [true, false] {
        let kept = told.iter().flatten().zip(kept).filter(|(_, kept)| *kept).map(|(binding, _)| binding);
        for binding in kept.filter(|binding| (binding.keys == "enter") == is_enter) {
            x = put(x, binding);
        }
    }
    x
}

/// Keys as hints show them: `xd`, but `ctrl-x d`.
fn shown_keys(binding: &Binding) -> Short {
    use std::fmt::Write;
    let together = !binding.keys.starts_with("ctrl") && !binding.keys.starts_with("space");
    let mut shown = short!("");
    for (at, key) in binding.keys.split(' ').enumerate() {
        let space = if at > 0 && !together { " " } else { "" };
        // Keys of such a length are none.
        let _ = write!(shown, "{space}{key}");
    }
    shown
}

/// The keys that may follow those pressed, in a box at the bottom.
pub fn continuations(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    if app.pending.is_empty() {
        return;
    }
    let rows: Vec<(&str, &str)> = app
        .keys
        .continuations(app.places(), &app.pending)
        .filter(|(_, binding)| !binding.help.is_empty() || !binding.command.is_empty())
        .map(|(keys, binding)| (keys, if binding.command.is_empty() { binding.help } else { &*binding.command }))
        .collect();
    let keys: Vec<String> = app.pending.iter().map(ToString::to_string).collect();
    let width = rows.iter().map(|(keys, help)| keys.len() + help.len()).max().unwrap_or(0) as u16 + 9;
    let (width, height) = (width.min(body.width), (rows.len() as u16 + 2).min(body.height));
    let place = Rect::new(body.right() - width, body.bottom() - height, width, height);
    let inside = canvas.popup(place, &format!("{} …", keys.join(" ")), Role::Border);
    for (y, (keys, help)) in (inside.y..inside.bottom()).zip(rows) {
        let x = canvas.text((inside.x, y), keys, inside.width, Role::Key);
        let x = x.max(inside.x + 3) + 1;
        canvas.text((x, y), help, inside.right().saturating_sub(x), Role::Popup);
    }
}

/// What stands before the line one types into.
pub fn label(prompt: &Prompt) -> Cow<'static, str> {
    if let Purpose::Confirm(word, _) = &prompt.purpose {
        return Cow::Owned(format!("type {word} to do it: "));
    }
    Cow::Borrowed(fixed_label(prompt))
}

fn fixed_label(prompt: &Prompt) -> &'static str {
    match prompt.purpose {
        Purpose::Command => ":",
        Purpose::Filter(_) => "filter /",
        Purpose::Find => "search /",
        Purpose::LogFilter(_) => "only lines with ",
        Purpose::SaveAs => "save to: ",
        Purpose::Confirm(..) => "",
    }
}
