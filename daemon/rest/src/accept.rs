//! Which form of an answer a client wants: the `Accept` header, and whether it is printed for people.

/// A form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The objects themselves.
    Whole,
    /// A table of cells, with as much of each object as `includeObject` says.
    Table(MetaVersion),
    /// Metadata alone.
    Metadata(MetaVersion),
    /// All groups in one document.
    Discovery(DiscoveryVersion),
}

/// Versions of `meta.k8s.io`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaVersion {
    /// `v1`
    V1,
    /// `v1beta1`
    V1Beta1,
}

impl MetaVersion {
    /// As in `apiVersion:`.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// Versions of `apidiscovery.k8s.io`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscoveryVersion {
    /// `v2`
    V2,
    /// `v2beta1`
    V2Beta1,
}

impl DiscoveryVersion {
    /// As in `v=`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V2Beta1 => "v2beta1",
        }
    }
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// JSON in a line.
    Json,
    /// JSON for people.
    Pretty,
    /// YAML.
    Yaml,
    /// Protobuf, for clients that take nothing else.
    Protobuf,
}

impl Encoding {
    /// The `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::Pretty => "application/json",
            Self::Yaml => "application/yaml",
            Self::Protobuf => crate::protobuf::MEDIA,
        }
    }
}

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What of the objects.
    pub form: Form,
    /// How it is written.
    pub encoding: Encoding,
}

/// The media types that answers can have, in the words of a refusal.
pub const SERVED: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// Chooses by an `Accept` header: the first of the best that can be made. None where nothing can.
#[must_use]
pub fn negotiate(accept: Option<&str>) -> Option<Wanted> {
    let plain = Wanted { form: Form::Whole, encoding: Encoding::Json };
    let Some(accept) = accept.map(str::trim).filter(|accept| !accept.is_empty()) else { return Some(plain) };
    let mut ranges: Vec<(u32, Wanted)> = accept.split(',').filter_map(range).collect();
    // Stable: of two that are as good, the first; but protobuf only where nothing else is as good, for objects are kept as JSON.
    ranges.sort_by_key(|(quality, wanted)| (std::cmp::Reverse(*quality), wanted.encoding == Encoding::Protobuf));
    ranges.first().map(|(_, wanted)| *wanted)
}

/// One range with its quality in thousandths; none where it cannot be made, or is not wanted.
fn range(text: &str) -> Option<(u32, Wanted)> {
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next()?.to_ascii_lowercase();
    let encoding = match media.as_str() {
        "application/json" | "application/*" | "*/*" => Encoding::Json,
        "application/yaml" => Encoding::Yaml,
        crate::protobuf::MEDIA => Encoding::Protobuf,
        _ => return None,
    };
    let (mut group, mut version, mut kind, mut quality) = ("", "", "", 1000);
    for parameter in parts {
        match parameter.split_once('=') {
            Some(("g", value)) => group = value,
            Some(("v", value)) => version = value,
            Some(("as", value)) => kind = value,
            Some(("q", value)) => quality = thousandths(value)?,
            // `charset`, `stream`, `profile`: nothing that changes the form.
            _ => {}
        }
    }
    let meta = match version {
        "v1" => Some(MetaVersion::V1),
        "v1beta1" => Some(MetaVersion::V1Beta1),
        _ => None,
    };
    let discovery = match version {
        "v2" => Some(DiscoveryVersion::V2),
        "v2beta1" => Some(DiscoveryVersion::V2Beta1),
        _ => None,
    };
    let form = match (group, kind) {
        (_, "") => Form::Whole,
        ("meta.k8s.io", "Table") => Form::Table(meta?),
        ("meta.k8s.io", "PartialObjectMetadata" | "PartialObjectMetadataList") => Form::Metadata(meta?),
        ("apidiscovery.k8s.io", "APIGroupDiscoveryList") => Form::Discovery(discovery?),
        _ => return None,
    };
    // Tables and discovery have no messages here.
    let has_message = encoding != Encoding::Protobuf || matches!(form, Form::Whole | Form::Metadata(MetaVersion::V1));
    (quality > 0 && has_message).then_some((quality, Wanted { form, encoding }))
}

fn thousandths(text: &str) -> Option<u32> {
    let number: f64 = text.parse().ok()?;
    // Between 0 and 1000.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (0.0..=1.0).contains(&number).then_some((number * 1000.0) as u32)
}

/// Whether a person reads the answer: who says so, and programs that people use to look.
#[must_use]
pub fn is_pretty(asked: Option<bool>, user_agent: Option<&str>) -> bool {
    let agent = user_agent.unwrap_or_default();
    asked.unwrap_or_else(|| ["curl", "Wget", "Mozilla/5.0"].iter().any(|known| agent.starts_with(known)))
}

#[cfg(test)]
mod tests {
    use super::{DiscoveryVersion, Encoding, Form, MetaVersion, Wanted, is_pretty, negotiate};
    use proptest::prelude::{any, proptest};

    fn wanted(accept: &str) -> Option<Form> {
        negotiate(Some(accept)).map(|wanted| wanted.form)
    }

    #[test]
    fn kubectls_headers_are_understood() {
        let table =
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(wanted(table), Some(Form::Table(MetaVersion::V1)));
        let discovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
        assert_eq!(wanted(discovery), Some(Form::Discovery(DiscoveryVersion::V2)));
        let metadata = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
        assert_eq!(wanted(metadata), Some(Form::Metadata(MetaVersion::V1)));
        assert_eq!(wanted("application/vnd.kubernetes.protobuf,application/json"), Some(Form::Whole));
    }

    #[test]
    fn the_best_that_can_be_made_is_chosen() {
        let yaml = Wanted { form: Form::Whole, encoding: Encoding::Yaml };
        assert_eq!(negotiate(Some("application/json;q=0.5, application/yaml")), Some(yaml));
        assert_eq!(negotiate(None).map(|wanted| wanted.encoding), Some(Encoding::Json));
        assert_eq!(wanted("text/html,*/*;q=0.8"), Some(Form::Whole));
        assert_eq!(wanted("application/json;as=Table;v=v3;g=meta.k8s.io,application/json"), Some(Form::Whole));
        let protobuf = Wanted { form: Form::Whole, encoding: Encoding::Protobuf };
        assert_eq!(negotiate(Some("application/vnd.kubernetes.protobuf")), Some(protobuf));
        assert_eq!(negotiate(Some("application/vnd.kubernetes.protobuf, application/json;q=0.5")), Some(protobuf));
        let table = "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io";
        assert_eq!(wanted(table), None);
        for nothing in ["text/html", "application/json;q=0", "application/json;q=x"] {
            assert_eq!(wanted(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn people_get_lines_and_indents() {
        assert!(is_pretty(None, Some("curl/8.5.0")) && is_pretty(Some(true), None));
        assert!(!is_pretty(Some(false), Some("curl/8.5.0")) && !is_pretty(None, Some("kubectl/v1.33")));
    }

    proptest! {
        #[test]
        fn any_header_is_answered(text in any::<String>()) {
            let _ = negotiate(Some(&text));
        }
    }
}
