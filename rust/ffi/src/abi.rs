//! The types that cross the boundary. Text is bytes with a length, without a terminator.
#![allow(non_camel_case_types)]

/// What an export returns: negative for an error whose text `ta_last_error` gives.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ta_status_t {
    TA_STATUS_OK = 0,
    /// The buffer is too small; the needed length was written.
    TA_STATUS_TRUNCATED = 1,
    /// Done, in part: `ta_last_error` tells what was left out.
    TA_STATUS_PARTIAL = 2,
    /// The node is in bypass: nothing was looked at.
    TA_STATUS_BYPASS = 3,
    /// Done, and there is nothing in the verdict to read, as in most.
    TA_STATUS_CLEAN = 4,
    /// A null pointer or a length out of bounds.
    TA_STATUS_INVALID = -1,
    /// The configuration is not valid.
    TA_STATUS_CONFIG = -2,
    /// The library panicked: there is no answer, though what came before may have been counted.
    TA_STATUS_PANIC = -3,
    /// The region cannot be had.
    TA_STATUS_REGION = -4,
}

/// Borrowed bytes. `ptr` may be null when `len` is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ta_str_t {
    pub ptr: *const u8,
    pub len: usize,
}

/// Who sent a request, and where it goes. Ids are Kong's; absent ones are empty.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ta_identity_t {
    pub client_ip: ta_str_t,
    pub workspace: ta_str_t,
    pub route: ta_str_t,
    pub service: ta_str_t,
    pub consumer: ta_str_t,
    pub credential: ta_str_t,
    /// Hash of the session, as a verdict gave it; 0 in requests, whose session is found.
    pub session: u64,
}

/// A header as OpenResty's own FFI hands it out (`ngx_http_lua_ffi_table_elt_t`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ta_header_t {
    pub name_len: i32,
    pub name: *const u8,
    pub value_len: i32,
    pub value: *const u8,
}

/// A request, raw as on the wire.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ta_request_t {
    pub identity: ta_identity_t,
    pub method: ta_str_t,
    pub scheme: ta_str_t,
    pub host: ta_str_t,
    /// Path and query.
    pub target: ta_str_t,
    /// `headers_len` headers; null when there are none.
    pub headers: *const ta_header_t,
    pub headers_len: usize,
    pub body: ta_str_t,
    /// Bytes of the body that were not read.
    pub body_unread_bytes: u64,
    /// Why: `ta_uninspected_t` bits.
    pub body_unread: u32,
    /// 0 the whole request, 1 its head while a body is to come, 2 with its body after the head, 3 again for
    /// what the last look did not reach, 4 whole and after its end.
    pub stage: u32,
    /// Of stage 3, the verdict on what was seen so far; of stage 2, that on the head, or null where it was clean; not
    /// read for others.
    pub before: *const ta_verdict_t,
}

/// Reasons why a part of a request was not inspected: bits.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ta_uninspected_t {
    TA_UNINSPECTED_BODY_TOO_LARGE = 1,
    TA_UNINSPECTED_BODY_ON_DISK = 2,
    TA_UNINSPECTED_BODY_STREAMED = 4,
    TA_UNINSPECTED_BODY_NOT_SEEN = 8,
    TA_UNINSPECTED_BODY_ENCODED = 16,
    TA_UNINSPECTED_BODY_UNREADABLE = 32,
    TA_UNINSPECTED_OVER_BUDGET = 64,
    TA_UNINSPECTED_SAMPLED_OUT = 128,
    TA_UNINSPECTED_MALFORMED = 256,
}

/// The actions, from the weakest to the strongest.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ta_action_t {
    TA_ACTION_ALLOW = 0,
    TA_ACTION_TAG = 1,
    TA_ACTION_THROTTLE = 2,
    TA_ACTION_BLOCK = 3,
}

/// The categories; 0 is none.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ta_category_t {
    TA_CATEGORY_NONE = 0,
    TA_CATEGORY_API_DDOS = 1,
    TA_CATEGORY_CREDENTIAL_STUFFING = 2,
    TA_CATEGORY_ABUSE = 3,
    TA_CATEGORY_PAYLOAD_INJECTION = 4,
    TA_CATEGORY_ROUTE_MISCONFIGURATION = 5,
    TA_CATEGORY_MASS_ERROR = 6,
    TA_CATEGORY_CLIENT_ANOMALY = 7,
    TA_CATEGORY_PAYLOAD_OUTLIER = 8,
}

/// The engine's answer. Caller-owned; every call that returns OK or CLEAN writes all lengths.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ta_verdict_t {
    /// A `ta_action_t`.
    pub action: i32,
    /// A `ta_category_t`.
    pub category: i32,
    /// Anomaly score in 0..=1.
    pub score: f64,
    /// Seconds; 0 when it does not apply.
    pub retry_after_s: u32,
    /// `ta_uninspected_t` bits.
    pub uninspected: u32,
    pub uninspected_bytes: u64,
    /// Hash of the account that the request logs in to, below 2^52; 0 when it is no login. To be
    /// handed back in `ta_outcome_t`.
    pub account: u64,
    /// Hash of the request's session, likewise.
    pub session: u64,
    /// When and where the request was counted as under way, likewise.
    pub flight: u64,
    /// Bits: 1 payload inspection found something, 2 it asks for a delay. To be handed back in
    /// `ta_outcome_t`.
    pub attempt: u32,
    /// Not 0 when the request, unless it is refused, is to be asked about again by stage 3, which takes
    /// this verdict as `before`: one look reaches only so far. Others should have their turn first.
    pub rest: u32,
    /// 1 when the client sent `X-Threat-Agent-*` headers.
    pub spoofed_headers: u32,
    /// Opaque incident reference; empty when nothing was found.
    pub incident_len: u32,
    /// Rule ids, commas between them, strongest first; cut at a whole id.
    pub rules_len: u32,
    /// One sentence for people.
    pub reason_len: u32,
    /// Ids of the shadow rules that spoke, likewise; 0 when none did.
    pub shadow_len: u32,
    /// What would have happened if they were live: a `ta_action_t`, and the score.
    pub shadow_action: i32,
    pub shadow_score: f64,
    pub incident: [u8; 16],
    pub rules: [u8; 256],
    pub reason: [u8; 256],
    pub shadow: [u8; 256],
}

/// How a request ended.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ta_outcome_t {
    pub status: u32,
    /// 0 the upstream answered, 1 a plugin or Kong, 2 an error on the way.
    pub source: u32,
    pub latency_ms: u32,
    pub request_bytes: u64,
    pub response_bytes: u64,
    /// The verdict's, with what `ta_answer_read` added.
    pub attempt: u32,
    /// The verdict's.
    pub account: u64,
    pub session: u64,
    pub flight: u64,
    /// Raw target of the request, as it was inspected.
    pub target: ta_str_t,
    /// 1 GET, 2 PUT, 3 POST, 4 DELETE, 5 OPTIONS, 6 HEAD, 7 PATCH; 0 another.
    pub method: u32,
}

/// What a response says of an attack in its request: bits, and none of a mere attempt.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ta_success_t {
    /// It asks for a delay and got one.
    TA_SUCCESS_DELAYED = 1,
    /// The answer is much larger than is usual on the route.
    TA_SUCCESS_LARGER = 2,
    /// The upstream failed where it hardly ever does.
    TA_SUCCESS_ERROR = 4,
    /// The answer holds accounts, keys, settings of a machine or the output of a command.
    TA_SUCCESS_DISCLOSED = 8,
    /// The answer holds the complaint of an interpreter.
    TA_SUCCESS_COMPLAINED = 16,
}

/// What a second's work came to.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct ta_tick_t {
    /// 1 when this worker leads the node and did the work.
    pub leader: u32,
    /// 1 when it has led since this call only: what was learned is to be imported.
    pub new_leader: u32,
}

/// What to do with the requests of whom, where and for how long.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ta_ban_t {
    pub identity: ta_identity_t,
    /// 0 the client, 1 the consumer, 2 the client's network (/24 or /56), 3 the credential, 4 the
    /// session; limits only: 5 the route, 6 the service, with scope 0.
    pub by: u32,
    /// 0 everywhere, 1 on the service, 2 on the route.
    pub scope: u32,
    pub ttl_s: u32,
    /// A `ta_category_t`.
    pub category: i32,
    /// 0 refuse them, 1 refuse those above a limit, 2 let them pass without a look, 3 refuse those
    /// above so many at once (of a route or service), 4 refuse those that show a sign of an attack,
    /// 5 tag them for the upstream.
    pub measure: u32,
    /// The limit, 0 to 1,048,575 requests in `window_s`, which is 1, 10, 60 or 3,600.
    pub limit: u32,
    pub window_s: u32,
}

/// How requests ended. Estimates.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct ta_flow_t {
    pub requests: u64,
    /// 5xx.
    pub errors: u64,
    pub not_found: u64,
    /// Failed logins and refused credentials.
    pub refused: u64,
    /// Refused by this plugin, or answered by others.
    pub exits: u64,
    /// Answered by the upstream without an error; counted while a limit stands anywhere.
    pub answered: u64,
    /// Sum of latencies, by a sample. Units: milliseconds.
    pub latency_ms: u64,
    /// Refused by a ban on more than their client, wherever they went; of senders only.
    pub turned_away: u64,
}

/// What goes to a route, and what one sender sends there. For single senders no errors are kept; of
/// others than clients there is a sample of their requests and, of consumers, exits.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct ta_traffic_t {
    pub route_60s: ta_flow_t,
    pub route_10s: ta_flow_t,
    pub sender_60s: ta_flow_t,
    pub sender_10s: ta_flow_t,
    /// Requests of one client in 10 s above which it counts as hot; 0 when nothing was learned.
    pub hot_limit: u64,
    /// Requests under way to the route; counted while a cap stands there.
    pub in_flight: u64,
    /// The same for its service.
    pub service_in_flight: u64,
}

/// What is known of this node: sums over all its workers, living and dead.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct ta_node_t {
    /// 1 when the workers share one region, 0 when this process counts alone.
    pub shared: u32,
    /// 1 while the node is in bypass.
    pub bypass: u32,
    /// Workers attached and alive.
    pub workers: u32,
    /// Workers that died inside the engine, in the last 60 s.
    pub recent_deaths: u32,
    pub region_bytes: u64,
    pub capacity_keys: u64,
    pub live_keys: u64,
    pub bans: u64,
    pub requests: u64,
    pub allowed: u64,
    pub tagged: u64,
    pub throttled: u64,
    pub blocked: u64,
    pub uninspected_requests: u64,
    pub uninspected_bytes: u64,
    pub panics: u64,
    /// Requests on which a shadow rule spoke.
    pub shadowed: u64,
}
