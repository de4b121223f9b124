//! One process, no eviction: the region answers exactly as plain memory does.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;
use threat_agent_engine::state::{Ban, By, Counter, Key, LocalState, Scope, State, Who};
use threat_agent_engine::verdict::Category;
use threat_agent_state::SharedState;

#[derive(Clone, Debug)]
enum Step {
    Add(usize, usize),
    Undo(usize, usize),
    Read(usize, usize),
    Ban(usize, u64, u64),
    Unban(usize),
    Wait(u64),
}

fn keys() -> Vec<Key<'static>> {
    let mut keys = Vec::new();
    for by in By::ALL {
        for scope in Scope::ALL {
            for (workspace, who) in [(&b"a"[..], 1u8), (b"b", 1), (b"a", 2)] {
                let who = match by {
                    By::ClientIp => Who::Client([who; 16]),
                    _ if who == 1 => Who::Id(b"one"),
                    _ => Who::Id(b"two"),
                };
                let scope_id: &[u8] = if scope == Scope::Global { b"" } else { b"id" };
                keys.push(Key {
                    by,
                    scope,
                    workspace,
                    scope_id,
                    who,
                });
            }
        }
    }
    keys
}

fn step(keys: usize) -> impl Strategy<Value = Step> {
    let key = 0..keys;
    // Few waits, of every magnitude: within a bucket, over a boundary, over all windows.
    let wait = prop_oneof![0..50u64, 0..1_500u64, 0..70_000u64, 0..8_000_000u64];
    prop_oneof![
        10 => (key.clone(), 0..4usize).prop_map(|(k, c)| Step::Add(k, c)),
        2 => (key.clone(), 0..4usize).prop_map(|(k, c)| Step::Undo(k, c)),
        2 => (key.clone(), 0..4usize).prop_map(|(k, c)| Step::Read(k, c)),
        1 => (key.clone(), 0..100_000u64, any::<u64>()).prop_map(|(k, d, i)| Step::Ban(k, d, i)),
        1 => key.prop_map(Step::Unban),
        3 => wait.prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn shared_equals_local(
        start in 0..1_000_000_000u64,
        used in 1..36usize,
        steps in prop::collection::vec(step(36), 1..400),
    ) {
        let (shared, local) = (SharedState::create(1 << 20).unwrap(), LocalState::default());
        let keys = keys();
        let mut now = start;
        for step in steps {
            match step {
                Step::Add(k, c) => {
                    let (k, c) = (&keys[k % used], Counter::ALL[c]);
                    prop_assert_eq!(shared.add(k, c, now), local.add(k, c, now));
                }
                Step::Undo(k, c) => {
                    let (k, c) = (&keys[k % used], Counter::ALL[c]);
                    shared.undo(k, c, now);
                    local.undo(k, c, now);
                }
                Step::Read(k, c) => {
                    let (k, c) = (&keys[k % used], Counter::ALL[c]);
                    prop_assert_eq!(shared.read(k, c, now), local.read(k, c, now));
                }
                Step::Ban(k, for_ms, incident) => {
                    let ban = Ban {
                        until_ms: now + for_ms,
                        category: Category::ALL[k % 7],
                        incident: incident >> 16,
                    };
                    shared.ban(&keys[k % used], ban, now);
                    local.ban(&keys[k % used], ban, now);
                }
                Step::Unban(k) => {
                    let k = &keys[k % used];
                    prop_assert_eq!(shared.unban(k, now), local.unban(k, now));
                }
                Step::Wait(ms) => now += ms,
            }
            for key in &keys[..used] {
                let ban = shared.banned(key, now);
                prop_assert_eq!(ban, local.banned(key, now));
                prop_assert!(ban.is_none() || shared.any_bans(now));
            }
        }
        let seen = shared.occupancy(now);
        prop_assert_eq!((seen.evicted, seen.degraded), (0, 0));
    }
}
