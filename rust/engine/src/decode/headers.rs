//! The headers that upstreams read as data.

use super::kind;
use super::marked::Marked;
use super::{url, Sink, Visitor};
use crate::inspect::Part;
use crate::request::Request;
use threat_agent_scan::Marks;

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

/// Hands out header values and cookies. Cost: one pass for lines and colons; `marks` is its memory.
pub fn walk<'r, V: Visitor>(
    sink: &mut Sink<'_, V>,
    request: &Request<'r>,
    marks: &mut Vec<Marks>,
) -> Notes<'r> {
    let mut notes = Notes::default();
    let text = request.headers;
    let marked = Marked::new(text, kind::LINES, *b"\n:", marks);
    let is_colon = |at: usize| text.get(at) == Some(&b':');
    let mut at = 0;
    while at < text.len() {
        let from = at;
        let (colon, _) = marked.run(from);
        at = colon + 1;
        if !is_colon(colon) {
            continue;
        }
        let (mut end, mut hot) = marked.run(at);
        // Another colon is the value's.
        while is_colon(end) {
            let (next, more) = marked.run(end + 1);
            (end, hot) = (next, hot || more);
        }
        at = end + 1;
        let (name, value) = (&text[from..colon], &text[colon + 1..end]);
        let (name, value) = (name.trim_ascii(), value.trim_ascii());
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
            if hot && kind::seen(value).any & kind::BRACE != 0 {
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
    let mut marks = std::mem::take(sink.marks);
    let mut cookies = url::Pairs::new(value, b';', &mut marks);
    cookies.skip_blanks();
    while let Some((name, value)) = cookies.next() {
        cookies.skip_blanks();
        let bare = name.bytes.trim_ascii();
        match value {
            Some(value) => {
                let name = url::Field {
                    bytes: name.bytes.trim_ascii_start(),
                    ..name
                };
                if !name.is_common() {
                    sink.encoded(Part::Cookie, name.bytes, name.bytes, false);
                }
                let bytes = value.bytes.trim_ascii_end();
                if !(value.plain && sink.passes(Part::Cookie, name.bytes, bytes)) {
                    sink.encoded(Part::Cookie, name.bytes, bytes, false);
                }
            }
            None if bare.is_empty() => {}
            None => sink.encoded(Part::Cookie, b"", bare, false),
        }
    }
    *sink.marks = marks;
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
