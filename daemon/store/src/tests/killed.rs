//! `kill -9` at any moment loses nothing that was acknowledged; neither does a disk that takes no more.

use super::merge::{everything, id, record, spec_of};
use super::{Opened, folder, key, of, pod};
use crate::{MergeOutcome, Preconditions, Settings, StoreError};
use control::record::Part;
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
        } else {
            // Merged lazily; what is written upon it takes it along.
            let (name, now) = (format!("m{number}"), opened.store().now_ms());
            let merged = (id(&format!("pods/default/{name}"), Part::Spec), record((now, now), spec_of(&name)));
            opened.store().merge(vec![merged]).await.expect("open");
            opened.store().bind(key(&name), "node1", of(&name)).await.expect("bound");
            eprintln!("acknowledged bound {name}");
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let folder = folder();
    let mut acknowledged = Vec::new();
    let mut again = Vec::new();
    let mut bound = Vec::new();
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
            } else if let Some(name) = line.strip_prefix("acknowledged bound ") {
                bound.push(name.to_owned());
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
    for name in &bound {
        let found = opened.store().get(&key(name)).map(|found| found.to_value()["spec"]["nodeName"].clone());
        assert_eq!(found, Some("node1".into()), "{name}");
    }
    for name in acknowledged.iter().filter(|name| !again.contains(name)) {
        let found = opened.store().get(&key(name));
        // The last one may have been removed by a write that was not acknowledged any more.
        let may_be_gone = name.trim_start_matches('p').parse::<u32>().is_ok_and(|number| number % 3 == 0);
        assert!(found.is_some() || may_be_gone, "{name}");
    }
}

const FULL: &str = "SKIFF_STORE_TEST_FULL";

/// Not a test of its own: a process whose files cannot grow, until it may again.
#[tokio::test]
async fn child_whose_disk_is_full() {
    let Some(folder) = std::env::var_os(FULL).map(PathBuf::from) else { return };
    let opened = Opened::with(&folder, Settings { lazy_ms: 20, ..Settings::default() });
    let store = opened.store();
    let mut written = 0;
    let refused = loop {
        let name = format!("p{written}");
        let mut object = pod(&name, &name);
        object["spec"]["x"] = "x".repeat(100_000).into();
        match store.create(key(&name), object).await {
            Ok(_) => written += 1,
            Err(error) => break (name, error),
        }
    };
    assert!(matches!(refused.1, StoreError::Disk(_)), "{refused:?}");
    assert!(store.get(&key(&refused.0)).is_none() && written > 0);
    let now = store.now_ms();
    let merged = vec![(id("pods/default/merged", Part::Spec), record((now, now), spec_of("1")))];
    let merge = store.merge(merged.clone());
    // In one batch with a write that the disk does not take.
    let (report, status) = tokio::join!(merge, store.bind(key("p0"), "node1", Preconditions::default()));
    assert_eq!(report.expect("open").outcomes, [MergeOutcome::Kept]);
    assert!(matches!(status, Err(StoreError::Disk(_))), "{status:?}");
    assert!(store.get(&key("merged")).is_some(), "it is shown all the same");
    let unlimited = ["--fsize=unlimited", "--pid", &std::process::id().to_string()].map(str::to_owned);
    assert!(Command::new("prlimit").args(unlimited).status().expect("prlimit runs").success());
    // Nothing else is written: it is tried again by itself.
    let on_disk = || {
        let copy = super::folder();
        std::fs::copy(folder.join("store.redb"), copy.path().join("store.redb")).expect("copied");
        let copied = Opened::at(copy.path());
        everything(copied.store())
    };
    while !on_disk().contains(&merged[0]) {
        tokio::task::yield_now().await;
    }
    assert_eq!(everything(store).len(), 2 * written + 1);
    eprintln!("all is well");
}

#[test]
fn a_full_disk_refuses_what_is_written_here_and_shows_and_keeps_what_is_merged() {
    let folder = folder();
    let test = std::env::current_exe().expect("a program");
    // 8 MiB, in blocks of 512 bytes; a write past that is an error, not a signal.
    let script = "trap '' XFSZ; ulimit -S -f 16384; exec \"$0\" --exact --nocapture tests::killed::child_whose_disk_is_full";
    let ended = Command::new("sh").args(["-c", script]).arg(test).env(FULL, folder.path()).output().expect("the child runs");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("all is well"), "{said}");
}
