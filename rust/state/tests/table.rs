//! What the table keeps under pressure, at the ends of its number ranges, and between its tenants.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::HashSet;
use threat_agent_engine::memory::Memory;
use threat_agent_engine::sketch::Set;
use threat_agent_engine::state::{
    Ban, By, Counter, Key, Measure, Scope, State, Who, INCIDENT_MASK,
};
use threat_agent_engine::verdict::Category;
use threat_agent_state::SharedState;

const NOW: u64 = 1_000_000_000;

fn client(n: u64) -> Key<'static> {
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(&n.to_be_bytes());
    Key {
        by: By::ClientIp,
        scope: Scope::Global,
        workspace: b"default",
        scope_id: b"",
        who: Who::Client(octets),
    }
}

fn route(id: &'static [u8]) -> Key<'static> {
    Key {
        by: By::Route,
        who: Who::Id(id),
        ..client(0)
    }
}

fn ban(until_ms: u64) -> Ban {
    Ban {
        until_ms,
        category: Category::ApiDdos,
        incident: 7,
        measure: Measure::Refuse,
    }
}

fn state() -> SharedState {
    SharedState::create(1 << 20).unwrap()
}

#[test]
fn a_new_region_is_empty_and_its_own() {
    let state = state();
    assert!(state.verify().is_ok());
    assert!(!state.any_bans(0) && !state.bypassed());
    assert_eq!(state.read(&client(1), Counter::Requests, 0), [0; 4]);
    assert_eq!(state.banned(&client(1), 0), None);
    let seen = state.occupancy(0);
    assert_eq!(
        (seen.live_keys, seen.standing_bans, seen.capacity),
        (0, 0, 5_056)
    );
}

#[test]
fn windows_slide() {
    let state = state();
    let key = client(1);
    for i in 0..100 {
        state.add(&key, Counter::Requests, 1, NOW + i);
    }
    for (after_ms, want) in [
        (100, [100, 100, 100, 100]),
        (1_500, [50, 100, 100, 100]),
        (15_000, [0, 50, 100, 100]),
        (115_000, [0, 0, 0, 100]),
        (8_000_000, [0; 4]),
    ] {
        let seen = state.read(&key, Counter::Requests, NOW + after_ms);
        // The start is aligned to 1 s and 10 s, not to longer windows.
        assert_eq!(seen[..2], want[..2], "{after_ms}");
        assert!(
            seen[2] <= want[2].max(100) && (want[3] == 0) == (seen[3] == 0),
            "{after_ms}"
        );
    }
}

#[test]
fn narrow_counts_saturate_and_wide_ones_go_on() {
    let (state, over) = (state(), 1_048_575 + 10);
    for (key, want) in [(client(1), 1_048_575), (route(b"r"), over)] {
        let mut last = [0; 4];
        for _ in 0..over {
            last = state.add(&key, Counter::ServerErrors, 1, NOW);
        }
        assert_eq!(last, [want; 4]);
    }
}

#[test]
fn counters_and_keys_do_not_mix() {
    let state = state();
    for key in [client(1), client(2), route(b"r"), route(b"s")] {
        for (n, counter) in Counter::ALL.into_iter().enumerate() {
            for _ in 0..=n {
                state.add(&key, counter, 1, NOW);
            }
        }
    }
    for key in [client(1), client(2), route(b"r"), route(b"s")] {
        for (n, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(state.read(&key, counter, NOW), [n as u64 + 1; 4]);
        }
    }
    let tenant = Key {
        workspace: b"other",
        ..client(1)
    };
    assert_eq!(state.read(&tenant, Counter::Requests, NOW), [0; 4]);
}

/// Worker clocks are read before the call: a word that is already in the next bucket is counted in.
#[test]
fn a_late_arrival_keeps_what_a_turned_over_word_holds() {
    for key in [client(1), route(b"r")] {
        let state = state();
        for _ in 0..50 {
            state.add(&key, Counter::Requests, 1, NOW - 1);
        }
        state.add(&key, Counter::Requests, 1, NOW);
        state.add(&key, Counter::Requests, 1, NOW - 1);
        let seen = state.read(&key, Counter::Requests, NOW);
        assert_eq!(seen, [52; 4], "{:?}", key.by);
        assert_eq!(
            state.read(&key, Counter::Requests, NOW - 1),
            seen,
            "{:?}",
            key.by
        );
        state.undo(&key, Counter::Requests, NOW - 1);
        assert_eq!(
            state.read(&key, Counter::Requests, NOW),
            [51; 4],
            "{:?}",
            key.by
        );
    }
}

#[test]
fn counts_survive_the_wraps_of_last_seen_and_of_epochs() {
    let state = state();
    // last_seen wraps every 262,144 s; a 24-bit epoch of seconds every 16,777,216 s.
    for wrap_s in [262_144, 2 * 262_144, 16_777_216] {
        let key = client(wrap_s);
        let at = wrap_s * 1_000;
        for i in 0..1_000 {
            state.add(&key, Counter::Requests, 1, at - 500 + i);
        }
        assert_eq!(state.read(&key, Counter::Requests, at + 499)[1], 1_000);
    }
}

#[test]
fn bans_only_grow_until_they_are_lifted() {
    let state = state();
    let key = client(1);
    state.ban(&key, ban(NOW), NOW);
    assert!(!state.any_bans(NOW));
    state.ban(&key, ban(NOW + 500), NOW);
    state.ban(&key, ban(NOW + 100), NOW);
    assert_eq!(state.banned(&key, NOW + 499), Some(ban(NOW + 500)));
    assert_eq!(state.banned(&key, NOW + 500), None);
    assert!(state.any_bans(NOW + 499) && !state.any_bans(NOW + 500));
    let longer = Ban {
        category: Category::Abuse,
        incident: INCIDENT_MASK,
        ..ban(NOW + 900)
    };
    state.ban(&key, longer, NOW);
    assert_eq!(state.banned(&key, NOW), Some(longer));
    assert!(state.unban(&key, NOW) && !state.unban(&key, NOW));
    assert_eq!(state.banned(&key, NOW), None);
    state.ban(&key, ban(u64::MAX), NOW);
    assert_eq!(
        state.banned(&key, NOW).map(|b| b.until_ms),
        Some((1 << 40) - 1)
    );
}

/// A ban of one class of keys is found whatever stands in the others, and after a restart.
#[test]
fn bans_are_found_in_their_class() {
    let state = state();
    for (n, by) in (0..).zip([By::ClientIp, By::Consumer, By::Suspect, By::Session]) {
        for scope in Scope::ALL {
            let who = match by {
                By::ClientIp | By::Suspect => client(n).who,
                _ => Who::Id(b"one"),
            };
            let key = Key {
                by,
                scope,
                scope_id: if scope == Scope::Global { b"" } else { b"id" },
                who,
                ..client(n)
            };
            assert_eq!(state.banned(&key, NOW), None, "{key:?}");
            state.ban(&key, ban(NOW + 5_000), NOW);
            assert!(state.banned(&key, NOW).is_some(), "{key:?}");
            assert_eq!(state.banned(&key, NOW + 5_000), None, "{key:?}");
            let file = state.snapshot(NOW, NOW);
            let (restored, _) = SharedState::restore(1 << 20, &file, NOW, NOW).unwrap();
            assert!(restored.banned(&key, NOW).is_some(), "{key:?}");
        }
    }
}

#[test]
fn a_flood_of_a_million_keys_keeps_every_ban_and_what_returns() {
    let state = state();
    let mut now = NOW;
    let (bans, regulars) = (300, 1_500);
    for n in 0..bans {
        state.ban(&client(n), ban(NOW + 3_600_000 + n), now);
    }
    for _ in 0..20 {
        now += 5_000;
        for n in 0..regulars {
            state.add(&client(1_000_000 + n), Counter::Requests, 1, now);
        }
    }
    let before = state.occupancy(now);
    assert_eq!(
        (before.standing_bans, before.live_keys, before.evicted),
        (bans, regulars, 0)
    );
    let (mut survived, mut inherited) = (0, 0);
    for n in 0..1_000_000 {
        now += n % 20 / 19;
        let seen = state.add(&client(10_000_000 + n), Counter::Requests, 1, now);
        inherited += u64::from(seen != [1; 4]);
    }
    // Salts have 24 bits: one new key in 16 million counts on from its slot's former owner.
    assert!(inherited <= 4, "{inherited} keys found another's counts");
    for n in 0..regulars {
        let seen = state.read(&client(1_000_000 + n), Counter::Requests, now);
        survived += u64::from(seen[3] == 20);
    }
    for n in 0..bans {
        assert_eq!(
            state.banned(&client(n), now),
            Some(ban(NOW + 3_600_000 + n))
        );
    }
    let after = state.occupancy(now);
    assert!(after.live_keys + after.standing_bans <= after.capacity);
    assert!(after.evicted > 990_000 && after.degraded == 0, "{after:?}");
    assert!(
        survived * 1_000 >= regulars * 998,
        "{survived} of {regulars} survived"
    );
}

/// Every client of the flood takes three slots: counts, a set, a run.
#[test]
fn a_flood_of_sets_and_runs_keeps_what_returns_and_inherits_nothing() {
    let state = state();
    let mut now = NOW;
    let (bans, regulars, flood) = (300, 400, 350_000);
    let consumer = |n| Key {
        by: By::Consumer,
        ..client(n)
    };
    for n in 0..bans {
        state.ban(&client(n), ban(NOW + 100_000_000 + n), now);
    }
    for visit in 0..20 {
        now += 5_000;
        for n in 0..regulars {
            let (key, known) = (client(1_000_000 + n), consumer(n));
            state.mark(&key, Set::Paths, state.hash(&[visit]), now);
            state.follow(&key, u64::from(visit), now);
            state.mark(&known, Set::Habits, state.hash(&[visit]), now);
        }
    }
    let mut inherited = 0;
    for n in 0..flood {
        now += n % 20 / 19;
        let key = client(10_000_000 + n);
        state.add(&key, Counter::Requests, 1, now);
        let first = (
            state.mark(&key, Set::Paths, n << 40, now),
            state.follow(&key, n, now),
        );
        inherited += u64::from(first != (1, 1));
    }
    assert_eq!(inherited, 0, "sets or runs found another's items");
    let survived = (0..regulars).filter(|n| {
        let (key, known) = (client(1_000_000 + n), consumer(*n));
        // Items share a bit by chance, the same for all regulars: six of twenty in one run of 10^5.
        let kept = (14..=22).contains(&state.distinct(&key, Set::Paths, now));
        kept && state.follow(&key, 20, now) == 21
            && state.is_marked(&known, Set::Habits, state.hash(&[3]), now)
    });
    let survived = survived.count() as u64;
    assert!(
        survived * 1_000 >= regulars * 995,
        "{survived} of {regulars}"
    );
    // A working day later the habits stand yet, whatever comes.
    now += 16 * 3_600_000;
    for n in 0..100_000 {
        state.add(&client(20_000_000 + n), Counter::Requests, 1, now);
    }
    let known = (0..regulars).filter(|n| state.distinct(&consumer(*n), Set::Habits, now) >= 14);
    let known = known.count() as u64;
    assert!(known * 1_000 >= regulars * 995, "{known} of {regulars}");
    for n in 0..bans {
        assert!(state.banned(&client(n), now).is_some());
    }
    assert_eq!(state.occupancy(now).degraded, 0);
}

#[test]
fn the_default_region_keeps_four_hundred_thousand_keys() {
    let state = SharedState::create(64 << 20).unwrap();
    // A third of the slots are counters, a third sets, a third runs.
    let clients = 136_000;
    for _ in 0..2 {
        for n in 0..clients {
            state.add(&client(n), Counter::Requests, 1, NOW);
            state.mark(&client(n), Set::Paths, n << 40, NOW);
            state.follow(&client(n), n, NOW);
        }
    }
    let kept: u64 = (0..clients)
        .map(|n| {
            u64::from(state.read(&client(n), Counter::Requests, NOW) == [2; 4])
                + u64::from(state.distinct(&client(n), Set::Paths, NOW) == 1)
                + u64::from(state.follow(&client(n), n + 1, NOW) == 2)
        })
        .sum();
    let seen = state.occupancy(NOW);
    println!("{kept} of {} kept, capacity {}", 3 * clients, seen.capacity);
    assert!(kept >= 400_000, "{kept} of {}, {seen:?}", 3 * clients);
}

#[test]
fn a_table_full_of_bans_answers_as_if_first_and_drops_the_ban_that_ends_first() {
    let state = state();
    let capacity = state.occupancy(NOW).capacity;
    // Later bans end later, so that the early ones have to go.
    let all = capacity * 4;
    for n in 0..all {
        state.ban(&client(n), ban(NOW + 1_000_000 + n), NOW + 20_000);
    }
    let stands: Vec<bool> = (0..all)
        .map(|n| state.banned(&client(n), NOW).is_some())
        .collect();
    let count = |range: std::ops::Range<u64>| range.filter(|n| stands[*n as usize]).count() as u64;
    assert_eq!(state.occupancy(NOW).standing_bans, count(0..all));
    assert!(count(0..all) > capacity * 999 / 1_000);
    assert!(count(0..capacity) < capacity / 50, "{}", count(0..capacity));
    assert!(stands[all as usize - 1]);
    for n in all..all + 1_000 {
        for _ in 0..3 {
            let seen = state.add(&client(n), Counter::Requests, 1, NOW);
            assert!(seen == [1; 4] || state.read(&client(n), Counter::Requests, NOW) == seen);
        }
    }
    assert!(state.occupancy(NOW).degraded > 2_900);
    // Once the bans have run out, their slots are the first to go.
    let later = NOW + 1_000_000 + all + 60_000;
    for _ in 0..2 {
        for n in 0..capacity / 2 {
            state.add(&client(2 * all + n), Counter::Requests, 1, later);
        }
    }
    let seen = (0..capacity / 2)
        .filter(|n| state.read(&client(2 * all + n), Counter::Requests, later) == [2; 4])
        .count() as u64;
    assert!(
        seen * 1_000 >= capacity / 2 * 995,
        "{seen} of {}",
        capacity / 2
    );
}

#[test]
fn nearly_every_key_finds_room_up_to_nine_tenths() {
    for (tenths, at_least) in [(6, 1_000), (7, 999), (8, 998), (9, 975)] {
        let state = state();
        let keys = state.occupancy(NOW).capacity * tenths / 10;
        for _ in 0..3 {
            for n in 0..keys {
                state.add(&client(n), Counter::Requests, 1, NOW);
            }
        }
        let kept = (0..keys)
            .filter(|n| state.read(&client(*n), Counter::Requests, NOW) == [3; 4])
            .count() as u64;
        println!("{tenths}: {kept} of {keys}");
        assert!(
            kept * 1_000 >= keys * at_least,
            "{tenths} tenths: {kept} of {keys}"
        );
    }
}

#[test]
fn incident_numbers_are_distinct_and_never_zero() {
    let state = state();
    let drawn: HashSet<u64> = (0..100_000).map(|_| state.draw_incident()).collect();
    assert!(drawn.len() >= 99_999 && !drawn.contains(&0));
    assert!(drawn.iter().all(|n| *n <= INCIDENT_MASK));
}

#[test]
fn a_key_has_one_slot_however_many_threads_bring_it() {
    let state = state();
    let (threads, keys) = (4, 400);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for n in 0..keys {
                    state.add(&client(n), Counter::Requests, 1, NOW);
                    state.ban(&client(n), ban(NOW + 1 + n), NOW);
                }
            });
        }
    });
    for n in 0..keys {
        assert_eq!(state.read(&client(n), Counter::Requests, NOW), [threads; 4]);
        assert!(state.banned(&client(n), NOW).is_some());
    }
    let seen = state.occupancy(NOW);
    assert_eq!((seen.live_keys, seen.standing_bans), (keys, keys));
}
