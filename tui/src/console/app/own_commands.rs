//! Runs commands of the user's own, after asking for what they want to know.

use super::effect::Effect;
use super::forms::Filling;
use super::navigate;
use super::overlay::Overlay;
use super::state::App;
use crate::console::theme::role::Role;
use crate::console::widget::form::{Blank, Form};
use crate::templates;
use objects::Kind;
use objects::lookup::{list, text};

/// Runs the command of that name with the words that follow it, or asks for those that are missing. Says whether there is one.
pub fn begin(app: &mut App, name: &str, rest: &str, out: &mut Vec<Effect>) -> bool {
    let Some(command) = app.own_commands.get(name) else { return false };
    let words: Vec<&str> = rest.split_whitespace().collect();
    if words.len() > command.ask.len() {
        let takes = command.takes();
        app.say(Role::Warn, format!(":{name} {takes} takes {} words, not {}", command.ask.len(), words.len()));
        return true;
    }
    if words.len() == command.ask.len() {
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        if let Err(why) = run(app, name, &words, out) {
            app.say(Role::Warn, why);
        }
        return true;
    }
    let blank = |(at, asked): (usize, &String)| Blank::new(asked.clone(), words.get(at).copied().unwrap_or_default());
    let notes = if command.help.is_empty() { command.run.join(" ") } else { command.help.clone() };
    let form = Form {
        title: name.to_owned(),
        blanks: command.ask.iter().enumerate().map(blank).collect(),
        here: words.len(),
        notes: vec![notes],
        fault: None,
        button: "run",
    };
    app.overlay = Some(Overlay::Form(form, Filling::Own(name.to_owned())));
    true
}

/// Runs it with what was filled in.
///
/// # Errors
/// What is missing.
pub fn submit(app: &mut App, form: &Form, name: &str, out: &mut Vec<Effect>) -> Result<(), String> {
    if let Some(missing) = form.blanks.iter().find(|blank| blank.field.text().trim().is_empty()) {
        return Err(format!("{} is missing", missing.label));
    }
    let words: Vec<String> = form.blanks.iter().map(|blank| blank.field.text().trim().to_owned()).collect();
    run(app, name, &words, out)
}

fn run(app: &App, name: &str, asked: &[String], out: &mut Vec<Effect>) -> Result<(), String> {
    let Some(command) = app.own_commands.get(name) else { return Err(format!("there is no command {name} any more")) };
    let fields = fields(app);
    let value = |wanted: &str| {
        let typed = command.ask.iter().position(|known| known == wanted).and_then(|at| asked.get(at)).cloned();
        typed.or_else(|| {
            fields.iter().find(|(field, value)| *field == wanted && !value.is_empty()).map(|(_, value)| value.clone())
        })
    };
    let words =
        command.words(value).map_err(|field| format!(":{name} wants to know a {field}, and what one stands on has none"))?;
    out.push(Effect::Program { words, only_reads: command.only_reads, pauses: command.pause });
    Ok(())
}

/// What is known of the row one stands on. Of a pod, image and container are those of its first one.
fn fields(app: &App) -> Vec<(&'static str, String)> {
    let Some((kind, key)) = navigate::subject(app) else { return Vec::new() };
    let object = app.store.of(kind).find(&key).map(|row| row.object()).unwrap_or_default();
    let images = templates::pod_spec(kind).map(|pod| templates::images(&object, pod)).unwrap_or_default();
    let here = navigate::container(app);
    let container = images.iter().find(|(name, _)| here.as_ref() == Some(name)).or_else(|| {
        // Init containers come first; what runs is what is meant.
        let pod = templates::pod_spec(kind).unwrap_or_default();
        let first = list(&object, &format!("{pod}/containers")).first().map(|container| text(container, "/name"));
        images.iter().find(|(name, _)| first.is_none_or(|first| first == name))
    });
    let (container, image) = container.cloned().unwrap_or_default();
    let node = if kind == Kind::Node { key.name.to_string() } else { text(&object, "/spec/nodeName").to_owned() };
    let fields = [
        ("name", key.name.to_string()),
        ("namespace", key.namespace.to_string()),
        ("kind", kind.singular().to_owned()),
        ("node", node),
        ("container", container),
        ("image", image),
        ("ip", text(&object, "/status/podIP").to_owned()),
    ];
    fields.into()
}
