//! What can go wrong with a verb, and how it is told: in kubectl's words.

use client::ClientError;
use objects::Status;
use std::fmt::Write as _;
use std::io;
use wire::Response;

/// Why a verb did not do all it was asked for.
#[derive(Debug)]
pub enum Failure {
    /// The daemon refused, or cannot be reached.
    Client {
        /// Why.
        error: ClientError,
        /// What was done with which file: `error when creating "kubia.yaml"`.
        context: Option<String>,
        /// Places in that file that the refusal is about: `kubia.yaml:7:3`.
        places: Vec<String>,
    },
    /// Something else, told after `error: `.
    Message(String),
    /// Something that is told as it is.
    Plain(String),
    /// The output cannot be written, or a file cannot be read.
    Io(io::Error),
    /// A program ended with this code, which becomes ours; told as it is.
    Ended {
        /// The code.
        code: u8,
        /// What is said of it.
        text: String,
    },
    /// Several, each told for itself.
    Many(Vec<Failure>),
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Client { error, context: None, places: Vec::new() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    /// A failure told after `error: `.
    pub fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }

    /// An answer that does not fit its request.
    pub fn unexpected(response: &Response) -> Self {
        let kind = match response {
            Response::List(_) => "a list",
            Response::Object { .. } => "an object",
            Response::Images { .. } => "images",
            Response::Stream => "a stream",
            Response::Credentials(_) => "credentials",
            Response::Members(_) => "members",
            Response::NodeRemoved { .. } => "a node's removal",
            Response::Probes(_) => "the probes of a pod",
            Response::Usage(_) => "what nodes use",
            Response::History(_) => "what changed",
            Response::Done => "nothing",
        };
        Self::Message(format!("the daemon answered with {kind}, which was not asked for"))
    }

    /// Tells with which file a refused request was: `error when deleting "kubia.yaml"`.
    pub fn about_file(self, doing: &str, origin: &str) -> Self {
        match self {
            Self::Client { error, places, .. } => {
                Self::Client { error, context: Some(format!("error when {doing} {origin:?}")), places }
            }
            other => other,
        }
    }

    /// All failures as one; none is success.
    pub fn all(mut failures: Vec<Self>) -> Result<(), Self> {
        match failures.len() {
            0 => Ok(()),
            1 => Err(failures.remove(0)),
            _ => Err(Self::Many(failures)),
        }
    }

    /// The refusal, where the daemon answered with one.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Client { error, .. } => error.status(),
            _ => None,
        }
    }

    /// Whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status().is_some_and(|status| status.reason == "NotFound")
    }

    /// Whether nobody reads the output any more.
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Io(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::Many(all) => all.iter().all(Self::is_broken_pipe),
            _ => false,
        }
    }

    /// Whether the connection is gone: trying the next object makes no sense.
    pub fn is_link_failure(&self) -> bool {
        matches!(self, Self::Client { error, .. } if error.is_link_failure())
    }

    /// The text for a person.
    pub fn to_text(&self) -> String {
        match self {
            Self::Client { error: ClientError::Refused(status), context, places } => refusal(status, context.as_deref(), places),
            Self::Client { error, context, .. } => {
                let context = context.as_ref().map(|context| format!("{context}: ")).unwrap_or_default();
                format!("error: {context}{}", chain(error))
            }
            Self::Message(text) => format!("error: {text}"),
            Self::Plain(text) | Self::Ended { text, .. } => text.clone(),
            Self::Io(error) => format!("error: {error}"),
            Self::Many(all) => all.iter().map(Self::to_text).collect::<Vec<_>>().join("\n"),
        }
    }
}

/// An error and what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let _ = write!(text, ": {inner}");
        source = inner.source();
    }
    text
}

/// A refusal, as kubectl tells it. An invalid object has one line for every fault.
fn refusal(status: &Status, context: Option<&str>, places: &[String]) -> String {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    if status.reason == "Invalid"
        && let Some(details) = status.details.as_ref().filter(|details| !details.causes.is_empty())
    {
        let place = |index: usize| places.get(index).filter(|place| !place.is_empty()).map(|place| format!(" ({place})"));
        let mut lines: Vec<String> = Vec::new();
        for (index, cause) in causes.iter().enumerate() {
            let line = format!("{}: {}{}", cause.field, cause.message, place(index).unwrap_or_default());
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let head = format!("The {} {:?} is invalid: ", details.kind, details.name);
        return match lines.as_slice() {
            [one] => format!("{head}{one}"),
            many => format!("{head}\n{}", many.iter().map(|line| format!("* {line}")).collect::<Vec<_>>().join("\n")),
        };
    }
    let context = context.map(|context| format!("{context}: ")).unwrap_or_default();
    let places: Vec<&str> = places.iter().map(String::as_str).filter(|place| !place.is_empty()).collect();
    let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
    format!("Error from server ({}): {context}{}{places}", status.reason, status.message)
}

#[cfg(test)]
mod tests {
    use super::Failure;
    use client::ClientError;
    use objects::{Cause, Kind, Status};

    fn refused(status: Status, context: Option<&str>, places: &[&str]) -> String {
        let context = context.map(str::to_owned);
        let places = places.iter().map(|&place| place.to_owned()).collect();
        Failure::Client { error: ClientError::Refused(status), context, places }.to_text()
    }

    fn cause(field: &str) -> Cause {
        Cause { reason: "FieldValueRequired".into(), message: "Required value".into(), field: field.into() }
    }

    #[test]
    fn refusals_are_told_as_kubectl_does() {
        let missing = Status::not_found(Kind::Pod, "x");
        assert_eq!(refused(missing, None, &[]), "Error from server (NotFound): pods \"x\" not found");
        let exists = Status::already_exists(Kind::Pod, "x");
        let expected = "Error from server (AlreadyExists): error when creating \"a.yaml\": pods \"x\" already exists";
        assert_eq!(refused(exists, Some("error when creating \"a.yaml\""), &[]), expected);
    }

    #[test]
    fn an_invalid_object_has_a_line_for_every_fault_with_its_place() {
        let one = Status::invalid(Kind::Pod, "x", vec![cause("spec.a")]);
        assert_eq!(
            refused(one, Some("ignored"), &["a.yaml:3:1"]),
            "The Pod \"x\" is invalid: spec.a: Required value (a.yaml:3:1)"
        );
        let two = Status::invalid(Kind::Pod, "x", vec![cause("spec.a"), cause("spec.b"), cause("spec.b")]);
        let expected = "The Pod \"x\" is invalid: \n* spec.a: Required value (a.yaml:3:1)\n* spec.b: Required value";
        assert_eq!(refused(two, None, &["a.yaml:3:1"]), expected);
    }

    #[test]
    fn a_place_stands_behind_any_other_refusal() {
        let strict = Status::bad_request("strict decoding error: unknown field \"spec.foo\"");
        let expected = "Error from server (BadRequest): strict decoding error: unknown field \"spec.foo\" (a.yaml:7:3)";
        assert_eq!(refused(strict, None, &["a.yaml:7:3"]), expected);
    }

    #[test]
    fn several_failures_are_told_one_a_line() {
        assert!(Failure::all(Vec::new()).is_ok());
        let failure = Failure::all(vec![Failure::message("a"), Failure::Plain("b".into())]).expect_err("two failures");
        assert_eq!(failure.to_text(), "error: a\nb");
    }
}
