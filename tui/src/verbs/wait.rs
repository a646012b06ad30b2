//! `wait`: ends when objects are as they are waited for.

use super::context::Context;
use super::each::each;
use super::failure::Failure;
use super::format::{OutputArgs, Printer, name_of};
use super::manifests;
use super::resources::Targets;
use super::watch::{selection, timed_out, until};
use crate::args::{FileArgs, GoDuration, SelectArgs};
use clap::Args;
use objects::jsonpath::{JsonPath, MissingKeys};
use objects::printing::Header;
use objects::{Kind, lookup};
use serde_json::Value;
use tokio::time::Instant;
use wire::ObjectRef;

/// Arguments of `wait`.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// TYPE NAME…, TYPE/NAME…, or TYPE with -l, --field-selector or --all.
    arguments: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// What to wait for: create, delete, condition=NAME[=VALUE] or jsonpath={PATH}[=VALUE]; may be given several times.
    #[arg(long = "for", value_name = "CONDITION")]
    conditions: Vec<String>,
    /// Everything of the kind in the namespace.
    #[arg(long)]
    all: bool,
    /// How long to wait; 0 looks once, less than 0 is a week.
    #[arg(long, default_value = "30s", allow_hyphen_values = true)]
    timeout: GoDuration,
}

/// What is waited for.
#[derive(Debug, Clone)]
enum Condition {
    Create,
    Delete,
    /// A condition of the status, compared without regard to case.
    Status {
        name: String,
        value: String,
    },
    /// A value at a path; any will do where none is named.
    Path {
        path: JsonPath,
        value: Option<String>,
    },
}

impl Condition {
    fn parse(text: &str) -> Result<Self, Failure> {
        if text.eq_ignore_ascii_case("create") {
            return Ok(Self::Create);
        }
        if text.eq_ignore_ascii_case("delete") {
            return Ok(Self::Delete);
        }
        if let Some(condition) = text.strip_prefix("condition=") {
            let (name, value) = condition.split_once('=').unwrap_or((condition, "true"));
            return Ok(Self::Status { name: name.to_owned(), value: value.to_owned() });
        }
        match text.strip_prefix("jsonpath=") {
            Some(input) => Self::parse_path(input),
            None => Err(Failure::message(format!("unrecognized condition: {text:?}"))),
        }
    }

    fn parse_path(input: &str) -> Result<Self, Failure> {
        let parts = split_single_equals(input);
        let (path, value) = match parts.as_slice() {
            [path] => (path, None),
            [path, value] => (path, Some(value.trim_matches(['\'', '"']))),
            _ => {
                return Err(Failure::message(
                    "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or \
                     --for=jsonpath='{.status.readyReplicas}'",
                ));
            }
        };
        if value == Some("") {
            return Err(Failure::message(
                "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
            ));
        }
        if path.is_empty() {
            return Err(Failure::message("jsonpath expression cannot be empty"));
        }
        let path = JsonPath::parse_relaxed(path).map_err(|error| Failure::message(error.to_string()))?;
        Ok(Self::Path { path, value: value.map(str::to_owned) })
    }

    /// Whether an object, or its absence, is what is waited for.
    fn is_met(&self, object: Option<&Value>) -> Result<bool, Failure> {
        let Some(object) = object else { return Ok(matches!(self, Self::Delete)) };
        match self {
            Self::Create => Ok(true),
            Self::Delete => Ok(false),
            Self::Status { name, value } => Ok(has_condition(object, name, value)),
            Self::Path { path, value } => {
                let found = path.find(object, MissingKeys::Allowed).map_err(|error| Failure::message(error.to_string()))?;
                match found.as_slice() {
                    [] => Ok(false),
                    [Value::Array(_) | Value::Object(_)] if value.is_some() => {
                        Err(Failure::message("jsonpath leads to a nested object or list which is not supported"))
                    }
                    [one] => Ok(value.as_ref().is_none_or(|value| lookup::scalar(one).trim() == value.trim())),
                    _ => Err(Failure::message("given jsonpath expression matches more than one value")),
                }
            }
        }
    }
}

/// A condition counts for the generation that it was observed at, not for a newer one.
fn has_condition(object: &Value, name: &str, value: &str) -> bool {
    let conditions = lookup::list(object, "/status/conditions");
    let Some(condition) = conditions.iter().find(|condition| lookup::text(condition, "/type").eq_ignore_ascii_case(name)) else {
        return false;
    };
    let observed = [condition.pointer("/observedGeneration"), object.pointer("/status/observedGeneration")];
    let observed = observed.into_iter().flatten().find_map(Value::as_i64);
    let is_current = observed.is_none_or(|observed| observed >= lookup::number(object, "/metadata/generation"));
    is_current && lookup::text(condition, "/status").eq_ignore_ascii_case(value)
}

/// Splits at single equal signs; `==` belongs to the path.
fn split_single_equals(input: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = input;
    while let Some(place) = rest.find('=') {
        let (before, after) = (&rest[..place], &rest[place + 1..]);
        let last = parts.len() - 1;
        parts[last].push_str(before);
        match after.strip_prefix('=') {
            Some(after) => {
                parts[last].push_str("==");
                rest = after;
            }
            None => {
                parts.push(String::new());
                rest = after;
            }
        }
    }
    let last = parts.len() - 1;
    parts[last].push_str(rest);
    parts
}

/// Does it.
pub async fn run(args: &WaitArgs, context: &mut Context) -> Result<(), Failure> {
    if args.conditions.is_empty() {
        return Err(Failure::message("unrecognized condition: []"));
    }
    let mut conditions: Vec<Condition> =
        args.conditions.iter().map(|condition| Condition::parse(condition)).collect::<Result<_, _>>()?;
    // That it is created comes first.
    conditions.sort_by_key(|condition| !matches!(condition, Condition::Create));
    let waits_for_end = conditions.iter().any(|condition| matches!(condition, Condition::Delete));
    let mut printer = Printer::new(args.output.format()?, Header::Shown);
    let (objects, failures) = find(args, context, &conditions).await?;
    if objects.is_empty() && failures.is_empty() && !waits_for_end {
        return Err(Failure::message("no matching resources found"));
    }
    let until = match args.timeout.or_a_week() {
        timeout if timeout.is_zero() => Until::Once,
        timeout => Until::Deadline(Instant::now() + timeout),
    };
    // One that is not as it should be does not hide what is to say of the others.
    let wait = async |context: &mut Context, object: &_| wait_for_all(context, &mut printer, object, &conditions, until).await;
    each(&objects, failures, context, wait).await
}

/// Waits for one condition of an object after the other, and tells each.
async fn wait_for_all(
    context: &mut Context,
    printer: &mut Printer,
    object: &ObjectRef,
    conditions: &[Condition],
    until: Until,
) -> Result<(), Failure> {
    for condition in conditions {
        let state = match until {
            Until::Once => once(context, object, condition).await?,
            Until::Deadline(deadline) => wait_for(context, object, condition, deadline).await?,
        };
        match state {
            Some(state) if !printer.is_plain() => printer.print(context, &state)?,
            Some(state) => context.line(format!("{} condition met", name_of(&state)))?,
            None => context.line(format!("{}/{} condition met", object.kind.singular(), object.name))?,
        }
        context.out.flush()?;
    }
    Ok(())
}

/// How long to wait.
#[derive(Debug, Clone, Copy)]
enum Until {
    /// Not at all: look once.
    Once,
    /// All objects together until then; each is looked at once even if the others took all the time.
    Deadline(Instant),
}

/// Looks once.
async fn once(context: &Context, object: &ObjectRef, condition: &Condition) -> Result<Option<Value>, Failure> {
    let state = match context.get(object.clone()).await {
        Ok(state) => Some(state),
        Err(failure) if failure.is_not_found() && matches!(condition, Condition::Delete) => None,
        Err(failure) => return Err(failure),
    };
    match condition.is_met(state.as_ref())? {
        true => Ok(state),
        false => Err(Failure::message(format!("condition not met for {}/{}", object.kind.plural(), object.name))),
    }
}

async fn wait_for(
    context: &Context,
    object: &ObjectRef,
    condition: &Condition,
    deadline: Instant,
) -> Result<Option<Value>, Failure> {
    let not_found = || {
        let status = objects::Status::not_found(object.kind, &object.name);
        Failure::from(client::ClientError::Refused(status))
    };
    let mut last = None;
    if Instant::now() >= deadline {
        return once(context, object, condition).await.map_err(|failure| match failure {
            Failure::Message(_) => timed_out(object),
            other => other,
        });
    }
    let met = until(context, object, deadline, |state| {
        if state.is_none() && !matches!(condition, Condition::Create | Condition::Delete) {
            return Err(not_found());
        }
        if let Some(state) = state {
            last = Some(state.clone());
        }
        condition.is_met(state)
    });
    let state = met.await?;
    // What was deleted is printed as it was last seen.
    Ok(state.or(last))
}

/// The objects that the arguments name, and those that are missing. One that is waited for may not exist yet, one that shall be deleted not any more.
async fn find(
    args: &WaitArgs,
    context: &mut Context,
    conditions: &[Condition],
) -> Result<(Vec<ObjectRef>, Vec<Failure>), Failure> {
    if !args.files.filenames.is_empty() {
        let manifests = manifests::read(&args.files, context)?;
        Failure::all(manifests.failures)?;
        let reference =
            |manifest: manifests::Manifest| ObjectRef { kind: manifest.kind, namespace: manifest.namespace, name: manifest.name };
        return Ok((manifests.found.into_iter().map(reference).collect(), Vec::new()));
    }
    let is_selecting = args.all || args.select.selector.is_some() || args.select.field_selector.is_some();
    match Targets::parse(&args.arguments)? {
        Targets::Kinds(kinds) if kinds.is_empty() => {
            Err(Failure::message("You must provide one or more resources by argument or filename."))
        }
        Targets::Kinds(_) if !is_selecting => Err(Failure::message("resource(s) were provided, but no name was specified")),
        Targets::Kinds(kinds) => Ok((selected(args, context, &kinds).await?, Vec::new())),
        Targets::Named(_) if is_selecting => Err(Failure::message("name cannot be provided when a selector is specified")),
        Targets::Named(named) => {
            let (mut found, mut failures) = (Vec::new(), Vec::new());
            let may_be_missing = conditions.iter().any(|condition| matches!(condition, Condition::Create | Condition::Delete));
            for (kind, name) in named {
                let object = context.reference(kind, &name);
                match context.get(object.clone()).await {
                    Err(failure) if !failure.is_not_found() => return Err(failure),
                    Err(failure) if !may_be_missing => failures.push(failure),
                    Ok(_) | Err(_) => found.push(object),
                }
            }
            Ok((found, failures))
        }
    }
}

async fn selected(args: &WaitArgs, context: &Context, kinds: &[Kind]) -> Result<Vec<ObjectRef>, Failure> {
    let mut found = Vec::new();
    for kind in kinds {
        for object in context.list(*kind, selection(context, &args.select, *kind)).await? {
            let namespace = lookup::namespace(&object).to_owned();
            found.push(ObjectRef { kind: *kind, namespace, name: lookup::name(&object).to_owned() });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{Condition, split_single_equals};
    use serde_json::json;

    fn is_met(condition: &str, object: &serde_json::Value) -> bool {
        let condition = Condition::parse(condition).expect("a condition");
        condition.is_met(Some(object)).unwrap_or_else(|failure| panic!("{}", failure.to_text()))
    }

    #[test]
    fn conditions_are_read_and_compared_without_regard_to_case() {
        let pod = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        assert!(is_met("condition=ready", &pod));
        assert!(!is_met("condition=Ready=false", &pod));
        assert!(!is_met("condition=Initialized", &pod));
        assert!(is_met("jsonpath={.status.phase}=Running", &pod));
        assert!(is_met("jsonpath='{.status.phase}'=Running".replace('\'', "").as_str(), &pod));
        assert!(is_met("jsonpath=.status.phase", &pod));
        assert!(!is_met("jsonpath={.status.podIP}", &pod));
        assert!(is_met("jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=True", &pod));
        assert!(is_met("CREATE", &pod));
        assert!(!is_met("delete", &pod));
    }

    #[test]
    fn a_condition_of_an_older_generation_does_not_count() {
        let mut pod = json!({
            "metadata": {"generation": 2},
            "status": {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]},
        });
        assert!(!is_met("condition=Ready", &pod));
        pod["status"]["conditions"][0]["observedGeneration"] = json!(2);
        assert!(is_met("condition=Ready", &pod));
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        let refused = |text: &str| Condition::parse(text).expect_err("refused").to_text();
        assert_eq!(refused("Ready"), "error: unrecognized condition: \"Ready\"");
        assert!(refused("jsonpath={.a}=").contains("has to have a value"));
        assert!(refused("jsonpath={.a}=b=c").contains("jsonpath wait format must be"));
        assert_eq!(split_single_equals("a.b.c====d.e.f===g.h.i==="), ["a.b.c====d.e.f==", "g.h.i==", ""]);
    }
}
