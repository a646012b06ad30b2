//! `$(VAR)` in command, args and env values, as Kubernetes expands it (`third_party/forked/golang/expansion`).

/// Replaces each `$(NAME)` by what `lookup` knows. An unknown name stays as it is written, `$$` is a dollar sign.
pub fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match lookup(name) {
                Some(value) => out.push_str(&value),
                None => {
                    out.push_str("$(");
                    out.push_str(name);
                    out.push(')');
                }
            }
            rest = tail;
        } else {
            // A lone dollar, or a bracket that is never closed: it stands for itself.
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::expand;

    fn check(text: &str, expected: &str) {
        let lookup = |name: &str| match name {
            "A" => Some("one".to_owned()),
            "EMPTY" => Some(String::new()),
            "DOLLARS" => Some("$(A)".to_owned()),
            _ => None,
        };
        assert_eq!(expand(text, &lookup), expected, "{text}");
    }

    #[test]
    fn known_names_are_replaced_and_unknown_ones_stay() {
        check("$(A)", "one");
        check("a$(A)b$(A)", "aonebone");
        check("$(EMPTY)!", "!");
        check("$(NOPE)", "$(NOPE)");
        check("$(NOPE)$(A)", "$(NOPE)one");
    }

    #[test]
    fn two_dollars_are_one_and_stop_the_expansion() {
        check("$$(A)", "$(A)");
        check("$$$(A)", "$one");
        check("$$$$(A)", "$$(A)");
        check("$$", "$");
    }

    #[test]
    fn what_is_no_reference_stands_for_itself() {
        check("$", "$");
        check("$A", "$A");
        check("$(A", "$(A");
        check("a$", "a$");
        check("$()", "$()");
        check("é$(A)é", "éoneé");
    }

    #[test]
    fn a_value_is_not_expanded_again() {
        check("$(DOLLARS)", "$(A)");
    }
}
