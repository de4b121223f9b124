//! Fits the scorer with linfa: a logistic regression over the features of the value that speaks
//! for its request.

use super::bags::{Bag, Data};
use super::{grams, isotonic};
use crate::simulate::random::Random;
use linfa::prelude::Fit;
use linfa::DatasetBase;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use threat_agent_engine::inspect::Family;
use threat_agent_engine::model::features::{self, Features, COUNT};
use threat_agent_engine::model::ngram::Table;
use threat_agent_engine::Model;

/// Rounds of choosing who speaks for a request and fitting anew.
const ROUNDS: usize = 3;
/// Sum below which an attack's label is not evident in the request, as in 5 to 10 % of the rows of
/// payload lists: it is left out of the next round. Units: log-odds.
const DOUBTFUL: f32 = -2.0;
/// Rows that are drawn, by importance, since linfa's logistic regression knows no weights.
const ROWS: usize = 24_000;
/// Share of attacks among the rows drawn: an alarm costs more than a miss.
const ATTACKS: f64 = 0.15;
/// Share of attacks among the requests that a probability is told for: more than an ordinary day
/// has, since who reads a probability reads it of a request that was looked at closely.
const PRIOR: f64 = 0.2;
/// Strength of the L2 penalty, on features scaled to a deviation of 1.
const PENALTY: f64 = 100.0;
/// Groups of sources: each one's n-gram scores come from a table that has not seen it.
const GROUPS: usize = 4;

/// Learns tables, scorers (first with the rules, then without) and calibration.
pub fn learn(data: &Data, wanted: &dyn Fn(&Bag) -> bool, seed: u64) -> [Model; 2] {
    let group = |source: usize| source / 3 % GROUPS;
    let mut tables: Vec<Table> = (0..GROUPS)
        .map(|g| {
            let others = |bag: &Bag| wanted(bag) && group(bag.source) != g;
            grams::learn(data, &others, seed)
        })
        .collect();
    tables.push(grams::learn(data, wanted, seed));
    let importance = grams::importance(data, wanted);
    let fit = |rules: bool| {
        let speakers: Vec<Speaker> = data
            .bags
            .iter()
            .zip(&importance)
            .filter(|(bag, _)| wanted(bag))
            .filter_map(|(bag, importance)| {
                let table = &tables[group(bag.source)];
                Speaker::new(bag, table, rules, *importance)
            })
            .collect();
        regress(&speakers, seed)
    };
    let with = fit(true);
    let alone = fit(false);
    let all = || Table {
        weights: tables[GROUPS].weights.clone(),
        ..tables[GROUPS]
    };
    [with, alone].map(|(weights, bias, knots)| Model {
        table: all(),
        weights,
        bias,
        knots,
    })
}

/// A request by the features of its values.
struct Speaker {
    malicious: bool,
    importance: f32,
    values: Vec<Features>,
}

impl Speaker {
    fn new(bag: &Bag, table: &Table, rules: bool, importance: f32) -> Option<Speaker> {
        let learned = bag.samples.iter().filter(|s| s.learn);
        let values: Vec<Features> = learned
            .map(|s| s.judged(rules, |j| features::describe(j, table.judge(j))))
            .collect();
        (!values.is_empty()).then_some(Speaker {
            malicious: bag.malicious,
            importance,
            values,
        })
    }

    fn best(&self, weights: &Features, bias: f32) -> (&Features, f32) {
        let mut best = (&self.values[0], f32::NEG_INFINITY);
        for features in &self.values {
            let products = weights.iter().zip(features).map(|(w, x)| w * x);
            let sum = bias + products.sum::<f32>();
            if sum > best.1 {
                best = (features, sum);
            }
        }
        best
    }
}

type Fitted = (Features, f32, Vec<(f32, f32)>);

fn regress(speakers: &[Speaker], seed: u64) -> Fitted {
    let mut weights: Features = [0.0; COUNT];
    for (at, weight) in weights.iter_mut().enumerate() {
        *weight = match features::name(at) {
            "char n-grams" => 1.0,
            "rules" => 1.0,
            "rules enough to refuse" => 4.0,
            _ => 0.0,
        };
    }
    let mut bias = -3.0;
    let mut random = Random::new(seed);
    let drawn = draw(speakers, &mut random);
    for round in 0..ROUNDS {
        let speaks = |i: &usize| {
            let speaker = &speakers[*i];
            let (features, sum) = speaker.best(&weights, bias);
            let evident = !speaker.malicious || round == 0 || sum > DOUBTFUL;
            evident.then_some((features, speaker.malicious))
        };
        let rows: Vec<(&Features, bool)> = drawn.iter().filter_map(speaks).collect();
        if let Some(fitted) = fit(&rows) {
            (weights, bias) = fitted;
        }
    }
    let total = |malicious: bool| {
        let of = speakers.iter().filter(|s| s.malicious == malicious);
        of.map(|s| s.importance).sum::<f32>().max(1e-6)
    };
    let scale = [
        (1.0 - PRIOR as f32) / total(false),
        PRIOR as f32 / total(true),
    ];
    let rows = speakers.iter().map(|s| {
        let (_, sum) = s.best(&weights, bias);
        let importance = s.importance * scale[usize::from(s.malicious)];
        (sum.clamp(-12.0, 12.0), s.malicious, importance)
    });
    (weights, bias, isotonic::fit(rows.collect()))
}

/// Draws rows by importance, attacks and others apart.
fn draw(speakers: &[Speaker], random: &mut Random) -> Vec<usize> {
    let mut drawn = Vec::with_capacity(ROWS);
    for (malicious, share) in [(true, ATTACKS), (false, 1.0 - ATTACKS)] {
        let mut ends: Vec<(f64, usize)> = Vec::new();
        let mut total = 0.0;
        for (i, speaker) in speakers.iter().enumerate() {
            if speaker.malicious == malicious {
                total += f64::from(speaker.importance);
                ends.push((total, i));
            }
        }
        for _ in 0..(ROWS as f64 * share) as usize {
            let at = random.unit() * total;
            let place = ends.partition_point(|(end, _)| *end <= at);
            if let Some((_, i)) = ends.get(place.min(ends.len().saturating_sub(1))) {
                drawn.push(*i);
            }
        }
    }
    drawn
}

/// Fits, and fits anew without the features whose sign contradicts what they mean.
///
/// That a tool names itself is left to its rule: labelled data hold hardly any other user agent
/// that a rule speaks on, so that a weight of its own would be certain of what is only a claim.
fn fit(rows: &[(&Features, bool)]) -> Option<(Features, f32)> {
    let mut used = [true; COUNT];
    for (at, used) in used.iter_mut().enumerate() {
        *used = features::name(at) != Family::Scanner.name();
    }
    loop {
        let (weights, bias) = fit_with(rows, &used)?;
        let mut wrong = false;
        for (at, weight) in weights.iter().enumerate() {
            if features::speaks_for(at) && *weight < 0.0 {
                used[at] = false;
                wrong = true;
            }
        }
        if !wrong {
            return Some((weights, bias));
        }
    }
}

fn fit_with(rows: &[(&Features, bool)], used: &[bool; COUNT]) -> Option<(Features, f32)> {
    let mut scale = [0f64; COUNT];
    for (at, scale) in scale.iter_mut().enumerate() {
        let n = rows.len() as f64;
        let x = || rows.iter().map(|(f, _)| f64::from(f[at]));
        let mean = x().sum::<f64>() / n;
        let deviation = (x().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        *scale = if used[at] && deviation > 1e-6 {
            1.0 / deviation
        } else {
            0.0
        };
    }
    let cell = |(row, at): (usize, usize)| f64::from(rows[row].0[at]) * scale[at];
    let x = Array2::from_shape_fn((rows.len(), COUNT), cell);
    let y: Array1<bool> = rows.iter().map(|(_, malicious)| *malicious).collect();
    let regression = LogisticRegression::default()
        .alpha(PENALTY)
        .max_iterations(80)
        .gradient_tolerance(1e-3);
    let fitted = regression.fit(&DatasetBase::new(x, y)).ok()?;
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let mut weights = [0.0; COUNT];
    for (at, weight) in weights.iter_mut().enumerate() {
        *weight = (sign * fitted.params()[at] * scale[at]) as f32;
    }
    Some((weights, (sign * fitted.intercept()) as f32))
}
