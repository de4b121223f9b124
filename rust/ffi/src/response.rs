//! What the agent responds with: bans, what they would touch, and the ledger's hashes.
//! Safety and Returns are as in [`crate::exports`].
#![allow(clippy::missing_safety_doc)]

use crate::abi::*;
use crate::convert::{bytes, copy_out_bytes, missing, read_identity};
use crate::guard::{guard, Failure};
use crate::node::{node, now_ms};
use threat_agent_engine::request::canonical_ip;
use threat_agent_engine::state::{Ban, By, Key, Scope, State};
use threat_agent_engine::traffic::{Flow, Traffic};
use threat_agent_engine::verdict::Category;
use threat_agent_engine::Identity;
use threat_agent_engine::{ledger, rules};

/// Refuses a client or consumer for a time, in all workers at once. A longer ban that stands
/// already is kept.
/// Returns: OK; INVALID when the identity lacks what `by` or `scope` names; REGION.
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
            let category = u8::try_from(raw.category)
                .ok()
                .and_then(Category::from_number)
                .ok_or_else(|| Failure::invalid("category: expected a ta_category_t"))?;
            let (state, now) = (&node()?.state, now_ms());
            let ban = Ban {
                until_ms: now + u64::from(raw.ttl_s) * 1_000,
                category,
                incident: state.draw_incident(),
            };
            state.ban(&key, ban, now);
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Lifts a ban before its time; one that does not stand is no error.
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
            node()?.state.unban(&key(raw, &identity)?, now_ms());
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Tells what goes to the route of an identity and, where it names a client, what that client
/// sends there.
/// Returns: OK; INVALID; REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_traffic(identity: *const ta_identity_t, out: *mut ta_traffic_t) -> i32 {
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
            let client = Traffic::of_client(&identity, state, now);
            *out = ta_traffic_t {
                route_60s: flow(route.minute),
                route_10s: flow(route.ten_s),
                client_10s: flow(client.ten_s),
                hot_limit: u64::from(route.hot_limit),
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

fn key<'a>(raw: &ta_ban_t, identity: &Identity<'a>) -> Result<Key<'a>, Failure> {
    let by = match raw.by {
        0 => By::ClientIp,
        1 => By::Consumer,
        other => {
            return Err(Failure::invalid(format!(
                "by: expected 0 (client) or 1 (consumer), got {other}"
            )))
        }
    };
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
    }
}
