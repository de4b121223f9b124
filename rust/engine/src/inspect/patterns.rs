//! Families that are known by patterns: a set of regular expressions that is compiled when first
//! needed, each with a score where the value stands alone and one where it is part of a text.
//!
//! Source: regular expressions without backtracking, so that the work is linear in the value
//! (the `regex` crate); a value is cut at [`REACH`].

use super::detector::Report;
use super::Part;
use crate::decode::Value;
use regex::bytes::{RegexSet, RegexSetBuilder};
use std::sync::OnceLock;

/// How much of a value is matched. Units: bytes.
pub const REACH: usize = 8 << 10;
/// Longest value that counts as one by itself however many words it has. Units: bytes.
const ALONE: usize = 48;
/// What starting a pass costs. Units: steps.
const PASS: usize = 96;
/// Memory of one set's states. Units: bytes.
const STATES: usize = 1 << 20;

/// One pattern. In texts people write about code and servers, most say little.
pub struct Pattern {
    pub rule: &'static str,
    /// Score where the value is short or without sentences.
    pub alone: f32,
    /// Score within prose or a program.
    pub within: f32,
    /// In the syntax of the `regex` crate, ASCII, any case, `.` for any byte but a line end.
    pub regex: &'static str,
}

/// Shorthand for a table's line.
pub const fn pattern(rule: &'static str, alone: f32, within: f32, regex: &'static str) -> Pattern {
    Pattern {
        rule,
        alone,
        within,
        regex,
    }
}

/// A family's patterns.
pub struct Patterns {
    table: &'static [Pattern],
    set: OnceLock<Option<RegexSet>>,
}

impl Patterns {
    pub const fn new(table: &'static [Pattern]) -> Patterns {
        Patterns {
            table,
            set: OnceLock::new(),
        }
    }

    /// Reports every pattern that matches `text`, which is the value or a plainer form of it.
    /// Cost: linear, one pass for all patterns.
    pub fn judge(&self, value: &Value<'_>, text: &[u8], report: &mut Report<'_>) {
        let read = &text[..text.len().min(REACH)];
        report.skip(text.len() - read.len());
        let Some(set) = self.set() else {
            return;
        };
        if !report.afford(read.len() + PASS, read.len()) {
            return;
        }
        let matches = set.matches(read);
        if !matches.matched_any() {
            return;
        }
        let within = is_text(value);
        for index in &matches {
            let pattern = &self.table[index];
            let score = if within {
                pattern.within
            } else {
                pattern.alone
            };
            if score > 0.0 {
                report.add(pattern.rule, score);
            }
        }
    }

    fn set(&self) -> Option<&RegexSet> {
        self.set.get_or_init(|| self.compile().ok()).as_ref()
    }

    fn compile(&self) -> Result<RegexSet, regex::Error> {
        RegexSetBuilder::new(self.table.iter().map(|p| p.regex))
            .unicode(false)
            .case_insensitive(true)
            .dfa_size_limit(STATES)
            .build()
    }
}

/// Tells whether a value is a text: several lines or sentences, as people and programs send them
/// in bodies.
pub fn is_text(value: &Value<'_>) -> bool {
    let text = value.bytes.trim_ascii();
    if matches!(value.part, Part::Path | Part::Header | Part::Cookie) || text.len() <= ALONE {
        return false;
    }
    let two_lines = || memchr::memchr_iter(b'\n', text).nth(1).is_some();
    let mut words = text.split(u8::is_ascii_whitespace).filter(|w| {
        w.len() > 1
            && w.iter()
                .all(|b| b.is_ascii_alphabetic() || matches!(b, b',' | b'.' | b'\''))
    });
    two_lines() || words.nth(5).is_some()
}

#[cfg(test)]
pub fn compiles(patterns: &Patterns) {
    if let Err(error) = patterns.compile() {
        panic!("{error}");
    }
}
