//! `top`: how much nodes and pods use, as `kubectl top` shows it.

use super::context::Context;
use super::failure::Failure;
use clap::{Args, Subcommand, ValueEnum};
use objects::printing::{Column, Header, Table};
use objects::quantity::Quantity;
use objects::{Kind, lookup};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::HashMap;
use wire::{NodeUsage, PodUsage, Request, Response, Selection, UsageRequest, Usages, Used};

/// Arguments of `top`.
#[derive(Debug, Args)]
pub struct TopArgs {
    #[command(subcommand)]
    of: Of,
}

#[derive(Debug, Subcommand)]
enum Of {
    /// What nodes use.
    #[command(visible_alias = "nodes", alias = "no")]
    Node {
        /// Only this one.
        name: Option<String>,
        #[command(flatten)]
        shown: Shown,
        /// Count against what the node has, not what pods may use of it.
        #[arg(long)]
        show_capacity: bool,
    },
    /// What pods use.
    #[command(visible_alias = "pods", alias = "po")]
    Pod {
        /// Only this one.
        name: Option<String>,
        #[command(flatten)]
        shown: Shown,
        /// A line a container.
        #[arg(long)]
        containers: bool,
        /// Of every namespace.
        #[arg(short = 'A', long)]
        all_namespaces: bool,
        /// Only those whose fields match: status.phase=Running.
        #[arg(long, value_name = "SELECTOR")]
        field_selector: Option<String>,
        /// A last line with the sums.
        #[arg(long)]
        sum: bool,
    },
}

#[derive(Debug, Args)]
struct Shown {
    /// Only those whose labels match: app=web.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// The greatest first.
    #[arg(long, value_name = "WHAT")]
    sort_by: Option<SortBy>,
    /// No line with the columns' names.
    #[arg(long)]
    no_headers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SortBy {
    Cpu,
    Memory,
}

impl Shown {
    /// Writes rows below their columns' names. These are a row of their own: tables write names in capitals, and kubectl has `(cores)`.
    fn write(&self, names: &[&str], rows: Vec<Vec<String>>) -> String {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let columns = names.iter().map(|name| Column::named(name)).collect();
        let first = (!self.no_headers).then_some(names);
        Table { columns, rows: first.into_iter().chain(rows).collect() }.to_text(Header::Hidden)
    }

    /// Sorts by what is used, where that is wanted; else what has come in an order keeps it.
    fn sort<T>(&self, rows: &mut [T], used: impl Fn(&T) -> Used) {
        match self.sort_by {
            None => {}
            Some(SortBy::Cpu) => rows.sort_by_key(|row| Reverse(used(row).cpu_nanocores)),
            Some(SortBy::Memory) => rows.sort_by_key(|row| Reverse(used(row).memory_bytes)),
        }
    }
}

/// Does it.
pub async fn run(args: &TopArgs, context: &mut Context) -> Result<(), Failure> {
    match &args.of {
        Of::Node { name, shown, show_capacity } => {
            let basis = if *show_capacity { "capacity" } else { "allocatable" };
            nodes(context, (name.as_deref(), shown), basis).await
        }
        Of::Pod { name, shown, containers, all_namespaces, field_selector, sum } => {
            let namespace = (!all_namespaces).then(|| context.namespace.clone());
            let selection =
                Selection { namespace, label_selector: shown.selector.clone(), field_selector: field_selector.clone() };
            let how = How { containers: *containers, namespaces: *all_namespaces, sum: *sum };
            pods(context, (name.as_deref(), shown), selection, how).await
        }
    }
}

async fn measured(context: &mut Context, nodes: Vec<String>) -> Result<Vec<NodeUsage>, Failure> {
    let usages = match context.client().await?.request(Request::Usage(UsageRequest { nodes })).await? {
        Response::Usage(usages) => usages,
        other => return Err(Failure::unexpected(&other)),
    };
    let Usages { nodes, missing } = usages;
    missing.iter().try_for_each(|missing| context.note(format!("Warning: {}", missing.why)))?;
    Ok(nodes)
}

async fn nodes(context: &mut Context, (name, shown): (Option<&str>, &Shown), basis: &str) -> Result<(), Failure> {
    let found = match name {
        Some(name) => vec![context.get(context.reference(Kind::Node, name)).await?],
        None => context.list(Kind::Node, Selection { label_selector: shown.selector.clone(), ..Selection::default() }).await?,
    };
    if found.is_empty() {
        return context.note("No resources found");
    }
    let usages = measured(context, found.iter().map(|node| lookup::name(node).to_owned()).collect()).await?;
    let by_name: HashMap<&str, Used> = usages.iter().map(|usage| (usage.node.as_str(), usage.used)).collect();
    let mut rows: Vec<(&Value, Option<Used>)> =
        found.iter().map(|node| (node, by_name.get(lookup::name(node)).copied())).collect();
    shown.sort(&mut rows, |(_, used)| used.unwrap_or_default());
    let row = |(node, used): &(&Value, Option<Used>)| {
        let Some(used) = used else {
            return std::iter::once(lookup::name(node)).chain(["<unknown>"; 4]).map(str::to_owned).collect();
        };
        let has = |resource: &str| quantity(lookup::text(node, &format!("/status/{basis}/{resource}")));
        let cpu = has("cpu").map(|has| has.to_milli());
        let memory = has("memory").map(|has| has.to_bytes());
        let (milli, bytes) = (milli(*used), i64::try_from(used.memory_bytes).unwrap_or(i64::MAX));
        vec![lookup::name(node).to_owned(), format!("{milli}m"), percent(milli, cpu), mebi(*used), percent(bytes, memory)]
    };
    let names = ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"];
    context.print(&shown.write(&names, rows.iter().map(row).collect()))
}

/// How pods are shown.
#[derive(Debug, Clone, Copy)]
struct How {
    containers: bool,
    namespaces: bool,
    sum: bool,
}

async fn pods(
    context: &mut Context,
    (name, shown): (Option<&str>, &Shown),
    selection: Selection,
    how: How,
) -> Result<(), Failure> {
    let found = match name {
        Some(name) => vec![context.get(context.reference(Kind::Pod, name)).await?],
        None => context.list(Kind::Pod, selection).await?,
    };
    let place = if how.namespaces { String::new() } else { format!(" in {} namespace.", context.namespace) };
    let mut on: Vec<String> = found.iter().map(|pod| lookup::text(pod, "/spec/nodeName").to_owned()).collect();
    on.retain(|node| !node.is_empty());
    on.sort_unstable();
    on.dedup();
    // No node named would be all of them.
    let usages = if on.is_empty() { Vec::new() } else { measured(context, on).await? };
    let wanted: HashMap<&str, usize> =
        found.iter().enumerate().map(|(index, pod)| (lookup::text(pod, "/metadata/uid"), index)).collect();
    let mut used: Vec<&PodUsage> = usages.iter().flat_map(|usage| &usage.pods).collect();
    used.retain(|pod| wanted.contains_key(pod.uid.as_str()));
    used.sort_by_key(|pod| wanted.get(pod.uid.as_str()));
    match name {
        _ if !used.is_empty() => {}
        Some(name) => return Err(Failure::message(format!("metrics not available for pod {}/{name}", context.namespace))),
        None => return context.note(format!("No resources found{place}")),
    }
    shown.sort(&mut used, |pod| total(pod));
    context.print(&table(&used, shown, how))
}

fn table(pods: &[&PodUsage], shown: &Shown, how: How) -> String {
    let mut names: Vec<&str> = if how.containers { vec!["POD", "NAME"] } else { vec!["NAME"] };
    if how.namespaces {
        names.insert(0, "NAMESPACE");
    }
    names.extend(["CPU(cores)", "MEMORY(bytes)"]);
    let mut rows = Vec::new();
    for pod in pods {
        let mut lines: Vec<(Vec<&str>, Used)> = if how.containers {
            pod.containers.iter().map(|container| (vec![pod.name.as_str(), &container.name], container.used)).collect()
        } else {
            vec![(vec![pod.name.as_str()], total(pod))]
        };
        shown.sort(&mut lines, |(_, used)| *used);
        for (mut cells, used) in lines {
            if how.namespaces {
                cells.insert(0, &pod.namespace);
            }
            rows.push(cells.into_iter().map(str::to_owned).chain(amounts(used)).collect());
        }
    }
    if how.sum {
        let sum = pods.iter().map(|pod| total(pod)).fold(Used::default(), add);
        // As many blanks as there are names, under them a line.
        let blank = names.len() - 2;
        rows.push(std::iter::repeat_n(String::new(), blank).chain(["________", "________"].map(str::to_owned)).collect());
        rows.push(std::iter::repeat_n(String::new(), blank).chain(amounts(sum)).collect());
    }
    shown.write(&names, rows)
}

fn total(pod: &PodUsage) -> Used {
    pod.containers.iter().map(|container| container.used).fold(Used::default(), add)
}

fn add(one: Used, other: Used) -> Used {
    Used { cpu_nanocores: one.cpu_nanocores + other.cpu_nanocores, memory_bytes: one.memory_bytes + other.memory_bytes }
}

fn amounts(used: Used) -> [String; 2] {
    [format!("{}m", milli(used)), mebi(used)]
}

/// Thousandths of a core, rounded up as Kubernetes does with quantities.
fn milli(used: Used) -> i64 {
    i64::try_from(used.cpu_nanocores.div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

fn mebi(used: Used) -> String {
    format!("{}Mi", used.memory_bytes >> 20)
}

fn quantity(text: &str) -> Option<Quantity> {
    Quantity::parse(text).ok()
}

fn percent(used: i64, of: Option<i64>) -> String {
    match of {
        Some(of) if of > 0 => format!("{}%", i128::from(used) * 100 / i128::from(of)),
        _ => "<unknown>".to_owned(),
    }
}
