//! From which score a finding is recorded, and from which it is acted upon.

use crate::config;
use crate::inspect::{Evidence, Family};

/// The lines of one configuration. Units: anomaly scores.
#[derive(Clone, Debug)]
pub struct Thresholds {
    /// Where no rule spoke.
    model: f32,
    /// In the order of [`Family::ALL`].
    families: [f32; Family::ALL.len()],
    detection: f32,
}

impl Thresholds {
    pub fn new(config: &config::Payload) -> Thresholds {
        Thresholds {
            model: config.threshold,
            families: Family::ALL.map(|f| *config.thresholds.get(&f).unwrap_or(&config.threshold)),
            detection: config.detection_threshold,
        }
    }

    /// The score from which the action applies to a value: that of the family whose rules speak the
    /// loudest on it; of two that speak alike, the lower one.
    pub fn of(&self, evidence: &Evidence) -> f32 {
        let loudest = evidence.families.iter().fold(0.0, |a: f32, b| a.max(*b));
        if loudest == 0.0 {
            return self.model;
        }
        let pairs = evidence.families.iter().zip(&self.families);
        let lines = pairs.filter(|(weight, _)| **weight == loudest);
        lines.fold(1.0, |least, (_, line)| line.min(least))
    }

    /// The highest score that is not recorded.
    pub fn undetected(&self) -> f32 {
        self.detection.min(self.model).next_down().max(0.0)
    }

    /// Tells whether a finding of that score is recorded where it is not acted upon.
    pub fn detects(&self, score: f32) -> bool {
        score >= self.detection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_family_sets_the_line() {
        let config = config::Payload {
            threshold: 0.5,
            thresholds: [(Family::Xss, 0.9), (Family::Ssrf, 0.3)].into(),
            ..config::Payload::default()
        };
        let lines = Thresholds::new(&config);
        for (spoken, want) in [
            (&[][..], 0.5),
            (&[(Family::SqlInjection, 0.4)], 0.5),
            (&[(Family::Xss, 0.8), (Family::SqlInjection, 0.4)], 0.9),
            (&[(Family::Xss, 0.4), (Family::SqlInjection, 0.8)], 0.5),
            (&[(Family::Xss, 0.4), (Family::Ssrf, 0.4)], 0.3),
        ] {
            let mut evidence = Evidence::default();
            for (family, score) in spoken {
                evidence.add(*family, *score);
            }
            assert_eq!(lines.of(&evidence), want, "{spoken:?}");
        }
    }
}
