//! `api-resources` and `api-versions`: list the kinds of objects, and the versions that they come in.

use super::context::Context;
use super::failure::Failure;
use clap::{ArgAction, Args};
use objects::Kind;
use objects::printing::{Column, Header, Table};

/// Arguments of `api-resources`.
#[derive(Debug, Args)]
pub struct ApiResourcesArgs {
    /// No line with the columns' names.
    #[arg(long)]
    no_headers: bool,
    /// Only kinds that live in a namespace, or only those that do not.
    #[arg(
        long, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set,
        value_name = "BOOL"
    )]
    namespaced: Option<bool>,
    /// wide (with the verbs) or name.
    #[arg(short = 'o', long, value_name = "FORMAT")]
    output: Option<String>,
}

/// Does it.
pub fn run(args: &ApiResourcesArgs, context: &mut Context) -> Result<(), Failure> {
    let mut kinds: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| args.namespaced.is_none_or(|namespaced| namespaced == kind.is_namespaced()))
        .collect();
    kinds.sort_by_key(|kind| kind.plural());
    let is_wide = match args.output.as_deref() {
        None | Some("") => false,
        Some("wide") => true,
        Some("name") => return kinds.iter().try_for_each(|kind| context.line(kind.plural())),
        Some(other) => return Err(Failure::message(format!("--output {other} is not available"))),
    };
    let mut columns: Vec<Column> = ["Name", "ShortNames", "APIVersion", "Namespaced", "Kind"].map(Column::named).into();
    if is_wide {
        columns.push(Column::named("Verbs"));
    }
    let row = |kind: &Kind| {
        let mut row = vec![
            kind.plural().to_owned(),
            kind.short_names().join(","),
            kind.api_version().to_owned(),
            kind.is_namespaced().to_string(),
            kind.name().to_owned(),
        ];
        if is_wide {
            row.push("create,delete,get,list,update,watch".to_owned());
        }
        row
    };
    let header = if args.no_headers { Header::Hidden } else { Header::Shown };
    context.print(&Table { rows: kinds.iter().map(row).collect(), columns }.to_text(header))
}

/// `api-versions`.
pub fn versions(context: &mut Context) -> Result<(), Failure> {
    let versions: std::collections::BTreeSet<&str> = Kind::ALL.into_iter().map(Kind::api_version).collect();
    versions.into_iter().try_for_each(|version| context.line(version))
}
