//! An error with its causes in one line, for logs and messages.

/// The error's text and its causes', joined by colons as Kubernetes' messages are.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
