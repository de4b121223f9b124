//! What `simulate` prints.

use super::score::{FalseIncident, Row, Score};
use crate::error::Error;
use serde::Serialize;
use std::cmp::Reverse;
use std::io::Write;

/// False incidents, and touched clients, that are shown of each scenario.
const SHOWN: usize = 5;

#[derive(Serialize)]
struct Report {
    scenarios: Vec<Row>,
}

pub fn json(scores: &[Score], out: &mut dyn Write) -> Result<(), Error> {
    let scenarios = scores.iter().map(Score::row).collect();
    serde_json::to_writer_pretty(&mut *out, &Report { scenarios })?;
    writeln!(out)?;
    Ok(())
}

pub fn head(out: &mut dyn Write) -> Result<(), Error> {
    writeln!(
        out,
        "{:26} {:22} {:>8} {:>8} {:>9} {:>10} {:>10} {:>8}",
        "scenario",
        "expected",
        "detected",
        "after s",
        "attempts",
        "hostile %",
        "legit. %",
        "false/wk"
    )?;
    Ok(())
}

/// Prints a scenario's line as soon as it is over, and what was named wrongly.
pub fn line(score: &Score, out: &mut dyn Write) -> Result<(), Error> {
    let row = score.row();
    let category = row.category.map_or("-", |c| c.name());
    let detected = match (row.hostile, row.detected) {
        (false, _) => "-",
        (true, true) => "yes",
        (true, false) => "NO",
    };
    writeln!(
        out,
        "{:26} {category:22} {detected:>8} {:>8} {:>9} {:>10} {:>10} {:>8.1}",
        row.name,
        figure(row.time_to_detect_s, 0),
        figure(row.attempts_per_client_to_detect, 1),
        figure(row.hostile_touched_ratio.map(|r| 100.0 * r), 2),
        figure(row.legitimate_touched_ratio.map(|r| 100.0 * r), 3),
        row.false_incidents_per_week,
    )?;
    for incident in score.false_incidents.iter().take(SHOWN) {
        false_incident(incident, out)?;
    }
    let more = score.false_incidents.len().saturating_sub(SHOWN);
    if more > 0 {
        writeln!(out, "    and {more} more")?;
    }
    let mut touched: Vec<_> = score.touched_clients().iter().collect();
    touched.sort_by_key(|(_, times)| Reverse(**times));
    for (client, times) in touched.into_iter().take(SHOWN) {
        writeln!(out, "    touched: {client}, {times} requests")?;
    }
    out.flush()?;
    Ok(())
}

fn false_incident(wrong: &FalseIncident, out: &mut dyn Write) -> Result<(), Error> {
    let FalseIncident { second, incident } = wrong;
    let (hours, minutes, seconds) = (second / 3_600, second / 60 % 60, second % 60);
    let clients = incident.top_clients.iter().map(|c| c.client.as_str());
    let clients: Vec<&str> = clients.take(3).collect();
    writeln!(
        out,
        "    false: {} at {hours}:{minutes:02}:{seconds:02}: {} ({}) [{}]",
        incident.category.name(),
        incident.title,
        incident.reasons.join("; "),
        clients.join(", "),
    )?;
    Ok(())
}

/// Prints what all scenarios come to.
pub fn sum(scores: &[Score], out: &mut dyn Write) -> Result<(), Error> {
    let rows: Vec<Row> = scores.iter().map(Score::row).collect();
    let hostile = rows.iter().filter(|r| r.hostile).count();
    let detected = rows.iter().filter(|r| r.detected).count();
    writeln!(out, "\ndetected {detected} of {hostile}")?;
    let ordinary = || scores.iter().filter(|s| !s.row().hostile);
    let wrong: usize = ordinary().map(|s| s.false_incidents.len()).sum();
    let exposure: f64 = ordinary().map(Score::exposure).sum();
    if exposure > 0.0 {
        let rate = wrong as f64 / exposure;
        writeln!(
            out,
            "false incidents of ordinary traffic: {wrong} in {exposure:.2} weeks of 1,000 routes, {rate:.2} each"
        )?;
    }
    let touched = rows.iter().filter_map(|r| r.legitimate_touched_ratio);
    let worst = touched.fold(0.0, f64::max);
    let clients: usize = scores.iter().map(|s| s.touched_clients().len()).sum();
    writeln!(
        out,
        "legitimate requests touched: at most {:.3} % in a scenario, {clients} clients in all",
        100.0 * worst
    )?;
    Ok(())
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".into(), |v| format!("{v:.digits$}"))
}
