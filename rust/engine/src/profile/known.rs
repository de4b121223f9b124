//! What is known of one route.

use super::facts::{high, Usual};
use super::name::Name;
use super::parameter::Parameter;
use super::voters::Voters;
use crate::inspect::Part;
use crate::memory::PlaceId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Parameters of one route.
pub(super) const PARAMETERS: usize = 64;
/// Operations of one route.
const OPERATIONS: usize = 64;
/// Senders whose names had to go, or found no room, until a part of a route counts as open; so that no
/// client opens one by itself.
pub(super) const OPEN: usize = 8;
/// How long what opens a part counts, and what nobody asked for keeps its place. Units: seconds.
const OLD_S: u64 = 30 * 86_400;
/// Requests a second that are sampled at most, and those below which more are; by route.
const SAMPLED: (u32, u32) = (16, 4);
const MAX_RATE: u8 = 10;

/// The key of a parameter: its part and its name.
pub(super) type Key = (u8, Name);

/// What is known of one route.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Route {
    pub first_s: u64,
    pub last_s: u64,
    /// The largest of each number that a sender has shown.
    voters: Voters<[f32; 3]>,
    /// Its number on this node, once it was met.
    #[serde(skip)]
    pub id: Option<PlaceId>,
    #[serde(skip)]
    pub parameters: BTreeMap<Key, Parameter>,
    #[serde(skip)]
    pub operations: BTreeMap<Name, Operation>,
    /// The latest senders, by part, of names that had to go or found no room, and when that was.
    #[serde(default)]
    dropped: [Vec<(u64, u64)>; Part::ALL.len()],
    /// When a name last found the whole node full of names that stay.
    #[serde(default)]
    crowded_s: u64,
    #[serde(skip)]
    rate: u8,
    /// Requests of the sample in the seconds at hand.
    #[serde(skip)]
    pub taken: u32,
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
    pub(super) last_sender: u64,
}

impl Route {
    /// The same without its parameters and operations.
    pub fn bare(&self) -> Route {
        Route {
            first_s: self.first_s,
            last_s: self.last_s,
            voters: self.voters.clone(),
            dropped: self.dropped.clone(),
            crowded_s: self.crowded_s,
            ..Route::default()
        }
    }

    pub fn is_sound(&self) -> bool {
        let finite = |vote: &[f32; 3]| vote.iter().all(|x| x.is_finite());
        let bounded = self.dropped.iter().all(|senders| senders.len() <= OPEN);
        self.voters.is_sound() && self.voters.votes().all(finite) && bounded
    }

    /// Sums it up. Cost: a pass over the votes and one over the parameters.
    pub fn usual(&self, now_s: u64) -> Usual {
        let numbers = [0, 1, 2].map(|nth| {
            let all: Vec<f32> = self.voters.votes().map(|vote| vote[nth]).collect();
            let n = all.len().max(1) as f32;
            let most = high(all.clone(), f32::total_cmp).unwrap_or(0.0);
            let cut = || all.iter().map(|x| x.min(most));
            let mean = cut().sum::<f32>() / n;
            let squares: f32 = cut().map(|x| (x - mean).powi(2)).sum();
            [mean, (squares / n).sqrt(), most]
        });
        Usual {
            numbers,
            sampled: self.voters.sampled(),
            sources: self.voters.estimate().min(u64::from(u16::MAX)) as u16,
            minutes: (self.last_s.saturating_sub(self.first_s) / 60) as u32,
            rate: self.rate,
            open: self.open(now_s),
        }
    }

    /// Parts in which a name that is not known may be one that found no room, as bits.
    fn open(&self, now_s: u64) -> u8 {
        let lately = |then_s: u64| then_s.saturating_add(OLD_S) > now_s;
        if self.crowded_s > 0 && lately(self.crowded_s) {
            return u8::MAX;
        }
        let many = |senders: &Vec<(u64, u64)>| {
            senders.iter().filter(|(_, seen_s)| lately(*seen_s)).count() >= OPEN
        };
        let dropped = self.dropped.iter().enumerate();
        let dropped = dropped.filter(|(_, senders)| many(senders));
        let lost = self.parameters.iter().filter(|(_, p)| p.unpublished);
        let parts = dropped.map(|(nth, _)| nth as u8);
        parts
            .chain(lost.map(|((part, _), _)| *part))
            .fold(0, |all, nth| all | 1u8.checked_shl(nth.into()).unwrap_or(0))
    }

    /// Takes note that a sender's name had to go, or found no room.
    pub fn drop_name(&mut self, part: u8, sender: u64, now_s: u64) {
        let Some(senders) = self.dropped.get_mut(usize::from(part)) else {
            return;
        };
        senders.retain(|(known, _)| *known != sender);
        if senders.len() >= OPEN {
            senders.remove(0);
        }
        senders.push((sender, now_s));
    }

    /// Takes note that a name found the node full of names that stay.
    pub fn crowd(&mut self, now_s: u64) {
        self.crowded_s = now_s;
    }

    /// Takes the numbers of a request in.
    pub fn take(&mut self, source: u64, numbers: [f32; 3], now_s: u64) {
        if let Some(vote) = self.voters.of(source, now_s) {
            for (most, number) in vote.iter_mut().zip(numbers) {
                *most = most.max(number);
            }
        }
    }

    /// Of a full list, what only one sender asked for, or nobody for long, makes room.
    pub fn note_operation(&mut self, name: Name, new: Operation, now_s: u64) {
        if self.operations.len() >= OPERATIONS && !self.operations.contains_key(&name) {
            let kept = |o: &Operation| o.changes > 0 && o.last_s.saturating_add(OLD_S) > now_s;
            let all = self.operations.iter();
            let least = all.min_by_key(|(_, o)| (kept(o), o.last_s));
            match least.filter(|(_, o)| !kept(o)).map(|(name, _)| *name) {
                Some(least) => self.operations.remove(&least),
                None => return,
            };
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

    /// Keeps the sample small where there is much. Returns whether its size has changed.
    pub fn settle(&mut self, seconds: u32) -> bool {
        let (per_s, before) = (self.taken / seconds.max(1), self.rate);
        if per_s > SAMPLED.0 && self.rate < MAX_RATE {
            self.rate += 1;
        } else if per_s < SAMPLED.1 {
            self.rate = self.rate.saturating_sub(1);
        }
        self.taken = 0;
        self.rate != before
    }
}
