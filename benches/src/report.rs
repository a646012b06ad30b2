//! The table of a run.

/// A line of the table.
#[derive(Debug)]
pub struct Row {
    what: String,
    ours: f64,
    theirs: f64,
    ratio: f64,
    goal: String,
}

impl Row {
    /// A figure that should be small; `goal` is how many times smaller than theirs.
    pub fn smaller(what: &str, ours: f64, theirs: f64, goal: f64) -> Self {
        Self { what: what.to_owned(), ours, theirs, ratio: theirs / ours, goal: format!("1/{goal}") }
    }

    /// A figure that should be large; `goal` is its least value.
    pub fn larger(what: &str, ours: f64, theirs: f64, goal: f64) -> Self {
        Self { what: what.to_owned(), ours, theirs, ratio: ours / theirs, goal: format!("{goal}") }
    }

    /// A figure that should be large, and has no goal of its own.
    pub fn beside(what: &str, ours: f64, theirs: f64) -> Self {
        Self { what: what.to_owned(), ours, theirs, ratio: ours / theirs, goal: "-".to_owned() }
    }
}

/// Prints the figures side by side.
pub fn print_table(rows: &[Row]) {
    println!("{:<56}{:>10}{:>10}{:>9}{:>9}", "", "skiff", "podman", "ratio", "goal");
    for row in rows {
        println!("{:<56}{:>10}{:>10}{:>8.1}x{:>9}", row.what, shown(row.ours), shown(row.theirs), row.ratio, row.goal);
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
