//! What an inspection may cost, counted in steps and not in time.

#[path = "support/worst.rs"]
mod worst;

use threat_agent_engine::inspect::{Family, Findings, Inspector};
use threat_agent_engine::verdict::Uninspected;
use threat_agent_engine::{Body, Request};

/// The budget of a request of 64 KiB; a larger one has as many for each byte. Units: steps.
const STEPS: u64 = 72 << 10;
/// What a test's own path and headers add to that, and what is too little for one more pass.
/// Units: steps.
const SLACK: u64 = 1024;

fn inspect(content_type: &str, body: &[u8]) -> Findings {
    let headers = format!("Content-Type: {content_type}\r\n");
    let request = Request {
        path: b"/v1/orders",
        headers: headers.as_bytes(),
        body: Body {
            bytes: body,
            ..Body::default()
        },
        ..Request::default()
    };
    let mut found = Findings::default();
    Inspector::new(&Family::ALL).inspect(&request, &mut found);
    found
}

#[test]
fn the_worst_inputs_stay_within_the_budget() {
    for input in worst::inputs() {
        let found = inspect(input.content_type, &input.body);
        assert!(
            found.steps <= STEPS + SLACK,
            "{}: {}",
            input.name,
            found.steps
        );
        if found.steps > STEPS {
            let told = found.uninspected.contains(Uninspected::OVER_BUDGET);
            assert!(told && found.uninspected_bytes > 0, "{}", input.name);
        }
    }
}

/// What a hurried upstream would read first is judged, whatever follows.
#[test]
fn an_attack_in_front_is_found() {
    let attack = "' union select password from users--";
    for input in worst::inputs() {
        let body = match input.content_type {
            "application/json" => [
                serde_json::json!([attack]).to_string().as_bytes(),
                b"\n",
                &input.body,
            ]
            .concat(),
            "text/plain" => [attack.as_bytes(), b"\n", &input.body].concat(),
            _ => continue,
        };
        let found = inspect(input.content_type, &body);
        let sql = |f: &&threat_agent_engine::inspect::Finding| f.family == Family::SqlInjection;
        let score = found.list.iter().find(sql).map_or(0.0, |f| f.score);
        assert!(score >= 0.5, "{}: {:?}", input.name, found.list);
    }
}

/// What only looks suspicious leaves room for what is behind it.
#[test]
fn an_attack_behind_short_values_is_found() {
    let mut values = vec!["it's; a 'b' (c) <d> & e=f"; 160];
    values.push("' union select password from users--");
    let found = inspect(
        "application/json",
        serde_json::json!(values).to_string().as_bytes(),
    );
    let sql = |f: &threat_agent_engine::inspect::Finding| f.family == Family::SqlInjection;
    assert!(
        found.list.iter().any(|f| sql(f) && f.score >= 0.5),
        "{:?}",
        found.list
    );
    assert_eq!(found.uninspected, Uninspected::default());
}

#[test]
fn an_ordinary_document_takes_a_part_of_the_budget() {
    let item = br#"{"id":7,"name":"Running shoe, blue","url":"https://a.example/p/1",
        "note":"Customer's second order, ship it together","tags":["sport","summer sale"]},"#;
    for size in [worst::SIZE, 16 * worst::SIZE] {
        let json = [&b"["[..], &item.repeat(size / item.len()), b"0]"].concat();
        let found = inspect("application/json", &json);
        let budget = STEPS * (size / worst::SIZE) as u64;
        assert!(found.steps < budget / 2, "{size}: {}", found.steps);
        assert_eq!(found.uninspected, Uninspected::default(), "{size}");
    }
}
