//! The peer: `podman kube play` and `kube down` on the same manifest.

use crate::{IMAGE, manifest, parallel};
use anyhow::{Context as _, Result, bail};
use bench::machine::{Memory, now_ns, processes};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn run(args: &[&str]) -> Result<Output> {
    let output = Command::new("podman").args(args).stdin(Stdio::null()).output().context("cannot run podman")?;
    if !output.status.success() {
        bail!("podman {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output)
}

/// Loads the image that skiff runs too.
pub fn load(archive: &Path) -> Result<()> {
    run(&["load", "--quiet", "--input", &archive.to_string_lossy()])?;
    run(&["image", "exists", IMAGE]).with_context(|| format!("{} holds no image {IMAGE}", archive.display()))?;
    Ok(())
}

fn manifest_file(name: &str) -> Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("{name}.json"));
    let mut file = std::fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(manifest(name).to_string().as_bytes())?;
    Ok(path)
}

/// From the command to the workload's `main`, in ms.
pub fn start_pod(name: &str) -> Result<f64> {
    let path = manifest_file(name)?;
    let begin = now_ns()?;
    run(&["kube", "play", &path.to_string_lossy()])?;
    Ok((stamp(name)? - begin) / 1e6)
}

/// What the workload printed: its clock, in ns since 1970.
fn stamp(name: &str) -> Result<f64> {
    let output = run(&["logs", &format!("{name}-stamp")])?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.trim()
        .strip_prefix("started ")
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("{name} printed {text:?}"))
}

/// From the command to its end, in ms.
pub fn delete_pod(name: &str) -> Result<f64> {
    let path = std::env::temp_dir().join(format!("{name}.json"));
    let begin = now_ns()?;
    run(&["kube", "down", &path.to_string_lossy()])?;
    let took = (now_ns()? - begin) / 1e6;
    std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    Ok(took)
}

fn in_parallel(names: &[String], verb: &str) -> Result<()> {
    let command = |name: &String| {
        let mut command = Command::new("podman");
        command.args(["kube", verb]).arg(std::env::temp_dir().join(format!("{name}.json")));
        command
    };
    parallel::run_all(names.iter().map(command).collect())
}

/// From the first command to the last workload's `main`, in ms.
pub fn start_pods(names: &[String]) -> Result<f64> {
    for name in names {
        manifest_file(name)?;
    }
    let begin = now_ns()?;
    in_parallel(names, "play")?;
    let mut last = begin;
    for name in names {
        last = f64::max(last, stamp(name)?);
    }
    Ok((last - begin) / 1e6)
}

/// From the first command to the end of the last, in ms.
pub fn delete_pods(names: &[String]) -> Result<f64> {
    let begin = now_ns()?;
    in_parallel(names, "down")?;
    let took = (now_ns()? - begin) / 1e6;
    for name in names {
        std::fs::remove_file(std::env::temp_dir().join(format!("{name}.json"))).context("cannot remove a manifest")?;
    }
    Ok(took)
}

/// Runs the workload in containers of these names, all at once, and waits for their end.
pub fn run_to_end(names: &[String], command: &[String]) -> Result<()> {
    for name in names {
        let mut args = vec!["run", "--detach", "--log-driver", "k8s-file", "--name", name.as_str(), IMAGE];
        args.extend(command.iter().map(String::as_str));
        run(&args)?;
    }
    let mut args = vec!["wait"];
    args.extend(names.iter().map(String::as_str));
    run(&args).map(drop)
}

/// The whole log of a container, to be read.
pub fn read_log(name: &str) -> Result<Vec<u8>> {
    Ok(run(&["logs", name])?.stdout)
}

/// Removes containers.
pub fn remove(names: &[String]) -> Result<()> {
    let mut args = vec!["rm", "--force", "--time", "0"];
    args.extend(names.iter().map(String::as_str));
    run(&args).map(drop)
}

/// What its monitors and pause processes hold together, in KiB. Their kernel memory is not counted, which favours podman.
pub fn monitor_memory_kib() -> Result<f64> {
    let mut sum = 0.0;
    for pid in processes(|command| command.ends_with("conmon") || command.ends_with("catatonit"))? {
        sum += Memory::of(pid).map(Memory::own_kib).unwrap_or_default();
    }
    Ok(sum)
}

/// Removes whatever a failed run left.
pub fn clean() {
    for args in [&["pod", "rm", "--all", "--force", "--time", "0"][..], &["network", "prune", "--force"]] {
        if let Err(error) = run(args) {
            eprintln!("warning: {error:#}");
        }
    }
}
