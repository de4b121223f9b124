//! A place whose normal has changed for good, as operators are told.

use crate::baseline::Drift;
use crate::memory::Place;
use serde::Serialize;

/// A drift and where it is. A consumer is the route of a service `(consumers)`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drifted {
    pub workspace: String,
    pub service: String,
    pub route: String,
    /// What has changed, in words.
    pub what: &'static str,
    #[serde(flatten)]
    pub drift: Drift,
}

impl Drifted {
    pub fn new(place: &Place, drift: &Drift) -> Drifted {
        Drifted {
            workspace: place.workspace.text(),
            service: place.service.text(),
            route: place.route.text(),
            what: drift.metric.name(),
            drift: *drift,
        }
    }
}
