//! Lists that are longer than one message.

use super::{Raw, Served, create, object, pod};
use objects::Kind;
use serde_json::json;
use std::time::Duration;
use wire::{
    ClientMessage, DryRun, ListRequest, ObjectList, PART_BYTES, Request, Response, Selection, ServerMessage, WatchRequest,
};

/// A daemon with pods that fill several parts of a list.
async fn filled(pods: usize) -> Served {
    let served = Served::new();
    let client = served.client().await;
    for number in 0..pods {
        let mut pod = pod(&format!("p{number:02}"));
        pod["metadata"]["annotations"] = json!({"text": "x".repeat(PART_BYTES / 2)});
        object(&client, create(pod, DryRun::No)).await;
    }
    served
}

/// The next part of the list that is the answer to a request.
async fn part(raw: &mut Raw, wanted: u32) -> ObjectList {
    match raw.next().await {
        Some(ServerMessage::Response { id, result: Ok(Response::List(list)) }) if id == wanted => list,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_long_list_comes_in_parts_to_who_takes_them_and_whole_to_others() {
    let served = filled(5).await;
    let mut raw = Raw::greeted(&served).await;
    let list = |in_parts| Request::List(ListRequest { kind: Kind::Pod, selection: Selection::default(), in_parts });
    raw.say(&ClientMessage::Request { id: 1, request: list(false) }).await;
    let whole = part(&mut raw, 1).await;
    assert_eq!((whole.items.len(), whole.more), (5, false));
    raw.say(&ClientMessage::Request { id: 2, request: list(true) }).await;
    let mut items = Vec::new();
    for (count, more) in [(2, true), (2, true), (1, false)] {
        let part = part(&mut raw, 2).await;
        assert_eq!((part.items.len(), part.more), (count, more));
        assert_eq!(part.resource_version, whole.resource_version);
        items.extend(part.items);
    }
    let texts = |items: &[Box<serde_json::value::RawValue>]| items.iter().map(|item| item.get().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(&items), texts(&whole.items));
    // A client of ours gets one answer and one snapshot.
    let client = served.client().await;
    let answer = client.request(list(true)).await;
    assert!(matches!(answer, Ok(Response::List(list)) if list.items.len() == 5 && !list.more));
    let mut watch = client.watch(Kind::Pod, Selection::default(), None).await.expect("a watch");
    assert_eq!(watch.take_snapshot().map(|list| (list.items.len(), list.more)), Some((5, false)));
    object(&client, create(pod("z"), DryRun::No)).await;
    assert!(watch.next().await.is_ok_and(|event| event.is_some()), "changes come after the last part");
}

#[tokio::test]
async fn who_does_not_read_a_watchs_list_stalls_only_that() {
    let served = filled(6).await;
    let mut raw = Raw::greeted(&served).await;
    let watch = WatchRequest { kind: Kind::Pod, selection: Selection::default(), resume_from: None, window: 1, in_parts: true };
    raw.say(&ClientMessage::Request { id: 1, request: Request::Watch(watch) }).await;
    // The first part is free, and one may go over the window.
    assert!(part(&mut raw, 1).await.more);
    assert!(part(&mut raw, 1).await.more);
    assert!(tokio::time::timeout(Duration::from_millis(50), raw.next()).await.is_err(), "it waits for credit");
    raw.say(&ClientMessage::Request { id: 2, request: Request::Members }).await;
    assert!(matches!(raw.next().await, Some(ServerMessage::Response { id: 2, .. })));
    raw.say(&ClientMessage::Credit { id: 1, bytes: 1 << 20 }).await;
    assert!(part(&mut raw, 1).await.more);
    let last = part(&mut raw, 1).await;
    assert!(last.items.is_empty() && !last.more, "the parts before were full");
}
