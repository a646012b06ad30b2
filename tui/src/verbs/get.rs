//! `get`: shows objects, and goes on showing their changes.

mod follow;

use super::context::Context;
use super::failure::Failure;
use super::format::{Format, OutputArgs, Printer};
use super::manifests::{self, Manifest};
use super::resources::Targets;
use super::unseen;
use super::watch::selection;
use crate::args::{FileArgs, SelectArgs};
use clap::Args;
use objects::Kind;
use objects::jsonpath::sort_by;
use objects::printing::{Header, TableOptions, table};
use serde_json::Value;
use wire::ObjectRef;

/// Arguments of `get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// TYPE, TYPE NAME…, or TYPE/NAME…; several types are separated by commas.
    arguments: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Go on with the changes.
    #[arg(short = 'w', long)]
    watch: bool,
    /// Only the changes, not what is there now.
    #[arg(long)]
    watch_only: bool,
    /// No line with the columns' names.
    #[arg(long)]
    no_headers: bool,
    /// Sort by the field at a path: .metadata.creationTimestamp.
    #[arg(long, value_name = "PATH")]
    sort_by: Option<String>,
    /// Show all labels in a last column.
    #[arg(long)]
    show_labels: bool,
    /// Show these labels in columns of their own.
    #[arg(short = 'L', long, value_name = "LABEL", value_delimiter = ',')]
    label_columns: Vec<String>,
    /// Write TYPE/NAME even where there is one type.
    #[arg(long)]
    show_kind: bool,
    /// Say nothing of objects that do not exist.
    #[arg(long)]
    ignore_not_found: bool,
}

impl GetArgs {
    const fn header(&self) -> Header {
        if self.no_headers { Header::Hidden } else { Header::Shown }
    }

    fn table_options(&self, context: &Context, format: &Format) -> TableOptions {
        TableOptions {
            wide: matches!(format, Format::Wide),
            show_namespace: self.select.all_namespaces,
            show_kind: self.show_kind,
            show_labels: self.show_labels,
            label_columns: self.label_columns.clone(),
            ..TableOptions::new(context.timestamp())
        }
    }
}

/// Objects of one kind, in the order they are shown.
struct Group {
    kind: Kind,
    objects: Vec<Value>,
}

/// What the command line names.
enum Wanted {
    /// Everything of these kinds that the selectors leave.
    Kinds(Vec<Kind>),
    /// Single objects.
    Objects(Vec<ObjectRef>),
}

/// What was found.
struct Found {
    groups: Vec<Group>,
    /// Whether one object was named, so that no list is made of it.
    is_single: bool,
    failures: Vec<Failure>,
}

/// Does it.
pub async fn run(args: &GetArgs, context: &mut Context) -> Result<(), Failure> {
    let format = args.output.format()?;
    let wanted = wanted(args, context)?;
    if args.watch || args.watch_only {
        return follow::run(args, context, format, wanted).await;
    }
    let mut found = find(args, context, wanted).await?;
    if let Some(path) = &args.sort_by {
        for group in &mut found.groups {
            sort_by(&mut group.objects, path).map_err(|error| Failure::message(error.to_string()))?;
        }
    }
    match format {
        Format::Plain | Format::Wide => print_tables(args, context, &format, &found)?,
        format => print_objects(args, context, format, &found)?,
    }
    for group in &found.groups {
        unseen::warn(context, group.kind, &group.objects).await?;
    }
    Failure::all(found.failures)
}

/// The objects that the arguments or the files name.
fn wanted(args: &GetArgs, context: &mut Context) -> Result<Wanted, Failure> {
    if !args.files.filenames.is_empty() {
        let manifests = manifests::read(&args.files, context)?;
        Failure::all(manifests.failures)?;
        let reference =
            |manifest: Manifest| ObjectRef { kind: manifest.kind, namespace: manifest.namespace, name: manifest.name };
        return Ok(Wanted::Objects(manifests.found.into_iter().map(reference).collect()));
    }
    let targets = Targets::parse(&args.arguments)?;
    if targets.is_empty() {
        return Err(Failure::Plain(
            "You must specify the type of resource to get. Use \"skiff api-resources\" for a complete list of supported resources.\n\n\
             error: Required resource not specified."
                .to_owned(),
        ));
    }
    let named = match targets {
        Targets::Kinds(kinds) => return Ok(Wanted::Kinds(kinds)),
        Targets::Named(named) => named,
    };
    if args.select.selector.is_some() || args.select.field_selector.is_some() {
        return Err(Failure::message("name cannot be provided when a selector is specified"));
    }
    if args.select.all_namespaces {
        return Err(Failure::message("a resource cannot be retrieved by name across all namespaces"));
    }
    Ok(Wanted::Objects(named.iter().map(|(kind, name)| context.reference(*kind, name)).collect()))
}

async fn find(args: &GetArgs, context: &Context, wanted: Wanted) -> Result<Found, Failure> {
    let mut found = Found { groups: Vec::new(), is_single: false, failures: Vec::new() };
    match wanted {
        Wanted::Kinds(kinds) => {
            for kind in kinds {
                let objects = context.list(kind, selection(context, &args.select, kind)).await?;
                found.groups.push(Group { kind, objects });
            }
        }
        Wanted::Objects(objects) => {
            found.is_single = objects.len() == 1;
            for object in objects {
                let kind = object.kind;
                match context.get(object).await {
                    Ok(object) => found.add(kind, object),
                    Err(failure) if failure.is_not_found() && args.ignore_not_found => {}
                    Err(failure) if failure.is_link_failure() => return Err(failure),
                    Err(failure) => found.failures.push(failure),
                }
            }
        }
    }
    Ok(found)
}

impl Found {
    /// Adds an object to the group before it where that has its kind.
    fn add(&mut self, kind: Kind, object: Value) {
        match self.groups.last_mut().filter(|group| group.kind == kind) {
            Some(group) => group.objects.push(object),
            None => self.groups.push(Group { kind, objects: vec![object] }),
        }
    }
}

/// A table for every kind, with an empty line between two.
fn print_tables(args: &GetArgs, context: &mut Context, format: &Format, found: &Found) -> Result<(), Failure> {
    let mut options = args.table_options(context, format);
    // `all` may mean several kinds, and looks like it where it is one.
    options.show_kind |= found.groups.len() > 1 || args.arguments == ["all"];
    let mut is_first = true;
    for group in found.groups.iter().filter(|group| !group.objects.is_empty()) {
        if !is_first && args.header() == Header::Shown {
            context.print("\n")?;
        }
        is_first = false;
        context.print(&table(group.kind, &group.objects, &options).to_text(args.header()))?;
    }
    if is_first && found.failures.is_empty() && !args.ignore_not_found {
        let has_namespace = found.groups.iter().all(|group| group.kind.is_namespaced());
        let place = if has_namespace && !args.select.all_namespaces {
            format!(" in {} namespace.", context.namespace)
        } else {
            String::new()
        };
        context.note(format!("No resources found{place}"))?;
    }
    Ok(())
}

/// One object as it is, several as a list; rows one after the other.
fn print_objects(args: &GetArgs, context: &mut Context, format: Format, found: &Found) -> Result<(), Failure> {
    let mut printer = Printer::new(format, args.header());
    let objects: Vec<Value> = found.groups.iter().flat_map(|group| group.objects.iter().cloned()).collect();
    match objects.as_slice() {
        [] if found.is_single || args.ignore_not_found => Ok(()),
        [one] if found.is_single => printer.print(context, one),
        [] if !found.failures.is_empty() => Ok(()),
        objects => printer.print_all(context, objects),
    }
}
