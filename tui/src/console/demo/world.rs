//! The world of a demo: objects, events, logs and members that change at known times, and answers to what the console asks.

mod object;
mod shell;

use crate::console::app::msg::Wire;
use crate::console::link::{Command, Failure, ForwardReport, ForwardState, Standing};
use crate::console::model::project;
use jiff::{SignedDuration, Timestamp};
use object::{Id, id_of, node};
use objects::patch::PatchType;
use objects::{Kind, Status};
use serde::Deserialize;
use serde_json::{Value, json};
use shell::{Script, Shell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use wire::{DryRun, LogsRequest, Member, MemberState, Members, Request, Response};

/// How long an answer takes.
const ANSWER: SignedDuration = SignedDuration::from_millis(40);

/// A world's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    start: Timestamp,
    nodes: Vec<String>,
    #[serde(default)]
    happens: Vec<Happening>,
    #[serde(default)]
    logs: BTreeMap<String, Vec<String>>,
    /// The shells of containers, by `default/web/main`.
    #[serde(default)]
    shells: BTreeMap<String, Script>,
    #[serde(default)]
    files: BTreeMap<PathBuf, String>,
}

/// What happens, and when: so long after the start, or after the first request of a verb.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Happening {
    at: f64,
    on: Option<String>,
    /// An object that is new, or what changes in one.
    put: Option<Value>,
    /// `pod/default/web`.
    remove: Option<String>,
    event: Option<EventLine>,
    /// States of members by name.
    members: BTreeMap<String, MemberState>,
    /// The link: `lost` or `live`.
    link: Option<LinkLine>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LinkLine {
    Lost,
    Live,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventLine {
    /// `pod/default/web`.
    about: String,
    /// The container of the pod that it is about.
    #[serde(default)]
    container: Option<String>,
    #[serde(default)]
    warning: bool,
    reason: String,
    message: String,
    #[serde(default)]
    count: Option<u64>,
}

/// The world while it is lived through.
#[derive(Debug)]
pub struct World {
    /// When it begins.
    pub start: Timestamp,
    objects: BTreeMap<Id, Value>,
    version: u64,
    events: u64,
    members: Vec<Member>,
    waiting: Vec<Happening>,
    queue: Vec<(Timestamp, u64, Next)>,
    order: u64,
    logs: BTreeMap<String, Vec<String>>,
    shells: BTreeMap<String, Script>,
    /// The shells that run in panes.
    running: BTreeMap<u32, Shell>,
    files: BTreeMap<PathBuf, String>,
}

#[derive(Debug)]
enum Next {
    Happens(Box<Happening>),
    Told(Box<Wire>),
}

impl World {
    /// Reads a world.
    ///
    /// # Errors
    /// Says what is wrong where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let first = file.nodes.first().cloned().ok_or("a world has at least one node")?;
        let members = file.nodes.iter().enumerate().map(|(at, name)| Member {
            name: name.clone(),
            state: MemberState::Alive,
            since: file.start.as_second() - 86_400,
            address: format!("192.168.1.{}:7946", at + 4),
            round_trip_ms: (at > 0).then_some(0.4 + at as f64 / 10.0),
            clock_offset_ms: None,
            is_self: at == 0,
            instance: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        });
        let mut world = Self {
            start: file.start,
            objects: BTreeMap::new(),
            version: 100,
            events: 0,
            members: members.collect(),
            waiting: Vec::new(),
            queue: Vec::new(),
            order: 0,
            logs: file.logs,
            shells: file.shells,
            running: BTreeMap::new(),
            files: file.files,
        };
        for (at, name) in file.nodes.iter().enumerate() {
            world.put(&node(at, name), file.start - SignedDuration::from_hours(24 * 12));
        }
        for happening in file.happens {
            if happening.on.is_some() {
                world.waiting.push(happening);
            } else {
                world.schedule(file.start, happening);
            }
        }
        // What is there from the start is known with the first lists.
        let at_start: Vec<_> = world.due(file.start);
        at_start.into_iter().for_each(|next| drop(world.happen(file.start, next)));
        let live = Standing::Live { node: first, daemon: env!("CARGO_PKG_VERSION").to_owned() };
        world.tell(file.start, ANSWER, Wire::Standing(live));
        for kind in Kind::ALL {
            let rows = world
                .objects
                .iter()
                .filter(|((own, ..), _)| *own == kind)
                .filter_map(|(_, object)| project::row_of(kind, object));
            let rows = Wire::Rows(kind, rows.collect());
            world.tell(file.start, ANSWER, rows);
        }
        Ok(world)
    }

    fn push(&mut self, at: Timestamp, next: Next) {
        self.order += 1;
        self.queue.push((at, self.order, next));
    }

    fn schedule(&mut self, from: Timestamp, happening: Happening) {
        let at = from + SignedDuration::from_millis((happening.at * 1_000.0) as i64);
        self.push(at, Next::Happens(Box::new(happening)));
    }

    fn tell(&mut self, now: Timestamp, after: SignedDuration, wire: Wire) {
        self.push(now + after, Next::Told(Box::new(wire)));
    }

    /// When something happens next.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.queue.iter().map(|(at, ..)| *at).min()
    }

    fn due(&mut self, now: Timestamp) -> Vec<Next> {
        let queue = std::mem::take(&mut self.queue);
        let (mut due, later): (Vec<_>, Vec<_>) = queue.into_iter().partition(|(at, ..)| *at <= now);
        self.queue = later;
        due.sort_by_key(|(at, order, _)| (*at, *order));
        due.into_iter().map(|(.., next)| next).collect()
    }

    /// What the console is told by now.
    pub fn take(&mut self, now: Timestamp) -> Vec<Wire> {
        self.due(now).into_iter().flat_map(|next| self.happen(now, next)).collect()
    }

    fn happen(&mut self, now: Timestamp, next: Next) -> Vec<Wire> {
        let happening = match next {
            Next::Told(wire) => return vec![*wire],
            Next::Happens(happening) => *happening,
        };
        let mut out = Vec::new();
        if let Some(object) = &happening.put {
            // What is there from the start is older than the demo.
            let created = if now == self.start { now - SignedDuration::from_hours(3) } else { now };
            out.extend(self.put(object, created));
        }
        if let Some(id) = happening.remove.as_deref().and_then(id_of) {
            out.extend(self.remove(&id));
        }
        if let Some(line) = &happening.event {
            out.extend(self.event(now, line));
        }
        for (name, state) in &happening.members {
            for member in self.members.iter_mut().filter(|member| member.name == *name) {
                (member.state, member.since) = (*state, now.as_second());
                member.round_trip_ms = member.round_trip_ms.filter(|_| member.state == MemberState::Alive);
            }
        }
        match happening.link {
            Some(LinkLine::Lost) => {
                let error = "the connection to the daemon was lost".to_owned();
                out.push(Wire::Standing(Standing::Lost { ago: Duration::ZERO, attempt: 1, error }));
            }
            Some(LinkLine::Live) => {
                let node = self.members[0].name.clone();
                out.push(Wire::Standing(Standing::Live { node, daemon: env!("CARGO_PKG_VERSION").to_owned() }));
            }
            None => {}
        }
        out
    }

    /// Merges an object into what is there (RFC 7396).
    fn put(&mut self, patch: &Value, created: Timestamp) -> Option<Wire> {
        let text = |field: &str| patch["metadata"][field].as_str().unwrap_or_default().to_owned();
        let kind = Kind::from_user(patch["kind"].as_str()?)?;
        let namespace = match text("namespace") {
            namespace if namespace.is_empty() && kind.is_namespaced() => "default".to_owned(),
            namespace => namespace,
        };
        let id = (kind, namespace.clone(), text("name"));
        let object = self.objects.get(&id).cloned().unwrap_or_else(|| {
            json!({"apiVersion": "v1", "kind": kind.name(), "metadata": {
                "name": id.2, "namespace": namespace, "uid": format!("00000000-{}-{}", kind.singular(), id.2),
                "creationTimestamp": created.to_string()}})
        });
        let mut object = objects::patch::apply(PatchType::Merge, object, patch.clone(), kind).ok()?;
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let wire = project::row_of(kind, &object).map(|row| Wire::Put(kind, Box::new(row)));
        self.objects.insert(id, object);
        wire
    }

    fn remove(&mut self, id: &Id) -> Option<Wire> {
        let object = self.objects.remove(id)?;
        Some(Wire::Remove(id.0, project::key(&object)?))
    }

    fn event(&mut self, now: Timestamp, line: &EventLine) -> Option<Wire> {
        let (kind, namespace, name) = id_of(&line.about)?;
        let mut event = json!({
            "kind": "Event", "metadata": {"name": format!("{name}.{:x}", self.events), "namespace": if namespace.is_empty() { "default" } else { &namespace }},
            "involvedObject": {"kind": kind.name(), "name": name, "namespace": namespace},
            "type": if line.warning { "Warning" } else { "Normal" }, "reason": line.reason, "message": line.message,
            "count": line.count.unwrap_or(1), "source": {"component": "skiffd"},
            "firstTimestamp": now.to_string(), "lastTimestamp": now.to_string(),
        });
        if let Some(container) = &line.container {
            event["involvedObject"]["fieldPath"] = json!(format!("spec.containers{{{container}}}"));
        }
        self.events += 1;
        self.put(&event, now)
    }

    /// A file that the console opens.
    pub fn read(&self, path: &PathBuf) -> String {
        self.files.get(path).cloned().unwrap_or_default()
    }

    /// Takes what the console asks; the answer comes later.
    pub fn ask(&mut self, now: Timestamp, command: Command) {
        match command {
            Command::Ask { id, request } => {
                let answer = self.answer(now, &request).map_err(|status| Failure::Refused(Box::new(status)));
                self.tell(now, ANSWER, Wire::Answer(id, answer));
            }
            Command::Logs { id, request } => self.log(now, id, &request),
            Command::Pull { id, .. } => {
                let why = Status::unavailable("this world has no images to pull");
                self.tell(now, ANSWER, Wire::Answer(id, Err(Failure::Refused(Box::new(why)))));
            }
            Command::Watch { kind } => self.tell(now, ANSWER, Wire::Rows(kind, Vec::new())),
            Command::Forward { id, .. } => {
                let state = ForwardState::Failed { why: "this world has no sockets".to_owned() };
                self.tell(now, ANSWER, Wire::Forward(id, ForwardReport { state, ..ForwardReport::default() }));
            }
            Command::Copy { id, .. } => self.tell(now, ANSWER, Wire::CopyEnd(id, Err("this world has no files".to_owned()))),
            Command::Pane { id, request, .. } => self.run(now, id, &request.program),
            Command::Type { id, bytes } => self.type_to(now, id, &bytes),
            Command::End { id } => self.end(id),
            Command::Resize { .. } => {}
        }
    }

    /// A line is written as its second after the start and its text; what is later than now comes when it is time.
    fn log(&mut self, now: Timestamp, id: u32, request: &LogsRequest) {
        let container = request.container.as_deref().unwrap_or("main");
        let previous = if request.previous { "/previous" } else { "" };
        let name = format!("{}/{}/{container}{previous}", request.namespace, request.pod);
        let since = request.since_time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
        for line in self.logs.get(&name).cloned().unwrap_or_default() {
            let (seconds, text) = line.split_once(' ').unwrap_or((line.as_str(), ""));
            let at = self.start + SignedDuration::from_millis((seconds.parse::<f64>().unwrap_or(0.0) * 1_000.0) as i64);
            if since.is_none_or(|since| at > since) && (at <= now || request.follow) {
                let bytes = format!("{at:.9} {text}\n").into_bytes();
                self.tell(at.max(now), ANSWER, Wire::Log(id, bytes));
            }
        }
        if request.previous || !request.follow {
            self.tell(now, ANSWER, Wire::LogEnd(id, None));
        }
    }

    fn answer(&mut self, now: Timestamp, request: &Request) -> Result<Response, Status> {
        match request {
            Request::Members => {
                let node = self.members[0].name.clone();
                Ok(Response::Members(Members {
                    node,
                    cluster: "demo".to_owned(),
                    as_of: now.as_second(),
                    members: self.members.clone(),
                }))
            }
            Request::Get(get) => self
                .objects
                .get(&(get.object.kind, get.object.namespace.clone(), get.object.name.clone()))
                .map(|object| Response::Object { object: Box::new(object.clone()), warnings: Vec::new(), outcome: String::new() })
                .ok_or_else(|| Status::not_found(get.object.kind, &get.object.name)),
            Request::Apply(apply) => self.write(now, "apply", &apply.object, apply.dry_run),
            Request::Replace(replace) => self.write(now, "replace", &replace.object, replace.dry_run),
            Request::Delete(delete) => {
                let object = &delete.object;
                self.set_off(now, "delete");
                let id = format!("{}/{}/{}", object.kind.singular(), object.namespace, object.name);
                self.schedule(now, Happening { at: 1.0, remove: Some(id), ..Happening::default() });
                let gone = self.objects.get(&(object.kind, object.namespace.clone(), object.name.clone())).cloned();
                let gone = gone.ok_or_else(|| Status::not_found(object.kind, &object.name))?;
                Ok(Response::Object { object: Box::new(gone), warnings: Vec::new(), outcome: "deleted".to_owned() })
            }
            _ => Err(Status::unavailable("this world has no answer to that")),
        }
    }

    fn write(&mut self, now: Timestamp, verb: &str, object: &Value, dry_run: DryRun) -> Result<Response, Status> {
        let kind = object["kind"].as_str().and_then(Kind::from_user).ok_or_else(|| Status::bad_request("no such kind"))?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default").to_owned();
        let id = (kind, if kind.is_namespaced() { namespace } else { String::new() }, name.clone());
        let known = self.objects.get(&id).map(|known| known["metadata"]["resourceVersion"].clone());
        let asked = &object["metadata"]["resourceVersion"];
        if asked.is_string() && known.as_ref().is_some_and(|known| known != asked) {
            return Err(Status::stale(kind, &name));
        }
        let outcome = match (&known, verb) {
            (None, _) => "created",
            (Some(_), "replace") => "replaced",
            (Some(_), _) => "configured",
        };
        let mut written = object.clone();
        if dry_run == DryRun::No {
            if let Some(wire) = self.put(object, now) {
                self.tell(now, ANSWER, wire);
            }
            written = self.objects.get(&id).cloned().unwrap_or(written);
            self.set_off(now, verb);
        }
        Ok(Response::Object { object: Box::new(written), warnings: Vec::new(), outcome: outcome.to_owned() })
    }

    /// What waits for a verb happens from now on.
    fn set_off(&mut self, now: Timestamp, verb: &str) {
        let (set_off, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|one| one.on.as_deref() == Some(verb));
        self.waiting = waiting;
        let set_off: Vec<Happening> = set_off;
        set_off.into_iter().for_each(|one| self.schedule(now, one));
    }
}
