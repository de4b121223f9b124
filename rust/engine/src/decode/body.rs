//! Which reader a body gets: by its type, and by what its bytes look like, since servers differ.

use super::charset::Charset;
use super::coding::{self, End, Inflated};
use super::headers::Notes;
use super::{json, multipart, percent, url, xml, Sink, Visitor};
use crate::inspect::Part;
use crate::request::Request;
use crate::verdict::Uninspected;

/// Longest name of a form's first field by which an untyped body is known as a form.
const NAME_BYTES: usize = 64;
/// Shortest run of text worth a look among other bytes: compressed bytes hold none by chance, and
/// few attacks are shorter than that with their name.
const RUN_BYTES: usize = 16;
/// Control bytes in compressed bytes are one in nine, in text none: one in so many is no text.
const CONTROL_RATIO: usize = 32;

/// Hands out the body's values.
pub fn walk<V: Visitor>(
    sink: &mut Sink<'_, V>,
    request: &Request<'_>,
    notes: &Notes<'_>,
    scratch: &mut json::Scratch,
) {
    let body = request.body.bytes;
    if body.is_empty() {
        return;
    }
    if notes.encoded && encoded(sink, request, notes, body, scratch) {
        return;
    }
    characters(sink, request, notes, body, scratch);
}

/// Hands out the values of a body under a Content-Encoding. Whoever ignores the header reads what
/// stands there, so that is judged as well, unless the coding is undone without a rest.
/// Returns whether that was all.
fn encoded<V: Visitor>(
    sink: &mut Sink<'_, V>,
    request: &Request<'_>,
    notes: &Notes<'_>,
    body: &[u8],
    scratch: &mut json::Scratch,
) -> bool {
    if let Some(Inflated { text, end }) = coding::undo(request, body) {
        characters(sink, request, notes, &text, scratch);
        match end {
            End::Whole => return true,
            // How much more there would be is not known.
            End::Cut => sink.gaps.add(Uninspected::OVER_BUDGET, body.len()),
            End::Broken => {
                sink.gaps.add(Uninspected::BODY_ENCODED, body.len());
                runs(sink, notes, body, is_text);
            }
        }
        return true;
    }
    let looks = Looks::of(body);
    if looks != Looks::Text || coding::is_named(request) {
        sink.gaps.add(Uninspected::BODY_ENCODED, body.len());
    }
    if looks == Looks::Compressed {
        runs(sink, notes, body, is_text);
    }
    looks == Looks::Compressed
}

/// Hands out the values of a body whose characters may have several bytes each.
fn characters<V: Visitor>(
    sink: &mut Sink<'_, V>,
    request: &Request<'_>,
    notes: &Notes<'_>,
    body: &[u8],
    scratch: &mut json::Scratch,
) {
    let Some((width, text)) = wide(body, notes.content_type) else {
        let charset = Charset::named(body, notes.content_type);
        for text in charset.readings(body) {
            read(sink, request, notes, scratch, &text);
        }
        // Of a form, the signs between its values may be ASCII's.
        if let Some(page) = charset.ebcdic.filter(|_| percent::is_coded(body)) {
            let mut text = vec![0; body.len()];
            let length = percent::once(body, false, &mut text);
            sink.plain(Part::Form, b"", &page.undo(&text[..length]));
        }
        return read(sink, request, notes, scratch, body);
    };
    let text = narrow(sink, width, text);
    read(sink, request, notes, scratch, &text);
    // The same bytes as a server takes them that does not know such characters.
    runs(sink, notes, body, |b| b != 0);
}

/// Hands out the runs of such bytes that are long enough.
fn runs<V: Visitor>(
    sink: &mut Sink<'_, V>,
    notes: &Notes<'_>,
    body: &[u8],
    belongs: impl Fn(u8) -> bool,
) {
    let form = contains(notes.content_type, "x-www-form-urlencoded");
    let runs = body.split(|b| !belongs(*b));
    for run in runs.filter(|run| run.len() >= RUN_BYTES) {
        if form {
            url::pairs(sink, Part::Form, run);
        } else {
            other(sink, run);
        }
    }
}

/// Tells printable bytes, and the blanks of SQL.
fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t'..=b'\r' | 0xa0)
}

/// What a body under a Content-Encoding is by its bytes.
#[derive(Clone, Copy, PartialEq)]
enum Looks {
    Text,
    /// Starts like a compression, or holds control bytes; text for all that.
    Mixed,
    Compressed,
}

impl Looks {
    fn of(body: &[u8]) -> Looks {
        let magic = matches!(
            body,
            [0x1f, 0x8b, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..]
        );
        let control = |b: &&u8| b.is_ascii_control() && !matches!(b, b'\t'..=b'\r');
        let controls = body.iter().filter(control).count();
        if controls > body.len() / CONTROL_RATIO || magic && std::str::from_utf8(body).is_err() {
            Looks::Compressed
        } else if magic || controls > 0 {
            Looks::Mixed
        } else {
            Looks::Text
        }
    }
}

/// Hands out the values of a body of one byte a character, or of UTF-8.
fn read<V: Visitor>(
    sink: &mut Sink<'_, V>,
    request: &Request<'_>,
    notes: &Notes<'_>,
    scratch: &mut json::Scratch,
    body: &[u8],
) {
    let says = |word: &str| contains(notes.content_type, word);
    // JSON may spell full-width characters as escapes.
    let escaped =
        || memchr::memchr(b'\\', body).is_some() && memchr::memmem::find(body, b"\\u").is_some();
    sink.odd |= percent::may_be_odd(body) || escaped();
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let start = text.trim_ascii_start();
    let multipart = says("multipart/") || multipart::looks_like(start);
    if multipart && multipart::walk(sink, notes.content_type, start) {
        return;
    }
    let bracket = matches!(start, [b'{' | b'[', ..]);
    if bracket || says("json") {
        let end = json::walk_for(text, scratch, sink);
        let left = &text[end.read..];
        match end.why {
            json::Why::Complete => return,
            json::Why::Truncated if request.body.unread_bytes > 0 => return,
            json::Why::TooDeep => return sink.gaps.add(Uninspected::OVER_BUDGET, left.len()),
            _ if says("json") => {
                sink.gaps.add(Uninspected::MALFORMED, 0);
                if matches!(start, [b'<', ..]) {
                    xml::walk(sink, text);
                }
                return other(sink, left);
            }
            // Brackets under another type: read on as what the type says.
            _ => {}
        }
    }
    let form = says("x-www-form-urlencoded");
    if says("xml") || start.starts_with(b"<?xml") {
        xml::walk(sink, text);
        if form {
            behind_xml(sink, text);
        }
        return;
    }
    // Readers that look at the first character alone take it for a document.
    if notes.content_type.is_empty() && matches!(start, [b'<', b'a'..=b'z' | b'A'..=b'Z', ..]) {
        xml::walk(sink, text);
    }
    if form {
        url::pairs(sink, Part::Form, text);
        return;
    }
    other(sink, text);
}

/// Hands out what a form's reader finds in a body that was read as XML: a pair behind each `&`. References
/// are none, nor what a link within it goes on with.
fn behind_xml<V: Visitor>(sink: &mut Sink<'_, V>, text: &[u8]) {
    for pair in text.split(|b| *b == b'&').skip(1) {
        let name = memchr::memchr(b'=', pair).map_or(b"".as_slice(), |end| &pair[..end]);
        if !name.is_empty() && url::is_plain(name) {
            url::pairs(sink, Part::Form, pair);
        }
    }
}

/// A body of no known type: as a form when it starts like one, and as one text when not.
fn other<V: Visitor>(sink: &mut Sink<'_, V>, text: &[u8]) {
    let name = text.iter().take(NAME_BYTES).position(|b| *b == b'=');
    if name.is_some_and(|end| end > 0 && url::is_plain(&text[..end])) {
        url::pairs(sink, Part::Form, text);
    } else if !text.is_empty() {
        sink.plain(Part::Body, b"", text);
    }
}

/// The width of a character, and which of its bytes comes first.
#[derive(Clone, Copy)]
struct Width {
    bytes: usize,
    big_endian: bool,
}

/// Tells whether a body is UTF-16 or UTF-32: by its byte order mark, by the null bytes around a
/// first character that JSON and XML start with, or by its charset.
/// Shape: the width, and the body without its mark.
fn wide<'b>(body: &'b [u8], content_type: &[u8]) -> Option<(Width, &'b [u8])> {
    // Without null bytes there is no ASCII in it, whatever the mark and the charset say.
    memchr::memchr(0, body)?;
    let width = |bytes, big_endian| Width { bytes, big_endian };
    let starts = |b: u8| b.is_ascii_whitespace() || matches!(b, b'{' | b'[' | b'"' | b'<');
    Some(match *body {
        [0xff, 0xfe, 0, 0, ref rest @ ..] => (width(4, false), rest),
        [0, 0, 0xfe, 0xff, ref rest @ ..] => (width(4, true), rest),
        [0xff, 0xfe, ref rest @ ..] => (width(2, false), rest),
        [0xfe, 0xff, ref rest @ ..] => (width(2, true), rest),
        [first, 0, 0, 0, ..] if starts(first) => (width(4, false), body),
        [0, 0, 0, first, ..] if starts(first) => (width(4, true), body),
        [first, 0, ..] if starts(first) => (width(2, false), body),
        [0, first, ..] if starts(first) => (width(2, true), body),
        [first, ..] => {
            let says = |word: &str| contains(content_type, word);
            let bytes = match () {
                () if says("utf-16") || says("utf16") || says("ucs-2") => 2,
                () if says("utf-32") || says("utf32") || says("ucs-4") => 4,
                () => return None,
            };
            let big_endian = first == 0 || says("utf-16be") || says("utf-32be");
            (width(bytes, big_endian), body)
        }
        [] => return None,
    })
}

/// Makes UTF-8 of it, as far as the budget reaches; what is no character becomes a mark.
fn narrow<V: Visitor>(sink: &mut Sink<'_, V>, width: Width, text: &[u8]) -> Vec<u8> {
    let (text, left) = text.split_at(text.len().min(sink.room.bytes));
    if !left.is_empty() {
        sink.gaps.add(Uninspected::OVER_BUDGET, left.len());
    }
    let code = |unit: &[u8]| {
        let add = |code: u32, byte: &u8| code << 8 | u32::from(*byte);
        if width.big_endian {
            unit.iter().fold(0, add)
        } else {
            unit.iter().rev().fold(0, add)
        }
    };
    let mut out = Vec::with_capacity(text.len() / width.bytes);
    let mut units = text.chunks_exact(width.bytes).map(code).peekable();
    while let Some(mut code) = units.next() {
        if width.bytes == 2 && (0xd800..0xdc00).contains(&code) {
            if let Some(low) = units.next_if(|low| (0xdc00..0xe000).contains(low)) {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out
}

/// Searches a header's value for a lower-case word, in any case.
fn contains(value: &[u8], word: &str) -> bool {
    value
        .windows(word.len())
        .any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_are_known() {
        for (body, content_type, want) in [
            (&b"{\0}\0"[..], "", Some((2, false))),
            (b"\0{\0}", "", Some((2, true))),
            (b"[\0\0\0]\0\0\0", "", Some((4, false))),
            (b"\0\0\0[\0\0\0]", "", Some((4, true))),
            (b"\xff\xfea\0", "", Some((2, false))),
            (b"\xfe\xff\0a", "", Some((2, true))),
            (b"\xff\xfe\0\0a\0\0\0", "", Some((4, false))),
            (b"\0\0\xfe\xff\0\0\0a", "", Some((4, true))),
            (b"x\0", "text/plain", None),
            (b"x\0", "text/plain; charset=UTF-16", Some((2, false))),
            (b"x=\0", "text/plain; charset=utf-16be", Some((2, true))),
            (b"\xff\xfe no null byte", "text/plain; charset=utf-16", None),
            (b"{}", "application/json; charset=utf-16", None),
        ] {
            let got = wide(body, content_type.as_bytes()).map(|(w, _)| (w.bytes, w.big_endian));
            assert_eq!(got, want, "{} {content_type}", body.escape_ascii());
        }
    }

    #[test]
    fn text_is_told_from_compressed_bytes() {
        for (body, want) in [
            (&b"a=b&c=' or 1=1\r\n"[..], Looks::Text),
            (b"caf\xe9", Looks::Text),
            (b"x^2", Looks::Mixed),
            (b"a=\x01&b=some more text than control bytes", Looks::Mixed),
            (b"x\x9cKLJ", Looks::Compressed),
            (b"\x1f\x8b\x08\0", Looks::Compressed),
            (b"\x28\xb5\x2f\xfd ", Looks::Compressed),
            (b"\x8b\x02\x80abc\x03", Looks::Compressed),
        ] {
            assert!(Looks::of(body) == want, "{}", body.escape_ascii());
        }
    }
}
