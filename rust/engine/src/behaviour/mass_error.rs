//! Many errors of the upstream: a jump of the 5xx ratio that is no flood's and no change's.

use super::detector::{name, score, Detector, PerPlace, Second};
use super::jump::Jump;
use crate::incident::{Claim, Severity, Stage, Suggestion};
use crate::verdict::Category;

/// Units: milliseconds.
pub const QUIET_MS: u64 = 60_000;
/// Error ratio that is too much while nothing was learned.
const UNLEARNED: f64 = 0.5;

#[derive(Default)]
pub struct MassError {
    places: PerPlace<Jump>,
}

/// The error ratio that is too much at a place.
pub fn line(second: &Second) -> f64 {
    if second.baseline.is_mature() {
        let usual = second.baseline.expected_errors(second.wall_s);
        (3.0 * usual + 0.03).clamp(0.05, 0.9)
    } else {
        UNLEARNED
    }
}

impl Detector for MassError {
    fn second(&mut self, second: &Second, claims: &mut Vec<Claim>) {
        let counts = &second.counts;
        let jump = self.places.at(second.id);
        let line = line(second);
        let bad = jump.look(&counts.errors, &counts.requests, line, second.wall_s);
        // What explains the errors has its own incident.
        let explained = [Category::ApiDdos, Category::RouteMisconfiguration]
            .into_iter()
            .any(|category| (second.open)(category));
        if !bad || explained {
            return;
        }
        let window = match jump.window_s {
            1 => super::detector::S1,
            10 => super::detector::S10,
            _ => super::detector::S60,
        };
        let unanswered = counts.unanswered[window] * 2 > jump.hits;
        let whose = if unanswered {
            "the upstream does not answer"
        } else {
            "the upstream answers with errors"
        };
        claims.push(Claim {
            place: second.place,
            category: Category::MassError,
            stage: Stage::Delayed,
            score: score(1.0 + 3.0 * jump.lower),
            confidence: score(1.0 + 3.0 * (jump.lower - line)),
            severity: if jump.lower > 0.5 {
                Severity::High
            } else {
                Severity::Medium
            },
            title: format!("Many errors on {}: {whose}", name(&second.place)),
            reasons: vec![
                format!("5xx on {}", jump.text()),
                format!(
                    "surely more than {:.0} % are errors (line {:.0} %, usual {:.1} %)",
                    100.0 * jump.lower,
                    100.0 * line,
                    100.0 * second.baseline.expected_errors(second.wall_s)
                ),
            ],
            quiet_ms: QUIET_MS,
            requests: counts.errors[super::detector::S1],
            refused: 0,
            clients: 0,
            accounts: 0,
            suspect_change: None,
            explains: None,
            suggestion: Suggestion::new("break_circuit", "service", 300),
        });
    }
}
