//! All incidents of a node: opened, brought up to date, resolved, published.

use super::open::Open;
use super::{text, Claim, Evidence, Fingerprint, Incident, Status};
use crate::memory::{Memory, Place, MAX_INCIDENTS};
use crate::signal::{Id, Signal};
use crate::verdict::Category;
use std::collections::{BTreeMap, VecDeque};

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

/// All incidents of a node.
#[derive(Default)]
pub struct Book {
    open: BTreeMap<Fingerprint, Open>,
    resolved: VecDeque<Incident>,
    evidence: BTreeMap<Fingerprint, Evidence>,
    last_number: u64,
}

impl Book {
    /// Gathers a signal under its fingerprint. `client` is the keyed hash of its client.
    pub fn gather(&mut self, fingerprint: Fingerprint, signal: &Signal, client: u64) {
        if self.evidence.len() >= MAX_EVIDENCE && !self.evidence.contains_key(&fingerprint) {
            let open = &self.open;
            let idle = self.evidence.iter().filter(|(f, _)| !open.contains_key(f));
            let oldest = idle.min_by_key(|(_, e)| e.seen_ms).map(|(f, _)| *f);
            if let Some(oldest) = oldest {
                self.evidence.remove(&oldest);
            }
        }
        let evidence = self.evidence.entry(fingerprint).or_default();
        evidence.add(signal, client);
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
