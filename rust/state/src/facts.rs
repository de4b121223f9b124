//! What is known of payloads, published by the leader and read by every worker.
//!
//! A route's line lies where its number says, so that there is always room; a parameter's in one of
//! [`PROBES`] places that its hash gives. The check over slot and words proves that a line is whole:
//! a reader tells one in the making from one that is not there. Only the leader writes, so that no
//! two claim one place; a leader that is killed half-way leaves a line that proves nothing until the
//! next one writes it anew or takes it back.

use crate::layout::FactsLine;
use crate::sync::Ordering;
use crate::words::{check, scale};
use threat_agent_engine::memory::PlaceId;
use threat_agent_engine::profile::{Line, Slot, FACTS_WORDS};

/// Lines that are looked at: half a kilobyte in a row.
const PROBES: usize = 8;

#[derive(Clone, Copy)]
pub(crate) struct FactsTable {
    routes: &'static [FactsLine],
    parameters: &'static [FactsLine],
}

/// How a line names its slot; 0 stands for none.
fn word(slot: Slot) -> u64 {
    match slot {
        Slot::Route(PlaceId(number)) => u64::from(number) + 1,
        Slot::Parameter(hash) => hash,
    }
}

/// Tells whether a line is its slot's. Relaxed, here and below: each line proves itself.
fn holds(line: &FactsLine, word: u64) -> bool {
    line.slot.load(Ordering::Relaxed) == word
}

impl FactsTable {
    pub fn new(routes: &'static [FactsLine], parameters: &'static [FactsLine]) -> FactsTable {
        FactsTable { routes, parameters }
    }

    /// The lines that may be a slot's.
    fn places(&self, slot: Slot) -> impl Iterator<Item = &'static FactsLine> {
        let (lines, first, probes) = match slot {
            Slot::Route(PlaceId(number)) => (self.routes, usize::from(number), 1),
            Slot::Parameter(_) => {
                let starts = self.parameters.len().saturating_sub(PROBES - 1);
                (self.parameters, scale(word(slot), starts), PROBES)
            }
        };
        lines.iter().skip(first).take(probes)
    }

    /// Parameters that are to be kept here: with half of the lines taken, hardly one finds no room.
    pub fn room(&self) -> usize {
        self.parameters.len() / 2
    }

    /// Puts a line in. Returns whether there was room.
    pub fn publish(&self, slot: Slot, words: &[u64; FACTS_WORDS]) -> bool {
        let own = word(slot);
        let mut known = self.places(slot).filter(|line| holds(line, own));
        let mut free = self.places(slot).filter(|line| holds(line, 0));
        let Some(line) = known.next().or_else(|| free.next()) else {
            return false;
        };
        line.slot.store(own, Ordering::Relaxed);
        for (word, new) in line.words.iter().zip(words) {
            word.store(*new, Ordering::Relaxed);
        }
        // Release: whoever reads the check reads the words that it is over (acquire in `read`).
        line.check.store(check(own, *words), Ordering::Release);
        true
    }

    /// Takes back the lines that `keep` denies: those of routes first, since without them nothing is
    /// said of a parameter that is not there.
    pub fn retain(&self, keep: &dyn Fn(Slot) -> bool) {
        for (number, line) in self.routes.iter().enumerate() {
            if !holds(line, 0) && !keep(Slot::Route(PlaceId(number as u16))) {
                line.slot.store(0, Ordering::Relaxed);
            }
        }
        for line in self.parameters {
            let slot = line.slot.load(Ordering::Relaxed);
            if slot != 0 && !keep(Slot::Parameter(slot)) {
                line.slot.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Reads a line.
    pub fn read(&self, slot: Slot) -> Line {
        let own = word(slot);
        let Some(line) = self.places(slot).find(|line| holds(line, own)) else {
            return Line::Absent;
        };
        // Acquire: partner of the release in `publish`.
        let expected = line.check.load(Ordering::Acquire);
        let mut words = [0; FACTS_WORDS];
        for (word, from) in words.iter_mut().zip(&line.words) {
            *word = from.load(Ordering::Relaxed);
        }
        if check(own, words) == expected {
            Line::Whole(words)
        } else {
            Line::Torn
        }
    }
}
