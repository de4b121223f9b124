//! What the engine remembers, behind one trait: the shared region in a gateway, plain memory in
//! tests and the CLI.

use crate::request::{client_key, Identity};
use crate::verdict::Category;
use crate::window::{Tick, Window};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Requests that were let through.
    Requests = 0,
    /// Responses whose status says that a login or credential was refused.
    AuthFailures = 1,
    /// Responses 404.
    NotFound = 2,
    /// Responses 500 to 599.
    ServerErrors = 3,
}

impl Counter {
    pub const ALL: [Counter; 4] = [
        Counter::Requests,
        Counter::AuthFailures,
        Counter::NotFound,
        Counter::ServerErrors,
    ];

    /// Names what is counted, for people.
    pub fn plural(self) -> &'static str {
        match self {
            Counter::Requests => "requests",
            Counter::AuthFailures => "authentication failures",
            Counter::NotFound => "responses 404",
            Counter::ServerErrors => "responses 5xx",
        }
    }
}

/// Whom a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    ClientIp = 0,
    Consumer = 1,
    Service = 2,
    Route = 3,
}

impl By {
    pub const ALL: [By; 4] = [By::ClientIp, By::Consumer, By::Service, By::Route];

    /// Names the kind as configurations do.
    pub fn name(self) -> &'static str {
        match self {
            By::ClientIp => "client_ip",
            By::Consumer => "consumer",
            By::Service => "service",
            By::Route => "route",
        }
    }

    /// Tells whether keys of this kind see so much traffic that 20-bit counts would saturate.
    pub fn is_wide(self) -> bool {
        matches!(self, By::Service | By::Route)
    }
}

/// Where a key's traffic is counted. Ordered from the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Global = 0,
    Service = 1,
    Route = 2,
}

impl Scope {
    pub const ALL: [Scope; 3] = [Scope::Global, Scope::Service, Scope::Route];
}

/// Names one counted thing. Workspaces never share a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    pub by: By,
    pub scope: Scope,
    pub workspace: &'a [u8],
    /// Id of the service or route of the scope; empty for [`Scope::Global`].
    pub scope_id: &'a [u8],
    pub who: Who<'a>,
}

/// The identity within a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who<'a> {
    Client([u8; 16]),
    Id(&'a [u8]),
}

impl<'a> Key<'a> {
    /// Builds the key of a request, or `None` when the request has no such identity or scope.
    pub fn of(identity: &Identity<'a>, by: By, scope: Scope) -> Option<Key<'a>> {
        let scope_id: &[u8] = match scope {
            Scope::Global => b"",
            Scope::Service => identity.service,
            Scope::Route => identity.route,
        };
        let who = match by {
            By::ClientIp => Who::Client(client_key(identity.client?)),
            By::Consumer => Who::Id(identity.consumer),
            By::Service => Who::Id(identity.service),
            By::Route => Who::Id(identity.route),
        };
        let missing =
            matches!(who, Who::Id(b"")) || (scope != Scope::Global && scope_id.is_empty());
        (!missing).then_some(Key {
            by,
            scope,
            workspace: identity.workspace,
            scope_id,
            who,
        })
    }
}

/// Arrivals in the last window, by [`Window`].
pub type Estimates = [u64; 4];

/// Incident numbers have 48 bits, so that a ban's word can carry one beside a salt.
pub const INCIDENT_MASK: u64 = (1 << 48) - 1;

/// A standing refusal of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// On the clock of the `now_ms` arguments.
    pub until_ms: u64,
    pub category: Category,
    /// Number behind the incident reference under which the ban was made; at most 48 bits.
    pub incident: u64,
}

/// What the engine counts and remembers. Implementations are shared by threads or processes; no
/// call blocks, and each is bounded. `now_ms` is a monotonic clock's.
pub trait State: Send + Sync {
    /// Counts one arrival in all windows and returns the estimates after it.
    fn add(&self, key: &Key, counter: Counter, now_ms: u64) -> Estimates;

    /// Takes back one arrival that [`State::add`] counted at the same `now_ms`.
    fn undo(&self, key: &Key, counter: Counter, now_ms: u64);

    /// Reads the estimates; zeros for an unknown key.
    fn read(&self, key: &Key, counter: Counter, now_ms: u64) -> Estimates;

    /// Refuses a key until `ban.until_ms`. A longer ban that stands already is kept.
    fn ban(&self, key: &Key, ban: Ban, now_ms: u64);

    /// Lifts a ban. Returns whether there was one.
    fn unban(&self, key: &Key, now_ms: u64) -> bool;

    /// Finds the ban that stands on a key now.
    fn banned(&self, key: &Key, now_ms: u64) -> Option<Ban>;

    /// Tells whether any ban may stand: a cheap way past all look-ups when none does.
    fn any_bans(&self, now_ms: u64) -> bool;

    /// Draws a number for an incident reference: never 0, at most 48 bits, not to be guessed.
    fn draw_incident(&self) -> u64;
}

/// State in this process's own memory: for tests, the CLI and where no region exists.
/// Unbounded, so not for a gateway's workers.
#[derive(Default)]
pub struct LocalState {
    hasher: ahash::RandomState,
    slots: Mutex<HashMap<u64, LocalSlot, ahash::RandomState>>,
    drawn: AtomicU64,
}

#[derive(Default)]
struct LocalSlot {
    words: [[[u64; 2]; 4]; 4],
    ban: Option<Ban>,
}

impl LocalState {
    fn with<R>(&self, key: &Key, f: impl FnOnce(&mut LocalSlot) -> R) -> R {
        let hash = self.hasher.hash_one(key);
        f(self.slots.lock().entry(hash).or_default())
    }

    fn estimates(words: &[[u64; 2]; 4], now_ms: u64) -> Estimates {
        Window::ALL.map(|w| Tick::new(w, now_ms, 0).wide_estimate(words[w as usize]))
    }
}

impl State for LocalState {
    fn add(&self, key: &Key, counter: Counter, now_ms: u64) -> Estimates {
        self.with(key, |slot| {
            let words = &mut slot.words[counter as usize];
            for w in Window::ALL {
                let tick = Tick::new(w, now_ms, 0);
                let word = &mut words[w as usize][tick.wide_index()];
                *word = tick.wide_add(*word, 1);
            }
            Self::estimates(words, now_ms)
        })
    }

    fn undo(&self, key: &Key, counter: Counter, now_ms: u64) {
        self.with(key, |slot| {
            for w in Window::ALL {
                let tick = Tick::new(w, now_ms, 0);
                let word = &mut slot.words[counter as usize][w as usize][tick.wide_index()];
                *word = tick.wide_undo(*word);
            }
        });
    }

    fn read(&self, key: &Key, counter: Counter, now_ms: u64) -> Estimates {
        self.with(key, |slot| {
            Self::estimates(&slot.words[counter as usize], now_ms)
        })
    }

    fn ban(&self, key: &Key, ban: Ban, now_ms: u64) {
        self.with(key, |slot| {
            let stands = slot.ban.filter(|b| b.until_ms > now_ms);
            if stands.is_none_or(|b| b.until_ms < ban.until_ms) {
                slot.ban = Some(ban);
            }
        });
    }

    fn unban(&self, key: &Key, now_ms: u64) -> bool {
        self.with(key, |slot| {
            slot.ban.take().is_some_and(|b| b.until_ms > now_ms)
        })
    }

    fn banned(&self, key: &Key, now_ms: u64) -> Option<Ban> {
        self.with(key, |slot| slot.ban.filter(|b| b.until_ms > now_ms))
    }

    fn any_bans(&self, _now_ms: u64) -> bool {
        true
    }

    fn draw_incident(&self) -> u64 {
        let nth = self.drawn.fetch_add(1, Ordering::Relaxed);
        (self.hasher.hash_one(nth) & INCIDENT_MASK).max(1)
    }
}
