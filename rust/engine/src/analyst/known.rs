//! One place, and what is learned of it second by second.

use crate::baseline::Baseline;
use crate::behaviour::detector::{Counts, S1, S10, S60};
use crate::memory::{Alarm, Histogram, Memory, Place, PlaceId};
use crate::verdict::Category;

/// Seconds with requests of a consumer until its own history holds.
const CONSUMER_S: u64 = 3_600;

/// A place, and what is known of it.
pub(super) struct Known {
    pub id: PlaceId,
    pub place: Place,
    pub baseline: Baseline,
    pub seconds: u64,
    pub alarm: Alarm,
}

impl Known {
    pub fn new(id: PlaceId, place: Place, baseline: Baseline) -> Known {
        Known {
            id,
            place,
            baseline,
            seconds: 0,
            alarm: Alarm::default(),
        }
    }

    /// Learns at which rates a consumer comes; its limit holds once that took an hour.
    pub fn learn_consumer<M: Memory + ?Sized>(&mut self, memory: &M) {
        let rates = &mut self.baseline.clients;
        let samples = memory.samples(self.id);
        // A program that rests is not forgotten meanwhile.
        if rates.is_news(&samples) {
            rates.update(&samples, true);
            self.baseline.seconds += 1;
        }
        if self.baseline.seconds >= CONSUMER_S && rates.has_limit() {
            let hot_limit = rates.hot_limit();
            self.warn(
                Alarm {
                    hot_limit,
                    ..Alarm::default()
                },
                memory,
            );
        }
    }

    /// Tells the hot path what is new.
    pub fn warn<M: Memory + ?Sized>(&mut self, alarm: Alarm, memory: &M) {
        if alarm != self.alarm {
            memory.set_alarm(self.id, alarm);
            self.alarm = alarm;
        }
    }
    /// Learns a second, as far as nothing is wrong in it. Returns the samples that were learned.
    pub fn learn(
        &mut self,
        counts: &Counts,
        samples: Option<&Histogram>,
        open: &dyn Fn(Category) -> bool,
        wall_s: u64,
    ) -> Histogram {
        let baseline = &mut self.baseline;
        let calm = ![
            Category::ApiDdos,
            Category::MassError,
            Category::RouteMisconfiguration,
        ]
        .into_iter()
        .any(open);
        let rate = counts.requests[S1] as f64;
        let crowded = baseline.is_mature() && rate > 3.0 * baseline.expected_rate(wall_s) + 10.0;
        let mut learned = Histogram::default();
        if let Some(samples) = samples {
            let new = baseline.clients.update(samples, calm && !crowded);
            if calm && !crowded {
                learned = new;
            }
        }
        if !calm {
            return learned;
        }
        if counts.requests[S60] > 0 {
            baseline.seconds += 1;
        }
        baseline.rate.learn(rate);
        baseline.rate_hours.learn(rate, wall_s);
        let total = counts.requests[S1];
        if total > 0 {
            baseline.errors.learn(counts.errors[S1], total);
            baseline.not_found.learn(counts.not_found[S1], total);
            baseline.refused.learn(counts.refused[S1], total);
            baseline.hot.learn(counts.hot[S1], total);
            if counts.answers[S1] > 0 {
                baseline
                    .repeats
                    .learn(counts.repeats[S1], counts.answers[S1]);
            }
            let ratio = counts.errors[S10] as f64 / counts.requests[S10].max(1) as f64;
            baseline.error_hours.learn(ratio.min(1.0), wall_s);
        }
        if counts.requests[S10] >= 32 {
            let latency = counts.latency_ms[S10] as f64 / counts.requests[S10] as f64;
            baseline.latency.learn(latency);
        }
        if !open(Category::CredentialStuffing) {
            baseline
                .failure_hours
                .learn(counts.failures[S1] as f64, wall_s);
            if self.seconds.is_multiple_of(10) {
                baseline.failures.learn(counts.failures[S10] as f64);
                baseline.logins.learn(counts.logins[S10] as f64);
            }
        }
        learned
    }
}
