//! What lies where in the region. Offsets in bytes; every word is an atomic u64; all zero is the
//! valid, empty state. A byte that moves here bumps [`LAYOUT_VERSION`].
//!
//! | offset       | bytes           | part                                                       |
//! |--------------|-----------------|------------------------------------------------------------|
//! | 0            | 4,096           | [`Header`], one cache line each:                           |
//! | · 0          | · 64            | magic, layout version, bytes, sets, hash self-test         |
//! | · 64         | · 64            | eight hash seeds: four for keys, four for incident numbers |
//! | · 128        | · 64            | bypass since (ms), end of the latest measure of each kind  |
//! | · 192        | · 64            | worker deaths: cursor, seven times (ms)                    |
//! | · 256        | · 64            | incident numbers drawn                                     |
//! | · 320        | · 64            | keys evicted                                               |
//! | · 384        | · 64            | arrivals that found no slot                                |
//! | · 448        | · 64            | the leader's lease                                         |
//! | · 512        | · 64            | signals: number of the next one                            |
//! | · 576        | · 64            | signals: where the last drain began and ended              |
//! | · 640        | · 64            | incidents: sequences assigned, published                   |
//! | · 704        | · 64            | ends of the latest bans (ms), by class of key              |
//! | · 768        | · 64            | notes: number of the next one                              |
//! | · 832        | · 64            | notes: where the last drain began and ended                |
//! | 4,096        | 257 × 512       | [`WorkerSlot`]s; the last one is shared by the overflow    |
//! | 135,680      | places × 8      | hashes of places                                           |
//! | next line    | places × 768    | [`PlaceEntry`]s; the last one is shared by the overflow    |
//! | then         | signals × 256   | [`SignalEntry`]s: a ring                                   |
//! | then         | notes × 128     | [`NoteEntry`]s: a ring                                     |
//! | then         | places × 64     | [`FactsLine`]s of routes                                   |
//! | then         | facts × 64      | [`FactsLine`]s of parameters                               |
//! | next page    | incidents × 4,096 | [`IncidentSlot`]s: a ring                                |
//! | then         | sets × 64       | [`TagLine`]s: eight tag words                              |
//! | next page    | sets × 1,024    | [`EntrySet`]s: eight entries of 16 words                   |
//!
//! From 32 MiB on there are 2,048 places, 8,192 signals, 4,096 notes, 8,192 lines of facts and 256
//! incidents: 5.7 MiB. A smaller region has fewer, in proportion, and never less than 32, 256, 128,
//! 256 and 16.
//!
//! Tags stand apart from entries so that a look-up that misses touches two lines of a dense array.
//!
//! A slot's words, by the kind in its tag. `salt` comes from the key's hash, so that words of a
//! former owner read as empty. By chance one new key in 2^24 has its slot's former owner's salt and
//! counts on from there; a ban's words check 40 bits together. Sets and runs carry 16 and 12 bits
//! only: words that look like the new owner's are cleared before it may use the slot.
//!
//! | kind     | word                                    | content                             |
//! |----------|-----------------------------------------|-------------------------------------|
//! | narrow   | counter % 4 × 4 + window                | `epoch + salt:24 prev:20 cur:20`    |
//! | wide     | counter % 2 × 8 + window × 2 + parity   | `epoch + salt:24 count:40`          |
//! | ban      | 0 end, 1 incident, 2 category, 3 hash   | `salt:24 until_ms:40`, `salt:16 incident:48`, `salt:32 measure:24 category:8`, `salt:40 hash:24` |
//! | set, long set | generation % 2 × 8 + word          | `generation + salt:16 bits:48`      |
//! | run      | 0                                       | `salt:12 run:12 last id:40`         |
//!
//! A narrow key has a slot for its first four counters and one for the others, if any came; a wide
//! key has up to four slots, of two counters each. Every set of a key has a slot of its own, and so
//! has its run.

use crate::sync::AtomicU64;
use threat_agent_engine::memory::{MAX_INCIDENT_BYTES, RATE_BINS};
use threat_agent_engine::profile::{FACTS_WORDS, NOTE_WORDS};
use threat_agent_engine::state::MeasureKind;
use threat_agent_engine::tally::TALLIES;

/// Raised whenever a byte of the region moves or changes its meaning.
pub const LAYOUT_VERSION: u64 = 9;

/// First word of a region that has been laid out.
pub const MAGIC: u64 = u64::from_be_bytes(*b"THRTAGNT");

/// Slots that share a line of tags. Loom explores every interleaving, so its models get two.
pub const WAYS: usize = if cfg!(loom) { 2 } else { 8 };

/// Words of an entry.
pub const ENTRY_WORDS: usize = 16;

/// Words of three ids. Loom's models get two.
pub const ID_WORDS: usize = if cfg!(loom) { 2 } else { 14 };

/// Words of a histogram of rates. Loom's models get one.
pub const RATE_WORDS: usize = if cfg!(loom) { 1 } else { RATE_BINS };

/// Words of a place's tallies. Loom's models get one.
pub const TALLY_WORDS: usize = if cfg!(loom) { 1 } else { TALLIES };

/// Words of one id.
pub const ONE_ID_WORDS: usize = 5;

/// Words of a signal. Loom's models get two.
pub const SIGNAL_WORDS: usize = if cfg!(loom) {
    2
} else {
    8 + ONE_ID_WORDS + ID_WORDS
};

/// Words of an incident's text. Loom's models get two.
pub const INCIDENT_WORDS: usize = if cfg!(loom) {
    2
} else {
    MAX_INCIDENT_BYTES / 8
};

/// Worker slots, without the one for the overflow.
pub const WORKERS: usize = 256;

/// Statistics words of a worker slot.
pub const STATS: usize = 48;

/// Worker deaths that are remembered.
pub const DEATHS: usize = 7;

#[repr(C, align(64))]
pub struct Identity {
    pub magic: AtomicU64,
    pub layout_version: AtomicU64,
    pub bytes: AtomicU64,
    pub sets: AtomicU64,
    pub self_test: AtomicU64,
}

#[repr(C, align(64))]
pub struct Seeds(pub [AtomicU64; 8]);

/// Read on every request and hardly ever written.
#[repr(C, align(64))]
pub struct Signals {
    pub bypass_since_ms: AtomicU64,
    /// The end of the latest measure, by its kind.
    pub standing_until_ms: [AtomicU64; MeasureKind::ALL.len()],
}

#[repr(C, align(64))]
pub struct Deaths {
    pub cursor: AtomicU64,
    pub at_ms: [AtomicU64; DEATHS],
}

/// Where the last drain of a ring began and ended; written by the leader only.
#[repr(C, align(64))]
pub struct Drains {
    /// Number of the next entry when the last drain began.
    pub began: AtomicU64,
    /// Cursor that the last drain returned.
    pub ended: AtomicU64,
}

/// Classes of keys whose bans are asked for one after the other: see `shared`.
pub const BAN_CLASSES: usize = 7;

/// Read on every request while a ban stands anywhere: when the latest ban of each class ends.
#[repr(C, align(64))]
pub struct BanEnds(pub [AtomicU64; BAN_CLASSES]);

/// Sequences of incidents; written by the leader only.
#[repr(C, align(64))]
pub struct Sequences {
    /// The last one that a publication began with.
    pub assigned: AtomicU64,
    /// The last one whose publication ended.
    pub published: AtomicU64,
}

/// A count on a cache line of its own.
#[repr(C, align(64))]
pub struct Tally(pub AtomicU64);

#[repr(C, align(4096))]
pub struct Header {
    pub identity: Identity,
    pub seeds: Seeds,
    pub signals: Signals,
    pub deaths: Deaths,
    pub drawn: Tally,
    pub evicted: Tally,
    pub degraded: Tally,
    pub lease: Tally,
    pub signalled: Tally,
    pub drains: Drains,
    pub sequences: Sequences,
    pub ban_ends: BanEnds,
    pub noted: Tally,
    pub note_drains: Drains,
}

/// One worker's presence and its stripe of the statistics.
#[repr(C, align(512))]
pub struct WorkerSlot {
    pub presence: Presence,
    pub stats: [AtomicU64; STATS],
}

#[repr(C, align(64))]
pub struct Presence {
    /// 0 when the slot was never used.
    pub pid: AtomicU64,
    /// When the worker entered the engine; 0 while it is outside.
    pub inside_since_ms: AtomicU64,
}

/// Where traffic goes. Its hash stands apart, in a dense array.
#[repr(C, align(64))]
pub struct PlaceEntry {
    /// 1 once the ids are written.
    pub ready: AtomicU64,
    pub alarm: AtomicU64,
    /// Workspace, service, route.
    pub ids: [AtomicU64; ID_WORDS],
    pub rates: [AtomicU64; RATE_WORDS],
    pub tallies: [AtomicU64; TALLY_WORDS],
}

/// An entry of a ring: what was noticed about one client, or noted of one value.
#[repr(C, align(64))]
pub struct RingEntry<const WORDS: usize> {
    /// Proves that the words are whole and which entry they are: see `ring`.
    pub check: AtomicU64,
    pub words: [AtomicU64; WORDS],
}

pub type SignalEntry = RingEntry<SIGNAL_WORDS>;
pub type NoteEntry = RingEntry<NOTE_WORDS>;

/// What is known of a route's payloads or of a parameter: see `facts`.
#[repr(C, align(64))]
pub struct FactsLine {
    /// 0 where nothing is known.
    pub slot: AtomicU64,
    pub words: [AtomicU64; FACTS_WORDS],
    /// Proves that the words are whole and the slot's.
    pub check: AtomicU64,
}

/// The latest text of one incident.
#[repr(C, align(64))]
pub struct IncidentSlot {
    /// Proves that the text is whole and which publication it is.
    pub check: AtomicU64,
    pub sequence: AtomicU64,
    /// Units: bytes.
    pub length: AtomicU64,
    pub unused: [AtomicU64; 5],
    pub text: [AtomicU64; INCIDENT_WORDS],
}

#[repr(C, align(64))]
pub struct TagLine(pub [AtomicU64; WAYS]);

#[repr(C, align(128))]
pub struct Entry(pub [AtomicU64; ENTRY_WORDS]);

pub type EntrySet = [Entry; WAYS];

#[cfg(not(loom))]
mod geometry {
    use super::*;
    use std::mem::{offset_of, size_of};
    use threat_agent_engine::memory::{MAX_FACTS, MAX_INCIDENTS, MAX_PLACES};

    const _: () = assert!(size_of::<Header>() == 4_096);
    const _: () =
        assert!(offset_of!(Header, signals) == 128 && offset_of!(Header, degraded) == 384);
    const _: () = assert!(offset_of!(Header, lease) == 448 && offset_of!(Header, sequences) == 640);
    const _: () = assert!(offset_of!(Header, ban_ends) == 704);
    const _: () = assert!(size_of::<WorkerSlot>() == 512 && size_of::<TagLine>() == 64);
    const _: () = assert!(size_of::<PlaceEntry>() == 768 && size_of::<SignalEntry>() == 256);
    const _: () = assert!(offset_of!(Header, noted) == 768);
    const _: () = assert!(size_of::<NoteEntry>() == 128 && size_of::<FactsLine>() == 64);
    const _: () = assert!(size_of::<IncidentSlot>() == 4_096);
    const _: () = assert!(size_of::<EntrySet>() == 1_024);

    /// Units: bytes.
    const PAGE: usize = 4_096;
    const LINE: usize = 64;

    /// Signals that are kept for a tick that has not come yet; a power of two.
    const MAX_SIGNALS: usize = 8_192;
    /// The same of notes.
    const MAX_NOTES: usize = 4_096;

    /// Regions of at least this size have the places and rings in full. Units: bytes.
    const FULL_BYTES: usize = 32 << 20;

    /// Where the parts of a region of a given size begin, and how many of each there are.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Geometry {
        /// Units: bytes.
        pub bytes: usize,
        pub workers_at: usize,
        pub hashes_at: usize,
        pub places_at: usize,
        pub places: usize,
        pub signals_at: usize,
        pub signals: usize,
        pub notes_at: usize,
        pub notes: usize,
        pub usual_at: usize,
        pub facts_at: usize,
        pub facts: usize,
        pub incidents_at: usize,
        pub incidents: usize,
        pub tags_at: usize,
        pub entries_at: usize,
        /// Lines of tags, and as many sets of entries.
        pub sets: usize,
    }

    /// Scales a power of two down to a smaller one for a smaller region.
    fn scaled(full: usize, least: usize, bytes: usize) -> usize {
        let share = full * bytes.min(FULL_BYTES) / FULL_BYTES;
        (1 << share.max(1).ilog2()).max(least)
    }

    impl Geometry {
        /// Divides a region of `bytes`; what is too small for the fixed parts gets no sets.
        pub fn of(bytes: usize) -> Geometry {
            let places = scaled(MAX_PLACES, 32, bytes);
            let signals = scaled(MAX_SIGNALS, 256, bytes);
            let notes = scaled(MAX_NOTES, 128, bytes);
            let facts = scaled(MAX_FACTS, 256, bytes);
            let incidents = scaled(MAX_INCIDENTS, 16, bytes);
            let workers_at = size_of::<Header>();
            let hashes_at = workers_at + (WORKERS + 1) * size_of::<WorkerSlot>();
            let places_at = (hashes_at + places * size_of::<AtomicU64>()).next_multiple_of(LINE);
            let signals_at = places_at + places * size_of::<PlaceEntry>();
            let notes_at = signals_at + signals * size_of::<SignalEntry>();
            let usual_at = notes_at + notes * size_of::<NoteEntry>();
            let facts_at = usual_at + places * size_of::<FactsLine>();
            let facts_end = facts_at + facts * size_of::<FactsLine>();
            let incidents_at = facts_end.next_multiple_of(PAGE);
            let tags_at = incidents_at + incidents * size_of::<IncidentSlot>();
            let per_set = size_of::<TagLine>() + size_of::<EntrySet>();
            let sets = bytes.saturating_sub(tags_at + PAGE) / per_set;
            let entries_at = (tags_at + sets * size_of::<TagLine>()).next_multiple_of(PAGE);
            Geometry {
                bytes,
                workers_at,
                hashes_at,
                places_at,
                places,
                signals_at,
                signals,
                notes_at,
                notes,
                usual_at,
                facts_at,
                facts,
                incidents_at,
                incidents,
                tags_at,
                entries_at,
                sets,
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn parts_follow_each_other_and_fit() {
            for bytes in [1 << 20, (1 << 20) + 4_096, 64 << 20, 1 << 30, 64 << 30] {
                let g = Geometry::of(bytes);
                let end = g.entries_at + g.sets * size_of::<EntrySet>();
                assert_eq!((g.workers_at, g.hashes_at), (4_096, 135_680));
                assert!(g.places_at >= g.hashes_at + g.places * 8);
                assert!(g.notes_at >= g.signals_at + g.signals * 256);
                assert!(g.facts_at >= g.usual_at + g.places * 64);
                assert!(g.incidents_at >= g.facts_at + g.facts * 64);
                assert!(g.entries_at >= g.tags_at + g.sets * size_of::<TagLine>());
                assert!(end <= bytes && bytes - end < PAGE + 1_088, "{bytes}: {g:?}");
            }
        }

        #[test]
        fn rings_keep_to_their_budget() {
            for (bytes, counts) in [
                (1 << 20, (64, 256, 128, 256, 16)),
                (4 << 20, (256, 1_024, 512, 1_024, 32)),
                (33 << 20, (2_048, 8_192, 4_096, 8_192, 256)),
                (64 << 20, (2_048, 8_192, 4_096, 8_192, 256)),
            ] {
                let g = Geometry::of(bytes);
                let found = (g.places, g.signals, g.notes, g.facts, g.incidents);
                assert_eq!(found, counts);
                // A quarter of the smallest region, and 6 MiB of the default one.
                assert!(g.tags_at - g.hashes_at <= (bytes / 4).min(6 << 20), "{g:?}");
            }
            assert!(Geometry::of(64 << 20).sets * WAYS >= 445_000);
        }
    }
}

#[cfg(not(loom))]
pub use geometry::Geometry;
