//! Notes and facts of payloads in the region.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicBool, Ordering};
use threat_agent_engine::inspect::Part;
use threat_agent_engine::memory::{Memory, Place, PlaceId};
use threat_agent_engine::profile::{
    Line, Name, Note, NoteKind, Profiles, SavedProfiles, Shape, Slot, FACTS_WORDS,
};
use threat_agent_engine::signal::Id;
use threat_agent_engine::{Config, Engine, Identity, Request};
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
    let slot = |n: u64| Slot::Parameter(state.hash(&n.to_le_bytes()).max(1));
    let facts = |n: u64| -> [u64; FACTS_WORDS] { std::array::from_fn(|at| n * 7 + at as u64) };
    // As many as are ever kept.
    let kept = state.parameter_room() as u64;
    let placed = (0..kept).filter(|n| state.publish_facts(slot(*n), &facts(*n)));
    let placed: Vec<u64> = placed.collect();
    assert!(placed.len() as u64 > kept * 99 / 100, "{}", placed.len());
    for n in &placed {
        assert_eq!(state.facts(slot(*n)), Line::Whole(facts(*n)));
    }
    assert_eq!(state.facts(slot(1 << 40)), Line::Absent);
    state.publish_facts(slot(placed[0]), &facts(99));
    assert_eq!(state.facts(slot(placed[0])), Line::Whole(facts(99)));
    // What is taken back leaves room; a route has a line of its own.
    let route = Slot::Route(PlaceId(7));
    assert!(state.publish_facts(route, &facts(1)));
    state.retain_facts(&|s| s == route || s == slot(placed[1]));
    assert_eq!(state.facts(route), Line::Whole(facts(1)));
    assert_eq!(state.facts(slot(placed[0])), Line::Absent);
    assert_eq!(state.facts(slot(placed[1])), Line::Whole(facts(placed[1])));
    state.retain_facts(&|_| false);
    assert_eq!(state.facts(route), Line::Absent);
}

/// A reader sees whole lines, or that there is one, while the leader writes.
#[test]
fn a_line_is_whole_or_told_to_be_torn() {
    let state = state();
    let (slot, rounds) = (Slot::Parameter(5), 50_000);
    state.publish_facts(slot, &[0; FACTS_WORDS]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=rounds {
                state.publish_facts(slot, &[n; FACTS_WORDS]);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| loop {
                let line = state.facts(slot);
                assert_ne!(line, Line::Absent);
                if let Some(words) = line.whole() {
                    assert!(words.iter().all(|w| *w == words[0]));
                    if words[0] == rounds {
                        break;
                    }
                }
            });
        }
    });
}

/// A leader on a region, with a route that he learns of.
struct Node {
    state: SharedState,
    leader: Profiles,
    now_s: u64,
}

const ROUTE: &[u8] = b"r";

impl Node {
    fn new(bytes: usize) -> Node {
        Node {
            state: SharedState::create(bytes).unwrap(),
            leader: Profiles::default(),
            now_s: 1_790_000_000,
        }
    }

    fn place(&self) -> PlaceId {
        self.state.place(&Place {
            route: Id::new(ROUTE),
            ..Place::default()
        })
    }

    fn note(&self, sender: u64, kind: NoteKind) {
        self.state.note(&Note {
            place: self.place(),
            source: self.state.hash(&sender.to_le_bytes()),
            kind,
        });
    }

    fn value(&self, sender: u64, name: &str) {
        let (part, name) = (Part::Query, Name::new(name.as_bytes()));
        let shape = Shape::of(b"7");
        self.note(sender, NoteKind::Value { part, name, shape });
    }

    fn tick(&mut self, later_s: u64) {
        self.now_s += later_s;
        self.leader.tick(&self.state, |_| false, self.now_s);
    }

    /// Lets 40 senders send these names, twice within two days.
    fn teach(&mut self, names: &[&str]) {
        for _ in 0..2 {
            for sender in 0..40 {
                let numbers = [1.0; 3];
                self.note(sender, NoteKind::Request { numbers });
                names.iter().for_each(|name| self.value(sender, name));
            }
            self.tick(90_000);
        }
    }

    fn slot(&self, name: &str) -> Slot {
        let name = Name::new(name.as_bytes());
        Slot::parameter(&self.state, self.place(), Part::Query, &name)
    }

    fn line(&self, name: &str) -> Line {
        self.state.facts(self.slot(name))
    }
}

/// Names that come and go leave no lines behind.
#[test]
fn a_flood_of_names_leaves_room_for_real_ones() {
    for senders in [1, 2] {
        let mut node = Node::new(8 << 20);
        for round in 0..500 {
            for nth in 0..47 {
                (0..senders)
                    .for_each(|sender| node.value(1_000 + sender, &format!("r{round}n{nth}")));
            }
            node.tick(1);
        }
        for nth in 0..10 {
            let name = format!("real_{nth}");
            node.teach(&[&name]);
            assert!(matches!(node.line(&name), Line::Whole(_)), "{name}");
        }
    }
}

/// A new leader takes none of the notes that the one before took, and what both know stays published.
#[test]
fn notes_are_learned_from_once() {
    let mut node = Node::new(8 << 20);
    node.teach(&["id"]);
    node.value(1, "waiting");
    let saved = node.leader.export();
    node.leader = Profiles::default();
    node.leader.import(&saved).unwrap();
    node.leader.take_over(&node.state, node.now_s);
    assert!(matches!(node.line("id"), Line::Whole(_)));
    node.tick(90_000);
    let learned = SavedProfiles::read(&node.leader.export()).unwrap();
    let facts: Vec<_> = learned.routes[0]
        .parameters
        .iter()
        .map(|p| (&*p.name, p.facts()))
        .collect();
    assert_eq!(facts[1].0, "waiting");
    // Two days, from the first note to the last.
    assert_eq!((facts[0].0, facts[0].1.minutes), ("id", 1_500));

    // One who has no file begins anew, and says nothing of what he does not know.
    node.leader = Profiles::default();
    node.leader.take_over(&node.state, node.now_s);
    node.tick(1);
    assert_eq!(node.line("id"), Line::Absent);
    assert_eq!(node.state.facts(Slot::Route(PlaceId(0))), Line::Absent);
    assert_eq!(
        SavedProfiles::read(&node.leader.export())
            .unwrap()
            .routes
            .len(),
        0
    );
}

/// What an engine that asks for little says of a request with a quote in each of many parameters.
struct Asked {
    engine: Engine,
    query: String,
}

impl Asked {
    fn new(names: &[&str]) -> Asked {
        let config = br#"{"mode": "enforce", "payload": {"positive_model": {"min_minutes": 60}}}"#;
        let query: Vec<String> = names.iter().map(|name| format!("{name}=O'Brien")).collect();
        Asked {
            engine: Engine::new(Config::from_json(config).unwrap()).unwrap(),
            query: query.join("&"),
        }
    }

    fn reason(&self, state: &SharedState) -> String {
        let request = Request {
            identity: Identity {
                route: ROUTE,
                ..Identity::default()
            },
            method: b"GET",
            path: b"/",
            query: self.query.as_bytes(),
            ..Request::default()
        };
        self.engine.inspect(&request, state, 1_000).reason
    }

    /// Asks again and again while `write` works.
    fn while_written(&self, state: &SharedState, write: impl FnOnce() + Send) {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                write();
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                let reason = self.reason(state);
                assert!(!reason.contains("is no parameter"), "{reason}");
            }
        });
    }
}

/// A new leader publishes routes after their parameters: whoever reads of a route finds them.
#[test]
fn no_name_is_unknown_while_a_leader_begins() {
    let names: Vec<String> = (0..40).map(|nth| format!("name_{nth}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut teacher = Node::new(8 << 20);
    teacher.teach(&names);
    let saved = teacher.leader.export();
    for _ in 0..50 {
        let mut node = Node::new(8 << 20);
        node.leader.import(&saved).unwrap();
        let route = Slot::Route(node.place());
        let slots: Vec<Slot> = names.iter().map(|name| node.slot(name)).collect();
        let (state, leader) = (&node.state, &mut node.leader);
        std::thread::scope(|scope| {
            scope.spawn(|| leader.take_over(state, teacher.now_s));
            while state.facts(route).whole().is_none() {
                std::hint::spin_loop();
            }
            let absent = |slot: &&Slot| state.facts(**slot) == Line::Absent;
            assert_eq!(slots.iter().filter(absent).count(), 0);
        });
    }
}

/// A line in the making is not one that is not there.
#[test]
fn no_name_is_unknown_while_its_line_is_written() {
    let mut node = Node::new(8 << 20);
    node.teach(&["id"]);
    let id = node.line("id").whole().unwrap();
    let slot = node.slot("id");
    let asked = Asked::new(&["id"]);
    asked.while_written(&node.state, || {
        for n in 0..200_000 {
            let mut words = id;
            // The longest value.
            words[5] ^= n & 1;
            node.state.publish_facts(slot, &words);
        }
    });
}
