//! Where a cursor in a manifest is in the API's schema: the kind, the path of fields, and what is typed of the next one.
//!
//! It reads indentation and not YAML, because a text one is writing is rarely valid where one writes.

use objects::Kind;
use objects::explain::{self, FieldDoc};

/// A place in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The document's kind.
    pub kind: Kind,
    /// The fields above: `spec.containers`; empty at the top.
    pub path: String,
    /// The key on the line, or what is typed of it.
    pub key: String,
    /// What stands after its colon, where there is one.
    pub value: Option<String>,
    /// The keys beside it, which cannot come twice.
    pub siblings: Vec<String>,
}

/// A line taken apart.
struct Line<'a> {
    /// The column of its key, after dashes.
    indent: usize,
    /// The column of its first dash, where it has one.
    dash: Option<usize>,
    key: &'a str,
    value: Option<&'a str>,
}

fn line(text: &str) -> Option<Line<'_>> {
    let trimmed = text.trim_start();
    if trimmed.starts_with('#') {
        return None;
    }
    let mut indent = text.len() - trimmed.len();
    let mut rest = trimmed;
    let dash = (rest.starts_with("- ") || rest == "-").then_some(indent);
    while rest.starts_with("- ") || rest == "-" {
        let after = rest[1..].trim_start();
        indent += rest.len() - after.len();
        rest = after;
    }
    let (key, value) = match rest.find(": ").or_else(|| rest.strip_suffix(':').map(str::len)) {
        Some(colon) => (&rest[..colon], Some(rest[colon + 1..].trim())),
        None => (rest.trim_end(), None),
    };
    Some(Line { indent, dash, key, value })
}

/// The place of a cursor: its line, from 0, and its column in letters, which says how deep an empty line is.
pub fn place(lines: &[String], row: usize, column: usize) -> Option<Place> {
    let from = lines[..row.min(lines.len())].iter().rposition(|line| line.starts_with("---")).map_or(0, |at| at + 1);
    let to = lines[from..].iter().position(|line| line.starts_with("---")).map_or(lines.len(), |at| from + at);
    let word = |name: &str| {
        let found = lines[from..to].iter().find_map(|line| line.strip_prefix(name));
        found.map(|value| value.trim().trim_matches('"').to_owned())
    };
    let kind = Kind::from_user(&word("kind:")?)?;
    let text = lines.get(row)?;
    let own = match line(text) {
        Some(own) if !own.key.is_empty() => own,
        Some(own) if own.dash.is_some() => Line { indent: own.indent.max(column), ..own },
        _ if text.trim().is_empty() => Line { indent: column, dash: None, key: "", value: None },
        _ => return None,
    };
    let mut path: Vec<&str> = Vec::new();
    // What stands less deep above is what holds it. A dash stands in the field that holds the list.
    let mut depth = own.dash.map_or(own.indent, |dash| dash + 1);
    let mut siblings = Vec::new();
    let mut is_beside = own.dash.is_none();
    for above in lines[from..row].iter().rev().filter(|text| !text.trim().is_empty()).filter_map(|text| line(text)) {
        if is_beside && above.indent == own.indent && depth == own.indent {
            siblings.push(above.key.to_owned());
        }
        let holds = above.value.is_some_and(str::is_empty)
            && (above.indent < depth || (own.dash == Some(above.indent) && path.is_empty() && above.dash.is_none()));
        if above.indent < depth {
            is_beside = false;
        }
        if holds {
            path.push(above.key);
            depth = above.dash.map_or(above.indent, |dash| dash + 1);
        } else if above.dash.is_some_and(|dash| dash < depth) && above.indent >= depth {
            // The first key of an element stands beside ours; the list is what holds both.
            depth = above.dash.map_or(depth, |dash| dash + 1);
            is_beside = false;
        }
    }
    for below in lines[(row + 1).min(to)..to].iter().filter(|text| !text.trim().is_empty()).filter_map(|text| line(text)) {
        if below.indent < own.indent || below.dash.is_some_and(|dash| dash < own.indent) {
            break;
        }
        if below.indent == own.indent {
            siblings.push(below.key.to_owned());
        }
    }
    path.reverse();
    Some(Place { kind, path: path.join("."), key: own.key.to_owned(), value: own.value.map(str::to_owned), siblings })
}

impl Place {
    /// What the API says of the field on the line.
    pub fn doc(&self) -> Option<FieldDoc> {
        let path = if self.path.is_empty() { self.key.clone() } else { format!("{}.{}", self.path, self.key) };
        explain::field(self.kind, &path).filter(|_| !self.key.is_empty())
    }

    /// The fields that may stand here and begin with what is typed, or the values where a key stands already.
    pub fn completions(&self) -> Vec<(String, FieldDoc)> {
        if let (Some(value), Some(doc)) = (&self.value, self.doc()) {
            let fits = doc.values.iter().filter(|known| known.starts_with(value.as_str()) && *known != value);
            let booleans = (doc.type_name == "boolean").then(|| ["true".to_owned(), "false".to_owned()]);
            let fits: Vec<String> =
                fits.cloned().chain(booleans.into_iter().flatten().filter(|word| word.starts_with(value.as_str()))).collect();
            return fits.into_iter().map(|word| (word, doc.clone())).collect();
        }
        let children = explain::children(self.kind, &self.path).into_iter();
        let fits = children.filter(|doc| doc.name.starts_with(&self.key) && !self.siblings.contains(&doc.name));
        fits.map(|doc| (doc.name.clone(), doc)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, place};

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  \nspec:\n  containers:\n  - name: main\n    image: x\n    res\n    ports:\n    - \n      con\n  - \n  restartPolicy: A\n";

    fn at(row: usize, column: usize) -> Place {
        let lines: Vec<String> = POD.lines().map(str::to_owned).collect();
        place(&lines, row, column).expect("a place")
    }

    #[test]
    fn a_cursor_knows_the_fields_above_it() {
        for (row, column, path, key) in [
            (3, 6, "metadata", "name"),
            (4, 2, "metadata", ""),
            (6, 3, "spec", "containers"),
            (7, 5, "spec.containers", "name"),
            (9, 7, "spec.containers", "res"),
            (11, 6, "spec.containers.ports", ""),
            (12, 9, "spec.containers.ports", "con"),
            (13, 4, "spec.containers", ""),
            (14, 3, "spec", "restartPolicy"),
        ] {
            let found = at(row, column);
            assert_eq!((found.path.as_str(), found.key.as_str()), (path, key), "line {row}");
        }
    }

    #[test]
    fn what_is_offered_fits_the_place_and_is_not_there_yet() {
        let names = |place: &Place| place.completions().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(&at(9, 7)), ["resizePolicy", "resources", "restartPolicy", "restartPolicyRules"]);
        assert!(names(&at(4, 2)).contains(&"labels".to_owned()) && !names(&at(4, 2)).contains(&"name".to_owned()));
        assert_eq!(names(&at(14, 20)), ["Always"]);
        assert!(names(&at(12, 9)).contains(&"containerPort".to_owned()));
        assert!(at(7, 5).doc().is_some_and(|doc| doc.description.contains("DNS_LABEL")));
    }

    #[test]
    fn a_text_without_a_kind_has_no_places() {
        assert_eq!(place(&["metadata:".to_owned()], 0, 0), None);
        assert_eq!(place(&[], 0, 0), None);
    }
}
