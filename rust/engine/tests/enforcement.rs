//! Who is enforced against, and who never is.

use std::net::{IpAddr, Ipv4Addr};
use threat_agent_engine::{Action, Config, Engine, Identity, LocalState, Outcome, Request};

fn engine(rest: &str) -> Engine {
    let json = format!(
        r#"{{"mode": "enforce", "payload": {{"enabled": false}}, "behaviour": {{"enabled": false}},
            "rules": [
                {{"id": "block", "action": "block", "paths": ["/block"], "ban_s": 60}},
                {{"id": "flood", "action": "throttle", "category": "api_ddos", "paths": ["/flood"]}}],
            "limits": [{{"id": "one", "by": "client_ip", "window": "60s", "limit": 1}}],
            {rest}}}"#
    );
    Engine::new(Config::from_json(json.as_bytes()).unwrap()).unwrap()
}

fn request(client: u32, path: &str) -> Request<'_> {
    Request {
        identity: Identity {
            client: Some(IpAddr::V4(Ipv4Addr::from(client))),
            workspace: b"default",
            ..Identity::default()
        },
        method: b"GET",
        path: path.as_bytes(),
        ..Request::default()
    }
}

/// The clients below 1,000 that are refused for a path.
fn refused(rest: &str, path: &str) -> Vec<u32> {
    let (engine, state) = (engine(rest), LocalState::default());
    let judge = |client: &u32| {
        let verdict = engine.inspect(&request(*client, path), &state, 1_000_000);
        let spared = verdict.rules.iter().any(|rule| rule == "not-enforced");
        assert_eq!(spared, !verdict.action.refuses());
        assert!(verdict.incident != 0 && verdict.category.is_some());
        verdict.action.refuses()
    };
    (0..1_000).filter(judge).collect()
}

#[test]
fn a_share_is_enforced_and_grows() {
    let tenth = refused(r#""enforce_ratio": 0.1"#, "/block");
    let half = refused(r#""enforce_ratio": 0.5"#, "/block");
    assert!((60..140).contains(&tenth.len()), "{}", tenth.len());
    assert!((430..570).contains(&half.len()), "{}", half.len());
    assert!(tenth.iter().all(|client| half.contains(client)));
    assert_eq!(refused(r#""enforce_ratio": 1"#, "/block").len(), 1_000);
    assert_eq!(refused(r#""enforce_ratio": 0"#, "/block").len(), 0);
    let single = r#""enforce_ratio": 0, "enforce_ratios": {"api_ddos": 1}"#;
    assert_eq!(refused(single, "/flood").len(), 1_000);
    assert_eq!(refused(single, "/block").len(), 0);
}

#[test]
fn who_is_spared_is_not_banned_and_counts() {
    let (engine, state) = (engine(r#""enforce_ratio": 0"#), LocalState::default());
    let judge = |path| engine.inspect(&request(7, path), &state, 1_000_000);
    assert_eq!(judge("/block").action, Action::Allow);
    assert!(judge("/").rules.is_empty(), "no ban stands");
    for count in 2..5 {
        let verdict = judge("/");
        assert_eq!(verdict.action, Action::Allow);
        assert!(
            verdict.reason.starts_with(&format!("{count} requests")),
            "{}",
            verdict.reason
        );
    }
}

#[test]
fn health_checks_pass_from_where_they_come() {
    let rest =
        r#""allowlist": {"health_checks": [{"path": "/flood/health", "cidrs": ["10.0.0.0/8"]}]}"#;
    let (engine, state) = (engine(rest), LocalState::default());
    for (client, path, want) in [
        (0x0a00_0001, "/flood/health", Action::Allow),
        (0x0a00_0001, "/flood/health/x", Action::Throttle),
        (0x0b00_0001, "/flood/health", Action::Throttle),
    ] {
        for _ in 0..3 {
            let request = request(client, path);
            let verdict = engine.inspect(&request, &state, 1_000_000);
            assert_eq!(verdict.action, want, "{client:x} {path}");
            let outcome = Outcome {
                status: 200,
                ..Outcome::default()
            };
            engine.observe(&request.identity, request.path, &outcome, &state, 1_000_000);
        }
    }
}
