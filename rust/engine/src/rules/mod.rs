//! The operator's own rules: conditions on address, method, path, headers, and Kong's expressions.

mod expression;
mod path;

use crate::config;
use crate::error::Error;
use crate::request::{Identity, Request};
use crate::verdict::{Action, Category, RuleId, Verdict};
use cidr::IpCidr;
use expression::Expression;
pub use path::normalise;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use std::net::IpAddr;

/// The rules of one configuration, in its order.
#[derive(Default)]
pub struct Rules {
    rules: Vec<Rule>,
}

struct Rule {
    id: RuleId,
    action: Action,
    category: Category,
    score: f32,
    ban_s: u32,
    networks: Vec<IpCidr>,
    methods: Vec<String>,
    paths: Vec<PathPattern>,
    user_agents: Option<RegexSet>,
    headers: Vec<(String, Option<Regex>)>,
    expression: Option<Expression>,
    shadow: bool,
}

enum PathPattern {
    Prefix(String),
    Regex(Regex),
}

/// How the rules ended for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// No rule decided: limits and inspection go on.
    Open,
    /// A rule with `action: allow` matched: nothing else looks at the request.
    Allowed,
    /// A rule refused; seconds of ban that it asks for.
    Refused { ban_s: u32 },
}

impl Rules {
    /// Compiles the rules. A rule that cannot be compiled is left out and told in the second
    /// part, so that one bad rule does not switch off the others.
    pub fn new(config: &[config::Rule]) -> (Rules, Vec<Error>) {
        let mut errors = Vec::new();
        let rules = config
            .iter()
            .filter_map(|rule| Rule::new(rule).map_err(|e| errors.push(e)).ok())
            .collect();
        (Rules { rules }, errors)
    }

    /// Applies the rules in order. The first that allows, throttles or blocks ends it; one that
    /// tags lets the next ones speak.
    pub fn apply(&self, request: &Request, verdict: &mut Verdict) -> Ruling {
        if self.rules.is_empty() {
            return Ruling::Open;
        }
        self.apply_each(request, verdict)
    }

    #[inline(never)]
    fn apply_each(&self, request: &Request, verdict: &mut Verdict) -> Ruling {
        let path = path::normalise(request.path);
        for rule in &self.rules {
            if !rule.matches(request, &path) {
                continue;
            }
            if rule.shadow {
                verdict.shadow.absorb(&rule.id, rule.action, rule.score);
                continue;
            }
            if rule.action == Action::Allow {
                return Ruling::Allowed;
            }
            verdict.absorb(&rule.id, rule.action, rule.category, rule.score, || {
                format!("rule {} of the configuration", rule.id)
            });
            if rule.action.refuses() {
                verdict.retry_after_s = rule.ban_s.max(u32::from(rule.action == Action::Throttle));
                return Ruling::Refused { ban_s: rule.ban_s };
            }
        }
        Ruling::Open
    }
}

impl Rule {
    fn new(rule: &config::Rule) -> Result<Rule, Error> {
        let at = |field: &str| format!("rules[{}].{field}", rule.id);
        let paths = rule.paths.iter().map(|p| path_pattern(&at("paths"), p));
        let headers = rule.headers.iter().map(|h| {
            let pattern = h.pattern.as_deref().map(|p| regex(&at("headers"), p));
            Ok((h.name.clone(), pattern.transpose()?))
        });
        Ok(Rule {
            id: rule.id.as_str().into(),
            action: rule.action,
            category: rule.category,
            score: rule.score,
            ban_s: rule.ban_s,
            networks: networks(&at("cidrs"), &rule.cidrs)?,
            methods: rule.methods.clone(),
            paths: paths.collect::<Result<_, Error>>()?,
            user_agents: user_agents(&at("user_agents"), &rule.user_agents)?,
            headers: headers.collect::<Result<_, Error>>()?,
            shadow: rule.shadow,
            expression: rule
                .expression
                .as_deref()
                .map(|e| Expression::new(e).map_err(|p| Error::field(at("expression"), p)))
                .transpose()?,
        })
    }

    fn matches(&self, request: &Request, path: &str) -> bool {
        (self.networks.is_empty() || contains(&self.networks, &request.identity))
            && (self.methods.is_empty()
                || self.methods.iter().any(|m| m.as_bytes() == request.method))
            && (self.paths.is_empty() || self.paths.iter().any(|p| p.matches(path)))
            && self
                .user_agents
                .as_ref()
                .is_none_or(|set| set.is_match(request.header("user-agent").unwrap_or_default()))
            && self.headers.iter().all(|(name, pattern)| {
                request.header_lines().any(|(n, value)| {
                    n.eq_ignore_ascii_case(name.as_bytes())
                        && pattern.as_ref().is_none_or(|p| p.is_match(value))
                })
            })
            && self
                .expression
                .as_ref()
                .is_none_or(|e| e.matches(request, path))
    }
}

impl PathPattern {
    fn matches(&self, path: &str) -> bool {
        match self {
            PathPattern::Prefix(prefix) => path.starts_with(prefix.as_str()),
            PathPattern::Regex(regex) => regex.is_match(path.as_bytes()),
        }
    }
}

fn path_pattern(field: &str, pattern: &str) -> Result<PathPattern, Error> {
    match pattern.strip_prefix('~') {
        Some(pattern) => Ok(PathPattern::Regex(regex(field, pattern)?)),
        None if pattern.starts_with('/') => Ok(PathPattern::Prefix(pattern.to_owned())),
        None => Err(Error::field(
            field,
            format!("expected a prefix that starts with / or a regular expression behind ~, got \"{pattern}\""),
        )),
    }
}

fn regex(field: &str, pattern: &str) -> Result<Regex, Error> {
    RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(1 << 20)
        .build()
        .map_err(|e| Error::field(field, format!("expected a regular expression: {e}")))
}

fn user_agents(field: &str, patterns: &[String]) -> Result<Option<RegexSet>, Error> {
    if patterns.is_empty() {
        return Ok(None);
    }
    RegexSetBuilder::new(patterns)
        .case_insensitive(true)
        .size_limit(1 << 24)
        .build()
        .map(Some)
        .map_err(|e| Error::field(field, format!("expected regular expressions: {e}")))
}

fn networks(field: &str, list: &[String]) -> Result<Vec<IpCidr>, Error> {
    list.iter().map(|text| network(field, text)).collect()
}

/// Reads an address or a network; host bits behind the prefix are cut off.
pub fn network(field: &str, text: &str) -> Result<IpCidr, Error> {
    let wrong = || {
        Error::field(
            field,
            format!("expected an IP address or a network in CIDR notation, got \"{text}\""),
        )
    };
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| wrong())?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let inet = cidr::IpInet::new(address, length.unwrap_or(most)).map_err(|_| wrong())?;
    Ok(inet.network())
}

/// Tells whether an address lies in one of some networks, `,` between them.
/// Errors: the first that is none.
pub fn within(address: Option<IpAddr>, networks: &[u8]) -> Result<bool, Error> {
    let text = String::from_utf8_lossy(networks);
    let mut within = false;
    for one in text.split(',').filter(|one| !one.is_empty()) {
        let network = network("networks", one.trim())?;
        within |= address.is_some_and(|a| network.contains(&a));
    }
    Ok(within)
}

/// Tells whether the client is in one of the networks.
pub fn contains(networks: &[IpCidr], identity: &Identity) -> bool {
    identity
        .client
        .is_some_and(|client| networks.iter().any(|n| n.contains(&client)))
}
