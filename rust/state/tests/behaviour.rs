//! The engine's behavioural half over the region: what holds in plain memory holds here.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use threat_agent_engine::{
    Analyst, Body, Category, Config, Engine, Identity, Memory, Outcome, Request,
};
use threat_agent_state::SharedState;

const NOW: u64 = 1_000_000_000;
const WALL_S: u64 = 1_790_000_000;

struct World {
    engine: Engine,
    memory: SharedState,
    analyst: Analyst,
    second: u64,
}

impl World {
    fn new() -> World {
        let config = Config::from_json(br#"{"mode":"enforce","payload":{"enabled":false}}"#);
        World {
            engine: Engine::new(config.unwrap()).unwrap(),
            memory: SharedState::create(16 << 20).unwrap(),
            analyst: Analyst::new(),
            second: 0,
        }
    }

    fn send(&self, client: u32, route: usize, body: &str, status: u16) {
        let now_ms = NOW + 1_000 * self.second;
        let route = format!("8a1c2b4e-0000-4000-8000-{route:012}");
        let identity = Identity {
            client: Some(IpAddr::V4(Ipv4Addr::from(client))),
            workspace: b"default",
            route: route.as_bytes(),
            service: b"shop",
            ..Identity::default()
        };
        let request = Request {
            identity,
            method: if body.is_empty() { b"GET" } else { b"POST" },
            path: b"/orders",
            body: Body {
                bytes: body.as_bytes(),
                ..Body::default()
            },
            ..Request::default()
        };
        let verdict = self.engine.inspect(&request, &self.memory, now_ms);
        let outcome = Outcome {
            status,
            account: verdict.account,
            latency_ms: 10,
            ..Outcome::default()
        };
        self.engine
            .observe(&identity, request.path, &outcome, &self.memory, now_ms);
    }

    /// Ten visitors a second on each of three routes, and whatever `attack` adds; returns the
    /// second in which an incident of the category is there.
    fn play(
        &mut self,
        seconds: u64,
        category: Category,
        attack: impl Fn(&World),
    ) -> Option<(u64, String)> {
        for nth in 1..=seconds {
            for n in 0..30 {
                let client = (self.second * 7 + n) % 500 + 1_000;
                self.send(client as u32, n as usize % 3, "", 200);
            }
            attack(self);
            self.second += 1;
            let now_ms = NOW + 1_000 * self.second;
            self.analyst
                .tick(&self.memory, now_ms, WALL_S + self.second);
            let found = self.analyst.incidents().find(|i| i.category == category);
            if let Some(incident) = found {
                return Some((nth, incident.route.clone()));
            }
        }
        None
    }
}

#[test]
fn floods_and_errors_are_found_on_their_routes() {
    let mut world = World::new();
    assert_eq!(world.play(700, Category::ApiDdos, |_| ()), None);
    assert_eq!(world.memory.places().len(), 3);
    let found = world.play(10, Category::ApiDdos, |w| {
        (0..400).for_each(|n| w.send(900_000 + n % 8, 1, "", 200));
    });
    let (after_s, route) = found.unwrap();
    assert!(after_s <= 3 && route.ends_with('1'), "{after_s} {route}");

    let mut world = World::new();
    assert_eq!(world.play(700, Category::MassError, |_| ()), None);
    let found = world.play(20, Category::MassError, |w| {
        (0..10).for_each(|n| w.send(2_000 + n, 2, "", 500));
    });
    let (after_s, route) = found.unwrap();
    assert!(after_s <= 8 && route.ends_with('2'), "{after_s} {route}");
}

#[test]
fn waves_of_failed_logins_are_found() {
    let mut world = World::new();
    let login = |w: &World, client: u64, status| {
        let body = format!("username=u{client}&password=x");
        w.send(client as u32 + 5_000_000, 9, &body, status);
    };
    let quiet = world.play(900, Category::CredentialStuffing, |w| {
        login(w, w.second % 3_000, 200);
        if w.second.is_multiple_of(20) {
            login(w, 10_000 + w.second, 401);
        }
    });
    assert_eq!(quiet, None);
    let found = world.play(120, Category::CredentialStuffing, |w| {
        (0..3).for_each(|n| login(w, 50_000 + 3 * w.second + n, 401));
    });
    assert!(found.is_some_and(|(after_s, _)| after_s <= 60));
}
