//! Findings of the payload inspection, of rules and of limits: repeated, they make one incident.

use super::detector::{name, number, Detector};
use crate::incident::{Claim, Evidence, Severity, Signs, Stage, Suggestion};
use crate::memory::Place;
use crate::signal::{Kind, Signal};
use crate::verdict::Category;

/// Units: milliseconds.
const QUIET_MS: u64 = 300_000;
/// Findings on a route within 20 minutes that make an incident.
const FINDINGS: u64 = 3;
/// The same for what a rule or limit refused: that is what it is for.
const REFUSALS: u64 = 20;

const ATTACKS: &str = "requests that look like an attack";

#[derive(Default)]
pub struct Payload;

/// Tells what responses say of whether attacks worked.
fn outcome(signs: &Signs, requests: u64) -> String {
    let mut parts = Vec::new();
    if signs.delayed.seen > 0 {
        let (seen, (took, usual)) = (signs.delayed.seen, signs.delayed.most);
        parts.push(format!(
            "{seen} with the delay that was asked for, up to {took} ms where {usual} are usual"
        ));
    }
    if signs.larger.seen > 0 {
        let (seen, (bytes, usual)) = (signs.larger.seen, signs.larger.most);
        parts.push(format!(
            "{seen} answered with up to {bytes} bytes where {usual} are usual"
        ));
    }
    for (sign, what) in [
        (
            signs.disclosed,
            "answered with accounts, keys or a command's output",
        ),
        (signs.complained, "answered with an interpreter's complaint"),
        (signs.errors, "made the upstream fail"),
    ] {
        if sign.seen > 0 {
            parts.push(format!("{} {what}", sign.seen));
        }
    }
    let colon = if parts.is_empty() { "" } else { ": " };
    format!(
        "likely successful: {} of about {requests}{colon}{}",
        signs.worked(),
        parts.join("; ")
    )
}

impl Detector for Payload {
    fn signal(
        &mut self,
        at: &Place,
        signal: &Signal,
        evidence: &Evidence,
        claims: &mut Vec<Claim>,
    ) {
        let payload = signal.category == Category::PayloadInjection;
        let (least, what) = match signal.kind {
            // One that worked is enough.
            _ if evidence.signs.worked() > 0 && payload => (1, ATTACKS),
            Kind::Payload => (FINDINGS, ATTACKS),
            kind if kind.is_of_response() => (FINDINGS, ATTACKS),
            Kind::Rule => (REFUSALS, "requests that rules or limits refuse"),
            _ => return,
        };
        let of_response = u64::from(signal.kind.is_of_response());
        let requests = evidence.requests.max(of_response);
        let clients = evidence.clients();
        if requests < least {
            return;
        }
        let worked = evidence.signs.worked();
        let severity = match (payload, clients, requests) {
            (true, ..) if evidence.signs.delayed.seen + evidence.signs.disclosed.seen > 0 => {
                Severity::Critical
            }
            // Sizes vary for other reasons, too.
            (true, ..) if worked > 0 => Severity::High,
            (true, c, n) if c >= 20 || n >= 100 => Severity::High,
            (true, ..) => Severity::Medium,
            _ => Severity::Low,
        };
        let mut reasons = vec![format!(
            "about {requests} {what} (line {least} within 20 minutes)"
        )];
        let mut title = format!("{} sent {what} to {}", number(clients, "client"), name(at));
        if payload {
            reasons.push(outcome(&evidence.signs, requests));
        }
        // What worked speaks first, however weak the finding.
        let score = if worked > 0 { 1.0 } else { signal.score };
        if worked > 0 {
            title.push_str("; it probably worked");
        }
        claims.push(Claim {
            place: *at,
            category: signal.category,
            stage: Stage::Immediate,
            score,
            confidence: score,
            severity,
            title,
            reasons,
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
