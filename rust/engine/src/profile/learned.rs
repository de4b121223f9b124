//! What the leader learns, and publishes.
//!
//! Bounded: 64 parameters a route, half as many on a node as there are lines to publish them, 64
//! senders each; `room` tells who makes room. A parameter is published from its second sender on, and
//! taken back when it goes. A route whose names come and go, or found no room, is known to be open, and
//! then a new name there says nothing.

use super::facts::Slot;
use super::known::{Key, Operation, Route, PARAMETERS};
use super::note::{Note, NoteKind};
use super::parameter::Parameter;
use super::room::{least, Worth};
use crate::inspect::Part;
use crate::memory::{Memory, Place, PlaceId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Share of a full node's names that makes room at once, since finding them takes a walk over all.
const AT_ONCE: usize = 16;
/// Routes that nobody asked for in so long are forgotten. Units: seconds (90 days).
const FORGOTTEN_S: u64 = 90 * 86_400;

/// All that is known of the payloads of a node.
#[derive(Debug, Default)]
pub struct Profiles {
    pub(super) routes: BTreeMap<Place, Route>,
    numbers: HashMap<PlaceId, Place>,
    /// Where parameters are published.
    published: HashSet<Slot>,
    cursor: u64,
    settled_s: u64,
    /// Parameters of all routes.
    pub(super) known: usize,
}

/// One second's work.
struct Second<'m, M: ?Sized> {
    memory: &'m M,
    wall_s: u64,
    /// Whether a walk over all names found none that makes room.
    full: bool,
    /// What is to be published.
    routes: BTreeSet<PlaceId>,
    parameters: BTreeSet<(PlaceId, Key)>,
    /// Whether something published is to be taken back.
    gone: bool,
}

impl<'m, M: Memory + ?Sized> Second<'m, M> {
    fn new(memory: &'m M, wall_s: u64) -> Second<'m, M> {
        Second {
            memory,
            wall_s,
            full: false,
            routes: BTreeSet::new(),
            parameters: BTreeSet::new(),
            gone: false,
        }
    }
}

fn slot_of<M: Memory + ?Sized>(memory: &M, id: PlaceId, (part, name): &Key) -> Option<Slot> {
    let part = Part::ALL.get(usize::from(*part))?;
    Some(Slot::parameter(memory, id, *part, name))
}

/// The names of a route, and what each is worth.
fn worths<'r>(
    place: &'r Place,
    route: &'r Route,
    now_s: u64,
) -> impl Iterator<Item = ((&'r Place, &'r Key), Worth)> {
    let all = route.parameters.iter();
    all.map(move |(key, parameter)| ((place, key), parameter.worth(now_s)))
}

/// The same names by themselves, each with whoever made it up.
fn owned(names: Vec<((&Place, &Key), Worth)>) -> Vec<(Place, Key, u64)> {
    let all = names.into_iter();
    all.map(|((place, key), worth)| (*place, *key, worth.owner))
        .collect()
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
        let mut second = Second::new(memory, wall_s);
        let mut notes = Vec::new();
        self.cursor = memory.drain_notes(self.cursor, &mut |note| notes.push(*note));
        if notes.iter().any(|n| !self.numbers.contains_key(&n.place)) {
            self.meet(&mut second);
        }
        for note in &notes {
            let Some(place) = self.numbers.get(&note.place).copied() else {
                continue;
            };
            if let Some(route) = self.routes.get_mut(&place) {
                route.taken += u32::from(matches!(note.kind, NoteKind::Request { .. }));
            }
            if !frozen(&place) {
                self.learn(place, note, &mut second);
            }
        }
        self.settle(&mut second);
        self.publish(second);
    }

    /// Goes on where the leader before has stopped: what he learned is in the file, what he published
    /// and nobody knows of any more is taken back.
    pub fn take_over<M: Memory + ?Sized>(&mut self, memory: &M, wall_s: u64) {
        let mut second = Second::new(memory, wall_s);
        self.cursor = memory.drained_notes();
        self.numbers.clear();
        self.published.clear();
        self.meet(&mut second);
        second.gone = true;
        self.publish(second);
    }

    fn learn<M: Memory + ?Sized>(&mut self, place: Place, note: &Note, second: &mut Second<'_, M>) {
        let wall_s = second.wall_s;
        let route = self.routes.entry(place).or_default();
        route.id = Some(note.place);
        if route.first_s == 0 {
            route.first_s = wall_s;
        }
        route.last_s = wall_s;
        match note.kind {
            NoteKind::Value { part, name, shape } => {
                if let Some(known) = self.parameter(place, note, (part as u8, name), second) {
                    known.take(note.source, &shape, wall_s);
                }
            }
            NoteKind::Flagged {
                part,
                name,
                families,
            } => {
                if let Some(known) = self.parameter(place, note, (part as u8, name), second) {
                    known.find(note.source, families, wall_s);
                }
            }
            NoteKind::Request { numbers } => {
                route.take(note.source, numbers, wall_s);
                second.routes.insert(note.place);
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
    }

    /// Finds or makes a parameter; none where there is no room for a new one.
    fn parameter<M: Memory + ?Sized>(
        &mut self,
        place: Place,
        note: &Note,
        key: Key,
        second: &mut Second<'_, M>,
    ) -> Option<&mut Parameter> {
        let route = self.routes.get(&place)?;
        if !route.parameters.contains_key(&key) {
            if !self.has_room(&place, second) {
                let route = self.routes.get_mut(&place)?;
                route.drop_name(key.0, note.source, second.wall_s);
                second.routes.insert(note.place);
                return None;
            }
            self.known += 1;
        }
        second.parameters.insert((note.place, key));
        let route = self.routes.get_mut(&place)?;
        Some(route.parameters.entry(key).or_default())
    }

    /// Tells whether a route may have one more parameter, after others made room for it.
    fn has_room<M: Memory + ?Sized>(&mut self, place: &Place, second: &mut Second<'_, M>) -> bool {
        let now_s = second.wall_s;
        let full = |route: &&Route| route.parameters.len() >= PARAMETERS;
        if let Some(route) = self.routes.get(place).filter(full) {
            let gone = owned(least(worths(place, route, now_s), 1));
            let room = !gone.is_empty();
            self.forget(gone, second);
            return room;
        }
        let most = second.memory.parameter_room();
        if self.known >= most {
            if !second.full {
                let all = self.routes.iter();
                let all = all.flat_map(|(place, route)| worths(place, route, now_s));
                let gone = least(all, self.known - most + most / AT_ONCE + 1);
                self.forget(owned(gone), second);
            }
            second.full = self.known >= most;
        }
        if second.full {
            if let Some(route) = self.routes.get_mut(place) {
                route.crowd(now_s);
            }
        }
        !second.full
    }

    /// Forgets parameters; whoever made them up counts among those whose names come and go there.
    fn forget<M: Memory + ?Sized>(
        &mut self,
        names: Vec<(Place, Key, u64)>,
        second: &mut Second<'_, M>,
    ) {
        for (place, key, owner) in names {
            let Some(route) = self.routes.get_mut(&place) else {
                continue;
            };
            self.known -= usize::from(route.parameters.remove(&key).is_some());
            route.drop_name(key.0, owner, second.wall_s);
            let id = route.id;
            second.routes.extend(id);
            second.gone |= self.withdraw(id, &key, second.memory);
        }
    }

    /// Takes a parameter off the list of those that are published. Returns whether it was one.
    fn withdraw<M: Memory + ?Sized>(&mut self, id: Option<PlaceId>, key: &Key, memory: &M) -> bool {
        let slot = id.and_then(|id| slot_of(memory, id, key));
        slot.is_some_and(|slot| self.published.remove(&slot))
    }

    /// Takes back what is gone, and publishes what is new: routes after their parameters, so that none
    /// of these is missed that is about to be told.
    fn publish<M: Memory + ?Sized>(&mut self, second: Second<'_, M>) {
        let Second {
            memory,
            wall_s,
            mut routes,
            parameters,
            gone,
            ..
        } = second;
        let known = |id: &PlaceId| self.numbers.get(id).and_then(|p| self.routes.get(p));
        if gone {
            let due = parameters
                .iter()
                .filter_map(|(id, key)| slot_of(memory, *id, key));
            let due: HashSet<Slot> = due.collect();
            memory.retain_facts(&|slot| match slot {
                Slot::Route(id) => known(&id).is_some(),
                Slot::Parameter(_) => self.published.contains(&slot) || due.contains(&slot),
            });
        }
        for (id, key) in &parameters {
            let place = self.numbers.get(id);
            let route = place.and_then(|place| self.routes.get_mut(place));
            let known = route.and_then(|route| route.parameters.get_mut(key));
            let known = known.filter(|parameter| parameter.is_confirmed());
            let (Some(known), Some(slot)) = (known, slot_of(memory, *id, key)) else {
                continue;
            };
            let placed = memory.publish_facts(slot, &known.facts().to_words());
            if placed {
                self.published.insert(slot);
            }
            if known.unpublished == placed {
                known.unpublished = !placed;
                routes.insert(*id);
            }
        }
        for id in &routes {
            let place = self.numbers.get(id);
            if let Some(route) = place.and_then(|place| self.routes.get(place)) {
                memory.publish_facts(Slot::Route(*id), &route.usual(wall_s).to_words());
            }
        }
    }

    /// Every few seconds: how large each route's sample is to be, and which routes are forgotten.
    fn settle<M: Memory + ?Sized>(&mut self, second: &mut Second<'_, M>) {
        let seconds = second.wall_s.saturating_sub(self.settled_s);
        if seconds < 4 {
            return;
        }
        self.settled_s = second.wall_s;
        let old = |route: &Route| route.last_s.saturating_add(FORGOTTEN_S) <= second.wall_s;
        let old: Vec<Place> = self
            .routes
            .iter()
            .filter(|(_, r)| old(r))
            .map(|(p, _)| *p)
            .collect();
        for place in old {
            let Some(route) = self.routes.remove(&place) else {
                continue;
            };
            self.known -= route.parameters.len();
            second.gone = true;
            for key in route.parameters.keys() {
                self.withdraw(route.id, key, second.memory);
            }
        }
        for route in self.routes.values_mut() {
            let changed = route.settle(seconds.min(60) as u32);
            second.routes.extend(route.id.filter(|_| changed));
        }
    }

    /// Learns which numbers places have; what is known of one that is new here is to be published.
    /// Cost: a walk over all places, so once a second at most.
    fn meet<M: Memory + ?Sized>(&mut self, second: &mut Second<'_, M>) {
        for (id, place) in second.memory.places() {
            let named = !place.route.as_bytes().is_empty() && place.consumer().is_none();
            if !named || self.numbers.insert(id, place).is_some() {
                continue;
            }
            if let Some(route) = self.routes.get_mut(&place) {
                route.id = Some(id);
                second.routes.insert(id);
                let keys = route.parameters.keys();
                second.parameters.extend(keys.map(|key| (id, *key)));
            }
        }
    }

    /// Forgets which numbers places have, so that all is published anew: for what was imported.
    pub(super) fn forget_numbers(&mut self) {
        self.numbers.clear();
        self.known = self.routes.values().map(|r| r.parameters.len()).sum();
    }
}

#[cfg(test)]
#[path = "bounds_tests.rs"]
mod bounds;
#[cfg(test)]
#[path = "learned_tests.rs"]
mod tests;
