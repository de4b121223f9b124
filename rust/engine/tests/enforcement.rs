//! Who is enforced against, and who never is.

use std::net::{IpAddr, Ipv4Addr};
use threat_agent_engine::memory::{Alarm, Place};
use threat_agent_engine::signal::{Id, Kind};
use threat_agent_engine::{Action, Config, Engine, Identity, LocalState, Memory, Outcome, Request};

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

/// Of several limits that are exceeded at once, the longest ban is put, in whatever order they stand.
#[test]
fn the_longest_ban_wins() {
    let limit = |id: &str, window: &str, ban_s: u32| {
        format!(
            r#"{{"id": "{id}", "by": "client_ip", "window": "{window}", "limit": 1, "action": "block", "ban_s": {ban_s}}}"#
        )
    };
    for limits in [
        [limit("long", "60s", 900), limit("short", "10s", 5)],
        [limit("short", "10s", 5), limit("long", "60s", 900)],
    ] {
        let json = format!(
            r#"{{"mode": "enforce", "payload": {{"enabled": false}}, "limits": [{}]}}"#,
            limits.join(",")
        );
        let engine = Engine::new(Config::from_json(json.as_bytes()).unwrap()).unwrap();
        let state = LocalState::default();
        let judge = |now| engine.inspect(&request(7, "/"), &state, now);
        (0..2).for_each(|_| drop(judge(1_000_000)));
        assert_eq!(judge(1_000_000 + 800_000).rules, ["ban"]);
        assert!(judge(1_000_000 + 901_000).rules.is_empty());
    }
}

/// What the tick is told of a client whom the ramp lets pass: that it was not refused.
#[test]
fn who_is_spared_is_not_told_as_refused() {
    for (ratio, refused) in [(0, false), (1, true)] {
        let json = format!(
            r#"{{"mode": "enforce", "enforce_ratio": {ratio}, "payload": {{"enabled": false}},
                "rules": [{{"id": "block", "action": "block", "paths": ["/block"]}}]}}"#
        );
        let engine = Engine::new(Config::from_json(json.as_bytes()).unwrap()).unwrap();
        let state = LocalState::default();
        let place = Place {
            workspace: Id::new(b"default"),
            ..Place::default()
        };
        let flood = Alarm {
            flood: true,
            hot_limit: 2,
            ..Alarm::default()
        };
        state.set_alarm(state.place(&place), flood);
        engine.inspect(&request(7, "/block"), &state, 1_000_000);
        for _ in 0..64 {
            engine.inspect(&request(8, "/"), &state, 1_000_000);
        }
        for kind in [Kind::Rule, Kind::FloodClient] {
            let mut told = Vec::new();
            state.drain(0, &mut |s| {
                told.extend((s.kind == kind).then_some(s.refused))
            });
            assert!(!told.is_empty(), "{kind:?}");
            assert_eq!(told.contains(&true), refused, "{kind:?}: {told:?}");
        }
    }
}

/// What becomes of requests with a measure on one of their senders.
mod measures {
    use super::*;
    use threat_agent_engine::standing;
    use threat_agent_engine::state::{Ban, By, Key, Measure, MeasureKind, Scope, State};
    use threat_agent_engine::traffic::Traffic;
    use threat_agent_engine::window::Window;
    use threat_agent_engine::Category;

    const NOW: u64 = 10_000_000;

    fn engine() -> Engine {
        let json = br#"{"mode": "enforce", "payload": {"enabled": false},
                        "behaviour": {"session_cookie": "sid"}}"#;
        Engine::new(Config::from_json(json).unwrap()).unwrap()
    }

    fn identity(client: &'static str) -> Identity<'static> {
        Identity {
            client: client.parse().ok(),
            workspace: b"default",
            service: b"shop",
            route: b"cart",
            consumer: b"ann",
            credential: b"ann-key",
            ..Identity::default()
        }
    }

    fn ask(identity: Identity, engine: &Engine, state: &LocalState) -> Action {
        let request = Request {
            identity,
            path: b"/",
            headers: b"Cookie: sid=s1\n",
            ..Request::default()
        };
        engine.inspect(&request, state, NOW).action
    }

    fn put(of: &Identity, by: By, scope: Scope, measure: Measure, state: &LocalState) {
        let ban = Ban {
            until_ms: NOW + 1_000,
            category: Category::Abuse,
            incident: 1,
            measure,
        };
        standing::put(&Key::of(of, by, scope).unwrap(), ban, state, NOW);
    }

    #[test]
    fn each_sender_is_refused_where_the_ban_is() {
        let (near, far) = (identity("192.0.2.77"), identity("198.51.100.1"));
        let elsewhere = Identity {
            route: b"search",
            ..near
        };
        let nobody = Identity {
            consumer: b"",
            credential: b"",
            ..far
        };
        let other_key = Identity {
            credential: b"other",
            ..near
        };
        for (by, whom, spared) in [
            (By::ClientIp, near, far),
            (By::Network, identity("192.0.2.1"), far),
            (By::Network, identity("2001:db8:0:aa::1"), far),
            (By::Consumer, far, nobody),
            (By::Credential, far, other_key),
        ] {
            let (engine, state) = (engine(), LocalState::default());
            let banned = match whom.client {
                Some(IpAddr::V6(_)) => identity("2001:db8::2"),
                _ => near,
            };
            put(&banned, by, Scope::Route, Measure::Refuse, &state);
            assert_eq!(ask(whom, &engine, &state), Action::Block, "{by:?}");
            assert_eq!(ask(spared, &engine, &state), Action::Allow, "{by:?}");
            assert_eq!(ask(elsewhere, &engine, &state), Action::Allow, "{by:?}");
        }
    }

    /// Who else a ban refused than the client that it was made for can be told, early refusals included.
    #[test]
    fn a_ban_on_more_than_clients_tells_whom_it_turned_away() {
        let turned_away = |engine: &Engine, by, scope| {
            let (near, neighbour) = (identity("192.0.2.1"), identity("192.0.2.77"));
            let state = LocalState::default();
            put(&near, by, scope, Measure::Refuse, &state);
            for (identity, times) in [(near, 3), (neighbour, 4)] {
                for _ in 0..times {
                    ask(identity, engine, &state);
                }
            }
            let early = Identity {
                client: neighbour.client,
                workspace: neighbour.workspace,
                ..Identity::default()
            };
            engine.check_ban(&early, &state, NOW);
            let of = |identity, by| {
                let traffic = Traffic::of_sender(&identity, by, &state, NOW);
                traffic.ten_s.turned_away
            };
            (
                of(near, by),
                of(near, By::ClientIp),
                of(neighbour, By::ClientIp),
            )
        };
        for (by, scope, wanted) in [
            (By::Network, Scope::Route, (7, 3, 4)),
            (By::Network, Scope::Global, (8, 3, 5)),
            (By::Consumer, Scope::Route, (7, 3, 4)),
            (By::ClientIp, Scope::Global, (0, 0, 0)),
        ] {
            let got = turned_away(&engine(), by, scope);
            assert_eq!(got, wanted, "{by:?} {scope:?}");
        }
        let spares = br#"{"mode": "enforce", "enforce_ratio": 0}"#;
        let spares = Engine::new(Config::from_json(spares).unwrap()).unwrap();
        let nobody = turned_away(&spares, By::Network, Scope::Global);
        assert_eq!(nobody, (0, 0, 0));
    }

    /// One address may be many people: whoever shows no sign of an attack passes.
    #[test]
    fn a_ban_on_signals_refuses_what_shows_one() {
        let json = br#"{"mode": "enforce", "payload": {"action": "tag"},
            "rules": [{"id": "r", "paths": ["/old"], "action": "tag"},
                      {"id": "s", "paths": ["/new"], "action": "allow"}]}"#;
        let engine = Engine::new(Config::from_json(json).unwrap()).unwrap();
        let state = LocalState::default();
        let (near, far) = (identity("192.0.2.1"), identity("198.51.100.1"));
        let far = Identity {
            consumer: b"bob",
            ..far
        };
        let judge = |identity, path: &'static [u8], query: &'static [u8]| {
            let request = Request {
                identity,
                path,
                query,
                ..Request::default()
            };
            engine.inspect(&request, &state, NOW)
        };
        let injection = b"q=1%27%20UNION%20SELECT%20password%20FROM%20users--";
        // What it is suspected of waits for signs, too.
        let suspect = Key::of(&near, By::Suspect, Scope::Global).unwrap();
        let suspicion = Ban {
            until_ms: NOW + 1_000,
            category: Category::Abuse,
            incident: 1,
            measure: Measure::Refuse,
        };
        state.ban(&suspect, suspicion, NOW);
        assert_eq!(judge(near, b"/", b"q=tea").action, Action::Throttle);
        put(
            &near,
            By::Consumer,
            Scope::Route,
            Measure::RefuseOnSignal,
            &state,
        );
        for (path, query, of_near, of_far) in [
            (&b"/"[..], &b"q=tea"[..], Action::Allow, Action::Allow),
            (b"/", injection, Action::Block, Action::Tag),
            (b"/old", b"", Action::Block, Action::Tag),
            (b"/new", injection, Action::Allow, Action::Allow),
        ] {
            let (by_near, by_far) = (judge(near, path, query), judge(far, path, query));
            assert_eq!(by_near.action, of_near, "{:?}", by_near.rules);
            assert_eq!(by_far.action, of_far, "{:?}", by_far.rules);
            assert_eq!(by_near.score, by_far.score);
            let banned = of_near == Action::Block;
            assert_eq!(by_near.rules.first().is_some_and(|r| r == "ban"), banned);
            assert_eq!(by_near.retry_after_s > 0, banned);
        }
        // A refusal without a condition stands beside it, and goes by itself.
        put(&near, By::Consumer, Scope::Route, Measure::Refuse, &state);
        assert_eq!(judge(near, b"/", b"q=tea").action, Action::Block);
        let key = Key::of(&near, By::Consumer, Scope::Route).unwrap();
        assert!(state.lift(&key, MeasureKind::Refuse, NOW));
        assert_eq!(judge(near, b"/", b"q=tea").action, Action::Allow);
        assert_eq!(judge(near, b"/", injection).action, Action::Block);
        assert!(state.lift(&key, MeasureKind::RefuseOnSignal, NOW));
        assert_eq!(judge(near, b"/", injection).action, Action::Throttle);
    }

    #[test]
    fn a_tag_refuses_nobody_and_is_no_sign() {
        let (engine, state) = (engine(), LocalState::default());
        let (near, far) = (identity("192.0.2.1"), identity("198.51.100.1"));
        put(&near, By::ClientIp, Scope::Route, Measure::Tag, &state);
        assert_eq!(ask(near, &engine, &state), Action::Tag);
        assert_eq!(ask(far, &engine, &state), Action::Allow);
        let on_signal = Measure::RefuseOnSignal;
        put(&near, By::ClientIp, Scope::Route, on_signal, &state);
        assert_eq!(ask(near, &engine, &state), Action::Tag);
    }

    #[test]
    fn a_session_is_refused_by_its_hash() {
        let (engine, state) = (engine(), LocalState::default());
        let request = Request {
            identity: identity("192.0.2.1"),
            headers: b"Cookie: sid=s1\n",
            ..Request::default()
        };
        let session = engine.inspect(&request, &state, NOW).session;
        let of = Identity {
            session,
            ..identity("192.0.2.1")
        };
        put(&of, By::Session, Scope::Global, Measure::Refuse, &state);
        assert_eq!(ask(identity("192.0.2.2"), &engine, &state), Action::Block);
        let other = Request {
            headers: b"Cookie: sid=s2\n",
            ..request
        };
        assert_eq!(engine.inspect(&other, &state, NOW).action, Action::Allow);
    }

    #[test]
    fn a_limit_lets_so_many_pass() {
        let (engine, state) = (engine(), LocalState::default());
        let measure = Measure::Limit {
            window: Window::S60,
            limit: 5,
        };
        let near = identity("192.0.2.1");
        put(&near, By::ClientIp, Scope::Route, measure, &state);
        // A suspicion says no more than the limit does.
        let suspect = Key::of(&near, By::Suspect, Scope::Global).unwrap();
        let ban = Ban {
            until_ms: NOW + 1_000,
            category: Category::Abuse,
            incident: 1,
            measure: Measure::Refuse,
        };
        state.ban(&suspect, ban, NOW);
        let passed = |_: &u32| ask(near, &engine, &state) == Action::Allow;
        assert_eq!((0..20).filter(passed).count(), 5);
        let key = Key::of(&near, By::ClientIp, Scope::Route).unwrap();
        assert!(state.lift(&key, MeasureKind::Limit, NOW));
        assert_eq!(ask(near, &engine, &state), Action::Throttle);
    }

    #[test]
    fn who_is_exempt_on_a_route_passes_there() {
        let (engine, state) = (engine(), LocalState::default());
        let near = identity("192.0.2.1");
        put(&near, By::ClientIp, Scope::Global, Measure::Refuse, &state);
        let early = |state: &LocalState| {
            let unrouted = Identity {
                client: near.client,
                workspace: b"default",
                ..Identity::default()
            };
            engine.check_ban(&unrouted, state, NOW).is_some()
        };
        assert!(early(&state));
        put(&near, By::Network, Scope::Route, Measure::Allow, &state);
        assert!(!early(&state));
        assert_eq!(ask(near, &engine, &state), Action::Allow);
        let elsewhere = Identity {
            route: b"search",
            ..near
        };
        assert_eq!(ask(elsewhere, &engine, &state), Action::Block);
        let far = identity("198.51.100.1");
        put(&far, By::ClientIp, Scope::Global, Measure::Refuse, &state);
        let far = Identity {
            client: far.client,
            workspace: b"default",
            ..Identity::default()
        };
        assert!(engine.check_ban(&far, &state, NOW).is_some());
    }

    #[test]
    fn a_broken_route_lets_probes_pass() {
        let (engine, state) = (engine(), LocalState::default());
        let measure = |limit| Measure::Limit {
            window: Window::S1,
            limit,
        };
        let near = identity("192.0.2.1");
        put(&near, By::Route, Scope::Global, measure(0), &state);
        assert_eq!(ask(near, &engine, &state), Action::Throttle);
        let key = Key::of(&near, By::Route, Scope::Global).unwrap();
        assert!(state.lift(&key, MeasureKind::Limit, NOW));
        put(&near, By::Route, Scope::Global, measure(1), &state);
        let passed = |n: &u32| {
            let client = Some(IpAddr::V4(Ipv4Addr::from(*n)));
            let asks = Identity { client, ..near };
            ask(asks, &engine, &state) == Action::Allow
        };
        assert_eq!((1..50).filter(passed).count(), 1);
        let elsewhere = Identity {
            route: b"search",
            ..near
        };
        assert_eq!(ask(elsewhere, &engine, &state), Action::Allow);
    }

    #[test]
    fn a_place_takes_so_many_at_once() {
        let (engine, state) = (engine(), LocalState::default());
        let near = identity("192.0.2.1");
        let ban = Ban {
            until_ms: NOW + 600_000,
            category: Category::ApiDdos,
            incident: 1,
            measure: Measure::Concurrency { most: 3 },
        };
        let key = Key::of(&near, By::Route, Scope::Global).unwrap();
        standing::put(&key, ban, &state, NOW);
        let request = Request {
            identity: near,
            path: b"/",
            ..Request::default()
        };
        let come = |now| engine.inspect(&request, &state, now);
        let go = |flight, now| {
            let outcome = Outcome {
                status: 200,
                flight,
                ..Outcome::default()
            };
            engine.observe(&near, b"/", &outcome, &state, now);
        };
        let first: Vec<_> = (0..3).map(|_| come(NOW)).collect();
        assert!(first.iter().all(|v| v.action == Action::Allow));
        for _ in 0..10 {
            let refused = come(NOW);
            assert_eq!((refused.action, refused.flight), (Action::Throttle, 0));
        }
        go(first[0].flight, NOW + 500);
        // What began in the last bucket leaves it in this one.
        let later = NOW + 20_000;
        let fourth = come(later);
        assert_eq!(fourth.action, Action::Allow);
        assert_eq!(come(later).action, Action::Throttle);
        go(first[1].flight, later);
        go(fourth.flight, later);
        assert_eq!(standing::in_flight(&near, By::Route, &state, later), 1);
        // The third never ends: its worker was killed.
        assert_eq!(
            standing::in_flight(&near, By::Route, &state, NOW + 120_000),
            0
        );
        let passed = |_: &u32| come(NOW + 120_000).action == Action::Allow;
        assert_eq!((0..9).filter(passed).count(), 3);
    }

    /// All routes of a service share its cap.
    #[test]
    fn the_routes_of_a_service_are_one_to_its_cap() {
        let (engine, state) = (engine(), LocalState::default());
        let near = identity("192.0.2.1");
        put(
            &near,
            By::Service,
            Scope::Global,
            Measure::Concurrency { most: 4 },
            &state,
        );
        let come = |route: &'static [u8]| {
            let request = Request {
                identity: Identity { route, ..near },
                path: b"/",
                ..Request::default()
            };
            engine.inspect(&request, &state, NOW).action
        };
        let routes: [&[u8]; 6] = [b"r1", b"r2", b"r3", b"r1", b"r2", b"r3"];
        let passed = routes.iter().filter(|route| come(route) == Action::Allow);
        assert_eq!(passed.count(), 4);
        for (by, flights) in [(By::Service, 4), (By::Route, 0)] {
            assert_eq!(standing::in_flight(&near, by, &state, NOW), flights);
        }
    }

    /// A cap is put on the route while a request that the service's cap counted is under way.
    #[test]
    fn what_was_not_counted_does_not_land() {
        let (engine, state) = (engine(), LocalState::default());
        let near = identity("192.0.2.1");
        let most = Measure::Concurrency { most: 9 };
        let come = || {
            let request = Request {
                identity: near,
                path: b"/",
                ..Request::default()
            };
            engine.inspect(&request, &state, NOW).flight
        };
        put(&near, By::Service, Scope::Global, most, &state);
        let first = come();
        put(&near, By::Route, Scope::Global, most, &state);
        let second = come();
        assert_eq!(standing::in_flight(&near, By::Route, &state, NOW), 1);
        for (flight, left) in [(first, 1), (second, 0)] {
            let outcome = Outcome {
                flight,
                ..Outcome::default()
            };
            engine.observe(&near, b"/", &outcome, &state, NOW);
            assert_eq!(standing::in_flight(&near, By::Route, &state, NOW), left);
        }
    }

    #[test]
    fn measures_that_nobody_looks_for_are_known() {
        for (kind, by, scope, looked_for) in [
            (MeasureKind::Refuse, By::ClientIp, Scope::Route, true),
            (MeasureKind::RefuseOnSignal, By::Session, Scope::Route, true),
            (MeasureKind::RefuseOnSignal, By::Route, Scope::Global, false),
            (MeasureKind::Allow, By::Session, Scope::Service, true),
            (MeasureKind::Limit, By::Network, Scope::Global, true),
            (MeasureKind::Limit, By::Route, Scope::Global, true),
            (MeasureKind::Concurrency, By::Service, Scope::Global, true),
            (MeasureKind::Refuse, By::Route, Scope::Global, false),
            (MeasureKind::Allow, By::Service, Scope::Global, false),
            (MeasureKind::Limit, By::Route, Scope::Route, false),
            (MeasureKind::Concurrency, By::ClientIp, Scope::Global, false),
            (MeasureKind::Concurrency, By::Route, Scope::Service, false),
        ] {
            let told = standing::is_looked_for(kind, by, scope);
            assert_eq!(told, looked_for, "{kind:?} {by:?} {scope:?}");
        }
    }

    #[test]
    fn measures_fit_their_bits() {
        for measure in [
            Measure::Refuse,
            Measure::RefuseOnSignal,
            Measure::Tag,
            Measure::Allow,
            Measure::Concurrency { most: 1_048_575 },
            Measure::Limit {
                window: Window::H1,
                limit: 1_048_575,
            },
        ] {
            let bits = measure.to_bits();
            assert!(bits < 1 << 24);
            assert_eq!(Measure::from_bits(bits), Some(measure));
        }
    }
}
