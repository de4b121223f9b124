//! Incidents: what people are told, once for each attack and not once for each attacker.
//!
//! Detectors make [`Claim`]s ("this attack is going on here now"); the [`Book`] opens, updates and
//! resolves one incident for each fingerprint (workspace, category, route) and gathers the
//! evidence of the signals beside it. Open incidents and evidence are bounded.

mod book;
mod evidence;
mod open;
mod text;

pub use book::{Book, MAX_OPEN};
pub use evidence::{requests_behind, Distinct, Evidence, Signs, Top};
pub use text::text;

use crate::memory::Place;
use crate::signal::Id;
use crate::verdict::Category;
use serde::{Deserialize, Serialize};

/// Longest list of clients, of references and of classifications that an incident shows.
const SHOWN: usize = 8;

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Open,
    Updated,
    Resolved,
}

/// What classified it: the request itself, the tick, or a language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Immediate,
    Delayed,
    Ai,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

/// How far a client is suspected of its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspicion {
    Low,
    Medium,
    High,
}

/// One classification of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classified {
    pub wall_s: u64,
    pub stage: Stage,
    pub category: Category,
    pub score: f32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopClient {
    pub client: String,
    pub signals: u32,
    pub suspicion: Suspicion,
}

/// A consumer, credential or session with a share in an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopSender {
    /// `consumer`, `credential` or `session`.
    pub by: String,
    /// Kong's id; of a session a keyed hash.
    pub id: String,
    pub signals: u32,
    pub suspicion: Suspicion,
}

/// What the agent is advised to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// `throttle`, `block`, `protect_account`, `break_circuit`, `revert_change` or `notify`.
    pub action: String,
    /// `client`, `consumer`, `account`, `route` or `service`.
    pub scope: String,
    pub ttl_s: u32,
}

impl Suggestion {
    pub fn new(action: &str, scope: &str, ttl_s: u32) -> Suggestion {
        Suggestion {
            action: action.to_owned(),
            scope: scope.to_owned(),
            ttl_s,
        }
    }
}

/// An attack or a fault, from its first sign to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Reference, as people read it aloud.
    pub id: String,
    /// Slot number on this node.
    pub number: u64,
    pub fingerprint: String,
    pub category: Category,
    pub status: Status,
    pub stage: Stage,
    pub history: Vec<Classified>,
    pub severity: Severity,
    /// Anomaly score in 0..=1.
    pub score: f32,
    /// How sure the classification is, in 0..=1.
    pub confidence: f32,
    /// One sentence.
    pub title: String,
    /// Counters and the lines they crossed.
    pub reasons: Vec<String>,
    pub workspace: String,
    pub service: String,
    pub route: String,
    pub opened_s: u64,
    pub updated_s: u64,
    pub resolved_s: Option<u64>,
    /// Requests that belong to it, and those of them that were refused: estimates.
    pub requests: u64,
    pub refused: u64,
    /// Estimate of the distinct clients.
    pub clients: u32,
    pub top_clients: Vec<TopClient>,
    #[serde(default)]
    pub top_senders: Vec<TopSender>,
    pub sample_references: Vec<String>,
    /// Estimate of the distinct accounts.
    pub accounts: u32,
    pub suspect_change: Option<String>,
    pub suggestion: Suggestion,
}

/// A detector's statement that an attack or fault is going on.
#[derive(Clone, Debug)]
pub struct Claim {
    pub place: Place,
    pub category: Category,
    pub stage: Stage,
    pub score: f32,
    pub confidence: f32,
    pub severity: Severity,
    pub title: String,
    pub reasons: Vec<String>,
    /// The incident is resolved when nothing claims it for so long. Units: milliseconds.
    pub quiet_ms: u64,
    /// Requests and refusals since the last claim.
    pub requests: u64,
    pub refused: u64,
    /// Least number of clients and accounts that the detector counted itself.
    pub clients: u32,
    pub accounts: u32,
    pub suspect_change: Option<String>,
    /// An incident of this category at the same place is the same, seen better now.
    pub explains: Option<Category>,
    pub suggestion: Suggestion,
}

/// What incidents are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint {
    pub workspace: Id,
    pub category: Category,
    pub route: Id,
}

impl Fingerprint {
    /// Writes it as incidents do.
    pub fn text(&self) -> String {
        format!(
            "{}/{}/{}",
            self.workspace.text(),
            self.category.name(),
            self.route.text()
        )
    }
}

/// Writes the reference of an incident number: ten characters of Crockford's base 32.
/// Source: https://www.crockford.com/base32.html
pub fn reference(number: u64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    (0..10)
        .rev()
        .map(|digit| char::from(ALPHABET[(number >> (5 * digit)) as usize & 31]))
        .collect()
}
