//! Name-value pairs of queries and urlencoded forms, and URLs within headers.

use super::{Sink, Visitor};
use crate::inspect::Part;

/// Hands out `name=value&...`. A name that could carry something is a value of its own; a pair
/// without a name, or without a value, is one value.
pub fn pairs<V: Visitor>(sink: &mut Sink<'_, V>, part: Part, text: &[u8]) {
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memchr(b'&', rest).unwrap_or(rest.len());
        let (pair, tail) = rest.split_at(end);
        rest = tail.get(1..).unwrap_or_default();
        match memchr::memchr(b'=', pair) {
            Some(equals) => {
                let (name, value) = (&pair[..equals], &pair[equals + 1..]);
                if !is_plain(name) {
                    sink.encoded(part, name, name, true);
                }
                if !value.is_empty() {
                    sink.encoded(part, name, value, true);
                }
            }
            None if pair.is_empty() => {}
            None => sink.encoded(part, pair, pair, true),
        }
    }
}

/// Tells whether a name is of the common kind, in which nothing can hide.
pub fn is_plain(name: &[u8]) -> bool {
    !super::kind::is_class(name)
        && name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'[' | b']'))
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
