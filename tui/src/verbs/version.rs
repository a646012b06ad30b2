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
    client: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Does it. This program's version is told even where the daemon cannot be asked.
pub async fn run(args: &VersionArgs, context: &mut Context) -> Result<(), Failure> {
    let format = args.output.format()?;
    let client = env!("CARGO_PKG_VERSION");
    let hello = match args.client {
        true => Ok(None),
        false => context.client().await.map(|client| Some(client.hello().clone())),
    };
    let mut versions = json!({"clientVersion": {"gitVersion": format!("v{client}")}});
    if let Ok(Some(hello)) = &hello {
        versions["serverVersion"] = json!({
            "gitVersion": format!("v{}", hello.daemon),
            "node": hello.node,
            "protocol": format!("{}.{}", hello.version.major, hello.version.minor),
        });
    }
    match format {
        Format::Json => context.line(go_json_pretty(&versions))?,
        Format::Yaml => context.print(&to_yaml(&versions))?,
        Format::Plain => {
            context.line(format!("Client Version: v{client}"))?;
            if let Ok(Some(hello)) = &hello {
                context.line(format!("Server Version: v{} (node {})", hello.daemon, hello.node))?;
            }
        }
        _ => return Err(Failure::message("--output must be 'yaml' or 'json'")),
    }
    hello.map(drop)
}
