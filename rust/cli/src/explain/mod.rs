//! `threat-agent explain`: why a request is refused, or is not.

mod exclusion;

use crate::error::Error;
use crate::lines::Lines;
use crate::rows::Row;
use crate::settings;
use std::cmp::Ordering;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use threat_agent_engine::config::Payload;
use threat_agent_engine::inspect::{Finding, Findings, Inspector, Location, Scoping};
use threat_agent_engine::model::{Judgement, HIGH_CONFIDENCE};
use threat_agent_engine::payload::Thresholds;
use threat_agent_engine::{Error as Unfit, Model, Request};

/// Explain the verdict on one request: decoded values, findings, what each feature adds to the
/// score, thresholds, and the exclusion that would clear what was found.
#[derive(clap::Args)]
pub struct Args {
    /// A request in the format that `evaluate` takes, whose label, source and category may be
    /// left out; the first line counts. Standard input without it.
    file: Option<PathBuf>,
    /// Take the payload settings of this configuration instead of the defaults.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Longest excerpt. Units: characters.
const EXCERPT: usize = 80;
/// Longest run of letters and digits that is shown whole: longer ones may be secrets.
const WORD: usize = 16;

type Fields = serde_json::Map<String, serde_json::Value>;

/// A value that the model judged.
struct Seen {
    location: Location,
    excerpt: String,
    judgement: Judgement,
    /// Whether a rule spoke on it.
    ruled: bool,
    /// Score from which the action applies to it.
    threshold: f32,
}

impl Seen {
    fn is_refused(&self) -> bool {
        self.judgement.probability >= self.threshold
    }
}

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let stdin = PathBuf::from("standard input");
    let path = args.file.as_ref().unwrap_or(&stdin);
    let row = match &args.file {
        Some(path) => Lines::open(path)?.next()?,
        None => first(&mut std::io::stdin().lock(), path)?,
    };
    let row = row.ok_or_else(|| Error::Empty { path: path.clone() })?;
    let owned = unlabelled(row)
        .and_then(Row::into_request)
        .map_err(|problem| Error::Line {
            path: path.clone(),
            line: 1,
            problem,
        })?;
    let payload = settings::enforcing(args.config.as_deref())?.payload;
    let most = usize::try_from(payload.max_body_bytes).unwrap_or(usize::MAX);
    let request = owned.request(most);
    let model = Model::embedded().map_err(Error::config(path))?;
    let (seen, found) = look(&payload, &request).map_err(Error::config(path))?;

    writeln!(out, "values that the model judged, decoded")?;
    for value in &seen {
        let p = value.judgement.probability;
        writeln!(out, "  {p:.3}  {}: {}", value.location, value.excerpt)?;
    }
    findings(&found.list, &seen, out)?;
    let Some(worst) = seen.first() else {
        writeln!(out, "\nnothing in it is suspicious: allow")?;
        return Ok(());
    };
    parts(model, worst, out)?;
    let probability = worst.judgement.probability;
    let recorded_from = payload.detection_threshold.min(worst.threshold);
    let refused = payload.enabled && worst.is_refused();
    writeln!(
        out,
        "\nprobability {probability:.3}; recorded from {}, refused from {} ({}), high confidence from {HIGH_CONFIDENCE}: {}",
        recorded_from,
        worst.threshold,
        payload.action.name(),
        if refused { payload.action.name() } else { "allow" },
    )?;
    if probability >= recorded_from {
        exclusion::print(&payload, &request, path, out)?;
    }
    Ok(())
}

/// Judges a request as the gateway does, and keeps what it saw, the worst first.
fn look(payload: &Payload, request: &Request<'_>) -> Result<(Vec<Seen>, Findings), Unfit> {
    let model = Model::embedded()?;
    let thresholds = Thresholds::new(payload);
    let inspector = Inspector::new(&payload.families).scoped(Scoping::new(payload)?);
    let mut found = Findings::default();
    let mut seen: Vec<Seen> = Vec::new();
    inspector.inspect_each(request, &mut found, |judged| {
        if !Model::concerns(judged) {
            return;
        }
        seen.push(Seen {
            location: Location::new(judged.value.part, judged.value.name),
            excerpt: excerpt(judged.value.bytes),
            judgement: model.judge(judged),
            ruled: !judged.evidence.is_empty(),
            threshold: thresholds.of(&judged.evidence),
        });
    });
    seen.sort_by(|a, b| {
        let key = |v: &Seen| (v.is_refused(), v.judgement.probability);
        key(b).partial_cmp(&key(a)).unwrap_or(Ordering::Equal)
    });
    Ok((seen, found))
}

/// Reads a row that need not say where it is from and what it is.
/// Errors: fields that are missing or of another type.
fn unlabelled(mut row: Fields) -> Result<Row, String> {
    for (name, any) in [("source", ""), ("label", "benign"), ("category", "")] {
        row.entry(name).or_insert_with(|| any.into());
    }
    serde_json::from_value(row.into()).map_err(|e| e.to_string())
}

fn first(input: &mut dyn BufRead, path: &Path) -> Result<Option<Fields>, Error> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(Error::read(path))?;
    if line.trim().is_empty() {
        return Ok(None);
    }
    let row = serde_json::from_str(&line);
    row.map(Some).map_err(|e| Error::Line {
        path: path.to_owned(),
        line: 1,
        problem: e.to_string(),
    })
}

fn findings(list: &[Finding], seen: &[Seen], out: &mut dyn Write) -> Result<(), Error> {
    writeln!(out, "\nfindings")?;
    for finding in list {
        let value = seen.iter().find(|v| v.location == finding.location);
        writeln!(
            out,
            "  {:24} {:8} {:.2}  {}: {}",
            finding.rule,
            severity(finding.score),
            finding.score,
            finding.location,
            value.map_or("", |v| v.excerpt.as_str()),
        )?;
    }
    if list.is_empty() {
        writeln!(out, "  none")?;
    }
    Ok(())
}

/// Source: the names of the OWASP Core Rule Set.
fn severity(score: f32) -> &'static str {
    match score {
        0.8.. => "critical",
        0.5.. => "error",
        0.3.. => "warning",
        _ => "notice",
    }
}

fn parts(model: &Model, worst: &Seen, out: &mut dyn Write) -> Result<(), Error> {
    let location = &worst.location;
    writeln!(out, "\nscore of {location}, in log-odds")?;
    writeln!(out, "  {:32} {:+.2}", "start", model.bias)?;
    for (name, part) in model.contributions(&worst.judgement) {
        writeln!(out, "  {name:32} {part:+.2}")?;
    }
    writeln!(out, "  {:32} {:+.2}", "sum", worst.judgement.sum)?;
    Ok(())
}

/// Shows a value on one line, cut, and without what may be a secret.
fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::new();
    let mut run = 0;
    for c in text.chars() {
        run = if c.is_alphanumeric() { run + 1 } else { 0 };
        if run == WORD + 1 {
            shown.push('…');
        }
        if run <= WORD {
            shown.extend(c.escape_debug());
        }
        if shown.chars().count() >= EXCERPT {
            shown.push('…');
            break;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::testing::file;

    #[test]
    fn an_attack_is_explained() {
        let row = r#"{"source":"s","label":"malicious","category":"sqli","method":"GET","path":"/p",
            "query":"q=1%27%20or%20%271%27=%271"}"#;
        let path = file("explain", &row.replace('\n', ""));
        let mut out = Vec::new();
        let args = Args {
            file: Some(path.clone()),
            config: None,
        };
        run(&args, &mut out).unwrap();
        std::fs::remove_file(&path).unwrap();
        let text = String::from_utf8(out).unwrap();
        for part in [
            "query.q: 1\\' or",
            "sqli.",
            "rules enough",
            "exclusions:\n    - rules: [\"sqli.",
            "paths: [\"/p\"]",
            "with it: allow",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_request_needs_neither_label_nor_source() {
        let ask = |row: &str| {
            let path = file("unlabelled", row);
            let mut out = Vec::new();
            let args = Args {
                file: Some(path.clone()),
                config: None,
            };
            let done = run(&args, &mut out).map_err(|e| e.to_string());
            std::fs::remove_file(&path).unwrap();
            done.map(|()| String::from_utf8(out).unwrap())
        };
        let text = ask(r#"{"method":"GET","path":"/p","query":"q=shoes"}"#).unwrap();
        assert!(text.contains("allow"), "{text}");
        let error = ask(r#"{"method":"GET"}"#).unwrap_err();
        assert!(error.contains("missing field `path`"), "{error}");
    }

    #[test]
    fn long_words_are_not_shown() {
        let shown = excerpt(b"key=AKIAIOSFODNN7EXAMPLE0000\n");
        assert_eq!(shown, "key=AKIAIOSFODNN7EXA…\\n");
    }
}
