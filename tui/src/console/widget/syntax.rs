//! Which piece of a line has which role: YAML, descriptions.

use crate::console::theme::role::Role;

/// Bytes `start..end` of a line and their role.
pub type Span = (usize, usize, Role);

/// For each line whether it is text of a block scalar (`|`, `>`), in which nothing is a key.
pub fn block_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<bool> {
    let mut block: Option<usize> = None;
    lines
        .map(|line| {
            let indent = line.len() - line.trim_start_matches(' ').len();
            let is_blank = line.trim().is_empty();
            match block {
                Some(parent) if is_blank || indent > parent => return true,
                _ => block = None,
            }
            let content = line.trim_end();
            let opens = [": |", ": >", ": |-", ": >-", ": |+", ": >+"].iter().any(|end| content.ends_with(end));
            if opens && !content.trim_start().starts_with('#') {
                // In `- key: |` the scalar belongs to the key, which stands after the dash.
                block = Some(indent);
            }
            false
        })
        .collect()
}

/// The spans of a line of YAML.
pub fn yaml(line: &str, in_block: bool, spans: &mut Vec<Span>) {
    spans.clear();
    if in_block {
        spans.push((0, line.len(), Role::YamlText));
        return;
    }
    let trimmed = line.trim_start();
    let mut at = line.len() - trimmed.len();
    if trimmed.starts_with('#') {
        spans.push((at, line.len(), Role::YamlComment));
        return;
    }
    if trimmed == "---" || trimmed == "..." {
        spans.push((at, line.len(), Role::YamlMark));
        return;
    }
    while line[at..].starts_with("- ") || &line[at..] == "-" {
        spans.push((at, at + 1, Role::YamlMark));
        at += 1;
        at += line[at..].len() - line[at..].trim_start().len();
    }
    if let Some(colon) = key_end(&line[at..]) {
        spans.push((at, at + colon, Role::YamlKey));
        spans.push((at + colon, at + colon + 1, Role::YamlMark));
        at += colon + 1;
    }
    let rest = &line[at..];
    at += rest.len() - rest.trim_start().len();
    let comment = comment_start(&line[at..]).map_or(line.len(), |start| at + start);
    let value = line[at..comment].trim_end();
    if !value.is_empty() {
        spans.push((at, at + value.len(), value_role(value)));
    }
    if comment < line.len() {
        spans.push((comment, line.len(), Role::YamlComment));
    }
}

/// Where the colon after a key is: followed by a space or the end, and not inside quotes.
fn key_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (None, '"' | '\'') if at == 0 => quote = Some(letter),
            (None, '{' | '[') if at == 0 => return None,
            (None, '#') if at > 0 && text.as_bytes()[at - 1] == b' ' => return None,
            (None, ':') if matches!(text.as_bytes().get(at + 1), None | Some(b' ')) => return Some(at),
            _ => {}
        }
    }
    None
}

fn comment_start(value: &str) -> Option<usize> {
    if value.starts_with('#') {
        return Some(0);
    }
    if value.starts_with(['"', '\'']) {
        let close = value[1..].find(&value[..1])? + 2;
        return value[close..].find(" #").map(|at| close + at + 1);
    }
    value.find(" #").map(|at| at + 1)
}

fn value_role(value: &str) -> Role {
    let digits = value.trim_start_matches('-');
    match value {
        "true" | "false" | "null" | "~" => Role::YamlWord,
        "|" | ">" | "|-" | ">-" | "|+" | ">+" | "{}" | "[]" => Role::YamlMark,
        _ if value.starts_with(['&', '*', '!']) => Role::YamlWord,
        _ if digits.starts_with(|letter: char| letter.is_ascii_digit()) && digits.parse::<f64>().is_ok() => Role::YamlNumber,
        _ => Role::YamlText,
    }
}

/// The spans of a line of a description: labels before a colon, and the word `Warning` of events.
pub fn description(line: &str, spans: &mut Vec<Span>) {
    spans.clear();
    let indent = line.len() - line.trim_start().len();
    if line.trim_start().starts_with("Warning ") {
        spans.push((indent, line.len(), Role::Warn));
        return;
    }
    let label = |end: usize| line[indent..end].len() <= 40 && !line[indent..end].contains("  ");
    if let Some(colon) = line[indent..].find(':').map(|at| indent + at)
        && matches!(line.as_bytes().get(colon + 1), None | Some(b' '))
        && label(colon)
    {
        spans.push((indent, colon + 1, Role::YamlKey));
        let value = line[colon + 1..].trim();
        let role = match value {
            "Running" | "True" | "Ready" => Role::Ok,
            "Waiting" | "Pending" | "ContainerCreating" => Role::Busy,
            "CrashLoopBackOff" | "Error" | "OOMKilled" | "ImagePullBackOff" | "ErrImagePull" | "Failed" => Role::Bad,
            "<none>" | "<unset>" => Role::Dim,
            _ => return,
        };
        let start = line.len() - line[colon + 1..].trim_start().len();
        spans.push((start, start + value.len(), role));
    }
}

#[cfg(test)]
mod tests {
    use super::{block_lines, description, yaml};
    use crate::console::theme::role::Role;

    fn pieces(line: &str) -> Vec<(&str, Role)> {
        let mut spans = Vec::new();
        yaml(line, false, &mut spans);
        spans.into_iter().map(|(start, end, role)| (&line[start..end], role)).collect()
    }

    #[test]
    fn a_line_of_yaml_is_cut_into_its_roles() {
        use Role::{YamlComment as C, YamlKey as K, YamlMark as M, YamlNumber as N, YamlText as T, YamlWord as W};
        assert_eq!(pieces("  - name: kubia # x"), [("-", M), ("name", K), (":", M), ("kubia", T), ("# x", C)]);
        assert_eq!(pieces("port: 8080"), [("port", K), (":", M), ("8080", N)]);
        assert_eq!(pieces("a: true"), [("a", K), (":", M), ("true", W)]);
        assert_eq!(pieces("image: a:5000/b"), [("image", K), (":", M), ("a:5000/b", T)]);
        assert_eq!(pieces("\"x: y\": 'a # b'"), [("\"x: y\"", K), (":", M), ("'a # b'", T)]);
        assert_eq!(pieces("# k: v"), [("# k: v", C)]);
        assert_eq!(pieces("- - 1"), [("-", M), ("-", M), ("1", N)]);
        assert_eq!(pieces("é: ü # ö"), [("é", K), (":", M), ("ü", T), ("# ö", C)]);
        assert_eq!(pieces("x: \"unfinished"), [("x", K), (":", M), ("\"unfinished", T)]);
    }

    #[test]
    fn nothing_in_a_block_is_a_key() {
        let lines = ["args: |", "  a: b", "", "  c", "next: 1", "- k: >-", "    text: x", "  l: m"];
        assert_eq!(block_lines(lines.into_iter()), [false, true, true, true, false, false, true, true]);
    }

    #[test]
    fn a_description_shows_its_labels() {
        let mut spans = Vec::new();
        description("    State:          Running", &mut spans);
        assert_eq!(spans, [(4, 10, Role::YamlKey), (20, 27, Role::Ok)]);
        description("  Warning  BackOff  3s  kubelet  Back-off: x", &mut spans);
        assert_eq!(spans, [(2, 44, Role::Warn)]);
    }
}
