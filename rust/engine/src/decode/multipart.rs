//! multipart/form-data. The boundary is the body's own first line, so that a mismatch between
//! header and body hides nothing. Contents of files are not judged: their names are.

use super::{Sink, Value};
use crate::inspect::Part;
use memchr::memmem;

/// Tells whether a body of unknown type is multipart.
pub fn looks_like(body: &[u8]) -> bool {
    let head = &body[..body.len().min(512)];
    memmem::find(head, b"form-data").is_some()
}

/// Hands out the fields, and the names of files.
pub fn walk<V: FnMut(&Value<'_>)>(sink: &mut Sink<'_, V>, body: &[u8]) {
    let line = memchr::memchr(b'\n', body).unwrap_or(body.len());
    let boundary = body[..line].trim_ascii_end();
    if boundary.len() < 3 || !boundary.starts_with(b"--") {
        return sink.plain(Part::Body, b"", body);
    }
    let finder = memmem::Finder::new(boundary);
    let mut start = boundary.len();
    while start < body.len() {
        let rest = &body[start..];
        let end = finder.find(rest).unwrap_or(rest.len());
        field(sink, &rest[..end]);
        start += end + boundary.len();
    }
}

fn field<V: FnMut(&Value<'_>)>(sink: &mut Sink<'_, V>, field: &[u8]) {
    let field = field
        .strip_prefix(b"\r\n")
        .or(field.strip_prefix(b"\n"))
        .unwrap_or(field);
    let blank = memmem::find(field, b"\r\n\r\n").map(|at| (at, at + 4));
    let blank = blank.or_else(|| memmem::find(field, b"\n\n").map(|at| (at, at + 2)));
    let Some((head, content)) = blank else {
        // The end mark `--`, or a part without a head.
        if field.trim_ascii().len() > 2 {
            sink.plain(Part::Form, b"", field);
        }
        return;
    };
    let head = &field[..head];
    let name = parameter(head, b"name=").unwrap_or_default();
    if !super::url::is_plain(name) {
        sink.encoded(Part::Form, name, name, false);
    }
    match parameter(head, b"filename=") {
        Some(file) => sink.encoded(Part::Form, name, file, false),
        None => sink.plain(Part::Form, name, field[content..].trim_ascii_end()),
    }
}

/// Finds a parameter of Content-Disposition. `name=` must not be found in `filename=`.
fn parameter<'h>(head: &'h [u8], key: &[u8]) -> Option<&'h [u8]> {
    let at = memmem::find_iter(head, key).find(|at| {
        head[..*at]
            .last()
            .is_some_and(|b| !b.is_ascii_alphanumeric())
    })?;
    let value = &head[at + key.len()..];
    match value.strip_prefix(b"\"") {
        Some(quoted) => {
            let end = memchr::memchr(b'"', quoted).unwrap_or(quoted.len());
            Some(&quoted[..end])
        }
        None => {
            let end = memchr::memchr3(b';', b'\r', b'\n', value).unwrap_or(value.len());
            Some(value[..end].trim_ascii())
        }
    }
}
