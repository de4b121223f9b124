//! Finding, claiming and evicting slots.
//!
//! A key may live in either of two sets; both are found from its hash. Every walk is over these 16
//! slots and every retry is counted, so that no call can hang, whatever other workers do or leave.
//!
//! Two workers may claim slots for one key at once, in different places. A slot is therefore
//! claimed in two steps: it is taken with a *pending* tag; then the claimer looks at all other
//! places and only settles when no other slot of the key stands. Of two pending claims the one that
//! comes first in the key's order of places wins, a settled one wins over any pending one, and the
//! loser counts in the winner's slot: nothing is lost, and nothing is counted twice. Readers pass
//! over pending slots. A claimer that is killed half-way leaves a pending slot that the key's next
//! arrival settles, or that is evicted like any other.
//!
//! Bound of the remaining error: a worker that stands still between its last look and its settling
//! while its pending slot is removed *and* claimed again for the same key within the same four
//! seconds makes a second settled slot. All use the first one; the second ages out with what was
//! counted in it.

use crate::ban;
use crate::entry::Slot;
use crate::layout::{Entry, EntrySet, TagLine};
use crate::sync::{fence, AtomicU64, Ordering};
use crate::tag::{Ident, Kind, Tag};
use crate::words::{fold, scale};

/// Claims that are lost to others before a key goes without a slot.
const CLAIMS: usize = 8;
/// Empty slots from which on a set is taken without a look at how full the other one is.
const PLENTY: usize = 5;

pub(crate) struct Table {
    tags: &'static [TagLine],
    entries: &'static [EntrySet],
    evicted: &'static AtomicU64,
}

/// Where a key may live, and how its slot is told from others.
#[derive(Clone, Copy)]
pub(crate) struct Probe {
    pub hash: u64,
    ident: Ident,
    sets: [usize; 2],
}

impl Probe {
    /// Places a key of `hash` in a table of `sets`. Kinds of one key share their sets, so that
    /// asking for a ban brings in the lines that counting needs.
    pub fn new(hash: u64, kind: Kind, sets: usize) -> Probe {
        let spread = fold(hash, 0x9E37_79B9_7F4A_7C15);
        let first = scale(spread, sets);
        let second = scale(spread.rotate_left(32), sets);
        let next = if first + 1 < sets { first + 1 } else { 0 };
        let second = if second == first { next } else { second };
        Probe {
            hash,
            ident: Ident::new(hash, kind),
            sets: [first, second],
        }
    }
}

/// A slot that was found or taken for a key.
#[derive(Clone, Copy)]
pub(crate) struct Claimed {
    pub slot: Slot,
    /// Whether the key had none before.
    pub new: bool,
}

/// What a claim may drive out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evict {
    /// Anything but a standing ban.
    Counters,
    /// The standing ban that ends first, when there is nothing else.
    AlsoBans,
}

impl Table {
    pub fn new(
        tags: &'static [TagLine],
        entries: &'static [EntrySet],
        evicted: &'static AtomicU64,
    ) -> Table {
        Table {
            tags,
            entries,
            evicted,
        }
    }

    pub fn sets(&self) -> usize {
        self.tags.len().min(self.entries.len())
    }

    fn set(
        &self,
        set: usize,
    ) -> impl Iterator<Item = (&'static AtomicU64, &'static Entry)> + use<'_> {
        let pair = self.tags.get(set).zip(self.entries.get(set));
        pair.into_iter()
            .flat_map(|(tags, entries)| tags.0.iter().zip(entries))
    }

    /// Walks the places of a key, in the order that decides between two claims.
    pub fn places(&self, probe: Probe) -> impl Iterator<Item = Slot> + use<'_> {
        let slot = move |(tag, entry): (&'static AtomicU64, &'static Entry)| Slot {
            tag,
            words: &entry.0,
            ident: probe.ident,
        };
        let [first, second] = probe.sets;
        self.set(first).chain(self.set(second)).map(slot)
    }

    /// Finds the slot of a key.
    #[inline]
    pub fn find(&self, probe: Probe) -> Option<Slot> {
        for set in probe.sets {
            let tags = self.tags.get(set)?;
            // Bits instead of branches: which way it is cannot be foretold.
            let mut hits = 0u32;
            for (way, tag) in tags.0.iter().enumerate() {
                // Acquire: partner of the release in `swap`.
                let owned = probe.ident.owns(Tag(tag.load(Ordering::Acquire)));
                hits |= u32::from(owned) << way;
            }
            if hits != 0 {
                let way = hits.trailing_zeros() as usize;
                return Some(Slot {
                    tag: tags.0.get(way)?,
                    words: &self.entries.get(set)?.get(way)?.0,
                    ident: probe.ident,
                });
            }
        }
        None
    }

    /// Finds the slot of a key or takes one for it. `None` when all places are taken by standing
    /// bans, or when others were faster eight times in a row.
    pub fn claim(&self, probe: Probe, now_ms: u64, evict: Evict) -> Option<Claimed> {
        self.claim_clean(probe, now_ms, evict, |_| false)
    }

    /// As [`Table::claim`]; a slot that is new to the key and whose words `is_stained` takes for
    /// the key's own is emptied before anyone may use it.
    #[inline(always)]
    pub fn claim_clean(
        &self,
        probe: Probe,
        now_ms: u64,
        evict: Evict,
        is_stained: impl Fn(&Slot) -> bool,
    ) -> Option<Claimed> {
        match self.find(probe) {
            Some(slot) => Some(Claimed { slot, new: false }),
            None => self.take(probe, now_ms, evict, is_stained),
        }
    }

    /// Apart, so that what is common stays small.
    #[inline(never)]
    fn take(
        &self,
        probe: Probe,
        now_ms: u64,
        evict: Evict,
        is_stained: impl Fn(&Slot) -> bool,
    ) -> Option<Claimed> {
        for _ in 0..CLAIMS {
            if let Some(slot) = self.find(probe) {
                return Some(Claimed { slot, new: false });
            }
            let pending = self
                .places(probe)
                .map(|slot| (slot, slot.load()))
                .find(|(_, tag)| tag.is_pending() && tag.ident() == probe.ident);
            let (slot, tag) = match pending {
                // Left by a worker that is still at it, or was killed: settle it for both.
                Some(found) => found,
                None => {
                    let (slot, old) = self.victim(probe, now_ms, evict)?;
                    let tag = probe.ident.claim(now_ms);
                    if !slot.swap(old, tag) {
                        continue;
                    }
                    if old.is_live(now_ms) {
                        // Relaxed: a statistic.
                        self.evicted.fetch_add(1, Ordering::Relaxed);
                    }
                    (slot, tag)
                }
            };
            if is_stained(&slot) {
                slot.clear(tag);
            }
            if self.settle(probe, slot, tag) {
                return Some(Claimed { slot, new: true });
            }
        }
        None
    }

    /// Makes a pending slot the key's only one, or gives it up for another.
    fn settle(&self, probe: Probe, own: Slot, pending: Tag) -> bool {
        // Of two workers that each tagged a slot and now look for the other's, one at least sees
        // it. Partner: the same fence in the other worker.
        fence(Ordering::SeqCst);
        let mut own_passed = false;
        for other in self.places(probe) {
            if std::ptr::eq(other.tag, own.tag) {
                own_passed = true;
                continue;
            }
            let tag = other.load();
            if tag.ident() != probe.ident {
                continue;
            }
            let removed = tag.is_pending() && own_passed && other.swap(tag, Tag::EMPTY);
            // A removal that failed may have met the other's settling.
            let stands = !removed && (other.owned() || (tag.is_pending() && !own_passed));
            if stands {
                own.swap(pending, Tag::EMPTY);
                return false;
            }
        }
        own.swap(pending, pending.settled()) || own.owned()
    }

    /// Chooses the place to take for a new key: an empty one in the first set or, when that fills
    /// up, in the emptier one; else what is worth least.
    fn victim(&self, probe: Probe, now_ms: u64, evict: Evict) -> Option<(Slot, Tag)> {
        let [first, second] = probe.sets;
        let empty = |set| {
            let empty = |(tag, _): &(&AtomicU64, _)| tag.load(Ordering::Relaxed) == 0;
            self.set(set).filter(empty).count()
        };
        // Relaxed: a hint for balance only.
        let (in_first, in_second) = (empty(first), empty(second));
        // While there is plenty of room the first set is taken, so that one line finds the key.
        let skipped = if in_first < PLENTY && in_second > in_first {
            self.set(first).count()
        } else {
            0
        };
        let places = || self.places(probe).map(|slot| (slot, slot.load()));
        if in_first + in_second > 0 {
            let found = places().skip(skipped).find(|(_, tag)| tag.is_empty());
            if found.is_some() {
                return found;
            }
        }
        // The salt of a ban is that of the tag that was read, not of the key that wants its place.
        let ban_end = |slot: &Slot, tag: Tag| {
            let ident = tag.ident();
            ban::standing(&Slot { ident, ..*slot }, now_ms).map(|(_, ban)| ban.until_ms)
        };
        let worth = |(slot, tag): &(Slot, Tag)| match (tag.is_empty(), tag.is_ban()) {
            (true, _) => Some(0),
            (_, false) => Some(2 + tag.worth(now_ms)),
            (_, true) if ban_end(slot, *tag).is_some() => None,
            // Run out, or just being written: then its writer notices and tries again.
            (_, true) => Some(1),
        };
        places()
            .filter_map(|place| Some((worth(&place)?, place)))
            .min_by_key(|(worth, _)| *worth)
            .map(|(_, place)| place)
            .or_else(|| {
                let bans = places().filter(|_| evict == Evict::AlsoBans);
                bans.min_by_key(|(slot, tag)| ban_end(slot, *tag).unwrap_or(0))
            })
    }

    /// Walks at most `limit` sets, spread over the table.
    /// Returns the slots with their tags, and how many sets each one stands for.
    pub fn sample(&self, limit: usize) -> (impl Iterator<Item = (Slot, Tag)> + use<'_>, usize) {
        let stride = self.sets().div_ceil(limit.max(1)).max(1);
        let sets = (0..self.sets()).step_by(stride);
        let slots = sets.flat_map(|set| self.set(set)).map(|(tag, entry)| {
            // Acquire: partner of the release in `swap`.
            let read = Tag(tag.load(Ordering::Acquire));
            let ident = read.ident();
            let words = &entry.0;
            (Slot { tag, words, ident }, read)
        });
        (slots, stride)
    }
}

#[cfg(all(test, loom))]
impl Table {
    /// Leaves what a worker leaves that is killed between its two steps: in the key's last place.
    pub fn leave_pending(&self, probe: Probe, now_ms: u64) {
        if let Some(slot) = self.places(probe).last() {
            slot.swap(Tag::EMPTY, probe.ident.claim(now_ms));
        }
    }
}

#[cfg(all(test, loom))]
impl Probe {
    pub fn starts_in(self, set: usize) -> bool {
        self.sets.first() == Some(&set)
    }

    pub fn is_for(self, slot: &Slot) -> bool {
        slot.ident == self.ident
    }
}
