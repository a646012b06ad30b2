//! How a list looks.

use super::list::{List, Source};
use crate::console::base::short::{Short, short};
use crate::console::base::text;
use crate::console::model::cluster::Cluster;
use crate::console::model::columns::Column;
use crate::console::model::project::{bytes, cores};
use crate::console::model::row::{Cell, Label, Row, Tone};
use crate::console::model::store::Store;
use crate::console::screen::board::line;
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use crate::console::widget::grid::{self, Fitted, GridColumn, GridRow};
use jiff::Timestamp;
use objects::Kind;
use ratatui::layout::Rect;
use std::collections::HashMap;

/// What a list's picture depends on besides the list.
pub struct Surroundings<'a> {
    /// All rows.
    pub store: &'a Store,
    /// The time ages are counted to.
    pub now: Timestamp,
    /// The members of the cluster.
    pub cluster: &'a Cluster,
    /// Whether the daemon tells us of changes at this moment.
    pub is_live: bool,
    /// What to say where there are no rows.
    pub empty: String,
}

/// What the pods of a node take together.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    pods: usize,
    cores: f64,
    bytes: f64,
}

impl Load {
    /// As its column shows it.
    fn of(self, title: &str) -> String {
        match title {
            "CPU/R" => cores(self.cores),
            "MEM/R" => bytes(self.bytes),
            _ => self.pods.to_string(),
        }
    }

    /// How much of what there is that is.
    fn share(self, title: &str, cell: Cell<&str>) -> f64 {
        let Cell::Number(most, _) = cell else { return 0.0 };
        let used = match title {
            "CPU/R" => self.cores,
            "MEM/R" => self.bytes,
            _ => self.pods as f64,
        };
        if most > 0.0 { used / most } else { 0.0 }
    }
}

/// What a name has of its columns before others leave, in a window of at least [`ROOMY`] columns.
const NAME: u16 = 24;
/// From this width on names matter more than a further column.
const ROOMY: u16 = 100;

/// Whether what a column says is told apart at its end as well: by a pod's random letters, an image's tag.
fn has_ends(title: &str) -> bool {
    matches!(title, "NAME" | "OBJECT" | "OWNER" | "POD" | "IMAGE" | "IMAGES")
}

/// `rs/web-7d…x2k4p` for an object whose name has no room behind its kind's long one.
fn short_object(object: &str, room: u16) -> Short {
    // `po` would save one letter, and is no word.
    let named =
        object.split_once('/').and_then(|(kind, name)| Some((Kind::from_user(kind).filter(|kind| *kind != Kind::Pod)?, name)));
    let named = named.and_then(|(kind, name)| Some((kind.short_names().first()?, name)));
    let object = named.map_or_else(|| short!("{object}"), |(kind, name)| short!("{kind}/{name}"));
    match text::ends(&object, usize::from(room)) {
        Some((begin, end)) => short!("{begin}…{end}"),
        None => object,
    }
}

/// Columns of `Unknown as of 5m10s`.
const AS_OF: u16 = 19;
/// Columns of a bar.
const BAR: u16 = 6;
/// From this width on other columns leave before bars do.
const BARRED: u16 = 150;

/// `███░░░ 3/8`, where there is room for the bar.
fn with_bar(text: &str, share: f64, room: u16) -> Short {
    if text.len() + usize::from(BAR) + 1 > usize::from(room) {
        return short!("{text}");
    }
    let full = (share.clamp(0.0, 1.0) * f64::from(BAR)).ceil() as usize;
    short!("{:█<2$}{:░<3$} {text}", "", "", full, usize::from(BAR) - full)
}

impl List {
    /// Paints the headings and the rows in the window.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, around: &Surroundings<'_>) {
        let cluster = around.cluster;
        let (columns, fitted) = self.fitted(cluster, area.width);
        let order = self.view.order.map(|order| (order.column, order.is_reversed));
        grid::headings(canvas, Rect { height: 1, ..area }, &columns, &fitted, (self.column, order));
        let rows = self.rows(around.store);
        let pods_of = self.pods_by(around.store);
        let shown = self.view.slots.iter().enumerate().skip(self.top);
        for (y, (at, slot)) in (area.y + 1..area.bottom()).zip(shown) {
            let Some(row) = rows.get(*slot) else { continue };
            let is_current = around.is_live && !self.is_unseen(row, around);
            let cell = |column: usize, room: u16| {
                let (label, role) = self.cell(row, (column, room), around, &pods_of);
                (label, if is_current { role } else { Role::Stale })
            };
            let sign = match sign(row.tone) {
                sign if is_current => sign,
                sign if !around.is_live => (sign.0, Role::Stale),
                _ => ("?", Role::Warn),
            };
            let grid_row = GridRow { sign, is_marked: self.marks.contains(&row.key), cell: &cell };
            grid::row(canvas, Rect::new(area.x, y, area.width, 1), &fitted, &grid_row, at == self.cursor);
        }
        if self.view.slots.is_empty() && area.height > 3 {
            let y = area.y + 2 + (area.height - 3) / 4;
            canvas.text((area.x + grid::MARGIN, y), &around.empty, area.width - grid::MARGIN, Role::Dim);
        }
    }

    /// The column whose heading is at a place, in a window of that width.
    pub fn column_at(&self, cluster: &Cluster, width: u16, x: u16) -> Option<usize> {
        let (_, fitted) = self.fitted(cluster, width);
        fitted.iter().rfind(|place| place.x <= x && x < place.x + place.width.max(1) + 2).map(|place| place.column)
    }

    /// Whether a column is on the screen that tells what is used now.
    pub fn shows_usage(&self, cluster: &Cluster) -> bool {
        let columns = self.columns();
        let has_any = columns.iter().any(Column::is_usage) && {
            let hidden = self.hidden();
            (0..columns.len()).any(|at| columns[at].is_usage() && !hidden.contains(&at))
        };
        has_any && self.fitted(cluster, self.width).1.iter().any(|place| columns[place.column].is_usage())
    }

    fn fitted(&self, cluster: &Cluster, width: u16) -> (Vec<GridColumn>, Vec<Fitted>) {
        let columns: Vec<GridColumn> =
            self.columns().iter().enumerate().map(|(at, column)| self.grid_column(at, column, cluster)).collect();
        let fitted = grid::fit(&columns, &self.hidden(), self.column, width);
        (columns, fitted)
    }

    fn grid_column(&self, at: usize, column: &Column, cluster: &Cluster) -> GridColumn {
        let natural = self.view.widths.get(at).copied().unwrap_or(0).max(column.title.len() as u16 + 1);
        // How old a state is stands behind it.
        let natural = match column.title {
            "STATUS" | "STATE" if cluster.has_unseen() => natural.max(AS_OF),
            _ => natural,
        };
        // What a node's pods take of it stands before what it has.
        let natural = match column.title {
            "CPU/R" if self.kind() == Some(Kind::Node) => natural.max(7),
            "MEM/R" if self.kind() == Some(Kind::Node) => natural.max(11),
            _ => natural,
        };
        let bar = if self.is_bar(column.title) { BAR + 1 } else { 0 };
        // A state that is cut off is no state, so only names and long texts give way before whole columns do.
        let soft = match column.title {
            "NAME" if self.width >= ROOMY => natural.min(NAME).max(column.least),
            "MESSAGE" | "ERROR" | "IMAGE" | "OS-IMAGE" | "NAME" | "RESTARTS" | "LABELS" | "IMAGES" | "MOUNTED" => column.least,
            // What an event is about is told from others like it by more than a kind and a few letters.
            "OBJECT" => natural.min(if self.width >= ROOMY { NAME } else { 18 }).max(column.least),
            // An event is nothing without what it is about, so its reason leaves room for that.
            "REASON" => natural.min(16).max(column.least),
            // In a narrow window the beginning of a namespace tells enough, and its room another column.
            "NAMESPACE" if self.width < ROOMY => natural.min(12).max(column.least),
            "NAMESPACE" | "NODE" => (natural * 3 / 5).max(column.least),
            _ => natural,
        };
        // Ages grow and shrink all the time, and columns that move with them tire the eye.
        let natural = match column.title {
            "AGE" => natural.max(6),
            "PODS" => natural.max(8),
            _ if column.is_usage() => natural.max(6),
            _ => natural,
        };
        let natural = natural + bar;
        // How full a node is matters more than what it runs on.
        let soft = if self.width >= BARRED { soft + bar } else { soft };
        // What one asked for by name stays where others leave.
        let leave = if self.is_asked_for(column) { column.leave.min(1) } else { column.leave };
        GridColumn { title: column.title, natural, soft, least: column.least, leave, side: column.side }
    }

    fn cell<'a>(
        &self,
        row: &'a Row,
        (column, room): (usize, u16),
        around: &Surroundings<'_>,
        pods_of: &HashMap<&str, Load>,
    ) -> (Label<'a>, Role) {
        let Some(cell) = row.cells.get(column) else { return (Label::Kept(""), Role::Text) };
        let title = self.columns()[column].title;
        let unseen = self.unseen_since(row, around).filter(|_| matches!(title, "STATUS" | "STATE"));
        let label = match (title, cell) {
            (_, Cell::Text(text)) if unseen.is_some() => {
                let label = short!("{text} as of {}", objects::duration::since(unseen, around.now));
                if label.len() > usize::from(room) { Label::Kept(text) } else { Label::Made(label) }
            }
            ("PODS" | "CPU/R" | "MEM/R", Cell::Number(_, most)) if self.kind() == Some(Kind::Node) => {
                let load = pods_of.get(&*row.key.name).copied().unwrap_or_default();
                Label::Made(with_bar(&short!("{}/{most}", load.of(title)), load.share(title, cell), room))
            }
            ("PODS", _) if self.kind() == Some(Kind::Namespace) => {
                let load = pods_of.get(&*row.key.name).copied().unwrap_or_default();
                Label::Made(short!("{}", load.pods))
            }
            // Where there is no room for both, the kind gives way to the name.
            ("OBJECT", Cell::Text(text)) if text::width(text) > usize::from(room) => Label::Made(short_object(text, room)),
            // Names of one owner's pods differ at their ends.
            (title, Cell::Text(text)) if has_ends(title) => match text::ends(text, usize::from(room)) {
                Some((begin, end)) => Label::Made(short!("{begin}…{end}")),
                None => Label::Kept(text),
            },
            _ => cell.label_within(room, around.now),
        };
        let role = match title {
            "STATUS" | "STATE" | "TYPE" | "READY" => tone_role(row.tone),
            "CPU/R" | "MEM/R" | "PODS" if self.is_bar(title) => {
                let load = pods_of.get(&*row.key.name).copied().unwrap_or_default();
                let share = load.share(title, cell);
                if share >= 0.75 { line::fullness(share) } else { Role::Dim }
            }
            title if title.starts_with('%') => match cell {
                Cell::Number(percent, _) if percent >= 75.0 => line::fullness(percent / 100.0),
                _ => Role::Dim,
            },
            "PRESSURE" if !matches!(cell, Cell::Text(none) if none == "none") => Role::Bad,
            "MEMBER" if matches!(cell, Cell::Text(state) if state == "suspect") => Role::Warn,
            "REASON" if row.tone == Tone::Warn => Role::Warn,
            "NAME" if row.tone == Tone::Done => Role::Done,
            "NAME" | "MESSAGE" | "LOCAL" => Role::Text,
            "ERROR" => tone_role(row.tone),
            "RESTARTS" if matches!(cell, Cell::Restarts(count, _) if count > 0) => Role::Warn,
            _ => Role::Dim,
        };
        (label, role)
    }

    /// Whether a column has a bar before its numbers where there is room.
    fn is_bar(&self, title: &str) -> bool {
        self.kind() == Some(Kind::Node) && matches!(title, "CPU/R" | "MEM/R" | "PODS")
    }

    /// Whether a row shows what was known when its node was seen last.
    fn is_unseen(&self, row: &Row, around: &Surroundings<'_>) -> bool {
        self.unseen_since(row, around).is_some()
    }

    /// Since when nobody knows how a row stands; `None` where that is known.
    fn unseen_since(&self, row: &Row, around: &Surroundings<'_>) -> Option<Timestamp> {
        let node = match &self.source {
            Source::Kind(Kind::Pod) => row.node(),
            Source::Kind(Kind::Node) => &*row.key.name,
            Source::Kind(_) => return None,
            Source::Images => &*row.key.namespace,
            Source::Volumes | Source::Forwards | Source::Shells => row.node(),
            Source::Containers(pod) => around.store.of(Kind::Pod).find(pod).map_or("", |pod| pod.node()),
        };
        around.cluster.unseen_since(node)
    }

    /// What the pods of each node take, or how many there are in each namespace.
    fn pods_by<'a>(&self, store: &'a Store) -> HashMap<&'a str, Load> {
        let mut counts: HashMap<&str, Load> = HashMap::new();
        let by_namespace = self.source == Source::Kind(Kind::Namespace);
        if by_namespace || self.source == Source::Kind(Kind::Node) {
            for (_, pod) in store.of(Kind::Pod).iter().filter(|(_, pod)| by_namespace || pod.tone != Tone::Done) {
                let load = counts.entry(if by_namespace { &*pod.key.namespace } else { pod.node() }).or_default();
                load.pods += 1;
                load.cores += pod.requests.cores;
                load.bytes += pod.requests.bytes;
            }
        }
        counts
    }

    /// Seconds until a label in the window reads differently.
    pub fn next_change(&self, store: &Store, now: Timestamp) -> Option<i64> {
        let rows = self.rows(store);
        let shown = self.view.slots.iter().skip(self.top).take(self.height).filter_map(|slot| rows.get(*slot));
        let times = shown.flat_map(|row| row.cells.iter().filter_map(Cell::counts_from));
        times.map(|then| crate::console::base::age::next_change(then, now)).min()
    }
}

/// The look of a state.
pub fn tone_role(tone: Tone) -> Role {
    match tone {
        Tone::Ok => Role::Ok,
        Tone::Busy => Role::Busy,
        Tone::Warn => Role::Warn,
        Tone::Bad => Role::Bad,
        Tone::Done => Role::Done,
        Tone::Plain => Role::Dim,
    }
}

/// The sign of a state, for eyes that see no colours.
pub fn sign(tone: Tone) -> (&'static str, Role) {
    let sign = match tone {
        Tone::Ok => "●",
        Tone::Busy => "◐",
        Tone::Warn => "▲",
        Tone::Bad => "✕",
        Tone::Done => "○",
        Tone::Plain => "·",
    };
    (sign, tone_role(tone))
}
