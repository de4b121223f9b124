//! The boundary as LuaJIT calls it: the real `native.lua` on the real library, beside the engine
//! called from Rust and beside an empty call. Sixteen requests from sixteen clients take turns, so
//! that the compiler can hoist nothing out of the loop.
//!
//! The library is built as `make build` does, since the one that any other build leaves in its place is
//! not optimized across crates. The document comes without a query, as in the engine's own bench.
//!
//! `interpreted` is what a call costs where a trace could not be compiled around it.
#![allow(clippy::indexing_slicing)] // a bench that panics has said what it has to say

use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion};
use mlua::{Function, Lua, LuaSerdeExt, Table, Value};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use threat_agent_engine::request::{canonical_ip, Stage};
use threat_agent_engine::{Body, Config, Engine, Identity, Outcome, Request};
use threat_agent_state::SharedState;

const CONFIG: &str = r#"{
    "mode": "enforce",
    "payload": {"enabled": true, "action": "block", "threshold": 0.5},
    "limits": [
        {"id": "second", "by": "client_ip", "window": "1s", "limit": 1000000},
        {"id": "ten-seconds", "by": "client_ip", "window": "10s", "limit": 1000000},
        {"id": "route", "by": "route", "window": "1s", "limit": 1000000},
        {"id": "failures", "by": "client_ip", "count": "auth_failures", "window": "60s", "limit": 1000}
    ]
}"#;

const HEADERS: &str = "Host: api.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36\r\n\
    Accept: application/json\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Accept-Language: en-US,en;q=0.9\r\n\
    Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl\r\n\
    Referer: https://app.example.com/dashboard?tab=orders\r\n\
    Cookie: sid=9f8b7c6d5e4f3a2b1c0d; theme=dark; consent=yes\r\n\
    X-Request-Id: 4f1c9e4b-7c1d-4b6a-9d55-0c6a1b2f3e4d\r\n\
    Content-Type: application/json\r\n\r\n";

const QUERY: &str = "id0=104729&since1=2024-05-17T10%3A20%3A30Z&q2=blue+running+shoes&sort3=price.asc&page=2&size=50&lang=en";

const CLIENTS: usize = 16;
const TURNS_PER_MS: u64 = 200;
const WORKSPACE: &str = "0b6f2f3c-7d0e-4f7e-9a44-0f0f3d1c2b1a";
const ROUTE: &str = "6f1a5a0e-2b9d-4e0b-8e58-0d9f6c1d7e11";
const SERVICE: &str = "d2a7b6c4-93a5-4b1e-b0a6-4c5a0f2c9e02";
const JSON_BYTES: usize = 2 << 10;

const LOOPS: &str = r#"
    package.path, package.cpath = path, cpath
    ngx = { null = newproxy() }
    package.preload["cjson.safe"] = function()
      return { encode = encode, empty_array = {} }
    end

    headers = {}
    for name, value in header_block:gmatch("([^:\r\n]+): ([^\r\n]+)") do
      headers[#headers + 1] = { name, value }
    end

    local native = require "kong.plugins.threat-agent.native"
    assert(require("kong.plugins.threat-agent.library").load())
    assert(require("kong.plugins.threat-agent.region").init(0))

    local C = require("ffi").load(package.searchpath("libthreat_agent", package.cpath))
    local engine = assert(require("kong.plugins.threat-agent.engines").of(conf))
    local COUNT = #requests

    function empty(n)
      for _ = 1, n do
        C.ta_engine_free(nil)
      end
    end

    function inspect(n)
      for i = 1, n do
        if native.inspect(engine, requests[i % COUNT + 1]) ~= native.CLEAN then
          error("a clean request was not found clean")
        end
      end
    end

    function check_ban(n)
      for i = 1, n do
        native.check_ban(engine, requests[i % COUNT + 1])
      end
    end

    local ended = { status = 200, source = 0, latency_ms = 1, request_bytes = 0, response_bytes = 2000,
      account = 0, session = 0, flight = 0, attempt = 0, target = "/v1/orders", method = 1 }

    function observe(n)
      for i = 1, n do
        native.observe(engine, requests[i % COUNT + 1], ended)
      end
    end
"#;

/// A JSON document of about `bytes` bytes: a list of orders, as APIs exchange them.
fn json(bytes: usize) -> String {
    let mut out = String::from("{\"items\":[");
    for i in 0.. {
        let item = format!(
            "{{\"id\":{},\"sku\":\"SKU-{i:05}\",\"name\":\"Running shoe, blue\",\"price\":{}.95,\
             \"created_at\":\"2024-05-17T10:20:30Z\",\"tags\":[\"sport\",\"summer\"],\
             \"note\":\"Customer's second order, ship it together\"}}",
            104_729 * (i + 1),
            i % 100,
        );
        if out.len() + item.len() + 3 > bytes {
            break;
        }
        if i > 0 {
            out.push(',');
        }
        out.push_str(&item);
    }
    out.push_str("]}");
    out
}

/// What is sent: a GET with a query, or a POST of a document.
struct Sample {
    method: &'static str,
    query: &'static str,
    paths: Vec<String>,
    clients: Vec<String>,
    body: String,
}

impl Sample {
    fn new(method: &'static str, query: &'static str, body: String) -> Sample {
        Sample {
            method,
            query,
            paths: (0..CLIENTS).map(|i| format!("/v1/orders/{i}")).collect(),
            clients: (0..CLIENTS).map(|i| format!("192.0.2.{i}")).collect(),
            body,
        }
    }

    fn lua(&self, lua: &Lua) -> mlua::Result<Vec<Table>> {
        let table = |(client, path): (&String, &String)| {
            let request = lua.create_table()?;
            for (name, text) in [
                ("client_ip", client.as_str()),
                ("workspace", WORKSPACE),
                ("route", ROUTE),
                ("service", SERVICE),
                ("consumer", ""),
                ("credential", ""),
                ("method", self.method),
                ("scheme", "https"),
                ("host", "api.example.com"),
                ("target", &format!("{path}?{}", self.query)),
                ("body", &self.body),
            ] {
                request.set(name, text)?;
            }
            request.set("body_len", self.body.len())?;
            request.set("body_unread", 0)?;
            request.set("stage", 0)?;
            request.set("body_unread_bytes", 0)?;
            Ok(request)
        };
        self.clients.iter().zip(&self.paths).map(table).collect()
    }

    fn rust(&self, nth: usize) -> Request<'_> {
        let nth = nth % CLIENTS;
        Request {
            identity: self.identity(nth),
            method: self.method.as_bytes(),
            scheme: b"https",
            host: b"api.example.com",
            path: self.paths[nth].as_bytes(),
            query: self.query.as_bytes(),
            headers: HEADERS.as_bytes(),
            body: Body {
                bytes: self.body.as_bytes(),
                ..Body::default()
            },
            stage: Stage::Whole,
        }
    }

    fn identity(&self, nth: usize) -> Identity<'_> {
        Identity {
            client: canonical_ip(self.clients[nth % CLIENTS].as_bytes()),
            workspace: WORKSPACE.as_bytes(),
            route: ROUTE.as_bytes(),
            service: SERVICE.as_bytes(),
            consumer: b"",
            credential: b"",
            session: 0,
        }
    }
}

/// Where cargo puts the library.
fn library_folder() -> PathBuf {
    let exe = std::env::current_exe().expect("a bench has a path");
    exe.ancestors()
        .nth(2)
        .expect("it lies in `deps`")
        .to_owned()
}

/// Builds the library as the Makefile does. Cost: some minutes where another one lies in its place.
fn build() {
    let library = "rustc --release --locked -p threat-agent-ffi --lib --crate-type cdylib";
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(library.split(' ')).arg("--target-dir");
    let built = cargo.arg(library_folder().join("..")).status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "cargo {library} failed"
    );
}

/// A VM with the loops above on one sample.
fn vm(sample: &Sample) -> mlua::Result<Lua> {
    // SAFETY: the bench runs the project's own Lua only; `ffi` needs the unsafe standard library.
    let lua = unsafe { Lua::unsafe_new() };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lua");
    let encode = lua.create_function(|lua, value: Value| {
        let json: serde_json::Value = lua.from_value(value)?;
        Ok(json.to_string())
    })?;
    let conf: serde_json::Value = serde_json::from_str(CONFIG).expect("the config is JSON");
    let globals = lua.globals();
    globals.set("encode", encode)?;
    globals.set("conf", lua.to_value(&conf)?)?;
    globals.set("path", format!("{}/?.lua", root.display()))?;
    globals.set("cpath", format!("{}/?.so", library_folder().display()))?;
    globals.set("requests", sample.lua(&lua)?)?;
    globals.set("header_block", HEADERS)?;
    lua.load(include_str!("../tests/support/wire.lua")).exec()?;
    lua.load(LOOPS).exec()?;
    Ok(lua)
}

/// Times `n` turns of a loop that Lua runs.
fn timed(lua: &Lua, name: &str) -> impl FnMut(u64) -> Duration {
    let run: Function = lua.globals().get(name).expect("the loop is there");
    move |n| {
        let start = Instant::now();
        run.call::<()>(n).expect("the loop runs");
        start.elapsed()
    }
}

fn boundary(c: &mut Criterion) {
    build();
    let get = Sample::new("GET", QUERY, String::new());
    let post = Sample::new("POST", "", json(JSON_BYTES));
    let mut group = c.benchmark_group("boundary");
    let mut lua_bench = |id: BenchmarkId, lua: &Lua, name: &str| {
        group.bench_function(id, |b| b.iter_custom(timed(lua, name)));
    };

    let lua = vm(&get).expect("the VM is prepared");
    for name in ["empty", "check_ban", "observe"] {
        lua_bench(BenchmarkId::new(name, "luajit"), &lua, name);
    }
    lua_bench(
        BenchmarkId::new("inspect_get_100b", "luajit"),
        &lua,
        "inspect",
    );

    let lua_post = vm(&post).expect("the VM is prepared");
    lua_bench(
        BenchmarkId::new("inspect_json_2kb", "luajit"),
        &lua_post,
        "inspect",
    );

    lua.load("jit.off(); jit.flush()")
        .exec()
        .expect("it stops compiling");
    for (name, of) in [("empty", "empty"), ("inspect_get_100b", "inspect")] {
        lua_bench(BenchmarkId::new(name, "interpreted"), &lua, of);
    }

    let engine =
        Engine::new(Config::from_json(CONFIG.as_bytes()).expect("a config")).expect("it compiles");
    let state = SharedState::create(64 << 20).expect("a region");
    // The clock of the direct calls, so that no window fills up.
    let now_ms = |nth: usize| 3_600_000 + nth as u64 / TURNS_PER_MS;
    for (name, sample) in [("inspect_get_100b", &get), ("inspect_json_2kb", &post)] {
        let mut nth = 0;
        group.bench_function(BenchmarkId::new(name, "rust"), |b| {
            b.iter(|| {
                nth += 1;
                engine.inspect(&black_box(sample.rust(nth)), &state, now_ms(nth))
            });
        });
    }
    let mut nth = 0;
    group.bench_function(BenchmarkId::new("check_ban", "rust"), |b| {
        b.iter(|| {
            nth += 1;
            engine.check_ban(&black_box(get.identity(nth)), &state, now_ms(nth))
        });
    });
    group.bench_function(BenchmarkId::new("observe", "rust"), |b| {
        let outcome = Outcome {
            status: 200,
            latency_ms: 1,
            response_bytes: 2_000,
            ..Outcome::default()
        };
        b.iter(|| {
            nth += 1;
            let identity = black_box(get.identity(nth));
            engine.observe(&identity, b"/v1/orders", &outcome, &state, now_ms(nth));
        });
    });
    group.finish();
}

criterion_group!(benches, boundary);
criterion_main!(benches);
