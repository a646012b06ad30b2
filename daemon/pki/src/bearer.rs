//! Bearer tokens: a text that lets a client of the API in for a while, where a certificate is unhandy.
//!
//! It has the form of a JSON web token (RFC 7519, HS256), so that other programs can read who it is for and until when. Any node checks
//! it, and none keeps a list: its key comes of the cluster's own. So it ends by its time, and with every other one when a node is
//! removed, since that node could have made it.

use crate::bundle::Bundle;
use crate::generation::Generation;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};

/// No token is longer.
const MAX_BYTES: usize = 4096;

/// Who a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The name.
    pub name: String,
    /// The groups, which say what they may do.
    pub groups: Vec<String>,
    /// Its last moment, milliseconds since the epoch.
    pub expires_ms: u64,
}

/// Why a token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// Nobody of this cluster made it, or not as it is now.
    #[error("the token is none of this cluster")]
    Forged,
    /// The keys have changed since.
    #[error("the token is of older keys of the cluster")]
    OldGeneration,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    groups: Vec<String>,
    iat: u64,
    exp: u64,
}

impl Bearer {
    /// The token's text, which lets in whoever has it.
    #[must_use]
    pub fn reveal(&self, bundle: &Bundle, now_ms: u64) -> String {
        let by = bundle.newest();
        let header = Header { alg: "HS256".to_owned(), typ: "JWT".to_owned(), kid: by.id().to_string() };
        let claims = Claims {
            iss: issuer(bundle),
            sub: self.name.clone(),
            groups: self.groups.clone(),
            iat: now_ms / 1000,
            exp: self.expires_ms / 1000,
        };
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mac = hmac::sign(&by.bearer_key(), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// Reads a token and decides whether it counts now.
    ///
    /// # Errors
    /// See [`BearerError`].
    pub fn check(text: &str, bundle: &Bundle, now_ms: u64) -> Result<Self, BearerError> {
        if text.len() > MAX_BYTES {
            return Err(BearerError::Forged);
        }
        let (signed, mac) = text.rsplit_once('.').ok_or(BearerError::Forged)?;
        let (header, claims) = signed.split_once('.').ok_or(BearerError::Forged)?;
        let header: Header = decode(header)?;
        if header.alg != "HS256" {
            return Err(BearerError::Forged);
        }
        let is_named = |generation: &&Generation| generation.id().to_string() == header.kid;
        let Some(by) = bundle.trusted(now_ms).find(is_named) else {
            let is_known = bundle.generations().iter().any(|generation| is_named(&generation));
            return Err(if is_known { BearerError::OldGeneration } else { BearerError::Forged });
        };
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| BearerError::Forged)?;
        hmac::verify(&by.bearer_key(), signed.as_bytes(), &mac).map_err(|_| BearerError::Forged)?;
        // A node that was removed since has this key, too.
        if bundle.later(by).any(|generation| generation.only.is_some()) {
            return Err(BearerError::OldGeneration);
        }
        let claims: Claims = decode(claims)?;
        if claims.iss != issuer(bundle) {
            return Err(BearerError::Forged);
        }
        if claims.exp <= now_ms / 1000 {
            return Err(BearerError::Expired);
        }
        Ok(Self { name: claims.sub, groups: claims.groups, expires_ms: claims.exp.saturating_mul(1000) })
    }
}

fn issuer(bundle: &Bundle) -> String {
    format!("skiff:{}", bundle.cluster())
}

fn encode(part: &impl Serialize) -> String {
    // Strings and numbers always serialise.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).unwrap_or_default())
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, BearerError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| BearerError::Forged)?;
    serde_json::from_slice(&bytes).map_err(|_| BearerError::Forged)
}

#[cfg(test)]
mod tests {
    use super::{Bearer, BearerError};
    use crate::{Bundle, Lifetimes, NodeKey, NodeName};
    use proptest::prelude::{any, proptest};

    const NOW: u64 = 1_800_000_000_000;

    fn bundle() -> Bundle {
        Bundle::make(NOW, &Lifetimes::default()).expect("a bundle")
    }

    fn ada() -> Bearer {
        Bearer { name: "ada".to_owned(), groups: vec!["skiff:viewer".to_owned()], expires_ms: NOW + 60_000 }
    }

    #[test]
    fn a_token_says_who_it_is_for_until_its_time_is_over() {
        let bundle = bundle();
        let text = ada().reveal(&bundle, NOW);
        assert_eq!(Bearer::check(&text, &bundle, NOW), Ok(ada()));
        assert_eq!(Bearer::check(&text, &bundle, NOW + 60_000), Err(BearerError::Expired));
        assert_eq!(Bearer::check(&text, &self::bundle(), NOW), Err(BearerError::Forged));
    }

    #[test]
    fn a_changed_token_counts_nothing() {
        let bundle = bundle();
        let text = ada().reveal(&bundle, NOW);
        let (header, rest) = text.split_once('.').expect("two dots");
        let (claims, mac) = rest.split_once('.').expect("a dot");
        let greater = Bearer { groups: vec!["skiff:admin".to_owned()], ..ada() }.reveal(&bundle, NOW);
        let greater = greater.split('.').nth(1).expect("claims");
        for forged in [format!("{header}.{greater}.{mac}"), format!("{header}.{claims}."), claims.to_owned(), "a".repeat(5000)] {
            assert_eq!(Bearer::check(&forged, &bundle, NOW), Err(BearerError::Forged), "{forged}");
        }
    }

    #[test]
    fn a_rotation_lets_tokens_go_on_and_a_removal_ends_them() {
        let mut bundle = bundle();
        let text = ada().reveal(&bundle, NOW);
        bundle.rotate(NOW, &Lifetimes::default()).expect("rotated");
        assert!(Bearer::check(&text, &bundle, NOW).is_ok());
        let (gone, name) = (NodeKey::generate().expect("a key").identity(), NodeName::parse("gone").expect("a name"));
        bundle.remove(&[gone], &name, NOW, &Lifetimes::default()).expect("removed");
        assert_eq!(Bearer::check(&text, &bundle, NOW), Err(BearerError::OldGeneration));
        assert!(Bearer::check(&ada().reveal(&bundle, NOW), &bundle, NOW).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_a_token_or_refused(text in any::<String>()) {
            let bundle = bundle();
            let _ = Bearer::check(&text, &bundle, NOW);
            let _ = Bearer::check(&format!("{text}.{text}.{text}"), &bundle, NOW);
        }
    }
}
