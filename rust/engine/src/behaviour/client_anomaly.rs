//! Credentials that are used from where they never were, or for what they never were: shared, or
//! stolen.
//!
//! One consumer in a new place is mostly a person who travels; it is told when the consumer was at
//! home at one place and busy, as programs are, or when several consumers appear anew from one
//! network, which then has a bad reputation.

use super::detector::{Detector, Second};
use super::habits::network;
use super::methods::Methods;
use crate::incident::{Claim, Evidence, Severity, Stage, Suggestion};
use crate::memory::Place;
use crate::signal::{Id, Kind, Signal};
use crate::verdict::Category;
use std::collections::HashMap;

/// Units: milliseconds.
const QUIET_MS: u64 = 600_000;
/// Consumers that appear anew from one network within ten minutes.
const MANY_CONSUMERS: usize = 3;
/// Score from which one consumer suffices.
const SURE: f32 = 0.7;
/// Of consumers one request in so many is known.
const SAMPLE: u64 = 16;
/// Networks that are followed.
const MAX_NETWORKS: usize = 1_024;

#[derive(Default)]
pub struct ClientAnomaly {
    networks: HashMap<[u8; 8], Vec<(Id, u64)>>,
    methods: Methods,
}

impl ClientAnomaly {
    /// Counts the consumers that appeared anew from the signal's network lately.
    fn companions(&mut self, signal: &Signal) -> usize {
        let recent = |at: u64| signal.at_ms.saturating_sub(at) < QUIET_MS;
        if self.networks.len() >= MAX_NETWORKS {
            self.networks
                .retain(|_, seen| seen.iter().any(|(_, at)| recent(*at)));
        }
        if self.networks.len() >= MAX_NETWORKS {
            return 0;
        }
        let seen = self.networks.entry(network(signal.client)).or_default();
        seen.retain(|(consumer, at)| recent(*at) && *consumer != signal.consumer);
        if seen.len() < 64 {
            seen.push((signal.consumer, signal.at_ms));
        }
        seen.len()
    }
}

impl Detector for ClientAnomaly {
    fn every_signal(&self) -> bool {
        true
    }

    /// A consumer that writes where it only read, against its own history. Of methods that it used
    /// before, more is ordinary.
    fn consumer(&mut self, second: &Second, claims: &mut Vec<Claim>) {
        let unusual = self.methods.look(second, SAMPLE);
        for unusual in unusual.into_iter().filter(|u| u.never_seen) {
            let consumer = second.place.route.text();
            claims.push(Claim {
                place: Place {
                    workspace: second.place.workspace,
                    ..Place::default()
                },
                category: Category::ClientAnomaly,
                stage: Stage::Delayed,
                score: 0.6,
                confidence: 0.5,
                severity: Severity::Low,
                title: format!(
                    "Consumer {consumer} uses {}, which it never did",
                    unusual.method.name()
                ),
                reasons: vec![format!("of one request in {SAMPLE}: {}", unusual.reason)],
                quiet_ms: QUIET_MS,
                requests: unusual.requests,
                refused: 0,
                clients: 1,
                accounts: 0,
                suspect_change: None,
                explains: None,
                suggestion: Suggestion::new("notify", "consumer", 3_600),
            });
        }
    }

    fn signal(&mut self, at: &Place, signal: &Signal, _: &Evidence, claims: &mut Vec<Claim>) {
        let (value, threshold) = (signal.value, signal.threshold);
        let consumer = signal.consumer.text();
        let (score, severity, title, reason) = match signal.kind {
            Kind::SharedCredential => (
                signal.score,
                Severity::Medium,
                if consumer.is_empty() {
                    "A session is used from many networks at once".to_owned()
                } else {
                    format!("The credential of consumer {consumer} is used from many networks at once")
                },
                format!("{value} networks that it never came from, within 20 minutes (line {threshold})"),
            ),
            Kind::NewHabit => {
                let consumers = self.companions(signal);
                if consumers >= MANY_CONSUMERS {
                    (
                        0.85,
                        Severity::High,
                        format!("{consumers} consumers appear from one network that none of them came from"),
                        format!("{consumers} consumers with a new network and program, from the network of {} (line {MANY_CONSUMERS})", signal.client),
                    )
                } else if signal.score >= SURE {
                    (
                        signal.score,
                        Severity::Medium,
                        format!("Consumer {consumer} comes from where it never came from"),
                        format!("{value} networks and programs were its own until now (line {threshold}); this request has neither"),
                    )
                } else {
                    return;
                }
            }
            _ => return,
        };
        claims.push(Claim {
            place: *at,
            category: Category::ClientAnomaly,
            stage: Stage::Immediate,
            score,
            confidence: 0.8 * score,
            severity,
            title,
            reasons: vec![reason],
            quiet_ms: QUIET_MS,
            requests: 0,
            refused: 0,
            clients: 1,
            accounts: 0,
            suspect_change: None,
            explains: None,
            suggestion: Suggestion::new("notify", "consumer", 3_600),
        });
    }
}
