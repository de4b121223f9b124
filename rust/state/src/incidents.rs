//! The ring of incidents: the leader publishes texts, every worker reads them.
//!
//! A text lies in the slot of its number and is replaced there when it changes. As in the ring of
//! signals, a check over sequence and text proves that it is whole; a reader that meets one in the
//! making tries again a few times and else leaves it: its new version has a later sequence, which
//! the reader asks for next time. A leader that is killed half-way leaves a slot that is passed over
//! until the next publication there.
//!
//! Readers go by the last sequence whose publication has ended, so that with one publisher none is
//! skipped.

use crate::layout::{IncidentSlot, Sequences, INCIDENT_WORDS};
use crate::sync::{AtomicU64, Ordering};
use crate::words::{check, unpack, words, WORD};

/// Units: bytes.
const TEXT_BYTES: usize = INCIDENT_WORDS * WORD;

/// Reads of a slot that is being written into before it is left.
const RETRIES: usize = 4;

#[derive(Clone, Copy)]
pub(crate) struct Incidents {
    slots: &'static [IncidentSlot],
    sequences: &'static Sequences,
}

/// A text as it was read.
pub(crate) struct Text {
    sequence: u64,
    length: usize,
    bytes: [u8; TEXT_BYTES],
}

impl Text {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Incidents {
    pub fn new(slots: &'static [IncidentSlot], sequences: &'static Sequences) -> Incidents {
        Incidents { slots, sequences }
    }

    /// Publishes a text with the next sequence. A text that is too long is cut.
    pub fn publish(&self, number: u64, text: &[u8]) {
        let at = number.checked_rem(self.slots.len() as u64).unwrap_or(0);
        let Some(slot) = self.slots.get(at as usize) else {
            return;
        };
        let text = text.get(..TEXT_BYTES).unwrap_or(text);
        // Relaxed: only its own order matters, and an increment has that.
        let sequence = self.sequences.assigned.fetch_add(1, Ordering::Relaxed) + 1;
        let length = text.len() as u64;
        // Relaxed: see the check.
        slot.sequence.store(sequence, Ordering::Relaxed);
        slot.length.store(length, Ordering::Relaxed);
        for (word, new) in slot.text.iter().zip(words(text)) {
            word.store(new, Ordering::Relaxed);
        }
        let sum = check(sequence, std::iter::once(length).chain(words(text)));
        // Release: whoever reads the check reads what it is over (acquire in `read`).
        slot.check.store(sum, Ordering::Release);
        // Release: whoever reads the sequence reads the slot (acquire in `published`).
        self.sequences
            .published
            .fetch_max(sequence, Ordering::Release);
    }

    /// Takes the texts whose sequence is above `since`, oldest first.
    pub fn published(&self, since: u64, mut take: impl FnMut(u64, &[u8])) {
        // Acquire: partner of the release in `publish`.
        let newest = self.sequences.published.load(Ordering::Acquire);
        if newest <= since {
            return;
        }
        // Relaxed: a hint; what is read is checked.
        let sequence = |slot: &IncidentSlot| slot.sequence.load(Ordering::Relaxed);
        let mut fresh: Vec<_> = self
            .slots
            .iter()
            .map(|slot| (sequence(slot), slot))
            .filter(|(sequence, _)| (since + 1..=newest).contains(sequence))
            .collect();
        fresh.sort_unstable_by_key(|(sequence, _)| *sequence);
        for (sequence, slot) in fresh {
            let read = (0..RETRIES).find_map(|_| read(slot));
            if let Some(text) = read.filter(|text| text.sequence == sequence) {
                take(sequence, text.as_bytes());
            }
        }
    }
}

fn read(slot: &IncidentSlot) -> Option<Text> {
    // Acquire: partner of the release in `publish`.
    let expected = slot.check.load(Ordering::Acquire);
    // Relaxed: what was written since does not fit the check.
    let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
    let (sequence, length) = (load(&slot.sequence), load(&slot.length));
    let text_words = usize::try_from(length).ok()?.div_ceil(WORD);
    let mut copied = [0; INCIDENT_WORDS];
    let copied = copied.get_mut(..text_words)?;
    for (word, from) in copied.iter_mut().zip(&slot.text) {
        *word = load(from);
    }
    let all = std::iter::once(length).chain(copied.iter().copied());
    let mut bytes = [0; TEXT_BYTES];
    unpack(copied.iter().copied(), &mut bytes);
    (check(sequence, all) == expected).then_some(Text {
        sequence,
        length: length as usize,
        bytes,
    })
}
