//! What the default region holds, and what ten million new addresses do to it: prints keys, bytes a
//! key, what stays of bans and regulars, and what a request costs before and during the flood.
//!
//! A look-up is bounded whatever comes: two lines of tags, sixteen places.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Instant;
use threat_agent_engine::state::{Ban, By, Counter, Key, Measure, Scope, State, Who};
use threat_agent_engine::verdict::Category;
use threat_agent_state::SharedState;

const BYTES: usize = 64 << 20;
const START: u64 = 1_000_000_000;
/// New addresses of the flood, and how many come in a second.
const FLOOD: u64 = 10_000_000;
const FLOOD_PER_S: u64 = 50_000;
const BANS: u64 = 10_000;
const REGULARS: u64 = 100_000;

fn client(n: u64) -> Key<'static> {
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(&n.to_be_bytes());
    Key {
        by: By::ClientIp,
        scope: Scope::Global,
        workspace: b"a5a1b4d8-6b2c-4f0e-9a6e-0d5b7c1f2e3a",
        scope_id: b"",
        who: Who::Client(octets),
    }
}

fn main() {
    capacity();
    flood();
}

/// Live keys without a flood: those that answer with all that was counted.
fn capacity() {
    for offered in [350_000u64, 400_000, 425_000, 450_000] {
        let state = SharedState::create(BYTES).unwrap();
        for round in 0..3 {
            for n in 0..offered {
                state.add(&client(n), Counter::Requests, 1, START + round * 5_000);
            }
        }
        let now = START + 10_000;
        let whole = |n: &u64| state.read(&client(*n), Counter::Requests, now)[3] == 3;
        let live = (0..offered).filter(whole).count();
        let bytes = BYTES as f64 / live.max(1) as f64;
        println!("{offered} keys offered: {live} live, {bytes:.0} bytes of the region a key");
    }
}

fn flood() {
    let state = SharedState::create(BYTES).unwrap();
    let mut now = START;
    let ban = Ban {
        until_ms: START + 3_600_000,
        category: Category::ApiDdos,
        incident: 7,
        measure: Measure::Refuse,
    };
    for n in 0..BANS {
        state.ban(&client(FLOOD * 2 + n), ban, now);
    }
    let regular = |n: u64| client(FLOOD * 3 + n);
    for visit in 0..5 {
        now = START + visit * 20_000;
        for n in 0..REGULARS {
            state.add(&regular(n), Counter::Requests, 1, now);
        }
    }
    let mut times = Vec::new();
    for nth in 0..FLOOD {
        if nth.is_multiple_of(FLOOD_PER_S) {
            now += 1_000;
        }
        // Regulars come back once in about two minutes.
        if nth.is_multiple_of(64) {
            let begun = Instant::now();
            state.add(&regular(nth / 64 % REGULARS), Counter::Requests, 1, now);
            times.push(begun.elapsed().as_nanos());
        }
        state.add(&client(nth), Counter::Requests, 1, now);
    }
    let bans = (0..BANS).filter(|n| state.banned(&client(FLOOD * 2 + n), now).is_some());
    let bans = bans.count();
    let kept = (0..REGULARS).filter(|n| state.read(&regular(*n), Counter::Requests, now)[3] >= 5);
    let kept = kept.count();
    let seen = state.occupancy(now);
    println!("flood of {FLOOD} addresses at {FLOOD_PER_S}/s: {bans} of {BANS} bans stand, {kept} of {REGULARS} regulars kept");
    println!(
        "evicted {}, no slot {} times, {} live keys of {} slots",
        seen.evicted, seen.degraded, seen.live_keys, seen.capacity
    );
    let tenth = times.len() / 10;
    for (name, part) in [
        ("first tenth", &mut times[..tenth].to_vec()),
        ("last tenth", &mut times[9 * tenth..].to_vec()),
    ] {
        part.sort_unstable();
        let at = |share: f64| part[((part.len() - 1) as f64 * share) as usize];
        println!(
            "a regular's count, {name} of the flood: median {} ns, p99 {} ns, with the clock's own",
            at(0.5),
            at(0.99)
        );
    }
}
