//! Between the boundary's types and the engine's.

use crate::abi::*;
use crate::guard::Failure;
use crate::reference;
use threat_agent_engine::request::{canonical_ip, is_own_header, Method, Source, Stage};
use threat_agent_engine::verdict::{RuleId, Shadow};
use threat_agent_engine::{
    Action, Attempt, Body, Category, Identity, Outcome, Request, Uninspected, Verdict,
};

/// Longest text that a call takes. Units: bytes.
const MAX_INPUT_BYTES: usize = 64 << 20;

#[cold]
#[inline(never)]
pub fn missing(argument: &str) -> Failure {
    Failure::invalid(format!("{argument}: expected a pointer, got null"))
}

/// Takes the caller's verdict and empties what is read unconditionally.
/// SAFETY: `out` is null or valid for writes.
pub unsafe fn verdict<'a>(out: *mut ta_verdict_t) -> Result<&'a mut ta_verdict_t, Failure> {
    // SAFETY: by this function's contract; every field is plain data.
    let out = unsafe { out.as_mut() }.ok_or_else(|| missing("out"))?;
    out.action = ta_action_t::TA_ACTION_ALLOW as i32;
    out.category = ta_category_t::TA_CATEGORY_NONE as i32;
    out.score = 0.0;
    out.retry_after_s = 0;
    out.uninspected = 0;
    out.uninspected_bytes = 0;
    out.account = 0;
    out.session = 0;
    out.flight = 0;
    out.attempt = 0;
    out.rest = 0;
    out.spoofed_headers = 0;
    out.incident_len = 0;
    out.rules_len = 0;
    out.reason_len = 0;
    out.shadow_len = 0;
    Ok(out)
}

/// Writes what was found into the caller's verdict, which [`verdict`] emptied. Returns CLEAN where that is
/// nothing, else OK. `spoofed` is what [`read_headers`] told.
pub fn write_verdict(found: &Verdict, spoofed: bool, out: &mut ta_verdict_t) -> ta_status_t {
    if is_clean(found) && !spoofed {
        return ta_status_t::TA_STATUS_CLEAN;
    }
    out.action = found.action as i32;
    out.retry_after_s = found.retry_after_s;
    out.uninspected = found.uninspected.0;
    out.uninspected_bytes = found.uninspected_bytes;
    out.account = found.account;
    out.session = found.session;
    out.flight = found.flight;
    out.attempt = found.attempt.0;
    out.rest = found.rest;
    out.spoofed_headers = u32::from(spoofed);
    if !(found.rules.is_empty() && found.shadow.rules.is_empty()) {
        write_findings(found, out);
    }
    ta_status_t::TA_STATUS_OK
}

/// Tells a verdict that lets pass, and in which nothing is to be told or remembered.
fn is_clean(found: &Verdict) -> bool {
    found.rules.is_empty()
        && found.shadow.rules.is_empty()
        && found.uninspected == Uninspected::default()
        && (found.account | found.session | found.flight) == 0
        && found.rest == 0
}

/// Writes what rules say: a category and a score come from them. Apart, so that what is common stays small.
#[cold]
#[inline(never)]
fn write_findings(found: &Verdict, out: &mut ta_verdict_t) {
    out.category = found.category.map_or(0, |c| c as i32);
    out.score = rounded(found.score);
    if !found.shadow.rules.is_empty() {
        out.shadow_len = join(&mut out.shadow, &found.shadow.rules);
        out.shadow_action = found.shadow.action as i32;
        out.shadow_score = rounded(found.shadow.score);
    }
    if found.rules.is_empty() {
        return;
    }
    let text = reference::encode(found.incident);
    out.incident_len = fill(&mut out.incident, 0, &text);
    out.rules_len = join(&mut out.rules, &found.rules);
    let cut = found.reason.floor_char_boundary(out.reason.len());
    let reason = found.reason.get(..cut).unwrap_or_default();
    out.reason_len = fill(&mut out.reason, 0, reason.as_bytes());
}

/// Three places are all that a score means.
fn rounded(score: f32) -> f64 {
    (f64::from(score) * 1_000.0).round() / 1_000.0
}

/// Writes ids with commas between them, as many as fit whole; returns where they end.
fn join(buf: &mut [u8], ids: &[RuleId]) -> u32 {
    let mut end = 0;
    for id in ids {
        let comma = u32::from(end > 0);
        if end as usize + comma as usize + id.len() > buf.len() {
            break;
        }
        if comma > 0 {
            end = fill(buf, end, b",");
        }
        end = fill(buf, end, id.as_bytes());
    }
    end
}

/// Copies `text` to `buf` from `start`; returns where it ends.
fn fill(buf: &mut [u8], start: u32, text: &[u8]) -> u32 {
    let end = start as usize + text.len();
    match buf.get_mut(start as usize..end) {
        Some(place) => {
            place.copy_from_slice(text);
            end as u32
        }
        None => start,
    }
}

/// SAFETY: `text` is valid for its length, or null.
pub unsafe fn bytes<'a>(text: ta_str_t, name: &str) -> Result<&'a [u8], Failure> {
    if text.len == 0 {
        return Ok(b"");
    }
    if text.ptr.is_null() || text.len > MAX_INPUT_BYTES {
        return Err(unfit(text, name));
    }
    // SAFETY: by this function's contract; the length is below isize::MAX.
    Ok(unsafe { std::slice::from_raw_parts(text.ptr, text.len) })
}

/// Says what is wrong with a text. Apart, so that what is common stays small.
#[cold]
#[inline(never)]
fn unfit(text: ta_str_t, name: &str) -> Failure {
    if text.ptr.is_null() {
        return missing(name);
    }
    Failure::invalid(format!(
        "{name}: expected at most {MAX_INPUT_BYTES} bytes, got {}",
        text.len
    ))
}

/// SAFETY: every text is valid for its length, or null.
pub unsafe fn read_identity<'a>(raw: &ta_identity_t) -> Result<Identity<'a>, Failure> {
    // SAFETY: by this function's contract.
    unsafe {
        Ok(Identity {
            client: canonical_ip(bytes(raw.client_ip, "client_ip")?),
            workspace: bytes(raw.workspace, "workspace")?,
            route: bytes(raw.route, "route")?,
            service: bytes(raw.service, "service")?,
            consumer: bytes(raw.consumer, "consumer")?,
            credential: bytes(raw.credential, "credential")?,
            session: raw.session,
        })
    }
}

/// Most headers that are looked at; nginx's buffers hold fewer.
const MAX_HEADERS: usize = 65_536;

/// Writes the headers as the engine reads them: lines `Name: value`. One copy in native code costs
/// a tenth of what the same text costs as a Lua string. Returns whether one has a name that only the plugin
/// may use.
/// SAFETY: `headers` is valid for `len` headers, or null, and so are their texts.
pub unsafe fn read_headers(
    headers: *const ta_header_t,
    len: usize,
    block: &mut Vec<u8>,
) -> Result<bool, Failure> {
    block.clear();
    if len == 0 {
        return Ok(false);
    }
    if headers.is_null() {
        return Err(missing("headers"));
    }
    if len > MAX_HEADERS {
        return Err(Failure::invalid(format!(
            "headers: expected at most {MAX_HEADERS}, got {len}"
        )));
    }
    let mut spoofed = false;
    // SAFETY: by this function's contract.
    for header in unsafe { std::slice::from_raw_parts(headers, len) } {
        let text = |ptr, len: i32| ta_str_t {
            ptr,
            len: usize::try_from(len).unwrap_or(0),
        };
        // SAFETY: by this function's contract.
        let name = unsafe { bytes(text(header.name, header.name_len), "header name") }?;
        // SAFETY: by this function's contract.
        let value = unsafe { bytes(text(header.value, header.value_len), "header value") }?;
        spoofed |= is_own_header(name);
        append_line(block, name, value);
    }
    Ok(spoofed)
}

/// Appends `Name: value` and a line feed. Asks for room once: piece by piece, that takes longer than copying.
fn append_line(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let length = name.len() + value.len() + 3;
    block.reserve(length);
    // SAFETY: there is room for `length` bytes behind what the block holds, all of them are written,
    // and the texts are borrowed, so that they lie elsewhere.
    unsafe {
        let end = block.as_mut_ptr().add(block.len());
        end.copy_from_nonoverlapping(name.as_ptr(), name.len());
        let end = end.add(name.len());
        end.copy_from_nonoverlapping(b": ".as_ptr(), 2);
        let end = end.add(2);
        end.copy_from_nonoverlapping(value.as_ptr(), value.len());
        end.add(value.len()).write(b'\n');
        block.set_len(block.len() + length);
    }
}

/// Cuts a request's target into path and query.
pub fn cut(target: &[u8]) -> (&[u8], &[u8]) {
    let path = target.split(|b| *b == b'?').next().unwrap_or(target);
    (path, target.get(path.len() + 1..).unwrap_or_default())
}

/// `headers` is the block that [`read_headers`] wrote.
/// SAFETY: every text is valid for its length, or null.
pub unsafe fn read_request<'a>(
    raw: &ta_request_t,
    headers: &'a [u8],
) -> Result<Request<'a>, Failure> {
    // SAFETY: by this function's contract.
    let (path, query) = cut(unsafe { bytes(raw.target, "target") }?);
    // SAFETY: by this function's contract.
    unsafe {
        Ok(Request {
            identity: read_identity(&raw.identity)?,
            method: bytes(raw.method, "method")?,
            scheme: bytes(raw.scheme, "scheme")?,
            host: bytes(raw.host, "host")?,
            path,
            query,
            headers,
            stage: match raw.stage {
                // 3 goes on from the verdict that `read_before` gives.
                0 | 3 => Stage::Whole,
                1 => Stage::Head,
                2 => Stage::Body,
                _ => Stage::Late,
            },
            body: Body {
                bytes: bytes(raw.body, "body")?,
                unread_bytes: raw.body_unread_bytes,
                unread: Uninspected(raw.body_unread),
            },
        })
    }
}

/// Reads the verdict that a request goes on from, where it does.
/// SAFETY: `raw.before` is valid or null, of a stage that has one.
pub unsafe fn read_before(raw: &ta_request_t) -> Result<Option<Verdict>, Failure> {
    if !matches!(raw.stage, 2 | 3) {
        return Ok(None);
    }
    // SAFETY: by this function's contract.
    match unsafe { raw.before.as_ref() } {
        None if raw.stage == 3 => Err(missing("before")),
        before => Ok(before.map(read_verdict)),
    }
}

/// Reads what [`write_verdict`] wrote: lists and texts are as they were cut.
#[cold]
#[inline(never)]
fn read_verdict(raw: &ta_verdict_t) -> Verdict {
    Verdict {
        action: read_action(raw.action),
        category: u8::try_from(raw.category)
            .ok()
            .and_then(Category::from_number),
        score: raw.score as f32,
        rules: parted(text(&raw.rules, raw.rules_len)),
        reason: text(&raw.reason, raw.reason_len).into(),
        retry_after_s: raw.retry_after_s,
        incident: reference::decode(text(&raw.incident, raw.incident_len)),
        uninspected: Uninspected(raw.uninspected),
        uninspected_bytes: raw.uninspected_bytes,
        shadow: Shadow {
            rules: parted(text(&raw.shadow, raw.shadow_len)),
            action: read_action(raw.shadow_action),
            score: raw.shadow_score as f32,
        },
        attempt: Attempt(raw.attempt),
        account: raw.account,
        session: raw.session,
        flight: raw.flight,
        rest: raw.rest,
    }
}

fn read_action(number: i32) -> Action {
    [Action::Tag, Action::Throttle, Action::Block]
        .into_iter()
        .find(|action| *action as i32 == number)
        .unwrap_or_default()
}

/// The text of a buffer of that length.
fn text(buf: &[u8], len: u32) -> &str {
    let text = buf.get(..len as usize).unwrap_or_default();
    std::str::from_utf8(text).unwrap_or_default()
}

/// Parts what [`join`] joined.
fn parted(ids: &str) -> Vec<RuleId> {
    ids.split(',')
        .filter(|id| !id.is_empty())
        .map(RuleId::from)
        .collect()
}

pub fn read_outcome(raw: &ta_outcome_t) -> Outcome {
    Outcome {
        status: u16::try_from(raw.status).unwrap_or(0),
        source: match raw.source {
            0 => Source::Service,
            1 => Source::Exit,
            _ => Source::Error,
        },
        account: raw.account,
        session: raw.session,
        flight: raw.flight,
        latency_ms: raw.latency_ms,
        request_bytes: raw.request_bytes,
        response_bytes: raw.response_bytes,
        attempt: Attempt(raw.attempt),
        method: Method::ALL
            .get(raw.method as usize)
            .copied()
            .unwrap_or_default(),
    }
}

/// SAFETY: `buf` is valid for `len` bytes or null, `needed` is valid or null.
pub unsafe fn copy_out(
    text: &str,
    buf: *mut u8,
    len: usize,
    needed: *mut usize,
) -> Result<ta_status_t, Failure> {
    // SAFETY: by this function's contract.
    unsafe { copy_out_bytes(text.as_bytes(), buf, len, needed) }
}

/// SAFETY: `buf` is valid for `len` bytes or null, `needed` is valid or null.
pub unsafe fn copy_out_bytes(
    text: &[u8],
    buf: *mut u8,
    len: usize,
    needed: *mut usize,
) -> Result<ta_status_t, Failure> {
    // SAFETY: by this function's contract.
    let needed = unsafe { needed.as_mut() }.ok_or_else(|| missing("needed"))?;
    *needed = text.len();
    if text.len() > len {
        return Ok(ta_status_t::TA_STATUS_TRUNCATED);
    }
    if buf.is_null() {
        return Err(missing("buf"));
    }
    // SAFETY: `buf` is valid for `len` bytes, and the text is no longer than that.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buf, text.len()) };
    Ok(ta_status_t::TA_STATUS_OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_told_or_remembered_is_not_clean() {
        let changes: [fn(&mut Verdict); 7] = [
            |found| found.rules.push("a".into()),
            |found| found.shadow.rules.push("a".into()),
            |found| found.uninspected = Uninspected::OVER_BUDGET,
            |found| found.account = 1,
            |found| found.session = 1,
            |found| found.flight = 1,
            |found| found.rest = 1,
        ];
        for (nth, change) in changes.iter().enumerate() {
            let mut found = Verdict::default();
            assert!(is_clean(&found));
            change(&mut found);
            assert!(!is_clean(&found), "{nth}");
        }
    }
}
