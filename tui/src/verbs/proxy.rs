//! `proxy`: the Kubernetes API as plain HTTP on this machine, with the rights of whoever started it.
//!
//! A connection carries one request: its head is looked at, told to be the last, and then bytes are passed on. Pages of a browser are kept
//! out as kubectl keeps them out: by the host that a request is for, and by paths that run programs
//! (`k8s.io/kubectl/pkg/proxy/proxy_server.go`).

use super::context::Context;
use super::failure::Failure;
use clap::Args;
use client::Address;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The most bytes of a request's head: what the daemon takes.
const HEAD_BYTES: usize = 64 * 1024;
/// How long a client may take for it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections at once; more wait in the kernel.
const MAX_CONNECTIONS: usize = 128;

/// Arguments of `proxy`.
#[derive(Debug, Args)]
pub struct ProxyArgs {
    /// Where to listen; 0 is any free port.
    #[arg(short = 'p', long, default_value_t = 8001)]
    port: u16,
    /// The address to listen at.
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// Take requests for every host and every path. Whoever reaches the port, and every page in a browser here, then has your rights.
    #[arg(long)]
    disable_filter: bool,
}

/// Does it, until it is interrupted.
pub async fn run(args: &ProxyArgs, context: &mut Context) -> Result<(), Failure> {
    let address = context.address()?;
    // A daemon that is not there is told now, and not to each client.
    context.client().await?;
    let listener = TcpListener::bind((args.address, args.port)).await;
    let listener =
        listener.map_err(|error| Failure::message(format!("cannot listen on {}:{}: {error}", args.address, args.port)))?;
    if args.disable_filter {
        context.note("Request filter disabled, your proxy is vulnerable to XSRF attacks, please be cautious")?;
    }
    context.print_now(&format!("Starting to serve on {}\n", listener.local_addr()?))?;
    let filter = if args.disable_filter { Filter::Off } else { Filter::On };
    let mut connections = FuturesUnordered::new();
    loop {
        // A listener keeps whoever was not accepted, the set whoever is being served.
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => connections.push(serve(stream, &address, filter)),
                // Out of descriptors, most likely: others may close theirs meanwhile.
                Err(error) => {
                    context.note(format!("error accepting connection: {error}"))?;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(served) = connections.next(), if !connections.is_empty() => {
                if let Err(error) = served {
                    context.note(format!("a connection broke: {error}"))?;
                }
            }
        }
    }
}

/// Whether requests are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    On,
    Off,
}

/// One connection, to the end of its answer.
async fn serve(mut client: TcpStream, address: &Address, filter: Filter) -> io::Result<()> {
    let Ok(head) = tokio::time::timeout(HEAD_TIMEOUT, read_head(&mut client)).await else { return Ok(()) };
    let Some((head, rest)) = head? else { return Ok(()) };
    let head = match rewrite(&head, filter) {
        Ok(head) => head,
        Err(answer) => return client.write_all(answer.as_bytes()).await,
    };
    let mut daemon = match client::dial(address).await {
        Ok(daemon) => daemon,
        Err(error) => return client.write_all(refusal("502 Bad Gateway", &error.to_string()).as_bytes()).await,
    };
    daemon.write_all(head.as_bytes()).await?;
    daemon.write_all(&rest).await?;
    pass(client, daemon).await
}

/// Passes bytes on, until the daemon has said all. That the client is gone is no fault.
async fn pass(client: TcpStream, daemon: impl AsyncRead + AsyncWrite) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_daemon, mut to_daemon) = tokio::io::split(daemon);
    let up = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_daemon).await;
        let _ = to_daemon.shutdown().await;
        // The answer is the end.
        std::future::pending::<()>().await;
    };
    let down = async {
        let _ = tokio::io::copy(&mut from_daemon, &mut to_client).await;
        let _ = to_client.shutdown().await;
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
    Ok(())
}

/// A request's head and what came behind it; none where the connection ended before, or the head has no end.
async fn read_head(stream: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok(String::from_utf8(bytes).ok().map(|head| (head, rest)));
        }
        let count = stream.read(&mut chunk).await?;
        if count == 0 || bytes.len() > HEAD_BYTES {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
}

/// The head as it is passed on, or the answer that refuses it.
fn rewrite(head: &str, filter: Filter) -> Result<String, String> {
    let mut lines = head.trim_end().split("\r\n");
    let request = lines.next().unwrap_or_default();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let headers: Vec<(&str, &str)> =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect();
    let value = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value);
    if filter == Filter::On && (!is_own_host(value("host").unwrap_or_default()) || runs_programs(path)) {
        return Err(refusal("403 Forbidden", "Forbidden"));
    }
    let is_upgrade =
        value("upgrade").is_some() && value("connection").is_some_and(|text| text.to_lowercase().contains("upgrade"));
    let mut out = format!("{request}\r\n");
    for (name, value) in &headers {
        let is_hop = ["connection", "keep-alive", "proxy-connection"].iter().any(|hop| name.eq_ignore_ascii_case(hop));
        if is_upgrade || !is_hop {
            out += &format!("{name}: {value}\r\n");
        }
    }
    if !is_upgrade {
        out += "Connection: close\r\n";
    }
    Ok(out + "\r\n")
}

fn is_own_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// Whether a path is one that enters a container.
fn runs_programs(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    let is_pods = words.first() == Some(&"api") && words.contains(&"pods");
    // An encoded letter would be decoded behind us.
    is_pods && (path.contains('%') || words.iter().any(|word| matches!(*word, "exec" | "attach")))
}

fn refusal(status: &str, why: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{why}\n",
        why.len() + 1
    )
}

#[cfg(test)]
mod tests {
    use super::{Filter, rewrite};

    const LAST: &str = "GET /api HTTP/1.1\r\nHost: localhost:8001\r\nAccept: a\r\nConnection: close\r\n\r\n";

    #[test]
    fn a_request_is_the_last_of_its_connection() {
        let head = "GET /api HTTP/1.1\r\nHost: localhost:8001\r\nConnection: keep-alive\r\nAccept:a\r\n\r\n";
        assert_eq!(rewrite(head, Filter::On).as_deref(), Ok(LAST));
        let upgrade = "GET /api HTTP/1.1\r\nHost: [::1]:1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(rewrite(upgrade, Filter::On).as_deref(), Ok(upgrade));
    }

    #[test]
    fn requests_for_other_hosts_and_programs_are_refused() {
        let asked = |host: &str, path: &str, filter| rewrite(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"), filter);
        for host in ["evil.example", "localhost.evil.example", "", "127.0.0.1.nip.io:8001"] {
            assert!(asked(host, "/api", Filter::On).is_err_and(|answer| answer.starts_with("HTTP/1.1 403")), "{host}");
            assert!(asked(host, "/api", Filter::Off).is_ok(), "{host}");
        }
        let pods = "/api/v1/namespaces/default/pods/a";
        for path in ["/exec?command=sh", "/attach", "/%65xec"] {
            assert!(asked("localhost", &format!("{pods}{path}"), Filter::On).is_err(), "{path}");
        }
        assert!(asked("localhost", &format!("{pods}/log"), Filter::On).is_ok());
        assert!(rewrite("GET /api HTTP/1.1\r\n\r\n", Filter::On).is_err(), "without a host");
    }
}
