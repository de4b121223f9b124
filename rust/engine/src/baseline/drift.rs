//! Tells when normal changes slowly: growth, decay, or somebody who teaches the baselines step by step.
//!
//! What is learned follows a slow change, and so cannot show it. Each metric therefore keeps a frozen
//! reference: its mean on each day of the first week. Every later day is held against the same day of
//! that week, so that neither night nor weekend counts, by a two-sided CUSUM of the logarithm of their
//! ratio. When it alarms, that is told once, and a new reference is taken from the days that follow.
//!
//! [`SLACK`] and [`LINE`] are chosen for real days, which differ: where they do by 15 % at random
//! (standard deviation, the reference's own days included) a false alarm comes in one of 2,000 years of
//! a metric, and at 20 % in one of 18. A rise of 10 % a day is told on the 8th day, at 2.1 times the
//! reference; 5 % on the 12th, at 1.8 times; 2 % on the 24th, at 1.6 times. No single day alarms.
//! Source: Page, "Continuous inspection schemes", Biometrika 41, 1954.

use super::clients::DAY_S;
use serde::{Deserialize, Serialize};

/// Deviation of a day that is not counted: 28 %. Units: natural logarithm.
const SLACK: f64 = 0.25;
/// Line of the CUSUM.
const LINE: f64 = 1.2;
/// What one day counts at most.
const MOST: f64 = 0.9;
/// Seconds of a day that must have been learned: no part of a day stands for it.
const DAY_EVIDENCE_S: u32 = 72_000;
/// Values of a day from which its mean counts.
const EVIDENCE: u32 = 600;
/// Alarms that are kept, and for how long.
const KEPT: usize = 8;
const KEPT_S: u64 = 30 * DAY_S;

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watched {
    Rate,
    ErrorRatio,
    FailedLogins,
    LatencyMs,
    /// The rate above which a client is hot: what an attacker would teach.
    ClientLimit,
    RequestBytes,
    ResponseBytes,
    WritingRatio,
    RedirectRatio,
    RefusalRatio,
}

impl Watched {
    pub const ALL: [Watched; 10] = [
        Watched::Rate,
        Watched::ErrorRatio,
        Watched::FailedLogins,
        Watched::LatencyMs,
        Watched::ClientLimit,
        Watched::RequestBytes,
        Watched::ResponseBytes,
        Watched::WritingRatio,
        Watched::RedirectRatio,
        Watched::RefusalRatio,
    ];

    /// Names it for people.
    pub fn name(self) -> &'static str {
        match self {
            Watched::Rate => "requests per second",
            Watched::ErrorRatio => "share of errors",
            Watched::FailedLogins => "failed logins per second",
            Watched::LatencyMs => "latency in ms",
            Watched::ClientLimit => "requests of one client in 10 s that are many",
            Watched::RequestBytes => "bytes of a request's body",
            Watched::ResponseBytes => "bytes of an answer",
            Watched::WritingRatio => "share of methods that write",
            Watched::RedirectRatio => "share of redirects",
            Watched::RefusalRatio => "share of refused requests (4xx)",
        }
    }

    /// Below, factors say nothing.
    fn floor(self) -> f64 {
        match self {
            Watched::Rate | Watched::FailedLogins => 1.0 / 60.0,
            Watched::LatencyMs => 5.0,
            Watched::ClientLimit => 1.0,
            Watched::RequestBytes | Watched::ResponseBytes => 64.0,
            _ => 0.02,
        }
    }
}

/// A normal that has changed for good.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    pub metric: Watched,
    /// The mean of the reference's day, and that of the day on which it was told.
    pub from: f64,
    pub to: f64,
    /// Units: seconds since 1970.
    pub at_s: u64,
}

/// One metric's days.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Track {
    /// Below 0 where there is none.
    reference: [f32; 7],
    sum: f64,
    count: u32,
    up: f32,
    down: f32,
}

impl Default for Track {
    fn default() -> Self {
        Track {
            reference: [-1.0; 7],
            sum: 0.0,
            count: 0,
            up: 0.0,
            down: 0.0,
        }
    }
}

impl Track {
    /// Judges a day. Returns its reference and its mean when normal has changed.
    fn close(&mut self, floor: f64, weekday: usize, whole: bool) -> Option<(f64, f64)> {
        let (sum, count) = (
            std::mem::take(&mut self.sum),
            std::mem::take(&mut self.count),
        );
        if !whole || count < EVIDENCE {
            return None;
        }
        let mean = sum / f64::from(count);
        let reference = f64::from(self.reference[weekday]);
        if reference < 0.0 {
            self.reference[weekday] = mean as f32;
            return None;
        }
        let change = ((mean + floor) / (reference + floor))
            .ln()
            .clamp(-MOST, MOST);
        self.up = (f64::from(self.up) + change - SLACK).max(0.0) as f32;
        self.down = (f64::from(self.down) - change - SLACK).max(0.0) as f32;
        if f64::from(self.up.max(self.down)) < LINE {
            return None;
        }
        *self = Track::default();
        self.reference[weekday] = mean as f32;
        Some((reference, mean))
    }

    fn is_sound(&self) -> bool {
        let all = [self.up, self.down].into_iter().chain(self.reference);
        self.sum.is_finite() && all.into_iter().all(f32::is_finite)
    }
}

/// All metrics of a place. Outlasts restarts, as baselines do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Drifts {
    /// Days since 1970.
    day: u64,
    /// Seconds of the day that were learned.
    seconds: u32,
    tracks: [Track; Watched::ALL.len()],
    told: Vec<Drift>,
}

impl Drifts {
    /// Begins a second that is learned; the first one of a day judges the day before.
    pub fn second(&mut self, wall_s: u64) {
        let day = wall_s / DAY_S;
        if day != self.day {
            self.close(wall_s);
            self.day = day;
        }
        self.seconds += 1;
    }

    /// Takes in a value of the second at hand.
    pub fn learn(&mut self, metric: Watched, value: f64) {
        let track = &mut self.tracks[metric as usize];
        track.sum += value;
        track.count += 1;
    }

    fn close(&mut self, wall_s: u64) {
        let whole = std::mem::take(&mut self.seconds) >= DAY_EVIDENCE_S;
        let weekday = (self.day % 7) as usize;
        self.told.retain(|told| told.at_s + KEPT_S > wall_s);
        for (metric, track) in Watched::ALL.into_iter().zip(&mut self.tracks) {
            if let Some((from, to)) = track.close(metric.floor(), weekday, whole) {
                self.told.truncate(KEPT - 1);
                let at_s = wall_s;
                self.told.insert(
                    0,
                    Drift {
                        metric,
                        from,
                        to,
                        at_s,
                    },
                );
            }
        }
    }

    /// What was told within 30 days, the latest first.
    pub fn told(&self) -> &[Drift] {
        &self.told
    }

    pub(super) fn is_sound(&self) -> bool {
        self.tracks.iter().all(Track::is_sound)
            && self
                .told
                .iter()
                .all(|t| t.from.is_finite() && t.to.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays days, each with the rate that `rate` gives; returns the days on which drifts were told.
    fn days_told(days: u64, rate: impl Fn(u64) -> f64) -> Vec<u64> {
        let mut drifts = Drifts::default();
        let mut told = Vec::new();
        for day in 0..days {
            let mut latest = drifts.told().first().map(|t| t.at_s);
            for minute in 0..1_440 {
                for _ in 0..60 {
                    drifts.second(day * DAY_S + 60 * minute);
                }
                drifts.learn(Watched::Rate, rate(day));
                let now = drifts.told().first().map(|t| t.at_s);
                if now.is_some() && now != latest {
                    // Judged at the end of the day before.
                    told.push(day - 1);
                    latest = now;
                }
            }
        }
        told
    }

    #[test]
    fn a_slow_change_is_told_once_and_ordinary_weeks_are_not() {
        let weekend = |day: u64| if day % 7 >= 5 { 0.3 } else { 1.0 };
        let noise = |day: u64| [1.0, 1.15, 0.9, 1.05, 0.85, 1.1, 0.95][(day * 5 % 11 % 7) as usize];
        let since = |day: u64| day.saturating_sub(6) as f64;
        let ordinary = |day| 50.0 * weekend(day) * noise(day);
        assert_eq!(days_told(60, ordinary), [0; 0]);
        // The day of the first week is 6; the rise begins on day 7.
        assert_eq!(
            days_told(16, |d| 50.0 * weekend(d) * 1.1f64.powf(since(d))),
            [14]
        );
        assert_eq!(
            days_told(33, |d| 50.0 * weekend(d) * 1.02f64.powf(since(d))),
            [30]
        );
        assert_eq!(days_told(16, |d| 50.0 * 0.9f64.powf(since(d))), [13]);
        // For good, at once: once, on the second day.
        assert_eq!(days_told(60, |d| if d < 9 { 50.0 } else { 150.0 }), [10]);
        // One wild day, and a holiday.
        assert_eq!(
            days_told(60, |d| if d == 9 { 5_000.0 } else { 50.0 }),
            [0; 0]
        );
        assert_eq!(days_told(60, |d| if d == 9 { 0.0 } else { 50.0 }), [0; 0]);
    }

    #[test]
    fn parts_of_days_and_little_traffic_say_nothing() {
        let mut drifts = Drifts::default();
        for day in 0..20 {
            for second in 0..DAY_S / 2 {
                drifts.second(day * DAY_S + second);
                drifts.learn(Watched::Rate, (day * day) as f64);
            }
        }
        assert_eq!(drifts.told(), []);
        for day in 20..40 {
            for second in 0..DAY_S {
                drifts.second(day * DAY_S + second);
                if second < 500 {
                    drifts.learn(Watched::ErrorRatio, day as f64 / 40.0);
                }
            }
        }
        assert_eq!(drifts.told(), []);
    }
}
