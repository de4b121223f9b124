//! Change or attack? Jumps that begin just after a change of the configuration, and errors of the
//! gateway itself.

use super::detector::{name, score, Detector, PerPlace, Second, S10};
use super::jump::Jump;
use super::mass_error::{line, QUIET_MS};
use crate::incident::{Claim, Severity, Stage, Suggestion};
use crate::tally::Answer;
use crate::verdict::Category;

/// Share of 404, or of refused credentials, beyond three times the usual that is a jump.
const ROOM: f64 = 0.25;
/// What is left of the good answers when a route has broken; scans leave them alone.
const LEFT: f64 = 0.7;
/// Share of 3xx or other 4xx beyond twice the usual that is a jump.
const ANSWER_ROOM: f64 = 0.1;
/// Share of them above the usual that took the place of good answers, after a change and
/// without one, and how far the requests may have risen meanwhile.
const REPLACED: f64 = 0.3;
const REPLACED_ALONE: f64 = 0.5;
const RISEN: f64 = 1.5;

#[derive(Default)]
pub struct Misconfig {
    places: PerPlace<State>,
}

#[derive(Clone, Default)]
struct State {
    own: Jump,
    errors: Jump,
    not_found: Jump,
    refused: Jump,
    logins: Jump,
    answered: [Jump; Answer::ALL.len()],
}

/// What a jump is of, for people.
struct Symptom<'a> {
    what: &'static str,
    jump: &'a Jump,
    usual: f64,
    change: Option<String>,
    /// What comes in their place.
    instead: bool,
}

impl Detector for Misconfig {
    fn second(&mut self, second: &Second, claims: &mut Vec<Claim>) {
        let (counts, baseline) = (&second.counts, second.baseline);
        let state = self.places.at(second.id);
        let wall_s = second.wall_s;
        let mature = baseline.is_mature();
        let requests = &counts.requests;
        let room = |usual: f64| {
            if mature {
                (3.0 * usual + ROOM).min(0.95)
            } else {
                0.9
            }
        };
        let own = state
            .own
            .look(&counts.own_errors, requests, line(second).min(0.2), wall_s);
        let errors = state
            .errors
            .look(&counts.errors, requests, line(second), wall_s);
        let missing = baseline.not_found.value();
        let not_found = state
            .not_found
            .look(&counts.not_found, requests, room(missing), wall_s);
        let usual = baseline.refused.value();
        let refused = state
            .refused
            .look(&counts.refused, requests, room(usual), wall_s);
        let all = baseline.failures.mean + baseline.logins.mean;
        let usual_failures = baseline.failures.mean / all.max(0.1);
        let attempts = std::array::from_fn(|n| counts.failures[n] + counts.logins[n]);
        let line = room(usual_failures).max(0.6);
        let logins = state.logins.look(&counts.failures, &attempts, line, wall_s);
        let answered = Answer::ALL.map(|answer| {
            let usual = baseline.expected_answer(answer, wall_s);
            let hits = &counts.answered[answer as usize];
            let jump = &mut state.answered[answer as usize];
            let line = (2.0 * usual + ANSWER_ROOM).min(0.95);
            (usual, jump.look(hits, requests, line, wall_s))
        });

        if (second.open)(Category::ApiDdos) {
            return;
        }
        // Good answers have become bad ones: no scan or attack came on top.
        let expected = baseline.expected_rate(wall_s);
        let lost = mature && second.good_rate() < LEFT * expected;
        let usual_logins = baseline.logins.mean;
        let lost_logins = usual_logins >= 0.5
            && (counts.logins[S10] as f64) < 0.3 * usual_logins
            && (attempts[S10] as f64) < 1.5 * all + 5.0;

        // Errors of the upstream are a mass error first; what explains it comes second.
        let known = [Category::MassError, Category::RouteMisconfiguration]
            .into_iter()
            .any(|category| (second.open)(category));
        let cases = [
            (own, "errors of the gateway itself", &state.own, 0.0, true),
            (
                errors && known,
                "5xx",
                &state.errors,
                baseline.errors.value(),
                false,
            ),
            (not_found && lost, "404", &state.not_found, missing, false),
            (
                refused && lost,
                "refused credentials",
                &state.refused,
                usual,
                false,
            ),
            (
                logins && lost_logins,
                "failed logins",
                &state.logins,
                usual_failures,
                false,
            ),
        ];
        // The upstream's own content may have changed: that is told without a change here, too.
        let rate = requests[S10] as f64 / 10.0;
        let came_instead = Answer::ALL.map(|answer| {
            let (usual, jumped) = answered[answer as usize];
            let now = counts.answered[answer as usize][S10] as f64 / requests[S10].max(1) as f64;
            let more = if baseline.knows_mix() && rate <= RISEN * expected {
                now - usual
            } else {
                0.0
            };
            (
                jumped && more >= REPLACED,
                answer.name(),
                &state.answered[answer as usize],
                usual,
                more >= REPLACED_ALONE,
            )
        });
        let cases = cases.map(|case| (case, false)).into_iter();
        let symptoms = cases
            .chain(came_instead.map(|case| (case, true)))
            .filter(|((on, ..), _)| *on)
            .filter_map(|((_, what, jump, usual, alone), instead)| {
                let change = second.change_before(jump.onset_s);
                let tells = alone || change.is_some();
                tells.then_some(Symptom {
                    what,
                    jump,
                    usual,
                    change,
                    instead,
                })
            });
        for symptom in symptoms {
            claims.push(claim(second, &symptom));
        }
    }
}

fn claim(second: &Second, symptom: &Symptom) -> Claim {
    let Symptom {
        what, jump, usual, ..
    } = symptom;
    let mut reasons = vec![format!(
        "{what} on {}, usual {:.1} %",
        jump.text(),
        100.0 * usual
    )];
    let mut evidence = 0.8 + 2.0 * jump.lower;
    let title = match &symptom.change {
        Some(change) => {
            evidence += 0.8;
            reasons.push(format!(
                "began within {}s after a change of {change}",
                super::detector::CHANGE_S
            ));
            format!(
                "{what} on {} since a change of {change}",
                name(&second.place)
            )
        }
        None => format!("{what} on {}", name(&second.place)),
    };
    if symptom.instead {
        evidence -= 0.8;
        reasons.push(
            "they took the place of good answers: the requests are no more than usual".into(),
        );
    }
    let score = score(evidence);
    Claim {
        place: second.place,
        category: Category::RouteMisconfiguration,
        stage: Stage::Delayed,
        score,
        confidence: score,
        severity: match (symptom.instead, &symptom.change) {
            (true, None) => Severity::Low,
            (true, Some(_)) => Severity::Medium,
            _ if jump.lower > 0.5 => Severity::High,
            _ => Severity::Medium,
        },
        title,
        reasons,
        quiet_ms: QUIET_MS,
        requests: jump.hits / jump.window_s.max(1),
        refused: 0,
        clients: 0,
        accounts: 0,
        suspect_change: symptom.change.clone(),
        explains: Some(Category::MassError),
        suggestion: match symptom.change {
            Some(_) => Suggestion::new("revert_change", "route", 0),
            None => Suggestion::new("notify", "route", 0),
        },
    }
}
