//! The table of a run.

/// A line of the table.
#[derive(Debug)]
pub struct Row {
    what: String,
    ours: f64,
    theirs: f64,
    containerd: Option<f64>,
    ratio: f64,
    goal: String,
}

impl Row {
    /// A figure that should be small; `goal` is how many times smaller than theirs.
    pub fn smaller(what: &str, ours: f64, theirs: f64, goal: f64) -> Self {
        Self { what: what.to_owned(), ours, theirs, containerd: None, ratio: theirs / ours, goal: format!("1/{goal}") }
    }

    /// A figure that should be large; `goal` is its least value.
    pub fn larger(what: &str, ours: f64, theirs: f64, goal: f64) -> Self {
        Self { what: what.to_owned(), ours, theirs, containerd: None, ratio: ours / theirs, goal: format!("{goal}") }
    }

    /// A figure that should be large, and has no goal of its own.
    pub fn beside(what: &str, ours: f64, theirs: f64) -> Self {
        Self { what: what.to_owned(), ours, theirs, containerd: None, ratio: ours / theirs, goal: "-".to_owned() }
    }

    /// The same with containerd's figure, where there is one.
    pub fn with_containerd(self, containerd: Option<f64>) -> Self {
        Self { containerd, ..self }
    }
}

/// Prints the figures side by side.
pub fn print_table(rows: &[Row]) {
    println!("{:<56}{:>10}{:>10}{:>9}{:>9}{:>12}", "", "skiff", "podman", "ratio", "goal", "containerd");
    for row in rows {
        let containerd = row.containerd.map_or("-".to_owned(), shown);
        let (ours, theirs) = (shown(row.ours), shown(row.theirs));
        println!("{:<56}{ours:>10}{theirs:>10}{:>8.1}x{:>9}{containerd:>12}", row.what, row.ratio, row.goal);
    }
}

/// Large figures have no decimals.
fn shown(figure: f64) -> String {
    if figure < 10_000.0 { format!("{figure:.2}") } else { format!("{figure:.0}") }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn large_figures_fit_into_their_column() {
        assert_eq!([0.5, 9_999.0, 1_835_428.17].map(shown), ["0.50", "9999.00", "1835428"]);
    }
}
