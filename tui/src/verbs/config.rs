//! `config`: prints the configuration, with what every setting means.

use super::context::Context;
use super::failure::Failure;
use crate::settings::{Settings, config_folder};
use clap::Args;

/// Arguments of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The defaults, without what the file sets.
    #[arg(long)]
    defaults: bool,
    /// Only where the file is.
    #[arg(long, conflicts_with = "defaults")]
    path: bool,
}

/// Does it.
pub fn run(args: &ConfigArgs, context: &mut Context) -> Result<(), Failure> {
    let path = config_folder().map(|folder| folder.join("config.toml").display().to_string());
    let path = path.ok_or_else(|| Failure::message("no home folder is known; set HOME or XDG_CONFIG_HOME".to_owned()))?;
    if args.path {
        return context.print(&format!("{path}\n"));
    }
    let settings = if args.defaults {
        Settings::default()
    } else {
        Settings::load().map_err(|error| Failure::message(error.to_string()))?
    };
    context.print(&format!("# {path}\n\n{}", settings.to_text()))
}
