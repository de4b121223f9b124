//! The headers that upstreams read as data.

use super::{url, Sink, Visitor};
use crate::inspect::Part;
use crate::request::Request;

/// What the body's reader needs to know.
#[derive(Default)]
pub struct Notes<'r> {
    pub content_type: &'r [u8],
    /// Whether the body is compressed.
    pub encoded: bool,
}

/// Headers that proxies and servers consume, credentials, and such with a grammar of their own; by
/// their lengths.
fn passed_over(length: usize) -> &'static [&'static str] {
    match length {
        2 => &["TE"],
        3 => &["DNT"],
        4 => &["Date", "Host"],
        5 => &["Range"],
        6 => &["Accept", "Expect", "Pragma"],
        7 => &["Trailer", "Upgrade"],
        8 => &["If-Match"],
        10 => &["Connection", "Keep-Alive"],
        12 => &["Content-Type", "Max-Forwards"],
        13 => &["Authorization", "Cache-Control", "If-None-Match"],
        14 => &["Accept-Charset", "Content-Length"],
        15 => &["Accept-Encoding", "Accept-Language"],
        17 => &["If-Modified-Since", "Transfer-Encoding"],
        19 => &["If-Unmodified-Since", "Proxy-Authorization"],
        _ => &[],
    }
}

/// Hands out header values and cookies.
pub fn walk<'r, V: Visitor>(sink: &mut Sink<'_, V>, request: &Request<'r>) -> Notes<'r> {
    let mut notes = Notes::default();
    let mut rest = request.headers;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        rest = tail.get(1..).unwrap_or_default();
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        if is("Cookie") {
            cookies(sink, value);
        } else if is("Referer") {
            url::whole(sink, Part::Header, name, value);
        } else if is("Content-Encoding") {
            notes.encoded |= !value.is_empty() && !value.eq_ignore_ascii_case(b"identity");
        } else if passed_over(name.len()).iter().any(|other| is(other)) || hint(name) {
            if is("Content-Type") {
                notes.content_type = value;
            }
            // Their own grammars have no braces; expressions and lookups do.
            if super::kind::seen(value).any & super::kind::BRACE != 0 {
                sink.plain(Part::Header, name, value);
            }
        } else if !value.is_empty() {
            sink.plain(Part::Header, name, value);
        }
    }
    notes
}

/// Tells whether a browser writes this header by itself (`Sec-Fetch-Mode`, `Sec-CH-UA`).
fn hint(name: &[u8]) -> bool {
    name.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"Sec-"))
}

fn cookies<V: Visitor>(sink: &mut Sink<'_, V>, value: &[u8]) {
    for cookie in value.split(|b| *b == b';') {
        let cookie = cookie.trim_ascii();
        match memchr::memchr(b'=', cookie) {
            Some(equals) => {
                let (name, value) = (&cookie[..equals], &cookie[equals + 1..]);
                if !url::is_plain(name) {
                    sink.encoded(Part::Cookie, name, name, false);
                }
                sink.encoded(Part::Cookie, name, value, false);
            }
            None if cookie.is_empty() => {}
            None => sink.encoded(Part::Cookie, b"", cookie, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_by_their_lengths() {
        for length in 0..32 {
            for name in passed_over(length) {
                assert_eq!(name.len(), length, "{name}");
            }
        }
    }
}
