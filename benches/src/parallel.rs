//! Commands of a peer, a few at a time.

use anyhow::{Context as _, Result, bail};
use std::process::{Command, Stdio};

/// As many at a time as served podman best when it was tried on two cores.
const AT_A_TIME: usize = 4;

/// Runs all of them, silently.
pub fn run_all(mut commands: Vec<Command>) -> Result<()> {
    for some in commands.chunks_mut(AT_A_TIME) {
        let mut children = Vec::new();
        for command in some {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let child = command.spawn().with_context(|| format!("cannot run {}", command.get_program().display()))?;
            children.push((child, format!("{command:?}")));
        }
        for (mut child, command) in children {
            if !child.wait()?.success() {
                bail!("{command} failed");
            }
        }
    }
    Ok(())
}
