//! Plays one scenario: second by second, each request at its own millisecond.

use super::actors::{
    calls_per_session, Actor, Attacker, Campaign, Machine, MachineKind, Person, Popularity,
    Surroundings,
};
use super::call::{home, neighbour, Call, Wire};
use super::gateway::Gateway;
use super::queue::Queue;
use super::random::Random;
use super::scenario::{route_name, Attack, Event, Population, RouteId, Scenario};
use super::score::Score;
use super::slab::Slab;
use super::tide::{crowd_height, tide};
use crate::error::Error;
use threat_agent_engine::request::Source;
use threat_agent_engine::{Config, Outcome};

/// Where virtual time begins: Monday, 5 January 2026. Units: seconds since 1970.
const EPOCH_S: u64 = 1_767_571_200;
/// Pages of an ordinary session, and of one that a crowd brings. Mean.
const PAGES: f64 = 8.0;
const CROWD_PAGES: f64 = 4.0;
/// Share of sessions in a crowd that log in, and of these that succeed at once.
const CROWD_LOGIN: (f64, f64) = (0.1, 0.95);
/// Groups of addresses: one for each population, then one for all crowds.
const CROWD_GROUP: u64 = 0xc0;

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// An actor asks.
    Ask(u32),
    /// A call is answered.
    Answer(u32),
}

/// A call that is on its way.
#[derive(Clone, Copy)]
struct Flight {
    call: Call,
    /// Who waits for the answer before going on.
    waiting: Option<u32>,
    outcome: Outcome,
}

struct Stage<'s> {
    scenario: &'s Scenario,
    random: Random,
    gateway: Gateway,
    wire: Wire,
    score: Score,
    queue: Queue<Next>,
    actors: Slab<Actor>,
    flights: Slab<Flight>,
    campaigns: Vec<Campaign>,
    popularity: Popularity,
    /// Times of the routes' answers, in good health. Units: milliseconds.
    latency_ms: Vec<f64>,
    /// New people so far.
    strangers: u64,
    load: f64,
    /// Errors and slowness of the second at hand, by index.
    upset: Vec<usize>,
}

/// Plays a scenario with the random numbers of `seed`.
/// Errors: a configuration that the engine refuses.
pub fn play(scenario: &Scenario, config: Config, seed: u64) -> Result<Score, Error> {
    let world = &scenario.world;
    let mut random = Random::new(seed ^ name_hash(&scenario.name));
    let start_s = EPOCH_S + (scenario.starts_at_h * 3_600.0) as u64;
    let latency_ms = (0..=world.routes).map(|_| 10.0 + random.exponential(30.0));
    let latency_ms = latency_ms.collect();
    let mut stage = Stage {
        scenario,
        latency_ms,
        gateway: Gateway::new(config, start_s)?,
        wire: Wire::new(world),
        score: Score::new(scenario),
        queue: Queue::new(),
        actors: Slab::new(),
        flights: Slab::new(),
        campaigns: scenario
            .attacks
            .iter()
            .cloned()
            .map(Campaign::new)
            .collect(),
        popularity: Popularity::new(world.routes),
        strangers: 0,
        load: 1.0,
        upset: Vec::new(),
        random,
    };
    stage.settle_machines();
    for second in 0..scenario.length_s() {
        stage.second(second);
    }
    Ok(stage.score)
}

/// Source: FNV-1a.
fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Stage<'_> {
    fn now_s(&self, at_ms: u64) -> f64 {
        at_ms as f64 / 1_000.0 - self.scenario.warm_up_s as f64
    }

    fn second(&mut self, second: u64) {
        if second > 0 {
            self.queue.turn(second);
        }
        let now_s = second as f64 - self.scenario.warm_up_s as f64;
        let world = &self.scenario.world;
        let hour = self.scenario.starts_at_h + second as f64 / 3_600.0;
        let tide = tide(hour, world.daily_swing_ratio, world.weekend_ratio);
        self.load = tide * self.extra_load(now_s);
        self.changes(second, now_s);
        self.upsets(now_s);
        self.people_come(second);
        self.crowds_come(second, now_s);
        self.attackers_come(second, now_s);
        while let Some((at_ms, next)) = self.queue.pop() {
            match next {
                Next::Ask(actor) => self.ask(actor, at_ms),
                Next::Answer(flight) => self.answer(flight, at_ms),
            }
        }
        self.gateway.tick((second + 1) * 1_000);
        self.score.tick(second + 1, self.gateway.incidents());
    }

    fn extra_load(&self, now_s: f64) -> f64 {
        let events = self.scenario.events.iter().filter_map(|event| match event {
            Event::Load {
                at_s,
                for_s,
                factor,
            } if within(now_s, *at_s, *for_s) => Some(*factor),
            _ => None,
        });
        events.product()
    }

    fn changes(&mut self, second: u64, now_s: f64) {
        for event in &self.scenario.events {
            if let Event::Change { at_s, routes } = event {
                if *at_s as f64 == now_s {
                    let entities = routes.iter().map(|r| format!("routes/{}", route_name(*r)));
                    self.gateway.note_change(second, entities.collect());
                }
            }
        }
    }

    fn upsets(&mut self, now_s: f64) {
        let events = self.scenario.events.iter().enumerate();
        let upset = events.filter(|(_, event)| match event {
            Event::Errors { at_s, for_s, .. } | Event::Slow { at_s, for_s, .. } => {
                within(now_s, *at_s, *for_s)
            }
            _ => false,
        });
        self.upset.clear();
        self.upset.extend(upset.map(|(n, _)| n));
    }

    /// Places those who are always there.
    fn settle_machines(&mut self) {
        let populations = &self.scenario.world.populations;
        for (group, population) in populations.iter().enumerate() {
            let group = group as u64;
            let mut put = |kind, client, gap_s: f64| {
                let first_ms = 1_000.0 * gap_s * self.random.unit();
                let machine = Actor::Machine(Machine::new(kind, client, gap_s));
                let n = self.actors.put(machine);
                self.queue.push(first_ms as u64, Next::Ask(n));
            };
            match *population {
                Population::People { .. } => {}
                Population::Crawler {
                    addresses,
                    requests_per_s,
                } => {
                    for n in 0..addresses {
                        let gap_s = addresses as f64 / requests_per_s.max(1e-6);
                        put(MachineKind::Crawler, neighbour(group, n), gap_s);
                    }
                }
                Population::Consumers {
                    consumers,
                    addresses_each,
                    requests_per_s,
                } => {
                    let whole: f64 = (1..=consumers).map(|n| 1.0 / n as f64).sum();
                    for consumer in 0..consumers {
                        let share = 1.0 / (consumer + 1) as f64 / whole;
                        let gap_s = addresses_each as f64 / (share * requests_per_s.max(1e-6));
                        for n in 0..addresses_each {
                            let client = neighbour(group << 32 | (consumer + 1), n);
                            put(MachineKind::Consumer(consumer as u16), client, gap_s);
                        }
                    }
                }
                Population::Probe { addresses, every_s } => {
                    for n in 0..addresses {
                        put(MachineKind::Probe, neighbour(group, n), every_s);
                    }
                }
                Population::Stale { clients, every_s } => {
                    for n in 0..clients {
                        put(MachineKind::Stale, home(group, n), every_s);
                    }
                }
            }
        }
    }

    fn come(&mut self, second: u64, actor: Actor) {
        let n = self.actors.put(actor);
        let at_ms = second * 1_000 + self.random.below(1_000);
        self.queue.push(at_ms, Next::Ask(n));
    }

    fn people_come(&mut self, second: u64) {
        let populations = &self.scenario.world.populations;
        for (group, population) in populations.iter().enumerate() {
            let Population::People {
                people,
                addresses,
                requests_per_s,
                login_ratio,
                login_success_ratio,
            } = *population
            else {
                continue;
            };
            let group = group as u64;
            let sessions_per_s = requests_per_s * self.load / calls_per_session(PAGES);
            for _ in 0..self.random.poisson(sessions_per_s) {
                let nth = self.random.below(people);
                let client = match addresses {
                    n if n >= people => home(group, nth),
                    n => neighbour(group, self.random.below(n)),
                };
                let account = group << 32 | nth;
                let login = (login_ratio, login_success_ratio);
                let person = Person::new(client, account, PAGES, login, None, &mut self.random);
                self.come(second, Actor::Person(person));
            }
        }
    }

    /// Requests of all populations per second, on the mean, that go to a route.
    fn usual(&self, route: RouteId) -> f64 {
        let populations = self.scenario.world.populations.iter();
        let whole: f64 = populations
            .map(|p| match p {
                Population::People { requests_per_s, .. }
                | Population::Crawler { requests_per_s, .. }
                | Population::Consumers { requests_per_s, .. } => *requests_per_s,
                Population::Probe { .. } | Population::Stale { .. } => 0.0,
            })
            .sum();
        whole * self.popularity.share(route)
    }

    fn crowds_come(&mut self, second: u64, now_s: f64) {
        for event in &self.scenario.events {
            let Event::Crowd {
                at_s,
                ramp_s,
                for_s,
                factor,
                route,
            } = *event
            else {
                continue;
            };
            let height = crowd_height(now_s - at_s as f64, ramp_s as f64, for_s as f64);
            if height == 0.0 {
                continue;
            }
            let extra = (factor - 1.0).max(0.0) * self.usual(route) * self.load * height;
            for _ in 0..self.random.poisson(extra / calls_per_session(CROWD_PAGES)) {
                self.strangers += 1;
                let client = home(CROWD_GROUP, self.strangers);
                let account = CROWD_GROUP << 32 | self.strangers;
                let focus = Some(route);
                let random = &mut self.random;
                let person = Person::new(client, account, CROWD_PAGES, CROWD_LOGIN, focus, random);
                self.come(second, Actor::Person(person));
            }
        }
    }

    fn attackers_come(&mut self, second: u64, now_s: f64) {
        for n in 0..self.campaigns.len() {
            let attack: Attack = self.campaigns[n].attack.clone();
            if attack.at_s as f64 != now_s {
                continue;
            }
            for nth in 0..attack.clients {
                let attacker = Actor::Attacker(Attacker::new(n, &attack, nth));
                let number = self.actors.put(attacker);
                let spread_s = (1.0 / attack.requests_per_s).min(attack.for_s as f64);
                let first_ms = (1_000.0 * spread_s * self.random.unit()) as u64;
                let at_ms = second * 1_000 + first_ms;
                self.queue.push(at_ms, Next::Ask(number));
            }
        }
    }

    fn ask(&mut self, n: u32, at_ms: u64) {
        let now_s = self.now_s(at_ms);
        let mut around = Surroundings {
            popularity: &self.popularity,
            load: self.load,
            attacks: &mut self.campaigns,
            now_s,
        };
        let Some(actor) = self.actors.get(n) else {
            return;
        };
        let Some(call) = actor.call(&mut self.random, &mut around) else {
            self.come_back(n, 0, at_ms);
            return;
        };
        let is_new = matches!(actor, Actor::Attacker(a) if a.is_new());
        let waits = matches!(actor, Actor::Person(_));
        let answer = self.gateway.ask(&self.wire.request(&call), at_ms);
        self.score.count(n, &call, answer.touched, is_new, now_s);
        let outcome = match answer.refusal() {
            Some(outcome) => outcome,
            None => answer.about(self.outcome(&call)),
        };
        let flight = self.flights.put(Flight {
            call,
            waiting: waits.then_some(n),
            outcome,
        });
        let answered_ms = at_ms + u64::from(outcome.latency_ms);
        self.queue.push(answered_ms, Next::Answer(flight));
        if !waits {
            self.come_back(n, outcome.status, at_ms);
        }
    }

    fn outcome(&mut self, call: &Call) -> Outcome {
        let world = &self.scenario.world;
        let route = usize::from(call.route);
        let median_ms = self.latency_ms.get(route).copied().unwrap_or(30.0);
        let mut latency_ms = self.random.lognormal(median_ms, 0.5);
        let mut status = call.status;
        let mut source = Source::Service;
        if self.random.chance(world.error_ratio) {
            status = 500;
        }
        for n in &self.upset {
            match &self.scenario.events[*n] {
                Event::Errors {
                    routes,
                    status: wrong,
                    ratio,
                    source: whence,
                    ..
                } if routes.contains(&call.route) && self.random.chance(*ratio) => {
                    status = *wrong;
                    source = *whence;
                }
                Event::Slow { routes, factor, .. } if routes.contains(&call.route) => {
                    latency_ms *= factor;
                }
                _ => {}
            }
        }
        Outcome {
            status,
            source,
            latency_ms: latency_ms as u32,
            ..Outcome::default()
        }
    }

    fn answer(&mut self, flight: u32, at_ms: u64) {
        if let Some(flight) = self.flights.take(flight) {
            let (identity, path) = self.wire.ended(&flight.call);
            self.gateway.tell(&identity, path, &flight.outcome, at_ms);
            if let Some(actor) = flight.waiting {
                self.come_back(actor, flight.outcome.status, at_ms);
            }
        }
    }

    /// An actor has its answer, or does not wait for it: it leaves, or comes back later.
    fn come_back(&mut self, n: u32, status: u16, at_ms: u64) {
        let now_s = self.now_s(at_ms);
        let around = Surroundings {
            popularity: &self.popularity,
            load: self.load,
            attacks: &mut self.campaigns,
            now_s,
        };
        let Some(actor) = self.actors.get(n) else {
            return;
        };
        match actor.next(status, &mut self.random, &around) {
            Some(gap_s) => {
                let gap_ms = (1_000.0 * gap_s).max(1.0) as u64;
                self.queue.push(at_ms + gap_ms, Next::Ask(n));
            }
            None => {
                self.actors.take(n);
            }
        }
    }
}

fn within(now_s: f64, at_s: u64, for_s: u64) -> bool {
    let since_s = now_s - at_s as f64;
    (0.0..for_s as f64).contains(&since_s)
}
