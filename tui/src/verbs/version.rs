//! `version`: this program's version, and the daemon's.

use super::context::Context;
use super::failure::Failure;
use super::format::{Format, OutputArgs};
use clap::Args;
use objects::jsonpath::go_json_pretty;
use objects::yaml::to_yaml;
use serde_json::json;

/// Arguments of `version`.
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// Only this program's: no daemon is asked.
    #[arg(long)]
    pub client: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Does it. This program's version is told even where the daemon cannot be asked.
pub fn run(args: &VersionArgs, context: &mut Context) -> Result<(), Failure> {
    let client = env!("CARGO_PKG_VERSION");
    let hello = context.client.as_ref().map(|client| client.hello().clone());
    let mut versions = json!({"clientVersion": {"gitVersion": format!("v{client}")}});
    if let Some(hello) = &hello {
        versions["serverVersion"] = json!({
            "gitVersion": format!("v{}", hello.daemon),
            "node": hello.node,
            "protocol": format!("{}.{}", hello.version.major, hello.version.minor),
        });
    }
    match args.output.format()? {
        Format::Json => context.line(go_json_pretty(&versions))?,
        Format::Yaml => context.print(&to_yaml(&versions))?,
        Format::Plain => {
            context.line(format!("Client Version: v{client}"))?;
            if let Some(hello) = &hello {
                context.line(format!("Server Version: v{} (node {})", hello.daemon, hello.node))?;
            }
        }
        _ => return Err(Failure::message("--output must be 'yaml' or 'json'")),
    }
    context.connect_error.take().map_or(Ok(()), |error| Err(error.into()))
}
