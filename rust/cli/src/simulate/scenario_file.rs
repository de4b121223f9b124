//! Reads scenarios from files.
//!
//! JSON. Times count from the end of the warm-up, in seconds; routes are `login` and `r1`, `r2`, …
//!
//!     {"name": "flood", "about": "…",
//!      "expect": {"category": "api_ddos", "route": "r3", "tolerated": ["mass_error"]},
//!      "starts_at_h": 9, "warm_up_s": 3600, "duration_s": 900,
//!      "world": {"routes": 40, "populations": [{"kind": "people", "people": 4000, …}]},
//!      "events": [{"kind": "crowd", "at_s": 60, "for_s": 600, "factor": 20, "route": "r5"}],
//!      "attacks": [{"kind": "flood", "at_s": 300, "for_s": 300, "clients": 5,
//!                   "requests_per_s": 200, "route": "r3"}]}
//!
//! `world` may be left out: then it is that of `scenarios/world.json`. Each `kind` has the fields
//! that its reader below asks for; an event with `every_s` comes again until the end. An attack that
//! is `behind` population 3 comes from that population's shared addresses.

use super::fields::Fields;
use super::scenario::{
    route_name, Attack, AttackKind, Event, Expect, Population, RouteId, Scenario, World,
};
use serde_json::Value;
use threat_agent_engine::request::Source;
use threat_agent_engine::Category;

/// The ordinary world, where a scenario brings none.
const WORLD: &str = include_str!("../../scenarios/world.json");

/// Longest simulated time. Units: seconds (60 days).
const MAX_S: u64 = 5_184_000;
const MAX_CLIENTS: u64 = 1_000_000;
const MAX_RATE: f64 = 100_000.0;

impl Scenario {
    /// Reads scenarios: one, or a list of them.
    /// Errors: what is wrong first, with its field.
    pub fn read(json: &[u8]) -> Result<Vec<Scenario>, String> {
        let value: Value = serde_json::from_slice(json).map_err(|e| e.to_string())?;
        match value {
            Value::Array(list) => {
                let numbered = list.into_iter().enumerate();
                numbered
                    .map(|(n, value)| scenario(Fields::new(&format!("[{n}]"), value)?))
                    .collect()
            }
            one => Ok(vec![scenario(Fields::new("", one)?)?]),
        }
    }
}

fn scenario(mut fields: Fields) -> Result<Scenario, String> {
    let name = fields
        .text("name")?
        .filter(|name| !name.is_empty())
        .ok_or_else(|| format!("{}: expected a text, got nothing", fields.at("name")))?;
    fields.text("about")?;
    let world = match fields.object("world")? {
        Some(own) => world(own)?,
        None => ordinary_world()?,
    };
    let expect = fields.object("expect")?;
    let expect = expect.map(|f| expectation(f, &world)).transpose()?;
    let starts_at_h = fields.number("starts_at_h", Some(9.0), 0.0..=168.0)?;
    let warm_up_s = fields.whole("warm_up_s", Some(3_600), 0..=MAX_S)?;
    let duration_s = fields.whole("duration_s", None, 1..=MAX_S)?;
    let mut events = Vec::new();
    for (at, value) in fields.list("events")? {
        event(Fields::new(&at, value)?, &world, duration_s, &mut events)?;
    }
    let mut attacks = Vec::new();
    for (at, value) in fields.list("attacks")? {
        attacks.push(attack(Fields::new(&at, value)?, &world, duration_s)?);
    }
    let scenario = Scenario {
        name,
        expect,
        starts_at_h,
        warm_up_s,
        duration_s,
        world,
        events,
        attacks,
    };
    if scenario.expect.is_some() && scenario.trouble_at_s().is_none() {
        let at = fields.at("expect");
        return Err(format!(
            "{at}: expected an attack or an event of kind errors"
        ));
    }
    fields.finish()?;
    Ok(scenario)
}

fn ordinary_world() -> Result<World, String> {
    let value = serde_json::from_str(WORLD).map_err(|e| e.to_string())?;
    world(Fields::new("world", value)?)
}

fn category(fields: &mut Fields, name: &'static str) -> Result<Category, String> {
    fields.choice(name, None, &Category::ALL.map(|c| (c.name(), c)))
}

fn expectation(mut fields: Fields, world: &World) -> Result<Expect, String> {
    let category = category(&mut fields, "category")?;
    let route = fields.text("route")?;
    let route = route.map(|r| route_id(&fields.at("route"), &r, world));
    let mut tolerated = Vec::new();
    for (at, value) in fields.list("tolerated")? {
        let found = Category::ALL
            .into_iter()
            .find(|c| value.as_str() == Some(c.name()));
        tolerated.push(found.ok_or_else(|| format!("{at}: expected a category, got {value}"))?);
    }
    fields.finish()?;
    Ok(Expect {
        category,
        route: route.transpose()?,
        tolerated,
    })
}

fn world(mut fields: Fields) -> Result<World, String> {
    let mut populations = Vec::new();
    for (at, value) in fields.list("populations")? {
        populations.push(population(Fields::new(&at, value)?)?);
    }
    let world = World {
        routes: fields.whole("routes", Some(40), 1..=1_000)? as u16,
        routes_per_service: fields.whole("routes_per_service", Some(5), 1..=1_000)? as u16,
        daily_swing_ratio: fields.ratio("daily_swing_ratio", 0.5)?,
        weekend_ratio: fields.number("weekend_ratio", Some(0.7), 0.01..=10.0)?,
        error_ratio: fields.ratio("error_ratio", 0.002)?,
        populations,
    };
    fields.finish()?;
    Ok(world)
}

fn population(mut fields: Fields) -> Result<Population, String> {
    let kind = fields.choice(
        "kind",
        None,
        &[
            ("people", 0),
            ("crawler", 1),
            ("consumers", 2),
            ("probe", 3),
            ("stale", 4),
        ],
    )?;
    fields.text("about")?;
    let clients = 1..=MAX_CLIENTS;
    let rate = 0.0..=MAX_RATE;
    let every = 0.1..=3_600.0;
    let population = match kind {
        0 => {
            let people = fields.whole("people", None, clients.clone())?;
            Population::People {
                people,
                addresses: fields.whole("addresses", Some(people), clients)?,
                requests_per_s: fields.number("requests_per_s", None, rate)?,
                login_ratio: fields.ratio("login_ratio", 0.25)?,
                login_success_ratio: fields.ratio("login_success_ratio", 0.95)?,
            }
        }
        1 => Population::Crawler {
            addresses: fields.whole("addresses", Some(4), clients)?,
            requests_per_s: fields.number("requests_per_s", None, rate)?,
        },
        2 => Population::Consumers {
            consumers: fields.whole("consumers", None, 1..=10_000)?,
            addresses_each: fields.whole("addresses_each", Some(2), 1..=1_000)?,
            requests_per_s: fields.number("requests_per_s", None, rate)?,
        },
        3 => Population::Probe {
            addresses: fields.whole("addresses", Some(2), clients)?,
            every_s: fields.number("every_s", Some(5.0), every)?,
        },
        _ => Population::Stale {
            clients: fields.whole("clients", None, clients)?,
            every_s: fields.number("every_s", Some(60.0), every)?,
        },
    };
    fields.finish()?;
    Ok(population)
}

fn event(
    mut fields: Fields,
    world: &World,
    duration_s: u64,
    events: &mut Vec<Event>,
) -> Result<(), String> {
    let kind = fields.choice(
        "kind",
        None,
        &[
            ("crowd", 0),
            ("change", 1),
            ("errors", 2),
            ("slow", 3),
            ("load", 4),
        ],
    )?;
    fields.text("about")?;
    let at_s = fields.whole("at_s", None, 0..=duration_s)?;
    let every_s = fields.whole("every_s", Some(MAX_S), 1..=MAX_S)?;
    let length = 1..=MAX_S;
    let factor = 0.0..=1_000.0;
    let mut event = match kind {
        0 => Event::Crowd {
            at_s,
            ramp_s: fields.whole("ramp_s", Some(60), length.clone())?,
            for_s: fields.whole("for_s", None, length)?,
            factor: fields.number("factor", Some(20.0), factor)?,
            route: route(&mut fields, world)?,
        },
        1 => Event::Change {
            at_s,
            routes: routes(&mut fields, world)?,
        },
        2 => Event::Errors {
            at_s,
            for_s: fields.whole("for_s", None, length)?,
            routes: routes(&mut fields, world)?,
            status: fields.whole("status", Some(500), 400..=599)? as u16,
            ratio: fields.ratio("ratio", 1.0)?,
            source: fields.choice(
                "source",
                Some(Source::Service),
                &[
                    ("service", Source::Service),
                    ("exit", Source::Exit),
                    ("error", Source::Error),
                ],
            )?,
        },
        3 => Event::Slow {
            at_s,
            for_s: fields.whole("for_s", None, length)?,
            routes: routes(&mut fields, world)?,
            factor: fields.number("factor", Some(10.0), factor)?,
        },
        _ => Event::Load {
            at_s,
            for_s: fields.whole("for_s", None, length)?,
            factor: fields.number("factor", Some(2.0), factor)?,
        },
    };
    fields.finish()?;
    for again_s in (at_s..duration_s.max(at_s + 1)).step_by(every_s as usize) {
        *event.at() = again_s;
        events.push(event.clone());
    }
    Ok(())
}

fn attack(mut fields: Fields, world: &World, duration_s: u64) -> Result<Attack, String> {
    let kind = fields.choice(
        "kind",
        None,
        &[
            ("flood", 0),
            ("login", 1),
            ("read", 2),
            ("scan", 3),
            ("key", 4),
        ],
    )?;
    fields.text("about")?;
    let kind = match kind {
        0 => AttackKind::Flood,
        1 => AttackKind::Login {
            accounts: fields.whole("accounts", Some(0), 0..=MAX_CLIENTS)?,
            success_ratio: fields.ratio("success_ratio", 0.0)?,
            success_after: fields.whole("success_after", Some(0), 0..=MAX_CLIENTS)?,
        },
        2 => AttackKind::Read {
            sequential: fields.choice(
                "ids",
                Some(true),
                &[("sequential", true), ("random", false)],
            )?,
            missing_ratio: fields.ratio("missing_ratio", 0.0)?,
            denied_ratio: fields.ratio("denied_ratio", 0.0)?,
        },
        3 => AttackKind::Scan {
            found_ratio: fields.ratio("found_ratio", 0.03)?,
        },
        _ => AttackKind::Key {
            consumer: fields.whole("consumer", Some(0), 0..=world.consumers().saturating_sub(1))?,
        },
    };
    let is_login = matches!(kind, AttackKind::Login { .. });
    let attack = Attack {
        kind,
        at_s: fields.whole("at_s", None, 0..=duration_s)?,
        for_s: fields.whole("for_s", None, 1..=MAX_S)?,
        clients: fields.whole("clients", None, 1..=MAX_CLIENTS)?,
        requests_per_s: fields.number("requests_per_s", None, 0.000_1..=MAX_RATE)?,
        pulse_s: (
            fields.number("pulse_on_s", Some(0.0), 0.0..=86_400.0)?,
            fields.number("pulse_off_s", Some(0.0), 0.0..=86_400.0)?,
        ),
        route: if is_login {
            0
        } else {
            route(&mut fields, world)?
        },
        behind: behind(&mut fields, world)?,
    };
    fields.finish()?;
    Ok(attack)
}

/// Reads whose addresses the attackers share: the number of a population, from 1 on.
fn behind(fields: &mut Fields, world: &World) -> Result<Option<(u64, u64)>, String> {
    let most = world.populations.len() as u64;
    let number = fields.whole("behind", Some(0), 0..=most)?;
    let Some(group) = number.checked_sub(1) else {
        return Ok(None);
    };
    match world.populations.get(group as usize) {
        Some(Population::People {
            people, addresses, ..
        }) if addresses < people => Ok(Some((group, *addresses))),
        _ => Err(format!(
            "{}: expected people that share addresses, got population {number}",
            fields.at("behind")
        )),
    }
}

fn route(fields: &mut Fields, world: &World) -> Result<RouteId, String> {
    let name = fields.text("route")?.unwrap_or_default();
    route_id(&fields.at("route"), &name, world)
}

fn routes(fields: &mut Fields, world: &World) -> Result<Vec<RouteId>, String> {
    let list = fields.list("routes")?;
    list.into_iter()
        .map(|(at, value)| route_id(&at, value.as_str().unwrap_or_default(), world))
        .collect()
}

fn route_id(at: &str, name: &str, world: &World) -> Result<RouteId, String> {
    (0..=world.routes)
        .find(|id| route_name(*id) == name)
        .ok_or_else(|| {
            let last = world.routes;
            format!("{at}: expected \"login\" or \"r1\" to \"r{last}\", got \"{name}\"")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(json: &str) -> String {
        Scenario::read(json.as_bytes()).unwrap_err()
    }

    #[test]
    fn complaints_name_the_field() {
        for (json, want) in [
            (r#"{"duration_s": 1}"#, "name: expected a text"),
            (r#"{"name": "a"}"#, "duration_s: expected a whole number"),
            (
                r#"{"name": "a", "duration_s": 1, "x": 2}"#,
                "x: unknown field",
            ),
            (
                r#"{"name": "a", "duration_s": 9, "attacks": [{"kind": "flood", "at_s": 0,
                    "for_s": 1, "clients": "many", "requests_per_s": 1, "route": "r1"}]}"#,
                "attacks[0].clients: expected a whole number from 1 to 1000000, got \"many\"",
            ),
            (
                r#"{"name": "a", "duration_s": 9, "events": [{"kind": "crowd", "at_s": 0,
                    "for_s": 1, "route": "r999"}]}"#,
                "events[0].route: expected \"login\" or \"r1\"",
            ),
            (
                r#"{"name": "a", "duration_s": 9, "world": {"populations": [{"kind": "cats"}]}}"#,
                "world.populations[0].kind: expected one of: people, crawler",
            ),
            (
                r#"{"name": "a", "duration_s": 9, "attacks": [{"kind": "flood", "at_s": 0,
                    "for_s": 1, "clients": 1, "requests_per_s": 1, "route": "r1", "behind": 1}]}"#,
                "attacks[0].behind: expected people that share addresses, got population 1",
            ),
            (
                r#"{"name": "a", "duration_s": 9, "expect": {"category": "rain"}}"#,
                "expect.category: expected one of: api_ddos",
            ),
            (
                r#"[{"name": "a", "duration_s": 9, "expect": {"category": "abuse"}}]"#,
                "[0].expect: expected an attack",
            ),
        ] {
            let got = complaint(json);
            assert!(got.starts_with(want), "{got}\n  for {json}");
        }
    }

    #[test]
    fn events_come_again() {
        let json = r#"{"name": "a", "duration_s": 100,
            "events": [{"kind": "change", "at_s": 10, "every_s": 30, "routes": ["r2"]}]}"#;
        let scenario = Scenario::read(json.as_bytes()).unwrap().remove(0);
        let at: Vec<u64> = scenario
            .events
            .into_iter()
            .map(|mut event| *event.at())
            .collect();
        assert_eq!(at, [10, 40, 70]);
    }
}
