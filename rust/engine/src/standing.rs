//! What stands on the sender of a request: exemptions, refusals, and limits that it is held to.
//!
//! Each is looked for by all that a request is known by (its address, network, consumer, credential
//! and session), everywhere, on its service and on its route; and not at all while none of its kind
//! stands anywhere.

use crate::request::{Identity, Request};
use crate::state::{Ban, By, Counter, Key, Measure, MeasureKind, Scope, State};
use crate::verdict::{Action, Verdict};
use crate::window::{retry_after_s, Window};

/// Names, among the rules of a verdict, a refusal that stands on the sender.
const BAN: &str = "ban";

/// Names, among the rules of a verdict, a tag that stands on the sender.
const TAG: &str = "tag";

/// Names, among the rules of a verdict, a limit that stands on the sender.
pub const THROTTLE: &str = "throttle";

/// Names a limit that stands on the route or service of a request.
pub const BREAKER: &str = "breaker";

/// Names a cap on what is under way to the route or service of a request.
pub const CONCURRENCY: &str = "concurrency";

/// What is counted against a limit: requests of a key are counted by limits of configurations.
const HELD: Counter = Counter::Hot;

/// Sets an exemption somewhere apart from one that holds everywhere.
const SOMEWHERE: &[u8] = b"somewhere";

/// The limits that stand on a request's sender, and on where it goes.
pub struct Held {
    keys: Vec<(By, Scope)>,
    /// One of them is the sender's.
    pub sender: bool,
    /// One of them is exceeded.
    pub refused: bool,
}

/// What limits alone can stand on, besides senders.
const PLACES: [By; 2] = [By::Route, By::Service];

fn find<'a, S: State + ?Sized>(
    identity: &'a Identity<'a>,
    kind: MeasureKind,
    state: &'a S,
    now_ms: u64,
) -> impl Iterator<Item = (By, Scope, Key<'a>, Ban)> + 'a {
    let senders = By::SENDERS
        .iter()
        .flat_map(|by| Scope::ALL.map(|scope| (*by, scope)));
    let limited: &[By] = if kind == MeasureKind::Limit {
        &PLACES
    } else {
        &[]
    };
    let places = limited.iter().map(|by| (*by, Scope::Global));
    let all = places.chain(senders);
    all.filter_map(move |(by, scope)| {
        let key = Key::of(identity, by, scope)?;
        let stands = state.standing(&key, kind, now_ms)?;
        Some((by, scope, key, stands))
    })
}

/// Finds the first measure of a kind that stands on a sender. Cost: one load while none stands anywhere.
fn first<S: State + ?Sized>(
    identity: &Identity,
    kind: MeasureKind,
    state: &S,
    now_ms: u64,
) -> Option<(By, Ban)> {
    /// Apart, so that what is common stays small.
    #[inline(never)]
    fn look<S: State + ?Sized>(
        identity: &Identity,
        kind: MeasureKind,
        state: &S,
        now_ms: u64,
    ) -> Option<(By, Ban)> {
        let (by, _, _, ban) = find(identity, kind, state, now_ms).next()?;
        Some((by, ban))
    }
    let stands = state.any_standing(kind, now_ms);
    stands.then(|| look(identity, kind, state, now_ms))?
}

/// Tells whether the sender of a request is exempt.
pub fn is_exempt<S: State + ?Sized>(identity: &Identity, state: &S, now_ms: u64) -> bool {
    first(identity, MeasureKind::Allow, state, now_ms).is_some()
}

/// What stands on a sender and waits for the verdict on its request.
pub struct Waiting {
    on_signal: Option<(By, Ban)>,
    tag: Option<(By, Ban)>,
}

/// Finds what waits for the verdict on a sender's request. `None` when nothing does.
pub fn waiting<S: State + ?Sized>(identity: &Identity, state: &S, now_ms: u64) -> Option<Waiting> {
    let waiting = Waiting {
        on_signal: first(identity, MeasureKind::RefuseOnSignal, state, now_ms),
        tag: first(identity, MeasureKind::Tag, state, now_ms),
    };
    (waiting.on_signal.is_some() || waiting.tag.is_some()).then_some(waiting)
}

impl Waiting {
    /// Refuses a request that shows a sign of an attack itself: a payload that something was found in,
    /// or a verdict that tags it. What is only odd, or tried out, is none. Tags what passes.
    pub fn conclude(&self, verdict: &mut Verdict, now_ms: u64) {
        if verdict.action.refuses() {
            return;
        }
        let signal = !verdict.attempt.is_none() || verdict.action == Action::Tag;
        if let Some((by, ban)) = self.on_signal.filter(|_| signal) {
            let left_s = left_s(ban, now_ms);
            verdict.retry_after_s = left_s;
            // What the request's own signs come to stays its score.
            verdict.absorb(BAN, Action::Block, ban.category, 0.0, || {
                let by = by.name();
                format!("the {by} is banned for {left_s} s more where it shows signs of an attack")
            });
        } else if let Some((by, ban)) = self.tag {
            let left_s = left_s(ban, now_ms);
            verdict.absorb(TAG, Action::Tag, ban.category, 0.0, || {
                format!("the {} is tagged for {left_s} s more", by.name())
            });
        }
    }
}

fn left_s(ban: Ban, now_ms: u64) -> u32 {
    ban.until_ms.saturating_sub(now_ms).div_ceil(1_000) as u32
}

/// Finds the refusal that stands on a sender, and by what it is known there.
pub fn refusal<S: State + ?Sized>(
    identity: &Identity,
    state: &S,
    now_ms: u64,
) -> Option<(By, Verdict)> {
    let (by, ban) = first(identity, MeasureKind::Refuse, state, now_ms)?;
    Some((by, banned(ban, by, now_ms)))
}

/// Finds the refusal that stands on a client everywhere, before route and consumer are known: not of
/// one that is exempt somewhere, which may be where the request goes.
pub fn early_refusal<S: State + ?Sized>(
    identity: &Identity,
    state: &S,
    now_ms: u64,
) -> Option<(By, Verdict)> {
    [By::ClientIp, By::Network].into_iter().find_map(|by| {
        let key = Key::of(identity, by, Scope::Global)?;
        let ban = state.banned(&key, now_ms)?;
        (!may_be_exempt(identity, state, now_ms)).then(|| (by, banned(ban, by, now_ms)))
    })
}

fn may_be_exempt<S: State + ?Sized>(identity: &Identity, state: &S, now_ms: u64) -> bool {
    let kind = MeasureKind::Allow;
    state.any_standing(kind, now_ms)
        && By::SENDERS.into_iter().any(|by| {
            let key = Key::of(identity, by, Scope::Global);
            key.is_some_and(|key| {
                let stands = |key: &Key| state.standing(key, kind, now_ms).is_some();
                stands(&key) || stands(&somewhere(&key))
            })
        })
}

fn somewhere<'a>(key: &Key<'a>) -> Key<'a> {
    Key {
        scope: Scope::Global,
        scope_id: SOMEWHERE,
        ..*key
    }
}

/// Tells whether requests are held against a measure of that kind on such a key: another would stand
/// there and do nothing.
pub fn is_looked_for(kind: MeasureKind, by: By, scope: Scope) -> bool {
    let place = PLACES.contains(&by) && scope == Scope::Global;
    let sender = By::SENDERS.contains(&by);
    match kind {
        MeasureKind::Limit => sender || place,
        MeasureKind::Concurrency => place,
        _ => sender,
    }
}

/// Puts a measure on a key. That a client is exempt on some route is noted without the route, too;
/// such a note outlasts the lifting of the exemption and only means a second look.
pub fn put<S: State + ?Sized>(key: &Key, ban: Ban, state: &S, now_ms: u64) {
    state.ban(key, ban, now_ms);
    if ban.measure == Measure::Allow && key.scope != Scope::Global {
        state.ban(&somewhere(key), ban, now_ms);
    }
}

/// Counts a request against the limits that stand on its sender, and on where it goes. `None` when there are none.
pub fn hold<S: State + ?Sized>(
    request: &Request,
    state: &S,
    now_ms: u64,
    verdict: &mut Verdict,
) -> Option<Held> {
    let stands = state.any_standing(MeasureKind::Limit, now_ms);
    stands.then(|| hold_to_limits(request, state, now_ms, verdict))?
}

#[inline(never)]
fn hold_to_limits<S: State + ?Sized>(
    request: &Request,
    state: &S,
    now_ms: u64,
    verdict: &mut Verdict,
) -> Option<Held> {
    let mut held: Option<Held> = None;
    let found = find(&request.identity, MeasureKind::Limit, state, now_ms);
    for (by, scope, key, stands) in found {
        let Measure::Limit { window, limit } = stands.measure else {
            continue;
        };
        let held = held.get_or_insert(Held {
            keys: Vec::new(),
            sender: false,
            refused: false,
        });
        held.keys.push((by, scope));
        held.sender |= !PLACES.contains(&by);
        // The head of this request has been counted before its body is seen.
        let counts = if request.stage.arrives() {
            state.add(&key, HELD, 1, now_ms)
        } else {
            state.read(&key, HELD, now_ms)
        };
        let (count, limit) = (counts[window as usize], u64::from(limit));
        if count > limit {
            held.refused = true;
            throttle(by, stands, window, count, limit, verdict);
        }
    }
    held
}

/// Sets what is under way to a place apart from what else is counted there.
const FLIGHT: &[u8] = b"flight";

/// What is under way is counted in the bucket of its start, and taken out of there: what a killed
/// worker leaves behind fades with its bucket, as do requests that take longer.
const FLIGHT_WINDOW: Window = Window::S60;

fn flight_key<'a>(identity: &Identity<'a>, by: By) -> Option<Key<'a>> {
    Some(Key {
        scope_id: FLIGHT,
        ..Key::of(identity, by, Scope::Global)?
    })
}

/// Counts a request as under way to places that take so many at once, and notes it in the verdict.
/// Returns whether there are too many. Heads are not counted: their bodies are to come.
pub fn depart<S: State + ?Sized>(
    request: &Request,
    state: &S,
    now_ms: u64,
    verdict: &mut Verdict,
) -> bool {
    let counts = request.stage.departs();
    let stands = counts && state.any_standing(MeasureKind::Concurrency, now_ms);
    stands && depart_to_caps(request, state, now_ms, verdict)
}

#[inline(never)]
fn depart_to_caps<S: State + ?Sized>(
    request: &Request,
    state: &S,
    now_ms: u64,
    verdict: &mut Verdict,
) -> bool {
    let kind = MeasureKind::Concurrency;
    let mut refused = false;
    for by in PLACES {
        let key = Key::of(&request.identity, by, Scope::Global);
        let stands = key.and_then(|key| state.standing(&key, kind, now_ms));
        let flight = flight_key(&request.identity, by);
        let (Some(stands), Some(flight)) = (stands, flight) else {
            continue;
        };
        let Measure::Concurrency { most } = stands.measure else {
            continue;
        };
        let counts = state.add(&flight, Counter::Requests, 1, now_ms);
        let count = counts[FLIGHT_WINDOW as usize];
        verdict.flight |= Flight::of(now_ms, by);
        if count > u64::from(most) {
            refused = true;
            verdict.absorb(CONCURRENCY, Action::Throttle, stands.category, 0.8, || {
                format!(
                    "{count} requests to the {} at once, it takes {most}",
                    by.name()
                )
            });
            verdict.retry_after_s = verdict.retry_after_s.max(1);
        }
    }
    refused
}

/// Takes a request that [`depart`] counted out of what is under way, where it was counted: a cap may
/// have been put elsewhere since.
pub fn land<S: State + ?Sized>(identity: &Identity, flight: u64, state: &S, now_ms: u64) {
    if flight != 0 {
        take_out(identity, flight, state, now_ms);
    }
}

#[inline(never)]
fn take_out<S: State + ?Sized>(identity: &Identity, flight: u64, state: &S, now_ms: u64) {
    let bucket = |ms: u64| ms / FLIGHT_WINDOW.length_ms();
    let start_ms = Flight::start_ms(flight);
    if bucket(now_ms).saturating_sub(bucket(start_ms)) > 1 {
        return;
    }
    for by in PLACES.into_iter().filter(|by| Flight::has(flight, *by)) {
        if let Some(key) = flight_key(identity, by) {
            state.undo(&key, Counter::Requests, start_ms);
        }
    }
}

/// When a request was counted as under way, and where: `start_ms * 4 + service * 2 + route`, which a
/// Lua number holds.
struct Flight;

impl Flight {
    fn place(by: By) -> u64 {
        match by {
            By::Route => 1,
            _ => 2,
        }
    }

    fn of(start_ms: u64, by: By) -> u64 {
        (start_ms << 2) | Flight::place(by)
    }

    fn start_ms(flight: u64) -> u64 {
        flight >> 2
    }

    fn has(flight: u64, by: By) -> bool {
        flight & Flight::place(by) != 0
    }
}

/// Estimates how many requests are under way to a place; counted while a cap stands there.
/// Shape: `by` is the route or the service.
pub fn in_flight<S: State + ?Sized>(identity: &Identity, by: By, state: &S, now_ms: u64) -> u64 {
    let key = flight_key(identity, by);
    key.map_or(0, |key| {
        state.read(&key, Counter::Requests, now_ms)[FLIGHT_WINDOW as usize]
    })
}

/// Takes back what [`hold`] counted, for a request that is refused: so a sender is slowed to its
/// limit and not shut out.
pub fn take_back<S: State + ?Sized>(
    held: Option<&Held>,
    request: &Request,
    state: &S,
    now_ms: u64,
) {
    let Some(held) = held.filter(|_| request.stage.arrives()) else {
        return;
    };
    for (by, scope) in &held.keys {
        if let Some(key) = Key::of(&request.identity, *by, *scope) {
            state.undo(&key, HELD, now_ms);
        }
    }
}

fn throttle(by: By, stands: Ban, window: Window, count: u64, limit: u64, verdict: &mut Verdict) {
    let rule = if PLACES.contains(&by) {
        BREAKER
    } else {
        THROTTLE
    };
    verdict.absorb(rule, Action::Throttle, stands.category, 0.8, || {
        format!(
            "{count} requests of the {} in {}, it is held to {limit}",
            by.name(),
            window.name()
        )
    });
    let wait = retry_after_s(window, count, limit);
    verdict.retry_after_s = verdict.retry_after_s.max(wait);
}

fn banned(ban: Ban, by: By, now_ms: u64) -> Verdict {
    let left_s = left_s(ban, now_ms);
    let mut verdict = Verdict {
        retry_after_s: left_s,
        incident: ban.incident,
        ..Verdict::default()
    };
    verdict.absorb(BAN, Action::Block, ban.category, 1.0, || {
        format!("the {} is banned for {left_s} s more", by.name())
    });
    verdict
}
