//! Learns the n-gram table.

use super::bags::{Bag, Data};
use super::ftrl::Ftrl;
use crate::simulate::random::Random;
use threat_agent_engine::model::ngram::{self, Table};

/// Passes over the data; before each, attacks choose the window that speaks for them anew.
const PASSES: usize = 3;
const L1: f32 = 0.05;
const L2: f32 = 0.3;
/// Share of weights that may be clipped so that the others keep their resolution.
const CLIPPED: f64 = 0.0005;

/// Learns a table from the bags that `wanted` picks; the same seed gives the same table.
pub fn learn(data: &Data, wanted: &dyn Fn(&Bag) -> bool, seed: u64) -> Table {
    let importance = importance(data, wanted);
    let mut random = Random::new(seed);
    let mut ftrl = Ftrl::new(ngram::DIMS, L1, L2);
    let mut order: Vec<usize> = (0..data.bags.len())
        .filter(|i| wanted(&data.bags[*i]))
        .collect();
    for pass in 0..PASSES {
        shuffle(&mut order, &mut random);
        for &nth in &order {
            let bag = &data.bags[nth];
            let weight = importance[nth];
            if bag.malicious {
                if let Some(window) = spokesman(bag, &ftrl, pass == 0) {
                    let places = window.iter().map(|at| *at as usize);
                    ftrl.learn(places, ngram::norm(window.len() as u32), true, weight);
                }
                continue;
            }
            let hot: Vec<&[u32]> = bag
                .samples
                .iter()
                .flat_map(|s| &s.windows)
                .map(|w| &**w)
                .collect();
            let cold: Vec<&[u32]> = bag.cold.iter().map(|w| &**w).collect();
            for windows in [hot, cold] {
                let each = weight / (windows.len().max(1) as f32).sqrt();
                for window in windows {
                    let places = window.iter().map(|at| *at as usize);
                    ftrl.learn(places, ngram::norm(window.len() as u32), false, each);
                }
            }
        }
    }
    pack(&ftrl)
}

/// The window of an attack that looks most like one; at first, as far as rules can tell.
fn spokesman<'b>(bag: &'b Bag, ftrl: &Ftrl, first: bool) -> Option<&'b [u32]> {
    let mut best: Option<(f32, &[u32])> = None;
    for sample in bag.samples.iter().filter(|s| s.learn) {
        let rules = 4.0 * sample.evidence().together();
        for window in &sample.windows {
            let places = window.iter().map(|at| *at as usize);
            let mut score = ftrl.score(places, ngram::norm(window.len() as u32)) + rules;
            if first && best.is_none() {
                score = score.max(0.0);
            }
            if best.is_none_or(|(b, _)| score > b) {
                best = Some((score, window));
            }
        }
    }
    best.map(|(_, window)| window)
}

/// What each bag counts: sources with many rows count more, but not in proportion.
pub fn importance(data: &Data, wanted: &dyn Fn(&Bag) -> bool) -> Vec<f32> {
    let mut rows = vec![[0f32; 2]; data.sources.len()];
    for bag in data.bags.iter().filter(|b| wanted(b)) {
        rows[bag.source][usize::from(bag.malicious)] += 1.0;
    }
    let weight = |bag: &Bag| 1.0 / rows[bag.source][usize::from(bag.malicious)].max(1.0).sqrt();
    let picked = || data.bags.iter().filter(|b| wanted(b));
    let total = |malicious: bool| {
        let of = picked().filter(|b| b.malicious == malicious);
        of.map(weight).sum::<f32>().max(f32::MIN_POSITIVE)
    };
    let half = picked().count() as f32 / 2.0;
    let scale = [half / total(false), half / total(true)];
    let bags = data.bags.iter();
    bags.map(|b| weight(b) * scale[usize::from(b.malicious)])
        .collect()
}

/// Rounds the weights to 8 bits.
fn pack(ftrl: &Ftrl) -> Table {
    let weights: Vec<f32> = (0..ngram::DIMS).map(|at| ftrl.weight(at)).collect();
    let mut sizes: Vec<f32> = weights.iter().map(|w| w.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let kept = (sizes.len() as f64 * (1.0 - CLIPPED)) as usize;
    let step = sizes[kept.min(sizes.len() - 1)].max(1e-6) / 127.0;
    let mut packed = Box::new([0i8; ngram::DIMS]);
    for (to, w) in packed.iter_mut().zip(&weights) {
        *to = (w / step).round().clamp(-127.0, 127.0) as i8;
    }
    Table {
        weights: packed,
        step,
        bias: ftrl.bias(),
    }
}

/// Source: Fisher and Yates.
pub fn shuffle(order: &mut [usize], random: &mut Random) {
    for i in (1..order.len()).rev() {
        order.swap(i, random.below(i as u64 + 1) as usize);
    }
}
