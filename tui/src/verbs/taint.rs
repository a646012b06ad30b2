//! `taint`: marks nodes that pods are to keep away from (`kubectl taint`).

use super::amend::amend;
use super::context::Context;
use super::each::each;
use super::failure::Failure;
use crate::args::DryRunArgs;
use clap::Args;
use objects::{Kind, lookup, names};
use serde_json::{Value, json};
use wire::{ObjectRef, Selection};

/// What a taint does.
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Arguments of `taint`.
#[derive(Debug, Args)]
pub struct TaintArgs {
    /// nodes NAME…, then KEY=VALUE:EFFECT or KEY:EFFECT to set, KEY:EFFECT- or KEY- to take away.
    arguments: Vec<String>,
    /// Nodes with these labels.
    #[arg(short = 'l', long, value_name = "SELECTOR", allow_hyphen_values = true)]
    selector: Option<String>,
    /// All nodes.
    #[arg(long)]
    all: bool,
    /// Change taints that are set already.
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// A taint as it is written on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Taint {
    key: String,
    value: String,
    /// Empty is all, where taints are taken away.
    effect: String,
}

impl Taint {
    /// `key=value:Effect`, `key:Effect`.
    fn parse(text: &str) -> Result<Self, Failure> {
        let invalid = |why: &str| Failure::message(format!("invalid taint spec: {text}{why}"));
        let (name, effect) = match text.split(':').collect::<Vec<_>>().as_slice() {
            [name] => (*name, ""),
            [name, effect] if EFFECTS.contains(effect) => (*name, *effect),
            [_, effect] => {
                return Err(Failure::message(format!("invalid taint effect: {effect}, unsupported taint effect")));
            }
            _ => return Err(invalid("")),
        };
        let (key, value) = match name.split('=').collect::<Vec<_>>().as_slice() {
            [key] => (*key, ""),
            [key, value] => (*key, *value),
            _ => return Err(invalid("")),
        };
        let wrong: Vec<String> = names::qualified_name(key).into_iter().chain(names::label_value(value)).collect();
        if !wrong.is_empty() {
            return Err(invalid(&format!(", {}", wrong.join("; "))));
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned() })
    }

    fn is_of(&self, taint: &Value) -> bool {
        lookup::text(taint, "/key") == self.key && (self.effect.is_empty() || lookup::text(taint, "/effect") == self.effect)
    }

    fn to_object(&self) -> Value {
        let mut taint = json!({ "key": self.key, "effect": self.effect });
        if !self.value.is_empty() {
            taint["value"] = json!(self.value);
        }
        taint
    }
}

impl std::fmt::Display for Taint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, value, effect } = self;
        match (value.is_empty(), effect.is_empty()) {
            (_, true) => write!(f, "{key}"),
            (true, false) => write!(f, "{key}:{effect}"),
            (false, false) => write!(f, "{key}={value}:{effect}"),
        }
    }
}

/// What is to become of a node's taints.
#[derive(Debug, Default)]
struct Taints {
    add: Vec<Taint>,
    remove: Vec<Taint>,
}

impl Taints {
    fn parse(pairs: &[String]) -> Result<Self, Failure> {
        let mut taints = Self::default();
        for pair in pairs {
            match pair.strip_suffix('-') {
                Some(taint) => taints.remove.push(Taint::parse(taint)?),
                None => {
                    let taint = Taint::parse(pair)?;
                    if taint.effect.is_empty() {
                        return Err(Failure::message(format!("invalid taint spec: {pair}")));
                    }
                    if taints.add.iter().any(|other| other.key == taint.key && other.effect == taint.effect) {
                        return Err(Failure::message(format!("duplicated taints with the same key and effect: {taint}")));
                    }
                    taints.add.push(taint);
                }
            }
        }
        let is_both = |taint: &&Taint| taints.remove.iter().any(|other| other.key == taint.key && other.effect == taint.effect);
        let both: Vec<String> = taints.add.iter().filter(is_both).map(ToString::to_string).collect();
        if !both.is_empty() {
            return Err(Failure::message(format!(
                "can not both modify and remove the following taint(s) in the same command: {}",
                both.join(", ")
            )));
        }
        Ok(taints)
    }

    /// Changes a node; what kubectl calls it.
    fn change(&self, node: &mut Value, overwrite: bool) -> Result<&'static str, Failure> {
        let old = lookup::list(node, "/spec/taints").to_vec();
        let taken = self.add.iter().filter(|taint| old.iter().any(|old| taint.is_of(old)));
        let taken: Vec<&str> = taken.map(|taint| taint.key.as_str()).collect();
        if !overwrite && !taken.is_empty() {
            let (name, taken) = (lookup::name(node), taken.join(","));
            return Err(Failure::message(format!(
                "node {name} already has {taken} taint(s) with same effect(s) and --overwrite is false"
            )));
        }
        let mut new: Vec<Value> = self.add.iter().map(Taint::to_object).collect();
        new.extend(old.iter().filter(|old| !self.add.iter().any(|taint| taint.is_of(old))).cloned());
        let is_added = new.len() != old.len();
        let mut missing = Vec::new();
        for taint in &self.remove {
            let count = new.len();
            new.retain(|held| !taint.is_of(held));
            if new.len() == count {
                missing.push(Failure::message(format!("taint {:?} not found", taint.to_string())));
            }
        }
        let is_removed = missing.len() < self.remove.len();
        Failure::all(missing)?;
        match node.get_mut("spec").and_then(Value::as_object_mut) {
            Some(spec) if new.is_empty() => drop(spec.remove("taints")),
            _ => node["spec"]["taints"] = json!(new),
        }
        Ok(match (is_added, is_removed) {
            (true, true) => "modified",
            _ if overwrite => "modified",
            (true, false) => "tainted",
            (false, _) => "untainted",
        })
    }
}

/// Does it.
pub async fn run(args: &TaintArgs, context: &mut Context) -> Result<(), Failure> {
    // A taint without a value has no equal sign.
    let is_pair = |argument: &String| argument.contains(['=', ':']) || argument.ends_with('-');
    let first = args.arguments.iter().position(is_pair).unwrap_or(args.arguments.len());
    let (named, pairs) = args.arguments.split_at(first);
    if let Some(wrong) = pairs.iter().find(|argument| !is_pair(argument)) {
        return Err(Failure::message(format!("all resources must be specified before taint changes: {wrong}")));
    }
    if pairs.is_empty() {
        return Err(Failure::message("at least one taint update is required"));
    }
    let taints = Taints::parse(pairs)?;
    let nodes = nodes(args, context, named).await?;
    let mode = args.dry_run.mode;
    let taint = async |context: &mut Context, node: &ObjectRef| {
        let mut outcome = "tainted";
        let change = |node: &mut Value| taints.change(node, args.overwrite).map(|word| outcome = word);
        amend(context, node, mode, change).await?;
        context.line(format!("node/{} {outcome}{}", node.name, mode.suffix()))
    };
    each(&nodes, Vec::new(), context, taint).await
}

async fn nodes(args: &TaintArgs, context: &Context, named: &[String]) -> Result<Vec<ObjectRef>, Failure> {
    let is_selecting = args.all || args.selector.is_some();
    let Some((kind, names)) = named.split_first() else {
        return Err(Failure::message("one or more resources must be specified as <resource> <name> or <resource>/<name>"));
    };
    let (kind, names) = match kind.split_once('/') {
        Some((kind, name)) => (kind, [vec![name.to_owned()], names.to_vec()].concat()),
        None => (kind.as_str(), names.to_vec()),
    };
    if super::resources::kind(kind)? != Kind::Node {
        return Err(Failure::message(format!("invalid resource type {kind}, only [\"node\"] are supported")));
    }
    if is_selecting && !names.is_empty() {
        return Err(Failure::message("node identification must be based on either the node name, the selector or the all flag"));
    }
    if !is_selecting {
        if names.is_empty() {
            return Err(Failure::message("resource(s) were provided, but no name was specified"));
        }
        let bare = |name: &String| name.rsplit('/').next().unwrap_or_default().to_owned();
        return Ok(names.iter().map(|name| context.reference(Kind::Node, &bare(name))).collect());
    }
    let selection = Selection { label_selector: args.selector.clone().filter(|text| !text.is_empty()), ..Selection::default() };
    let found = context.list(Kind::Node, selection).await?;
    Ok(found.iter().map(|node| context.reference(Kind::Node, lookup::name(node))).collect())
}
