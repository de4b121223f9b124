//! Sets and runs: slots of their own kinds, whose words the engine's sketches describe.
//!
//! Their words carry 16 and 12 bits of salt, so that now and then a former owner's word looks like
//! the new one's. A slot is therefore emptied before its new owner may use it, if it has such words.
//!
//! Bound of the error: a worker that stands still while it empties a slot, for as long as another
//! needs to settle it and to add an item whose bit was there already, empties that bit, too.

use crate::entry::Slot;
use crate::sync::Ordering;
use crate::table::{Claimed, Evict, Probe, Table};
use crate::tag::Kind;
use threat_agent_engine::sketch::{Generation, Run, Set};

/// Retries after a slot was lost in the middle of an addition.
const RETRIES: usize = 3;

/// The word of a slot that holds a run.
const RUN: usize = 0;

/// Tells what kind of slot holds a set.
pub(crate) fn kind_of(set: Set) -> Kind {
    match set {
        Set::Habits => Kind::LongSet,
        _ => Kind::Set,
    }
}

/// A key's set in the table.
#[derive(Clone, Copy)]
pub(crate) struct Marks<'t> {
    pub table: &'t Table,
    /// Of a hash that is the key's and the set's.
    pub probe: Probe,
    pub set: Set,
    pub now_ms: u64,
}

impl Marks<'_> {
    fn generation(&self, slot: &Slot) -> Generation {
        Generation::new(self.set, self.now_ms, slot.salt())
    }

    /// Adds an item and estimates the distinct items; `None` when there was no slot.
    pub fn mark(&self, item: u64) -> Option<u32> {
        for _ in 0..RETRIES {
            let claimed =
                self.table
                    .claim_clean(self.probe, self.now_ms, Evict::Counters, |slot| {
                        self.generation(slot).count(&slot.words()) > 0
                    })?;
            let Claimed { slot, new } = claimed;
            slot.touch(self.now_ms, !new);
            let generation = self.generation(&slot);
            let (index, bit) = generation.place(item);
            let mut words = slot.words();
            let Some(word) = words.get_mut(index) else {
                continue;
            };
            // Most items are there already: no write then.
            if generation.mark(*word, bit) != *word {
                let written =
                    slot.update(slot.word(index), |word| Some(generation.mark(word, bit)));
                match written {
                    Some(written) => *word = written,
                    None => continue,
                }
            }
            return Some(generation.count(&words));
        }
        None
    }

    /// Estimates the distinct items; 0 for an unknown key.
    pub fn distinct(&self) -> u32 {
        self.table
            .find(self.probe)
            .map_or(0, |slot| self.generation(&slot).count(&slot.words()))
    }

    pub fn is_marked(&self, item: u64) -> bool {
        self.table
            .find(self.probe)
            .is_some_and(|slot| self.generation(&slot).contains(&slot.words(), item))
    }
}

/// Adds an id to the run of a key and tells the run's length; `None` when there was no slot.
pub(crate) fn follow(table: &Table, probe: Probe, id: u64, now_ms: u64) -> Option<u32> {
    for _ in 0..RETRIES {
        let Claimed { slot, new } = table.claim_clean(probe, now_ms, Evict::Counters, |slot| {
            // Relaxed: a word of a former owner, which nobody writes any more.
            Run::new(slot.salt()).length(slot.word(RUN).load(Ordering::Relaxed)) > 0
        })?;
        slot.touch(now_ms, !new);
        let run = Run::new(slot.salt());
        let written = slot.update(slot.word(RUN), |word| Some(run.follow(word, id)));
        if let Some(written) = written {
            return Some(run.length(written));
        }
    }
    None
}
