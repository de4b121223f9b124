//! What the leader learns, and publishes.
//!
//! Bounded: 64 parameters a route, [`MAX_PARAMETERS`] a node, 64 senders each. A route whose names
//! come and go (a name that one sender made up makes room first) is known to be open, and then a
//! new name there says nothing.

use super::facts::Usual;
use super::name::Name;
use super::note::{slot, Note, NoteKind};
use super::parameter::Parameter;
use super::voters::Voters;
use crate::inspect::Part;
use crate::memory::{Memory, Place, PlaceId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Parameters that a node keeps: half of what there is room to publish for.
pub const MAX_PARAMETERS: usize = 4_096;
/// Parameters of one route.
const PARAMETERS: usize = 64;
/// Operations of one route.
const OPERATIONS: usize = 64;
/// Names that had to go until a part of a route counts as open.
const OPEN: u16 = 16;
/// Requests a second that are sampled at most, and those below which more are; by route.
const SAMPLED: (u32, u32) = (16, 4);
const MAX_RATE: u8 = 10;
/// Routes that nobody asked for in so long are forgotten. Units: seconds (90 days).
const FORGOTTEN_S: u64 = 90 * 86_400;

/// What is known of one route.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Route {
    pub first_s: u64,
    pub last_s: u64,
    voters: Voters<[f32; 3]>,
    #[serde(skip)]
    pub parameters: BTreeMap<(u8, Name), Parameter>,
    #[serde(skip)]
    pub operations: BTreeMap<Name, Operation>,
    /// Names of each part that had to go.
    gone: [u16; Part::ALL.len()],
    #[serde(skip)]
    rate: u8,
    /// Requests of the sample in the seconds at hand.
    #[serde(skip)]
    taken: u32,
}

/// What is known of an operation: a method and a path's template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    pub first_s: u64,
    pub last_s: u64,
    /// Whether the API's document has it (or there is none); as of the last request.
    pub documented: bool,
    pub deprecated: bool,
    /// Changes from one sender to another: 0 as long as only one was seen.
    pub changes: u32,
    last_sender: u64,
}

impl Route {
    /// The same without its parameters and operations.
    pub fn bare(&self) -> Route {
        Route {
            first_s: self.first_s,
            last_s: self.last_s,
            voters: self.voters.clone(),
            gone: self.gone,
            ..Route::default()
        }
    }

    pub fn is_sound(&self) -> bool {
        let finite = |vote: &[f32; 3]| vote.iter().all(|x| x.is_finite());
        self.voters.is_sound() && self.voters.votes().all(finite)
    }

    fn usual(&self) -> Usual {
        let all: Vec<&[f32; 3]> = self.voters.votes().collect();
        let n = all.len().max(1) as f32;
        let numbers = [0, 1, 2].map(|nth| {
            let of = |f: fn(f32, f32) -> f32, start: f32| all.iter().map(|v| v[nth]).fold(start, f);
            let mean = of(|a, b| a + b, 0.0) / n;
            let squares: f32 = all.iter().map(|v| (v[nth] - mean).powi(2)).sum();
            [mean, (squares / n).sqrt(), of(f32::max, 0.0)]
        });
        let open = self.gone.iter().enumerate();
        Usual {
            numbers,
            sampled: self.voters.sampled(),
            sources: self.voters.estimate().min(u64::from(u16::MAX)) as u16,
            minutes: (self.last_s.saturating_sub(self.first_s) / 60) as u32,
            rate: self.rate,
            open: open.fold(0, |all, (nth, n)| all | u8::from(*n >= OPEN) << nth),
        }
    }

    /// Finds or makes a parameter; of a full route the least known one makes room.
    fn parameter(&mut self, part: Part, name: Name, room: bool) -> Option<&mut Parameter> {
        let key = (part as u8, name);
        if !self.parameters.contains_key(&key) && (!room || self.parameters.len() >= PARAMETERS) {
            let least = self.parameters.iter().min_by_key(|(_, p)| p.worth());
            let (least, worth) = least.map(|(key, p)| (*key, p.worth()))?;
            if let Some(gone) = self.gone.get_mut(usize::from(part as u8)) {
                *gone = gone.saturating_add(1);
            }
            // What several senders have confirmed stays.
            if worth.0 >= 3 {
                return None;
            }
            self.parameters.remove(&least);
        }
        Some(self.parameters.entry(key).or_default())
    }

    /// Of a full list what only one sender asked for makes room.
    fn note_operation(&mut self, name: Name, new: Operation, now_s: u64) {
        if self.operations.len() >= OPERATIONS && !self.operations.contains_key(&name) {
            let least = self
                .operations
                .iter()
                .min_by_key(|(_, o)| (o.changes.min(1), o.last_s));
            match least.map(|(name, o)| (*name, o.changes)) {
                Some((least, 0)) => {
                    self.operations.remove(&least);
                }
                _ => return,
            }
        }
        let known = self.operations.entry(name).or_insert(Operation {
            first_s: now_s,
            ..new
        });
        let changed = known.last_sender != new.last_sender;
        *known = Operation {
            first_s: known.first_s,
            last_s: now_s,
            changes: known.changes.saturating_add(u32::from(changed)),
            ..new
        };
    }

    /// Keeps the sample small where there is much.
    fn settle(&mut self, seconds: u32) {
        let per_s = self.taken / seconds.max(1);
        if per_s > SAMPLED.0 && self.rate < MAX_RATE {
            self.rate += 1;
        } else if per_s < SAMPLED.1 {
            self.rate = self.rate.saturating_sub(1);
        }
        self.taken = 0;
    }
}

/// All that is known of the payloads of a node.
#[derive(Debug, Default)]
pub struct Profiles {
    pub(super) routes: BTreeMap<Place, Route>,
    numbers: HashMap<PlaceId, Place>,
    cursor: u64,
    settled_s: u64,
    /// Parameters of all routes.
    known: usize,
}

impl Profiles {
    /// Learns from the notes of the last second, but for places that `frozen` names, and publishes
    /// what is new. Units: `wall_s` in seconds since 1970.
    pub fn tick<M: Memory + ?Sized>(
        &mut self,
        memory: &M,
        frozen: impl Fn(&Place) -> bool,
        wall_s: u64,
    ) {
        let mut notes = Vec::new();
        self.cursor = memory.drain_notes(self.cursor, &mut |note| notes.push(*note));
        let mut touched = BTreeSet::new();
        for note in &notes {
            let Some(place) = self.place_of(note.place, memory) else {
                continue;
            };
            if let Some(route) = self.routes.get_mut(&place) {
                route.taken += u32::from(matches!(note.kind, NoteKind::Request { .. }));
            }
            if !frozen(&place) {
                self.learn(place, note, wall_s, &mut touched);
            }
        }
        self.publish(memory, &touched);
        self.settle(memory, wall_s);
    }

    fn learn(
        &mut self,
        place: Place,
        note: &Note,
        wall_s: u64,
        touched: &mut BTreeSet<(PlaceId, Option<(u8, Name)>)>,
    ) {
        let room = self.known < MAX_PARAMETERS;
        let route = self.routes.entry(place).or_default();
        let before = route.parameters.len();
        if route.first_s == 0 {
            route.first_s = wall_s;
        }
        route.last_s = wall_s;
        match note.kind {
            NoteKind::Value { part, name, shape } => {
                touched.insert((note.place, Some((part as u8, name))));
                if let Some(parameter) = route.parameter(part, name, room) {
                    parameter.take(note.source, &shape, wall_s);
                }
            }
            NoteKind::Flagged {
                part,
                name,
                families,
            } => {
                touched.insert((note.place, Some((part as u8, name))));
                if let Some(parameter) = route.parameter(part, name, room) {
                    parameter.find(note.source, families, wall_s);
                }
            }
            NoteKind::Request { numbers } => {
                touched.insert((note.place, None));
                if let Some(vote) = route.voters.of(note.source, wall_s) {
                    *vote = numbers;
                }
            }
            NoteKind::Operation {
                name,
                documented,
                deprecated,
            } => {
                let new = Operation {
                    documented,
                    deprecated,
                    last_sender: note.source,
                    ..Operation::default()
                };
                route.note_operation(name, new, wall_s);
            }
        }
        self.known += route.parameters.len().saturating_sub(before);
    }

    fn publish<M: Memory + ?Sized>(
        &self,
        memory: &M,
        touched: &BTreeSet<(PlaceId, Option<(u8, Name)>)>,
    ) {
        for (id, of) in touched {
            let Some(route) = self.numbers.get(id).and_then(|p| self.routes.get(p)) else {
                continue;
            };
            let Some(key) = of else {
                memory.publish_facts(slot(memory, *id, None), &route.usual().to_words());
                continue;
            };
            let part = Part::ALL.get(usize::from(key.0)).copied();
            if let (Some(part), Some(parameter)) = (part, route.parameters.get(key)) {
                let at = slot(memory, *id, Some((part, &key.1)));
                memory.publish_facts(at, &parameter.facts().to_words());
            }
        }
    }

    /// Every few seconds: how large each route's sample is to be.
    fn settle<M: Memory + ?Sized>(&mut self, memory: &M, wall_s: u64) {
        let seconds = wall_s.saturating_sub(self.settled_s);
        if seconds < 4 {
            return;
        }
        self.settled_s = wall_s;
        let routes = self.routes.len();
        self.routes
            .retain(|_, route| route.last_s + FORGOTTEN_S > wall_s);
        if self.routes.len() < routes {
            self.count();
        }
        for (id, place) in &self.numbers {
            if let Some(route) = self.routes.get_mut(place) {
                let before = route.rate;
                route.settle(seconds.min(60) as u32);
                if route.rate != before {
                    memory.publish_facts(slot(memory, *id, None), &route.usual().to_words());
                }
            }
        }
    }

    /// Finds the place of a number; a route that is met for the first time has what was imported
    /// for it published.
    fn place_of<M: Memory + ?Sized>(&mut self, id: PlaceId, memory: &M) -> Option<Place> {
        if let Some(place) = self.numbers.get(&id) {
            return Some(*place);
        }
        for (id, place) in memory.places() {
            let named = !place.route.as_bytes().is_empty() && place.consumer().is_none();
            if named && self.numbers.insert(id, place).is_none() {
                self.publish_all(memory, id, &place);
            }
        }
        self.numbers.get(&id).copied()
    }

    /// Publishes all that is known of a place.
    pub(super) fn publish_all<M: Memory + ?Sized>(&self, memory: &M, id: PlaceId, place: &Place) {
        if let Some(route) = self.routes.get(place) {
            let keys = route.parameters.keys().map(|key| (id, Some(*key)));
            self.publish(memory, &keys.chain([(id, None)]).collect());
        }
    }

    /// Forgets which numbers places have, so that all is published anew: for what was imported.
    pub(super) fn forget_numbers(&mut self) {
        self.numbers.clear();
        self.count();
    }

    fn count(&mut self) {
        self.known = self.routes.values().map(|r| r.parameters.len()).sum();
    }
}

#[cfg(test)]
#[path = "learned_tests.rs"]
mod tests;
