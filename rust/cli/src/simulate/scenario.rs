//! A scenario: ordinary traffic, what happens to it, who attacks, and what should be named.
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
//! that its reader below asks for; an event with `every_s` comes again until the end.

use super::fields::Fields;
use serde_json::Value;
use threat_agent_engine::request::Source;
use threat_agent_engine::Category;

/// Number of a route in its world; 0 is the login route.
pub type RouteId = u16;

/// The ordinary world, where a scenario brings none.
const WORLD: &str = include_str!("../../scenarios/world.json");

/// Longest simulated time. Units: seconds (60 days).
const MAX_S: u64 = 5_184_000;
const MAX_CLIENTS: u64 = 1_000_000;
const MAX_RATE: f64 = 100_000.0;

#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    pub expect: Option<Expect>,
    /// Hour of the week, from Monday midnight.
    pub starts_at_h: f64,
    pub warm_up_s: u64,
    pub duration_s: u64,
    pub world: World,
    pub events: Vec<Event>,
    pub attacks: Vec<Attack>,
}

/// The incident that should be opened.
#[derive(Clone, Debug)]
pub struct Expect {
    pub category: Category,
    /// Where; anywhere when not given.
    pub route: Option<RouteId>,
    /// Categories that are true as well, but do not count as the detection.
    pub tolerated: Vec<Category>,
}

#[derive(Clone, Debug)]
pub struct World {
    /// Routes besides the login route.
    pub routes: u16,
    pub routes_per_service: u16,
    /// How far the load swings around its mean in a day; 0 is flat.
    pub daily_swing_ratio: f64,
    /// Load of Saturday and Sunday, of that of a working day.
    pub weekend_ratio: f64,
    /// Share of requests that fail upstream.
    pub error_ratio: f64,
    pub populations: Vec<Population>,
}

/// Clients of one kind.
#[derive(Clone, Copy, Debug)]
pub enum Population {
    /// People with sessions: pages of a few calls, time to think between.
    People {
        people: u64,
        /// Fewer than people: an office behind one address, a carrier's pool.
        addresses: u64,
        requests_per_s: f64,
        /// Share of sessions that begin with a login.
        login_ratio: f64,
        login_success_ratio: f64,
    },
    /// A search engine's crawler: steady, all over, no logins.
    Crawler { addresses: u64, requests_per_s: f64 },
    /// Programs with a key of their own.
    Consumers {
        consumers: u64,
        addresses_each: u64,
        requests_per_s: f64,
    },
    /// A load balancer's health check.
    Probe { addresses: u64, every_s: f64 },
    /// Apps with a credential that has expired, which try on and on.
    Stale { clients: u64, every_s: f64 },
}

#[derive(Clone, Debug)]
pub enum Event {
    /// New people come to one route, all at once, and lose interest again.
    Crowd {
        at_s: u64,
        ramp_s: u64,
        for_s: u64,
        factor: f64,
        route: RouteId,
    },
    /// The configuration of the gateway changes.
    Change { at_s: u64, routes: Vec<RouteId> },
    /// Routes answer with an error.
    Errors {
        at_s: u64,
        for_s: u64,
        routes: Vec<RouteId>,
        status: u16,
        ratio: f64,
        source: Source,
    },
    /// Routes answer slowly.
    Slow {
        at_s: u64,
        for_s: u64,
        routes: Vec<RouteId>,
        factor: f64,
    },
    /// All ordinary load is multiplied.
    Load { at_s: u64, for_s: u64, factor: f64 },
}

#[derive(Clone, Debug)]
pub struct Attack {
    pub kind: AttackKind,
    pub at_s: u64,
    pub for_s: u64,
    pub clients: u64,
    /// Of each client, while it is at it.
    pub requests_per_s: f64,
    /// Seconds at it and seconds of silence; (0, 0) for no pulses.
    pub pulse_s: (f64, f64),
    pub route: RouteId,
}

#[derive(Clone, Copy, Debug)]
pub enum AttackKind {
    /// The same request over and over.
    Flood,
    /// Logins with guessed or stolen passwords.
    Login {
        /// Accounts that are tried in turn; 0 for another one at each attempt.
        accounts: u64,
        /// Share of attempts that succeed.
        success_ratio: f64,
        /// The account's attempt that succeeds; 0 for none.
        success_after: u64,
    },
    /// Objects by their ids.
    Read {
        sequential: bool,
        missing_ratio: f64,
        denied_ratio: f64,
    },
    /// Paths that might exist.
    Scan { found_ratio: f64 },
    /// Requests with the key of a consumer of the world.
    Key { consumer: u64 },
}

impl World {
    /// How many consumers there are.
    pub fn consumers(&self) -> u64 {
        let each = self.populations.iter().map(|p| match p {
            Population::Consumers { consumers, .. } => *consumers,
            _ => 0,
        });
        each.max().unwrap_or(0)
    }
}

impl Attack {
    /// Tells whether a client of this attack is at it, so many seconds after it began.
    pub fn is_on(&self, since_s: f64) -> bool {
        let (on, off) = self.pulse_s;
        on == 0.0 || since_s % (on + off) < on
    }
}

impl Event {
    fn at(&mut self) -> &mut u64 {
        match self {
            Event::Crowd { at_s, .. }
            | Event::Change { at_s, .. }
            | Event::Errors { at_s, .. }
            | Event::Slow { at_s, .. }
            | Event::Load { at_s, .. } => at_s,
        }
    }
}

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

    /// Seconds from the start to the end.
    pub fn length_s(&self) -> u64 {
        self.warm_up_s + self.duration_s
    }

    /// Second at which what should be named begins.
    pub fn trouble_at_s(&self) -> Option<u64> {
        self.expect.as_ref()?;
        let attacks = self.attacks.iter().map(|a| a.at_s).min();
        let errors = self.events.iter().filter_map(|event| match event {
            Event::Errors { at_s, .. } => Some(*at_s),
            _ => None,
        });
        attacks.or(errors.min()).map(|at_s| self.warm_up_s + at_s)
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
    };
    fields.finish()?;
    Ok(attack)
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

/// Names a route as scenarios and incidents do.
pub fn route_name(route: RouteId) -> String {
    match route {
        0 => "login".into(),
        n => format!("r{n}"),
    }
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
