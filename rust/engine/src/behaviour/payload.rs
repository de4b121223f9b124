//! Findings of the payload inspection, of rules and of limits: repeated, they make one incident.

use super::detector::{name, number, Detector};
use crate::incident::{Claim, Evidence, Severity, Stage, Suggestion};
use crate::memory::Place;
use crate::signal::{Kind, Signal};
use crate::verdict::Category;

/// Units: milliseconds.
const QUIET_MS: u64 = 300_000;
/// Findings on a route within 20 minutes that make an incident.
const FINDINGS: u64 = 3;
/// The same for what a rule or limit refused: that is what it is for.
const REFUSALS: u64 = 20;

#[derive(Default)]
pub struct Payload;

impl Detector for Payload {
    fn signal(
        &mut self,
        at: &Place,
        signal: &Signal,
        evidence: &Evidence,
        claims: &mut Vec<Claim>,
    ) {
        let (least, what) = match signal.kind {
            Kind::Payload => (FINDINGS, "requests that look like an attack"),
            Kind::Rule => (REFUSALS, "requests that rules or limits refuse"),
            _ => return,
        };
        let (requests, clients) = (evidence.requests, evidence.clients());
        if requests < least {
            return;
        }
        let payload = signal.category == Category::PayloadInjection;
        let severity = match (payload, clients, requests) {
            (true, c, n) if c >= 20 || n >= 100 => Severity::High,
            (true, ..) => Severity::Medium,
            _ => Severity::Low,
        };
        claims.push(Claim {
            place: *at,
            category: signal.category,
            stage: Stage::Immediate,
            score: signal.score,
            confidence: signal.score,
            severity,
            title: format!("{} sent {what} to {}", number(clients, "client"), name(at)),
            reasons: vec![format!(
                "about {requests} {what} (line {least} within 20 minutes)"
            )],
            quiet_ms: QUIET_MS,
            requests: 0,
            refused: 0,
            clients,
            accounts: 0,
            suspect_change: None,
            explains: None,
            suggestion: if payload {
                Suggestion::new("block", "client", 600)
            } else {
                Suggestion::new("notify", "client", 600)
            },
        });
    }
}
