//! The tick: once a second, on one worker of the node, signals and counts become incidents.

mod drifted;
mod known;
mod recent;
mod saved;

pub use drifted::Drifted;
pub use saved::{Saved, SavedPlace, SuggestedLimit};

use crate::baseline::{Baseline, ClientRates};
use crate::behaviour::detector::{self, Counts, Detector, Second, S60};
use crate::behaviour::keys;
use crate::error::Error;
use crate::incident::{Book, Claim, Fingerprint, Incident};
use crate::memory::{Alarm, Histogram, Memory, Place, PlaceId, MAX_PLACES};
use crate::profile::Profiles;
use crate::request::client_key;
use crate::signal::{Id, Kind, Signal};
use crate::sketch::Set;
use crate::state::Counter;
use crate::verdict::Category;
use known::Known;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// A change of the gateway's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub wall_s: u64,
    /// Hash of the configuration, or what stands for it.
    pub hash: String,
    /// What changed, such as `routes/orders`.
    pub entities: Vec<String>,
}

/// Changes that are remembered.
const MAX_CHANGES: usize = 32;
/// A tick after so long a pause takes over from whoever led meanwhile. Units: milliseconds.
const PAUSE_MS: u64 = 5_000;
/// While such incidents are open at a place, its payloads are not learned. Findings of the payload
/// inspection are not among them: what they are about is left out by itself.
const UNUSUAL: [Category; 5] = [
    Category::ApiDdos,
    Category::CredentialStuffing,
    Category::Abuse,
    Category::MassError,
    Category::RouteMisconfiguration,
];
/// Older signals were another leader's. Units: milliseconds.
const STALE_MS: u64 = 120_000;

/// Learns what is normal and keeps the incidents of a node.
pub struct Analyst {
    detectors: Vec<Box<dyn Detector>>,
    book: Book,
    cursor: u64,
    ticked_ms: Option<u64>,
    changes: VecDeque<Change>,
    known: Vec<Known>,
    /// Numbers of the places in `known`: memories give them out in any order.
    met: HashSet<PlaceId>,
    /// Where the place of a signal stands in `known`, by workspace and route.
    index: HashMap<(Id, Id), usize>,
    /// What was read from a file and belongs to places that were not seen yet.
    imported: BTreeMap<Place, Baseline>,
    /// Client rates of all places: the norm where a place has none of its own yet.
    everywhere: ClientRates,
    claims: Vec<Claim>,
    /// What the payloads of each route look like.
    pub profiles: Profiles,
}

impl Default for Analyst {
    fn default() -> Self {
        Analyst {
            detectors: detector::all(),
            book: Book::default(),
            cursor: 0,
            ticked_ms: None,
            changes: VecDeque::new(),
            known: Vec::new(),
            met: HashSet::new(),
            index: HashMap::new(),
            imported: BTreeMap::new(),
            everywhere: ClientRates::default(),
            claims: Vec::new(),
            profiles: Profiles::default(),
        }
    }
}

impl Analyst {
    pub fn new() -> Analyst {
        Analyst::default()
    }

    /// Does one second's work. Only one worker of a node may call it at a time.
    /// Units: `now_ms` on the clock of the hot path; `wall_s` in seconds since 1970.
    /// Cost: some microseconds for each place with traffic and for each signal.
    pub fn tick<M: Memory + ?Sized>(&mut self, memory: &M, now_ms: u64, wall_s: u64) {
        let paused = |then: u64| now_ms.saturating_sub(then) > PAUSE_MS;
        if self.ticked_ms.is_none_or(paused) {
            self.take_over(memory, now_ms);
            self.profiles.take_over(memory, wall_s);
        }
        self.ticked_ms = Some(now_ms);
        self.meet(memory);
        self.hear(memory, now_ms, wall_s);
        let mut samples = Histogram::default();
        for nth in 0..self.known.len() {
            let new = self.look(nth, memory, now_ms, wall_s);
            samples.iter_mut().zip(new).for_each(|(all, n)| *all += n);
        }
        self.everywhere.add(&samples, true);
        let book = &self.book;
        let frozen = |place: &Place| UNUSUAL.iter().any(|c| book.is_open(place, *c));
        self.profiles.tick(memory, frozen, wall_s);
        self.book.settle(memory, now_ms, wall_s);
    }

    /// Takes note of a change, so that errors can be held against it.
    pub fn note_change(&mut self, change: Change) {
        if self.changes.len() == MAX_CHANGES {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
    }

    /// Writes what was learned, with the limits that it suggests. Shape: JSON with `format` and
    /// `version`.
    pub fn export(&self) -> Vec<u8> {
        let known = self.known.iter().map(|k| (&k.place, &k.baseline));
        let learned = known.filter(|(_, baseline)| baseline.seconds > 0);
        let saved = Saved::new(learned.chain(&self.imported));
        serde_json::to_vec(&saved).unwrap_or_default()
    }

    /// Reads what [`Analyst::export`] wrote. Where more was learned here since, that is kept.
    /// Errors: those of [`Saved::read`]; nothing is changed then.
    pub fn import(&mut self, json: &[u8]) -> Result<(), Error> {
        for saved in Saved::read(json)?.places.into_iter().take(MAX_PLACES) {
            let place = saved.place();
            match self.known.iter_mut().find(|k| k.place == place) {
                Some(known) if known.baseline.seconds < saved.baseline.seconds => {
                    known.baseline = saved.baseline;
                }
                Some(_) => {}
                None => {
                    self.imported.insert(place, saved.baseline);
                }
            }
        }
        Ok(())
    }

    /// Open incidents, then recently resolved ones.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.book.incidents()
    }

    /// Tells where normal has changed for good, after `since_s` and within 30 days; also of places that
    /// were read from a file and not seen yet.
    pub fn drifts(&self, since_s: u64) -> impl Iterator<Item = Drifted> + '_ {
        let known = self.known.iter().map(|k| (&k.place, &k.baseline));
        known.chain(&self.imported).flat_map(move |(place, b)| {
            let new = b.drifts.told().iter().filter(move |d| d.at_s > since_s);
            new.map(|drift| Drifted::new(place, drift))
        })
    }

    /// Continues the incidents of the leader before.
    fn take_over<M: Memory + ?Sized>(&mut self, memory: &M, now_ms: u64) {
        let book = &mut self.book;
        memory.published(0, &mut |_, text| {
            if let Ok(incident) = serde_json::from_slice(text) {
                book.adopt(incident, now_ms);
            }
        });
    }

    /// Makes room for places that are new.
    fn meet<M: Memory + ?Sized>(&mut self, memory: &M) {
        for (id, place) in memory.places() {
            if !self.met.insert(id) {
                continue;
            }
            let baseline = self.imported.remove(&place).unwrap_or_default();
            self.index
                .entry((place.workspace, place.route))
                .or_insert(self.known.len());
            self.known.push(Known::new(id, place, baseline));
        }
    }

    /// Takes the signals in: all as evidence, the strongest of a kind and place as a statement.
    fn hear<M: Memory + ?Sized>(&mut self, memory: &M, now_ms: u64, wall_s: u64) {
        let mut signals = Vec::new();
        let (cursor, _) = memory.drain(self.cursor, &mut |signal| signals.push(*signal));
        self.cursor = cursor;
        signals.retain(|s| s.at_ms + STALE_MS > now_ms);
        let mut strongest: BTreeMap<(Kind, u8, [u8; 72]), Signal> = BTreeMap::new();
        for signal in &signals {
            let fingerprint = fingerprint(signal);
            let client = memory.hash(&client_key(signal.client));
            self.book.gather(fingerprint, signal, client);
            self.show(signal, true);
            let mut names = [0; 72];
            names[..36].copy_from_slice(signal.workspace.padded());
            names[36..].copy_from_slice(signal.route.padded());
            let key = (signal.kind, signal.category as u8, names);
            let kept = strongest.entry(key).or_insert(*signal);
            if (signal.score, signal.value) > (kept.score, kept.value) {
                *kept = *signal;
            }
        }
        for signal in strongest.values() {
            self.show(signal, false);
        }
        for claim in std::mem::take(&mut self.claims) {
            self.book.claim(claim, memory, now_ms, wall_s);
        }
    }

    /// Shows a signal to the detectors that want all signals, or to those that want few.
    fn show(&mut self, signal: &Signal, every: bool) {
        let nth = self.index.get(&(signal.workspace, signal.route));
        let place = nth.map_or(
            Place {
                workspace: signal.workspace,
                route: signal.route,
                ..Place::default()
            },
            |nth| self.known[*nth].place,
        );
        let Some(evidence) = self.book.evidence(&fingerprint(signal)) else {
            return;
        };
        for detector in &mut self.detectors {
            if detector.every_signal() == every {
                detector.signal(&place, signal, evidence, &mut self.claims);
            }
        }
    }

    /// Looks at one place: detects, learns, and tells the hot path. Returns the samples that were
    /// learned.
    fn look<M: Memory + ?Sized>(
        &mut self,
        nth: usize,
        memory: &M,
        now_ms: u64,
        wall_s: u64,
    ) -> Histogram {
        let known = &mut self.known[nth];
        if known.place.consumer().is_some() {
            self.look_at_consumer(nth, memory, now_ms, wall_s);
            return Histogram::default();
        }
        let id = known.id;
        let place = known.place;
        let (workspace, route) = (place.workspace, place.route);
        let all = keys::all(workspace.as_bytes(), route.as_bytes());
        let requests = memory.read(&all, Counter::Requests, now_ms);
        let idle = requests[S60] == 0 && !known.alarm.flood && !known.alarm.login_wave;
        let mut counts = Counts::default();
        known.recent.take(memory.tallies(id));
        if !idle {
            let own = keys::own(workspace.as_bytes(), route.as_bytes());
            let read = |counter| memory.read(&all, counter, now_ms);
            let read_own = |counter| memory.read(&own, counter, now_ms);
            let answers = keys::answers(workspace.as_bytes(), route.as_bytes());
            counts = Counts {
                requests,
                hot: read(Counter::Hot),
                failures: read(Counter::AuthFailures),
                logins: read(Counter::AuthSuccesses),
                not_found: read(Counter::NotFound),
                errors: read(Counter::ServerErrors),
                latency_ms: read(Counter::LatencyMs),
                own_errors: read_own(Counter::ServerErrors),
                unanswered: read_own(keys::UNANSWERED),
                refused: read_own(keys::REFUSED_CREDENTIALS),
                hot_reading: read_own(keys::HOT_READING),
                hot_onsets: read_own(keys::HOT_ONSETS),
                answers: read_own(keys::ANSWERS),
                repeats: read_own(keys::REPEATS),
                trickles: memory.read(&answers, keys::TRICKLES, now_ms),
                request_bytes: read(Counter::RequestBytes),
                ..Counts::default()
            };
            counts = known.tallied(counts);
            if counts.failures[S60] > 0 {
                counts.failing_clients = memory.distinct(&all, Set::Clients, now_ms);
                counts.failing_accounts = memory.distinct(&all, Set::Accounts, now_ms);
            }
            self.changes.make_contiguous();
            let changes = self.changes.as_slices().0;
            for detector in &mut self.detectors {
                let book = &self.book;
                let open = |category| book.is_open(&place, category);
                let second = Second {
                    id,
                    place,
                    wall_s,
                    counts,
                    baseline: &known.baseline,
                    hot_limit: known.alarm.hot_limit,
                    changes,
                    open: &open,
                };
                detector.second(&second, &mut self.claims);
                for claim in self.claims.drain(..) {
                    self.book.claim(claim, memory, now_ms, wall_s);
                }
            }
        }
        known.seconds += 1;
        let open = |category| self.book.is_open(&place, category);
        let mut learned = Histogram::default();
        if !idle || known.baseline.seconds > 0 {
            let samples = (!idle).then(|| memory.samples(id));
            learned = known.learn(&counts, samples.as_ref(), &open, wall_s);
        }
        let rates = match known.baseline.clients.has_limit() {
            true => &known.baseline.clients,
            false => &self.everywhere,
        };
        let mut alarm = Alarm {
            hot_limit: rates.hot_limit(),
            large_request: known.baseline.request_sizes.limit_bin().unwrap_or(0),
            large_answer: known.baseline.response_sizes.limit_bin().unwrap_or(0),
            rare_methods: known.baseline.rare_methods(wall_s),
            ..Alarm::default()
        };
        for detector in &self.detectors {
            detector.alarm(id, &mut alarm);
        }
        if let (true, Some(limit)) = (alarm.flood, rates.flood_limit()) {
            // Suspicion is medium, and acted on, from twice the hot limit on.
            alarm.hot_limit = (limit / 2).max(1);
        }
        if known.seconds == 1 {
            memory.set_alarm(id, alarm);
        }
        known.warn(alarm, memory);
        learned
    }

    /// Looks at one consumer: detects and learns, as far as its traffic suffices.
    fn look_at_consumer<M: Memory + ?Sized>(
        &mut self,
        nth: usize,
        memory: &M,
        now_ms: u64,
        wall_s: u64,
    ) {
        let known = &mut self.known[nth];
        let counts = known.read_consumer(memory);
        // Incidents of consumers are their workspace's.
        let workspace = Place {
            workspace: known.place.workspace,
            ..Place::default()
        };
        let book = &self.book;
        let open = |category| book.is_open(&workspace, category);
        let second = Second {
            id: known.id,
            place: known.place,
            wall_s,
            counts,
            baseline: &known.baseline,
            hot_limit: known.alarm.hot_limit,
            changes: &[],
            open: &open,
        };
        for detector in &mut self.detectors {
            detector.consumer(&second, &mut self.claims);
        }
        let flagged = !self.claims.is_empty();
        for claim in self.claims.drain(..) {
            self.book.claim(claim, memory, now_ms, wall_s);
        }
        known.learn_consumer(&counts, flagged, memory, wall_s);
    }
}

fn fingerprint(signal: &Signal) -> Fingerprint {
    Fingerprint {
        workspace: signal.workspace,
        category: signal.category,
        route: signal.route,
    }
}
