//! Reads manifests: files, folders and standard input, with the place of everything in them.

use super::context::Context;
use super::failure::Failure;
use crate::args::FileArgs;
use client::ClientError;
use objects::manifest::{self, Document, Fault};
use objects::{Kind, Status, lookup};
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};

/// No manifest is longer; a file that is has been taken for one by mistake.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// One object of a manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file's name, or `STDIN`.
    pub origin: String,
    /// The object's kind.
    pub kind: Kind,
    /// The object's name; empty where one is to be made up.
    pub name: String,
    /// The namespace it is in, its own or the command's; empty for kinds that have none.
    pub namespace: String,
    document: Document,
}

/// What was read, and what could not be: a fault of one document does not stop the others.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The objects, in the files' order.
    pub found: Vec<Manifest>,
    /// What is wrong.
    pub failures: Vec<Failure>,
}

impl Manifest {
    /// The object as it was written.
    pub const fn object(&self) -> &Value {
        &self.document.value
    }

    /// A refusal with the file and the places that it is about.
    pub fn locate(&self, doing: &str, error: ClientError) -> Failure {
        let place = |path: &str| self.place(path);
        let places = match error.status() {
            Some(status) => match fields_of(status) {
                fields if !fields.is_empty() => fields.iter().map(|field| place(field)).collect(),
                _ => self.misfits(status),
            },
            None => Vec::new(),
        };
        Failure::Client { error, context: Some(format!("error when {doing} {:?}", self.origin)), places }
    }

    /// The place of a value of the wrong type: the refusal's words name its field without the place in a list.
    fn misfits(&self, status: &Status) -> Vec<String> {
        let is_meant = |fault: &Fault| {
            let sentence = fault.message.split(" (").next().unwrap_or_default();
            !fault.path.is_empty() && status.message.ends_with(sentence)
        };
        let faults = objects::admission::check_document(&self.document);
        faults.iter().find(|fault| is_meant(fault)).map(|fault| self.place(&fault.path)).into_iter().collect()
    }

    fn place(&self, path: &str) -> String {
        let place = self.document.positions.find(path);
        place.map(|(line, column)| format!("{}:{line}:{column}", self.origin)).unwrap_or_default()
    }
}

/// The fields that a refusal names, in its order.
fn fields_of(status: &Status) -> Vec<String> {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    if !causes.is_empty() {
        return causes.iter().map(|cause| cause.field.clone()).collect();
    }
    // Strict decoding names its fields only in the sentence.
    let named = ["unknown field \"", "duplicate field \""].iter().flat_map(|word| status.message.split(word).skip(1));
    named.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

/// Reads everything that `-f` names.
pub fn read(files: &FileArgs, context: &mut Context) -> Result<Manifests, Failure> {
    let mut manifests = Manifests::default();
    for name in &files.filenames {
        if name == "-" {
            let mut text = String::new();
            context.input.by_ref().take(MAX_BYTES).read_to_string(&mut text)?;
            manifests.add("STDIN", &text, context);
        } else if context.common.captive {
            manifests
                .failures
                .push(Failure::message(format!("{name}: this key has no files here; send them: apply -f - < {name}")));
        } else if name.contains("://") {
            manifests.failures.push(Failure::message(format!("reading {name} is not supported; download it first")));
        } else {
            let path = Path::new(name);
            let result = if path.is_dir() {
                manifests.add_folder(path, files.recursive, context)
            } else {
                manifests.add_file(path, context)
            };
            manifests.failures.extend(result.err());
        }
    }
    Ok(manifests)
}

impl Manifests {
    fn add_file(&mut self, path: &Path, context: &Context) -> Result<(), Failure> {
        let name = path.display().to_string();
        let fault = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::message(format!("the path {name:?} does not exist")),
            _ => Failure::message(format!("error reading {name:?}: {error}")),
        };
        let length = std::fs::metadata(path).map_err(fault)?.len();
        if length > MAX_BYTES {
            return Err(Failure::message(format!("{name:?} is no manifest: it is longer than {MAX_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(fault)?;
        self.add(&name, &text, context);
        Ok(())
    }

    fn add_folder(&mut self, folder: &Path, is_recursive: bool, context: &Context) -> Result<(), Failure> {
        let name = folder.display().to_string();
        let fault = |error: std::io::Error| Failure::message(format!("error reading {name:?}: {error}"));
        let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).map_err(fault)?.collect();
        let mut paths: Vec<PathBuf> = entries.map_err(fault)?.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        let is_manifest =
            |path: &&PathBuf| path.extension().is_some_and(|end| ["json", "yaml", "yml"].iter().any(|known| end == *known));
        let mut is_empty = true;
        for path in &paths {
            if path.is_dir() {
                if is_recursive {
                    is_empty = false;
                    self.add_folder(path, is_recursive, context)?;
                }
            } else if is_manifest(&path) {
                is_empty = false;
                let result = self.add_file(path, context);
                self.failures.extend(result.err());
            }
        }
        if is_empty {
            let why = format!("error reading [{name}]: recognized file extensions are [.json .yaml .yml]");
            return Err(Failure::message(why));
        }
        Ok(())
    }

    fn add(&mut self, origin: &str, text: &str, context: &Context) {
        match manifest::parse(text) {
            Ok(documents) => {
                for document in documents {
                    match recognise(origin, document, context) {
                        Ok(manifest) => self.found.push(manifest),
                        Err(failure) => self.failures.push(failure),
                    }
                }
            }
            Err(faults) => self.failures.extend(faults.iter().map(|fault| described(origin, fault))),
        }
    }
}

/// A fault with its file and place in the form that editors jump to.
fn described(origin: &str, fault: &Fault) -> Failure {
    let place = match (fault.line, fault.column) {
        (Some(line), Some(column)) => format!("{origin}:{line}:{column}"),
        (Some(line), None) => format!("{origin}:{line}"),
        _ => origin.to_owned(),
    };
    let path = if fault.path.is_empty() { String::new() } else { format!("{}: ", fault.path) };
    Failure::message(format!("{place}: {path}{}", fault.message))
}

/// Finds out what a document is and where it belongs.
fn recognise(origin: &str, document: Document, context: &Context) -> Result<Manifest, Failure> {
    let (api_version, kind) = (lookup::text(&document.value, "/apiVersion"), lookup::text(&document.value, "/kind"));
    let place = format!("{origin}:{}", document.line);
    let missing: Vec<&str> = [("apiVersion", api_version), ("kind", kind)]
        .into_iter()
        .filter(|(_, value)| value.is_empty())
        .map(|(field, _)| field)
        .collect();
    if !missing.is_empty() {
        let missing = missing.iter().map(|field| format!("{field} not set")).collect::<Vec<_>>().join(", ");
        return Err(Failure::message(format!("error validating {place:?}: error validating data: {missing}")));
    }
    let name = lookup::name(&document.value).to_owned();
    let own_namespace = lookup::namespace(&document.value);
    let Some(kind) = Kind::from_manifest(api_version, kind) else {
        return Err(Failure::message(format!(
            "resource mapping not found for name: {name:?} namespace: {own_namespace:?} from {place:?}: no matches for kind \
             {kind:?} in version {api_version:?}"
        )));
    };
    if context.is_namespace_given && !own_namespace.is_empty() && own_namespace != context.namespace {
        return Err(Failure::message(format!(
            "the namespace from the provided object {own_namespace:?} does not match the namespace {:?}. You must pass \
             '--namespace={own_namespace}' to perform this operation.",
            context.namespace
        )));
    }
    let namespace = match own_namespace {
        "" => context.namespace_of(kind),
        own => own.to_owned(),
    };
    Ok(Manifest { origin: origin.to_owned(), kind, name, namespace, document })
}
