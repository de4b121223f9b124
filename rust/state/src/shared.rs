//! The region laid out, and what the gateway asks of it. What it is as the engine's `State` and `Memory`
//! stands in `state` and `memory`.

use crate::ban;
use crate::error::Error;
use crate::facts::FactsTable;
use crate::incidents::Incidents;
use crate::layout::{
    EntrySet, Geometry, Header, PlaceEntry, TagLine, LAYOUT_VERSION, MAGIC, SIGNAL_WORDS, WAYS,
    WORKERS,
};
use crate::lease::Lease;
use crate::place::Places;
use crate::region::{random_words, Region};
use crate::ring::Ring;
use crate::slot::{Attached, Stat, WorkerId, Workers};
use crate::snapshot::Snapshot;
use crate::sync::{AtomicU64, Ordering};
use crate::table::{Probe, Table};
use crate::tag::Kind;
use ahash::RandomState;
use threat_agent_engine::profile::NOTE_WORDS;
use threat_agent_engine::state::{Ban, By, Key, Scope, Who};

/// Sets that [`SharedState::occupancy`] looks at; larger tables are sampled.
const OCCUPANCY_SETS: usize = 1 << 16;

/// What the table holds. Sampled, and scaled up, when it has more than 524,288 slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Slots of counters, sets and runs whose owner came within the last two hours (of long sets:
    /// whenever). A client has one to a few, by what is kept about it.
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
    pub(crate) header: &'static Header,
    workers: Workers,
    pub(crate) table: Table,
    pub(crate) places: Places,
    pub(crate) ring: Ring<SIGNAL_WORDS>,
    pub(crate) notes: Ring<NOTE_WORDS>,
    pub(crate) facts: FactsTable,
    pub(crate) incidents: Incidents,
    lease: Lease,
    bytes: u64,
    pub(crate) keys: RandomState,
    pub(crate) numbers: RandomState,
    pub(crate) items: RandomState,
}

/// Builds the hashers of keys and of incident numbers. Two, because clients see incident numbers.
fn hashers(seeds: [u64; 8]) -> (RandomState, RandomState) {
    let [a, b, c, d, e, f, g, h] = seeds;
    (
        RandomState::with_seeds(a, b, c, d),
        RandomState::with_seeds(e, f, g, h),
    )
}

/// Builds the hasher of items and places from that of keys, so that it outlives a restart, too.
fn item_hasher(keys: &RandomState) -> RandomState {
    let seed = |n: u64| keys.hash_one(n);
    RandomState::with_seeds(seed(0), seed(1), seed(2), seed(3))
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
        SharedState::lay_out(bytes, random_words()?)
    }

    /// Maps a region with the bans of a former one: see [`SharedState::snapshot`]. Bans that have
    /// run out meanwhile are left behind. To be called before the workers are forked.
    /// Returns the region and how many bans stand in it.
    /// Units: bytes as for [`SharedState::create`]; `now_ms` as in all calls; `wall_ms` is the wall
    /// clock at that moment.
    /// Errors: `Snapshot` when it is damaged, foreign or of a later version (an empty region is to
    /// be created then); `Size`, `Map`, `Random`.
    pub fn restore(
        bytes: usize,
        snapshot: &[u8],
        now_ms: u64,
        wall_ms: u64,
    ) -> Result<(SharedState, usize), Error> {
        let snapshot = Snapshot::decode(snapshot)?;
        // New seeds for incident numbers, so that none is drawn twice.
        let [.., e, f, g, h] = random_words()?;
        let [a, b, c, d] = snapshot.seeds;
        let seeds = [a, b, c, d, e, f, g, h];
        let (keys, _) = hashers(seeds);
        if self_test(&keys) != snapshot.self_test {
            return Err(Error::Snapshot {
                what: "hash self-test",
                expected: self_test(&keys),
                found: snapshot.self_test,
            });
        }
        let state = SharedState::lay_out(bytes, seeds)?;
        // A wall clock that was set back makes no ban longer.
        let since_ms = wall_ms.max(snapshot.taken_ms);
        let mut restored = 0;
        for (hash, ban) in snapshot.bans {
            let left_ms = ban.until_ms.saturating_sub(since_ms);
            let ban = Ban {
                until_ms: now_ms.saturating_add(left_ms),
                ..ban
            };
            restored += usize::from(left_ms > 0 && state.ban_hash(hash, ban, now_ms));
        }
        // A hash does not tell its key's class. Relaxed: nobody else has the region yet.
        let latest = state.header.signals.standing_until_ms.iter();
        let latest_ms = latest.map(|end| end.load(Ordering::Relaxed)).max();
        for end in &state.header.ban_ends.0 {
            end.store(latest_ms.unwrap_or(0), Ordering::Relaxed);
        }
        Ok((state, restored))
    }

    /// Writes down the standing bans and what is needed to know their keys again: for a file that
    /// [`SharedState::restore`] reads after a restart. Keyed hashes, no addresses; since the key is
    /// in it, too, only the gateway's user may read the file. Sets, counts and runs are not kept.
    /// Cost: a walk over all tags, and 32 bytes a ban. For the leader, now and then.
    pub fn snapshot(&self, now_ms: u64, wall_ms: u64) -> Vec<u8> {
        let [a, b, c, d, ..] = self.seeds();
        let (slots, _) = self.table.sample(self.table.sets());
        let bans = slots
            .filter(|(_, tag)| tag.is_ban())
            .filter_map(|(slot, _)| {
                let (hash, ban) = ban::standing(&slot, now_ms)?;
                let until_ms = wall_ms.saturating_add(ban.until_ms - now_ms);
                Some((hash, Ban { until_ms, ..ban }))
            });
        let snapshot = Snapshot {
            seeds: [a, b, c, d],
            self_test: self_test(&self.keys),
            taken_ms: wall_ms,
            bans: bans.collect(),
        };
        snapshot.encode()
    }

    fn lay_out(bytes: usize, seeds: [u64; 8]) -> Result<SharedState, Error> {
        let region = Region::map(bytes)?;
        let geometry = Geometry::of(region.bytes());
        let header = region.header()?;
        let workers = region.view(geometry.workers_at, WORKERS + 1)?;
        let hashes = region.view::<AtomicU64>(geometry.hashes_at, geometry.places)?;
        let places = region.view::<PlaceEntry>(geometry.places_at, geometry.places)?;
        let signals = region.view(geometry.signals_at, geometry.signals)?;
        let notes = region.view(geometry.notes_at, geometry.notes)?;
        let usual = region.view(geometry.usual_at, geometry.places)?;
        let facts = region.view(geometry.facts_at, geometry.facts)?;
        let incidents = region.view(geometry.incidents_at, geometry.incidents)?;
        let tags = region.view::<TagLine>(geometry.tags_at, geometry.sets)?;
        let entries = region.view::<EntrySet>(geometry.entries_at, geometry.sets)?;

        let (keys, numbers) = hashers(seeds);
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
            places: Places::new(hashes, places),
            ring: Ring::new(signals, &header.signalled.0, &header.drains),
            notes: Ring::new(notes, &header.noted.0, &header.note_drains),
            facts: FactsTable::new(usual, facts),
            incidents: Incidents::new(incidents, &header.sequences),
            lease: Lease {
                word: &header.lease.0,
            },
            bytes: region.bytes() as u64,
            items: item_hasher(&keys),
            keys,
            numbers,
        })
    }

    fn seeds(&self) -> [u64; 8] {
        // Relaxed: written before the fork.
        std::array::from_fn(|n| {
            let word = self.header.seeds.0.get(n);
            word.map_or(0, |word| word.load(Ordering::Relaxed))
        })
    }

    /// Checks that this code reads the region as the code that laid it out: a library that was
    /// replaced under a running master, or a processor that hashes otherwise, must not count in it.
    /// To be called once by each worker. Errors: `Foreign`.
    pub fn verify(&self) -> Result<(), Error> {
        let identity = &self.header.identity;
        // Relaxed: written before the fork.
        let (keys, _) = hashers(self.seeds());
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

    /// Takes or renews the leader's lease, which lasts 3 s on the clock of `now_ms`. Returns whether
    /// this worker leads. One at a time does; workers of the overflow never do, and neither should
    /// those that are about to exit.
    pub fn lead(&self, slot: WorkerId, now_ms: u64) -> bool {
        let pid_of = |slot| self.workers.pid(slot);
        slot != WorkerId::OVERFLOW && self.lease.lead(slot.number(), now_ms, pid_of)
    }

    /// Tells whether this worker leads, as `lead` had it: for what may not be done by two.
    pub fn leads(&self, slot: WorkerId, now_ms: u64) -> bool {
        let pid_of = |slot| self.workers.pid(slot);
        slot != WorkerId::OVERFLOW && self.lease.holds(slot.number(), now_ms, pid_of)
    }

    /// Tells where the last drain of the signals ended: the cursor for a new leader.
    pub fn drained(&self) -> u64 {
        self.ring.drained()
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

    /// Finds the slot of a key's set, or of its run: each has a key of its own.
    pub(crate) fn part_probe(&self, key: &Key, part: u64, kind: Kind) -> Probe {
        let hash = self.keys.hash_one(key) ^ (part + 1).wrapping_mul(0x9FB2_1C65_1E98_DF25);
        Probe::new(hash, kind, self.table.sets())
    }

    /// Notes that a call found no slot.
    pub(crate) fn degrade(&self) {
        // Relaxed: a statistic.
        self.header.degraded.0.fetch_add(1, Ordering::Relaxed);
    }
}
