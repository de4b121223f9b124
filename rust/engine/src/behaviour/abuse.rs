//! Abuse by single clients: enumeration of ids, scraping, scans for paths.

use super::detector::{name, Detector};
use crate::incident::{Claim, Evidence, Severity, Stage, Suggestion};
use crate::memory::Place;
use crate::signal::{Kind, Signal};
use crate::verdict::Category;

/// Units: milliseconds.
const QUIET_MS: u64 = 300_000;

#[derive(Default)]
pub struct Abuse;

impl Detector for Abuse {
    fn signal(
        &mut self,
        at: &Place,
        signal: &Signal,
        evidence: &Evidence,
        claims: &mut Vec<Claim>,
    ) {
        let (value, threshold) = (signal.value, signal.threshold);
        let clients = evidence.clients();
        let scope = if signal.consumer.as_bytes().is_empty() {
            "client"
        } else {
            "consumer"
        };
        let (severity, title, reason) = match signal.kind {
            Kind::Enumeration => (
                if scope == "consumer" { Severity::High } else { Severity::Medium },
                format!("Object ids on {} are walked through", name(at)),
                format!("one {scope} read {value} neighbouring ids in a row (line {threshold})"),
            ),
            Kind::Scraping => (
                Severity::Low,
                format!("Scraping on {}", name(at)),
                format!("one {scope} read {value} objects within 20 minutes (line {threshold})"),
            ),
            Kind::PathScan => (
                Severity::Medium,
                format!("Scan for paths on {}", name(at)),
                format!("one client asked for {value} paths that do not exist within 20 minutes (line {threshold}), at least half of its requests"),
            ),
            _ => return,
        };
        claims.push(Claim {
            place: *at,
            category: Category::Abuse,
            stage: Stage::Immediate,
            score: signal.score,
            confidence: signal.score,
            severity,
            title: format!("{title} by {clients} clients"),
            reasons: vec![reason],
            quiet_ms: QUIET_MS,
            requests: 0,
            refused: 0,
            clients,
            accounts: 0,
            suspect_change: None,
            explains: None,
            suggestion: Suggestion::new("throttle", scope, 600),
        });
    }
}
