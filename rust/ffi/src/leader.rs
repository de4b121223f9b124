//! The exports of a node's leader: the second's work, incidents, and what is kept across restarts.
//! Safety and Returns are as in [`crate::exports`].
#![allow(clippy::missing_safety_doc)]

use crate::abi::*;
use crate::convert::{bytes, copy_out_bytes, missing};
use crate::exports::count_panic;
use crate::guard::{guard, set_last_error, Failure};
use crate::node::{node, now_ms, restore_shared, Inside, DEFAULT_REGION_BYTES};
use std::sync::{Mutex, PoisonError};
use threat_agent_engine::analyst::{Analyst, Change, Drifted};
use threat_agent_engine::Memory;

/// What this process has learned; used while it leads. A worker has one thread, so the lock is
/// never contended.
static ANALYST: Mutex<Option<Leading>> = Mutex::new(None);

struct Leading {
    analyst: Analyst,
    leads: bool,
}

fn with_analyst<R>(f: impl FnOnce(&mut Leading) -> R) -> R {
    let mut kept = ANALYST.lock().unwrap_or_else(PoisonError::into_inner);
    f(kept.get_or_insert_with(|| Leading {
        analyst: Analyst::new(),
        leads: false,
    }))
}

/// Makes the shared region in the master process with the bans of a snapshot that
/// `ta_bans_snapshot` wrote. `size` 0 means the default.
/// Arguments: `wall_ms` Unix time; `restored` takes the number of bans.
/// Returns: OK; PARTIAL, with an empty region and the reason in `ta_last_error`; REGION; INVALID.
#[no_mangle]
pub unsafe extern "C" fn ta_region_restore(
    size: usize,
    snapshot: ta_str_t,
    wall_ms: u64,
    restored: *mut u32,
) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let restored = unsafe { restored.as_mut() }.ok_or_else(|| missing("restored"))?;
            // SAFETY: the caller's promise for all exports.
            let snapshot = unsafe { bytes(snapshot, "snapshot") }?;
            let size = if size == 0 {
                DEFAULT_REGION_BYTES
            } else {
                size
            };
            let (bans, problem) = restore_shared(size, snapshot, wall_ms)?;
            *restored = bans;
            Ok(match problem {
                None => ta_status_t::TA_STATUS_OK,
                Some(text) => {
                    set_last_error(text);
                    ta_status_t::TA_STATUS_PARTIAL
                }
            })
        },
    )
}

/// Does a second's work if this worker leads the node, or takes the lead when nobody has it.
/// Arguments: `wall_s` Unix time.
/// Returns: OK; BYPASS; INVALID; PANIC; REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_tick(wall_s: u64, out: *mut ta_tick_t) -> i32 {
    guard(count_panic, || {
        // SAFETY: the caller's promise for all exports.
        let out = unsafe { out.as_mut() }.ok_or_else(|| missing("out"))?;
        *out = ta_tick_t::default();
        let (node, now) = (node()?, now_ms());
        if node.state.bypassed() {
            return Ok(ta_status_t::TA_STATUS_BYPASS);
        }
        let leads = node.state.lead(node.slot(), now);
        let _inside = Inside::enter(node, now);
        with_analyst(|kept| {
            out.leader = u32::from(leads);
            out.new_leader = u32::from(leads && !kept.leads);
            kept.leads = leads;
            // What was learned is imported between the first beat as leader and the second.
            if leads && out.new_leader == 0 {
                kept.analyst.tick(&node.state, now, wall_s);
            }
        });
        Ok(ta_status_t::TA_STATUS_OK)
    })
}

/// Tells whether this worker leads the node now (1 or 0): a leader that stood still for longer than its
/// lease asks before it does what may not be done by two.
/// Returns: OK; INVALID; PANIC; REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_leads(leads: *mut u32) -> i32 {
    guard(count_panic, || {
        // SAFETY: the caller's promise for all exports.
        let leads = unsafe { leads.as_mut() }.ok_or_else(|| missing("leads"))?;
        let node = node()?;
        *leads = u32::from(node.state.leads(node.slot(), now_ms()));
        Ok(ta_status_t::TA_STATUS_OK)
    })
}

/// Copies the oldest incident whose sequence is above `since` (JSON).
/// Arguments: `sequence` takes its sequence, 0 when there is none.
/// Returns: OK; TRUNCATED, and the needed length in `needed`; INVALID; REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_incident_next(
    since: u64,
    buf: *mut u8,
    len: usize,
    needed: *mut usize,
    sequence: *mut u64,
) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let sequence = unsafe { sequence.as_mut() }.ok_or_else(|| missing("sequence"))?;
            let mut oldest = (0, Vec::new());
            node()?.state.published(since, &mut |number, text| {
                if oldest.0 == 0 || number < oldest.0 {
                    oldest = (number, text.to_vec());
                }
            });
            *sequence = oldest.0;
            // SAFETY: the caller's promise for all exports.
            unsafe { copy_out_bytes(&oldest.1, buf, len, needed) }
        },
    )
}

/// Tells the engine of a configuration change (JSON: `{"wall_s", "hash", "entities"}`).
/// Returns: OK; CONFIG; INVALID.
#[no_mangle]
pub unsafe extern "C" fn ta_change_note(change: ta_str_t) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let json = unsafe { bytes(change, "change") }?;
            let change: Change = serde_json::from_slice(json)
                .map_err(|e| Failure::new(ta_status_t::TA_STATUS_CONFIG, format!("change: {e}")))?;
            with_analyst(|kept| kept.analyst.note_change(change));
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Copies what was learned (JSON), for a file.
/// Returns: OK; TRUNCATED, and the needed length in `needed`; INVALID.
#[no_mangle]
pub unsafe extern "C" fn ta_learned_export(buf: *mut u8, len: usize, needed: *mut usize) -> i32 {
    guard(
        || (),
        || {
            let text = with_analyst(|kept| kept.analyst.export());
            // SAFETY: the caller's promise for all exports.
            unsafe { copy_out_bytes(&text, buf, len, needed) }
        },
    )
}

/// Copies where normal has changed for good since a second, within 30 days (JSON, a list).
/// Arguments: `since_s` Unix time.
/// Returns: OK; TRUNCATED, and the needed length in `needed`; INVALID.
#[no_mangle]
pub unsafe extern "C" fn ta_drifts(
    since_s: u64,
    buf: *mut u8,
    len: usize,
    needed: *mut usize,
) -> i32 {
    guard(
        || (),
        || {
            let drifts: Vec<Drifted> = with_analyst(|kept| kept.analyst.drifts(since_s).collect());
            let text = serde_json::to_vec(&drifts)
                .map_err(|e| Failure::new(ta_status_t::TA_STATUS_CONFIG, format!("drifts: {e}")))?;
            // SAFETY: the caller's promise for all exports.
            unsafe { copy_out_bytes(&text, buf, len, needed) }
        },
    )
}

/// Takes in what `ta_learned_export` gave.
/// Returns: OK; CONFIG when it is of another format; INVALID.
#[no_mangle]
pub unsafe extern "C" fn ta_learned_import(learned: ta_str_t) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let json = unsafe { bytes(learned, "learned") }?;
            with_analyst(|kept| kept.analyst.import(json)).map_err(config_failure)?;
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Copies what was learned of the routes' payloads (JSON), for a file.
/// Returns: OK; TRUNCATED, and the needed length in `needed`; INVALID.
#[no_mangle]
pub unsafe extern "C" fn ta_profiles_export(buf: *mut u8, len: usize, needed: *mut usize) -> i32 {
    guard(
        || (),
        || {
            let text = with_analyst(|kept| kept.analyst.profiles.export());
            // SAFETY: the caller's promise for all exports.
            unsafe { copy_out_bytes(&text, buf, len, needed) }
        },
    )
}

/// Takes in what `ta_profiles_export` gave.
/// Returns: OK; CONFIG when it is of another format; INVALID.
#[no_mangle]
pub unsafe extern "C" fn ta_profiles_import(profiles: ta_str_t) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: the caller's promise for all exports.
            let json = unsafe { bytes(profiles, "profiles") }?;
            with_analyst(|kept| kept.analyst.profiles.import(json)).map_err(config_failure)?;
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

/// Copies the standing bans, for a file: keyed hashes, no addresses.
/// Arguments: `wall_ms` Unix time.
/// Returns: OK; TRUNCATED, and the needed length in `needed`; INVALID; REGION.
#[no_mangle]
pub unsafe extern "C" fn ta_bans_snapshot(
    wall_ms: u64,
    buf: *mut u8,
    len: usize,
    needed: *mut usize,
) -> i32 {
    guard(
        || (),
        || {
            let snapshot = node()?.state.snapshot(now_ms(), wall_ms);
            // SAFETY: the caller's promise for all exports.
            unsafe { copy_out_bytes(&snapshot, buf, len, needed) }
        },
    )
}

fn config_failure(error: threat_agent_engine::Error) -> Failure {
    Failure::new(ta_status_t::TA_STATUS_CONFIG, error.to_string())
}
