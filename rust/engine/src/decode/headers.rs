//! The headers that upstreams read as data.

use super::familiar::Familiar;
use super::kind;
use super::marked::Marked;
use super::names::{self, Role};
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
        let (line, value) = (&text[from..], text[colon + 1..end].trim_ascii());
        let line = line.trim_ascii_start();
        let name = line[..colon.saturating_sub(text.len() - line.len())].trim_ascii_end();
        match names::role(line, name.len()) {
            Role::Cookie => cookies(sink, value),
            Role::Referer if !value.starts_with(b"=?") => {
                familiar.pass_or(sink, &text[from..end], |sink| {
                    url::whole(sink, Part::Header, name, value);
                });
            }
            role @ (Role::PassedOver
            | Role::ContentType
            | Role::ContentEncoding
            | Role::Authorization) => {
                match role {
                    Role::ContentType => notes.content_type = value,
                    Role::ContentEncoding => {
                        notes.encoded |=
                            !value.is_empty() && !value.eq_ignore_ascii_case(b"identity");
                    }
                    _ => {}
                }
                if hot && is_foreign(value) {
                    sink.plain(Part::Header, name, value);
                }
                if role == Role::Authorization {
                    user(sink, name, value);
                    if let Some(head) = base64::head_of_token(value) {
                        // Tokens of one issuer share the line up to its end.
                        let lead = end - text[colon + 1..end].trim_ascii_start().len();
                        familiar.pass_or(sink, &text[from..lead + head.end], |sink| {
                            sink.plain(Part::Header, name, &value[head]);
                        });
                    }
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

/// Tells what a header with a grammar of its own does not hold: apostrophes, tags, backticks, braces, as
/// expressions and lookups have them, and climbs. Apart, for few lines are hot.
#[inline(never)]
fn is_foreign(value: &[u8]) -> bool {
    memchr::memchr3(b'\'', b'<', b'`', value).is_some()
        || kind::seen(value).any & kind::BRACE != 0
        || memchr::memmem::find(value, b"../").is_some()
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
