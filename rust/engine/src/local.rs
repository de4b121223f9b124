//! State and memory in this process alone: for tests, the CLI and the simulator.

use crate::memory::{
    rate_bin, Alarm, Histogram, Memory, Place, PlaceId, CONSUMER_PLACES, MAX_FACTS, MAX_INCIDENTS,
    MAX_PLACES,
};
use crate::profile::{Line, Note, Slot, FACTS_WORDS};
use crate::signal::Signal;
use crate::sketch::{Generation, Run, Set, SET_WORDS};
use crate::state::{Ban, Counter, Estimates, Key, MeasureKind, State, COUNTERS, INCIDENT_MASK};
use crate::tally::{Tallies, Tally, TALLIES};
use crate::window::{Tick, Window};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

/// State in this process's own memory: for tests, the CLI and where no region exists.
/// Unbounded, so not for a gateway's workers. Its hashes have no secret, so that what was played
/// once plays again.
pub struct LocalState {
    hasher: ahash::RandomState,
    slots: Mutex<HashMap<u64, LocalSlot, ahash::RandomState>>,
    /// The latest end of a measure, by its kind.
    latest_ms: [AtomicU64; MeasureKind::ALL.len()],
    drawn: AtomicU64,
    sets: Mutex<HashMap<(u64, Set), [u64; SET_WORDS], ahash::RandomState>>,
    runs: Mutex<HashMap<u64, u64, ahash::RandomState>>,
    places: Mutex<Places>,
    signals: Mutex<Signals>,
    incidents: Mutex<VecDeque<Published>>,
    notes: Mutex<Notes>,
    facts: Mutex<HashMap<Slot, [u64; FACTS_WORDS], ahash::RandomState>>,
}

impl Default for LocalState {
    fn default() -> Self {
        LocalState {
            hasher: ahash::RandomState::with_seeds(2, 3, 5, 7),
            slots: Mutex::default(),
            latest_ms: Default::default(),
            drawn: AtomicU64::new(0),
            sets: Mutex::default(),
            runs: Mutex::default(),
            places: Mutex::default(),
            signals: Mutex::default(),
            incidents: Mutex::default(),
            notes: Mutex::default(),
            facts: Mutex::default(),
        }
    }
}

#[derive(Default)]
struct LocalSlot {
    words: [[[u64; 2]; 4]; COUNTERS],
    ban: Option<Ban>,
}

#[derive(Default)]
struct Places {
    known: Vec<Known>,
    numbers: HashMap<Place, PlaceId, ahash::RandomState>,
}

#[derive(Default)]
struct Signals {
    kept: VecDeque<Signal>,
    /// Number of the next signal.
    next: u64,
}

struct Known {
    place: Place,
    alarm: Alarm,
    rates: Histogram,
    tallies: Tallies,
}

#[derive(Default)]
struct Notes {
    kept: VecDeque<Note>,
    /// Number of the next note, and of the first one that was not drained.
    next: u64,
    drained: u64,
}

struct Published {
    number: u64,
    sequence: u64,
    text: Vec<u8>,
}

/// Signals that are kept for a tick that has not come yet.
const MAX_SIGNALS: usize = 16_384;
/// The same of notes.
const MAX_NOTES: u64 = 4_096;
/// The number of places that find none of their own.
const SHARED: PlaceId = PlaceId(MAX_PLACES as u16 - 1);

impl LocalState {
    fn with<R>(&self, key: &Key, f: impl FnOnce(&mut LocalSlot) -> R) -> R {
        self.with_kind(key, MeasureKind::Refuse, f)
    }

    fn with_kind<R>(&self, key: &Key, kind: MeasureKind, f: impl FnOnce(&mut LocalSlot) -> R) -> R {
        let hash = self.hasher.hash_one(key) ^ kind.salt();
        f(self.slots.lock().entry(hash).or_default())
    }

    fn estimates(words: &[[u64; 2]; 4], now_ms: u64) -> Estimates {
        Window::ALL.map(|w| Tick::new(w, now_ms, 0).wide_estimate(words[w as usize]))
    }
}

impl State for LocalState {
    fn add(&self, key: &Key, counter: Counter, n: u64, now_ms: u64) -> Estimates {
        self.with(key, |slot| {
            let words = &mut slot.words[counter as usize];
            for w in Window::ALL {
                let tick = Tick::new(w, now_ms, 0);
                let word = &mut words[w as usize][tick.wide_index()];
                *word = tick.wide_add(*word, n);
            }
            Self::estimates(words, now_ms)
        })
    }

    fn undo(&self, key: &Key, counter: Counter, now_ms: u64) {
        self.with(key, |slot| {
            for w in Window::ALL {
                let tick = Tick::new(w, now_ms, 0);
                let word = &mut slot.words[counter as usize][w as usize][tick.wide_index()];
                *word = tick.wide_undo(*word);
            }
        });
    }

    fn read(&self, key: &Key, counter: Counter, now_ms: u64) -> Estimates {
        self.with(key, |slot| {
            Self::estimates(&slot.words[counter as usize], now_ms)
        })
    }

    fn ban(&self, key: &Key, ban: Ban, now_ms: u64) {
        let latest = &self.latest_ms[ban.measure.kind() as usize];
        latest.fetch_max(ban.until_ms, Ordering::Relaxed);
        self.with_kind(key, ban.measure.kind(), |slot| {
            let stands = slot.ban.filter(|b| b.until_ms > now_ms);
            if stands.is_none_or(|b| b.until_ms < ban.until_ms) {
                slot.ban = Some(ban);
            }
        });
    }

    fn lift(&self, key: &Key, kind: MeasureKind, now_ms: u64) -> bool {
        self.with_kind(key, kind, |slot| {
            slot.ban.take().is_some_and(|b| b.until_ms > now_ms)
        })
    }

    fn standing(&self, key: &Key, kind: MeasureKind, now_ms: u64) -> Option<Ban> {
        let hash = self.hasher.hash_one(key) ^ kind.salt();
        let slots = self.slots.lock();
        let stands = slots.get(&hash).and_then(|slot| slot.ban);
        stands.filter(|ban| ban.until_ms > now_ms)
    }

    fn any_standing(&self, kind: MeasureKind, now_ms: u64) -> bool {
        self.latest_ms[kind as usize].load(Ordering::Relaxed) > now_ms
    }

    fn draw_incident(&self) -> u64 {
        let nth = self.drawn.fetch_add(1, Ordering::Relaxed);
        (self.hasher.hash_one(nth) & INCIDENT_MASK).max(1)
    }
}

impl Places {
    fn at(&mut self, place: PlaceId) -> Option<&mut Known> {
        self.known.get_mut(usize::from(place.0))
    }
}

impl Memory for LocalState {
    fn mark(&self, key: &Key, set: Set, item: u64, now_ms: u64) -> u32 {
        let hash = self.hasher.hash_one(key);
        let mut sets = self.sets.lock();
        let words = sets.entry((hash, set)).or_default();
        let generation = Generation::new(set, now_ms, hash);
        let (index, bit) = generation.place(item);
        words[index] = generation.mark(words[index], bit);
        generation.count(words)
    }

    fn distinct(&self, key: &Key, set: Set, now_ms: u64) -> u32 {
        let hash = self.hasher.hash_one(key);
        let sets = self.sets.lock();
        let generation = Generation::new(set, now_ms, hash);
        sets.get(&(hash, set)).map_or(0, |w| generation.count(w))
    }

    fn is_marked(&self, key: &Key, set: Set, item: u64, now_ms: u64) -> bool {
        let hash = self.hasher.hash_one(key);
        let sets = self.sets.lock();
        let generation = Generation::new(set, now_ms, hash);
        sets.get(&(hash, set))
            .is_some_and(|w| generation.contains(w, item))
    }

    fn follow(&self, key: &Key, id: u64, _now_ms: u64) -> u32 {
        let hash = self.hasher.hash_one(key);
        let run = Run::new(hash);
        let mut runs = self.runs.lock();
        let word = runs.entry(hash).or_default();
        *word = run.follow(*word, id);
        run.length(*word)
    }

    fn hash(&self, item: &[u8]) -> u64 {
        self.hasher.hash_one(item)
    }

    fn place(&self, place: &Place) -> PlaceId {
        let mut places = self.places.lock();
        if let Some(number) = places.numbers.get(place) {
            return *number;
        }
        if places.known.len() == usize::from(SHARED.0) {
            return SHARED;
        }
        let number = PlaceId(places.known.len() as u16);
        places.known.push(Known {
            place: *place,
            alarm: Alarm::default(),
            rates: Histogram::default(),
            tallies: [0; TALLIES],
        });
        places.numbers.insert(*place, number);
        number
    }

    fn is_shared(&self, place: PlaceId) -> bool {
        place == SHARED
    }

    fn consumer_place(&self, place: &Place) -> Option<PlaceId> {
        let room = || {
            let places = self.places.lock();
            let known = places.numbers.contains_key(place);
            let consumers = || places.known.iter().filter(|k| k.place.consumer().is_some());
            known || consumers().count() < MAX_PLACES / CONSUMER_PLACES
        };
        room().then(|| self.place(place))
    }

    fn places(&self) -> Vec<(PlaceId, Place)> {
        let places = self.places.lock();
        let numbered = places.known.iter().enumerate();
        numbered
            .map(|(n, known)| (PlaceId(n as u16), known.place))
            .collect()
    }

    fn set_alarm(&self, place: PlaceId, alarm: Alarm) {
        if let Some(known) = self.places.lock().at(place) {
            known.alarm = alarm;
        }
    }

    fn alarm(&self, place: PlaceId) -> Alarm {
        let mut places = self.places.lock();
        places
            .at(place)
            .map_or(Alarm::default(), |known| known.alarm)
    }

    fn sample(&self, place: PlaceId, client_rate: u64) {
        if let Some(known) = self.places.lock().at(place) {
            known.rates[rate_bin(client_rate)] += 1;
        }
    }

    fn samples(&self, place: PlaceId) -> Histogram {
        let mut places = self.places.lock();
        places
            .at(place)
            .map_or(Histogram::default(), |known| known.rates)
    }

    fn tally(&self, place: PlaceId, tally: Tally, n: u64) {
        if let Some(known) = self.places.lock().at(place) {
            known.tallies[tally.number()] += n;
        }
    }

    fn tallies(&self, place: PlaceId) -> Tallies {
        let mut places = self.places.lock();
        places.at(place).map_or([0; TALLIES], |known| known.tallies)
    }

    fn signal(&self, signal: &Signal) {
        let mut signals = self.signals.lock();
        if signals.kept.len() == MAX_SIGNALS {
            signals.kept.pop_front();
        }
        signals.kept.push_back(*signal);
        signals.next += 1;
    }

    fn drain(&self, cursor: u64, take: &mut dyn FnMut(&Signal)) -> (u64, u64) {
        let signals = self.signals.lock();
        let oldest = signals.next - signals.kept.len() as u64;
        let skip = cursor.saturating_sub(oldest) as usize;
        signals.kept.iter().skip(skip).for_each(take);
        (signals.next, oldest.saturating_sub(cursor))
    }

    fn has_note_room(&self) -> bool {
        let notes = self.notes.lock();
        notes.next - notes.drained < MAX_NOTES
    }

    fn note(&self, note: &Note) {
        let mut notes = self.notes.lock();
        if notes.next - notes.drained < MAX_NOTES {
            notes.kept.push_back(*note);
            notes.next += 1;
        }
    }

    fn drain_notes(&self, cursor: u64, take: &mut dyn FnMut(&Note)) -> u64 {
        let mut notes = self.notes.lock();
        let skip = cursor.saturating_sub(notes.drained) as usize;
        notes.kept.drain(..).skip(skip).for_each(|note| take(&note));
        notes.drained = notes.next;
        notes.next
    }

    fn drained_notes(&self) -> u64 {
        self.notes.lock().drained
    }

    fn parameter_room(&self) -> usize {
        MAX_FACTS / 2
    }

    fn publish_facts(&self, slot: Slot, facts: &[u64; FACTS_WORDS]) -> bool {
        let mut lines = self.facts.lock();
        let taken = lines.keys().filter(|s| matches!(s, Slot::Parameter(_)));
        let room = matches!(slot, Slot::Route(_))
            || lines.contains_key(&slot)
            || taken.count() < MAX_FACTS;
        if room {
            lines.insert(slot, *facts);
        }
        room
    }

    fn retain_facts(&self, keep: &dyn Fn(Slot) -> bool) {
        self.facts.lock().retain(|slot, _| keep(*slot));
    }

    fn facts(&self, slot: Slot) -> Line {
        let lines = self.facts.lock();
        lines
            .get(&slot)
            .map_or(Line::Absent, |words| Line::Whole(*words))
    }

    fn publish(&self, number: u64, text: &[u8]) {
        let mut incidents = self.incidents.lock();
        let sequence = incidents.back().map_or(0, |last| last.sequence) + 1;
        let slot = number % MAX_INCIDENTS as u64;
        incidents.retain(|kept| kept.number % MAX_INCIDENTS as u64 != slot);
        incidents.push_back(Published {
            number,
            sequence,
            text: text.to_vec(),
        });
    }

    fn published(&self, since: u64, take: &mut dyn FnMut(u64, &[u8])) {
        let incidents = self.incidents.lock();
        for kept in incidents.iter().filter(|kept| kept.sequence > since) {
            take(kept.sequence, &kept.text);
        }
    }
}
