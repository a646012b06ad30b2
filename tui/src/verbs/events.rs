//! `events`: shows events, oldest first, and goes on with new ones.

use super::context::{Context, parse_object};
use super::failure::Failure;
use super::format::{OutputArgs, Printer};
use super::resources::Targets;
use clap::Args;
use objects::Kind;
use objects::duration::since;
use objects::lookup::{namespace, text, time};
use objects::printing::{Column, Header, Table, TableWriter, event_count, event_first_seen, event_last_seen};
use serde_json::Value;
use wire::{Selection, WatchEventKind};

/// Arguments of `events`.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Only events about this object: pod/kubia.
    #[arg(long = "for", value_name = "TYPE/NAME")]
    object: Option<String>,
    /// Only events of these types: Normal,Warning.
    #[arg(long, value_delimiter = ',')]
    types: Vec<String>,
    /// Go on with new events.
    #[arg(short = 'w', long)]
    watch: bool,
    /// Events of every namespace.
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// No line with the columns' names.
    #[arg(long)]
    no_headers: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Does it.
pub async fn run(args: &EventsArgs, context: &mut Context) -> Result<(), Failure> {
    let is_type = |word: &String| ["normal", "warning"].contains(&word.to_lowercase().as_str());
    if !args.types.iter().all(is_type) {
        return Err(Failure::message("valid --types are Normal or Warning"));
    }
    let header = if args.no_headers { Header::Hidden } else { Header::Shown };
    let mut rows = Rows { header, columns: TableWriter::new(), printer: Printer::new(args.output.format()?, header) };
    let selection = selection(args, context)?;
    if args.watch {
        return follow(args, context, selection, &mut rows).await;
    }
    let mut events = context.list(Kind::Event, selection).await?;
    events.retain(|event| is_wanted(args, event));
    if events.is_empty() {
        let place = if args.all_namespaces { ".".to_owned() } else { format!(" in {} namespace.", context.namespace) };
        return context.note(format!("No events found{place}"));
    }
    events.sort_by_key(moment);
    rows.print_all(args, context, &events)
}

async fn follow(args: &EventsArgs, context: &mut Context, selection: Selection, rows: &mut Rows) -> Result<(), Failure> {
    let mut watch = context.client().await?.watch(Kind::Event, selection, None).await?;
    let snapshot = watch.take_snapshot().map(|list| list.items).unwrap_or_default();
    let mut events: Vec<Value> = snapshot.iter().map(|item| parse_object(item.get())).collect::<Result<_, _>>()?;
    events.retain(|event| is_wanted(args, event));
    events.sort_by_key(moment);
    rows.print_each(args, context, &events)?;
    while let Some(event) = watch.next().await? {
        // Events end after an hour; that is no news.
        if matches!(event.kind, WatchEventKind::Added | WatchEventKind::Modified) {
            let object = parse_object(event.object.get())?;
            if is_wanted(args, &object) {
                rows.print_each(args, context, std::slice::from_ref(&object))?;
            }
        }
    }
    Ok(())
}

fn selection(args: &EventsArgs, context: &Context) -> Result<Selection, Failure> {
    let namespace = (!args.all_namespaces).then(|| context.namespace.clone());
    let Some(object) = &args.object else { return Ok(Selection { namespace, ..Selection::default() }) };
    let targets = Targets::parse(std::slice::from_ref(object))?;
    let Targets::Named(named) = targets else { return Err(Failure::message("--for must be in resource/name form")) };
    let fields = named.first().map(|(kind, name)| {
        let (kind, version) = (kind.name(), kind.api_version());
        format!("involvedObject.kind={kind},involvedObject.apiVersion={version},involvedObject.name={name}")
    });
    Ok(Selection { namespace, label_selector: None, field_selector: fields })
}

fn is_wanted(args: &EventsArgs, event: &Value) -> bool {
    args.types.is_empty() || args.types.iter().any(|kind| kind.eq_ignore_ascii_case(text(event, "/type")))
}

/// Prints events, in the columns of the first.
struct Rows {
    header: Header,
    columns: TableWriter,
    printer: Printer,
}

impl Rows {
    fn print_all(&mut self, args: &EventsArgs, context: &mut Context, events: &[Value]) -> Result<(), Failure> {
        if self.printer.is_plain() {
            return self.print_each(args, context, events);
        }
        self.printer.print_all(context, events)
    }

    fn print_each(&mut self, args: &EventsArgs, context: &mut Context, events: &[Value]) -> Result<(), Failure> {
        if events.is_empty() {
            return Ok(());
        }
        if !self.printer.is_plain() {
            events.iter().try_for_each(|event| self.printer.print(context, event))?;
            return context.print_now("");
        }
        let rows = events.iter().map(|event| row(args, context, event)).collect();
        let mut columns: Vec<Column> = ["Last Seen", "Type", "Reason", "Object", "Message"].map(Column::named).into();
        if args.all_namespaces {
            columns.insert(0, Column::named("Namespace"));
        }
        let text = self.columns.to_text(&Table { columns, rows }, self.header);
        self.header = Header::Hidden;
        context.print_now(&text)
    }
}

fn row(args: &EventsArgs, context: &Context, event: &Value) -> Vec<String> {
    let object = format!("{}/{}", text(event, "/involvedObject/kind"), text(event, "/involvedObject/name"));
    let mut row = vec![
        interval(context, event),
        text(event, "/type").to_owned(),
        text(event, "/reason").to_owned(),
        object,
        text(event, "/message").trim().to_owned(),
    ];
    if args.all_namespaces {
        row.insert(0, namespace(event).to_owned());
    }
    row
}

/// The order of events: whole seconds, as most of them tell no more; within one they stay as listed, which is as they came.
fn moment(event: &Value) -> Option<i64> {
    event_last_seen(event).map(|at| at.as_second())
}

/// `2m (x5 over 10m)`, or the age of an event that was seen once.
fn interval(context: &Context, event: &Value) -> String {
    let now = context.timestamp();
    let first = since(time(event, "/eventTime").or_else(|| event_first_seen(event)), now);
    let is_series = event.pointer("/series").is_some_and(Value::is_object);
    match event_count(event) {
        count if is_series || count > 1 => format!("{} (x{count} over {first})", since(event_last_seen(event), now)),
        _ => first,
    }
}
