//! The part of the configuration that payload inspection reads.

use super::{bounds, ratio};
use crate::error::Error;
use crate::inspect::Family;
use crate::verdict::Action;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Payload inspection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Payload {
    pub enabled: bool,
    pub families: Vec<Family>,
    /// What happens at or above the threshold; below it, findings are only reported.
    pub action: Action,
    /// Anomaly score in 0..=1 from which `action` applies.
    pub threshold: f32,
    /// The same for what single families find, instead of `threshold`.
    pub thresholds: BTreeMap<Family, f32>,
    /// Anomaly score in 0..=1 from which a finding is recorded and counted for incidents. Where the
    /// threshold is lower, that.
    pub detection_threshold: f32,
    /// What happens to a request of which a part could not be inspected.
    pub on_uninspected: OnUninspected,
    /// Units: bytes. Of a longer body the first part is inspected.
    pub max_body_bytes: u64,
    /// Whether a body that nginx spilled to disk is read, which blocks the worker while the disk
    /// answers.
    pub read_body_files: bool,
}

impl Default for Payload {
    fn default() -> Self {
        Payload {
            enabled: true,
            families: Family::ALL.to_vec(),
            action: Action::Block,
            threshold: 0.5,
            thresholds: BTreeMap::new(),
            // On the labelled requests: 0.4 % more attacks than from 0.5, and no more ordinary requests.
            detection_threshold: 0.25,
            on_uninspected: OnUninspected::Pass,
            max_body_bytes: bounds::DEFAULT_BODY_BYTES,
            read_body_files: true,
        }
    }
}

/// What happens to a request of which a part could not be inspected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUninspected {
    /// It is counted, and passes.
    #[default]
    Pass,
    /// It passes with a header that tells the upstream, and is recorded as a finding is.
    Flag,
    /// It is refused.
    Block,
}

impl OnUninspected {
    pub const ALL: [OnUninspected; 3] = [Self::Pass, Self::Flag, Self::Block];

    /// What it comes to in a verdict.
    pub fn action(self) -> Action {
        match self {
            Self::Pass => Action::Allow,
            Self::Flag => Action::Tag,
            Self::Block => Action::Block,
        }
    }
}

impl Payload {
    pub(super) fn check(&self) -> Result<(), Error> {
        ratio("payload.threshold", f64::from(self.threshold))?;
        for (family, threshold) in &self.thresholds {
            let field = format!("payload.thresholds.{}", family.name());
            ratio(&field, f64::from(*threshold))?;
        }
        let detection = f64::from(self.detection_threshold);
        ratio("payload.detection_threshold", detection)?;
        if self.max_body_bytes > bounds::MAX_BODY_BYTES {
            let most = bounds::MAX_BODY_BYTES;
            return Err(Error::field(
                "payload.max_body_bytes",
                format!("expected at most {most}"),
            ));
        }
        Ok(())
    }
}
