//! Counting in a slot's words.
//!
//! Workers read their clocks before they get here, so that one may count in a bucket that another
//! has already turned over. A word that is ahead by up to four buckets is therefore counted in at
//! the start of *its* bucket: taking it for a foreign word would drop what it holds.

use crate::entry::Slot;
use crate::sync::{AtomicU64, Ordering};
use crate::table::{Claimed, Evict, Probe, Table};
use crate::tag::Kind;
use threat_agent_engine::state::{Counter, Estimates};
use threat_agent_engine::window::{Tick, Window};

/// Retries after a slot was lost in the middle of an addition.
const RETRIES: usize = 3;

const EPOCH_SHIFT: u32 = 40;
const EPOCH_MASK: u64 = (1 << 24) - 1;
const MAX_AHEAD: u64 = 4;

#[derive(Clone, Copy)]
enum Change {
    Add(u64),
    Undo,
}

/// The words of one counter and of window number `W`, narrow or wide. The window is a constant, and
/// all is inlined, because a length that the compiler knows spares four divisions a window.
#[derive(Clone, Copy)]
struct Cell<const W: usize> {
    slot: Slot,
    kind: Kind,
    counter: usize,
    now_ms: u64,
    salt: u64,
}

impl<const W: usize> Cell<W> {
    const WINDOW: Window = match W {
        0 => Window::S1,
        1 => Window::S10,
        2 => Window::S60,
        _ => Window::H1,
    };

    #[inline(always)]
    fn new(count: &Count, slot: Slot) -> Self {
        Cell {
            slot,
            kind: count.kind,
            counter: count.counter as usize,
            now_ms: count.now_ms,
            salt: slot.salt(),
        }
    }

    #[inline(always)]
    fn word(&self, parity: usize) -> &'static AtomicU64 {
        self.slot.word(match self.kind {
            Kind::Wide => self.counter % 2 * 8 + W * 2 + parity,
            _ => self.counter % 4 * 4 + W,
        })
    }

    /// How many buckets a word is ahead of `now_ms`, if it is that key's at all.
    #[inline(always)]
    fn ahead(&self, word: u64) -> u64 {
        let epoch = (self.now_ms / Self::WINDOW.length_ms()).wrapping_add(self.salt);
        let ahead = (word >> EPOCH_SHIFT).wrapping_sub(epoch) & EPOCH_MASK;
        if (1..=MAX_AHEAD).contains(&ahead) && word != 0 {
            ahead
        } else {
            0
        }
    }

    /// Places `now_ms` in the window, or moves on to the start of the bucket that a word is at.
    #[inline(always)]
    fn tick(&self, ahead: u64) -> Tick {
        if ahead == 0 {
            Tick::new(Self::WINDOW, self.now_ms, self.salt)
        } else {
            self.tick_ahead(ahead)
        }
    }

    /// Apart, so that on the common path nothing waits for the word to be known.
    #[cold]
    #[inline(never)]
    fn tick_ahead(&self, ahead: u64) -> Tick {
        let length_ms = Self::WINDOW.length_ms();
        let now_ms = (self.now_ms / length_ms + ahead) * length_ms;
        Tick::new(Self::WINDOW, now_ms, self.salt)
    }

    /// Changes the word of now. Returns it, or `None` when the slot has changed hands.
    #[inline(always)]
    fn change(&self, change: Change) -> Option<u64> {
        if self.kind == Kind::Wide {
            let word = self.word(self.tick(0).wide_index());
            self.slot.update(word, |word| {
                let tick = self.tick(self.ahead(word));
                Some(match change {
                    Change::Add(n) => tick.wide_add(word, n),
                    Change::Undo => tick.wide_undo(word),
                })
            })
        } else {
            self.slot.update(self.word(0), |word| {
                let tick = self.tick(self.ahead(word));
                Some(match change {
                    Change::Add(n) => tick.add(word, n),
                    Change::Undo => tick.undo(word),
                })
            })
        }
    }

    /// Counts `n` arrivals, unless that was done before the slot was lost.
    /// Returns whether they are counted.
    #[inline(always)]
    fn add(&self, n: u64, estimate: &mut Option<u64>) -> bool {
        if estimate.is_none() {
            *estimate = self
                .change(Change::Add(n))
                .map(|word| self.estimate(Some(word)));
        }
        estimate.is_some()
    }

    /// Estimates from the words, or from the one that was just written.
    #[inline(always)]
    fn estimate(&self, written: Option<u64>) -> u64 {
        // Relaxed: each word describes itself.
        let load = |parity| self.word(parity).load(Ordering::Relaxed);
        if self.kind == Kind::Wide {
            let words = [load(0), load(1)];
            let [a, b] = words.map(|word| self.ahead(word));
            self.tick(a.max(b)).wide_estimate(words)
        } else {
            let word = written.unwrap_or_else(|| load(0));
            self.tick(self.ahead(word)).estimate(word)
        }
    }
}

/// A key's counter in the table.
#[derive(Clone, Copy)]
pub(crate) struct Count<'t> {
    pub table: &'t Table,
    pub probe: Probe,
    pub kind: Kind,
    pub counter: Counter,
    pub now_ms: u64,
}

impl Count<'_> {
    /// Counts `n` arrivals. Returns the estimates after it; `None` when there was no slot, or not
    /// for all windows.
    pub fn add(&self, n: u64) -> Option<Estimates> {
        let mut done = [None; 4];
        let [second, ten, minute, hour] = &mut done;
        for _ in 0..RETRIES {
            let Claimed { slot, new } =
                self.table.claim(self.probe, self.now_ms, Evict::Counters)?;
            slot.touch(self.now_ms, self.counter == Counter::Requests && !new);
            let all = Cell::<0>::new(self, slot).add(n, second)
                && Cell::<1>::new(self, slot).add(n, ten)
                && Cell::<2>::new(self, slot).add(n, minute)
                && Cell::<3>::new(self, slot).add(n, hour);
            if all {
                return Some(done.map(|estimate| estimate.unwrap_or(n)));
            }
        }
        None
    }

    /// Takes one arrival back; nothing when the key is not known any more.
    pub fn undo(&self) {
        if let Some(slot) = self.table.find(self.probe) {
            // A slot that changed hands has nothing left to take back.
            Cell::<0>::new(self, slot).change(Change::Undo);
            Cell::<1>::new(self, slot).change(Change::Undo);
            Cell::<2>::new(self, slot).change(Change::Undo);
            Cell::<3>::new(self, slot).change(Change::Undo);
        }
    }

    /// Reads the estimates; zeros for an unknown key.
    pub fn read(&self) -> Estimates {
        self.table.find(self.probe).map_or([0; 4], |slot| {
            [
                Cell::<0>::new(self, slot).estimate(None),
                Cell::<1>::new(self, slot).estimate(None),
                Cell::<2>::new(self, slot).estimate(None),
                Cell::<3>::new(self, slot).estimate(None),
            ]
        })
    }
}
