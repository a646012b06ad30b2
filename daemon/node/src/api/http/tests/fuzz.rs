//! Requests that are almost right, by a seed: each is answered or its connection closed, and nothing panics. `SKIFF_SEED=n` repeats one,
//! `SKIFF_RUNS=n` sends so many.

use super::client::Api;
use super::random::{Random, seeds};
use super::{PODS, pod};
use crate::api::http::{Protocol, serve};
use crate::api::peer::Peer;
use rest::rights::Role;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATHS: [&str; 8] = [
    PODS,
    "/api/v1/namespaces/default/pods/a",
    "/api/v1/namespaces/default/pods/a/log",
    "/api/v1/namespaces/default/pods/a/exec",
    "/apis/apps/v1/deployments",
    "/openapi/v3/api/v1",
    "/v1",
    "/version",
];
const PARAMETERS: [&str; 13] = [
    "watch=true&timeoutSeconds=1",
    "limit=1",
    "continue=eyJ2IjoibWV0YSJ9",
    "labelSelector=a%3Db",
    "fieldSelector=metadata.name%3Da",
    "resourceVersion=1",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&watch=1&timeoutSeconds=1",
    "dryRun=All",
    "fieldManager=me&force=true",
    "command=%00&stdout=1",
    "tailLines=-1",
    "stream=Stdout",
    "pretty=1",
];
const HEADERS: [&str; 12] = [
    "Accept: application/json;as=Table;v=v1;g=meta.k8s.io",
    "Accept: */*;q=0",
    "Content-Type: application/apply-patch+yaml",
    "Content-Type: application/json-patch+json",
    "Content-Type: application/vnd.kubernetes.protobuf",
    "Content-Type: application/strategic-merge-patch+json",
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io",
    "Transfer-Encoding: chunked",
    "Content-Length: 9999999999999999999",
    "Expect: 100-continue",
    "Authorization: Bearer a.b.c",
];

/// A request that one could mean, and then a few of its bytes changed, left out or doubled.
fn request(random: &mut Random) -> Vec<u8> {
    let method = random.pick(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"]);
    let parameters: Vec<&str> = (0..random.below(4)).map(|_| random.pick(&PARAMETERS)).collect();
    let mut text = format!("{method} {}?{} HTTP/1.1\r\nHost: x\r\n", random.pick(&PATHS), parameters.join("&"));
    for _ in 0..random.below(4) {
        text += random.pick(&HEADERS);
        text += "\r\n";
    }
    let object = pod("a").to_string();
    let body = random.pick(&["", "{}", "[]", "\"", "k8s\0\n\x0a\n\x02v1\x12\x03Pod", "- op: add\n  path: /x", object.as_str()]);
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let mut bytes = text.into_bytes();
    for _ in 0..random.below(5) {
        let place = random.index(bytes.len());
        match random.below(4) {
            0 => bytes[place] = u8::try_from(random.below(256)).expect("a byte"),
            1 => drop(bytes.remove(place)),
            2 => bytes.insert(place, random.pick(b"\0\r\n /%:;\xff{\"")),
            _ => bytes.truncate(place.max(1)),
        }
    }
    bytes
}

#[tokio::test]
async fn what_is_almost_a_request_is_answered_or_refused() {
    let api = Api::new().await;
    let peer = Peer::Console { name: "ada".to_owned(), groups: vec![Role::Admin.group().to_owned()] };
    for seed in seeds(300) {
        let mut random = Random::new(seed);
        let bytes = request(&mut random);
        let (mut near, far) = tokio::io::duplex(64 * 1024);
        let serving = tokio::spawn(serve(far, peer.clone(), Protocol::Http1, api.verbs()));
        let mut answer = Vec::new();
        let talking = async {
            for part in bytes.chunks(1 + random.index(200)) {
                if near.write_all(part).await.is_err() {
                    break;
                }
            }
            let _ = near.shutdown().await;
            let _ = near.read_to_end(&mut answer).await;
        };
        let ended = tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(talking, serving) }).await;
        let said = String::from_utf8_lossy(&bytes);
        let ((), served) = ended.unwrap_or_else(|_| panic!("SKIFF_SEED={seed} is never over: {said:?}"));
        served.unwrap_or_else(|error| panic!("SKIFF_SEED={seed} {error}: {said:?}"));
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1."), "SKIFF_SEED={seed} {said:?}: {answer:?}");
    }
    // Whoever comes next finds it as it was.
    assert_eq!(api.get(PODS).await.code, 200);
}
