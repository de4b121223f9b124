//! Incidents: what people are told, once for each attack and not once for each attacker.
//!
//! Detectors make [`Claim`]s ("this attack is going on here now"); the [`Book`] opens, updates and
//! resolves one incident for each fingerprint (workspace, category, route) and gathers the
//! evidence of the signals beside it. Open incidents and evidence are bounded.

use crate::memory::{Memory, Place, MAX_INCIDENTS, MAX_INCIDENT_BYTES};
use crate::signal::{Id, Signal, NO_CLIENT};
use crate::verdict::Category;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Most incidents that are open at once; beyond, claims of new ones wait.
pub const MAX_OPEN: usize = 128;
/// Resolved incidents that are remembered.
const MAX_RESOLVED: usize = 64;
/// Fingerprints whose signals are gathered at once.
const MAX_EVIDENCE: usize = 512;
/// Evidence without a new signal is forgotten after this. Units: milliseconds.
const EVIDENCE_MS: u64 = 20 * 60_000;
/// Updates of one incident are at least this far apart. Units: milliseconds.
const UPDATE_MS: u64 = 5_000;
/// Longest list of clients, of references and of classifications that an incident shows.
const SHOWN: usize = 8;
/// Most reasons that an incident gives.
const REASONS: usize = 8;
/// Clients that are followed to find the top ones.
const FOLLOWED: usize = 64;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// Distinct count of hashed items: linear counting over 16,384 bits; standard error below 1 % up
/// to 10,000 items and 4 % at 60,000. Takes memory from the first item on.
/// Source: Whang, Vander-Zanden and Taylor, ACM TODS 15 (2), 1990.
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    words: Vec<u64>,
}

impl Distinct {
    const BITS: usize = 16_384;

    pub fn add(&mut self, hash: u64) {
        if self.words.is_empty() {
            self.words = vec![0; Self::BITS / 64];
        }
        let bit = (hash >> 32) as usize % Self::BITS;
        self.words[bit / 64] |= 1 << (bit % 64);
    }

    pub fn count(&self) -> u32 {
        let set: u32 = self.words.iter().map(|w| w.count_ones()).sum();
        let bits = Self::BITS as f64;
        let empty = (bits - f64::from(set)).max(1.0) / bits;
        (-bits * empty.ln()).round() as u32
    }
}

/// The clients with the most signals: 64 counters, each overestimating by at most the total
/// divided by 64. Source: Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and
/// top-k elements in data streams", ICDT 2005 (space-saving).
#[derive(Clone, Debug, Default)]
pub struct Top {
    kept: Vec<(IpAddr, u32, Suspicion)>,
}

impl Top {
    pub fn add(&mut self, client: IpAddr, suspicion: Suspicion) {
        if let Some(known) = self.kept.iter_mut().find(|k| k.0 == client) {
            known.1 += 1;
            known.2 = known.2.max(suspicion);
        } else if self.kept.len() < FOLLOWED {
            self.kept.push((client, 1, suspicion));
        } else if let Some(least) = self.kept.iter_mut().min_by_key(|k| k.1) {
            *least = (client, least.1 + 1, suspicion);
        }
    }

    fn shown(&self) -> Vec<TopClient> {
        let mut sorted = self.kept.clone();
        sorted.sort_by(|a, b| (b.2, b.1).cmp(&(a.2, a.1)).then(a.0.cmp(&b.0)));
        let top = sorted.into_iter().take(SHOWN);
        top.map(|(client, signals, suspicion)| TopClient {
            client: client.to_string(),
            signals,
            suspicion,
        })
        .collect()
    }
}

/// What the signals of one fingerprint tell together.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    clients: Distinct,
    accounts: Distinct,
    top: Top,
    references: VecDeque<u64>,
    seen_ms: u64,
    /// Requests behind the signals, and refused ones: estimates, since signals double.
    pub requests: u64,
    pub refused: u64,
}

impl Evidence {
    fn add(&mut self, signal: &Signal, client_hash: u64) {
        if signal.client != NO_CLIENT {
            self.clients.add(client_hash);
            let suspicion = match signal.score {
                s if s >= 0.8 => Suspicion::High,
                s if s >= 0.5 => Suspicion::Medium,
                _ => Suspicion::Low,
            };
            self.top.add(signal.client, suspicion);
        }
        if signal.account != 0 {
            self.accounts
                .add(signal.account.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        if signal.reference != 0 {
            if self.references.len() == SHOWN {
                self.references.pop_front();
            }
            self.references.push_back(signal.reference);
        }
        let requests = requests_behind(signal);
        self.requests += requests;
        self.refused += if signal.refused { requests } else { 0 };
        self.seen_ms = self.seen_ms.max(signal.at_ms);
    }

    /// Estimates the distinct clients.
    pub fn clients(&self) -> u32 {
        self.clients.count()
    }

    /// Estimates the distinct accounts.
    pub fn accounts(&self) -> u32 {
        self.accounts.count()
    }
}

/// Requests that a signal stands for: those since the crossing before, which was half of it.
pub fn requests_behind(signal: &Signal) -> u64 {
    let value = u64::from(signal.value);
    let first = value <= u64::from(signal.threshold);
    (if first { value } else { value / 2 }).max(1)
}

struct Open {
    incident: Incident,
    claimed_ms: u64,
    published_ms: u64,
    quiet_ms: u64,
    dirty: bool,
    /// Told at once, without waiting for the interval between updates.
    urgent: bool,
    /// Requests and refusals of the evidence that are in the incident already.
    counted: (u64, u64),
}

/// All incidents of a node.
#[derive(Default)]
pub struct Book {
    open: HashMap<Fingerprint, Open>,
    resolved: VecDeque<Incident>,
    evidence: HashMap<Fingerprint, Evidence>,
    last_number: u64,
    hasher: ahash::RandomState,
}

impl Book {
    /// Gathers a signal under its fingerprint.
    pub fn gather(&mut self, fingerprint: Fingerprint, signal: &Signal) {
        if self.evidence.len() >= MAX_EVIDENCE && !self.evidence.contains_key(&fingerprint) {
            let open = &self.open;
            let idle = self.evidence.iter().filter(|(f, _)| !open.contains_key(f));
            let oldest = idle.min_by_key(|(_, e)| e.seen_ms).map(|(f, _)| *f);
            if let Some(oldest) = oldest {
                self.evidence.remove(&oldest);
            }
        }
        let hash = self.hasher.hash_one(signal.client);
        let evidence = self.evidence.entry(fingerprint).or_default();
        evidence.add(signal, hash);
    }

    /// Finds what signals have told under a fingerprint.
    pub fn evidence(&self, fingerprint: &Fingerprint) -> Option<&Evidence> {
        self.evidence.get(fingerprint)
    }

    /// Tells whether an incident of the category is open at a place.
    pub fn is_open(&self, place: &Place, category: Category) -> bool {
        self.open.contains_key(&Fingerprint {
            workspace: place.workspace,
            category,
            route: place.route,
        })
    }

    /// Takes a claim in: opens an incident or brings an open one up to date.
    pub fn claim<M: Memory + ?Sized>(
        &mut self,
        claim: Claim,
        memory: &M,
        now_ms: u64,
        wall_s: u64,
    ) {
        let fingerprint = Fingerprint {
            workspace: claim.place.workspace,
            category: claim.category,
            route: claim.place.route,
        };
        if let Some(category) = claim.explains {
            self.reclassify(fingerprint, category);
        }
        if let Some(open) = self.open.get_mut(&fingerprint) {
            return open.take(claim, now_ms, wall_s);
        }
        if self.open.len() >= MAX_OPEN {
            return;
        }
        let number = self.free_number();
        self.last_number = number;
        let open = Open::new(claim, &fingerprint, number, memory.draw_incident(), wall_s);
        self.open.insert(
            fingerprint,
            Open {
                claimed_ms: now_ms,
                ..open
            },
        );
    }

    /// Moves an open incident of another category under the fingerprint of what explains it.
    fn reclassify(&mut self, fingerprint: Fingerprint, category: Category) {
        let former = Fingerprint {
            category,
            ..fingerprint
        };
        if self.open.contains_key(&fingerprint) {
            return;
        }
        if let Some(mut open) = self.open.remove(&former) {
            open.incident.category = fingerprint.category;
            open.incident.fingerprint = fingerprint.text();
            open.urgent = true;
            // What explains it speaks first, however weak.
            open.incident.score = 0.0;
            self.open.insert(fingerprint, open);
        }
    }

    /// Finds the next number whose slot no open incident holds.
    fn free_number(&self) -> u64 {
        let slots = MAX_INCIDENTS as u64;
        let held = |n: &u64| {
            let holds = |o: &Open| o.incident.number % slots == n % slots;
            self.open.values().any(holds)
        };
        let first = self.last_number + 1;
        (first..first + slots).find(|n| !held(n)).unwrap_or(first)
    }

    /// Resolves what is quiet, forgets old evidence, and publishes what is new.
    pub fn settle<M: Memory + ?Sized>(&mut self, memory: &M, now_ms: u64, wall_s: u64) {
        let mut ended = Vec::new();
        for (fingerprint, open) in &mut self.open {
            if let Some(evidence) = self.evidence.get(fingerprint) {
                open.look(evidence);
            }
            if now_ms.saturating_sub(open.claimed_ms) >= open.quiet_ms {
                open.incident.status = Status::Resolved;
                open.incident.resolved_s = Some(wall_s);
                open.incident.updated_s = wall_s;
                open.urgent = true;
                ended.push(*fingerprint);
            }
            let due = now_ms.saturating_sub(open.published_ms) >= UPDATE_MS;
            if open.urgent || (open.dirty && due) {
                memory.publish(open.incident.number, &text(&open.incident));
                (open.urgent, open.dirty) = (false, false);
                open.published_ms = now_ms;
            }
        }
        for fingerprint in ended {
            self.evidence.remove(&fingerprint);
            if let Some(open) = self.open.remove(&fingerprint) {
                if self.resolved.len() == MAX_RESOLVED {
                    self.resolved.pop_front();
                }
                self.resolved.push_back(open.incident);
            }
        }
        let open = &self.open;
        self.evidence.retain(|fingerprint, evidence| {
            open.contains_key(fingerprint) || now_ms.saturating_sub(evidence.seen_ms) < EVIDENCE_MS
        });
    }

    /// Takes over incidents that are not known here: of a former leader, or of a file.
    pub fn adopt(&mut self, incident: Incident, now_ms: u64) {
        self.last_number = self.last_number.max(incident.number);
        let fingerprint = Fingerprint {
            workspace: Id::new(incident.workspace.as_bytes()),
            category: incident.category,
            route: Id::new(incident.route.as_bytes()),
        };
        if incident.status == Status::Resolved {
            // The former leader resolved what is still open here.
            let same = |o: &Open| o.incident.id == incident.id;
            if self.open.get(&fingerprint).is_some_and(same) {
                self.open.remove(&fingerprint);
            }
            if !self.resolved.iter().any(|r| r.id == incident.id) {
                if self.resolved.len() == MAX_RESOLVED {
                    self.resolved.pop_front();
                }
                self.resolved.push_back(incident);
            }
            return;
        }
        if self.resolved.iter().any(|r| r.id == incident.id) {
            return;
        }
        let newer = |o: &Open| o.incident.updated_s >= incident.updated_s;
        if self.open.len() >= MAX_OPEN || self.open.get(&fingerprint).is_some_and(newer) {
            return;
        }
        let quiet_ms = match incident.category {
            Category::CredentialStuffing | Category::ClientAnomaly => 600_000,
            _ => 120_000,
        };
        self.open.insert(
            fingerprint,
            Open {
                incident,
                claimed_ms: now_ms,
                published_ms: now_ms,
                quiet_ms,
                dirty: false,
                urgent: false,
                counted: (0, 0),
            },
        );
    }

    /// Open incidents, then recently resolved ones.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        let open = self.open.values().map(|open| &open.incident);
        open.chain(self.resolved.iter().rev())
    }
}

impl Open {
    fn new(claim: Claim, fingerprint: &Fingerprint, number: u64, drawn: u64, wall_s: u64) -> Open {
        let mut reasons = claim.reasons;
        reasons.truncate(REASONS);
        let incident = Incident {
            id: reference(drawn),
            number,
            fingerprint: fingerprint.text(),
            category: claim.category,
            status: Status::Open,
            stage: claim.stage,
            history: vec![Classified {
                wall_s,
                stage: claim.stage,
                category: claim.category,
                score: claim.score,
            }],
            severity: claim.severity,
            score: claim.score,
            confidence: claim.confidence,
            title: claim.title,
            reasons,
            workspace: claim.place.workspace.text(),
            service: claim.place.service.text(),
            route: claim.place.route.text(),
            opened_s: wall_s,
            updated_s: wall_s,
            resolved_s: None,
            requests: claim.requests,
            refused: claim.refused,
            clients: claim.clients,
            top_clients: Vec::new(),
            sample_references: Vec::new(),
            accounts: claim.accounts,
            suspect_change: claim.suspect_change,
            suggestion: claim.suggestion,
        };
        Open {
            incident,
            claimed_ms: 0,
            published_ms: 0,
            quiet_ms: claim.quiet_ms,
            dirty: true,
            urgent: true,
            counted: (0, 0),
        }
    }

    fn take(&mut self, claim: Claim, now_ms: u64, wall_s: u64) {
        let incident = &mut self.incident;
        self.claimed_ms = now_ms;
        self.quiet_ms = self.quiet_ms.max(claim.quiet_ms);
        self.dirty = true;
        incident.status = Status::Updated;
        incident.updated_s = wall_s;
        incident.requests += claim.requests;
        incident.refused += claim.refused;
        incident.clients = incident.clients.max(claim.clients);
        incident.accounts = incident.accounts.max(claim.accounts);
        if incident.suspect_change.is_none() {
            incident.suspect_change = claim.suspect_change;
        }
        // The strongest statement stands; the others add their reasons.
        let former = incident.history.last().map(|last| last.category);
        let changed = claim.score > incident.score + 0.05
            || claim.stage != incident.stage
            || former != Some(claim.category);
        if claim.severity > incident.severity {
            self.urgent = true;
            incident.severity = claim.severity;
            incident.suggestion = claim.suggestion.clone();
        }
        if claim.score >= incident.score {
            if former != Some(claim.category) {
                incident.suggestion = claim.suggestion;
            }
            incident.title = claim.title;
            incident.stage = claim.stage;
            incident.score = claim.score;
            incident.confidence = incident.confidence.max(claim.confidence);
            merge(&mut incident.reasons, claim.reasons);
            if changed && incident.history.len() < SHOWN {
                incident.history.push(Classified {
                    wall_s,
                    stage: claim.stage,
                    category: claim.category,
                    score: claim.score,
                });
            }
        } else {
            let mut first = std::mem::take(&mut incident.reasons);
            merge(&mut first, Vec::new());
            for reason in claim.reasons {
                if first.len() < REASONS && !first.iter().any(|r| opening(r) == opening(&reason)) {
                    first.push(reason);
                }
            }
            incident.reasons = first;
        }
    }

    fn look(&mut self, evidence: &Evidence) {
        let incident = &mut self.incident;
        let (requests, refused) = (evidence.requests, evidence.refused);
        if (requests, refused) == self.counted && !incident.top_clients.is_empty() {
            return;
        }
        // Signals count the requests of all kinds but floods, which the tick counts itself.
        if incident.category != Category::ApiDdos {
            incident.requests += requests.saturating_sub(self.counted.0);
        }
        incident.refused += refused.saturating_sub(self.counted.1);
        self.counted = (requests, refused);
        incident.clients = incident.clients.max(evidence.clients());
        incident.accounts = incident.accounts.max(evidence.accounts());
        incident.top_clients = evidence.top.shown();
        let references = evidence.references.iter().rev();
        incident.sample_references = references.map(|n| reference(*n)).collect();
        self.dirty = true;
    }
}

/// Puts new reasons first and drops the old ones that they replace.
fn merge(reasons: &mut Vec<String>, new: Vec<String>) {
    reasons.retain(|old| !new.iter().any(|r| opening(r) == opening(old)));
    let mut all = new;
    all.append(reasons);
    all.truncate(REASONS);
    *reasons = all;
}

/// The words of a reason up to its first number: two that share them tell the same thing.
fn opening(reason: &str) -> &str {
    let end = reason.find(|c: char| c.is_ascii_digit());
    // A reason that starts with a number is known by what follows it.
    match end {
        Some(0) => reason
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ',')
            .split(|c: char| c.is_ascii_digit())
            .next()
            .unwrap_or(reason),
        Some(end) => &reason[..end],
        None => reason,
    }
}

/// Writes an incident as JSON that fits its slot, leaving out the least important lists' ends.
pub fn text(incident: &Incident) -> Vec<u8> {
    let mut shown = incident.clone();
    loop {
        let json = serde_json::to_vec(&shown).unwrap_or_default();
        if json.len() <= MAX_INCIDENT_BYTES {
            return json;
        }
        if shown.sample_references.len() > 2 {
            shown.sample_references.pop();
        } else if shown.top_clients.len() > 2 {
            shown.top_clients.pop();
        } else if shown.reasons.len() > 2 {
            shown.reasons.pop();
        } else if shown.history.len() > 1 {
            shown.history.remove(0);
        } else if shown.reasons.iter().any(|r| r.len() > 200) {
            shown.reasons.iter_mut().for_each(|r| cut(r, 200));
        } else if shown.title.len() > 200 {
            cut(&mut shown.title, 200);
        } else if shown.suspect_change.as_ref().is_some_and(|c| c.len() > 200) {
            shown.suspect_change.iter_mut().for_each(|c| cut(c, 200));
        } else {
            // Names of at most 36 bytes cannot fill the rest.
            return json;
        }
    }
}

fn cut(text: &mut String, most: usize) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}
