//! A port-forward: sockets that listen here, and each connection passed on to a port of a pod.
//!
//! It outlives a lost link and a pod that is made again: every connection asks for the pod anew.

use super::driver::Sink;
use super::{Delta, Forward, ForwardReport, ForwardState};
use crate::forward::{self, Way};
use client::{ClientError, Link};
use futures_util::future::select_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::cell::Cell;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;
use wire::PortForwardRequest;

/// The least time between two reports that only bytes call for.
const BETWEEN_REPORTS: Duration = Duration::from_millis(500);

/// What got through, counted by every connection.
#[derive(Debug, Default)]
struct Meter {
    up: Cell<u64>,
    down: Cell<u64>,
    moved: Notify,
}

impl Meter {
    fn count(&self, way: Way, bytes: usize) {
        let sum = if way == Way::Up { &self.up } else { &self.down };
        sum.set(sum.get() + bytes as u64);
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
    if sink(Delta::Forward { id, report: report.clone() }) {
        serve(&link, (id, &forward), &doors, report, &sink).await;
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

async fn serve(link: &Link, (id, forward): (u32, &Forward), doors: &[TcpListener], mut report: ForwardReport, sink: &Sink) {
    let meter = Meter::default();
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
                    connections.push(pass(link, forward, stream, &meter));
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
            (report.up, report.down) = (meter.up.get(), meter.down.get());
            if !sink(Delta::Forward { id, report: report.clone() }) {
                return;
            }
        }
    }
}

async fn pass(link: &Link, forward: &Forward, stream: TcpStream, meter: &Meter) -> Result<(), ClientError> {
    let client = link.client().ok_or(ClientError::NotConnected)?;
    let request =
        PortForwardRequest { namespace: forward.namespace.clone(), pod: forward.pod.clone(), port: forward.port, window: 0 };
    forward::pass(client, stream, request, &|way, bytes| meter.count(way, bytes)).await
}
