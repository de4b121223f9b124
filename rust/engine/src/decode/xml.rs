//! XML: texts, CDATA and attribute values, named by their element or attribute.

use super::{html, Sink, Visitor};
use crate::inspect::Part;
use memchr::memmem;

/// Hands out texts and attribute values. Comments are passed over, and what is around them is one
/// text, as parsers have it; a DOCTYPE is handed out whole, since entities are declared there, and so are
/// processing instructions.
pub fn walk<V: Visitor>(sink: &mut Sink<'_, V>, xml: &[u8]) {
    let (mut buffer, mut joined) = (Vec::new(), Vec::new());
    let mut element: &[u8] = b"";
    let mut rest = xml;
    // References may spell full-width characters.
    sink.odd |= memmem::find(xml, b"&#").is_some();
    loop {
        let open = memchr::memchr(b'<', rest).unwrap_or(rest.len());
        html::undo(&rest[..open], &mut buffer);
        joined.extend_from_slice(&buffer);
        rest = &rest[open..];
        if let Some(cdata) = rest.strip_prefix(b"<![CDATA[") {
            let end = memmem::find(cdata, b"]]>").unwrap_or(cdata.len());
            joined.extend_from_slice(&cdata[..end]);
            rest = cdata.get(end + 3..).unwrap_or_default();
        } else if rest.starts_with(b"<!--") {
            rest = behind(rest, b"-->");
        } else if rest.starts_with(b"<?") {
            let after = behind(rest, b"?>");
            if !rest.starts_with(b"<?xml ") {
                sink.plain(Part::Body, b"?", &rest[..rest.len() - after.len()]);
            }
            rest = after;
        } else {
            let text = joined.trim_ascii();
            if !text.is_empty() {
                sink.plain(Part::Body, element, text);
            }
            joined.clear();
            if rest.is_empty() {
                return;
            } else if rest.starts_with(b"<!") {
                let after = behind(rest, b">");
                sink.plain(Part::Body, b"DOCTYPE", &rest[..rest.len() - after.len()]);
                rest = after;
            } else {
                rest = tag(sink, rest, &mut element, &mut buffer);
            }
        }
    }
}

/// Names where a described service is, in the place of its attribute's own name.
///
/// Source: Web Services Description Language 1.1, sections 3.8 and 4.4.
const ADDRESS: &[u8] = b"address.location";

/// Names what a picture takes in, in the place of its attribute's own name: whoever draws it fetches that.
///
/// Source: SVG 2, sections 5.6 (`use`), 12.3 (`image`); Filter Effects 1, section 9.14 (`feImage`).
pub const PICTURE: &[u8] = b"image.href";

/// The name under which an attribute is handed out.
fn named<'n>(element: &[u8], name: &'n [u8]) -> &'n [u8] {
    match (local(element), local(name)) {
        (b"address", b"location") if name == b"location" => ADDRESS,
        (b"image" | b"feImage" | b"use", b"href") => PICTURE,
        _ => name,
    }
}

fn local(element: &[u8]) -> &[u8] {
    element.rsplit(|b| *b == b':').next().unwrap_or(element)
}

fn behind<'x>(rest: &'x [u8], mark: &[u8]) -> &'x [u8] {
    memmem::find(rest, mark).map_or(b"", |at| &rest[at + mark.len()..])
}

/// Reads one tag, hands out its attributes, and returns what follows.
fn tag<'x, V: Visitor>(
    sink: &mut Sink<'_, V>,
    xml: &'x [u8],
    element: &mut &'x [u8],
    buffer: &mut Vec<u8>,
) -> &'x [u8] {
    let part = |b: &u8| !b.is_ascii_whitespace() && !matches!(b, b'=' | b'>' | b'"' | b'\'');
    let word = |at: usize| xml[at..].iter().take_while(|b| part(b)).count();
    let mut at = 1 + word(1);
    if xml.get(1) != Some(&b'/') {
        *element = &xml[1..at];
        // What turns XML into objects takes names for classes.
        if memchr::memchr_iter(b'.', element).count() > 1 {
            sink.plain(Part::Body, b"", element);
        }
    }
    let mut name: &[u8] = b"";
    while let Some(byte) = xml.get(at) {
        match byte {
            b'>' => return &xml[at + 1..],
            b'"' | b'\'' => {
                let value = &xml[at + 1..];
                let end = memchr::memchr(*byte, value).unwrap_or(value.len());
                html::undo(value[..end].trim_ascii(), buffer);
                if !buffer.is_empty() {
                    sink.plain(Part::Body, named(element, name), buffer);
                }
                at += end + 2;
            }
            _ if part(byte) => {
                let length = word(at);
                name = &xml[at..at + length];
                at += length;
            }
            _ => at += 1,
        }
    }
    b""
}
