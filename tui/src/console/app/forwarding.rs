//! Port-forwards: asks what to forward, keeps the list of those there are, stops them. They end with the console.

use super::effect::Effect;
use super::forms::Filling;
use super::navigate;
use super::overlay::Overlay;
use super::state::App;
use crate::console::link::{Command, Forward, ForwardReport, ForwardState, Target};
use crate::console::model::forwards::{self, Port};
use crate::console::model::row::Key;
use crate::console::screen::Screen;
use crate::console::screen::list::{List, Source};
use crate::console::theme::role::Role;
use crate::console::widget::form::{Blank, Form};
use crate::forward::backend::{is_forwarded, selector_of};
use jiff::Timestamp;
use objects::Kind;

/// The lines of the form.
const PORT: usize = 0;
const LOCAL: usize = 1;
const ADDRESS: usize = 2;
/// Ports below are the system's: only its administrator listens there.
const FIRST_FREE: u16 = 1_024;
/// What is added to a port of the system's.
const ABOVE: u16 = 8_000;

/// A port-forward of this console.
#[derive(Debug, Clone)]
pub struct Forwarding {
    /// Its number, which is its row's name.
    pub id: u32,
    /// What was asked for.
    pub forward: Forward,
    /// How it stands.
    pub report: ForwardReport,
    since: Timestamp,
}

/// Asks which port of the object one stands on to forward: of a pod, or of what chooses pods.
pub fn ask(app: &mut App) {
    let Some((kind, key)) = navigate::subject(app).filter(|(kind, _)| is_forwarded(*kind)) else {
        return app.say(Role::Warn, "only pods have ports, and what chooses pods");
    };
    let what = kind.singular();
    let Some(row) = app.store.of(kind).find(&key) else { return app.say(Role::Warn, format!("the {what} is gone")) };
    let object = row.object();
    if selector_of(kind, &object).is_none() && kind != Kind::Pod {
        return app.say(Role::Warn, format!("the {what} chooses no pods: it has no selector"));
    }
    let container = navigate::container(app);
    let ports = forwards::of_object(kind, &object, container.as_deref());
    let mut proposals: Vec<String> = ports.iter().map(shown).collect();
    if ports.len() > 1 {
        proposals.push(ports.iter().map(|port| port.number.to_string()).collect::<Vec<_>>().join(","));
    }
    let mut addresses = Blank::proposing("Address", vec!["localhost".to_owned(), "0.0.0.0".to_owned()]);
    addresses.is_own = true;
    let target = target(kind, &key);
    let mut notes = Vec::new();
    if ports.is_empty() && kind != Kind::Service {
        notes.push(format!("The {what} names no port; any port it listens on will do."));
    }
    if kind == Kind::Pod {
        notes.push("This console listens; whoever connects speaks to the pod.".to_owned());
    } else {
        notes.push("This console listens; whoever connects speaks to a pod that is ready,".to_owned());
        notes.push("and once that is gone to another one.".to_owned());
    }
    notes.push("It goes on while you look elsewhere, and ends with the console.".to_owned());
    let label = if kind == Kind::Service { "Service's port" } else { "Pod's port" };
    let mut form = Form {
        title: format!("Forward a port of {target}"),
        blanks: vec![Blank::proposing(label, proposals), Blank::new("Local port", ""), addresses],
        here: PORT,
        notes,
        fault: None,
        button: "forward",
    };
    settle(app, &mut form);
    app.overlay = Some(Overlay::Form(form, Filling::Forward(kind, key)));
}

fn target(kind: Kind, key: &Key) -> Target {
    Target { kind, namespace: key.namespace.to_string(), name: key.name.to_string() }
}

fn shown(port: &Port) -> String {
    let name = if port.name.is_empty() { &port.container } else { &port.name };
    if name.is_empty() { port.number.to_string() } else { format!("{} ({name})", port.number) }
}

/// Proposes local ports for the pod's, as long as the user chose none.
pub fn settle(app: &App, form: &mut Form) {
    if form.blanks[LOCAL].is_own {
        return;
    }
    let ports = numbers(form.text(PORT)).unwrap_or_default();
    let local: Vec<String> = ports.iter().map(|port| free(app, *port).to_string()).collect();
    form.blanks[LOCAL].field.set(&local.join(","));
}

/// A port that this machine's users may listen on and that no other forward of ours has.
fn free(app: &App, port: u16) -> u16 {
    let above = if port < FIRST_FREE { port.saturating_add(ABOVE) } else { port };
    let is_taken = |port: u16| app.forwards.iter().any(|known| known.port() == port);
    (above..=u16::MAX).find(|port| !is_taken(*port)).unwrap_or(0)
}

/// `8080 (web)`, `80,443`: the numbers.
fn numbers(text: &str) -> Option<Vec<u16>> {
    let text = text.split('(').next().unwrap_or_default();
    text.split(',').map(|part| part.trim().parse().ok()).collect()
}

/// Begins what was filled in.
///
/// # Errors
/// What is wrong with it.
pub fn submit(app: &mut App, form: &Form, (kind, key): (Kind, &Key), out: &mut Vec<Effect>) -> Result<(), String> {
    let ports = match numbers(form.text(PORT)) {
        Some(ports) if !ports.contains(&0) => ports,
        _ => return Err(format!("\"{}\" is no port: a number from 1 to 65535, or several with commas", form.text(PORT))),
    };
    let locals = match form.text(LOCAL) {
        "" => vec![0; ports.len()],
        text => numbers(text).ok_or_else(|| format!("\"{text}\" is no local port; nothing or 0 is any free one"))?,
    };
    if locals.len() != ports.len() {
        return Err(format!("{} local ports for {} of the {}'s", locals.len(), ports.len(), kind.singular()));
    }
    let address = form.text(ADDRESS);
    crate::forward::addresses(address)?;
    for (port, local) in ports.into_iter().zip(locals) {
        begin(app, target(kind, key), (local, port), address, out);
    }
    Ok(())
}

/// Begins a forward.
fn begin(app: &mut App, target: Target, (local, port): (u16, u16), address: &str, out: &mut Vec<Effect>) {
    let forward = Forward { target, port, address: address.to_owned(), local };
    let id = app.next_id();
    out.push(Effect::Link(Command::Forward { id, forward: Box::new(forward.clone()) }));
    app.forwards.push(Forwarding { id, forward, report: ForwardReport::default(), since: app.now });
    show_rows(app);
}

/// `:forward web 8080:80`, `:forward team-1/web 80`, `:forward deploy/web 80`; without words the form.
pub fn command(app: &mut App, (kind, key): (Kind, &Key), rest: &str, out: &mut Vec<Effect>) {
    for pair in rest.split_whitespace() {
        let (local, port) = pair.split_once(':').unwrap_or((pair, pair));
        let local = if local.is_empty() { Some(0) } else { local.parse().ok() };
        match (local, port.parse::<u16>()) {
            (Some(local), Ok(port)) if port > 0 => begin(app, target(kind, key), (local, port), "localhost", out),
            _ => return app.say(Role::Bad, format!("\"{pair}\" is no pair of ports; 8080:80, 80 and :80 are")),
        }
    }
}

/// What may follow `:forward`: pods by their names, and what chooses pods, as far as it is known, behind its kind.
pub fn completions(app: &App) -> Vec<String> {
    let names =
        |kind: Kind, before: &'static str| app.store.of(kind).iter().map(move |(_, row)| format!("{before}{}", row.key.name));
    let chosen = names(Kind::Deployment, "deploy/").chain(names(Kind::ReplicaSet, "rs/")).chain(names(Kind::Service, "svc/"));
    names(Kind::Pod, "").chain(chosen).collect()
}

/// Takes over how a forward stands.
pub fn reported(app: &mut App, id: u32, report: ForwardReport) {
    let Some(known) = app.forwards.iter_mut().find(|known| known.id == id) else { return };
    let before = std::mem::replace(&mut known.report, report);
    let (target, port) = (known.forward.target.to_string(), known.forward.port);
    let local = forwards::local(&known.forward, &known.report);
    let moved = known.report.pod.clone().filter(|pod| before.pod.as_ref().is_some_and(|before| before != pod));
    match (&before.state, &known.report.state) {
        (ForwardState::Opening, ForwardState::Listening { .. }) => {
            let list = navigate::keys_of(app, crate::console::keys::action::Action::Forwards);
            match known_fault(app, id) {
                None => app.say(Role::Ok, format!("{local} leads to port {port} of {target}{list}")),
                Some(fault) => app.say(Role::Warn, format!("{local} leads nowhere yet: {fault}{list}")),
            }
        }
        (ForwardState::Opening, ForwardState::Failed { why }) => {
            let why = why.clone();
            app.say(Role::Bad, format!("{target}: {why}; another local port may be free"));
        }
        _ if before.fault.is_none() && known.report.fault.is_some() => {
            let fault = known.report.fault.clone().unwrap_or_default();
            app.say(Role::Warn, format!("a connection to {local} failed: {fault}"));
        }
        _ => {
            if let Some(pod) = moved {
                app.say(Role::Dim, format!("{local} leads to {pod} now"));
            }
        }
    }
    show_rows(app);
}

fn known_fault(app: &App, id: u32) -> Option<String> {
    app.forwards.iter().find(|known| known.id == id)?.report.fault.clone()
}

/// A pod is gone: forwards that led to it lead to none until somebody connects again.
pub fn gone(app: &mut App, pod: &Key) {
    let is_it =
        |known: &Forwarding| *known.forward.target.namespace == *pod.namespace && known.report.pod.as_deref() == Some(&*pod.name);
    if app.forwards.iter().any(is_it) {
        show_rows(app);
    }
}

/// Puts the rows of all forwards where lists find them.
pub fn show_rows(app: &mut App) {
    let pods = app.store.of(Kind::Pod);
    let row = |known: &Forwarding| {
        let target = &known.forward.target;
        let of_pod = (target.kind == Kind::Pod).then_some(&target.name);
        let name = known.report.pod.as_ref().or(of_pod);
        let found = name.and_then(|name| {
            let key = Key { namespace: target.namespace.as_str().into(), name: name.as_str().into() };
            let node = pods.find(&key).map(|row| row.node());
            // A pod keeps its forwards, also while it is not there.
            node.or_else(|| of_pod.map(|_| "")).map(|node| (name.as_str(), node))
        });
        let pod = found.as_ref().map(|(name, node)| (*name, *node));
        forwards::row(known.id, &known.forward, &known.report, pod, known.since)
    };
    let rows = app.forwards.iter().map(row).collect();
    app.store.put_forwards(rows);
    app.invalidate(&Source::Forwards);
}

/// Shows the list.
pub fn show(app: &mut App) {
    show_rows(app);
    let mut list = List::forwards();
    list.is_root = true;
    app.push(Screen::List(Box::new(list)));
}

/// Stops the marked forwards, or the one stood on. Nothing is lost that `xf` does not bring back, so nothing is asked.
pub fn stop(app: &mut App, out: &mut Vec<Effect>) {
    let Screen::List(list) = app.screen_mut() else { return };
    if list.source != Source::Forwards {
        return;
    }
    let App { screens, store, .. } = app;
    let Some(Screen::List(list)) = screens.last_mut() else { return };
    let ids: Vec<u32> = list.chosen(store).iter().filter_map(|key| key.name.parse().ok()).collect();
    list.marks.clear();
    out.extend(ids.iter().map(|id| Effect::Link(Command::End { id: *id })));
    app.forwards.retain(|known| !ids.contains(&known.id));
    show_rows(app);
    if let [_] = ids.as_slice() {
        app.say(Role::Ok, "stopped; its connections are cut");
    } else if !ids.is_empty() {
        app.say(Role::Ok, format!("{} stopped; their connections are cut", ids.len()));
    }
}

/// The forwards that would end with the console, as a sentence.
pub fn warning(app: &App) -> Option<String> {
    let running = app.forwards.iter().filter(|known| matches!(known.report.state, ForwardState::Listening { .. }));
    match running.count() {
        0 => None,
        1 => Some("1 port-forward ends with it.".to_owned()),
        count => Some(format!("{count} port-forwards end with it.")),
    }
}

/// Where one connects to, for the row one stands on.
pub fn address(app: &App, key: &Key) -> Option<String> {
    let known = app.forwards.iter().find(|known| known.id.to_string() == *key.name)?;
    Some(forwards::local(&known.forward, &known.report))
}

impl Forwarding {
    fn port(&self) -> u16 {
        match self.report.state {
            ForwardState::Listening { port } => port,
            ForwardState::Opening => self.forward.local,
            ForwardState::Failed { .. } => 0,
        }
    }
}
