//! One process, no eviction: the region answers exactly as plain memory does.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;
use threat_agent_engine::memory::{
    rate_bin, Alarm, Memory, Place, PlaceId, CONSUMER_PLACES, MAX_PLACES,
};
use threat_agent_engine::signal::Id;
use threat_agent_engine::sketch::Set;
use threat_agent_engine::state::{Ban, By, Counter, Key, Measure, Scope, State, Who, COUNTERS};
use threat_agent_engine::tally::{Method, Tally, SIZE_BINS};
use threat_agent_engine::verdict::Category;
use threat_agent_engine::LocalState;
use threat_agent_state::SharedState;

#[derive(Clone, Debug)]
enum Step {
    Add(usize, usize, u64),
    Undo(usize, usize),
    Read(usize, usize),
    Ban(usize, u64, u64),
    Unban(usize),
    Mark(usize, usize, u64),
    Seen(usize, usize, u64),
    Follow(usize, u64),
    Wait(u64),
}

const KINDS: [By; 6] = [
    By::ClientIp,
    By::Consumer,
    By::Service,
    By::Route,
    By::Account,
    By::Suspect,
];
const KEYS: usize = KINDS.len() * 9;

fn keys() -> Vec<Key<'static>> {
    let mut keys = Vec::new();
    for by in KINDS {
        for scope in Scope::ALL {
            for (workspace, who) in [(&b"a"[..], 1u8), (b"b", 1), (b"a", 2)] {
                let who = match by {
                    By::ClientIp | By::Suspect => Who::Client([who; 16]),
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

fn step() -> impl Strategy<Value = Step> {
    let key = 0..KEYS;
    // Few waits, of every magnitude: within a bucket, over a boundary, over all windows, weeks.
    let wait = prop_oneof![
        4 => 0..50u64,
        4 => 0..1_500u64,
        4 => 0..70_000u64,
        4 => 0..8_000_000u64,
        1 => 0..1_000_000_000u64,
    ];
    let item = prop_oneof![any::<u64>(), (0..20u64).prop_map(|n| n << 57)];
    let id = prop_oneof![8 => 100..140u64, 1 => any::<u64>()];
    let set = 0..Set::ALL.len();
    prop_oneof![
        10 => (key.clone(), 0..COUNTERS, 0..1_000u64).prop_map(|(k, c, n)| Step::Add(k, c, n)),
        2 => (key.clone(), 0..COUNTERS).prop_map(|(k, c)| Step::Undo(k, c)),
        2 => (key.clone(), 0..COUNTERS).prop_map(|(k, c)| Step::Read(k, c)),
        10 => (key.clone(), set.clone(), item.clone()).prop_map(|(k, s, i)| Step::Mark(k, s, i)),
        2 => (key.clone(), set, item).prop_map(|(k, s, i)| Step::Seen(k, s, i)),
        4 => (key.clone(), id).prop_map(|(k, i)| Step::Follow(k, i)),
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
        used in 1..KEYS,
        steps in prop::collection::vec(step(), 1..400),
    ) {
        let (shared, local) = (SharedState::create(1 << 20).unwrap(), LocalState::default());
        let keys = keys();
        let mut now = start;
        for step in steps {
            match step {
                Step::Add(k, c, n) => {
                    let (k, c) = (&keys[k % used], Counter::ALL[c]);
                    prop_assert_eq!(shared.add(k, c, n, now), local.add(k, c, n, now));
                }
                Step::Mark(k, s, item) => {
                    let (k, s) = (&keys[k % used], Set::ALL[s]);
                    prop_assert_eq!(shared.mark(k, s, item, now), local.mark(k, s, item, now));
                }
                Step::Seen(k, s, item) => {
                    let (k, s) = (&keys[k % used], Set::ALL[s]);
                    prop_assert_eq!(shared.distinct(k, s, now), local.distinct(k, s, now));
                    let seen = shared.is_marked(k, s, item, now);
                    prop_assert_eq!(seen, local.is_marked(k, s, item, now));
                }
                Step::Follow(k, id) => {
                    let k = &keys[k % used];
                    prop_assert_eq!(shared.follow(k, id, now), local.follow(k, id, now));
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
                        measure: Measure::Refuse,
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

fn place(n: usize) -> Place {
    let id = |prefix| Id::new(format!("{prefix}-{n}").as_bytes());
    Place {
        workspace: Id::new(b"default"),
        service: id("service"),
        route: id("route"),
    }
}

#[test]
fn places_and_what_is_kept_for_them() {
    let (shared, local) = (
        SharedState::create(64 << 20).unwrap(),
        LocalState::default(),
    );
    for state in [&shared as &dyn Memory, &local] {
        assert_eq!(state.places(), []);
        for n in 0..600 {
            let id = state.place(&place(n));
            let alarm = Alarm {
                hot_limit: n as u16,
                flood: n % 2 == 0,
                login_wave: n % 3 == 0,
                repeats: n % 5 == 0,
                bulk: n % 7 == 0,
                large_request: n as u8,
                large_answer: (n / 3) as u8,
                rare_methods: (n % 128) as u8,
            };
            let tally = Tally::RequestSize(n % SIZE_BINS);
            state.tally(id, Tally::Method(Method::Delete), 1);
            state.tally(id, tally, 16);
            state.set_alarm(id, alarm);
            for rate in 0..n as u64 {
                state.sample(id, rate);
            }
            assert_eq!(state.place(&place(n)), id);
            assert_eq!(state.alarm(id), alarm);
            let tallies = state.tallies(id);
            assert_eq!(tallies[tally.number()], 16);
            assert_eq!(tallies.iter().sum::<u64>(), 17);
            assert_eq!(state.samples(id).iter().sum::<u64>(), n as u64);
            assert!(n < 300 || state.samples(id)[rate_bin(299)] > 0);
        }
        let mut listed = state.places();
        assert_eq!(listed.len(), 600);
        listed.sort_unstable_by_key(|(id, _)| *id);
        listed.dedup_by_key(|(id, _)| *id);
        let all = listed.iter().filter(|(id, of)| state.place(of) == *id);
        assert_eq!(all.count(), 600);
    }
}

/// Beyond what fits, places share the last entry, whose ids are empty.
#[test]
fn places_beyond_the_directory_share_one() {
    for (bytes, most) in [(1 << 20, 64), (64 << 20, MAX_PLACES)] {
        let state = SharedState::create(bytes).unwrap();
        let ids: Vec<_> = (0..2 * most).map(|n| state.place(&place(n))).collect();
        let again: Vec<_> = (0..2 * most).map(|n| state.place(&place(n))).collect();
        assert_eq!(ids, again);
        let last = most - 1;
        let own = ids.iter().filter(|id| usize::from(id.0) < last).count();
        let part = most - most / CONSUMER_PLACES;
        assert!(own * 10 >= part * 9, "{own} of {part}");
        assert_eq!(usize::from(ids[ids.len() - 1].0), last);
        let listed = state.places();
        assert_eq!(listed.len(), own + 1);
        assert_eq!(listed.last().map(|(_, of)| *of), Some(Place::default()));
        assert_eq!(state.samples(ids[0]), [0; 32]);
    }
}

/// Consumers take their share of the places and no more, and leave the routes theirs.
#[test]
fn consumers_leave_room_for_routes() {
    let consumer = |n: usize| Place::of_consumer(b"default", format!("consumer-{n}").as_bytes());
    let (shared, local) = (
        SharedState::create(64 << 20).unwrap(),
        LocalState::default(),
    );
    for state in [&shared as &dyn Memory, &local] {
        let ids: Vec<_> = (0..MAX_PLACES)
            .filter_map(|n| state.consumer_place(&consumer(n)))
            .collect();
        let share = MAX_PLACES / CONSUMER_PLACES;
        assert!(
            (share * 4 / 5..=share).contains(&ids.len()),
            "{}",
            ids.len()
        );
        assert_eq!(state.consumer_place(&consumer(0)), Some(ids[0]));
        let routes: Vec<_> = (0..MAX_PLACES / 2)
            .map(|n| state.place(&place(n)))
            .collect();
        assert!(routes.iter().all(|id| !ids.contains(id)));
        assert!(!routes.contains(&PlaceId(MAX_PLACES as u16 - 1)));
    }
}
