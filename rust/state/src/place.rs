//! The directory of places: where traffic goes gets a number, for as long as the region stands.
//!
//! A place's hash is put by one compare-and-swap into the first free word of its probe sequence.
//! Nothing is ever removed, so that all workers find the same word. The ids are written after that;
//! whoever finds the hash without its ids writes them himself, and all write the same: a worker
//! that is killed half-way leaves nothing to heal.
//!
//! Bound of the error: two places whose keyed 64-bit hashes are equal count as one. Places beyond
//! what fits share the last entry, whose ids are empty.

use crate::layout::{PlaceEntry, ID_WORDS};
use crate::sync::{AtomicU64, Ordering};
use crate::words::scale;
use threat_agent_engine::memory::CONSUMER_PLACES;

/// Words that are looked at: 16 cache lines, and enough to fill a part to nine tenths.
const PROBES: usize = 128;

#[derive(Clone, Copy)]
pub(crate) struct Places {
    hashes: &'static [AtomicU64],
    entries: &'static [PlaceEntry],
}

impl Places {
    pub fn new(hashes: &'static [AtomicU64], entries: &'static [PlaceEntry]) -> Places {
        Places { hashes, entries }
    }

    /// The entry that the overflow shares.
    pub fn last(&self) -> usize {
        self.hashes.len().min(self.entries.len()).saturating_sub(1)
    }

    /// Finds the number of a place, or gives it one. `ids` is asked for a new place only.
    /// Cost: two loads for a known place that has its first word.
    pub fn number(&self, hash: u64, ids: impl Fn() -> [u64; ID_WORDS]) -> usize {
        let (end, own) = (self.guests_at(), self.last());
        let first = scale(hash.max(1), end);
        let sequence = (first..end).chain(0..first).take(PROBES);
        self.search(hash.max(1), sequence, ids).unwrap_or_else(|| {
            self.complete(own, || [0; ID_WORDS]);
            own
        })
    }

    /// The same for a place in the last part of the directory, where the others have no word; `None`
    /// when there is no room.
    pub fn guest_number(&self, hash: u64, ids: impl Fn() -> [u64; ID_WORDS]) -> Option<usize> {
        let (start, own) = (self.guests_at(), self.last());
        let first = start + scale(hash.max(1), own.saturating_sub(start));
        let sequence = (first..own).chain(start..first).take(PROBES);
        self.search(hash.max(1), sequence, ids)
    }

    /// Where the last part begins.
    fn guests_at(&self) -> usize {
        let own = self.last();
        own - own / CONSUMER_PLACES
    }

    fn search(
        &self,
        hash: u64,
        sequence: impl Iterator<Item = usize>,
        ids: impl Fn() -> [u64; ID_WORDS],
    ) -> Option<usize> {
        for at in sequence {
            let Some(word) = self.hashes.get(at) else {
                break;
            };
            // Relaxed: the word stands alone; the ids have `ready`.
            let mut found = word.load(Ordering::Relaxed);
            if found == 0 {
                let taken = word.compare_exchange(0, hash, Ordering::Relaxed, Ordering::Relaxed);
                found = taken.err().unwrap_or(hash);
            }
            if found == hash {
                self.complete(at, ids);
                return Some(at);
            }
        }
        None
    }

    fn complete(&self, at: usize, ids: impl Fn() -> [u64; ID_WORDS]) {
        let Some(entry) = self.entries.get(at) else {
            return;
        };
        // Relaxed: whoever reads the ids acquires `ready` himself.
        if entry.ready.load(Ordering::Relaxed) == 0 {
            for (word, id) in entry.ids.iter().zip(ids()) {
                word.store(id, Ordering::Relaxed);
            }
            // Release: partner of the acquire in `ready`.
            entry.ready.store(1, Ordering::Release);
        }
    }

    /// Lists the entries whose ids are written.
    pub fn ready(&self) -> impl Iterator<Item = (usize, [u64; ID_WORDS])> + use<'_> {
        self.entries.iter().enumerate().filter_map(|(at, entry)| {
            // Acquire: partner of the release in `complete`.
            let ready = entry.ready.load(Ordering::Acquire) != 0;
            ready.then(|| {
                let mut ids = [0; ID_WORDS];
                for (id, word) in ids.iter_mut().zip(&entry.ids) {
                    // Relaxed: ordered by the acquire above; written once.
                    *id = word.load(Ordering::Relaxed);
                }
                (at, ids)
            })
        })
    }

    pub fn entry(&self, at: usize) -> Option<&'static PlaceEntry> {
        self.entries.get(at)
    }
}
