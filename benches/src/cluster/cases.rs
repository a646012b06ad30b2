//! What is measured on machines, one function a case.

use crate::machines::{Machines, members};
use crate::report::Row;
use crate::writes::{PAYLOAD, Records, Watches, time_to_all};
use anyhow::Result;
use client::Client;
use std::time::{Duration, Instant};
use wire::MemberState;

/// 50 writes a second.
const PAUSE: Duration = Duration::from_millis(20);
/// How long it is left alone to see what it does at rest.
const REST: Duration = Duration::from_secs(30);
/// After a start or a load, until it is at rest.
const SETTLE: Duration = Duration::from_secs(15);
/// How often a daemon is killed.
const KILLS: usize = 3;

/// How much is written.
pub struct Amounts {
    /// Writes that are timed.
    pub timed: usize,
    /// Records that a fresh node is to hold.
    pub records: usize,
    /// How long a split lasts.
    pub split: Duration,
    /// Writes on each side of it.
    pub a_side: usize,
}

/// The goals that every case of so many machines has, as multiples of those of three.
#[derive(Debug, Clone, Copy)]
struct Goals(f64);

/// All cases of three machines.
pub async fn three(machines: &Machines, amounts: &Amounts) -> Result<Vec<Row>> {
    let mut rows = rest(machines, "3 nodes", Goals(1.0)).await?;
    rows.extend(visible(machines, amounts, Goals(1.0)).await?);
    rows.push(killed(machines).await?);
    rows.push(split(machines, amounts).await?);
    rows.push(fresh(machines, amounts).await?);
    Ok(rows)
}

/// The cases of many machines: the goals are three times as wide.
pub async fn many(machines: &Machines, amounts: &Amounts) -> Result<Vec<Row>> {
    let mut rows = rest(machines, &format!("{} nodes", machines.count), Goals(3.0)).await?;
    rows.extend(visible(machines, amounts, Goals(3.0)).await?);
    Ok(rows)
}

/// Bytes sent and processor time while nothing happens.
async fn rest(machines: &Machines, name: &str, Goals(factor): Goals) -> Result<Vec<Row>> {
    tokio::time::sleep(SETTLE).await;
    let (sent, cpu_ms, begin) = (machines.sent_bytes()?, machines.cpu_ms()?, Instant::now());
    tokio::time::sleep(REST).await;
    let node_seconds = begin.elapsed().as_secs_f64() * machines.count as f64;
    let kib = (machines.sent_bytes()? - sent) as f64 / 1024.0 / node_seconds;
    let percent = (machines.cpu_ms()? - cpu_ms) / 10.0 / node_seconds;
    Ok(vec![
        Row::new(&format!("{name}, at rest: sent by a node, KiB/s"), Some(kib), factor * 0.5),
        Row::new(&format!("{name}, at rest: cpu of a daemon, % of a core"), Some(percent), factor * 0.2),
    ])
}

/// From a write's request to the last node that shows it, and what that costs on the wire.
async fn visible(machines: &Machines, amounts: &Amounts, Goals(factor): Goals) -> Result<Vec<Row>> {
    let clients = machines.clients().await?;
    let records = Records::new(&clients[0]).await?;
    let sent = machines.sent_bytes()?;
    let times = time_to_all(&clients, records, amounts.timed, PAUSE).await?;
    let sent = (machines.sent_bytes()? - sent) as f64;
    let payload = (amounts.timed * (machines.count - 1) * PAYLOAD) as f64;
    if times.late > 0 {
        println!("{} of {} writes did not come to all of {} nodes in time", times.late, amounts.timed, machines.count);
    }
    let name = format!("{} nodes, 2 KiB record on all, 50 a second", machines.count);
    let mut rows = vec![
        Row::new(&format!("{name}: median, ms"), times.percentile(50), factor * 12.0),
        Row::new(&format!("{name}: p99, ms"), times.percentile(99), factor * 25.0),
        Row::new(&format!("{name}: bytes sent a byte of payload"), Some(sent / payload), 1.3),
    ];
    if machines.count == 3 {
        let [median, p99, wire]: [Row; 3] = rows.try_into().map_err(|_| anyhow::anyhow!("three rows"))?;
        rows = vec![median.beside("median"), p99.beside("p99"), wire];
    }
    Ok(rows)
}

/// From `kill -9` of a daemon until all others know it down: the slowest of some.
async fn killed(machines: &Machines) -> Result<Row> {
    let mut slowest: f64 = 0.0;
    let last = machines.count;
    for _ in 0..KILLS {
        let others = machines.clients().await?;
        let others = &others[..last - 1];
        machines.kill(last)?;
        let begin = Instant::now();
        for client in others {
            while !knows_down(client, &format!("n{last}")).await? {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        slowest = slowest.max(begin.elapsed().as_secs_f64() * 1e3);
        machines.script(&["start", &format!("n{last}")])?;
        for client in others {
            machines.until_alive(client, last).await?;
        }
    }
    Ok(Row::new("3 nodes: a killed daemon is known down on all others, ms", Some(slowest), 6_000.0).beside("killed"))
}

async fn knows_down(client: &Client, name: &str) -> Result<bool> {
    let members = members(client).await?;
    Ok(members.members.iter().any(|member| member.name == name && member.state == MemberState::Down))
}

/// From the end of a split, with writes on both sides, until all nodes show all of them.
async fn split(machines: &Machines, amounts: &Amounts) -> Result<Row> {
    let clients = machines.clients().await?;
    let records = Records::new(&clients[0]).await?;
    let mut watches = Watches::new(&clients).await?;
    machines.script(&["cut", "n1,n2", "n3"])?;
    let begin = Instant::now();
    let mut pause = tokio::time::interval(amounts.split / u32::try_from(amounts.a_side.max(1))?);
    for number in 0..amounts.a_side {
        pause.tick().await;
        let (left, right) = (format!("split-left-{number:06}"), format!("split-right-{number:06}"));
        let left = records.create(&clients[number % 2], &left);
        tokio::try_join!(left, records.create(&clients[2], &right))?;
    }
    tokio::time::sleep(amounts.split.saturating_sub(begin.elapsed())).await;
    machines.script(&["heal"])?;
    let begin = Instant::now();
    watches.until_shown("split-", amounts.a_side * 2, Duration::from_secs(120)).await?;
    let took_ms = begin.elapsed().as_secs_f64() * 1e3;
    let seconds = amounts.split.as_secs();
    let what = format!("3 nodes: equal after {seconds} s split, {} writes a side, ms", amounts.a_side);
    Ok(Row::new(&what, Some(took_ms), 1_000.0))
}

/// From a new machine's start of its daemon, without any state, until it shows everything.
async fn fresh(machines: &Machines, amounts: &Amounts) -> Result<Row> {
    let clients = machines.clients().await?;
    let records = Records::new(&clients[0]).await?;
    let begin = Instant::now();
    let mut watches = Watches::new(&clients).await?;
    records.fill(&clients[0], "fill", amounts.records).await?;
    watches.until_shown("fill-", amounts.records, Duration::from_secs(300)).await?;
    println!("{} records written on one node and shown by all after {:.1} s", amounts.records, begin.elapsed().as_secs_f64());
    drop(watches);
    let number = machines.count + 1;
    machines.prepare(number)?;
    let joining = machines.launch(number)?;
    let client = [machines.client(number).await?];
    let mut watches = Watches::new(&client).await?;
    watches.until_shown("fill-", amounts.records, Duration::from_secs(300)).await?;
    let took_ms = machines.age_seconds(number)? * 1e3;
    joining.finish()?;
    let what = format!("3 nodes: a fresh fourth one shows {} records, ms", amounts.records);
    Ok(Row::new(&what, Some(took_ms), 1_500.0).beside("fresh-node"))
}
