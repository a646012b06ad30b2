//! The task that watches how far this machine's clock is from those of the others, and sets what versions take from it.

use super::gossip::View;
use super::transport::Transport;
use crate::errors::chain;
use crate::events::{About, Recorder};
use crate::shutdown::Shutdown;
use control::pod::EventType;
use std::time::Duration;
use store::Store;
use tokio::sync::watch;
use tracing::{info, warn};

/// How often the clocks are compared.
const LOOK: Duration = Duration::from_secs(5);

/// Runs until the shutdown signal.
pub async fn run(store: Store, transport: Transport, view: watch::Receiver<View>, recorder: Recorder, mut shutdown: Shutdown) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        // A tick that is not taken now is taken next.
        tokio::select! {
            () = shutdown.wait() => return,
            _ = look.tick() => {}
        }
        let members = view.borrow().clone();
        let active = members.iter().filter(|member| member.state.is_active());
        let clocks = transport.clocks();
        let clocks = active.filter_map(|member| clocks.get(member.identity.name.as_str()));
        let ahead_ms: Vec<i64> = clocks.map(|clock| clock.offset_us / 1000).collect();
        if ahead_ms.is_empty() {
            continue;
        }
        let before_ms = store.clock_correction();
        let wanted_ms = control::skew::correction_ms(before_ms, &ahead_ms);
        match store.set_clock_correction(wanted_ms).await {
            Ok(restamped) if restamped > 0 => info!(objects = restamped, "changes with a time from the future were stamped anew"),
            Ok(_) => {}
            Err(error) => warn!(error = %chain(&error), "the clock's correction was not taken"),
        }
        if wanted_ms != before_ms {
            tell(&recorder, wanted_ms);
        }
    }
}

fn tell(recorder: &Recorder, correction_ms: i64) {
    let node = recorder.node_name();
    if correction_ms == 0 {
        let message = format!("The clock of node {node} agrees with the others again");
        return recorder.report(About::node(node), EventType::Normal, "ClockInSync", message);
    }
    let (seconds, way) = (correction_ms.unsigned_abs().div_ceil(1000), if correction_ms > 0 { "ahead of" } else { "behind" });
    let message = format!(
        "The clock of node {node} is {seconds} s {way} those of the others: its changes count in their time. Set the clock (timedatectl, \
         chrony)"
    );
    recorder.report(About::node(node), EventType::Warning, "ClockSkew", message);
}
