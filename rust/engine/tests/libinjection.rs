//! libinjection's own inputs: how many of its attacks are refused, and how many of what it once
//! took for attacks. The bounds are what was reached when they were written. Missed are above all
//! whole statements, which clients send to consoles and reports too, and lone calls of functions.

use threat_agent_engine::inspect::{Family, Findings, Inspector};
use threat_agent_engine::Request;

/// Anomaly score from which a request is refused by default.
const REFUSED: f32 = 0.5;

/// Lines of a file without its comments.
fn lines(text: &'static [u8]) -> impl Iterator<Item = &'static [u8]> {
    let lines = text.split(|b| *b == b'\n');
    lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"))
}

fn encoded(line: &[u8]) -> Vec<u8> {
    let encode = |b: &u8| format!("%{b:02x}").into_bytes();
    line.iter().flat_map(encode).collect()
}

/// Tells the share of values that a request is refused for, and some of the others.
/// Units: ratio from 0 to 1.
fn refused(
    families: &[Family],
    values: impl Iterator<Item = Vec<u8>>,
    others: bool,
) -> (f64, Vec<String>) {
    let inspector = Inspector::new(families);
    let (mut all, mut hits, mut odd) = (0u32, 0u32, Vec::new());
    for value in values {
        let query = [b"q=", value.as_slice()].concat();
        let request = Request {
            path: b"/",
            query: &query,
            ..Request::default()
        };
        let mut found = Findings::default();
        inspector.inspect(&request, &mut found);
        let clean = found.list.iter().fold(1.0, |p, f| p * (1.0 - f.score));
        let refused = 1.0 - clean >= REFUSED;
        all += 1;
        hits += u32::from(refused);
        if refused != others && odd.len() < 40 {
            odd.push(value.escape_ascii().to_string());
        }
    }
    (f64::from(hits) / f64::from(all), odd)
}

#[test]
fn its_sql_injections_are_refused() {
    let values = lines(include_bytes!("libinjection/sqli.txt")).map(<[u8]>::to_vec);
    let (ratio, missed) = refused(&[Family::SqlInjection], values, true);
    assert!(ratio >= 0.82, "{ratio:.4}: {missed:#?}");
}

#[test]
fn its_scripts_are_refused() {
    let values = lines(include_bytes!("libinjection/xss.txt")).map(encoded);
    let (ratio, missed) = refused(&[Family::Xss], values, true);
    assert!(ratio >= 0.95, "{ratio:.4}: {missed:#?}");
}

#[test]
fn what_it_once_took_for_sql_passes() {
    let values = lines(include_bytes!("libinjection/benign.txt")).map(<[u8]>::to_vec);
    let (ratio, wrong) = refused(&Family::ALL, values, false);
    assert!(ratio <= 0.02, "{ratio:.4}: {wrong:#?}");
}
