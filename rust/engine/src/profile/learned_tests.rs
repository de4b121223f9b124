use super::super::facts::{Facts, Usual};
use super::super::judge::{Need, Odds};
use super::super::name::Name;
use super::super::shape::{Class, Shape};
use super::super::SavedProfiles;
use super::*;
use crate::local::LocalState;
use crate::signal::Id;
use proptest::prelude::*;

const NEED: Need = Need {
    sources: 10,
    minutes: 60,
};
/// A Monday.
pub(super) const START_S: u64 = 1_790_000_000;

pub(super) fn place(route: &str) -> Place {
    Place {
        workspace: Id::new(b"w"),
        service: Id::new(b"s"),
        route: Id::new(route.as_bytes()),
    }
}

/// A node in which notes can be played.
pub(super) struct Node {
    pub memory: LocalState,
    pub profiles: Profiles,
    pub now_s: u64,
}

impl Node {
    pub fn new() -> Node {
        Node {
            memory: LocalState::default(),
            profiles: Profiles::default(),
            now_s: START_S,
        }
    }

    pub fn note(&self, sender: u64, kind: NoteKind) {
        self.note_on("r", sender, kind);
    }

    pub fn note_on(&self, route: &str, sender: u64, kind: NoteKind) {
        self.memory.note(&Note {
            place: self.memory.place(&place(route)),
            source: self.memory.hash(&sender.to_le_bytes()),
            kind,
        });
    }

    pub fn value(&self, sender: u64, name: &str, value: &str) {
        self.value_on("r", sender, name, value);
    }

    pub fn value_on(&self, route: &str, sender: u64, name: &str, value: &str) {
        let (part, name) = (Part::Query, Name::new(name.as_bytes()));
        let shape = Shape::of(value.as_bytes());
        self.note_on(route, sender, NoteKind::Value { part, name, shape });
    }

    fn found(&self, sender: u64, name: &str, families: u32) {
        let (part, name) = (Part::Query, Name::new(name.as_bytes()));
        self.note(
            sender,
            NoteKind::Flagged {
                part,
                name,
                families,
            },
        );
    }

    pub fn tick(&mut self, seconds: u64) {
        self.now_s += seconds;
        self.profiles.tick(&self.memory, |_| false, self.now_s);
    }

    /// What workers read of a parameter.
    pub fn facts(&self, name: &str) -> Option<Facts> {
        self.facts_on("r", name)
    }

    pub fn facts_on(&self, route: &str, name: &str) -> Option<Facts> {
        let id = self.memory.place(&place(route));
        let name = Name::new(name.as_bytes());
        let slot = Slot::parameter(&self.memory, id, Part::Query, &name);
        let words = self.memory.facts(slot).whole()?;
        Some(Facts::from_words(&words))
    }

    pub fn usual(&self) -> Option<Usual> {
        self.usual_on("r")
    }

    pub fn usual_on(&self, route: &str) -> Option<Usual> {
        let id = self.memory.place(&place(route));
        let words = self.memory.facts(Slot::Route(id)).whole()?;
        Some(Usual::from_words(&words))
    }

    fn odds(&self, name: &str, value: &str, families: u32) -> Odds {
        let facts = self.facts(name).unwrap_or_default();
        Odds::of(&facts, &Shape::of(value.as_bytes()), families, NEED)
    }

    pub fn teach(&mut self, senders: u64, name: &str, value: &str) {
        for _ in 0..2 {
            (0..senders).for_each(|sender| self.value(sender, name, value));
            self.tick(3_700);
        }
    }
}

#[test]
fn workers_read_what_was_learned() {
    let mut node = Node::new();
    node.teach(40, "id", "4711");
    let facts = node.facts("id").unwrap();
    assert_eq!((facts.sampled, facts.sources), (40, 40));
    assert_eq!(facts.classes.count(Class::Integer as usize), 40);
    assert!(node.odds("id", "1' OR 'a'='a", 1).shift > 0.5);
    assert_eq!(node.odds("other", "1' OR 'a'='a", 1), Odds::default());
}

#[test]
fn neither_few_senders_nor_a_short_time_teach() {
    let mut node = Node::new();
    node.teach(9, "id", "4711");
    assert_eq!(node.odds("id", "<b>", 1), Odds::default());
    let mut node = Node::new();
    (0..40).for_each(|sender| node.value(sender, "id", "4711"));
    node.tick(60);
    assert_eq!(node.odds("id", "<b>", 1), Odds::default());
}

/// Whatever one sender sends, and however often, it is one of many.
#[test]
fn one_sender_teaches_nothing() {
    let mut node = Node::new();
    node.teach(40, "id", "4711");
    let before = node.odds("id", "1' OR 'a'='a", 1);
    for _ in 0..100 {
        (0..40).for_each(|_| node.value(1_000, "id", "x' OR 'b'='b"));
        (0..40).for_each(|_| node.found(1_000, "id", 1));
        node.tick(3_600);
    }
    let after = node.odds("id", "1' OR 'a'='a", 1);
    assert!(after.used.is_none() && after.oddity.is_some(), "{after:?}");
    assert!(before.shift - after.shift < 0.5, "{before:?} {after:?}");
}

#[test]
fn a_parameter_that_many_use_for_sql_is_used_to_it() {
    let mut node = Node::new();
    for _ in 0..3 {
        (0..30).for_each(|sender| node.found(sender, "statement", 1));
        node.tick(1_900);
    }
    let odds = node.odds("statement", "select a from b where c = 'd'", 1);
    assert!(odds.shift < -5.0, "{odds:?}");
    // Not to scripts.
    assert!(node.odds("statement", "<script>", 2).shift >= 0.0);
    // Scanners, who try everything, are used to nothing.
    let mut node = Node::new();
    for _ in 0..3 {
        (0..30).for_each(|sender| node.found(sender, "q", 0b111));
        node.tick(1_900);
    }
    assert!(node.odds("q", "select a from b where c = 'd'", 1).shift >= 0.0);
}

#[test]
fn nothing_is_learned_while_a_place_is_alarmed() {
    let mut node = Node::new();
    (0..40).for_each(|sender| node.value(sender, "id", "4711"));
    node.profiles.tick(&node.memory, |_| true, START_S);
    assert!(node.facts("id").is_none());
}

#[test]
fn the_sample_follows_the_traffic() {
    let mut node = Node::new();
    let mut rates = Vec::new();
    for second in 0..80 {
        let many = if second < 40 { 100 } else { 0 };
        let rate = node.usual().map_or(0, |u| u.rate);
        for sender in 0..many >> rate {
            node.note(sender, NoteKind::Request { numbers: [1.0; 3] });
        }
        node.tick(1);
        rates.push(rate);
    }
    assert!((2..=4).contains(&rates[39]), "{rates:?}");
    assert_eq!(rates[79], 0);
}

#[test]
fn a_file_keeps_it_over_a_restart() {
    let mut node = Node::new();
    node.teach(40, "id", "4711");
    (0..20).for_each(|sender| node.found(sender, "id", 1));
    node.note(1, NoteKind::Request { numbers: [1.0; 3] });
    let title = "GET /v1/oauth2/token";
    let (name, documented, deprecated) = (Name::text(title.as_bytes()), true, true);
    node.note(
        1,
        NoteKind::Operation {
            name,
            documented,
            deprecated,
        },
    );
    node.tick(1);
    let file = node.profiles.export();
    let saved = SavedProfiles::read(&file).unwrap();
    assert_eq!(saved.routes[0].parameters[0].name, "id");
    assert_eq!(saved.routes[0].operations[0].name, title);
    assert!(saved.routes[0].operations[0].operation.deprecated);

    let mut after = Node::new();
    after.profiles.import(&file).unwrap();
    after.now_s = node.now_s;
    // The first note of a route has all that is known of it published.
    after.value(1, "q", "x");
    after.tick(1);
    assert_eq!(after.facts("id"), node.facts("id"));
    let again = SavedProfiles::read(&after.profiles.export()).unwrap();
    assert_eq!(again.routes[0].operations[0].name, title);
    // An earlier version counted names instead of their senders.
    let mut first: serde_json::Value = serde_json::from_slice(&file).unwrap();
    first["version"] = 1.into();
    let route = first["routes"][0].as_object_mut().unwrap();
    route.remove("dropped").unwrap();
    route.remove("crowded_s").unwrap();
    route.insert("gone".to_owned(), vec![16; 8].into());
    assert!(SavedProfiles::read(first.to_string().as_bytes()).is_ok());
    first["version"] = 3.into();
    assert!(SavedProfiles::read(first.to_string().as_bytes()).is_err());
    for broken in [
        &b"{}"[..],
        b"",
        b"{\"format\":\"x\",\"version\":1,\"routes\":[]}",
    ] {
        assert!(after.profiles.import(broken).is_err());
    }
}

#[test]
fn a_route_that_nobody_asks_for_is_forgotten() {
    let mut node = Node::new();
    node.teach(40, "id", "4711");
    node.tick(80 * 86_400);
    assert_eq!((node.profiles.routes.len(), node.profiles.known), (1, 1));
    node.tick(20 * 86_400);
    assert_eq!((node.profiles.routes.len(), node.profiles.known), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whatever is noted: bounded, and it comes back from a file.
    #[test]
    fn any_notes_are_bounded(
        notes in prop::collection::vec((0u64..6, "[a-z0-9.]{0,12}", "[ -~]{0,20}", any::<u32>()), 0..400)
    ) {
        let mut node = Node::new();
        for (sender, name, value, families) in &notes {
            node.value(*sender, name, value);
            node.found(*sender, name, *families);
            node.tick(1);
        }
        let count: usize = node.profiles.routes.values().map(|r| r.parameters.len()).sum();
        prop_assert!(count <= PARAMETERS);
        let mut again = Profiles::default();
        again.import(&node.profiles.export()).unwrap();
        prop_assert_eq!(again.export(), node.profiles.export());
    }
}
