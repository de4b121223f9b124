//! Payload inspection: values in, findings out. One file per attack family.

mod code;
mod command;
mod detector;
mod exploited;
mod header;
mod inclusion;
mod ldap;
mod location;
mod nosql;
mod patterns;
mod prefilter;
mod scanner;
mod sqli;
mod ssi;
mod ssrf;
mod template;
#[cfg(test)]
mod testing;
mod traversal;
mod triggers;
mod words;
mod xpath;
mod xss;
mod xxe;

pub use location::{Location, Part};

use crate::decode::{self, Scratch, Value};
use crate::request::Request;
use crate::verdict::Uninspected;
use detector::Report;
use prefilter::Hints;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// Attack families, each with a detector of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    SqlInjection,
    Xss,
    PathTraversal,
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
    Scanner,
    ExploitedPath,
}

impl Family {
    pub const ALL: [Family; 16] = [
        Family::SqlInjection,
        Family::Xss,
        Family::PathTraversal,
        Family::FileInclusion,
        Family::CommandInjection,
        Family::CodeInjection,
        Family::TemplateInjection,
        Family::NosqlInjection,
        Family::Ssrf,
        Family::Xxe,
        Family::LdapInjection,
        Family::XpathInjection,
        Family::SsiInjection,
        Family::HeaderInjection,
        Family::Scanner,
        Family::ExploitedPath,
    ];

    /// Names the family as configurations and logs do.
    pub fn name(self) -> &'static str {
        match self {
            Family::SqlInjection => "sql_injection",
            Family::Xss => "xss",
            Family::PathTraversal => "path_traversal",
            Family::FileInclusion => "file_inclusion",
            Family::CommandInjection => "command_injection",
            Family::CodeInjection => "code_injection",
            Family::TemplateInjection => "template_injection",
            Family::NosqlInjection => "nosql_injection",
            Family::Ssrf => "ssrf",
            Family::Xxe => "xxe",
            Family::LdapInjection => "ldap_injection",
            Family::XpathInjection => "xpath_injection",
            Family::SsiInjection => "ssi_injection",
            Family::HeaderInjection => "header_injection",
            Family::Scanner => "scanner",
            Family::ExploitedPath => "exploited_path",
        }
    }
}

/// Bytes that patterns may match in one request, each pass counted. Units: bytes.
const PATTERN_BYTES: usize = 128 << 10;

/// One suspicion about one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// Family and what was seen, such as `sqli.tautology`.
    pub rule: &'static str,
    pub family: Family,
    /// Anomaly score in 0..=1; 0.5 and above is enough to refuse by default.
    pub score: f32,
    pub location: Location,
}

/// What an inspection gives back. Kept by the caller and reused, so that a clean request
/// allocates nothing.
#[derive(Debug, Default)]
pub struct Findings {
    /// One per rule, in the order of the request.
    pub list: Vec<Finding>,
    /// Reasons that the inspection met itself; those of the body's reading are the request's.
    pub uninspected: Uninspected,
    pub uninspected_bytes: u64,
}

impl Findings {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.uninspected = Uninspected::default();
        self.uninspected_bytes = 0;
    }
}

/// The detectors that a configuration asks for. Immutable and shared.
#[derive(Clone)]
pub struct Inspector {
    /// Bit n for the n-th of [`detector::ALL`].
    asked: u32,
}

thread_local! {
    /// One per thread and not per inspector: requests are inspected one at a time.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Inspector {
    /// Picks the detectors of `families`; naming one twice is naming it once.
    pub fn new(families: &[Family]) -> Inspector {
        let all = detector::ALL.iter().enumerate();
        let wanted = all.filter(|(_, detector)| families.contains(&detector.family()));
        Inspector {
            asked: wanted.map(|(n, _)| 1 << n).sum(),
        }
    }

    /// Looks at every value of a request and adds to `found`, which the caller has cleared.
    /// A rule that speaks several times is kept once, with its strongest finding.
    pub fn inspect(&self, request: &Request<'_>, found: &mut Findings) {
        let mut budget = PATTERN_BYTES;
        let gaps = SCRATCH.with(|scratch| {
            let visit = |value: &Value<'_>| self.judge(value, &mut budget, found);
            match scratch.try_borrow_mut() {
                Ok(mut scratch) => decode::walk(request, &mut scratch, visit),
                Err(_) => decode::walk(request, &mut Scratch::default(), visit),
            }
        });
        found.uninspected.insert(gaps.why);
        found.uninspected_bytes += gaps.bytes;
    }

    #[inline]
    fn judge(&self, value: &Value<'_>, budget: &mut usize, found: &mut Findings) {
        if let Some(hints) = prefilter::look(value) {
            self.judge_closely(value, &hints, budget, found);
        }
    }

    #[inline(never)]
    fn judge_closely(
        &self,
        value: &Value<'_>,
        hints: &Hints,
        budget: &mut usize,
        found: &mut Findings,
    ) {
        let mut wanting = detector::wanting(hints) & self.asked;
        while wanting != 0 {
            let detector = detector::ALL[wanting.trailing_zeros() as usize];
            wanting &= wanting - 1;
            let list = &mut found.list;
            let mut take = |rule, score| {
                let finding = || Finding {
                    rule,
                    family: detector.family(),
                    score,
                    location: Location::new(value.part, value.name),
                };
                match list.iter_mut().find(|f| f.rule == rule) {
                    Some(kept) if kept.score < score => *kept = finding(),
                    Some(_) => {}
                    None => list.push(finding()),
                }
            };
            let mut report = Report::new(&mut take, budget);
            detector.judge(value, &mut report);
            if report.skipped > 0 {
                found.uninspected_bytes += report.skipped as u64;
                found.uninspected.insert(Uninspected::OVER_BUDGET);
            }
        }
    }
}
