//! Objects as tables and as metadata alone: what `kubectl get` asks for.

use crate::accept::MetaVersion;
use jiff::Timestamp;
use objects::printing::{self, TableOptions};
use objects::{Kind, Status, lookup};
use serde_json::{Map, Value, json};

/// How much of each object a table's rows carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    Nothing,
    /// Its metadata.
    Metadata,
    /// All of it.
    Whole,
}

impl Include {
    /// Reads `includeObject`.
    ///
    /// # Errors
    /// 400 for a word that is none.
    pub fn parse(word: Option<&str>) -> Result<Self, Status> {
        match word {
            None | Some("Metadata") => Ok(Self::Metadata),
            Some("None") => Ok(Self::Nothing),
            Some("Object") => Ok(Self::Whole),
            Some(other) => {
                Err(Status::bad_request(format!("unrecognized includeObject value {other:?}: use None, Metadata or Object")))
            }
        }
    }
}

/// Writes rows of one kind's table.
#[derive(Debug, Clone)]
pub struct Rows {
    kind: Kind,
    include: Include,
    version: MetaVersion,
    options: TableOptions,
}

impl Rows {
    /// Rows whose ages are counted to `now`.
    #[must_use]
    pub fn new(kind: Kind, include: Include, version: MetaVersion, now: Timestamp) -> Self {
        Self { kind, include, version, options: TableOptions { wide: true, ..TableOptions::new(now) } }
    }

    /// How much of each object a row carries.
    #[must_use]
    pub const fn include(&self) -> Include {
        self.include
    }

    /// The same, with ages counted to another moment.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Self {
        Self { options: TableOptions { now, ..self.options.clone() }, ..self.clone() }
    }

    /// The columns' definitions.
    #[must_use]
    pub fn columns(&self) -> Value {
        let table = printing::table(self.kind, &[], &self.options);
        let column = |column: &printing::Column| {
            // kubectl finds the column to put `pod/` before by its format.
            let format = if column.name == "Name" { "name" } else { "" };
            let description = objects::explain::field(self.kind, &format!("metadata.{}", column.name.to_lowercase()));
            json!({
                "name": column.name,
                "type": "string",
                "format": format,
                "description": description.map(|field| field.description).unwrap_or_default(),
                "priority": column.priority,
            })
        };
        table.columns.iter().map(column).collect()
    }

    /// One object's row.
    #[must_use]
    pub fn row(&self, object: Value) -> Value {
        let objects = [object];
        let cells = printing::table(self.kind, &objects, &self.options).rows.pop().unwrap_or_default();
        let [object] = objects;
        let mut row = Map::new();
        row.insert("cells".to_owned(), cells.into());
        if let Some(conditions) = conditions(self.kind, &object) {
            row.insert("conditions".to_owned(), conditions);
        }
        row.insert(
            "object".to_owned(),
            match self.include {
                Include::Nothing => Value::Null,
                Include::Metadata => metadata(object, self.version),
                Include::Whole => object,
            },
        );
        Value::Object(row)
    }

    /// A table of these rows; `columns` are left out of all but a watch's first event.
    #[must_use]
    pub fn table(&self, resource_version: &str, columns: Option<Value>, rows: Vec<Value>) -> Value {
        let mut table = Map::new();
        table.insert("kind".to_owned(), "Table".into());
        table.insert("apiVersion".to_owned(), self.version.api_version().into());
        table.insert("metadata".to_owned(), json!({"resourceVersion": resource_version}));
        table.insert("columnDefinitions".to_owned(), columns.unwrap_or_default());
        table.insert("rows".to_owned(), rows.into());
        Value::Object(table)
    }
}

/// What says that a row needs no more attention.
fn conditions(kind: Kind, object: &Value) -> Option<Value> {
    if kind != Kind::Pod {
        return None;
    }
    let (reason, message) = match lookup::text(object, "/status/phase") {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

/// An object's metadata alone.
#[must_use]
pub fn metadata(object: Value, version: MetaVersion) -> Value {
    let mut object = object;
    let metadata = object.get_mut("metadata").map(Value::take).unwrap_or_default();
    json!({"kind": "PartialObjectMetadata", "apiVersion": version.api_version(), "metadata": metadata})
}

#[cfg(test)]
mod tests {
    use super::{Include, Rows, metadata};
    use crate::accept::MetaVersion;
    use jiff::Timestamp;
    use objects::Kind;
    use serde_json::json;

    fn rows(include: Include) -> Rows {
        Rows::new(Kind::Pod, include, MetaVersion::V1, "2026-01-01T00:01:00Z".parse::<Timestamp>().expect("a time"))
    }

    #[test]
    fn a_pods_row_has_all_cells_and_its_metadata() {
        let pod = json!({"kind": "Pod", "metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"},
                         "spec": {"containers": [{"name": "c"}]}, "status": {"phase": "Succeeded"}});
        let row = rows(Include::Metadata).row(pod.clone());
        assert_eq!(row["cells"], json!(["a", "0/1", "Succeeded", "0", "60s", "<none>", "<none>", "<none>", "<none>"]));
        assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
        assert_eq!(row["conditions"][0]["type"], "Completed");
        assert_eq!(rows(Include::Whole).row(pod.clone())["object"], pod);
        assert_eq!(metadata(pod, MetaVersion::V1)["metadata"]["name"], "a");
    }

    #[test]
    fn the_name_column_is_marked_for_kubectl() {
        let columns = rows(Include::Nothing).columns();
        assert_eq!((columns[0]["name"].as_str(), columns[0]["format"].as_str()), (Some("Name"), Some("name")));
        assert_eq!(columns[5]["priority"], 1);
        assert!(columns[0]["description"].as_str().expect("a text").contains("unique"));
    }

    #[test]
    fn a_word_that_is_no_form_is_refused() {
        assert_eq!(Include::parse(Some("Object")), Ok(Include::Whole));
        assert_eq!(Include::parse(Some("All")).expect_err("refused").code, 400);
    }
}
