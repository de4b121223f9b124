//! The tick: once a second, on one worker of the node, signals and counts become incidents.

use crate::error::Error;
use crate::incident::{Book, Claim, Fingerprint, Incident, Severity, Stage, Suggestion};
use crate::memory::{Memory, Place};
use crate::signal::Signal;
use serde::{Deserialize, Serialize};

/// A change of the gateway's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub wall_s: u64,
    /// Hash of the configuration, or what stands for it.
    pub hash: String,
    /// What changed, such as `routes/orders`.
    pub entities: Vec<String>,
}

/// Changes that are remembered.
const MAX_CHANGES: usize = 32;
/// What [`Analyst::export`] writes and [`Analyst::import`] takes.
const FORMAT: &str = "threat-agent-learned";
const VERSION: u32 = 1;

/// Learns what is normal and keeps the incidents of a node.
#[derive(Default)]
pub struct Analyst {
    book: Book,
    cursor: u64,
    changes: Vec<Change>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    format: String,
    version: u32,
}

impl Analyst {
    pub fn new() -> Analyst {
        Analyst::default()
    }

    /// Does one second's work. Only one worker of a node may call it at a time.
    /// Units: `now_ms` on the clock of the hot path; `wall_s` in seconds since 1970.
    pub fn tick<M: Memory + ?Sized>(&mut self, memory: &M, now_ms: u64, wall_s: u64) {
        let mut signals = Vec::new();
        let (cursor, _) = memory.drain(self.cursor, &mut |signal| signals.push(*signal));
        self.cursor = cursor;
        for signal in &signals {
            let fingerprint = Fingerprint {
                workspace: signal.workspace,
                category: signal.category,
                route: signal.route,
            };
            self.book.gather(fingerprint, signal);
            self.book.claim(plain(signal), memory, now_ms, wall_s);
        }
        self.book.settle(memory, now_ms, wall_s);
    }

    /// Takes note of a change, so that errors can be held against it.
    pub fn note_change(&mut self, change: Change) {
        if self.changes.len() == MAX_CHANGES {
            self.changes.remove(0);
        }
        self.changes.push(change);
    }

    /// Writes what was learned. Shape: JSON with `format` and `version`.
    pub fn export(&self) -> Vec<u8> {
        let saved = Saved {
            format: FORMAT.to_owned(),
            version: VERSION,
        };
        serde_json::to_vec(&saved).unwrap_or_default()
    }

    /// Reads what [`Analyst::export`] wrote. What was learned here since is kept.
    /// Errors: what is no such JSON, or of another version.
    pub fn import(&mut self, json: &[u8]) -> Result<(), Error> {
        let saved: Saved = serde_json::from_slice(json)?;
        if (saved.format.as_str(), saved.version) != (FORMAT, VERSION) {
            return Err(Error::field(
                "format",
                format!(
                    "expected {FORMAT} {VERSION}, got {} {}",
                    saved.format, saved.version
                ),
            ));
        }
        Ok(())
    }

    /// Open incidents, then recently resolved ones.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.book.incidents()
    }
}

fn plain(signal: &Signal) -> Claim {
    Claim {
        place: Place {
            workspace: signal.workspace,
            route: signal.route,
            ..Place::default()
        },
        category: signal.category,
        stage: Stage::Immediate,
        score: signal.score,
        confidence: signal.score,
        severity: Severity::Medium,
        title: format!("{} on route {}", signal.kind.name(), signal.route.text()),
        reasons: vec![format!(
            "{} of {} by one client",
            signal.value,
            signal.kind.name()
        )],
        quiet_ms: 600_000,
        requests: 0,
        refused: 0,
        clients: 1,
        accounts: 0,
        suspect_change: None,
        suggestion: Suggestion::new("throttle", "client", 600),
    }
}
