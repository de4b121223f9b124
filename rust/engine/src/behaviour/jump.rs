//! A ratio that has jumped and stays up: 5xx, 404 or refusals of all requests.
//!
//! Each second's requests are evidence of their own for the ratio being at the line, or well above
//! it: a one-sided CUSUM of log-likelihood ratios, one for a moderate jump and one for a severe one.
//! At a ratio just at the line a false alarm comes at most once in `exp(ALARM)` = one million
//! requests, however long it is watched; below the line that number grows exponentially.
//! Sources: Page, "Continuous inspection schemes", Biometrika 41, 1954; Lorden, "Procedures for
//! reacting to a change in distribution", Annals of Mathematical Statistics 42, 1971 (the bound).

use super::detector::{S1, S10, S60};
use crate::baseline::wilson_lower;
use crate::state::Estimates;

/// Line of the sums: the logarithm of the requests between false alarms.
const ALARM: f64 = 13.8;
/// The sums stay below, so that they come down soon.
const CEILING: f64 = ALARM + 4.0;
/// Distinct seconds with hits until a jump is one: more than the gap of a restart.
const BAD_SECONDS: u32 = 4;

/// The ratio of one place, second by second.
#[derive(Clone, Debug, Default)]
pub struct Jump {
    moderate: f64,
    severe: f64,
    /// Seconds with hits since the sums left zero.
    bad_seconds: u32,
    /// When the sums left zero. Units: seconds since 1970.
    pub onset_s: u64,
    /// What the ratio is surely above.
    pub lower: f64,
    pub hits: u64,
    pub total: u64,
    pub window_s: u64,
}

impl Jump {
    /// Looks at one second. `line` is the ratio that would be too much. Returns whether the ratio
    /// has jumped above it and still is there.
    pub fn look(&mut self, hits: &Estimates, total: &Estimates, line: f64, wall_s: u64) -> bool {
        let new = (hits[S1], total[S1].max(hits[S1]));
        let line = line.clamp(0.001, 0.99);
        // Towards three times the line, and never to certainty: one answer cannot disprove a jump.
        let severe = 1.0 - 0.3 * (1.0 - line);
        let moderate = (3.0 * line).min(severe);
        let before = self.moderate.max(self.severe);
        self.moderate = (self.moderate + evidence(new, line, moderate)).clamp(0.0, CEILING);
        self.severe = (self.severe + evidence(new, line, severe)).clamp(0.0, CEILING);
        let sum = self.moderate.max(self.severe);
        if sum == 0.0 {
            self.bad_seconds = 0;
            return false;
        }
        if before == 0.0 {
            self.onset_s = wall_s.saturating_sub(1);
        }
        self.bad_seconds = self.bad_seconds.saturating_add(u32::from(new.0 > 0));
        self.sum_up(hits, total);
        sum >= ALARM && self.bad_seconds >= BAD_SECONDS
    }

    /// Tells whether nothing speaks for a jump.
    pub fn is_quiet(&self) -> bool {
        self.moderate.max(self.severe) == 0.0
    }

    /// Keeps what people are told, of the shortest window that has something to say.
    fn sum_up(&mut self, hits: &Estimates, total: &Estimates) {
        let (window, window_s) = match (total[S1], total[S10]) {
            (n, _) if n >= 10 => (S1, 1),
            (_, n) if n >= 20 => (S10, 10),
            _ => (S60, 60),
        };
        self.hits = hits[window];
        self.total = total[window].max(hits[window]);
        self.window_s = window_s;
        self.lower = wilson_lower(self.hits, self.total, 2.0);
    }

    /// The ratio as people read it.
    pub fn text(&self) -> String {
        let percent = 100.0 * self.hits as f64 / self.total.max(1) as f64;
        format!(
            "{} of {} requests in {}s ({percent:.0} %)",
            self.hits, self.total, self.window_s
        )
    }
}

/// Logarithm of how much likelier `hits` of `total` are at the ratio `high` than at `low`.
fn evidence((hits, total): (u64, u64), low: f64, high: f64) -> f64 {
    let misses = (total - hits) as f64;
    hits as f64 * (high / low).ln() + misses * ((1.0 - high) / (1.0 - low)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays seconds of so many requests, of which the `n`-th second has `hits(n)` bad ones.
    fn seconds_to_alarm(requests: u64, line: f64, hits: impl Fn(u64) -> u64) -> Option<u64> {
        let mut jump = Jump::default();
        (0..3_000).find(|n| {
            let bad = hits(*n);
            jump.look(&[bad; 4], &[requests; 4], line, *n)
        })
    }

    #[test]
    fn jumps_are_found_and_gaps_are_none() {
        for (requests, line, every, bad, most) in [
            (50, 0.05, 1, 50, Some(4)),
            (50, 0.05, 1, 25, Some(4)),
            (5, 0.05, 1, 5, Some(4)),
            (50, 0.05, 1, 5, Some(30)),
            (1, 0.05, 1, 1, Some(7)),
            (50, 0.05, 1, 2, None),
            (50, 0.5, 1, 45, Some(5)),
            (50, 0.5, 1, 25, None),
            (50, 0.05, 60, 3, None),
        ] {
            let got = seconds_to_alarm(requests, line, |n| {
                if n.is_multiple_of(every) {
                    bad
                } else {
                    0
                }
            });
            let fits = match (got, most) {
                (Some(got), Some(most)) => got <= most,
                (got, most) => got.is_some() == most.is_some(),
            };
            assert!(fits, "{bad} of {requests} every {every} s: {got:?}");
        }
        // A restart: all fail for three seconds.
        let restart = seconds_to_alarm(50, 0.05, |n| if n < 3 { 50 } else { 0 });
        assert_eq!(restart, None);
    }
}
