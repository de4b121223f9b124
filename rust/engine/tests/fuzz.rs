//! Requests that are bent out of kept ones: cut, spliced, and with what the readers and detectors
//! react to put in. Each seed of the corpus is a request: a line with path and query, header
//! lines, an empty line, and the body.
//!
//! `PROPTEST_CASES=100000 cargo test -p threat-agent-engine --test fuzz --release` runs for longer.

use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;
use threat_agent_engine::decode::{self, percent, Scratch};
use threat_agent_engine::inspect::{Family, Findings, Inspector, Location};
use threat_agent_engine::{Body, Request};

static CORPUS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let entries = folder.read_dir().expect("the corpus is there");
    let mut paths: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    let read = |path| std::fs::read(path).expect("a seed can be read");
    paths.into_iter().map(read).collect()
});

/// What readers and detectors react to.
const SPICES: [&[u8]; 40] = [
    b"'",
    b"\"",
    b"\\",
    b"\\u003c",
    b"\\uff1c",
    b"%",
    b"%25",
    b"%u003c",
    b"%c0%ae",
    b"<",
    b"</",
    b"<!",
    b"]]>",
    b"&#x3c",
    b"&lt;",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"=",
    b"&",
    b";",
    b"--b,c",
    b"\r\n",
    b"\n\n",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbc\x9c",
    b"\xc0",
    b"../",
    b"${",
    b"{{",
    b"/*",
    b" or 1=1",
    b"union select",
    b"onload=",
    b"http://",
    b"PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
];

/// One change to a request.
#[derive(Clone, Debug)]
enum Change {
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize, usize),
    Splice(usize, usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = any::<usize>();
    let spice = prop_oneof![
        4 => prop::sample::select(&SPICES[..]).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 1..9),
    ];
    let change = prop_oneof![
        4 => (at, spice).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (at, 1usize..40).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => (at, 1usize..40, 1usize..200).prop_map(|(at, n, times)| Change::Repeat(at, n, times)),
        1 => (at, at, at).prop_map(|(at, seed, from)| Change::Splice(at, seed, from)),
    ];
    proptest::collection::vec(change, 0..12)
}

fn bend(seed: usize, changes: &[Change]) -> Vec<u8> {
    let mut bytes = CORPUS[seed % CORPUS.len()].clone();
    for change in changes {
        let place = |at: usize| at % (bytes.len() + 1);
        match change {
            Change::Insert(at, new) => {
                let at = place(*at);
                bytes.splice(at..at, new.iter().copied());
            }
            Change::Remove(at, count) => {
                let at = place(*at);
                bytes.drain(at..bytes.len().min(at + count));
            }
            Change::Repeat(at, count, times) => {
                let at = place(*at);
                let piece = bytes[at..bytes.len().min(at + count)].repeat(*times);
                bytes.splice(at..at, piece);
            }
            Change::Splice(at, seed, from) => {
                let at = place(*at);
                let other = &CORPUS[seed % CORPUS.len()];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from % (other.len() + 1)..]);
            }
        }
    }
    bytes
}

/// Takes a request apart as the corpus writes it.
fn request(bytes: &[u8]) -> Request<'_> {
    let find = |mark: &[u8]| memchr::memmem::find(bytes, mark).unwrap_or(bytes.len());
    let line = find(b"\n");
    let head = find(b"\n\n").max(line);
    let target = &bytes[..line];
    let mark = memchr::memchr(b'?', target).unwrap_or(line);
    Request {
        path: &target[..mark],
        query: target.get(mark + 1..).unwrap_or_default(),
        headers: bytes.get(line + 1..head).unwrap_or_default(),
        body: Body {
            bytes: bytes.get(head + 2..).unwrap_or_default(),
            ..Body::default()
        },
        ..Request::default()
    }
}

/// What a body may be inflated to in each of two layers. Units: bytes.
const INFLATED: usize = 128 << 10;

fn check(inspector: &Inspector, bytes: &[u8]) -> Result<Findings, TestCaseError> {
    let request = request(bytes);
    let (mut values, mut total) = (0, 0);
    let mut odd = None;
    decode::walk(&request, &mut Scratch::default(), |value| {
        values += 1;
        total += value.bytes.len();
        let location = Location::new(value.part, value.name).to_string();
        if location.len() > 64 || location.chars().any(char::is_control) {
            odd = Some(location);
        }
    });
    prop_assert_eq!(odd, None);
    let encoded = request.header("Content-Encoding").is_some();
    let size = bytes.len() + if encoded { INFLATED } else { 0 };
    prop_assert!(total <= 10 * size + 64, "{} bytes from {}", total, size);
    prop_assert!(values <= 4 * size + 8, "{} values from {}", values, size);

    let mut found = Findings::default();
    inspector.inspect(&request, &mut found);
    prop_assert!(found.steps <= (72 << 10).max(size as u64 * 9 / 8));
    for (i, finding) in found.list.iter().enumerate() {
        prop_assert!((0.0..=1.0).contains(&finding.score), "{:?}", finding);
        prop_assert!(found.list[..i].iter().all(|f| f.rule != finding.rule));
    }
    Ok(found)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    /// An answer within the budget to whatever comes, the same again after another request, and
    /// to what was read of it when it broke off.
    #[test]
    fn bent_requests_are_answered(seed in any::<usize>(), changes in changes(), cut in any::<usize>()) {
        let inspector = Inspector::new(&Family::ALL);
        let bytes = bend(seed, &changes);
        let found = check(&inspector, &bytes)?;
        check(&inspector, &bytes[..cut % (bytes.len() + 1)])?;
        for _ in 0..2 {
            let again = check(&inspector, &bytes)?;
            prop_assert_eq!(&again.list, &found.list);
            prop_assert_eq!((again.steps, again.values), (found.steps, found.values));
        }
    }

    /// Decoding ends, never makes a value longer, and has nothing left to do when it says so.
    #[test]
    fn decoding_comes_to_an_end(seed in any::<usize>(), changes in changes(), plus in any::<bool>()) {
        let mut text = bend(seed, &changes);
        let length = text.len();
        let first = percent::undo(&mut text, plus);
        prop_assert!(text.len() <= length);
        let before = text.clone();
        let again = percent::undo(&mut text, false);
        if first.rounds < 3 && !first.odd_utf8 {
            prop_assert_eq!(again, percent::Undone::default());
            prop_assert_eq!(text, before);
        }
    }
}

#[test]
fn the_corpus_is_judged_as_it_stands() {
    let inspector = Inspector::new(&Family::ALL);
    assert!(CORPUS.len() >= 15);
    for seed in CORPUS.iter() {
        check(&inspector, seed).expect("a seed holds all properties");
    }
}
