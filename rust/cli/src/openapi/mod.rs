//! `threat-agent openapi`: which operations an API really has, and how they differ from its
//! document.

mod document;
mod learned;
mod profile;

use crate::error::Error;
use crate::kong_log::Entry;
use crate::lines::Lines;
use document::{Differences, Met};
use learned::Learned;
use std::io::Write;
use std::path::{Path, PathBuf};
use threat_agent_engine::profile::{Api, SavedProfiles};

/// Print the operations and parameters of a Kong log, or what a gateway has learned itself, as an
/// OpenAPI document; or hold them against a document: shadow, zombie and unused operations.
///
/// Only requests answered below 400 are learned from. Paths are the client's: compare with the
/// document of what the gateway serves. For the gateway to hold requests against a document, put
/// its text into the plugin's `payload.api_spec`.
#[derive(clap::Args)]
pub struct Args {
    /// A log of Kong's file-log or http-log plugin, JSON Lines, plain or zstd; or a node's
    /// `<prefix>/threat-agent/profiles.json`.
    file: PathBuf,
    /// An OpenAPI document, JSON, to hold it against.
    #[arg(long)]
    document: Option<PathBuf>,
    /// Print the differences as JSON.
    #[arg(long, requires = "document")]
    json: bool,
}

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let (written, met) = match profiles(&args.file)? {
        Some(saved) => (profile::document(&saved), profile::met(&saved)),
        None => {
            let learned = learn(&args.file)?;
            (learned.document(), learned.met())
        }
    };
    match &args.document {
        Some(path) => differences(&Api::new(&read(path)?), &met, args.json, out),
        None => {
            serde_json::to_writer_pretty(&mut *out, &written)?;
            Ok(writeln!(out)?)
        }
    }
}

/// Reads what a node has learned; nothing where the file is something else.
fn profiles(path: &Path) -> Result<Option<SavedProfiles>, Error> {
    let text = std::fs::read(path).map_err(Error::read(path))?;
    if !text.starts_with(profile::START) {
        return Ok(None);
    }
    let saved = SavedProfiles::read(&text).map_err(Error::config(path))?;
    Ok(Some(saved))
}

fn differences(api: &Api, met: &Met, json: bool, out: &mut dyn Write) -> Result<(), Error> {
    let found = Differences::of(api, met);
    if json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        return Ok(writeln!(out)?);
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
        ("unused: in the document, and never met", &found.unused),
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
