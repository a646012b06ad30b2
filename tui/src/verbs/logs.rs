//! `logs`: prints the logs of containers.

mod lines;

use super::containers::{Meant, meant, named};
use super::context::Context;
use super::failure::Failure;
use super::watch::selection;
use crate::args::{GoDuration, SelectArgs};
use clap::Args;
use client::ByteStream;
use futures_util::stream::{FuturesUnordered, StreamExt};
use lines::Lines;
use objects::{Kind, lookup};
use serde_json::Value;
use wire::LogsRequest;

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// POD or pod/POD, or deploy/NAME, rs/NAME or svc/NAME for one of their pods; and maybe the container.
    arguments: Vec<String>,
    /// The pods with these labels.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// Go on with what is written from now on.
    #[arg(short = 'f', long)]
    follow: bool,
    /// Only so many lines from the end; -1 is all [default: all, or 10 with a selector].
    #[arg(long, allow_negative_numbers = true)]
    tail: Option<i64>,
    /// Only what was written within this time: 5s, 2m, 3h.
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    since: Option<GoDuration>,
    /// Only what was written since this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    since_time: Option<String>,
    /// Put each line's time before it.
    #[arg(long)]
    timestamps: bool,
    /// The container that ran before this one.
    #[arg(short = 'p', long)]
    previous: bool,
    /// This container.
    #[arg(short = 'c', long)]
    container: Option<String>,
    /// All containers of the pods.
    #[arg(long)]
    all_containers: bool,
    /// At most so many bytes.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    limit_bytes: i64,
    /// Put [pod/POD/CONTAINER] before each line.
    #[arg(long)]
    prefix: bool,
    /// Go on with the others when one log fails.
    #[arg(long)]
    ignore_errors: bool,
    /// With --follow: at most so many logs at once.
    #[arg(long, default_value_t = 5)]
    max_log_requests: usize,
}

/// One container's log.
struct Source {
    request: LogsRequest,
    prefix: String,
}

/// Does it.
pub async fn run(args: &LogsArgs, context: &mut Context) -> Result<(), Failure> {
    let options = options(args)?;
    let pods = pods(args, context).await?;
    let mut sources = Vec::new();
    for pod in &pods {
        for container in containers(args, context, pod)? {
            let (name, namespace) = (lookup::name(pod).to_owned(), lookup::namespace(pod).to_owned());
            let prefix = if args.prefix { format!("[pod/{name}/{container}] ") } else { String::new() };
            let request = LogsRequest { namespace, pod: name, container: Some(container), ..options.clone() };
            sources.push(Source { request, prefix });
        }
    }
    if args.follow && sources.len() > 1 {
        if sources.len() > args.max_log_requests {
            return Err(Failure::message(format!(
                "you are attempting to follow {} log streams, but maximum allowed concurrency is {}, use --max-log-requests to \
                 increase the limit",
                sources.len(),
                args.max_log_requests
            )));
        }
        return together(args, context, sources).await;
    }
    for source in sources {
        let result = one(context, source).await;
        settle(args, context, result)?;
    }
    Ok(())
}

/// What the flags ask for, without the container.
fn options(args: &LogsArgs) -> Result<LogsRequest, Failure> {
    let refuse = |text: &str| Err(Failure::message(text));
    if args.since.is_some() && args.since_time.is_some() {
        return refuse("at most one of `sinceTime` or `sinceSeconds` may be specified");
    }
    if args.limit_bytes < 0 {
        return refuse("--limit-bytes must be greater than 0");
    }
    if args.tail.is_some_and(|tail| tail < -1) {
        return refuse("--tail must be greater than or equal to -1");
    }
    let inline = args.arguments.get(1);
    if args.container.is_some() && inline.is_some() {
        return refuse("only one of -c or an inline [CONTAINER] arg is allowed");
    }
    if let Some(container) = args.container.as_ref().or(inline).filter(|_| args.all_containers) {
        return refuse(&format!("--all-containers=true should not be specified with container name {container}"));
    }
    if let Some(time) = &args.since_time {
        time.parse::<jiff::Timestamp>().map_err(|error| Failure::message(format!("--since-time: {error}")))?;
    }
    let since_seconds = match args.since {
        None => None,
        Some(GoDuration::Negative) => return refuse("--since must be greater than 0"),
        Some(GoDuration::Positive(since)) if since.is_zero() => None,
        // Go rounds half a second up. Less than that is a second as well: none would be the whole log.
        Some(GoDuration::Positive(since)) => Some(i64::try_from((since.as_millis() + 500) / 1000).unwrap_or(i64::MAX).max(1)),
    };
    let tail_lines = match (args.tail, &args.selector) {
        (Some(-1), _) | (None, None) => None,
        (None, Some(_)) => Some(10),
        (Some(tail), _) => Some(tail),
    };
    Ok(LogsRequest {
        follow: args.follow,
        previous: args.previous,
        timestamps: args.timestamps,
        since_seconds,
        since_time: args.since_time.clone(),
        tail_lines,
        limit_bytes: (args.limit_bytes > 0).then_some(args.limit_bytes),
        ..LogsRequest::default()
    })
}

/// The pods that the arguments name.
async fn pods(args: &LogsArgs, context: &mut Context) -> Result<Vec<Value>, Failure> {
    if let Some(selector) = &args.selector {
        if !args.arguments.is_empty() {
            return Err(Failure::message("only a selector (-l) or a POD name is allowed"));
        }
        let select = SelectArgs { selector: Some(selector.clone()), ..SelectArgs::default() };
        let pods = context.list(Kind::Pod, selection(context, &select, Kind::Pod)).await?;
        if pods.is_empty() {
            context.note(format!("No resources found in {} namespace.", context.namespace))?;
        }
        return Ok(pods);
    }
    let name = match args.arguments.as_slice() {
        [name] | [name, _] => name,
        _ => {
            return Err(Failure::message(
                "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
            ));
        }
    };
    match meant(context, name).await {
        Ok(Meant { pod, of }) => {
            if of > 1 {
                context.note(format!("Found {of} pods, using pod/{}", lookup::name(&pod)))?;
            }
            Ok(vec![pod])
        }
        Err(failure) => match named(name)? {
            (Kind::Pod, name) if failure.is_not_found() => {
                let why = format!("error from server (NotFound): pods {name:?} not found in namespace {:?}", context.namespace);
                Err(Failure::message(why))
            }
            _ => Err(failure),
        },
    }
}

/// The containers of a pod that are meant.
fn containers(args: &LogsArgs, context: &mut Context, pod: &Value) -> Result<Vec<String>, Failure> {
    let names = |pointer: &str| -> Vec<String> {
        lookup::list(pod, pointer).iter().map(|container| lookup::text(container, "/name").to_owned()).collect()
    };
    let (init, main, ephemeral) = (names("/spec/initContainers"), names("/spec/containers"), names("/spec/ephemeralContainers"));
    if args.all_containers {
        return Ok([init, main, ephemeral].concat());
    }
    let exists = |name: &String| main.contains(name) || init.contains(name) || ephemeral.contains(name);
    if let Some(name) = args.container.as_ref().or(args.arguments.get(1)) {
        if exists(name) {
            return Ok(vec![name.clone()]);
        }
        let (pod_object, pod) = (pod, lookup::name(pod));
        let all_names = super::containers::all_names(pod_object);
        return Err(Failure::message(format!("container {name} is not valid for pod {pod} out of: {all_names}")));
    }
    Ok(super::containers::default(context, pod, false)?.into_iter().collect())
}

/// One log, to its end.
async fn one(context: &mut Context, source: Source) -> Result<(), Failure> {
    let mut stream = context.client().await?.logs(source.request).await?;
    let mut lines = Lines::new(source.prefix);
    while let Some(bytes) = stream.next().await? {
        context.out.write_all(&lines.take(&bytes))?;
        context.out.flush()?;
    }
    context.out.write_all(&lines.rest())?;
    context.out.flush()?;
    Ok(())
}

/// Several logs as they come, line by line.
async fn together(args: &LogsArgs, context: &mut Context, sources: Vec<Source>) -> Result<(), Failure> {
    let mut reading = FuturesUnordered::new();
    for source in sources {
        match context.client().await?.logs(source.request).await {
            Ok(stream) => reading.push(read(stream, Lines::new(source.prefix))),
            Err(error) => settle(args, context, Err(error.into()))?,
        }
    }
    // Each log is read by one future at a time; a future is only dropped with all of them.
    while let Some((stream, mut lines, bytes)) = reading.next().await {
        match bytes {
            Ok(Some(bytes)) => {
                context.out.write_all(&lines.take(&bytes))?;
                reading.push(read(stream, lines));
            }
            Ok(None) => context.out.write_all(&lines.rest())?,
            Err(error) => {
                context.out.write_all(&lines.rest())?;
                settle(args, context, Err(error.into()))?;
            }
        }
        context.out.flush()?;
    }
    Ok(())
}

async fn read(mut stream: ByteStream, lines: Lines) -> (ByteStream, Lines, Result<Option<bytes::Bytes>, client::ClientError>) {
    let bytes = stream.next().await;
    (stream, lines, bytes)
}

/// A log that failed ends everything, unless it shall not.
fn settle(args: &LogsArgs, context: &mut Context, result: Result<(), Failure>) -> Result<(), Failure> {
    match result {
        Err(failure) if args.ignore_errors && !failure.is_link_failure() && !failure.is_broken_pipe() => {
            context.note(failure.to_text())
        }
        result => result,
    }
}
