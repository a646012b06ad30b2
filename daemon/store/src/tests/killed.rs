//! `kill -9` at any moment loses nothing that was acknowledged.

use super::{Opened, folder, key, pod};
use crate::Preconditions;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const FOLDER: &str = "SKIFF_STORE_TEST_FOLDER";

/// Not a test of its own: what the killed process does. It writes and says what was acknowledged.
#[tokio::test]
async fn child_that_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let opened = Opened::at(&folder);
    let first = opened.store().list(objects::Kind::Pod, None).items.len();
    for number in first.. {
        let name = format!("p{number}");
        opened.store().create(key(&name), pod(&name, &name)).await.expect("created");
        eprintln!("acknowledged {name}");
        if number % 3 == 0 {
            opened.store().delete(key(&name), Preconditions::default()).await.expect("removed");
            opened.store().create(key(&name), pod(&name, "again")).await.expect("created");
            eprintln!("acknowledged again {name}");
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let folder = folder();
    let mut acknowledged = Vec::new();
    let mut again = Vec::new();
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().expect("a program"))
            .args(["--exact", "--nocapture", "tests::killed::child_that_writes_until_it_is_killed"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the child runs");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        // Each round is killed after another number of writes, in the middle of whatever comes next.
        let mut note = |line: &str| {
            if let Some(name) = line.strip_prefix("acknowledged again ") {
                again.push(name.to_owned());
            } else if let Some(name) = line.strip_prefix("acknowledged ") {
                acknowledged.push(name.to_owned());
            }
        };
        for line in lines.by_ref().take(round * 2 + 1) {
            note(&line.expect("text"));
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        lines.map_while(Result::ok).for_each(|line| note(&line));
    }
    let opened = Opened::at(folder.path());
    assert!(opened.damage.is_empty(), "{:?}", opened.damage);
    assert!(acknowledged.len() >= 12);
    for name in &again {
        assert_eq!(opened.store().get(&key(name)).map(|found| found.uid().to_owned()).as_deref(), Some("again"), "{name}");
    }
    for name in acknowledged.iter().filter(|name| !again.contains(name)) {
        let found = opened.store().get(&key(name));
        // The last one may have been removed by a write that was not acknowledged any more.
        let may_be_gone = name.trim_start_matches('p').parse::<u32>().is_ok_and(|number| number % 3 == 0);
        assert!(found.is_some() || may_be_gone, "{name}");
    }
}
