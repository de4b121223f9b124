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
/// Words, and ends of lines, by which a text has begun.
const WORDS: usize = 6;
const LINES: usize = 2;
/// What starting a pass costs. Units: steps.
const PASS: usize = 96;
/// Memory of one set's states. Units: bytes. With less than the largest set needs, the crate falls back
/// without a word to a matcher that is some hundred times as slow.
const STATES: usize = 2 << 20;

/// One pattern. In texts people write about code and servers, most say little.
pub struct Pattern {
    pub rule: &'static str,
    /// Score where no text has begun before it.
    pub alone: f32,
    /// Score behind the beginning of prose or of a program.
    pub within: f32,
    /// Whether a sentence may start with it or quote it, as with a command or a link: then a text tells
    /// about it wherever it stands.
    pub quoted: bool,
    /// In the syntax of the `regex` crate, ASCII, any case, `.` for any byte but a line end.
    pub regex: &'static str,
}

/// Shorthand for a table's line.
pub const fn pattern(rule: &'static str, alone: f32, within: f32, regex: &'static str) -> Pattern {
    Pattern {
        rule,
        alone,
        within,
        quoted: false,
        regex,
    }
}

/// The same for what a sentence may start with or quote.
pub const fn quoted(rule: &'static str, alone: f32, within: f32, regex: &'static str) -> Pattern {
    Pattern {
        quoted: true,
        ..pattern(rule, alone, within, regex)
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

    /// Reports every pattern that matches `text`, which is the value or a plainer form of it. What
    /// stands behind a match says nothing about it: whoever attacks writes there what they like.
    /// Cost: linear, one pass for all patterns, and one more over the head of a text that matches.
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
        let head = prose(value.part, read).map(|begins| &read[..begins]);
        if head.is_some_and(|head| !report.afford(head.len() + PASS, head.len())) {
            return;
        }
        let early = head.map(|head| set.matches(head));
        for index in &matches {
            let pattern = &self.table[index];
            let score = match &early {
                Some(early) if pattern.quoted || !early.matched(index) => pattern.within,
                _ => pattern.alone,
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

/// Tells whether a value is a text: several lines or sentences, as people and programs send them.
pub fn is_text(value: &Value<'_>) -> bool {
    begins(value.part, value.bytes).is_some()
}

/// Where prose or a program has begun, behind which little tells an attack; nowhere in a parameter of
/// a URL, which is judged as a whole. Cost: linear.
pub fn prose(part: Part, text: &[u8]) -> Option<usize> {
    begins(part, text).filter(|_| part != Part::Query)
}

/// Where a text has begun: the start of its sixth word or the end of its second line. `None` for what
/// is none. Cost: linear.
fn begins(part: Part, text: &[u8]) -> Option<usize> {
    let lead = text.len() - text.trim_ascii_start().len();
    let text = text.trim_ascii();
    if matches!(part, Part::Path | Part::Header | Part::Cookie) || text.len() <= ALONE {
        return None;
    }
    let (mut words, mut lines, mut at) = (0, 0, 0);
    for word in text.split_inclusive(u8::is_ascii_whitespace) {
        let (start, ends) = (at, word.ends_with(b"\n"));
        at += word.len();
        words += usize::from(is_word(word.trim_ascii_end()));
        lines += usize::from(ends);
        if words == WORDS {
            return Some(lead + start);
        }
        if lines == LINES {
            return Some(lead + at);
        }
    }
    None
}

fn is_word(word: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b',' | b'.' | b'\'');
    word.len() > 1 && word.iter().all(plain)
}

#[cfg(test)]
pub fn compiles(patterns: &Patterns) {
    use regex_automata::{hybrid::dfa, nfa::thompson, util::syntax};
    if let Err(error) = patterns.compile() {
        panic!("{error}");
    }
    // The fast matcher, which `regex` does without where it does not fit.
    let regexes: Vec<_> = patterns.table.iter().map(|p| p.regex).collect();
    let fast = dfa::Builder::new()
        .configure(dfa::Config::new().cache_capacity(STATES))
        .syntax(
            syntax::Config::new()
                .unicode(false)
                .utf8(false)
                .case_insensitive(true),
        )
        .thompson(thompson::Config::new().utf8(false))
        .build_many(&regexes);
    if let Err(error) = fast {
        panic!("{error}");
    }
}
