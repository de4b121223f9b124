//! What the rules say about one value, family by family.

use super::Family;
use crate::decode::Value;

const FAMILIES: usize = Family::ALL.len();

/// What the rules say about one value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The strongest score of each family, as `-ln(1 - score)`, in the order of [`Family::ALL`].
    pub families: [f32; FAMILIES],
    /// What shadow rules say, likewise.
    shadow: [f32; FAMILIES],
    shadowed: bool,
}

impl Evidence {
    /// Takes a finding in. Shape: `score` in 0..=1.
    pub fn add(&mut self, family: Family, score: f32) {
        keep(&mut self.families, family, score);
    }

    /// Takes a finding in that counts for [`Evidence::with_shadow`] only.
    pub fn add_shadow(&mut self, family: Family, score: f32) {
        keep(&mut self.shadow, family, score);
        self.shadowed = true;
    }

    /// What there would be if shadow rules were live; none where no such rule spoke.
    pub fn with_shadow(&self) -> Option<Evidence> {
        if !self.shadowed {
            return None;
        }
        let mut all = *self;
        let pairs = all.families.iter_mut().zip(&self.shadow);
        pairs.for_each(|(live, shadow)| *live = live.max(*shadow));
        Some(all)
    }

    /// Tells whether no rule spoke.
    pub fn is_empty(&self) -> bool {
        self.families.iter().all(|w| *w == 0.0)
    }

    /// Tells whether no rule of another family spoke.
    pub fn is_only(&self, family: Family) -> bool {
        let mut all = self.families.iter().enumerate();
        all.all(|(n, weight)| n == family as usize || *weight == 0.0)
    }

    /// The probability that independent pieces of evidence give together (noisy or).
    pub fn together(&self) -> f32 {
        1.0 - (-self.families.iter().sum::<f32>()).exp()
    }
}

fn keep(families: &mut [f32; FAMILIES], family: Family, score: f32) {
    let weight = -(1.0 - score.clamp(0.0, 0.99)).ln();
    if let Some(kept) = families.get_mut(family as usize) {
        *kept = kept.max(weight);
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
