//! Command lines, right and wrong ones.

use super::{Cli, DryRunMode, Verb, normalise};
use clap::{CommandFactory, Parser};
use std::ffi::OsString;

fn words(arguments: &[&str]) -> Vec<OsString> {
    arguments.iter().map(OsString::from).collect()
}

fn parse(arguments: &[&str]) -> Cli {
    Cli::try_parse_from(normalise(words(arguments))).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_commands_hold_together() {
    Cli::command().debug_assert();
}

#[test]
fn without_a_verb_the_console_opens() {
    let cli = parse(&["skiff", "--node", "/run/a.sock", "-n", "web", "--theme", "light"]);
    assert!(cli.verb.is_none());
    assert_eq!((cli.common.node.as_deref(), cli.common.namespace.as_deref()), (Some("/run/a.sock"), Some("web")));
    assert_eq!(cli.theme.as_deref(), Some("light"));
}

#[test]
fn shared_flags_stand_before_or_behind_the_verb() {
    for arguments in [["skiff", "-n", "web", "get", "pods"], ["skiff", "get", "pods", "-n", "web"]] {
        let cli = parse(&arguments);
        assert_eq!(cli.common.namespace.as_deref(), Some("web"));
        assert!(matches!(cli.verb, Some(Verb::Get(_))));
    }
}

#[test]
fn switches_may_be_given_a_value() {
    let given = normalise(words(&[
        "skiff",
        "get",
        "--watch=true",
        "--no-headers=false",
        "-w=true",
        "--selector=a=true",
        "--",
        "--all=true",
    ]));
    assert_eq!(given, words(&["skiff", "get", "--watch", "-w", "--selector=a=true", "--", "--all=true"]));
}

#[test]
fn kubectls_flags_are_taken() {
    for line in [
        "get pods -o wide -w -A --show-labels -l app=web --field-selector status.phase=Running --sort-by .metadata.name",
        "get pod kubia -oyaml --ignore-not-found",
        "get pods,nodes -L app,tier --no-headers",
        "get -f a.yaml -R --watch-only",
        "apply -f a.yaml -f b -R --dry-run=server -o yaml",
        "create -f - --dry-run=client -o yaml",
        "create -f - --dry-run",
        "replace --force --grace-period=0 --timeout 10s -f a.yaml",
        "delete pods --all --wait=false --now --timeout=1m30s",
        "delete pod a --force --grace-period=-1",
        "delete pod a --grace-period 0 --force",
        "delete -f a.yaml --ignore-not-found=true",
        "wait --for=condition=Ready --for=jsonpath={.status.phase}=Running pod/a --timeout=-1s",
        "logs a -f --tail=20 --since=5m --timestamps -p -c main --limit-bytes=100 --prefix",
        "logs -l app=web --all-containers=true --max-log-requests=9 --tail -1 --since-time=2026-01-01T00:00:00Z",
        "events -A -w --for pod/a --types=Normal,Warning",
        "describe pod/a --show-events=false",
        "explain pod.spec --recursive",
        "image pull nginx:alpine --creds a:b",
        "image import a.tar x:1 --entrypoint /bin/sh --cmd -c --env A=b",
        "version --client -o json",
        "completion zsh",
        "api-resources -o wide",
    ] {
        let arguments: Vec<&str> = ["skiff"].into_iter().chain(line.split(' ')).collect();
        assert!(parse(&arguments).verb.is_some(), "{line}");
    }
}

#[test]
fn a_dry_run_is_the_clients_unless_it_says_otherwise() {
    let mode = |line: &[&str]| match parse(&[&["skiff", "create", "-f", "a"], line].concat()).verb {
        Some(Verb::Create(args)) => args.dry_run,
        _ => panic!("no create"),
    };
    assert_eq!(mode(&["--dry-run"]), DryRunMode::Client);
    assert_eq!(mode(&["--dry-run=client"]), DryRunMode::Client);
    assert_eq!(mode(&["--dry-run=server"]), DryRunMode::Server);
    assert_eq!(mode(&[]), DryRunMode::None);
    assert_eq!(DryRunMode::Server.suffix(), " (server dry run)");
}

#[test]
fn what_is_no_flag_is_refused() {
    for line in ["get pods --foo", "delete pod a --timeout=5", "nothing", "completion tcsh", "logs a --tail=x"] {
        let arguments: Vec<&str> = ["skiff"].into_iter().chain(line.split(' ')).collect();
        assert!(Cli::try_parse_from(normalise(words(&arguments))).is_err(), "{line}");
    }
}
