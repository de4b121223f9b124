//! Calls that break out of a string, and ways to a function that avoid its name.

use super::words::{word, Found};
use crate::inspect::detector::Report;

/// `';alert(1)//`: a call that only proofs of concept make, where a string was broken out of.
pub fn calls(text: &[u8], found: &Found<'_>, report: &mut Report<'_>) {
    const CALLS: [usize; 7] = [
        word(b"alert"),
        word(b"confirm"),
        word(b"prompt"),
        word(b"document."),
        word(b"string.fromcharcode"),
        word(b"eval"),
        word(b"window"),
    ];
    let broken = memchr::memchr3(b'"', b'\'', b'`', text);
    for (i, call) in CALLS.into_iter().enumerate() {
        let (Some(at), Some(after)) = (found.at(call), found.behind(call)) else {
            continue;
        };
        let invoked = match i {
            3 => {
                after.get(..6).is_some_and(|w| {
                    [&b"cookie"[..], b"domain", b"locati", b"write("]
                        .iter()
                        .any(|d| w.eq_ignore_ascii_case(d))
                }) || after
                    .get(..6)
                    .is_some_and(|w| w.eq_ignore_ascii_case(b"writel"))
            }
            6 => matches!(after, [b'[', ..]),
            _ => {
                matches!(after.trim_ascii_start(), [b'(' | b'`', ..]) && !remarks(after)
                    || after.starts_with(b".call")
            }
        };
        if !invoked {
            continue;
        }
        let before = text[..at].trim_ascii_end();
        let glued = matches!(
            before.last(),
            Some(
                b';' | b'+'
                    | b'-'
                    | b'*'
                    | b'/'
                    | b','
                    | b'('
                    | b'{'
                    | b'}'
                    | b'|'
                    | b'&'
                    | b'^'
                    | b'='
                    | b'>'
                    | b'\''
                    | b'"'
                    | b'?'
                    | b':'
                    | b'%'
                    | b'!'
                    | b'~'
                    | b'['
                    | b'`'
                    | b')'
            )
        );
        // A string that is quoted whole starts with what it says, not with an operator.
        let quoted = broken.is_some_and(|quote| {
            quote < at && !text[quote + 1].is_ascii_alphanumeric() && quote <= 16
        });
        // Programs put a blank before a call; what breaks out has no room for one.
        let tight = glued && before.len() == at;
        let bare =
            !before.iter().any(u8::is_ascii) || tight && (before.len() <= 4 || text.len() <= 64);
        match (bare, glued && quoted) {
            (true, _) if i < 3 && text.len() <= 64 => report.add("xss.call", 0.6),
            (true, _) if i == 4 && spells(after) => report.add("xss.call", 0.6),
            (_, true) => report.add("xss.call", 0.7),
            // Anywhere in a value: the string of a parameter within it was broken out of.
            _ if i < 3 && tight && breaks_out(before) => report.add("xss.call", 0.7),
            _ if i == 3 && before.is_empty() && text.len() <= 32 => report.add("xss.call", 0.55),
            _ => {}
        }
    }
}

/// A word in brackets behind a blank, as sentences have it: `Alert (high)`.
fn remarks(after: &[u8]) -> bool {
    let inside = after.strip_prefix(b" (").unwrap_or_default();
    let end = memchr::memchr(b')', inside).unwrap_or(0);
    end > 0 && inside[..end].iter().all(u8::is_ascii_alphabetic)
}

/// Four numbers or more, and nothing else: what no one spells so but to hide it.
fn spells(arguments: &[u8]) -> bool {
    let inside = arguments.trim_ascii_start().strip_prefix(b"(");
    let inside = inside.map(|rest| &rest[..memchr::memchr(b')', rest).unwrap_or(rest.len())]);
    let number = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b',' | b' ' | b'x');
    inside.is_some_and(|inside| {
        inside.iter().all(number) && memchr::memchr_iter(b',', inside).count() > 2
    })
}

/// `'-`, `");`: a quote and what ends an expression, right before a call.
fn breaks_out(before: &[u8]) -> bool {
    let signs = before
        .iter()
        .rev()
        .take_while(|b| {
            matches!(
                b,
                b';' | b'-' | b'+' | b'*' | b'/' | b')' | b'}' | b'|' | b'&' | b'^'
            )
        })
        .count();
    let quote = before.len().checked_sub(signs + 1).map(|at| before[at]);
    (1..=4).contains(&signs) && matches!(quote, Some(b'\'' | b'"'))
}

/// Ways to a function that avoid its name: `top["al"+"ert"]`, `constructor("...")`, and a name
/// that is only handed on: `a=eval`.
pub fn detours(text: &[u8], found: &Found<'_>, report: &mut Report<'_>) {
    const OBJECTS: [usize; 9] = [
        word(b"window"),
        word(b"self"),
        word(b"top"),
        word(b"parent"),
        word(b"this"),
        word(b"document)"),
        word(b"document"),
        word(b"frames"),
        word(b"globalthis"),
    ];
    const MADE: [usize; 3] = [
        word(b"createelement('script"),
        word(b"createelement(\"script"),
        word(b"createelement(`script"),
    ];
    const HANDED_ON: [usize; 4] = [
        word(b"=eval"),
        word(b"=alert"),
        word(b"=prompt"),
        word(b"=confirm"),
    ];
    if found.has(const { word(b".constructor(") })
        || found.has(const { word(b"constructor.constructor") })
    {
        report.add("xss.call", 0.7);
    }
    for object in OBJECTS {
        let rest = found.behind(object).map(<[u8]>::trim_ascii_start);
        if matches!(rest, Some([b'[', b'"' | b'\'' | b'/' | b'`', ..])) {
            report.add("xss.call", 0.6);
        }
    }
    // A number that is spelled in letters, and called: `top[8680439..toString(30)](1)`.
    let spelled = found.behind(const { word(b".tostring(3") });
    if spelled.is_some_and(|rest| memchr::memmem::find(&rest[..rest.len().min(4)], b")]").is_some())
    {
        report.add("xss.call", 0.7);
    }
    let made = MADE.into_iter().any(|word| found.has(word));
    if text.len() <= 256 && made && found.has(const { word(b"src") }) {
        report.add("xss.call", 0.65);
    }
    if text.len() <= 128 && found.has(const { word(b"document.body.innerhtml=") }) {
        report.add("xss.call", 0.65);
    }
    if text.len() <= 256 && found.has(const { word(b"+document.cookie") }) {
        report.add("xss.call", 0.6);
    }
    let reflected = found.behind(const { word(b"reflect.") });
    let reflects = |rest: &[u8]| {
        [&b"alert"[..], b"eval", b"function"]
            .iter()
            .any(|w| has(rest, w))
    };
    if text.len() <= 256 && reflected.is_some_and(reflects) {
        report.add("xss.call", 0.65);
    }
    let called =
        || memchr::memchr2(b'(', b';', text).is_some() || found.has(const { word(b"throw") });
    for name in HANDED_ON {
        let end = |rest: &[u8]| !rest.first().is_some_and(u8::is_ascii_alphanumeric);
        if found.behind(name).is_some_and(end) && called() {
            report.add("xss.call", 0.6);
        }
    }
}

/// Tells whether a lower-case word is there, in any case.
fn has(text: &[u8], word: &[u8]) -> bool {
    let (low, high) = (word[0], word[0].to_ascii_uppercase());
    memchr::memchr2_iter(low, high, text).any(|at| {
        text.get(at..at + word.len())
            .is_some_and(|w| w.eq_ignore_ascii_case(word))
    })
}
