//! Attributes of tags: how a browser reads them, and what their names and values run or load.

use super::disguise::hides_host;
use super::event::is_event;
use super::markup::{find, is, skip, starts};
use super::script::runs;
use crate::decode::html;
use crate::inspect::detector::Report;

/// One attribute: name and value, without quotes.
pub struct Attribute<'t> {
    pub name: &'t [u8],
    pub value: &'t [u8],
    /// Whether an equals sign follows the name.
    assigned: bool,
}

/// What a tag's name says of its attributes' values, beside what they say themselves.
#[derive(Clone, Copy, PartialEq)]
pub enum Sort {
    Link,
    /// Pictures and the like.
    Media,
    Other,
}

impl Sort {
    pub fn of(tag: &[u8]) -> Sort {
        let is_any = |names: &[&[u8]]| names.iter().any(|name| is(tag, name));
        match () {
            () if is(tag, b"a") => Sort::Link,
            () if is_any(&[b"img", b"source", b"image"]) => Sort::Media,
            () => Sort::Other,
        }
    }
}

/// Longest value between backticks. Units: bytes.
const LONGEST: usize = 256;

/// Reads the next attribute of a tag. `None` at its end.
pub fn read(text: &[u8]) -> Option<(Attribute<'_>, &[u8])> {
    let text = skip(text, |b| {
        b <= b' ' || matches!(b, b'/' | b'"' | b'\'' | b'\\')
    });
    if matches!(text.first()?, b'>') {
        return None;
    }
    let end = |b: &u8| *b <= b' ' || matches!(b, b'=' | b'>' | b'/');
    // A name may start with an equals sign.
    let length = 1 + text[1..].iter().position(end).unwrap_or(text.len() - 1);
    let (name, rest) = text.split_at(length);
    let after = skip(rest, |b| b <= b' ');
    let Some(value) = after.strip_prefix(b"=") else {
        return Some((
            Attribute {
                name,
                value: b"",
                assigned: false,
            },
            rest,
        ));
    };
    let value = skip(value, |b| b <= b' ');
    let bare = |value: &[u8]| {
        let end = |b: &u8| *b <= b' ' || *b == b'>';
        value.iter().position(end).unwrap_or(value.len())
    };
    let (value, rest) = match value.first() {
        // No quote to browsers, which read on within it, but to old ones.
        Some(b'`') => {
            let inner = &value[1..];
            let near = &inner[..inner.len().min(LONGEST)];
            let end = memchr::memchr(b'`', near).unwrap_or_else(|| bare(inner));
            (&inner[..end], &value[bare(value)..])
        }
        Some(quote @ (b'"' | b'\'')) => {
            let inner = &value[1..];
            let end = memchr::memchr(*quote, inner).unwrap_or(inner.len());
            (&inner[..end], inner.get(end + 1..).unwrap_or_default())
        }
        _ => value.split_at(bare(value)),
    };
    let attribute = Attribute {
        name,
        value,
        assigned: true,
    };
    Some((attribute, rest))
}

/// Judges one, of a tag of that sort.
pub fn judge(tag: Sort, attribute: &Attribute<'_>, report: &mut Report<'_>) {
    let Attribute {
        name,
        value,
        assigned,
    } = attribute;
    if *assigned
        && !is_idle(value)
        && starts(name, b"on")
        && name.len() > 4
        && name[2..].iter().all(u8::is_ascii_alphabetic)
    {
        let score = if is_event(&name[2..]) { 0.9 } else { 0.6 };
        report.add("xss.event_handler", score);
    }
    let garbled =
        event_prefix(name).is_some_and(|e| name.len() > e && !name[e].is_ascii_alphanumeric());
    if garbled && name[2..].iter().any(|b| b.is_ascii_punctuation()) {
        report.add("xss.event_handler", 0.6);
    }
    let mut plain = Vec::new();
    let references = memchr::memchr(b'&', value).is_some() && html::undo(value, &mut plain);
    let value = if references { plain.as_slice() } else { value };
    let body = skip(value, |b| b <= b' ');
    let remote = tag != Sort::Other;
    match () {
        () if runs(body) => report.add("xss.script_url", 0.9),
        () if is(name, b"attributename") && starts(body, b"on") => {
            report.add("xss.event_handler", 0.8);
        }
        // Pictures animate colours and places; what changes a link waits for a click.
        () if is(name, b"attributename") && find(body, b"href") => report.add("xss.tag", 0.6),
        () if is(name, b"xlink:href")
            && tag == Sort::Link
            && memchr::memmem::find(body, b"//").is_some() =>
        {
            report.add("xss.tag", 0.5);
        }
        () if is(name, b"href") && hides_host(value) => report.add("xss.link", 0.55),
        () if is(name, b"datasrc") || is(name, b"dataformatas") => report.add("xss.tag", 0.65),
        () if is(name, b"srcdoc") => report.add("xss.srcdoc", 0.8),
        () if !remote && starts(body, b"data:") && !starts(body, b"data:image/") => {
            report.add("xss.data_url", 0.8);
        }
        () if starts(body, b"data:text/html") || starts(body, b"data:image/svg") => {
            report.add("xss.data_url", 0.8);
        }
        () if is(name, b"style") => style(value, report),
        () if is(name, b"content") && find(value, b"url=") && hides_script(value) => {
            report.add("xss.script_url", 0.9);
        }
        // `values="a;javascript:..."`, `srcset`, `to`: lists of URLs.
        () if hides_script(value)
            && !starts(body, b"javascript:")
            && memchr::memchr2(b'(', b'`', value).is_some() =>
        {
            report.add("xss.script_url", 0.7);
        }
        () => {}
    }
}

/// Tells a handler in a bracket that names a function and calls none, or that does not end, as
/// components have it: of `onClick={() => open(true)}` a browser reads `{()`, which is no program.
pub fn is_idle(value: &[u8]) -> bool {
    let Some(inside) = value.strip_prefix(b"{") else {
        return false;
    };
    let path = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.');
    let named = inside.strip_suffix(b"}").unwrap_or(inside);
    named.iter().all(path) || memchr::memchr2(b'}', b'&', inside).is_none()
}

/// Measures `on` and an event's letters at the start of a name.
fn event_prefix(name: &[u8]) -> Option<usize> {
    let letters = name.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let event = name.get(2..letters).filter(|_| starts(name, b"on"))?;
    (event.len() > 2 && is_event(event)).then_some(letters)
}

fn hides_script(value: &[u8]) -> bool {
    find(value, b"javascript:") || find(value, b"vbscript:") || find(value, b"data:text/html")
}

fn style(value: &[u8], report: &mut Report<'_>) {
    // Comments and backslashes are dropped by old style sheets' readers.
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if rest.first() == Some(&b'*') && *byte == b'/' {
            let end = memchr::memmem::find(&rest[1..], b"*/").map_or(rest.len(), |at| at + 3);
            rest = &rest[end..];
        } else if *byte != b'\\' && *byte > b' ' {
            plain.push(*byte);
        }
    }
    let escaped = memchr::memchr_iter(b'\\', value)
        .filter(|at| value.get(at + 1).is_some_and(u8::is_ascii_hexdigit))
        .count();
    if escaped > 2 {
        report.add("xss.style", 0.7);
    }
    for word in [
        &b"binding:url("[..],
        b"expression(",
        b"javascript:",
        b"vbscript:",
        b"-moz-binding",
        b"behavior:url",
        b"behaviour:",
    ] {
        if find(&plain, word) {
            return report.add("xss.style", 0.8);
        }
    }
}
