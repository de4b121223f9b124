//! A scenario: ordinary traffic, what happens to it, who attacks, and what should be named.

use threat_agent_engine::request::Source;
use threat_agent_engine::Category;

/// Number of a route in its world; 0 is the login route.
pub type RouteId = u16;

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
    /// Where the attackers' addresses are those of a population of fewer addresses than people:
    /// its number in the world, and the addresses.
    pub behind: Option<(u64, u64)>,
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
    /// When it happens.
    pub fn at(&mut self) -> &mut u64 {
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

/// Names a route as scenarios and incidents do.
pub fn route_name(route: RouteId) -> String {
    match route {
        0 => "login".into(),
        n => format!("r{n}"),
    }
}
