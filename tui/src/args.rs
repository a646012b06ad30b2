//! The command line: kubectl's verbs and flags, and what all of them share.

pub mod captive;
mod duration;

use crate::settings::GlyphChoice;
use crate::verbs::{
    annotate::AnnotateArgs, api_resources::ApiResourcesArgs, apply::ApplyArgs, attach::AttachArgs, completion::CompletionArgs,
    config, cordon::CordonArgs, cp::CpArgs, create::CreateArgs, debug::DebugArgs, delete::DeleteArgs, demo,
    describe::DescribeArgs, diff, drain::DrainArgs, edit::EditArgs, events::EventsArgs, exec::ExecArgs, explain::ExplainArgs,
    get::GetArgs, image::ImageArgs, keys, kubeconfig::KubeconfigArgs, label::LabelArgs, logs::LogsArgs, node::NodeArgs,
    patch::PatchArgs, port_forward::PortForwardArgs, probes::ProbesArgs, proxy, replace::ReplaceArgs, replay,
    rollout::RolloutArgs, run::RunArgs, scale::ScaleArgs, set::SetArgs, taint::TaintArgs, top::TopArgs, version::VersionArgs,
    wait::WaitArgs,
};
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;

pub use duration::GoDuration;

/// Kubernetes' pods and manifests on this machine, without a control plane.
///
/// Without a verb the console opens.
#[derive(Debug, Parser)]
#[command(name = "skiff", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What every verb takes.
    #[command(flatten)]
    pub common: Common,
    /// The console's theme: a name, the path of a theme file, or auto.
    #[arg(long, env = "SKIFF_THEME", value_name = "NAME|FILE")]
    pub theme: Option<String>,
    /// The signs that the console draws with.
    #[arg(long, value_enum, value_name = "SET")]
    pub glyphs: Option<GlyphChoice>,
    /// A console that changes nothing in the cluster.
    #[arg(long)]
    pub readonly: bool,
    /// A console that prints lines instead of drawing, for screen readers; it takes commands and keys as lines.
    #[arg(long)]
    pub plain: bool,
    /// Record the session into a new file, for a bug report: what the daemon sent, and the keys; skiff replay plays it.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// A console command to begin with, such as nodes.
    #[arg(long)]
    pub command: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// Flags of every verb.
#[derive(Debug, Clone, Default, Args)]
pub struct Common {
    /// The daemon's address: unix:///path/to/skiffd.sock, a path, wss://HOST:PORT, or ssh://[USER@]HOST[:PORT] [default: unix:///run/skiff/skiffd.sock].
    #[arg(long, global = true, env = "SKIFF_NODE", value_name = "ADDR")]
    pub node: Option<String>,
    /// The certificate for wss:// addresses, of skiffd client-cert [default: skiff/cert.pem in the configuration folder].
    #[arg(long, global = true, env = "SKIFF_CERT", value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// The namespace to work in.
    #[arg(short = 'n', long, global = true, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// For somebody without an account here: no files, no programs, nothing but the cluster.
    #[arg(long)]
    pub captive: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create what manifests describe, or change it to be as they say.
    Apply(ApplyArgs),
    /// Create what manifests describe.
    Create(CreateArgs),
    /// Replace objects with what manifests describe.
    Replace(ReplaceArgs),
    /// Show what apply would change; the exit code is 1 where it would change something.
    Diff(diff::DiffArgs),
    /// Change a part of objects.
    Patch(PatchArgs),
    /// Change objects in your editor.
    Edit(EditArgs),
    /// Show objects.
    #[command(visible_alias = "list")]
    Get(GetArgs),
    /// Show objects in detail, with their events.
    Describe(DescribeArgs),
    /// Delete objects, and wait until they are gone.
    Delete(DeleteArgs),
    /// Wait for a condition of objects.
    Wait(WaitArgs),
    /// Print a container's log.
    #[command(visible_alias = "log")]
    Logs(LogsArgs),
    /// Run a program in a container.
    Exec(ExecArgs),
    /// Hear a container that runs, and write to it.
    Attach(AttachArgs),
    /// Make a pod of one container, and maybe attach to it.
    Run(RunArgs),
    /// Look into a pod with tools that its image has not, or at a node.
    Debug(DebugArgs),
    /// Copy files and folders to and from a container.
    Cp(CpArgs),
    /// Listen on local ports and pass connections on to a pod.
    PortForward(PortForwardArgs),
    /// Serve the Kubernetes API as plain HTTP on this machine, with your rights.
    Proxy(proxy::ProxyArgs),
    /// Show what a pod's probes came to lately, oldest first.
    Probes(ProbesArgs),
    /// Show how much nodes and pods use.
    Top(TopArgs),
    /// Show events, oldest first.
    Events(EventsArgs),
    /// Explain a kind or a field of it.
    Explain(ExplainArgs),
    /// Work with the node's images.
    #[command(visible_alias = "images")]
    Image(ImageArgs),
    /// Work with the members of the cluster.
    Node(NodeArgs),
    /// Keep new pods away from a node.
    Cordon(CordonArgs),
    /// Let a node have new pods again.
    Uncordon(CordonArgs),
    /// Make a node empty: cordon it, delete its pods with their grace, and wait.
    Drain(DrainArgs),
    /// Mark nodes that pods are to keep away from.
    Taint(TaintArgs),
    /// Say how many pods deployments and replica sets are to have.
    Scale(ScaleArgs),
    /// Follow, pause, restart and undo the rollouts of deployments.
    Rollout(RolloutArgs),
    /// Give containers other images.
    Set(SetArgs),
    /// Kubectl's; refused, for services lead nowhere yet.
    #[command(hide = true)]
    Expose {
        /// Whatever is said.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Set and take away labels.
    Label(LabelArgs),
    /// Set and take away annotations.
    Annotate(AnnotateArgs),
    /// Show this program's version and the daemon's.
    Version(VersionArgs),
    /// Print a completion script for a shell.
    Completion(CompletionArgs),
    /// Print the console's keys, or check the file that changes them.
    Keys(keys::KeysArgs),
    /// Print the configuration, with what every setting means.
    Config(config::ConfigArgs),
    /// Print a kubeconfig, with which kubectl reaches the daemon.
    Kubeconfig(KubeconfigArgs),
    /// Play and record demos of the console.
    Demo(demo::DemoArgs),
    /// Play what skiff --record has recorded, without a daemon.
    Replay(replay::ReplayArgs),
    /// Pass bytes between the standard streams and this machine's daemon, for consoles that come by SSH.
    DialStdio,
    /// List the kinds of objects.
    ApiResources(ApiResourcesArgs),
    /// List the versions of the kinds of objects.
    ApiVersions,
}

/// Where manifests are.
#[derive(Debug, Clone, Default, Args)]
pub struct FileArgs {
    /// A file, a folder, or - for standard input; may be given several times.
    #[arg(short = 'f', long = "filename", value_name = "FILE", value_delimiter = ',')]
    pub filenames: Vec<String>,
    /// Look into the folders of a folder too.
    #[arg(short = 'R', long)]
    pub recursive: bool,
}

/// Which objects of a kind.
#[derive(Debug, Clone, Default, Args)]
pub struct SelectArgs {
    /// Only objects with these labels: app=web,tier!=db,env in (a,b).
    #[arg(short = 'l', long, value_name = "SELECTOR", allow_hyphen_values = true)]
    pub selector: Option<String>,
    /// Only objects with these fields: status.phase=Running,spec.nodeName!=oak.
    #[arg(long, value_name = "SELECTOR")]
    pub field_selector: Option<String>,
    /// Objects of every namespace.
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
}

/// Whether a change is only tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DryRunMode {
    /// It is made.
    #[default]
    None,
    /// Nothing is sent.
    Client,
    /// The daemon checks everything and keeps nothing.
    Server,
}

impl DryRunMode {
    /// What stands after the outcome: `pod/kubia created (dry run)`.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Client => " (dry run)",
            Self::Server => " (server dry run)",
        }
    }

    /// As a request says it.
    pub const fn to_wire(self) -> wire::DryRun {
        match self {
            Self::None => wire::DryRun::No,
            Self::Client | Self::Server => wire::DryRun::Yes,
        }
    }
}

/// `--dry-run`.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct DryRunArgs {
    /// Only try it: client sends nothing, server checks everything.
    #[arg(
        long = "dry-run", value_name = "WHERE", value_enum, default_value = "none", num_args = 0..=1, require_equals = true,
        default_missing_value = "client"
    )]
    pub mode: DryRunMode,
}

/// Takes flags in the forms that kubectl has and clap has not: `--watch=true` and `--watch=false` of flags without a value.
pub fn normalise(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut switches = HashSet::new();
    collect_switches(&Cli::command(), &mut switches);
    let mut are_flags_over = false;
    let mut kept = Vec::new();
    for argument in arguments {
        let text = argument.to_str().unwrap_or_default();
        are_flags_over |= text == "--";
        let switch = text.split_once('=').filter(|(name, _)| !are_flags_over && switches.contains(*name));
        match switch {
            Some((name, "true" | "1" | "t")) => kept.push(OsString::from(name)),
            Some((_, "false" | "0" | "f")) => {}
            _ => kept.push(argument),
        }
    }
    kept
}

fn collect_switches(command: &clap::Command, switches: &mut HashSet<String>) {
    for argument in command.get_arguments().filter(|argument| matches!(argument.get_action(), ArgAction::SetTrue)) {
        switches.extend(argument.get_long().map(|long| format!("--{long}")));
        switches.extend(argument.get_short().map(|short| format!("-{short}")));
    }
    command.get_subcommands().for_each(|command| collect_switches(command, switches));
}

#[cfg(test)]
mod tests;
