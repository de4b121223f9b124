//! How large bodies are, and from which size on one is unusual.

use super::clients::{quantile, KNOWN_SAMPLES, SAMPLES_HALF_LIFE_S};
use super::MATURE_S;
use crate::tally::{size_bin, size_of_bin, BULKY_BYTES, SIZE_BINS};
use serde::{Deserialize, Serialize};

/// A sampled body stands for so many.
const WEIGHT: f32 = 16.0;
/// Bins that the limit rises by in a day at most: a doubling. Units: bins of four.
const BINS_A_DAY: f32 = 0.5;
const DAY_S: f32 = 86_400.0;

/// The sizes that were learned, with a half-life of six hours.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sizes {
    learned: [f32; SIZE_BINS],
    /// The bin above which a body is unusually large; 0 before there is one.
    limit: f32,
    /// Seconds that were learned.
    seconds: u64,
}

impl Sizes {
    /// Takes in the bodies of a second.
    pub fn learn(&mut self, new: &[u64; SIZE_BINS]) {
        if new.iter().all(|n| *n == 0) {
            return;
        }
        let kept = 0.5f32.powf(1.0 / SAMPLES_HALF_LIFE_S);
        for (learned, new) in self.learned.iter_mut().zip(new) {
            *learned = *learned * kept + *new as f32;
        }
        self.seconds += 1;
        if self.seconds.is_multiple_of(10) && self.is_known() {
            // Four times the 99th percentile at least, and a size that is tallied in full.
            let wanted = (quantile(&self.learned, 0.99) + 1).max(size_bin(BULKY_BYTES) - 1) as f32;
            let most = self.limit + BINS_A_DAY * 10.0 / DAY_S;
            self.limit = if self.seconds <= MATURE_S || self.limit == 0.0 {
                wanted
            } else {
                wanted.min(most)
            };
        }
    }

    fn is_known(&self) -> bool {
        self.learned.iter().sum::<f32>() >= WEIGHT * KNOWN_SAMPLES
    }

    /// The bin above which a body is unusually large, when enough is known.
    pub fn limit_bin(&self) -> Option<u8> {
        (self.limit > 0.0 && self.seconds >= MATURE_S).then_some(self.limit as u8)
    }

    /// The size above which a body is unusually large. Units: bytes.
    pub fn limit_bytes(&self) -> Option<u64> {
        self.limit_bin().map(|bin| size_of_bin(usize::from(bin)))
    }

    /// The 50th, 90th and 99th percentile, when enough is known: upper ends of bins.
    /// Units: bytes. Resolution: a factor of four.
    pub fn percentiles(&self) -> Option<[u64; 3]> {
        let at = |q| size_of_bin(quantile(&self.learned, q));
        self.is_known().then(|| [0.5, 0.9, 0.99].map(at))
    }

    pub(super) fn is_sound(&self) -> bool {
        let finite = |v: &f32| v.is_finite() && *v >= 0.0;
        self.learned.iter().all(finite) && (0.0..=SIZE_BINS as f32).contains(&self.limit)
    }
}

/// The geometric mean of some bodies, from the middles of their bins. Units: bytes.
pub fn mean_size(bodies: &[u64; SIZE_BINS]) -> Option<f64> {
    let count: u64 = bodies.iter().sum();
    let doublings = |bin: usize| (2 * bin).saturating_sub(1) as f64;
    let middles = bodies.iter().enumerate();
    let sum: f64 = middles.map(|(bin, n)| doublings(bin) * *n as f64).sum();
    (count > 0).then(|| (sum / count as f64).exp2())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the exact percentiles: never too low, and too high by less than a factor of four.
        #[test]
        fn percentiles_are_within_their_resolution(
            mut bodies in prop::collection::vec(0u64..100_000_000, 300..600),
        ) {
            let mut sizes = Sizes::default();
            let mut bins = [0; SIZE_BINS];
            bodies.iter().for_each(|b| bins[size_bin(*b)] += 16);
            sizes.learn(&bins);
            bodies.sort_unstable();
            let got = sizes.percentiles().unwrap();
            for (got, q) in got.into_iter().zip([0.5, 0.9, 0.99]) {
                let nth = (q * bodies.len() as f64).ceil() as usize - 1;
                let exact = bodies[nth];
                prop_assert!(got >= exact && got <= 4 * exact.max(1), "{q}: {got} for {exact}");
            }
        }
    }

    fn of(bytes: u64, count: u64) -> [u64; SIZE_BINS] {
        let mut bodies = [0; SIZE_BINS];
        bodies[size_bin(bytes)] = count;
        bodies
    }

    #[test]
    fn the_limit_needs_evidence_and_is_slow_to_be_taught() {
        let mut sizes = Sizes::default();
        for _ in 0..599 {
            sizes.learn(&of(100_000, 16));
        }
        assert_eq!(sizes.limit_bin(), None);
        sizes.learn(&of(100_000, 16));
        // 64 to 256 KiB are usual: more than 1 MiB is not.
        assert_eq!(sizes.limit_bytes(), Some((1 << 20) - 1));
        for _ in 0..12 * 3_600 {
            sizes.learn(&of(1 << 28, 160));
        }
        assert_eq!(sizes.limit_bytes(), Some((1 << 20) - 1));
        for _ in 0..2 * 86_400 {
            sizes.learn(&of(1 << 28, 160));
        }
        assert_eq!(sizes.limit_bytes(), Some((1 << 22) - 1));
    }

    #[test]
    fn small_bodies_are_never_large() {
        let mut sizes = Sizes::default();
        for _ in 0..600 {
            sizes.learn(&of(0, 160));
        }
        assert_eq!(sizes.limit_bytes(), Some(BULKY_BYTES - 1));
        assert_eq!(sizes.percentiles(), Some([0; 3]));
    }

    #[test]
    fn the_mean_is_of_factors() {
        assert_eq!(mean_size(&[0; SIZE_BINS]), None);
        let mean = |bytes| mean_size(&of(bytes, 3)).unwrap();
        assert!((mean(5_000) / 5_000.0 - 1.0).abs() < 1.0, "{}", mean(5_000));
        assert_eq!(mean(80) * 16.0, mean(80 * 16));
    }
}
