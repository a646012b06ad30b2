//! Programs, logs and ports of a pod that runs on another node than the one that is asked.

use crate::PATIENCE;
use anyhow::{Context, Result, ensure};
use futures_util::{AsyncBufReadExt, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, AttachParams, LogParams};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// `web-far` answers HTTP with its name, `talk-far` counts its lines.
pub async fn drive(client: &Client) -> Result<()> {
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    timeout(PATIENCE, command(&pods)).await.context("exec")??;
    timeout(PATIENCE, logs(&pods)).await.context("logs")??;
    for _ in 0..2 {
        timeout(PATIENCE, forwarded(&pods)).await.context("port-forward")??;
    }
    Ok(())
}

async fn command(pods: &Api<Pod>) -> Result<()> {
    // It reads to the end of its input, which only the newest protocol can tell.
    let script = "echo out; echo bad >&2; wc -c; exit 3";
    let wanted = AttachParams::default().stdin(true).stdout(true).stderr(true);
    let mut running = pods.exec("web-far", ["sh", "-c", script], &wanted).await?;
    let mut input = running.stdin().context("it has an input")?;
    let (mut output, mut errors) = (running.stdout().context("an output")?, running.stderr().context("errors")?);
    let status = running.take_status().context("an end")?;
    let (mut said, mut complained) = (String::new(), String::new());
    let feed = async {
        input.write_all(&[b'x'; 300_000]).await?;
        input.shutdown().await?;
        drop(input);
        Ok::<(), std::io::Error>(())
    };
    tokio::try_join!(feed, output.read_to_string(&mut said), errors.read_to_string(&mut complained))?;
    ensure!((said.as_str(), complained.as_str()) == ("out\n300000\n", "bad\n"), "{said:?} {complained:?}");
    let status = status.await.context("it is told how it ended")?;
    ensure!(status.reason.as_deref() == Some("NonZeroExitCode"), "{status:?}");
    let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
    ensure!(causes.iter().any(|cause| cause.message.as_deref() == Some("3")), "{causes:?}");
    running.join().await?;
    Ok(())
}

async fn logs(pods: &Api<Pod>) -> Result<()> {
    let last = pods.logs("talk-far", &LogParams { tail_lines: Some(1), ..LogParams::default() }).await?;
    ensure!(last.starts_with("line "), "{last}");
    let followed = LogParams { follow: true, ..LogParams::default() };
    let mut lines = pods.log_stream("talk-far", &followed).await?.lines();
    for index in 0..5 {
        let line = lines.next().await.context("it goes on")??;
        ensure!(line == format!("line {index}"), "{line}");
    }
    Ok(())
}

async fn forwarded(pods: &Api<Pod>) -> Result<()> {
    let mut forward = pods.portforward("web-far", &[8080, 1]).await?;
    let refused = forward.take_error(1).context("a port's errors")?;
    let mut line = forward.take_stream(8080).context("a port's bytes")?;
    line.write_all(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    let mut bytes = [0; 4096];
    while !answer.contains("web-far") {
        let count = line.read(&mut bytes).await?;
        ensure!(count > 0, "it ended with {answer:?}");
        answer += std::str::from_utf8(&bytes[..count])?;
    }
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let refused = refused.await.context("nobody listens there")?;
    ensure!(refused.to_lowercase().contains("connection refused"), "{refused}");
    // Not joined: once the server has closed the websocket, as it does when all connections have ended, that is an error to kube-rs.
    drop(line);
    forward.abort();
    Ok(())
}
