//! What a place tallied lately, from words that only grow.

use crate::baseline::mean_size;
use crate::state::Estimates;
use crate::tally::{Tallies, Tally, SIZE_BINS, TALLIES};

/// The tallies of the last second, and sums over ten and sixty seconds that forget exponentially: of
/// steady traffic they are its counts. What came `n` seconds ago counts `0.9^n` and `(59/60)^n`, and so a
/// sum is never more than all that came.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    last: Option<Tallies>,
    second: [u32; TALLIES],
    ten: [f32; TALLIES],
    minute: [f32; TALLIES],
}

impl Default for Recent {
    fn default() -> Self {
        Recent {
            last: None,
            second: [0; TALLIES],
            ten: [0.0; TALLIES],
            minute: [0.0; TALLIES],
        }
    }
}

impl Recent {
    /// Takes in a second.
    pub fn take(&mut self, now: Tallies) {
        let last = self.last.replace(now).unwrap_or(now);
        for (nth, (now, last)) in now.into_iter().zip(last).enumerate() {
            let new = now.saturating_sub(last).min(u64::from(u32::MAX)) as u32;
            self.second[nth] = new;
            self.ten[nth] = self.ten[nth] * 0.9 + new as f32;
            self.minute[nth] = self.minute[nth] * (59.0 / 60.0) + new as f32;
        }
    }

    /// What came in the last second, and about in the last ten and sixty; of the hour nothing.
    pub fn of(&self, tally: Tally) -> Estimates {
        let nth = tally.number();
        let [ten, minute] = [&self.ten, &self.minute].map(|sums| sums[nth].round() as u64);
        [u64::from(self.second[nth]), ten, minute, 0]
    }

    /// The bodies of the last second, by bin.
    pub fn bodies(&self, tally: impl Fn(usize) -> Tally) -> [u64; SIZE_BINS] {
        std::array::from_fn(|bin| u64::from(self.second[tally(bin).number()]))
    }

    /// The geometric mean of the last minute's bodies. Units: bytes.
    pub fn mean_size(&self, tally: impl Fn(usize) -> Tally) -> Option<f64> {
        let of = |bin: usize| self.of(tally(bin))[2];
        mean_size(&std::array::from_fn(of))
    }

    /// The bodies of `first` and of larger bins.
    pub fn bodies_from(&self, first: usize, tally: impl Fn(usize) -> Tally) -> Estimates {
        let bins = first..SIZE_BINS;
        let add = |sum: Estimates, bin| {
            let of = self.of(tally(bin));
            std::array::from_fn(|window| sum[window] + of[window])
        };
        bins.fold([0; 4], add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Method;
    use proptest::prelude::*;

    proptest! {
        /// Against the exact model of what is forgotten.
        #[test]
        fn sums_forget_as_published(seconds in prop::collection::vec(0u64..1_000, 1..200)) {
            let posts = Tally::Method(Method::Post);
            let (mut recent, mut tallies) = (Recent::default(), [0; TALLIES]);
            recent.take(tallies);
            for new in &seconds {
                tallies[posts.number()] += new;
                recent.take(tallies);
            }
            let [second, ten, minute, _] = recent.of(posts);
            prop_assert_eq!(Some(&second), seconds.last());
            for (got, kept) in [(ten, 0.9f64), (minute, 59.0 / 60.0)] {
                let aged = seconds.iter().rev().enumerate();
                let exact: f64 = aged.map(|(n, new)| *new as f64 * kept.powi(n as i32)).sum();
                prop_assert!((got as f64 - exact).abs() <= 0.5 + exact / 1e4, "{got} for {exact}");
            }
        }
    }

    #[test]
    fn steady_tallies_are_their_counts() {
        let mut recent = Recent::default();
        let posts = Tally::Method(Method::Post);
        let mut tallies = [0; TALLIES];
        for _ in 0..600 {
            tallies[posts.number()] += 7;
            tallies[Tally::RequestSize(9).number()] += 2;
            tallies[Tally::RequestSize(12).number()] += 1;
            recent.take(tallies);
        }
        assert_eq!(recent.of(posts), [7, 70, 420, 0]);
        assert_eq!(recent.bodies_from(9, Tally::RequestSize), [3, 30, 180, 0]);
        assert_eq!(recent.bodies_from(10, Tally::RequestSize), [1, 10, 60, 0]);
        assert_eq!(recent.bodies(Tally::RequestSize)[9], 2);
        // What stood before the leader came is nobody's second.
        let mut late = Recent::default();
        late.take(tallies);
        assert_eq!(late.of(posts), [0; 4]);
    }
}
