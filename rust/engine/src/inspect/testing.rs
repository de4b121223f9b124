//! Shorthand for the tests of this module.

use super::budget::Budget;
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
        inner: b"",
        seen: kind::seen(bytes),
        extra_rounds: 0,
        odd_utf8: false,
    }
}

/// The strongest score of one detector for a query value, behind the prefilter.
pub fn score(detector: &dyn Detector, text: &str) -> f32 {
    score_at(detector, Part::Query, b"q", text)
}

/// The same for a value elsewhere.
pub fn score_at(detector: &dyn Detector, part: Part, name: &'static [u8], text: &str) -> f32 {
    let value = Value {
        part,
        name,
        ..value(text.as_bytes())
    };
    let mut best = 0.0f32;
    let hints = prefilter::is_suspect(&value).then(|| prefilter::look(&value));
    if hints.flatten().is_some_and(|hints| detector.wants(&hints)) {
        let mut take = |_: &'static str, score: f32| best = best.max(score);
        let mut budget = Budget::endless();
        detector.judge(&value, &mut Report::new(&mut take, &mut budget));
    }
    best
}
