//! The leader's lease: one word, `[pid:16 | slot + 1 : 9 | expiry in ms : 39]`, changed by
//! compare-and-swap only, so that of all who want it one gets it.
//!
//! The owner renews it each tick. It is taken over when it has expired, or when another process has
//! the owner's slot, for then the owner is dead. A leader that stood still for longer than the lease
//! does not know of its successor: whatever may not be done by two asks `holds` just before.

use crate::sync::{AtomicU64, Ordering};

/// Units: milliseconds.
pub(crate) const LEASE_MS: u64 = 3_000;

const EXPIRY_MASK: u64 = (1 << 39) - 1;
const OWNER_MASK: u64 = !EXPIRY_MASK;
const SLOT_SHIFT: u32 = 39;
const SLOT_MASK: u64 = (1 << 9) - 1;
const PID_SHIFT: u32 = 48;

#[derive(Clone, Copy)]
pub(crate) struct Lease {
    pub word: &'static AtomicU64,
}

/// The owner's part of the word.
fn owner(slot: usize, pid: u64) -> u64 {
    (pid << PID_SHIFT) | (((slot as u64 + 1) & SLOT_MASK) << SLOT_SHIFT)
}

impl Lease {
    /// Takes or renews the lease for the worker of a slot. Returns whether it has it.
    /// `pid_of` tells which process a slot belongs to now.
    pub fn lead(&self, slot: usize, now_ms: u64, pid_of: impl Fn(usize) -> u64) -> bool {
        // Relaxed, here and below: the word stands alone; what a leader reads proves itself.
        let held = self.word.load(Ordering::Relaxed);
        let own = owner(slot, pid_of(slot));
        let expiry_ms = held & EXPIRY_MASK;
        let until_ms = (now_ms + LEASE_MS).min(EXPIRY_MASK);
        let new = if held & OWNER_MASK == own {
            own | until_ms.max(expiry_ms)
        } else {
            let number = (held >> SLOT_SHIFT) & SLOT_MASK;
            let is_free = match number.checked_sub(1) {
                None => true,
                Some(n) => owner(n as usize, pid_of(n as usize)) != held & OWNER_MASK,
            };
            if !is_free && expiry_ms > now_ms {
                return false;
            }
            own | until_ms
        };
        self.word
            .compare_exchange(held, new, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Tells whether the worker of a slot has the lease, and changes nothing.
    pub fn holds(&self, slot: usize, now_ms: u64, pid_of: impl Fn(usize) -> u64) -> bool {
        let held = self.word.load(Ordering::Relaxed);
        held & OWNER_MASK == owner(slot, pid_of(slot)) && held & EXPIRY_MASK > now_ms
    }
}
