//! Checks against a server of a few lines.

use super::*;
use http::Response;
use tokio::net::TcpListener;

/// What a server answers to one call.
enum Reply {
    Serving(u8),
    Refused(&'static str, &'static str),
    Page,
    Nothing,
}

/// Answers one call; gives the port, and the service that was asked for.
async fn serve(reply: Reply) -> (u16, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut connection = h2::server::handshake(stream).await.expect("a handshake");
        let (request, mut respond) = connection.accept().await.expect("a call").expect("a call");
        assert_eq!(request.uri().path(), METHOD);
        let served = tokio::spawn(async move {
            let mut body = request.into_body();
            let asked = read(&mut body).await.expect("a message").to_vec();
            let plain = Response::builder().header("content-type", "application/grpc");
            match reply {
                Reply::Serving(status) => {
                    let mut send = respond.send_response(plain.body(()).expect("an answer"), false).expect("sent");
                    let message = if status == 0 { vec![0, 0, 0, 0, 0] } else { vec![0, 0, 0, 0, 2, 8, status] };
                    send.send_data(message.into(), false).expect("sent");
                    let mut trailers = HeaderMap::new();
                    trailers.insert("grpc-status", "0".parse().expect("a value"));
                    send.send_trailers(trailers).expect("sent");
                }
                Reply::Refused(code, message) => {
                    let answer = plain.header("grpc-status", code).header("grpc-message", message).body(()).expect("an answer");
                    respond.send_response(answer, true).expect("sent");
                }
                Reply::Page => {
                    let answer = Response::builder().status(404).body(()).expect("an answer");
                    respond.send_response(answer, true).expect("sent");
                }
                Reply::Nothing => std::future::pending().await,
            }
            asked
        });
        while connection.accept().await.is_some() {}
        served.await.expect("served")
    });
    (port, task)
}

async fn check_reply(reply: Reply, limit_ms: u64) -> (ProbeVerdict, String) {
    let (port, _task) = serve(reply).await;
    let outcome = check("127.0.0.1", port, "", Duration::from_millis(limit_ms)).await;
    (outcome.verdict, outcome.output)
}

#[tokio::test]
async fn the_answer_decides() {
    let failed = |words: &str| (ProbeVerdict::Failure, words.to_owned());
    assert_eq!(check_reply(Reply::Serving(1), 5000).await, (ProbeVerdict::Success, "service healthy".to_owned()));
    assert_eq!(check_reply(Reply::Serving(2), 5000).await, failed("service unhealthy (responded with \"NOT_SERVING\")"));
    assert_eq!(check_reply(Reply::Serving(0), 5000).await, failed("service unhealthy (responded with \"UNKNOWN\")"));
    let words = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service";
    assert_eq!(check_reply(Reply::Refused("12", "unknown%20service"), 5000).await, failed(words));
    let words = "error: health rpc probe failed: rpc error: code = NotFound desc = who?";
    assert_eq!(check_reply(Reply::Refused("5", "who?"), 5000).await, failed(words));
    let (_, words) = check_reply(Reply::Page, 5000).await;
    assert!(words.ends_with("unexpected HTTP status code received from server: 404 Not Found"), "{words}");
    assert_eq!(check_reply(Reply::Nothing, 300).await, failed("timeout: health rpc did not complete within 0s"));
}

#[tokio::test]
async fn nobody_there_is_told_when_the_time_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    drop(listener);
    let outcome = check("127.0.0.1", port, "", Duration::from_millis(300)).await;
    let words = format!("timeout: failed to connect service \"127.0.0.1:{port}\" within 0s: context deadline exceeded");
    assert_eq!((outcome.verdict, outcome.output), (ProbeVerdict::Failure, words));
}

#[tokio::test]
async fn the_service_goes_along() {
    let (port, task) = serve(Reply::Serving(1)).await;
    let outcome = check("127.0.0.1", port, "web", Duration::from_secs(5)).await;
    assert_eq!(outcome.verdict, ProbeVerdict::Success);
    assert_eq!(task.await.expect("served"), b"\0\0\0\0\x05\n\x03web");
}

#[test]
fn answers_that_are_none_are_refused() {
    for bytes in [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x05\x08", b"\x01\0\0\0\0", b"\0\0\0\0\x02\x0d\x01"] {
        assert_eq!(serving(bytes), None, "{bytes:?}");
    }
    assert_eq!(serving(b"\0\0\0\0\x05\x12\x01x\x08\x01"), Some(1), "a field that is not known is passed over");
}
