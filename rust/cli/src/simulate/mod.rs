//! `threat-agent simulate`: ordinary and hostile traffic in virtual time, and what the engine
//! makes of it.

mod actors;
mod call;
mod fields;
mod gateway;
mod queue;
pub mod random;
mod report;
mod scenario;
mod scenario_file;
mod score;
mod sessions;
mod slab;
mod stage;
mod tide;

use crate::error::Error;
use crate::settings;
use scenario::Scenario;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Play simulated traffic through the engine: time to detect, false incidents, clients touched.
///
/// In virtual time and enforcing, with memory in this process. Payload inspection is off in
/// scenarios: `evaluate` scores it, and simulated requests carry no payloads.
#[derive(clap::Args)]
pub struct Args {
    /// Play this scenario, or list of scenarios (JSON), instead of the built-in ones.
    #[arg(long)]
    scenario: Option<PathBuf>,
    /// Play this access log (JSON Lines, plain or zstd) instead of scenarios, and tell by label
    /// which clients are named. Payload inspection is as configured.
    #[arg(long, conflicts_with_all = ["scenario", "only", "seed"])]
    sessions: Option<PathBuf>,
    /// Play only the scenarios of this name.
    #[arg(long)]
    only: Vec<String>,
    /// Seed of the random numbers: the same seed is the same traffic.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The configuration, JSON; the defaults when not given.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// The scenarios that are built in.
const BUILT_IN: &[&str] = &[
    include_str!("../../scenarios/ordinary_days.json"),
    include_str!("../../scenarios/flash_crowd.json"),
    include_str!("../../scenarios/flash_crowd_busiest.json"),
    include_str!("../../scenarios/crowds.json"),
    include_str!("../../scenarios/deploy.json"),
    include_str!("../../scenarios/office_morning.json"),
    include_str!("../../scenarios/daily_cycle.json"),
    include_str!("../../scenarios/doubled_load.json"),
    include_str!("../../scenarios/flood.json"),
    include_str!("../../scenarios/flood_distributed.json"),
    include_str!("../../scenarios/flood_ten_thousand.json"),
    include_str!("../../scenarios/flood_pulsed.json"),
    include_str!("../../scenarios/flood_of_logins.json"),
    include_str!("../../scenarios/flood_quiet_route.json"),
    include_str!("../../scenarios/flood_slow_bots.json"),
    include_str!("../../scenarios/flood_slow_readers.json"),
    include_str!("../../scenarios/flood_behind_carrier.json"),
    include_str!("../../scenarios/stuffing_fast.json"),
    include_str!("../../scenarios/stuffing_distributed.json"),
    include_str!("../../scenarios/stuffing_low_and_slow.json"),
    include_str!("../../scenarios/password_spraying.json"),
    include_str!("../../scenarios/brute_force.json"),
    include_str!("../../scenarios/brute_force_distributed.json"),
    include_str!("../../scenarios/takeover.json"),
    include_str!("../../scenarios/scraping.json"),
    include_str!("../../scenarios/scraping_slow.json"),
    include_str!("../../scenarios/scraping_small_api.json"),
    include_str!("../../scenarios/enumeration.json"),
    include_str!("../../scenarios/not_found_scan.json"),
    include_str!("../../scenarios/bad_deploy.json"),
    include_str!("../../scenarios/dead_upstream.json"),
    include_str!("../../scenarios/broken_route.json"),
    include_str!("../../scenarios/stolen_key.json"),
    include_str!("../../scenarios/shared_credential.json"),
    include_str!("../../scenarios/small_api.json"),
    include_str!("../../scenarios/large_api.json"),
];

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let mut config = settings::enforcing(args.config.as_deref())?;
    if let Some(file) = &args.sessions {
        return sessions::run(file, &config, args.json, out);
    }
    let scenarios = scenarios(args)?;
    config.payload.enabled = false;
    let mut scores = Vec::new();
    if !args.json {
        report::head(out)?;
    }
    for scenario in &scenarios {
        let score = stage::play(scenario, config.clone(), args.seed)?;
        if !args.json {
            report::line(&score, out)?;
        }
        scores.push(score);
    }
    if args.json {
        report::json(&scores, out)
    } else {
        report::sum(&scores, out)
    }
}

/// Errors: a file that is no scenario, or a name that none has.
fn scenarios(args: &Args) -> Result<Vec<Scenario>, Error> {
    let mut all = Vec::new();
    match &args.scenario {
        Some(path) => {
            let json = std::fs::read(path).map_err(Error::read(path))?;
            all.extend(Scenario::read(&json).map_err(wrong(path))?);
        }
        None => {
            for json in BUILT_IN {
                let built_in = Scenario::read(json.as_bytes());
                all.extend(built_in.map_err(wrong(Path::new("the built-in scenarios")))?);
            }
        }
    }
    for name in &args.only {
        if !all.iter().any(|scenario| scenario.name == *name) {
            let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
            let problem = format!("expected one of: {}; got {name}", names.join(", "));
            return Err(wrong(Path::new("--only"))(problem));
        }
    }
    all.retain(|s| args.only.is_empty() || args.only.contains(&s.name));
    Ok(all)
}

/// Wraps what is wrong with what `path` says.
fn wrong(path: &Path) -> impl FnOnce(String) -> Error + '_ {
    |problem| Error::read(path)(std::io::Error::new(ErrorKind::InvalidData, problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use threat_agent_engine::Config;

    fn tiny() -> Scenario {
        let json = br#"{"name": "tiny", "warm_up_s": 30, "duration_s": 90,
            "expect": {"category": "api_ddos", "route": "r1"},
            "world": {"routes": 3, "populations": [
                {"kind": "people", "people": 50, "requests_per_s": 5},
                {"kind": "people", "people": 50, "addresses": 1, "requests_per_s": 5},
                {"kind": "crawler", "addresses": 1, "requests_per_s": 2},
                {"kind": "consumers", "consumers": 2, "requests_per_s": 2},
                {"kind": "probe", "addresses": 1, "every_s": 1},
                {"kind": "stale", "clients": 1, "every_s": 10}]},
            "events": [
                {"kind": "crowd", "at_s": 10, "for_s": 20, "ramp_s": 5, "route": "r2"},
                {"kind": "change", "at_s": 10, "routes": ["r3"]},
                {"kind": "errors", "at_s": 12, "for_s": 9, "routes": ["r3"], "ratio": 0.5}],
            "attacks": [
                {"kind": "flood", "at_s": 40, "for_s": 20, "clients": 3, "requests_per_s": 20,
                 "pulse_on_s": 5, "pulse_off_s": 5, "route": "r1"}]}"#;
        Scenario::read(json).unwrap().remove(0)
    }

    /// Without limits and behaviour nothing is refused: the traffic alone is seen.
    fn blind() -> Config {
        let mut config = Config::default();
        config.behaviour.enabled = false;
        config.payload.enabled = false;
        config
    }

    #[test]
    fn a_seed_is_a_day() {
        let traffic = |seed| stage::play(&tiny(), blind(), seed).unwrap().requests();
        assert_eq!(traffic(5), traffic(5));
        assert_ne!(traffic(5), traffic(6));
    }

    #[test]
    fn traffic_has_its_rate() {
        for population in [
            r#"{"kind": "people", "people": 900, "requests_per_s": 20}"#,
            r#"{"kind": "people", "people": 900, "addresses": 2, "requests_per_s": 20}"#,
            r#"{"kind": "crawler", "requests_per_s": 20}"#,
            r#"{"kind": "consumers", "consumers": 9, "requests_per_s": 20}"#,
            r#"{"kind": "probe", "addresses": 20, "every_s": 1}"#,
            r#"{"kind": "stale", "clients": 20, "every_s": 1}"#,
        ] {
            let json = format!(
                r#"{{"name": "a", "warm_up_s": 900, "duration_s": 1800, "world":
                    {{"daily_swing_ratio": 0, "populations": [{population}]}}}}"#
            );
            let scenario = Scenario::read(json.as_bytes()).unwrap().remove(0);
            let (_, requests) = stage::play(&scenario, blind(), 3).unwrap().requests();
            let rate = requests as f64 / 1_800.0;
            assert!(
                (17.0..23.0).contains(&rate),
                "{rate} requests/s of {population}"
            );
        }
    }

    #[test]
    fn a_tiny_scenario_is_scored() {
        let score = stage::play(&tiny(), blind(), 1).unwrap();
        let (hostile, legitimate) = score.requests();
        // Three clients, 20 requests/s each, for two pulses of five seconds.
        assert!((480..=720).contains(&hostile), "{hostile}");
        assert!((900..=3_500).contains(&legitimate), "{legitimate}");
        let row = score.row();
        assert!(row.hostile && !row.detected);
        assert_eq!(row.time_to_detect_s, None);
        assert_eq!(row.hostile_touched_ratio, Some(0.0));
        assert_eq!(row.legitimate_touched_ratio, Some(0.0));
        assert_eq!(row.false_incidents_per_week, 0.0);
        let json = serde_json::to_value(row).unwrap();
        assert_eq!(json["category"], "api_ddos");
    }

    #[test]
    fn the_built_in_scenarios_can_be_read() {
        let mut names = std::collections::BTreeSet::new();
        for json in BUILT_IN {
            for scenario in Scenario::read(json.as_bytes()).unwrap() {
                assert!(
                    names.insert(scenario.name.clone()),
                    "{} twice",
                    scenario.name
                );
            }
        }
        assert!(names.len() > 25);
    }
}
