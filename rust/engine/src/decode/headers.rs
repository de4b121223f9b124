//! The headers that upstreams read as data.

use super::familiar::Familiar;
use super::kind;
use super::marked::Marked;
use super::{base64, url, Sink, Visitor};
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

/// As much of a name as tells it from all that are known here. Units: bytes.
const NAME: usize = 32;

/// Tells headers that proxies and servers consume, credentials, and such with a grammar of their own,
/// and those that a browser writes by itself (`Sec-Fetch-Mode`, `Sec-CH-UA`).
/// Shape: a name in lower case.
fn is_passed_over(name: &[u8]) -> bool {
    matches!(
        name,
        b"te"
            | b"dnt"
            | b"date"
            | b"host"
            | b"range"
            | b"accept"
            | b"expect"
            | b"pragma"
            | b"trailer"
            | b"upgrade"
            | b"if-match"
            | b"connection"
            | b"keep-alive"
            | b"content-type"
            | b"max-forwards"
            | b"authorization"
            | b"cache-control"
            | b"if-none-match"
            | b"accept-charset"
            | b"content-length"
            | b"content-encoding"
            | b"accept-encoding"
            | b"accept-language"
            | b"if-modified-since"
            | b"transfer-encoding"
            | b"if-unmodified-since"
            | b"proxy-authorization"
    ) || name.starts_with(b"sec-")
}

/// Hands out header values and cookies. Cost: one pass for lines and colons; `marks` is its memory.
pub fn walk<'r, V: Visitor>(
    sink: &mut Sink<'_, V>,
    request: &Request<'r>,
    marks: &mut Vec<Marks>,
    familiar: &mut Familiar,
) -> Notes<'r> {
    let mut notes = Notes::default();
    let text = request.headers;
    let marked = Marked::new(text, kind::LINES, None, *b"\n:", marks);
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
        let start = &name[..name.len().min(NAME)];
        let mut lower = [0; NAME];
        lower[..start.len()].copy_from_slice(start);
        lower.make_ascii_lowercase();
        match &lower[..start.len()] {
            b"cookie" => cookies(sink, value),
            b"referer" if !value.starts_with(b"=?") => {
                familiar.pass_or(sink, &text[from..end], |sink| {
                    url::whole(sink, Part::Header, name, value);
                });
            }
            lower if is_passed_over(lower) => {
                match lower {
                    b"content-type" => notes.content_type = value,
                    b"content-encoding" => {
                        notes.encoded |=
                            !value.is_empty() && !value.eq_ignore_ascii_case(b"identity");
                    }
                    _ => {}
                }
                // Their own grammars have no braces, expressions and lookups do; nor apostrophes, backticks, tags and
                // climbs.
                let odd = memchr::memchr3(b'\'', b'<', b'`', value).is_some();
                if odd || hot && is_foreign(value) {
                    sink.plain(Part::Header, name, value);
                }
                if lower == b"authorization" {
                    user(sink, name, value);
                }
            }
            _ if value.is_empty() => {}
            _ => familiar.pass_or(sink, &text[from..end], |sink| {
                sink.plain(Part::Header, name, value);
            }),
        }
    }
    notes
}

/// Tells braces, and a climb.
fn is_foreign(value: &[u8]) -> bool {
    kind::seen(value).any & kind::BRACE != 0 || memchr::memmem::find(value, b"../").is_some()
}

/// Hands out who logs in by basic authentication; passwords hold anything.
fn user<V: Visitor>(sink: &mut Sink<'_, V>, name: &[u8], value: &[u8]) {
    let Some((scheme, token)) = value.split_at_checked(6) else {
        return;
    };
    let mut text = Vec::new();
    if scheme.eq_ignore_ascii_case(b"Basic ") && base64::append(token.trim_ascii(), &mut text) {
        let end = memchr::memchr(b':', &text).unwrap_or(text.len());
        sink.plain(Part::Header, name, &text[..end]);
    }
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
