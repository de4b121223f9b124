//! Who is neither counted nor inspected nor refused; and who is not refused by behaviour alone.

use crate::config;
use crate::error::Error;
use crate::request::Identity;
use crate::rules;
use cidr::IpCidr;

/// A compiled allowlist.
pub struct Allowlist {
    networks: Vec<IpCidr>,
    consumers: Vec<String>,
    health_checks: Vec<HealthCheck>,
}

struct HealthCheck {
    path: String,
    networks: Vec<IpCidr>,
}

/// Compiles networks without those that are none, and tells them in `errors`.
fn networks(field: &str, cidrs: &[String], errors: &mut Vec<Error>) -> Vec<IpCidr> {
    let read = |text: &String| rules::network(field, text).map_err(|e| errors.push(e)).ok();
    cidrs.iter().filter_map(read).collect()
}

impl Allowlist {
    /// Compiles an allowlist without the networks that are none, and tells them in `errors`.
    pub fn new(config: &config::Allowlist, errors: &mut Vec<Error>) -> Allowlist {
        Allowlist {
            networks: networks("allowlist.cidrs", &config.cidrs, errors),
            consumers: config.consumers.clone(),
            health_checks: config
                .health_checks
                .iter()
                .map(|check| HealthCheck {
                    path: check.path.clone(),
                    networks: networks("allowlist.health_checks.cidrs", &check.cidrs, errors),
                })
                .collect(),
        }
    }

    /// Tells whether all requests of an identity pass.
    pub fn has(&self, identity: &Identity) -> bool {
        let listed = |id: &String| id.as_bytes() == identity.consumer;
        rules::contains(&self.networks, identity)
            || (!identity.consumer.is_empty() && self.consumers.iter().any(listed))
    }

    /// Tells whether a request for a raw path passes: of a listed identity, or a health check.
    pub fn passes(&self, identity: &Identity, path: &[u8]) -> bool {
        let checks = |check: &HealthCheck| {
            check.path.as_bytes() == path && rules::contains(&check.networks, identity)
        };
        self.has(identity) || self.health_checks.iter().any(checks)
    }
}

/// Clients whom behaviour counts, suspects and names, and never refuses: a proxy in front of the
/// gateway that it does not trust is one client to it, and everybody's.
pub struct Protected {
    networks: Vec<IpCidr>,
}

impl Protected {
    /// Compiles networks without those that are none, and tells them in `errors`.
    pub fn new(cidrs: &[String], errors: &mut Vec<Error>) -> Protected {
        Protected {
            networks: networks("response.protected.cidrs", cidrs, errors),
        }
    }

    /// Tells whether an identity's client is protected.
    pub fn has(&self, identity: &Identity) -> bool {
        rules::contains(&self.networks, identity)
    }
}
