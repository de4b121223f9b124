//! From what payload inspection finds in a request to its verdict.

mod history;
mod reserve;
mod thresholds;

pub use thresholds::Thresholds;

use history::{Here, History};
use reserve::Reserve;

use crate::config;
use crate::error::Error;
use crate::inspect::{Finding, Findings, Inspector, Judged, Location, Scoping, MODEL};
use crate::memory::{Memory, PlaceId};
use crate::model::{Judgement, Model};
use crate::profile::Odds;
use crate::request::{Identity, Outcome, Request, Stage};
use crate::verdict::{Action, Attempt, Category, Uninspected, Verdict};

/// What a value is that its place has never had, and a request.
const ODD_VALUE: &str = "outlier.parameter";
const ODD_REQUEST: &str = "outlier.request";
/// Anomaly score of what is odd and no more. Below all thresholds that make sense.
const ODD: f32 = 0.1;

/// What reading a request once more takes before anything in it is judged.
const BYTES_PER_STEP: u64 = 8;

/// The compiled payload settings of a configuration.
pub struct Payload {
    action: Action,
    thresholds: Thresholds,
    on_uninspected: Action,
    inspector: Inspector,
    /// Whether the model alone is only told.
    model_shadowed: bool,
    model: &'static Model,
    history: History,
    reserve: Reserve,
}

/// The value of a request that calls most for the action.
struct Worst {
    judgement: Judgement,
    /// With what its place's history says.
    probability: f32,
    odds: Odds,
    /// Whether the action applies to it.
    refused: bool,
    /// Whether a rule spoke on it.
    ruled: bool,
    location: Location,
}

impl Payload {
    /// Compiles checked settings.
    /// Errors: exclusions or shadow rules that name nothing; a model that cannot be read.
    pub fn new(config: &config::Payload) -> Result<Payload, Error> {
        let scoping = Scoping::new(config)?;
        Ok(Payload {
            model_shadowed: scoping.is_model_shadowed(),
            action: config.action,
            thresholds: Thresholds::new(config),
            on_uninspected: config.on_uninspected.action(),
            inspector: Inspector::new(&config.families).scoped(scoping),
            model: Model::embedded()?,
            history: History::new(config)?,
            reserve: Reserve::default(),
        })
    }

    /// Looks at the values of a request and adds to its verdict what it found, what it could not look
    /// at, and what another look is worth. `place` is the request's, if it is known already; `teaches` tells whether
    /// what is usual may be learned from it.
    /// Cost: no allocation for a request without findings that is not in the sample.
    pub fn inspect<M: Memory + ?Sized>(
        &self,
        request: &Request,
        place: Option<PlaceId>,
        teaches: bool,
        memory: &M,
        now_ms: u64,
        verdict: &mut Verdict,
    ) {
        let mut found = Findings::default();
        let mut worst: Option<Worst> = None;
        let mut shadow: Option<Worst> = None;
        // The first look teaches, and tells what is odd in the request as a whole.
        let again = request.stage.rest().is_some();
        let mut here = self.history.of(request, place, teaches && !again, memory);
        let can_go_on = request.stage != Stage::Late && self.reserve.has_some(now_ms);
        let visit = |judged: &Judged<'_>| {
            let with_shadow = judged.evidence.with_shadow();
            // Where only shadow rules speak, the model speaks of what they are about.
            let alone = self.model_shadowed || with_shadow.is_some();
            if let Some(evidence) = with_shadow {
                let judged = Judged {
                    evidence,
                    ..*judged
                };
                self.weigh(request, &judged, here.as_mut(), &mut shadow);
            } else if alone && judged.evidence.is_empty() {
                self.weigh(request, judged, here.as_mut(), &mut shadow);
            }
            if !(alone && judged.evidence.is_empty()) {
                self.weigh(request, judged, here.as_mut(), &mut worst);
            }
        };
        self.inspector.look(request, can_go_on, &mut found, visit);
        if again {
            let rewalked = request.bytes() as u64 / BYTES_PER_STEP;
            self.reserve.take(found.steps + rewalked, now_ms);
        }
        verdict.rest = found.rest;
        if let Some(here) = here.as_mut().filter(|_| found.rest > 0) {
            here.teach_nothing();
        }
        // What no look can read is told once.
        if !again {
            verdict.uninspected.insert(request.body.unread);
            verdict.uninspected_bytes += request.body.unread_bytes;
        }
        if !again || found.uninspected.contains(Uninspected::OVER_BUDGET) {
            verdict.uninspected.insert(found.uninspected);
            verdict.uninspected_bytes += found.uninspected_bytes;
        }
        let recorded = |w: &Worst| w.refused || self.thresholds.detects(w.probability);
        if let Some(worst) = worst.filter(recorded) {
            self.conclude(&worst, &found.list, verdict);
        }
        if let Some(worst) = shadow.filter(recorded) {
            self.tell_shadow(&worst, &found.shadow, verdict);
        }
        if let Some(here) = &here {
            tell_odd_value(here, verdict);
            if !again {
                tell_odd_request(here, request, found.values, verdict);
            }
        }
        self.answer_uninspected(verdict);
    }

    /// Learns which operations there are.
    pub fn observe<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        path: &[u8],
        outcome: &Outcome,
        memory: &M,
    ) {
        self.history.observe(identity, path, outcome, memory);
    }

    /// Judges a value, and keeps it if it is the worst so far.
    fn weigh<M: Memory + ?Sized>(
        &self,
        request: &Request,
        judged: &Judged<'_>,
        here: Option<&mut Here<'_, M>>,
        worst: &mut Option<Worst>,
    ) {
        if !Model::concerns(judged) {
            return;
        }
        let judgement = self.model.judge(judged);
        let (mut probability, mut odds) = (judgement.probability, Odds::default());
        let ruled = !judged.evidence.is_empty();
        let line = self.thresholds.of(&judged.evidence);
        let found = self.thresholds.detects(probability) || probability >= line;
        let weighs = ruled || found || history::can_be_odd(judged.value);
        if let Some(here) = here.filter(|_| weighs) {
            odds = here.odds(request, judged);
            if found {
                here.flag(judged);
            }
            probability = history::weighed(probability, &odds);
            if !(ruled || found) {
                // Oddness alone makes no finding.
                probability = probability.min(self.thresholds.undetected());
            }
        }
        let refused = probability >= line;
        let more = |w: &Worst| (refused, probability) > (w.refused, w.probability);
        if worst.as_ref().is_none_or(more) {
            *worst = Some(Worst {
                judgement,
                probability,
                odds,
                refused,
                ruled,
                location: Location::new(judged.value.part, judged.value.name),
            });
        }
    }

    /// Notes what shadow rules found, and what it would have come to.
    fn tell_shadow(&self, worst: &Worst, findings: &[Finding], verdict: &mut Verdict) {
        let action = if worst.refused {
            self.action
        } else {
            Action::Allow
        };
        let probability = worst.probability;
        let model = (!worst.ruled).then_some(MODEL);
        for rule in model.into_iter().chain(findings.iter().map(|f| f.rule)) {
            verdict.shadow.absorb(rule, action, probability);
        }
    }

    /// Turns what was found into a verdict. The model tells how likely it is an attack; the rules
    /// tell why, where they spoke.
    fn conclude(&self, worst: &Worst, findings: &[Finding], verdict: &mut Verdict) {
        let probability = worst.probability;
        let action = if worst.refused {
            self.action
        } else {
            Action::Allow
        };
        let here = |f: &&Finding| worst.ruled && f.location == worst.location;
        let strongest = |a: &&Finding, b: &&Finding| a.score.total_cmp(&b.score);
        let lead = findings.iter().filter(here).max_by(strongest);
        // A rule is kept where it spoke the loudest, which may be another value.
        let lead = lead.or_else(|| findings.iter().max_by(strongest));
        let lead = lead.filter(|_| worst.ruled);
        let name = lead.map_or(MODEL, |f| f.rule);
        let category = Category::PayloadInjection;
        verdict.absorb(name, action, category, probability, || {
            let mut reason = match lead {
                Some(lead) => format!("{name} in {}", lead.location),
                None => {
                    let why = self.model.reasons(&worst.judgement).join(", ");
                    format!("model: {why} in {}", worst.location)
                }
            };
            reason.push_str(&from_history(worst));
            reason
        });
        verdict.add_rules(findings.iter().map(|f| f.rule), name);
        verdict.attempt = Attempt::of(findings.iter().map(|f| f.rule));
    }

    /// Answers to a part that was not inspected, where the client chose that or could have: what
    /// the operator left out (a streamed body, a sample) is none of it.
    fn answer_uninspected(&self, verdict: &mut Verdict) {
        let why = verdict.uninspected.in_clients_hands();
        if self.on_uninspected == Action::Allow || why == Uninspected::default() {
            return;
        }
        let names: Vec<&str> = why.names().collect();
        let bytes = verdict.uninspected_bytes;
        let category = Category::Abuse;
        for name in &names {
            let rule = format!("uninspected.{name}");
            verdict.absorb(&rule, self.on_uninspected, category, 0.0, || {
                format!(
                    "not inspected in whole: {}; {bytes} bytes left out",
                    names.join(", ")
                )
            });
        }
    }
}

/// Tells what history said of a finding, as the end of its reason.
fn from_history(worst: &Worst) -> String {
    let location = worst.location;
    match (worst.odds.oddity, worst.odds.used) {
        (Some(oddity), _) => format!("; {location} {oddity}"),
        (_, Some(share)) => {
            let percent = 100.0 * share;
            format!("; {percent:.0} % of the senders of {location} send the like")
        }
        _ => String::new(),
    }
}

/// Adds to a verdict which value of a request is odd: told, never acted upon.
fn tell_odd_value<M: Memory + ?Sized>(here: &Here<'_, M>, verdict: &mut Verdict) {
    let category = Category::PayloadOutlier;
    if let Some((location, oddity)) = &here.oddest {
        verdict.absorb(ODD_VALUE, Action::Allow, category, ODD, || {
            format!("{location} {oddity}")
        });
    }
}

/// Adds what is odd in it as a whole, likewise.
fn tell_odd_request<M: Memory + ?Sized>(
    here: &Here<'_, M>,
    request: &Request,
    values: u32,
    verdict: &mut Verdict,
) {
    let category = Category::PayloadOutlier;
    if let Some(oddity) = here.conclude(request, values) {
        verdict.absorb(ODD_REQUEST, Action::Allow, category, ODD, || {
            format!("the request {oddity}")
        });
    }
}
