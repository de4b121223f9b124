//! Hosts LuaJIT and runs the plugin's real `native.lua` against the real library.

use mlua::{Lua, LuaSerdeExt, Value};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

/// All tests of this process share one node: each VM is a client of its own.
static CLIENTS: AtomicU8 = AtomicU8::new(1);

/// Where cargo put `libthreat_agent.so` for this build of the tests.
fn library_folder() -> PathBuf {
    let exe = std::env::current_exe().expect("a test has a path");
    exe.parent().expect("it lies in a folder").to_owned()
}

/// A VM with what OpenResty would provide: `ngx.null`, cjson, and the package paths.
fn vm(cpath: &str) -> Lua {
    // SAFETY: the tests run the project's own Lua only; `ffi` needs the unsafe standard library.
    let lua = unsafe { Lua::unsafe_new() };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lua");
    let encode = lua
        .create_function(|lua, value: Value| {
            let json: serde_json::Value = lua.from_value(value)?;
            Ok(json.to_string())
        })
        .expect("a function");
    let globals = lua.globals();
    globals.set("encode", encode).expect("set");
    globals.set("cpath", cpath).expect("set");
    let client = CLIENTS.fetch_add(1, Ordering::Relaxed);
    globals
        .set("client", format!("192.0.2.{client}"))
        .expect("set");
    globals
        .set("path", format!("{}/?.lua", root.display()))
        .expect("set");
    lua.load(include_str!("support/wire.lua"))
        .exec()
        .expect("the stand-in for nginx");
    lua.load(
        r#"
        package.path, package.cpath = path, cpath
        ngx = { null = newproxy() }
        package.preload["cjson.safe"] = function()
          return { encode = encode, empty_array = {} }
        end
        headers = { { "Host", "h" } }
        payload = { enabled = true, action = "block", threshold = 0.5 }
        function ended(status)
          return { status = status, source = 0, latency_ms = 1, request_bytes = 0, response_bytes = 0, attempt = 0, account = 0, session = 0, flight = 0, target = "/", method = 1 }
        end
        function request(path, query)
          return {
            client_ip = client, workspace = "w", route = "r", service = "s", consumer = "", credential = "",
            method = "GET", scheme = "http", host = "h", target = path .. "?" .. (query or ""),
            body = "", body_len = 0,
            body_unread_bytes = 0, body_unread = 0, stage = 0,
          }
        end
        "#,
    )
    .exec()
    .expect("the VM is prepared");
    lua
}

const LOAD: &str = r#"
    library = require "kong.plugins.threat-agent.library"
    engines = require "kong.plugins.threat-agent.engines"
    native = require "kong.plugins.threat-agent.native"
    region = require "kong.plugins.threat-agent.region"
    assert(library.load())
"#;

fn loaded() -> Lua {
    let lua = vm(&format!("{}/?.so", library_folder().display()));
    lua.load(LOAD).exec().expect("the library loads");
    lua
}

#[track_caller]
fn run(lua: &Lua, code: &str) {
    let outcome = lua.load(code).exec().map_err(|error| error.to_string());
    assert_eq!(outcome, Ok(()));
}

#[test]
fn a_request_is_counted_refused_and_explained() {
    run(
        &loaded(),
        r#"
        local conf = { mode = "enforce", payload = payload, limits = {
          { id = "few", by = "client_ip", count = "requests", window = "1h", limit = 3,
            action = "block", ban_s = 60, scope = ngx.null },
        } }
        local engine = assert(engines.of(conf))
        assert(engines.of(conf) == engine)
        assert(native.bans_stand() == false)
        for _ = 1, 3 do
          assert(native.inspect(engine, request("/")) == native.CLEAN)
          assert(native.observe(engine, request("/"), ended(200)))
        end
        local verdict = assert(native.inspect(engine, request("/")))
        assert(verdict.action == "block" and verdict.refuses, verdict.action)
        assert(verdict.rules[1] == "few" and #verdict.rules == 1)
        assert(verdict.category == "abuse" and verdict.score >= 0.5)
        assert(#verdict.incident == 10 and verdict.retry_after_s >= 60)
        assert(verdict.reason:find("limit 3", 1, true), verdict.reason)
        assert(native.bans_stand())
        local banned = assert(native.check_ban(engine, request("/")))
        assert(banned.refuses and banned.incident == verdict.incident)
        assert(region.node().bans == 1)
        "#,
    );
}

#[test]
fn a_header_of_the_plugins_own_name_is_told() {
    run(
        &loaded(),
        r#"
        local engine = assert(engines.of({ payload = payload }))
        assert(native.inspect(engine, request("/")) == native.CLEAN)
        headers = { { "Host", "h" }, { "x-threat_agent-verdict", "allow" } }
        assert(native.inspect(engine, request("/")).spoofed_headers)
        headers = { { "Host", "h" } }
        assert(native.inspect(engine, request("/")) == native.CLEAN)
        "#,
    );
}

#[test]
fn equal_configs_share_an_engine_and_unused_ones_are_collected() {
    run(
        &loaded(),
        r#"
        local a = { mode = "monitor", payload = payload }
        local b = { mode = "monitor", payload = payload }
        assert(engines.of(a) == engines.of(b))
        assert(#engines.known_confs() == 2)
        for n = 1, 50 do
          assert(engines.of({ mode = "monitor", sampling_ratio = n / 50, payload = payload }))
        end
        collectgarbage(); collectgarbage()
        assert(#engines.known_confs() == 2, #engines.known_confs())
        assert(native.inspect(engines.of(a), request("/")) == native.CLEAN)
        "#,
    );
}

#[test]
fn a_bad_config_says_what_was_expected() {
    run(
        &loaded(),
        r#"
        local function problem(conf)
          local ok, err = engines.check(conf)
          assert(not ok)
          return err
        end
        local err = problem({ limits = { { id = "x", by = "client_ip", window = "2s", limit = 1 } } })
        assert(err:find("2s", 1, true) and err:find("10s", 1, true), err)
        err = problem({ allowlist = { cidrs = { "10.0.0.0/40" } } })
        assert(err:find("allowlist.cidrs", 1, true) and err:find("10.0.0.0/40", 1, true), err)
        local conf = { rules = {
          { id = "bad", action = "block", expression = "http.path ==" },
          { id = "good", action = "block", methods = { "GET" } },
        } }
        assert(problem(conf):find("rules[bad].expression", 1, true))
        local engine, warning = engines.of(conf)
        assert(engine and warning:find("rules[bad]", 1, true), warning)
        assert(native.inspect(engine, request("/")).rules[1] == "good")
        "#,
    );
}

#[test]
fn a_measure_that_nobody_looks_for_is_refused() {
    run(
        &loaded(),
        r#"
        local function put(by, scope, measure)
          return region.ban({
            client_ip = "198.51.100.9", workspace = "other", route = "other", service = "other", consumer = "",
            by = by, scope = scope, ttl_s = 60, category = "abuse", measure = measure, limit = 5, window_s = 10,
          })
        end
        for _, wrong in ipairs({
          { "route", "global", "refuse" }, { "client_ip", "global", "concurrency" }, { "route", "route", "limit" },
        }) do
          local ok, err = put(wrong[1], wrong[2], wrong[3])
          assert(not ok and err:find("no request is held against that", 1, true), err)
        end
        "#,
    );
}

#[test]
fn it_is_told_how_long_a_measure_stands() {
    run(
        &loaded(),
        r#"
        ngx.time = os.time
        local function measure(of, limit)
          return { client_ip = "198.51.100.9", workspace = "left", route = "left", service = "left", consumer = "",
                   by = of == "concurrency" and "route" or "client_ip", scope = "global", ttl_s = 60, category = "abuse",
                   measure = of, limit = limit, window_s = 10 }
        end
        for _, of in ipairs({ "refuse", "limit", "allow", "concurrency", "refuse_on_signal", "tag" }) do
          local ban = measure(of, 5)
          assert(region.ban_left_s(ban) == 0, of)
          assert(region.ban(ban) and region.has_new_bans())
          local left_s = region.ban_left_s(ban)
          assert(left_s > 50 and left_s <= 60, of)
          -- The number of a limit is what it is, that of a cap moves.
          assert((region.ban_left_s(measure(of, 6)) == 0) == (of == "limit"), of)
          -- It is kept once it is in a file, and what is lifted meanwhile is not.
          local _, has_changed = region.bans_snapshot()
          assert(region.has_new_bans())
          region.keep_bans(has_changed)
          assert(not region.has_new_bans())
          _, has_changed = region.bans_snapshot()
          assert(region.lift_ban(ban))
          region.keep_bans(has_changed)
          assert(region.has_new_bans())
          assert(region.ban_left_s(ban) == 0, of)
        end
        local _, err = region.ban_left_s(measure("limit", 2 ^ 31))
        assert(err:find("limit: expected at most", 1, true), err)
        "#,
    );
}

#[test]
fn null_and_oversized_inputs_are_refused() {
    run(
        &loaded(),
        r#"
        local ffi = require "ffi"
        local C = ffi.load(package.searchpath("libthreat_agent", package.cpath))
        local INVALID = -1
        local engine = assert(engines.of({ payload = payload }))
        local request, verdict = ffi.new("ta_request_t"), ffi.new("ta_verdict_t")
        local identity, outcome = ffi.new("ta_identity_t"), ffi.new("ta_outcome_t")
        assert(C.ta_engine_inspect(nil, request, verdict) == INVALID)
        assert(C.ta_engine_inspect(engine, nil, verdict) == INVALID)
        assert(C.ta_engine_inspect(engine, request, nil) == INVALID)
        assert(C.ta_bans_stand(nil) == INVALID)
        assert(C.ta_engine_check_ban(engine, nil, verdict) == INVALID)
        assert(C.ta_engine_observe(engine, identity, nil, nil) == INVALID)
        assert(C.ta_engine_observe(engine, nil, outcome, nil) == INVALID)
        assert(C.ta_worker_attach(nil) == INVALID)
        assert(C.ta_node_status(nil) == INVALID)
        assert(C.ta_version(nil, 0, nil) == INVALID)
        assert(C.ta_engine_free(nil) == 0)
        request.target.len = 3
        assert(C.ta_engine_inspect(engine, request, verdict) == INVALID)
        local text = "x"
        request.target.ptr, request.target.len = text, 2 ^ 40
        assert(C.ta_engine_inspect(engine, request, verdict) == INVALID)
        local buf, needed = ffi.new("uint8_t[256]"), ffi.new("size_t[1]")
        assert(C.ta_last_error(buf, 4, needed) == 1 and needed[0] > 4)
        assert(C.ta_last_error(buf, 256, needed) == 0)
        assert(ffi.string(buf, needed[0]):find("target: expected at most", 1, true))
        request.target.len = 1
        assert(C.ta_engine_inspect(engine, request, verdict) == C.TA_STATUS_CLEAN)
        "#,
    );
}

/// What one look finds stays, whatever the next ones say, and the request is one in the node's counts.
#[test]
fn looks_at_one_request_are_joined() {
    run(
        &loaded(),
        r#"
        local conf = { payload = { enabled = true, action = "tag", threshold = 0.5 } }
        local engine = assert(engines.of(conf))
        local padding = {}
        for n = 1, 1500 do padding[n] = ('"it\'s; a \'%d\' (c) <d> & e=f"'):format(n) end
        local post = request("/")
        headers = { { "Content-Type", "application/json" } }
        post.method = "POST"
        post.body = '{"q":"1\' union select null,password from users-- ","a":[' .. table.concat(padding, ",") .. "]}"
        post.body_len, post.body_unread, post.body_unread_bytes = #post.body, native.UNINSPECTED.body_too_large, 7
        local node = region.node()
        local first = assert(native.inspect(engine, post))
        assert(first.unfinished and first.action == "tag" and first.attempt ~= 0, first.action)
        local other = request("/", "q=%3Cscript%3Ealert(1)%3C/script%3E")
        assert(native.inspect(engine, other).action == "tag")

        local verdict = first
        post.stage = native.STAGE.rest
        while verdict.unfinished do
          verdict = assert(native.inspect_rest(engine, post, verdict))
        end
        assert(verdict ~= first and verdict.action == "tag" and not verdict.refuses)
        for _, field in ipairs({ "category", "score", "incident", "reason", "attempt", "session", "uninspected_bytes" }) do
          assert(verdict[field] == first[field], field)
        end
        for _, list in ipairs({ "rules", "uninspected" }) do
          assert(table.concat(verdict[list], ",") == table.concat(first[list], ","), list)
        end
        local after = region.node()
        -- No other test tags.
        assert(after.tagged - node.tagged == 2, after.tagged - node.tagged)

        local missing, err = native.inspect_rest(engine, post, {})
        assert(not missing and err:find("before: expected a pointer", 1, true), err)
        "#,
    );
}

/// What is only looked for when a request arrives is in the verdict on its body, too; what another request's head showed is
/// not.
#[test]
fn what_the_head_shows_stays_when_the_body_is_seen() {
    run(
        &loaded(),
        r#"
        local engine = assert(engines.of({ mode = "monitor", payload = payload, limits = { {
          id = "one", by = "client_ip", window = "60s", limit = 1, action = "block",
        } } }))
        local function look(stage, before)
          local post = request("/")
          post.method, post.stage = "POST", stage
          return assert(native.inspect(engine, post, before))
        end
        assert(look(native.STAGE.head) == native.CLEAN)
        local head = look(native.STAGE.head)
        assert(head.unfinished and head.incident and head.action == "block")
        local joined = look(native.STAGE.body, head)
        assert(joined.incident == head.incident and not joined.unfinished)
        assert(table.concat(joined.rules, ",") == "one")
        for stage, before in pairs({ [native.STAGE.body] = native.CLEAN, [native.STAGE.whole] = head }) do
          local other = look(stage, before)
          assert(other.incident ~= head.incident and not other.unfinished, stage)
        end
        "#,
    );
}

#[test]
fn odd_bytes_pass_through() {
    run(
        &loaded(),
        r#"
        local engine = assert(engines.of({ payload = payload }))
        local odd = request("/\255\0\128", "a=\0&%zz=%")
        odd.client_ip = "not an address"
        local many = { { "\0", "\r\n\r\n:\n" }, { "", "" } }
        for n = 1, 60000 do many[n + 2] = { "x", "y" } end
        headers = many
        odd.body, odd.body_len = ("["):rep(10000), 10000
        assert(native.inspect(engine, odd))
        local more = {}
        for n = 1, 70000 do more[n] = { "x", "y" } end
        headers = more
        local verdict, err = native.inspect(engine, odd)
        assert(not verdict and err:find("headers: expected at most", 1, true), err)
        "#,
    );
}

#[test]
fn a_text_that_grows_while_it_is_read_is_never_read_too_far() {
    run(
        &loaded(),
        r#"
        local ffi = require "ffi"
        -- As exports do: a text that has no room is not copied, and its length told.
        local function growing(by)
          local size = 1000000
          return function(buf, room, needed)
            size = size + by
            needed[0] = size
            if size > room then
              return 1
            end
            ffi.fill(buf, size, string.byte("x"))
            return 0
          end
        end
        local text = library.text(growing(100000))
        assert(text == ("x"):rep(#text) and #text >= 1200000)
        -- One that grows faster than room is made is given up.
        assert(library.text(function(_, room, needed)
          needed[0] = room + 1
          return 1
        end) == nil)
        "#,
    );
}

#[test]
fn another_version_is_refused_with_the_remedy() {
    let lua = vm(&format!("{}/?.so", library_folder().display()));
    run(
        &lua,
        r#"
        local cdef = require "kong.plugins.threat-agent.cdef"
        local abi = cdef.abi
        cdef.abi = "00000000"
        local other = dofile(package.searchpath("kong.plugins.threat-agent.library", package.path))
        local ok, err = other.load()
        assert(not ok and err:find(abi, 1, true), err)
        cdef.abi = abi
        cdef.version = "99.0.0"
        local library = require "kong.plugins.threat-agent.library"
        ok, err = library.load()
        assert(not ok and err:find("99.0.0", 1, true) and err:find("kong restart", 1, true), err)
        local again, same = library.load()
        assert(not again and same == err)
        "#,
    );
}

#[test]
fn a_missing_or_broken_library_is_an_error_and_not_a_crash() {
    let folder = std::env::temp_dir().join(format!("ta-broken-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("libthreat_agent.so"), "not a library").expect("a file");
    for (cpath, hint) in [
        ("/nonexistent/?.so".to_owned(), "was not found"),
        (format!("{}/?.so", folder.display()), "could not load"),
    ] {
        let lua = vm(&cpath);
        lua.globals().set("hint", hint).expect("set");
        run(
            &lua,
            r#"
            local library = require "kong.plugins.threat-agent.library"
            local ok, err = library.load()
            assert(not ok and err:find(hint, 1, true), err)
            "#,
        );
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn closing_the_vm_with_living_engines_is_safe() {
    for _ in 0..20 {
        let lua = loaded();
        run(
            &lua,
            r#"
            kept = {}
            for n = 1, 5 do
              kept[n] = { mode = "monitor", sampling_ratio = n / 5, payload = payload }
              engine = assert(engines.of(kept[n]))
            end
            "#,
        );
        drop(lua);
    }
}

#[cfg(feature = "fault-injection")]
#[test]
fn a_panic_is_an_error_and_the_next_call_works() {
    run(
        &loaded(),
        r#"
        local engine = assert(engines.of({ payload = payload }))
        local verdict, err = native.inspect(engine, request("/fault/panic"))
        assert(not verdict and err:find("panicked", 1, true), err)
        assert(native.inspect(engine, request("/")) == native.CLEAN)
        assert(region.node().panics == 1)
        "#,
    );
}
