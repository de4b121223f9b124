//! Behaviour in virtual time: attacks that must be found, and the ordinary traffic that resembles
//! each of them and must not be.

#[path = "support/world.rs"]
mod world;

use std::net::IpAddr;
use threat_agent_engine::incident::{Severity, Stage, Status};
use threat_agent_engine::memory::MAX_INCIDENT_BYTES;
use threat_agent_engine::request::Source;
use threat_agent_engine::{Analyst, Category, Change, Incident, Memory};
use world::{Sent, World};

#[test]
fn a_flood_is_found_in_seconds_and_a_crowd_is_none() {
    for (what, clients, per_client, flood) in [
        ("few strong clients", 20, 20, true),
        ("many clients", 200, 5, true),
        ("a crowd", 1_500, 1, false),
    ] {
        let mut world = World::new("enforce");
        world.quietly(700, |w, _| w.visitors(50, 200));
        let before = (world.requests, world.refused);
        let found = world.play(30, Category::ApiDdos, |w, second| {
            w.visitors(50, 200);
            for client in 0..clients {
                // A crowd comes and goes: each visitor stays for some seconds.
                let client = if flood {
                    client
                } else {
                    client + 300 * second as u32
                };
                if !flood && w.draw(3) != 0 {
                    continue;
                }
                for _ in 0..per_client {
                    w.send(Sent {
                        client: 500_000 + client,
                        path: "/items/7",
                        ..Sent::default()
                    });
                }
            }
        });
        if flood {
            let seconds = found.unwrap_or(99);
            assert!(seconds <= 3, "{what}: {seconds}");
            let incident = world.incident(Category::ApiDdos).unwrap();
            assert!(incident.clients > clients / 2, "{incident:?}");
            assert!(incident.score > 0.7, "{incident:?}");
            assert!(
                world.refused - before.1 > (world.requests - before.0) / 2,
                "{what}"
            );
            // Quiet resolves it.
            world.play(130, Category::ApiDdos, |w, _| w.visitors(50, 200));
            let incident = world.incident(Category::ApiDdos).unwrap();
            assert_eq!(incident.status, Status::Resolved, "{incident:?}");
            let (refused, requests) = (incident.refused, incident.requests);
            assert!(
                refused > 0 && refused <= requests,
                "{refused} of {requests}"
            );
        } else {
            assert_eq!(world.all(), Vec::<String>::new(), "{what}");
            assert_eq!(world.refused, 0);
        }
    }
}

#[test]
fn a_flood_touches_attackers_and_not_the_crowd() {
    let mut world = World::new("enforce");
    world.quietly(700, |w, _| w.visitors(50, 200));
    let mut hostile = 0;
    let refused = world.refused;
    world.play(120, Category::ApiDdos, |w, _| {
        w.visitors(50, 200);
        for client in 0..50 {
            for _ in 0..20 {
                let sent = Sent {
                    client: 500_000 + client,
                    ..Sent::default()
                };
                hostile += u64::from(w.send(sent));
            }
        }
    });
    let legitimate = world.refused - refused - hostile;
    assert!(legitimate <= 6, "{legitimate} of 6,000 legitimate requests");
    assert!(hostile > 110_000, "{hostile} of 120,000 hostile requests");
}

/// Fifty times the visitors from one second to the next: people read one thing after the other, and
/// bots that are no faster ask for the same.
#[test]
fn a_steep_crowd_is_told_from_slow_bots() {
    // Those who ask for something else each time are told, but not from people one by one.
    for (bots, varied, found) in [
        (false, true, None),
        (true, false, Some((25, 0.3))),
        (true, true, Some((55, 0.0))),
    ] {
        let mut world = World::new("enforce");
        world.quietly(700, |w, _| w.visitors(10, 200));
        let (requests, refused) = (world.requests, world.refused);
        let seconds = world.play(60, Category::ApiDdos, |w, second| {
            w.visitors(10, 200);
            for nth in 0..500 {
                // Each comes every six seconds; a person stays for half a minute.
                let nth = nth + 500 * (second as u32 % 6);
                let client = if bots {
                    nth
                } else {
                    nth + 3_000 * ((second as u32 + nth % 30) / 30)
                };
                let path = match varied {
                    true => format!("/items/{}", w.draw(5_000)),
                    false => "/items".to_owned(),
                };
                w.send(Sent {
                    client: 500_000 + client,
                    path: &path,
                    ..Sent::default()
                });
            }
        });
        let touched = (world.refused - refused) as f64 / (world.requests - requests) as f64;
        match found {
            None => {
                assert_eq!(world.all(), Vec::<String>::new());
                assert_eq!(touched, 0.0);
            }
            Some((most, least)) => {
                assert!(seconds.is_some_and(|s| s <= most), "{seconds:?}");
                assert!(touched >= least, "{touched}");
            }
        }
    }
}

/// One who reads everything is a scraper, however small the API is; one who asks for the same as
/// fast is a flood.
#[test]
fn a_scraper_of_a_quiet_route_is_no_flood() {
    for (reads, category) in [(true, Category::Abuse), (false, Category::ApiDdos)] {
        let mut world = World::new("enforce");
        world.quietly(700, |w, _| w.visitors(2, 200));
        world.play(60, category, |w, second| {
            w.visitors(2, 200);
            for nth in 0..30 {
                let object = if reads { 30 * second + nth } else { 7 };
                let path = format!("/items/{}", 13 * object);
                w.send(Sent {
                    client: 500_000,
                    path: &path,
                    ..Sent::default()
                });
            }
        });
        assert!(world.incident(category).is_some(), "{:?}", world.all());
        assert_eq!(world.all().len(), 1, "{:?}", world.all());
    }
}

#[test]
fn who_is_protected_is_found_and_not_refused() {
    let settings = r#""mode":"enforce","protected_cidrs":["10.0.0.66"]"#;
    for (settings, is_refused) in [(r#""mode":"enforce""#, true), (settings, false)] {
        let mut world = World::with(settings);
        world.quietly(60, |w, _| w.visitors(20, 200));
        let found = world.play(30, Category::CredentialStuffing, |w, second| {
            w.login(66, &format!("user{second}"), 401);
        });
        assert!(found.is_some());
        assert_eq!(world.login(66, "another", 401), is_refused);
    }
}

#[test]
fn stuffing_is_found_within_ten_attempts() {
    let mut world = World::new("enforce");
    world.quietly(60, |w, _| w.people_log_in(2));
    let mut attempts = 0;
    for nth in 0..30 {
        if world.login(7, &format!("victim{nth}"), 401) {
            break;
        }
        attempts += 1;
    }
    assert!(attempts <= 10, "{attempts}");
    world.play(1, Category::CredentialStuffing, |_, _| {});
    let incident = world.incident(Category::CredentialStuffing).unwrap();
    assert_eq!(incident.stage, Stage::Immediate);
    assert_eq!(incident.top_clients[0].client, "10.0.0.7");
}

#[test]
fn an_office_whose_people_mistype_is_no_attacker() {
    let mut world = World::new("enforce");
    world.quietly(1_200, |w, second| {
        let person = w.draw(400);
        let status = if w.draw(8) == 0 { 401 } else { 200 };
        assert!(
            !w.login(9, &format!("colleague{person}"), status),
            "{second}"
        );
    });
}

#[test]
fn one_person_who_forgot_a_password_is_no_attacker() {
    let mut world = World::new("enforce");
    world.quietly(60, |w, second| {
        if second % 8 == 0 {
            assert!(!w.login(9, "forgetful", 401));
        }
    });
    assert!(!world.login(9, "forgetful", 200));
    world.quietly(5, |_, _| {});
}

#[test]
fn many_clients_on_one_account_and_the_takeover_are_found() {
    let mut world = World::new("monitor");
    world.quietly(60, |w, _| w.people_log_in(2));
    for client in 0..12 {
        world.login(100 + client, "ceo", 401);
    }
    world.play(1, Category::CredentialStuffing, |_, _| {});
    let incident = world.incident(Category::CredentialStuffing).unwrap();
    assert_eq!(incident.suggestion.scope, "account", "{incident:?}");
    assert!(incident.severity < Severity::Critical);
    world.login(200, "CEO", 200);
    world.play(1, Category::CredentialStuffing, |_, _| {});
    let incident = world.incident(Category::CredentialStuffing).unwrap();
    assert_eq!(incident.severity, Severity::Critical, "{incident:?}");
}

#[test]
fn a_slow_distributed_wave_is_found_in_minutes() {
    let mut world = World::new("enforce");
    world.quietly(900, |w, _| w.people_log_in(3));
    let (mut legitimate, mut refused) = (0, 0);
    // 2,000 clients, each one attempt in ten minutes.
    let found = world.play(1_200, Category::CredentialStuffing, |w, second| {
        let before = w.refused;
        w.people_log_in(3);
        legitimate += 3;
        refused += w.refused - before;
        for nth in 0..10 {
            let turn = second * 10 + nth;
            if turn % 3 == 0 {
                let client = (turn / 3 % 2_000) as u32;
                w.login(300_000 + client, &format!("leaked{turn}"), 401);
            }
        }
    });
    let seconds = found.unwrap_or(9_999);
    assert!(seconds <= 120, "{seconds}");
    let incident = world.incident(Category::CredentialStuffing).unwrap();
    assert!(incident.clients >= 1_000, "{incident:?}");
    assert!(
        refused * 1_000 <= legitimate * 10,
        "{refused} of {legitimate} logins"
    );
}

#[test]
fn a_crowd_that_logs_in_is_no_wave() {
    let mut world = World::new("monitor");
    world.quietly(900, |w, _| w.people_log_in(2));
    world.quietly(600, |w, _| w.people_log_in(20));
}

#[test]
fn enumeration_scraping_and_scans_are_found() {
    for (what, path, status) in [
        ("ids of a consumer", "/orders/", 200),
        ("paths that do not exist", "/probe/", 404),
    ] {
        let mut world = World::new("monitor");
        world.quietly(60, |w, _| w.visitors(20, 200));
        let consumer = if status == 200 { "mallory" } else { "" };
        let found = world.play(60, Category::Abuse, |w, second| {
            w.visitors(20, 200);
            let path = format!("{path}{}", 1_000 + second);
            w.send(Sent {
                client: 66,
                consumer,
                path: &path,
                status,
                ..Sent::default()
            });
        });
        assert!(found.is_some_and(|s| s <= 50), "{what}: {found:?}");
    }
    let mut world = World::new("monitor");
    world.quietly(700, |w, _| w.visitors(20, 200));
    let found = world.play(120, Category::Abuse, |w, _| {
        w.visitors(20, 200);
        for _ in 0..8 {
            let path = format!("/items/p{}", w.draw(1_000_000));
            w.send(Sent {
                client: 66,
                path: &path,
                ..Sent::default()
            });
        }
    });
    assert!(found.is_some_and(|s| s <= 90), "{found:?}");
}

#[test]
fn a_crawler_and_a_carrier_are_no_abusers() {
    let mut world = World::new("enforce");
    world.quietly(1_800, |w, second| {
        w.visitors(20, 200);
        // Phones behind one carrier address.
        for nth in 0..3 {
            let path = format!("/items/{}", w.draw(100_000) * 9);
            let agent = ["iPhone", "Pixel", "Galaxy", "iPad", "Nokia", "Sony"];
            w.send(Sent {
                client: 88,
                path: &path,
                agent: agent[(second + nth) as usize % 6],
                ..Sent::default()
            });
        }
        // A crawler follows links, one in twelve of them dead.
        if second % 3 != 0 {
            return;
        }
        let page = w.draw(90_000);
        let path = format!("/pages/{page}");
        let status = if page % 12 == 0 { 404 } else { 200 };
        w.send(Sent {
            client: 77,
            path: &path,
            agent: "goodbot/1.0",
            status,
            ..Sent::default()
        });
    });
    assert_eq!(world.refused, 0);
}

#[test]
fn a_dead_upstream_is_a_mass_error_and_a_plain_deploy_is_none() {
    let mut world = World::new("monitor");
    world.quietly(700, |w, _| w.visitors(20, 200));
    // A deploy: two seconds of refused connections, then as before.
    world
        .analyst
        .note_change(change(&world, "services/backend"));
    world.quietly(120, |w, second| {
        w.visitors(20, if second == 5 { 502 } else { 200 });
    });
    world.play(200, Category::MassError, |w, _| w.visitors(20, 200));
    let found = world.play(20, Category::MassError, |w, _| w.visitors(20, 503));
    assert!(found.is_some_and(|s| s <= 6), "{found:?}");
    assert!(world.incident(Category::RouteMisconfiguration).is_none());
    world.play(90, Category::MassError, |w, _| w.visitors(20, 200));
    let incident = world.incident(Category::MassError).unwrap();
    assert_eq!(incident.status, Status::Resolved);
}

fn change(world: &World, entity: &str) -> Change {
    Change {
        wall_s: world.wall_s(),
        hash: "c0ffee".into(),
        entities: vec![entity.into()],
    }
}

#[test]
fn errors_after_a_change_name_it() {
    for (what, status, source) in [
        ("5xx", 500, Source::Service),
        ("404", 404, Source::Service),
        ("401", 401, Source::Exit),
    ] {
        let mut world = World::new("monitor");
        world.quietly(700, |w, _| w.visitors(20, 200));
        world.analyst.note_change(change(&world, "routes/other"));
        world
            .analyst
            .note_change(change(&world, "routes/shop update"));
        world.play(10, Category::ApiDdos, |w, _| w.visitors(20, 200));
        let found = world.play(60, Category::RouteMisconfiguration, |w, _| {
            for _ in 0..20 {
                let client = 1_000 + w.draw(120) as u32;
                w.send(Sent {
                    client,
                    status,
                    source,
                    ..Sent::default()
                });
            }
        });
        assert!(found.is_some(), "{what}: {:?}", world.all());
        let incident = world.incident(Category::RouteMisconfiguration).unwrap();
        let suspect = incident.suspect_change.as_deref().unwrap_or("");
        assert!(suspect.contains("routes/shop"), "{what}: {suspect}");
        assert!(world.incident(Category::MassError).is_none(), "{what}");
    }
}

#[test]
fn errors_of_the_gateway_itself_are_a_misconfiguration() {
    let mut world = World::new("monitor");
    world.quietly(700, |w, _| w.visitors(20, 200));
    let found = world.play(20, Category::RouteMisconfiguration, |w, _| {
        for _ in 0..20 {
            let client = 1_000 + w.draw(120) as u32;
            w.send(Sent {
                client,
                status: 500,
                source: Source::Error,
                ..Sent::default()
            });
        }
    });
    assert!(found.is_some(), "{:?}", world.all());
}

#[test]
fn a_stolen_credential_is_found_and_travel_is_not() {
    let program = |w: &mut World, client, agent| {
        for _ in 0..2 {
            w.send(Sent {
                client,
                consumer: "billing",
                agent,
                path: "/invoices",
                ..Sent::default()
            });
        }
    };
    let mut world = World::new("monitor");
    world.quietly(2_400, |w, _| program(w, 0x10_0000, "billing/1.0"));
    // The same program from the next address of its network, and a new version of it.
    world.quietly(60, |w, _| program(w, 0x10_0001, "billing/2.0"));
    // The same program from elsewhere.
    world.quietly(60, |w, _| program(w, 0x20_0000, "billing/1.0"));
    let found = world.play(60, Category::ClientAnomaly, |w, _| {
        program(w, 0x30_0000, "curl/8.0");
    });
    assert!(found.is_some(), "{:?}", world.all());

    let mut world = World::new("monitor");
    world.quietly(2_400, |w, _| program(w, 0x10_0000, "billing/1.0"));
    let found = world.play(60, Category::ClientAnomaly, |w, second| {
        program(w, 0x40_0000 + ((second as u32) << 8), "billing/1.0");
    });
    assert!(
        found.is_some_and(|s| s <= 10),
        "{found:?} {:?}",
        world.all()
    );
}

#[test]
fn ten_thousand_attackers_are_one_incident() {
    let mut world = World::new("enforce");
    world.quietly(5, |w, _| w.visitors(20, 200));
    world.play(10, Category::PayloadInjection, |w, second| {
        for nth in 0..1_000 {
            w.send(Sent {
                client: 0x60_0000 + second as u32 * 1_000 + nth,
                method: "POST",
                body: r#"{"q":"1' or '1'='1' union select password from users--"}"#,
                ..Sent::default()
            });
        }
    });
    let incidents: Vec<_> = world.analyst.incidents().collect();
    assert_eq!(incidents.len(), 1, "{:?}", world.all());
    let clients = incidents[0].clients;
    assert!((9_500..=10_500).contains(&clients), "{clients}");
    assert_eq!(incidents[0].category, Category::PayloadInjection);
    assert!(!incidents[0].sample_references.is_empty());
    let mut published = 0;
    world.memory.published(0, &mut |_, text| {
        assert!(text.len() <= MAX_INCIDENT_BYTES);
        let incident: Incident = serde_json::from_slice(text).unwrap();
        assert_eq!(incident.fingerprint, incidents[0].fingerprint);
        published += 1;
    });
    assert_eq!(published, 1);
}

#[test]
fn an_attack_that_worked_is_told_from_an_attempt() {
    let sleeps = r#"{"q":"1' and sleep(5)-- -"}"#;
    let union = r#"{"q":"1' union select name, password from users-- -"}"#;
    let attack = |body| Sent {
        method: "POST",
        body,
        ..Sent::default()
    };
    let late = Sent {
        latency_ms: 5_010,
        ..attack(sleeps)
    };
    let large = Sent {
        response_bytes: 90_000,
        ..attack(union)
    };
    let failed = Sent {
        status: 500,
        ..attack(union)
    };
    let disclosed = Sent {
        answer: "root:x:0:0:root:/root:/bin/bash",
        ..attack(union)
    };
    let complained = Sent {
        answer: "You have an error in your SQL syntax",
        ..attack(union)
    };
    // Late, but it did not ask for that; and three times as large as usual is nothing.
    let neither = Sent {
        latency_ms: 5_010,
        response_bytes: 6_000,
        ..attack(union)
    };
    for (sent, times, severity, told) in [
        (
            late,
            1,
            Severity::Critical,
            "likely successful: 1 of about 1: 1 with the delay",
        ),
        (
            large,
            1,
            Severity::High,
            "likely successful: 1 of about 1: 1 answered with up to 90000",
        ),
        (
            disclosed,
            1,
            Severity::Critical,
            "likely successful: 1 of about 1: 1 answered with accounts",
        ),
        (
            complained,
            4,
            Severity::Medium,
            "likely successful: 0 of about 4: 4 answered with an interpreter's complaint",
        ),
        (
            failed,
            4,
            Severity::Medium,
            "likely successful: 0 of about 4: 4 made the upstream fail",
        ),
        (
            neither,
            4,
            Severity::Medium,
            "likely successful: 0 of about 4",
        ),
    ] {
        let mut world = World::new("monitor");
        world.quietly(60, |w, _| w.visitors(20, 200));
        world.play(5, Category::PayloadInjection, |w, second| {
            w.visitors(20, 200);
            if second < times {
                w.send(sent);
            }
        });
        let incident = world.incident(Category::PayloadInjection).expect(told);
        let said = incident.reasons.iter().any(|r| r.starts_with(told));
        assert!(said, "{told}: {:?}", incident.reasons);
        assert_eq!(incident.severity, severity, "{told}");
        let worked = incident.title.ends_with("; it probably worked");
        assert_eq!(worked, severity >= Severity::High, "{}", incident.title);
    }
}

#[test]
fn what_was_learned_survives_a_restart() {
    let mut world = World::new("monitor");
    world.quietly(700, |w, _| w.visitors(50, 200));
    let learned = world.analyst.export();
    let mut next = World::new("monitor");
    next.analyst.import(&learned).unwrap();
    let again: serde_json::Value = serde_json::from_slice(&next.analyst.export()).unwrap();
    let learned: serde_json::Value = serde_json::from_slice(&learned).unwrap();
    let seconds = |saved: &serde_json::Value| saved["places"][0]["baseline"]["seconds"].clone();
    assert_eq!(seconds(&again), seconds(&learned));
    next.quietly(20, |w, _| w.visitors(50, 200));
    let found = next.play(10, Category::ApiDdos, |w, _| {
        w.visitors(50, 200);
        (0..400).for_each(|n| {
            let client = 500_000 + n % 20;
            w.send(Sent {
                client,
                ..Sent::default()
            });
        });
    });
    assert!(found.is_some_and(|s| s <= 3), "{found:?}");

    let mut analyst = Analyst::new();
    for bad in [
        &b"{}"[..],
        b"[1]",
        b"{\"format\":\"other\",\"version\":1,\"places\":[]}",
    ] {
        assert!(analyst.import(bad).is_err());
    }
}

#[test]
fn a_new_leader_continues_the_incidents() {
    let mut world = World::new("monitor");
    world.quietly(5, |w, _| w.visitors(20, 200));
    let attack = |w: &mut World, _| {
        (0..5).for_each(|n| {
            w.login(7, &format!("victim{n}{}", w.now_ms), 401);
        });
    };
    world.play(10, Category::CredentialStuffing, attack);
    let first = world
        .incident(Category::CredentialStuffing)
        .unwrap()
        .id
        .clone();
    world.analyst = Analyst::new();
    world.play(10, Category::CredentialStuffing, attack);
    let all: Vec<_> = world.analyst.incidents().collect();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].id, first);
}

/// Whoever raises the rate slowly from the start still meets the cap on what a second teaches.
#[test]
fn poisoning_is_capped() {
    let mut world = World::new("monitor");
    world.quietly(700, |w, _| w.visitors(20, 200));
    // Bursts that last less than a flood does.
    for _ in 0..5 {
        world.play(60, Category::ApiDdos, |w, second| {
            w.visitors(20, 200);
            if second == 30 {
                (0..300).for_each(|n| {
                    w.send(Sent {
                        client: 700_000 + n,
                        ..Sent::default()
                    });
                });
            }
        });
    }
    let found = world.play(10, Category::ApiDdos, |w, _| {
        w.visitors(20, 200);
        (0..200).for_each(|n| {
            let client = 500_000 + n % 20;
            w.send(Sent {
                client,
                ..Sent::default()
            });
        });
    });
    assert!(found.is_some_and(|s| s <= 4), "{found:?}");
}

/// A session walks through ids from ever new addresses, as one credential does.
#[test]
fn a_session_is_followed_across_addresses() {
    let mut world = World::new("monitor");
    world.quietly(60, |w, _| w.visitors(20, 200));
    let found = world.play(60, Category::Abuse, |w, second| {
        w.visitors(20, 200);
        let path = format!("/orders/{}", 1_000 + second);
        w.send(Sent {
            client: 800_000 + second as u32 / 10,
            session: "5f2a",
            path: &path,
            ..Sent::default()
        });
    });
    assert!(found.is_some_and(|s| s <= 45), "{found:?}");

    let mut world = World::new("monitor");
    let found = world.play(60, Category::ClientAnomaly, |w, second| {
        w.send(Sent {
            client: 800_000 + (second as u32 / 5) * 256,
            session: "5f2a",
            ..Sent::default()
        });
    });
    assert!(found.is_some_and(|s| s <= 40), "{found:?}");
}

/// Whoever has a /56 has 256 clients; an office that has one logs in mostly.
#[test]
fn hopping_through_a_network_does_not_hide_guessing() {
    let address = |n: u64| {
        Some(IpAddr::V6(
            (0x2001_0db8_u128 << 96 | u128::from(n) << 64).into(),
        ))
    };
    for (successes, guilty) in [(0, true), (9, false)] {
        let mut world = World::new("enforce");
        let mut refused = 0;
        world.play(200, Category::CredentialStuffing, |w, second| {
            let body = format!(r#"{{"username":"u{second}","password":"x"}}"#);
            let status = if second % 10 < successes { 200 } else { 401 };
            let hit = w.send(Sent {
                address: address(second % 256),
                route: "login",
                method: "POST",
                path: "/login",
                body: &body,
                status,
                ..Sent::default()
            });
            refused += u32::from(hit);
        });
        let found = world.incident(Category::CredentialStuffing).is_some();
        assert_eq!((found, refused > 100), (guilty, guilty), "{refused}");
    }
}

/// A consumer's second credential has habits of its own; the first one in a new place is told.
#[test]
fn a_credential_has_its_own_habits() {
    let mut world = World::new("monitor");
    let batch = |w: &mut World, client: u32, credential: &str, agent: &str| {
        w.send(Sent {
            client,
            credential,
            agent,
            consumer: "acme",
            ..Sent::default()
        });
    };
    world.quietly(3_000, |w, _| batch(w, 5, "key-1", "acme-sync/1"));
    world.quietly(300, |w, _| batch(w, 70_000, "key-2", "acme-report/1"));
    let found = world.play(60, Category::ClientAnomaly, |w, _| {
        batch(w, 90_000, "key-1", "curl/8");
    });
    assert!(found.is_some_and(|s| s <= 5), "{found:?}");
}
