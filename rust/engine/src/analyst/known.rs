//! One place, and what is learned of it second by second.

use super::recent::Recent;
use crate::baseline::{Baseline, Cell, Watched};
use crate::behaviour::detector::{Counts, S1, S10, S60};
use crate::memory::{Alarm, Histogram, Memory, Place, PlaceId};
use crate::tally::{Answer, Method, Tally};
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
    pub recent: Recent,
}

impl Known {
    pub fn new(id: PlaceId, place: Place, baseline: Baseline) -> Known {
        Known {
            id,
            place,
            baseline,
            seconds: 0,
            alarm: Alarm::default(),
            recent: Recent::default(),
        }
    }

    /// Reads what a consumer did in a second, as far as its samples tell.
    pub fn read_consumer<M: Memory + ?Sized>(&mut self, memory: &M) -> Counts {
        self.recent.take(memory.tallies(self.id));
        let mut counts = self.tallied(Counts::default());
        counts.requests = self.recent.bodies_from(0, Tally::RequestSize);
        counts
    }

    /// Adds what was tallied to what was counted.
    pub fn tallied(&self, counts: Counts) -> Counts {
        let recent = &self.recent;
        let limit = self.baseline.request_sizes.limit_bin();
        let large = limit.map(|bin| recent.bodies_from(usize::from(bin) + 1, Tally::RequestSize));
        Counts {
            methods: Method::ALL.map(|method| recent.of(Tally::Method(method))),
            answered: Answer::ALL.map(|answer| recent.of(Tally::Answer(answer))),
            large_requests: large.unwrap_or_default(),
            ..counts
        }
    }

    /// Learns at which rates a consumer comes and, unless it is flagged, what it does; its limit holds
    /// once that took an hour.
    pub fn learn_consumer<M: Memory + ?Sized>(
        &mut self,
        counts: &Counts,
        flagged: bool,
        memory: &M,
        wall_s: u64,
    ) {
        self.baseline.drifts.second(wall_s);
        if !flagged && counts.requests[S1] > 0 {
            self.learn_mix(counts, wall_s);
        }
        let rates = &mut self.baseline.clients;
        let samples = memory.samples(self.id);
        // A program that rests is not forgotten meanwhile.
        if rates.is_news(&samples) {
            rates.update(&samples, true);
            self.baseline.seconds += 1;
        }
        if self.baseline.seconds >= CONSUMER_S && rates.has_limit() {
            let hot_limit = rates.hot_limit();
            let limit = f64::from(hot_limit);
            self.baseline.drifts.learn(Watched::ClientLimit, limit);
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

    /// Learns methods, answers and sizes of bodies.
    fn learn_mix(&mut self, counts: &Counts, wall_s: u64) {
        let (baseline, recent) = (&mut self.baseline, &self.recent);
        let total = counts.requests[S1];
        baseline.mix_seconds += 1;
        let (profile, drifts) = (&mut baseline.profile, &mut baseline.drifts);
        let lately = counts.requests[S60].max(1) as f64;
        let share = |hits: u64| (hits as f64 / lately).min(1.0);
        for method in Method::ALL {
            let hits = &counts.methods[method as usize];
            baseline.methods[method as usize].learn(hits[S1], total.max(hits[S1]));
        }
        let mut writes = 0.0;
        for method in Method::WRITING {
            let share = share(counts.methods[method as usize][S60]);
            profile.learn(Cell::Method(method), share, wall_s);
            writes += share;
        }
        drifts.learn(Watched::WritingRatio, writes);
        for (answer, watched) in [
            (Answer::Redirect, Watched::RedirectRatio),
            (Answer::Refusal, Watched::RefusalRatio),
        ] {
            let hits = &counts.answered[answer as usize];
            baseline.answers[answer as usize].learn(hits[S1], total.max(hits[S1]));
            let share = share(hits[S60]);
            profile.learn(Cell::Answer(answer), share, wall_s);
            drifts.learn(watched, share);
        }
        let requests = recent.bodies(Tally::RequestSize);
        baseline.request_sizes.learn(&requests);
        if let Some(bytes) = recent.mean_size(Tally::RequestSize) {
            profile.learn(Cell::RequestBytes, bytes, wall_s);
            drifts.learn(Watched::RequestBytes, bytes);
        }
        let responses = recent.bodies(Tally::ResponseSize);
        baseline.response_sizes.learn(&responses);
        if let Some(bytes) = recent.mean_size(Tally::ResponseSize) {
            profile.learn(Cell::ResponseBytes, bytes, wall_s);
            drifts.learn(Watched::ResponseBytes, bytes);
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
        baseline.drifts.second(wall_s);
        baseline.drifts.learn(Watched::Rate, rate);
        if baseline.clients.has_limit() {
            let limit = f64::from(baseline.clients.hot_limit());
            baseline.drifts.learn(Watched::ClientLimit, limit);
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
                let answers = counts.answers[S1];
                baseline.repeats.learn(counts.repeats[S1], answers);
                baseline.trickles.learn(counts.trickles[S1], answers);
            }
            let ratio = counts.errors[S10] as f64 / counts.requests[S10].max(1) as f64;
            baseline.error_hours.learn(ratio.min(1.0), wall_s);
            baseline.drifts.learn(Watched::ErrorRatio, ratio.min(1.0));
        }
        if counts.requests[S10] >= 32 {
            let latency = counts.latency_ms[S10] as f64 / counts.requests[S10] as f64;
            baseline.latency.learn(latency);
            baseline.profile.learn(Cell::Latency, latency, wall_s);
            baseline.drifts.learn(Watched::LatencyMs, latency);
        }
        if self.seconds.is_multiple_of(10) {
            let bytes = counts.request_bytes[S10] as f64;
            baseline.request_bytes.learn(bytes);
        }
        if !open(Category::CredentialStuffing) {
            let failures = counts.failures[S1] as f64;
            baseline.failure_hours.learn(failures, wall_s);
            baseline.drifts.learn(Watched::FailedLogins, failures);
            if self.seconds.is_multiple_of(10) {
                baseline.failures.learn(counts.failures[S10] as f64);
                baseline.logins.learn(counts.logins[S10] as f64);
            }
        }
        // Methods and sizes that are flagged as abuse are no norm.
        if total > 0 && !open(Category::Abuse) {
            self.learn_mix(counts, wall_s);
        }
        learned
    }
}
