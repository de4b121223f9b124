//! What is normal in methods, statuses and sizes: departures are told with their reasons, and what is
//! usual is not.

#[path = "support/world.rs"]
mod world;

use serde_json::{json, Value};
use threat_agent_engine::baseline::Watched;
use threat_agent_engine::incident::Severity;
use threat_agent_engine::memory::Place;
use threat_agent_engine::signal::Id;
use threat_agent_engine::state::Counter;
use threat_agent_engine::{behaviour::keys, Analyst, Category, Change, LocalState, Memory, State};
use world::{Sent, World, WALL_S};

/// A shop whose ordinary traffic is known: reads and, of a hundred requests, `deletes` that delete.
fn shop(mode: &str, deletes: u64) -> World {
    let mut world = World::new(mode);
    world.quietly(900, |w, _| ordinary(w, deletes));
    world
}

fn ordinary(world: &mut World, deletes: u64) {
    world.visitors(20, 200);
    if world.draw(100) < 20 * deletes {
        let client = 3_000 + world.draw(50) as u32;
        delete(world, client);
    }
}

fn delete(world: &mut World, client: u32) {
    let path = format!("/items/{}", world.draw(100_000) * 7);
    let method = "DELETE";
    let path = &path;
    world.send(Sent {
        client,
        method,
        path,
        ..Sent::default()
    });
}

fn reasons(world: &World, category: Category) -> String {
    let incident = world.incident(category);
    incident.map_or(String::new(), |i| {
        format!("{}: {}", i.title, i.reasons.join("; "))
    })
}

#[test]
fn a_method_that_is_never_used_is_told_and_names_who_uses_it() {
    let mut world = shop("enforce", 0);
    let found = world.play(30, Category::Abuse, |w, _| {
        ordinary(w, 0);
        (0..2).for_each(|_| delete(w, 77));
    });
    assert!(found.is_some_and(|s| s <= 15), "{found:?}");
    let told = reasons(&world, Category::Abuse);
    assert!(
        told.contains("DELETE in ") && told.contains("usual 0.0 %"),
        "{told}"
    );
    let incident = world.incident(Category::Abuse).unwrap();
    assert_eq!(incident.severity, Severity::Medium);
    assert_eq!(incident.top_clients[0].client, "10.0.0.77");
    assert_eq!(incident.suggestion.action, "notify");
    assert_eq!(world.refused, 0);
}

#[test]
fn a_method_that_is_used_may_be_used_more() {
    let mut world = shop("enforce", 5);
    world.quietly(120, |w, _| ordinary(w, 10));
    // A fifth of the requests, and most of them.
    let found = world.play(60, Category::Abuse, |w, _| {
        ordinary(w, 5);
        (0..30).for_each(|n| delete(w, 100 + n));
    });
    assert!(found.is_some(), "{:?}", world.all());
    assert_eq!(
        world.incident(Category::Abuse).unwrap().severity,
        Severity::Low
    );
}

/// What lasts is learned: the incident ends, and does not come back.
#[test]
fn a_new_use_of_a_route_becomes_its_normal() {
    let mut world = shop("enforce", 0);
    let new_use = |w: &mut World, _| {
        ordinary(w, 0);
        let client = 500 + w.draw(400) as u32;
        delete(w, client);
    };
    assert!(world.play(60, Category::Abuse, new_use).is_some());
    world.play(2 * 3_600, Category::Abuse, new_use);
    let open = world.analyst.incidents().filter(|i| i.resolved_s.is_none());
    assert_eq!(open.count(), 0, "{:?}", world.all());
}

#[test]
fn answers_that_are_replaced_are_told_and_those_on_top_are_not() {
    for (what, good, redirects, change, severity) in [
        ("content changed", 0, 20, false, Some(Severity::Low)),
        (
            "the configuration changed",
            0,
            20,
            true,
            Some(Severity::Medium),
        ),
        ("half of it changed", 10, 10, true, Some(Severity::Medium)),
        ("half of it, without a change", 12, 8, false, None),
        ("more of them came", 20, 40, false, None),
    ] {
        let mut world = shop("enforce", 0);
        if change {
            world.analyst.note_change(Change {
                wall_s: world.wall_s(),
                hash: "c0ffee".to_owned(),
                entities: vec!["routes/shop".to_owned()],
            });
        }
        let category = Category::RouteMisconfiguration;
        let found = world.play(40, category, |w, _| {
            w.visitors(good, 200);
            w.visitors(redirects, 302);
        });
        let told = reasons(&world, category);
        assert_eq!(
            found.is_some(),
            severity.is_some(),
            "{what}: {:?}",
            world.all()
        );
        if let Some(severity) = severity {
            let incident = world.incident(category).unwrap();
            assert_eq!(incident.severity, severity, "{what}");
            assert!(told.contains("3xx on "), "{what}: {told}");
            assert_eq!(told.contains("routes/shop"), change, "{what}: {told}");
        }
    }
}

#[test]
fn a_client_that_is_given_much_more_is_told() {
    for (answers, bytes, told) in [
        (25, 40_000_000, true),
        (12, 40_000_000, false),
        (25, 50_000, false),
    ] {
        let mut world = shop("enforce", 0);
        let found = world.play(60, Category::Abuse, |w, nth| {
            ordinary(w, 0);
            if nth < answers {
                let path = format!("/export/{nth}");
                w.send(Sent {
                    client: 66,
                    path: &path,
                    response_bytes: bytes,
                    ..Sent::default()
                });
            }
        });
        assert_eq!(
            found.is_some(),
            told,
            "{answers} of {bytes}: {:?}",
            world.all()
        );
        if told {
            let incident = world.incident(Category::Abuse).unwrap();
            assert_eq!((incident.severity, incident.clients), (Severity::Low, 1));
            assert!(
                incident.reasons[0].contains("20 answers in an hour"),
                "{:?}",
                incident.reasons
            );
            assert_eq!(incident.top_clients[0].client, "10.0.0.66");
        }
    }
}

#[test]
fn a_flood_of_large_bodies_is_found_and_touches_who_sends_them() {
    let mut world = shop("enforce", 0);
    let mut refused = [0, 0];
    let found = world.play(60, Category::ApiDdos, |w, _| {
        let before = w.refused;
        ordinary(w, 0);
        refused[0] += w.refused - before;
        for client in 40..44 {
            let large = Sent {
                client,
                request_bytes: 5_000_000,
                ..Sent::default()
            };
            refused[1] += u64::from(w.send(large));
        }
    });
    assert!(found.is_some_and(|s| s <= 8), "{found:?} {:?}", world.all());
    let told = reasons(&world, Category::ApiDdos);
    assert!(
        told.contains("Flood of large bodies") && told.contains("MB of request bodies"),
        "{told}"
    );
    let [ordinary, large] = refused;
    assert!(
        ordinary == 0 && large > 180,
        "{ordinary} and {large} refused"
    );
}

#[test]
fn uploads_where_they_are_usual_are_no_flood() {
    let mut world = World::new("enforce");
    let upload = |w: &mut World| {
        let client = 40 + w.draw(9) as u32;
        w.send(Sent {
            client,
            request_bytes: 5_000_000,
            ..Sent::default()
        });
    };
    world.quietly(900, |w, _| {
        w.visitors(10, 200);
        (0..3).for_each(|_| upload(w));
    });
    world.quietly(60, |w, _| {
        w.visitors(10, 200);
        (0..8).for_each(|_| upload(w));
    });
    // And one upload where none ever came.
    let mut world = shop("enforce", 0);
    world.quietly(30, |w, nth| {
        ordinary(w, 0);
        if nth == 3 {
            w.send(Sent {
                client: 40,
                request_bytes: 500_000_000,
                ..Sent::default()
            });
        }
    });
}

#[test]
fn a_consumer_that_writes_where_it_only_read_is_told() {
    let mut world = World::new("enforce");
    let sync = |w: &mut World, method: &str| {
        for _ in 0..8 {
            let path = format!("/items/{}", w.draw(100_000) * 7);
            let consumer = "sync";
            let (path, client) = (&path[..], 5);
            w.send(Sent {
                client,
                consumer,
                method,
                path,
                ..Sent::default()
            });
        }
        // Others write here: of the route it is usual.
        for _ in 0..8 {
            let path = format!("/items/{}", w.draw(100_000) * 7);
            let client = 100 + w.draw(300) as u32;
            w.send(Sent {
                client,
                method: "PUT",
                path: &path,
                ..Sent::default()
            });
        }
    };
    world.quietly(2_400, |w, _| sync(w, "GET"));
    let found = world.play(120, Category::ClientAnomaly, |w, _| sync(w, "PUT"));
    assert!(found.is_some(), "{:?}", world.all());
    let told = reasons(&world, Category::ClientAnomaly);
    assert!(
        told.starts_with("Consumer sync uses PUT, which it never did"),
        "{told}"
    );
}

/// A file of a version that did not know methods and sizes: what they are is learned first.
#[test]
fn a_former_versions_file_makes_no_method_unusual() {
    let mut world = shop("enforce", 5);
    let mut saved: Value = serde_json::from_slice(&world.analyst.export()).unwrap();
    for place in saved["places"].as_array_mut().unwrap() {
        let baseline = place["baseline"].as_object_mut().unwrap();
        for new in [
            "methods",
            "answers",
            "request_sizes",
            "response_sizes",
            "request_bytes",
            "profile",
            "mix_seconds",
            "drifts",
        ] {
            assert!(baseline.remove(new).is_some(), "{new}");
        }
    }
    world.analyst = Analyst::new();
    world.analyst.import(saved.to_string().as_bytes()).unwrap();
    world.quietly(120, |w, _| ordinary(w, 5));
}

/// Plays days of a steady rate, second by second, through the leader's work alone.
fn days(analyst: &mut Analyst, memory: &LocalState, days: std::ops::Range<u64>, rate: u64) {
    let all = keys::all(b"default", b"shop");
    for second in days.start * 86_400..days.end * 86_400 {
        let now_ms = 1_000_000 + second * 1_000;
        memory.add(&all, Counter::Requests, rate, now_ms);
        analyst.tick(memory, now_ms + 999, WALL_S / 86_400 * 86_400 + second);
    }
}

#[test]
fn a_normal_that_changed_for_good_is_told_once() {
    let place = |id: &str| Id::new(id.as_bytes());
    let memory = LocalState::default();
    memory.place(&Place {
        workspace: place("default"),
        service: place("backend"),
        route: place("shop"),
    });
    let mut analyst = Analyst::new();
    days(&mut analyst, &memory, 0..1, 20);
    // A week of such days was learned.
    let mut saved: Value = serde_json::from_slice(&analyst.export()).unwrap();
    let drifts = &mut saved["places"][0]["baseline"]["drifts"];
    drifts["tracks"][Watched::Rate as usize]["reference"] = json!(vec![20.0; 7]);
    let mut analyst = Analyst::new();
    analyst.import(saved.to_string().as_bytes()).unwrap();
    let told = |analyst: &Analyst| analyst.drifts(0).map(|d| d.drift).collect::<Vec<_>>();
    days(&mut analyst, &memory, 1..2, 60);
    assert_eq!(told(&analyst), []);
    days(&mut analyst, &memory, 2..5, 60);
    let drifts = told(&analyst);
    assert_eq!(drifts.len(), 1, "{drifts:?}");
    assert_eq!((drifts[0].metric, drifts[0].from), (Watched::Rate, 20.0));
    assert!((drifts[0].to - 60.0).abs() < 1.0, "{drifts:?}");
    assert_eq!(drifts[0].at_s, (WALL_S / 86_400 + 3) * 86_400);
    assert_eq!(analyst.drifts(drifts[0].at_s).count(), 0);
    assert_eq!(analyst.incidents().count(), 0);
    // The next leader knows of it before it has seen the place.
    let mut next = Analyst::new();
    next.import(&analyst.export()).unwrap();
    assert_eq!(told(&next), drifts);
}
