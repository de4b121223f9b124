//! Shorthand for the tests of this module.

use super::detector::{Detector, Report};
use super::prefilter;
use super::Part;
use crate::decode::{kind, Value};

/// A query value with these bytes.
pub fn value(bytes: &[u8]) -> Value<'_> {
    Value {
        part: Part::Query,
        name: b"q",
        bytes,
        seen: kind::seen(bytes),
        extra_rounds: 0,
        odd_utf8: false,
    }
}

/// The strongest score of one detector, behind the prefilter.
pub fn score(detector: &dyn Detector, text: &str) -> f32 {
    let value = value(text.as_bytes());
    let mut best = 0.0f32;
    if prefilter::look(&value).is_some_and(|hints| detector.wants(&hints)) {
        let mut take = |_: &'static str, score: f32| best = best.max(score);
        detector.judge(&value, &mut Report::new(&mut take));
    }
    best
}
