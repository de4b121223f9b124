//! Notes and facts of payloads in the region.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use threat_agent_engine::inspect::Part;
use threat_agent_engine::memory::{Memory, PlaceId};
use threat_agent_engine::profile::{Name, Note, NoteKind, Shape, FACTS_WORDS};
use threat_agent_state::SharedState;

fn state() -> SharedState {
    SharedState::create(64 << 20).unwrap()
}

fn note(n: u64) -> Note {
    Note {
        place: PlaceId(n as u16 % 2_048),
        source: n,
        kind: NoteKind::Value {
            part: Part::Json,
            name: Name::new(b"user.name"),
            shape: Shape::of(b"O'Brien"),
        },
    }
}

fn drain(state: &SharedState, cursor: u64) -> (Vec<Note>, u64) {
    let mut notes = Vec::new();
    let next = state.drain_notes(cursor, &mut |note| notes.push(*note));
    (notes, next)
}

#[test]
fn notes_come_back_and_wait_for_a_drain() {
    let state = state();
    (0..10_000).for_each(|n| state.note(&note(n)));
    assert!(!state.has_note_room());
    let (notes, cursor) = drain(&state, 0);
    // Three quarters of the ring.
    assert_eq!(notes, (0..3_072).map(note).collect::<Vec<_>>());
    assert!(state.has_note_room());
    state.note(&note(1));
    assert_eq!(drain(&state, cursor).0, [note(1)]);
}

#[test]
fn facts_are_found_as_long_as_there_is_room() {
    let state = state();
    let slot = |n: u64| state.hash(&n.to_le_bytes()).max(1);
    let facts = |n: u64| -> [u64; FACTS_WORDS] { std::array::from_fn(|at| n * 7 + at as u64) };
    // As many as are ever kept: parameters, and routes beside them.
    let placed = (0..6_144).filter(|n| state.publish_facts(slot(*n), &facts(*n)));
    let placed: Vec<u64> = placed.collect();
    assert!(placed.len() > 5_800, "{}", placed.len());
    for n in &placed {
        assert_eq!(state.facts(slot(*n)), Some(facts(*n)));
    }
    assert_eq!(state.facts(slot(1 << 40)), None);
    state.publish_facts(slot(placed[0]), &facts(99));
    assert_eq!(state.facts(slot(placed[0])), Some(facts(99)));
}

/// A reader sees whole lines or none while the leader writes.
#[test]
fn a_line_is_whole_or_none() {
    let state = state();
    let rounds = 50_000;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=rounds {
                state.publish_facts(5, &[n; FACTS_WORDS]);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| loop {
                if let Some(words) = state.facts(5) {
                    assert!(words.iter().all(|w| *w == words[0]));
                    if words[0] == rounds {
                        break;
                    }
                }
            });
        }
    });
}
