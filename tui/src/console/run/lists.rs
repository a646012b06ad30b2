//! Puts the lists of the daemon together, which come in parts. Each part is cut down to rows when it comes, so that a long list is never
//! kept whole in any other form.

use crate::console::app::msg::Wire;
use crate::console::link::ListPart;
use crate::console::model::project;
use crate::console::model::row::Row;
use objects::Kind;
use std::collections::{HashMap, HashSet};

/// The lists of all kinds, as far as they have come.
#[derive(Debug, Default)]
pub struct Lists {
    waiting: HashMap<Kind, Vec<Row>>,
    /// The kinds of which something is shown.
    shown: HashSet<Kind>,
}

impl Lists {
    /// Takes a part; what is to be told. What stands on the screen stays until the last part is there; only the very first part of all is
    /// shown at once, because nothing stands there yet.
    pub fn take(&mut self, kind: Kind, part: ListPart) -> Option<Wire> {
        let waiting = self.waiting.entry(kind).or_default();
        if part.is_first {
            // The list before was interrupted.
            waiting.clear();
        }
        waiting.extend(project::rows(kind, part.objects));
        let is_blank = self.shown.insert(kind);
        match (part.is_last, is_blank) {
            (true, _) => Some(Wire::Rows(kind, self.waiting.remove(&kind).unwrap_or_default())),
            (false, true) => Some(Wire::Begun(kind, waiting.clone())),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lists;
    use crate::console::app::msg::Wire;
    use crate::console::link::ListPart;
    use objects::Kind;
    use serde_json::json;

    fn part(names: &[&str], is_first: bool, is_last: bool) -> ListPart {
        let object = |name: &&str| serde_json::value::to_raw_value(&json!({"metadata": {"name": name}})).expect("JSON");
        ListPart { objects: names.iter().map(object).collect(), is_first, is_last }
    }

    fn told(wire: Option<Wire>) -> String {
        let names = |rows: Vec<super::Row>| rows.iter().map(|row| row.key.name.to_string()).collect::<String>();
        match wire {
            Some(Wire::Begun(Kind::Pod, rows)) => format!("begun {}", names(rows)),
            Some(Wire::Rows(Kind::Pod, rows)) => format!("all {}", names(rows)),
            None => String::new(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_first_part_of_all_is_shown_and_then_whole_lists() {
        let mut lists = Lists::default();
        let mut take = |names: &[&str], is_first, is_last| told(lists.take(Kind::Pod, part(names, is_first, is_last)));
        assert_eq!(take(&["a", "b"], true, false), "begun ab");
        assert_eq!(take(&["c"], false, false), "");
        assert_eq!(take(&["x"], true, false), "", "the link was lost between");
        assert_eq!(take(&["y"], false, false), "");
        assert_eq!(take(&["z"], false, true), "all xyz");
        assert_eq!(take(&["a", "b"], true, true), "all ab");
    }
}
