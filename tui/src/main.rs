//! The binary skiff: without a verb it opens the console, with one it does that and ends.

mod args;
mod console;
mod copying;
mod editor;
mod endpoint;
mod forward;
mod merge;
mod restart;
mod settings;
mod templates;
mod verbs;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut cli = match args::Cli::try_parse_from(args::normalise(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => return verbs::usage_fault(&error),
    };
    if cli.common.captive
        && let Some(why) = args::captive::refusal(&cli, std::env::var("SKIFF_NODE").ok().as_deref())
    {
        return verbs::fault(&format!("error: {why}"));
    }
    let settings = match settings::Settings::load() {
        Ok(settings) => settings,
        // Whoever repairs the file must be able to ask how it is written.
        Err(_) if matches!(cli.verb, Some(args::Verb::Config(_))) => settings::Settings::default(),
        Err(error) => return verbs::fault(&format!("error: {:#}", anyhow::Error::from(error))),
    };
    settings.fill(&mut cli.common);
    match cli.verb {
        Some(verb) => verbs::main(&cli.common, verb),
        None => open_console(&cli, &settings),
    }
}

/// Why a captive console does not open: what an SSH client asked to be run in its place. It is not looked into, let alone run.
fn refused_command(is_captive: bool, asked: Option<&std::ffi::OsStr>) -> Option<&'static str> {
    let is_asked = asked.is_some_and(|command| !command.is_empty());
    (is_captive && is_asked)
        .then_some("error: this key opens the console and runs nothing else; connect with ssh -t and no command")
}

fn open_console(cli: &args::Cli, settings: &settings::Settings) -> ExitCode {
    if let Some(why) = refused_command(cli.common.captive, std::env::var_os("SSH_ORIGINAL_COMMAND").as_deref()) {
        return verbs::fault(why);
    }
    if cli.plain && cli.record.is_some() {
        return verbs::fault("error: --record: a console that prints lines is not recorded; keep its output instead");
    }
    let address = match endpoint::address(&cli.common) {
        Ok(address) => address,
        Err(error) => return verbs::fault(&format!("error: --node: {error}")),
    };
    let options = console::Options {
        address,
        namespace: cli.common.namespace.clone(),
        theme: cli.theme.clone().or_else(|| settings.theme.clone()).filter(|name| !matches!(name.as_str(), "" | "auto")),
        is_plain: cli.plain || settings.plain,
        glyphs: cli.glyphs.unwrap_or(settings.glyphs),
        has_mouse: settings.mouse.unwrap_or(true),
        rights: console::Rights::new(cli.readonly || settings.readonly, cli.common.captive),
        record: cli.record.clone(),
        command: cli.command.clone(),
    };
    match console::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => verbs::fault(&format!("error: {error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::refused_command;
    use std::ffi::OsStr;

    #[test]
    fn a_captive_console_opens_in_the_place_of_no_command() {
        assert!(refused_command(true, None).is_none() && refused_command(true, Some(OsStr::new(""))).is_none());
        for command in ["skiff dial-stdio", "sh", "; sh", "skiff delete pods --all"] {
            assert!(refused_command(true, Some(OsStr::new(command))).is_some(), "{command}");
            assert!(refused_command(false, Some(OsStr::new(command))).is_none());
        }
    }
}
