//! What was learned, as a file: read and written by the leader and at the command line.

use super::Drifted;
use crate::baseline::Baseline;
use crate::error::Error;
use crate::memory::Place;
use crate::signal::Id;
use serde::{Deserialize, Serialize};

const FORMAT: &str = "threat-agent-learned";
const VERSION: u32 = 1;

/// All that was learned on a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Saved {
    format: String,
    version: u32,
    pub places: Vec<SavedPlace>,
}

/// What was learned of one place. A consumer is the route of a service `(consumers)`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedPlace {
    pub workspace: String,
    pub service: String,
    pub route: String,
    pub baseline: Baseline,
    /// For people; not read again.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub suggested_limit: Option<SuggestedLimit>,
    /// Upper ends of the sizes that half, 90 % and 99 % of the bodies have; for people, too.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub usual_bytes: Option<UsualBytes>,
    /// What changed for good within 30 days, the latest first; for people, too.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub drifts: Vec<Drifted>,
}

/// A limit on the requests of one client here, or of this consumer, from what is usual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SuggestedLimit {
    pub window: &'static str,
    /// Twice the 99th percentile, at least 10.
    pub limit: u64,
    /// Percentiles over requests of the rate at which they found their client: requests in the window.
    /// Resolution: a factor of 1.41.
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    /// Evidence, with a half-life of six hours; few samples, little confidence.
    pub samples: u64,
}

/// Sizes of bodies. Shape: the 50th, 90th and 99th percentile. Units: bytes; resolution: a factor of
/// four. Of answers, those that the upstream gave well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct UsualBytes {
    pub requests: Option<[u64; 3]>,
    pub responses: Option<[u64; 3]>,
}

impl Saved {
    pub fn new<'a>(places: impl Iterator<Item = (&'a Place, &'a Baseline)>) -> Saved {
        let places = places.map(|(place, baseline)| SavedPlace {
            workspace: place.workspace.text(),
            service: place.service.text(),
            route: place.route.text(),
            baseline: baseline.clone(),
            suggested_limit: suggested(baseline),
            usual_bytes: usual_bytes(baseline),
            drifts: drifts(place, baseline),
        });
        Saved {
            format: FORMAT.to_owned(),
            version: VERSION,
            places: places.collect(),
        }
    }

    /// Reads what was written. Errors: what is no such JSON, is of another version, or holds
    /// numbers that nothing can be done with.
    pub fn read(json: &[u8]) -> Result<Saved, Error> {
        let mut saved: Saved = serde_json::from_slice(json)?;
        if (saved.format.as_str(), saved.version) != (FORMAT, VERSION) {
            let (format, version) = (saved.format, saved.version);
            return Err(Error::field(
                "format",
                format!("expected {FORMAT} {VERSION}, got {format} {version}"),
            ));
        }
        if let Some(unsound) = saved.places.iter().find(|p| !p.baseline.is_sound()) {
            return Err(Error::field(
                format!("places[{}]", unsound.route),
                "expected finite numbers and 168 hours",
            ));
        }
        for place in &mut saved.places {
            place.suggested_limit = suggested(&place.baseline);
            place.usual_bytes = usual_bytes(&place.baseline);
            place.drifts = drifts(&place.place(), &place.baseline);
        }
        Ok(saved)
    }
}

impl Saved {
    /// Takes in the places of `other`; of a place that both know, the one that was learned longer
    /// is kept. Returns how many were taken.
    pub fn merge(&mut self, other: Saved) -> usize {
        let mut taken = 0;
        for new in other.places {
            let place = new.place();
            match self.places.iter_mut().find(|known| known.place() == place) {
                Some(known) if known.baseline.seconds >= new.baseline.seconds => continue,
                Some(known) => *known = new,
                None => self.places.push(new),
            }
            taken += 1;
        }
        taken
    }
}

impl SavedPlace {
    pub fn place(&self) -> Place {
        Place {
            workspace: Id::new(self.workspace.as_bytes()),
            service: Id::new(self.service.as_bytes()),
            route: Id::new(self.route.as_bytes()),
        }
    }
}

fn suggested(baseline: &Baseline) -> Option<SuggestedLimit> {
    let usual = baseline.clients.usual()?;
    let [p50, p90, p99] = usual.percentiles.map(|rate| (10.0 * rate).round() / 10.0);
    Some(SuggestedLimit {
        window: "10s",
        limit: (2.0 * p99).ceil().max(10.0) as u64,
        p50,
        p90,
        p99,
        samples: usual.samples,
    })
}

fn drifts(place: &Place, baseline: &Baseline) -> Vec<Drifted> {
    let told = baseline.drifts.told().iter();
    told.map(|drift| Drifted::new(place, drift)).collect()
}

fn usual_bytes(baseline: &Baseline) -> Option<UsualBytes> {
    let usual = UsualBytes {
        requests: baseline.request_sizes.percentiles(),
        responses: baseline.response_sizes.percentiles(),
    };
    (usual != UsualBytes::default()).then_some(usual)
}
