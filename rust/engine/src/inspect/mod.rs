//! Payload inspection: values in, findings out. One file per attack family.

mod location;
mod traversal;

pub use location::{Location, Part};

use crate::request::Request;
use crate::verdict::Uninspected;
use serde::{Deserialize, Serialize};

/// Attack families, each with a detector of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    SqlInjection,
    Xss,
    PathTraversal,
}

impl Family {
    pub const ALL: [Family; 3] = [Family::SqlInjection, Family::Xss, Family::PathTraversal];

    /// Names the family as configurations and logs do.
    pub fn name(self) -> &'static str {
        match self {
            Family::SqlInjection => "sql_injection",
            Family::Xss => "xss",
            Family::PathTraversal => "path_traversal",
        }
    }
}

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
    /// In the order of the request.
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
#[derive(Clone, Debug)]
pub struct Inspector {
    families: Vec<Family>,
}

impl Inspector {
    /// Builds the detectors of `families`; naming one twice is naming it once.
    pub fn new(families: &[Family]) -> Inspector {
        let mut families = families.to_vec();
        families.sort_unstable();
        families.dedup();
        Inspector { families }
    }

    /// Looks at every value of a request and adds to `found`, which the caller has cleared.
    pub fn inspect(&self, request: &Request<'_>, found: &mut Findings) {
        if self.families.contains(&Family::PathTraversal) {
            for (part, value) in [
                (Part::Path, request.path),
                (Part::Query, request.query),
                (Part::Body, request.body.bytes),
            ] {
                if let Some((rule, score)) = traversal::judge(value) {
                    found.list.push(Finding {
                        rule,
                        family: Family::PathTraversal,
                        score,
                        location: Location::new(part, b""),
                    });
                }
            }
        }
    }
}
