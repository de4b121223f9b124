//! What a detector is, and the list of them all.

use super::automaton::Automaton;
use super::budget::Budget;
use super::code::CodeInjection;
use super::command::CommandInjection;
use super::exploited::ExploitedPath;
use super::fixation::SessionFixation;
use super::header::HeaderInjection;
use super::inclusion::FileInclusion;
use super::ldap::LdapInjection;
use super::nosql::NosqlInjection;
use super::prefilter::Hints;
use super::scanner::Scanner;
use super::sqli::SqlInjection;
use super::ssi::SsiInjection;
use super::ssrf::Ssrf;
use super::template::TemplateInjection;
use super::traversal::Traversal;
use super::xpath::XpathInjection;
use super::xss::Xss;
use super::xxe::Xxe;
use super::{Family, Part};
use crate::decode::Value;
use threat_agent_scan::Seen;

/// One attack family. A new one is a file beside this, an entry in [`Family`], and one below.
pub trait Detector: Send + Sync {
    fn family(&self) -> Family;

    /// Tells whether a value deserves [`Detector::judge`]. Cost: a few comparisons.
    fn wants(&self, hints: &Hints) -> bool;

    /// Tells what [`Detector::judge`] costs beside its patterns, which see to themselves.
    /// Shape: the value's length in bytes. Units: steps of [`Budget`].
    fn steps(&self, bytes: usize) -> usize {
        8 + bytes / 32
    }

    /// Tells whether a piece of a long text says as much as in its place; else the text is read whole or
    /// not at all.
    fn reads_pieces(&self) -> bool {
        true
    }

    /// Looks closely. Cost: linear in the value.
    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>);

    /// Builds what [`Detector::judge`] searches with and an empty value does not reach.
    fn prepare(&self) {}
}

/// What starting a pass over a text costs. Units: steps.
const PASS: usize = 6;
/// How many bytes of a pass cost a step.
const READ_PER_STEP: usize = 8;

macro_rules! registry {
    ($($detector:ident),* $(,)?) => {
        /// Every detector.
        pub static ALL: &[&dyn Detector] = &[$(&$detector),*];

        /// A bit for each.
        pub const EVERY: u32 = (1 << [$(stringify!($detector)),*].len()) - 1;

        /// Tells which of them want a value: bit n for the n-th. Cost: no call among them.
        pub fn wanting(hints: &Hints) -> u32 {
            let (mut wanting, mut bit) = (0, 1);
            $(
                wanting |= if $detector.wants(hints) { bit } else { 0 };
                bit <<= 1;
            )*
            debug_assert_eq!(bit, 1 << ALL.len());
            wanting
        }
    };
}

registry![
    SqlInjection,
    Xss,
    Traversal,
    FileInclusion,
    CommandInjection,
    CodeInjection,
    TemplateInjection,
    NosqlInjection,
    Ssrf,
    Xxe,
    LdapInjection,
    XpathInjection,
    SsiInjection,
    HeaderInjection,
    SessionFixation,
    Scanner,
    ExploitedPath,
];

/// Lets a detector judge an empty value in each place that it may look at, so that the first
/// suspect request does not wait for its patterns.
pub fn prepare(detector: &dyn Detector) {
    detector.prepare();
    let (mut take, mut budget) = (|_: &'static str, _: f32| {}, Budget::of(0));
    let mut report = Report::new(&mut take, &mut budget);
    for (part, name) in [
        (Part::Path, &b""[..]),
        (Part::Query, b""),
        (Part::Header, b"User-Agent"),
        (Part::Json, b""),
        (Part::Body, b""),
        (Part::File, b""),
    ] {
        let value = Value {
            part,
            name,
            bytes: b"",
            inner: b"",
            seen: Seen::default(),
            extra_rounds: 0,
            odd_utf8: false,
        };
        detector.judge(&value, &mut report);
    }
}

/// Takes what a detector says about one value.
pub struct Report<'r> {
    take: &'r mut dyn FnMut(&'static str, f32),
    /// The request's.
    budget: &'r mut Budget,
    /// Bytes of the value that were left out to bound the work.
    pub skipped: usize,
    /// Whether that was for want of steps, and not by a detector's own bound.
    pub starved: bool,
    /// How rules start that say less about this value, and the most that they are worth.
    doubted: (&'static [&'static str], f32),
}

impl<'r> Report<'r> {
    pub fn new(take: &'r mut dyn FnMut(&'static str, f32), budget: &'r mut Budget) -> Report<'r> {
        Report {
            take,
            budget,
            skipped: 0,
            starved: false,
            doubted: (&[], 1.0),
        }
    }

    /// Takes the steps for a look at `bytes`; tells that they are skipped when too few are left.
    pub fn afford(&mut self, steps: usize, bytes: usize) -> bool {
        let enough = self.budget.afford(steps);
        if !enough {
            self.starved = true;
            self.skip(bytes);
        }
        enough
    }

    /// Takes steps for work that was done. Returns whether there are any left.
    pub fn spend(&mut self, steps: usize) -> bool {
        let are_left = self.budget.spend(steps);
        self.starved |= !are_left;
        are_left
    }

    /// Tells which patterns match in a text: bit n for the n-th. What is not searched for want of steps
    /// is told as skipped.
    pub fn search(&mut self, automaton: &Automaton, text: &[u8]) -> u64 {
        if !self.afford(PASS + text.len() / READ_PER_STEP, text.len()) {
            return 0;
        }
        let found = automaton.search(text, self.budget);
        if found.cut {
            self.starved = true;
            self.skip(text.len());
        }
        found.patterns
    }

    /// Makes no finding of rules that start so worth more than `most`.
    pub fn doubt(&mut self, rules: &'static [&'static str], most: f32) {
        self.doubted = (rules, most);
    }

    /// Adds a finding. Shape: `score` in 0..=1.
    pub fn add(&mut self, rule: &'static str, score: f32) {
        let (rules, most) = self.doubted;
        let score = if rules.iter().any(|start| rule.starts_with(start)) {
            score.min(most)
        } else {
            score
        };
        (self.take)(rule, score);
    }

    /// Tells that the work for this value is spent and `bytes` of it were not looked at.
    pub fn skip(&mut self, bytes: usize) {
        self.skipped = self.skipped.max(bytes);
    }
}
