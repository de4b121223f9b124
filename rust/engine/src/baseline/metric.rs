//! Averages and ratios that forget, and how sure a ratio is.

use serde::{Deserialize, Serialize};

/// Memory of the fast averages. Units: updates.
const MEMORY: f64 = 600.0;
/// Updates before which values are not clipped: there is nothing yet to clip them to.
const UNCLIPPED: u64 = 30;

/// An average and its variance, forgetting exponentially.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Metric {
    pub mean: f64,
    variance: f64,
    updates: u64,
}

impl Metric {
    /// Takes a value in, clipped to three deviations around the mean.
    pub fn learn(&mut self, value: f64) {
        self.updates += 1;
        let clipped = if self.updates > UNCLIPPED {
            let room = 3.0 * self.deviation();
            value.clamp(self.mean - room, self.mean + room)
        } else {
            value
        };
        let share = (1.0 / self.updates as f64).max(1.0 / MEMORY);
        let difference = clipped - self.mean;
        self.mean += share * difference;
        self.variance += share * (difference * difference - self.variance);
    }

    /// Standard deviation, at least that of counts with this mean (Poisson).
    pub fn deviation(&self) -> f64 {
        self.variance.max(self.mean).max(0.25).sqrt()
    }

    pub(super) fn is_sound(&self) -> bool {
        self.mean.is_finite() && self.variance.is_finite()
    }

    /// Values that were taken in.
    pub fn updates(&self) -> u64 {
        self.updates
    }
}

/// A ratio of counts, forgetting exponentially over an hour.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ratio {
    hits: f64,
    total: f64,
}

impl Ratio {
    const KEPT: f64 = 1.0 - 1.0 / 3_600.0;

    /// Takes a second in. A second cannot teach more than twice the known ratio and 5 %.
    pub fn learn(&mut self, hits: u64, total: u64) {
        let total = total as f64;
        let known = self.total >= 100.0;
        let most = if known {
            total * (2.0 * self.value() + 0.05)
        } else {
            total
        };
        self.hits = self.hits * Self::KEPT + (hits as f64).min(most);
        self.total = self.total * Self::KEPT + total;
    }

    pub(super) fn is_sound(&self) -> bool {
        self.hits.is_finite() && self.total.is_finite()
    }

    /// What it is known from, as far as that is not forgotten.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// The ratio, 0 when unknown.
    pub fn value(&self) -> f64 {
        self.hits / self.total.max(1.0)
    }
}

/// Lower bound of a ratio's confidence interval; `z` in standard deviations.
/// Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
/// (158), 1927.
pub fn wilson_lower(hits: u64, total: u64, z: f64) -> f64 {
    if total == 0 {
        return 0.0;
    }
    let n = total as f64;
    let p = (hits as f64 / n).min(1.0);
    let square = z * z;
    let centre = p + square / (2.0 * n);
    let width = z * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
    ((centre - width) / (1.0 + square / n)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_is_careful_with_little_evidence() {
        for (hits, total, least, most) in [
            (0, 0, 0.0, 0.0),
            (1, 1, 0.1, 0.3),
            (5, 10, 0.2, 0.3),
            (500, 1_000, 0.46, 0.48),
            (9, 5, 0.5, 0.6),
        ] {
            let got = wilson_lower(hits, total, 2.0);
            assert!((least..=most).contains(&got), "{hits}/{total}: {got}");
        }
    }

    #[test]
    fn one_wild_second_teaches_little() {
        let mut rate = Metric::default();
        (0..1_000).for_each(|n| rate.learn(100.0 + f64::from(n % 7)));
        let before = rate.mean;
        rate.learn(1e9);
        assert!(rate.mean - before < 0.1, "{before} to {}", rate.mean);
    }
}
