//! The settings of payload inspection, each on whole requests through `Engine::inspect`.

use threat_agent_engine::config::{OnUninspected, Rule};
use threat_agent_engine::inspect::Family;
use threat_agent_engine::{
    Action, Attempt, Body, Category, Config, Engine, LocalState, Request, Verdict,
};

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
    assert!(!verdict.attempt.is_none() && !verdict.rules.is_empty());

    config.payload.detection_threshold = 1.0;
    let verdict = judge(&config, &asked(SQL));
    assert!(verdict.attempt.is_none() && verdict.rules.is_empty());

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

#[test]
fn shadow_rules_are_told_and_not_acted_upon() {
    let mut config = Config::default();
    config.payload.shadow = vec!["sql_injection".into()];
    let verdict = judge(&config, &asked(SQL));
    assert_eq!((verdict.action, verdict.rules.len()), (Action::Allow, 0));
    assert!(verdict.attempt.is_none() && verdict.incident == 0);
    assert_eq!(verdict.shadow.action, Action::Block);
    assert!(verdict.shadow.rules.iter().any(|r| r == "sqli.union"));
    assert!(verdict.shadow.score > 0.5);

    let other = judge(&config, &asked(SCRIPT));
    assert_eq!(other.action, Action::Block);
    assert!(other.shadow.rules.is_empty());

    // Beside what is live, it adds nothing to the verdict.
    let both = [SQL, b"&x=", &SCRIPT[2..]].concat();
    let with = judge(&config, &asked(&both));
    assert_eq!(with.action, Action::Block);
    assert!(with.rules.iter().all(|r| !r.starts_with("sqli.")));
    assert_eq!(with.score, other.score);
    assert!(judge(&config, &asked(b"q=fine")).shadow.rules.is_empty());
}

#[test]
fn own_rules_have_a_shadow_too() {
    let rule = |id: &str, action: &str, shadow: bool| -> Rule {
        let text = format!(
            r#"{{"id":"{id}","action":"{action}","paths":["/search"],"shadow":{shadow},"score":0.5}}"#
        );
        serde_json::from_str(&text).unwrap()
    };
    let config = Config {
        rules: vec![
            rule("tried", "allow", true),
            rule("too", "throttle", true),
            rule("live", "tag", false),
        ],
        ..Config::default()
    };
    let verdict = judge(&config, &asked(b"q=fine"));
    assert_eq!(verdict.action, Action::Tag);
    assert_eq!(verdict.rules, ["live"]);
    assert_eq!(verdict.shadow.rules, ["tried", "too"]);
    assert_eq!(
        (verdict.shadow.action, verdict.shadow.score),
        (Action::Throttle, 0.5)
    );
}

#[test]
fn what_asks_for_a_delay_is_told() {
    let attempt = |query| judge(&Config::default(), &asked(query)).attempt;
    assert!(attempt(b"q=1%27+and+sleep(5)--+-").contains(Attempt::DELAY));
    assert!(attempt(b"q=1%27;waitfor+delay+%270:0:5%27--").contains(Attempt::DELAY));
    assert!(attempt(b"q=;sleep+5").contains(Attempt::DELAY));
    assert!(!attempt(SQL).contains(Attempt::DELAY) && !attempt(SQL).is_none());
    assert!(attempt(b"q=fine").is_none());
}
