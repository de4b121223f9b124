//! What all detectors have in common: what they are shown, and the list of them.

use super::{
    abuse, client_anomaly, credential_stuffing, ddos, mass_error, misconfig, outlier, payload,
};
use crate::analyst::Change;
use crate::baseline::Baseline;
use crate::incident::{Claim, Evidence};
use crate::memory::{Alarm, Place, PlaceId};
use crate::signal::Signal;
use crate::state::Estimates;
use crate::tally::{Answer, Method};
use crate::verdict::Category;
use crate::window::Window;

pub const S1: usize = Window::S1 as usize;
pub const S10: usize = Window::S10 as usize;
pub const S60: usize = Window::S60 as usize;

/// A change explains what begins at most so long after it. Units: seconds.
pub const CHANGE_S: u64 = 120;

/// What was counted at a place, in the last windows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub requests: Estimates,
    /// Requests of hot clients.
    pub hot: Estimates,
    /// Those of them that read one object after the other.
    pub hot_reading: Estimates,
    /// Clients that became hot.
    pub hot_onsets: Estimates,
    /// Sampled answers, and those whose client asks for the same on and on.
    pub answers: Estimates,
    pub repeats: Estimates,
    /// Those whose client comes evenly and slowly.
    pub trickles: Estimates,
    pub failures: Estimates,
    pub logins: Estimates,
    pub not_found: Estimates,
    /// 5xx of the upstream, or for want of its answer.
    pub errors: Estimates,
    pub unanswered: Estimates,
    /// 5xx of the gateway itself.
    pub own_errors: Estimates,
    /// Refused credentials that are no logins.
    pub refused: Estimates,
    pub latency_ms: Estimates,
    /// Requests by [`Method`]; those of ten and sixty seconds are about as many.
    pub methods: [Estimates; Method::ALL.len()],
    /// Responses by [`Answer`]; likewise.
    pub answered: [Estimates; Answer::ALL.len()],
    /// Bytes of request bodies.
    pub request_bytes: Estimates,
    /// Request bodies that are unusually large; likewise.
    pub large_requests: Estimates,
    /// Distinct clients that failed to log in within 10 to 20 minutes.
    pub failing_clients: u32,
    /// Distinct accounts of failed logins within one to two hours.
    pub failing_accounts: u32,
}

/// One place in one second.
pub struct Second<'a> {
    pub id: PlaceId,
    pub place: Place,
    pub wall_s: u64,
    pub counts: Counts,
    pub baseline: &'a Baseline,
    /// Requests of one client in 10 s above which it counts as hot now.
    pub hot_limit: u16,
    pub changes: &'a [Change],
    /// Whether incidents are open here, by category.
    pub open: &'a dyn Fn(Category) -> bool,
}

impl Second<'_> {
    /// Names the latest change that something which began at `onset_s` may follow from; one that
    /// names the route or its service goes first.
    pub fn change_before(&self, onset_s: u64) -> Option<String> {
        let near = |change: &&Change| {
            // Clocks of the change and of the tick may differ by some seconds.
            change.wall_s <= onset_s + 5 && onset_s <= change.wall_s + CHANGE_S
        };
        let names = [self.place.route.text(), self.place.service.text()];
        let named = |change: &&Change| {
            let touches = |e: &String| names.iter().any(|n| !n.is_empty() && e.contains(n));
            change.entities.iter().any(touches)
        };
        let latest = || self.changes.iter().rev().filter(near);
        let change = latest().find(named).or_else(|| latest().next())?;
        let entities = change.entities.join(", ");
        Some(match change.hash.is_empty() {
            true => entities,
            false => format!("{entities} ({})", change.hash),
        })
    }

    /// Requests per second that are neither answered 404 nor refused nor in error.
    pub fn good_rate(&self) -> f64 {
        let c = &self.counts;
        let bad = c.not_found[S10] + c.refused[S10] + c.errors[S10] + c.own_errors[S10];
        c.requests[S10].saturating_sub(bad) as f64 / 10.0
    }
}

/// One category's judgement, or a part of it.
pub trait Detector: Send {
    /// Whether it is shown all signals; others see the strongest of each kind, place and second.
    fn every_signal(&self) -> bool {
        false
    }

    /// Looks at a signal.
    fn signal(&mut self, _at: &Place, _signal: &Signal, _: &Evidence, _claims: &mut Vec<Claim>) {}

    /// Looks at a place's counts.
    fn second(&mut self, _second: &Second, _claims: &mut Vec<Claim>) {}

    /// Looks at what one consumer did, of which samples of one in 16 are known.
    fn consumer(&mut self, _second: &Second, _claims: &mut Vec<Claim>) {}

    /// Sets what the hot path should know.
    fn alarm(&self, _place: PlaceId, _alarm: &mut Alarm) {}
}

/// Makes all detectors. A new one is a file and a line here; floods go first, because errors
/// under a flood are the flood's.
pub fn all() -> Vec<Box<dyn Detector>> {
    vec![
        Box::<ddos::Ddos>::default(),
        Box::<credential_stuffing::CredentialStuffing>::default(),
        Box::<abuse::Abuse>::default(),
        Box::<client_anomaly::ClientAnomaly>::default(),
        Box::<misconfig::Misconfig>::default(),
        Box::<mass_error::MassError>::default(),
        Box::<payload::Payload>::default(),
        Box::<outlier::Outlier>::default(),
    ]
}

/// State of a detector for each place.
#[derive(Clone, Debug, Default)]
pub struct PerPlace<T>(Vec<T>);

impl<T: Default + Clone> PerPlace<T> {
    pub fn at(&mut self, place: PlaceId) -> &mut T {
        let index = usize::from(place.0);
        if self.0.len() <= index {
            self.0.resize(index + 1, T::default());
        }
        &mut self.0[index]
    }

    pub fn get(&self, place: PlaceId) -> Option<&T> {
        self.0.get(usize::from(place.0))
    }
}

/// Writes a place for titles.
pub fn name(place: &Place) -> String {
    let route = place.route.text();
    if route.is_empty() {
        "requests without a route".to_owned()
    } else {
        format!("route {route}")
    }
}

/// Counts things of a noun in words: "1 client", "2 clients".
pub fn number(count: u32, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Turns independent evidence into a score: 1 - exp(-evidence), so that 1 is 0.63 and 3 is 0.95.
pub fn score(evidence: f64) -> f32 {
    (1.0 - (-evidence.max(0.0)).exp()) as f32
}
