//! Where the entries of a ConfigMap and a Secret come from: literals, files, folders, files of variables.

use crate::verbs::failure::Failure;
use clap::{ArgAction, Args};
use objects::names;
use std::collections::BTreeMap;
use std::path::Path;

/// No file is longer: the whole object has to be smaller, too.
const MAX_BYTES: u64 = 1024 * 1024;

/// `--from-literal` and its kin.
#[derive(Debug, Default, Args)]
pub struct SourceArgs {
    /// An entry: KEY=VALUE; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", action = ArgAction::Append, allow_hyphen_values = true)]
    from_literal: Vec<String>,
    /// A file whose name is the key, KEY=FILE, or a folder whose files are; may be given several times.
    #[arg(long, value_name = "[KEY=]PATH", action = ArgAction::Append)]
    from_file: Vec<String>,
    /// A file with a line NAME=VALUE an entry; a NAME alone takes its value from our own environment.
    #[arg(long, value_name = "FILE", action = ArgAction::Append)]
    from_env_file: Vec<String>,
}

/// Entries by their keys.
pub type Entries = BTreeMap<String, Vec<u8>>;

impl SourceArgs {
    /// Reads all of them; `kind` is what they are for.
    pub fn read(&self, kind: &str) -> Result<Entries, Failure> {
        let mut entries = Entries::new();
        let has_others = !self.from_file.is_empty() || !self.from_literal.is_empty();
        if has_others && !self.from_env_file.is_empty() {
            return Err(Failure::message("from-env-file cannot be combined with from-file or from-literal"));
        }
        for source in &self.from_literal {
            let entry = source.split_once('=').filter(|(key, _)| !key.is_empty());
            let (key, value) =
                entry.ok_or_else(|| Failure::message(format!("invalid literal source {source}, expected key=value")))?;
            add(&mut entries, kind, key, value.as_bytes().to_vec())?;
        }
        for source in &self.from_file {
            let (key, path) = file_source(source)?;
            let path = Path::new(&path);
            if !path.is_dir() {
                add(&mut entries, kind, &key, contents(path)?)?;
            } else if source.contains('=') {
                return Err(Failure::message("cannot give a key name for a directory path"));
            } else {
                add_folder(&mut entries, kind, path)?;
            }
        }
        for source in &self.from_env_file {
            let text = String::from_utf8(contents(Path::new(source))?)
                .map_err(|_| Failure::message(format!("env file {source} contains invalid utf8 bytes")))?;
            for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
                if let Some((key, value)) =
                    variable(line).map_err(|why| Failure::message(format!("{source}:{}: {why}", number + 1)))?
                {
                    add(&mut entries, kind, &key, value.into_bytes())?;
                }
            }
        }
        Ok(entries)
    }
}

fn add(entries: &mut Entries, kind: &str, key: &str, value: Vec<u8>) -> Result<(), Failure> {
    let wrong = names::config_key(key);
    if !wrong.is_empty() {
        return Err(Failure::message(format!("{key:?} is not a valid key name for a {kind}: {}", wrong.join(","))));
    }
    match entries.insert(key.to_owned(), value) {
        None => Ok(()),
        Some(_) => {
            Err(Failure::message(format!("cannot add key {key}, another key by that name already exists in Data for {kind}")))
        }
    }
}

/// `path` or `key=path` (`k8s.io/kubectl/pkg/util/configmap.go:ParseFileSource`).
fn file_source(source: &str) -> Result<(String, String), Failure> {
    match source.split('=').collect::<Vec<_>>().as_slice() {
        [path] => {
            let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
            Ok((name.unwrap_or_default(), (*path).to_owned()))
        }
        ["", path] => Err(Failure::message(format!("key name for file path {path} missing"))),
        [key, ""] => Err(Failure::message(format!("file path for key name {key} missing"))),
        [key, path] => Ok(((*key).to_owned(), (*path).to_owned())),
        _ => Err(Failure::message("key names or file paths cannot contain '='")),
    }
}

/// The files of a folder, not those of folders in it. Files whose names are no keys are left out, as kubectl leaves them out.
fn add_folder(entries: &mut Entries, kind: &str, folder: &Path) -> Result<(), Failure> {
    let fault = |error: std::io::Error| Failure::message(format!("error listing files in {}: {error}", folder.display()));
    let found: Result<Vec<_>, _> = std::fs::read_dir(folder).map_err(fault)?.collect();
    let mut paths: Vec<_> = found.map_err(fault)?.into_iter().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    for path in paths {
        let key = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if names::config_key(&key).is_empty() {
            add(entries, kind, &key, contents(&path)?)?;
        }
    }
    Ok(())
}

fn contents(path: &Path) -> Result<Vec<u8>, Failure> {
    let fault = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::message(format!("error reading {}: no such file or directory", path.display())),
        _ => Failure::message(format!("error reading {}: {error}", path.display())),
    };
    let length = std::fs::metadata(path).map_err(fault)?.len();
    if length > MAX_BYTES {
        return Err(Failure::message(format!(
            "{} is too long: it has {length} bytes, and an object at most {MAX_BYTES}",
            path.display()
        )));
    }
    std::fs::read(path).map_err(fault)
}

/// A line of a file of variables; none for a comment, an empty one, and a variable that we do not have.
fn variable(line: &str) -> Result<Option<(String, String)>, String> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (line, std::env::var(line).ok()),
    };
    let wrong = names::environment_variable(name);
    if !wrong.is_empty() {
        return Err(format!("{name:?} is not a valid key name: {}", wrong.join(";")));
    }
    Ok(value.map(|value| (name.to_owned(), value)))
}

#[cfg(test)]
mod tests {
    use super::{Entries, SourceArgs};

    fn read(literals: &[&str], files: &[&str], env_files: &[&str]) -> Result<Entries, String> {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let sources = SourceArgs { from_literal: owned(literals), from_file: owned(files), from_env_file: owned(env_files) };
        sources.read("ConfigMap").map_err(|failure| failure.to_text())
    }

    fn entries(pairs: &[(&str, &str)]) -> Entries {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn literals_are_read_or_told_what_is_wrong() {
        assert_eq!(read(&["a=1", "b=x=y", "c="], &[], &[]), Ok(entries(&[("a", "1"), ("b", "x=y"), ("c", "")])));
        for wrong in ["a", "=1"] {
            assert_eq!(read(&[wrong], &[], &[]), Err(format!("error: invalid literal source {wrong}, expected key=value")));
        }
        assert!(
            read(&["a b=1"], &[], &[])
                .expect_err("no key")
                .starts_with("error: \"a b\" is not a valid key name for a ConfigMap: ")
        );
        let twice = "error: cannot add key a, another key by that name already exists in Data for ConfigMap";
        assert_eq!(read(&["a=1", "a=2"], &[], &[]), Err(twice.to_owned()));
    }

    #[test]
    fn files_and_folders_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        for (name, text) in [("one.txt", "1\n"), ("two", "2"), ("not a key", "3")] {
            std::fs::write(path(name), text).expect("written");
        }
        std::fs::create_dir(path("deeper")).expect("a folder");
        let whole = read(&[], &[&folder.path().to_string_lossy()], &[]);
        assert_eq!(whole, Ok(entries(&[("one.txt", "1\n"), ("two", "2")])));
        assert_eq!(read(&["a=1"], &[&format!("b={}", path("two"))], &[]), Ok(entries(&[("a", "1"), ("b", "2")])));
        let missing = path("missing");
        assert_eq!(read(&[], &[&missing], &[]), Err(format!("error: error reading {missing}: no such file or directory")));
        assert_eq!(read(&[], &["=x"], &[]), Err("error: key name for file path x missing".to_owned()));
        assert_eq!(read(&[], &["x="], &[]), Err("error: file path for key name x missing".to_owned()));
        assert_eq!(read(&[], &["a=b=c"], &[]), Err("error: key names or file paths cannot contain '='".to_owned()));
        let of_folder = format!("k={}", folder.path().display());
        assert_eq!(read(&[], &[&of_folder], &[]), Err("error: cannot give a key name for a directory path".to_owned()));
        let long = path("long");
        std::fs::write(&long, vec![0; 2_000_000]).expect("written");
        assert!(read(&[], &[&long], &[]).expect_err("too long").contains("is too long: it has 2000000 bytes"));
    }

    #[test]
    fn files_of_variables_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("env").to_string_lossy().into_owned();
        std::fs::write(&path, "\u{feff}# a comment\n\nA=1\n  B=x=y \nSKIFF_NOT_SET_ANYWHERE\n").expect("written");
        assert_eq!(read(&[], &[], &[&path]), Ok(entries(&[("A", "1"), ("B", "x=y ")])));
        let both = "error: from-env-file cannot be combined with from-file or from-literal";
        assert_eq!(read(&["a=1"], &[], &[&path]), Err(both.to_owned()));
        std::fs::write(&path, "A=1\n1 x=2\n").expect("written");
        let said = read(&[], &[], &[&path]).expect_err("no name");
        assert!(said.contains("\"1 x\" is not a valid key name"), "{said}");
    }
}
