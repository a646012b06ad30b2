//! `image`: loads, imports, pulls, lists and removes the node's images.

mod table;

use super::context::Context;
use super::failure::Failure;
use super::format::OutputArgs;
use super::unseen::on_node;
use clap::{Args, Subcommand};
use client::PullStep;
use std::path::Path;
use wire::{ImageImportRequest, ImageLoadRequest, ImagePullRequest, ImageSummary, PullProgress, Request, Response};

/// Arguments of `image`.
#[derive(Debug, Args)]
pub struct ImageArgs {
    #[command(subcommand)]
    verb: ImageVerb,
    /// Work with this node's images, through the daemon that is connected. Paths are that node's.
    #[arg(long, global = true, value_name = "NODE")]
    on: Option<String>,
}

impl ImageArgs {
    /// Whether it is about files of the daemon's machine.
    pub fn names_files(&self) -> bool {
        matches!(self.verb, ImageVerb::Load { .. } | ImageVerb::Import(_))
    }
}

#[derive(Debug, Subcommand)]
enum ImageVerb {
    /// Load an OCI archive, an OCI layout folder or what docker save wrote; plain, gzip or zstd.
    Load {
        /// A path on the daemon's machine; may be given several times.
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// Make an image of a root filesystem in a tar file.
    Import(ImportArgs),
    /// Pull from a registry.
    Pull {
        /// The image's name: nginx:alpine.
        image: String,
        /// Name and password for the registry.
        #[arg(long, value_name = "USER:PASSWORD", env = "SKIFF_REGISTRY_CREDENTIALS", hide_env_values = true)]
        creds: Option<String>,
        /// Tell nothing but the result.
        #[arg(short = 'q', long)]
        quiet: bool,
    },
    /// List the node's images.
    #[command(visible_alias = "list")]
    Ls {
        #[command(flatten)]
        output: OutputArgs,
        /// No line with the columns' names.
        #[arg(long)]
        no_headers: bool,
    },
    /// Remove names of images, and an image with its last one; refused while a container uses it.
    #[command(visible_alias = "remove")]
    Rm {
        /// Names or digests.
        #[arg(required = true)]
        images: Vec<String>,
    },
    /// Remove every image that no container uses.
    Prune,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// A tar file on the daemon's machine.
    rootfs: String,
    /// The image's name.
    name: String,
    /// What the image runs; one word each time it is given, or words separated by spaces.
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    entrypoint: Vec<String>,
    /// The arguments it runs it with.
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    cmd: Vec<String>,
    /// A variable of its environment.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// The folder it runs in.
    #[arg(long)]
    workdir: Option<String>,
    /// The user it runs as.
    #[arg(long)]
    user: Option<String>,
}

/// Does it.
pub async fn run(args: ImageArgs, context: &mut Context) -> Result<(), Failure> {
    let node = Node(args.on.filter(|node| !node.is_empty()));
    match args.verb {
        ImageVerb::Load { files } => load(context, &node, &files).await,
        ImageVerb::Import(args) => {
            let request = import_request(&node, args)?;
            let images = ask(context, &node, Request::ImageImport(request)).await?;
            told(context, "imported", &images)
        }
        ImageVerb::Pull { image, creds, quiet } => {
            let request = ImagePullRequest { image, credentials: credentials(creds.as_deref())? };
            pull(context, &node, request, quiet).await
        }
        ImageVerb::Ls { output, no_headers } => {
            let images = ask(context, &node, Request::ImageList).await?;
            table::print(context, &output.format()?, no_headers, &images)
        }
        ImageVerb::Rm { images } => remove(context, &node, images).await,
        ImageVerb::Prune => {
            let images = ask(context, &node, Request::ImagePrune).await?;
            let freed: u64 = images.iter().map(|image| image.size_bytes).sum();
            told(context, "removed", &images)?;
            context.line(format!("{} freed", table::size(freed)))
        }
    }
}

/// Whose images are meant: those of the daemon that is connected, or of a named node.
struct Node(Option<String>);

impl Node {
    /// A path as that node's daemon can open it: one of this machine may be relative, for the daemon does not share our folder.
    fn path(&self, path: &str) -> Result<String, Failure> {
        match &self.0 {
            None => absolute(path),
            Some(_) if Path::new(path).is_absolute() => Ok(path.to_owned()),
            Some(node) => Err(Failure::message(format!("the path {path:?} must be absolute: it is one of node {node}"))),
        }
    }
}

async fn ask(context: &Context, node: &Node, request: Request) -> Result<Vec<ImageSummary>, Failure> {
    match context.client().await?.request(on_node(node.0.as_deref(), request)).await? {
        Response::Images { images } => Ok(images),
        other => Err(Failure::unexpected(&other)),
    }
}

/// A line for every image.
fn told(context: &mut Context, what: &str, images: &[ImageSummary]) -> Result<(), Failure> {
    images.iter().try_for_each(|image| {
        let names = if image.names.is_empty() { image.digest.clone() } else { image.names.join(", ") };
        context.line(format!("{names} {what}"))
    })
}

/// A path of this machine from its root on.
fn absolute(path: &str) -> Result<String, Failure> {
    let found = std::fs::canonicalize(Path::new(path)).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::message(format!("the path {path:?} does not exist")),
        _ => Failure::message(format!("error reading {path:?}: {error}")),
    })?;
    found.into_os_string().into_string().map_err(|_| Failure::message(format!("the path {path:?} is not UTF-8")))
}

async fn load(context: &mut Context, node: &Node, files: &[String]) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for file in files {
        let request = node.path(file).map(|path| Request::ImageLoad(ImageLoadRequest { path }));
        let result = match request {
            Ok(request) => ask(context, node, request).await.and_then(|images| told(context, "loaded", &images)),
            Err(failure) => Err(failure),
        };
        failures.extend(result.err());
    }
    Failure::all(failures)
}

fn import_request(node: &Node, args: ImportArgs) -> Result<ImageImportRequest, Failure> {
    if let Some(variable) = args.env.iter().find(|variable| !variable.contains('=')) {
        return Err(Failure::message(format!("--env {variable}: expected NAME=VALUE")));
    }
    // One argument with spaces is a command line, several are its words.
    let words = |list: Vec<String>| match list.as_slice() {
        [line] => line.split_whitespace().map(str::to_owned).collect(),
        _ => list,
    };
    Ok(ImageImportRequest {
        path: node.path(&args.rootfs)?,
        name: args.name,
        entrypoint: words(args.entrypoint),
        cmd: words(args.cmd),
        env: args.env,
        workdir: args.workdir,
        user: args.user,
    })
}

fn credentials(creds: Option<&str>) -> Result<Option<(String, String)>, Failure> {
    match creds.map(|creds| creds.split_once(':')) {
        None => Ok(None),
        Some(Some((user, password))) => Ok(Some((user.to_owned(), password.to_owned()))),
        Some(None) => Err(Failure::message("--creds: expected USER:PASSWORD")),
    }
}

async fn pull(context: &mut Context, node: &Node, request: ImagePullRequest, is_quiet: bool) -> Result<(), Failure> {
    let mut stream = context.client().await?.pull_on(node.0.as_deref(), request).await?;
    let mut progress = Progress { is_quiet, is_line_open: false, last: String::new() };
    loop {
        match stream.next().await {
            Ok(PullStep::Progress(step)) => progress.show(context, &step)?,
            Ok(PullStep::Done(images)) => {
                progress.close(context)?;
                return told(context, "pulled", &images);
            }
            Err(error) => {
                progress.close(context)?;
                return Err(error.into());
            }
        }
    }
}

/// How far a pull is: one line that changes where a person looks, one line a stage elsewhere.
struct Progress {
    is_quiet: bool,
    is_line_open: bool,
    last: String,
}

impl Progress {
    fn show(&mut self, context: &mut Context, step: &PullProgress) -> Result<(), Failure> {
        if self.is_quiet {
            return Ok(());
        }
        if !context.is_err_terminal {
            if self.last != step.stage {
                self.last.clone_from(&step.stage);
                context.note(&step.stage)?;
            }
            return Ok(());
        }
        let amount = match step.total_bytes {
            Some(total) => format!("{} of {}", table::size(step.done_bytes), table::size(total)),
            None => table::size(step.done_bytes),
        };
        let line = format!("{} {amount}", step.stage);
        if line != self.last {
            // The line is written over itself; what the longer one before left is wiped.
            context.err.write_all(format!("\r{line}\u{1b}[K").as_bytes())?;
            context.err.flush()?;
            self.is_line_open = true;
            self.last = line;
        }
        Ok(())
    }

    fn close(&mut self, context: &mut Context) -> Result<(), Failure> {
        if std::mem::take(&mut self.is_line_open) {
            context.err.write_all(b"\r\x1b[K")?;
            context.err.flush()?;
        }
        Ok(())
    }
}

async fn remove(context: &mut Context, node: &Node, images: Vec<String>) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for image in images {
        let request = on_node(node.0.as_deref(), Request::ImageRemove { image: image.clone() });
        let response = context.client().await?.request(request).await;
        let result = match response {
            Ok(Response::Done) => context.line(format!("{image} removed")),
            Ok(other) => Err(Failure::unexpected(&other)),
            Err(error) => Err(error.into()),
        };
        failures.extend(result.err());
    }
    Failure::all(failures)
}
