//! Credential stuffing: clients that fail on many accounts, accounts that many clients fail on,
//! and waves of failures that no single client or account gives away.
//!
//! A wave is detected on the route as a whole, by a CUSUM of failed logins in ten seconds against
//! what the baseline and the successful logins let expect; then the clients that fail while it
//! lasts are suspected. Sources: Javed and Paxson, "Detecting stealthy, distributed SSH
//! brute-forcing", CCS 2013; Page, Biometrika 41, 1954.

use super::detector::{name, number, score, Detector, PerPlace, Second, S10};
use crate::incident::{Claim, Evidence, Severity, Stage, Suggestion};
use crate::memory::{Alarm, Place, PlaceId};
use crate::signal::{Kind, Signal};
use crate::verdict::Category;

/// An attack is over after so long without a sign. Units: milliseconds.
const QUIET_MS: u64 = 600_000;
/// Slack and line of the CUSUM, in deviations: with Gaussian noise, one false alarm in some
/// thousand years (Siegmund's approximation, exp(2 · slack · line) steps of ten seconds).
const SLACK: f64 = 1.0;
const LINE: f64 = 10.0;
const CEILING: f64 = 30.0;
/// Failures beyond the expected that a wave has at least, and accounts.
const LEAST_EXCESS: f64 = 25.0;
const LEAST_ACCOUNTS: u32 = 10;
/// Failures vary more than Poisson's law has it: users retry.
const OVERDISPERSION: f64 = 1.6;
/// Blocks of ten seconds from which the usual failures are known.
const MATURE_BLOCKS: u64 = 60;
/// Before: failures in ten seconds that are a wave anywhere, when few logins succeed.
const UNLEARNED: f64 = 30.0;

#[derive(Default)]
pub struct CredentialStuffing {
    places: PerPlace<State>,
}

#[derive(Clone, Default)]
struct State {
    seconds: u64,
    sum: f64,
    excess: f64,
    alarm_until_s: u64,
    now_s: u64,
}

impl Detector for CredentialStuffing {
    fn signal(
        &mut self,
        at: &Place,
        signal: &Signal,
        evidence: &Evidence,
        claims: &mut Vec<Claim>,
    ) {
        let (value, threshold) = (signal.value, signal.threshold);
        let counted = if signal.kind == Kind::ManyAccounts {
            value
        } else {
            0
        };
        let (clients, accounts) = (evidence.clients(), evidence.accounts().max(counted));
        let mut suggestion = Suggestion::new("throttle", "client", 600);
        let (severity, title, reason) = match signal.kind {
            Kind::ManyAccounts => (
                if clients > 20 { Severity::High } else { Severity::Medium },
                format!("Credential stuffing on {}: {} failed to log in to many accounts", name(at), number(clients, "client")),
                format!("one client failed to log in to {value} accounts within two hours and hardly ever succeeded (line {threshold})"),
            ),
            Kind::ManyFailures => (
                Severity::Medium,
                format!("Password guessing on {}: {} failed again and again", name(at), number(clients, "client")),
                format!("one client failed to authenticate {value} times (line {threshold} in 60s)"),
            ),
            Kind::ManyClients => {
                suggestion = Suggestion::new("protect_account", "account", 3_600);
                (
                    Severity::Medium,
                    format!("Distributed password guessing on {}: many clients failed on {}", name(at), number(accounts, "account")),
                    format!("{value} clients failed to log in to one account within 20 minutes (line {threshold})"),
                )
            }
            Kind::Takeover => {
                suggestion = Suggestion::new("protect_account", "account", 3_600);
                (
                    Severity::Critical,
                    format!("An account on {} was probably taken over", name(at)),
                    format!("a login succeeded from a client that the account never had, after {value} failures (line {threshold})"),
                )
            }
            _ => return,
        };
        claims.push(Claim {
            place: *at,
            category: Category::CredentialStuffing,
            stage: Stage::Immediate,
            score: signal.score,
            confidence: signal.score,
            severity,
            title,
            reasons: vec![reason],
            quiet_ms: QUIET_MS,
            requests: 0,
            refused: 0,
            clients,
            accounts,
            suspect_change: None,
            explains: None,
            suggestion,
        });
    }

    fn second(&mut self, second: &Second, claims: &mut Vec<Claim>) {
        let state = self.places.at(second.id);
        state.now_s = second.wall_s;
        state.seconds += 1;
        if !state.seconds.is_multiple_of(10) {
            return;
        }
        let failures = second.counts.failures[S10] as f64;
        let logins = second.counts.logins[S10] as f64;
        let baseline = second.baseline;
        let mature = baseline.failures.updates() >= MATURE_BLOCKS;
        if failures == 0.0 && state.sum == 0.0 {
            return;
        }

        let usual = baseline.failures.mean;
        let usual_logins = baseline.logins.mean;
        let hour = 10.0 * baseline.failure_hours.at(second.wall_s).unwrap_or(0.0);
        // A crowd that logs in fails in proportion.
        let crowd = if usual_logins > 0.5 {
            usual * logins / usual_logins
        } else {
            0.0
        };
        let expected = usual.max(crowd).max(hour.min(2.0 * usual)).max(0.3);
        let deviation = (OVERDISPERSION * expected.sqrt() + 0.5).max(baseline.failures.deviation());
        let z = (failures - expected) / deviation;
        if mature {
            state.sum = (state.sum + z.clamp(-2.0, 6.0) - SLACK).clamp(0.0, CEILING);
        } else {
            let wild = failures >= UNLEARNED && failures >= 4.0 * logins;
            state.sum =
                (state.sum + if wild { LINE / 2.0 } else { -LINE / 4.0 }).clamp(0.0, CEILING);
        }
        state.excess = if state.sum > 0.0 {
            state.excess + failures - expected
        } else {
            0.0
        };
        // Logins that have broken fail instead of succeeding; an attack fails besides.
        let broken = usual_logins >= 1.0
            && logins < 0.3 * usual_logins
            && failures + logins < 1.5 * (usual + usual_logins);
        let accounts = second.counts.failing_accounts;
        let anonymous = accounts == 0;
        let enough = state.excess >= LEAST_EXCESS && (anonymous || accounts >= LEAST_ACCOUNTS);
        if broken || state.sum < LINE || !enough || z < 1.0 {
            return;
        }
        state.alarm_until_s = second.wall_s + QUIET_MS / 1_000;
        let clients = second.counts.failing_clients;
        let score = score(1.0 + 0.05 * state.sum + 0.3 * (failures / expected).ln().max(0.0));
        claims.push(Claim {
            place: second.place,
            category: Category::CredentialStuffing,
            stage: Stage::Delayed,
            score,
            confidence: score,
            severity: if clients >= 100 || failures >= 100.0 {
                Severity::High
            } else {
                Severity::Medium
            },
            title: format!(
                "Wave of failed logins on {}: {failures:.0} in 10s where {expected:.1} are expected",
                name(&second.place)
            ),
            reasons: vec![
                format!(
                    "{failures:.0} failed and {logins:.0} successful logins in 10s, {expected:.1} failures expected; CUSUM {:.0} (line {LINE:.0})",
                    state.sum
                ),
                format!(
                    "{} failed within 20 minutes, on {} within two hours",
                    number(clients, "client"), number(accounts, "account")
                ),
            ],
            quiet_ms: QUIET_MS,
            requests: (failures - expected).max(0.0) as u64,
            refused: 0,
            clients,
            accounts,
            suspect_change: None,
 explains: None,
            suggestion: Suggestion::new("throttle", "client", 1_200),
        });
    }

    fn alarm(&self, place: PlaceId, alarm: &mut Alarm) {
        let state = self.places.get(place);
        alarm.login_wave |= state.is_some_and(|s| s.now_s < s.alarm_until_s);
    }
}
