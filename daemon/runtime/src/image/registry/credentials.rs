//! What we prove to a registry who we are with.

use std::fmt;

use reqwest::header::HeaderValue;

/// A registry account. Printing it shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password, for basic authentication or for the registry's token server.
    Basic {
        /// The account.
        username: String,
        /// Its password or access token.
        password: String,
    },
    /// A bearer token that the registry itself takes.
    Token(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Basic { username, .. } => f.debug_struct("Basic").field("username", username).finish_non_exhaustive(),
            Credentials::Token(_) => f.write_str("Token(..)"),
        }
    }
}

impl Credentials {
    /// The header's value for basic authentication; none if these are no password or it cannot stand in a header.
    pub(crate) fn basic(&self) -> Option<HeaderValue> {
        match self {
            Credentials::Basic { username, password } => {
                secret(&format!("Basic {}", base64(format!("{username}:{password}").as_bytes())))
            }
            Credentials::Token(_) => None,
        }
    }
}

/// The header's value for a token.
pub(crate) fn bearer(token: &str) -> Option<HeaderValue> {
    secret(&format!("Bearer {token}"))
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let number = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_as_the_standard_says() {
        let texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let expected = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(texts.map(|text| base64(text.as_bytes())), expected);
    }

    #[test]
    fn printing_credentials_shows_no_secret() {
        let basic = Credentials::Basic { username: "me".into(), password: "hunter2".into() };
        assert_eq!(format!("{basic:?} {:?}", Credentials::Token("hunter2".into())), "Basic { username: \"me\", .. } Token(..)");
        assert_eq!(basic.basic().unwrap(), "Basic bWU6aHVudGVyMg==");
        assert!(Credentials::Basic { username: "a".into(), password: "b".into() }.basic().unwrap().is_sensitive());
    }
}
