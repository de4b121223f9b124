//! What outcomes tell: how a request ended is counted, and handed on to what looks at logins and
//! at what was read.

use super::{keys, login, one_in, Watch};
use crate::memory::Memory;
use crate::request::{Identity, Outcome, Source};
use crate::state::{By, Counter, Key, MeasureKind};
use crate::tally::{Answer, BULKY_BYTES};
use crate::verdict::Success;

impl Watch {
    /// Counts how a request ended, and tells what that says of an attack in it.
    /// Cost: two keys for a success; more for failures, which are few.
    pub fn observe<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        path: &[u8],
        outcome: &Outcome,
        memory: &M,
        now_ms: u64,
    ) -> Success {
        if !self.enabled {
            return Success::default();
        }
        let success = self.attempted(identity, outcome, memory, now_ms);
        let all = keys::all(identity.workspace, identity.route);
        let sampled = one_in(16, self.turn());
        // What attacks bring about is no norm.
        if sampled && outcome.attempt.is_none() {
            self.size(identity, outcome, memory, now_ms);
            // One request in 16 stands for all.
            let latency = 16 * u64::from(outcome.latency_ms);
            memory.add(&all, Counter::LatencyMs, latency, now_ms);
            let answers = keys::answers(identity.workspace, identity.route);
            memory.add(&answers, keys::TIMES, 1, now_ms);
        }
        let status = outcome.status;
        let bulky = outcome.request_bytes.max(outcome.response_bytes) >= BULKY_BYTES;
        if sampled || bulky || Answer::of(status).is_some() {
            self.tally(identity, &all, outcome, sampled, memory, now_ms);
        }
        if outcome.source == Source::Exit {
            let own = keys::own(identity.workspace, identity.route);
            memory.add(&own, keys::EXITS, 1, now_ms);
            for by in [By::ClientIp, By::Consumer] {
                if let Some(key) = keys::sender_at_route(identity, by) {
                    memory.add(&key, keys::SENDER_EXITS, 1, now_ms);
                }
            }
        }
        let answered = outcome.source == Source::Service && status < 500;
        if answered && memory.any_standing(MeasureKind::Limit, now_ms) {
            let answers = keys::answers(identity.workspace, identity.route);
            memory.add(&answers, keys::ANSWERED, 1, now_ms);
        }
        if (500..=599).contains(&status) {
            self.server_error(identity, &all, outcome, memory, now_ms);
        }
        let Some(key) = keys::client_at_route(identity) else {
            return success;
        };
        if self.failed(outcome) {
            if outcome.account != 0 || login::is_login_path(path) {
                self.login_failed(identity, &key, outcome, memory, now_ms);
            } else {
                self.credential_refused(identity, &key, memory, now_ms);
            }
        } else if outcome.account != 0 && (200..400).contains(&status) {
            self.logged_in(identity, &key, outcome, memory, now_ms);
        }
        match status {
            404 => {
                memory.add(&all, Counter::NotFound, 1, now_ms);
                self.not_found(identity, &key, path, memory, now_ms);
                self.follow(identity, &key, path, outcome, memory, now_ms);
            }
            200..=299 | 403 if outcome.source == Source::Service => {
                self.follow(identity, &key, path, outcome, memory, now_ms);
                if sampled && status != 403 {
                    Self::sample_answer(identity, &key, memory, now_ms);
                }
            }
            _ => {}
        }
        success
    }

    /// Tells whether the outcome is a refused login or credential. A login form is also refused by
    /// other statuses than the configured ones; what a plugin refused for other reasons is none.
    fn failed(&self, outcome: &Outcome) -> bool {
        let refusal = outcome.source == Source::Exit && matches!(outcome.status, 403 | 429);
        let form = outcome.account != 0
            && outcome.source == Source::Service
            && matches!(outcome.status, 400 | 401 | 403 | 422);
        !refusal && (form || self.failure_statuses.contains(&outcome.status))
    }

    fn server_error<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        all: &Key,
        outcome: &Outcome,
        memory: &M,
        now_ms: u64,
    ) {
        let unanswered = outcome.source == Source::Error && outcome.status > 500;
        let own = keys::own(identity.workspace, identity.route);
        if outcome.source == Source::Service || unanswered {
            memory.add(all, Counter::ServerErrors, 1, now_ms);
        } else {
            memory.add(&own, Counter::ServerErrors, 1, now_ms);
        }
        if unanswered {
            memory.add(&own, keys::UNANSWERED, 1, now_ms);
        }
    }
}
