//! Those who ask: each knows its next call, and when it comes back after the answer.

use super::call::{
    home, neighbour, Agent, Call, Target, BROWSERS, CRAWLER, PROBE, PROGRAMS, SCRIPT,
};
use super::random::{spread, Random};
use super::scenario::{Attack, AttackKind, RouteId};
use std::net::IpAddr;

/// Objects of a route.
const CATALOGUE: u64 = 50_000;
/// Mean of the calls that a page makes.
const CALLS_PER_PAGE: f64 = 2.5;
/// Share of people who have forgotten their password.
const FORGETFUL_RATIO: f64 = 0.01;

/// Which routes ordinary traffic goes to: few are popular.
pub struct Popularity {
    /// Share of the traffic that goes to `r1` up to this one.
    upto: Vec<f64>,
}

impl Popularity {
    /// Source: Zipf's law with an exponent of 0.8.
    pub fn new(routes: u16) -> Popularity {
        let weights: Vec<f64> = (1..=routes).map(|n| f64::from(n).powf(-0.8)).collect();
        let whole: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let upto = weights.iter().map(|w| {
            sum += w / whole;
            sum
        });
        Popularity {
            upto: upto.collect(),
        }
    }

    fn draw(&self, random: &mut Random) -> RouteId {
        let at = random.unit();
        let n = self.upto.partition_point(|upto| *upto < at);
        (n.min(self.upto.len() - 1) + 1) as RouteId
    }

    /// Share of the traffic that goes to a route.
    pub fn share(&self, route: RouteId) -> f64 {
        let n = usize::from(route);
        let upto = |n: usize| if n == 0 { 0.0 } else { self.upto[n - 1] };
        if n == 0 {
            return 0.0;
        }
        upto(n) - upto(n - 1)
    }
}

/// What all actors know of the world at the moment.
pub struct Surroundings<'a> {
    pub popularity: &'a Popularity,
    /// Load, of the mean.
    pub load: f64,
    pub attacks: &'a mut [Campaign],
    /// Since the end of the warm-up; negative before. Units: seconds.
    pub now_s: f64,
}

/// An attack under way.
pub struct Campaign {
    pub attack: Attack,
    /// Requests so far, of all clients.
    made: u64,
}

impl Campaign {
    pub fn new(attack: Attack) -> Campaign {
        Campaign { attack, made: 0 }
    }
}

/// Somebody who asks.
pub enum Actor {
    Person(Person),
    Machine(Machine),
    Attacker(Attacker),
}

impl Actor {
    /// Makes the next call; `None` when there is nothing to ask now.
    pub fn call(&mut self, random: &mut Random, around: &mut Surroundings) -> Option<Call> {
        match self {
            Actor::Person(person) => Some(person.call(random, around)),
            Actor::Machine(machine) => Some(machine.call(random, around)),
            Actor::Attacker(attacker) => attacker.call(random, around),
        }
    }

    /// Takes the answer. Returns when the actor comes back, if it does. Units: seconds.
    pub fn next(&mut self, status: u16, random: &mut Random, around: &Surroundings) -> Option<f64> {
        match self {
            Actor::Person(person) => person.next(status, random),
            Actor::Machine(machine) => Some(machine.next(random, around)),
            Actor::Attacker(attacker) => attacker.next(random, around),
        }
    }
}

/// A person's session.
pub struct Person {
    client: IpAddr,
    agent: Agent,
    account: u64,
    /// Attempts to log in that are left; 0 when logged in, or not minded to.
    logins: u8,
    login_success_ratio: f64,
    /// The route that the person came for.
    focus: Option<RouteId>,
    route: RouteId,
    item: u64,
    pages: u16,
    calls: u8,
}

/// Mean number of calls of a session.
pub fn calls_per_session(pages: f64) -> f64 {
    pages * CALLS_PER_PAGE
}

impl Person {
    /// Begins a session of so many pages on the mean.
    pub fn new(
        client: IpAddr,
        account: u64,
        pages: f64,
        login: (f64, f64),
        focus: Option<RouteId>,
        random: &mut Random,
    ) -> Person {
        let (login_ratio, mut login_success_ratio) = login;
        if random.chance(FORGETFUL_RATIO) {
            login_success_ratio = 0.0;
        }
        let logs_in = random.chance(login_ratio);
        Person {
            client,
            agent: (spread(account) % BROWSERS) as Agent,
            account,
            logins: if logs_in {
                3 + random.below(5) as u8
            } else {
                0
            },
            login_success_ratio,
            focus,
            route: 0,
            item: 0,
            pages: 1 + random.exponential(pages - 0.5) as u16,
            calls: 0,
        }
    }

    fn call(&mut self, random: &mut Random, around: &Surroundings) -> Call {
        let call = Call {
            hostile: false,
            client: self.client,
            consumer: None,
            agent: self.agent,
            route: 0,
            target: Target::Login(self.account),
            status: 200,
        };
        if self.logins > 0 {
            let status = if random.chance(self.login_success_ratio) {
                200
            } else {
                401
            };
            return Call { status, ..call };
        }
        if self.calls == 0 {
            self.turn_page(random, around);
            let target = Target::List(random.below(3));
            return Call {
                route: self.route,
                target,
                ..call
            };
        }
        let (target, status) = if random.chance(0.01) {
            (Target::Missing(random.below(40)), 404)
        } else {
            (Target::Item(self.item), 200)
        };
        self.item += 1;
        Call {
            route: self.route,
            target,
            status,
            ..call
        }
    }

    /// A page is one list, and some of its objects: now and then a gallery of neighbours.
    fn turn_page(&mut self, random: &mut Random, around: &Surroundings) {
        self.pages = self.pages.saturating_sub(1);
        self.calls = 1 + random.below(4) as u8;
        self.route = match self.focus {
            Some(route) if random.chance(0.8) => route,
            _ => around.popularity.draw(random),
        };
        self.item = popular(random);
    }

    fn next(&mut self, status: u16, random: &mut Random) -> Option<f64> {
        if self.logins > 0 {
            self.logins = if status == 200 { 0 } else { self.logins - 1 };
            if status != 200 && self.logins == 0 {
                return None;
            }
            return Some(random.lognormal(4.0, 0.6));
        }
        self.calls -= 1;
        if self.calls > 0 {
            if random.chance(0.9) {
                self.item = popular(random);
            }
            return Some(0.02 + random.exponential(0.1));
        }
        (self.pages > 0).then(|| random.lognormal(10.0, 0.9))
    }
}

/// Some objects are asked for far more often than others.
fn popular(random: &mut Random) -> u64 {
    let at = random.unit();
    (CATALOGUE as f64 * at * at * at) as u64 + 1_000
}

/// A program that asks steadily.
pub struct Machine {
    pub kind: MachineKind,
    pub client: IpAddr,
    /// Mean gap between calls. Units: seconds.
    pub gap_s: f64,
    burst: u8,
}

#[derive(Clone, Copy)]
pub enum MachineKind {
    Crawler,
    Consumer(u16),
    Probe,
    Stale,
}

/// Calls of a consumer that come at once, and how often that happens.
const BURST: u8 = 20;
const BURST_RATIO: f64 = 0.02;

impl Machine {
    pub fn new(kind: MachineKind, client: IpAddr, gap_s: f64) -> Machine {
        let burst = 0;
        Machine {
            kind,
            client,
            gap_s,
            burst,
        }
    }

    fn call(&mut self, random: &mut Random, around: &Surroundings) -> Call {
        let call = Call {
            hostile: false,
            client: self.client,
            consumer: None,
            agent: CRAWLER,
            route: around.popularity.draw(random),
            target: Target::Item(1_000 + random.below(CATALOGUE)),
            status: 200,
        };
        match self.kind {
            MachineKind::Crawler if random.chance(0.03) => Call {
                target: Target::Missing(random.below(400)),
                status: 404,
                ..call
            },
            MachineKind::Crawler => call,
            MachineKind::Consumer(n) => {
                let target = if random.chance(0.3) {
                    Target::List(random.below(20))
                } else {
                    Target::Item(popular(random))
                };
                // A program knows a few routes only.
                let routes = around.popularity.upto.len() as u64;
                let nth = spread(u64::from(n) << 8 | random.below(3));
                Call {
                    consumer: Some(n),
                    agent: PROGRAMS[usize::from(n) % PROGRAMS.len()],
                    route: (nth % routes + 1) as RouteId,
                    target,
                    ..call
                }
            }
            MachineKind::Probe => Call {
                agent: PROBE,
                route: 1,
                target: Target::Health,
                ..call
            },
            MachineKind::Stale => Call {
                agent: 5,
                route: 1,
                target: Target::List(0),
                status: 401,
                ..call
            },
        }
    }

    fn next(&mut self, random: &mut Random, around: &Surroundings) -> f64 {
        match self.kind {
            MachineKind::Probe | MachineKind::Stale => self.gap_s * (0.95 + 0.1 * random.unit()),
            MachineKind::Crawler => random.exponential(self.gap_s),
            MachineKind::Consumer(_) => {
                if self.burst == 0 && random.chance(BURST_RATIO) {
                    self.burst = BURST;
                }
                if self.burst > 0 {
                    self.burst -= 1;
                    return 0.05 + random.exponential(0.05);
                }
                // Bursts have their share of the calls.
                let share = 1.0 + BURST_RATIO * f64::from(BURST);
                random.exponential(self.gap_s * share / around.load.max(0.01))
            }
        }
    }
}

/// A client of an attack.
pub struct Attacker {
    /// Index among the attacks of the scenario.
    campaign: usize,
    nth: u64,
    client: IpAddr,
    made: u64,
}

impl Attacker {
    pub fn new(campaign: usize, attack: &Attack, nth: u64) -> Attacker {
        let client = match (attack.behind, attack.kind) {
            (Some((group, addresses)), _) => neighbour(group, nth % addresses),
            (_, AttackKind::Key { .. }) => neighbour(0xbad << 20 | spread(nth), nth),
            _ => home(0x00ba_d000 | campaign as u64, nth),
        };
        Attacker {
            campaign,
            nth,
            client,
            made: 0,
        }
    }

    /// Tells whether it has not asked before.
    pub fn is_new(&self) -> bool {
        self.made <= 1
    }

    fn call(&mut self, random: &mut Random, around: &mut Surroundings) -> Option<Call> {
        let campaign = around.attacks.get_mut(self.campaign)?;
        let attack = &campaign.attack;
        if !attack.is_on(around.now_s - attack.at_s as f64) {
            return None;
        }
        let call = Call {
            hostile: true,
            client: self.client,
            consumer: None,
            agent: (spread(self.nth) % BROWSERS) as Agent,
            route: attack.route,
            target: Target::List(1),
            status: 200,
        };
        let (all, made) = (campaign.made, self.made);
        campaign.made += 1;
        self.made += 1;
        Some(match attack.kind {
            AttackKind::Flood => call,
            AttackKind::Login {
                accounts,
                success_ratio,
                success_after,
            } => {
                let account = match accounts {
                    0 => 1 << 40 | all,
                    n => all % n,
                };
                let round = all / accounts.max(1) + 1;
                let hit = success_after > 0 && round >= success_after;
                let status = if hit || random.chance(success_ratio) {
                    200
                } else {
                    401
                };
                Call {
                    target: Target::Login(account),
                    status,
                    ..call
                }
            }
            AttackKind::Read {
                sequential,
                missing_ratio,
                denied_ratio,
            } => {
                let id = if sequential {
                    1_000 + self.nth * 5_000 + made
                } else {
                    1_000 + random.below(CATALOGUE)
                };
                let status = if random.chance(missing_ratio) {
                    404
                } else if random.chance(denied_ratio) {
                    403
                } else {
                    200
                };
                Call {
                    agent: SCRIPT,
                    target: Target::Item(id),
                    status,
                    ..call
                }
            }
            AttackKind::Scan { found_ratio } => Call {
                agent: SCRIPT,
                target: Target::Missing(random.bits() >> 1),
                status: if random.chance(found_ratio) { 200 } else { 404 },
                ..call
            },
            AttackKind::Key { consumer } => Call {
                consumer: Some(consumer as u16),
                agent: SCRIPT,
                target: Target::Item(1_000 + random.below(CATALOGUE)),
                ..call
            },
        })
    }

    fn next(&mut self, random: &mut Random, around: &Surroundings) -> Option<f64> {
        let attack = &around.attacks.get(self.campaign)?.attack;
        let since_s = around.now_s - attack.at_s as f64;
        let gap_s = (0.5 + random.unit()) / attack.requests_per_s;
        let next_s = if attack.is_on(since_s) {
            gap_s
        } else {
            // Silent until the next pulse, then not all in one moment.
            let (on_s, off_s) = attack.pulse_s;
            on_s + off_s - since_s % (on_s + off_s) + gap_s.min(on_s) * random.unit()
        };
        (since_s + next_s < attack.for_s as f64).then_some(next_s)
    }
}
