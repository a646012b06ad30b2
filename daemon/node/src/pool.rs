//! Keeps network namespaces ready: a task that fills the pool when a pod took one.

use crate::shutdown::Shutdown;
use runtime::network::Network;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tracing::{debug, warn};

/// How often the bridge and the firewall rules are looked after.
const REPAIR_PERIOD: Duration = Duration::from_secs(60);

/// So long without a pod that starts is quiet.
const QUIET: Duration = Duration::from_millis(50);

/// Fills the pool at once, then whenever `taken` says that it has shrunk; repairs bridge and rules each minute.
pub async fn run(network: Arc<Network>, taken: Arc<Notify>, mut shutdown: Shutdown) {
    let mut repair = tokio::time::interval(REPAIR_PERIOD);
    repair.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The first tick comes at once, and the network was made a moment ago.
    repair.tick().await;
    refill(&network).await;
    loop {
        // A notice that comes while another arm runs is kept by the Notify.
        tokio::select! {
            () = shutdown.wait() => return,
            () = taken.notified() => {
                wait_for_quiet(&network, &taken).await;
                refill(&network).await;
            }
            _ = repair.tick() => {
                let owned = network.clone();
                if let Ok(Err(error)) = tokio::task::spawn_blocking(move || owned.repair()).await {
                    warn!(error = %crate::errors::chain(&error), "cannot repair the pods' network");
                }
                refill(&network).await;
            }
        }
    }
}

/// Making namespaces takes the kernel's network lock and a processor, just when pods that start need both: while the pool is
/// far from empty it waits until no pod has taken one for a moment.
async fn wait_for_quiet(network: &Network, taken: &Notify) {
    let enough = network.config().pool_size / 4;
    while network.ready() > enough && tokio::time::timeout(QUIET, taken.notified()).await.is_ok() {}
}

async fn refill(network: &Arc<Network>) {
    let network = network.clone();
    match tokio::task::spawn_blocking(move || network.refill()).await {
        Ok(Ok(0)) | Err(_) => {}
        Ok(Ok(made)) => debug!(made, "network namespaces made ahead"),
        // The next pod makes its own, and tells its user if that fails too.
        Ok(Err(error)) => warn!(error = %crate::errors::chain(&error), "cannot make network namespaces ahead"),
    }
}
