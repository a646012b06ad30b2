//! What objects a command line names: `pods`, `pod kubia`, `pod/kubia node/oak`, `pods,nodes`.

use super::failure::Failure;
use objects::Kind;

/// What `all` means, in kubectl's order.
const ALL: [Kind; 4] = [Kind::Pod, Kind::Service, Kind::Deployment, Kind::ReplicaSet];

/// The objects that arguments name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targets {
    /// Everything of these kinds that the selectors leave.
    Kinds(Vec<Kind>),
    /// Single objects.
    Named(Vec<(Kind, String)>),
}

/// The kind a user means.
pub fn kind(word: &str) -> Result<Kind, Failure> {
    Kind::from_user(word).ok_or_else(|| Failure::message(format!("the server doesn't have a resource type {word:?}")))
}

fn kinds(words: &str) -> Result<Vec<Kind>, Failure> {
    let mut kinds = Vec::new();
    for word in words.split(',') {
        // The category of everything that runs.
        let named = if word == "all" { ALL.to_vec() } else { vec![kind(word)?] };
        for kind in named {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    Ok(kinds)
}

impl Targets {
    /// Reads arguments.
    pub fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let Some((first, names)) = arguments.split_first() else { return Ok(Self::Kinds(Vec::new())) };
        if arguments.iter().any(|argument| argument.contains('/')) {
            return arguments.iter().map(|argument| pair(argument, arguments.len())).collect::<Result<_, _>>().map(Self::Named);
        }
        let kinds = kinds(first)?;
        if names.is_empty() {
            return Ok(Self::Kinds(kinds));
        }
        let named = kinds.iter().flat_map(|kind| names.iter().map(|name| (*kind, name.clone()))).collect();
        Ok(Self::Named(named))
    }

    /// Whether anything is named at all.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Kinds(kinds) => kinds.is_empty(),
            Self::Named(named) => named.is_empty(),
        }
    }
}

/// `pod/kubia`.
fn pair(argument: &str, count: usize) -> Result<(Kind, String), Failure> {
    let parts: Vec<&str> = argument.split('/').collect();
    match parts.as_slice() {
        [word, name] if !word.is_empty() && !name.is_empty() => Ok((kind(word)?, (*name).to_owned())),
        [_] if count > 1 => Err(Failure::message(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form \
             (e.g. 'skiff get resource/<resource_name>' instead of 'skiff get resource resource/<resource_name>'",
        )),
        [_, _] => Err(Failure::message(format!(
            "arguments in resource/name form must have a single resource and name, not {argument:?}"
        ))),
        _ => Err(Failure::message(format!("arguments in resource/name form may not have more than one slash: {argument:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::Targets;
    use objects::Kind;

    fn parse(arguments: &[&str]) -> Result<Targets, String> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Targets::parse(&arguments).map_err(|failure| failure.to_text())
    }

    #[test]
    fn objects_are_named_in_kubectls_ways() {
        let named = |list: &[(Kind, &str)]| Ok(Targets::Named(list.iter().map(|(kind, name)| (*kind, (*name).into())).collect()));
        assert_eq!(parse(&[]), Ok(Targets::Kinds(vec![])));
        assert_eq!(parse(&["po"]), Ok(Targets::Kinds(vec![Kind::Pod])));
        assert_eq!(parse(&["pods,no,pod"]), Ok(Targets::Kinds(vec![Kind::Pod, Kind::Node])));
        assert_eq!(parse(&["all"]), Ok(Targets::Kinds(super::ALL.to_vec())));
        assert_eq!(parse(&["pod", "a", "b"]), named(&[(Kind::Pod, "a"), (Kind::Pod, "b")]));
        assert_eq!(parse(&["pod/a", "node/b"]), named(&[(Kind::Pod, "a"), (Kind::Node, "b")]));
        assert_eq!(parse(&["pod,node", "a"]), named(&[(Kind::Pod, "a"), (Kind::Node, "a")]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert_eq!(parse(&["bars"]), Err("error: the server doesn't have a resource type \"bars\"".into()));
        assert!(parse(&["pod", "pod/a"]).expect_err("refused").contains("there is no need to specify a resource type"));
        assert!(parse(&["pod/a/b"]).is_err());
        assert!(parse(&["pod/"]).is_err());
        assert!(parse(&["/a"]).is_err());
    }
}
