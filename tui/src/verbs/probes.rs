//! `probes`: what the probes of a pod came to lately.

use super::containers::pod_name;
use super::context::Context;
use super::failure::Failure;
use super::format::{Format, OutputArgs, Printer, list_of};
use clap::Args;
use objects::Kind;
use objects::duration::human;
use objects::printing::{Column, Header, Table};
use serde_json::{Value, json};
use wire::{PodProbes, ProbeRun, ProbeRuns, ProbesRequest};

/// Characters of a probe's words that a table shows.
const SHOWN_WORDS: usize = 100;

/// Arguments of `probes`.
#[derive(Debug, Args)]
pub struct ProbesArgs {
    /// POD or pod/POD; deploy/NAME, rs/NAME or svc/NAME for one of their pods.
    pod: String,
    /// Only the probes of this container.
    #[arg(short = 'c', long)]
    container: Option<String>,
    /// Only so many runs of each probe, the newest.
    #[arg(long, value_name = "COUNT")]
    tail: Option<usize>,
    #[command(flatten)]
    output: OutputArgs,
    /// No line with the columns' names.
    #[arg(long)]
    no_headers: bool,
}

/// Does it.
pub async fn run(args: &ProbesArgs, context: &mut Context) -> Result<(), Failure> {
    let format = args.output.format()?;
    let (namespace, pod) = (context.namespace_of(Kind::Pod), pod_name(context, &args.pod).await?);
    let mut probes = context.client().await?.probes(ProbesRequest { namespace, pod: pod.clone() }).await?;
    if let Some(container) = &args.container {
        probes.probes.retain(|probe| probe.container == *container);
    }
    if let Some(tail) = args.tail {
        probes.probes.iter_mut().for_each(|probe| drop(probe.runs.drain(..probe.runs.len().saturating_sub(tail))));
    }
    let header = if args.no_headers { Header::Hidden } else { Header::Shown };
    match format {
        Format::Plain | Format::Wide if probes.probes.is_empty() => {
            let whose = args.container.as_ref().map_or_else(String::new, |container| format!("container {container} of "));
            context.note(format!("{whose}pod {pod} has no probes"))
        }
        Format::Plain | Format::Wide => {
            let words = if matches!(format, Format::Wide) { usize::MAX } else { SHOWN_WORDS };
            context.print(&table(&probes, words).to_text(header))
        }
        Format::Name => probes.probes.iter().try_for_each(|of| context.line(format!("{}/{}", of.container, of.probe.as_str()))),
        format => {
            let objects: Vec<Value> = probes.probes.iter().map(|probe| json!(probe)).collect();
            let mut printer = Printer::new(format, header);
            if printer.is_row() { printer.print_all(context, &objects) } else { printer.print(context, &list_of(&objects)) }
        }
    }
}

/// A row a run, the oldest first; a probe that has not run yet has one that says so.
fn table(probes: &PodProbes, words: usize) -> Table {
    let row = |of: &ProbeRuns, cells: [String; 4]| {
        let mut row = vec![of.container.clone(), of.probe.as_str().to_owned()];
        row.extend(cells);
        row
    };
    let ran = |run: &ProbeRun| {
        let age = human(probes.as_of_ms.saturating_sub(run.at_ms).max(0) / 1000);
        [age, run.verdict.as_str().to_owned(), duration(run.took_us), one_line(&run.output, words)]
    };
    let rows_of = |of: &ProbeRuns| -> Vec<Vec<String>> {
        if of.runs.is_empty() {
            return vec![row(of, ["-".to_owned(), "not run yet".to_owned(), "-".to_owned(), String::new()])];
        }
        of.runs.iter().map(|run| row(of, ran(run))).collect()
    };
    let columns = ["Container", "Probe", "Age", "Result", "Took", "Output"].map(Column::named).into();
    Table { columns, rows: probes.probes.iter().flat_map(rows_of).collect() }
}

fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}us"),
        1_000..10_000 => format!("{:.1}ms", us as f64 / 1_000.0),
        10_000..1_000_000 => format!("{}ms", us / 1_000),
        _ => format!("{:.1}s", us as f64 / 1_000_000.0),
    }
}

/// A table's cell is one line, and nothing in it moves the cursor.
fn one_line(text: &str, most: usize) -> String {
    let plain = text.trim_end().chars().map(|char| if char.is_control() { ' ' } else { char });
    let mut cell: String = plain.clone().take(most).collect();
    if plain.count() > most {
        cell.push('…');
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::{duration, one_line};

    #[test]
    fn cells_are_as_long_as_they_need_to_be_and_of_one_line() {
        assert_eq!([7, 1_500, 41_000, 1_240_000].map(duration), ["7us", "1.5ms", "41ms", "1.2s"]);
        assert_eq!(one_line("not well\nat all\u{1b}[2J\n", 100), "not well at all [2J");
        assert_eq!(one_line("longer", 4), "long…");
    }
}
