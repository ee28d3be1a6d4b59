//! Medians, spreads, percentiles.

use serde::Serialize;

/// A figure from several rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// The middle value.
    pub median: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// How many values there are.
    pub rounds: usize,
}

impl Figure {
    /// `None` without any value.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (half, rounds) = (sorted.len() / 2, sorted.len());
        let median = if rounds % 2 == 1 {
            sorted[half]
        } else {
            f64::midpoint(sorted[half - 1], sorted[half])
        };
        Some(Self { median, min, max, rounds })
    }
}

/// The value below which the share `p` (0 to 1) of `values` lies, which this sorts (nearest rank).
/// 0 without any value.
pub fn percentile(values: &mut [f64], p: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (p * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).or(values.last()).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(Figure::of(&[]), None);
        let odd = Figure::of(&[3.0, 1.0, 2.0]);
        assert_eq!(odd, Some(Figure { median: 2.0, min: 1.0, max: 3.0, rounds: 3 }));
        let even = Figure::of(&[4.0, 1.0, 2.0, 3.0]);
        assert_eq!(even, Some(Figure { median: 2.5, min: 1.0, max: 4.0, rounds: 4 }));
    }

    #[test]
    fn percentiles() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let mut rank = |p| percentile(&mut values, p) as i32;
        assert_eq!([rank(0.0), rank(0.5), rank(0.99), rank(1.0)], [1, 50, 99, 100]);
        assert_eq!(percentile(&mut [], 0.5) as i32, 0);
    }
}
