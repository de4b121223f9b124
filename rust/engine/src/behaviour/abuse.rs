//! Abuse: enumeration of ids, scraping, scans for paths, answers that are much larger than usual, and
//! methods that come much more often.

use super::detector::{name, number, Detector, Second};
use super::methods::{Methods, Unusual};
use crate::incident::{Claim, Evidence, Severity, Stage, Suggestion};
use crate::memory::Place;
use crate::signal::{Id, Kind, Signal};
use crate::verdict::Category;
use std::collections::BTreeMap;

/// Units: milliseconds.
const QUIET_MS: u64 = 300_000;
/// What is counted over twenty minutes comes and goes for as long.
const LONG_QUIET_MS: u64 = 1_500_000;
/// Seconds with traffic until it is known who is at home at a place.
const AT_HOME_S: u64 = 3_600;

#[derive(Default)]
pub struct Abuse {
    /// Seconds that were learned, by workspace and route.
    seconds: BTreeMap<(Id, Id), u64>,
    methods: Methods,
}

impl Abuse {
    fn knows_residents(&self, at: &Place) -> bool {
        let seconds = self.seconds.get(&(at.workspace, at.route));
        seconds.is_some_and(|s| *s >= AT_HOME_S)
    }
}

impl Detector for Abuse {
    fn second(&mut self, second: &Second, claims: &mut Vec<Claim>) {
        let place = (second.place.workspace, second.place.route);
        self.seconds.insert(place, second.baseline.seconds);
        let unusual = self.methods.look(second, 1);
        if (second.open)(Category::ApiDdos) {
            return;
        }
        claims.extend(unusual.into_iter().map(|unusual| claim(second, unusual)));
    }

    fn signal(
        &mut self,
        at: &Place,
        signal: &Signal,
        evidence: &Evidence,
        claims: &mut Vec<Claim>,
    ) {
        let (value, threshold) = (signal.value, signal.threshold);
        let clients = evidence.clients();
        let scope = if signal.consumer.as_bytes().is_empty() {
            "client"
        } else {
            "consumer"
        };
        let (severity, title, reason) = match signal.kind {
            Kind::Enumeration => (
                if scope == "consumer" { Severity::High } else { Severity::Medium },
                format!("Object ids on {} are walked through", name(at)),
                format!("one {scope} read {value} neighbouring ids in a row (line {threshold})"),
            ),
            Kind::SlowScraping if !self.knows_residents(at) => return,
            Kind::Scraping | Kind::SlowScraping => (
                Severity::Low,
                format!("Scraping on {}", name(at)),
                format!("one {scope} read {value} objects within 20 minutes (line {threshold})"),
            ),
            Kind::PathScan => (
                Severity::Medium,
                format!("Scan for paths on {}", name(at)),
                format!("one client asked for {value} paths that do not exist within 20 minutes (line {threshold}), at least half of its requests"),
            ),
            Kind::LargeAnswers => (
                Severity::Low,
                format!("Answers much larger than usual on {}", name(at)),
                format!("one {scope} got {value} answers in an hour that are more than four times as large as 99 % are (line {threshold})"),
            ),
            _ => return,
        };
        claims.push(Claim {
            place: *at,
            category: Category::Abuse,
            stage: Stage::Immediate,
            score: signal.score,
            confidence: signal.score,
            severity,
            title: format!("{title} by {}", number(clients, "client")),
            reasons: vec![reason],
            quiet_ms: match signal.kind {
                Kind::SlowScraping => LONG_QUIET_MS,
                _ => QUIET_MS,
            },
            requests: 0,
            refused: 0,
            clients,
            accounts: 0,
            suspect_change: None,
            explains: None,
            suggestion: match signal.kind {
                Kind::LargeAnswers => Suggestion::new("notify", scope, 600),
                _ => Suggestion::new("throttle", scope, 600),
            },
        });
    }
}

/// States that a method comes unusually often. Who sends it is known by signals.
fn claim(second: &Second, unusual: Unusual) -> Claim {
    let method = unusual.method.name();
    let mut reasons = vec![unusual.reason];
    let change = second.change_before(unusual.onset_s);
    if let Some(change) = &change {
        reasons.push(format!(
            "began within {}s after a change of {change}",
            super::detector::CHANGE_S
        ));
    }
    let (score, severity) = match (unusual.never_seen, &change) {
        (true, None) => (0.7, Severity::Medium),
        (_, None) => (0.5, Severity::Low),
        (_, Some(_)) => (0.3, Severity::Low),
    };
    let usual = match unusual.never_seen {
        true => "where it is hardly ever used",
        false => "much more often than usual",
    };
    Claim {
        place: second.place,
        category: Category::Abuse,
        stage: Stage::Delayed,
        score,
        confidence: score,
        severity,
        title: format!("{method} on {}, {usual}", name(&second.place)),
        reasons,
        quiet_ms: QUIET_MS,
        requests: unusual.requests,
        refused: 0,
        clients: 0,
        accounts: 0,
        suspect_change: change,
        explains: None,
        suggestion: Suggestion::new("notify", "route", 600),
    }
}
