//! What is normal at a place: learned from seconds without an alarm, slow to be taught otherwise.
//!
//! Each metric has a fast average (ten minutes, an hour for shares) and a value for each hour of the
//! week. Poisoning is bounded three ways: seconds under an incident are not learned, a second moves an
//! average by at most three deviations, and an hour of the week by at most a factor of two a week; the
//! client rate that counts as hot and the size that counts as large double at most once a day, the
//! former four times on its first. What is taught more slowly than that is told as a drift.

mod clients;
mod drift;
mod hours;
mod metric;
mod profile;
mod sizes;

pub use clients::{ClientRates, Usual};
pub use drift::{Drift, Drifts, Watched};
pub use hours::Hours;
pub use metric::{wilson_lower, Metric, Ratio};
pub use profile::{Cell, Profile};
pub use sizes::{mean_size, Sizes};

use crate::tally::{Answer, Method};
use serde::{Deserialize, Serialize};

/// Seconds of evidence before ratios to the normal mean anything.
pub const MATURE_S: u64 = 600;
/// Share below which a method is hardly ever used.
const RARE: f64 = 0.001;

/// All that is normal at one place.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// Requests per second.
    pub rate: Metric,
    pub rate_hours: Hours,
    /// Upstream errors of all requests.
    pub errors: Ratio,
    pub error_hours: Hours,
    pub not_found: Ratio,
    /// Refused credentials of all requests.
    pub refused: Ratio,
    /// Failed logins, and successful ones, in ten seconds.
    pub failures: Metric,
    pub failure_hours: Hours,
    pub logins: Metric,
    /// Mean latency. Units: milliseconds.
    pub latency: Metric,
    /// Requests of hot clients of all requests.
    pub hot: Ratio,
    /// Answers to clients that ask for the same on and on, of sampled answers.
    #[serde(default)]
    pub repeats: Ratio,
    /// The same to clients that come evenly and slowly.
    #[serde(default)]
    pub trickles: Ratio,
    pub clients: ClientRates,
    /// Shares of the methods besides GET, and of answers that no other ratio counts.
    #[serde(default)]
    pub methods: [Ratio; Method::ALL.len()],
    #[serde(default)]
    pub answers: [Ratio; Answer::ALL.len()],
    #[serde(default)]
    pub request_sizes: Sizes,
    #[serde(default)]
    pub response_sizes: Sizes,
    /// Bytes of request bodies in ten seconds.
    #[serde(default)]
    pub request_bytes: Metric,
    #[serde(default)]
    pub profile: Profile,
    /// Seconds in which methods, answers and sizes were learned: files of former versions lack them.
    #[serde(default)]
    pub mix_seconds: u64,
    #[serde(default)]
    pub drifts: Drifts,
    /// Seconds with traffic that were learned.
    pub seconds: u64,
}

impl Baseline {
    /// Tells whether there is enough evidence to act on ratios.
    pub fn is_mature(&self) -> bool {
        self.seconds >= MATURE_S
    }

    /// The same of methods and answers.
    pub fn knows_mix(&self) -> bool {
        self.is_mature() && self.mix_seconds >= MATURE_S
    }

    /// Requests per second to be expected: the fast average, held to the hour of the week where
    /// that is known, so that a slow rise cannot teach everything.
    pub fn expected_rate(&self, wall_s: u64) -> f64 {
        let fast = self.rate.mean;
        match self.rate_hours.at(wall_s) {
            Some(hour) => fast.min(3.0 * hour.max(1.0)).max(hour.min(2.0 * fast)),
            None => fast,
        }
    }

    /// Error ratio to be expected.
    pub fn expected_errors(&self, wall_s: u64) -> f64 {
        let hour = self.error_hours.at(wall_s).unwrap_or(0.0);
        self.errors.value().max(hour.min(0.5))
    }

    /// Share of the requests that is to be expected of a method: what it was lately, or at this hour of
    /// former weeks.
    pub fn expected_method(&self, method: Method, wall_s: u64) -> f64 {
        let hour = self.profile.at(Cell::Method(method), wall_s);
        self.methods[method as usize]
            .value()
            .max(hour.unwrap_or(0.0))
    }

    /// Share of the requests that is to be expected of such answers.
    pub fn expected_answer(&self, answer: Answer, wall_s: u64) -> f64 {
        let hour = self.profile.at(Cell::Answer(answer), wall_s);
        self.answers[answer as usize]
            .value()
            .max(hour.unwrap_or(0.0))
    }

    /// The writing methods that are hardly ever used here, as a set of bits; none before enough is
    /// known.
    pub fn rare_methods(&self, wall_s: u64) -> u8 {
        let rare = |m: &Method| self.knows_mix() && self.expected_method(*m, wall_s) < RARE;
        let rare = Method::WRITING.into_iter().filter(rare);
        rare.fold(0, |bits, method| bits | method.bit())
    }

    /// Mean latency to be expected: what it was lately, or at this hour of former weeks.
    /// Units: milliseconds.
    pub fn expected_latency(&self, wall_s: u64) -> f64 {
        let hour = self.profile.at(Cell::Latency, wall_s).unwrap_or(0.0);
        self.latency.mean.max(hour.min(4.0 * self.latency.mean))
    }

    /// Tells whether an imported baseline can be worked with.
    pub fn is_sound(&self) -> bool {
        let metrics = [
            &self.rate,
            &self.failures,
            &self.logins,
            &self.latency,
            &self.request_bytes,
        ];
        let ratios = [
            &self.errors,
            &self.not_found,
            &self.refused,
            &self.hot,
            &self.repeats,
            &self.trickles,
        ];
        let ratios = (ratios.into_iter().chain(&self.methods)).chain(&self.answers);
        metrics.iter().all(|m| m.is_sound())
            && ratios.into_iter().all(Ratio::is_sound)
            && self.rate_hours.is_sound()
            && self.error_hours.is_sound()
            && self.failure_hours.is_sound()
            && self.clients.is_sound()
            && self.request_sizes.is_sound()
            && self.response_sizes.is_sound()
            && self.profile.is_sound()
            && self.drifts.is_sound()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is learned of a place, with what its vectors hold: 5.4 KiB.
    #[test]
    fn a_place_keeps_to_its_budget() {
        let baseline = Baseline::default();
        let hours = 3 * 168 * std::mem::size_of::<f32>();
        let bytes = std::mem::size_of_val(&baseline) + hours + baseline.profile.bytes();
        assert!(bytes <= 5_529, "{bytes}");
    }
}
