//! What a captive console and its verbs do not do (`--captive`): touch the machine, or leave the daemon that they were given.

use super::{Cli, Verb};

/// Why somebody without an account on the machine is not given that; `own_node` is `SKIFF_NODE`, which whoever let him in has set.
pub fn refusal(cli: &Cli, own_node: Option<&str>) -> Option<String> {
    let on_machine = |what: &str| Some(format!("{what} needs an account on this machine, and this key has none"));
    if own_node.is_some() && cli.common.node.as_deref() != own_node {
        return Some("--node: this key is for this daemon alone".to_owned());
    }
    if cli.theme.as_deref().is_some_and(|name| name.contains(['/', '.'])) {
        return on_machine("a theme of a file");
    }
    if cli.record.is_some() {
        return on_machine("--record");
    }
    match &cli.verb {
        Some(Verb::Replay(_)) => on_machine("replay"),
        Some(Verb::Edit(_)) => {
            on_machine("edit runs an editor, which").map(|why| format!("{why}; the console has an editor (key e)"))
        }
        Some(Verb::Cp(_)) => on_machine("cp").map(|why| format!("{why}; a file comes with exec POD -- cat FILE")),
        Some(Verb::PortForward(_)) => on_machine("port-forward"),
        Some(Verb::Keys(_)) => on_machine("keys"),
        Some(Verb::Config(_)) => on_machine("config"),
        Some(Verb::Demo(_)) => on_machine("demo"),
        Some(Verb::Image(args)) if args.names_files() => on_machine("an image of a file"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;
    use crate::args::Cli;
    use clap::Parser;

    fn refused(words: &str) -> Option<String> {
        let words = ["skiff", "--captive", "--node", "/own.sock"].into_iter().chain(words.split_whitespace());
        refusal(&Cli::parse_from(words), Some("/own.sock"))
    }

    #[test]
    fn nothing_that_touches_the_machine_is_done() {
        for words in [
            "edit pod a",
            "cp a:/b c",
            "port-forward a 80",
            "keys check",
            "config",
            "demo check a",
            "image load a.tar",
            "--theme /etc/shadow",
            "--theme mine.toml get pods",
            "get pods --node /other.sock",
        ] {
            assert!(refused(words).is_some(), "{words}");
        }
        for words in
            ["", "get pods", "--plain", "logs a", "apply -f -", "exec a -- cat /b", "delete pod a", "image ls", "dial-stdio"]
        {
            assert!(refused(words).is_none(), "{words}");
        }
    }

    #[test]
    fn whoever_lets_in_without_the_variable_names_the_daemon_by_the_flag() {
        assert_eq!(refusal(&Cli::parse_from(["skiff", "--captive", "--node", "/own.sock"]), None), None);
    }
}
