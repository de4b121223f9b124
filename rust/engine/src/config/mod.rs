//! The configuration as the engine sees it. This file owns defaults and bounds; the plugin's
//! schema repeats them for operators and a spec compares the two (`threat-agent schema --json`).

mod payload;

pub use payload::{Exclusion, OnUninspected, Payload, PositiveModel};

use crate::error::Error;
use crate::state::{By, Counter, Scope};
use crate::verdict::{Action, Category};
use crate::window::Window;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bounds that both this file and the schema check.
pub mod bounds {
    /// Entries in `rules` and in `limits`.
    pub const MAX_RULES: usize = 512;
    /// Entries in one list of conditions, and in `allowlist`.
    pub const MAX_ENTRIES: usize = 4096;
    /// Units: bytes.
    pub const MAX_EXPRESSION_BYTES: usize = 4096;
    /// Units: bytes. Regular expressions, ids and header names too.
    pub const MAX_TEXT_BYTES: usize = 512;
    /// Units: arrivals per window.
    pub const MAX_LIMIT: u64 = 1_000_000;
    /// Units: seconds (30 days).
    pub const MAX_BAN_S: u32 = 2_592_000;
    /// Entries in `behaviour.account_fields`.
    pub const MAX_FIELDS: usize = 32;
    /// Units: bytes. Names of fields.
    pub const MAX_FIELD_BYTES: usize = 64;
    /// Entries in `payload.exclusions`, in each list of one, and in `payload.shadow`.
    pub const MAX_EXCLUSIONS: usize = 64;
    /// Units: bytes.
    pub const MAX_BODY_BYTES: u64 = 1_048_576;
    /// Units: bytes.
    pub const DEFAULT_BODY_BYTES: u64 = 65_536;
    /// Units: bytes. `payload.api_spec`.
    pub const MAX_SPEC_BYTES: usize = 1_048_576;
    /// `payload.positive_model.min_senders`.
    pub const MAX_SENDERS: u16 = 1_000;
    /// Units: minutes (four weeks).
    pub const MAX_MINUTES: u32 = 40_320;
}

/// Whether verdicts are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything is computed, nothing is done: no refusal, no header, no ban.
    #[default]
    Monitor,
    Enforce,
}

/// One plugin instance's configuration, without what only Lua needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub mode: Mode,
    /// Share of clients for whom `mode: enforce` holds; verdicts on the others are only told. A client
    /// stays on its side, and a larger share contains the smaller one.
    pub enforce_ratio: f64,
    /// The same for single categories, instead of `enforce_ratio`.
    pub enforce_ratios: BTreeMap<Category, f64>,
    /// What the plugin instance is attached to: the scope of limits that name none.
    pub instance_scope: Scope,
    /// Share of requests whose payload is inspected. Counting and bans are never sampled.
    pub sampling_ratio: f64,
    /// Response statuses that say that a login or credential was refused.
    pub auth_failure_statuses: Vec<u16>,
    pub allowlist: Allowlist,
    /// Networks (`response.protected.cidrs`) whose clients behaviour alone never refuses.
    pub protected_cidrs: Vec<String>,
    pub rules: Vec<Rule>,
    pub limits: Vec<Limit>,
    pub payload: Payload,
    pub behaviour: Behaviour,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            mode: Mode::Monitor,
            enforce_ratio: 1.0,
            enforce_ratios: BTreeMap::new(),
            instance_scope: Scope::Global,
            sampling_ratio: 1.0,
            auth_failure_statuses: vec![401],
            allowlist: Allowlist::default(),
            protected_cidrs: Vec::new(),
            rules: Vec::new(),
            limits: Vec::new(),
            payload: Payload::default(),
            behaviour: Behaviour::default(),
        }
    }
}

/// Clients that are neither counted nor inspected nor refused.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allowlist {
    /// Addresses or networks.
    pub cidrs: Vec<String>,
    /// Consumer ids.
    pub consumers: Vec<String>,
    /// Requests of known checkers for one path.
    pub health_checks: Vec<HealthCheck>,
}

/// A health check that is verified by where it comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// The whole path, as it is sent.
    pub path: String,
    /// Addresses or networks of the checkers.
    pub cidrs: Vec<String>,
}

/// A rule of the operator's. All conditions that are given must hold; within a list, one suffices.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub id: String,
    pub action: Action,
    #[serde(default = "Rule::default_category")]
    pub category: Category,
    /// Anomaly score in 0..=1.
    #[serde(default = "Rule::default_score")]
    pub score: f32,
    /// Seconds that a client who matches stays refused; 0 for no ban. Needs `action: block`.
    #[serde(default)]
    pub ban_s: u32,
    #[serde(default)]
    pub cidrs: Vec<String>,
    #[serde(default)]
    pub methods: Vec<String>,
    /// Prefixes of the decoded, normalised path; behind `~`, a regular expression on it.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Regular expressions on the User-Agent, in any case.
    #[serde(default)]
    pub user_agents: Vec<String>,
    #[serde(default)]
    pub headers: Vec<HeaderCondition>,
    /// A condition in Kong's expression language.
    #[serde(default)]
    pub expression: Option<String>,
    /// Whether a match is only told, never acted upon.
    #[serde(default)]
    pub shadow: bool,
}

impl Rule {
    fn default_category() -> Category {
        Category::Abuse
    }

    fn default_score() -> f32 {
        1.0
    }
}

/// Holds when a header of that name is present and, with a pattern, when its value matches.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderCondition {
    pub name: String,
    /// A regular expression, in any case.
    #[serde(default)]
    pub pattern: Option<String>,
}

/// At most `limit` arrivals in a sliding window, for each key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub id: String,
    pub by: By,
    #[serde(default = "Limit::default_count")]
    pub count: Counter,
    pub window: Window,
    pub limit: u64,
    #[serde(default = "Limit::default_action")]
    pub action: Action,
    /// Seconds that the client, or the consumer, stays refused once over; 0 for no ban.
    #[serde(default)]
    pub ban_s: u32,
    /// Where it counts; by default where the plugin instance is attached.
    #[serde(default)]
    pub scope: Option<Scope>,
    /// By default: `credential_stuffing` for `auth_failures`, `mass_error` for `server_errors`,
    /// `api_ddos` for routes and services, otherwise `abuse`.
    #[serde(default)]
    pub category: Option<Category>,
}

impl Limit {
    fn default_count() -> Counter {
        Counter::Requests
    }

    fn default_action() -> Action {
        Action::Throttle
    }
}

/// Detection by behaviour.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    pub enabled: bool,
    /// What happens to the requests of clients that an attack is traced to.
    pub action: Action,
    /// Fields of a login form that name the account, in any case.
    pub account_fields: Vec<String>,
    /// Cookie that holds the session.
    pub session_cookie: Option<String>,
    /// Header that holds the session, or its JWT where a claim is named.
    pub session_header: Option<String>,
    /// Claim that names the session, of the JWT in `session_header` or `Authorization`. It is read
    /// without a check of the signature: whoever checks it answers before anything is counted.
    pub session_jwt_claim: Option<String>,
}

impl Default for Behaviour {
    fn default() -> Self {
        let fields = ["username", "user", "email", "login", "account", "phone"];
        Behaviour {
            enabled: true,
            action: Action::Throttle,
            account_fields: fields.map(str::to_owned).to_vec(),
            session_cookie: None,
            session_header: None,
            session_jwt_claim: None,
        }
    }
}

impl Config {
    /// Reads and checks a configuration.
    /// Errors: unknown fields, wrong types, and what [`Config::check`] finds.
    pub fn from_json(json: &[u8]) -> Result<Config, Error> {
        let config: Config = serde_json::from_slice(json)?;
        config.check()?;
        Ok(config)
    }

    /// Leaves out rules and limits whose id another one has already, and tells which.
    pub(crate) fn drop_repeated_ids(&mut self) -> Vec<Error> {
        let mut seen = std::collections::HashSet::new();
        let mut errors = Vec::new();
        let mut first = |list: &str, id: &str| {
            let new = seen.insert(id.to_owned());
            if !new {
                errors.push(repeated(list, id));
            }
            new
        };
        self.rules.retain(|rule| first("rules", &rule.id));
        self.limits.retain(|limit| first("limits", &limit.id));
        errors
    }

    /// Checks bounds and what types cannot say. What needs compiling (patterns, networks,
    /// expressions) is checked by [`crate::Engine::new`].
    pub fn check(&self) -> Result<(), Error> {
        ratio("sampling_ratio", self.sampling_ratio)?;
        ratio("enforce_ratio", self.enforce_ratio)?;
        for (category, share) in &self.enforce_ratios {
            ratio(&format!("enforce_ratios.{}", category.name()), *share)?;
        }
        self.payload.check()?;
        for status in &self.auth_failure_statuses {
            if !(100..=599).contains(status) {
                return Err(Error::field(
                    "auth_failure_statuses",
                    format!("expected statuses from 100 to 599, got {status}"),
                ));
            }
        }
        entries(
            "allowlist.cidrs",
            self.allowlist.cidrs.len(),
            bounds::MAX_ENTRIES,
        )?;
        entries(
            "allowlist.consumers",
            self.allowlist.consumers.len(),
            bounds::MAX_ENTRIES,
        )?;
        entries(
            "response.protected.cidrs",
            self.protected_cidrs.len(),
            bounds::MAX_ENTRIES,
        )?;
        let checks = &self.allowlist.health_checks;
        entries("allowlist.health_checks", checks.len(), bounds::MAX_ENTRIES)?;
        for check in checks {
            text(
                "allowlist.health_checks.path",
                &check.path,
                bounds::MAX_TEXT_BYTES,
            )?;
            if !check.path.starts_with('/') {
                return Err(Error::field(
                    "allowlist.health_checks.path",
                    format!("expected a path that begins with /, got \"{}\"", check.path),
                ));
            }
            if check.cidrs.is_empty() {
                return Err(Error::field(
                    "allowlist.health_checks.cidrs",
                    "expected at least one address or network: a path alone proves nothing",
                ));
            }
            entries(
                "allowlist.health_checks.cidrs",
                check.cidrs.len(),
                bounds::MAX_ENTRIES,
            )?;
        }
        let fields = &self.behaviour.account_fields;
        entries("behaviour.account_fields", fields.len(), bounds::MAX_FIELDS)?;
        for field in fields {
            text("behaviour.account_fields", field, bounds::MAX_FIELD_BYTES)?;
        }
        let behaviour = &self.behaviour;
        for (field, name) in [
            ("behaviour.session_cookie", &behaviour.session_cookie),
            ("behaviour.session_header", &behaviour.session_header),
            ("behaviour.session_jwt_claim", &behaviour.session_jwt_claim),
        ] {
            if let Some(name) = name {
                text(field, name, bounds::MAX_FIELD_BYTES)?;
            }
        }
        entries("rules", self.rules.len(), bounds::MAX_RULES)?;
        entries("limits", self.limits.len(), bounds::MAX_RULES)?;
        let mut ids = std::collections::HashSet::new();
        for rule in &self.rules {
            rule_id("rules", &rule.id, &mut ids)?;
            rule.check()?;
        }
        for limit in &self.limits {
            rule_id("limits", &limit.id, &mut ids)?;
            limit.check()?;
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self) -> Result<(), Error> {
        let at = |field: &str| format!("rules[{}].{field}", self.id);
        ratio(&at("score"), f64::from(self.score))?;
        ban(&at("ban_s"), self.ban_s, self.action)?;
        let lists = [
            ("cidrs", &self.cidrs),
            ("methods", &self.methods),
            ("paths", &self.paths),
            ("user_agents", &self.user_agents),
        ];
        for (field, list) in lists {
            entries(&at(field), list.len(), bounds::MAX_ENTRIES)?;
            for entry in list {
                text(&at(field), entry, bounds::MAX_TEXT_BYTES)?;
            }
        }
        entries(&at("headers"), self.headers.len(), bounds::MAX_ENTRIES)?;
        for header in &self.headers {
            text(&at("headers.name"), &header.name, bounds::MAX_TEXT_BYTES)?;
            if let Some(pattern) = &header.pattern {
                text(&at("headers.pattern"), pattern, bounds::MAX_TEXT_BYTES)?;
            }
        }
        if let Some(expression) = &self.expression {
            text(&at("expression"), expression, bounds::MAX_EXPRESSION_BYTES)?;
        }
        let conditions = lists.iter().map(|(_, l)| l.len()).sum::<usize>() + self.headers.len();
        if conditions == 0 && self.expression.is_none() {
            return Err(Error::field(
                format!("rules[{}]", self.id),
                "expected at least one of cidrs, methods, paths, user_agents, headers, expression",
            ));
        }
        Ok(())
    }
}

impl Limit {
    fn check(&self) -> Result<(), Error> {
        let at = |field: &str| format!("limits[{}].{field}", self.id);
        if !(1..=bounds::MAX_LIMIT).contains(&self.limit) {
            let most = bounds::MAX_LIMIT;
            return Err(Error::field(
                at("limit"),
                format!("expected a number from 1 to {most}, got {}", self.limit),
            ));
        }
        if self.action == Action::Allow {
            return Err(Error::field(
                at("action"),
                "expected one of: tag, throttle, block",
            ));
        }
        if self.ban_s > 0 && self.by.is_wide() {
            return Err(Error::field(
                at("ban_s"),
                "expected 0 where by is route or service: only clients and consumers are banned",
            ));
        }
        ban(&at("ban_s"), self.ban_s, self.action)
    }
}

fn ratio(field: &str, value: f64) -> Result<(), Error> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::field(
        field,
        format!("expected a number from 0 to 1, got {value}"),
    ))
}

fn entries(field: &str, count: usize, most: usize) -> Result<(), Error> {
    if count <= most {
        return Ok(());
    }
    Err(Error::field(
        field,
        format!("expected at most {most} entries, got {count}"),
    ))
}

fn text(field: &str, value: &str, most: usize) -> Result<(), Error> {
    if value.is_empty() || value.len() > most {
        return Err(Error::field(
            field,
            format!("expected 1 to {most} bytes, got {}", value.len()),
        ));
    }
    Ok(())
}

fn rule_id<'a>(
    list: &str,
    id: &'a str,
    seen: &mut std::collections::HashSet<&'a str>,
) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
        return Err(Error::field(
            format!("{list}.id"),
            format!("expected 1 to 64 letters, digits, '-', '_' or '.', got \"{id}\""),
        ));
    }
    if !seen.insert(id) {
        return Err(repeated(list, id));
    }
    Ok(())
}

fn repeated(list: &str, id: &str) -> Error {
    Error::field(
        format!("{list}.id"),
        format!("\"{id}\" is given twice; ids are unique among rules and limits"),
    )
}

fn ban(field: &str, ban_s: u32, action: Action) -> Result<(), Error> {
    if ban_s > bounds::MAX_BAN_S {
        let most = bounds::MAX_BAN_S;
        return Err(Error::field(
            field,
            format!("expected at most {most}, got {ban_s}"),
        ));
    }
    if ban_s > 0 && action != Action::Block {
        return Err(Error::field(field, "expected 0 unless action is block"));
    }
    Ok(())
}
