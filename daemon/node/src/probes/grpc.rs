//! A grpc probe: `grpc.health.v1.Health/Check` over plain HTTP/2 (`pkg/probe/grpc/grpc.go`). Its two messages have one field each, so
//! they are written and read here.

use super::http::host_port;
use super::{Outcome, VERSION};
use bytes::{Buf, Bytes, BytesMut};
use control::pod::ProbeVerdict;
use h2::RecvStream;
use h2::client::{SendRequest, handshake};
use http::{HeaderMap, Request};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

const METHOD: &str = "/grpc.health.v1.Health/Check";
/// A server that refuses may be about to listen.
const CONNECT_AGAIN: Duration = Duration::from_millis(100);
/// An answer is two bytes; what is longer is none.
const ANSWER_BYTES: usize = 4096;
/// In front of each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// The code of a method that the server does not have.
const UNIMPLEMENTED: u8 = 12;

/// What was asked is not answered: a code and the server's words.
#[derive(Debug, PartialEq, Eq)]
struct Status {
    code: u8,
    message: String,
}

/// Asks a server whether it serves.
pub(super) async fn check(host: &str, port: u16, service: &str, limit: Duration) -> Outcome {
    let address = host_port(host, port);
    let stream = match timeout(limit, connect(host, port)).await {
        Ok(stream) => stream,
        Err(_) => {
            let seconds = limit.as_secs();
            let words = format!("timeout: failed to connect service {address:?} within {seconds}s: context deadline exceeded");
            return Outcome::new(ProbeVerdict::Failure, words);
        }
    };
    match timeout(limit, call(stream, &address, service)).await {
        Ok(Ok(1)) => Outcome::new(ProbeVerdict::Success, "service healthy"),
        Ok(Ok(status)) => {
            Outcome::new(ProbeVerdict::Failure, format!("service unhealthy (responded with {:?})", serving_status(status)))
        }
        Ok(Err(Status { code: UNIMPLEMENTED, message })) => {
            let words = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)";
            Outcome::new(ProbeVerdict::Failure, format!("{words}: {message}"))
        }
        Ok(Err(Status { code, message })) => {
            let words = format!("error: health rpc probe failed: rpc error: code = {} desc = {message}", code_name(code));
            Outcome::new(ProbeVerdict::Failure, words)
        }
        Err(_) => {
            let words = format!("timeout: health rpc did not complete within {}s", limit.as_secs());
            Outcome::new(ProbeVerdict::Failure, words)
        }
    }
}

/// Connects, however long it takes.
async fn connect(host: &str, port: u16) -> TcpStream {
    loop {
        match TcpStream::connect((host, port)).await {
            Ok(stream) => return stream,
            Err(_) => tokio::time::sleep(CONNECT_AGAIN).await,
        }
    }
}

fn broken(error: &h2::Error) -> Status {
    const UNAVAILABLE: u8 = 14;
    Status { code: UNAVAILABLE, message: format!("connection error: desc = {:?}", error.to_string()) }
}

/// The number of the status that the server answers with.
async fn call(stream: TcpStream, address: &str, service: &str) -> Result<u64, Status> {
    let (client, connection) = handshake(stream).await.map_err(|error| broken(&error))?;
    let mut call = std::pin::pin!(exchange(client, address, service));
    // The connection carries the call; what it has read before its end still counts.
    tokio::select! {
        biased;
        answer = &mut call => return answer,
        _ = connection => {}
    }
    call.await
}

async fn exchange(client: SendRequest<Bytes>, address: &str, service: &str) -> Result<u64, Status> {
    let request = Request::post(format!("http://{address}{METHOD}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", format!("kube-probe/{VERSION} grpc"))
        .body(())
        .map_err(|error| Status { code: 13, message: error.to_string() })?;
    let mut client = client.ready().await.map_err(|error| broken(&error))?;
    let (response, mut body) = client.send_request(request, false).map_err(|error| broken(&error))?;
    body.send_data(message(service), true).map_err(|error| broken(&error))?;
    let response = response.await.map_err(|error| broken(&error))?;
    if response.status() != 200 {
        let message = format!("unexpected HTTP status code received from server: {}", response.status());
        return Err(Status { code: 2, message });
    }
    // An error may come without a body: its status is then among the headers.
    status_of(response.headers()).unwrap_or(Ok(()))?;
    let mut body = response.into_body();
    let bytes = read(&mut body).await?;
    let trailers = body.trailers().await.map_err(|error| broken(&error))?.unwrap_or_default();
    status_of(&trailers).unwrap_or(Ok(()))?;
    serving(&bytes).ok_or_else(|| Status { code: 13, message: "the answer cannot be read".to_owned() })
}

async fn read(body: &mut RecvStream) -> Result<BytesMut, Status> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        // A window that stays closed ends the answer by itself; it is short.
        let _ = body.flow_control().release_capacity(chunk.len());
        if bytes.len() + chunk.len() > ANSWER_BYTES {
            return Err(Status { code: 8, message: "the answer is too long".to_owned() });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// `HealthCheckRequest { service = 1 }` with its prefix.
fn message(service: &str) -> Bytes {
    let mut text = Vec::new();
    if !service.is_empty() {
        text.push(0x0a);
        varint(service.len() as u64, &mut text);
        text.extend_from_slice(service.as_bytes());
    }
    let mut bytes = vec![0];
    bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(&text);
    bytes.into()
}

fn varint(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push((number as u8 & 0x7f) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// `HealthCheckResponse { status = 1 }` behind its prefix; a field that is missing is 0.
fn serving(bytes: &[u8]) -> Option<u64> {
    let mut prefix = bytes.get(..PREFIX)?;
    if prefix.get_u8() != 0 {
        return None;
    }
    let length = prefix.get_u32() as usize;
    let mut message = bytes.get(PREFIX..PREFIX + length)?;
    let mut status = 0;
    while !message.is_empty() {
        let tag = take_varint(&mut message)?;
        match tag & 7 {
            0 => {
                let value = take_varint(&mut message)?;
                status = if tag >> 3 == 1 { value } else { status };
            }
            2 => {
                let length = usize::try_from(take_varint(&mut message)?).ok()?;
                message = message.get(length..)?;
            }
            _ => return None,
        }
    }
    Some(status)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The status among headers or trailers.
fn status_of(headers: &HeaderMap) -> Option<Result<(), Status>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let code = text("grpc-status")?.parse().unwrap_or(2);
    let message = percent_decoded(text("grpc-message").unwrap_or_default());
    Some(if code == 0 { Ok(()) } else { Err(Status { code, message }) })
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn serving_status(number: u64) -> String {
    match number {
        0 => "UNKNOWN".to_owned(),
        1 => "SERVING".to_owned(),
        2 => "NOT_SERVING".to_owned(),
        3 => "SERVICE_UNKNOWN".to_owned(),
        other => other.to_string(),
    }
}

/// As Go prints a code (`google.golang.org/grpc/codes`).
fn code_name(code: u8) -> String {
    const NAMES: [&str; 17] = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    NAMES.get(usize::from(code)).map_or_else(|| format!("Code({code})"), |name| (*name).to_owned())
}

#[cfg(test)]
mod tests;
