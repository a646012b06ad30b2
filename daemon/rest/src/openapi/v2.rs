//! OpenAPI 2 in protobuf, as far as older clients ask: which kinds' fields the server validates. They look for the parameter
//! `fieldValidation` of a kind's patch, and send their manifests unchecked then.
//!
//! The numbers are those of gnostic's `openapiv2/OpenAPIv2.proto`.

use crate::resource::{self, Resource};

/// The media type that clients ask for.
pub const MEDIA: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The document.
#[must_use]
pub fn document() -> Vec<u8> {
    let info = [text(1, "Kubernetes"), text(2, &format!("v1.{}.0", crate::version::MINOR))].concat();
    let paths: Vec<u8> = resource::all().iter().filter(|known| known.verbs.contains(&"patch")).flat_map(path).collect();
    [text(1, "2.0"), message(2, &info), message(8, &paths)].concat()
}

fn path(resource: &Resource) -> Vec<u8> {
    let base = super::place(resource.group, resource.version);
    let within = if resource.is_namespaced { "/namespaces/{namespace}" } else { "" };
    let name = format!("/{base}{within}/{}/{{name}}", resource.plural);
    let item = message(8, &operation(resource));
    message(2, &[text(1, &name), message(2, &item)].concat())
}

/// The patch of a kind: its parameters, and in YAML which kind it is of.
fn operation(resource: &Resource) -> Vec<u8> {
    let parameters = ["dryRun", "fieldManager", "fieldValidation"].map(|name| {
        let query = [text(2, "query"), text(4, name), text(6, "string")].concat();
        message(8, &message(1, &message(2, &message(3, &query))))
    });
    let of = format!("group: {:?}\nkind: {}\nversion: {}\n", resource.group, resource.kind_name, resource.version);
    let extension = [text(1, "x-kubernetes-group-version-kind"), message(2, &text(2, &of))].concat();
    [parameters.concat(), message(13, &extension)].concat()
}

fn text(field: u8, text: &str) -> Vec<u8> {
    message(field, text.as_bytes())
}

fn message(field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(low_bits(length) | 0x80);
        length >>= 7;
    }
    out.push(low_bits(length));
    out.extend_from_slice(bytes);
    out
}

/// The lowest seven bits.
fn low_bits(number: usize) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{document, message};

    #[test]
    fn every_kind_says_that_the_server_validates() {
        let document = document();
        let has = |text: &str| document.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(has("/api/v1/namespaces/{namespace}/pods/{name}") && has("fieldValidation"));
        assert!(has("group: \"\"\nkind: Pod\nversion: v1\n"));
    }

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        assert_eq!(message(1, b"a"), [0x0a, 1, b'a']);
        assert_eq!(message(2, &[0; 300])[..3], [0x12, 0xac, 0x02]);
    }
}
