//! At which rates clients are met.

use super::MATURE_S;
use crate::memory::{rate_of_bin, Histogram, RATE_BINS};
use serde::{Deserialize, Serialize};

/// Units: seconds.
pub(super) const DAY_S: u64 = 86_400;
/// A client's 10 s rate that is hot where nothing was learned: nobody's, of one person.
const UNLEARNED_HOT: f64 = 200.0;
/// Least hot limit.
const LEAST_HOT: f64 = 10.0;
/// The same of the limit while a flood is on.
const LEAST_FLOOD: f64 = 4.0;
/// Samples from which the client rates are known.
pub(super) const KNOWN_SAMPLES: f32 = 200.0;
/// Half-life of what was learned from samples. Units: seconds.
pub(super) const SAMPLES_HALF_LIFE_S: f32 = 6.0 * 3_600.0;

/// At which rates clients are met: the learned histogram, and that of the last seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientRates {
    learned: [f32; RATE_BINS],
    /// Logarithm (base 2) of the limit that is in force; 0 before there is one.
    log_limit: f32,
    #[serde(skip)]
    recent: [f32; RATE_BINS],
    #[serde(skip)]
    last: Option<Histogram>,
    /// Seconds that were learned.
    seconds: u64,
}

/// The rates at which requests find their client usually.
pub struct Usual {
    /// The 50th, 90th and 99th. Units: requests in 10 s.
    pub percentiles: [f64; 3],
    pub samples: u64,
}

impl Default for ClientRates {
    fn default() -> Self {
        ClientRates {
            learned: [0.0; RATE_BINS],
            log_limit: 0.0,
            recent: [0.0; RATE_BINS],
            last: None,
            seconds: 0,
        }
    }
}

impl ClientRates {
    /// Takes in the ever-growing histogram of a place; `learns` when no alarm stands. Returns what
    /// is new in it.
    pub fn update(&mut self, now: &Histogram, learns: bool) -> Histogram {
        let last = self.last.replace(*now).unwrap_or(*now);
        let new = std::array::from_fn(|bin| now[bin].saturating_sub(last[bin]));
        self.add(&new, learns);
        new
    }

    /// Tells whether the ever-growing histogram of a place has grown.
    pub fn is_news(&self, now: &Histogram) -> bool {
        self.last.as_ref() != Some(now)
    }

    /// Takes in the samples of one second.
    pub fn add(&mut self, samples: &Histogram, learns: bool) {
        let kept = 0.5f32.powf(1.0 / SAMPLES_HALF_LIFE_S);
        let bins = self.recent.iter_mut().zip(&mut self.learned);
        for ((recent, learned), new) in bins.zip(samples) {
            *recent = *recent * 0.6 + *new as f32;
            if learns {
                *learned = *learned * kept + *new as f32;
            }
        }
        if learns {
            self.seconds += 1;
            if self.seconds.is_multiple_of(10) {
                self.move_limit(10.0);
            }
        }
    }

    fn move_limit(&mut self, seconds: f32) {
        if !self.is_known() {
            return;
        }
        let usual = rate_of_bin(quantile(&self.learned, 0.99));
        let wanted = (2.0 * usual).max(LEAST_HOT).log2() as f32;
        let day = seconds / 86_400.0;
        let doublings = if self.seconds <= DAY_S { 4.0 } else { 1.0 };
        self.log_limit = if self.seconds <= MATURE_S || self.log_limit == 0.0 {
            wanted
        } else {
            wanted.clamp(self.log_limit - 4.0 * day, self.log_limit + doublings * day)
        };
    }

    /// What is usual, when enough is known.
    pub fn usual(&self) -> Option<Usual> {
        self.is_known().then(|| Usual {
            percentiles: [0.5, 0.9, 0.99].map(|q| rate_of_bin(quantile(&self.learned, q))),
            samples: self.learned.iter().sum::<f32>() as u64,
        })
    }

    fn is_known(&self) -> bool {
        self.learned.iter().sum::<f32>() >= KNOWN_SAMPLES
    }

    /// Requests of one client in 10 s above which it is suspected while a flood is on: the
    /// 99.5th percentile, and so never more than one ordinary request in 200.
    pub fn flood_limit(&self) -> Option<u16> {
        let usual = || rate_of_bin(quantile(&self.learned, 0.995));
        self.is_known()
            .then(|| usual().clamp(LEAST_FLOOD, 60_000.0) as u16)
            .map(|limit| limit.min(2 * self.hot_limit()))
    }

    /// Whether a limit was learned.
    pub fn has_limit(&self) -> bool {
        self.log_limit != 0.0
    }

    /// Requests of one client in 10 s above which it is hot: twice the 99th percentile.
    pub fn hot_limit(&self) -> u16 {
        let limit = if self.log_limit == 0.0 {
            UNLEARNED_HOT
        } else {
            f64::from(self.log_limit).exp2()
        };
        limit.clamp(LEAST_HOT, 60_000.0) as u16
    }

    /// Share of the last seconds' requests whose client is above the learned 90th percentile; in
    /// normal times at most a tenth. `None` without enough samples of both.
    pub fn busy_share(&self) -> Option<f32> {
        let recent: f32 = self.recent.iter().sum();
        if recent < 30.0 || self.learned.iter().sum::<f32>() < 2.0 * KNOWN_SAMPLES {
            return None;
        }
        let usual = quantile(&self.learned, 0.9);
        let busy: f32 = self.recent[usual + 1..].iter().sum();
        Some(busy / recent)
    }

    pub(super) fn is_sound(&self) -> bool {
        let finite = |v: &f32| v.is_finite() && *v >= 0.0;
        self.learned.iter().all(finite) && (0.0..=16.0).contains(&self.log_limit)
    }
}

/// The bin that holds the quantile.
pub(super) fn quantile(bins: &[f32], q: f32) -> usize {
    let mut left = q * bins.iter().sum::<f32>();
    for (bin, count) in bins.iter().enumerate() {
        left -= count;
        if left <= 0.0 {
            return bin;
        }
    }
    bins.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::rate_bin;

    /// An attacker who is never noticed doubles the hot limit at most once a day.
    #[test]
    fn the_hot_limit_is_slow_to_be_taught() {
        let mut rates = ClientRates::default();
        let mut histogram = [0; RATE_BINS];
        for _ in 0..=DAY_S {
            histogram[rate_bin(5)] += 10;
            rates.update(&histogram, true);
        }
        let before = rates.hot_limit();
        assert!((10..=16).contains(&before), "{before}");
        for _ in 0..6 * 3_600 {
            histogram[rate_bin(5)] += 10;
            histogram[rate_bin(5_000)] += 10;
            rates.update(&histogram, true);
        }
        let after = rates.hot_limit();
        assert!(after <= before * 5 / 4, "{before} to {after}");
    }
}
