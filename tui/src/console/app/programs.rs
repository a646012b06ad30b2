//! A shell in a container or on a node, and what a container shows: in a pane, or with the whole terminal, for which the console steps aside.

use super::effect::Effect;
use super::state::App;
use super::{navigate, panes};
use crate::console::keys::action::Action;
use crate::console::link::PaneProgram;
use crate::console::model::row::Key;
use crate::console::theme::role::Role;
use crate::templates;
use objects::Kind;
use objects::lookup::{flag, list, text};
use serde_json::Value;

/// The best shell that the image has.
const SHELL: &str = "if command -v bash >/dev/null; then exec bash; else exec sh; fi";

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    /// A shell in the container, or of the node.
    Shell,
    /// What the container itself reads and shows.
    Attach,
}

/// Where it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// In a pane of the console.
    Pane,
    /// On the terminal that the console has: it steps aside until the program has ended.
    WholeTerminal,
}

/// Does what an action says.
pub fn perform(app: &mut App, action: Action, out: &mut Vec<Effect>) {
    let program = if matches!(action, Action::Shell | Action::ShellAside) { Program::Shell } else { Program::Attach };
    let place = if matches!(action, Action::Shell | Action::Attach) { Where::Pane } else { Where::WholeTerminal };
    run(app, program, place, out);
}

/// Runs a program about the pod, container or node that one stands on.
fn run(app: &mut App, program: Program, place: Where, out: &mut Vec<Effect>) {
    let container = navigate::container(app);
    match (navigate::subject(app), program) {
        // A console that prints lines has nothing to draw a pane with: the program has its terminal beside it.
        (Some((Kind::Node, node)), Program::Shell) if place == Where::Pane && !app.prints_lines => {
            panes::open(app, PaneProgram::Node { node: node.name.into_string() }, out);
        }
        // The node's own shell, with all of the node to see: the daemon asks for the role that may.
        (Some((Kind::Node, node)), Program::Shell) => {
            out.push(Effect::Run(["debug", "-it", &format!("node/{}", node.name)].map(str::to_owned).to_vec()));
        }
        (Some((Kind::Pod, pod)), _) if place == Where::Pane && !app.prints_lines => in_pane(app, program, &pod, container, out),
        (Some((Kind::Pod, pod)), _) => out.push(Effect::Run(words(program, &pod, container))),
        _ => app.say(Role::Warn, "only pods have containers"),
    }
}

/// The words of the verb that does it.
fn words(program: Program, pod: &Key, container: Option<String>) -> Vec<String> {
    let verb = match program {
        Program::Shell => "exec",
        Program::Attach => "attach",
    };
    let mut words: Vec<String> = [verb, "-it", &*pod.name, "-n", &*pod.namespace].map(str::to_owned).to_vec();
    if let Some(container) = container {
        words.extend(["-c".to_owned(), container]);
    }
    if program == Program::Shell {
        words.extend(["--", "sh", "-c", SHELL].map(str::to_owned));
    }
    words
}

fn in_pane(app: &mut App, program: Program, pod: &Key, container: Option<String>, out: &mut Vec<Effect>) {
    let Some(row) = app.store.of(Kind::Pod).find(pod) else { return app.say(Role::Warn, "the pod is gone") };
    let object = row.object();
    let container = container.or_else(|| preferred(&object));
    let (namespace, name) = (pod.namespace.to_string(), pod.name.to_string());
    let program = match program {
        Program::Shell => {
            let command = ["sh", "-c", SHELL].map(str::to_owned).to_vec();
            PaneProgram::Exec { namespace, pod: name, container, command }
        }
        Program::Attach => {
            let says = container.as_deref().and_then(|container| templates::container(&object, container));
            let says = |field: &str| says.is_some_and(|container| flag(container, field));
            PaneProgram::Attach {
                namespace,
                pod: name,
                container: container.clone(),
                has_input: says("/stdin"),
                has_terminal: says("/tty"),
            }
        }
    };
    panes::open(app, program, out);
}

/// The container that is meant where none was named: the one that the pod says, or else its first.
fn preferred(pod: &Value) -> Option<String> {
    let wanted = text(pod, templates::DEFAULT_CONTAINER);
    let first = || list(pod, templates::CONTAINERS[0]).first();
    templates::container(pod, wanted).or_else(first).map(|container| text(container, "/name").to_owned())
}
