//! Script without tags: URLs that run, handlers and attributes that break out of a tag.

use super::attribute::is_idle;
use super::call::{calls, detours};
use super::event::is_event;
use super::sink;
use super::words::{self, word, Found};
use crate::inspect::detector::Report;

/// Longest value in which a bare break-out is looked for; prose and programs are longer.
/// Units: bytes.
const SHORT: usize = 1024;

/// Tells whether a URL runs as script: blanks and control bytes within the scheme do not count.
pub fn runs(url: &[u8]) -> bool {
    let mut scheme = [0u8; 12];
    let mut length = 0;
    for (at, byte) in url.iter().enumerate() {
        match byte {
            0..=b' ' | b'\\' => {}
            b':' => {
                let word = &scheme[..length];
                let rest = &url[at + 1..];
                return match word {
                    // It calls without brackets.
                    b"vbscript" => !rest.trim_ascii().is_empty(),
                    b"livescript" | b"mocha" => code(rest) || rest.starts_with(b"["),
                    b"javascript" => code(rest),
                    _ => false,
                };
            }
            _ if length < scheme.len() && byte.is_ascii_alphabetic() => {
                scheme[length] = byte.to_ascii_lowercase();
                length += 1;
            }
            _ => return false,
        }
    }
    false
}

/// Tells whether what follows a scheme can do anything; `javascript:;` and `void(0)` cannot.
fn code(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let idle: [&[u8]; 3] = [b"", b";", b"//"];
    if text
        .get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"void(0)"))
    {
        return !matches!(text.get(7), None | Some(b';' | b'"' | b'\'' | b' ' | b'>'));
    }
    let prose = text.len() > 1
        && memchr::memchr3(b'(', b'=', b'`', text).is_none()
        && memchr::memchr3(b'.', b'/', b'%', text).is_none();
    !idle.contains(&text) && !prose
}

/// Judges a value without regard to its tags.
pub fn judge(text: &[u8], report: &mut Report<'_>) {
    urls(text, report);
    if text.len() <= SHORT {
        handlers(text, report);
        attributes(text, report);
        if sink::is_reached(text) {
            report.add("xss.call", 0.7);
        }
        let found = words::spot(text);
        calls(text, &found, report);
        detours(text, &found, report);
        oddities(text, &found, report);
    }
}

/// Judges a short value by words that no one writes but to hide a script, or to prove one.
fn oddities(text: &[u8], found: &Found<'_>, report: &mut Report<'_>) {
    const SCRIPT: usize = word(b"script");
    if found.has(const { word(b"\xbcscript") }) {
        report.add("xss.charset", 0.7);
    }
    if found.has(const { word(b"-moz-binding") }) && found.has(const { word(b"url(") }) {
        report.add("xss.style", 0.7);
    }
    if starts_document(text, found) {
        report.add("xss.data_url", 0.7);
    }
    if found.has(const { word(b"alert(document.") }) {
        report.add("xss.call", 0.7);
    }
    if text.starts_with(b"&{") || found.has(const { word(b"=&{") }) {
        report.add("xss.call", 0.6);
    }
    let tagged = found.has(const { word(b"+adw-") })
        && (found.has(SCRIPT) || found.has(const { word(b"+ad4-") }));
    if tagged || found.has(const { word(b"adw-script") }) {
        report.add("xss.utf7", 0.8);
    }
}

/// Tells a page in a URL, at the start of a value or behind a quote that was broken out of.
fn starts_document(text: &[u8], found: &Found<'_>) -> bool {
    let at = found.at(const { word(b"data:text/html") });
    at.is_some_and(|at| at <= 2 && memchr::memchr(b',', &text[at..]).is_some())
}

/// `javascript:` where a URL may start.
fn urls(text: &[u8], report: &mut Report<'_>) {
    let start = text.trim_ascii_start();
    let start = start
        .strip_prefix(b"\"")
        .or(start.strip_prefix(b"'"))
        .unwrap_or(start);
    if runs(start) {
        report.add("xss.script_url", 0.8);
    }
    if text.len() > SHORT {
        return;
    }
    for at in memchr::memchr_iter(b':', text).take(64) {
        let from = at.saturating_sub(10);
        let word = &text[from..at];
        let named = word.eq_ignore_ascii_case(b"javascript")
            || word.len() >= 8 && word[word.len() - 8..].eq_ignore_ascii_case(b"vbscript");
        let called = memchr::memchr2(b'(', b'`', &text[at..text.len().min(at + 64)]).is_some();
        let opened = from == 0
            || matches!(
                text[from - 1],
                b'=' | b'"' | b'\'' | b'(' | b'`' | b'\n' | b';'
            );
        if named && called && opened && code(&text[at + 1..]) {
            report.add("xss.script_url", 0.7);
        }
    }
}

/// `" onmouseover=alert(1)`: a handler where an attribute may start.
fn handlers(text: &[u8], report: &mut Report<'_>) {
    for equals in memchr::memchr_iter(b'=', text).take(64) {
        let left = text[..equals].trim_ascii_end();
        let name = left
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_alphabetic())
            .count();
        let (before, name) = left.split_at(left.len() - name);
        let Some(event) = name
            .get(2..)
            .filter(|_| name[..2].eq_ignore_ascii_case(b"on"))
        else {
            continue;
        };
        if event.len() < 3 || !is_event(event) {
            continue;
        }
        let right = text[equals + 1..].trim_ascii_start();
        let end = |b: &u8| *b <= b' ' || *b == b'>';
        let end = right.iter().position(end).unwrap_or(right.len());
        let number = |b: &u8| b.is_ascii_digit() || matches!(b, b'"' | b'\'');
        if is_idle(&right[..end]) || end > 0 && right[..end].iter().all(number) {
            continue;
        }
        let called = memchr::memchr3(b'(', b'`', b'=', right).is_some();
        let quoted = memchr::memchr3(b'"', b'\'', b'`', before).is_some();
        // `"two words" onerror=resume`: nothing was broken out of, and nothing is called.
        let whole = |quote| memchr::memchr_iter(quote, before).count().is_multiple_of(2);
        if !called
            && right[..end].iter().all(u8::is_ascii_alphabetic)
            && whole(b'"')
            && whole(b'\'')
        {
            continue;
        }
        match (before.last(), quoted, called) {
            (Some(b'"' | b'\'' | b'`' | b'/' | 0..=b' '), true, _) => {
                report.add("xss.event_handler", 0.85);
            }
            (None | Some(b'/' | 0..=b' '), _, true) => report.add("xss.event_handler", 0.7),
            _ => {}
        }
    }
}

/// `" formaction=//x`: an attribute that loads or submits, where a quoted one ended at the start.
fn attributes(text: &[u8], report: &mut Report<'_>) {
    const LOADS: [&[u8]; 10] = [
        b"action",
        b"background",
        b"formaction",
        b"href",
        b"ping",
        b"poster",
        b"src",
        b"srcdoc",
        b"srcset",
        b"xlink:href",
    ];
    let opened = memchr::memchr2(b'\'', b'"', &text[..text.len().min(3)]);
    let Some(rest) = opened.map(|at| &text[at + 1..]) else {
        return;
    };
    let name = rest.trim_ascii_start();
    let end = memchr::memchr(b'=', name).unwrap_or(0);
    let loads = LOADS.iter().any(|l| name[..end].eq_ignore_ascii_case(l));
    if name.len() < rest.len() && loads {
        report.add("xss.breakout", 0.6);
    }
}
