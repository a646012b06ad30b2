//! Which namespaces a list shows: all, one, or several.

use std::fmt;

/// The namespaces that are looked at, in the order they were named; none named is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Namespaces(Vec<String>);

impl Namespaces {
    /// One namespace.
    pub fn one(name: impl Into<String>) -> Self {
        Self(vec![name.into()])
    }

    /// What is typed: `team-1`, `team-1,team-2`, also with blanks between them; `all` and nothing are all. Of names that come twice one is
    /// kept.
    pub fn parse(text: &str) -> Self {
        let mut names: Vec<String> = Vec::new();
        for name in text.split([',', ' ']).filter(|name| !name.is_empty()) {
            if name == "all" {
                return Self::default();
            }
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Self(names)
    }

    /// Those of a list of names.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Whether all are looked at.
    pub const fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// The namespace where it is one alone.
    pub fn only(&self) -> Option<&str> {
        match self.0.as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }

    /// Whether a namespace is looked at.
    pub fn holds(&self, namespace: &str) -> bool {
        self.is_all() || self.0.iter().any(|name| name == namespace)
    }

    /// Where a manifest goes that names none: the one that is looked at, or the first of several.
    pub fn home(&self) -> &str {
        self.0.first().map_or("default", String::as_str)
    }
}

impl fmt::Display for Namespaces {
    /// As [`Namespaces::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() { f.write_str("all") } else { f.write_str(&self.0.join(",")) }
    }
}

#[cfg(test)]
mod tests {
    use super::Namespaces;

    #[test]
    fn one_several_and_all_are_read_as_they_are_written() {
        let cases = [("", "all"), ("all", "all"), ("a,all", "all"), ("team-1", "team-1"), ("b, a,,b", "b,a")];
        for (text, expected) in cases {
            let read = Namespaces::parse(text);
            assert_eq!(read.to_string(), expected, "{text:?}");
            assert_eq!(Namespaces::parse(expected), read);
        }
        let two = Namespaces::parse("a,b");
        assert_eq!((two.holds("a"), two.holds("c"), two.only(), two.home()), (true, false, None, "a"));
        assert_eq!((Namespaces::one("a").only(), Namespaces::default().home()), (Some("a"), "default"));
        assert!(Namespaces::default().holds("kube-system"));
    }
}
