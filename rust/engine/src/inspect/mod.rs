//! Payload inspection: values in, findings out. One file per attack family.

mod automaton;
mod budget;
mod builds;
mod built;
mod code;
mod command;
mod detector;
mod documents;
mod errors;
mod evidence;
mod exploited;
mod fixation;
mod header;
mod inclusion;
mod ldap;
mod location;
mod needles;
mod nosql;
mod padding;
mod patterns;
mod pipeline;
mod plain;
mod prefilter;
mod programs;
mod prose;
mod quiet;
mod records;
mod references;
mod scanner;
mod scoping;
mod serialized;
mod signs;
mod sqli;
mod ssi;
mod ssrf;
mod template;
#[cfg(test)]
mod testing;
mod traversal;
mod triggers;
mod upload;
mod word;
mod words;
mod xpath;
mod xss;
mod xxe;

pub use evidence::{Evidence, Judged};
pub use location::{Location, Part, MAX_BYTES as LONGEST_LOCATION};
pub use patterns::is_text;
pub use scoping::{Scoping, MODEL};

use crate::decode::{self, GoesOn, Passage, Place, Scratch, Value, Visitor, Walked};
use crate::request::{Request, Rest, Stage};
use crate::verdict::Uninspected;
use budget::Budget;
use detector::Report;
use scoping::{Fate, Scoped};
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::ops::Range;

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

/// How many bytes of a value cost a step more in the look at it.
const LOOKED_PER_STEP: usize = 4;
/// Part of a value beyond which its characters are not weighed. Units: bytes.
pub const WEIGHED: usize = 16 << 10;

/// One suspicion about one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// Family and what was seen, such as `sqli.tautology`.
    pub rule: &'static str,
    pub family: Family,
    /// How much it says by itself, in 0..=1; the model weighs it with all else.
    pub score: f32,
    pub location: Location,
}

/// What an inspection gives back. Kept by the caller and reused, so that a clean request
/// allocates nothing.
#[derive(Debug, Default)]
pub struct Findings {
    /// One per rule, in the order of the request.
    pub list: Vec<Finding>,
    /// The same of shadow rules, which count for nothing.
    pub shadow: Vec<Finding>,
    /// Reasons that the inspection met itself; those of the body's reading are the request's.
    pub uninspected: Uninspected,
    pub uninspected_bytes: u64,
    /// What was suspicious enough to be looked at closely took so many steps of the request's
    /// budget; 0 for an ordinary request. Added up over inspections.
    pub steps: u64,
    /// Values that were handed out. Added up likewise.
    pub values: u32,
    /// Where in the request the next look is to start, as a word; 0 when none is to follow.
    pub rest: u32,
    /// How often a rule spoke, an excluded one as well, or a value was left out. Added up likewise.
    noted: u32,
}

impl Findings {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.shadow.clear();
        self.uninspected = Uninspected::default();
        self.uninspected_bytes = 0;
        self.steps = 0;
        self.values = 0;
        self.rest = 0;
        self.noted = 0;
    }

    /// Takes a finding in; of two by one rule the stronger one is kept.
    fn keep(list: &mut Vec<Finding>, finding: Finding) {
        match list.iter_mut().find(|f| f.rule == finding.rule) {
            Some(kept) if kept.score < finding.score => *kept = finding,
            Some(_) => {}
            None => list.push(finding),
        }
    }

    fn leave_out(&mut self, bytes: usize, in_pieces: bool, budget: &mut Budget) {
        if budget.leave(in_pieces) {
            self.noted += 1;
        } else {
            self.tell(bytes);
        }
    }

    /// Tells bytes of a value that no look will see.
    fn tell(&mut self, bytes: usize) {
        self.noted += 1;
        self.uninspected_bytes += bytes as u64;
        self.uninspected.insert(Uninspected::OVER_BUDGET);
    }
}

/// The detectors that a configuration asks for. Immutable and shared.
#[derive(Clone)]
pub struct Inspector {
    /// Bit n for the n-th of [`detector::ALL`].
    asked: u32,
    scoping: Scoping,
}

/// Visits the values that anything can be in.
struct Suspects<'a, F> {
    /// Returns whether anything came of the visit.
    visit: F,
    /// How often something did; none where other detectors could have spoken.
    noted: Option<u32>,
    /// What the visits are taken from.
    budget: &'a Cell<Budget>,
}

impl<F: FnMut(&Value<'_>) -> bool> Visitor for Suspects<'_, F> {
    #[inline(always)]
    fn wants(&self, value: &Value<'_>) -> bool {
        prefilter::is_suspect(value)
    }

    #[inline(always)]
    fn is_settled(&self, passage: &Passage<'_, '_>, link: &mut Range<usize>) -> bool {
        quiet::is_settled(passage, link)
    }

    #[inline(always)]
    fn visit(&mut self, value: &Value<'_>) {
        let noted = (self.visit)(value);
        self.noted = self.noted.map(|n| n + u32::from(noted));
    }

    fn noted(&self) -> Option<u32> {
        self.noted
    }

    fn spent(&self) -> usize {
        self.budget.get().spent()
    }

    fn afford(&mut self, steps: usize) -> bool {
        let mut budget = self.budget.get();
        let affordable = budget.afford(steps);
        self.budget.set(budget);
        affordable
    }

    fn is_spent(&self) -> bool {
        self.budget.get().is_spent()
    }

    fn begin(&mut self, is_piece: bool) {
        let mut budget = self.budget.get();
        budget.begin(is_piece);
        self.budget.set(budget);
    }

    fn goes_on(&self) -> GoesOn {
        self.budget.get().goes_on()
    }
}

thread_local! {
    /// One per thread and not per inspector: requests are inspected one at a time.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Inspector {
    /// Picks the detectors of `families`; naming one twice is naming it once.
    /// Cost: some milliseconds for the first of a process, whose patterns are compiled.
    pub fn new(families: &[Family]) -> Inspector {
        let all = detector::ALL.iter().enumerate();
        let wanted = all.filter(|(_, detector)| families.contains(&detector.family()));
        let wanted = wanted.inspect(|(_, detector)| detector::prepare(**detector));
        Inspector {
            asked: wanted.map(|(n, _)| 1 << n).sum(),
            scoping: Scoping::default(),
        }
    }

    /// The same with exclusions and shadow rules.
    pub fn scoped(self, scoping: Scoping) -> Inspector {
        Inspector { scoping, ..self }
    }

    /// Looks at the values of a request as far as one budget reaches and adds to `found`, which the
    /// caller has cleared. A rule that speaks several times is kept once, with its strongest finding.
    pub fn inspect(&self, request: &Request<'_>, found: &mut Findings) {
        self.look(request, false, found, |_| {});
    }

    /// Looks as often as it takes to see all values, and hands each that a detector looked at to `visit`.
    /// For those whom nobody waits for. Cost: linear in the request times its looks.
    pub fn inspect_each(
        &self,
        request: &Request<'_>,
        found: &mut Findings,
        mut visit: impl FnMut(&Judged<'_>),
    ) {
        self.look(request, true, found, &mut visit);
        while found.rest > 0 {
            let rest = Rest {
                from: found.rest,
                ..Rest::default()
            };
            let request = Request {
                stage: Stage::Rest(rest),
                ..*request
            };
            self.look(&request, true, found, &mut visit);
        }
    }

    /// Looks once, from where the request's stage says, and hands each value that a detector looked at
    /// to `visit`, but for those of header lines in which no rule spoke before. Where `can_go_on`, what
    /// the budget does not reach is left to another look, and `found` tells where that is to start; else
    /// it is told as uninspected.
    pub fn look(
        &self,
        request: &Request<'_>,
        can_go_on: bool,
        found: &mut Findings,
        mut visit: impl FnMut(&Judged<'_>),
    ) {
        let budget = Cell::new(Budget::of(request.bytes()).going_on(can_go_on));
        let from = Place::from_word(request.stage.rest().map_or(0, |rest| rest.from));
        let scoped = self.scoping.on(request.path);
        let Walked { gaps, values, rest } = SCRATCH.with(|scratch| {
            let look = |value: &Value<'_>| {
                let before = found.noted;
                let mut left = budget.get();
                let evidence = self.judge(request, value, &scoped, &mut left, found);
                budget.set(left);
                let unwanted = |e: &Evidence| {
                    e.is_empty() && scoped.fate(MODEL, None, value) == Fate::Excluded
                };
                if let Some(evidence) = evidence.filter(|e| !unwanted(e)) {
                    visit(&Judged {
                        value,
                        text: patterns::is_text(value),
                        evidence,
                    });
                }
                found.noted > before
            };
            let suspects = Suspects {
                visit: look,
                noted: (self.asked == detector::EVERY && from == Place::default()).then_some(0),
                budget: &budget,
            };
            match scratch.try_borrow_mut() {
                Ok(mut scratch) => decode::walk_for(request, from, &mut scratch, suspects),
                Err(_) => decode::walk_for(request, from, &mut Scratch::default(), suspects),
            }
        });
        found.uninspected.insert(gaps.why);
        found.uninspected_bytes += gaps.bytes;
        found.steps += budget.get().spent() as u64;
        found.values += values;
        found.rest = rest.map_or(0, Place::to_word);
    }

    /// Gives nothing where no detector wants the value.
    #[inline(never)]
    fn judge(
        &self,
        request: &Request<'_>,
        value: &Value<'_>,
        scoped: &Scoped<'_>,
        budget: &mut Budget,
        found: &mut Findings,
    ) -> Option<Evidence> {
        // Each round in which its encoding was undone took as much again.
        let rounds = 1 + usize::from(value.extra_rounds);
        let steps = budget::LEAST * rounds + value.bytes.len() / LOOKED_PER_STEP;
        if budget.is_low() || !budget.afford(steps) {
            found.leave_out(value.bytes.len(), true, budget);
            return None;
        }
        let value = &padding::without(value);
        let mut hints = prefilter::look(value)?;
        let names = match value.part {
            Part::Query | Part::Form => fixation::names_session(value.name),
            Part::Path => fixation::carries_session(value.bytes),
            _ => false,
        };
        if names && fixation::is_foreign(request) {
            hints.mark(prefilter::Marks::SESSION);
        }
        let wanting = detector::wanting(&hints) & self.asked;
        if wanting == 0 {
            return None;
        }
        self.ask(wanting, value, scoped, budget, found)
    }

    /// Asks the detectors of which `wanting` has the bits.
    #[inline(never)]
    fn ask(
        &self,
        mut wanting: u32,
        value: &Value<'_>,
        scoped: &Scoped<'_>,
        budget: &mut Budget,
        found: &mut Findings,
    ) -> Option<Evidence> {
        // What it takes to weigh it, once a detector has looked at it: nine steps for four characters.
        if value.part != Part::Header {
            budget.spend(value.bytes.len().min(WEIGHED) * 9 / 4);
        }
        let mut evidence = None;
        while wanting != 0 {
            let detector = detector::ALL[wanting.trailing_zeros() as usize];
            wanting &= wanting - 1;
            if budget.is_piece() && !detector.reads_pieces() {
                continue;
            }
            if !budget.afford(detector.steps(value.bytes.len())) {
                found.leave_out(value.bytes.len(), detector.reads_pieces(), budget);
                continue;
            }
            let Findings {
                list,
                shadow,
                noted,
                ..
            } = &mut *found;
            let family = detector.family();
            let evidence = evidence.get_or_insert_with(Evidence::default);
            let mut take = |rule, score| {
                *noted += 1;
                let list = match scoped.fate(rule, Some(family), value) {
                    Fate::Excluded => return,
                    Fate::Shadow => {
                        evidence.add_shadow(family, score);
                        &mut *shadow
                    }
                    Fate::Live => {
                        evidence.add(family, score);
                        &mut *list
                    }
                };
                let finding = Finding {
                    rule,
                    family,
                    score,
                    location: Location::new(value.part, value.name),
                };
                Findings::keep(list, finding);
            };
            let mut report = Report::new(&mut take, budget);
            detector.judge(value, &mut report);
            let Report {
                skipped, starved, ..
            } = report;
            // Another look takes a text further where there were too few steps, or it is read in pieces.
            let goes_on = starved || detector.reads_pieces();
            if skipped > 0 && goes_on {
                found.leave_out(skipped, detector.reads_pieces(), budget);
            } else if skipped > 0 {
                found.tell(skipped);
            }
        }
        evidence
    }
}
