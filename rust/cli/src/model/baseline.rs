//! The baseline: logistic regression over the characters of path, query and body, nothing else.

use super::bags::{Bag, Data};
use super::ftrl::Ftrl;
use super::grams::{importance, shuffle};
use crate::simulate::random::Random;

const BITS: u32 = 18;
const LENGTHS: [usize; 3] = [2, 3, 4];
const PASSES: usize = 3;
/// Part of a request that is read. Units: bytes.
const REACH: usize = 8 << 10;

/// The hashed runs of a request's text, percent-decoded once, in lower case.
pub fn places(bag: &Bag) -> Vec<u32> {
    let text = decoded(&bag.text[..bag.text.len().min(REACH)]);
    let mut out = Vec::with_capacity(text.len() * LENGTHS.len());
    for length in LENGTHS {
        for run in text.windows(length) {
            let hash = run.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, b| {
                (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
            });
            out.push((hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS)) as u32);
        }
    }
    out
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match (byte, hex(text.get(at)), hex(text.get(at + 1))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(byte),
        }
    }
    out.make_ascii_lowercase();
    out
}

/// Learns from all sources but one, and gives the probability of each bag of that one.
pub fn judge(data: &Data, places: &[Vec<u32>], without: usize, seed: u64) -> Vec<(usize, f32)> {
    let wanted = |bag: &Bag| bag.source != without;
    let importance = importance(data, &wanted);
    let mut ftrl = Ftrl::new(1 << BITS, 0.1, 1.0);
    let mut random = Random::new(seed);
    let mut order: Vec<usize> = (0..data.bags.len())
        .filter(|i| wanted(&data.bags[*i]))
        .collect();
    let norm = |n: usize| 1.0 / (n.max(1) as f32).sqrt();
    for _ in 0..PASSES {
        shuffle(&mut order, &mut random);
        for &i in &order {
            let at = places[i].iter().map(|p| *p as usize);
            let x = norm(places[i].len());
            ftrl.learn(at, x, data.bags[i].malicious, importance[i]);
        }
    }
    let left_out = data.bags.iter().enumerate().filter(|(_, b)| !wanted(b));
    left_out
        .map(|(i, _)| {
            let at = places[i].iter().map(|p| *p as usize);
            let score = ftrl.score(at, norm(places[i].len()));
            (i, 1.0 / (1.0 + (-score).exp()))
        })
        .collect()
}
