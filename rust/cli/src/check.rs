//! `threat-agent check`: is this configuration one that the engine accepts?

use crate::error::Error;
use crate::settings;
use std::io::Write;
use std::path::PathBuf;
use threat_agent_engine::Engine;

/// Check a configuration: fields, bounds, patterns, networks and expressions.
#[derive(clap::Args)]
pub struct Args {
    /// The configuration, JSON.
    file: PathBuf,
}

/// Errors: the first wrong field; of rules that do not compile, all are printed.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let config = settings::read(&args.file)?;
    let (rules, limits) = (config.rules.len(), config.limits.len());
    let (_, errors) = Engine::lenient(config).map_err(Error::config(&args.file))?;
    for error in &errors {
        writeln!(out, "{}: {error}", args.file.display())?;
    }
    if !errors.is_empty() {
        return Err(Error::Rules {
            path: args.file.clone(),
            count: errors.len(),
        });
    }
    writeln!(
        out,
        "{}: ok ({rules} rules, {limits} limits)",
        args.file.display()
    )?;
    Ok(())
}
