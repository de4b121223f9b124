//! What the rules say about one value, family by family.

use super::Family;
use crate::decode::Value;

const FAMILIES: usize = Family::ALL.len();

/// What the rules say about one value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The strongest score of each family, as `-ln(1 - score)`, in the order of [`Family::ALL`].
    pub families: [f32; FAMILIES],
}

impl Evidence {
    /// Takes a finding in. Shape: `score` in 0..=1.
    pub fn add(&mut self, family: Family, score: f32) {
        let weight = -(1.0 - score.clamp(0.0, 0.99)).ln();
        if let Some(kept) = self.families.get_mut(family as usize) {
            *kept = kept.max(weight);
        }
    }

    /// Tells whether no rule spoke.
    pub fn is_empty(&self) -> bool {
        self.families.iter().all(|w| *w == 0.0)
    }

    /// The probability that independent pieces of evidence give together (noisy or).
    pub fn together(&self) -> f32 {
        1.0 - (-self.families.iter().sum::<f32>()).exp()
    }
}

/// A value that a detector looked at, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'v> {
    pub value: &'v Value<'v>,
    /// Whether it is prose or a program rather than a field.
    pub text: bool,
    pub evidence: Evidence,
}
