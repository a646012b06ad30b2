//! `cp`: copies files and folders to and from a container, which needs no program for it.

mod progress;
mod spec;

use super::containers;
use super::context::Context;
use super::failure::Failure;
use crate::copying::{self, CopyError};
use clap::Args;
use objects::Kind;
use progress::Progress;
use spec::{Files, Remote};
use wire::{CopyDirection, CopyRequest};

/// Arguments of `cp`.
#[derive(Debug, Args)]
pub struct CpArgs {
    /// FROM and TO: a local path, or [NAMESPACE/]POD:PATH.
    #[arg(value_name = "FROM TO")]
    paths: Vec<String>,
    /// This container.
    #[arg(short = 'c', long)]
    container: Option<String>,
    /// Give what is copied the permissions and the time of any new file.
    #[arg(long)]
    no_preserve: bool,
}

/// Does it.
pub async fn run(args: &CpArgs, context: &mut Context) -> Result<(), Failure> {
    let [from, to] = args.paths.as_slice() else { return Err(Failure::message("source and destination are required")) };
    match (Files::parse(from)?, Files::parse(to)?) {
        (Files::Local(from), Files::Remote(to)) => into_container(args, context, &from, &to).await,
        (Files::Remote(from), Files::Local(to)) => from_container(args, context, &from, to).await,
        (Files::Remote(_), Files::Remote(_)) => Err(Failure::message("one of src or dest must be a local file specification")),
        (Files::Local(_), Files::Local(_)) => Err(Failure::message("one of src or dest must be a remote file specification")),
    }
}

async fn request(
    args: &CpArgs,
    context: &mut Context,
    remote: &Remote,
    direction: CopyDirection,
) -> Result<CopyRequest, Failure> {
    if let Some(namespace) = &remote.namespace {
        context.namespace.clone_from(namespace);
    }
    let container = match &args.container {
        Some(container) => Some(container.clone()),
        None => {
            let pod = context.get(context.reference(Kind::Pod, &remote.pod)).await?;
            containers::default(context, &pod, false)?
        }
    };
    Ok(CopyRequest {
        namespace: context.namespace.clone(),
        pod: remote.pod.clone(),
        container,
        direction,
        path: remote.path.clone(),
        is_content: false,
        no_preserve: args.no_preserve,
        window: 0,
    })
}

async fn into_container(args: &CpArgs, context: &mut Context, from: &str, to: &Remote) -> Result<(), Failure> {
    if std::fs::metadata(from).is_err() {
        return Err(Failure::message(format!("{from} doesn't exist in local filesystem")));
    }
    let request = request(args, context, to, CopyDirection::IntoContainer).await?;
    let request = CopyRequest { is_content: copying::is_content(from), ..request };
    let client = context.client().await?.clone();
    let progress = Progress::new(context);
    let copied = copying::into_container(&client, request, from, &progress).await;
    progress.clear()?;
    Ok(copied?)
}

async fn from_container(args: &CpArgs, context: &mut Context, from: &Remote, to: String) -> Result<(), Failure> {
    let request = request(args, context, from, CopyDirection::FromContainer).await?;
    let client = context.client().await?.clone();
    let progress = Progress::new(context);
    let copied = copying::from_container(&client, request, to, &progress).await;
    progress.clear()?;
    Ok(copied?)
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Files(fault) => Self::message(fault.to_string()),
            CopyError::Client(error) => error.into(),
            CopyError::Telling(error) => error.into(),
        }
    }
}
