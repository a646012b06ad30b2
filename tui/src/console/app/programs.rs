//! A shell in a container or on a node, and what a container shows: the console steps aside for the verb that does it.

use super::effect::Effect;
use super::navigate;
use super::state::App;
use crate::console::theme::role::Role;
use objects::Kind;

/// The best shell that the image has.
const SHELL: &str = "if command -v bash >/dev/null; then exec bash; else exec sh; fi";

/// What is run in place of the console for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// A shell in the container.
    Shell,
    /// What the container itself reads and shows.
    Attach,
}

/// Steps aside for a program about the pod or container that one stands on.
pub fn run(app: &mut App, program: Program, out: &mut Vec<Effect>) {
    let container = navigate::container(app);
    if let (Some((Kind::Node, node)), Program::Shell) = (navigate::subject(app), program) {
        // The node's own shell, with all of the node to see: the daemon asks for the role that may.
        return out.push(Effect::Run(["debug", "-it", &format!("node/{}", node.name)].map(str::to_owned).to_vec()));
    }
    let Some((Kind::Pod, pod)) = navigate::subject(app) else {
        return app.say(Role::Warn, "only pods have containers");
    };
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
    out.push(Effect::Run(words));
}
