//! A clean request is judged without allocating, once the buffers have grown.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use threat_agent_engine::inspect::{Family, Findings, Inspector, Scoping};
use threat_agent_engine::{Body, Config, Engine, LocalState, Request};

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: all calls are handed to the system's allocator as they come; the counter has no
// destructor and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn clean_requests_allocate_nothing() {
    let settings =
        r#"{"exclusions":[{"rules":["sqli.union"],"paths":["/v1/%41/*"]}],"shadow":["xss"]}"#;
    let scoping = Scoping::new(&serde_json::from_str(settings).unwrap()).unwrap();
    let inspector = Inspector::new(&Family::ALL).scoped(scoping);
    let headers = |kind: &str| {
        format!(
            "Host: api.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0\r\n\
             Referer: https://app.example.com/a?tab=orders\r\nCookie: sid=9f8b; theme=dark\r\n\
             Content-Type: {kind}\r\n"
        )
    };
    let item = br#"{"id":7,"name":"Running shoe, \"blue\"","url":"https://a.example/p/1"},"#;
    let json = [&b"["[..], &item.repeat(200), b"{}]"].concat();
    let form = b"name=Running+shoe%2C+blue&since=2024-05-17T10%3A20%3A30Z&".repeat(50);
    let graphql = br#"{"query":"query Who { viewer { name } }","variables":{"a":"Oslo"}}"#;
    let mut found = Findings::default();
    let engine = Engine::new(Config::default()).expect("the defaults compile");
    let state = LocalState::default();
    for (kind, body) in [
        ("application/json", &json[..]),
        ("application/x-www-form-urlencoded", &form[..]),
        ("application/json; charset=utf-8", &graphql[..]),
        ("text/plain", b"Just a line of text, and nothing else."),
    ] {
        let headers = headers(kind);
        let request = Request {
            path: b"/v1/orders",
            query: b"q=blue+shoes&sort=price.asc",
            headers: headers.as_bytes(),
            body: Body {
                bytes: body,
                ..Body::default()
            },
            ..Request::default()
        };
        inspector.inspect(&request, &mut found);
        assert!(found.list.is_empty(), "{kind}: {found:?}");
        let before = COUNT.with(Cell::get);
        inspector.inspect(&request, &mut found);
        assert_eq!(COUNT.with(Cell::get) - before, 0, "{kind}");
        let verdict = engine.inspect(&request, &state, 1);
        assert!(verdict.rules.is_empty(), "{kind}: {verdict:?}");
        let before = COUNT.with(Cell::get);
        engine.inspect(&request, &state, 1);
        assert_eq!(COUNT.with(Cell::get) - before, 0, "{kind}, decided");
    }
}
