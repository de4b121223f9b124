//! Sliding windows from two buckets: arithmetic on 64-bit words, no clock and no memory.
//!
//! A word describes itself: `[epoch + salt : 24 | prev : 20 | cur : 20]`. Counting and turning a
//! bucket over are one compare-and-swap; a word of a former key carries another salt and reads as
//! expired. A wide window (routes, nodes) has a word a bucket: `[epoch + salt : 24 | count : 40]`,
//! two of them, chosen by the epoch's parity.
//!
//! Published error. The estimate is `prev * (1 - elapsed) + cur`: exact while the previous bucket
//! is empty; for steady arrivals it is unbiased; an adversary who bursts at a boundary gets at most
//! 2L - 1 of a limit L into one true window (198 of 100 measured; see tests). Counts saturate at
//! 2^20 - 1 (narrow) and 2^40 - 1 (wide).
//! Source: the two-bucket approximation, as in Cloudflare's "How we built rate limiting capable of
//! scaling to millions of domains" (2017) and Kong's sliding windows.

use serde::{Deserialize, Serialize};

/// The lengths that are counted. A closed set, so that a key is one fixed slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Window {
    #[serde(rename = "1s")]
    S1 = 0,
    #[serde(rename = "10s")]
    S10 = 1,
    #[serde(rename = "60s")]
    S60 = 2,
    #[serde(rename = "1h")]
    H1 = 3,
}

impl Window {
    pub const ALL: [Window; 4] = [Window::S1, Window::S10, Window::S60, Window::H1];

    /// Units: milliseconds.
    pub const fn length_ms(self) -> u64 {
        match self {
            Window::S1 => 1_000,
            Window::S10 => 10_000,
            Window::S60 => 60_000,
            Window::H1 => 3_600_000,
        }
    }

    /// Counts the windows that fit into a time. Shape: below 2^62.
    /// Cost: a multiplication. Source: Granlund and Montgomery, "Division by Invariant Integers using
    /// Multiplication" (1994), since the compiler divides where it does not know the length.
    #[inline(always)]
    fn whole_in(self, ms: u64) -> u64 {
        let Reciprocal { factor, shift } = RECIPROCALS[self as usize];
        ((u128::from(ms) * u128::from(factor)) >> 64) as u64 >> shift
    }

    /// Names the window as configurations do.
    pub fn name(self) -> &'static str {
        match self {
            Window::S1 => "1s",
            Window::S10 => "10s",
            Window::S60 => "60s",
            Window::H1 => "1h",
        }
    }
}

/// A number such that times `factor`, shifted by 64 and `shift`, divides by it.
#[derive(Clone, Copy)]
struct Reciprocal {
    factor: u64,
    shift: u32,
}

static RECIPROCALS: [Reciprocal; 4] = {
    let mut all = [Reciprocal {
        factor: 0,
        shift: 0,
    }; 4];
    let mut i = 0;
    while i < 4 {
        let length = Window::ALL[i].length_ms();
        let shift = length.ilog2();
        let factor = (1u128 << (64 + shift)).div_ceil(length as u128);
        // The factor is too large by less than this part of a 2^62nd.
        assert!(factor * length as u128 - (1 << (64 + shift)) <= 1 << (shift + 2));
        all[i] = Reciprocal {
            factor: factor as u64,
            shift,
        };
        i += 1;
    }
    all
};

const COUNT_BITS: u32 = 20;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const EPOCH_SHIFT: u32 = 2 * COUNT_BITS;
const EPOCH_MASK: u64 = (1 << 24) - 1;
const WIDE_MAX: u64 = (1 << EPOCH_SHIFT) - 1;
/// Buckets that the clock of another worker may be ahead.
const MAX_AHEAD: u64 = 4;

/// A point in time within a window, and the key's salt. Each method is a few operations, inlined where
/// every request counts.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    epoch: u64,
    elapsed_ms: u64,
    window: Window,
}

impl Tick {
    /// Places `now_ms` in `window` for a key whose hash is `salt`.
    #[inline(always)]
    pub fn new(window: Window, now_ms: u64, salt: u64) -> Tick {
        let bucket = window.whole_in(now_ms);
        Tick {
            epoch: bucket.wrapping_add(salt) & EPOCH_MASK,
            elapsed_ms: now_ms - bucket * window.length_ms(),
            window,
        }
    }

    /// Tells how many buckets a word is ahead, if it is that key's at all; 0 when it is not.
    #[inline(always)]
    pub fn ahead(self, word: u64) -> u64 {
        let ahead = (word >> EPOCH_SHIFT).wrapping_sub(self.epoch) & EPOCH_MASK;
        if (1..=MAX_AHEAD).contains(&ahead) && word != 0 {
            ahead
        } else {
            0
        }
    }

    /// The start of the bucket that is so many ahead; this very moment for none.
    #[inline(always)]
    pub fn later(self, buckets: u64) -> Tick {
        if buckets == 0 {
            return self;
        }
        Tick {
            epoch: (self.epoch + buckets) & EPOCH_MASK,
            elapsed_ms: 0,
            ..self
        }
    }

    #[inline(always)]
    fn before(self) -> u64 {
        self.epoch.wrapping_sub(1) & EPOCH_MASK
    }

    #[inline(always)]
    fn weigh(self, prev: u64, cur: u64) -> u64 {
        let left_ms = self.window.length_ms() - self.elapsed_ms;
        cur + self.window.whole_in(prev * left_ms)
    }

    /// Splits a word into the two buckets as they stand now.
    #[inline(always)]
    fn buckets(self, word: u64) -> (u64, u64) {
        let epoch = word >> EPOCH_SHIFT;
        let cur = word & COUNT_MAX;
        if epoch == self.epoch {
            ((word >> COUNT_BITS) & COUNT_MAX, cur)
        } else if epoch == self.before() {
            (cur, 0)
        } else {
            (0, 0)
        }
    }

    #[inline(always)]
    fn word(self, prev: u64, cur: u64) -> u64 {
        (self.epoch << EPOCH_SHIFT) | (prev << COUNT_BITS) | cur
    }

    /// The word after `n` more arrivals.
    #[inline(always)]
    pub fn add(self, word: u64, n: u64) -> u64 {
        let (prev, cur) = self.buckets(word);
        self.word(prev, cur.saturating_add(n).min(COUNT_MAX))
    }

    /// The word after one arrival is taken back; a bucket that has turned over keeps its count.
    #[inline(always)]
    pub fn undo(self, word: u64) -> u64 {
        let (prev, cur) = self.buckets(word);
        self.word(prev, cur.saturating_sub(1))
    }

    /// Estimates the arrivals in the last window.
    #[inline(always)]
    pub fn estimate(self, word: u64) -> u64 {
        let (prev, cur) = self.buckets(word);
        self.weigh(prev, cur)
    }

    /// Index (0 or 1) of the wide word that counts now.
    pub fn wide_index(self) -> usize {
        (self.epoch & 1) as usize
    }

    #[inline(always)]
    fn wide_count(self, word: u64, epoch: u64) -> u64 {
        if word >> EPOCH_SHIFT == epoch {
            word & WIDE_MAX
        } else {
            0
        }
    }

    /// The wide word of now after `n` more arrivals.
    #[inline(always)]
    pub fn wide_add(self, word: u64, n: u64) -> u64 {
        let count = self.wide_count(word, self.epoch).saturating_add(n);
        (self.epoch << EPOCH_SHIFT) | count.min(WIDE_MAX)
    }

    /// The wide word of now after one arrival is taken back.
    #[inline(always)]
    pub fn wide_undo(self, word: u64) -> u64 {
        (self.epoch << EPOCH_SHIFT) | self.wide_count(word, self.epoch).saturating_sub(1)
    }

    /// Estimates the arrivals in the last window from both wide words.
    #[inline(always)]
    pub fn wide_estimate(self, words: [u64; 2]) -> u64 {
        let now = self.wide_index();
        let prev = self.wide_count(words[1 - now], self.before());
        self.weigh(prev, self.wide_count(words[now], self.epoch))
    }
}

/// Seconds until an estimate of `count` has fallen below `limit`, when nothing more arrives; at
/// least 1. Source: solves `count` decaying linearly over the next window.
pub fn retry_after_s(window: Window, count: u64, limit: u64) -> u32 {
    let length_s = window.length_ms() / 1_000;
    let over = count.saturating_sub(limit).min(count);
    let wait = (length_s * over).div_ceil(count.max(1));
    wait.clamp(1, length_s) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whole_windows_are_counted(
            window in prop::sample::select(Window::ALL.to_vec()),
            ms in 0u64..1 << 62,
            windows in 0u64..1 << 40,
        ) {
            let length = window.length_ms();
            let near = windows * length;
            for ms in [ms, near, near + length - 1, near.saturating_sub(1), (1 << 62) - 1] {
                prop_assert_eq!(window.whole_in(ms), ms / length);
            }
        }

        /// The published error against the exact count: no more than the previous bucket's arrivals,
        /// by the larger of the two shares that the moment divides it into.
        #[test]
        fn estimates_are_within_the_published_error(
            window in prop::sample::select(Window::ALL.to_vec()),
            start in 10_000_000u64..1_000_000_000,
            gaps in prop::collection::vec((0.0f64..0.6, 1u64..50), 1..200),
        ) {
            let length = window.length_ms();
            let (mut now, mut arrivals) = (start, Vec::new());
            let (mut word, mut wide) = (0, [0; 2]);
            for (gap, n) in gaps {
                // Squared, so that bursts and pauses occur.
                now += (gap * gap * length as f64) as u64;
                let tick = Tick::new(window, now, 0x5a17);
                arrivals.push((now, n));
                word = tick.add(word, n);
                wide[tick.wide_index()] = tick.wide_add(wide[tick.wide_index()], n);
                let within = |from: u64, to: u64| -> u64 {
                    let counted = arrivals.iter().filter(|(at, _)| (from..=to).contains(at));
                    counted.map(|(_, n)| n).sum()
                };
                let exact = within(now + 1 - length, now);
                let bucket = now / length * length;
                let elapsed = (now - bucket) as f64 / length as f64;
                let before = within(bucket - length, bucket - 1) as f64;
                let bound = before * elapsed.max(1.0 - elapsed) + 1.0;
                let estimate = tick.estimate(word);
                prop_assert!(
                    (estimate as f64 - exact as f64).abs() <= bound,
                    "{estimate} for {exact}, bound {bound}"
                );
                prop_assert_eq!(tick.wide_estimate(wide), estimate);
            }
        }

        /// Steady arrivals are counted without bias.
        #[test]
        fn steady_arrivals_are_counted_as_they_are(gap in 1u64..2_000, offset in 0u64..10_000) {
            let mut word = 0;
            for nth in 0..40_000 / gap {
                let now = 90_000 + offset + nth * gap;
                word = at(now).add(word, 1);
                if nth * gap >= 20_000 {
                    let exact = 10_000 / gap;
                    prop_assert!(at(now).estimate(word).abs_diff(exact) <= 2);
                }
            }
        }
    }

    fn at(now_ms: u64) -> Tick {
        Tick::new(Window::S10, now_ms, 0x5a17)
    }

    #[test]
    fn counts_slide_out() {
        let mut word = 0;
        for i in 0..100 {
            word = at(100_000 + i).add(word, 1);
        }
        for (now_ms, want) in [
            (100_100, 100),
            (109_999, 100),
            (110_000, 100),
            (115_000, 50),
            (119_999, 0),
            (120_000, 0),
            (900_000, 0),
        ] {
            assert_eq!(at(now_ms).estimate(word), want, "at {now_ms}");
        }
    }

    #[test]
    fn another_keys_word_reads_as_empty() {
        let word = at(100_000).add(0, 7);
        assert_eq!(
            Tick::new(Window::S10, 100_000, 0x5a18 + 1).estimate(word),
            0
        );
    }

    #[test]
    fn undo_takes_back_one_and_never_wraps() {
        let t = at(100_000);
        assert_eq!(t.estimate(t.undo(t.add(0, 1))), 0);
        assert_eq!(t.estimate(t.undo(0)), 0);
    }

    #[test]
    fn counts_saturate() {
        let t = at(100_000);
        assert_eq!(t.estimate(t.add(t.add(0, u64::MAX), 5)), COUNT_MAX);
        assert_eq!(t.wide_add(0, 5_000 * 3_600) & WIDE_MAX, 18_000_000);
    }

    #[test]
    fn wide_words_slide_like_narrow_ones() {
        let mut words = [0u64; 2];
        let mut narrow = 0;
        for i in 0..3_000u64 {
            let t = at(100_000 + i * 17);
            let n = t.wide_index();
            words[n] = t.wide_add(words[n], 1);
            narrow = t.add(narrow, 1);
            assert_eq!(t.wide_estimate(words), t.estimate(narrow));
        }
    }

    /// The published bound: a burst at the end of a bucket and one at the start of the next admit
    /// fewer than 2L into one true window.
    #[test]
    fn an_adversary_gets_less_than_twice_the_limit() {
        let limit = 100;
        let mut worst = 0;
        for offset in (0..10_000).step_by(100) {
            let (mut word, mut admitted) = (0, Vec::new());
            for now_ms in (90_000 + offset..120_000).step_by(10) {
                let t = at(now_ms);
                if t.estimate(word) < limit {
                    word = t.add(word, 1);
                    admitted.push(now_ms);
                }
            }
            for (i, first) in admitted.iter().enumerate() {
                let within = admitted.iter().skip(i).take_while(|t| *t - first < 10_000);
                worst = worst.max(within.count() as u64);
            }
        }
        assert!(worst < 2 * limit, "{worst}");
        assert!(worst >= limit);
    }

    #[test]
    fn retry_after_is_bounded() {
        for (count, limit, want) in [(100, 100, 1), (200, 100, 5), (10_000, 0, 10), (0, 0, 1)] {
            assert_eq!(
                retry_after_s(Window::S10, count, limit),
                want,
                "{count} of {limit}"
            );
        }
    }
}
