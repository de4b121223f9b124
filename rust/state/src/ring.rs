//! The rings of signals and of notes: many producers, one consumer, no waiting on either side.
//!
//! A producer draws a number, writes its words and, last, a check over number and words. The
//! consumer takes an entry only when its check fits: an entry that is being written, that a killed
//! producer left half-way, or that a producer which stood still for a whole round has written into,
//! proves nothing and is not taken. So no producer waits for another, and none can hold up the ring.
//!
//! An entry that is not whole may be in the making: the drain stops there. The next drain counts
//! it as lost if it was already begun when the last drain began. Drains are to be one tick apart.

use crate::layout::{Drains, RingEntry};
use crate::sync::{AtomicU64, Ordering};
use crate::words::check;

#[derive(Clone, Copy)]
pub(crate) struct Ring<const WORDS: usize> {
    entries: &'static [RingEntry<WORDS>],
    next: &'static AtomicU64,
    drains: &'static Drains,
}

impl<const WORDS: usize> Ring<WORDS> {
    pub fn new(
        entries: &'static [RingEntry<WORDS>],
        next: &'static AtomicU64,
        drains: &'static Drains,
    ) -> Ring<WORDS> {
        Ring {
            entries,
            next,
            drains,
        }
    }

    fn entry(&self, nth: u64) -> Option<&'static RingEntry<WORDS>> {
        let at = nth.checked_rem(self.entries.len() as u64)?;
        self.entries.get(at as usize)
    }

    /// Draws the number of an entry to come.
    pub fn draw(&self) -> u64 {
        // Relaxed: each entry proves itself.
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes the entry of a number that was drawn.
    pub fn write(&self, nth: u64, words: &[u64; WORDS]) {
        let Some(entry) = self.entry(nth) else {
            return;
        };
        for (word, new) in entry.words.iter().zip(words) {
            // Relaxed: see the check.
            word.store(*new, Ordering::Relaxed);
        }
        // Release: whoever reads the check reads the words that it is over (acquire in `read`).
        entry.check.store(check(nth, *words), Ordering::Release);
    }

    fn read(&self, nth: u64) -> Option<[u64; WORDS]> {
        let entry = self.entry(nth)?;
        // Acquire: partner of the release in `write`.
        let expected = entry.check.load(Ordering::Acquire);
        let mut words = [0; WORDS];
        for (word, from) in words.iter_mut().zip(&entry.words) {
            // Relaxed: what a later producer has written since does not fit the check.
            *word = from.load(Ordering::Relaxed);
        }
        (check(nth, words) == expected).then_some(words)
    }

    /// Takes the entries since `cursor`. Returns the next cursor and how many were lost.
    pub fn drain(&self, cursor: u64, mut take: impl FnMut(&[u64; WORDS])) -> (u64, u64) {
        // Relaxed, here and below: one consumer, and each entry proves itself.
        let end = self.next.load(Ordering::Relaxed);
        let begun_before = self.drains.began.swap(end, Ordering::Relaxed);
        let size = self.entries.len() as u64;
        let oldest = end.saturating_sub(size);
        let mut lost = oldest.saturating_sub(cursor);
        // A cursor beyond the end is of another region.
        let mut nth = cursor.clamp(oldest, end);
        while nth < end {
            match self.read(nth) {
                Some(words) => take(&words),
                None => {
                    let overtaken = self.next.load(Ordering::Relaxed) > nth.saturating_add(size);
                    if !overtaken && nth >= begun_before {
                        break;
                    }
                    lost += 1;
                }
            }
            nth += 1;
        }
        self.drains.ended.store(nth, Ordering::Relaxed);
        (nth, lost)
    }

    /// Tells whether less than three quarters of the ring wait to be drained.
    pub fn has_room(&self) -> bool {
        // Relaxed: a word that is a little old only moves the line.
        let waiting = self
            .next
            .load(Ordering::Relaxed)
            .wrapping_sub(self.drained());
        waiting < self.entries.len() as u64 / 4 * 3
    }

    /// Tells where the last drain ended.
    pub fn drained(&self) -> u64 {
        // Relaxed: the word stands alone.
        self.drains.ended.load(Ordering::Relaxed)
    }
}
