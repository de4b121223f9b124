//! The region as the engine's [`State`], and what the gateway asks of it besides.

use crate::ban::{self, MAX_UNTIL_MS};
use crate::count::Count;
use crate::error::Error;
use crate::layout::{Geometry, Header, LAYOUT_VERSION, MAGIC, WAYS, WORKERS};
use crate::region::{random_words, Region};
use crate::slot::{Attached, Stat, WorkerId, Workers};
use crate::sync::Ordering;
use crate::table::{Probe, Table};
use crate::tag::Kind;
use ahash::RandomState;
use threat_agent_engine::state::{
    Ban, By, Counter, Estimates, Key, Scope, State, Who, INCIDENT_MASK,
};

/// Sets that [`SharedState::occupancy`] looks at; larger tables are sampled.
const OCCUPANCY_SETS: usize = 1 << 16;

/// What an arrival is answered with that finds no slot: as if it were the key's first.
const FIRST: Estimates = [1; 4];

/// What the table holds. Sampled, and scaled up, when it has more than 524,288 slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Slots whose owner came within the last two hours.
    pub live_keys: u64,
    pub standing_bans: u64,
    /// Slots altogether.
    pub capacity: u64,
    /// Live keys driven out by new ones since the start.
    pub evicted: u64,
    /// Arrivals since the start that found no slot and were answered as if first.
    pub degraded: u64,
}

/// State that all processes share which were forked after [`SharedState::create`].
///
/// No call blocks: each is a bounded walk over at most 32 slots and their words. When a worker is
/// killed inside a call, that call's increments may be missing; nothing else is.
pub struct SharedState {
    header: &'static Header,
    workers: Workers,
    table: Table,
    bytes: u64,
    keys: RandomState,
    incidents: RandomState,
}

/// Builds the hashers of keys and of incident numbers. Two, because clients see incident numbers.
fn hashers(seeds: [u64; 8]) -> (RandomState, RandomState) {
    let [a, b, c, d, e, f, g, h] = seeds;
    (
        RandomState::with_seeds(a, b, c, d),
        RandomState::with_seeds(e, f, g, h),
    )
}

/// Hashes a key that never changes: another result means another hash function or another `Key`.
fn self_test(keys: &RandomState) -> u64 {
    keys.hash_one(Key {
        by: By::Consumer,
        scope: Scope::Route,
        workspace: b"workspace",
        scope_id: b"route",
        who: Who::Id(b"consumer"),
    })
}

impl SharedState {
    /// Maps a region and lays it out. To be called before the workers are forked.
    /// Units: bytes, 1 MiB to 64 GiB. Errors: `Size`, `Map`, `Random`.
    /// Cost: 136 bytes of the region per slot; pages are taken as they are touched.
    pub fn create(bytes: usize) -> Result<SharedState, Error> {
        let region = Region::map(bytes)?;
        let geometry = Geometry::of(region.bytes());
        let header = region.header()?;
        let workers = region.workers(geometry.workers_at, WORKERS + 1)?;
        let tags = region.tags(geometry.tags_at, geometry.sets)?;
        let entries = region.entries(geometry.entries_at, geometry.sets)?;

        let seeds = random_words()?;
        let (keys, incidents) = hashers(seeds);
        // Relaxed: no other process has the region yet.
        let identity = &header.identity;
        for (word, seed) in header.seeds.0.iter().zip(seeds) {
            word.store(seed, Ordering::Relaxed);
        }
        for (word, value) in [
            (&identity.layout_version, LAYOUT_VERSION),
            (&identity.bytes, region.bytes() as u64),
            (&identity.sets, geometry.sets as u64),
            (&identity.self_test, self_test(&keys)),
            (&identity.magic, MAGIC),
        ] {
            word.store(value, Ordering::Relaxed);
        }
        Ok(SharedState {
            header,
            workers: Workers::new(header, workers),
            table: Table::new(tags, entries, &header.evicted.0),
            bytes: region.bytes() as u64,
            keys,
            incidents,
        })
    }

    /// Checks that this code reads the region as the code that laid it out: a library that was
    /// replaced under a running master, or a processor that hashes otherwise, must not count in it.
    /// To be called once by each worker. Errors: `Foreign`.
    pub fn verify(&self) -> Result<(), Error> {
        let identity = &self.header.identity;
        // Relaxed: written before the fork.
        let seeds = std::array::from_fn(|n| {
            let word = self.header.seeds.0.get(n);
            word.map_or(0, |word| word.load(Ordering::Relaxed))
        });
        let (keys, _) = hashers(seeds);
        for (what, word, expected) in [
            ("magic", &identity.magic, MAGIC),
            ("layout version", &identity.layout_version, LAYOUT_VERSION),
            ("size", &identity.bytes, self.bytes),
            ("sets", &identity.sets, self.table.sets() as u64),
            ("hash self-test", &identity.self_test, self_test(&keys)),
            ("hash seeds", &identity.self_test, self_test(&self.keys)),
        ] {
            let found = word.load(Ordering::Relaxed);
            if found != expected {
                return Err(Error::Foreign {
                    what,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    /// Gives a new worker its slot, and notices workers that died inside the engine: three within
    /// a minute set the bypass. `alive` tells whether a process stands.
    pub fn attach(&self, pid: u32, now_ms: u64, alive: impl Fn(u32) -> bool) -> Attached {
        self.workers.attach(pid, now_ms, alive)
    }

    /// Marks that a worker enters the engine. Cost: one store.
    pub fn enter(&self, slot: WorkerId, now_ms: u64) {
        self.workers.enter(slot, now_ms);
    }

    /// Marks that a worker is outside again. Cost: one store.
    pub fn leave(&self, slot: WorkerId) {
        self.workers.leave(slot);
    }

    /// Adds to a worker's stripe of a statistic.
    pub fn stat_add(&self, slot: WorkerId, stat: Stat, n: u64) {
        self.workers.add(slot, stat, n);
    }

    /// Sums a statistic over all workers, the dead ones too.
    pub fn stat_sum(&self, stat: Stat) -> u64 {
        self.workers.sum(stat)
    }

    /// Tells whether traffic is to pass uninspected. Cost: one load.
    pub fn bypassed(&self) -> bool {
        self.bypassed_since_ms().is_some()
    }

    /// Tells since when traffic passes uninspected.
    pub fn bypassed_since_ms(&self) -> Option<u64> {
        // Relaxed: the word stands alone.
        let since_ms = self.header.signals.bypass_since_ms.load(Ordering::Relaxed);
        (since_ms != 0).then_some(since_ms)
    }

    /// Inspects traffic again, and forgets the deaths that led to the bypass.
    pub fn clear_bypass(&self) {
        // Relaxed: a death recorded meanwhile may be forgotten, which the next one repairs.
        for at in &self.header.deaths.at_ms {
            at.store(0, Ordering::Relaxed);
        }
        let since_ms = &self.header.signals.bypass_since_ms;
        since_ms.store(0, Ordering::Relaxed);
    }

    /// Size of the region. Units: bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts the workers that are attached and alive.
    pub fn living_workers(&self, alive: impl Fn(u32) -> bool) -> u32 {
        self.workers.living(alive)
    }

    /// Counts the deaths inside the engine within the last minute.
    pub fn recent_deaths(&self, now_ms: u64) -> u32 {
        self.workers.recent_deaths(now_ms)
    }

    /// Counts what the table holds. For a status only: it walks up to 65,536 sets.
    pub fn occupancy(&self, now_ms: u64) -> Occupancy {
        let (slots, scale) = self.table.sample(OCCUPANCY_SETS);
        let (mut live_keys, mut standing_bans) = (0, 0);
        for (slot, tag) in slots {
            let bans = tag.is_ban() && ban::standing(&slot, now_ms).is_some();
            standing_bans += u64::from(bans);
            live_keys += u64::from(tag.is_live(now_ms) && !tag.is_ban());
        }
        let capacity = (self.table.sets() * WAYS) as u64;
        Occupancy {
            live_keys: (live_keys * scale as u64).min(capacity),
            standing_bans: (standing_bans * scale as u64).min(capacity),
            capacity,
            // Relaxed: statistics.
            evicted: self.header.evicted.0.load(Ordering::Relaxed),
            degraded: self.header.degraded.0.load(Ordering::Relaxed),
        }
    }

    fn count(&self, key: &Key, counter: Counter, now_ms: u64) -> Count<'_> {
        let hash = self.keys.hash_one(key);
        let (hash, kind) = if key.by.is_wide() {
            // A wide key's counters do not fit one slot: two of them share a key of their own.
            let half = (counter as u64 / 2 + 1).wrapping_mul(0xA24B_AED4_963E_E407);
            (hash ^ half, Kind::Wide)
        } else {
            (hash, Kind::Narrow)
        };
        Count {
            table: &self.table,
            probe: Probe::new(hash, kind, self.table.sets()),
            kind,
            counter,
            now_ms,
        }
    }

    fn ban_probe(&self, key: &Key) -> Probe {
        Probe::new(self.keys.hash_one(key), Kind::Ban, self.table.sets())
    }
}

impl State for SharedState {
    fn add(&self, key: &Key, counter: Counter, now_ms: u64) -> Estimates {
        self.count(key, counter, now_ms).add().unwrap_or_else(|| {
            // Relaxed: a statistic.
            self.header.degraded.0.fetch_add(1, Ordering::Relaxed);
            FIRST
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
        let until_ms = ban.until_ms.min(MAX_UNTIL_MS);
        // Relaxed: a worker that misses this for a moment misses the ban that follows, no more.
        let latest = &self.header.signals.bans_until_ms;
        latest.fetch_max(until_ms, Ordering::Relaxed);
        if !ban::ban(&self.table, self.ban_probe(key), ban, now_ms) {
            // Relaxed: a statistic.
            self.header.degraded.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn unban(&self, key: &Key, now_ms: u64) -> bool {
        ban::unban(&self.table, self.ban_probe(key), now_ms)
    }

    fn banned(&self, key: &Key, now_ms: u64) -> Option<Ban> {
        if !self.any_bans(now_ms) {
            return None;
        }
        ban::banned(&self.table, self.ban_probe(key), now_ms)
    }

    fn any_bans(&self, now_ms: u64) -> bool {
        // Relaxed: see `ban`.
        self.header.signals.bans_until_ms.load(Ordering::Relaxed) > now_ms
    }

    fn draw_incident(&self) -> u64 {
        // Relaxed: only its own order matters, and an increment has that.
        let nth = self.header.drawn.0.fetch_add(1, Ordering::Relaxed);
        (self.incidents.hash_one(nth) & INCIDENT_MASK).max(1)
    }
}
