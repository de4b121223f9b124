//! multipart/form-data, by the boundaries of the Content-Type header, or, where none of them
//! occurs, by the one that the body's first line looks like. What lies outside of all parts is
//! one value.
//!
//! Servers differ in what ends a part and in what makes it a file, so nothing is left out on one
//! reading alone: a boundary within a line opens a part besides the one that it stands in, and a
//! file is a part that all servers take for one. Of files, the name is judged, and a content that
//! looks like a field's, since some frameworks hand out both alike, or like a program for the
//! converter of pictures. Documents, sources and data are not: one in a hundred text files would be
//! a false alarm. They are counted, as beyond the budget.

use super::charset::Charset;
use super::parameters::{Parameter, Parameters};
use super::{encoded_word, url, Sink, Visitor};
use crate::inspect::Part;
use crate::verdict::Uninspected;
use memchr::memmem;

/// Longest content of a file that is judged. Units: bytes.
const FILE_BYTES: usize = 16 << 10;
/// Most readings of the header's boundary, each a pass over the body.
const BOUNDARIES: usize = 4;

/// Longest part in which there is nothing. Units: bytes.
const NOTHING: usize = 2;

/// Tells whether a body of unknown type is multipart.
pub fn looks_like(body: &[u8]) -> bool {
    let head = &body[..body.len().min(512)];
    body.starts_with(b"--") && memmem::find(head, b"form-data").is_some()
}

/// Hands out fields, names of files, contents that look like fields', and what lies outside of the parts.
/// Returns whether there was a part at all.
/// Cost: linear; a pass for each way to read the header's boundary, usually one.
pub fn walk<V: Visitor>(sink: &mut Sink<'_, V>, content_type: &[u8], body: &[u8]) -> bool {
    let mut found = false;
    let charset = Charset::named(b"", content_type);
    for delimiter in delimiters(content_type) {
        if let Some(preamble) = parts(sink, body, &delimiter, charset) {
            found = true;
            if preamble.trim_ascii().is_empty() {
                continue;
            }
            let inner = preamble.trim_ascii_start();
            if !looks_like(inner) || !guessed(sink, inner, charset) {
                sink.plain(Part::Body, b"", preamble);
            }
        }
    }
    found || guessed(sink, body, charset)
}

/// Reads by the boundary that the first line looks like. Returns whether it is one.
fn guessed<V: Visitor>(sink: &mut Sink<'_, V>, body: &[u8], charset: Charset) -> bool {
    let line = memchr::memchr(b'\n', body).unwrap_or(body.len());
    let delimiter = body[..line].trim_ascii_end();
    // The first line is a delimiter, so there is no preamble.
    delimiter.len() > 2
        && delimiter.starts_with(b"--")
        && parts(sink, body, delimiter, charset).is_some()
}

/// Lists what the header's boundary may be: the first and the last one where there are several,
/// to a comma or not, its backslashes taken away or not.
fn delimiters(content_type: &[u8]) -> Vec<Vec<u8>> {
    let named = |p: &Parameter<'_>| {
        let start = p.key.len().saturating_sub(b"boundary".len());
        p.key[start..].eq_ignore_ascii_case(b"boundary")
    };
    let mut all = Parameters::new(content_type).filter(named);
    let first = all.next();
    let last = all.last();
    let mut out: Vec<Vec<u8>> = Vec::new();
    for boundary in [first, last].into_iter().flatten().map(|p| p.value) {
        let comma = memchr::memchr(b',', boundary).unwrap_or(boundary.len());
        let bare = memchr::memchr(b'\\', boundary).map(|_| unescaped(boundary));
        for spelled in [Some(boundary), bare.as_deref(), Some(&boundary[..comma])] {
            let Some(spelled) = spelled.filter(|s| !s.is_empty()) else {
                continue;
            };
            let delimiter = [b"--", spelled].concat();
            if out.len() < BOUNDARIES && !out.contains(&delimiter) {
                out.push(delimiter);
            }
        }
    }
    out
}

fn unescaped(quoted: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(quoted.len());
    let mut rest = quoted.iter();
    while let Some(byte) = rest.next() {
        let escaped = if *byte == b'\\' { rest.next() } else { None };
        out.push(*escaped.unwrap_or(byte));
    }
    out
}

/// What a delimiter opens.
#[derive(Clone, Copy, PartialEq)]
enum Opens {
    Part,
    /// The end mark: text outside of all parts, though some servers read on.
    Nothing,
}

/// Hands out all but the preamble, and returns that; `None` when no line is the delimiter.
fn parts<'b, V: Visitor>(
    sink: &mut Sink<'_, V>,
    body: &'b [u8],
    delimiter: &[u8],
    charset: Charset,
) -> Option<&'b [u8]> {
    let mut lines = Lines { crlf: None };
    let mut preamble = None;
    // Since the last line that is the delimiter.
    let (mut from, mut opened) = (0, Opens::Nothing);
    // Since the last delimiter within a line, if that came later.
    let mut piece = None;
    let hits = memmem::find_iter(body, delimiter).map(|at| (at, at + delimiter.len()));
    for (at, after) in hits.chain([(body.len(), body.len())]) {
        if at < from {
            // Within the rest of a delimiter's line.
            continue;
        }
        if let Some(piece) = piece.take() {
            field(sink, &body[piece..at], None, charset);
        }
        let line = if at == body.len() {
            Some((at, Opens::Nothing))
        } else {
            lines.delimits(body, at, after)
        };
        let Some((next, opens)) = line else {
            piece = Some(after);
            continue;
        };
        let text = &body[from..at];
        match opened {
            _ if preamble.is_none() && at == body.len() => return None,
            _ if preamble.is_none() => {
                preamble = Some(text);
                if !url::is_plain(delimiter) {
                    sink.plain(Part::Body, b"", delimiter);
                }
            }
            Opens::Part => field(sink, text, lines.crlf, charset),
            Opens::Nothing if text.trim_ascii().is_empty() => {}
            Opens::Nothing => sink.plain(Part::Body, b"", text),
        }
        (from, opened) = (next, opens);
    }
    preamble
}

/// Line ends, which must be those of the first delimiter.
struct Lines {
    crlf: Option<bool>,
}

impl Lines {
    /// Tells whether a delimiter is a line of its own for all servers; if so, what it opens and
    /// where that starts.
    fn delimits(&mut self, body: &[u8], at: usize, after: usize) -> Option<(usize, Opens)> {
        let rest = &body[after..];
        let (rest, opens) = match rest.strip_prefix(b"--") {
            Some(rest) => (rest, Opens::Nothing),
            None => (rest, Opens::Part),
        };
        let blanks = rest
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t'))
            .count();
        let end = body.len() - rest.len() + blanks;
        let (length, crlf) = match &rest[blanks..] {
            [b'\r', b'\n', ..] => (2, Some(true)),
            [b'\n', ..] => (1, Some(false)),
            [] => (0, None),
            _ => return None,
        };
        let before = match &body[..at] {
            [.., b'\r', b'\n'] => Some(true),
            [.., b'\n'] => Some(false),
            [] => None,
            _ => return None,
        };
        for style in [before, crlf].into_iter().flatten() {
            if *self.crlf.get_or_insert(style) != style {
                return None;
            }
        }
        Some((end + length, opens))
    }
}

/// Hands out one part. `crlf` tells its line ends, `None` that servers differ in where it starts; `charset`
/// is that of the whole body.
fn field<V: Visitor>(sink: &mut Sink<'_, V>, part: &[u8], crlf: Option<bool>, charset: Charset) {
    // The end mark `--`, or an empty line.
    if part.len() <= NOTHING {
        return;
    }
    let Some((head, content)) = split(part) else {
        // A part without a head.
        if part.trim_ascii().len() > NOTHING {
            sink.plain(Part::Form, b"", part);
        }
        return;
    };
    let one_reading = crlf.is_some_and(|crlf| ends_alike(head, crlf));
    let head = Head::read(sink, head);
    let text = content.trim_ascii_end();
    if head.is_quoted && !head.is_file {
        let mut undone = Vec::with_capacity(text.len());
        encoded_word::quoted(text, false, &mut undone);
        sink.plain(Part::Form, head.name, &undone);
    }
    if !head.is_file {
        for undone in head.charset.or(charset).readings(text) {
            sink.plain(Part::Form, head.name, &undone);
        }
    }
    if !one_reading || !head.is_file || is_value(text) {
        sink.plain(Part::Form, head.name, text);
    } else if let Some(program) = program(text) {
        let (read, rest) = program.split_at(program.len().min(FILE_BYTES));
        sink.plain(Part::Form, head.name, read);
        if !rest.is_empty() {
            sink.gaps.add(Uninspected::OVER_BUDGET, rest.len());
        }
    } else {
        sink.gaps.add(Uninspected::OVER_BUDGET, content.len());
    }
}

/// Tells where a file is a program, whatever its name is: one for the converter of pictures, or PHP
/// within a picture.
fn program(text: &[u8]) -> Option<&[u8]> {
    const PICTURES: [&[u8]; 3] = [b"GIF8", b"\x89PNG", b"\xff\xd8\xff"];
    let starts = |magic: &&[u8]| text.starts_with(magic);
    if [&b"%!PS"[..], b"push graphic-context"].iter().any(starts) {
        return Some(text);
    }
    if !PICTURES.iter().any(starts) {
        return None;
    }
    let opens = |at: &usize| {
        text[*at..]
            .get(..5)
            .is_some_and(|tag| tag.eq_ignore_ascii_case(b"<?php"))
    };
    let at = memmem::find_iter(text, b"<?").find(opens)?;
    Some(&text[at..])
}

/// Tells whether a file's content looks like a field's: one short line of text, or short JSON.
fn is_value(text: &[u8]) -> bool {
    let json = matches!(text, [b'{', .., b'}'] | [b'[', .., b']']);
    text.len() <= FILE_BYTES
        && memchr::memchr(0, text).is_none()
        && (json || memchr::memchr2(b'\r', b'\n', text).is_none())
}

/// Splits a part at its first empty line, whatever the line ends are. The head keeps that line.
fn split(part: &[u8]) -> Option<(&[u8], &[u8])> {
    // Behind a delimiter within a line, the line's end is still there.
    let mut start = match part {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => 0,
    };
    let from = start;
    for end in memchr::memchr_iter(b'\n', part).skip_while(|end| *end < from) {
        if matches!(&part[start..end], [] | [b'\r']) {
            return Some(part.split_at(end + 1));
        }
        start = end + 1;
    }
    None
}

/// Tells whether all lines end in CRLF, or all in LF, with no CR elsewhere.
fn ends_alike(head: &[u8], crlf: bool) -> bool {
    head.split_inclusive(|b| *b == b'\n').all(|line| {
        let returns = memchr::memchr_iter(b'\r', line).count();
        returns == usize::from(crlf) && line.ends_with(b"\r\n") == crlf
    })
}

/// What a part's head says.
#[derive(Default)]
struct Head<'h> {
    name: &'h [u8],
    /// Whether all servers take the part for a file: one Content-Disposition with a file name,
    /// in a spelling that is read in one way only.
    is_file: bool,
    /// Whether the content is quoted-printable, which some servers undo.
    is_quoted: bool,
    charset: Charset,
}

impl<'h> Head<'h> {
    /// Reads a head, and hands out its names and what else could carry something.
    fn read<V: Visitor>(sink: &mut Sink<'_, V>, head: &'h [u8]) -> Head<'h> {
        let mut out = Head::default();
        let (mut count, mut odd) = (0, false);
        let mut continues = false;
        let lines = head.split(|b| *b == b'\n');
        for line in lines.map(|l| l.strip_suffix(b"\r").unwrap_or(l)) {
            if line.is_empty() {
                continue;
            }
            let folded = matches!(line, [b' ' | b'\t', ..]);
            odd |= folded;
            let (key, value) = match memchr::memchr(b':', line) {
                Some(colon) if !folded => (&line[..colon], &line[colon + 1..]),
                _ => (&b""[..], line),
            };
            if !folded {
                continues = key
                    .trim_ascii()
                    .eq_ignore_ascii_case(b"Content-Disposition");
                count += u32::from(continues);
                odd |= continues && key.trim_ascii().len() != key.len();
            }
            if !continues {
                out.is_quoted |= value.trim_ascii().eq_ignore_ascii_case(b"quoted-printable");
                if key.trim_ascii().eq_ignore_ascii_case(b"Content-Type") {
                    out.charset = Charset::named(b"", value).or(out.charset);
                }
                sink.plain(Part::Form, key, value.trim_ascii());
                continue;
            }
            let mut parameters = Parameters::new(value);
            for Parameter { key, value } in parameters.by_ref() {
                let is = |other: &[u8]| key.eq_ignore_ascii_case(other);
                if is(b"name") {
                    if out.name.is_empty() {
                        out.name = value;
                    }
                    if !url::is_plain(value) {
                        sink.encoded(Part::Form, value, value, false);
                    }
                } else if is(b"filename") || is(b"filename*") {
                    // Some servers take a part with an empty file name for a field.
                    out.is_file |= is(b"filename") && !value.is_empty();
                    sink.encoded(Part::File, out.name, value, false);
                }
            }
            odd |= parameters.odd;
        }
        out.is_file &= count == 1 && !odd;
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_read_in_all_their_ways() {
        for (header, want) in [
            ("multipart/form-data; boundary=a", &["--a"][..]),
            ("multipart/form-data;Boundary=\"a;b\"", &["--a;b"]),
            (
                "multipart/form-data; boundary=\"a\\b\"",
                &["--a\\b", "--ab"],
            ),
            ("multipart/form-data; boundary=a,b", &["--a,b", "--a"]),
            (
                "multipart/form-data; xboundary=a; boundary=b; boundary=c",
                &["--a", "--c"],
            ),
            ("multipart/form-data; boundary=\"\"; charset=boundary", &[]),
            ("multipart/form-data", &[]),
        ] {
            let want: Vec<Vec<u8>> = want.iter().map(|w| w.as_bytes().to_vec()).collect();
            assert_eq!(delimiters(header.as_bytes()), want, "{header}");
        }
    }
}
