//! The region as the engine's [`State`]: counts and measures.

use crate::ban::{self, MAX_UNTIL_MS};
use crate::count::Count;
use crate::shared::SharedState;
use crate::sync::{AtomicU64, Ordering};
use crate::table::Probe;
use crate::tag::Kind;
use threat_agent_engine::state::{
    Ban, By, Counter, Estimates, Key, MeasureKind, Scope, State, INCIDENT_MASK,
};

/// Sorts keys by what is asked for one after the other on every request, so that suspicions of
/// clients on their routes, which attacks leave by the thousand, cost the other look-ups nothing.
fn ban_class(key: &Key) -> usize {
    match (key.by, key.scope) {
        (By::ClientIp, Scope::Global) => 0,
        (By::ClientIp, Scope::Service) => 1,
        (By::ClientIp, Scope::Route) => 2,
        (By::Consumer, _) => 3,
        (By::Suspect, Scope::Global) => 4,
        (By::Suspect, _) => 5,
        _ => 6,
    }
}

impl SharedState {
    fn count(&self, key: &Key, counter: Counter, now_ms: u64) -> Count<'_> {
        let hash = self.keys.hash_one(key);
        // A key's counters do not fit one slot: four of them, and two of a wide key's, share a key
        // of their own. The first four keep the key's hash, and with it the place of its ban.
        let (part, kind) = if key.by.is_wide() {
            (counter as u64 / 2 + 1, Kind::Wide)
        } else {
            (counter as u64 / 4, Kind::Narrow)
        };
        let hash = hash ^ part.wrapping_mul(0xA24B_AED4_963E_E407);
        Count {
            table: &self.table,
            probe: Probe::new(hash, kind, self.table.sets()),
            kind,
            counter,
            now_ms,
        }
    }

    /// `hash` is that of a measure: see [`SharedState::measure_hash`].
    pub(crate) fn ban_hash(&self, hash: u64, ban: Ban, now_ms: u64) -> bool {
        let until_ms = ban.until_ms.min(MAX_UNTIL_MS);
        if let Some(latest) = self.latest(ban.measure.kind()) {
            // Relaxed: a worker that misses this for a moment misses the ban that follows, no more.
            latest.fetch_max(until_ms, Ordering::Relaxed);
        }
        let probe = Probe::new(hash, Kind::Ban, self.table.sets());
        ban::ban(&self.table, probe, ban, now_ms)
    }

    /// The end of the latest measure of a kind.
    fn latest(&self, kind: MeasureKind) -> Option<&AtomicU64> {
        self.header.signals.standing_until_ms.get(kind as usize)
    }

    /// The word that says when the latest measure of a key's class ends.
    fn ban_end(&self, key: &Key) -> Option<&AtomicU64> {
        self.header.ban_ends.0.get(ban_class(key))
    }

    fn measure_hash(&self, key: &Key, kind: MeasureKind) -> u64 {
        self.keys.hash_one(key) ^ kind.salt()
    }

    fn measure_probe(&self, key: &Key, kind: MeasureKind) -> Probe {
        Probe::new(self.measure_hash(key, kind), Kind::Ban, self.table.sets())
    }
}

impl State for SharedState {
    fn add(&self, key: &Key, counter: Counter, n: u64, now_ms: u64) -> Estimates {
        self.count(key, counter, now_ms).add(n).unwrap_or_else(|| {
            self.degrade();
            // As if these were the key's first.
            [n; 4]
        })
    }

    fn undo(&self, key: &Key, counter: Counter, now_ms: u64) {
        self.count(key, counter, now_ms).undo();
    }

    fn read(&self, key: &Key, counter: Counter, now_ms: u64) -> Estimates {
        self.count(key, counter, now_ms).read()
    }

    /// Units: an end later than 34 years after the clock's start is cut to that.
    fn ban(&self, key: &Key, ban: Ban, now_ms: u64) {
        if ban.until_ms <= now_ms {
            return;
        }
        let hash = self.measure_hash(key, ban.measure.kind());
        if let Some(end) = self.ban_end(key) {
            // Relaxed: see `ban_hash`.
            end.fetch_max(ban.until_ms, Ordering::Relaxed);
        }
        if !self.ban_hash(hash, ban, now_ms) {
            self.degrade();
        }
    }

    fn lift(&self, key: &Key, kind: MeasureKind, now_ms: u64) -> bool {
        ban::unban(&self.table, self.measure_probe(key, kind), now_ms)
    }

    fn standing(&self, key: &Key, kind: MeasureKind, now_ms: u64) -> Option<Ban> {
        // Relaxed: see `ban_hash`.
        let end = self.ban_end(key).map(|end| end.load(Ordering::Relaxed));
        if !self.any_standing(kind, now_ms) || end.is_some_and(|end| end <= now_ms) {
            return None;
        }
        ban::banned(&self.table, self.measure_probe(key, kind), now_ms)
    }

    fn any_standing(&self, kind: MeasureKind, now_ms: u64) -> bool {
        let latest = self.latest(kind);
        // Relaxed: see `ban_hash`.
        latest.is_some_and(|latest| latest.load(Ordering::Relaxed) > now_ms)
    }

    fn draw_incident(&self) -> u64 {
        // Relaxed: only its own order matters, and an increment has that.
        let nth = self.header.drawn.0.fetch_add(1, Ordering::Relaxed);
        (self.numbers.hash_one(nth) & INCIDENT_MASK).max(1)
    }
}
