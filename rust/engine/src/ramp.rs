//! Enforcement for a share of the clients, so that it can be raised step by step.

use crate::config::Config;
use crate::memory::Memory;
use crate::request::{client_key, Identity};
use crate::turn::share;
use crate::verdict::{Action, Category, Verdict};
use std::collections::BTreeMap;

/// Names, among the rules of a verdict, why it is not carried out.
const SPARED: &str = "not-enforced";

/// The shares of one configuration.
#[derive(Clone)]
pub struct Ramp {
    ratio: f64,
    ratios: BTreeMap<Category, f64>,
    whole: bool,
}

impl Ramp {
    pub fn new(config: &Config) -> Ramp {
        let ratios = config.enforce_ratios.clone();
        Ramp {
            ratio: config.enforce_ratio,
            whole: config.enforce_ratio >= 1.0 && ratios.values().all(|r| *r >= 1.0),
            ratios,
        }
    }

    /// Tells whether a verdict on the client is to be carried out. A client is where the hash of its
    /// address falls, or of its consumer; one without either is never spared.
    /// Cost: one comparison while everything is enforced.
    pub fn holds<M: Memory + ?Sized>(
        &self,
        verdict: &Verdict,
        identity: &Identity,
        memory: &M,
    ) -> bool {
        if self.whole || verdict.action == Action::Allow {
            return true;
        }
        let own = verdict.category.and_then(|c| self.ratios.get(&c));
        let ratio = *own.unwrap_or(&self.ratio);
        let hash = match (identity.client, identity.consumer) {
            (Some(client), _) => memory.hash(&client_key(client)),
            (None, b"") => return true,
            (None, consumer) => memory.hash(consumer),
        };
        share(hash) < ratio
    }

    /// Leaves a verdict undone, and says so in its rules. A refusal ends the looks at a request all the same: it was told.
    pub fn spare(verdict: &mut Verdict) {
        if verdict.action.refuses() {
            verdict.rest = 0;
        }
        verdict.action = Action::Allow;
        verdict.retry_after_s = 0;
        if !verdict.rules.iter().any(|rule| rule == SPARED) {
            verdict.rules.push(SPARED.into());
        }
    }
}
