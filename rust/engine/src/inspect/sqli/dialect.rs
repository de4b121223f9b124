//! Operators and casts that single databases have, and that pass filters which know only the
//! older half of SQL.
//!
//! Source: the manuals of PostgreSQL (JSON functions, type casts) and SQLite.

/// Longest value that is looked at for them. Units: bytes.
const COMPARED: usize = 512;

/// `'{"a":1}'::jsonb @> '{}'`: a cast of a string to JSON, and an operator on it. It passes filters
/// that know only the older half of SQL.
pub(super) fn extracts(text: &[u8]) -> bool {
    if memchr::memchr(b':', text).is_none() {
        return false;
    }
    let Some(at) = memchr::memmem::find(text, b"'::json") else {
        return false;
    };
    let rest = &text[at + 7..];
    let rest = rest.strip_prefix(b"b").unwrap_or(rest).trim_ascii_start();
    let quotes = memchr::memchr(b'\'', rest).is_some();
    !selects(text)
        && matches!(
            rest.first(),
            Some(b'-' | b'#' | b'@' | b'<' | b'>' | b'?' | b'|')
        )
        && quotes
}

/// Tells a statement that is sent whole.
fn selects(text: &[u8]) -> bool {
    let first = text.trim_ascii_start().get(..6);
    first.is_some_and(|word| word.eq_ignore_ascii_case(b"select"))
}

/// `'{"a":2}' > '$.a'`: JSON in a string, and an operator on it.
pub(super) fn compares(text: &[u8]) -> bool {
    let lead = text.iter().take(24).position(|b| *b == b'\'');
    let document =
        lead.filter(|at| !selects(text) && matches!(text.get(at + 1), Some(b'{' | b'[')));
    let Some(from) = document.filter(|_| text.len() <= COMPARED) else {
        return false;
    };
    let end = [&b"}'"[..], b"]'"]
        .iter()
        .find_map(|end| memchr::memmem::find(&text[from..], end));
    let rest = end.map_or(&b""[..], |at| text[from + at + 2..].trim_ascii_start());
    let operator = rest
        .iter()
        .take_while(|b| {
            matches!(
                b,
                b'-' | b'>' | b'<' | b'@' | b'?' | b'#' | b'=' | b'|' | b'&'
            )
        })
        .count();
    let operand = rest[operator..].trim_ascii_start().first();
    operator > 0 && operand.is_some_and(|b| *b == b'\'' || b.is_ascii_alphanumeric())
}

/// `password::int`: a cast to a type of PostgreSQL at the value's end, which fails aloud.
pub(super) fn casts(text: &[u8]) -> bool {
    const TYPES: [&[u8]; 12] = [
        b"int",
        b"int4",
        b"int8",
        b"integer",
        b"bigint",
        b"text",
        b"varchar",
        b"numeric",
        b"json",
        b"jsonb",
        b"regclass",
        b"bytea",
    ];
    if text.len() > COMPARED || memchr::memchr(b':', text).is_none() {
        return false;
    }
    let Some(at) = memchr::memmem::rfind(text, b"::") else {
        return false;
    };
    let of = text[..at].last();
    let value = of.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b')' | b'\''));
    value
        && !selects(text)
        && TYPES
            .iter()
            .any(|t| text[at + 2..].trim_ascii().eq_ignore_ascii_case(t))
}
