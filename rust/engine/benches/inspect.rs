//! `Engine::inspect` as the gateway calls it, payload inspection on, no rules and no limits: of
//! ordinary requests, and of the costliest ones that are known.

#[path = "../tests/support/worst.rs"]
mod worst;

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use std::hint::black_box;
use std::time::Duration;
use threat_agent_engine::LocalState;
use threat_agent_engine::{Body, Config, Engine, Request};

const HEADERS: &[u8] = b"Host: api.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36\r\n\
    Accept: application/json\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Accept-Language: en-US,en;q=0.9\r\n\
    Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl\r\n\
    Referer: https://app.example.com/dashboard?tab=orders\r\n\
    Cookie: sid=9f8b7c6d5e4f3a2b1c0d; theme=dark; consent=yes\r\n\
    X-Request-Id: 4f1c9e4b-7c1d-4b6a-9d55-0c6a1b2f3e4d\r\n\
    Content-Type: application/json\r\n";

/// A query of about `bytes` bytes: ids, dates, words with encoded blanks.
fn query(bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for i in 0.. {
        let pair = match i % 4 {
            0 => format!("id{i}={}", 104_729 * (i + 1)),
            1 => format!("since{i}=2024-05-17T10%3A20%3A30Z"),
            2 => format!("q{i}=blue+running+shoes"),
            _ => format!("sort{i}=price.asc"),
        };
        if out.len() + pair.len() > bytes {
            return out;
        }
        if !out.is_empty() {
            out.push(b'&');
        }
        out.extend_from_slice(pair.as_bytes());
    }
    out
}

/// A JSON document of about `bytes` bytes: a list of orders, as APIs exchange them.
fn json(bytes: usize) -> Vec<u8> {
    let mut out = b"{\"items\":[".to_vec();
    for i in 0.. {
        let item = format!(
            "{{\"id\":{},\"sku\":\"SKU-{:05}\",\"name\":\"Running shoe, blue\",\"price\":{}.95,\
             \"url\":\"https://shop.example.com/p/{}\",\"created_at\":\"2024-05-17T10:20:30Z\",\
             \"tags\":[\"sport\",\"summer\"],\"note\":\"Customer's second order, ship it together\"}}",
            104_729 * (i + 1),
            i,
            i % 100,
            i
        );
        if out.len() + item.len() + 3 > bytes {
            break;
        }
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(item.as_bytes());
    }
    out.extend_from_slice(b"]}");
    out
}

fn inspect(c: &mut Criterion) {
    let engine = Engine::new(Config::default()).expect("the defaults compile");
    let state = LocalState::default();
    let base = Request {
        method: b"GET",
        scheme: b"https",
        host: b"api.example.com",
        path: b"/v1/orders",
        headers: HEADERS,
        ..Request::default()
    };
    let (short, long) = (query(100), query(1_024));
    let bodies = [2, 8, 64].map(|kib| json(kib << 10));
    let mut group = c.benchmark_group("inspect");
    let mut bench = |name: &str, request: Request<'_>| {
        let bytes = request.query.len() + request.headers.len() + request.body.bytes.len();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(name, |b| {
            b.iter(|| black_box(engine.inspect(black_box(&request), &state, 1)));
        });
    };
    bench(
        "query 100 B",
        Request {
            query: &short,
            ..base
        },
    );
    bench(
        "query 1 KB",
        Request {
            query: &long,
            ..base
        },
    );
    for (name, bytes) in ["json 2 KB", "json 8 KB", "json 64 KB"].iter().zip(&bodies) {
        let body = Body {
            bytes,
            ..Body::default()
        };
        bench(name, Request { body, ..base });
    }
    let attack = b"id=1%27%20or%20%271%27=%271&q=%3Cscript%3Ealert(1)%3C/script%3E";
    bench(
        "attack",
        Request {
            query: attack,
            ..base
        },
    );
    group.finish();
}

/// What is made to cost. The budget of work bounds it, at some fifteen times what the clean document of
/// `inspect/json 64 KB` takes; a mail in HTML, or a page of code, of that size takes as much.
fn worst_inputs(c: &mut Criterion) {
    let engine = Engine::new(Config::default()).expect("the defaults compile");
    let state = LocalState::default();
    let mut group = c.benchmark_group("worst");
    group.sample_size(20);
    group.warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(500));
    for input in worst::inputs() {
        let headers = format!("Content-Type: {}\r\n", input.content_type);
        let request = Request {
            method: b"POST",
            path: b"/v1/orders",
            headers: headers.as_bytes(),
            body: Body {
                bytes: &input.body,
                ..Body::default()
            },
            ..Request::default()
        };
        group.bench_function(&input.name, |b| {
            b.iter(|| black_box(engine.inspect(black_box(&request), &state, 1)));
        });
    }
    group.finish();
}

criterion_group!(benches, inspect, worst_inputs);
criterion_main!(benches);
