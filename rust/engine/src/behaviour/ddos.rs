//! Floods: a rise of a route's rate that is carried by clients which are too busy, or which hurts.
//!
//! The rise is detected by a one-sided CUSUM on log(rate / expected); the expected rate is the
//! baseline's. The logarithm makes a factor count the same at 10 and at 10,000 requests/s.
//! Source: Page, "Continuous inspection schemes", Biometrika 41, 1954.
//!
//! A rise alone is no flood, however steep: a crowd rises as well, but each of its clients behaves
//! as usual. A flood needs hot clients, clients much busier than the 90th percentile, clients that
//! ask for the same on and on where that is not usual, clients that come evenly and slowly instead of a
//! page at a time, or an extreme rise with bad health. Bots of which none has asked three times yet, and
//! that do no harm, are a crowd until they ask again.
//!
//! A flood of large bodies need not be one of requests: it is a rise of the bytes that arrive, carried
//! by bodies that are unusually large here.
//!
//! One or two clients that read one object after the other are scrapers, and no flood, as long as
//! nobody is hurt.

use super::detector::{name, score, Detector, PerPlace, Second, S1, S10, S60};
use crate::baseline::wilson_lower;
use crate::incident::{Claim, Severity, Stage, Suggestion};
use crate::memory::{Alarm, PlaceId};
use crate::verdict::Category;

/// Slack of the CUSUM: a doubling is not yet a rise. Units: natural logarithm.
const SLACK: f64 = 0.69;
/// Line of the CUSUM: a tenfold rise crosses it in one second, a fourfold one in two.
const LINE: f64 = 1.0;
/// The CUSUM stays below, so that it comes down in seconds.
const CEILING: f64 = 4.0;
/// Least rise that matters. Units: requests per second.
const LEAST_RISE: f64 = 20.0;
/// Share of hot clients' requests that makes a rise a flood.
const HOT_SHARE: f64 = 0.25;
/// Share of requests by clients above the 90th percentile, five times what is normal.
const BUSY_SHARE: f32 = 0.5;
/// Share of answers to clients that ask for the same on and on: at least, and above the usual.
const REPEATS_SHARE: f64 = 0.5;
const REPEATS_MORE: f64 = 0.3;
/// Share up to which repetition is so unusual that a client is refused for it.
const REPEATS_RARE: f64 = 0.1;
/// Share of answers to clients that come evenly and slowly: at least; and sampled answers from which the
/// usual is known.
const TRICKLES_SHARE: f64 = 0.4;
const TRICKLES_KNOWN: f64 = 50.0;
/// Clients that become hot in a minute and may be scrapers, and the share of their requests that
/// must read.
const SCRAPERS: u64 = 2;
const READING_SHARE: f64 = 0.7;
/// Rise that is a flood by bad health alone.
const EXTREME: f64 = 8.0;
/// Before anything is learned: hot requests per second that are a flood anywhere.
const UNLEARNED_HOT: u64 = 50;
/// Bytes of request bodies, of those that are expected, that are a flood, and the least of them.
/// Units: bytes per second.
const BULK: f64 = 8.0;
const LEAST_BULK: f64 = 1_000_000.0;
/// Unusually large bodies in ten seconds that carry it.
const LARGE_BODIES: u64 = 20;
/// Seconds that the alarm outlasts the last sign: pulsed floods pause.
const ALARM_S: u64 = 60;

#[derive(Default)]
pub struct Ddos {
    places: PerPlace<State>,
}

#[derive(Clone, Default)]
struct State {
    sum: f64,
    /// Consecutive seconds of an extreme rise.
    extreme_s: u32,
    /// Second until which clients are held against the hot limit, and those that repeat
    /// themselves against that.
    alarm_until_s: u64,
    repeats_until_s: u64,
    /// The same for those that send large bodies.
    bulk_until_s: u64,
    now_s: u64,
}

impl Detector for Ddos {
    fn second(&mut self, second: &Second, claims: &mut Vec<Claim>) {
        let (counts, baseline) = (&second.counts, second.baseline);
        let state = self.places.at(second.id);
        state.now_s = second.wall_s;
        let rate = counts.requests[S1] as f64;
        let expected = baseline.expected_rate(second.wall_s);
        let mature = baseline.is_mature();
        let ratio = (rate + 1.0) / (expected + 1.0);
        let hot = counts.hot[S1] as f64 / rate.max(1.0);
        let goes_on = (second.open)(Category::ApiDdos);

        // What is small is noisy: the pseudo-count is what chance adds to the expected.
        let chance = 5.0 + 3.0 * expected.sqrt();
        let step = ((rate + chance) / (expected + chance)).ln() - SLACK;
        state.sum = if mature {
            (state.sum + step.max(-1.0)).clamp(0.0, CEILING)
        } else {
            0.0
        };
        let rises = state.sum >= LINE && rate - expected >= LEAST_RISE;
        state.extreme_s = if rises && ratio >= EXTREME {
            state.extreme_s + 1
        } else {
            0
        };

        let health = bad_health(second);
        let scraped = health.is_none() && is_scraping(second);
        let mut evidence = 0.0;
        let mut reasons = Vec::new();
        let absolute = !mature && counts.hot[S1] >= UNLEARNED_HOT && hot >= 0.5;
        let line = HOT_SHARE + 1.5 * baseline.hot.value();
        let carried =
            (rises && hot >= line) || absolute || (goes_on && hot >= HOT_SHARE && ratio >= 1.5);
        if carried && !scraped {
            evidence += 1.0 + 1.2 * hot;
            reasons.push(format!(
                "{:.0} % of the last second's requests come from hot clients, with more than {} requests in 10s each (line {:.0} %)",
                100.0 * hot,
                second.hot_limit,
                100.0 * line,
            ));
        }
        let busy = baseline.clients.busy_share().unwrap_or(0.0);
        if rises && ratio >= 3.0 && busy >= BUSY_SHARE && !scraped {
            evidence += f64::from(busy);
            reasons.push(format!(
                "{:.0} % of requests come from clients above the usual 90th percentile, where 10 % do normally",
                100.0 * busy
            ));
        }
        let usual = baseline.repeats.value();
        let lower = |w: usize| wilson_lower(counts.repeats[w], counts.answers[w], 2.0);
        let repeats = lower(S1).max(lower(S10));
        if rises && ratio >= 3.0 && repeats >= REPEATS_SHARE.max(usual + REPEATS_MORE) {
            evidence += 0.5 + repeats;
            reasons.push(format!(
                "at least {:.0} % of answers go to clients that ask for the same on and on, where {:.0} % do normally",
                100.0 * repeats,
                100.0 * usual
            ));
            if usual <= REPEATS_RARE {
                state.repeats_until_s = second.wall_s + ALARM_S;
            }
        }
        let bulk = bulk(second);
        // Ten seconds are the least that shows how evenly somebody comes.
        let usual = baseline.trickles.value();
        let trickles = wilson_lower(counts.trickles[S10], counts.answers[S10], 2.0);
        let known = baseline.trickles.total() >= TRICKLES_KNOWN;
        if known && rises && ratio >= 3.0 && trickles >= TRICKLES_SHARE.max(usual + REPEATS_MORE) {
            evidence += 0.3 + trickles;
            reasons.push(format!(
                "at least {:.0} % of answers go to clients that come evenly and slowly, where {:.0} % do normally",
                100.0 * trickles,
                100.0 * usual
            ));
        }
        if let Some((more, reason)) = bulk {
            evidence += if health.is_some() { 1.5 } else { 0.7 } + 0.1 * more.ln();
            reasons.push(reason);
            state.bulk_until_s = second.wall_s + ALARM_S;
        }
        if state.extreme_s >= 3 {
            if let Some(reason) = health.clone() {
                evidence += 1.0;
                reasons.push(reason);
            }
        }
        if evidence == 0.0 {
            return;
        }
        // Of large bodies alone, requests are no more than usual.
        let by_bulk = state.bulk_until_s > second.wall_s && reasons.len() == 1 && !rises;
        if !by_bulk {
            state.alarm_until_s = second.wall_s + ALARM_S;
        }
        evidence += 0.5 * ratio.ln().max(0.0);
        reasons.insert(
            0,
            if mature {
                format!(
                    "{rate:.0} requests in the last second, {expected:.0} expected; CUSUM {:.1} (line {LINE:.1})",
                    state.sum
                )
            } else {
                format!(
                    "{rate:.0} requests in the last second, before a normal rate was learned (line {UNLEARNED_HOT} of hot clients)"
                )
            },
        );
        let score = score(evidence);
        let severity = match (ratio, health.is_some()) {
            (r, true) if r >= 5.0 => Severity::Critical,
            (r, _) if r >= 5.0 => Severity::High,
            (_, true) => Severity::High,
            _ => Severity::Medium,
        };
        let place = name(&second.place);
        let title = match by_bulk {
            true => format!("Flood of large bodies on {place}"),
            false => {
                format!("Flood on {place}: {rate:.0} requests/s where {expected:.0} are expected")
            }
        };
        let excess = (rate - expected).max(0.0) as u64;
        claims.push(Claim {
            place: second.place,
            category: Category::ApiDdos,
            stage: Stage::Delayed,
            score,
            confidence: if hot >= line { score } else { 0.6 * score },
            severity,
            title,
            reasons,
            quiet_ms: 1_000 * ALARM_S,
            requests: (counts.hot[S1].max(excess).max(counts.large_requests[S1]))
                .min(counts.requests[S1]),
            refused: 0,
            clients: 0,
            accounts: 0,
            suspect_change: None,
            explains: None,
            suggestion: Suggestion::new("throttle", "client", 600),
        });
    }

    fn alarm(&self, place: PlaceId, alarm: &mut Alarm) {
        let state = self.places.get(place);
        alarm.flood |= state.is_some_and(|s| s.now_s < s.alarm_until_s);
        alarm.repeats |= state.is_some_and(|s| s.now_s < s.repeats_until_s);
        alarm.bulk |= state.is_some_and(|s| s.now_s < s.bulk_until_s);
    }
}

/// Tells whether what is hot is a scraper or two.
fn is_scraping(second: &Second) -> bool {
    let counts = &second.counts;
    let reading = counts.hot_reading[S10] as f64;
    counts.hot_onsets[S60] <= SCRAPERS && reading >= READING_SHARE * counts.hot[S10] as f64
}

/// How many times the expected bytes arrive, when unusually large bodies carry them.
fn bulk(second: &Second) -> Option<(f64, String)> {
    let (counts, baseline) = (&second.counts, second.baseline);
    let limit = baseline.request_sizes.limit_bytes()?;
    let large = counts.large_requests[S10];
    let rate = counts.request_bytes[S10] as f64 / 10.0;
    let expected = baseline.request_bytes.mean / 10.0;
    if large < LARGE_BODIES || rate < LEAST_BULK || rate < BULK * (expected + 1.0) {
        return None;
    }
    let reason = format!(
        "{:.1} MB of request bodies a second in 10s, {:.3} MB are usual; {large} bodies larger than {limit} bytes (line {LARGE_BODIES})",
        rate / 1e6,
        expected / 1e6,
    );
    Some((rate / (expected + 1.0), reason))
}

/// What is wrong with a place's health, if anything.
fn bad_health(second: &Second) -> Option<String> {
    let (counts, baseline) = (&second.counts, second.baseline);
    let requests = counts.requests[S10].max(1);
    let errors = counts.errors[S10] as f64 / requests as f64;
    let usual = baseline.expected_errors(second.wall_s);
    if errors >= usual + 0.2 {
        return Some(format!(
            "{:.0} % of responses in 10s are 5xx, {:.1} % are usual",
            100.0 * errors,
            100.0 * usual
        ));
    }
    let latency = counts.latency_ms[S10] as f64 / requests as f64;
    let usual = baseline.expected_latency(second.wall_s);
    (usual > 0.0 && latency >= 4.0 * usual && latency >= 500.0)
        .then(|| format!("latency is {latency:.0} ms in 10s, {usual:.0} ms are usual"))
}
