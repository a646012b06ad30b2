//! Pages of a list: `limit` and `continue`.
//!
//! A page goes on behind the last object of the one before, in what there is *now*, and carries the first page's version: whoever
//! watches from that version is told of everything that changed meanwhile, so that nothing is lost or seen twice for long.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use objects::Status;
use serde::{Deserialize, Serialize};

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continue {
    #[serde(rename = "v")]
    form: String,
    /// The version of the first page.
    #[serde(rename = "rv")]
    pub resource_version: String,
    /// The namespace of the last object that was sent.
    #[serde(rename = "ns", default)]
    pub namespace: String,
    /// Its name.
    #[serde(rename = "start")]
    pub name: String,
}

/// The form of a token, in it so that another one is told apart.
const FORM: &str = "skiff/v1";

impl Continue {
    /// Behind that object.
    #[must_use]
    pub fn behind(resource_version: &str, namespace: &str, name: &str) -> Self {
        let (resource_version, namespace, name) = (resource_version.to_owned(), namespace.to_owned(), name.to_owned());
        Self { form: FORM.to_owned(), resource_version, namespace, name }
    }

    /// The text for `metadata.continue`.
    #[must_use]
    pub fn to_token(&self) -> String {
        // Strings always serialise.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a token.
    ///
    /// # Errors
    /// 400 where it is none, in the words of `apiserver/pkg/storage/continue.go`.
    pub fn from_token(token: &str) -> Result<Self, Status> {
        let refused = |why: &str| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let trimmed = token.trim_end_matches('=');
        let bytes = URL_SAFE_NO_PAD.decode(trimmed);
        // Go's decoder does not mind bits that are left over.
        let bytes = bytes.or_else(|_| lenient(trimmed)).map_err(|()| refused("it is no base64"))?;
        let read: Self = serde_json::from_slice(&bytes).map_err(|_| refused(&unreadable(&bytes)))?;
        if read.form != FORM {
            return Err(refused(&format!("server does not recognize this encoded version {:?}", read.form)));
        }
        Ok(read)
    }

    /// The key that objects are ordered by.
    #[must_use]
    pub fn key(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }
}

fn lenient(text: &str) -> Result<Vec<u8>, ()> {
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&base64::alphabet::URL_SAFE, config).decode(text).map_err(|_| ())
}

/// What Go's JSON says of a text that is none.
fn unreadable(bytes: &[u8]) -> String {
    match bytes.first() {
        None => "unexpected end of JSON input".to_owned(),
        Some(b'{') => "it does not say where the list goes on".to_owned(),
        Some(&byte) if byte.is_ascii_graphic() => {
            format!("invalid character '{}' looking for beginning of value", char::from(byte))
        }
        Some(byte) => format!("invalid character '\\x{byte:02x}' looking for beginning of value"),
    }
}

#[cfg(test)]
mod tests {
    use super::Continue;
    use proptest::prelude::{any, proptest};

    #[test]
    fn a_token_leads_back_to_its_place() {
        let place = Continue::behind("42", "default", "kubia");
        assert_eq!(Continue::from_token(&place.to_token()), Ok(place.clone()));
        assert_eq!(place.key(), ("default", "kubia"));
    }

    #[test]
    fn what_is_no_token_is_refused_in_kubernetes_words() {
        let refused = |token: &str| Continue::from_token(token).expect_err("no token").message;
        assert_eq!(
            refused("zzz"),
            "invalid continue token: continue key is not valid: invalid character '\\xcf' looking for beginning of value"
        );
        assert!(refused("!").contains("base64"));
        assert!(refused("e30").contains("where the list goes on"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_token_or_refused(text in any::<String>()) {
            let _ = Continue::from_token(&text);
        }
    }
}
