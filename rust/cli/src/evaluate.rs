//! `threat-agent evaluate`: how well the payload inspection tells labelled requests apart.

use crate::error::Error;
use crate::lines::Lines;
use crate::model::judges::{self, Comparison, Judge, Point};
use crate::model::{bags, loso, plots};
use crate::rows::{Label, Row};
use crate::settings;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use threat_agent_engine::config::{Allowlist, Config};
use threat_agent_engine::model::HIGH_CONFIDENCE;
use threat_agent_engine::{Engine, Identity, LocalState};

/// Judge labelled requests: true and false positive rates by source and category.
///
/// Payload inspection only, each request from a client of its own; rules, limits and the
/// allowlist of the configuration are left out, and so are rows marked `weak`.
#[derive(clap::Args)]
pub struct Args {
    /// Labelled requests, JSON Lines, plain or zstd.
    file: PathBuf,
    /// Take the payload settings of this configuration instead of the defaults.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Judge each source by models that were trained on all others, beside the rules and a plain
    /// n-gram regression. Takes some minutes.
    #[arg(long, conflicts_with = "config")]
    leave_one_source_out: bool,
    /// Write ROC, precision over recall, and calibration as SVG into this folder.
    #[arg(long, requires = "leave_one_source_out")]
    plots: Option<PathBuf>,
    /// Write the scores of each request as JSON Lines into this file.
    #[arg(long, requires = "leave_one_source_out")]
    scores: Option<PathBuf>,
    /// Seed of the training.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Benign text that looks like an attack on purpose; all other benign categories are ordinary.
const HARD: [&str; 8] = [
    "fp_tests",
    "graphql",
    "hard_text",
    "html_post",
    "html_snippet",
    "llm_api",
    "markdown_post",
    "sql_api_hard",
];

/// Tells whether a benign category looks like an attack on purpose.
pub fn is_hard(category: &str) -> bool {
    HARD.contains(&category)
}

/// Time between two rows, so that each has what looks it needs. Units: milliseconds.
const APART_MS: u64 = 10_000;

/// Fewest rows of a label by which a source has a say in the mean over sources.
const MACRO_ROWS: u64 = 20;

/// Counts of one group of rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub malicious: u64,
    pub caught: u64,
    pub benign: u64,
    pub alarmed: u64,
}

impl Tally {
    /// Upper end of the 95 % confidence interval of the false positive rate.
    /// Source: Wilson (1927), the score interval.
    pub fn fpr_upper(&self) -> Option<f64> {
        const Z: f64 = 1.96;
        let n = self.benign as f64;
        let p = ratio(self.alarmed, self.benign)?;
        let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        Some((p + Z * Z / (2.0 * n) + spread) / (1.0 + Z * Z / n))
    }

    /// Takes a row in.
    pub fn count(&mut self, label: Label, blocked: bool) {
        let (all, hit) = match label {
            Label::Malicious => (&mut self.malicious, &mut self.caught),
            Label::Benign => (&mut self.benign, &mut self.alarmed),
        };
        *all += 1;
        *hit += u64::from(blocked);
    }

    fn rates(&self) -> Rates {
        Rates {
            requests: self.malicious + self.benign,
            tpr: ratio(self.caught, self.malicious),
            fpr: ratio(self.alarmed, self.benign),
        }
    }
}

/// A share; none of nothing.
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn balance(tpr: Option<f64>, fpr: Option<f64>) -> Option<f64> {
    Some((tpr? + 1.0 - fpr?) / 2.0)
}

/// Ratios from 0 to 1; none where there are no rows of the label.
#[derive(Clone, Copy, Debug, Serialize)]
struct Rates {
    requests: u64,
    tpr: Option<f64>,
    fpr: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Macro {
    tpr: Option<f64>,
    fpr: Option<f64>,
    balanced_accuracy: Option<f64>,
}

/// What a score would refuse from which hardly any ordinary request is refused.
#[derive(Clone, Copy, Debug, Serialize)]
struct HighConfidence {
    /// Anomaly score from which a request counts as refused here.
    score: f32,
    tpr: Option<f64>,
    /// The mean over sources.
    macro_tpr: Option<f64>,
    fpr_ordinary: Option<f64>,
    fpr_ordinary_upper: Option<f64>,
    fpr_hard: Option<f64>,
}

/// The result, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Report {
    requests: u64,
    tpr: Option<f64>,
    fpr: Option<f64>,
    fpr_ordinary: Option<f64>,
    fpr_hard: Option<f64>,
    /// Upper ends of the 95 % confidence intervals.
    fpr_ordinary_upper: Option<f64>,
    fpr_hard_upper: Option<f64>,
    balanced_accuracy: Option<f64>,
    high_confidence: HighConfidence,
    /// The mean over sources, so that one large source does not decide.
    r#macro: Macro,
    by_category: BTreeMap<String, Rates>,
    by_source: BTreeMap<String, Rates>,
}

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    if args.leave_one_source_out {
        return leave_one_source_out(args, out);
    }
    let report = evaluate(&args.file, args.config.as_deref())?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    table(&report, out)
}

fn leave_one_source_out(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let data = bags::read(&args.file)?;
    let scores = loso::judge(&data, args.seed);
    let compared = judges::compare(&data, &scores);
    if let Some(folder) = &args.plots {
        plots::write(folder, &data, &scores, &compared)?;
    }
    if let Some(file) = &args.scores {
        judges::write(file, &data, &scores)?;
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &compared)?;
        writeln!(out)?;
        return Ok(());
    }
    side_by_side(&compared, out)
}

fn side_by_side(compared: &Comparison, out: &mut dyn Write) -> Result<(), Error> {
    writeln!(
        out,
        "leave one source out; mean over sources (over all rows)"
    )?;
    for (title, at) in [
        ("default", Judge::default_point as fn(&Judge) -> &Point),
        ("high confidence", Judge::sure_point),
    ] {
        writeln!(
            out,
            "\n{title:16} {:>5} {:>16} {:>16} {:>16} {:>10}",
            "score", "TPR %", "FPR % ordinary", "FPR % hard", "ord. upper"
        )?;
        for judge in &compared.judges {
            let p = at(judge);
            let both = |a, b| format!("{} ({})", percent(a), percent(b));
            writeln!(
                out,
                "{:16} {:5} {:>16} {:>16} {:>16} {:>10}",
                judge.name,
                p.threshold,
                both(p.tpr_macro, p.tpr),
                both(p.fpr_ordinary_macro, p.fpr_ordinary),
                both(p.fpr_hard_macro, p.fpr_hard),
                percent(p.fpr_ordinary_upper),
            )?;
        }
    }
    writeln!(out, "\n{:16} {:>8} {:>8}", "calibration", "Brier", "ECE")?;
    for judge in &compared.judges {
        let Judge {
            name, brier, ece, ..
        } = judge;
        writeln!(out, "{name:16} {brier:8.4} {ece:8.4}")?;
    }
    for (title, groups) in [
        ("category", &compared.by_category),
        ("source", &compared.by_source),
    ] {
        writeln!(out, "\nby {title}: TPR % and FPR % of each at the default")?;
        for (name, group) in groups {
            write!(out, "  {name:24} {:6}", group.requests)?;
            for rates in [&group.tpr, &group.fpr] {
                write!(out, " |")?;
                for rate in rates {
                    write!(out, " {:>6}", percent(*rate))?;
                }
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

fn evaluate(file: &Path, config: Option<&Path>) -> Result<Report, Error> {
    let said_in = config.unwrap_or(file);
    let config = Config {
        rules: Vec::new(),
        limits: Vec::new(),
        allowlist: Allowlist::default(),
        sampling_ratio: 1.0,
        ..settings::enforcing(config)?
    };
    let most = usize::try_from(config.payload.max_body_bytes).unwrap_or(usize::MAX);
    let engine = Engine::new(config).map_err(Error::config(said_in))?;
    let state = LocalState::default();

    let mut lines = Lines::open(file)?;
    let mut all = Tally::default();
    let (mut hard, mut ordinary) = (Tally::default(), Tally::default());
    let (mut sure_hard, mut sure_ordinary) = (Tally::default(), Tally::default());
    let mut sure_sources: BTreeMap<String, Tally> = BTreeMap::new();
    let mut categories: BTreeMap<String, Tally> = BTreeMap::new();
    let mut sources: BTreeMap<String, Tally> = BTreeMap::new();
    let mut nth = 0u64;
    while let Some(row) = lines.next::<Row>()? {
        if row.weak {
            continue;
        }
        nth += 1;
        let (label, category, source) = (row.label, row.category.clone(), row.source.clone());
        let owned = row.into_request().map_err(|e| lines.complain(e))?;
        let mut request = owned.request(most);
        request.identity = Identity {
            client: Some(fresh_client(nth)),
            ..Identity::default()
        };
        let verdict = engine.inspect_whole(&request, &state, nth * APART_MS);
        let blocked = verdict.action.refuses();
        let sure = verdict.score >= HIGH_CONFIDENCE;
        all.count(label, blocked);
        let kind = is_hard(&category);
        if kind { &mut hard } else { &mut ordinary }.count(label, blocked);
        let sure_kind = if kind {
            &mut sure_hard
        } else {
            &mut sure_ordinary
        };
        sure_kind.count(label, sure);
        sure_sources
            .entry(source.clone())
            .or_default()
            .count(label, sure);
        categories
            .entry(category)
            .or_default()
            .count(label, blocked);
        sources.entry(source).or_default().count(label, blocked);
    }
    if nth == 0 {
        let path = file.to_owned();
        return Err(Error::Empty { path });
    }
    let Rates { requests, tpr, fpr } = all.rates();
    Ok(Report {
        requests,
        tpr,
        fpr,
        fpr_ordinary: ordinary.rates().fpr,
        fpr_hard: hard.rates().fpr,
        fpr_ordinary_upper: ordinary.fpr_upper(),
        fpr_hard_upper: hard.fpr_upper(),
        high_confidence: HighConfidence {
            score: HIGH_CONFIDENCE,
            tpr: ratio(
                sure_hard.caught + sure_ordinary.caught,
                sure_hard.malicious + sure_ordinary.malicious,
            ),
            macro_tpr: mean(sure_sources.values()).tpr,
            fpr_ordinary: sure_ordinary.rates().fpr,
            fpr_ordinary_upper: sure_ordinary.fpr_upper(),
            fpr_hard: sure_hard.rates().fpr,
        },
        balanced_accuracy: balance(tpr, fpr),
        r#macro: mean(sources.values()),
        by_category: rates(categories),
        by_source: rates(sources),
    })
}

/// An address of its own /64 for each row.
fn fresh_client(nth: u64) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(
        (0x2001_0db8 << 96) | u128::from(nth) << 64 | 1,
    ))
}

fn rates(tallies: BTreeMap<String, Tally>) -> BTreeMap<String, Rates> {
    tallies
        .into_iter()
        .map(|(name, tally)| (name, tally.rates()))
        .collect()
}

fn mean<'t>(sources: impl Iterator<Item = &'t Tally> + Clone) -> Macro {
    let over = |rates: Vec<f64>| {
        (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
    };
    let tpr = sources.clone().filter(|t| t.malicious >= MACRO_ROWS);
    let fpr = sources.filter(|t| t.benign >= MACRO_ROWS);
    let tpr = over(tpr.filter_map(|t| t.rates().tpr).collect());
    let fpr = over(fpr.filter_map(|t| t.rates().fpr).collect());
    Macro {
        tpr,
        fpr,
        balanced_accuracy: balance(tpr, fpr),
    }
}

fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".into(), |r| format!("{:.2}", 100.0 * r))
}

fn table(report: &Report, out: &mut dyn Write) -> Result<(), Error> {
    writeln!(
        out,
        "{:32} {:>8} {:>8} {:>8} {:>8}",
        "", "requests", "TPR %", "FPR %", "BA %"
    )?;
    let whole = percent(report.balanced_accuracy);
    let (tpr, fpr) = (percent(report.tpr), percent(report.fpr));
    writeln!(
        out,
        "{:32} {:8} {tpr:>8} {fpr:>8} {whole:>8}",
        "all", report.requests
    )?;
    let mean = &report.r#macro;
    let (tpr, fpr) = (percent(mean.tpr), percent(mean.fpr));
    let whole = percent(mean.balanced_accuracy);
    writeln!(
        out,
        "{:32} {:8} {tpr:>8} {fpr:>8} {whole:>8}",
        "mean over sources", ""
    )?;
    for (name, fpr, upper) in [
        (
            "ordinary benign",
            report.fpr_ordinary,
            report.fpr_ordinary_upper,
        ),
        ("hard benign", report.fpr_hard, report.fpr_hard_upper),
    ] {
        let (fpr, upper) = (percent(fpr), percent(upper));
        writeln!(
            out,
            "{name:32} {:8} {:>8} {fpr:>8}   at most {upper} (95 %)",
            "", ""
        )?;
    }
    let sure = &report.high_confidence;
    writeln!(
        out,
        "\nhigh confidence (score {}): TPR {} %, mean over sources {} %; FPR ordinary {} %, at most {} (95 %), hard {} %",
        sure.score,
        percent(sure.tpr),
        percent(sure.macro_tpr),
        percent(sure.fpr_ordinary),
        percent(sure.fpr_ordinary_upper),
        percent(sure.fpr_hard),
    )?;
    for (title, groups) in [
        ("category", &report.by_category),
        ("source", &report.by_source),
    ] {
        writeln!(out, "\nby {title}")?;
        for (name, rates) in groups {
            let (tpr, fpr) = (percent(rates.tpr), percent(rates.fpr));
            writeln!(out, "  {name:30} {:8} {tpr:>8} {fpr:>8}", rates.requests)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::testing::file;

    fn row(label: &str, category: &str, query: &str, more: &str) -> String {
        format!(
            r#"{{"id":"1","source":"s","label":"{label}","category":"{category}","method":"GET",
            "path":"/","query":"{query}"{more}}}"#
        )
        .replace('\n', "")
    }

    #[test]
    fn ratios_are_of_the_rows_that_count() {
        let rows = [
            row("malicious", "sqli", "q=1%20or%201=1", ""),
            row("malicious", "sqli", "q=plain", ""),
            row("malicious", "sqli", "q=plain", r#","weak":true"#),
            row("benign", "fp_tests", "q=hello", ""),
            row("benign", "web_form", "q=hello", ""),
            String::new(),
        ];
        let path = file("ratios", &rows.join("\n"));
        let report = evaluate(&path, None).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(report.requests, 4);
        assert_eq!((report.tpr, report.fpr), (Some(0.5), Some(0.0)));
        assert_eq!(report.balanced_accuracy, Some(0.75));
        assert_eq!(
            (report.fpr_ordinary, report.fpr_hard),
            (Some(0.0), Some(0.0))
        );
        assert_eq!(report.by_category["sqli"].fpr, None);
        assert_eq!(report.r#macro.tpr, None, "fewer rows than have a say");
    }

    #[test]
    fn the_interval_has_its_known_ends() {
        let upper = |alarmed, benign| {
            Tally {
                alarmed,
                benign,
                ..Tally::default()
            }
            .fpr_upper()
        };
        assert_eq!(upper(0, 0), None);
        assert!((upper(0, 10).unwrap() - 0.2775).abs() < 1e-3);
        assert!((upper(5, 10).unwrap() - 0.7634).abs() < 1e-3);
    }

    #[test]
    fn a_bad_row_is_told_by_its_line() {
        let good = row("benign", "web_form", "", "");
        for (name, bad, want) in [
            ("field", "{\"id\":1}", ":2: missing field `source`"),
            (
                "label",
                &row("odd", "c", "", ""),
                ":2: unknown variant `odd`",
            ),
            (
                "base64",
                &row("benign", "c", "", r#","body_b64":"*""#),
                ":2: body_b64",
            ),
        ] {
            let path = file(name, &format!("{good}\n{bad}\n"));
            let error = evaluate(&path, None).unwrap_err().to_string();
            std::fs::remove_file(&path).unwrap();
            assert!(error.contains(want), "{error}");
        }
    }
}
