//! `get --watch`: what is there now, then every change as it comes.

use super::{GetArgs, Wanted};
use crate::verbs::context::{Context, parse_object};
use crate::verbs::failure::Failure;
use crate::verbs::format::{Format, Printer};
use crate::verbs::unseen;
use crate::verbs::watch::{only, selection};
use objects::Kind;
use objects::printing::{Header, TableWriter, table};
use serde_json::Value;
use wire::{Selection, WatchEventKind};

/// Does it until the daemon or the user ends it.
pub(super) async fn run(args: &GetArgs, context: &mut Context, format: Format, wanted: Wanted) -> Result<(), Failure> {
    let (kind, selection) = what(args, context, wanted).await?;
    let mut watch = context.client().await?.watch(kind, selection, None).await?;
    let mut rows = Rows {
        kind,
        header: args.header(),
        columns: TableWriter::new(),
        printer: Printer::new(format.clone(), args.header()),
        format,
    };
    let snapshot = watch.take_snapshot().map(|list| list.items).unwrap_or_default();
    let objects: Vec<Value> = snapshot.iter().map(|item| parse_object(item.get())).collect::<Result<_, _>>()?;
    if !args.watch_only {
        rows.print(args, context, &objects)?;
        unseen::warn(context, kind, &objects).await?;
    }
    while let Some(event) = watch.next().await? {
        if event.kind != WatchEventKind::Bookmark {
            let object = parse_object(event.object.get())?;
            rows.print(args, context, std::slice::from_ref(&object))?;
        }
    }
    Ok(())
}

/// The one kind to watch, and which of its objects.
async fn what(args: &GetArgs, context: &Context, wanted: Wanted) -> Result<(Kind, Selection), Failure> {
    match wanted {
        Wanted::Kinds(kinds) => match kinds.as_slice() {
            [kind] => Ok((*kind, selection(context, &args.select, *kind))),
            _ => Err(Failure::message("you may only specify a single resource type")),
        },
        Wanted::Objects(objects) => match objects.as_slice() {
            [object] => {
                // One that does not exist is told now, not waited for.
                match context.get(object.clone()).await {
                    Err(failure) if !(failure.is_not_found() && args.ignore_not_found) => Err(failure),
                    _ => Ok((object.kind, only(object))),
                }
            }
            _ => Err(Failure::message("watch is only supported on individual resources and resource collections")),
        },
    }
}

/// Prints rows as they come, in the columns of the first.
struct Rows {
    kind: Kind,
    format: Format,
    header: Header,
    columns: TableWriter,
    printer: Printer,
}

impl Rows {
    fn print(&mut self, args: &GetArgs, context: &mut Context, objects: &[Value]) -> Result<(), Failure> {
        if self.printer.is_plain() {
            if objects.is_empty() {
                return Ok(());
            }
            let options = args.table_options(context, &self.format);
            let text = self.columns.to_text(&table(self.kind, objects, &options), self.header);
            self.header = Header::Hidden;
            return context.print_now(&text);
        }
        objects.iter().try_for_each(|object| self.printer.print(context, object))?;
        context.print_now("")
    }
}
