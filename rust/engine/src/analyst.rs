//! The tick: once a second, on one worker of the node, signals and counts become incidents.

use crate::baseline::{Baseline, ClientRates};
use crate::behaviour::detector::{self, Counts, Detector, Second, S1, S10, S60};
use crate::behaviour::keys;
use crate::error::Error;
use crate::incident::{Book, Claim, Fingerprint, Incident};
use crate::memory::{Alarm, Histogram, Memory, Place, PlaceId};
use crate::signal::{Id, Kind, Signal};
use crate::sketch::Set;
use crate::state::Counter;
use crate::verdict::Category;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};

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
/// Older signals were another leader's. Units: milliseconds.
const STALE_MS: u64 = 120_000;
/// What [`Analyst::export`] writes and [`Analyst::import`] takes.
const FORMAT: &str = "threat-agent-learned";
const VERSION: u32 = 1;

/// Learns what is normal and keeps the incidents of a node.
pub struct Analyst {
    detectors: Vec<Box<dyn Detector>>,
    book: Book,
    cursor: u64,
    ticked_ms: Option<u64>,
    changes: VecDeque<Change>,
    known: Vec<Known>,
    /// Where the place of a signal stands in `known`, by workspace and route.
    index: HashMap<(Id, Id), usize>,
    /// What was read from a file and belongs to places that were not seen yet.
    imported: HashMap<Place, Baseline>,
    /// Client rates of all places: the norm where a place has none of its own yet.
    everywhere: ClientRates,
    claims: Vec<Claim>,
}

/// A place, and what is known of it.
struct Known {
    place: Place,
    baseline: Baseline,
    seconds: u64,
    alarm: Alarm,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    format: String,
    version: u32,
    places: Vec<SavedPlace>,
}

#[derive(Serialize, Deserialize)]
struct SavedPlace {
    workspace: String,
    service: String,
    route: String,
    baseline: Baseline,
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
            index: HashMap::new(),
            imported: HashMap::new(),
            everywhere: ClientRates::default(),
            claims: Vec::new(),
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
        self.book.settle(memory, now_ms, wall_s);
    }

    /// Takes note of a change, so that errors can be held against it.
    pub fn note_change(&mut self, change: Change) {
        if self.changes.len() == MAX_CHANGES {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
    }

    /// Writes what was learned. Shape: JSON with `format` and `version`.
    pub fn export(&self) -> Vec<u8> {
        let known = self.known.iter().map(|k| (&k.place, &k.baseline));
        let places = known
            .filter(|(_, baseline)| baseline.seconds > 0)
            .chain(&self.imported)
            .map(|(place, baseline)| SavedPlace {
                workspace: place.workspace.text(),
                service: place.service.text(),
                route: place.route.text(),
                baseline: baseline.clone(),
            });
        let saved = Saved {
            format: FORMAT.to_owned(),
            version: VERSION,
            places: places.collect(),
        };
        serde_json::to_vec(&saved).unwrap_or_default()
    }

    /// Reads what [`Analyst::export`] wrote. Where more was learned here since, that is kept.
    /// Errors: what is no such JSON, or of another version; nothing is changed then.
    pub fn import(&mut self, json: &[u8]) -> Result<(), Error> {
        let saved: Saved = serde_json::from_slice(json)?;
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
        for saved in saved.places {
            let place = Place {
                workspace: Id::new(saved.workspace.as_bytes()),
                service: Id::new(saved.service.as_bytes()),
                route: Id::new(saved.route.as_bytes()),
            };
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

    /// Tells where normal has changed for good: hours in a row that differ from the same hours of
    /// former weeks by a factor of two.
    pub fn drifts(&self) -> impl Iterator<Item = (&Place, &'static str)> {
        self.known
            .iter()
            .flat_map(|k| k.baseline.drifts().map(|metric| (&k.place, metric)))
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
        let places = memory.places();
        for (id, place) in places.into_iter().skip(self.known.len()) {
            if usize::from(id.0) != self.known.len() {
                break;
            }
            let baseline = self.imported.remove(&place).unwrap_or_default();
            self.index
                .entry((place.workspace, place.route))
                .or_insert(self.known.len());
            self.known.push(Known {
                place,
                baseline,
                seconds: 0,
                alarm: Alarm::default(),
            });
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
            self.book.gather(fingerprint, signal);
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
        let id = PlaceId(nth as u16);
        let known = &mut self.known[nth];
        let place = known.place;
        let (workspace, route) = (place.workspace, place.route);
        let all = keys::all(workspace.as_bytes(), route.as_bytes());
        let requests = memory.read(&all, Counter::Requests, now_ms);
        let idle = requests[S60] == 0 && !known.alarm.flood && !known.alarm.login_wave;
        let mut counts = Counts::default();
        if !idle {
            let own = keys::own(workspace.as_bytes(), route.as_bytes());
            let read = |counter| memory.read(&all, counter, now_ms);
            let read_own = |counter| memory.read(&own, counter, now_ms);
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
                ..Counts::default()
            };
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
            ..Alarm::default()
        };
        for detector in &self.detectors {
            detector.alarm(id, &mut alarm);
        }
        if let (true, Some(limit)) = (alarm.flood, rates.flood_limit()) {
            // Suspicion is medium, and acted on, from twice the hot limit on.
            alarm.hot_limit = (limit / 2).max(1);
        }
        if alarm != known.alarm || known.seconds == 1 {
            memory.set_alarm(id, alarm);
            known.alarm = alarm;
        }
        learned
    }
}

impl Known {
    /// Learns a second, as far as nothing is wrong in it. Returns the samples that were learned.
    fn learn(
        &mut self,
        counts: &Counts,
        samples: Option<&Histogram>,
        open: &dyn Fn(Category) -> bool,
        wall_s: u64,
    ) -> Histogram {
        let baseline = &mut self.baseline;
        let calm = ![
            Category::ApiDdos,
            Category::MassError,
            Category::RouteMisconfiguration,
        ]
        .into_iter()
        .any(open);
        let rate = counts.requests[S1] as f64;
        let crowded = baseline.is_mature() && rate > 3.0 * baseline.expected_rate(wall_s) + 10.0;
        let mut learned = Histogram::default();
        if let Some(samples) = samples {
            let new = baseline.clients.update(samples, calm && !crowded);
            if calm && !crowded {
                learned = new;
            }
        }
        if !calm {
            return learned;
        }
        if counts.requests[S60] > 0 {
            baseline.seconds += 1;
        }
        baseline.rate.learn(rate);
        baseline.rate_hours.learn(rate, wall_s);
        let total = counts.requests[S1];
        if total > 0 {
            baseline.errors.learn(counts.errors[S1], total);
            baseline.not_found.learn(counts.not_found[S1], total);
            baseline.refused.learn(counts.refused[S1], total);
            baseline.hot.learn(counts.hot[S1], total);
            let ratio = counts.errors[S10] as f64 / counts.requests[S10].max(1) as f64;
            baseline.error_hours.learn(ratio.min(1.0), wall_s);
        }
        if counts.requests[S10] >= 32 {
            let latency = counts.latency_ms[S10] as f64 / counts.requests[S10] as f64;
            baseline.latency.learn(latency);
        }
        if !open(Category::CredentialStuffing) {
            baseline
                .failure_hours
                .learn(counts.failures[S1] as f64, wall_s);
            if self.seconds.is_multiple_of(10) {
                baseline.failures.learn(counts.failures[S10] as f64);
                baseline.logins.learn(counts.logins[S10] as f64);
            }
        }
        learned
    }
}

fn fingerprint(signal: &Signal) -> Fingerprint {
    Fingerprint {
        workspace: signal.workspace,
        category: signal.category,
        route: signal.route,
    }
}
