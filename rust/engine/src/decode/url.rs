//! Name-value pairs of queries, urlencoded forms and cookies, and URLs within headers.

use super::kind;
use super::marked::Marked;
use super::{Sink, Visitor};
use crate::inspect::Part;
use threat_agent_scan::Marks;

/// A name or a value as it stands.
#[derive(Clone, Copy)]
pub struct Field<'t> {
    pub bytes: &'t [u8],
    /// Whether it is of letters, digits, underscores, and single points and hyphens.
    pub plain: bool,
}

impl Field<'_> {
    /// Tells whether it is a name of the common kind, in which nothing can hide.
    pub fn is_common(&self) -> bool {
        if self.plain {
            !kind::is_class(self.bytes) && inner(self.bytes).is_none()
        } else {
            is_plain(self.bytes)
        }
    }
}

/// The pairs of a text: a name, and a value behind an equals sign.
pub struct Pairs<'t> {
    text: &'t [u8],
    marked: Marked<'t>,
    at: usize,
}

impl<'t> Pairs<'t> {
    /// Shape: what stands between pairs; the marks lie in `marks`.
    pub fn new(text: &'t [u8], between: u8, marks: &'t mut Vec<Marks>) -> Pairs<'t> {
        Pairs {
            text,
            marked: Marked::new(text, kind::PAIRS, None, [between, b'='], marks),
            at: 0,
        }
    }

    /// Passes over blanks before the next pair.
    pub fn skip_blanks(&mut self) {
        let rest = &self.text[self.at.min(self.text.len())..];
        self.at += rest.len() - rest.trim_ascii_start().len();
    }

    fn equals(&self, at: usize) -> bool {
        self.text.get(at) == Some(&b'=')
    }

    fn field(&self, from: usize, end: usize, hot: bool) -> Field<'t> {
        Field {
            bytes: &self.text[from..end],
            plain: !hot,
        }
    }
}

impl<'t> Iterator for Pairs<'t> {
    type Item = (Field<'t>, Option<Field<'t>>);

    fn next(&mut self) -> Option<Self::Item> {
        let from = self.at;
        if from >= self.text.len() {
            return None;
        }
        let (end, hot) = self.marked.run(from);
        let name = self.field(from, end, hot);
        self.at = end + 1;
        if !self.equals(end) {
            return Some((name, None));
        }
        let from = self.at;
        let (mut end, mut hot) = self.marked.run(from);
        // Another equals sign is the value's.
        while self.equals(end) {
            hot = true;
            end = self.marked.run(end + 1).0;
        }
        self.at = end + 1;
        Some((name, Some(self.field(from, end, hot))))
    }
}

/// Hands out `name=value&...`. A name that could carry something is a value of its own; a pair
/// without a name, or without a value, is one value.
pub fn pairs<V: Visitor>(sink: &mut Sink<'_, V>, part: Part, text: &[u8]) {
    let mut marks = std::mem::take(sink.marks);
    for (name, value) in Pairs::new(text, b'&', &mut marks) {
        match value {
            Some(value) => {
                if !name.is_common() {
                    let telling = if name.plain {
                        told(name.bytes)
                    } else {
                        name.bytes
                    };
                    sink.encoded(part, name.bytes, telling, true);
                }
                let passes = |sink: &mut Sink<'_, V>| {
                    value.plain && sink.passes(part, name.bytes, value.bytes)
                };
                if !(value.bytes.is_empty() || passes(sink)) {
                    sink.encoded(part, name.bytes, value.bytes, true);
                }
            }
            None if name.bytes.is_empty() => {}
            None => sink.encoded(part, name.bytes, name.bytes, true),
        }
    }
    *sink.marks = marks;
}

/// Tells whether a name is of the common kind, in which nothing can hide.
pub fn is_plain(name: &[u8]) -> bool {
    !super::kind::is_class(name)
        && inner(name).is_none()
        && name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'[' | b']'))
}

/// Finds a part of a name behind its first that may be a class or a prototype: `a[__proto__][b]`.
/// Names are so short that a search by vectors takes longer than a look at each byte.
fn inner(name: &[u8]) -> Option<usize> {
    let ends = |at: &usize| matches!(name[*at - 1], b'[' | b'.');
    (1..=name.len())
        .filter(ends)
        .find(|at| kind::is_class(&name[*at..]))
}

/// Takes what a plain name tells: from that part on, or all.
fn told(name: &[u8]) -> &[u8] {
    let from = inner(name).filter(|_| !kind::is_class(name));
    &name[from.unwrap_or(0)..]
}

/// Hands out a URL: what stands before the query, and the query's pairs, all under one name.
pub fn whole<V: Visitor>(sink: &mut Sink<'_, V>, part: Part, name: &[u8], text: &[u8]) {
    let end = memchr::memchr(b'?', text).unwrap_or(text.len());
    let (before, query) = text.split_at(end);
    sink.encoded(part, name, before, false);
    for pair in query.get(1..).unwrap_or_default().split(|b| *b == b'&') {
        let value = match memchr::memchr(b'=', pair) {
            Some(equals) if is_plain(&pair[..equals]) => &pair[equals + 1..],
            _ => pair,
        };
        if !value.is_empty() {
            sink.encoded(part, name, value, true);
        }
    }
}
