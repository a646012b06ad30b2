//! `edit`: opens an object in the user's editor, and puts back what was changed.

use super::amend::targets;
use super::context::Context;
use super::failure::Failure;
use super::format::name_of;
use crate::args::SelectArgs;
use crate::editor;
use crate::merge::{self, Piece};
use clap::Args;
use objects::managed::without_managers;
use objects::manifest;
use objects::yaml::to_yaml;
use serde_json::Value;
use std::io::Write;
use wire::{DryRun, ObjectRef, ReplaceRequest, Request, Response};

/// What stands above the object.
const HEAD: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n\
    # and an empty file will abort the edit. If an error occurs while saving this file will be\n\
    # reopened with the relevant failures.\n#\n";

/// How often a text is merged and sent again when others write the same object all the time.
const TRIES: u32 = 5;

/// Arguments of `edit`.
#[derive(Debug, Args)]
pub struct EditArgs {
    /// TYPE NAME or TYPE/NAME.
    arguments: Vec<String>,
}

/// Does it.
pub async fn run(args: &EditArgs, context: &mut Context) -> Result<(), Failure> {
    for object in targets(context, &args.arguments, &SelectArgs::default(), false).await? {
        edit(context, &object).await?;
    }
    Ok(())
}

async fn edit(context: &mut Context, object: &ObjectRef) -> Result<(), Failure> {
    let mut original = to_yaml(&without_managers(&context.get(object.clone()).await?));
    let (mut text, mut told) = (original.clone(), String::new());
    loop {
        let mut file = tempfile::Builder::new().prefix("skiff-edit-").suffix(".yaml").tempfile()?;
        write!(file, "{HEAD}{told}{text}")?;
        file.flush()?;
        editor::open(file.path()).map_err(Failure::message)?;
        let edited = without_comments(&std::fs::read_to_string(file.path())?);
        if edited.trim().is_empty() || edited == original {
            return context.note("Edit cancelled, no changes made.");
        }
        // Saved again as it was refused: somebody has given up.
        let has_given_up = edited == without_comments(&text) && !told.is_empty();
        text = edited;
        let failure = match put(context, object, &mut original, &mut text).await {
            Ok(Some(changed)) => return context.line(format!("{} edited", name_of(&changed))),
            Ok(None) => return context.note("Edit cancelled, no changes made."),
            Err(failure) if failure.is_link_failure() => return Err(failure),
            Err(failure) => failure,
        };
        if has_given_up {
            let (_, path) = file.keep().map_err(|error| Failure::from(error.error))?;
            context.note(format!("A copy of your changes has been stored to {:?}", path.display().to_string()))?;
            return Err(failure);
        }
        told = failure.to_text().lines().map(|line| format!("# {line}\n")).collect::<String>() + "#\n";
    }
}

/// Puts an edited text back. What others changed meanwhile is merged into it, and becomes what it was begun with; where both changed the
/// same lines the refusal comes back, and the text has theirs beside one's own as comments.
async fn put(
    context: &mut Context,
    object: &ObjectRef,
    original: &mut String,
    text: &mut String,
) -> Result<Option<Value>, Failure> {
    for _ in 0..TRIES {
        match send(context, object, text).await {
            Err(failure) if failure.status().is_some_and(|status| status.reason == "Conflict") => {
                let theirs = to_yaml(&without_managers(&context.get(object.clone()).await?));
                let pieces = merge::merge(original, text, &theirs);
                *original = theirs;
                *text = pieces.iter().map(written).collect();
                if pieces.iter().any(|piece| matches!(piece, Piece::Conflict { .. })) {
                    return Err(failure);
                }
            }
            other => return other,
        }
    }
    send(context, object, text).await
}

/// A piece as it is edited further.
fn written(piece: &Piece) -> String {
    let lines = |lines: &[String], before: &str| lines.iter().map(|line| format!("{before}{line}\n")).collect::<String>();
    match piece {
        Piece::Lines(certain) => lines(certain, ""),
        Piece::Conflict { yours, theirs } => {
            format!("# somebody else has made of this:\n{}{}", lines(theirs, "# "), lines(yours, ""))
        }
    }
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

/// Puts an edited object back; nothing where the edit changed nothing.
async fn send(context: &mut Context, object: &ObjectRef, text: &str) -> Result<Option<Value>, Failure> {
    let documents = manifest::parse(text).map_err(|faults| {
        let place = |fault: &manifest::Fault| format!("line {}: {}", fault.line.unwrap_or_default(), fault.message);
        Failure::message(faults.iter().map(place).collect::<Vec<_>>().join("\n"))
    })?;
    let [document] = documents.as_slice() else { return Err(Failure::message("the file holds one object")) };
    let request = ReplaceRequest { object: document.value.clone(), namespace: object.namespace.clone(), dry_run: DryRun::No };
    match context.client().await?.request(Request::Replace(request)).await? {
        Response::Object { object, warnings, .. } => {
            context.warn(&warnings)?;
            let is_same = object.pointer("/metadata/resourceVersion") == document.value.pointer("/metadata/resourceVersion");
            Ok((!is_same).then_some(*object))
        }
        other => Err(Failure::unexpected(&other)),
    }
}
