//! `node`: the members of the cluster, and the removal of one.

use super::context::Context;
use super::failure::Failure;
use super::format::{Format, OutputArgs, Printer, list_of};
use super::unseen;
use clap::{Args, Subcommand};
use objects::duration::human;
use objects::printing::{Column, Header, Table};
use serde_json::{Value, json};
use wire::{Member, MemberState, Members, NodeRemoveRequest, Request, Response};

/// Arguments of `node`.
#[derive(Debug, Args)]
pub struct NodeArgs {
    #[command(subcommand)]
    verb: NodeVerb,
}

#[derive(Debug, Subcommand)]
enum NodeVerb {
    /// List the members of the cluster as the daemon one is connected to sees them.
    #[command(visible_alias = "list")]
    Ls {
        #[command(flatten)]
        output: OutputArgs,
        /// No line with the columns' names.
        #[arg(long)]
        no_headers: bool,
        /// Ask this node's daemon what it sees, through the one that is connected.
        #[arg(long, value_name = "NODE")]
        on: Option<String>,
    },
    /// Take nodes out of the cluster for good: their identity counts no more, their Node and pods are removed.
    #[command(visible_alias = "remove")]
    Rm {
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
        /// Remove a node though it is alive; what it runs goes on there until it is stopped by hand.
        #[arg(long)]
        force: bool,
    },
}

/// Does it.
pub async fn run(args: &NodeArgs, context: &mut Context) -> Result<(), Failure> {
    match &args.verb {
        NodeVerb::Ls { output, no_headers, on } => {
            let format = output.format()?;
            let members = unseen::members(context, on.as_deref()).await?;
            let header = if *no_headers { Header::Hidden } else { Header::Shown };
            list(context, &format, header, &members)
        }
        NodeVerb::Rm { names, force } => remove(context, names, *force).await,
    }
}

fn list(context: &mut Context, format: &Format, header: Header, members: &Members) -> Result<(), Failure> {
    match format {
        Format::Plain | Format::Wide => context.print(&table(members, format).to_text(header)),
        Format::Name => members.members.iter().try_for_each(|member| context.line(format!("node/{}", member.name))),
        format => {
            let objects: Vec<Value> = members.members.iter().map(|member| json!(member)).collect();
            let mut printer = Printer::new(format.clone(), header);
            if printer.is_row() { printer.print_all(context, &objects) } else { printer.print(context, &list_of(&objects)) }
        }
    }
}

fn table(members: &Members, format: &Format) -> Table {
    let mut columns: Vec<Column> = ["Name", "State", "Since", "Address", "RTT", "Clock", "Version"].map(Column::named).into();
    let is_wide = matches!(format, Format::Wide);
    if is_wide {
        columns.extend(["Started", "Cluster"].map(Column::named));
    }
    let row = |member: &Member| {
        let mut cells = vec![
            member.name.clone(),
            if member.is_self { format!("{} (this node)", member.state.as_str()) } else { member.state.as_str().to_owned() },
            human(members.seconds_since(member)),
            or_dash(&member.address),
            member.round_trip_ms.filter(|_| !member.is_self).map_or_else(dash, milliseconds),
            member.clock_offset_ms.filter(|_| !member.is_self).map_or_else(dash, clock),
            or_dash(&member.version),
        ];
        if is_wide {
            let started = i64::try_from(member.instance / 1000).unwrap_or(i64::MAX);
            let age = if member.instance == 0 { dash() } else { human(members.as_of.saturating_sub(started).max(0)) };
            cells.extend([age, or_dash(&members.cluster)]);
        }
        cells
    };
    Table { columns, rows: members.members.iter().map(row).collect() }
}

fn dash() -> String {
    "-".to_owned()
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { dash() } else { text.to_owned() }
}

fn milliseconds(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1}ms") } else { format!("{ms:.0}ms") }
}

/// How far a clock is ahead or behind: `+3ms`, `-1.2s`, `+1h`.
fn clock(ms: f64) -> String {
    let sign = if ms < 0.0 { '-' } else { '+' };
    let size = ms.abs();
    match size {
        0.0..1_000.0 => format!("{sign}{size:.0}ms"),
        1_000.0..120_000.0 => format!("{sign}{:.1}s", size / 1_000.0),
        _ => format!("{sign}{}", human((size / 1_000.0) as i64)),
    }
}

async fn remove(context: &mut Context, names: &[String], force: bool) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for name in names {
        let request = Request::NodeRemove(NodeRemoveRequest { name: name.clone(), force });
        let result = match context.client().await?.request(request).await {
            Ok(Response::NodeRemoved { node, pods }) => {
                let pods = if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") };
                context.line(format!("node/{node} removed, with {pods}"))
            }
            Ok(other) => Err(Failure::unexpected(&other)),
            Err(error) => Err(error.into()),
        };
        failures.extend(result.err());
    }
    Failure::all(failures)
}

/// What is said of a member that is not seen: `has not been seen for 40s`.
pub fn absence(members: &Members, member: &Member) -> String {
    let time = human(members.seconds_since(member));
    match member.state {
        MemberState::Left => format!("was stopped {time} ago"),
        _ => format!("has not been seen for {time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{clock, milliseconds};

    #[test]
    fn times_are_as_long_as_they_need_to_be() {
        assert_eq!([0.41, 9.96, 41.2].map(milliseconds), ["0.4ms", "10.0ms", "41ms"]);
        assert_eq!([0.4, -3.0, 1_250.0, -3_600_500.0].map(clock), ["+0ms", "-3ms", "+1.2s", "-60m"]);
    }
}
