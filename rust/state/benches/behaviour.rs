//! What behaviour costs on the region: `inspect` with payload inspection off, with behaviour and
//! without, and `observe`, for clients that come as often as Zipf says and for clients all alike.
//!
//! 200,000 clients on ten routes in 64 MiB, drawn beforehand; `now` moves by a millisecond every 64
//! operations.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use criterion::measurement::WallTime;
use criterion::{criterion_group, criterion_main, BenchmarkGroup, BenchmarkId, Criterion};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use threat_agent_engine::state::{Ban, By, Key, Measure, Scope, State};
use threat_agent_engine::{Category, Config, Engine, Identity, Outcome, Request};
use threat_agent_state::SharedState;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

const CLIENTS: u64 = 200_000;
const DRAWS: usize = 1 << 20;
const START: u64 = 1_000_000_000;
const HEADERS: &[u8] = b"Host: api.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0\r\n\
    Accept: application/json\r\nAccept-Language: en\r\nAccept-Encoding: gzip, br\r\n\
    Referer: https://shop.example/\r\nOrigin: https://shop.example\r\nDNT: 1\r\n\
    Connection: keep-alive\r\nCookie: theme=dark; lang=en\r\n";

fn random(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1);
    *state >> 33
}

fn uniform() -> Vec<u32> {
    let mut seed = 1;
    let draw = |_| (random(&mut seed) % CLIENTS) as u32;
    (0..DRAWS).map(draw).collect()
}

/// Exponent 1.
fn zipf() -> Vec<u32> {
    let mut sum = 0.0;
    let upto: Vec<f64> = (1..=CLIENTS)
        .map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        })
        .collect();
    let mut seed = 1;
    let mut draw = || random(&mut seed) as f64 / (1u64 << 31) as f64 * sum;
    (0..DRAWS)
        .map(|_| {
            let at = draw();
            upto.partition_point(|s| *s < at) as u32
        })
        .collect()
}

/// In monitor mode, so that no client is held and look-ups of bans stay away.
fn engine(behaviour: bool) -> Engine {
    let config = format!(
        r#"{{"mode":"monitor","payload":{{"enabled":false}},"behaviour":{{"enabled":{behaviour}}}}}"#
    );
    Engine::new(Config::from_json(config.as_bytes()).unwrap()).unwrap()
}

fn benches(c: &mut Criterion) {
    let routes: Vec<String> = (0..10)
        .map(|n| format!("8a1c2b4e-0000-4000-8000-{n:012}"))
        .collect();
    let paths: Vec<String> = (0..1_000)
        .map(|n| format!("/v1/orders/{}", n * 7))
        .collect();
    let identity = |client: u32| Identity {
        client: Some(IpAddr::V4(Ipv4Addr::from(0x1400_0000 + client))),
        workspace: b"a5a1b4d8-6b2c-4f0e-9a6e-0d5b7c1f2e3a",
        service: b"3b7e2c90-51d4-4a7f-8c1b-9f2d6e0a4b5c",
        route: routes[client as usize % 10].as_bytes(),
        ..Identity::default()
    };
    let engines = [("with", engine(true)), ("without", engine(false))];
    for (name, draws) in [("zipf", zipf()), ("uniform", uniform())] {
        let state = SharedState::create(64 << 20).unwrap();
        let mut group = c.benchmark_group(name);
        group.measurement_time(Duration::from_secs(3));
        group.sample_size(30);
        let inspect = |group: &mut Group, label: &str, engine: &Engine, state: &SharedState| {
            let mut nth = 0usize;
            group.bench_function(BenchmarkId::new("inspect", label), |b| {
                b.iter(|| {
                    nth += 1;
                    let request = Request {
                        identity: identity(draws[nth % DRAWS]),
                        method: b"GET",
                        scheme: b"https",
                        host: b"api.example",
                        path: paths[nth % 1_000].as_bytes(),
                        headers: HEADERS,
                        ..Request::default()
                    };
                    let now_ms = START + nth as u64 / 64;
                    black_box(engine.inspect(black_box(&request), state, now_ms));
                });
            });
        };
        let mut nth = 0usize;
        for (behaviour, engine) in &engines {
            inspect(&mut group, behaviour, engine, &state);
        }
        for (what, status) in [("200", 200), ("404", 404), ("500", 500)] {
            let outcome = Outcome {
                status,
                latency_ms: 20,
                ..Outcome::default()
            };
            group.bench_function(BenchmarkId::new("observe", what), |b| {
                b.iter(|| {
                    nth += 1;
                    let identity = identity(draws[nth % DRAWS]);
                    let path = paths[nth % 1_000].as_bytes();
                    let now_ms = START + nth as u64 / 64;
                    engines[0]
                        .1
                        .observe(black_box(&identity), path, &outcome, &state, now_ms);
                });
            });
        }
        // One ban anywhere makes every request look for its own.
        let ban = Ban {
            until_ms: START + 36_000_000,
            category: Category::Abuse,
            incident: 7,
            measure: Measure::Refuse,
        };
        let banned = identity(0x0fff_ffff);
        if let Some(key) = Key::of(&banned, By::Suspect, Scope::Global) {
            state.ban(&key, ban, START);
        }
        inspect(&mut group, "with, a ban stands", &engines[0].1, &state);
        group.finish();
    }
}

criterion_group!(all, benches);
criterion_main!(all);
