//! What is normal at a place: learned from seconds without an alarm, slow to be taught otherwise.
//!
//! Each metric has a fast average (ten minutes) and, for rate, errors and failed logins, one value
//! for each hour of the week. Poisoning is bounded three ways: seconds under an incident are not
//! learned, a second moves an average by at most three deviations, and an hour of the week by at
//! most a factor of two a week; the client rate that counts as hot doubles at most once a day,
//! and four times on its first.

use crate::memory::{rate_of_bin, Histogram, RATE_BINS};
use serde::{Deserialize, Serialize};

/// Seconds of evidence before ratios to the normal mean anything.
pub const MATURE_S: u64 = 600;
/// Units: seconds.
const DAY_S: u64 = 86_400;
/// Memory of the fast averages. Units: updates.
const MEMORY: f64 = 600.0;
/// Updates before which values are not clipped: there is nothing yet to clip them to.
const UNCLIPPED: u64 = 30;
const HOURS: usize = 168;
/// Seconds of an hour that must have been learned for it to count.
const HOUR_EVIDENCE_S: u32 = 600;
/// Share of a new week in an hour's value.
const WEEK_SHARE: f32 = 0.3;
/// Hours in a row that differ by a factor of two: normal has changed.
const DRIFT_HOURS: u8 = 3;
/// A client's 10 s rate that is hot where nothing was learned: nobody's, of one person.
const UNLEARNED_HOT: f64 = 200.0;
/// Least hot limit.
const LEAST_HOT: f64 = 10.0;
/// The same of the limit while a flood is on.
const LEAST_FLOOD: f64 = 4.0;
/// Samples from which the client rates are known.
const KNOWN_SAMPLES: f32 = 200.0;
/// Half-life of the learned client rates. Units: seconds.
const SAMPLES_HALF_LIFE_S: f32 = 6.0 * 3_600.0;

/// An average and its variance, forgetting exponentially.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Metric {
    pub mean: f64,
    variance: f64,
    updates: u64,
}

impl Metric {
    /// Takes a value in, clipped to three deviations around the mean.
    pub fn learn(&mut self, value: f64) {
        self.updates += 1;
        let clipped = if self.updates > UNCLIPPED {
            let room = 3.0 * self.deviation();
            value.clamp(self.mean - room, self.mean + room)
        } else {
            value
        };
        let share = (1.0 / self.updates as f64).max(1.0 / MEMORY);
        let difference = clipped - self.mean;
        self.mean += share * difference;
        self.variance += share * (difference * difference - self.variance);
    }

    /// Standard deviation, at least that of counts with this mean (Poisson).
    pub fn deviation(&self) -> f64 {
        self.variance.max(self.mean).max(0.25).sqrt()
    }

    /// Values that were taken in.
    pub fn updates(&self) -> u64 {
        self.updates
    }
}

/// A ratio of counts, forgetting exponentially over an hour.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ratio {
    hits: f64,
    total: f64,
}

impl Ratio {
    const KEPT: f64 = 1.0 - 1.0 / 3_600.0;

    /// Takes a second in. A second cannot teach more than twice the known ratio and 5 %.
    pub fn learn(&mut self, hits: u64, total: u64) {
        let total = total as f64;
        let known = self.total >= 100.0;
        let most = if known {
            total * (2.0 * self.value() + 0.05)
        } else {
            total
        };
        self.hits = self.hits * Self::KEPT + (hits as f64).min(most);
        self.total = self.total * Self::KEPT + total;
    }

    /// The ratio, 0 when unknown.
    pub fn value(&self) -> f64 {
        self.hits / self.total.max(1.0)
    }
}

/// One value for each hour of the week.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hours {
    /// Below 0 where nothing was learned.
    values: Vec<f32>,
    #[serde(skip)]
    hour: usize,
    #[serde(skip)]
    sum: f64,
    #[serde(skip)]
    seconds: u32,
    #[serde(skip)]
    drifted: u8,
}

impl Default for Hours {
    fn default() -> Self {
        Hours {
            values: vec![-1.0; HOURS],
            hour: 0,
            sum: 0.0,
            seconds: 0,
            drifted: 0,
        }
    }
}

impl Hours {
    /// Takes a second in; at the end of an hour its average becomes the hour's, in part.
    pub fn learn(&mut self, value: f64, wall_s: u64) {
        let hour = hour_of(wall_s);
        if hour != self.hour {
            self.close();
            self.hour = hour;
        }
        self.sum += value;
        self.seconds += 1;
    }

    fn close(&mut self) {
        let (sum, seconds) = (self.sum, self.seconds);
        (self.sum, self.seconds) = (0.0, 0);
        let Some(known) = self.values.get_mut(self.hour) else {
            return;
        };
        if seconds < HOUR_EVIDENCE_S {
            return;
        }
        let new = (sum / f64::from(seconds)) as f32;
        if *known < 0.0 {
            *known = round(new);
            return;
        }
        // Below one a minute, factors say nothing.
        let differs = new.max(*known) > 1.0 / 60.0 && (new > 2.0 * *known || new < 0.5 * *known);
        self.drifted = if differs {
            self.drifted.saturating_add(1)
        } else {
            0
        };
        let clipped = new.clamp(*known / 2.0, (*known * 2.0).max(0.02));
        *known = round(*known + WEEK_SHARE * (clipped - *known));
    }

    /// The value of the hour, when it is known.
    pub fn at(&self, wall_s: u64) -> Option<f64> {
        let value = self.values.get(hour_of(wall_s))?;
        (*value >= 0.0).then_some(f64::from(*value))
    }

    /// Tells whether normal has changed: some hours in a row differ by a factor of two.
    pub fn drifts(&self) -> bool {
        self.drifted >= DRIFT_HOURS
    }

    fn is_sound(&self) -> bool {
        self.values.len() == HOURS && self.values.iter().all(|v| v.is_finite())
    }
}

fn hour_of(wall_s: u64) -> usize {
    (wall_s / 3_600) as usize % HOURS
}

/// Keeps three decimals, so that exports stay short.
fn round(value: f32) -> f32 {
    (value * 1_000.0).round() / 1_000.0
}

/// At which rates clients are met: the learned histogram, and that of the last seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientRates {
    learned: [f32; RATE_BINS],
    /// Logarithm (base 2) of the limit that is in force; 0 before there is one.
    log_limit: f32,
    #[serde(skip)]
    recent: [f32; RATE_BINS],
    #[serde(skip)]
    last: Option<Histogram>,
    /// Seconds that were learned.
    seconds: u64,
}

/// The rates at which requests find their client usually.
pub struct Usual {
    /// The 50th, 90th and 99th. Units: requests in 10 s.
    pub percentiles: [f64; 3],
    pub samples: u64,
}

impl Default for ClientRates {
    fn default() -> Self {
        ClientRates {
            learned: [0.0; RATE_BINS],
            log_limit: 0.0,
            recent: [0.0; RATE_BINS],
            last: None,
            seconds: 0,
        }
    }
}

impl ClientRates {
    /// Takes in the ever-growing histogram of a place; `learns` when no alarm stands. Returns what
    /// is new in it.
    pub fn update(&mut self, now: &Histogram, learns: bool) -> Histogram {
        let last = self.last.replace(*now).unwrap_or(*now);
        let new = std::array::from_fn(|bin| now[bin].saturating_sub(last[bin]));
        self.add(&new, learns);
        new
    }

    /// Tells whether the ever-growing histogram of a place has grown.
    pub fn is_news(&self, now: &Histogram) -> bool {
        self.last.as_ref() != Some(now)
    }

    /// Takes in the samples of one second.
    pub fn add(&mut self, samples: &Histogram, learns: bool) {
        let kept = 0.5f32.powf(1.0 / SAMPLES_HALF_LIFE_S);
        let bins = self.recent.iter_mut().zip(&mut self.learned);
        for ((recent, learned), new) in bins.zip(samples) {
            *recent = *recent * 0.6 + *new as f32;
            if learns {
                *learned = *learned * kept + *new as f32;
            }
        }
        if learns {
            self.seconds += 1;
            if self.seconds.is_multiple_of(10) {
                self.move_limit(10.0);
            }
        }
    }

    fn move_limit(&mut self, seconds: f32) {
        if !self.is_known() {
            return;
        }
        let usual = rate_of_bin(quantile(&self.learned, 0.99));
        let wanted = (2.0 * usual).max(LEAST_HOT).log2() as f32;
        let day = seconds / 86_400.0;
        let doublings = if self.seconds <= DAY_S { 4.0 } else { 1.0 };
        self.log_limit = if self.seconds <= MATURE_S || self.log_limit == 0.0 {
            wanted
        } else {
            wanted.clamp(self.log_limit - 4.0 * day, self.log_limit + doublings * day)
        };
    }

    /// What is usual, when enough is known.
    pub fn usual(&self) -> Option<Usual> {
        self.is_known().then(|| Usual {
            percentiles: [0.5, 0.9, 0.99].map(|q| rate_of_bin(quantile(&self.learned, q))),
            samples: self.learned.iter().sum::<f32>() as u64,
        })
    }

    fn is_known(&self) -> bool {
        self.learned.iter().sum::<f32>() >= KNOWN_SAMPLES
    }

    /// Requests of one client in 10 s above which it is suspected while a flood is on: the
    /// 99.5th percentile, and so never more than one ordinary request in 200.
    pub fn flood_limit(&self) -> Option<u16> {
        let usual = || rate_of_bin(quantile(&self.learned, 0.995));
        self.is_known()
            .then(|| usual().clamp(LEAST_FLOOD, 60_000.0) as u16)
            .map(|limit| limit.min(2 * self.hot_limit()))
    }

    /// Whether a limit was learned.
    pub fn has_limit(&self) -> bool {
        self.log_limit != 0.0
    }

    /// Requests of one client in 10 s above which it is hot: twice the 99th percentile.
    pub fn hot_limit(&self) -> u16 {
        let limit = if self.log_limit == 0.0 {
            UNLEARNED_HOT
        } else {
            f64::from(self.log_limit).exp2()
        };
        limit.clamp(LEAST_HOT, 60_000.0) as u16
    }

    /// Share of the last seconds' requests whose client is above the learned 90th percentile; in
    /// normal times at most a tenth. `None` without enough samples of both.
    pub fn busy_share(&self) -> Option<f32> {
        let recent: f32 = self.recent.iter().sum();
        if recent < 30.0 || self.learned.iter().sum::<f32>() < 2.0 * KNOWN_SAMPLES {
            return None;
        }
        let usual = quantile(&self.learned, 0.9);
        let busy: f32 = self.recent[usual + 1..].iter().sum();
        Some(busy / recent)
    }

    fn is_sound(&self) -> bool {
        let finite = |v: &f32| v.is_finite() && *v >= 0.0;
        self.learned.iter().all(finite) && (0.0..=16.0).contains(&self.log_limit)
    }
}

/// The bin that holds the quantile.
fn quantile(bins: &[f32; RATE_BINS], q: f32) -> usize {
    let mut left = q * bins.iter().sum::<f32>();
    for (bin, count) in bins.iter().enumerate() {
        left -= count;
        if left <= 0.0 {
            return bin;
        }
    }
    RATE_BINS - 1
}

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
    pub clients: ClientRates,
    /// Seconds with traffic that were learned.
    pub seconds: u64,
}

impl Baseline {
    /// Tells whether there is enough evidence to act on ratios.
    pub fn is_mature(&self) -> bool {
        self.seconds >= MATURE_S
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

    /// Tells which metrics have changed for good.
    pub fn drifts(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("requests per second", &self.rate_hours),
            ("error ratio", &self.error_hours),
            ("failed logins", &self.failure_hours),
        ];
        let changed = all.map(|(name, hours)| hours.drifts().then_some(name));
        changed.into_iter().flatten()
    }

    /// Tells whether an imported baseline can be worked with.
    pub fn is_sound(&self) -> bool {
        let metrics = [&self.rate, &self.failures, &self.logins, &self.latency];
        let ratios = [
            &self.errors,
            &self.not_found,
            &self.refused,
            &self.hot,
            &self.repeats,
        ];
        metrics
            .iter()
            .all(|m| m.mean.is_finite() && m.variance.is_finite())
            && ratios
                .iter()
                .all(|r| r.hits.is_finite() && r.total.is_finite())
            && self.rate_hours.is_sound()
            && self.error_hours.is_sound()
            && self.failure_hours.is_sound()
            && self.clients.is_sound()
    }
}

/// Lower bound of a ratio's confidence interval; `z` in standard deviations.
/// Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
/// (158), 1927.
pub fn wilson_lower(hits: u64, total: u64, z: f64) -> f64 {
    if total == 0 {
        return 0.0;
    }
    let n = total as f64;
    let p = (hits as f64 / n).min(1.0);
    let square = z * z;
    let centre = p + square / (2.0 * n);
    let width = z * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
    ((centre - width) / (1.0 + square / n)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::rate_bin;

    #[test]
    fn wilson_is_careful_with_little_evidence() {
        for (hits, total, least, most) in [
            (0, 0, 0.0, 0.0),
            (1, 1, 0.1, 0.3),
            (5, 10, 0.2, 0.3),
            (500, 1_000, 0.46, 0.48),
            (9, 5, 0.5, 0.6),
        ] {
            let got = wilson_lower(hits, total, 2.0);
            assert!((least..=most).contains(&got), "{hits}/{total}: {got}");
        }
    }

    #[test]
    fn one_wild_second_teaches_little() {
        let mut rate = Metric::default();
        (0..1_000).for_each(|n| rate.learn(100.0 + f64::from(n % 7)));
        let before = rate.mean;
        rate.learn(1e9);
        assert!(rate.mean - before < 0.1, "{before} to {}", rate.mean);
    }

    #[test]
    fn hours_of_the_week_move_by_a_share() {
        let mut hours = Hours::default();
        let week = |n: u64, value: f64, hours: &mut Hours| {
            for second in 0..3_600 {
                hours.learn(value, n * 168 * 3_600 + second);
            }
            hours.learn(value, n * 168 * 3_600 + 3_600);
            hours.close();
        };
        week(1, 10.0, &mut hours);
        assert_eq!(hours.at(168 * 3_600), Some(10.0));
        week(2, 1_000.0, &mut hours);
        assert_eq!(hours.at(168 * 3_600), Some(13.0));
        assert_eq!(hours.at(168 * 3_600 + 7_200), None);
    }

    /// Three hours in a row that differ from last week's by more than twice are told; two are not,
    /// and an hour as ever ends it.
    #[test]
    fn a_normal_that_changed_for_good_is_told() {
        let mut baseline = Baseline::default();
        let mut hour = |nth: u64, value: f64| {
            for second in 0..3_600 {
                baseline.rate_hours.learn(value, nth * 3_600 + second);
            }
            baseline.rate_hours.learn(value, (nth + 1) * 3_600);
            baseline.drifts().collect::<Vec<_>>()
        };
        for nth in 0..168 {
            assert_eq!(hour(nth, 10.0), Vec::<&str>::new());
        }
        for (nth, value, drifts) in [
            (168, 25.0, false),
            (169, 25.0, false),
            (170, 25.0, true),
            (171, 11.0, false),
            (172, 4.0, false),
            (173, 4.0, false),
            (174, 4.0, true),
        ] {
            let told = hour(nth, value);
            assert_eq!(told == ["requests per second"], drifts, "{nth}: {told:?}");
        }
    }

    /// An attacker who is never noticed doubles the hot limit at most once a day.
    #[test]
    fn the_hot_limit_is_slow_to_be_taught() {
        let mut rates = ClientRates::default();
        let mut histogram = [0; RATE_BINS];
        for _ in 0..=DAY_S {
            histogram[rate_bin(5)] += 10;
            rates.update(&histogram, true);
        }
        let before = rates.hot_limit();
        assert!((10..=16).contains(&before), "{before}");
        for _ in 0..6 * 3_600 {
            histogram[rate_bin(5)] += 10;
            histogram[rate_bin(5_000)] += 10;
            rates.update(&histogram, true);
        }
        let after = rates.hot_limit();
        assert!(after <= before * 5 / 4, "{before} to {after}");
    }
}
