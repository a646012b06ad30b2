//! When what is left of pods may go.

use super::told;
use control::membership::Members;
use control::version::NodeId;
use std::time::Duration;
use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_millis(20);

fn members(others: &[&str]) -> Members {
    Members::new(NodeId::from("oak"), others.iter().map(|name| NodeId::from(*name)))
}

/// Whether a node is certain, ever: it is given many times the patience that it needs.
async fn is_certain(alive: watch::Receiver<Members>, is_only_node: bool) -> bool {
    tokio::time::timeout(PATIENCE * 15, told(alive, PATIENCE, |_| is_only_node)).await.is_ok()
}

#[tokio::test]
async fn a_node_that_sees_nobody_is_certain_only_where_there_is_no_other() {
    let (_tell, alive) = watch::channel(members(&[]));
    assert!(!is_certain(alive.clone(), false).await);
    assert!(is_certain(alive, true).await);
}

#[tokio::test]
async fn a_node_is_certain_once_it_has_been_among_others() {
    let (tell, alive) = watch::channel(members(&["elm"]));
    assert!(is_certain(alive.clone(), false).await);
    tell.send_replace(members(&[]));
    let (certain, ()) = tokio::join!(told(alive, PATIENCE, |_| false), async {
        tell.send_replace(members(&["elm", "fir"]));
    });
    let () = certain;
}

#[tokio::test]
async fn a_daemon_that_ends_is_certain_of_nothing() {
    let (tell, alive) = watch::channel(members(&["elm"]));
    drop(tell);
    assert!(!is_certain(alive, true).await);
}
