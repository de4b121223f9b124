//! Leave one source out.

use super::bags::{Bag, Data};
use super::{baseline, scorer};
use std::sync::atomic::{AtomicUsize, Ordering};
use threat_agent_engine::Model;

/// Who judges, side by side.
pub const JUDGES: [&str; 4] = ["n-gram baseline", "rules alone", "model alone", "both"];

/// The score that each judge gives a request.
pub type Scores = [f32; JUDGES.len()];

/// Judges every request by models that have not seen its source.
/// Shape: as `data.bags`.
pub fn judge(data: &Data, seed: u64) -> Vec<Scores> {
    let places: Vec<Vec<u32>> = data.bags.iter().map(baseline::places).collect();
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all = vec![[0.0; JUDGES.len()]; data.bags.len()];
    let results = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                let source = next.fetch_add(1, Ordering::Relaxed);
                if source >= data.sources.len() {
                    return done;
                }
                done.extend(one(data, &places, source, seed));
            }
        };
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let joined = handles.into_iter().filter_map(|h| h.join().ok());
        joined.flatten().collect::<Vec<_>>()
    });
    for (i, scores) in results {
        all[i] = scores;
    }
    all
}

fn one(data: &Data, places: &[Vec<u32>], source: usize, seed: u64) -> Vec<(usize, Scores)> {
    let [both, alone] = scorer::learn(data, &|bag| bag.source != source, seed);
    baseline::judge(data, places, source, seed)
        .into_iter()
        .map(|(i, base)| {
            let bag = &data.bags[i];
            let scores = [
                base,
                bag.rules,
                probability(&alone, bag, false),
                probability(&both, bag, true),
            ];
            (i, scores)
        })
        .collect()
}

/// What a model says of a whole request: what it says of the worst value.
pub fn probability(model: &Model, bag: &Bag, rules: bool) -> f32 {
    let each = bag.samples.iter().filter_map(|s| {
        s.judged(rules, |j| {
            Model::concerns(j).then(|| {
                let judgement = model.judge(j);
                if rules {
                    judgement.probability
                } else {
                    model.calibrated(judgement.sum)
                }
            })
        })
    });
    each.fold(0.0, f32::max)
}
