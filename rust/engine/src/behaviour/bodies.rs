//! What answers and bodies are tallied, and who sends or gets bodies that are unusually large.

use super::attempt::is_answer;
use super::{busy, is_told, keys, place_id, Told, Watch, H1};
use crate::memory::{Alarm, Memory, Place};
use crate::request::{Identity, Outcome, Source};
use crate::signal::{crosses, Kind};
use crate::state::{Counter, Key};
use crate::tally::{size_bin, Answer, Tally, BULKY_BYTES};
use crate::verdict::Category;

/// A sample stands for so many requests.
const WEIGHT: u64 = 16;
/// Unusually large answers to one client in an hour.
const MANY_LARGE: u64 = 20;

/// For how many bodies one stands that is seen: what is large is seen always, the rest in samples.
fn weight(bytes: u64, sampled: bool) -> u64 {
    match bytes >= BULKY_BYTES {
        true => 1,
        false => WEIGHT * u64::from(sampled),
    }
}

impl Watch {
    /// Tallies an outcome, and holds the sizes of its bodies against what the tick told. `all` is the
    /// route's key; `sampled` tells that the request stands for 16.
    pub(super) fn tally<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        all: &Key,
        outcome: &Outcome,
        sampled: bool,
        memory: &M,
        now_ms: u64,
    ) {
        // What a plugin answers says nothing of the upstream, and what attacks bring about is no norm.
        if outcome.source == Source::Exit || !outcome.attempt.is_none() {
            return;
        }
        let place = place_id(identity, memory);
        let answer = Answer::of(outcome.status).filter(|_| outcome.source == Source::Service);
        if let Some(answer) = answer {
            memory.tally(place, Tally::Answer(answer), 1);
        }
        let alarm = memory.alarm(place);
        let bytes = outcome.request_bytes;
        let (bin, stands_for) = (size_bin(bytes), weight(bytes, sampled));
        if stands_for > 0 {
            memory.tally(place, Tally::RequestSize(bin), stands_for);
        }
        if stands_for > 0 && bytes > 0 {
            let bytes = bytes.saturating_mul(stands_for);
            memory.add(all, Counter::RequestBytes, bytes, now_ms);
        }
        if alarm.bulk && Alarm::is_large(alarm.large_request, bin) {
            self.large_request(identity, memory, now_ms);
        }
        if is_answer(outcome) {
            let bytes = outcome.response_bytes;
            let (bin, stands_for) = (size_bin(bytes), weight(bytes, sampled));
            if stands_for > 0 {
                memory.tally(place, Tally::ResponseSize(bin), stands_for);
            }
            if Alarm::is_large(alarm.large_answer, bin) {
                self.large_answer(identity, memory, now_ms);
            }
        }
        if sampled && !identity.consumer.is_empty() {
            Self::tally_consumer(identity, answer, outcome, memory, now_ms);
        }
    }

    /// Suspects who sends a large body while there is a flood of them.
    fn large_request<M: Memory + ?Sized>(&self, identity: &Identity, memory: &M, now_ms: u64) {
        let Some(key) = keys::client_at_route(identity) else {
            return;
        };
        let count = memory.add(&key, keys::LARGE_REQUESTS, 1, now_ms)[H1];
        self.hold_suspect(&key, Category::ApiDdos, memory, now_ms);
        if is_told(count) {
            let told = Told {
                kind: Kind::FloodClient,
                category: Category::ApiDdos,
                score: 0.65,
                value: count,
                threshold: 1,
                account: 0,
            };
            self.tell(identity, told, 0, false, memory, now_ms);
        }
    }

    /// Tells of a client that is given much more, again and again, than is usual on the route.
    fn large_answer<M: Memory + ?Sized>(&self, identity: &Identity, memory: &M, now_ms: u64) {
        let Some(key) = keys::client_at_route(identity) else {
            return;
        };
        let count = memory.add(&key, keys::LARGE_ANSWERS, 1, now_ms)[H1];
        if crosses(count as u32, MANY_LARGE as u32) {
            let told = Told {
                kind: Kind::LargeAnswers,
                category: Category::Abuse,
                score: 1.0 - 0.5 * MANY_LARGE as f32 / count as f32,
                value: count,
                threshold: MANY_LARGE,
                account: 0,
            };
            self.tell(identity, told, 0, false, memory, now_ms);
        }
    }

    /// Tallies a sampled outcome of a consumer that has enough requests for a history of its own.
    fn tally_consumer<M: Memory + ?Sized>(
        identity: &Identity,
        answer: Option<Answer>,
        outcome: &Outcome,
        memory: &M,
        now_ms: u64,
    ) {
        let Some(key) = keys::consumer(identity) else {
            return;
        };
        if memory.read(&key, Counter::Requests, now_ms)[H1] < busy::HEAVY {
            return;
        }
        let place = Place::of_consumer(identity.workspace, identity.consumer);
        let Some(place) = memory.consumer_place(&place) else {
            return;
        };
        let tally = |tally| memory.tally(place, tally, WEIGHT);
        tally(Tally::RequestSize(size_bin(outcome.request_bytes)));
        if is_answer(outcome) {
            tally(Tally::ResponseSize(size_bin(outcome.response_bytes)));
        }
        if let Some(answer) = answer {
            tally(Tally::Answer(answer));
        }
    }
}
