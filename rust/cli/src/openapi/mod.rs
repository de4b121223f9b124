//! `threat-agent openapi`: which operations an API really has, and how they differ from its
//! document.

mod document;
mod learned;

use crate::error::Error;
use crate::kong_log::Entry;
use crate::lines::Lines;
use document::{Differences, Document};
use learned::Learned;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Learn operations and their query parameters from a Kong log, and print them as an OpenAPI
/// document; or hold the log against a document: shadow, zombie and unused operations.
///
/// Only requests answered below 400 are learned from. Paths are the client's: compare with the
/// document of what the gateway serves.
#[derive(clap::Args)]
pub struct Args {
    /// A log of Kong's file-log or http-log plugin, JSON Lines, plain or zstd.
    file: PathBuf,
    /// An OpenAPI document, JSON, to hold the log against.
    #[arg(long)]
    document: Option<PathBuf>,
    /// Print the differences as JSON.
    #[arg(long, requires = "document")]
    json: bool,
}

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let learned = learn(&args.file)?;
    let Some(path) = &args.document else {
        serde_json::to_writer_pretty(&mut *out, &learned.document())?;
        writeln!(out)?;
        return Ok(());
    };
    let found = Document::new(&read(path)?).compare(&learned);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
        return Ok(());
    }
    print(&found, out)
}

fn learn(file: &Path) -> Result<Learned, Error> {
    let mut lines = Lines::open(file)?;
    let mut learned = Learned::default();
    while let Some(entry) = lines.next::<Entry>()? {
        if (200..400).contains(&entry.status()) {
            learned.take(&entry.into_played().request());
        }
    }
    Ok(learned)
}

fn read(path: &Path) -> Result<serde_json::Value, Error> {
    let text = std::fs::read(path).map_err(Error::read(path))?;
    serde_json::from_slice(&text).map_err(|e| Error::Line {
        path: path.to_owned(),
        line: e.line() as u64,
        problem: e.to_string(),
    })
}

fn print(found: &Differences, out: &mut dyn Write) -> Result<(), Error> {
    for (title, list) in [
        ("shadow: answered, and not in the document", &found.shadow),
        ("zombie: deprecated, and still in use", &found.zombie),
        ("unused: in the document, and not in the log", &found.unused),
        (
            "parameters that the document does not name",
            &found.parameters,
        ),
    ] {
        writeln!(out, "{title}")?;
        for entry in list {
            writeln!(out, "  {entry}")?;
        }
        if list.is_empty() {
            writeln!(out, "  none")?;
        }
    }
    Ok(())
}
