//! Which reader a body gets: by its type, and by what its bytes look like, since servers differ.

use super::headers::Notes;
use super::{json, multipart, url, xml, Sink, Value};
use crate::inspect::Part;
use crate::request::Request;
use crate::verdict::Uninspected;

/// Longest name of a form's first field by which an untyped body is known as a form.
const NAME_BYTES: usize = 64;

/// Hands out the body's values.
pub fn walk<V: FnMut(&Value<'_>)>(
    sink: &mut Sink<'_, V>,
    request: &Request<'_>,
    notes: &Notes<'_>,
    scratch: &mut json::Scratch,
) {
    let body = request.body.bytes;
    if body.is_empty() {
        return;
    }
    if notes.encoded {
        return sink.gaps.add(Uninspected::BODY_ENCODED, body.len());
    }
    let says = |word: &str| contains(notes.content_type, word);
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let start = text.trim_ascii_start();
    if says("multipart/") || start.starts_with(b"--") && multipart::looks_like(start) {
        return multipart::walk(sink, start);
    }
    let bracket = matches!(start, [b'{' | b'[', ..]);
    if bracket || says("json") {
        let end = json::walk(text, scratch, |path, text, seen| {
            sink.value(Part::Json, path, text, seen);
        });
        let left = &text[end.read..];
        match end.why {
            json::Why::Complete => return,
            json::Why::Truncated if request.body.unread_bytes > 0 => return,
            json::Why::TooDeep => return sink.gaps.add(Uninspected::OVER_BUDGET, left.len()),
            _ if says("json") => {
                sink.gaps.add(Uninspected::MALFORMED, 0);
                return other(sink, left);
            }
            // Brackets under another type: read on as what the type says.
            _ => {}
        }
    }
    if says("xml") || start.starts_with(b"<?xml") {
        return xml::walk(sink, text);
    }
    if says("x-www-form-urlencoded") {
        url::pairs(sink, Part::Form, text);
        return;
    }
    other(sink, text);
}

/// A body of no known type: as a form when it starts like one, and as one text when not.
fn other<V: FnMut(&Value<'_>)>(sink: &mut Sink<'_, V>, text: &[u8]) {
    let name = text.iter().take(NAME_BYTES).position(|b| *b == b'=');
    if name.is_some_and(|end| end > 0 && url::is_plain(&text[..end])) {
        url::pairs(sink, Part::Form, text);
    } else if !text.is_empty() {
        sink.plain(Part::Body, b"", text);
    }
}

/// Searches a header's value for a lower-case word, in any case.
fn contains(value: &[u8], word: &str) -> bool {
    value
        .windows(word.len())
        .any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
}
