//! The worker's half of learning: which requests are sampled, and what is noted of them.

use super::api::{template, Api, ApiOperation};
use super::facts::Usual;
use super::name::{self, Name};
use super::note::{Note, NoteKind};
use super::noted::Noted;
use super::shape::Shape;
use crate::decode::{self, Scratch, Value};
use crate::inspect::{Evidence, Part};
use crate::memory::{Memory, PlaceId};
use crate::request::{client_key, network_key, Identity, Method, Request};
use crate::rules::normalise;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bit of the model among those of families.
pub const MODEL_FAMILY: usize = 16;
/// Values of one request that are noted.
pub const NOTED: usize = 48;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// The families that speak on a value as bits, in their order; the model's where none does.
pub fn families_of(evidence: &Evidence) -> u32 {
    let all = evidence.families.iter().enumerate();
    let speaking = all.filter(|(_, weight)| **weight > 0.0);
    match speaking.fold(0, |bits, (nth, _)| bits | 1 << nth) {
        0 => 1 << MODEL_FAMILY,
        bits => bits,
    }
}

/// Draws the sample.
#[derive(Debug, Default)]
pub struct Sampler {
    turn: AtomicU64,
}

impl Sampler {
    /// Draws a request: one in 2^rate, and all while nothing is known. Returns its turn, if it is in
    /// the sample. Source: Weyl's equidistribution theorem.
    pub fn draws(&self, usual: Option<&Usual>) -> Option<u64> {
        self.draws_one_in(1 << usual.map_or(0, |u| u.rate.min(31)))
    }

    /// Draws one turn in `n`.
    pub fn draws_one_in(&self, n: u64) -> Option<u64> {
        let turn = self
            .turn
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        (turn <= u64::MAX / n).then_some(turn)
    }
}

/// Hashes who sent a request: the consumer, or else the client; of IPv6 its /56.
fn source_of<M: Memory + ?Sized>(identity: &Identity, memory: &M) -> Option<u64> {
    if !identity.consumer.is_empty() {
        return Some(memory.hash(identity.consumer));
    }
    let client = identity.client?;
    Some(memory.hash(&network_key(client).unwrap_or_else(|| client_key(client))))
}

/// Notes a request in which nothing was found: its numbers and the form of its values, of many those
/// whose `turn` it is. Cost: it is decoded once more, so only for the sample.
#[inline(never)]
pub fn note_clean<M: Memory + ?Sized>(
    request: &Request,
    numbers: [f32; 3],
    turn: u64,
    place: PlaceId,
    memory: &M,
) {
    let Some(source) = source_of(&request.identity, memory) else {
        return;
    };
    let tell = |kind| {
        memory.note(&Note {
            place,
            source,
            kind,
        });
    };
    tell(NoteKind::Request { numbers });
    let mut noted = Noted::new(turn);
    SCRATCH.with(|scratch| {
        let Ok(mut scratch) = scratch.try_borrow_mut() else {
            return;
        };
        // A key is told before its value; where no string follows, its value is none.
        let mut key: Option<Name> = None;
        let mut note = |part, name, shape| noted.add(part, name, shape, memory);
        decode::walk(request, &mut scratch, |value| {
            if !name::is_learned(value.part) || value.name.is_empty() {
                return;
            }
            let name = Name::sent(value.part, value.name);
            if value.part == Part::Json {
                let pending = key.take();
                if is_key(value) {
                    if let Some(pending) = pending.filter(|p| !holds(p, &name)) {
                        note(Part::Json, pending, Shape::SCALAR);
                    }
                    key = Some(name);
                    return;
                }
            }
            let shape = match name::is_name(value) {
                true => Shape::SCALAR,
                false => Shape::of(value.bytes),
            };
            note(value.part, name, shape);
        });
        if let Some(pending) = key {
            note(Part::Json, pending, Shape::SCALAR);
        }
    });
    for (part, name, shape) in noted.all() {
        tell(NoteKind::Value { part, name, shape });
    }
}

/// Notes where something was found in a request.
#[inline(never)]
pub fn note_flagged<M: Memory + ?Sized>(
    request: &Request,
    flagged: &[(Part, Name, u32)],
    place: PlaceId,
    memory: &M,
) {
    let Some(source) = source_of(&request.identity, memory) else {
        return;
    };
    for (part, name, families) in flagged {
        let kind = NoteKind::Flagged {
            part: *part,
            name: *name,
            families: *families,
        };
        memory.note(&Note {
            place,
            source,
            kind,
        });
    }
}

/// Notes which operation a request was: the document's, or else the template of its path.
#[inline(never)]
pub fn note_operation<M: Memory + ?Sized>(
    identity: &Identity,
    method: Method,
    path: &[u8],
    api: Option<&Api>,
    place: PlaceId,
    memory: &M,
) {
    let Some(source) = source_of(identity, memory) else {
        return;
    };
    let path = normalise(path);
    let known = api.and_then(|api| api.find(method.name(), &path));
    let title = known.map_or_else(
        || format!("{} {}", method.name(), template(&path)),
        ApiOperation::title,
    );
    // Without a document there is nothing that it could lack.
    let kind = NoteKind::Operation {
        name: Name::text(title.as_bytes()),
        documented: known.is_some() || api.is_none(),
        deprecated: known.is_some_and(|o| o.deprecated),
    };
    memory.note(&Note {
        place,
        source,
        kind,
    });
}

/// Tells whether a value is a key of an object: it stands under its own name.
fn is_key(value: &Value<'_>) -> bool {
    value.name.ends_with(value.bytes)
        && match value.name.len() - value.bytes.len() {
            0 => true,
            before => value.name.get(before - 1) == Some(&b'.'),
        }
}

/// Tells whether a name is of something within an object.
fn holds(object: &Name, name: &Name) -> bool {
    let rest = name.as_bytes().strip_prefix(object.as_bytes());
    rest.is_some_and(|rest| rest.first() == Some(&b'.'))
}
