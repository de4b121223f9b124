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

#[derive(Clone, Copy)]
enum Change {
    Add(u64),
    Undo,
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
        for _ in 0..RETRIES {
            let Claimed { slot, new } =
                self.table.claim(self.probe, self.now_ms, Evict::Counters)?;
            slot.touch(self.now_ms, self.counter == Counter::Requests && !new);
            let all = Window::ALL
                .into_iter()
                .zip(&mut done)
                .all(|(window, done)| {
                    // What was counted before the slot was lost is not counted again.
                    if done.is_none() {
                        *done = self.change(slot, window, Change::Add(n));
                    }
                    done.is_some()
                });
            if all {
                return Some(done.map(|estimate| estimate.unwrap_or(n)));
            }
        }
        None
    }

    /// Takes one arrival back; nothing when the key is not known any more.
    pub fn undo(&self) {
        if let Some(slot) = self.table.find(self.probe) {
            for window in Window::ALL {
                // A slot that changed hands has nothing left to take back.
                self.change(slot, window, Change::Undo);
            }
        }
    }

    /// Reads the estimates; zeros for an unknown key.
    pub fn read(&self) -> Estimates {
        let slot = self.table.find(self.probe);
        slot.map_or([0; 4], |slot| {
            Window::ALL.map(|window| self.estimate(slot, window, self.tick(slot, window)))
        })
    }

    /// Changes the word of now, and estimates the arrivals after that; `None` when the slot has
    /// changed hands. Apart, so that all windows share its code, which every request runs through.
    #[inline(never)]
    fn change(&self, slot: Slot, window: Window, change: Change) -> Option<u64> {
        let now = self.tick(slot, window);
        if self.kind == Kind::Wide {
            let word = self.word(slot, window, now.wide_index());
            slot.update(word, |word| {
                let tick = now.later(now.ahead(word));
                Some(match change {
                    Change::Add(n) => tick.wide_add(word, n),
                    Change::Undo => tick.wide_undo(word),
                })
            })?;
            return Some(self.estimate(slot, window, now));
        }
        let mut tick = now;
        let written = slot.update(self.word(slot, window, 0), |word| {
            tick = now.later(now.ahead(word));
            Some(match change {
                Change::Add(n) => tick.add(word, n),
                Change::Undo => tick.undo(word),
            })
        })?;
        Some(tick.estimate(written))
    }

    /// Estimates the arrivals in a window.
    #[inline(always)]
    fn estimate(&self, slot: Slot, window: Window, now: Tick) -> u64 {
        // Relaxed: each word describes itself.
        let load = |parity| self.word(slot, window, parity).load(Ordering::Relaxed);
        if self.kind == Kind::Wide {
            let words = [load(0), load(1)];
            let [a, b] = words.map(|word| now.ahead(word));
            now.later(a.max(b)).wide_estimate(words)
        } else {
            let word = load(0);
            now.later(now.ahead(word)).estimate(word)
        }
    }

    #[inline(always)]
    fn tick(&self, slot: Slot, window: Window) -> Tick {
        Tick::new(window, self.now_ms, slot.salt())
    }

    /// The word of a window: the only one, or of a wide counter that of the parity.
    #[inline(always)]
    fn word(&self, slot: Slot, window: Window, parity: usize) -> &'static AtomicU64 {
        let (counter, window) = (self.counter as usize, window as usize);
        slot.word(match self.kind {
            Kind::Wide => counter % 2 * 8 + window * 2 + parity,
            _ => counter % 4 * 4 + window,
        })
    }
}
