//! What is known of payloads, published by the leader and read by every worker.
//!
//! A line lies in one of [`PROBES`] places that its slot's number gives, and the check over slot and
//! words proves that it is whole: a reader that meets one in the making knows nothing for that
//! moment. Only the leader writes, so that no two claim one place; a leader that is killed half-way
//! leaves a line that proves nothing until the next one writes it anew.

use crate::layout::FactsLine;
use crate::sync::Ordering;
use crate::words::{check, scale};
use threat_agent_engine::profile::FACTS_WORDS;

/// Lines that are looked at: half a kilobyte in a row.
const PROBES: usize = 8;

#[derive(Clone, Copy)]
pub(crate) struct FactsTable {
    lines: &'static [FactsLine],
}

impl FactsTable {
    pub fn new(lines: &'static [FactsLine]) -> FactsTable {
        FactsTable { lines }
    }

    fn places(&self, slot: u64) -> impl Iterator<Item = &'static FactsLine> {
        let first = scale(slot, self.lines.len().saturating_sub(PROBES - 1));
        self.lines.iter().skip(first).take(PROBES)
    }

    /// Puts a line in. Returns whether there was room.
    pub fn publish(&self, slot: u64, words: &[u64; FACTS_WORDS]) -> bool {
        // Relaxed, here and below: each line proves itself.
        let holds = |line: &&FactsLine, wanted| line.slot.load(Ordering::Relaxed) == wanted;
        let mut known = self.places(slot).filter(|line| holds(line, slot));
        let mut free = self.places(slot).filter(|line| holds(line, 0));
        let Some(line) = known.next().or_else(|| free.next()) else {
            return false;
        };
        line.slot.store(slot, Ordering::Relaxed);
        for (word, new) in line.words.iter().zip(words) {
            word.store(*new, Ordering::Relaxed);
        }
        // Release: whoever reads the check reads the words that it is over (acquire in `read`).
        line.check.store(check(slot, *words), Ordering::Release);
        true
    }

    /// Reads a line.
    pub fn read(&self, slot: u64) -> Option<[u64; FACTS_WORDS]> {
        let mut places = self.places(slot);
        let line = places.find(|line| line.slot.load(Ordering::Relaxed) == slot)?;
        // Acquire: partner of the release in `publish`.
        let expected = line.check.load(Ordering::Acquire);
        let mut words = [0; FACTS_WORDS];
        for (word, from) in words.iter_mut().zip(&line.words) {
            *word = from.load(Ordering::Relaxed);
        }
        (check(slot, words) == expected).then_some(words)
    }
}
