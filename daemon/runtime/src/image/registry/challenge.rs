//! Reads the `WWW-Authenticate` header of a registry (RFC 9110, section 11.6.1).

use std::collections::BTreeMap;

/// One challenge: a scheme with parameters whose names are in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) scheme: String,
    parameters: BTreeMap<String, String>,
}

impl Challenge {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// The challenges of one header. What cannot be read ends the list: with half a challenge nothing can be answered.
pub(crate) fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = header.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let word_end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        if word.is_empty() {
            break;
        }
        rest = after.trim_start();
        match rest.strip_prefix('=') {
            // `name=value` belongs to the scheme before it.
            Some(value) => {
                let Some((value, after)) = parse_value(value.trim_start()) else { break };
                let Some(challenge) = challenges.last_mut() else { break };
                challenge.parameters.insert(word.to_ascii_lowercase(), value);
                rest = after;
            }
            None => challenges.push(Challenge { scheme: word.to_owned(), parameters: BTreeMap::new() }),
        }
        rest = rest.trim_start_matches([' ', ',', '\t']);
    }
    challenges
}

/// A quoted string or a token, and what follows it.
fn parse_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !is_token(c)).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[index + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &[(&str, &[(&str, &str)])]) {
        let expected: Vec<Challenge> = expected
            .iter()
            .map(|(scheme, parameters)| Challenge {
                scheme: (*scheme).to_owned(),
                parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            })
            .collect();
        assert_eq!(parse(header), expected, "{header}");
    }

    #[test]
    fn bearer_and_basic_challenges_are_read() {
        check(
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/a:pull,push""#,
            &[(
                "Bearer",
                &[
                    ("realm", "https://auth.docker.io/token"),
                    ("service", "registry.docker.io"),
                    ("scope", "repository:library/a:pull,push"),
                ],
            )],
        );
        check(r#"Basic realm="a \"quoted\" realm""#, &[("Basic", &[("realm", "a \"quoted\" realm")])]);
        check(
            r#"Basic realm=plain, Bearer  Realm = "x" , error=invalid_token"#,
            &[("Basic", &[("realm", "plain")]), ("Bearer", &[("realm", "x"), ("error", "invalid_token")])],
        );
        check("Negotiate", &[("Negotiate", &[])]);
    }

    #[test]
    fn what_is_broken_ends_the_list() {
        check("", &[]);
        check(r#"="x""#, &[]);
        check(r#"realm="x""#, &[]);
        check(r#"Bearer realm="never ends"#, &[("Bearer", &[])]);
        check("Bearer realm=\u{e9}", &[("Bearer", &[("realm", "")])]);
    }
}
