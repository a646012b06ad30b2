//! The last hour in numbers: events and restarts, counted into cells of equal length.

use super::row::{Cell, Row, Tone};
use super::store::Store;
use jiff::Timestamp;
use objects::Kind;

/// How long back is looked, in seconds.
const HOUR: i64 = 3_600;

/// Counts by time, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulse {
    /// Warnings.
    pub warnings: Vec<u32>,
    /// Other events.
    pub normal: Vec<u32>,
    /// Pods whose last restart was then.
    pub restarts: Vec<u32>,
}

/// Counts what happened in the hour before `now` into so many cells. An event that came often counts once, when it came last:
/// when it came before nobody kept.
pub fn of(store: &Store, now: Timestamp, cells: usize) -> Pulse {
    let mut pulse = Pulse { warnings: vec![0; cells], normal: vec![0; cells], restarts: vec![0; cells] };
    let place = |row: &Row| {
        let at = row.cells.iter().find_map(|cell| match cell {
            Cell::Age(at) if row.about.is_some() => at,
            Cell::Restarts(_, at) => at,
            _ => None,
        })?;
        let ago = now.duration_since(at).as_secs();
        let cell = (HOUR - ago.clamp(0, HOUR)) as usize * cells / HOUR as usize;
        (ago < HOUR).then(|| cell.min(cells.saturating_sub(1)))
    };
    for (_, row) in store.of(Kind::Event).iter() {
        let counts = if row.tone == Tone::Warn { &mut pulse.warnings } else { &mut pulse.normal };
        if let Some(count) = place(row).and_then(|at| counts.get_mut(at)) {
            *count += 1;
        }
    }
    for (_, row) in store.of(Kind::Pod).iter() {
        if let Some(count) = place(row).and_then(|at| pulse.restarts.get_mut(at)) {
            *count += 1;
        }
    }
    pulse
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::console::model::row::{About, Cell};
    use crate::console::model::store::Store;
    use crate::console::model::store::tests::named;
    use jiff::{SignedDuration, Timestamp};
    use objects::Kind;

    #[test]
    fn what_happened_is_counted_where_it_happened_and_forgotten_after_an_hour() {
        let now = Timestamp::from_second(10_000).expect("in range");
        let mut store = Store::default();
        for (at, ago) in [0, 30, 1_800, 3_599, 3_601, -5].into_iter().enumerate() {
            let mut row = named(&format!("e{at}"));
            row.about = Some(Box::new(About::default()));
            row.cells = [Cell::Age(Some(now - SignedDuration::from_secs(ago)))].into();
            store.of_mut(Kind::Event).put(row);
        }
        let mut pod = named("p");
        pod.cells = [Cell::Age(Some(now)), Cell::Restarts(3, Some(now - SignedDuration::from_secs(900)))].into();
        store.of_mut(Kind::Pod).put(pod);
        let pulse = of(&store, now, 4);
        assert_eq!(pulse.normal, [1, 0, 1, 3]);
        assert_eq!((pulse.restarts.as_slice(), pulse.warnings.iter().sum::<u32>()), (&[0, 0, 0, 1][..], 0));
        assert!(of(&store, now, 0).normal.is_empty());
    }
}
