use crate::error::Error;
use std::path::Path;
use threat_agent_engine::request::Source;
use threat_agent_engine::{
    Action, Analyst, Change, Config, Engine, Identity, Incident, LocalState, Outcome, Request,
};

/// Where the monotonic clock begins: not at 0, as no machine's does. Units: milliseconds.
const CLOCK_MS: u64 = 1_000_000_000;

pub struct Gateway {
    engine: Engine,
    memory: LocalState,
    analyst: Analyst,
    /// Units: seconds since 1970.
    start_s: u64,
}

/// What became of a request.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    action: Action,
    /// Refused, or marked for the upstream.
    pub touched: bool,
    account: u64,
}

impl Answer {
    /// How a refused request ends: with the plugin's own answer.
    pub fn refusal(&self) -> Option<Outcome> {
        let status = match self.action {
            Action::Allow | Action::Tag => return None,
            Action::Throttle => 429,
            Action::Block => 403,
        };
        Some(Outcome {
            status,
            source: Source::Exit,
            account: self.account,
            ..Outcome::default()
        })
    }

    /// Puts to an outcome what the verdict told of the account.
    pub fn about(&self, outcome: Outcome) -> Outcome {
        Outcome {
            account: self.account,
            ..outcome
        }
    }
}

impl Gateway {
    /// Errors: a configuration that the engine refuses.
    pub fn new(config: Config, start_s: u64) -> Result<Gateway, Error> {
        Ok(Gateway {
            engine: Engine::new(config).map_err(Error::config(Path::new("simulation")))?,
            memory: LocalState::default(),
            analyst: Analyst::new(),
            start_s,
        })
    }

    /// Units: seconds since 1970.
    pub fn wall_s(&self, at_ms: u64) -> u64 {
        self.start_s + at_ms / 1_000
    }

    /// Asks the engine about a request.
    pub fn ask(&self, request: &Request, at_ms: u64) -> Answer {
        let now_ms = CLOCK_MS + at_ms;
        let verdict = self.engine.inspect_whole(request, &self.memory, now_ms);
        Answer {
            action: verdict.action,
            touched: verdict.action != Action::Allow,
            account: verdict.account,
        }
    }

    /// Tells the engine how a request ended.
    pub fn tell(&self, identity: &Identity, path: &[u8], outcome: &Outcome, at_ms: u64) {
        let now_ms = CLOCK_MS + at_ms;
        self.engine
            .observe(identity, path, outcome, &self.memory, now_ms);
    }

    /// Does a second's work.
    pub fn tick(&mut self, at_ms: u64) {
        let wall_s = self.wall_s(at_ms);
        self.analyst.tick(&self.memory, CLOCK_MS + at_ms, wall_s);
    }

    /// Tells of a change of configuration.
    pub fn note_change(&mut self, second: u64, entities: Vec<String>) {
        self.analyst.note_change(Change {
            wall_s: self.wall_s(second * 1_000),
            hash: format!("{second:08x}"),
            entities,
        });
    }

    /// Open incidents, then recently resolved ones.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.analyst.incidents()
    }
}
