//! The part of the configuration that payload inspection reads.

use super::{bounds, entries, ratio, text};
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
    /// Findings that are left out, each where it is said.
    pub exclusions: Vec<Exclusion>,
    /// Rules by id and whole families that are told and never acted upon.
    pub shadow: Vec<String>,
    /// Units: bytes. Of a longer body the first part is inspected.
    pub max_body_bytes: u64,
    /// Whether a body that nginx spilled to disk is read, which blocks the worker while the disk
    /// answers.
    pub read_body_files: bool,
    pub positive_model: PositiveModel,
    /// The API's document, OpenAPI 3 or Swagger 2 as JSON.
    pub api_spec: Option<String>,
}

/// What is learned of each route's parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PositiveModel {
    /// Whether it is learned and counts as evidence.
    pub enabled: bool,
    /// Different senders who must have shown what a parameter looks like before that counts.
    pub min_senders: u16,
    /// How long they must have done so. Units: minutes.
    pub min_minutes: u32,
}

impl Default for PositiveModel {
    fn default() -> Self {
        PositiveModel {
            enabled: true,
            min_senders: 10,
            min_minutes: 1_440,
        }
    }
}

impl PositiveModel {
    fn check(&self) -> Result<(), Error> {
        let most = bounds::MAX_SENDERS;
        if !(2..=most).contains(&self.min_senders) {
            return Err(Error::field(
                "payload.positive_model.min_senders",
                format!("expected 2 to {most}: one sender must not teach"),
            ));
        }
        let most = bounds::MAX_MINUTES;
        if self.min_minutes > most {
            return Err(Error::field(
                "payload.positive_model.min_minutes",
                format!("expected at most {most}"),
            ));
        }
        Ok(())
    }
}

impl Default for Payload {
    fn default() -> Self {
        Payload {
            enabled: true,
            families: Family::ALL.to_vec(),
            action: Action::Block,
            threshold: 0.5,
            thresholds: BTreeMap::new(),
            // Ordinary labelled requests score no more often above it than above the threshold: 0.12 %.
            detection_threshold: 0.25,
            on_uninspected: OnUninspected::Pass,
            exclusions: Vec::new(),
            shadow: Vec::new(),
            max_body_bytes: bounds::DEFAULT_BODY_BYTES,
            read_body_files: true,
            positive_model: PositiveModel::default(),
            api_spec: None,
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

/// Rules that are left out at some places.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// Rules by id; `model` for the model where no rule speaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
    /// Locations as findings name them, `*` for any text: `query.q`, `json.user.*`. Everywhere when
    /// empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
    /// Whole paths, decoded and normalised, `*` for any text. On all paths when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

impl Exclusion {
    fn check(&self) -> Result<(), Error> {
        let most = bounds::MAX_EXCLUSIONS;
        for (field, list) in [
            ("payload.exclusions.rules", &self.rules),
            ("payload.exclusions.locations", &self.locations),
            ("payload.exclusions.paths", &self.paths),
        ] {
            entries(field, list.len(), most)?;
            for entry in list {
                text(field, entry, bounds::MAX_TEXT_BYTES)?;
            }
        }
        for path in &self.paths {
            if !path.starts_with(['/', '*']) {
                return Err(Error::field(
                    "payload.exclusions.paths",
                    format!("expected a path that begins with / or *, got \"{path}\""),
                ));
            }
        }
        entries("payload.exclusions.families", self.families.len(), most)?;
        if self.rules.is_empty() && self.families.is_empty() {
            let expected = "expected at least one of rules, families";
            return Err(Error::field("payload.exclusions", expected));
        }
        if self.locations.is_empty() && self.paths.is_empty() {
            let expected =
                "expected at least one of locations, paths: what is found nowhere at all \
                            is left out of families";
            return Err(Error::field("payload.exclusions", expected));
        }
        Ok(())
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
        let most = bounds::MAX_EXCLUSIONS;
        entries("payload.exclusions", self.exclusions.len(), most)?;
        self.exclusions.iter().try_for_each(Exclusion::check)?;
        entries("payload.shadow", self.shadow.len(), most)?;
        for entry in &self.shadow {
            text("payload.shadow", entry, bounds::MAX_TEXT_BYTES)?;
        }
        if self.max_body_bytes > bounds::MAX_BODY_BYTES {
            let most = bounds::MAX_BODY_BYTES;
            return Err(Error::field(
                "payload.max_body_bytes",
                format!("expected at most {most}"),
            ));
        }
        if let Some(spec) = &self.api_spec {
            text("payload.api_spec", spec, bounds::MAX_SPEC_BYTES)?;
        }
        self.positive_model.check()
    }
}
