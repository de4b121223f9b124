//! What a detector is, and the list of them all.

use super::code::CodeInjection;
use super::command::CommandInjection;
use super::exploited::ExploitedPath;
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

macro_rules! registry {
    ($($detector:ident),* $(,)?) => {
        /// Every detector.
        pub static ALL: &[&dyn Detector] = &[$(&$detector),*];

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
    Scanner,
    ExploitedPath,
];

/// Takes what a detector says about one value.
pub struct Report<'r> {
    take: &'r mut dyn FnMut(&'static str, f32),
    /// Bytes that patterns may still match in this request.
    budget: &'r mut usize,
    /// Bytes of the value that were left out to bound the work.
    pub skipped: usize,
}

impl<'r> Report<'r> {
    pub fn new(take: &'r mut dyn FnMut(&'static str, f32), budget: &'r mut usize) -> Report<'r> {
        Report {
            take,
            budget,
            skipped: 0,
        }
    }

    /// Takes `bytes` from the request's budget; tells that they are skipped when it is spent.
    pub fn afford(&mut self, bytes: usize) -> bool {
        match self.budget.checked_sub(bytes) {
            Some(left) => {
                *self.budget = left;
                true
            }
            None => {
                self.skip(bytes);
                false
            }
        }
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
