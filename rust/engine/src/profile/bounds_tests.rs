//! What is kept where more comes than there is room for.

use super::super::known::OPEN;
use super::super::name::Name;
use super::super::SavedProfiles;
use super::tests::{place, Node};
use super::*;

const DAY_S: u64 = 86_400;
const QUERY: u8 = 1 << Part::Query as u8;

impl Node {
    fn request(&self, route: &str, sender: u64, numbers: [f32; 3]) {
        self.note_on(route, sender, NoteKind::Request { numbers });
    }

    /// Lets each of `senders` send the same made-up names.
    fn make_up(&mut self, route: &str, senders: std::ops::Range<u64>, names: usize, round: u64) {
        for nth in 0..names {
            for sender in senders.clone() {
                self.value_on(route, sender, &format!("r{round}n{nth}"), "v");
            }
        }
        self.tick(1);
    }

    /// Fills the node with names that three senders have confirmed.
    fn crowd(&mut self) {
        for nth in 0..64 {
            self.make_up(&format!("crowd{nth}"), 1_000..1_003, 64, 0);
        }
        assert_eq!(self.profiles.known, self.memory.parameter_room());
    }

    fn has(&self, name: &str) -> bool {
        let route = &self.profiles.routes[&place("r")];
        let name = Name::new(name.as_bytes());
        route.parameters.contains_key(&(Part::Query as u8, name))
    }
}

/// Names that one client makes up take no room from known ones, nor from those that others brought,
/// and do not tell that the route is open.
#[test]
fn a_flood_of_names_drives_out_its_own() {
    let mut node = Node::new();
    node.teach(40, "id", "4711");
    node.value(50, "rare", "v");
    for round in 0..40 {
        node.make_up("r", 1_000..1_001, 50, round);
    }
    node.request("r", 1_000, [1.0; 3]);
    node.tick(1);
    assert_eq!(
        node.profiles.routes[&place("r")].parameters.len(),
        PARAMETERS
    );
    assert_eq!(node.facts("id").unwrap().sampled, 40);
    assert!(node.has("rare"));
    assert_eq!(node.usual().unwrap().open, 0);
}

#[test]
fn a_route_is_open_where_the_names_of_many_come_and_go() {
    let mut node = Node::new();
    for sender in 0..100 {
        node.value(sender, &format!("q{sender}x"), "v");
        node.request("r", sender, [1.0; 3]);
        node.tick(1);
        let gone = (sender as usize + 1).saturating_sub(PARAMETERS);
        let open = if gone >= OPEN { QUERY } else { 0 };
        assert_eq!(node.usual().unwrap().open, open, "{sender}");
    }
    // It is saved, and forgotten where nothing of the like comes any more.
    let mut after = Node::new();
    after.profiles.import(&node.profiles.export()).unwrap();
    for (later_s, open) in [(1, QUERY), (31 * DAY_S, 0)] {
        after.now_s = node.now_s + later_s;
        after.request("r", 1, [1.0; 3]);
        after.tick(0);
        assert_eq!(after.usual().unwrap().open, open);
    }
}

/// Three addresses that fill a route with made-up names hold its places for weeks, not for ever.
#[test]
fn what_was_not_seen_for_long_makes_room() {
    let mut node = Node::new();
    node.make_up("r", 0..3, PARAMETERS, 0);
    node.value(10, "id", "1");
    node.tick(1);
    assert!(!node.has("id"));
    node.now_s += 8 * DAY_S;
    node.teach(40, "id", "4711");
    assert_eq!(node.facts("id").unwrap().sampled, 40);

    let operation = |nth: u64| NoteKind::Operation {
        name: Name::text(format!("GET /{nth}x").as_bytes()),
        documented: true,
        deprecated: false,
    };
    for nth in 0..64 {
        for sender in [1, 2, 1] {
            node.note(sender, operation(nth));
        }
    }
    let count = |node: &Node, name: &str| {
        let saved = SavedProfiles::read(&node.profiles.export()).unwrap();
        let all = saved.routes[0].operations.iter();
        all.filter(|o| o.name == name).count()
    };
    for (later_s, want) in [(1, 0), (31 * DAY_S, 1)] {
        node.tick(later_s);
        node.note(9, operation(99));
        node.tick(1);
        assert_eq!(count(&node, "GET /99x"), want);
    }
}

/// One client that fills the node with names of its own holds up no route.
#[test]
fn a_full_node_makes_room_for_a_new_route() {
    let mut node = Node::new();
    for nth in 0..80 {
        node.make_up(&format!("crowd{nth}"), 1_000..1_001, 64, 0);
    }
    assert!(node.profiles.known <= node.memory.parameter_room());
    node.teach(40, "id", "4711");
    assert_eq!(node.facts("id").unwrap().sampled, 40);
}

/// Where all names of a node stay, a route that could learn none says nothing of names.
#[test]
fn a_route_that_found_the_node_full_is_open() {
    let mut node = Node::new();
    node.crowd();
    for sender in 0..12 {
        node.value(sender, "id", "4711");
        node.request("r", sender, [1.0; 3]);
    }
    node.tick(1);
    assert!(node.facts("id").is_none());
    assert_eq!(node.usual().unwrap().open, u8::MAX);
    // A week later those names are no longer worth more than any other.
    node.now_s += 8 * DAY_S;
    node.teach(40, "id", "4711");
    assert_eq!(node.facts("id").unwrap().sampled, 40);
}

/// What is published is what is kept: of two senders or more.
#[test]
fn a_parameter_is_published_from_its_second_sender_on_and_taken_back() {
    let mut node = Node::new();
    for round in 0..200 {
        node.make_up("r", 1_000..1_002, 50, round);
        node.make_up("s", 1_000..1_001, 50, round);
    }
    let published = |route: &str, round: u64| {
        let names = (0..50).map(|nth| format!("r{round}n{nth}"));
        names
            .filter(|name| node.facts_on(route, name).is_some())
            .count()
    };
    let all = |route: &str| (0..200).map(|round| published(route, round)).sum::<usize>();
    assert_eq!((all("r"), all("s")), (PARAMETERS, 0));
    assert_eq!(node.profiles.published.len(), PARAMETERS);
    // A route that is forgotten takes all with it.
    node.tick(91 * DAY_S);
    assert!(node.usual().is_none() && node.facts("r199n49").is_none());
}

#[test]
fn a_part_whose_parameter_found_no_line_is_open() {
    let mut node = Node::new();
    let lines: Vec<Slot> = (1..).map(Slot::Parameter).take(8_192).collect();
    for slot in &lines {
        assert!(node.memory.publish_facts(*slot, &[1; 6]));
    }
    node.teach(40, "id", "4711");
    node.request("r", 1, [1.0; 3]);
    node.tick(1);
    assert!(node.facts("id").is_none());
    assert_eq!(node.usual().unwrap().open, QUERY);
    // A new leader takes back what nobody knows of.
    node.profiles.take_over(&node.memory, node.now_s);
    assert_eq!(node.facts("id").unwrap().sampled, 40);
    assert_eq!(node.usual().unwrap().open, 0);
    assert!(lines
        .iter()
        .all(|slot| node.memory.facts(*slot).whole().is_none()));
}

/// One request of another kind neither stretches what is usual nor hides what others do.
#[test]
fn one_sender_does_not_stretch_what_is_usual() {
    let mut node = Node::new();
    // Each sends much and then little, as routes with lists and bulk posts have it.
    for sender in 0..60 {
        node.request("r", sender, [4.0, 1.0, 3.0]);
        node.request("r", sender, [1.0, 1.0, 3.0]);
    }
    node.tick(1);
    let before = node.usual().unwrap().numbers;
    assert_eq!(before[0][2], 4.0);
    node.request("r", 1_000, [9.0, 5.0, 8.0]);
    node.tick(1);
    let after = node.usual().unwrap().numbers;
    for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
        assert!((before - after).abs() < 0.1, "{before} {after}");
    }
}
