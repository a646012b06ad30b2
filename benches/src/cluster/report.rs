//! The table: each figure beside its goal and its peer's.

/// A figure; small is good.
#[derive(Debug)]
pub struct Row {
    /// What was measured, with its unit.
    pub what: String,
    /// Ours; `None` where it did not come to an end in time.
    pub ours: Option<f64>,
    /// At the most.
    pub goal: f64,
    /// The name of the peer's figure, where it has one.
    pub peer: Option<&'static str>,
}

impl Row {
    /// A figure of ours alone.
    pub fn new(what: &str, ours: Option<f64>, goal: f64) -> Self {
        Self { what: what.to_owned(), ours, goal, peer: None }
    }

    /// With the peer's figure of that name beside it.
    pub fn beside(self, peer: &'static str) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// Whether the goal is met.
    pub fn is_met(&self) -> bool {
        self.ours.is_some_and(|ours| ours <= self.goal)
    }
}

/// The heading of [`line`].
pub fn heading(peers: &[String]) -> String {
    let peers: String = peers.iter().map(|peer| format!("{peer:>18}")).collect();
    format!("{:<62}{:>10}{:>9}  {:<7}{peers}", "", "skiff", "goal", "")
}

/// A line of the table; `peer` gives what each peer took, in the order of the heading.
pub fn line(row: &Row, peers: &[Option<f64>]) -> String {
    let met = if row.is_met() { "met" } else { "MISSED" };
    let of_peer = |theirs: &Option<f64>| match (row.peer, theirs, row.ours) {
        (None, ..) => format!("{:>18}", ""),
        (Some(_), Some(theirs), Some(ours)) => format!("{:>18}", format!("{theirs:.0} ({:.1}x)", theirs / ours)),
        (Some(_), ..) => format!("{:>18}", "not in time"),
    };
    let ours = row.ours.map_or_else(|| "not in time".to_owned(), |ours| format!("{ours:.2}"));
    let peers: String = peers.iter().map(of_peer).collect();
    format!("{:<62}{ours:>10}{:>9}  {met:<7}{peers}", row.what, row.goal).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Row, line};

    #[test]
    fn a_line_says_whether_the_goal_is_met_and_how_many_times_longer_the_peer_took() {
        let row = Row::new("a write, ms", Some(10.0), 12.0).beside("median");
        let text = line(&row, &[Some(50.0)]);
        let words: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(words, ["a", "write,", "ms", "10.00", "12", "met", "50", "(5.0x)"]);
        assert!(line(&row, &[None]).ends_with("not in time"));
    }

    #[test]
    fn what_did_not_end_misses_its_goal() {
        let text = line(&Row::new("a write, ms", None, 12.0), &[]);
        assert!(text.contains("not in time") && text.ends_with("MISSED"), "{text}");
    }
}
