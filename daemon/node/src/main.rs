//! The program skiffd: reads its settings and runs, resets, or tells its version.

use anyhow::Context;
use clap::{Parser, Subcommand};
use node::config::{Config, Settings};
use rest::rights::Role;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Runs Kubernetes pods on this machine, and answers the console and the command line `skiff`.
#[derive(Debug, Parser)]
#[command(name = "skiffd", version, about, args_conflicts_with_subcommands = false)]
struct Cli {
    /// The file with the same settings [default: /etc/skiff/skiffd.toml, where there is one]
    #[arg(long, env = "SKIFFD_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon (what happens without a word, too)
    Run,
    /// Stop every pod and remove every trace of the daemon from this machine
    Reset {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Make a cluster of this machine, without starting the daemon
    Init,
    /// Print a token that lets another machine join the cluster
    Token {
        /// How long it lets in: 24h, 30m
        #[arg(long, value_name = "TIME", default_value = "24h")]
        ttl: String,
    },
    /// Make a certificate for a console on another machine
    ClientCert {
        /// Whose it is
        #[arg(value_name = "NAME")]
        console: String,
        /// What it allows: admin (all that root can with skiff), operator (no letting in, no removing of nodes), viewer (looking)
        #[arg(long, value_name = "ROLE", default_value = "admin", value_parser = role)]
        role: Role,
        /// How long it counts: 90d, 24h
        #[arg(long, value_name = "TIME", default_value = "90d")]
        ttl: String,
        /// Where to write it, readable by the owner alone [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print the fingerprint of the key that --ssh-listen shows, and its line for known_hosts
    SshHostKey,
    /// What the daemon runs for a session of --ssh-listen
    #[command(hide = true)]
    SshSession(node::ssh::launch::LaunchArgs),
    /// Print the version
    Version,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::SshSession(arguments)) = cli.command {
        let Err(error) = node::ssh::launch::run(arguments);
        // Its client reads this.
        let _ = writeln!(std::io::stderr(), "error: {error:#}\r");
        return ExitCode::FAILURE;
    }
    start_logging();
    match perform(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody reads it there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        None | Some(Command::Run) => run(complete(cli.config.as_deref(), cli.settings)?),
        Some(Command::Reset { yes }) => reset(&complete(cli.config.as_deref(), cli.settings)?, yes),
        Some(Command::Init) => init(&complete(cli.config.as_deref(), cli.settings)?),
        Some(Command::Token { ttl }) => {
            let config = complete(cli.config.as_deref(), cli.settings)?;
            say(&node::cluster::admission::token(&config, node::config::duration("--ttl", &ttl)?)?);
            Ok(())
        }
        Some(Command::ClientCert { console, role, ttl, output }) => {
            let config = complete(cli.config.as_deref(), cli.settings)?;
            let ttl = node::config::duration("--ttl", &ttl)?;
            let pem = node::cluster::admission::client_certificate(&config, &console, role, ttl)?;
            match output {
                Some(path) => node::cluster::admission::write_secret(&path, &pem)
                    .with_context(|| format!("cannot write {}", path.display())),
                None => {
                    say(pem.trim_end());
                    Ok(())
                }
            }
        }
        Some(Command::SshHostKey) => {
            let config = complete(cli.config.as_deref(), cli.settings)?;
            let port = config.ssh_listen.map_or(22, |address| address.port());
            say(&node::ssh::host_key::describe(&config.data_dir, &config.name, port)?);
            Ok(())
        }
        Some(Command::SshSession(_)) => anyhow::bail!("ssh-session is the daemon's own"),
        Some(Command::Version) => {
            say(&format!("skiffd {}", env!("CARGO_PKG_VERSION")));
            Ok(())
        }
    }
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| format!("use {}", Role::ALL.map(Role::as_str).join(", ")))
}

fn complete(file: Option<&Path>, flags: Settings) -> anyhow::Result<Config> {
    let settings = flags.or(Settings::read(file)?);
    let path = "/proc/sys/kernel/hostname";
    let host_name = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    Ok(settings.complete(&host_name)?)
}

fn init(config: &Config) -> anyhow::Result<()> {
    let cluster = node::cluster::admission::init(config)?;
    say(&format!("made the cluster {cluster} with this machine as its node {}", config.name));
    say("start it: systemctl start skiffd, or skiffd; let others in: skiffd token");
    Ok(())
}

fn run(config: Config) -> anyhow::Result<()> {
    // The main thread starts no thread before this: the run time's threads are all there are.
    let run_time = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("skiffd")
        .max_blocking_threads(64)
        .build()
        .context("cannot start the run time")?;
    run_time.block_on(node::daemon::run(config))?;
    Ok(())
}

fn reset(config: &Config, is_sure: bool) -> anyhow::Result<()> {
    if !is_sure {
        let (data, run) = (config.data_dir.display(), config.run_dir.display());
        say(&format!("This stops every pod of this machine and removes {data}, {run} and the bridge {}.", config.bridge));
        print_prompt("Go on? [y/N] ")?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            anyhow::bail!("nothing was removed");
        }
    }
    Ok(node::reset::reset(config)?)
}

/// To standard error: coloured on a terminal; without times for the journal, which has its own.
fn start_logging() {
    let filter = EnvFilter::try_from_env("SKIFFD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let format = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        format.with_ansi(false).without_time().init();
    } else {
        format.with_ansi(std::io::stderr().is_terminal()).init();
    }
}

fn say(text: &str) {
    // Nobody is left to be told that nobody listens.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn print_prompt(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot ask")
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command};
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_sound_and_a_consoles_name_is_not_the_nodes() {
        Cli::command().debug_assert();
        let cli = Cli::parse_from(["skiffd", "client-cert", "ada", "--name", "oak", "-o", "cert.pem"]);
        assert_eq!(cli.settings.name.as_deref(), Some("oak"));
        assert!(matches!(cli.command, Some(Command::ClientCert { console, .. }) if console == "ada"));
    }
}
