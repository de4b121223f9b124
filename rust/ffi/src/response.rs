//! What the agent responds with: bans, what they would touch, and the ledger's hashes.
//! Safety and Returns are as in [`crate::exports`].
#![allow(clippy::missing_safety_doc)]

use crate::abi::*;
use crate::convert::{bytes, copy_out_bytes, missing, read_identity};
use crate::guard::{guard, Failure};
use crate::node::{node, now_ms};
use threat_agent_engine::behaviour::keys::lift_suspicions;
use threat_agent_engine::request::canonical_ip;
use threat_agent_engine::standing;
use threat_agent_engine::state::{Ban, By, Key, Measure, MeasureKind, Scope, State, MAX_LIMIT};
use threat_agent_engine::traffic::{Flow, Traffic};
use threat_agent_engine::verdict::Category;
use threat_agent_engine::window::Window;
use threat_agent_engine::Identity;
use threat_agent_engine::{ledger, rules};

/// Puts a measure on a sender for a time, in all workers at once: refuses it, or what of it shows a sign
/// of an attack, tags it, holds it to a limit, or exempts it. A longer one of its kind that stands already is kept.
/// Returns: OK; INVALID when the identity lacks what `by` or `scope` names, and for a measure that no
/// request is held against: senders are refused, limited or exempt, routes and services (of the global
/// scope) limited or capped in concurrency; REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_ban_set(ban: *const ta_ban_t) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let raw = unsafe { ban.as_ref() }.ok_or_else(|| missing("ban"))?;
            // SAFETY: the caller's promise for all exports.
            let identity = unsafe { read_identity(&raw.identity) }?;
            let key = key(raw, &identity)?;
            let measure = measure(raw)?;
            if !standing::is_looked_for(measure.kind(), key.by, key.scope) {
                return Err(Failure::invalid(format!(
                    "measure: expected, for a sender, 0 (refuse), 1 (limit), 2 (allow), 4 (refuse on signal) or 5 (tag), and for a route or service with scope 0 (global) 1 (limit) or 3 (concurrency); got {} by {} with scope {}: no request is held against that",
                    raw.measure, key.by.name(), raw.scope
                )));
            }
            let category = u8::try_from(raw.category)
                .ok()
                .and_then(Category::from_number)
                .ok_or_else(|| Failure::invalid("category: expected a ta_category_t"))?;
            let (state, now) = (&node()?.state, now_ms());
            let ban = Ban {
                until_ms: now + u64::from(raw.ttl_s) * 1_000,
                category,
                incident: state.draw_incident(),
                measure,
            };
            standing::put(&key, ban, state, now);
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Lifts a measure before its time; one that does not stand is no error. Its numbers are not read.
/// Returns: as `ta_ban_set`.
#[no_mangle]
pub unsafe extern "C" fn ta_ban_lift(ban: *const ta_ban_t) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let raw = unsafe { ban.as_ref() }.ok_or_else(|| missing("ban"))?;
            // SAFETY: the caller's promise for all exports.
            let identity = unsafe { read_identity(&raw.identity) }?;
            let kind = kind(raw)?;
            node()?.state.lift(&key(raw, &identity)?, kind, now_ms());
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Tells how long a measure stands yet, if one of its kind does: a limit with its numbers, a cap with whatever it has
/// moved to. Its own time is not read.
/// Arguments: `left_ms` takes milliseconds, 0 where none stands.
/// Returns: as `ta_ban_set`.
#[no_mangle]
pub unsafe extern "C" fn ta_ban_left(ban: *const ta_ban_t, left_ms: *mut u64) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let left_ms = unsafe { left_ms.as_mut() }.ok_or_else(|| missing("left_ms"))?;
            // SAFETY: the caller's promise for all exports.
            let raw = unsafe { ban.as_ref() }.ok_or_else(|| missing("ban"))?;
            // SAFETY: the caller's promise for all exports.
            let identity = unsafe { read_identity(&raw.identity) }?;
            let (key, measure, now) = (key(raw, &identity)?, measure(raw)?, now_ms());
            let stands = node()?.state.standing(&key, measure.kind(), now);
            let is_cap = measure.kind() == MeasureKind::Concurrency;
            *left_ms = stands
                .filter(|ban| is_cap || ban.measure == measure)
                .map_or(0, |ban| ban.until_ms.saturating_sub(now));
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Lifts what a client is suspected of in its workspace, and on a route where the identity names one.
/// Returns: OK; INVALID; REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_suspicion_lift(identity: *const ta_identity_t) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let identity =
                unsafe { read_identity(identity.as_ref().ok_or_else(|| missing("identity"))?) }?;
            lift_suspicions(&identity, &node()?.state, now_ms());
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Tells what goes to the route of an identity and, where it names such a sender, what that sends
/// there. `by` is as in `ta_ban_t`.
/// Returns: OK; INVALID; REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_traffic(
    identity: *const ta_identity_t,
    by: u32,
    out: *mut ta_traffic_t,
) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let out = unsafe { out.as_mut() }.ok_or_else(|| missing("out"))?;
            // SAFETY: the caller's promise for all exports.
            let identity =
                unsafe { read_identity(identity.as_ref().ok_or_else(|| missing("identity"))?) }?;
            let (state, now) = (&node()?.state, now_ms());
            let route = Traffic::of_route(&identity, state, now);
            let sender = Traffic::of_sender(&identity, sender(by)?, state, now);
            *out = ta_traffic_t {
                route_60s: flow(route.minute),
                route_10s: flow(route.ten_s),
                sender_60s: flow(sender.minute),
                sender_10s: flow(sender.ten_s),
                hot_limit: u64::from(route.hot_limit),
                in_flight: standing::in_flight(&identity, By::Route, state, now),
                service_in_flight: standing::in_flight(&identity, By::Service, state, now),
            };
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Authenticates a text: HMAC-SHA-256 in hexadecimal, 64 characters.
/// Returns: OK; TRUNCATED, and the needed length in `needed`; INVALID.
#[no_mangle]
pub unsafe extern "C" fn ta_digest(
    key: ta_str_t,
    text: ta_str_t,
    buf: *mut u8,
    len: usize,
    needed: *mut usize,
) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let (key, text) = unsafe { (bytes(key, "key")?, bytes(text, "text")?) };
            // SAFETY: the caller's promise for all exports.
            unsafe { copy_out_bytes(ledger::digest(key, text).as_bytes(), buf, len, needed) }
        },
    )
}

/// Tells whether an address lies in one of some networks (`,` between them).
/// Arguments: `within` takes 1 or 0.
/// Returns: OK; INVALID when a network is none.
#[no_mangle]
pub unsafe extern "C" fn ta_address_within(
    address: ta_str_t,
    networks: ta_str_t,
    within: *mut u32,
) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let within = unsafe { within.as_mut() }.ok_or_else(|| missing("within"))?;
            // SAFETY: the caller's promise for all exports.
            let (address, networks) =
                unsafe { (bytes(address, "address")?, bytes(networks, "networks")?) };
            *within = u32::from(
                rules::within(canonical_ip(address), networks)
                    .map_err(|e| Failure::invalid(e.to_string()))?,
            );
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

fn sender(by: u32) -> Result<By, Failure> {
    match by {
        0 => Ok(By::ClientIp),
        1 => Ok(By::Consumer),
        2 => Ok(By::Network),
        3 => Ok(By::Credential),
        4 => Ok(By::Session),
        5 => Ok(By::Route),
        6 => Ok(By::Service),
        other => Err(Failure::invalid(format!(
            "by: expected 0 (client), 1 (consumer), 2 (network), 3 (credential), 4 (session), 5 (route) or 6 (service), got {other}"
        ))),
    }
}

fn kind(raw: &ta_ban_t) -> Result<MeasureKind, Failure> {
    let kind = usize::try_from(raw.measure)
        .ok()
        .and_then(|n| MeasureKind::ALL.get(n));
    kind.copied().ok_or_else(|| {
        Failure::invalid(format!(
            "measure: expected 0 (refuse), 1 (limit), 2 (allow), 3 (concurrency), 4 (refuse on signal) or 5 (tag), got {}",
            raw.measure
        ))
    })
}

fn measure(raw: &ta_ban_t) -> Result<Measure, Failure> {
    Ok(match kind(raw)? {
        MeasureKind::Refuse => Measure::Refuse,
        MeasureKind::RefuseOnSignal => Measure::RefuseOnSignal,
        MeasureKind::Tag => Measure::Tag,
        MeasureKind::Allow => Measure::Allow,
        MeasureKind::Concurrency => Measure::Concurrency { most: limit(raw)? },
        MeasureKind::Limit => {
            let length_ms = u64::from(raw.window_s) * 1_000;
            let window = Window::ALL.into_iter().find(|w| w.length_ms() == length_ms);
            let window = window.ok_or_else(|| {
                Failure::invalid(format!(
                    "window_s: expected 1, 10, 60 or 3600, got {}",
                    raw.window_s
                ))
            })?;
            Measure::Limit {
                window,
                limit: limit(raw)?,
            }
        }
    })
}

fn limit(raw: &ta_ban_t) -> Result<u32, Failure> {
    if raw.limit > MAX_LIMIT {
        return Err(Failure::invalid(format!(
            "limit: expected at most {MAX_LIMIT}, got {}",
            raw.limit
        )));
    }
    Ok(raw.limit)
}

fn key<'a>(raw: &ta_ban_t, identity: &Identity<'a>) -> Result<Key<'a>, Failure> {
    let by = sender(raw.by)?;
    let scope = match raw.scope {
        0 => Scope::Global,
        1 => Scope::Service,
        2 => Scope::Route,
        other => {
            return Err(Failure::invalid(format!(
                "scope: expected 0 (global), 1 (service) or 2 (route), got {other}"
            )))
        }
    };
    Key::of(identity, by, scope)
        .ok_or_else(|| Failure::invalid("identity: lacks what the ban is by, or its scope's id"))
}

fn flow(flow: Flow) -> ta_flow_t {
    ta_flow_t {
        requests: flow.requests,
        errors: flow.errors,
        not_found: flow.not_found,
        refused: flow.refused,
        exits: flow.exits,
        answered: flow.answered,
        latency_ms: flow.latency_ms,
        turned_away: flow.turned_away,
    }
}
