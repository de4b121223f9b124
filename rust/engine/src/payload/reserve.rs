//! What looks beyond a request's first may take: a share of the worker's time, whoever sends what, so that
//! requests that are made to need many of them take no more than that from all others.
//!
//! A leaky bucket, told by when it would be empty. Source: ITU-T I.371, the generic cell rate algorithm.

use std::sync::atomic::{AtomicU64, Ordering};

/// A twentieth of a core, where a step takes some 25 ns.
const STEPS_PER_MS: u64 = 2_000;
/// What can be taken at once after a quiet time: some 55 looks, or sixteen at each of three bodies of 64 KiB.
const BURST: u64 = 2_000 * STEPS_PER_MS;

/// Steps for further looks.
#[derive(Debug, Default)]
pub struct Reserve {
    /// The time by which all that was taken is paid for, as steps since 1970.
    paid: AtomicU64,
}

impl Reserve {
    /// Tells whether another look can be taken now.
    pub fn has_some(&self, now_ms: u64) -> bool {
        // Relaxed: of two askers at once, both may be told that there is some.
        let paid = self.paid.load(Ordering::Relaxed);
        now_ms.saturating_mul(STEPS_PER_MS) + BURST > held(paid, now_ms)
    }

    /// Takes what a look has taken.
    pub fn take(&self, steps: u64, now_ms: u64) {
        let _ = self
            .paid
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |paid| {
                Some(held(paid, now_ms) + steps)
            });
    }
}

/// What counts of it now: nothing that was paid for, nor what a clock says that was set back since.
fn held(paid: u64, now_ms: u64) -> u64 {
    let now = now_ms.saturating_mul(STEPS_PER_MS);
    if (now..now + 2 * BURST).contains(&paid) {
        paid
    } else {
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_comes_back_at_its_rate() {
        let reserve = Reserve::default();
        let now = 1_000_000;
        for _ in 0..40 {
            assert!(reserve.has_some(now));
            reserve.take(BURST / 40, now);
        }
        assert!(!reserve.has_some(now));
        assert!(reserve.has_some(now + 1));
        reserve.take(10 * STEPS_PER_MS, now + 1);
        assert!(!reserve.has_some(now + 10));
        assert!(reserve.has_some(now + 11));
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up() {
        let reserve = Reserve::default();
        reserve.take(BURST, 1_000_000_000);
        assert!(reserve.has_some(900_000_000));
    }

    /// However long it was quiet.
    #[test]
    fn no_more_than_a_burst_is_saved() {
        let reserve = Reserve::default();
        reserve.take(1, 1);
        let later = 1_000_000_000;
        reserve.take(BURST, later);
        assert!(!reserve.has_some(later));
    }
}
