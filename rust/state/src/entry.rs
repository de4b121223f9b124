//! An entry of the table as one key's: its tag and its words, which may change hands at any time.

use crate::layout::ENTRY_WORDS;
use crate::sync::{AtomicU64, Ordering};
use crate::tag::{Ident, Tag};
use crate::words::fold;

/// Updates of one word that are lost to others before an increment is given up: 128 others would
/// have to come in between, one after the other.
const UPDATES: usize = 128;

/// A place in the table, seen as the slot of one key. The place may change hands at any time.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    pub tag: &'static AtomicU64,
    pub words: &'static [AtomicU64; ENTRY_WORDS],
    pub ident: Ident,
}

impl Slot {
    /// Bits that stand in the words of this owner and, but for chance, in no other's.
    pub fn salt(&self) -> u64 {
        fold(self.ident.bits(), 0xD6E8_FEB8_6659_FD93)
    }

    /// The upper 40 bits of the owner's hash, in place.
    pub fn upper_hash(&self) -> u64 {
        self.ident.upper_hash()
    }

    pub fn load(&self) -> Tag {
        // Acquire: partner of the release in `swap`.
        Tag(self.tag.load(Ordering::Acquire))
    }

    pub fn swap(&self, from: Tag, to: Tag) -> bool {
        // Release: whoever sees a word of the new owner (acquire in `update`) sees its tag, too.
        // Acquire: the new owner sees the words that the former one's settled tag covers.
        self.tag
            .compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn is_own(&self, tag: Tag) -> bool {
        self.ident.owns(tag)
    }

    /// Tells whether the slot is still this key's.
    pub fn owned(&self) -> bool {
        self.is_own(self.load())
    }

    /// Marks that the owner came at `now_ms`; `again` says that it is a new request.
    pub fn touch(&self, now_ms: u64, again: bool) {
        let tag = self.load();
        let touched = tag.touched(now_ms, again);
        if self.is_own(tag) && touched != tag {
            // Lost to another worker that marks the same, or to an evictor that came first.
            self.swap(tag, touched);
        }
    }

    /// Changes the tag of a ban that has just been written, so that an evictor that found the slot
    /// free to take before can no longer take it. Returns `false` when one was faster.
    pub fn renew(&self, now_ms: u64) -> bool {
        for _ in 0..UPDATES {
            let tag = self.load();
            if !self.is_own(tag) {
                return false;
            }
            if self.swap(tag, tag.renewed(now_ms)) {
                return true;
            }
        }
        false
    }

    /// All words of the slot, as they stand.
    pub fn words(&self) -> [u64; ENTRY_WORDS] {
        // Relaxed: each word describes itself.
        std::array::from_fn(|n| self.word(n).load(Ordering::Relaxed))
    }

    /// Empties the words of a slot that is being claimed.
    pub fn clear(&self, pending: Tag) {
        for word in self.words {
            // Acquire: as in `update`, a word of another owner comes with that owner's tag.
            let seen = word.load(Ordering::Acquire);
            if self.load() != pending {
                return;
            }
            if seen != 0 {
                // Release: partner of the acquire above and in `update`. Lost to the new owner's
                // first write, which is right.
                let _ = word.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }

    /// A word of the slot; the index is taken modulo the entry's length.
    pub fn word(&self, index: usize) -> &'static AtomicU64 {
        let [first, ..] = self.words;
        self.words.get(index % ENTRY_WORDS).unwrap_or(first)
    }

    /// Replaces a word by `f` of it, unless `f` gives `None` or the slot has changed hands.
    /// Returns what was written. Inlined, so that `f` keeps the constants of its caller.
    #[inline(always)]
    pub fn update(&self, word: &AtomicU64, mut f: impl FnMut(u64) -> Option<u64>) -> Option<u64> {
        // Acquire: partner of the release below and in `ban`. The word is read before the tag: a
        // word of another owner comes with that owner's tag, so that a worker that was suspended
        // here cannot overwrite a ban that has since been put in its slot.
        let mut seen = word.load(Ordering::Acquire);
        for _ in 0..UPDATES {
            if !self.owned() {
                return None;
            }
            let new = f(seen)?;
            match word.compare_exchange(seen, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(new),
                Err(now) => seen = now,
            }
        }
        None
    }
}
