//! Requests against servers of a few lines.

use super::*;
use crate::probes::{Outcome, page};
use control::pod::ProbeVerdict;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that gives each connection the next of these answers; the requests come back when it is done.
async fn serve(answers: Vec<String>) -> (SocketAddr, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"\r\n\r\n") {
                let count = stream.read_buf(&mut bytes).await.expect("a request");
                assert!(count > 0, "the request broke off");
            }
            requests.push(String::from_utf8(bytes).expect("text"));
            stream.write_all(answer.as_bytes()).await.expect("answered");
        }
        requests
    });
    (address, task)
}

fn request(address: SocketAddr, path: &str) -> Request {
    let headers = vec![("User-Agent".to_owned(), "kube-probe/1.36".to_owned()), ("Accept".to_owned(), "*/*".to_owned())];
    let (host, port) = (address.ip().to_string(), address.port());
    Request { url: Url { scheme: Scheme::Http, host, port, path: path.to_owned(), port_shown: true }, headers, host: None }
}

async fn outcome(answers: &[&str]) -> Outcome {
    let (address, task) = serve(answers.iter().map(|answer| (*answer).to_owned()).collect()).await;
    let outcome = page(get(&request(address, "/"), Some(Duration::from_secs(5))).await);
    task.abort();
    outcome
}

fn check(outcome: &Outcome, verdict: ProbeVerdict, output: &str) {
    assert_eq!((outcome.verdict, outcome.output.as_str()), (verdict, output));
}

#[tokio::test]
async fn a_request_looks_like_the_kubelets() {
    let (address, task) = serve(vec!["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()]).await;
    let answer = get(&request(address, "/healthz?full=1"), Some(Duration::from_secs(5))).await.expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    let requests = task.await.expect("served");
    let expected = format!(
        "GET /healthz?full=1 HTTP/1.1\r\nHost: {address}\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(requests, [expected]);
}

#[tokio::test]
async fn a_request_that_the_socket_has_no_room_for_is_sent_whole() {
    let (address, task) = serve(vec!["HTTP/1.1 204 No Content\r\n\r\n".to_owned()]).await;
    let path = format!("/{}", "a".repeat(16 << 20));
    assert_eq!(get(&request(address, &path), Some(Duration::from_secs(60))).await.expect("an answer").status, 204);
    assert!(task.await.expect("served")[0].starts_with(&format!("GET {path} HTTP/1.1\r\n")));
}

#[tokio::test]
async fn the_status_decides() {
    check(&outcome(&["HTTP/1.0 204 No Content\r\n\r\n"]).await, ProbeVerdict::Success, "");
    check(&outcome(&["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nall"]).await, ProbeVerdict::Success, "all");
    let failed = outcome(&["HTTP/1.1 503 Service Unavailable\r\n\r\nsecret"]).await;
    check(&failed, ProbeVerdict::Failure, "HTTP probe failed with statuscode: 503");
    check(&outcome(&["HTTP/1.1 404 Not Found\r\n\r\n"]).await, ProbeVerdict::Failure, "HTTP probe failed with statuscode: 404");
    let odd = outcome(&["HTTP/1.1 304 Not Modified\r\n\r\n"]).await;
    check(&odd, ProbeVerdict::Warning, "Probe terminated redirects, Response body: ");
}

#[tokio::test]
async fn redirects_are_followed_on_the_same_host_only() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere";
    check(&outcome(&["HTTP/1.1 302 Found\r\nLocation: /other\r\n\r\n", ok]).await, ProbeVerdict::Success, "here");
    let away = outcome(&["HTTP/1.1 301 Moved\r\nLocation: http://example.invalid/\r\nContent-Length: 4\r\n\r\naway"]).await;
    check(&away, ProbeVerdict::Warning, "Probe terminated redirects, Response body: away");
    let lost = outcome(&["HTTP/1.1 302 Found\r\n\r\n"]).await;
    assert!(lost.output.ends_with("302 response missing Location header"), "{}", lost.output);
    let circle = outcome(&["HTTP/1.1 307 Again\r\nLocation: /\r\n\r\n"; 12]).await;
    assert!(circle.output.ends_with("/\": stopped after 10 redirects"), "{}", circle.output);
}

#[tokio::test]
async fn bodies_are_read_by_length_in_chunks_or_to_the_end_and_cut() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
    check(&outcome(&[chunked]).await, ProbeVerdict::Success, "abcde");
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(50_000));
    assert_eq!(outcome(&[&long]).await.output.len(), 10 << 10);
    check(&outcome(&["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"]).await, ProbeVerdict::Unknown, "unexpected EOF");
}

#[tokio::test]
async fn what_is_no_answer_is_told_in_gos_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let slow = page(get(&request(address, "/"), Some(Duration::from_millis(50))).await);
    let words = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
    check(&slow, ProbeVerdict::Failure, &format!("Get \"http://{address}/\": {words}"));
    drop(listener);
    let refused = page(get(&request(address, "/"), Some(Duration::from_secs(5))).await);
    let words = format!("Get \"http://{address}/\": dial tcp {address}: connect: connection refused");
    check(&refused, ProbeVerdict::Failure, &words);
    let ssh = outcome(&["SSH-2.0-x\r\n"]).await;
    assert!(ssh.output.ends_with("malformed HTTP response \"SSH-2.0-x\""), "{}", ssh.output);
    let nothing = outcome(&[""]).await;
    assert!(nothing.output.ends_with(": EOF") || nothing.output.ends_with("connection reset by peer"), "{}", nothing.output);
}

#[test]
fn a_location_is_joined_as_a_browser_does() {
    let url = Url { scheme: Scheme::Http, host: "10.0.0.1".to_owned(), port: 80, path: "/a/b?q".to_owned(), port_shown: true };
    let join = |location: &str| url.join(location).map(|url| url.to_string());
    let check = |location: &str, expected: &str| assert_eq!(join(location).as_deref(), Some(expected), "{location}");
    check("/x?y#z", "http://10.0.0.1:80/x?y");
    check("c", "http://10.0.0.1:80/a/c");
    check("?r", "http://10.0.0.1:80/a/b?r");
    check("https://10.0.0.1", "https://10.0.0.1/");
    check("//[::1]:81/x", "http://[::1]:81/x");
    assert_eq!(join("ftp://x/"), None);
    assert_eq!(join("http://x:port/"), None);
}
