//! The region as the engine's [`Memory`].
//!
//! Places are never freed until the gateway restarts; those that find no room share the last entry,
//! whose ids are empty. A region smaller than 32 MiB has fewer of them and shorter rings: see
//! [`crate::layout`].

use crate::layout::{ONE_ID_WORDS, SIGNAL_WORDS};
use crate::set::{follow, kind_of, Marks};
use crate::shared::SharedState;
use crate::sync::Ordering;
use crate::tag::Kind;
use crate::words::{pack_ids, unpack, unpack_ids, words};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use threat_agent_engine::memory::{rate_bin, Alarm, Histogram, Memory, Place, PlaceId, RATE_BINS};
use threat_agent_engine::profile::{Line, Note, Slot, FACTS_WORDS};
use threat_agent_engine::signal::{self, Id, Signal, ID_BYTES};
use threat_agent_engine::sketch::Set;
use threat_agent_engine::state::Key;
use threat_agent_engine::tally::{Tallies, Tally, TALLIES};
use threat_agent_engine::Category;

/// Number of a run among the parts of a key; sets have lower ones.
const RUN_PART: u64 = 255;

impl SharedState {
    fn marks(&self, key: &Key, set: Set, now_ms: u64) -> Marks<'_> {
        Marks {
            table: &self.table,
            probe: self.part_probe(key, set as u64, kind_of(set)),
            set,
            now_ms,
        }
    }
}

impl Memory for SharedState {
    fn mark(&self, key: &Key, set: Set, item: u64, now_ms: u64) -> u32 {
        let marked = self.marks(key, set, now_ms).mark(item);
        marked.unwrap_or_else(|| {
            self.degrade();
            1
        })
    }

    fn distinct(&self, key: &Key, set: Set, now_ms: u64) -> u32 {
        self.marks(key, set, now_ms).distinct()
    }

    fn is_marked(&self, key: &Key, set: Set, item: u64, now_ms: u64) -> bool {
        self.marks(key, set, now_ms).is_marked(item)
    }

    fn follow(&self, key: &Key, id: u64, now_ms: u64) -> u32 {
        let probe = self.part_probe(key, RUN_PART, Kind::Run);
        follow(&self.table, probe, id, now_ms).unwrap_or_else(|| {
            self.degrade();
            1
        })
    }

    fn hash(&self, item: &[u8]) -> u64 {
        self.items.hash_one(item)
    }

    fn place(&self, place: &Place) -> PlaceId {
        let ids = || pack_ids([&place.workspace, &place.service, &place.route]);
        PlaceId(self.places.number(self.items.hash_one(place), ids) as u16)
    }

    fn is_shared(&self, place: PlaceId) -> bool {
        usize::from(place.0) == self.places.last()
    }

    fn consumer_place(&self, place: &Place) -> Option<PlaceId> {
        let ids = || pack_ids([&place.workspace, &place.service, &place.route]);
        let number = self.places.guest_number(self.items.hash_one(place), ids)?;
        Some(PlaceId(number as u16))
    }

    fn places(&self) -> Vec<(PlaceId, Place)> {
        let ready = self.places.ready();
        ready
            .map(|(at, ids)| {
                let [workspace, service, route] = unpack_ids(ids);
                let place = Place {
                    workspace,
                    service,
                    route,
                };
                (PlaceId(at as u16), place)
            })
            .collect()
    }

    fn set_alarm(&self, place: PlaceId, alarm: Alarm) {
        if let Some(entry) = self.places.entry(usize::from(place.0)) {
            // Relaxed: the word stands alone.
            entry.alarm.store(alarm.to_word(), Ordering::Relaxed);
        }
    }

    fn alarm(&self, place: PlaceId) -> Alarm {
        let entry = self.places.entry(usize::from(place.0));
        // Relaxed: the word stands alone.
        Alarm::from_word(entry.map_or(0, |entry| entry.alarm.load(Ordering::Relaxed)))
    }

    fn sample(&self, place: PlaceId, client_rate: u64) {
        let entry = self.places.entry(usize::from(place.0));
        if let Some(word) = entry.and_then(|entry| entry.rates.get(rate_bin(client_rate))) {
            // Relaxed: a statistic.
            word.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn samples(&self, place: PlaceId) -> Histogram {
        let mut histogram = [0; RATE_BINS];
        if let Some(entry) = self.places.entry(usize::from(place.0)) {
            for (bin, word) in histogram.iter_mut().zip(&entry.rates) {
                // Relaxed: a statistic.
                *bin = word.load(Ordering::Relaxed);
            }
        }
        histogram
    }

    fn tally(&self, place: PlaceId, tally: Tally, n: u64) {
        let entry = self.places.entry(usize::from(place.0));
        if let Some(word) = entry.and_then(|entry| entry.tallies.get(tally.number())) {
            // Relaxed: a statistic.
            word.fetch_add(n, Ordering::Relaxed);
        }
    }

    fn tallies(&self, place: PlaceId) -> Tallies {
        let mut tallies = [0; TALLIES];
        if let Some(entry) = self.places.entry(usize::from(place.0)) {
            for (tally, word) in tallies.iter_mut().zip(&entry.tallies) {
                // Relaxed: a statistic.
                *tally = word.load(Ordering::Relaxed);
            }
        }
        tallies
    }

    fn signal(&self, signal: &Signal) {
        self.ring.write(self.ring.draw(), &encode(signal));
    }

    /// To be called once a tick, by the leader: see `ring`.
    fn drain(&self, cursor: u64, take: &mut dyn FnMut(&Signal)) -> (u64, u64) {
        let mut unknown = 0;
        let (next, lost) = self.ring.drain(cursor, |words| match decode(words) {
            Some(signal) => take(&signal),
            None => unknown += 1,
        });
        (next, lost + unknown)
    }

    fn has_note_room(&self) -> bool {
        self.notes.has_room()
    }

    fn note(&self, note: &Note) {
        if self.notes.has_room() {
            self.notes.write(self.notes.draw(), &note.to_words());
        }
    }

    /// To be called once a tick, by the leader: see `ring`.
    fn drain_notes(&self, cursor: u64, take: &mut dyn FnMut(&Note)) -> u64 {
        let drained = self.notes.drain(cursor, |words| {
            if let Some(note) = Note::from_words(words) {
                take(&note);
            }
        });
        drained.0
    }

    fn drained_notes(&self) -> u64 {
        self.notes.drained()
    }

    fn parameter_room(&self) -> usize {
        self.facts.room()
    }

    fn publish_facts(&self, slot: Slot, facts: &[u64; FACTS_WORDS]) -> bool {
        self.facts.publish(slot, facts)
    }

    fn retain_facts(&self, keep: &dyn Fn(Slot) -> bool) {
        self.facts.retain(keep);
    }

    fn facts(&self, slot: Slot) -> Line {
        self.facts.read(slot)
    }

    fn publish(&self, number: u64, text: &[u8]) {
        self.incidents.publish(number, text);
    }

    fn published(&self, since: u64, take: &mut dyn FnMut(u64, &[u8])) {
        self.incidents.published(since, take);
    }
}

const REFUSED: u64 = 1;
const IS_V4: u64 = 2;

fn encode(signal: &Signal) -> [u64; SIGNAL_WORDS] {
    let (family, client) = match signal.client {
        IpAddr::V4(client) => (IS_V4, u128::from(u32::from(client))),
        IpAddr::V6(client) => (0, u128::from(client)),
    };
    let flags = family | if signal.refused { REFUSED } else { 0 };
    let kinds = (u64::from(signal.score.to_bits()) << 32)
        | (flags << 16)
        | (u64::from(signal.category as u8) << 8)
        | u64::from(signal.kind as u8);
    let ids = pack_ids([&signal.workspace, &signal.route, &signal.consumer]);
    let head = [
        signal.at_ms,
        kinds,
        (u64::from(signal.threshold) << 32) | u64::from(signal.value),
        (client >> 64) as u64,
        client as u64,
        signal.account,
        signal.reference,
        signal.session,
    ];
    let credential = words(signal.credential.padded());
    let all = head.into_iter().chain(credential).chain(ids);
    let mut packed = [0; SIGNAL_WORDS];
    for (word, from) in packed.iter_mut().zip(all) {
        *word = from;
    }
    packed
}

/// `None` for kinds that this code does not know.
fn decode(words: &[u64; SIGNAL_WORDS]) -> Option<Signal> {
    let ([at_ms, kinds, counts, upper, lower, account, reference, session], ids) =
        words.split_first_chunk::<8>()?;
    let (one, ids) = ids.split_first_chunk::<ONE_ID_WORDS>()?;
    let mut credential = [0; ID_BYTES];
    unpack(one.iter().copied(), &mut credential);
    let [workspace, route, consumer] = unpack_ids(ids.iter().copied());
    let flags = kinds >> 16;
    let client = if flags & IS_V4 != 0 {
        IpAddr::V4(Ipv4Addr::from(*lower as u32))
    } else {
        IpAddr::V6(Ipv6Addr::from(
            (u128::from(*upper) << 64) | u128::from(*lower),
        ))
    };
    Some(Signal {
        at_ms: *at_ms,
        kind: signal::Kind::from_number(*kinds as u8)?,
        category: Category::from_number((kinds >> 8) as u8)?,
        score: f32::from_bits((kinds >> 32) as u32),
        value: *counts as u32,
        threshold: (counts >> 32) as u32,
        client,
        account: *account,
        reference: *reference,
        refused: flags & REFUSED != 0,
        workspace,
        route,
        consumer,
        credential: Id::new(&credential),
        session: *session,
    })
}
