//! One operation on the region, beside the same on `LocalState`: a hash map behind a mutex.
//!
//! 700,000 keys in 128 MiB fill the table to three quarters. Keys are drawn beforehand; `now`
//! moves by a millisecond every 64 operations. All in one process: several processes that share a
//! hot key wait for its cache line besides.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion};
use std::hint::black_box;
use std::time::Duration;
use threat_agent_engine::memory::{Memory, Place};
use threat_agent_engine::signal::{Id, Kind, Signal, NO_CLIENT};
use threat_agent_engine::sketch::Set;
use threat_agent_engine::state::{Ban, By, Counter, Key, Measure, Scope, State, Who};
use threat_agent_engine::verdict::Category;
use threat_agent_engine::LocalState;
use threat_agent_state::SharedState;

const KEYS: u64 = 700_000;
const DRAWS: usize = 1 << 20;
const START: u64 = 1_000_000_000;

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

fn route() -> Key<'static> {
    Key {
        by: By::Route,
        who: Who::Id(b"3b7e2c90-51d4-4a7f-8c1b-9f2d6e0a4b5c"),
        ..client(0)
    }
}

fn random(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1);
    *state >> 33
}

fn uniform() -> Vec<u64> {
    let mut seed = 1;
    (0..DRAWS).map(|_| random(&mut seed) % KEYS).collect()
}

/// Exponent 1: the first key gets one arrival in fourteen.
fn zipf() -> Vec<u64> {
    let mut sum = 0.0;
    let upto: Vec<f64> = (1..=KEYS)
        .map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        })
        .collect();
    let mut seed = 1;
    let mut draw = || random(&mut seed) as f64 / (1u64 << 31) as f64 * sum;
    (0..DRAWS)
        .map(|_| upto.partition_point(|s| *s < draw()) as u64)
        .collect()
}

/// Runs `op` on one drawn key after the other.
fn drawn(
    c: &mut Criterion,
    name: &str,
    states: &[(&str, &dyn Memory)],
    draws: &[u64],
    op: impl Fn(&dyn Memory, &Key, u64),
) {
    let mut group = c.benchmark_group(name);
    group.measurement_time(Duration::from_secs(3));
    group.sample_size(30);
    for (label, state) in states {
        let mut nth = 0usize;
        group.bench_function(BenchmarkId::from_parameter(label), |b| {
            b.iter(|| {
                nth += 1;
                let key = client(draws[nth % DRAWS]);
                op(*state, black_box(&key), START + nth as u64 / 64);
            });
        });
    }
    group.finish();
}

fn benches(c: &mut Criterion) {
    let (shared, local) = (
        SharedState::create(128 << 20).unwrap(),
        LocalState::default(),
    );
    let states: &[(&str, &dyn Memory)] = &[("shared", &shared), ("local", &local)];
    for (_, state) in states {
        for n in 0..KEYS {
            state.add(&client(n), Counter::Requests, 1, START);
        }
    }
    let (uniform, zipf, hot) = (uniform(), zipf(), vec![7; DRAWS]);
    let add = |state: &dyn Memory, key: &Key, now| {
        black_box(state.add(key, Counter::Requests, 1, now));
    };
    drawn(c, "add_hot", states, &hot, add);
    drawn(c, "add_zipf", states, &zipf, add);
    drawn(c, "add_uniform", states, &uniform, add);
    drawn(c, "add_hot_route", states, &hot, |state, _, now| {
        black_box(state.add(&route(), Counter::Requests, 1, now));
    });
    drawn(c, "read_uniform", states, &uniform, |state, key, now| {
        black_box(state.read(key, Counter::Requests, now));
    });
    for (_, state) in states {
        let ban = Ban {
            until_ms: START * 2,
            category: Category::Abuse,
            incident: 1,
            measure: Measure::Refuse,
        };
        state.ban(&client(KEYS), ban, START);
    }
    let banned = |state: &dyn Memory, key: &Key, now| {
        black_box(state.banned(key, now));
    };
    drawn(c, "banned_miss_hot", states, &hot, banned);
    drawn(c, "banned_miss_uniform", states, &uniform, banned);
    // Every key is new: each arrival evicts.
    let mut flood = c.benchmark_group("add_flood");
    let mut n = KEYS;
    flood.bench_function("shared", |b| {
        b.iter(|| {
            n += 1;
            shared.add(
                &client(n),
                Counter::Requests,
                1,
                START + 1_000_000 + n / 256,
            )
        });
    });
    flood.finish();
    let seen = shared.occupancy(START);
    println!(
        "{} keys of {}, {:.0} bytes of the region a key at that load; {} evicted",
        seen.live_keys,
        seen.capacity,
        shared.bytes() as f64 / KEYS as f64,
        seen.evicted
    );
}

/// Sets, runs, places and signals: 200,000 clients with a slot of each kind in 128 MiB.
fn memory(c: &mut Criterion) {
    let (shared, local) = (
        SharedState::create(128 << 20).unwrap(),
        LocalState::default(),
    );
    let states: &[(&str, &dyn Memory)] = &[("shared", &shared), ("local", &local)];
    let keys = 200_000;
    for (_, state) in states {
        for n in 0..keys {
            state.add(&client(n), Counter::Requests, 1, START);
            state.mark(&client(n), Set::Paths, n << 40, START);
            state.follow(&client(n), n, START);
        }
    }
    let few = |draws: Vec<u64>| draws.into_iter().map(|n| n % keys).collect::<Vec<_>>();
    let (uniform, zipf, hot) = (few(uniform()), few(zipf()), vec![7; DRAWS]);
    let known = |state: &dyn Memory, key: &Key, now| {
        black_box(state.mark(key, Set::Paths, 7 << 40, now));
    };
    let any = |state: &dyn Memory, key: &Key, now: u64| {
        let item = now.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        black_box(state.mark(key, Set::Paths, item, now));
    };
    let follow = |state: &dyn Memory, key: &Key, now| {
        black_box(state.follow(key, now, now));
    };
    drawn(c, "mark_known_hot", states, &hot, known);
    drawn(c, "mark_hot", states, &hot, any);
    drawn(c, "mark_zipf", states, &zipf, any);
    drawn(c, "mark_uniform", states, &uniform, any);
    drawn(c, "follow_hot", states, &hot, follow);
    drawn(c, "follow_zipf", states, &zipf, follow);
    drawn(c, "follow_uniform", states, &uniform, follow);
    let place = Place {
        workspace: Id::new(b"a5a1b4d8-6b2c-4f0e-9a6e-0d5b7c1f2e3a"),
        service: Id::new(b"0d5b7c1f-6b2c-4f0e-9a6e-a5a1b4d82e3a"),
        route: Id::new(b"3b7e2c90-51d4-4a7f-8c1b-9f2d6e0a4b5c"),
    };
    drawn(c, "place_alarm_sample", states, &hot, |state, _, now| {
        let id = state.place(black_box(&place));
        black_box(state.alarm(id));
        state.sample(id, now % 1_000);
    });
    let signal = |at_ms| Signal {
        at_ms,
        kind: Kind::Rule,
        category: Category::Abuse,
        score: 0.5,
        value: 10,
        threshold: 10,
        client: NO_CLIENT,
        account: 0,
        reference: 1,
        refused: true,
        workspace: place.workspace,
        route: place.route,
        consumer: Id::default(),
        credential: Id::default(),
        session: 0,
    };
    drawn(c, "signal", states, &hot, |state, _, now| {
        state.signal(black_box(&signal(now)));
    });
    let mut drains = c.benchmark_group("drain_1000_signals");
    drains.bench_function("shared", |b| {
        let end = shared.drained();
        let (end, _) = shared.drain(end, &mut |_| ());
        b.iter(|| {
            shared.drain(end - 1_000, &mut |signal| {
                black_box(signal);
            })
        });
    });
    drains.finish();
    for n in 0..1_000 {
        let ban = Ban {
            until_ms: START * 2,
            category: Category::Abuse,
            incident: n,
            measure: Measure::Refuse,
        };
        shared.ban(&client(n), ban, START);
    }
    let mut snapshots = c.benchmark_group("snapshot_1000_bans");
    snapshots.sample_size(10);
    snapshots.bench_function("shared", |b| b.iter(|| shared.snapshot(START, START)));
    snapshots.finish();
    let capacity = SharedState::create(64 << 20)
        .unwrap()
        .occupancy(START)
        .capacity;
    for (what, slots) in [("counts", 1), ("and a set", 2), ("and a run", 3)] {
        let clients = capacity as f64 * 0.85 / f64::from(slots);
        println!(
            "64 MiB, 85 % full: {clients:.0} clients with {what}, {:.0} bytes each",
            f64::from(64 << 20) / clients
        );
    }
}

criterion_group!(table, benches, memory);
criterion_main!(table);
