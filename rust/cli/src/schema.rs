//! `threat-agent schema`: the defaults and bounds that the engine owns, for the plugin's schema
//! to be compared with.

use crate::error::Error;
use serde::de::DeserializeOwned;
use serde_json::{json, Value};
use std::io::Write;
use threat_agent_engine::config::{bounds, Limit, Mode, OnUninspected, Rule};
use threat_agent_engine::inspect::Family;
use threat_agent_engine::state::{By, Counter, Scope};
use threat_agent_engine::window::Window;
use threat_agent_engine::{Action, Category, Config};

/// Print the defaults, bounds and allowed values of the configuration.
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON instead of one line per field.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let schema = schema()?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &schema)?;
        writeln!(out)?;
    } else {
        lines(out, "", &schema)?;
    }
    Ok(())
}

fn schema() -> Result<Value, Error> {
    let rule: Rule = least(json!({"id": "", "action": "block"}))?;
    let limit: Limit = least(json!({"id": "", "by": "client_ip", "window": "1s", "limit": 1}))?;
    Ok(json!({
        "defaults": Config::default(),
        "rule_defaults": without(serde_json::to_value(rule)?, &["id", "action"]),
        "limit_defaults": without(
            serde_json::to_value(limit)?,
            &["id", "by", "window", "limit"],
        ),
        "bounds": {
            "max_rules": bounds::MAX_RULES,
            "max_entries": bounds::MAX_ENTRIES,
            "max_expression_bytes": bounds::MAX_EXPRESSION_BYTES,
            "max_text_bytes": bounds::MAX_TEXT_BYTES,
            "max_limit": bounds::MAX_LIMIT,
            "max_exclusions": bounds::MAX_EXCLUSIONS,
            "max_ban_s": bounds::MAX_BAN_S,
            "max_body_bytes": bounds::MAX_BODY_BYTES,
            "max_spec_bytes": bounds::MAX_SPEC_BYTES,
            "max_senders": bounds::MAX_SENDERS,
            "max_minutes": bounds::MAX_MINUTES,
        },
        "enums": {
            "mode": [Mode::Monitor, Mode::Enforce],
            "action": [Action::Allow, Action::Tag, Action::Throttle, Action::Block],
            "category": Category::ALL,
            "family": Family::ALL,
            "on_uninspected": OnUninspected::ALL,
            "scope": Scope::ALL,
            "by": By::ALL,
            "count": Counter::CONFIGURABLE,
            "window": Window::ALL,
        },
    }))
}

/// Reads an entry that gives only what it must, so that serde fills in the rest.
fn least<T: DeserializeOwned>(entry: Value) -> Result<T, Error> {
    Ok(serde_json::from_value(entry)?)
}

fn without(mut entry: Value, required: &[&str]) -> Value {
    if let Value::Object(fields) = &mut entry {
        fields.retain(|name, _| !required.contains(&name.as_str()));
    }
    entry
}

fn lines(out: &mut dyn Write, path: &str, value: &Value) -> Result<(), Error> {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                lines(out, &format!("{path}{dot}{name}"), value)?;
            }
        }
        _ => writeln!(out, "{path} = {value}")?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_be_given_has_no_default() {
        let schema = schema().unwrap();
        assert_eq!(schema["defaults"]["payload"]["threshold"], 0.5);
        assert_eq!(schema["rule_defaults"]["score"], 1.0);
        assert!(schema["rule_defaults"].get("id").is_none());
        assert_eq!(schema["limit_defaults"]["action"], "throttle");
        assert_eq!(schema["enums"]["window"], json!(["1s", "10s", "60s", "1h"]));
    }
}
