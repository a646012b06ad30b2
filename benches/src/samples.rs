//! Measured values and what is told of them.

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

    /// The value that a hundredth is above; 0 without any.
    pub fn p99(&mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0.get(self.0.len() * 99 / 100).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Samples;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        let mut samples = Samples::default();
        assert!(samples.median().abs() < f64::EPSILON);
        for value in [9.0, 1.0, 5.0] {
            samples.push(value);
        }
        assert!((samples.median() - 5.0).abs() < f64::EPSILON);
        assert!((samples.p99() - 9.0).abs() < f64::EPSILON);
    }
}
