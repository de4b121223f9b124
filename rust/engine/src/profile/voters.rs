//! A sample of senders, each with one vote: however much one sends, it counts once.
//!
//! A sender is in the sample when its keyed hash begins with so many zeros; their number is raised
//! when the sample is full, so that it stays an even sample of all senders.
//! Source: adaptive sampling; Flajolet, "On adaptive sampling", Computing 34, 1990. Standard error
//! of the number of senders: 1.2 / sqrt(64), 15 %.

use serde::{Deserialize, Serialize};

/// Senders that are kept.
pub const MOST: usize = 64;
/// Senders that were not seen for so long make room first. Units: seconds (30 days).
const OLD_S: u64 = 30 * 86_400;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Voters<T> {
    /// Leading zeros that a hash needs.
    zeros: u32,
    kept: Vec<(u64, u64, T)>,
}

impl<T> Default for Voters<T> {
    fn default() -> Self {
        Voters {
            zeros: 0,
            kept: Vec::new(),
        }
    }
}

impl<T: Default> Voters<T> {
    /// Finds or makes the vote of a sender; none when it is not in the sample.
    pub fn of(&mut self, sender: u64, now_s: u64) -> Option<&mut T> {
        let known = self.kept.iter().position(|(hash, ..)| *hash == sender);
        let at = match known {
            Some(at) => at,
            None => {
                while self.kept.len() >= MOST && sender.leading_zeros() >= self.zeros {
                    self.make_room(now_s);
                }
                if sender.leading_zeros() < self.zeros {
                    return None;
                }
                self.kept.push((sender, now_s, T::default()));
                self.kept.len() - 1
            }
        };
        let (_, seen_s, vote) = self.kept.get_mut(at)?;
        *seen_s = now_s;
        Some(vote)
    }

    fn make_room(&mut self, now_s: u64) {
        self.kept
            .retain(|(_, seen_s, _)| seen_s.saturating_add(OLD_S) > now_s);
        if self.kept.len() >= MOST {
            self.zeros += 1;
            let zeros = self.zeros;
            self.kept.retain(|(hash, ..)| hash.leading_zeros() >= zeros);
        }
    }

    pub fn votes(&self) -> impl Iterator<Item = &T> {
        self.kept.iter().map(|(.., vote)| vote)
    }

    /// The sender who has been in the sample for longest.
    pub fn first(&self) -> Option<u64> {
        self.kept.first().map(|(hash, ..)| *hash)
    }

    /// Senders in the sample.
    pub fn sampled(&self) -> u8 {
        self.kept.len() as u8
    }

    /// Senders altogether, about.
    pub fn estimate(&self) -> u64 {
        (self.kept.len() as u64) << self.zeros.min(32)
    }

    pub fn is_sound(&self) -> bool {
        self.kept.len() <= MOST && self.zeros <= 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hash(n: u64) -> u64 {
        ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(n)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Bounded, about right, and one sender who sends all the time is one sender.
        #[test]
        fn senders_count_once(senders in 1u64..5_000, loud in 0u64..200) {
            let mut voters = Voters::<u32>::default();
            for n in 0..senders {
                voters.of(hash(n), 0);
                for _ in 0..loud.min(3) {
                    voters.of(hash(0), 0);
                }
            }
            prop_assert!(usize::from(voters.sampled()) <= MOST);
            let (got, want) = (voters.estimate() as f64, senders as f64);
            prop_assert!(got > want * 0.4 && got < want * 1.9, "{got} of {want}");
        }
    }

    #[test]
    fn who_is_long_gone_makes_room() {
        let mut voters = Voters::<u32>::default();
        for n in 0..64 {
            voters.of(hash(n), 0);
        }
        voters.of(hash(100), OLD_S);
        assert_eq!((voters.sampled(), voters.zeros), (1, 0));
    }
}
