//! What the behavioural detectors remember besides counts: sets, runs, the places that traffic
//! goes to, and the two rings by which hot path and tick talk.
//!
//! Like [`State`], it is the shared region in a gateway and plain memory elsewhere. No call
//! blocks, each is bounded.

use crate::profile::{Line, Note, Slot, FACTS_WORDS};
use crate::signal::{Id, Signal};
use crate::sketch::Set;
use crate::state::{Key, State};
use crate::tally::{Tallies, Tally};

/// Where traffic goes, or a consumer that it comes from: the unit that baselines and alarms are
/// kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    pub workspace: Id,
    pub service: Id,
    pub route: Id,
}

/// Stands for the service of a [`Place::of_consumer`]; Kong's ids hold no such character.
const CONSUMERS: &[u8] = b"(consumers)";

impl Place {
    /// The place of a consumer, over all routes of its workspace.
    pub fn of_consumer(workspace: &[u8], consumer: &[u8]) -> Place {
        Place {
            workspace: Id::new(workspace),
            service: Id::new(CONSUMERS),
            route: Id::new(consumer),
        }
    }

    /// The consumer whose place it is, if it is one's.
    pub fn consumer(&self) -> Option<&Id> {
        (self.service.as_bytes() == CONSUMERS).then_some(&self.route)
    }
}

/// Number of a place on this node, below [`MAX_PLACES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceId(pub u16);

/// Places beyond this share the last one.
pub const MAX_PLACES: usize = 2048;

/// Share of the places that consumers may take: routes come first.
pub const CONSUMER_PLACES: usize = 4;

/// What the tick tells the hot path about a place. A plain word, so that it is read in one load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// Requests in 10 s above which a client counts as hot here; 0 before anything was learned.
    pub hot_limit: u16,
    /// A flood is on: hot clients are suspected of it.
    pub flood: bool,
    /// A wave of failed logins is on: clients that fail here are suspected of it.
    pub login_wave: bool,
    /// Clients that ask for the same on and on are suspected of the flood.
    pub repeats: bool,
    /// A flood of large bodies is on: clients that send them are suspected of it.
    pub bulk: bool,
    /// The bins above which a request's body and an answer are unusually large; 0 when not known.
    pub large_request: u8,
    pub large_answer: u8,
    /// Methods that are hardly ever used here, by their bits.
    pub rare_methods: u8,
}

impl Alarm {
    /// Tells whether a body whose size falls into `bin` is larger than `limit`, the largest usual one.
    pub fn is_large(limit: u8, bin: usize) -> bool {
        limit > 0 && bin > usize::from(limit)
    }

    /// Packs the alarm into a word; none is 0.
    pub fn to_word(self) -> u64 {
        u64::from(self.hot_limit)
            | (u64::from(self.flood) << 16)
            | (u64::from(self.login_wave) << 17)
            | (u64::from(self.repeats) << 18)
            | (u64::from(self.bulk) << 19)
            | (u64::from(self.large_request) << 24)
            | (u64::from(self.large_answer) << 32)
            | (u64::from(self.rare_methods) << 40)
    }

    /// Unpacks a word.
    pub fn from_word(word: u64) -> Alarm {
        Alarm {
            hot_limit: word as u16,
            flood: (word >> 16) & 1 == 1,
            login_wave: (word >> 17) & 1 == 1,
            repeats: (word >> 18) & 1 == 1,
            bulk: (word >> 19) & 1 == 1,
            large_request: (word >> 24) as u8,
            large_answer: (word >> 32) as u8,
            rare_methods: (word >> 40) as u8,
        }
    }
}

/// How many requests found their client at which rate: bins by [`rate_bin`], ever growing.
pub type Histogram = [u64; RATE_BINS];

/// Bins of a [`Histogram`].
pub const RATE_BINS: usize = 32;

/// Finds the bin of a client's rate: half-octaves, so that a bin spans a factor of 1.41, and whatever is
/// read from one is too high by that at most.
/// Units: requests in 10 s.
pub fn rate_bin(rate: u64) -> usize {
    let rate = rate.max(1);
    let octave = rate.ilog2() as usize;
    // The upper half of an octave starts at its square root of two.
    let upper = rate * rate >= 1 << (2 * octave + 1);
    (2 * octave + usize::from(upper)).min(RATE_BINS - 1)
}

/// The largest rate of a bin. Units: requests in 10 s.
pub fn rate_of_bin(bin: usize) -> f64 {
    2f64.powf((bin + 1) as f64 / 2.0)
}

/// Parameters of which something is published at most; twice those that are kept.
pub const MAX_FACTS: usize = 8_192;

/// Bytes of one published incident, at most.
pub const MAX_INCIDENT_BYTES: usize = 4096 - 64;

/// Incidents that are kept; new ones replace the oldest.
pub const MAX_INCIDENTS: usize = 256;

/// The memory of behaviour.
pub trait Memory: State {
    /// Adds an item to a key's set and estimates how many distinct items it holds.
    fn mark(&self, key: &Key, set: Set, item: u64, now_ms: u64) -> u32;

    /// Estimates how many distinct items a key's set holds; 0 for an unknown key.
    fn distinct(&self, key: &Key, set: Set, now_ms: u64) -> u32;

    /// Tells whether an item is in a key's set (false positives as the sketch has them).
    fn is_marked(&self, key: &Key, set: Set, item: u64, now_ms: u64) -> bool;

    /// Follows the ids that a key reads; returns the length of the run.
    fn follow(&self, key: &Key, id: u64, now_ms: u64) -> u32;

    /// Hashes an item for sets, with the node's own key.
    fn hash(&self, item: &[u8]) -> u64;

    /// Finds or makes the number of a place.
    fn place(&self, place: &Place) -> PlaceId;

    /// Tells whether a number is that of all places that found none of their own.
    fn is_shared(&self, place: PlaceId) -> bool;

    /// Finds or makes the number of a consumer's place; `None` when consumers have their share, one
    /// in [`CONSUMER_PLACES`].
    fn consumer_place(&self, place: &Place) -> Option<PlaceId>;

    /// Lists the places that are known.
    fn places(&self) -> Vec<(PlaceId, Place)>;

    /// Tells the hot path about a place.
    fn set_alarm(&self, place: PlaceId, alarm: Alarm);

    /// Reads what the tick told about a place. Cost: one load.
    fn alarm(&self, place: PlaceId) -> Alarm;

    /// Notes at which rate a request found its client. Units: requests in 10 s.
    fn sample(&self, place: PlaceId, client_rate: u64);

    /// Reads the place's histogram of such rates.
    fn samples(&self, place: PlaceId) -> Histogram;

    /// Adds to one of the place's tallies. Cost: one addition.
    fn tally(&self, place: PlaceId, tally: Tally, n: u64);

    /// Reads the place's tallies.
    fn tallies(&self, place: PlaceId) -> Tallies;

    /// Hands a signal to the tick. When nobody drains, the oldest are lost.
    fn signal(&self, signal: &Signal);

    /// Takes the signals since `cursor`; returns the next cursor and how many were lost.
    fn drain(&self, cursor: u64, take: &mut dyn FnMut(&Signal)) -> (u64, u64);

    /// Tells whether notes are drained; where nobody does, none are taken.
    fn has_note_room(&self) -> bool;

    /// Hands a note on a request's payload to the tick. What finds no room is lost.
    fn note(&self, note: &Note);

    /// Takes the notes since `cursor`; returns the next cursor.
    fn drain_notes(&self, cursor: u64, take: &mut dyn FnMut(&Note)) -> u64;

    /// Tells where the last drain of the notes ended: the cursor for a new leader, since notes do not
    /// say when they were taken.
    fn drained_notes(&self) -> u64;

    /// Parameters that may be kept so that there is room to publish them.
    fn parameter_room(&self) -> usize;

    /// Publishes facts. Returns whether there was room; for a route there always is. Only the leader
    /// publishes.
    fn publish_facts(&self, slot: Slot, facts: &[u64; FACTS_WORDS]) -> bool;

    /// Takes back what is published under slots that `keep` denies. Cost: a walk over all lines.
    fn retain_facts(&self, keep: &dyn Fn(Slot) -> bool);

    /// Reads what is published under a slot. Cost: one or two cache lines.
    fn facts(&self, slot: Slot) -> Line;

    /// Publishes an incident's text under its slot number (modulo [`MAX_INCIDENTS`]) with the next
    /// sequence. Only the leader publishes.
    fn publish(&self, number: u64, text: &[u8]);

    /// Takes the incidents whose sequence is above `since`, oldest first, with their sequence.
    fn published(&self, since: u64, take: &mut dyn FnMut(u64, &[u8]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The published error of a bin.
        #[test]
        fn a_bin_is_too_high_by_its_width_at_most(rate in 1u64..60_000) {
            let got = rate_of_bin(rate_bin(rate));
            let exact = rate as f64;
            prop_assert!(got >= exact && got <= exact * 2f64.sqrt() + 1e-9, "{rate}: {got}");
        }
    }

    #[test]
    fn an_alarm_comes_back_from_its_word() {
        let all = Alarm {
            hot_limit: u16::MAX,
            flood: true,
            login_wave: true,
            repeats: true,
            bulk: true,
            large_request: 15,
            large_answer: u8::MAX,
            rare_methods: 0x7f,
        };
        assert_eq!(Alarm::from_word(all.to_word()), all);
        assert_eq!(Alarm::from_word(0), Alarm::default());
        for (limit, bin, large) in [(0, 15, false), (8, 8, false), (8, 9, true)] {
            assert_eq!(Alarm::is_large(limit, bin), large);
        }
    }
}
