//! The console in memory: messages in, the picture as text out. No terminal, no daemon, no clock.

mod boards;
mod budgets;
mod cluster;
mod doing;
mod editor;
mod forwards;
mod keys;
mod kinds;
mod logs;
mod mouse;
mod own;
mod panes;
mod pictures;
mod random;
mod recreating;
mod travel;
mod usage;
mod workloads;

use super::effect::Effect;
use super::msg::{Msg, Wire};
use super::state::App;
use super::update::update;
use super::view::view;
use crate::console::keys::key::Key;
use crate::console::link::Standing;
use crate::console::model::namespaces::Namespaces;
use crate::console::model::project;
use crate::console::model::row::Row;
use crate::console::term::caps::Depth;
use crate::console::term::input::Input;
use crate::console::theme::glyph::Glyphs;
use crate::console::theme::load::Theme;
use jiff::{SignedDuration, Timestamp};
use objects::Kind;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::{Value, json};

/// A console and the time it is there.
pub struct Bench {
    pub app: App,
    pub now: Timestamp,
    pub effects: Vec<Effect>,
}

pub fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a time")
}

impl Bench {
    /// A console that is connected and knows some pods, a node and events.
    pub fn new(columns: u16, rows: u16) -> Self {
        let mut bench = Self::unconnected(columns, rows);
        bench.connect();
        bench.effects.clear();
        bench
    }

    /// The daemon is there and tells what it knows.
    pub fn connect(&mut self) {
        self.wire(Wire::Standing(live()));
        self.wire(Wire::Rows(Kind::Node, vec![row(Kind::Node, &node())]));
        self.wire(Wire::Rows(Kind::Event, (0..3).map(|number| row(Kind::Event, &event(number))).collect()));
        self.wire(Wire::Rows(Kind::Pod, pods().iter().map(|pod| row(Kind::Pod, pod)).collect()));
    }

    pub fn unconnected(columns: u16, rows: u16) -> Self {
        let theme = Theme::load("dark", Depth::True, Glyphs::Unicode).expect("a built-in theme");
        let address = "unix:///run/skiff/skiffd.sock".to_owned();
        let mut app = App::new(now(), (columns, rows), theme, Namespaces::default(), address);
        super::update::settle(&mut app);
        Self { app, now: now(), effects: Vec::new() }
    }

    pub fn take(&mut self, msg: Msg) {
        let effects = update(&mut self.app, self.now, msg);
        self.effects.extend(effects);
    }

    pub fn wire(&mut self, wire: Wire) {
        self.take(Msg::Wire(wire));
    }

    /// Presses keys, separated by spaces.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split(' ') {
            let key = Key::parse(key).unwrap_or_else(|| panic!("{key} is no key"));
            self.take(Msg::Input(Input::Key(key.event())));
        }
        self
    }

    /// Types letters.
    pub fn write(&mut self, text: &str) -> &mut Self {
        for letter in text.chars() {
            self.press(if letter == ' ' { "space".to_owned() } else { letter.to_string() }.as_str());
        }
        self
    }

    /// Lets seconds go by.
    pub fn wait(&mut self, seconds: i64) -> &mut Self {
        self.now = self.now.saturating_add(SignedDuration::from_secs(seconds)).expect("in range");
        self.take(Msg::Time);
        self
    }

    pub fn paint(&self) -> (Buffer, Option<Position>) {
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.app.size.0, self.app.size.1));
        let cursor = view(&self.app, &mut buffer);
        (buffer, cursor)
    }

    /// The picture as text, without the spaces at the ends of its lines.
    pub fn picture(&self) -> String {
        let (buffer, _) = self.paint();
        let width = usize::from(buffer.area.width).max(1);
        let line = |cells: &[ratatui::buffer::Cell]| {
            cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
        };
        buffer.content.chunks(width).map(line).collect::<Vec<_>>().join("\n")
    }

    pub fn line(&self, at: usize) -> String {
        self.picture().lines().nth(at).unwrap_or_default().to_owned()
    }

    pub fn shows(&self, text: &str) -> bool {
        self.picture().contains(text)
    }

    /// The number of the last question to the daemon, and the question.
    pub fn asked(&self) -> Option<(u32, wire::Request)> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Link(crate::console::link::Command::Ask { id, request }) => Some((*id, (**request).clone())),
            _ => None,
        })
    }
}

pub fn live() -> Standing {
    Standing::Live { node: "oak".to_owned(), daemon: "0.1.0".to_owned() }
}

pub fn row(kind: Kind, object: &Value) -> Row {
    project::row_of(kind, object).expect("it has a name")
}

pub fn pod(name: &str, state: &Value, is_ready: bool, restarts: i64) -> Value {
    let phase = if state.get("terminated").is_some() { "Succeeded" } else { "Running" };
    let mut status = json!({"name": "web", "ready": is_ready, "restartCount": restarts, "state": state});
    if restarts > 0 {
        status["lastState"] = json!({"terminated": {"exitCode": 1, "finishedAt": "2026-03-01T11:59:18Z"}});
    }
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": format!("uid-{name}"), "labels": {"app": "web"},
                     "creationTimestamp": "2026-03-01T11:00:00Z", "resourceVersion": "7"},
        "spec": {"nodeName": "oak", "containers": [{"name": "web", "image": "luksa/kubia:v2"}, {"name": "side", "image": "envoy"}]},
        "status": {"phase": phase, "podIP": "10.88.0.7", "containerStatuses": [status]},
    })
}

pub fn pods() -> Vec<Value> {
    let running = json!({"running": {"startedAt": "2026-03-01T11:00:01Z"}});
    vec![
        pod("alpha", &running, true, 0),
        pod("bravo", &json!({"waiting": {"reason": "CrashLoopBackOff"}}), false, 3),
        pod("charlie", &json!({"waiting": {"reason": "ContainerCreating"}}), false, 0),
        pod("delta", &json!({"terminated": {"exitCode": 0, "reason": "Completed"}}), false, 0),
    ]
}

pub fn node() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "oak", "uid": "uid-oak", "creationTimestamp": "2026-02-01T12:00:00Z"},
        "status": {
            "allocatable": {"cpu": "8", "memory": "16305016Ki", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "192.168.1.4"}],
            "nodeInfo": {"kubeletVersion": "v0.1.0", "osImage": "Debian", "kernelVersion": "6.18.0", "containerRuntimeVersion": "skiff://0.1.0"},
        },
    })
}

pub fn event(number: usize) -> Value {
    let (kind, reason, message) = [
        ("Normal", "Scheduled", "Assigned to oak"),
        ("Normal", "Pulled", "Image is here"),
        ("Warning", "BackOff", "Back-off restarting"),
    ][number % 3];
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": format!("e{number}"), "namespace": "default", "uid": format!("uid-e{number}")},
        "involvedObject": {"kind": "Pod", "name": "bravo", "namespace": "default"},
        "type": kind, "reason": reason, "message": message, "count": number + 1,
        "firstTimestamp": "2026-03-01T11:00:00Z", "lastTimestamp": format!("2026-03-01T11:5{number}:00Z"),
    })
}
