//! `threat-agent replay`: what a configuration would have done to logged traffic.

use crate::error::Error;
use crate::kong_log::{Entry, Played};
use crate::lines::Lines;
use crate::settings;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use threat_agent_engine::{Engine, LocalState, Verdict};

/// Play a Kong log through the engine: what would have been throttled or refused, and whom.
///
/// Time is the log's own; the configuration is taken as enforcing. A log holds no bodies, so
/// payload inspection sees targets and headers only. The whole log is read into memory.
#[derive(clap::Args)]
pub struct Args {
    /// A log of Kong's file-log or http-log plugin, JSON Lines, plain or zstd.
    file: PathBuf,
    /// The configuration, JSON; the defaults when not given.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Print JSON instead of a summary.
    #[arg(long)]
    json: bool,
}

/// How many clients are shown.
const CLIENTS: usize = 10;

/// The result, as `--json` prints it.
#[derive(Debug, Default, Serialize)]
struct Report {
    requests: u64,
    /// From the first request to the last. Units: milliseconds.
    span_ms: u64,
    refused: u64,
    /// Refused requests that the log says were answered below 400: false alarms, perhaps.
    refused_successes: u64,
    by_action: BTreeMap<&'static str, u64>,
    by_category: BTreeMap<&'static str, u64>,
    by_rule: BTreeMap<String, u64>,
    /// Those with the most refused requests.
    clients: Vec<Client>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Client {
    client: String,
    requests: u64,
    refused: u64,
}

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let report = replay(&args.file, args.config.as_deref())?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    summary(&report, out)
}

/// A moment of the log.
#[derive(Clone, Copy)]
struct Moment {
    at_ms: u64,
    starts: bool,
    nth: usize,
}

fn replay(file: &Path, config: Option<&Path>) -> Result<Report, Error> {
    let said_in = config.unwrap_or(file);
    let config = settings::enforcing(config)?;
    let engine = Engine::new(config).map_err(Error::config(said_in))?;
    let state = LocalState::default();

    let log = read(file)?;
    let mut moments = Vec::with_capacity(2 * log.len());
    for (nth, played) in log.iter().enumerate() {
        let entry = played.entry();
        for (at_ms, starts) in [(entry.started_at, true), (entry.ended_at(), false)] {
            moments.push(Moment { at_ms, starts, nth });
        }
    }
    // Logs are written as requests end; the engine is asked as they start.
    moments.sort_unstable_by_key(|m| (m.at_ms, !m.starts, m.nth));

    let mut report = Report::default();
    let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
    let mut actions = vec![None; log.len()];
    for moment in moments {
        let played = &log[moment.nth];
        let entry = played.entry();
        if moment.starts {
            let verdict = engine.inspect_whole(&played.request(), &state, moment.at_ms);
            actions[moment.nth] = Some(verdict.action);
            report.count(&verdict, entry);
            let client = clients.entry(&entry.client_ip).or_default();
            client.requests += 1;
            client.refused += u64::from(verdict.action.refuses());
        } else if actions[moment.nth].is_some_and(|action| !action.refuses()) {
            // As in the gateway, the plugin's own refusals are no outcome.
            let (identity, path) = (played.identity(), played.path().as_bytes());
            engine.observe(&identity, path, &entry.outcome(), &state, moment.at_ms);
        }
    }
    report.span_ms = span(&log);
    report.clients = top(clients);
    Ok(report)
}

fn read(file: &Path) -> Result<Vec<Played>, Error> {
    let mut lines = Lines::open(file)?;
    let mut log = Vec::new();
    while let Some(entry) = lines.next::<Entry>()? {
        log.push(entry.into_played());
    }
    if log.is_empty() {
        let path = file.to_owned();
        return Err(Error::Empty { path });
    }
    Ok(log)
}

fn span(log: &[Played]) -> u64 {
    let starts = || log.iter().map(|p| p.entry().started_at);
    starts().max().unwrap_or(0) - starts().min().unwrap_or(0)
}

fn top(clients: BTreeMap<&str, Client>) -> Vec<Client> {
    let named = clients.into_iter().map(|(name, client)| Client {
        client: name.to_owned(),
        ..client
    });
    let mut list: Vec<Client> = named.filter(|c| c.refused > 0).collect();
    list.sort_by(|a, b| b.refused.cmp(&a.refused).then(a.client.cmp(&b.client)));
    list.truncate(CLIENTS);
    list
}

impl Report {
    fn count(&mut self, verdict: &Verdict, entry: &Entry) {
        self.requests += 1;
        *self.by_action.entry(verdict.action.name()).or_default() += 1;
        if let Some(category) = verdict.category {
            *self.by_category.entry(category.name()).or_default() += 1;
        }
        for rule in &verdict.rules {
            *self.by_rule.entry(rule.to_string()).or_default() += 1;
        }
        if verdict.action.refuses() {
            self.refused += 1;
            self.refused_successes += u64::from((200..400).contains(&entry.status()));
        }
    }
}

fn summary(report: &Report, out: &mut dyn Write) -> Result<(), Error> {
    let Report {
        requests,
        refused,
        refused_successes,
        span_ms,
        ..
    } = report;
    let share = 100.0 * *refused as f64 / *requests as f64;
    let span_s = *span_ms as f64 / 1_000.0;
    writeln!(
        out,
        "{requests} requests in {span_s:.1} s; {refused} refused ({share:.2} %)"
    )?;
    writeln!(
        out,
        "{refused_successes} of the refused had been answered below 400"
    )?;
    for (title, counts) in [
        ("action", &report.by_action),
        ("category", &report.by_category),
    ] {
        writeln!(out, "\nby {title}")?;
        for (name, count) in counts {
            writeln!(out, "  {name:30} {count:8}")?;
        }
    }
    writeln!(out, "\nby rule")?;
    for (name, count) in &report.by_rule {
        writeln!(out, "  {name:30} {count:8}")?;
    }
    writeln!(out, "\n{:32} {:>8} {:>8}", "clients", "requests", "refused")?;
    for client in &report.clients {
        writeln!(
            out,
            "  {:30} {:8} {:8}",
            client.client, client.requests, client.refused
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::testing::file;

    #[test]
    fn a_limit_holds_on_the_logs_own_clock() {
        let line = |at: u64| {
            format!(
                r#"{{"request":{{"method":"GET","uri":"/a"}},"response":{{"status":200}},"latencies":{{"request":5}},"client_ip":"192.0.2.1","started_at":{at},"upstream_status":"200"}}"#
            )
        };
        // Written as they ended: out of order. Two in one second are over a limit of one.
        let log = [100_000, 160_000, 100_100].map(line).join("\n");
        let log = file("log", &log);
        let config = file(
            "config",
            r#"{"limits":[{"id":"one","by":"client_ip","window":"1s","limit":1}]}"#,
        );
        let report = replay(&log, Some(&config)).unwrap();
        for path in [log, config] {
            std::fs::remove_file(path).unwrap();
        }
        assert_eq!(
            (report.requests, report.refused, report.span_ms),
            (3, 1, 60_000)
        );
        assert_eq!(report.refused_successes, 1);
        assert_eq!(report.by_action["throttle"], 1);
        assert_eq!(report.clients[0].client, "192.0.2.1");
    }
}
