//! Holds what the engine did against what the scenario says was true.

use super::call::Call;
use super::scenario::{route_name, Scenario};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use threat_agent_engine::{Category, Incident};

const WEEK_S: f64 = 604_800.0;

/// An incident that nothing called for.
#[derive(Clone, Debug)]
pub struct FalseIncident {
    /// Since the start, warm-up included.
    pub second: u64,
    pub incident: Incident,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    requests: u64,
    touched: u64,
}

impl Tally {
    fn ratio(self) -> Option<f64> {
        (self.requests > 0).then(|| self.touched as f64 / self.requests as f64)
    }
}

pub struct Score {
    name: String,
    expected: Option<Expected>,
    seconds: u64,
    routes: u64,
    hostile: Tally,
    legitimate: Tally,
    /// Clients of the attack that have asked, and their attempts that passed before they were
    /// touched or the incident was opened.
    attackers: u64,
    attempts: u64,
    caught: HashSet<u32>,
    /// Ordinary clients that were touched, and how often.
    touched_clients: BTreeMap<IpAddr, u64>,
    detected_at_s: Option<u64>,
    seen: HashSet<u64>,
    pub false_incidents: Vec<FalseIncident>,
}

struct Expected {
    category: Category,
    route: Option<String>,
    tolerated: Vec<Category>,
    trouble_at_s: u64,
}

/// A line of the result, as `--json` prints it: nulls where a figure has no meaning.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: String,
    /// Of the incident that should be opened.
    pub category: Option<Category>,
    /// Whether an incident should be opened.
    pub hostile: bool,
    pub detected: bool,
    /// From the beginning of the trouble to the incident.
    pub time_to_detect_s: Option<f64>,
    /// Requests that passed, by client of the attack, until it was touched or the incident opened.
    pub attempts_per_client_to_detect: Option<f64>,
    /// Refused or marked, of all requests of attackers.
    pub hostile_touched_ratio: Option<f64>,
    /// Refused or marked, of all other requests after the warm-up.
    pub legitimate_touched_ratio: Option<f64>,
    /// Per simulated week and 1,000 routes.
    pub false_incidents_per_week: f64,
}

impl Score {
    pub fn new(scenario: &Scenario) -> Score {
        let expected = scenario.expect.as_ref().map(|expect| Expected {
            category: expect.category,
            route: expect.route.map(route_name),
            tolerated: expect.tolerated.clone(),
            trouble_at_s: scenario.trouble_at_s().unwrap_or(0),
        });
        Score {
            name: scenario.name.clone(),
            expected,
            seconds: scenario.length_s(),
            routes: u64::from(scenario.world.routes) + 1,
            hostile: Tally::default(),
            legitimate: Tally::default(),
            attackers: 0,
            attempts: 0,
            caught: HashSet::new(),
            touched_clients: BTreeMap::new(),
            detected_at_s: None,
            seen: HashSet::new(),
            false_incidents: Vec::new(),
        }
    }

    /// Counts a request of an actor.
    pub fn count(&mut self, actor: u32, call: &Call, touched: bool, is_new: bool, now_s: f64) {
        if !call.hostile {
            if now_s >= 0.0 {
                self.legitimate.requests += 1;
                self.legitimate.touched += u64::from(touched);
            }
            if touched {
                *self.touched_clients.entry(call.client).or_default() += 1;
            }
            return;
        }
        self.hostile.requests += 1;
        self.hostile.touched += u64::from(touched);
        if self.detected_at_s.is_some() {
            return;
        }
        self.attackers += u64::from(is_new);
        if touched {
            self.caught.insert(actor);
        } else if !self.caught.contains(&actor) {
            self.attempts += 1;
        }
    }

    /// Looks at the incidents there are after a second.
    pub fn tick<'i>(&mut self, second: u64, incidents: impl Iterator<Item = &'i Incident>) {
        let mut new: Vec<&Incident> = incidents
            .filter(|incident| self.seen.insert(incident.number))
            .collect();
        new.sort_unstable_by_key(|incident| incident.number);
        for incident in new {
            if !self.is_true(second, incident) {
                let incident = incident.clone();
                self.false_incidents
                    .push(FalseIncident { second, incident });
            }
        }
    }

    fn is_true(&mut self, second: u64, incident: &Incident) -> bool {
        let Some(expected) = &self.expected else {
            return false;
        };
        if second <= expected.trouble_at_s {
            return false;
        }
        let here = match &expected.route {
            Some(route) => incident.route.is_empty() || incident.route == *route,
            None => true,
        };
        if incident.category == expected.category && here {
            self.detected_at_s.get_or_insert(second);
            return true;
        }
        expected.tolerated.contains(&incident.category)
    }

    /// Requests of attackers, and all others after the warm-up.
    #[cfg(test)]
    pub fn requests(&self) -> (u64, u64) {
        (self.hostile.requests, self.legitimate.requests)
    }

    /// Clients of ordinary traffic that were refused or marked.
    pub fn touched_clients(&self) -> &BTreeMap<IpAddr, u64> {
        &self.touched_clients
    }

    /// Simulated weeks times thousands of routes.
    pub fn exposure(&self) -> f64 {
        self.seconds as f64 / WEEK_S * self.routes as f64 / 1_000.0
    }

    pub fn row(&self) -> Row {
        let expected = self.expected.as_ref();
        let trouble = expected.map_or(0, |e| e.trouble_at_s);
        let time_to_detect_s = self
            .detected_at_s
            .map(|at| at.saturating_sub(trouble) as f64);
        let attempts = self.detected_at_s.filter(|_| self.attackers > 0);
        Row {
            name: self.name.clone(),
            category: expected.map(|e| e.category),
            hostile: expected.is_some(),
            detected: self.detected_at_s.is_some(),
            time_to_detect_s,
            attempts_per_client_to_detect: attempts
                .map(|_| self.attempts as f64 / self.attackers as f64),
            hostile_touched_ratio: self.hostile.ratio(),
            legitimate_touched_ratio: self.legitimate.ratio(),
            false_incidents_per_week: self.false_incidents.len() as f64 / self.exposure(),
        }
    }
}
