//! Containers that the tests play: whatever is run, and whatever port is asked for, sends back what it gets.

use crate::probes::history::{ProbeHistory, ProbeTotals, ProbesOfPod};
use crate::streams::{Attach, Containers, Duplex, Ending, Program, Running, Standard, Transfer};
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use objects::Status;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use wire::{ContainerUsage, NodeUsage, PodUsage, StreamEnd, TerminalSize, Used, channel};

/// See the file's header. Counts what runs.
#[derive(Debug, Default)]
pub struct Played {
    pub running: Arc<AtomicUsize>,
    pub probes: ProbeHistory,
}

/// Counts one down when what it is with is dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Containers for Played {
    /// Ends with 7 at the end of its input. Says its terminal's sizes in between.
    fn exec(self: Arc<Self>, container: Running, program: Program) -> BoxFuture<'static, Result<Duplex, Status>> {
        let counted = Counted::new(&self.running);
        Box::pin(async move {
            if program.argv[0] == "nothing" {
                return Err(Status::internal(format!("{} has no such program", container.container)));
            }
            let (near, far) = UnixStream::pair().expect("a pair of sockets");
            let (source, sink) = near.into_split();
            let (sizes, told) = std::sync::mpsc::channel::<TerminalSize>();
            let end = Box::pin(async move {
                let _counted = counted;
                let (mut from, mut to) = far.into_split();
                // A side that is dropped ends it, too.
                let _ = tokio::io::copy(&mut from, &mut to).await;
                let sizes: Vec<TerminalSize> = told.try_iter().collect();
                for size in sizes {
                    let _ = to.write_all(format!("{}x{}\n", size.columns, size.rows).as_bytes()).await;
                }
                StreamEnd::Exited { code: 7 }
            });
            let resize = matches!(program.streams, Standard::Terminal(_))
                .then(|| Box::new(move |size| sizes.send(size).map_err(std::io::Error::other)) as crate::streams::Resize);
            let input = (program.streams != Standard::Output).then(|| Box::new(sink) as crate::streams::Sink);
            Ok(Duplex { input, outputs: vec![(channel::STDOUT, Box::new(source))], resize, ending: Ending::Known(end) })
        })
    }

    fn probe_totals(&self) -> ProbeTotals {
        self.probes.totals()
    }

    fn probes(&self, uid: &str) -> ProbesOfPod {
        self.probes.of(uid)
    }

    /// A thousandth of a core and a mebibyte a container.
    fn usage(self: Arc<Self>, pods: Vec<Arc<Pod>>) -> BoxFuture<'static, Result<NodeUsage, Status>> {
        let used = Used { cpu_nanocores: 1_000_000, memory_bytes: 1 << 20 };
        let pod = |pod: &Arc<Pod>| PodUsage {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            name: pod.metadata.name.clone().unwrap_or_default(),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            containers: pod
                .spec
                .iter()
                .flat_map(|spec| &spec.containers)
                .map(|of| ContainerUsage { name: of.name.clone(), used })
                .collect(),
        };
        let pods = pods.iter().map(pod).collect();
        let usage = NodeUsage { node: String::new(), at_ms: 1_700_000_000_000, window_ms: 15_000, used, pods };
        Box::pin(async move { Ok(usage) })
    }

    fn attach(self: Arc<Self>, container: Running, how: Attach) -> BoxFuture<'static, Result<Duplex, Status>> {
        let streams = if how.stdin { Standard::All } else { Standard::Output };
        self.exec(container, Program { argv: vec!["attached".to_owned()], streams })
    }

    fn exec_on_host(self: Arc<Self>, container: Option<Running>, program: Program) -> BoxFuture<'static, Result<Duplex, Status>> {
        match container {
            Some(container) => self.exec(container, program),
            None => Box::pin(async { Err(Status::internal("there is no host here")) }),
        }
    }

    /// Sends back the archive that it gets.
    fn copy(self: Arc<Self>, container: Running, transfer: Transfer) -> BoxFuture<'static, Result<Duplex, Status>> {
        self.exec(container, Program { argv: vec![transfer.path], streams: Standard::All })
    }

    fn connect(self: Arc<Self>, _pod: Arc<Pod>, port: u16) -> BoxFuture<'static, Result<Duplex, Status>> {
        Box::pin(async move {
            if port == 1 {
                return Err(Status::internal("connection refused"));
            }
            let (near, far) = UnixStream::pair().expect("a pair of sockets");
            let (source, sink) = near.into_split();
            tokio::spawn(async move {
                let (mut from, mut to) = far.into_split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
            let outputs: Vec<(u8, crate::streams::Source)> = vec![(channel::STDOUT, Box::new(source))];
            Ok(Duplex { input: Some(Box::new(sink)), outputs, resize: None, ending: Ending::BothWays })
        })
    }
}
