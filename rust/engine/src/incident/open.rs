//! One open incident, as claims and evidence come in.

use super::evidence::Evidence;
use super::{reference, Claim, Classified, Fingerprint, Incident, Status, SHOWN};
use crate::verdict::Category;

/// Most reasons that an incident gives.
const REASONS: usize = 8;

/// An incident that is open, and what the book keeps beside it.
pub(super) struct Open {
    pub incident: Incident,
    pub claimed_ms: u64,
    pub published_ms: u64,
    pub quiet_ms: u64,
    pub dirty: bool,
    /// Told at once, without waiting for the interval between updates.
    pub urgent: bool,
    /// Requests and refusals of the evidence that are in the incident already.
    pub counted: (u64, u64),
}

impl Open {
    pub fn new(
        claim: Claim,
        fingerprint: &Fingerprint,
        number: u64,
        drawn: u64,
        wall_s: u64,
    ) -> Open {
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
            top_senders: Vec::new(),
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

    pub fn take(&mut self, claim: Claim, now_ms: u64, wall_s: u64) {
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

    pub fn look(&mut self, evidence: &Evidence) {
        let incident = &mut self.incident;
        let (requests, refused) = (evidence.requests, evidence.refused);
        if (requests, refused) == self.counted && !incident.top_clients.is_empty() {
            return;
        }
        // Signals count the requests of all kinds but floods, which the tick counts itself.
        if incident.category != Category::ApiDdos {
            incident.requests += requests.saturating_sub(self.counted.0);
        }
        // A flood's signals overlap, so that they overestimate what was refused.
        let refused_in_all = incident.refused + refused.saturating_sub(self.counted.1);
        incident.refused = refused_in_all.min(incident.requests);
        self.counted = (requests, refused);
        incident.clients = incident.clients.max(evidence.clients());
        incident.accounts = incident.accounts.max(evidence.accounts());
        incident.top_clients = evidence.top_clients();
        incident.top_senders = evidence.top_senders();
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
