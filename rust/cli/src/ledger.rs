//! `threat-agent ledger verify`: is the chain of what the agent did whole?

use crate::error::Error;
use clap::Subcommand;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use threat_agent_engine::ledger::Chain;

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
}

/// Errors: the first line that breaks the chain.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let Command::Verify(verify) = &args.command;
    let key = match &verify.key_file {
        Some(path) => fs::read(path).map_err(Error::read(path))?,
        None => Vec::new(),
    };
    let file = fs::File::open(&verify.file).map_err(Error::read(&verify.file))?;
    let mut chain = Chain::new(key.trim_ascii_end());
    let mut count = 0;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(Error::read(&verify.file))?;
        count += 1;
        chain.follow(&line).map_err(|problem| Error::Line {
            path: verify.file.clone(),
            line: count,
            problem,
        })?;
    }
    writeln!(
        out,
        "{}: ok ({count} lines, head {})",
        verify.file.display(),
        chain.head()
    )?;
    Ok(())
}
