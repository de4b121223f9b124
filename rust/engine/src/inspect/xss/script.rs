//! Script without tags: URLs that run, handlers that break out of an attribute, calls that break
//! out of a string.

use super::markup::is_idle;
use super::sink;
use crate::inspect::detector::Report;
use crate::inspect::needles::{place, Needles, Spots};

/// What is looked for in short values, in lower case.
const WORDS: [&[u8]; 40] = [
    b"alert",
    b"confirm",
    b"prompt",
    b"document.",
    b"string.fromcharcode",
    b"eval",
    b"window",
    b"self",
    b"top",
    b"parent",
    b"this",
    b"document)",
    b"document",
    b"frames",
    b"globalthis",
    b".constructor(",
    b"constructor.constructor",
    b".tostring(3",
    b"createelement('script",
    b"createelement(\"script",
    b"createelement(`script",
    b"src",
    b"document.body.innerhtml=",
    b"+document.cookie",
    b"reflect.",
    b"=eval",
    b"=alert",
    b"=prompt",
    b"=confirm",
    b"throw",
    b"\xbcscript",
    b"-moz-binding",
    b"url(",
    b"data:text/html",
    b"alert(document.",
    b"=&{",
    b"+adw-",
    b"adw-script",
    b"+ad4-",
    b"script",
];
static NEEDLES: Needles<{ WORDS.len() }> = Needles::any_case(WORDS);
/// Where they stand in a value.
type Found<'t> = Spots<'t, { WORDS.len() }>;

/// A word's place among [`WORDS`].
const fn word(word: &[u8]) -> usize {
    place(&WORDS, word)
}

/// Longest value in which a bare break-out is looked for; prose and programs are longer.
/// Units: bytes.
const SHORT: usize = 1024;

/// Beginnings of the names of events, without the `on`.
const EVENTS: [&[u8]; 62] = [
    b"abort",
    b"activate",
    b"after",
    b"animation",
    b"auxclick",
    b"before",
    b"begin",
    b"blur",
    b"bounce",
    b"canplay",
    b"cell",
    b"change",
    b"click",
    b"close",
    b"context",
    b"copy",
    b"cut",
    b"data",
    b"dblclick",
    b"deactivate",
    b"drag",
    b"drop",
    b"end",
    b"error",
    b"filter",
    b"finish",
    b"focus",
    b"formdata",
    b"fullscreen",
    b"got",
    b"hash",
    b"help",
    b"input",
    b"invalid",
    b"key",
    b"layout",
    b"load",
    b"lose",
    b"lost",
    b"media",
    b"message",
    b"mouse",
    b"move",
    b"page",
    b"paste",
    b"pause",
    b"play",
    b"pointer",
    b"popstate",
    b"progress",
    b"property",
    b"ready",
    b"repeat",
    b"reset",
    b"resize",
    b"scroll",
    b"search",
    b"seek",
    b"select",
    b"start",
    b"submit",
    b"t",
];

/// Tells whether a name, without `on`, is an event's.
pub fn is_event(name: &[u8]) -> bool {
    let begins = |event: &[u8]| {
        name.get(..event.len())
            .is_some_and(|n| n.eq_ignore_ascii_case(event))
    };
    let others: [&[u8]; 9] = [
        b"toggle",
        b"touch",
        b"transition",
        b"time",
        b"unload",
        b"volume",
        b"wait",
        b"webkit",
        b"wheel",
    ];
    EVENTS[..61]
        .iter()
        .chain(&others)
        .any(|event| begins(event))
}

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
        words(text, &NEEDLES.spot(text), report);
    }
}

/// Judges a short value by the words in it.
fn words(text: &[u8], found: &Found<'_>, report: &mut Report<'_>) {
    const SCRIPT: usize = word(b"script");
    calls(text, found, report);
    detours(text, found, report);
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

/// `';alert(1)//`: a call that only proofs of concept make, where a string was broken out of.
fn calls(text: &[u8], found: &Found<'_>, report: &mut Report<'_>) {
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
fn detours(text: &[u8], found: &Found<'_>, report: &mut Report<'_>) {
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
