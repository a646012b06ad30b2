//! A port-forward: sockets that listen here, and each connection passed on to a port of a pod.
//!
//! It outlives a lost link and a pod that is made again: every connection asks for the pod anew. What chooses pods keeps to one of them as
//! long as that is ready, and goes on with another.

use super::driver::Sink;
use super::{Delta, Forward, ForwardReport, ForwardState};
use crate::forward::backend::{self, ForwardError};
use crate::forward::{self, Way};
use client::{ClientError, Link};
use futures_util::future::select_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::cell::{Cell, RefCell};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;

/// The least time between two reports that only bytes call for.
const BETWEEN_REPORTS: Duration = Duration::from_millis(500);

/// What got through, counted by every connection, and to which pod the last one went.
#[derive(Debug, Default)]
struct Meter {
    up: Cell<u64>,
    down: Cell<u64>,
    pod: RefCell<Option<String>>,
    moved: Notify,
}

impl Meter {
    fn count(&self, way: Way, bytes: usize) {
        let sum = if way == Way::Up { &self.up } else { &self.down };
        sum.set(sum.get() + bytes as u64);
        self.moved.notify_one();
    }

    fn pod(&self) -> Option<String> {
        self.pod.borrow().clone()
    }

    fn goes_to(&self, pod: String) {
        *self.pod.borrow_mut() = Some(pod);
        self.moved.notify_one();
    }
}

/// Listens until its task is ended, and tells how it goes.
pub async fn run(link: Link, id: u32, forward: Forward, sink: Sink) {
    let mut report = ForwardReport::default();
    let doors = match open(&forward).await {
        Ok((doors, port)) => {
            report.state = ForwardState::Listening { port };
            doors
        }
        Err(why) => {
            report.state = ForwardState::Failed { why };
            sink(Delta::Forward { id, report });
            return;
        }
    };
    let meter = Meter::default();
    // Says now what is wrong, and not once somebody connects. Without a link nobody knows.
    if let Some(client) = link.client() {
        match backend::backends(&client, &forward.target, forward.port, None).await {
            Ok(backends) => *meter.pod.borrow_mut() = backends.into_iter().next().map(|backend| backend.pod),
            Err(error) => report.fault = Some(error.to_string()),
        }
    }
    report.pod = meter.pod();
    if sink(Delta::Forward { id, report: report.clone() }) {
        serve(&link, (id, &forward), (&doors, &meter), report, &sink).await;
    }
}

async fn open(forward: &Forward) -> Result<(Vec<TcpListener>, u16), String> {
    let addresses = forward::addresses(&forward.address)?;
    let (mut doors, mut port, mut fault) = (Vec::new(), forward.local, None);
    for address in addresses {
        match forward::listen(address, port).await {
            Ok((door, bound)) => {
                // One number on all addresses.
                port = bound.port();
                doors.push(door);
            }
            Err(error) => fault = fault.or(Some((address, error))),
        }
    }
    match fault {
        Some((address, error)) if doors.is_empty() => Err(format!("cannot listen on {address}:{port}: {error}")),
        _ => Ok((doors, port)),
    }
}

async fn serve(
    link: &Link,
    (id, forward): (u32, &Forward),
    (doors, meter): (&[TcpListener], &Meter),
    mut report: ForwardReport,
    sink: &Sink,
) {
    let mut connections = FuturesUnordered::new();
    let (mut told_at, mut is_due) = (Instant::now(), None);
    loop {
        let accepting = select_all(doors.iter().map(|door| Box::pin(door.accept())));
        let due = async {
            match is_due {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        // A listener keeps whoever was not accepted, the set whoever is being served, the meter what was counted.
        let is_news = tokio::select! {
            (accepted, ..) = accepting => match accepted {
                Ok((stream, _)) => {
                    (report.open, report.total) = (report.open + 1, report.total + 1);
                    connections.push(pass(link, forward, stream, meter));
                    true
                }
                // Out of descriptors, most likely: others may close theirs meanwhile.
                Err(error) => {
                    report.fault = Some(error.to_string());
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    true
                }
            },
            Some(result) = connections.next() => {
                report.open -= 1;
                report.fault = result.err().map(|error| error.to_string());
                report.failed += u64::from(report.fault.is_some());
                true
            },
            () = meter.moved.notified(), if is_due.is_none() => {
                is_due = Some(told_at + BETWEEN_REPORTS);
                false
            },
            () = due => true,
        };
        if is_news {
            (told_at, is_due) = (Instant::now(), None);
            (report.up, report.down, report.pod) = (meter.up.get(), meter.down.get(), meter.pod());
            if !sink(Delta::Forward { id, report: report.clone() }) {
                return;
            }
        }
    }
}

async fn pass(link: &Link, forward: &Forward, stream: TcpStream, meter: &Meter) -> Result<(), ForwardError> {
    let client = link.client().ok_or(ClientError::NotConnected)?;
    let connection = backend::dial(&client, &forward.target, forward.port, meter.pod().as_deref()).await?;
    meter.goes_to(connection.backend.pod.clone());
    Ok(forward::pass(stream, connection, &|way, bytes| meter.count(way, bytes)).await?)
}
