//! Methods that come more often than is usual: a rise of their share of the requests.

use super::detector::{PerPlace, Second};
use super::jump::Jump;
use crate::tally::Method;
use std::collections::BTreeMap;

/// Share beyond three times the usual that is a jump, and the same of a method that was never seen.
const ROOM: f64 = 0.05;
const NEVER_SEEN_ROOM: f64 = 0.02;
/// Share below which a method was never seen, as far as is known.
const NEVER_SEEN: f64 = 0.0001;
/// Share from which more of a method is nothing unusual: it is what the route is for.
const ORDINARY: f64 = 0.3;
/// What lasts for so long is the new normal. Units: seconds.
const NEW_NORMAL_S: u64 = 3_600;

/// A share that has left zero.
#[derive(Clone, Default)]
struct Rise {
    jump: Jump,
    /// What was usual when it did: what is learned meanwhile is no excuse.
    usual: f64,
}

/// The methods of each place whose share rises.
#[derive(Default)]
pub struct Methods {
    places: PerPlace<BTreeMap<Method, Rise>>,
}

/// A method that comes unusually often.
pub struct Unusual {
    pub method: Method,
    pub never_seen: bool,
    /// Its share and its line, for people.
    pub reason: String,
    pub onset_s: u64,
    /// In the last second.
    pub requests: u64,
}

impl Methods {
    /// Looks at a second; `sample` tells for how many requests each count stands.
    pub fn look(&mut self, second: &Second, sample: u64) -> Vec<Unusual> {
        let rises = self.places.at(second.id);
        let (baseline, wall_s) = (second.baseline, second.wall_s);
        if !baseline.knows_mix() {
            rises.clear();
            return Vec::new();
        }
        let scaled = |counts: &[u64; 4]| counts.map(|n| n / sample.max(1));
        let total = scaled(&second.counts.requests);
        let mut unusual = Vec::new();
        for method in Method::WRITING {
            let hits = scaled(&second.counts.methods[method as usize]);
            let usual = baseline.expected_method(method, wall_s);
            if hits[0] > 0 && usual < ORDINARY && !rises.contains_key(&method) {
                let jump = Jump::default();
                rises.insert(method, Rise { jump, usual });
            }
            let Some(Rise {
                jump,
                usual: before,
            }) = rises.get_mut(&method)
            else {
                continue;
            };
            let is_new = wall_s.saturating_sub(jump.onset_s) <= NEW_NORMAL_S;
            if !is_new && !jump.is_quiet() {
                *before = usual;
            }
            let usual = *before;
            let never_seen = usual < NEVER_SEEN;
            let line = match never_seen {
                true => NEVER_SEEN_ROOM,
                false => 3.0 * usual + ROOM,
            };
            let is_up = jump.look(&hits, &total, line, wall_s);
            if jump.is_quiet() {
                rises.remove(&method);
            } else if is_up && is_new {
                unusual.push(Unusual {
                    method,
                    never_seen,
                    reason: format!(
                        "{} in {} (line {:.0} %, usual {:.1} %)",
                        method.name(),
                        jump.text(),
                        100.0 * line,
                        100.0 * usual
                    ),
                    onset_s: jump.onset_s,
                    requests: hits[0] * sample,
                });
            }
        }
        unusual
    }
}
