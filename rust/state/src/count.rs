//! Counting in a slot's words.
//!
//! Workers read their clocks before they get here, so that one may count in a bucket that another
//! has already turned over. A word that is ahead by up to four buckets is therefore counted in at
//! the start of *its* bucket: taking it for a foreign word would drop what it holds.

use crate::sync::Ordering;
use crate::table::{Evict, Probe, Slot, Table};
use crate::tag::Kind;
use threat_agent_engine::state::{Counter, Estimates};
use threat_agent_engine::window::{Tick, Window};

/// Retries after a slot was lost in the middle of an addition.
const RETRIES: usize = 3;

/// What a key's first arrival is answered with, and one that finds no slot.
pub(crate) const FIRST: Estimates = [1; 4];

const EPOCH_SHIFT: u32 = 40;
const EPOCH_MASK: u64 = (1 << 24) - 1;
const MAX_AHEAD: u64 = 4;

/// How many buckets a word is ahead of `now_ms`, if it is that key's at all.
fn ahead(window: Window, now_ms: u64, salt: u64, word: u64) -> u64 {
    let epoch = (now_ms / window.length_ms()).wrapping_add(salt);
    let ahead = (word >> EPOCH_SHIFT).wrapping_sub(epoch) & EPOCH_MASK;
    if word != 0 && ahead <= MAX_AHEAD {
        ahead
    } else {
        0
    }
}

/// Places `now_ms` in `window`, or moves on to the start of the bucket that a word is at already.
fn tick(window: Window, now_ms: u64, salt: u64, words: [u64; 2]) -> Tick {
    let [a, b] = words.map(|word| ahead(window, now_ms, salt, word));
    let length_ms = window.length_ms();
    match a.max(b) {
        0 => Tick::new(window, now_ms, salt),
        n => Tick::new(window, (now_ms / length_ms + n) * length_ms, salt),
    }
}

#[derive(Clone, Copy)]
enum Change {
    Add,
    Undo,
}

/// The words of one counter and window, narrow or wide.
#[derive(Clone, Copy)]
struct Cell {
    slot: Slot,
    kind: Kind,
    counter: usize,
    window: Window,
    now_ms: u64,
    salt: u64,
}

impl Cell {
    fn index(&self, parity: usize) -> usize {
        let window = self.window as usize;
        match self.kind {
            Kind::Wide => self.counter % 2 * 8 + window * 2 + parity,
            Kind::Narrow | Kind::Ban => self.counter * 4 + window,
        }
    }

    fn tick(&self, words: [u64; 2]) -> Tick {
        tick(self.window, self.now_ms, self.salt, words)
    }

    fn load(&self, parity: usize) -> u64 {
        // Relaxed: each word describes itself.
        self.slot.word(self.index(parity)).load(Ordering::Relaxed)
    }

    /// Changes the word of now. Returns it, or `None` when the slot has changed hands.
    fn change(&self, change: Change) -> Option<u64> {
        let wide = self.kind == Kind::Wide;
        let parity = if wide {
            self.tick([0; 2]).wide_index()
        } else {
            0
        };
        self.slot
            .update(self.slot.word(self.index(parity)), |word| {
                let tick = self.tick([word; 2]);
                Some(match (change, wide) {
                    (Change::Add, false) => tick.add(word, 1),
                    (Change::Add, true) => tick.wide_add(word, 1),
                    (Change::Undo, false) => tick.undo(word),
                    (Change::Undo, true) => tick.wide_undo(word),
                })
            })
    }

    fn estimate(&self, changed: Option<u64>) -> u64 {
        if self.kind == Kind::Wide {
            let words = [self.load(0), self.load(1)];
            self.tick(words).wide_estimate(words)
        } else {
            let word = changed.unwrap_or_else(|| self.load(0));
            self.tick([word; 2]).estimate(word)
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
    fn cell(&self, slot: Slot, window: Window) -> Cell {
        Cell {
            slot,
            kind: self.kind,
            counter: self.counter as usize,
            window,
            now_ms: self.now_ms,
            salt: slot.salt(),
        }
    }

    /// Counts one arrival. Returns the estimates after it; `None` when there was no slot, or not
    /// for all windows.
    pub fn add(&self) -> Option<Estimates> {
        let mut estimates = FIRST;
        let mut done = 0;
        for _ in 0..RETRIES {
            let slot = self.table.claim(self.probe, self.now_ms, Evict::Counters)?;
            slot.touch(self.now_ms, self.counter == Counter::Requests);
            for (window, estimate) in Window::ALL.into_iter().zip(&mut estimates).skip(done) {
                let cell = self.cell(slot, window);
                let Some(word) = cell.change(Change::Add) else {
                    break;
                };
                *estimate = cell.estimate(Some(word));
                done += 1;
            }
            if done == Window::ALL.len() {
                return Some(estimates);
            }
        }
        None
    }

    /// Takes one arrival back; nothing when the key is not known any more.
    pub fn undo(&self) {
        if let Some(slot) = self.table.find(self.probe) {
            for window in Window::ALL {
                // A slot that changed hands has nothing left to take back.
                self.cell(slot, window).change(Change::Undo);
            }
        }
    }

    /// Reads the estimates; zeros for an unknown key.
    pub fn read(&self) -> Estimates {
        self.table.find(self.probe).map_or([0; 4], |slot| {
            Window::ALL.map(|window| self.cell(slot, window).estimate(None))
        })
    }
}
