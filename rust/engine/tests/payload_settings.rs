//! The settings of payload inspection, each on whole requests through `Engine::inspect`.

use threat_agent_engine::config::OnUninspected;
use threat_agent_engine::inspect::Family;
use threat_agent_engine::{Action, Body, Category, Config, Engine, LocalState, Request, Verdict};

const SQL: &[u8] = b"q=1%27+UNION+SELECT+username,+password+FROM+users--+-";
const SCRIPT: &[u8] = b"q=%3Cscript%3Ealert(document.cookie)%3C/script%3E";

fn judge(config: &Config, request: &Request<'_>) -> Verdict {
    let engine = Engine::new(config.clone()).unwrap();
    engine.inspect(request, &LocalState::default(), 1)
}

fn asked(query: &[u8]) -> Request<'_> {
    Request {
        path: b"/search",
        query,
        ..Request::default()
    }
}

#[test]
fn what_is_not_inspected_is_answered_as_configured() {
    let request = Request {
        headers: b"Content-Encoding: gzip\r\n",
        body: Body {
            bytes: &[31, 139, 8, 0],
            ..Body::default()
        },
        ..Request::default()
    };
    for (answer, want) in [
        (OnUninspected::Pass, Action::Allow),
        (OnUninspected::Flag, Action::Tag),
        (OnUninspected::Block, Action::Block),
    ] {
        let mut config = Config::default();
        config.payload.on_uninspected = answer;
        let verdict = judge(&config, &request);
        assert_eq!(verdict.action, want);
        assert!(judge(&config, &asked(b"q=fine")).rules.is_empty());
        if want == Action::Allow {
            assert!(verdict.rules.is_empty() && verdict.incident == 0);
            continue;
        }
        assert_eq!(verdict.rules, ["uninspected.body_encoded"]);
        assert_eq!(
            verdict.reason,
            "not inspected in whole: body_encoded; 4 bytes left out"
        );
        assert_eq!(verdict.category, Some(Category::Abuse));
        assert!(verdict.incident != 0);
    }
}

#[test]
fn what_the_operator_left_out_is_not_the_clients_doing() {
    let mut config = Config::default();
    config.payload.on_uninspected = OnUninspected::Block;
    config.sampling_ratio = 0.0;
    let request = asked(SQL);
    assert_eq!(judge(&config, &request).action, Action::Allow);
}

#[test]
fn detection_is_stricter_than_blocking() {
    let mut config = Config::default();
    config.payload.threshold = 1.0;
    let verdict = judge(&config, &asked(SQL));
    assert_eq!(verdict.action, Action::Allow);
    assert!(verdict.payload_found && !verdict.rules.is_empty());

    config.payload.detection_threshold = 1.0;
    let verdict = judge(&config, &asked(SQL));
    assert!(!verdict.payload_found && verdict.rules.is_empty());

    config.payload.threshold = 0.5;
    let verdict = judge(&config, &asked(SQL));
    assert_eq!(verdict.action, Action::Block, "{}", verdict.reason);
}

#[test]
fn families_have_thresholds_of_their_own() {
    let mut config = Config::default();
    config.payload.thresholds = [(Family::Xss, 1.0)].into();
    assert_eq!(judge(&config, &asked(SCRIPT)).action, Action::Allow);
    assert_eq!(judge(&config, &asked(SQL)).action, Action::Block);

    config.payload.threshold = 1.0;
    config.payload.thresholds = [(Family::Xss, 0.5)].into();
    assert_eq!(judge(&config, &asked(SCRIPT)).action, Action::Block);
    assert_eq!(judge(&config, &asked(SQL)).action, Action::Allow);
}
