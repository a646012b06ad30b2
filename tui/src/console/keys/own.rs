//! Commands of the user's own: `commands.toml` gives names to programs of the machine, which the console steps aside for.

use super::commands::COMMANDS;
use super::file::Problem;
use objects::Kind;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// What a command knows of the row one stands on.
pub const FIELDS: [&str; 7] = ["name", "namespace", "kind", "node", "container", "image", "ip"];

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OwnCommand {
    /// The program and its words, in which `{name}` stands for a field of the row, or for what was typed. No shell reads them.
    pub run: Vec<String>,
    /// A sentence for help.
    #[serde(default)]
    pub help: String,
    /// What is asked for before.
    #[serde(default)]
    pub ask: Vec<String>,
    /// Whether it changes nothing, so that a read-only console runs it too.
    #[serde(default)]
    pub only_reads: bool,
    /// Whether what it wrote is looked at until Enter; a program that has the whole window needs none.
    #[serde(default = "yes")]
    pub pause: bool,
}

const fn yes() -> bool {
    true
}

/// All of them, by name.
pub type OwnCommands = BTreeMap<String, OwnCommand>;

#[derive(Debug, Deserialize)]
struct Sections(BTreeMap<Spanned<String>, OwnCommand>);

/// The commands of a file, and everything that is wrong with it. Those that are wrong are left out.
pub fn read(text: &str) -> (OwnCommands, Vec<Problem>) {
    let line_at = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let sections: Sections = match toml::from_str(text) {
        Ok(sections) => sections,
        Err(error) => {
            let line = error.span().map(|span| line_at(span.start));
            return (OwnCommands::new(), vec![Problem { line, text: error.message().trim().to_owned() }]);
        }
    };
    let (mut commands, mut problems) = (OwnCommands::new(), Vec::new());
    for (name, command) in sections.0 {
        let line = line_at(name.span().start);
        match fault(name.get_ref(), &command) {
            Some(text) => problems.push(Problem { line: Some(line), text }),
            None => drop(commands.insert(name.into_inner(), command)),
        }
    }
    problems.sort_by_key(|problem| problem.line);
    (commands, problems)
}

fn fault(name: &str, command: &OwnCommand) -> Option<String> {
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    if !is_word(name) {
        return Some(format!("\"{name}\" is no name: letters, digits and - are"));
    }
    if COMMANDS.iter().any(|line| line.words.contains(&name)) || Kind::from_user(name).is_some() {
        return Some(format!("the console has a command {name} of its own"));
    }
    if let Some(bad) = command.ask.iter().find(|asked| !is_word(asked) || FIELDS.contains(&asked.as_str())) {
        return Some(format!("{name} asks for \"{bad}\", which is no word, or a field of the row"));
    }
    if command.run.first().is_none_or(|program| program.is_empty()) {
        return Some(format!("{name} runs nothing: run = [\"PROGRAM\", \"WORD\"]"));
    }
    let is_known = |field: &str| FIELDS.contains(&field) || command.ask.iter().any(|asked| asked == field);
    let unknown = command.run.iter().flat_map(|word| pieces(word)).find_map(|piece| match piece {
        Piece::Field(field) if !is_known(field) => Some(field),
        _ => None,
    })?;
    Some(format!("{name}: {{{unknown}}} is not known; there are {}, and what ask names", FIELDS.join(", ")))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Field(&'a str),
}

/// `{image}:x` as a field and a text. A brace that no field follows is a text.
fn pieces(word: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('{') {
        let found = after.split_once('}').filter(|(field, _)| {
            !field.is_empty() && field.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        });
        let Some((field, after)) = found else {
            pieces.push(Piece::Text(&rest[..=before.len()]));
            rest = after;
            continue;
        };
        pieces.extend([Piece::Text(before), Piece::Field(field)]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

impl OwnCommand {
    /// Its words with the fields filled in.
    ///
    /// # Errors
    /// The field that `value` knows nothing of.
    pub fn words(&self, value: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, String> {
        let word = |word: &String| {
            pieces(word).into_iter().try_fold(String::new(), |text, piece| match piece {
                Piece::Text(more) => Ok(text + more),
                Piece::Field(field) => value(field).map(|value| text + &value).ok_or_else(|| field.to_owned()),
            })
        };
        self.run.iter().map(word).collect()
    }

    /// What may follow its name, for the palette: `TAG USER`.
    pub fn takes(&self) -> String {
        self.ask.iter().map(|asked| asked.to_uppercase()).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn fields_are_filled_in_and_no_shell_reads_them() {
        let (commands, problems) = read("[dive]\nrun = [\"dive\", \"{image}:{tag}\", \"{\\\"a\\\": {}}\"]\nask = [\"tag\"]\n");
        assert_eq!(problems, []);
        let value = |field: &str| (field != "node").then(|| format!("<{field}; rm>"));
        assert_eq!(commands["dive"].words(value), Ok(vec!["dive".into(), "<image; rm>:<tag; rm>".into(), "{\"a\": {}}".into()]));
        assert_eq!(commands["dive"].takes(), "TAG");
        let (commands, _) = read("[on]\nrun = [\"ssh\", \"{node}\"]\n[away]\nrun = [\"ssh\", \"{node}\"]\n");
        assert_eq!(commands.keys().collect::<Vec<_>>(), ["away"], "`on` is the console's own");
        assert_eq!(commands["away"].words(value), Err("node".to_owned()));
    }

    #[test]
    fn each_fault_is_told_with_its_line() {
        let told = |text: &str| read(text).1.iter().map(ToString::to_string).collect::<Vec<_>>().join("|");
        let text = "[a]\nrun = []\n[\"b c\"]\nrun = [\"x\"]\n[pods]\nrun = [\"x\"]\n[d]\nrun = [\"x\", \"{what}\"]\n[e]\nrun = [\"x\"]\nask = [\"name\"]\n";
        let expected = [
            "line 1: a runs nothing",
            "line 3: \"b c\" is no name",
            "line 5: the console has a command pods",
            "line 7: d: {what} is not known",
            "line 9: e asks for \"name\"",
        ];
        for fault in expected {
            assert!(told(text).contains(fault), "{}", told(text));
        }
        assert!(told("[a]\nran = [\"x\"]\n").contains("unknown field `ran`"), "{}", told("[a]\nran = 1\n"));
    }
}
