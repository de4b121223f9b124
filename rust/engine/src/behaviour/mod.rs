//! Behaviour: what requests and outcomes tell together.
//!
//! [`Watch`] is the hot half: each request and each outcome is counted, and thresholds that are
//! crossed become signals. The [`Detector`](detector::Detector)s are the other half: once a second
//! the [`Analyst`](crate::Analyst) shows them signals and counts, and they claim incidents.

mod attempt;
mod bodies;
mod busy;
pub mod detector;
mod guessing;
mod habits;
mod jump;
pub mod keys;
mod login;
mod objects;
mod outcome;
mod reading;
mod session;

mod abuse;
mod client_anomaly;
mod credential_stuffing;
mod ddos;
mod mass_error;
mod methods;
mod misconfig;
mod outlier;
mod payload;

use crate::config::{Config, Mode};
use crate::memory::{Alarm, Memory, PlaceId};
use crate::ramp::Ramp;
use crate::request::{Identity, Request};
use crate::signal::{crosses, Id, Kind, Signal, NO_CLIENT};
use crate::standing;
use crate::state::{Ban, By, Counter, Key, Measure};
use crate::tally::{Method, Tally};
use crate::turn::{one_in, Turns};
use crate::verdict::{Action, Category, Verdict};
use crate::window::Window;
use busy::Arrival;

/// How long a client stays suspected. Units: milliseconds.
const SUSPICION_MS: u64 = 600_000;
/// Clients that a /56 may be as busy as.
const NETWORK_CLIENTS: u16 = 4;
/// Seconds that a suspected client is told to wait.
const RETRY_AFTER_S: u32 = 10;

const S10: usize = Window::S10 as usize;
const S60: usize = Window::S60 as usize;
const H1: usize = Window::H1 as usize;

/// What a configuration watches for. Holds no state but the turn of its samples.
pub struct Watch {
    enabled: bool,
    action: Action,
    enforced: bool,
    failure_statuses: Vec<u16>,
    logins: login::Reader,
    sessions: session::Reader,
    ramp: Ramp,
    turns: Turns,
}

/// What is left undone about the sender of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Spared {
    Nothing,
    /// What it is suspected of refuses nothing: something milder was put on it.
    Suspicion,
    /// It is protected, or a limit was put on it.
    All,
}

/// One thing to tell the tick.
struct Told {
    kind: Kind,
    category: Category,
    score: f32,
    value: u64,
    threshold: u64,
    account: u64,
}

impl Watch {
    pub fn new(config: &Config, ramp: Ramp) -> Watch {
        let behaviour = &config.behaviour;
        Watch {
            enabled: behaviour.enabled,
            action: behaviour.action,
            enforced: config.mode == Mode::Enforce,
            failure_statuses: config.auth_failure_statuses.clone(),
            logins: login::Reader::new(&behaviour.account_fields),
            sessions: session::Reader::new(behaviour),
            ramp,
            turns: Turns::default(),
        }
    }

    /// Finds the hash of a request's session; 0 when it has none.
    pub fn session<M: Memory + ?Sized>(&self, request: &Request, memory: &M) -> u64 {
        let short_hash = |name: &[u8]| (memory.hash(name) & SHORT_MASK).max(1);
        let session = || self.sessions.session(request, short_hash);
        self.enabled.then(session).flatten().unwrap_or(0)
    }

    /// Counts a request that arrives, and holds its client against what the tick told and what is
    /// suspected of it. The identity has its session.
    /// Returns the place that the request goes to, where it was looked for.
    /// Cost: two keys, eight windows, and a tally unless it is a GET; of one request in 16, samples: its
    /// rate, and a key for each other sender. No allocation unless it speaks.
    pub fn arrive<M: Memory + ?Sized>(
        &self,
        request: &Request,
        spared: Spared,
        memory: &M,
        now_ms: u64,
        verdict: &mut Verdict,
    ) -> Option<PlaceId> {
        if !self.enabled {
            return None;
        }
        let short_hash = |name: &[u8]| (memory.hash(name) & SHORT_MASK).max(1);
        verdict.session = request.identity.session;
        let mut place = None;
        if request.stage.arrives() {
            place = Some(self.count(request, spared, memory, now_ms, verdict));
            if verdict.session != 0 {
                self.session_moves(&request.identity, memory, now_ms);
            }
        }
        verdict.account = self.logins.account(request, short_hash).unwrap_or(0);
        place
    }

    fn count<M: Memory + ?Sized>(
        &self,
        request: &Request,
        spared: Spared,
        memory: &M,
        now_ms: u64,
        verdict: &mut Verdict,
    ) -> PlaceId {
        let identity = &request.identity;
        let place = place_id(identity, memory);
        let alarm = memory.alarm(place);
        let all = keys::all(identity.workspace, identity.route);
        memory.add(&all, Counter::Requests, 1, now_ms);
        let turn = self.turn();
        let method = Method::of(request.method);
        if let Some(method) = method {
            memory.tally(place, Tally::Method(method), 1);
        }
        if let Some(key) = keys::client_at_route(identity) {
            let counts = memory.add(&key, Counter::Requests, 1, now_ms);
            if one_in(16, turn) {
                memory.sample(place, counts[S10]);
                if let Some(client) = keys::client(identity) {
                    // One request in 16 stands for all.
                    memory.add(&client, Counter::Requests, 16, now_ms);
                }
                for by in keys::SAMPLED {
                    let counted = by == By::Network && identity.client.is_some_and(|c| c.is_ipv6());
                    if let Some(key) = keys::sender_at_route(identity, by).filter(|_| !counted) {
                        memory.add(&key, Counter::Requests, 16, now_ms);
                    }
                }
            }
            if method.is_some_and(|m| alarm.rare_methods & m.bit() != 0) {
                self.rare_method(identity, &key, memory, now_ms);
            }
            if counts[H1] >= busy::HEAVY && one_in(4, turn) {
                self.heavy(request, &key, counts, alarm, memory, now_ms);
            }
            let arrival = Arrival {
                identity,
                alarm,
                turn,
                spared: spared == Spared::All,
                now_ms,
            };
            if alarm.hot_limit > 0 && counts[S10] > u64::from(alarm.hot_limit) {
                memory.add(&all, Counter::Hot, 1, now_ms);
                self.busy(&arrival, &key, counts, memory, verdict);
            } else if alarm.repeats && Self::only_repeats(identity, &key, counts, memory, now_ms) {
                memory.add(&all, Counter::Hot, 1, now_ms);
                self.repeats(&arrival, counts, memory, verdict);
            }
            let network = keys::network_at_route(identity);
            if let Some(network) = &network {
                let rate = memory.add(network, Counter::Requests, 1, now_ms)[S10];
                let hot_limit = alarm.hot_limit.saturating_mul(NETWORK_CLIENTS);
                if hot_limit > 0 && rate > u64::from(hot_limit) {
                    let alarm = Alarm { hot_limit, ..alarm };
                    let arrival = Arrival { alarm, ..arrival };
                    self.hot(&arrival, network, rate, memory, verdict);
                }
            }
            if spared == Spared::Nothing && memory.any_bans(now_ms) {
                self.suspect(identity, &key, network.as_ref(), memory, now_ms, verdict);
            }
        }
        if !(identity.consumer.is_empty() && identity.credential.is_empty()) {
            self.habits(request, verdict.rules.is_empty(), memory, now_ms);
        }
        place
    }

    /// Refuses a client that stands under suspicion, or its network, here or in its whole workspace.
    #[inline(never)]
    fn suspect<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        network: Option<&Key>,
        memory: &M,
        now_ms: u64,
        verdict: &mut Verdict,
    ) {
        let here = memory.banned(key, now_ms);
        let found = here
            .or_else(|| memory.banned(&keys::client(identity)?, now_ms))
            .or_else(|| memory.banned(network?, now_ms));
        let Some(ban) = found else {
            return;
        };
        let left_s = ban.until_ms.saturating_sub(now_ms).div_ceil(1_000);
        verdict.absorb("suspect-client", self.action, ban.category, 0.8, || {
            let category = ban.category.name().replace('_', " ");
            format!("the client is suspected of {category} for {left_s} s more")
        });
        delay(verdict, self.action);
    }

    /// Tells the tick what else was found in a request: at the first finding of a client and at
    /// the doublings of their number. `held` tells whether the verdict is carried out.
    pub fn report<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        verdict: &Verdict,
        held: bool,
        memory: &M,
        now_ms: u64,
    ) {
        let (Some(category), Some(rule)) = (verdict.category, verdict.rules.first()) else {
            return;
        };
        let category = if !verdict.attempt.is_none() {
            Category::PayloadInjection
        } else {
            category
        };
        let payload = category == Category::PayloadInjection;
        let odd = category == Category::PayloadOutlier;
        let refuses = verdict.action.refuses();
        let told_already = matches!(
            rule.as_str(),
            "flood-client"
                | "suspect-client"
                | standing::THROTTLE
                | standing::BREAKER
                | standing::CONCURRENCY
        );
        let strong =
            odd || refuses || !verdict.attempt.is_none() || (payload && verdict.score >= 0.5);
        if !self.enabled || told_already || !strong {
            return;
        }
        let (kind, counter) = match category {
            Category::PayloadInjection => (Kind::Payload, keys::FINDINGS),
            Category::PayloadOutlier => (Kind::PayloadOutlier, keys::OUTLIERS),
            _ => (Kind::Rule, keys::FINDINGS),
        };
        let count =
            keys::client(identity).map_or(1, |key| memory.add(&key, counter, 1, now_ms)[H1].max(1));
        if !crosses(count as u32, 1) {
            return;
        }
        let told = Told {
            kind,
            category,
            score: verdict.score,
            value: count,
            threshold: 1,
            account: verdict.account,
        };
        let refused = held && refuses;
        self.tell(identity, told, verdict.incident, refused, memory, now_ms);
    }

    /// Counts a refusal of a request that [`Watch::arrive`] counted: its outcome is not observed.
    pub fn refuse<M: Memory + ?Sized>(&self, identity: &Identity, memory: &M, now_ms: u64) {
        if self.enabled {
            let own = keys::own(identity.workspace, identity.route);
            memory.add(&own, keys::EXITS, 1, now_ms);
        }
    }

    /// Counts a request that a ban refused which means more than its client: for whom the ban means and for the client, so
    /// that it can be told how many were refused beside the clients that it was made for. Nothing else is counted of it.
    pub fn turn_away<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        by: By,
        memory: &M,
        now_ms: u64,
    ) {
        if !self.enabled || by == By::ClientIp {
            return;
        }
        for by in [by, By::ClientIp] {
            if let Some(key) = keys::turned_away(identity, by) {
                memory.add(&key, Counter::Requests, 1, now_ms);
            }
        }
    }

    fn tell<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        told: Told,
        reference: u64,
        refused: bool,
        memory: &M,
        now_ms: u64,
    ) {
        let number = |n: u64| n.min(u64::from(u32::MAX)) as u32;
        memory.signal(&Signal {
            at_ms: now_ms,
            kind: told.kind,
            category: told.category,
            score: told.score,
            value: number(told.value),
            threshold: number(told.threshold),
            client: identity.client.unwrap_or(NO_CLIENT),
            account: told.account,
            reference,
            refused,
            workspace: Id::new(identity.workspace),
            route: Id::new(identity.route),
            consumer: Id::new(identity.consumer),
            credential: Id::new(identity.credential),
            session: identity.session,
        });
    }

    /// Counts a request with a method that is hardly ever used on its route, so that whoever sends many
    /// is named.
    fn rare_method<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        memory: &M,
        now_ms: u64,
    ) {
        let count = memory.add(key, keys::RARE_METHODS, 1, now_ms)[H1];
        if is_told(count) {
            let told = Told {
                kind: Kind::RareMethod,
                category: Category::Abuse,
                score: 0.3,
                value: count,
                threshold: 1,
                account: 0,
            };
            self.tell(identity, told, 0, false, memory, now_ms);
        }
    }

    /// Keeps a suspicion of a client, where verdicts are carried out.
    fn hold_suspect<M: Memory + ?Sized>(
        &self,
        key: &Key,
        category: Category,
        memory: &M,
        now_ms: u64,
    ) {
        if self.enforced && self.action != Action::Allow {
            let ban = Ban {
                until_ms: now_ms + SUSPICION_MS,
                category,
                incident: memory.draw_incident(),
                measure: Measure::Refuse,
            };
            memory.ban(key, ban, now_ms);
        }
    }

    /// Draws the turn of a request.
    fn turn(&self) -> u64 {
        self.turns.draw()
    }
}

/// Accounts and sessions are told as 52 bits, which a Lua number holds.
const SHORT_MASK: u64 = (1 << 52) - 1;

/// Picks the counts at which a client is told about again: often at first, then at doublings.
fn is_told(count: u64) -> bool {
    count <= 12 || crosses(count as u32, 8) || count.is_power_of_two()
}

fn delay(verdict: &mut Verdict, action: Action) {
    if action.refuses() {
        verdict.retry_after_s = verdict.retry_after_s.max(RETRY_AFTER_S);
    }
}

/// Finds the number of the place that a request goes to.
fn place_id<M: Memory + ?Sized>(identity: &Identity, memory: &M) -> PlaceId {
    memory.place(&keys::place_of(identity))
}
