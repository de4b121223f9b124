//! What lies where in the region. Offsets in bytes; every word is an atomic u64; all zero is the
//! valid, empty state. A byte that moves here bumps [`LAYOUT_VERSION`].
//!
//! | offset       | bytes        | part                                                       |
//! |--------------|--------------|------------------------------------------------------------|
//! | 0            | 4,096        | [`Header`], one cache line each:                           |
//! | · 0          | · 64         | magic, layout version, bytes, sets, hash self-test         |
//! | · 64         | · 64         | eight hash seeds: four for keys, four for incident numbers |
//! | · 128        | · 64         | bypass since (ms), end of the latest ban (ms)              |
//! | · 192        | · 64         | worker deaths: cursor, seven times (ms)                    |
//! | · 256        | · 64         | incident numbers drawn                                     |
//! | · 320        | · 64         | keys evicted                                               |
//! | · 384        | · 64         | arrivals that found no slot                                |
//! | 4,096        | 257 × 512    | [`WorkerSlot`]s; the last one is shared by the overflow    |
//! | 139,264      | sets × 64    | [`TagLine`]s: eight tag words                              |
//! | next page    | sets × 1,024 | [`EntrySet`]s: eight entries of 16 words                   |
//!
//! Tags stand apart from entries so that a look-up that misses touches two lines of a dense array.
//!
//! A slot's words, by the kind in its tag. `salt` comes from the key's hash, so that words of a
//! former owner read as empty and nothing is ever cleared. By chance one new key in 2^24 has its
//! slot's former owner's salt and counts on from there; a ban's words check 56 bits together:
//!
//! | kind   | word                                          | content                           |
//! |--------|-----------------------------------------------|-----------------------------------|
//! | narrow | counter × 4 + window                          | `epoch + salt:24 prev:20 cur:20`  |
//! | wide   | counter % 2 × 8 + window × 2 + parity         | `epoch + salt:24 count:40`        |
//! | ban    | 0 end, 1 incident, 2 category                 | `salt:24 until_ms:40`, `salt:16 incident:48`, `salt:56 category:8` |
//!
//! A wide key has two slots: its four counters share them two and two.

use crate::sync::AtomicU64;

/// Raised whenever a byte of the region moves or changes its meaning.
pub const LAYOUT_VERSION: u64 = 1;

/// First word of a region that has been laid out.
pub const MAGIC: u64 = u64::from_be_bytes(*b"THRTAGNT");

/// Slots that share a line of tags. Loom explores every interleaving, so its models get two.
pub const WAYS: usize = if cfg!(loom) { 2 } else { 8 };

/// Words of an entry.
pub const ENTRY_WORDS: usize = 16;

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
    pub bans_until_ms: AtomicU64,
}

#[repr(C, align(64))]
pub struct Deaths {
    pub cursor: AtomicU64,
    pub at_ms: [AtomicU64; DEATHS],
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

#[repr(C, align(64))]
pub struct TagLine(pub [AtomicU64; WAYS]);

#[repr(C, align(128))]
pub struct Entry(pub [AtomicU64; ENTRY_WORDS]);

pub type EntrySet = [Entry; WAYS];

#[cfg(not(loom))]
mod geometry {
    use super::*;
    use std::mem::{offset_of, size_of};

    const _: () = assert!(size_of::<Header>() == 4_096);
    const _: () =
        assert!(offset_of!(Header, signals) == 128 && offset_of!(Header, degraded) == 384);
    const _: () = assert!(size_of::<WorkerSlot>() == 512 && size_of::<TagLine>() == 64);
    const _: () = assert!(size_of::<EntrySet>() == 1_024);

    /// The tables begin on pages. Units: bytes.
    const PAGE: usize = 4_096;

    /// Where the parts of a region of a given size begin.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Geometry {
        /// Units: bytes.
        pub bytes: usize,
        pub workers_at: usize,
        pub tags_at: usize,
        pub entries_at: usize,
        /// Lines of tags, and as many sets of entries.
        pub sets: usize,
    }

    impl Geometry {
        /// Divides a region of `bytes`; what is too small for the fixed parts gets no sets.
        pub fn of(bytes: usize) -> Geometry {
            let workers_at = size_of::<Header>();
            let workers_end = workers_at + (WORKERS + 1) * size_of::<WorkerSlot>();
            let tags_at = workers_end.next_multiple_of(PAGE);
            let per_set = size_of::<TagLine>() + size_of::<EntrySet>();
            let sets = bytes.saturating_sub(tags_at + PAGE) / per_set;
            let entries_at = (tags_at + sets * size_of::<TagLine>()).next_multiple_of(PAGE);
            Geometry {
                bytes,
                workers_at,
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
                assert_eq!((g.workers_at, g.tags_at), (4_096, 139_264));
                assert!(g.entries_at >= g.tags_at + g.sets * size_of::<TagLine>());
                assert!(end <= bytes && bytes - end < PAGE + 1_088, "{bytes}: {g:?}");
            }
        }
    }
}

#[cfg(not(loom))]
pub use geometry::Geometry;
