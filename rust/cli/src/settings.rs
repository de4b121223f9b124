//! The configuration that a subcommand works with.

use crate::error::Error;
use std::path::Path;
use threat_agent_engine::config::Mode;
use threat_agent_engine::Config;

/// Reads a configuration, or takes the defaults; enforcing, so that verdicts have consequences.
pub fn enforcing(path: Option<&Path>) -> Result<Config, Error> {
    let mut config = match path {
        Some(path) => read(path)?,
        None => Config::default(),
    };
    config.mode = Mode::Enforce;
    Ok(config)
}

/// Reads and checks a configuration.
pub fn read(path: &Path) -> Result<Config, Error> {
    let json = std::fs::read(path).map_err(Error::read(path))?;
    Config::from_json(&json).map_err(Error::config(path))
}
