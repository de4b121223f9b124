//! Bans and the other measures: four words of a slot of their own kind, each with bits of the key's salt, the end last.
//! One of them holds what the tag lacks of the key's hash, so that a ban can move to a region of
//! another size.
//!
//! A ban stands when all four words carry the salt and the end is still to come, so that one that
//! was half written, or any word of a former owner, is no ban. While it stands its slot is not
//! given to counters.
//!
//! Bound of the error: when two workers ban one key in the same moment, the longer ban stands, but
//! its category, incident and measure may be the other's.

use crate::entry::Slot;
use crate::sync::Ordering;
use crate::table::{Claimed, Evict, Probe, Table};
use threat_agent_engine::state::{Ban, Measure, INCIDENT_MASK};
use threat_agent_engine::verdict::Category;

/// Retries after a slot or an end word was lost to another worker.
const RETRIES: usize = 16;

const END: usize = 0;
const INCIDENT: usize = 1;
const DETAILS: usize = 2;
const HASH: usize = 3;

/// Bits of the hash that the tag does not hold.
const LOWER_HASH: u64 = (1 << 24) - 1;

/// The latest end that a word holds: 34 years after the start of the clock.
pub(crate) const MAX_UNTIL_MS: u64 = (1 << 40) - 1;

fn end_word(salt: u64, until_ms: u64) -> u64 {
    (salt << 40) | until_ms.min(MAX_UNTIL_MS)
}

fn incident_word(salt: u64, incident: u64) -> u64 {
    (salt << 48) | (incident & INCIDENT_MASK)
}

/// What is done, and why: `measure:24 category:8`.
fn details(ban: Ban) -> u32 {
    (ban.measure.to_bits() << 8) | u32::from(ban.category as u8)
}

fn details_word(salt: u64, details: u32) -> u64 {
    (salt << 32) | u64::from(details)
}

fn hash_word(salt: u64, hash: u64) -> u64 {
    (salt << 24) | (hash & LOWER_HASH)
}

/// Reads the hash of the banned key and its ban, if the end word of the slot is `end`.
fn decode(slot: &Slot, end: u64, now_ms: u64) -> Option<(u64, Ban)> {
    let salt = slot.salt();
    // Relaxed: ordered by the acquire on the end word, which is written after these.
    let incident = slot.word(INCIDENT).load(Ordering::Relaxed);
    let details = slot.word(DETAILS).load(Ordering::Relaxed);
    let hash = slot.word(HASH).load(Ordering::Relaxed);
    let ban = Ban {
        until_ms: end & MAX_UNTIL_MS,
        category: Category::from_number(details as u8)?,
        incident: incident & INCIDENT_MASK,
        measure: Measure::from_bits(details as u32 >> 8)?,
    };
    let salted = end == end_word(salt, ban.until_ms)
        && incident == incident_word(salt, ban.incident)
        && details == details_word(salt, details as u32)
        && hash == hash_word(salt, hash);
    let hash = slot.upper_hash() | (hash & LOWER_HASH);
    (salted && ban.until_ms > now_ms).then_some((hash, ban))
}

/// Finds the ban that stands in a slot, and the hash of its key.
pub(crate) fn standing(slot: &Slot, now_ms: u64) -> Option<(u64, Ban)> {
    // Acquire: partner of the release in `ban`.
    let end = slot.word(END).load(Ordering::Acquire);
    decode(slot, end, now_ms)
}

/// Finds the ban that stands on a key.
pub(crate) fn banned(table: &Table, probe: Probe, now_ms: u64) -> Option<Ban> {
    standing(&table.find(probe)?, now_ms).map(|(_, ban)| ban)
}

/// Bans a key, or extends its ban. Returns `false` when all slots were lost to other workers.
pub(crate) fn ban(table: &Table, probe: Probe, ban: Ban, now_ms: u64) -> bool {
    for _ in 0..RETRIES {
        let Some(Claimed { slot, .. }) = table.claim(probe, now_ms, Evict::AlsoBans) else {
            continue;
        };
        if extend(&slot, probe.hash, ban, now_ms) && slot.renew(now_ms) {
            return true;
        }
    }
    false
}

/// Writes the ban unless a longer one stands. Returns `false` when others kept changing the end.
fn extend(slot: &Slot, hash: u64, ban: Ban, now_ms: u64) -> bool {
    let salt = slot.salt();
    let new = end_word(salt, ban.until_ms);
    for _ in 0..RETRIES {
        // Acquire: partner of the release below.
        let end = slot.word(END).load(Ordering::Acquire);
        let longer = decode(slot, end, now_ms)
            .is_some_and(|(_, stands)| stands.until_ms >= ban.until_ms.min(MAX_UNTIL_MS));
        if longer {
            return true;
        }
        // Release: a late counter of this slot's former owner that reads one of these words sees
        // the ban's tag and leaves them alone (acquire in `Slot::update`). Swaps and not stores, so
        // that a counter's update comes either before, and is overwritten, or fails.
        let incident = incident_word(salt, ban.incident);
        let details = details_word(salt, details(ban));
        slot.word(HASH)
            .swap(hash_word(salt, hash), Ordering::AcqRel);
        slot.word(DETAILS).swap(details, Ordering::AcqRel);
        slot.word(INCIDENT).swap(incident, Ordering::AcqRel);
        // Release: whoever reads the end reads the three words above (acquire in `standing`).
        let swapped =
            slot.word(END)
                .compare_exchange(end, new, Ordering::AcqRel, Ordering::Acquire);
        if swapped.is_ok() {
            return true;
        }
    }
    false
}

/// Lifts the ban of a key. Returns whether one stood.
pub(crate) fn unban(table: &Table, probe: Probe, now_ms: u64) -> bool {
    let Some(slot) = table.find(probe) else {
        return false;
    };
    let lifted = slot.update(slot.word(END), |end| {
        decode(&slot, end, now_ms).map(|_| end_word(slot.salt(), 0))
    });
    lifted.is_some()
}
