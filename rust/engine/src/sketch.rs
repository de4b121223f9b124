//! Distinct counts and runs of ids: arithmetic on 64-bit words, no clock and no memory.
//!
//! A set is a bitmap of two generations, eight words each: `[generation + salt : 16 | bits : 48]`.
//! An item sets one bit of the generation at hand; the estimate is over the union of this
//! generation and the one before, so it looks back one to two generations. A word of a former key
//! or generation reads as empty.
//!
//! Published error: linear counting over 384 bits: standard error 3 % at 100 items, 7 % at 500,
//! 15 % at 1,000; above [`MANY`] the answer is [`MANY`].
//! A run is exact up to 4,095 ids of 40 bits: whoever walks in steps of four at most has one as long as his
//! walk, whoever jumps about one of a few.
//! Source: Whang, Vander-Zanden and Taylor, "A linear-time probabilistic counting algorithm for
//! database applications", ACM TODS 15 (2), 1990.

use serde::{Deserialize, Serialize};

/// Words of a set: two generations.
pub const SET_WORDS: usize = 16;

const GENERATION_WORDS: usize = SET_WORDS / 2;
const BITS: u32 = 48;
const BIT_MASK: u64 = (1 << BITS) - 1;
const TAG_MASK: u64 = 0xffff;
const SLOTS: u32 = GENERATION_WORDS as u32 * BITS;

/// The largest count that is told apart.
pub const MANY: u32 = 1_500;

/// What is collected for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Set {
    /// Paths that a client asked for.
    Paths = 0,
    /// Accounts that a client failed to log in to.
    Accounts = 1,
    /// Clients that failed to log in to an account, or that use a route or consumer.
    Clients = 2,
    /// Object ids that a client read with success on a route.
    Objects = 3,
    /// Networks and user agent families that a consumer came from: a long memory.
    Habits = 4,
    /// Accounts that a client logged in to.
    Logins = 5,
}

impl Set {
    pub const ALL: [Set; 6] = [
        Set::Paths,
        Set::Accounts,
        Set::Clients,
        Set::Objects,
        Set::Habits,
        Set::Logins,
    ];

    /// Length of a generation. Units: milliseconds.
    pub fn generation_ms(self) -> u64 {
        match self {
            Set::Habits => 7 * 24 * 3_600_000,
            // Slow guessers make a few attempts an hour; both sides of the walk look equally far.
            Set::Accounts | Set::Logins => 3_600_000,
            Set::Paths | Set::Clients | Set::Objects => 600_000,
        }
    }
}

/// A generation of a set, for one key.
#[derive(Clone, Copy, Debug)]
pub struct Generation {
    number: u64,
    salt: u64,
}

impl Generation {
    /// Finds the generation at `now_ms` for a key whose hash is `salt`.
    pub fn new(set: Set, now_ms: u64, salt: u64) -> Generation {
        Generation {
            number: now_ms / set.generation_ms(),
            salt,
        }
    }

    fn tag(self, back: u64) -> u64 {
        (self.number.wrapping_sub(back).wrapping_add(self.salt)) & TAG_MASK
    }

    fn half(self, back: u64) -> usize {
        (self.number.wrapping_sub(back) & 1) as usize * GENERATION_WORDS
    }

    /// Finds the word and the bit of an item's hash. Shape: index in 0..16, a single bit.
    pub fn place(self, item: u64) -> (usize, u64) {
        let slot = ((item >> 32) * u64::from(SLOTS)) >> 32;
        let index = self.half(0) + (slot / u64::from(BITS)) as usize;
        (index, 1 << (slot % u64::from(BITS)))
    }

    /// The word of this generation with one more bit.
    pub fn mark(self, word: u64, bit: u64) -> u64 {
        (self.tag(0) << BITS) | self.bits(word, 0) | bit
    }

    fn bits(self, word: u64, back: u64) -> u64 {
        if word >> BITS == self.tag(back) {
            word & BIT_MASK
        } else {
            0
        }
    }

    fn union(self, words: &[u64; SET_WORDS], n: usize) -> u64 {
        let now = self.bits(words[self.half(0) + n], 0);
        now | self.bits(words[self.half(1) + n], 1)
    }

    /// Tells whether an item, or one that shares its bit, is in the set.
    pub fn contains(self, words: &[u64; SET_WORDS], item: u64) -> bool {
        let (index, bit) = self.place(item);
        self.union(words, index - self.half(0)) & bit != 0
    }

    /// Estimates the number of distinct items.
    pub fn count(self, words: &[u64; SET_WORDS]) -> u32 {
        let set: u32 = (0..GENERATION_WORDS)
            .map(|n| self.union(words, n).count_ones())
            .sum();
        match set {
            0..=UNMET => set,
            SLOTS.. => MANY,
            _ => estimate(set).min(MANY),
        }
    }
}

/// So few items that hardly two of them share a bit: the estimate is the number of bits.
const UNMET: u32 = 17;

/// Estimates how many items set so many bits.
#[inline(never)]
fn estimate(set: u32) -> u32 {
    let empty = f64::from(SLOTS - set) / f64::from(SLOTS);
    (-f64::from(SLOTS) * empty.ln()).round() as u32
}

/// The ids that a key reads on a route: `[salt : 12 | run : 12 | last id : 40]`.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    salt: u64,
}

const ID_BITS: u32 = 40;
const ID_MASK: u64 = (1 << ID_BITS) - 1;
const RUN_MAX: u64 = (1 << 12) - 1;
/// Ids at most this far apart belong to one run.
const STRIDE: u64 = 4;

impl Run {
    /// For a key whose hash is `salt`.
    pub fn new(salt: u64) -> Run {
        Run {
            salt: salt & RUN_MAX,
        }
    }

    fn parts(self, word: u64) -> Option<(u64, u64)> {
        let mine = word >> 52 == self.salt && word != 0;
        mine.then_some(((word >> ID_BITS) & RUN_MAX, word & ID_MASK))
    }

    /// The word after one more id: neighbours lengthen the run, jumps halve it, repeats leave it.
    pub fn follow(self, word: u64, id: u64) -> u64 {
        let id = id & ID_MASK;
        let run = match self.parts(word) {
            None => 1,
            Some((run, last)) if last == id => run,
            Some((run, last)) if last.abs_diff(id) <= STRIDE => (run + 1).min(RUN_MAX),
            Some((run, _)) => (run / 2).max(1),
        };
        (self.salt << 52) | (run << ID_BITS) | id
    }

    /// Length of the run. Units: ids.
    pub fn length(self, word: u64) -> u32 {
        self.parts(word).map_or(0, |(run, _)| run as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spread(n: u64) -> u64 {
        let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn add(words: &mut [u64; SET_WORDS], now_ms: u64, item: u64) {
        let generation = Generation::new(Set::Paths, now_ms, 77);
        let (index, bit) = generation.place(item);
        words[index] = generation.mark(words[index], bit);
    }

    fn count(words: &[u64; SET_WORDS], now_ms: u64) -> u32 {
        Generation::new(Set::Paths, now_ms, 77).count(words)
    }

    #[test]
    fn few_bits_are_as_many_items() {
        for set in 0..=UNMET {
            assert_eq!(estimate(set), set);
        }
    }

    #[test]
    fn a_set_forgets_after_two_generations() {
        let mut words = [0; SET_WORDS];
        for n in 0..50 {
            add(&mut words, 600_000, spread(n));
        }
        let full = count(&words, 600_000);
        assert!((46..=54).contains(&full), "{full}");
        assert_eq!(count(&words, 1_200_000), full);
        assert_eq!(count(&words, 1_800_000), 0);
        assert_eq!(Generation::new(Set::Paths, 600_000, 78).count(&words), 0);
    }

    proptest! {
        /// The published error, with six standard errors of room: by chance it fails once in millions of runs.
        #[test]
        fn counts_are_within_the_published_error(seed in any::<u64>(), n in 1u64..1_000) {
            let mut words = [0; SET_WORDS];
            for item in 0..n {
                add(&mut words, 600_000, spread(seed.wrapping_add(item)));
            }
            let error = (f64::from(count(&words, 600_000)) - n as f64).abs() / n as f64;
            let load = n as f64 / f64::from(SLOTS);
            let expected = ((load.exp() - load - 1.0) / f64::from(SLOTS)).sqrt() / load;
            prop_assert!(error <= 6.0 * expected + 1.5 / n as f64, "{n}: {error} against {expected}");
        }
    }

    proptest! {
        /// Against an exact model of two generations: what is older than that is forgotten, and
        /// what is younger than one is not.
        #[test]
        fn a_set_holds_one_to_two_generations(
            items in prop::collection::vec((0u64..120, 0u64..200_000), 1..150),
        ) {
            let (mut words, mut now, mut last) = ([0; SET_WORDS], 600_000, Vec::new());
            for (item, gap) in items {
                now += gap;
                add(&mut words, now, spread(item));
                last.retain(|(known, _)| *known != item);
                last.push((item, now));
                let generation = Generation::new(Set::Paths, now, 77);
                let number = |at: u64| at / 600_000;
                let held = |at: u64| number(at) + 1 >= number(now);
                for (known, at) in &last {
                    let is_in = generation.contains(&words, spread(*known));
                    prop_assert!(is_in || !held(*at), "{known}");
                }
                let exact = last.iter().filter(|(_, at)| held(*at)).count() as f64;
                let load = exact / f64::from(SLOTS);
                let error = ((load.exp() - load - 1.0) * f64::from(SLOTS)).sqrt();
                let seen = f64::from(count(&words, now));
                // Where few are, those that share a bit are rare events, whose error has a longer tail.
                prop_assert!((seen - exact).abs() <= 6.0 * error + 4.0, "{seen} for {exact}");
            }
        }

        /// Against an exact model: a walk of small steps is as long as its distinct steps, and a
        /// reader who jumps about has no run to speak of.
        #[test]
        fn runs_are_those_of_the_exact_model(
            start in 0u64..1 << 39,
            steps in prop::collection::vec((1u64..=STRIDE, any::<bool>()), 1..300),
            jumps in prop::collection::vec(0u64..1 << 39, 2..200),
        ) {
            let run = Run::new(9);
            let (mut word, mut id) = (run.follow(0, start), start);
            for (nth, (step, repeats)) in steps.iter().enumerate() {
                id += step;
                word = run.follow(word, id);
                if *repeats {
                    word = run.follow(word, id);
                }
                prop_assert_eq!(u64::from(run.length(word)), (nth as u64 + 2).min(RUN_MAX));
            }
            let neighbours = jumps.windows(2).filter(|w| w[0].abs_diff(w[1]) <= STRIDE).count();
            let word = jumps.iter().fold(0, |word, id| run.follow(word, *id));
            prop_assert!(run.length(word) as usize <= 1 + neighbours);
        }
    }

    #[test]
    fn runs_grow_with_neighbours_only() {
        let run = Run::new(5);
        let mut word = 0;
        for id in 100..140 {
            word = run.follow(word, id);
        }
        assert_eq!(run.length(word), 40);
        assert_eq!(run.length(run.follow(word, 139)), 40);
        assert_eq!(run.length(run.follow(word, 9_000)), 20);
        assert_eq!(Run::new(6).length(word), 0);
    }
}
