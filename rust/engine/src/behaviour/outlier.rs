//! Requests that carry what their route has never had: told when they repeat, never acted upon.

use super::detector::{name, number, Detector};
use crate::incident::{Claim, Evidence, Severity, Stage, Suggestion};
use crate::memory::Place;
use crate::signal::{Kind, Signal};

/// Units: milliseconds.
const QUIET_MS: u64 = 900_000;
/// Odd requests on a route within 20 minutes that make an incident.
const REQUESTS: u64 = 10;
/// Clients who send them from which it is rather the API that has changed.
const CHANGED: u32 = 20;

#[derive(Default)]
pub struct Outlier;

impl Detector for Outlier {
    fn signal(
        &mut self,
        at: &Place,
        signal: &Signal,
        evidence: &Evidence,
        claims: &mut Vec<Claim>,
    ) {
        let (requests, clients) = (evidence.requests, evidence.clients());
        if signal.kind != Kind::PayloadOutlier || requests < REQUESTS {
            return;
        }
        let mut reasons = vec![format!(
            "about {requests} requests with values, names or sizes that this route has not had (line \
             {REQUESTS} within 20 minutes); each request's reason says which"
        )];
        if clients >= CHANGED {
            let clients = number(clients, "client");
            reasons.push(format!(
                "{clients}: the API or its programs may have changed"
            ));
        }
        let who = number(clients, "client");
        claims.push(Claim {
            place: *at,
            category: signal.category,
            stage: Stage::Immediate,
            score: signal.score,
            confidence: signal.score,
            severity: Severity::Low,
            title: format!("{who} sent odd requests to {}", name(at)),
            reasons,
            quiet_ms: QUIET_MS,
            requests: 0,
            refused: 0,
            clients,
            accounts: 0,
            suspect_change: None,
            explains: None,
            suggestion: Suggestion::new("notify", "route", 600),
        });
    }
}
