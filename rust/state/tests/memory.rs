//! The rings, the leader's lease and snapshots of bans, in one process.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use threat_agent_engine::memory::{Memory, MAX_INCIDENT_BYTES};
use threat_agent_engine::signal::{Id, Kind, Signal};
use threat_agent_engine::sketch::Set;
use threat_agent_engine::state::{Ban, By, Counter, Key, Measure, MeasureKind, Scope, State, Who};
use threat_agent_engine::verdict::Category;
use threat_agent_engine::window::Window;
use threat_agent_engine::LocalState;
use threat_agent_state::{Error, SharedState, WorkerId};

const NOW: u64 = 1_000_000_000;
const WALL: u64 = 1_790_000_000_000;

fn state() -> SharedState {
    SharedState::create(1 << 20).unwrap()
}

fn client(n: u64) -> Key<'static> {
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(&n.to_be_bytes());
    Key {
        by: By::Suspect,
        scope: Scope::Global,
        workspace: b"default",
        scope_id: b"",
        who: Who::Client(octets),
    }
}

fn signal(n: u64) -> Signal {
    let client: IpAddr = if n.is_multiple_of(2) {
        Ipv4Addr::from(n as u32).into()
    } else {
        Ipv6Addr::from(u128::from(n) << 64 | 5).into()
    };
    Signal {
        at_ms: NOW + n,
        kind: Kind::ALL[n as usize % Kind::ALL.len()],
        category: Category::ALL[n as usize % Category::ALL.len()],
        score: n as f32 / 1_000.0,
        value: n as u32,
        threshold: u32::MAX - n as u32,
        client,
        account: n << 32,
        reference: n << 16,
        refused: n.is_multiple_of(3),
        workspace: Id::new(b"default"),
        route: Id::new(format!("a5a1b4d8-6b2c-4f0e-9a6e-{n:012}").as_bytes()),
        consumer: Id::default(),
        credential: Id::new(format!("b7{n:034}").as_bytes()),
        session: n << 20,
    }
}

fn drain(state: &dyn Memory, cursor: u64) -> (Vec<Signal>, u64, u64) {
    let mut taken = Vec::new();
    let (next, lost) = state.drain(cursor, &mut |signal| taken.push(*signal));
    (taken, next, lost)
}

#[test]
fn signals_come_back_as_they_were_in_order() {
    let state = state();
    assert_eq!(drain(&state, 0), (vec![], 0, 0));
    let mut cursor = 0;
    for round in 0..50 {
        let some: Vec<Signal> = (0..round).map(|n| signal(round * 100 + n)).collect();
        some.iter().for_each(|signal| state.signal(signal));
        let (taken, next, lost) = drain(&state, cursor);
        assert_eq!((taken, lost), (some, 0));
        cursor = next;
        assert_eq!(state.drained(), cursor);
    }
    // What is asked for again comes again; a cursor of another region is at the end.
    assert_eq!(drain(&state, cursor - 49).0.len(), 49);
    assert_eq!(drain(&state, u64::MAX), (vec![], cursor, 0));
}

#[test]
fn a_full_ring_loses_the_oldest_and_says_so() {
    let (shared, local) = (state(), LocalState::default());
    let (kept, all) = (256, 1_000);
    for n in 0..all {
        shared.signal(&signal(n));
        local.signal(&signal(n));
    }
    let (taken, next, lost) = drain(&shared, 0);
    let (wanted, want_next, _) = drain(&local, all - kept);
    assert_eq!((taken, next, lost), (wanted, want_next, all - kept));
    assert_eq!(drain(&shared, next), (vec![], next, 0));
}

#[test]
fn many_producers_and_one_drain_lose_nothing_that_has_room() {
    let state = SharedState::create(64 << 20).unwrap();
    let (producers, each) = (4u64, 20_000);
    let mut last = BTreeMap::new();
    let (mut taken, mut lost, mut cursor) = (0, 0, 0);
    std::thread::scope(|scope| {
        for producer in 0..producers {
            let state = &state;
            scope.spawn(move || {
                for n in 0..each {
                    let signal = Signal {
                        account: producer,
                        ..signal(n)
                    };
                    state.signal(&signal);
                }
            });
        }
        while taken + lost < producers * each {
            let (next, more) = state.drain(cursor, &mut |got| {
                let n = got.at_ms - NOW;
                assert_eq!(
                    Signal {
                        account: n << 32,
                        ..*got
                    },
                    signal(n)
                );
                // Each producer's signals come in its order.
                assert!(last.insert(got.account, n).is_none_or(|before| before < n));
                taken += 1;
            });
            (cursor, lost) = (next, lost + more);
        }
    });
    assert_eq!((cursor, taken + lost), (producers * each, producers * each));
}

fn published(state: &dyn Memory, since: u64) -> Vec<(u64, Vec<u8>)> {
    let mut all = Vec::new();
    state.published(since, &mut |sequence, text| {
        all.push((sequence, text.to_vec()));
    });
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With as many incidents as the smallest region has slots.
    #[test]
    fn incidents_are_kept_as_plain_memory_keeps_them(
        steps in prop::collection::vec(
            (0..16u64, prop::collection::vec(any::<u8>(), 0..200), 0..8u64), 1..60),
    ) {
        let (shared, local) = (state(), LocalState::default());
        for (nth, (number, text, back)) in steps.iter().enumerate() {
            shared.publish(*number, text);
            local.publish(*number, text);
            let since = (nth as u64).saturating_sub(*back);
            prop_assert_eq!(published(&shared, since), published(&local, since));
        }
        prop_assert_eq!(published(&shared, steps.len() as u64), vec![]);
    }
}

#[test]
fn incidents_are_replaced_by_their_number_and_cut_to_what_fits() {
    let state = SharedState::create(64 << 20).unwrap();
    for n in 0..300 {
        state.publish(n, format!("incident {n}").as_bytes());
    }
    let all = published(&state, 0);
    assert_eq!((all.len(), all[0].0, all[255].0), (256, 45, 300));
    assert_eq!(all[255].1, b"incident 299");
    state.publish(299, &[b'x'; 5_000]);
    assert_eq!(
        published(&state, 300),
        [(301, vec![b'x'; MAX_INCIDENT_BYTES])]
    );
    assert_eq!(published(&state, 0).len(), 256);
}

#[test]
fn readers_of_incidents_see_whole_texts_while_the_leader_writes() {
    let state = state();
    let rounds = 20_000u64;
    let text = |n: u64| vec![n as u8; 1 + n as usize % MAX_INCIDENT_BYTES];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=rounds {
                state.publish(n % 5, &text(n));
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while last < rounds {
                    state.published(last, &mut |sequence, got| {
                        assert!(sequence > last && got == text(sequence));
                        last = sequence;
                    });
                }
            });
        }
    });
}

fn living(_: u32) -> bool {
    true
}

#[test]
fn the_lease_passes_on() {
    let state = state();
    let [a, b] = [1, 2].map(|pid| state.attach(pid, NOW, living).slot);
    assert!(state.lead(a, NOW) && !state.lead(b, NOW + 2_999));
    assert!(state.lead(a, NOW + 2_000) && !state.lead(b, NOW + 4_999));
    // Expired.
    assert!(state.lead(b, NOW + 5_000) && !state.lead(a, NOW + 5_001));
    // The owner is dead: another process has its slot.
    assert_eq!(state.attach(3, NOW + 5_002, |pid| pid == 1).slot, b);
    assert!(state.lead(a, NOW + 5_003) && !state.lead(b, NOW + 5_004));
    assert!(!state.lead(WorkerId::OVERFLOW, NOW + 60_000));
    // A clock that lags does not shorten the lease.
    assert!(state.lead(a, NOW + 4_000) && !state.lead(b, NOW + 8_002));
    // Asking takes nothing and renews nothing.
    assert!(state.leads(a, NOW + 8_002) && !state.leads(b, NOW + 8_002));
    assert!(!state.leads(a, NOW + 8_003) && !state.leads(WorkerId::OVERFLOW, NOW + 8_003));
    assert!(state.lead(b, NOW + 8_003) && !state.leads(a, NOW + 8_003));
}

#[derive(Clone, Debug)]
enum Turn {
    Lead(usize),
    /// Dies, and is replaced in its slot.
    Die(usize),
    Wait(u64),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whoever was told that it leads does so until it dies, or for 3 s.
    #[test]
    fn never_do_two_workers_lead(turns in prop::collection::vec(prop_oneof![
        6 => (0..4usize).prop_map(Turn::Lead),
        1 => (0..4usize).prop_map(Turn::Die),
        4 => (0..2_000u64).prop_map(Turn::Wait),
    ], 1..200)) {
        let state = state();
        let (mut now, mut next_pid) = (NOW, 10);
        let mut pids = [1, 2, 3, 4];
        let slots = pids.map(|pid| state.attach(pid, now, living).slot);
        let mut leader = None;
        for turn in turns {
            match turn {
                Turn::Lead(n) => {
                    let free = leader.is_none_or(|(who, until)| who == n || until <= now);
                    prop_assert_eq!(state.lead(slots[n], now), free);
                    if free {
                        leader = Some((n, now + 3_000));
                    }
                }
                Turn::Die(n) => {
                    let dead = std::mem::replace(&mut pids[n], next_pid);
                    next_pid += 1;
                    let attached = state.attach(pids[n], now, |pid| pid != dead);
                    prop_assert_eq!(attached.slot, slots[n]);
                    leader = leader.filter(|(who, _)| *who != n);
                }
                Turn::Wait(ms) => now += ms,
            }
        }
    }
}

fn ban(n: u64, for_ms: u64) -> Ban {
    Ban {
        until_ms: NOW + for_ms,
        category: Category::ALL[n as usize % 7],
        incident: (n + 1) << 30,
        measure: Measure::Refuse,
    }
}

#[test]
fn bans_outlive_the_region_whatever_the_size_of_the_next() {
    let old = state();
    let bans = 1_000;
    for n in 0..bans {
        old.ban(&client(n), ban(n, 10_000 + n), NOW);
        old.add(&client(n), Counter::Requests, 1, NOW);
    }
    old.unban(&client(7), NOW);
    old.ban(&client(bans), ban(0, 1), NOW);
    let item = old.hash(b"account");
    let bytes = old.snapshot(NOW, WALL);
    assert_eq!(bytes.len(), 80 + 32 * bans as usize);
    // Two minutes later by the wall clock, after a boot that set the other clock back.
    let (later, now, wall) = (10_400, 5_000, WALL + 10_400);
    for size in [1 << 20, 16 << 20] {
        let (new, restored) = SharedState::restore(size, &bytes, now, wall).unwrap();
        assert_eq!(restored as u64, bans - 401);
        assert!(new.verify().is_ok() && new.any_bans(now));
        for n in 0..=bans {
            let stands = (401..bans).contains(&n).then(|| Ban {
                until_ms: now + 10_000 + n - later,
                ..ban(n, 0)
            });
            assert_eq!(new.banned(&client(n), now), stands, "{n}");
        }
        assert_eq!(new.read(&client(500), Counter::Requests, now), [0; 4]);
        assert_eq!(new.distinct(&client(500), Set::Paths, now), 0);
        assert_eq!(new.hash(b"account"), item);
        assert_eq!(new.occupancy(now).standing_bans, bans - 401);
        assert_ne!(new.draw_incident(), old.draw_incident());
        // And once more.
        let again = new.snapshot(now, wall);
        let (third, kept) = SharedState::restore(size, &again, NOW, wall).unwrap();
        assert_eq!(kept, restored);
        assert!(third.banned(&client(900), NOW).is_some());
    }
}

#[test]
fn each_measure_stands_by_itself_and_outlives_the_region() {
    let old = state();
    let limit = Measure::Limit {
        window: Window::S10,
        limit: 77,
    };
    for measure in [limit, Measure::Allow, Measure::RefuseOnSignal, Measure::Tag] {
        let ban = Ban {
            measure,
            ..ban(1, 60_000)
        };
        old.ban(&client(1), ban, NOW);
    }
    assert!(!old.any_bans(NOW) && old.banned(&client(1), NOW).is_none());
    old.ban(&client(1), ban(1, 60_000), NOW);
    old.lift(&client(1), MeasureKind::Allow, NOW);
    let bytes = old.snapshot(NOW, WALL);
    let (new, restored) = SharedState::restore(1 << 20, &bytes, NOW, WALL).unwrap();
    assert_eq!(restored, 4);
    let stands = |kind| new.standing(&client(1), kind, NOW).map(|ban| ban.measure);
    assert_eq!(stands(MeasureKind::Refuse), Some(Measure::Refuse));
    assert_eq!(stands(MeasureKind::Limit), Some(limit));
    let on_signal = stands(MeasureKind::RefuseOnSignal);
    assert_eq!(on_signal, Some(Measure::RefuseOnSignal));
    assert_eq!(stands(MeasureKind::Tag), Some(Measure::Tag));
    assert_eq!(stands(MeasureKind::Allow), None);
}

#[test]
fn a_wall_clock_set_back_makes_no_ban_longer() {
    let old = state();
    old.ban(&client(1), ban(1, 60_000), NOW);
    let bytes = old.snapshot(NOW, WALL);
    let (new, restored) = SharedState::restore(1 << 20, &bytes, NOW, WALL / 2).unwrap();
    assert_eq!(restored, 1);
    let until = new.banned(&client(1), NOW).map(|ban| ban.until_ms);
    assert_eq!(until, Some(NOW + 60_000));
}

#[test]
fn an_empty_snapshot_is_one() {
    let bytes = state().snapshot(NOW, WALL);
    let (new, restored) = SharedState::restore(1 << 20, &bytes, NOW, WALL).unwrap();
    assert_eq!((restored, new.any_bans(NOW)), (0, false));
}

#[test]
fn damaged_foreign_and_future_snapshots_are_refused() {
    let old = state();
    for n in 0..20 {
        old.ban(&client(n), ban(n, 60_000), NOW);
    }
    let good = old.snapshot(NOW, WALL);
    let refusal = |bytes: &[u8]| match SharedState::restore(1 << 20, bytes, NOW, WALL) {
        Err(Error::Snapshot { what, .. }) => what,
        other => unreachable!("{:?}", other.map(|(_, bans)| bans)),
    };
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    assert_eq!(refusal(b""), "length at least");
    assert_eq!(refusal(&good[..79]), "length");
    assert_eq!(refusal(&good[..good.len() - 1]), "length");
    assert_eq!(refusal(&[good.clone(), vec![0]].concat()), "length");
    assert_eq!(refusal(&[b'x'; 500]), "magic");
    assert_eq!(refusal(&with(8, 3)), "version");
    assert_eq!(refusal(&[0xFF; 100]), "magic");
    for (at, byte) in good.iter().enumerate().skip(16) {
        let what = refusal(&with(at, !byte));
        let count = (64..72).contains(&at);
        assert_eq!(what, if count { "length" } else { "checksum" }, "{at}");
    }
    let error = SharedState::restore(1 << 20, &with(8, 3), NOW, WALL)
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(text.contains("version: expected 0x2, found 0x3"), "{text}");
    assert!(matches!(
        SharedState::restore(5, &good, NOW, WALL),
        Err(Error::Size(5))
    ));
}
