//! Did it work? What the response tells of an attack in its request.
//!
//! Nothing is read that the gateway would have to buffer: status, size and time are held against
//! what is usual on the route, and the text of the answer was read as it passed by. Sizes are kept as logarithms, because answers of one route differ by
//! factors rather than by bytes.

use super::{is_told, keys, Told, Watch, H1};
use crate::memory::Memory;
use crate::request::{Identity, Outcome, Source};
use crate::signal::Kind;
use crate::state::Counter;
use crate::verdict::{Attempt, Category, Success};

/// Sampled requests of an hour from which their mean time says what is usual.
const TIMED: u64 = 12;
/// Requests of an hour from which their errors say what is usual.
const SEEN: u64 = 100;
/// A delay that an attack asks for is a multiple of the usual time, and no less than this. Units:
/// milliseconds.
const DELAY_MS: u64 = 1_000;
const DELAY_RATIO: u64 = 4;
/// Sampled answers of an hour from which their sizes say what is usual.
const SIZED: u64 = 12;
/// An answer is larger than usual by two doublings and four deviations at least.
const DOUBLINGS: f64 = 2.0;
const DEVIATIONS: f64 = 4.0;
/// 16ths, so that whole numbers are exact enough.
const STEPS: f64 = 16.0;
/// Share of failed requests above which a failure says nothing.
const ERROR_RATIO: u64 = 20;

/// What a sign is worth.
const DELAYED: f32 = 0.95;
const LARGER: f32 = 0.8;
const ERROR: f32 = 0.5;
const DISCLOSED: f32 = 0.98;
const COMPLAINED: f32 = 0.6;

impl Watch {
    /// Takes a sample of how large answers are.
    pub(super) fn size<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        outcome: &Outcome,
        memory: &M,
        now_ms: u64,
    ) {
        if !is_answer(outcome) {
            return;
        }
        let answers = keys::answers(identity.workspace, identity.route);
        let steps = (doublings(outcome.response_bytes) * STEPS).round() as u64;
        memory.add(&answers, keys::SIZES, 1, now_ms);
        memory.add(&answers, keys::SIZE_SUM, steps, now_ms);
        memory.add(&answers, keys::SIZE_SQUARES, steps * steps, now_ms);
    }

    /// Judges what became of a request with findings, and tells the tick what speaks for success.
    /// Cost: nothing without findings.
    pub(super) fn attempted<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        outcome: &Outcome,
        memory: &M,
        now_ms: u64,
    ) -> Success {
        let mut success = Success::default();
        if outcome.attempt.is_none() || outcome.source == Source::Exit {
            return success;
        }
        let found = keys::client(identity).map_or(1, |key| {
            memory.read(&key, keys::FINDINGS, now_ms)[H1].max(1)
        });
        let tell = |kind, score, value, threshold| {
            let told = Told {
                kind,
                category: Category::PayloadInjection,
                score,
                value,
                threshold,
                account: outcome.account,
            };
            self.tell(identity, told, 0, false, memory, now_ms);
        };
        // Of what speaks for success the clearest is told, so that a request counts once.
        if outcome.attempt.contains(Attempt::DISCLOSED) {
            success.insert(Success::DISCLOSED);
            tell(Kind::PayloadDisclosure, DISCLOSED, found, 0);
        }
        if let Some((took, usual)) = delay(identity, outcome, memory, now_ms) {
            if success == Success::default() {
                tell(Kind::PayloadDelay, DELAYED, took, usual);
            }
            success.insert(Success::DELAYED);
        }
        if let Some((bytes, usual)) = growth(identity, outcome, memory, now_ms) {
            if success == Success::default() && is_told(found) {
                tell(Kind::PayloadGrowth, LARGER, bytes, usual);
            }
            success.insert(Success::LARGER);
        }
        if outcome.attempt.contains(Attempt::COMPLAINED) {
            success.insert(Success::COMPLAINED);
            if is_told(found) {
                tell(Kind::PayloadComplaint, COMPLAINED, found, 0);
            }
        }
        if is_new_error(identity, outcome, memory, now_ms) {
            success.insert(Success::ERROR);
            if is_told(found) {
                tell(Kind::PayloadError, ERROR, u64::from(outcome.status), 0);
            }
        }
        success
    }
}

/// Finds that an attack that asks for a delay got one: the time that it took, and the usual one.
fn delay<M: Memory + ?Sized>(
    identity: &Identity,
    outcome: &Outcome,
    memory: &M,
    now_ms: u64,
) -> Option<(u64, u64)> {
    let took = u64::from(outcome.latency_ms);
    if !outcome.attempt.contains(Attempt::DELAY) || took < DELAY_MS {
        return None;
    }
    let all = keys::all(identity.workspace, identity.route);
    let answers = keys::answers(identity.workspace, identity.route);
    let times = memory.read(&answers, keys::TIMES, now_ms)[H1];
    if times < TIMED {
        return None;
    }
    // Each sample was counted for 16 requests.
    let usual = memory.read(&all, Counter::LatencyMs, now_ms)[H1] / (16 * times);
    (took >= DELAY_RATIO * usual).then_some((took, usual))
}

/// Finds that an answer is much larger than those of the route: its size, and the usual one.
fn growth<M: Memory + ?Sized>(
    identity: &Identity,
    outcome: &Outcome,
    memory: &M,
    now_ms: u64,
) -> Option<(u64, u64)> {
    if !is_answer(outcome) {
        return None;
    }
    let answers = keys::answers(identity.workspace, identity.route);
    let read = |counter| memory.read(&answers, counter, now_ms)[H1] as f64;
    let count = read(keys::SIZES);
    if count < SIZED as f64 {
        return None;
    }
    let mean = read(keys::SIZE_SUM) / count;
    let variance = read(keys::SIZE_SQUARES) / count - mean * mean;
    let spread = DEVIATIONS * variance.max(0.0).sqrt() / STEPS;
    let usual = mean / STEPS;
    let larger = doublings(outcome.response_bytes) - usual;
    (larger >= spread.max(DOUBLINGS)).then(|| (outcome.response_bytes, usual.exp2() as u64))
}

/// Finds that the upstream failed where it hardly ever does.
fn is_new_error<M: Memory + ?Sized>(
    identity: &Identity,
    outcome: &Outcome,
    memory: &M,
    now_ms: u64,
) -> bool {
    if outcome.source != Source::Service || !(500..=599).contains(&outcome.status) {
        return false;
    }
    let all = keys::all(identity.workspace, identity.route);
    let read = |counter| memory.read(&all, counter, now_ms)[H1];
    let requests = read(Counter::Requests);
    requests >= SEEN && read(Counter::ServerErrors) * ERROR_RATIO <= requests
}

/// Tells whether the upstream answered well.
pub(super) fn is_answer(outcome: &Outcome) -> bool {
    outcome.source == Source::Service && (200..300).contains(&outcome.status)
}

fn doublings(bytes: u64) -> f64 {
    (bytes.saturating_add(1) as f64).log2()
}
