//! Medians and the table of a run.

/// Measured values of one thing.
#[derive(Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// One more value.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The value in the middle; 0 without any.
    pub fn median(&mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }
}

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
    use super::{Samples, shown};

    #[test]
    fn large_figures_fit_into_their_column() {
        assert_eq!([0.5, 9_999.0, 1_835_428.17].map(shown), ["0.50", "9999.00", "1835428"]);
    }

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        let mut samples = Samples::default();
        assert!(samples.median().abs() < f64::EPSILON);
        for value in [9.0, 1.0, 5.0] {
            samples.push(value);
        }
        assert!((samples.median() - 5.0).abs() < f64::EPSILON);
    }
}
