//! Plays recorded access logs: are scanners named, and people and good bots not?

use super::gateway::Gateway;
use crate::error::Error;
use crate::lines::Lines;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use threat_agent_engine::request::{canonical_ip, Source};
use threat_agent_engine::{Config, Identity, Outcome, Request};

/// One line of a log. Fields that are not known are passed over.
#[derive(Debug, Deserialize)]
struct Entry {
    /// Units: seconds since 1970.
    ts: f64,
    client: String,
    method: String,
    target: String,
    status: u16,
    #[serde(default)]
    ua: String,
    #[serde(default)]
    referer: String,
    label: String,
    source: String,
}

/// What became of the clients of one label.
#[derive(Debug, Default, Serialize)]
struct Row {
    label: String,
    requests: u64,
    clients: u64,
    /// Clients that stand in an incident, or were refused or marked.
    named: u64,
    /// Clients that were refused or marked.
    touched: u64,
    touched_requests: u64,
}

#[derive(Serialize)]
struct Report {
    sessions: Vec<Row>,
}

/// Clients and requests of one label, as they are played.
#[derive(Default)]
struct Group {
    requests: u64,
    touched_requests: u64,
    clients: BTreeSet<String>,
    touched: BTreeSet<String>,
    named: BTreeSet<String>,
}

/// Shown of the clients that should not have been named.
const SHOWN: usize = 10;

/// Plays each source of the log through a gateway of its own, with one route.
pub fn run(file: &Path, config: &Config, json: bool, out: &mut dyn Write) -> Result<(), Error> {
    let mut sources: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    let mut lines = Lines::open(file)?;
    while let Some(entry) = lines.next::<Entry>()? {
        sources.entry(entry.source.clone()).or_default().push(entry);
    }
    if sources.is_empty() {
        let path = file.to_owned();
        return Err(Error::Empty { path });
    }
    let mut groups = BTreeMap::new();
    for log in sources.values_mut() {
        log.sort_by(|a, b| a.ts.total_cmp(&b.ts));
        play(log, config.clone(), &mut groups)?;
    }
    let rows = groups.iter().map(|(label, group)| group.row(label));
    let report = Report {
        sessions: rows.collect(),
    };
    if json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    table(&report, &groups, out)
}

fn play(log: &[Entry], config: Config, groups: &mut BTreeMap<String, Group>) -> Result<(), Error> {
    let Some(first) = log.first() else {
        return Ok(());
    };
    let start_s = first.ts.max(0.0) as u64;
    let mut gateway = Gateway::new(config, start_s)?;
    let mut named = BTreeSet::new();
    let mut second = 0;
    // Logs know seconds: the lines of one are spread over it.
    for lines in log.chunk_by(|a, b| a.ts as u64 == b.ts as u64) {
        let at_s = lines.first().map_or(0, |e| e.ts as u64 - start_s);
        while second < at_s {
            second += 1;
            tick(&mut gateway, second, &mut named);
        }
        for (n, entry) in lines.iter().enumerate() {
            let at_ms = 1_000 * at_s + (1_000 * n / lines.len()) as u64;
            let touched = ask(&gateway, entry, at_ms);
            let group = groups.entry(entry.label.clone()).or_default();
            group.requests += 1;
            group.clients.insert(entry.client.clone());
            if touched {
                group.touched_requests += 1;
                group.touched.insert(entry.client.clone());
            }
        }
    }
    tick(&mut gateway, second + 1, &mut named);
    // Some addresses have lines of several labels: an incident names them in each.
    for entry in log {
        if named.contains(&entry.client) {
            if let Some(group) = groups.get_mut(&entry.label) {
                group.named.insert(entry.client.clone());
            }
        }
    }
    Ok(())
}

fn tick(gateway: &mut Gateway, second: u64, named: &mut BTreeSet<String>) {
    gateway.tick(second * 1_000);
    let now_s = gateway.wall_s(second * 1_000);
    for incident in gateway.incidents().filter(|i| i.updated_s == now_s) {
        named.extend(incident.top_clients.iter().map(|c| c.client.clone()));
    }
}

/// Asks about a line and tells its outcome. Returns whether it was refused or marked.
fn ask(gateway: &Gateway, entry: &Entry, at_ms: u64) -> bool {
    let (path, query) = entry.target.split_once('?').unwrap_or((&entry.target, ""));
    let Entry { ua, referer, .. } = entry;
    let headers = format!("Host: site.example\r\nUser-Agent: {ua}\r\nReferer: {referer}\r\n");
    let identity = Identity {
        client: canonical_ip(entry.client.as_bytes()),
        workspace: b"default",
        route: b"site",
        service: b"site",
        ..Identity::default()
    };
    let request = Request {
        identity,
        method: entry.method.as_bytes(),
        scheme: b"http",
        host: b"site.example",
        path: path.as_bytes(),
        query: query.as_bytes(),
        headers: headers.as_bytes(),
        ..Request::default()
    };
    let answer = gateway.ask(&request, at_ms);
    let logged = Outcome {
        status: entry.status,
        source: Source::Service,
        ..Outcome::default()
    };
    let outcome = answer.refusal().unwrap_or(logged);
    gateway.tell(&identity, path.as_bytes(), &outcome, at_ms);
    answer.touched
}

impl Group {
    fn row(&self, label: &str) -> Row {
        Row {
            label: label.to_owned(),
            requests: self.requests,
            clients: self.clients.len() as u64,
            named: self.named.union(&self.touched).count() as u64,
            touched: self.touched.len() as u64,
            touched_requests: self.touched_requests,
        }
    }
}

fn table(
    report: &Report,
    groups: &BTreeMap<String, Group>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    writeln!(
        out,
        "{:12} {:>9} {:>9} {:>9} {:>9} {:>17}",
        "label", "requests", "clients", "named", "touched", "touched requests"
    )?;
    for row in &report.sessions {
        writeln!(
            out,
            "{:12} {:9} {:9} {:9} {:9} {:17}",
            row.label, row.requests, row.clients, row.named, row.touched, row.touched_requests
        )?;
    }
    for (label, group) in groups {
        let named = group.named.union(&group.touched);
        let shown: Vec<&str> = named.take(SHOWN).map(String::as_str).collect();
        if !shown.is_empty() {
            writeln!(out, "\n{label}: {}", shown.join(", "))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_told_apart() {
        let line = |ts: u64, client: &str, target: &str, status: u16, label: &str| {
            let json = serde_json::json!({
                "ts": ts, "client": client, "method": "GET", "target": target,
                "status": status, "ua": "x", "label": label, "source": "log",
            });
            serde_json::from_value::<Entry>(json).unwrap()
        };
        let log = [
            line(100, "192.0.2.1", "/a?b=c", 200, "normal"),
            line(100, "192.0.2.2", "/.env", 404, "scanner"),
            line(160, "192.0.2.1", "/", 200, "normal"),
        ];
        let mut groups = BTreeMap::new();
        play(&log, Config::default(), &mut groups).unwrap();
        let row = groups["normal"].row("normal");
        assert_eq!((row.requests, row.clients, row.named), (2, 1, 0));
        assert_eq!(groups["scanner"].requests, 1);
    }
}
