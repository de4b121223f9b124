//! The exports. Each is guarded: it returns a status and never unwinds.
//!
//! Safety, for all of them: pointers are null (answered with `TA_STATUS_INVALID`) or valid for the
//! call; `ta_str_t` pointers are valid for `len` bytes; an engine handle comes from
//! `ta_engine_new`, is used by one thread at a time and not after `ta_engine_free`.
#![allow(non_camel_case_types)]
#![allow(clippy::missing_safety_doc)]

use crate::abi::*;
use crate::convert::{
    bytes, copy_out, cut, missing, read_before, read_headers, read_identity, read_outcome,
    read_request, verdict, write_verdict,
};
use crate::guard::{guard, set_last_error, with_last_error, Failure};
use crate::node::{init_shared, is_alive, node, now_ms, Inside, Node, DEFAULT_REGION_BYTES};
use std::cell::RefCell;
use threat_agent_engine::state::State;
use threat_agent_engine::{answer, Action, Config, Engine, LocalState, Uninspected, Verdict};
use threat_agent_state::Stat;

/// A compiled configuration.
pub struct ta_engine_t {
    engine: Engine,
}

thread_local! {
    /// The header block of the request at hand; kept for its memory.
    static HEADERS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Tells what types this library was built with: the hash of its own header, which a test keeps
/// fresh. The same version with another layout must not meet the plugin's cdef.
fn abi() -> u32 {
    let header = include_bytes!("../include/threat_agent.h");
    // FNV-1a. Source: http://www.isthe.com/chongo/tech/comp/fnv/
    header.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// Copies this library's version out, `x.y.z+abi`, to be compared with the cdef's.
/// Returns: OK; TRUNCATED, and the needed length in `needed`; INVALID.
#[no_mangle]
pub unsafe extern "C" fn ta_version(buf: *mut u8, len: usize, needed: *mut usize) -> i32 {
    // SAFETY: the caller's promise for all exports.
    guard(
        || (),
        || {
            let version = format!("{}+{:08x}", env!("CARGO_PKG_VERSION"), abi());
            // SAFETY: the caller's promise for all exports.
            unsafe { copy_out(&version, buf, len, needed) }
        },
    )
}

/// Copies the text of this thread's last error out.
/// Returns: OK; TRUNCATED, and the needed length in `needed`; INVALID.
#[no_mangle]
pub unsafe extern "C" fn ta_last_error(buf: *mut u8, len: usize, needed: *mut usize) -> i32 {
    // SAFETY: the caller's promise for all exports.
    guard(
        || (),
        || with_last_error(|text| unsafe { copy_out(text, buf, len, needed) }),
    )
}

/// Makes the shared region in the master process, before the fork. `bytes` 0 means the default,
/// 64 MiB. A second call keeps the region that stands.
/// Returns: OK; REGION.
#[no_mangle]
pub extern "C" fn ta_region_init(bytes: usize) -> i32 {
    guard(
        || (),
        || {
            init_shared(if bytes == 0 {
                DEFAULT_REGION_BYTES
            } else {
                bytes
            })?;
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Claims a slot for this worker, and counts workers that died inside the engine since.
/// Arguments: `deaths` takes how many deaths this call found.
/// Returns: OK; INVALID; REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_worker_attach(deaths: *mut u32) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let out = unsafe { deaths.as_mut() }.ok_or_else(|| missing("deaths"))?;
            let node = node()?;
            node.state
                .verify()
                .map_err(|e| Failure::new(ta_status_t::TA_STATUS_REGION, e.to_string()))?;
            *out = node.attach().1;
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Describes the node.
/// Returns: OK; INVALID; REGION. Cost: a walk over the table; for status calls only.
#[no_mangle]
pub unsafe extern "C" fn ta_node_status(out: *mut ta_node_t) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let out = unsafe { out.as_mut() }.ok_or_else(|| missing("out"))?;
            *out = describe(node()?);
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Compiles a configuration (JSON). Rules that cannot be compiled are left out.
/// Returns: OK; PARTIAL, with the rules that were left out in `ta_last_error`; CONFIG; INVALID.
/// Lifetimes: the handle stands until `ta_engine_free`.
#[no_mangle]
pub unsafe extern "C" fn ta_engine_new(config: ta_str_t, out: *mut *mut ta_engine_t) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let out = unsafe { out.as_mut() }.ok_or_else(|| missing("out"))?;
            // SAFETY: the caller's promise for all exports.
            let json = unsafe { bytes(config, "config") }?;
            let config = Config::from_json(json).map_err(config_error)?;
            let (engine, left_out) = Engine::lenient(config).map_err(config_error)?;
            *out = Box::into_raw(Box::new(ta_engine_t { engine }));
            if left_out.is_empty() {
                return Ok(ta_status_t::TA_STATUS_OK);
            }
            let texts: Vec<String> = left_out.iter().map(ToString::to_string).collect();
            set_last_error(texts.join("; "));
            Ok(ta_status_t::TA_STATUS_PARTIAL)
        },
    )
}

/// Checks a configuration (JSON) strictly, and keeps nothing.
/// Returns: OK; CONFIG, with the first problem in `ta_last_error`; INVALID.
#[no_mangle]
pub unsafe extern "C" fn ta_config_check(config: ta_str_t) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let json = unsafe { bytes(config, "config") }?;
            Engine::new(Config::from_json(json).map_err(config_error)?).map_err(config_error)?;
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Frees an engine; null is let pass.
#[no_mangle]
pub unsafe extern "C" fn ta_engine_free(engine: *mut ta_engine_t) -> i32 {
    guard(
        || (),
        || {
            if !engine.is_null() {
                // SAFETY: the handle came from `Box::into_raw` and is given up by the caller.
                drop(unsafe { Box::from_raw(engine) });
            }
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Tells in `stand` whether any ban stands on the node, 1 or 0: who sends a request need not be gathered
/// for `ta_engine_check_ban` while none does.
/// Returns: OK; INVALID; REGION. Cost: one load.
#[no_mangle]
pub unsafe extern "C" fn ta_bans_stand(stand: *mut u32) -> i32 {
    guard(count_panic, || {
        // SAFETY: the caller's promise for all exports.
        let out = unsafe { stand.as_mut() }.ok_or_else(|| missing("stand"))?;
        *out = u32::from(node()?.state.any_bans(now_ms()));
        Ok(ta_status_t::TA_STATUS_OK)
    })
}

/// Asks whether the client is banned on the whole node: before route and consumer are known.
/// Returns: OK, and the verdict in `out`; CLEAN when no ban stands; BYPASS; INVALID; PANIC; REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_engine_check_ban(
    engine: *const ta_engine_t,
    identity: *const ta_identity_t,
    out: *mut ta_verdict_t,
) -> i32 {
    guard(count_panic, || {
        // SAFETY: the caller's promise for all exports.
        let (engine, out) = unsafe { (handle(engine)?, verdict(out)?) };
        // SAFETY: the caller's promise for all exports.
        let identity =
            unsafe { read_identity(identity.as_ref().ok_or_else(|| missing("identity"))?) }?;
        let (node, now) = (node()?, now_ms());
        if node.state.bypassed() {
            return Ok(ta_status_t::TA_STATUS_BYPASS);
        }
        let _inside = Inside::enter(node, now);
        let Some(found) = engine.check_ban(&identity, &node.state, now) else {
            return Ok(ta_status_t::TA_STATUS_CLEAN);
        };
        count_verdict(node, &found);
        Ok(write_verdict(&found, false, out))
    })
}

/// Decides on a request, by one look at it, and after it by others, with the verdict on all looks in `out`. It is
/// counted with the verdict that concludes it. `out` is none that the request points at.
/// Returns: OK, and the verdict in `out`; CLEAN; BYPASS, and nothing was looked at; INVALID; PANIC;
/// REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_engine_inspect(
    engine: *const ta_engine_t,
    request: *const ta_request_t,
    out: *mut ta_verdict_t,
) -> i32 {
    guard(count_panic, || {
        // SAFETY: the caller's promise for all exports.
        let (engine, out) = unsafe { (handle(engine)?, verdict(out)?) };
        // SAFETY: the caller's promise for all exports.
        let raw = unsafe { request.as_ref() }.ok_or_else(|| missing("request"))?;
        let (node, now) = (node()?, now_ms());
        if node.state.bypassed() {
            return Ok(ta_status_t::TA_STATUS_BYPASS);
        }
        HEADERS.with_borrow_mut(|block| {
            // SAFETY: the caller's promise for all exports.
            let spoofed = unsafe { read_headers(raw.headers, raw.headers_len, block) }?;
            // SAFETY: the caller's promise for all exports.
            let request = unsafe { read_request(raw, block) }?;
            let _inside = Inside::enter(node, now);
            #[cfg(feature = "fault-injection")]
            crate::fault::inject(request.path);
            // SAFETY: the caller's promise for all exports.
            let found = match unsafe { read_before(raw) }? {
                None => engine.inspect(&request, &node.state, now),
                Some(before) => engine.inspect_rest(&request, &before, &node.state, now),
            };
            if engine.concludes(&request, &found) {
                count_verdict(node, &found);
            }
            Ok(write_verdict(&found, spoofed, out))
        })
    })
}

/// Decides on a request as `ta_engine_inspect` does, on counters of its own that end with the call:
/// nobody is counted or suspected. For self-tests; the bypass is not asked.
/// Returns: OK, and the verdict in `out`; CLEAN; INVALID; PANIC.
#[no_mangle]
pub unsafe extern "C" fn ta_engine_probe(
    engine: *const ta_engine_t,
    request: *const ta_request_t,
    out: *mut ta_verdict_t,
) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let (engine, out) = unsafe { (handle(engine)?, verdict(out)?) };
            // SAFETY: the caller's promise for all exports.
            let raw = unsafe { request.as_ref() }.ok_or_else(|| missing("request"))?;
            let mut block = Vec::new();
            // SAFETY: the caller's promise for all exports.
            let spoofed = unsafe { read_headers(raw.headers, raw.headers_len, &mut block) }?;
            // SAFETY: the caller's promise for all exports.
            let request = unsafe { read_request(raw, &block) }?;
            let found = engine.inspect(&request, &LocalState::default(), now_ms());
            Ok(write_verdict(&found, spoofed, out))
        },
    )
}

/// Reads a piece of the answer to a request with findings, and adds what it gives away of an attack to
/// `attempt`, the verdict's.
/// Returns: OK; INVALID; PANIC.
#[no_mangle]
pub unsafe extern "C" fn ta_answer_read(text: ta_str_t, attempt: *mut u32) -> i32 {
    guard(count_panic, || {
        // SAFETY: the caller's promise for all exports.
        let out = unsafe { attempt.as_mut() }.ok_or_else(|| missing("attempt"))?;
        // SAFETY: the caller's promise for all exports.
        *out |= answer::read(unsafe { bytes(text, "text") }?).0;
        Ok(ta_status_t::TA_STATUS_OK)
    })
}

/// Takes in how a request ended, and tells in `success` what that says of an attack in it:
/// `ta_success_t` bits. `success` may be null.
/// Returns: OK; BYPASS; INVALID; PANIC; REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_engine_observe(
    engine: *const ta_engine_t,
    identity: *const ta_identity_t,
    outcome: *const ta_outcome_t,
    success: *mut u32,
) -> i32 {
    guard(count_panic, || {
        // SAFETY: the caller's promise for all exports.
        let engine = unsafe { handle(engine) }?;
        // SAFETY: the caller's promise for all exports.
        let identity =
            unsafe { read_identity(identity.as_ref().ok_or_else(|| missing("identity"))?) }?;
        // SAFETY: the caller's promise for all exports.
        let outcome = unsafe { outcome.as_ref() }.ok_or_else(|| missing("outcome"))?;
        // SAFETY: the caller's promise for all exports.
        let (path, _) = cut(unsafe { bytes(outcome.target, "target") }?);
        let (node, now) = (node()?, now_ms());
        if node.state.bypassed() {
            return Ok(ta_status_t::TA_STATUS_BYPASS);
        }
        let _inside = Inside::enter(node, now);
        let found = engine.observe(&identity, path, &read_outcome(outcome), &node.state, now);
        // SAFETY: the caller's promise for all exports.
        if let Some(success) = unsafe { success.as_mut() } {
            *success = found.0;
        }
        Ok(ta_status_t::TA_STATUS_OK)
    })
}

fn config_error(error: threat_agent_engine::Error) -> Failure {
    Failure::new(ta_status_t::TA_STATUS_CONFIG, error.to_string())
}

pub(crate) fn count_panic() {
    if let Ok(node) = node() {
        node.count(Stat::EnginePanics, 1);
    }
}

fn count_verdict(node: &Node, verdict: &Verdict) {
    node.count(Stat::Requests, 1);
    let action = match verdict.action {
        Action::Allow => Stat::Allowed,
        Action::Tag => Stat::Tagged,
        Action::Throttle => Stat::Throttled,
        Action::Block => Stat::Blocked,
    };
    node.count(action, 1);
    if !verdict.shadow.rules.is_empty() {
        node.count(Stat::Shadowed, 1);
    }
    if verdict.uninspected != Uninspected::default() {
        node.count(Stat::UninspectedRequests, 1);
        node.count(Stat::UninspectedBytes, verdict.uninspected_bytes);
    }
}

fn describe(node: &Node) -> ta_node_t {
    let state = &node.state;
    let occupancy = state.occupancy(now_ms());
    let sum = |stat| state.stat_sum(stat);
    ta_node_t {
        shared: u32::from(node.shared),
        bypass: u32::from(state.bypassed()),
        workers: state.living_workers(is_alive),
        recent_deaths: state.recent_deaths(now_ms()),
        region_bytes: state.bytes(),
        capacity_keys: occupancy.capacity,
        live_keys: occupancy.live_keys,
        bans: occupancy.standing_bans,
        requests: sum(Stat::Requests),
        allowed: sum(Stat::Allowed),
        tagged: sum(Stat::Tagged),
        throttled: sum(Stat::Throttled),
        blocked: sum(Stat::Blocked),
        uninspected_requests: sum(Stat::UninspectedRequests),
        uninspected_bytes: sum(Stat::UninspectedBytes),
        panics: sum(Stat::EnginePanics),
        shadowed: sum(Stat::Shadowed),
    }
}

/// SAFETY: `engine` is null or a live handle.
unsafe fn handle<'a>(engine: *const ta_engine_t) -> Result<&'a Engine, Failure> {
    // SAFETY: by this function's contract.
    let engine = unsafe { engine.as_ref() }.ok_or_else(|| missing("engine"))?;
    Ok(&engine.engine)
}
