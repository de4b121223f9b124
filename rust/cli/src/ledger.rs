//! `threat-agent ledger verify`: is the chain of what the agent did whole?

use crate::error::Error;
use clap::Subcommand;
use serde::Deserialize;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use threat_agent_engine::ledger::{Chain, Head};

/// Check the record of what the agent did.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Verify(Verify),
}

/// Follow the chain of hashes: no line was changed, removed or put in.
#[derive(clap::Args)]
struct Verify {
    /// ledger.jsonl of a node.
    file: PathBuf,
    /// File with the key that the lines were hashed with (`response.ledger_key`), if there is one.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// A head that was told elsewhere and must be in the chain: its hash, or the event `ledger.head` as JSON, whose
    /// signature is then checked with the key. Can be given more than once.
    #[arg(long = "head", value_name = "HASH|JSON")]
    heads: Vec<String>,
}

/// An event as channels get it.
#[derive(Deserialize)]
struct Event {
    ledger_head: Head,
}

/// Reads a head as it was told. Errors: what is wrong with it.
fn hash_of(told: &str, key: &[u8]) -> Result<String, String> {
    if !told.starts_with('{') {
        return Ok(told.to_owned());
    }
    let head = serde_json::from_str::<Event>(told)
        .map(|event| event.ledger_head)
        .or_else(|_| serde_json::from_str::<Head>(told))
        .map_err(|e| format!("expected a hash or an event ledger.head: {e}"))?;
    if !key.is_empty() && !head.is_signed(key) {
        return Err(format!("the head {} is not signed with the key", head.head));
    }
    Ok(head.head)
}

/// Errors: the first line that breaks the chain.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let Command::Verify(verify) = &args.command;
    let key = match &verify.key_file {
        Some(path) => fs::read(path).map_err(Error::read(path))?,
        None => Vec::new(),
    };
    let key = key.trim_ascii_end();
    let mut missing = verify
        .heads
        .iter()
        .map(|told| hash_of(told, key).map_err(Error::Head))
        .collect::<Result<Vec<_>, _>>()?;
    let file = fs::File::open(&verify.file).map_err(Error::read(&verify.file))?;
    let mut chain = Chain::new(key);
    let mut count = 0;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(Error::read(&verify.file))?;
        count += 1;
        chain.follow(&line).map_err(|problem| Error::Line {
            path: verify.file.clone(),
            line: count,
            problem,
        })?;
        missing.retain(|head| head != chain.head());
    }
    if let Some(head) = missing.first() {
        return Err(Error::Head(format!(
            "{} has no line of the head {head}: its end was cut off, or the line is in another file",
            verify.file.display()
        )));
    }
    writeln!(
        out,
        "{}: ok ({count} lines, head {})",
        verify.file.display(),
        chain.head()
    )?;
    Ok(())
}
