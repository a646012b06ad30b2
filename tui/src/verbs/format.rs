//! `-o`: the forms objects are printed in.

use super::context::Context;
use super::failure::Failure;
use clap::Args;
use objects::Kind;
use objects::jsonpath::{CustomColumns, JsonPath, MissingKeys, go_json_pretty};
use objects::managed::without_managers;
use objects::printing::{Header, TableWriter};
use objects::yaml::to_yaml;
use serde_json::{Value, json};

/// `-o`.
#[derive(Debug, Clone, Default, Args)]
pub struct OutputArgs {
    /// wide, yaml, json, name, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,…
    #[arg(short = 'o', long = "output", value_name = "FORMAT")]
    pub output: Option<String>,
}

/// A form of output.
#[derive(Debug, Clone)]
pub enum Format {
    /// kubectl's table, or a verb's own words.
    Plain,
    /// A table with every column.
    Wide,
    /// YAML.
    Yaml,
    /// JSON, indented.
    Json,
    /// `pod/kubia`.
    Name,
    /// A template.
    JsonPath {
        /// As it was given.
        template: String,
        /// As it was read.
        path: JsonPath,
    },
    /// Columns of one's own.
    Columns(CustomColumns),
}

impl OutputArgs {
    /// Reads the form.
    pub fn format(&self) -> Result<Format, Failure> {
        let Some(output) = self.output.as_deref().filter(|output| !output.is_empty()) else { return Ok(Format::Plain) };
        let (name, detail) = output.split_once('=').unwrap_or((output, ""));
        Ok(match (name, detail) {
            ("wide", "") => Format::Wide,
            ("yaml", "") => Format::Yaml,
            ("json", "") => Format::Json,
            ("name", "") => Format::Name,
            ("jsonpath", "") => return Err(Failure::message("template format specified but no template given")),
            ("jsonpath", template) => {
                let path = JsonPath::parse(template).map_err(|error| Failure::message(error.to_string()))?;
                Format::JsonPath { template: template.to_owned(), path }
            }
            ("custom-columns", spec) => {
                Format::Columns(CustomColumns::parse(spec).map_err(|error| Failure::message(error.to_string()))?)
            }
            _ => {
                return Err(Failure::message(format!(
                    "unable to match a printer suitable for the output format {output:?}, allowed formats are: \
                     custom-columns,json,jsonpath,name,wide,yaml"
                )));
            }
        })
    }
}

/// The kind of an object, by what it says of itself.
pub fn kind_of(object: &Value) -> Option<Kind> {
    Kind::from_manifest(object.get("apiVersion")?.as_str()?, object.get("kind")?.as_str()?)
}

/// `pod/kubia`.
pub fn name_of(object: &Value) -> String {
    let kind = kind_of(object).map_or_else(|| "object".to_owned(), Kind::singular_resource);
    format!("{kind}/{}", objects::lookup::name(object))
}

/// Several objects as the list that kubectl makes of them.
pub fn list_of(objects: &[Value]) -> Value {
    json!({"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {"resourceVersion": ""}})
}

/// Prints objects one after the other in a form that is no table.
#[derive(Debug)]
pub struct Printer {
    format: Format,
    header: Header,
    columns: TableWriter,
    printed: usize,
}

impl Printer {
    /// Nothing printed yet.
    pub fn new(format: Format, header: Header) -> Self {
        Self { format, header, columns: TableWriter::new(), printed: 0 }
    }

    /// Whether objects are shown as rows of kubectl's table, or in a verb's own words.
    pub const fn is_plain(&self) -> bool {
        matches!(self.format, Format::Plain | Format::Wide)
    }

    /// Whether one object in this form is one row, so that many need no list around them.
    pub const fn is_row(&self) -> bool {
        matches!(self.format, Format::Name | Format::Columns(_))
    }

    /// Prints one object.
    pub fn print(&mut self, context: &mut Context, object: &Value) -> Result<(), Failure> {
        let text = match &self.format {
            Format::Plain | Format::Wide | Format::Name => name_of(object) + "\n",
            Format::Yaml if self.printed > 0 => format!("---\n{}", to_yaml(&without_managers(object))),
            Format::Yaml => to_yaml(&without_managers(object)),
            Format::Json => go_json_pretty(&without_managers(object)) + "\n",
            Format::JsonPath { template, path } => path
                .render(object, MissingKeys::Allowed)
                .map_err(|error| Failure::message(format!("error executing jsonpath {template:?}: {error}")))?,
            Format::Columns(columns) => {
                let header = if self.printed == 0 { self.header } else { Header::Hidden };
                let objects = std::slice::from_ref(object);
                columns.to_text(objects, header, &mut self.columns).map_err(|error| Failure::message(error.to_string()))?
            }
        };
        self.printed += 1;
        context.print(&text)
    }

    /// Prints all objects: rows one after the other and aligned together, anything else as one list.
    pub fn print_all(&mut self, context: &mut Context, objects: &[Value]) -> Result<(), Failure> {
        match &self.format {
            Format::Columns(columns) => {
                let header = if self.printed == 0 { self.header } else { Header::Hidden };
                let text = columns.to_text(objects, header, &mut self.columns);
                self.printed += objects.len();
                context.print(&text.map_err(|error| Failure::message(error.to_string()))?)
            }
            Format::Name => objects.iter().try_for_each(|object| self.print(context, object)),
            _ => self.print(context, &list_of(objects)),
        }
    }
}
