//! An even spread without a random number: the n-th multiple of the golden ratio, modulo 1.
//! Source: Weyl's equidistribution theorem.

use std::sync::atomic::{AtomicU64, Ordering};

/// 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Gives each asker a turn. Of any n in a row, one n-th or so is in any n-th of the range.
#[derive(Default)]
pub struct Turns(AtomicU64);

impl Turns {
    /// Draws the next turn.
    pub fn draw(&self) -> u64 {
        // Relaxed: only that each draw is another matters.
        self.0.fetch_add(STEP, Ordering::Relaxed)
    }
}

/// Picks one turn in `n`.
pub fn one_in(n: u64, turn: u64) -> bool {
    turn < u64::MAX / n
}

/// Where a turn or a hash lies in 0..1.
pub fn share(turn: u64) -> f64 {
    (turn >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_evenly() {
        let turns = Turns::default();
        for _ in 0..100 {
            let drawn: Vec<u64> = (0..160).map(|_| turns.draw()).collect();
            let picked = drawn.iter().filter(|turn| one_in(16, **turn)).count();
            assert!((8..=12).contains(&picked), "{picked}");
            let half = drawn.iter().filter(|turn| share(**turn) < 0.5).count();
            assert!((77..=83).contains(&half), "{half}");
        }
    }
}
