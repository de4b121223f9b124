//! What the engine remembers, behind one trait: the shared region in a gateway, plain memory in
//! tests and the CLI.

use crate::request::{client_key, network_of, Identity};
use crate::verdict::Category;
use crate::window::Window;
use serde::{Deserialize, Serialize};
use std::hash::Hash;

/// What is counted for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Requests that arrived; by limits of a configuration, those of them that were not refused for one.
    Requests = 0,
    /// Responses whose status says that a login or credential was refused.
    AuthFailures = 1,
    /// Responses 404.
    NotFound = 2,
    /// Responses 500 to 599 of the upstream or on the way to it.
    ServerErrors = 3,
    /// Logins that succeeded.
    #[serde(skip_deserializing)]
    AuthSuccesses = 4,
    /// Requests of clients above the place's hot limit.
    #[serde(skip_deserializing)]
    Hot = 5,
    /// Sum of latencies. Units: milliseconds.
    #[serde(skip_deserializing)]
    LatencyMs = 6,
    /// Sum of request bodies. Units: bytes.
    #[serde(skip_deserializing)]
    RequestBytes = 7,
}

/// Number of counters.
pub const COUNTERS: usize = Counter::ALL.len();

impl Counter {
    /// Those that a configuration may name.
    pub const CONFIGURABLE: [Counter; 4] = [
        Counter::Requests,
        Counter::AuthFailures,
        Counter::NotFound,
        Counter::ServerErrors,
    ];

    pub const ALL: [Counter; 8] = [
        Counter::Requests,
        Counter::AuthFailures,
        Counter::NotFound,
        Counter::ServerErrors,
        Counter::AuthSuccesses,
        Counter::Hot,
        Counter::LatencyMs,
        Counter::RequestBytes,
    ];

    /// Names what is counted, for people.
    pub fn plural(self) -> &'static str {
        match self {
            Counter::Requests => "requests",
            Counter::AuthFailures => "authentication failures",
            Counter::NotFound => "responses 404",
            Counter::ServerErrors => "responses 5xx",
            Counter::AuthSuccesses => "logins",
            Counter::Hot => "requests of hot clients",
            Counter::LatencyMs => "milliseconds",
            Counter::RequestBytes => "bytes",
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
    /// An account that is logged in to, by its keyed hash.
    #[serde(skip_deserializing)]
    Account = 4,
    /// A sender as behaviour counts it and suspects it: see `behaviour::keys`.
    #[serde(skip_deserializing)]
    Suspect = 5,
    /// A session, by its keyed hash.
    #[serde(skip_deserializing)]
    Session = 6,
    /// The network of a client: a /24 of IPv4, a /56 of IPv6.
    #[serde(skip_deserializing)]
    Network = 7,
    /// A credential of a consumer, by its id.
    #[serde(skip_deserializing)]
    Credential = 8,
}

impl By {
    /// Those that a configuration may name.
    pub const ALL: [By; 4] = [By::ClientIp, By::Consumer, By::Service, By::Route];

    /// Whom a request comes from: what a [`Measure`] can stand on.
    pub const SENDERS: [By; 5] = [
        By::ClientIp,
        By::Network,
        By::Consumer,
        By::Credential,
        By::Session,
    ];

    /// Names the kind as configurations do.
    pub fn name(self) -> &'static str {
        match self {
            By::ClientIp => "client_ip",
            By::Consumer => "consumer",
            By::Service => "service",
            By::Route => "route",
            By::Account => "account",
            By::Suspect => "suspect",
            By::Session => "session",
            By::Network => "network",
            By::Credential => "credential",
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
    /// A keyed hash.
    Hash(u64),
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
            By::ClientIp | By::Suspect => Who::Client(client_key(identity.client?)),
            By::Network => Who::Client(network_of(identity.client?)),
            // See [`Key::account`].
            By::Account => return None,
            By::Session => Who::Hash(identity.session),
            By::Credential => Who::Id(identity.credential),
            By::Consumer => Who::Id(identity.consumer),
            By::Service => Who::Id(identity.service),
            By::Route => Who::Id(identity.route),
        };
        let missing = matches!(who, Who::Id(b"") | Who::Hash(0))
            || (scope != Scope::Global && scope_id.is_empty());
        (!missing).then_some(Key {
            by,
            scope,
            workspace: identity.workspace,
            scope_id,
            who,
        })
    }

    /// Builds the key of an account on the route of a request.
    pub fn account(identity: &Identity<'a>, account: &'a [u8; 8]) -> Key<'a> {
        Key {
            by: By::Account,
            scope: Scope::Route,
            workspace: identity.workspace,
            scope_id: identity.route,
            who: Who::Id(account),
        }
    }
}

/// Arrivals in the last window, by [`Window`].
pub type Estimates = [u64; 4];

/// Incident numbers have 48 bits, so that a ban's word can carry one beside a salt.
pub const INCIDENT_MASK: u64 = (1 << 48) - 1;

/// What is done with the requests of a key while it stands there. Each kind stands by itself: one
/// key can be refused here and exempt there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// All are refused.
    Refuse,
    /// Those are refused that show a sign of an attack themselves.
    RefuseOnSignal,
    /// All pass, with a header that tells the upstream.
    Tag,
    /// Those above a limit are refused; at most [`MAX_LIMIT`].
    Limit { window: Window, limit: u32 },
    /// None is looked at.
    Allow,
    /// So many may be under way at once: of a route or a service. At most [`MAX_LIMIT`].
    Concurrency { most: u32 },
}

/// What a [`Measure`] is, without its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureKind {
    Refuse = 0,
    Limit = 1,
    Allow = 2,
    Concurrency = 3,
    RefuseOnSignal = 4,
    Tag = 5,
}

impl MeasureKind {
    pub const ALL: [MeasureKind; 6] = [
        MeasureKind::Refuse,
        MeasureKind::Limit,
        MeasureKind::Allow,
        MeasureKind::Concurrency,
        MeasureKind::RefuseOnSignal,
        MeasureKind::Tag,
    ];

    /// What sets the hash of a key apart for this kind; 0 for refusals.
    pub fn salt(self) -> u64 {
        (self as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F)
    }
}

/// The highest limit that a measure's word holds.
pub const MAX_LIMIT: u32 = (1 << 20) - 1;

/// What makes another kind of a refusal, in its bits.
const ON_SIGNAL: u32 = 1;
const TAG: u32 = 2;

impl Measure {
    pub fn kind(self) -> MeasureKind {
        match self {
            Measure::Refuse => MeasureKind::Refuse,
            Measure::RefuseOnSignal => MeasureKind::RefuseOnSignal,
            Measure::Tag => MeasureKind::Tag,
            Measure::Limit { .. } => MeasureKind::Limit,
            Measure::Allow => MeasureKind::Allow,
            Measure::Concurrency { .. } => MeasureKind::Concurrency,
        }
    }

    /// Packs it into 24 bits: `limit:20 window:2 kind:2`. Where a limit has its window, a refusal has
    /// what makes another kind of it.
    pub fn to_bits(self) -> u32 {
        let kind = self.kind() as u32;
        match self {
            Measure::Limit { window, limit } => {
                (limit.min(MAX_LIMIT) << 4) | ((window as u32) << 2) | kind
            }
            Measure::Concurrency { most } => (most.min(MAX_LIMIT) << 4) | kind,
            Measure::RefuseOnSignal => ON_SIGNAL << 2,
            Measure::Tag => TAG << 2,
            Measure::Refuse | Measure::Allow => kind,
        }
    }

    /// Unpacks what [`Measure::to_bits`] gave.
    pub fn from_bits(bits: u32) -> Option<Measure> {
        let kind = MeasureKind::ALL.get(bits as usize & 3)?;
        let window = Window::ALL.get((bits >> 2) as usize & 3)?;
        Some(match kind {
            MeasureKind::Limit => Measure::Limit {
                window: *window,
                limit: (bits >> 4) & MAX_LIMIT,
            },
            MeasureKind::Allow => Measure::Allow,
            MeasureKind::Concurrency => Measure::Concurrency {
                most: (bits >> 4) & MAX_LIMIT,
            },
            _ => match (bits >> 2) & 3 {
                ON_SIGNAL => Measure::RefuseOnSignal,
                TAG => Measure::Tag,
                _ => Measure::Refuse,
            },
        })
    }
}

/// A measure that stands on one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// On the clock of the `now_ms` arguments.
    pub until_ms: u64,
    pub category: Category,
    /// Number behind the incident reference under which the ban was made; at most 48 bits.
    pub incident: u64,
    pub measure: Measure,
}

/// What the engine counts and remembers. Implementations are shared by threads or processes; no
/// call blocks, and each is bounded. `now_ms` is a monotonic clock's.
pub trait State: Send + Sync {
    /// Counts `n` arrivals in all windows and returns the estimates after them. Counts of keys that are
    /// not wide saturate at 2^20 - 1, and counters beyond the first four take a key's second slot.
    fn add(&self, key: &Key, counter: Counter, n: u64, now_ms: u64) -> Estimates;

    /// Takes back one arrival that [`State::add`] counted at the same `now_ms`.
    fn undo(&self, key: &Key, counter: Counter, now_ms: u64);

    /// Reads the estimates; zeros for an unknown key.
    fn read(&self, key: &Key, counter: Counter, now_ms: u64) -> Estimates;

    /// Puts a measure on a key until `ban.until_ms`. A longer one of its kind that stands already is
    /// kept.
    fn ban(&self, key: &Key, ban: Ban, now_ms: u64);

    /// Lifts a measure. Returns whether there was one.
    fn lift(&self, key: &Key, kind: MeasureKind, now_ms: u64) -> bool;

    /// Finds the measure of a kind that stands on a key now.
    fn standing(&self, key: &Key, kind: MeasureKind, now_ms: u64) -> Option<Ban>;

    /// Tells whether any measure of a kind may stand: a cheap way past all look-ups when none does.
    fn any_standing(&self, kind: MeasureKind, now_ms: u64) -> bool;

    /// Tells whether any refusal may stand.
    fn any_bans(&self, now_ms: u64) -> bool {
        self.any_standing(MeasureKind::Refuse, now_ms)
    }

    /// Finds the refusal that stands on a key now.
    fn banned(&self, key: &Key, now_ms: u64) -> Option<Ban> {
        self.standing(key, MeasureKind::Refuse, now_ms)
    }

    /// Lifts a refusal. Returns whether there was one.
    fn unban(&self, key: &Key, now_ms: u64) -> bool {
        self.lift(key, MeasureKind::Refuse, now_ms)
    }

    /// Draws a number for an incident reference: never 0, at most 48 bits, not to be guessed.
    fn draw_incident(&self) -> u64;
}
