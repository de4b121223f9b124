//! Clients that are too busy, or that ask for the same on and on: what a flood has and a crowd has
//! not.

use super::{delay, habits, keys, one_in, Told, Watch, H1, S10, S60};
use crate::memory::{rate_bin, Alarm, Memory};
use crate::request::{Identity, Request};
use crate::signal::{crosses, Kind};
use crate::sketch::Set;
use crate::state::{By, Counter, Estimates, Key, Scope};
use crate::verdict::{Action, Category, Verdict};

/// Requests of a client on a route, or of a consumer, in an hour from which more is kept of it.
pub(super) const HEAVY: u64 = 100;
/// Marks of the rates at which a client was met in peace for minutes: an office or a carrier behind
/// one address is known by them. The mark of a rate is this and its bin.
const STEADY: u64 = 0x5eed_0f0f_ace5_7e00;
/// Marks of the stretches of time in which a client had many requests.
const RESIDENT: u64 = 0x4e51_de27_0000_0000;
/// Length of a stretch. Units: milliseconds.
pub(super) const STRETCH_MS: u64 = 600_000;
/// Steady ticks of ten seconds in an hour: below, a rate was a burst.
const STEADY_TENS: u64 = 20;
/// Requests of a client in a minute from which it can be said to repeat itself, and how many come
/// on each object.
const REPEATS_LEAST: u64 = 3;
const REPEATS_EACH: u64 = 3;
/// Requests of a client in a minute from which it can be said to come evenly, and how many times those
/// of the last ten seconds they are then: six of an even one, hardly two of who turns a page.
const TRICKLE_LEAST: u64 = 5;
const TRICKLE_SPREAD: u64 = 3;
/// Requests in ten seconds of a slow client.
const TRICKLE_MOST: u64 = 4;
/// The same for a client that is refused for it.
const ONLY_REPEATS_LEAST: u64 = 6;
const ONLY_REPEATS_EACH: u64 = 4;

/// A request that arrives, and what is told of its place.
#[derive(Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub identity: &'a Identity<'a>,
    pub alarm: Alarm,
    pub turn: u64,
    /// Nothing is done about its sender here: it is protected, or a limit was put on it.
    pub spared: bool,
    pub now_ms: u64,
}

impl Watch {
    /// A client with many requests: many programs behind one address are many clients, and at the
    /// rates that it has for minutes in peace it may come during a flood.
    pub(super) fn heavy<M: Memory + ?Sized>(
        &self,
        request: &Request,
        key: &Key,
        counts: Estimates,
        alarm: Alarm,
        memory: &M,
        now_ms: u64,
    ) {
        let agent = habits::agent_family(request.header("user-agent").unwrap_or_default());
        memory.mark(key, Set::Clients, memory.hash(&agent), now_ms);
        let rate = counts[S10];
        memory.mark(key, Set::Habits, resident(now_ms / STRETCH_MS), now_ms);
        if !alarm.flood && counts[H1] >= STEADY_TENS * rate {
            memory.mark(key, Set::Habits, steady(rate_bin(rate)), now_ms);
        }
    }

    /// Tells whether a client has been here for long: with many requests in two of the stretches that
    /// were over twenty minutes ago, up to two hours back. Crawlers are, and scrapers are new.
    pub(super) fn is_resident<M: Memory + ?Sized>(key: &Key, memory: &M, now_ms: u64) -> bool {
        let now = now_ms / STRETCH_MS;
        let seen = |back: &u64| {
            let earlier = now.checked_sub(*back);
            earlier.is_some_and(|s| memory.is_marked(key, Set::Habits, resident(s), now_ms))
        };
        (3..=12).filter(seen).count() >= 2
    }

    /// Tells whether a client came half as fast in peace.
    fn is_steady<M: Memory + ?Sized>(key: &Key, rate: u64, memory: &M, now_ms: u64) -> bool {
        let bin = rate_bin(rate);
        let mut bins = bin.saturating_sub(2)..=bin;
        bins.any(|bin| memory.is_marked(key, Set::Habits, steady(bin), now_ms))
    }

    /// A client above the hot limit. How many clients get there is counted and, until a flood is on,
    /// how many of their requests read, so that the tick can tell a scraper from a flood.
    pub(super) fn busy<M: Memory + ?Sized>(
        &self,
        arrival: &Arrival,
        key: &Key,
        counts: Estimates,
        memory: &M,
        verdict: &mut Verdict,
    ) {
        let (identity, now_ms) = (arrival.identity, arrival.now_ms);
        let own = keys::own(identity.workspace, identity.route);
        if counts[S10] == u64::from(arrival.alarm.hot_limit) + 1 {
            memory.add(&own, keys::HOT_ONSETS, 1, now_ms);
        }
        if !arrival.alarm.flood && Self::is_reading(identity, key, counts, memory, now_ms) {
            memory.add(&own, keys::HOT_READING, 1, now_ms);
        }
        self.hot(arrival, key, counts[S10], memory, verdict);
    }

    /// Tells whether a client reads one object after the other, or did and is refused for it.
    fn is_reading<M: Memory + ?Sized>(
        identity: &Identity,
        key: &Key,
        counts: Estimates,
        memory: &M,
        now_ms: u64,
    ) -> bool {
        let refused = || memory.banned(key, now_ms).map(|ban| ban.category);
        2 * objects_of(identity, key, memory, now_ms) >= counts[S60]
            || refused() == Some(Category::Abuse)
    }

    /// A client above the hot limit: suspected while a flood is on, unless it is known to be so
    /// busy in peace.
    pub(super) fn hot<M: Memory + ?Sized>(
        &self,
        arrival: &Arrival,
        key: &Key,
        rate: u64,
        memory: &M,
        verdict: &mut Verdict,
    ) {
        let Arrival { alarm, now_ms, .. } = *arrival;
        let limit = u64::from(alarm.hot_limit);
        if !alarm.flood {
            return;
        }
        let mut ratio = rate as f32 / limit as f32;
        if ratio >= 2.0 && Self::is_steady(key, rate, memory, now_ms) {
            ratio /= 4.0;
        }
        let (name, score) = match ratio {
            r if r >= 4.0 => ("high", 0.9),
            r if r >= 2.0 => ("medium", 0.65),
            _ => ("low", 0.3),
        };
        let action = if ratio >= 2.0 && !arrival.spared {
            self.action
        } else {
            Action::Allow
        };
        verdict.absorb("flood-client", action, Category::ApiDdos, score, || {
            format!("{rate} requests of the client in 10s during a flood, {limit} are usual at most; suspicion {name}")
        });
        self.tell_flood(arrival, action, (rate, limit), score, memory, verdict);
    }

    /// A client that asks for the same on and on while a flood of such clients is on.
    pub(super) fn repeats<M: Memory + ?Sized>(
        &self,
        arrival: &Arrival,
        counts: Estimates,
        memory: &M,
        verdict: &mut Verdict,
    ) {
        let (rate, score) = (counts[S60], 0.65);
        let action = if arrival.spared {
            Action::Allow
        } else {
            self.action
        };
        verdict.absorb("flood-client", action, Category::ApiDdos, score, || {
            format!("{rate} requests of the client in 60s for the same during a flood of such clients; suspicion medium")
        });
        let line = (rate, ONLY_REPEATS_LEAST);
        self.tell_flood(arrival, action, line, score, memory, verdict);
    }

    fn tell_flood<M: Memory + ?Sized>(
        &self,
        arrival: &Arrival,
        action: Action,
        (value, threshold): (u64, u64),
        score: f32,
        memory: &M,
        verdict: &mut Verdict,
    ) {
        delay(verdict, action);
        if crosses(value as u32, threshold as u32) || one_in(64, arrival.turn) {
            let told = Told {
                kind: Kind::FloodClient,
                category: Category::ApiDdos,
                score,
                value,
                threshold,
                account: 0,
            };
            let held = self.enforced && self.ramp.holds(verdict, arrival.identity, memory);
            let refused = held && action.refuses();
            self.tell(arrival.identity, told, 0, refused, memory, arrival.now_ms);
        }
    }

    /// Counts a sampled answer, and whether its client asks for the same again and again, or comes
    /// evenly and slowly. People who come in a crowd read one thing after the other, a page at a time.
    pub(super) fn sample_answer<M: Memory + ?Sized>(
        identity: &Identity,
        key: &Key,
        memory: &M,
        now_ms: u64,
    ) {
        let own = keys::own(identity.workspace, identity.route);
        memory.add(&own, keys::ANSWERS, 1, now_ms);
        let counts = memory.read(key, Counter::Requests, now_ms);
        let requests = counts[S60];
        let lately = counts[S10];
        let even = requests >= TRICKLE_LEAST && TRICKLE_SPREAD * lately <= requests;
        if even && lately <= TRICKLE_MOST {
            let answers = keys::answers(identity.workspace, identity.route);
            memory.add(&answers, keys::TRICKLES, 1, now_ms);
        }
        if requests >= REPEATS_LEAST
            && REPEATS_EACH * objects_of(identity, key, memory, now_ms) <= requests
        {
            memory.add(&own, keys::REPEATS, 1, now_ms);
        }
    }

    /// Tells whether a client asks for hardly anything but the same.
    pub(super) fn only_repeats<M: Memory + ?Sized>(
        identity: &Identity,
        key: &Key,
        counts: Estimates,
        memory: &M,
        now_ms: u64,
    ) -> bool {
        let requests = counts[S60];
        requests >= ONLY_REPEATS_LEAST
            && ONLY_REPEATS_EACH * objects_of(identity, key, memory, now_ms) <= requests
    }
}

/// Objects that were read by whoever is followed: a consumer, or else the client.
fn objects_of<M: Memory + ?Sized>(identity: &Identity, key: &Key, memory: &M, now_ms: u64) -> u64 {
    let consumer = Key::of(identity, By::Consumer, Scope::Route);
    let owner = consumer.as_ref().unwrap_or(key);
    u64::from(memory.distinct(owner, Set::Objects, now_ms))
}

/// The mark of a stretch of time in which a client had many requests.
fn resident(stretch: u64) -> u64 {
    keys::spread(RESIDENT + stretch)
}

/// The mark of a steady rate's bin.
fn steady(bin: usize) -> u64 {
    keys::spread(STEADY + bin as u64)
}
