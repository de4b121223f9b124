//! What a detector is, and the list of them all.

use super::prefilter::Hints;
use super::sqli::SqlInjection;
use super::traversal::Traversal;
use super::xss::Xss;
use super::Family;
use crate::decode::Value;

/// One attack family. A new one is a file beside this, an entry in [`Family`], and one below.
pub trait Detector: Send + Sync {
    fn family(&self) -> Family;

    /// Tells whether a value deserves [`Detector::judge`]. Cost: a few comparisons.
    fn wants(&self, hints: &Hints) -> bool;

    /// Looks closely. Cost: linear in the value.
    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>);
}

/// Every detector.
pub static ALL: [&dyn Detector; 3] = [&SqlInjection, &Xss, &Traversal];

/// Takes what a detector says about one value.
pub struct Report<'r> {
    take: &'r mut dyn FnMut(&'static str, f32),
    /// Bytes of the value that were left out to bound the work.
    pub skipped: usize,
}

impl<'r> Report<'r> {
    pub fn new(take: &'r mut dyn FnMut(&'static str, f32)) -> Report<'r> {
        Report { take, skipped: 0 }
    }

    /// Adds a finding. Shape: `score` in 0..=1.
    pub fn add(&mut self, rule: &'static str, score: f32) {
        (self.take)(rule, score);
    }

    /// Tells that the work for this value is spent and `bytes` of it were not looked at.
    pub fn skip(&mut self, bytes: usize) {
        self.skipped = self.skipped.max(bytes);
    }
}
