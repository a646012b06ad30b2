//! The images of the nodes as rows, and the volumes of the pods.

use super::cells::Cells;
use super::project::bytes;
use super::row::{Cell, Facts, Key, Row, Tone};
use jiff::Timestamp;
use objects::lookup::{flag, list, text};
use serde_json::Value;
use wire::ImageSummary;

/// One row a name of an image; an image without one goes by its digest.
pub fn of_images(node: &str, images: &[ImageSummary]) -> Vec<Row> {
    let names = |image: &ImageSummary| if image.names.is_empty() { vec![image.digest.clone()] } else { image.names.clone() };
    images.iter().flat_map(|image| names(image).into_iter().map(move |name| image_row(node, &name, image))).collect()
}

fn image_row(node: &str, name: &str, image: &ImageSummary) -> Row {
    let digest = image.digest.split_once(':').map_or(image.digest.as_str(), |(_, hex)| hex);
    let cells = [
        Cell::text(node),
        Cell::text(name),
        Cell::text(digest.chars().take(12).collect::<String>()),
        Cell::Number(image.size_bytes as f64, bytes(image.size_bytes as f64).into()),
        Cell::Age(Timestamp::from_second(image.created_at).ok()),
        Cell::text(if image.in_use { "yes" } else { "no" }),
    ];
    row((node, name), cells.into(), if image.in_use { Tone::Ok } else { Tone::Plain }, node)
}

/// One row a volume of a pod.
pub fn of_pod(pod: &Row) -> Vec<Row> {
    let object = pod.object();
    let containers = || list(&object, "/spec/initContainers").iter().chain(list(&object, "/spec/containers"));
    list(&object, "/spec/volumes")
        .iter()
        .map(|volume| {
            let name = text(volume, "/name");
            let mounts: Vec<String> = containers().flat_map(|container| mounts_of(container, name)).collect();
            let (kind, source) = source(volume);
            let tone = if mounts.is_empty() { Tone::Warn } else { Tone::Plain };
            let cells = [
                Cell::text(&*pod.key.namespace),
                Cell::text(&*pod.key.name),
                Cell::text(name),
                Cell::text(kind),
                Cell::text(source),
                Cell::text(if mounts.is_empty() { "not mounted".to_owned() } else { mounts.join(", ") }),
            ];
            row((&pod.key.namespace, &format!("{}/{name}", pod.key.name)), cells.into(), tone, pod.node())
        })
        .collect()
}

/// `web:/data`, `web:/etc/app (ro)`.
fn mounts_of(container: &Value, volume: &str) -> Vec<String> {
    let mounts = list(container, "/volumeMounts").iter().filter(|mount| text(mount, "/name") == volume);
    let one = |mount: &Value| {
        let suffix = if flag(mount, "/readOnly") { " (ro)" } else { "" };
        format!("{}:{}{suffix}", text(container, "/name"), text(mount, "/mountPath"))
    };
    mounts.map(one).collect()
}

/// Of what kind a volume is, and where what is in it comes from.
fn source(volume: &Value) -> (String, String) {
    let Some(fields) = volume.as_object() else { return (String::new(), String::new()) };
    let Some((kind, source)) = fields.iter().find(|(name, _)| *name != "name") else {
        return ("emptyDir".to_owned(), String::new());
    };
    let pointers = ["/name", "/secretName", "/path", "/claimName", "/medium", "/reference", "/driver"];
    let from = pointers.iter().map(|pointer| text(source, pointer)).find(|text| !text.is_empty()).unwrap_or_default();
    (kind.clone(), from.to_owned())
}

fn row((namespace, name): (&str, &str), cells: Cells, tone: Tone, node: &str) -> Row {
    Row {
        key: Key { namespace: namespace.into(), name: name.into() },
        cells,
        tone,
        facts: Facts::new(node, "", "", []),
        ..Row::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{of_images, of_pod};
    use crate::console::model::packed::Packed;
    use crate::console::model::row::{Row, Tone};
    use crate::console::model::store::tests::named;
    use jiff::Timestamp;
    use serde_json::value::RawValue;
    use wire::ImageSummary;

    fn line(row: &Row) -> Vec<String> {
        row.cells.iter().map(|cell| cell.label(Timestamp::UNIX_EPOCH).to_string()).collect()
    }

    #[test]
    fn an_image_has_a_row_for_each_of_its_names_and_one_where_it_has_none() {
        let image = |names: &[&str]| ImageSummary {
            digest: "sha256:0123456789abcdef".to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            size_bytes: 3 << 20,
            created_at: 0,
            in_use: true,
        };
        let rows = of_images("oak", &[image(&["a:1", "b:2"]), image(&[])]);
        assert_eq!(rows.len(), 3);
        assert_eq!(line(&rows[0]), ["oak", "a:1", "0123456789ab", "3.0Mi", "0s", "yes"]);
        assert_eq!(&*rows[2].key.name, "sha256:0123456789abcdef");
    }

    #[test]
    fn a_volume_says_of_what_it_is_made_and_who_mounts_it() {
        let mut pod = named("web");
        let json = r#"{"spec":{"containers":[{"name":"c","volumeMounts":[{"name":"conf","mountPath":"/etc/app","readOnly":true}]}],
            "volumes":[{"name":"conf","configMap":{"name":"app"}},{"name":"tmp","emptyDir":{}}]}}"#;
        pod.raw = Packed::of(&RawValue::from_string(json.to_owned()).expect("JSON"));
        let rows = of_pod(&pod);
        assert_eq!(line(&rows[0])[2..], ["conf", "configMap", "app", "c:/etc/app (ro)"]);
        assert_eq!((line(&rows[1])[5].as_str(), rows[1].tone), ("not mounted", Tone::Warn));
    }
}
