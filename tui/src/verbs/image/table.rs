//! The list of images, in every form of output.

use crate::verbs::context::Context;
use crate::verbs::failure::Failure;
use crate::verbs::format::{Format, Printer, list_of};
use jiff::Timestamp;
use objects::duration::since;
use objects::printing::{Column, Header, Table};
use serde_json::{Value, json};
use wire::ImageSummary;

/// Characters of a digest that a table shows.
const SHORT_DIGEST: usize = 12;

/// Prints images.
pub(super) fn print(context: &mut Context, format: &Format, no_headers: bool, images: &[ImageSummary]) -> Result<(), Failure> {
    let header = if no_headers { Header::Hidden } else { Header::Shown };
    match format {
        Format::Plain => table(context, images, Digests::Short, header),
        Format::Wide => table(context, images, Digests::Whole, header),
        Format::Name => names(images).iter().try_for_each(|(name, _)| context.line(name)),
        format => {
            let objects: Vec<Value> = images.iter().map(|image| json!(image)).collect();
            let mut printer = Printer::new(format.clone(), header);
            if printer.is_row() { printer.print_all(context, &objects) } else { printer.print(context, &list_of(&objects)) }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Digests {
    Short,
    Whole,
}

/// Every name with its image; an image without one by its digest.
fn names(images: &[ImageSummary]) -> Vec<(String, &ImageSummary)> {
    let named = |image: &ImageSummary| match image.names.is_empty() {
        true => vec![image.digest.clone()],
        false => image.names.clone(),
    };
    images.iter().flat_map(|image| named(image).into_iter().map(move |name| (name, image))).collect()
}

fn table(context: &mut Context, images: &[ImageSummary], digests: Digests, header: Header) -> Result<(), Failure> {
    let now = context.timestamp();
    let row = |(name, image): (String, &ImageSummary)| {
        let digest = match digests {
            Digests::Whole => image.digest.clone(),
            Digests::Short => {
                let hex = image.digest.split_once(':').map_or(image.digest.as_str(), |(_, hex)| hex);
                hex.chars().take(SHORT_DIGEST).collect()
            }
        };
        let age = since(Timestamp::from_second(image.created_at).ok(), now);
        let in_use = if image.in_use { "yes" } else { "no" };
        vec![name, digest, size(image.size_bytes), age, in_use.to_owned()]
    };
    if images.is_empty() {
        return context.note("No images found");
    }
    let columns = ["Name", "Digest", "Size", "Age", "In Use"].map(Column::named).into();
    let rows = names(images).into_iter().map(row).collect();
    context.print(&Table { columns, rows }.to_text(header))
}

/// An amount of bytes for people: `4.1MiB`.
pub(super) fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut scaled = bytes;
    let mut tenths = 0;
    while scaled >= 1024 && unit + 1 < units.len() {
        tenths = scaled % 1024 * 10 / 1024;
        scaled /= 1024;
        unit += 1;
    }
    if unit == 0 { format!("{scaled}B") } else { format!("{scaled}.{tenths}{}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_shown_in_the_largest_unit() {
        for (bytes, expected) in
            [(0, "0B"), (1023, "1023B"), (1024, "1.0KiB"), (4_300_000, "4.1MiB"), (u64::MAX, "16777215.9TiB")]
        {
            assert_eq!(size(bytes), expected);
        }
    }
}
