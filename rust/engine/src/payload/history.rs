//! What the history of a route says of what a request carries there.

use crate::behaviour::keys;
use crate::config;
use crate::decode::{kind, Value};
use crate::error::Error;
use crate::inspect::{Judged, Location, Part};
use crate::memory::{Memory, PlaceId};
use crate::profile::{
    families_of, is_learned, is_name, judge_request, note_clean, note_flagged, note_operation, Api,
    ApiOperation, Facts, Line, Name, Need, Numbers, Oddity, Odds, Sampler, Shape, Slot, Usual,
    NOTED,
};
use crate::request::{Identity, Method, Outcome, Request, Source};
use crate::rules::normalise;

/// How many more values than ever, as a logarithm, have a request looked at.
const MORE: f32 = 0.5;
/// Answers of which one has its operation noted.
const OPERATIONS_OF: u64 = 4;
/// Log-odds beyond which the scorer's say nothing that a history could be weighed against.
const CERTAIN: f32 = 5.0;

/// The positive model of a configuration: how much must be known, and the turn of its samples.
pub struct History {
    enabled: bool,
    need: Need,
    sampler: Sampler,
    api: Option<Api>,
}

/// The place that one request goes to.
pub struct Here<'m, M: ?Sized> {
    memory: &'m M,
    need: Need,
    /// The document's operation, looked for at the first value that needs it.
    api: Option<&'m Api>,
    operation: Option<Option<&'m ApiOperation>>,
    place: PlaceId,
    usual: Option<Usual>,
    /// The request's turn, if it is in the sample that is learned from.
    sampled: Option<u64>,
    /// Whether anything was found in it, anywhere.
    found: bool,
    /// Where something was found that is learned, for the sample.
    flagged: Vec<(Part, Name, u32)>,
    /// The oddest value.
    pub oddest: Option<(Location, Oddity)>,
}

impl History {
    /// Errors: a document that cannot be read.
    pub fn new(config: &config::Payload) -> Result<History, Error> {
        let model = &config.positive_model;
        Ok(History {
            enabled: model.enabled,
            need: Need {
                sources: model.min_senders,
                minutes: model.min_minutes,
            },
            sampler: Sampler::default(),
            api: config.api_spec.as_deref().map(Api::from_json).transpose()?,
        })
    }

    /// Finds the place of a request, unless it is known; none where nothing is learned. `teaches` tells
    /// that nothing is held against the request so far. Cost: two look-ups, or one.
    pub fn of<'m, M: Memory + ?Sized>(
        &'m self,
        request: &Request,
        place: Option<PlaceId>,
        teaches: bool,
        memory: &'m M,
    ) -> Option<Here<'m, M>> {
        if !self.enabled || request.identity.route.is_empty() {
            return None;
        }
        let place = place.unwrap_or_else(|| memory.place(&keys::place_of(&request.identity)));
        let usual = memory.facts(Slot::Route(place)).whole();
        let usual = usual.map(|words| Usual::from_words(&words));
        // What has no number of its own would be learned as one with all the like.
        let teaches = teaches && !memory.is_shared(place);
        let turn = teaches.then(|| self.sampler.draws(usual.as_ref()));
        let sampled = turn.flatten().filter(|_| memory.has_note_room());
        Some(Here {
            memory,
            need: self.need,
            api: self.api.as_ref(),
            operation: None,
            place,
            sampled,
            usual,
            found: false,
            flagged: Vec::new(),
            oddest: None,
        })
    }

    /// Notes which operation a request was, where the upstream answered it well: one in
    /// [`OPERATIONS_OF`] are asked.
    pub fn observe<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        path: &[u8],
        outcome: &Outcome,
        memory: &M,
    ) {
        let answered = outcome.source == Source::Service && (200..400).contains(&outcome.status);
        let named = !identity.route.is_empty() && outcome.method != Method::Other;
        if !(self.enabled && answered && named) {
            return;
        }
        if self.sampler.draws_one_in(OPERATIONS_OF).is_some() {
            let place = memory.place(&keys::place_of(identity));
            if memory.is_shared(place) {
                return;
            }
            note_operation(
                identity,
                outcome.method,
                path,
                self.api.as_ref(),
                place,
                memory,
            );
        }
    }
}

impl<M: Memory + ?Sized> Here<'_, M> {
    /// Holds a value that a detector looked at against the API's document, or else against its
    /// parameter's history. Cost: a look-up, and a pass over at most 256 bytes.
    pub fn odds(&mut self, request: &Request, judged: &Judged<'_>) -> Odds {
        let value = judged.value;
        if !is_learned(value.part) || value.name.is_empty() {
            return Odds::default();
        }
        let name = Name::sent(value.part, value.name);
        let odds = self
            .documented(request, judged, &name)
            .unwrap_or_else(|| self.learned(judged, &name));
        if let Some(oddity) = odds.oddity {
            let odder = |(_, kept): &(Location, Oddity)| oddity.probability < kept.probability;
            if self.oddest.as_ref().is_none_or(odder) {
                self.oddest = Some((Location::new(value.part, value.name), oddity));
            }
        }
        odds
    }

    /// What the document says; nothing where it leaves a parameter free.
    fn documented(&mut self, request: &Request, judged: &Judged<'_>, name: &Name) -> Option<Odds> {
        let api = self.api?;
        let operation = *self.operation.get_or_insert_with(|| {
            let method = std::str::from_utf8(request.method).unwrap_or_default();
            api.find(method, &normalise(request.path))
        });
        let value = judged.value;
        match operation?.expected(value.part, name) {
            Some(_) if is_name(value) => Some(Odds::default()),
            Some(facts) => {
                let families = families_of(&judged.evidence);
                let shape = Shape::of(value.bytes);
                facts.map(|facts| Odds::of(facts, &shape, families, self.need))
            }
            // Bodies and cookies may hold more than is listed.
            None if value.part == Part::Query => Some(Odds::undocumented()),
            None => None,
        }
    }

    fn learned(&self, judged: &Judged<'_>, name: &Name) -> Odds {
        let value = judged.value;
        let at = Slot::parameter(self.memory, self.place, value.part, name);
        match (self.memory.facts(at), &self.usual) {
            (Line::Whole(_), _) if is_name(value) => Odds::default(),
            (Line::Whole(words), _) => {
                let facts = Facts::from_words(&words);
                let shape = Shape::of(value.bytes);
                Odds::of(&facts, &shape, families_of(&judged.evidence), self.need)
            }
            (Line::Absent, Some(usual))
                if self.need.is_met_by(usual) && !usual.is_open(value.part) =>
            {
                Odds::unknown(usual)
            }
            _ => Odds::default(),
        }
    }

    /// Takes note of a value that would be a finding whatever its history says.
    pub fn flag(&mut self, judged: &Judged<'_>) {
        self.found = true;
        let value = judged.value;
        if self.sampled.is_none() || !is_learned(value.part) || value.name.is_empty() {
            return;
        }
        let name = Name::sent(value.part, value.name);
        let families = families_of(&judged.evidence);
        let room = self.flagged.len() < NOTED;
        let same = |known: &&mut (Part, Name, u32)| known.0 == value.part && known.1 == name;
        match self.flagged.iter_mut().find(same) {
            Some((.., known)) => *known |= families,
            None if room => self.flagged.push((value.part, name, families)),
            None => {}
        }
    }

    /// Keeps the request from being learned: not all of it was seen.
    pub fn teach_nothing(&mut self) {
        self.sampled = None;
    }

    /// Tells the leader of the request, if it is in the sample, and holds it as a whole against its
    /// route: those of the sample, and those with an odd value or many more values than ever.
    pub fn conclude(&self, request: &Request, values: u32) -> Option<Oddity> {
        let usual = self.usual.as_ref();
        let many = usual.is_some_and(|u| (values as f32).ln_1p() > u.numbers[0][2] + MORE);
        if !(self.sampled.is_some() || many || self.oddest.is_some()) {
            return None;
        }
        let numbers = Numbers::of(request, values);
        match self.sampled {
            Some(_) if self.found => {
                note_flagged(request, &self.flagged, self.place, self.memory);
            }
            Some(turn) => note_clean(request, numbers, turn, self.place, self.memory),
            None => {}
        }
        judge_request(usual?, &numbers, self.need)
    }
}

/// Tells whether a value may be told as odd where nothing was found in it: one of plain words and
/// numbers is not worth a look-up.
pub fn can_be_odd(value: &Value<'_>) -> bool {
    let meant = kind::QUOTE | kind::BRACE | kind::TAG | kind::OPEN | kind::CONTROL;
    value.seen.any & meant != 0
}

/// Weighs a probability with what history says.
pub fn weighed(probability: f32, odds: &Odds) -> f32 {
    if odds.shift == 0.0 {
        return probability;
    }
    let p = probability.clamp(1e-6, 1.0 - 1e-6);
    let mut sum = (p / (1.0 - p)).ln();
    if odds.shift < 0.0 {
        sum = sum.min(CERTAIN);
    }
    1.0 / (1.0 + (-(sum + odds.shift)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_moves_probabilities_within_bounds() {
        let with = |p: f32, shift: f32| {
            let odds = Odds {
                shift,
                ..Odds::default()
            };
            weighed(p, &odds)
        };
        assert_eq!(with(0.3, 0.0), 0.3);
        assert!(with(0.3, 2.0) > 0.7 && with(0.01, 2.0) < 0.1);
        assert!(with(1.0, -5.5) < 0.5 && with(1.0, -6.0) > 0.1);
        assert!(with(0.0, -6.0) >= 0.0 && with(1.0, 2.0) <= 1.0);
    }
}
