//! The task that watches how far this machine's clock is from those of the others, and sets what versions take from it.

use super::gossip::View;
use super::transport::Transport;
use crate::errors::chain;
use crate::events::{About, Recorder};
use crate::shutdown::Shutdown;
use control::pod::EventType;
use gossip::Member;
use std::time::Duration;
use store::Store;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

/// How often the clocks are compared.
const LOOK: Duration = Duration::from_secs(5);
/// How often it is looked, after a start, whether enough of them were measured.
const FIRST: Duration = Duration::from_millis(200);
/// And no longer than so long: the others may be down.
const FIRST_MOST: Duration = Duration::from_secs(5);

/// Runs until the shutdown signal. Tells the recorder once the cluster's time is known, or will not be known soon; `awaits_others` says
/// whether there is anybody whose clock could tell it.
pub async fn run(
    (store, recorder): (Store, Recorder),
    transport: Transport,
    view: watch::Receiver<View>,
    awaits_others: bool,
    mut shutdown: Shutdown,
) {
    let (begin, mut is_known) = (Instant::now(), false);
    loop {
        let members = view.borrow().clone();
        let ahead_ms = measured(&members, &transport);
        // One clock of several may be the wrong one: most have to be heard, or time has to pass.
        let is_enough = !ahead_ms.is_empty() && ahead_ms.len() * 2 >= members.len();
        is_known |= is_enough || !awaits_others || begin.elapsed() >= FIRST_MOST;
        if is_known && !ahead_ms.is_empty() {
            look(&store, &recorder, &ahead_ms).await;
        }
        if is_known {
            recorder.time_is_known();
        }
        // Both only wait.
        tokio::select! {
            () = shutdown.wait() => return,
            () = tokio::time::sleep(if is_known { LOOK } else { FIRST }) => {}
        }
    }
}

/// How far the clocks of the members that are seen are ahead of ours, in ms.
fn measured(members: &[Member], transport: &Transport) -> Vec<i64> {
    let active = members.iter().filter(|member| member.state.is_active());
    let clocks = transport.clocks();
    active.filter_map(|member| clocks.get(member.identity.name.as_str())).map(|clock| clock.offset_us / 1000).collect()
}

async fn look(store: &Store, recorder: &Recorder, ahead_ms: &[i64]) {
    let before_ms = store.clock_correction();
    let wanted_ms = control::skew::correction_ms(before_ms, ahead_ms);
    match store.set_clock_correction(wanted_ms).await {
        Ok(restamped) if restamped > 0 => info!(objects = restamped, "changes with a time from the future were stamped anew"),
        Ok(_) => {}
        Err(error) => warn!(error = %chain(&error), "the clock's correction was not taken"),
    }
    if wanted_ms != before_ms {
        tell(recorder, wanted_ms);
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
